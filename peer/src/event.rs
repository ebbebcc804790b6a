//! What is reported to the user: the third of the three vocabularies.
//!
//! Every front shows the same events; JSON lines print them as they are, tagged by `event`.
//! Amounts are minor units with the currency beside them; times are RFC 3339.

mod mail;
mod queries;

use std::time::Duration;

use pregao_protocol::letter::Mode;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::{Amount, DutchTerms, StartPrice};
use pregao_protocol::room::disclosure::Attribute;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::{Report, with_or_without_advice};
use serde::{Deserialize, Serialize};

use crate::text::sanitize::{apart, sanitize, shortened};
pub use mail::{
    BoxStateView, ContactView, DraftFile, DraftView, FileView, LetterStanding, LetterView,
    PersonView, ReadView, RegisteredView, RoomModeView, StatusView, WhoView,
};
pub use queries::{BidStanding, BidView, BidsView, CheckVerdict, CheckView};

/// How the words begin that say that a puzzle is being solved: whoever reads them may give it up.
pub const SOLVING: &str = "solving a puzzle";

/// Something that happened, as told to the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A session with the broker exists.
    Connected {
        /// Fingerprint of the broker's session key, as pinned.
        broker: Fingerprint,
        /// Fingerprint of the persona in use.
        persona: Fingerprint,
        /// The negotiated suite, e.g. `25519_AESGCM_SHA256`.
        suite: String,
        /// Whether TSA and CA run in simulated time.
        simulated: bool,
    },
    /// The session ended; another is tried by itself unless `retry_in_ms` is absent.
    Disconnected {
        /// What happened.
        reason: String,
        /// When the next attempt starts.
        retry_in_ms: Option<u64>,
    },
    /// A verified batch header arrived: the TSA's time.
    Tick {
        /// TSA time.
        time: Time,
        /// When it came, by the uptime of the desk's host; of this process only.
        #[serde(skip)]
        at: Duration,
    },
    /// The broker is there, but for seconds no time of the TSA has come: nothing can be stamped until the next tick.
    TsaDown(Report),
    /// A room appeared or changed. Sent for every change of what it shows.
    Room(RoomView),
    /// A bid is in the log.
    Bid {
        /// Room.
        room: String,
        /// Position in the log.
        seq: u64,
        /// Minor units.
        amount: u64,
        /// Currency of the room.
        currency: String,
        /// The paddle under which it was made, if it is under one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paddle: Option<String>,
        /// Stamp time.
        time: Time,
        /// Whether it is the user's own.
        own: bool,
    },
    /// Something was said in a room.
    Said {
        /// Room.
        room: String,
        /// Position in the log.
        seq: u64,
        /// Short form of the one-time key: a name used once.
        author: String,
        /// What was said. May hold any characters but controls.
        text: String,
        /// Stamp time.
        time: Time,
        /// Whether it is the user's own.
        own: bool,
    },
    /// One of the two of a private room said something there that the other alone reads.
    SaidPrivately {
        /// Room.
        room: String,
        /// Position in the log.
        seq: u64,
        /// Who said it.
        author: Role,
        /// What was said. May hold any characters but controls other than line feeds. Absent if it cannot be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Whom it convinces: `evidence` everybody, `deniable` its reader alone. Absent if it cannot be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<Mode>,
        /// Name of the box that its author gave with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contact: Option<RoomName>,
        /// Why it cannot be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trouble: Option<String>,
        /// Stamp time.
        time: Time,
        /// Whether it is the user's own.
        own: bool,
    },
    /// Answers `paddles`: who bids under which name in an auction.
    Paddles {
        /// Room.
        room: String,
        /// By which beginning of its name it is called.
        short: String,
        /// Currency of the room.
        currency: String,
        /// How many bids are under no paddle.
        others: u64,
        /// Every paddle, in the order of their names.
        paddles: Vec<PaddleView>,
    },
    /// Anything else that happened in a room: closed, settled, forfeited, revealed …
    Happened {
        /// Room.
        room: String,
        /// Position in the log.
        seq: u64,
        /// Verb of the entry.
        verb: String,
        /// In words.
        text: String,
        /// Stamp time.
        time: Time,
    },
    /// The user is one of the two in a reveal room: `reveal` hands in the disclosure.
    Invited {
        /// The reveal room.
        room: String,
        /// By which beginning of its name it is called.
        short: String,
        /// Its auction.
        auction: String,
        /// The auction's title.
        title: String,
        /// `seller` or `winner`.
        role: Role,
        /// Price in minor units.
        price: u64,
        /// Currency.
        currency: String,
        /// Until when both must have disclosed.
        deadline: Time,
    },
    /// The counterparty's disclosure was opened and every part of it verified.
    Revealed {
        /// The reveal room.
        room: String,
        /// Its auction.
        auction: String,
        /// The counterparty's role.
        role: Role,
        /// Name as typed by the counterparty.
        name: String,
        /// Contact as typed by the counterparty.
        contact: String,
        /// Fingerprint of the counterparty's persona.
        persona: Fingerprint,
        /// E.g. `verified: this is who won`.
        verdict: String,
        /// The citizen card that signed it; absent if none did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        card: Option<CardView>,
    },
    /// A room is called by a longer beginning of its name from now on, because another begins alike.
    Called {
        /// Room.
        room: String,
        /// The beginning of its name by which it is called.
        short: String,
    },
    /// The broker accepted an action and its receipt was verified and kept.
    Receipt(ReceiptView),
    /// A command was refused, by the broker or before it was sent.
    Refused {
        /// The `id` given with the command, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Why, and what to do next.
        #[serde(flatten)]
        report: Report,
        /// What was refused, and in which room.
        #[serde(flatten)]
        of: ActView,
    },
    /// Something that arrived does not verify: the broker or the TSA may be cheating.
    Alarm {
        /// Room, if it concerns one.
        room: Option<String>,
        /// By which beginning of its name that room is called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        short: Option<String>,
        /// What does not hold.
        message: String,
        /// What to do next.
        advice: String,
    },
    /// Answer to `items`.
    Items {
        /// Every auction known that was asked for, in the order in which they were listed.
        rooms: Vec<RoomView>,
        /// How many older ones were left out.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
    },
    /// Answer to `mine`.
    Mine {
        /// Auctions the user listed or bid in, in the order in which they were listed.
        rooms: Vec<RoomView>,
        /// How many older ones were left out.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
    },
    /// Answer to `bids`.
    Bids {
        /// The `id` of the command that it answers, if any: it may wait for a log, and others be answered before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Which bids.
        #[serde(flatten)]
        shown: BidsView,
    },
    /// Answer to `check`.
    Checked {
        /// The `id` of the command that it answers, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Every receipt that was compared, the newest last.
        receipts: Vec<CheckView>,
        /// How many older ones were left out.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
    },
    /// Answer to `whoami`.
    Whoami(Trust),
    /// Answer to `receipts`.
    Receipts {
        /// Every receipt held, re-checked.
        receipts: Vec<ReceiptView>,
    },
    /// A letter came, or one changed its standing.
    Letter(LetterView),
    /// Answer to `mail`, `new` and `search`.
    Mail {
        /// The `id` of the command that it answers, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The letters, the newest last.
        letters: Vec<LetterView>,
        /// How many older ones were left out.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
        /// How many are not read, of all.
        unread: u64,
    },
    /// Answer to `read`.
    Read {
        /// The `id` of the command that it answers, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The letter.
        #[serde(flatten)]
        shown: Box<ReadView>,
    },
    /// Answer to `people`.
    People {
        /// The `id` of the command that it answers, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Who wants to be found.
        people: Vec<PersonView>,
        /// How many more there are.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
    },
    /// Answer to `contact`.
    Contacts {
        /// The `id` of the command that it answers, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Whom one writes to.
        contacts: Vec<ContactView>,
    },
    /// Answer to `box`, and what changes with one's own boxes.
    Boxes {
        /// The `id` of the command that it answers, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Those that are not closed.
        boxes: Vec<BoxStateView>,
        /// Whether what goes to contacts leaves at even times, with cover between.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        even: bool,
    },
    /// Answer to `status`.
    Status {
        /// The `id` of the command that it answers, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// What became of letters, the newest last.
        letters: Vec<StatusView>,
    },
    /// Answer to `mode`, and what changes with that: whom what the user writes convinces.
    Mode {
        /// The `id` of the command that it answers, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Letters and talk, where it is not chosen otherwise.
        mode: Mode,
        /// What is said in private rooms.
        rooms: Vec<RoomModeView>,
    },
    /// Answer to `drafts`.
    Drafts {
        /// The `id` of the command that it answers, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// All letters that are being written, in the order in which they were begun.
        drafts: Vec<DraftView>,
    },
    /// Answer to `draft`, and to `drafts` about one.
    Draft {
        /// The `id` of the command that it answers, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The letter that is being written.
        #[serde(flatten)]
        draft: Box<DraftView>,
    },
    /// The user's citizen card is about to be asked for a signature; the PIN comes from a file or
    /// the terminal (JSON only).
    Signing {
        /// Whose card it is, as the card says.
        holder: Personal,
        /// In which reader.
        reader: String,
        /// Tries left, if the card tells.
        tries: Option<u8>,
        /// Whether the reader has a keypad.
        pinpad: bool,
        /// What the signature does, in lines.
        warning: Vec<Personal>,
    },
    /// Anything else worth a line.
    Note {
        /// The line.
        text: String,
        /// The `id` of the command that it answers, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// What it is about, and in which room.
        #[serde(flatten)]
        of: ActView,
    },
    /// A command is finished.
    Done {
        /// The `id` given with the command, if any.
        id: Option<String>,
        /// Whether it was carried out.
        ok: bool,
        /// What was asked, and in which room.
        #[serde(flatten)]
        of: ActView,
    },
}

