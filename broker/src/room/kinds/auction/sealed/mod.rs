//! What a broker does where bids or a reserve are sealed: it says what to, and opens all once that may be (SPEC 7.9, 7.13).

use pregao_protocol::log::Cosignature;
use pregao_protocol::room::auction::reserve::Standing;
use pregao_protocol::room::auction::sealed::{UNOPENED_AFTER, lock_tsas, opens_at};
use pregao_protocol::room::auction::{Auction, Phase};
use pregao_protocol::room::body::{Body, Opened, ReleasedLock, Sealing, Settled};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::trust::timelock::{OpenedLock, TimeLock};
use pregao_protocol::value::clock::Time;
use pregao_protocol::wire::tsa::TimeLockAnswer;
use tokio::time::Instant;

use super::{ASKED_WITHIN, AuctionPolicy, ON_ITS_WAY};
use crate::room::kinds::{RoomView, Step};
use gather::Question;

pub(super) mod gather;

impl AuctionPolicy {
    /// When the bids are to be opened, or given up; `None` if bids are not sealed.
    pub(super) fn sealed_due(&self, auction: &Auction) -> Option<Time> {
        let opens = auction.opens()?;
        // A witness's answer may still be on its way, though it is too late then.
        Some(if self.is_shut_before(auction) { opens } else { opens.plus(ON_ITS_WAY) })
    }

    /// Whether witnesses date the close before bids can be read.
    fn is_shut_before(&self, auction: &Auction) -> bool {
        auction.dated_by(&self.dated).is_some_and(|by| by < opens_at(auction.listing()))
    }

    /// Says what bids are sealed to, once every TSA that is to lock them has.
    pub(super) fn state_keys(&mut self, auction: &Auction, view: RoomView<'_>) -> Step {
        let listing = auction.listing();
        let tsas = lock_tsas(listing);
        let question = Question { tsas, at: opens_at(listing), needed: tsas.len() };
        let stated = |place: usize, answer: &TimeLockAnswer| {
            let by = tsas.get(place).ok_or("a place that the listing does not have")?;
            let lock = TimeLock::open(&answer.statement, std::slice::from_ref(by));
            let lock = lock.map_err(|_| "what it states is not signed by its key, or malformed")?;
            if lock.at != question.at || lock.simulated != listing.simulated {
                return Err("it states the key of another instant");
            }
            Ok(answer.statement.clone())
        };
        match self.statements.gather(question, &view.shared.timelocks, stated) {
            Ok(stated) => {
                let key = view.shared.keys.sealing_key(view.name()).public();
                let locks = stated.into_iter().map(|(_, statement)| statement).collect();
                Step::Append(Body::Sealing(Sealing { key, locks }).into())
            }
            Err(step) => step,
        }
    }

    /// Opens the bids, or ends the auction whose bids cannot be.
    pub(super) fn open_bids(&mut self, auction: &Auction, view: RoomView<'_>, now: Time) -> Step {
        let Some(opens) = auction.opens().filter(|opens| now >= *opens) else { return Step::Idle };
        let cosigned = self.dates(auction);
        let without_winner = Settled { winner: None, price: None, cosigned: cosigned.clone() };
        if !self.is_shut_before(auction) {
            if let Some(step) = self.waits_for_witness(now, opens.plus(ON_ITS_WAY)) {
                return step;
            }
            return Step::Append(Body::Settled(without_winner).into());
        }
        if now >= opens.plus(UNOPENED_AFTER) {
            return Step::Append(Body::Settled(without_winner).into());
        }
        self.open_all(auction, view, cosigned)
    }

    /// Opens a reserve by itself, where bids are open and its seller has not opened it.
    pub(super) fn open_reserve(
        &mut self,
        auction: &Auction,
        view: RoomView<'_>,
        now: Time,
    ) -> Step {
        if auction.opens().is_none_or(|opens| now < opens) {
            return Step::Idle;
        }
        // `settled` dates the close there.
        self.open_all(auction, view, Vec::new())
    }

    fn open_all(
        &mut self,
        auction: &Auction,
        view: RoomView<'_>,
        cosigned: Vec<Cosignature>,
    ) -> Step {
        if !Self::holds_key(auction, view) {
            return Step::Failed;
        }
        let Some(recipients) = auction.recipients() else { return Step::Idle };
        let (tsas, at) = (lock_tsas(auction.listing()), opens_at(auction.listing()));
        let question = Question { tsas, at, needed: recipients.needed };
        let released = |place: usize, answer: &TimeLockAnswer| {
            let secret = answer.secret.ok_or("it keeps a secret beyond its instant")?;
            let is_right =
                recipients.locks.get(place) == Some(&SealKey::from_random(secret.0).public());
            is_right
                .then_some(secret)
                .ok_or("it gave another secret than that of the key it stated")
        };
        match self.secrets.gather(question, &view.shared.timelocks, released) {
            Ok(_) => {
                let key = OpenedLock(*view.shared.keys.sealing_key(view.name()).expose());
                let locks = self.released_locks().take(question.needed).collect();
                Step::Append(Body::Opened(Opened { key, locks, cosigned }).into())
            }
            Err(step) => step,
        }
    }

    fn released_locks(&self) -> impl Iterator<Item = ReleasedLock> {
        let lock = |(place, secret)| Some(ReleasedLock { tsa: u32::try_from(place).ok()?, secret });
        self.secrets.given().filter_map(lock)
    }

    /// The secrets that there are while bids, or a reserve, wait for others: V-232.
    pub(super) fn released_meanwhile(&self, auction: &Auction) -> Option<Vec<ReleasedLock>> {
        let bids_wait = auction.phase() == Phase::Closed && auction.has_unopened();
        let waits = bids_wait || auction.awaits_reserve();
        (waits && self.secrets.has_failed()).then(|| self.released_locks().collect())
    }

    /// Whether the key of a room is one of this data folder.
    fn holds_key(auction: &Auction, view: RoomView<'_>) -> bool {
        let own = view.shared.keys.sealing_key(view.name()).public();
        auction.recipients().is_none_or(|to| to.broker == own)
    }

    /// Says loudly, at the start, if the key is lost to which a room's bids are sealed.
    pub(super) fn warn_of_lost_key(auction: &Auction, view: RoomView<'_>) {
        let has_reserve = auction.reserve() == Some(Standing::Sealed)
            && !matches!(auction.phase(), Phase::Ended(_));
        if (auction.has_unopened() || has_reserve) && !Self::holds_key(auction, view) {
            let room = view.name();
            tracing::error!(%room, "bids or a reserve are sealed to a key that is not in the data folder: restore sealing.key.pem, or they are never opened");
        }
    }

    /// What to do while a witness may still answer; `None` once none can in time.
    pub(super) fn waits_for_witness(&mut self, now: Time, limit: Time) -> Option<Step> {
        let asked = *self.asked.get_or_insert_with(Instant::now);
        if now <= limit {
            return Some(Step::Idle);
        }
        let until = asked + ASKED_WITHIN;
        (Instant::now() < until).then_some(Step::Wait(until))
    }
}

#[cfg(test)]
mod tests;
