//! Hidden reserves: what their seller reads, and what this program does by itself for them (SPEC 7.13).
//!
//! The amount waits in the vault, beside the listing, until the broker has said what it is sealed to. What opens it stays there
//! until the auction has ended.

use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::auction::reserve::Standing;
use pregao_protocol::room::auction::sealed::envelope::{reserve_halves, seal_reserve};
use pregao_protocol::room::auction::sealed::opens_at;
use pregao_protocol::room::auction::{Auction, Counted, Outcome, Phase};
use pregao_protocol::room::body::{
    Amount, Body, Listing, Reserve, Sealed, StartPrice, Unseal, Verb,
};
use pregao_protocol::trust::persona::Ratio;
use pregao_protocol::trust::timelock::{self, OpenedLock};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::report::Report;

use crate::desk::Desk;
use crate::desk::answers::{Progress, ReplyTo};
use crate::desk::kinds::OwnKey;
use crate::desk::outbox::{Drafted, by_code, no_randomness};
use crate::event::ReserveView;
use crate::text::amount;
use crate::text::moment::{self, TimeZone};
use crate::vault::Secret;

/// How many TSAs open a reserve listed here: that of the session.
pub(super) const NEEDED: u32 = 1;
/// How long after the first try the next one is made, if nothing came of it; after each it is twice as long.
const AGAIN: Duration = Duration::from_secs(15);
/// The longest that is waited: a broker that was away is not given up.
const AGAIN_AT_MOST: Duration = Duration::from_secs(300);
/// Tries of which nothing came before the user is told.
const TRIES: u32 = 3;

/// Tries to do one thing with a reserve: to seal or to unseal it.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// What was tried last, and when, since the start of the program.
    last: Option<(Verb, Duration)>,
    count: u32,
}

impl Tried {
    fn is_due(&self, verb: Verb, now: Duration) -> bool {
        let Some((_, since)) = self.last.filter(|(last, _)| *last == verb) else { return true };
        let doubled = 2_u32.saturating_pow(self.count.saturating_sub(1).min(16));
        now.saturating_sub(since) >= AGAIN.saturating_mul(doubled).min(AGAIN_AT_MOST)
    }

    /// Notes a try; gives how many there were of this verb.
    fn note(&mut self, verb: Verb, now: Duration) -> u32 {
        let again = self.last.is_some_and(|(last, _)| last == verb);
        self.count = if again { self.count.saturating_add(1) } else { 1 };
        self.last = Some((verb, now));
        self.count
    }
}

/// Refuses a reserve that would change nothing.
pub(super) fn means_something(
    reserve: Option<Amount>,
    start: StartPrice,
    buy: Option<Amount>,
) -> Result<(), Report> {
    let Some(reserve) = reserve else { return Ok(()) };
    let terms = |what: &'static str, advice: &'static str| {
        Report::new(Code::ListingTerms.as_str(), what, advice)
    };
    if reserve < start.first_bid() {
        let what = "every bid reaches a reserve that is below the price to start from";
        return Err(terms(what, "give a higher reserve, or none, with /list"));
    }
    if buy.is_some_and(|buy| buy < reserve) {
        let what = "whoever bids the price to buy would have it for less than the reserve";
        return Err(terms(what, "give a price to buy that is not below the reserve"));
    }
    Ok(())
}

/// Why the highest bid leads and has not won, where a reserve is to be reached.
pub(super) fn decides(auction: &Auction) -> Option<&'static str> {
    match auction.phase() {
        Phase::Ended(Outcome::BelowReserve) => Some("below the reserve"),
        _ if auction.awaits_reserve() => Some("the reserve decides"),
        _ => None,
    }
}

/// What a seller reads of a reserve, all but the amount.
pub(super) fn terms(listing: &Listing, zone: &TimeZone) -> Vec<String> {
    if listing.reserve.is_none() {
        return Vec::new();
    }
    let opens = timelock::instant(opens_at(listing));
    let opens = opens.map_or_else(String::new, |opens| moment::print(opens, zone));
    let known = if listing.sealed.is_some() {
        "It is opened with the bids, whether you are there or not.".to_owned()
    } else {
        format!(
            "Once it is over this program opens it, if it runs; without, it opens after {opens}, and the winner is named only then."
        )
    };
    vec![
        "There is a reserve: if no bid reaches it, it is not sold. Bidders read that there is one, and nobody how much it is before it is over."
            .to_owned(),
        "Nobody can bid before this program has sealed it, right after the listing: let it run until then.".to_owned(),
        known,
    ]
}

