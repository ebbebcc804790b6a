//! What a room wants of its witnesses: that they cosign its newest head, or date its close first.

use std::sync::Arc;

use pregao_protocol::room::action::Seen;

use super::RoomTask;
use crate::witness::{Offer, cosignatures_of};

impl RoomTask {
    /// Has the witnesses that the room names asked about its newest head, or about the one that is to be
    /// dated before. It returns at once, and what comes of it is told by signals. Private rooms name none.
    pub(super) fn offer_head(&mut self) {
        let terms = self.room.terms();
        if terms.witnesses.is_empty() || !terms.is_public() {
            return;
        }
        let newest = self.room.ledger().head();
        let first = self.policy.to_be_dated(&self.room);
        let seen = first.map_or(newest, |head| Seen { size: head.size, root: head.root });
        let note = if seen == newest {
            Arc::clone(self.feed.head())
        } else {
            self.shared.keys.sign_head(self.name, seen)
        };
        let kept = self.kept.take();
        if let (Some(kept), Some(head)) = (&kept, first) {
            // The witnesses dated the close before this broker started; it is not asked for again.
            for (_, cosigned) in cosignatures_of(kept, head.origin, terms) {
                self.policy.dated(&self.room, cosigned);
            }
        }
        self.shared.witnesses.offer(Offer {
            room: self.name,
            seen,
            note,
            is_closing: first.is_some(),
            is_last: self.room.is_complete(),
            terms,
            kept: kept.as_ref(),
        });
    }
}