/// What a person reads of a report: what happened, with its code, then what to do.
#[must_use]
pub fn report_lines(before: &str, report: &Report) -> Vec<String> {
    let [code, message, advice] =
        [&report.code, &report.message, &report.advice].map(|text| sanitize(text));
    let mut lines = vec![format!("{before}{message} ({code})")];
    // A TSA of another make may give none.
    if !advice.is_empty() {
        lines.push(format!("  → {advice}"));
    }
    lines
}

impl Event {
    /// A refusal that is about no room.
    #[must_use]
    pub fn refused(id: Option<String>, report: Report) -> Self {
        Self::Refused { id, report, of: ActView::default() }
    }

    /// What one of the two of a private room said, with the mode in which they did, or why it cannot be read.
    #[must_use]
    pub fn private_words(&self) -> Option<String> {
        let Self::SaidPrivately { author, text, mode, contact, trouble, own, .. } = self else {
            return None;
        };
        let author = if *own { "you" } else { author.name() };
        if let Some(trouble) = trouble {
            return Some(format!("<{author}> said something that cannot be read: {trouble}"));
        }
        let mode = match mode {
            Some(Mode::Evidence) => ", evidence for everybody",
            Some(Mode::Deniable) => ", deniable",
            None => "",
        };
        let contact = contact.map_or_else(String::new, |name| {
            let name = name.to_string();
            format!(" [and gives the box {}]", shortened(&name, 16))
        });
        Some(format!("<{author}{mode}> {}{contact}", text.as_deref().unwrap_or_default()))
    }

