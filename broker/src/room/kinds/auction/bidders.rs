//! How often each persona has bid, where a listing sets a bound (V-202).

use std::collections::HashMap;
use std::fmt;

use pregao_protocol::room::Code;
use pregao_protocol::room::auction::Auction;
use pregao_protocol::room::body::{Body, SameAuthor};
use pregao_protocol::trust::key::{Persona, PublicKey};
use pregao_protocol::trust::persona::{BlindContext, Ratio};

use super::RoomView;
use crate::check::{Author, Checked};
use crate::links::AuthorLink;
use crate::room::kinds::Objection;

/// Who made which bids of one auction. As secret as the links of its room, and kept no longer than bids are taken.
#[derive(Default)]
pub(super) struct Bidders {
    bids: HashMap<PublicKey<Persona>, Vec<(u64, AuthorLink)>>,
}

impl fmt::Debug for Bidders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bidders(..)")
    }
}

impl Bidders {
    /// Those whose bids are in the log. A link without an entry is left of a crash, and counts for nothing.
    pub(super) fn of(auction: &Auction, links: Vec<AuthorLink>) -> Self {
        let mut bidders = Self::default();
        let mut links: HashMap<_, AuthorLink> =
            links.into_iter().map(|link| (link.key, link)).collect();
        for (seq, key) in auction.bid_keys() {
            if let Some(link) = links.remove(&key) {
                bidders.note(seq, link);
            }
        }
        bidders
    }

    /// Takes note of a bid. Bids are noted in the order of the log.
    pub(super) fn note(&mut self, seq: u64, link: AuthorLink) {
        self.bids.entry(link.persona).or_default().push((seq, link));
    }

    /// V-203: shows that a bid is one too many, if it is.
    pub(super) fn too_many(
        &self,
        view: RoomView<'_>,
        checked: &Checked,
        most: u32,
    ) -> Result<(), Objection> {
        let action = checked.stamped().action();
        let (Body::Bid(_) | Body::SealedBid(_), Author::Persona { persona, blind, .. }) =
            (action.body(), checked.author())
        else {
            return Ok(());
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let Some(earlier) = self.bids.get(persona).and_then(|bids| bids.get(..most)) else {
            return Ok(());
        };
        let broker = view.shared.fingerprint();
        let context = |action| BlindContext { broker, action, persona: *persona };
        let last = context(action.id());
        let same_author = earlier.iter().map(|(seq, link)| {
            let first = (&link.blind, &context(link.action));
            SameAuthor { seq: *seq, ratio: Ratio::between(first, (blind, &last)) }
        });
        let same_author = same_author.collect();
        Err(Objection { same_author, ..Code::BidLimit.into() })
    }
}
