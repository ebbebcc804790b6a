//! One room as the chat shows it: its messages, its prices, and what waits in it.

use std::collections::VecDeque;

use pregao_protocol::letter::Mode;
use pregao_protocol::value::clock::Time;

use super::conversation::Conversation;
use crate::event::{Phase, Role, RoomView};
use crate::front::identity::{Said, Word};
use crate::text::sanitize::sanitize;

/// Most messages kept of one room.
pub const MOST_MESSAGES: usize = 1_000;
/// Most prices kept of one room.
pub const MOST_PRICES: usize = 512;
/// Lines below a letter that do not keep it from being seen.
const SEEN: usize = 3;

/// How a message is meant, and so how it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Somebody's bid.
    Bid,
    /// The user's own bid or saying.
    Own,
    /// Somebody's saying.
    Said,
    /// What the program or the room reports.
    System,
    /// Good news.
    Good,
    /// Bad news: outbid, refused.
    Bad,
    /// Evidence of cheating.
    Alarm,
    /// What the other side showed of itself: every row is quoted.
    Quoted(Word),
    /// What a letter says: every row is marked.
    Letter,
}

/// One line of a room's pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatLine {
    /// Position in the room's log, if it is an entry.
    pub seq: Option<u64>,
    /// TSA time, if known.
    pub time: Option<Time>,
    /// How it is meant.
    pub tone: Tone,
    /// The line, without characters that steer a screen.
    pub text: String,
}

/// A highest bid and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PricePoint {
    /// Stamp time of the bid.
    pub time: Time,
    /// Minor units.
    pub amount: u64,
}

/// The state of a room for exactly two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reveal {
    /// Its auction.
    pub auction: String,
    /// The auction's title.
    pub title: String,
    /// The user's own role.
    pub role: Role,
    /// Price in minor units.
    pub price: u64,
    /// Currency of the price.
    pub currency: String,
    /// Until when both must have disclosed.
    pub deadline: Time,
    /// Whether the user's own disclosure was sent.
    pub sent: bool,
    /// The other side, once it is known.
    pub other: Option<Other>,
}

/// The other side of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// What they showed and what is proved of it; what their citizen card proves, or that there is
    /// none, last.
    pub lines: Vec<Said>,
}

/// One room: the lobby, an auction, a reveal room, or a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room {
    /// Full name; empty for the lobby.
    pub id: String,
    /// By which beginning of its name it is called; empty until the desk has said so.
    pub short: String,
    /// What the desk says of it.
    pub view: Option<RoomView>,
    /// Present in a room for two.
    pub reveal: Option<Reveal>,
    /// Whom what is said here convinces, in a room for two.
    pub talk: Option<Mode>,
    /// Present in a conversation.
    pub letters: Option<Box<Conversation>>,
    /// Newest last.
    pub messages: VecDeque<ChatLine>,
    /// Messages that came while another room was on screen.
    pub unread: usize,
    /// Highest bids, oldest first.
    pub prices: VecDeque<PricePoint>,
    /// How many lines the pane is scrolled up.
    pub scroll: usize,
}

impl Room {
    /// Whether it is the room in which the program itself speaks.
    #[must_use]
    pub const fn is_lobby(&self) -> bool {
        self.id.is_empty()
    }

    /// What it is called on screen.
    #[must_use]
    pub fn title(&self) -> String {
        if let Some(letters) = &self.letters {
            return letters.with().label();
        }
        match (&self.reveal, &self.view) {
            (Some(reveal), _) => format!("reveal: {}", reveal.title),
            (None, Some(view)) => sanitize(&view.title),
            (None, None) if self.is_lobby() => "lobby".to_owned(),
            (None, None) => "…".to_owned(),
        }
    }

    /// What came while it was not looked at, or was not read. `all` as in [`Conversation::unread`].
    #[must_use]
    pub fn badge(&self, all: bool) -> u64 {
        let unread = || u64::try_from(self.unread).unwrap_or(u64::MAX);
        self.letters.as_ref().map_or_else(unread, |letters| letters.unread(all))
    }

    /// Its place in the list: lobby, then what waits for the user, then open, then past; then conversations, those that
    /// were not read and the newest first.
    pub(super) fn rank(&self, all: bool) -> (u8, u64, Time, String) {
        if let Some(letters) = &self.letters {
            let rank = if letters.unread(all) > 0 { 4 } else { 5 };
            let newest = u64::MAX.saturating_sub(letters.newest());
            return (rank, newest, Time::default(), self.id.clone());
        }
        let (rank, time) = match (&self.reveal, &self.view) {
            _ if self.is_lobby() => (0, Time::default()),
            (Some(reveal), _) if reveal.other.is_none() => (1, reveal.deadline),
            (None, Some(view)) if view.phase == Phase::Open => (2, view.end),
            (Some(reveal), _) => (3, reveal.deadline),
            (None, Some(view)) => (3, view.end),
            (None, None) => (3, Time::MAX),
        };
        (rank, 0, time, self.id.clone())
    }

    /// Lays a conversation out anew. Whoever reads the past keeps their place, unless a letter is to be seen.
    pub(super) fn relay(&mut self, now: Option<Time>, shown: Option<u64>) {
        let Some(letters) = &self.letters else { return };
        let (lines, after) = letters.lines(now, shown);
        let before = self.messages.len();
        self.messages = lines.into();
        if shown.is_some() {
            self.scroll = if after > SEEN { after } else { 0 };
        } else if self.scroll > 0 {
            let more = self.messages.len().saturating_sub(before);
            let most = self.messages.len().saturating_sub(1);
            self.scroll = self.scroll.saturating_add(more).min(most);
        }
    }

    pub(super) fn push(&mut self, message: ChatLine) {
        if self.messages.len() >= MOST_MESSAGES {
            self.messages.pop_front();
        }
        self.messages.push_back(message);
    }

    /// Whether an entry of the log is shown already: a resumed session repeats some.
    pub(super) fn shows(&self, seq: u64) -> bool {
        self.messages.iter().rev().any(|message| message.seq == Some(seq))
    }
}