    /// A line that is about no command.
    #[must_use]
    pub fn note(text: String) -> Self {
        Self::Note { text, id: None, of: ActView::default() }
    }
}

/// Which act of the user an answer is about, and in which room: nothing is left to what happens to
/// be on a screen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActView {
    /// Name of the command, e.g. `bid`; absent if this answers none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    /// Full name of the room; absent if it is about none, or none that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// By which beginning of its name the room is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<String>,
    /// Title of the room, or of its auction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What was bid, with its currency: `12.50 EUR`; as typed where the currency is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
}

impl ActView {
    /// In words for people: `bid 12.50 EUR in #3f2a "Old radio"`; empty if it is about nothing.
    #[must_use]
    pub fn words(&self) -> String {
        let room = self.short.as_deref().map(|short| room_words(short, self.title.as_deref()));
        let parts = [self.act.as_deref().map(sanitize), self.offer.as_deref().map(sanitize)];
        let mut words: Vec<String> = parts.into_iter().flatten().collect();
        if let Some(room) = room {
            words.push(if words.is_empty() { room } else { format!("in {room}") });
        }
        words.join(" ")
    }
}

/// A room as people read it: `#3f2a "Old radio"`.
#[must_use]
pub fn room_words(short: &str, title: Option<&str>) -> String {
    let title =
        title.map_or_else(String::new, |title| format!(" \"{}\"", apart(&shortened(title, 40))));
    format!("#{}{title}", sanitize(short))
}

/// A citizen card that signed a disclosure, and how far it may be believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardView {
    /// Whether the state certifies it.
    pub standing: CardStanding,
    /// What the holder states beyond the certificate; the state vouches for none of it.
    pub stated: Vec<StatedView>,
}

