//! Whether the broker lets an auction take its course: that what it logs comes when it was stamped, and that
//! the auction ends as its private room did (SPEC 7.5, 8).

use std::time::Duration;

use pregao_protocol::audit::evidence::{Evidence, FalseOutcome};
use pregao_protocol::log::RoomName;
use pregao_protocol::log::transcript::transcript;
use pregao_protocol::room::body::Body;
use pregao_protocol::room::reveal::{Conclusion, Verdict};
use pregao_protocol::room::{Auction, RevealRoom, Stamped};

use super::AuctionNotes;
use crate::desk::Desk;
use crate::desk::evidence::Exhibit;

/// What ticks and the way to the peer may add to the age of an entry that was shown at once: they come once a
/// second, and one may be missing.
const SLACK: Duration = Duration::from_secs(3);

/// How the broker recorded the end of a reveal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorded {
    /// Position of the `settled` entry whose reveal it was.
    settled: u64,
    conclusion: Conclusion,
}

impl AuctionNotes {
    /// Remembers what an entry says of the reveal.
    pub(super) fn note_outcome(&mut self, body: &Body) {
        let (verdict, outcome) = match body {
            Body::Revealed(ended) => (Verdict::Revealed, ended.outcome),
            Body::Abandoned(ended) => (Verdict::Abandoned, ended.outcome),
            Body::Forfeited(forfeited) => (Verdict::Forfeited, forfeited.outcome),
            Body::Withdrawn(withdrawn) => (Verdict::Withdrawn(withdrawn.side), withdrawn.outcome),
            _ => return,
        };
        if let Some((settled, _)) = self.settled {
            self.recorded.push(Recorded { settled, conclusion: Conclusion { verdict, outcome } });
        }
    }
}

impl Desk {
    /// An entry that comes long after its stamp, while the time came steadily, was held back: whoever holds
    /// entries back may choose among them with hindsight.
    pub(super) async fn watch_arrival(&mut self, name: RoomName, stamped: &Stamped) {
        // Simulated time leaps, and what was stamped before comes after.
        let steady = self.steady_now().filter(|_| !self.tsa.simulated);
        let Some((now, steady_for)) = steady else { return };
        let Some(replica) = self.rooms.get(&name).filter(|room| room.is_caught_up()) else {
            return;
        };
        let Some((room, auction)) =
            replica.room().and_then(|room| Some((room, Auction::of(room)?)))
        else {
            return;
        };
        let grace = Duration::from_secs(auction.listing().grace.into());
        // A peer may hand in what was stamped up to F before; the broker stamps its own when it logs them.
        let handed_in = match room.ledger().is_brokers(stamped.action()) {
            true => Duration::ZERO,
            false => room.terms().freshness,
        };
        let age = now.since(stamped.time());
        if age <= handed_in + grace + SLACK || age > steady_for {
            return;
        }
        let verb = stamped.action().body().verb();
        let message = format!(
            "the broker shows a `{verb}` {} s after it was stamped, while time came steadily",
            age.as_secs()
        );
        let advice = "whoever holds entries back may choose among them: compare with others before you rely \
                      on how this ends";
        let stamp = stamped.batch().compact().to_owned();
        let notes = [stamped.action().compact(), stamp.as_str(), &now.to_string()];
        self.accuse(Some(name), &message, advice, Exhibit::Notes("held-back", &notes)).await;
    }

    /// An auction has to record the end of each of its private rooms as that room has it (V-145).
    pub(in crate::desk) async fn check_outcome(&mut self, auction: RoomName) {
        let Some(replica) = self.rooms.get(&auction) else { return };
        let notes = &replica.notes.auction;
        if notes.proven || notes.recorded.is_empty() {
            return;
        }
        let recorded = notes.recorded.clone();
        let wrong = self.rooms.private_rooms_of(auction).find(|private| {
            let room = self.rooms.get(private).filter(|room| room.is_caught_up());
            let ended = room.and_then(|room| {
                let reveal = RevealRoom::of(room.room()?)?;
                Some((reveal.opening().settled, reveal.conclusion()?))
            });
            ended.is_some_and(|(settled, conclusion)| {
                let mut of_this = recorded.iter().filter(|recorded| recorded.settled == settled);
                of_this.any(|recorded| recorded.conclusion != conclusion)
            })
        });
        let Some(private) = wrong else { return };
        let told = notes.contradicted;
        let proof = self.false_outcome(auction, private);
        if let Some(replica) = self.rooms.get_mut(&auction) {
            replica.notes.auction.contradicted = true;
            replica.notes.auction.proven = proof.is_some();
        }
        let message = "THE BROKER RECORDS ANOTHER END than the private room of the two has";
        let advice = "keep the logs of both rooms: together they show it";
        if let Some(proof) = proof {
            let shown = Exhibit::Proof(&proof, Some(auction));
            return self.accuse(Some(auction), message, advice, shown).await;
        }
        // As long as the broker has not signed one of them as it stands, there is nothing to show to others.
        if told {
            return;
        }
        let mut notes = Vec::new();
        for room in [auction, private] {
            let Some(replica) = self.rooms.get(&room) else { return };
            notes.extend(replica.lines());
            notes.extend(replica.head().map(str::to_owned));
        }
        let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
        self.accuse(Some(auction), message, advice, Exhibit::Notes("outcome", &notes)).await;
    }

    /// What proves that an auction records another end than its private room has; `None` while no head covers
    /// all of either.
    fn false_outcome(&self, auction: RoomName, private: RoomName) -> Option<Evidence> {
        let whole = |name: RoomName| {
            let replica = self.rooms.get(&name)?;
            let certificate = self.connection.certificate();
            Some(transcript(Some(certificate), replica.logged(), replica.whole_head()?))
        };
        let (auction, reveal) = (whole(auction)?, whole(private)?);
        let proof = Evidence::FalseOutcome(FalseOutcome { auction, reveal });
        proof.verify().is_ok().then_some(proof)
    }
}

#[cfg(test)]
mod tests;
