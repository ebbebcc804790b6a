//! What cosigned heads show of a broker that goes back behind one, and of a witness that signs two
//! (V-150, V-153).

use std::collections::BTreeMap;

use pregao_protocol::audit::evidence::{CosignedHead, CosignedTwice, Evidence, Rollback};
use pregao_protocol::log::stamp::VerifiedBatch;
use pregao_protocol::log::{Cosignature, Head, RoomName, cosignature};
use pregao_protocol::room::auction::{Outcome, Phase};
use pregao_protocol::room::body::Body;
use pregao_protocol::room::{Auction, Stamped};
use pregao_protocol::trust::key::{PublicKey, WitnessKey};
use pregao_protocol::wire::refusal::Refusal;

use crate::desk::Desk;
use crate::desk::evidence::Exhibit;
use crate::desk::heads::DatedRefusal;
use crate::desk::replica::Replica;

/// Cosigned heads of a room that are compared with what comes: the largest ones.
const HEADS: usize = 32;

/// Heads of one room that named witnesses cosigned, by size: of each witness the first that came.
#[derive(Debug, Default)]
pub(super) struct CosignedHeads {
    heads: BTreeMap<u64, Vec<(Head, Cosignature)>>,
    /// Witnesses of whom the user was told that they signed two.
    told: Vec<PublicKey<WitnessKey>>,
}

impl CosignedHeads {
    /// Takes what was cosigned over a head, each cosignature verified, and gives what is then shown of each
    /// witness that cosigned another head of this size.
    fn meet(&mut self, head: &Head, cosigned: Vec<Cosignature>) -> Vec<CosignedTwice> {
        let known = self.heads.entry(head.size).or_default();
        let signed = |head: &Head, by: &Cosignature| CosignedHead {
            head: head.text(),
            time: by.time,
            signature: by.signature,
        };
        let mut twice = Vec::new();
        for second in cosigned {
            let of_this = |(_, known): &&(Head, Cosignature)| known.witness == second.witness;
            let Some((first, one)) = known.iter().find(of_this) else {
                known.push((*head, second));
                continue;
            };
            if first.root != head.root && !self.told.contains(&second.witness) {
                self.told.push(second.witness);
                let heads = [signed(first, one), signed(head, &second)];
                twice.push(CosignedTwice { witness: second.witness, heads });
            }
        }
        if self.heads.len() > HEADS {
            self.heads.pop_first();
        }
        twice
    }

    /// What is known to be cosigned over a head.
    fn over(&self, head: &Head) -> Vec<Cosignature> {
        let known = self.heads.get(&head.size).into_iter().flatten();
        known.filter(|(known, _)| known.root == head.root).map(|(_, signed)| *signed).collect()
    }
}

impl Desk {
    /// Compares a head with those that the same witnesses cosigned before, whether or not it agrees with the
    /// log.
    pub(super) async fn meet_cosigned(&mut self, name: RoomName, head: &Head, note: &str) {
        let Some(replica) = self.rooms.get(&name) else { return };
        let Some(terms) = replica.known().map(|room| room.terms()) else { return };
        // A line that does not hold is said of those that agree with the log.
        let Ok(cosigned) = cosignature::cosignatures(note, head, &terms.witnesses) else { return };
        let cosigned = cosigned.into_iter().map(|(_, cosignature)| cosignature).collect();
        self.compare_cosigned(name, head, cosigned).await;
    }

    /// The dates in `settled` and `opened` are cosignatures like others, over the head that ends with `closed`
    /// (V-142), whatever was said in between.
    pub(in crate::desk) async fn meet_date(&mut self, name: RoomName, stamped: &Stamped) {
        let cosigned = match stamped.action().body() {
            Body::Settled(settled) => &settled.cosigned,
            Body::Opened(opened) => &opened.cosigned,
            _ => return,
        };
        let room = self.rooms.get(&name).and_then(Replica::room);
        let closing = room.and_then(Auction::of).and_then(Auction::closing);
        let Some(head) = closing.map(|closing| closing.head) else { return };
        let holds = |signed: &&Cosignature| signed.verify(&head).is_ok();
        let cosigned = cosigned.iter().filter(holds).copied().collect();
        self.compare_cosigned(name, &head, cosigned).await;
        self.check_void(name, &head).await;
    }

    /// Whether an auction ended void for want of a date that the broker itself has shown: by then it could read the
    /// bids.
    async fn check_void(&mut self, name: RoomName, head: &Head) {
        let Some(replica) = self.rooms.get(&name) else { return };
        let known = replica.witnessed.cosigned.over(head);
        let is_false = |auction: &&Auction| {
            let opens = auction.opens().map(|opens| opens.as_secs());
            let dated = auction.dated_by(&known);
            auction.phase() == Phase::Ended(Outcome::Void)
                && dated.zip(opens).is_some_and(|(by, opens)| by < opens)
        };
        if replica.room().and_then(Auction::of).filter(is_false).is_none() {
            return;
        }
        let head = head.text();
        self.accuse(
            Some(name),
            "the broker voids this auction, though witnesses had dated its close in time",
            "it could read the bids before it chose: keep the export of this room, and keep away from this broker",
            Exhibit::Notes("void", &[&head]),
        )
        .await;
    }

    async fn compare_cosigned(&mut self, name: RoomName, head: &Head, cosigned: Vec<Cosignature>) {
        let Some(replica) = self.rooms.get_mut(&name) else { return };
        if cosigned.is_empty() {
            return;
        }
        for twice in replica.witnessed.cosigned.meet(head, cosigned) {
            let proof = Evidence::CosignedTwice(twice);
            let message =
                "a WITNESS SIGNED TWO HISTORIES of this room: what is called final here is not";
            let advice = "trust no room that names this witness, and show this to its operator";
            self.accuse(Some(name), message, advice, Exhibit::Proof(&proof, Some(name))).await;
        }
    }

    /// A refusal dates the log that it names.
    pub(in crate::desk) async fn meet_refusal(&mut self, refusal: &Refusal, compact: &str) {
        let Ok(header) = VerifiedBatch::open(&refusal.header, &[self.tsa.stamp]) else { return };
        self.meet_header(&header).await;
        let (size, after) = (refusal.size, header.header().prev_time);
        let dated = DatedRefusal { size, after, compact: compact.to_owned() };
        self.statements.refused(refusal.room, dated);
        self.check_rollback(refusal.room).await;
    }

    /// Whether the broker refused by a log smaller than what was final a while before: an old backup, or worse.
    pub(super) async fn check_rollback(&mut self, name: RoomName) {
        let Some((last, refused)) = self.statements.shrunk(name) else { return };
        let opening = self.rooms.get(&name).and_then(Replica::opening).map(str::to_owned);
        let Some(opening) = opening.or_else(|| self.opening_in_receipts(name)) else { return };
        let proof = Evidence::Rollback(Rollback {
            certificate: self.connection.certificate().to_owned(),
            opening,
            head: last.statement.text().to_owned(),
            refusal: refused.compact.clone(),
        });
        let (had, answers) = (last.size, refused.size);
        // What it says of dates is decided in one place, with the grace that clocks need.
        if proof.verify().is_err() {
            return;
        }
        self.statements.note_rolled_back(name);
        let message = format!(
            "the broker WENT BACK to a log of {answers} entries, and witnesses had seen {had}"
        );
        self.stop_believing(name, &message, Exhibit::Proof(&proof, Some(name))).await;
    }
}

#[cfg(test)]
pub(in crate::desk) mod tests;