/// Whether the state certifies a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum CardStanding {
    /// The chain to the state held when the disclosure was stamped.
    Certified {
        /// Full name.
        name: String,
        /// Given names.
        given_name: String,
        /// Surnames.
        surname: String,
        /// Civil number.
        civil_number: Personal,
        /// Whether a revocation list spoke of the card; if not, it was not checked.
        revocation_checked: bool,
        /// Whether the state made it for tests: it then proves nothing about a person.
        test: bool,
    },
    /// The state's certificates are missing: the card proves nothing.
    Unjudged,
    /// The revocation lists do not cover it: the card proves nothing yet, and that says nothing
    /// about its holder.
    NotCovered(Report),
    /// The chain does not hold: the card proves nothing. Older versions kept no advice.
    Refused(#[serde(deserialize_with = "with_or_without_advice")] Report),
}

/// One attribute as the card's holder states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedView {
    /// Which.
    pub name: Attribute,
    /// What they state.
    pub value: Personal,
}

/// Something about a person that no log may hold: `Debug` hides it, JSON events and the vault
/// have it in full.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal(String);

impl Personal {
    /// Takes a text over.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text in full.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// At most the last three characters, for screens that others may see.
    #[must_use]
    pub fn masked(&self) -> String {
        let count = self.0.chars().count();
        let covered = count.saturating_sub(3).max(count.min(5));
        let shown = |(at, character)| if at < covered { '*' } else { character };
        self.0.chars().enumerate().map(shown).collect()
    }
}

impl std::fmt::Debug for Personal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Personal(..)")
    }
}

/// Somebody's side in an auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Listed the item.
    Seller,
    /// Placed the winning bid.
    Winner,
}

impl Role {
    /// What the role is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seller => "seller",
            Self::Winner => "winner",
        }
    }
}

/// The phase of an auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Bids are accepted.
    Open,
    /// The end has passed; not yet settled.
    Closed,
    /// A winner is named; the two are to disclose.
    Settled,
    /// Both disclosed.
    Revealed,
    /// Ended without a sale, or given up.
    Ended,
}

/// One room as shown to the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomView {
    /// Full name, 64 hexadecimal digits.
    pub room: String,
    /// The beginning of it by which the room is called: as many characters as tell it apart from
    /// every other room known, at least four.
    pub short: String,
    /// Title from the listing.
    pub title: String,
    /// Longer text from the listing.
    pub description: String,
    /// Its phase.
    pub phase: Phase,
    /// How it ended, in words; empty until then.
    pub outcome: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Digits after the point in that currency.
    pub digits: u8,
    /// Lowest first bid, minor units.
    pub start: u64,
    /// Least step, minor units.
    pub increment: u64,
    /// For how much it can be bought at once, as long as it can, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buy_now: Option<u64>,
    /// Most by which one bid may raise the price, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_raise: Option<u64>,
    /// From when on bids count, if not from the listing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin: Option<Time>,
    /// What the seller asks of bids besides, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The same in words, line by line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rule_words: Vec<String>,
    /// The paddle under which the user bids there, if under one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paddle: Option<String>,
    /// How many bids each bidder may make, if that is bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bids_each: Option<u32>,
    /// What is known of the hidden reserve; absent where there is none, or it was bought at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<Box<ReserveView>>,
    /// Where one persona of each citizen bids: until when the tokens that bought them are honoured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citizens: Option<Time>,
    /// What the winner of sealed bids pays: their own (`first`) or the highest that loses (`second`); absent where bids are open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// From when on sealed bids, or a hidden reserve, can be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<Time>,
    /// How the price falls, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub falling: Option<FallingView>,
    /// Highest bid, or the earliest where the price falls, minor units.
    pub highest: Option<u64>,
    /// Number of bids; absent while nothing but the listing is known: not followed, or not fetched.
    pub bids: Option<u64>,
    /// Its present end (soft close may move it).
    pub end: Time,
    /// Soft close in seconds: a bid in the last such span moves the end by it; 0 if the end is
    /// fixed.
    #[serde(default)]
    pub extend_secs: u64,
    /// Whether the user listed it.
    pub own: bool,
    /// Whether the user's bid is the highest, or the earliest where the price falls.
    pub leading: bool,
    /// Whether the user has bid in it.
    pub bidding: bool,
    /// Whether the room is followed; if not, bids and end are as of when it was, or as listed.
    pub joined: bool,
    /// Size of the newest head that was verified against every entry.
    pub verified_size: u64,
    /// How many different operators of witnesses make a head final; 0 if the listing names no witness.
    #[serde(default)]
    pub quorum: u32,
    /// How many of its entries are final: as many operators cosigned them as the listing asks for.
    #[serde(default)]
    pub final_size: u64,
}

