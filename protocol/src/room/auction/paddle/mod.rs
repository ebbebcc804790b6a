//! Paddles: public names of bidders in one auction, for those who want one; and how many bids one bidder may make
//! (SPEC 7.12).
//!
//! Whoever bids first under a name holds it. Every later bid under it shows that it is by the same author, with a ratio that
//! only that author knows besides the broker, under a signature that the broker cannot make.

use std::collections::BTreeMap;

use super::Auction;
use crate::room::Code;
use crate::room::body::Listing;
use crate::trust::key::{OneTime, PublicKey};

#[cfg(test)]
mod tests;
pub mod verbs;

use verbs::{Paddle, PaddleName};

/// Most bids of one bidder that a listing may allow, where it sets a bound: each is shown by a ratio in the refusal of the
/// next one (V-203), which has to fit.
pub const MAX_BIDS: u32 = 32;

/// Who holds which paddle of an auction.
#[derive(Debug, Clone, Default)]
pub(super) struct Paddles {
    /// The positions of the bids under each, rising.
    bids: BTreeMap<PaddleName, Vec<u64>>,
    /// The paddle of each bid that has one.
    of: BTreeMap<u64, PaddleName>,
}

impl Paddles {
    pub(super) fn count(&mut self, paddle: Option<&Paddle>, seq: u64) {
        let Some(Paddle { name, .. }) = paddle else { return };
        self.bids.entry(name.clone()).or_default().push(seq);
        self.of.insert(seq, name.clone());
    }
}

/// V-202: what a listing may say of bids per bidder.
pub(super) fn is_possible(listing: &Listing) -> bool {
    listing.bids_each.is_none_or(|bids| (1..=MAX_BIDS).contains(&bids))
}

impl Auction {
    /// V-200, V-201: a paddle that nobody holds, or one whose holder the bid is shown to be by.
    pub(super) fn judge_paddle(
        &self,
        paddle: Option<&Paddle>,
        key: &PublicKey<OneTime>,
    ) -> Result<(), Code> {
        let Some(Paddle { name, earlier }) = paddle else { return Ok(()) };
        let held = self.paddles.bids.get(name);
        let fits = match (held, earlier) {
            (None, None) => true,
            (Some(held), Some(earlier)) => {
                held.binary_search(&earlier.seq).is_ok()
                    && self
                        .bid_key(earlier.seq)
                        .is_some_and(|holder| earlier.ratio.verify(&holder, key).is_ok())
            }
            (None, Some(_)) | (Some(_), None) => false,
        };
        if fits { Ok(()) } else { Err(Code::BidPaddle) }
    }

    /// The paddles of this auction with the positions of the bids under each, in the order of their names.
    pub fn paddles(&self) -> impl Iterator<Item = (&PaddleName, &[u64])> {
        self.paddles.bids.iter().map(|(name, bids)| (name, bids.as_slice()))
    }

    /// The positions of the bids under a paddle, rising.
    #[must_use]
    pub fn under(&self, paddle: &PaddleName) -> &[u64] {
        self.paddles.bids.get(paddle).map_or(&[], Vec::as_slice)
    }

    /// The paddle under which the bid at this position was made, if it has one.
    #[must_use]
    pub fn paddle_of(&self, seq: u64) -> Option<&PaddleName> {
        self.paddles.of.get(&seq)
    }
}