/// The amount of a reserve that is about to be listed.
pub(in crate::desk) fn term(drafted: &Drafted) -> Option<String> {
    match (&drafted.body, drafted.hidden) {
        (Body::List(listing), Some(reserve)) => {
            let reserve = money(listing, reserve);
            Some(format!("The reserve is {reserve}; it cannot be changed either."))
        }
        _ => None,
    }
}

fn money(listing: &Listing, of: Amount) -> String {
    amount::print_in(of.minor(), &listing.currency.to_string())
}

/// The seller has not sealed the reserve yet.
pub(super) fn lacking() -> Report {
    let what = "the seller has not sealed the reserve yet, and nobody can bid before";
    Report::new(Code::BidEarly.as_str(), what, "bid again in a moment")
}

/// The bid that leads while it runs; then the one that is to be named, once that is known.
pub(super) fn leads(auction: &Auction) -> Option<&Counted> {
    match auction.phase() {
        Phase::Open => auction.leading(),
        Phase::Closed if auction.awaits_reserve() => None,
        Phase::Closed | Phase::Settled { .. } | Phase::Ended(_) => auction.to_be_named(),
    }
}

/// Why it was sold to nobody who bid.
pub(super) fn below(auction: &Auction) -> String {
    match auction.known_reserve() {
        Some(reserve) => {
            format!("not sold: below the reserve of {}", money(auction.listing(), reserve))
        }
        None => "not sold: below the reserve".to_owned(),
    }
}

/// What came of opening it.
pub(super) fn opened(auction: &Auction) -> String {
    match auction.reserve() {
        Some(Standing::Open(reserve)) => {
            let reserve = money(auction.listing(), reserve);
            match auction.to_be_named() {
                Some(_) => format!("the reserve of {reserve} is reached"),
                None => format!("the reserve of {reserve} is not reached"),
            }
        }
        Some(Standing::Void(cause)) => format!("the reserve is void and counts as none: {cause}"),
        Some(Standing::Awaited | Standing::Sealed | Standing::Unopened) | None => {
            "the reserve counts as none".to_owned()
        }
    }
}

/// The user's own reserve, as it is logged.
pub(super) fn own(auction: &Auction, hidden: Option<Amount>) -> String {
    let reserve = hidden.map(|reserve| format!(" of {}", money(auction.listing(), reserve)));
    format!("your reserve{} is sealed; bids are taken from here on", reserve.unwrap_or_default())
}

impl Desk {
    /// The reserve of an item of the user's, as the vault has it.
    pub(super) fn own_reserve(&self, room: RoomName) -> Option<Amount> {
        let name = room.to_string();
        let mut kept = self.vault.contents().actions.iter();
        kept.find(|kept| kept.room == name && kept.verb == Verb::List)?.hidden
    }

    /// What the user sees of a reserve; nothing once it was bought, for then it says nothing.
    pub(super) fn reserve_view(&self, room: RoomName, auction: &Auction) -> Option<ReserveView> {
        let standing = auction.reserve().filter(|_| !auction.is_bought())?;
        let own = self.own_reserve(room).filter(|_| !self.options.discreet);
        let amount = auction.known_reserve().or(own).map(Amount::minor);
        Some(ReserveView { standing: standing.as_str().to_owned(), amount })
    }

    /// As time goes on: what the user sells may be waiting for its reserve.
    pub(in crate::desk) async fn pursue_reserves(&mut self) {
        let rooms = self.rooms.iter().filter(|(_, replica)| {
            let auction = replica.room().and_then(Auction::of);
            replica.is_own(0) && auction.is_some_and(|auction| auction.reserve().is_some())
        });
        let rooms: Vec<RoomName> = rooms.map(|(name, _)| *name).collect();
        for room in rooms {
            self.pursue_reserve(room).await;
        }
    }

    /// Seals the reserve of an item of the user's as soon as it can be, and unseals it once nobody can bid any more.
    pub(super) async fn pursue_reserve(&mut self, name: RoomName) {
        let Some(verb) = self.reserve_due(name) else { return };
        let now = self.options.host.clock.uptime();
        let Some(replica) = self.rooms.get_mut(&name) else { return };
        let tried = &mut replica.notes.auction.reserve;
        if !tried.is_due(verb, now) {
            return;
        }
        let count = tried.note(verb, now);
        let answered = std::mem::replace(&mut self.reply_to, ReplyTo::of_room(name));
        if count == TRIES.saturating_add(1) {
            let what = if verb == Verb::Reserve {
                "sealed, and nobody can bid before it is"
            } else {
                "opened, and no winner is named before it is"
            };
            let text = format!(
                "the reserve could not be {what}: {TRIES} tries came to nothing; it is tried again, every five minutes in the end"
            );
            self.note(text).await;
        }
        match self.draft_reserve(name, verb) {
            Ok(drafted) => {
                if self.begin_drafted(drafted).await != Progress::Failed {
                    self.note(by_itself(verb).to_owned()).await;
                }
            }
            Err(report) => self.refuse(report).await,
        }
        self.reply_to = answered;
    }

