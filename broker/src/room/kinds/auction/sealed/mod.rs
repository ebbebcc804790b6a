//! What a broker does where bids are sealed: it says what to, and opens them all once that may be (SPEC 7.9).

use std::time::Duration;

use pregao_protocol::room::auction::Auction;
use pregao_protocol::room::auction::sealed::{UNOPENED_AFTER, opens_at};
use pregao_protocol::room::body::{Body, Opened, ReleasedLock, Sealing, Settled};
use pregao_protocol::trust::timelock::OpenedLock;
use pregao_protocol::value::clock::Time;
use pregao_protocol::wire::tsa::TimeLockAnswer;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::time::Instant;

use super::{ASKED_WITHIN, AuctionPolicy, ON_ITS_WAY};
use crate::room::kinds::{RoomView, Step};

/// How often a room looks whether its TSA has answered: it goes on meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl AuctionPolicy {
    /// When the bids are to be opened, or given up; `None` if bids are not sealed.
    pub(super) fn sealed_due(&self, auction: &Auction) -> Option<Time> {
        let opens = auction.opens()?;
        // A witness's answer may still be on its way, though it is too late then.
        Some(if self.is_shut_before(auction) { opens } else { opens.plus(ON_ITS_WAY) })
    }

    /// Whether a witness dates the close before bids can be read.
    fn is_shut_before(&self, auction: &Auction) -> bool {
        self.dated.as_ref().is_some_and(|dated| dated.time < opens_at(auction.listing()))
    }

    /// Says what bids are sealed to.
    pub(super) fn state_keys(&mut self, auction: &Auction, view: RoomView<'_>) -> Step {
        match self.timelock(auction, view) {
            Ok(answer) => {
                let key = view.shared.keys.sealing_key(view.name()).public();
                // A broker has one TSA, and takes no listing that names others.
                Step::Append(Body::Sealing(Sealing { key, locks: vec![answer.statement] }).into())
            }
            Err(step) => step,
        }
    }

    /// Opens the bids, or ends the auction whose bids cannot be.
    pub(super) fn open_bids(&mut self, auction: &Auction, view: RoomView<'_>, now: Time) -> Step {
        let Some(opens) = auction.opens().filter(|opens| now >= *opens) else { return Step::Idle };
        let cosigned = self.dated.as_deref().copied();
        let without_winner = Settled { winner: None, price: None, cosigned };
        let Some(cosigned) = cosigned.filter(|_| self.is_shut_before(auction)) else {
            if let Some(step) = self.waits_for_witness(now, opens.plus(ON_ITS_WAY)) {
                return step;
            }
            return Step::Append(Body::Settled(without_winner).into());
        };
        if now >= opens.plus(UNOPENED_AFTER) {
            return Step::Append(Body::Settled(without_winner).into());
        }
        if !Self::holds_key(auction, view) {
            return Step::Failed;
        }
        match self.timelock(auction, view) {
            Ok(TimeLockAnswer { secret: Some(secret), .. }) => {
                let key = OpenedLock(*view.shared.keys.sealing_key(view.name()).expose());
                let locks = vec![ReleasedLock { tsa: 0, secret }];
                Step::Append(Body::Opened(Opened { key, locks, cosigned }).into())
            }
            Ok(TimeLockAnswer { secret: None, .. }) => {
                tracing::warn!(room = %view.name(), "the TSA keeps a secret beyond its instant; asked again");
                Step::Failed
            }
            Err(step) => step,
        }
    }

    /// Whether the key of a room is one of this data folder.
    fn holds_key(auction: &Auction, view: RoomView<'_>) -> bool {
        let own = view.shared.keys.sealing_key(view.name()).public();
        auction.recipients().is_none_or(|to| to.broker == own)
    }

    /// Says loudly, at the start, if the key is lost to which a room's bids are sealed.
    pub(super) fn warn_of_lost_key(auction: &Auction, view: RoomView<'_>) {
        if auction.has_unopened() && !Self::holds_key(auction, view) {
            let room = view.name();
            tracing::error!(%room, "bids are sealed to a key that is not in the data folder: restore sealing.key.pem, or they are never opened");
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

    /// What the TSA says of the instant; the step to take while it has not answered.
    fn timelock(&mut self, auction: &Auction, view: RoomView<'_>) -> Result<TimeLockAnswer, Step> {
        let at = opens_at(auction.listing());
        let lock = self.lock.get_or_insert_with(|| view.shared.timelocks.ask(at));
        let answered = lock.try_recv();
        if answered != Err(TryRecvError::Empty) {
            self.lock = None;
        }
        match answered {
            Ok(answer) => Ok(answer),
            Err(TryRecvError::Empty) => Err(Step::Wait(Instant::now() + LOOK_AGAIN)),
            Err(TryRecvError::Closed) => Err(Step::Failed),
        }
    }
}

#[cfg(test)]
mod tests;