/// A price that falls as time passes, until somebody bids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FallingView {
    /// It falls no lower than this, minor units.
    pub floor: Amount,
    /// By how much it falls at once, minor units.
    pub fall: Amount,
    /// After how many seconds it falls each time.
    pub every: u32,
    /// Since when it falls.
    pub since: Time,
    /// What a bid costs by the TSA's time as last heard, minor units; absent if that is not known, or no bid is taken any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<u64>,
}

impl FallingView {
    const fn terms(&self) -> DutchTerms {
        DutchTerms { floor: self.floor, fall: self.fall, every: self.every }
    }
}

impl RoomView {
    /// What a bid costs at an instant, minor units, and when it costs less, if ever; `None` where the price does not fall.
    #[must_use]
    pub fn price_at(&self, time: Time) -> Option<(u64, Option<Time>)> {
        let (falling, start) = (self.falling?, StartPrice::try_from(self.start).ok()?);
        let price = falling.terms().price(start, falling.since, time);
        Some((price.minor(), falling.terms().falls_after(start, falling.since, time)))
    }

    /// Whether its log is not fetched although something may still come.
    #[must_use]
    pub const fn is_unfollowed(&self) -> bool {
        !self.joined && !matches!(self.phase, Phase::Revealed | Phase::Ended)
    }

    /// Whether no bid counts any more, and a hidden reserve is still to be opened by itself before anybody has won.
    #[must_use]
    pub fn awaits_reserve(&self) -> bool {
        let waits = self.phase == Phase::Closed && self.sealed.is_none() && self.bids > Some(0);
        waits && self.reserve.as_ref().is_some_and(|reserve| reserve.standing == "sealed")
    }

    /// Whether it tells who leads: its log is known, and nothing of it is missed.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.bids.is_some() && !self.is_unfollowed()
    }
}

/// What is known of a hidden reserve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveView {
    /// How much: `awaited` from the seller, so that nobody can bid yet, `sealed`, `open`, `void` or `unopened`, of which the last
    /// two count as none.
    pub standing: String,
    /// What it is, minor units, once everybody can read it, or where it is the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
}

/// One paddle of an auction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaddleView {
    /// Its name.
    pub name: String,
    /// Positions of the bids under it, rising.
    pub bids: Vec<u64>,
    /// The last of them, in minor units; absent where it is sealed or void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Whether one of them leads.
    pub leading: bool,
    /// Whether they are the user's own.
    pub own: bool,
}

/// One receipt as shown to the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptView {
    /// Room.
    pub room: String,
    /// By which beginning of its name the room is called.
    pub short: String,
    /// Title of the room, or of its auction; absent if the room is not known now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Position in the log.
    pub seq: u64,
    /// Verb of the action.
    pub verb: String,
    /// Stamp time.
    pub time: Time,
    /// Digest of the action.
    pub digest: String,
    /// Whether author's, TSA's and broker's signatures and the proof were checked just now and hold, and
    /// nothing that is known of the room's log contradicts them.
    pub holds: bool,
    /// Whether as many operators of witnesses cosigned a head over it as the listing asks for, as far as is
    /// known in this session.
    #[serde(default)]
    pub is_final: bool,
}

/// What the user may rely on at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// Fingerprint of the persona.
    pub persona: Fingerprint,
    /// Fingerprint of the pinned broker.
    pub broker: Fingerprint,
    /// Fingerprint of the CA.
    pub authority: Fingerprint,
    /// Negotiated suite, if connected.
    pub suite: Option<String>,
    /// TSA time, if a tick of the last seconds tells it.
    pub time: Option<Time>,
    /// Age of the newest tick by a clock that counts sleep, milliseconds; 0 if there was none.
    pub age_ms: u64,
    /// Rooms whose every entry and newest head were verified.
    pub rooms_verified: u64,
    /// Alarms since the start.
    pub alarms: u64,
    /// Whether the TSA runs in simulated time.
    pub simulated: bool,
    /// When the certificate begins; absent if it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_begins: Option<Time>,
    /// When the certificate ends.
    pub certificate_ends: Time,
    /// What the broker knows of the user, in lines.
    #[serde(default)]
    pub broker_knows: Vec<String>,
    /// What everybody else sees, in lines.
    #[serde(default)]
    pub others_see: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_without_advice_draws_no_empty_line() {
        let lines = |advice: &str| {
            report_lines("no: ", &Report::new("a.b", "it failed", advice.to_owned()))
        };
        assert_eq!(lines("wait"), ["no: it failed (a.b)", "  → wait"]);
        assert_eq!(lines(""), ["no: it failed (a.b)"]);
    }
}
