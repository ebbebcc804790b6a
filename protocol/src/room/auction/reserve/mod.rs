//! Hidden reserves: a price below which the item is not sold, and which nobody reads until no bid counts any more (SPEC 7.13).
//!
//! It is sealed like a bid, before any bid can be made. Sealed bids are opened together with it; where bids are open it is
//! opened alone, by its seller after the close, or without them once broker and TSAs can.

use std::time::Duration;

use super::sealed::envelope::{Recipients, Secrets, Void, open_reserve, unseal_reserve};
use super::sealed::{OPEN_WITHIN, UNOPENED_AFTER, lock_tsas};
use super::{Auction, Counted, Late, Phase};
use crate::log::RoomName;
use crate::room::body::{Amount, Listing};
use crate::room::{Code, Ledger, Stamped};
use crate::trust::key::{OneTime, PublicKey};
use crate::trust::persona::Ratio;
use crate::value::clock::Time;

pub mod verbs;

use verbs::{Reserve, Unseal};

/// How much is known of a hidden reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The seller has not sent it: nobody can bid.
    Awaited,
    /// It is in the log, sealed.
    Sealed,
    /// It was opened.
    Open(Amount),
    /// It was opened, or should have been, and is none.
    Void(Void),
    /// Nobody opened it in time: it counts as none.
    Unopened,
}

impl Standing {
    /// The word for it in verdicts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Awaited => "awaited",
            Self::Sealed => "sealed",
            Self::Open(_) => "open",
            Self::Void(_) => "void",
            Self::Unopened => "unopened",
        }
    }
}

/// The hidden reserve of an auction that has one.
#[derive(Debug, Clone)]
pub(super) struct Hidden {
    standing: Standing,
    /// As it was sealed, and by which key.
    sealed: Option<(PublicKey<OneTime>, Reserve)>,
}

impl Hidden {
    pub(super) const fn awaited() -> Self {
        Self { standing: Standing::Awaited, sealed: None }
    }

    pub(super) fn open(&mut self, room: RoomName, to: &Recipients, secrets: &Secrets) {
        let Some((key, reserve)) = &self.sealed else { return };
        self.standing = match open_reserve(secrets, to, (room, key), reserve) {
            Ok(amount) => Standing::Open(amount),
            Err(cause) => Standing::Void(cause),
        };
    }
}

/// V-210: what a listing with a reserve has besides what V-164 says of everything that is sealed.
pub(super) fn is_possible(listing: &Listing, needed: u32) -> bool {
    listing.dutch.is_none() && listing.sealed.as_ref().is_none_or(|terms| terms.needed == needed)
}

impl Auction {
    /// V-211, V-213: whether the author is shown to be the seller.
    fn judge_seller(&self, ratio: &Ratio, key: &PublicKey<OneTime>) -> Result<(), Code> {
        ratio.verify(&self.seller, key).map_err(|_| Code::ReserveSeller)
    }

    /// V-211.
    pub(super) fn judge_reserve(&self, reserve: &Reserve, entry: &Stamped) -> Result<(), Code> {
        let hidden = self.reserve.as_ref().ok_or(Code::VerbKind)?;
        let can_seal = self.phase == Phase::Open && self.recipients().is_some();
        if !can_seal || hidden.standing != Standing::Awaited {
            return Err(Code::VerbPhase);
        }
        self.judge_seller(&reserve.ratio, entry.action().key())?;
        let fits = reserve.parts().fits(lock_tsas(&self.listing).len());
        if fits { Ok(()) } else { Err(Code::ReserveSealed) }
    }

    pub(super) fn append_reserve(&mut self, reserve: &Reserve, entry: &Stamped) {
        if let Some(hidden) = &mut self.reserve {
            hidden.standing = Standing::Sealed;
            hidden.sealed = Some((*entry.action().key(), reserve.clone()));
        }
    }