    /// Whether the user's reserve is to be sealed or unsealed now.
    fn reserve_due(&self, name: RoomName) -> Option<Verb> {
        let replica = self.rooms.get(&name)?;
        let is_current = self.connection.is_up()
            && replica.is_followed()
            && !replica.is_broken()
            && replica.is_verified()
            && !replica.is_awaited();
        let auction = self.auction(name).filter(|_| is_current)?;
        let verb = match auction.phase() {
            Phase::Open if auction.lacks_reserve() && auction.recipients().is_some() => {
                Verb::Reserve
            }
            // A broker that can still show another close must not know it.
            Phase::Closed if auction.awaits_reserve() => {
                let close = auction.closing()?.head.size;
                (replica.witnessed.size() >= close).then_some(Verb::Unseal)?
            }
            Phase::Open | Phase::Closed | Phase::Settled { .. } | Phase::Ended(_) => return None,
        };
        let is_own = match verb {
            Verb::Reserve => self.own_reserve(name).is_some(),
            _ => self.reserve_secret(name).is_some(),
        };
        let is_under_way = self
            .outbox
            .actions()
            .any(|act| act.action.room() == name && act.action.body().verb() == verb);
        (is_own && !is_under_way && self.outbox.queued() == 0).then_some(verb)
    }

    /// What the key of the user's reserve follows from: that of the one which is in the log.
    fn reserve_secret(&self, name: RoomName) -> Option<&Secret> {
        let replica = self.rooms.get(&name)?;
        let room = name.to_string();
        let kept = self.vault.contents().actions.iter();
        let mut kept = kept.filter(|kept| kept.room == room && kept.verb == Verb::Reserve);
        kept.find(|kept| self.position_of(name, kept).is_some() && replica.size() > 0)?
            .seal_secret
            .as_ref()
    }

    fn draft_reserve(&self, name: RoomName, verb: Verb) -> Result<Drafted, Report> {
        // All of it follows from the action's own key, which is drawn next, and from what is kept.
        let ratio = Ratio([0; 32]);
        if verb == Verb::Unseal {
            let halves = self.reserve_secret(name).map(|secret| reserve_halves(secret.expose()));
            let [first, second] = halves.as_deref().ok_or_else(|| by_code(Code::ReserveWrong))?;
            let (first, second) = (OpenedLock(*first), OpenedLock(*second));
            let body = Body::Unseal(Unseal { ratio, first, second });
            return Ok(Drafted::within(name, body, None));
        }
        let secret = Secret::new(self.options.host.random().map_err(no_randomness)?);
        let nothing = || Sealed::try_from(Vec::new()).map_err(|_| by_code(Code::ReserveSealed));
        let body = Body::Reserve(Reserve {
            ratio,
            broker: nothing()?,
            shares: Vec::new(),
            commitment: Digest([0; 32]),
            amount: nothing()?,
        });
        Ok(Drafted::within(name, body, Some(secret)))
    }

    /// Seals a reserve, or shows whose unsealing it is.
    pub(super) fn complete_reserve(
        &self,
        room: RoomName,
        body: &mut Body,
        own: &OwnKey<'_>,
    ) -> Result<Option<Amount>, Report> {
        let none = || by_code(Code::ReserveSeller);
        let ratio = self.ratio_to_listing(room, own).ok_or_else(none)?;
        match body {
            Body::Unseal(unseal) => {
                unseal.ratio = ratio;
                Ok(None)
            }
            Body::Reserve(reserve) => {
                let amount = self.own_reserve(room).ok_or_else(none)?;
                let auction = self.auction(room).ok_or_else(|| by_code(Code::RoomUnknown))?;
                let to = auction.recipients().ok_or_else(super::sealed::without_keys)?;
                let halves = reserve_halves(own.seal.ok_or_else(none)?.expose());
                *reserve = seal_reserve(to, (room, &own.key), amount, ratio, &halves)
                    .map_err(|_| by_code(Code::SealingWrong))?;
                Ok(Some(amount))
            }
            _ => Ok(None),
        }
    }
}

const fn by_itself(verb: Verb) -> &'static str {
    match verb {
        Verb::Unseal => "opens your reserve by itself: the close is final",
        _ => "seals your reserve by itself",
    }
}

#[cfg(test)]
mod tests;