    /// V-213.
    pub(super) fn judge_unseal(
        &self,
        ledger: &Ledger,
        unseal: &Unseal,
        entry: &Stamped,
    ) -> Result<(), Code> {
        if self.reserve.is_none() || self.is_sealed() {
            return Err(Code::VerbKind);
        }
        if !self.awaits_reserve() {
            return Err(Code::VerbPhase);
        }
        self.judge_seller(&unseal.ratio, entry.action().key())?;
        self.unsealed(ledger, unseal).map(|_| ()).ok_or(Code::ReserveWrong)
    }

    fn unsealed(&self, ledger: &Ledger, unseal: &Unseal) -> Option<Amount> {
        let (key, reserve) = self.reserve.as_ref()?.sealed.as_ref()?;
        let halves = zeroize::Zeroizing::new([unseal.first.0, unseal.second.0]);
        unseal_reserve(&halves, self.recipients()?, (ledger.name(), key), reserve)
    }

    pub(super) fn append_unseal(&mut self, ledger: &Ledger, unseal: &Unseal, entry: &Stamped) {
        let amount = self.unsealed(ledger, unseal);
        if let Some((hidden, amount)) = self.reserve.as_mut().zip(amount) {
            hidden.standing = Standing::Open(amount);
        }
        self.note_opening(entry);
        // Its author chose the stamp, and had F to hand it in.
        let freshness = Duration::from_secs(self.listing.freshness.into());
        self.unnamed_since = entry.time().plus(freshness);
    }

    /// V-212, V-214: what an opening, by whomever, means for the close.
    pub(super) fn note_opening(&mut self, entry: &Stamped) {
        let limit = self.opens().map(|opens| opens.plus(OPEN_WITHIN));
        // As with `closed`, time without a TSA is nobody's delay.
        let late = limit.is_some_and(|limit| entry.batch().header().prev_time > limit);
        self.late = self.late.or(late.then_some(Late::Opened));
        self.unnamed_since = entry.time();
    }

    /// V-214: until when `settled` waits for the reserve; `None` if it does not wait.
    #[must_use]
    pub fn waits_for_reserve(&self) -> Option<Time> {
        let opens = self.opens().filter(|_| self.awaits_reserve())?;
        Some(opens.plus(UNOPENED_AFTER))
    }

    /// V-214: a winner was named though the reserve is still sealed.
    pub(super) fn give_reserve_up(&mut self) {
        if self.awaits_reserve()
            && let Some(hidden) = &mut self.reserve
        {
            hidden.standing = Standing::Unopened;
        }
    }

    /// Whether bids were open, no further one counts, and the reserve is to be opened before a winner is named.
    #[must_use]
    pub fn awaits_reserve(&self) -> bool {
        let sealed = self.reserve() == Some(Standing::Sealed) && !self.is_sealed();
        sealed && self.phase == Phase::Closed && !self.bids.is_empty() && !self.is_bought
    }

    /// How much is known of the hidden reserve; `None` where there is none.
    #[must_use]
    pub fn reserve(&self) -> Option<Standing> {
        self.reserve.as_deref().map(|hidden| hidden.standing)
    }

    /// Whether nobody can bid yet, because the seller has not sealed the reserve.
    #[must_use]
    pub fn lacks_reserve(&self) -> bool {
        self.reserve() == Some(Standing::Awaited)
    }

    /// The hidden reserve, once everybody can read it.
    #[must_use]
    pub fn known_reserve(&self) -> Option<Amount> {
        match self.reserve()? {
            Standing::Open(amount) => Some(amount),
            Standing::Awaited | Standing::Sealed | Standing::Void(_) | Standing::Unopened => None,
        }
    }

    /// V-215: the bid that is to be named: the one that leads, if it is not below the reserve.
    #[must_use]
    pub fn to_be_named(&self) -> Option<&Counted> {
        let reserve = self.known_reserve();
        self.leading().filter(|bid| reserve.is_none_or(|reserve| bid.amount >= reserve))
    }
}

#[cfg(test)]
mod tests;
