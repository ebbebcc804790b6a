//! Heads that witnesses cosigned: up to where a log is final (SPEC 7.6).
//!
//! What the broker alone signed, it can still exchange for those who have not seen it. What as many operators
//! cosigned as the listing asks for, it cannot.

use pregao_protocol::audit::evidence::Statement;
use pregao_protocol::log::{Head, Origin, RoomName, cosignature};

pub(super) mod lies;

use super::Desk;
use super::evidence::Exhibit;

/// How far a log was witnessed.
#[derive(Debug, Default)]
pub(in crate::desk) struct Witnessed {
    /// Entries that are final.
    size: u64,
    /// The newest cosigned head that agrees with the log, with the size that it covers.
    newest: Option<Newest>,
    /// One that the log has not reached yet.
    ahead: Option<String>,
    /// The user was told that a cosignature does not hold.
    told: bool,
    /// What witnesses cosigned, to be compared.
    cosigned: lies::CosignedHeads,
}

/// A cosigned head.
#[derive(Debug)]
struct Newest {
    size: u64,
    operators: usize,
    note: String,
}

impl Witnessed {
    /// How many entries are final.
    pub(in crate::desk) const fn size(&self) -> u64 {
        self.size
    }

    /// The cosigned head over exactly so many entries, if one came.
    pub(in crate::desk) fn head_over(&self, size: u64) -> Option<&str> {
        self.newest.as_ref().filter(|of| of.size == size).map(|of| of.note.as_str())
    }

    /// The newest head that was final for a while, if no newer one came.
    pub(in crate::desk) fn final_head(&self) -> Option<&str> {
        self.head_over(self.size)
    }
}

impl Desk {
    /// The broker shows a head with what witnesses added to it.
    pub(super) async fn handle_cosigned(&mut self, name: RoomName, note: &str) {
        let broker = self.options.broker.fingerprint;
        let Some(session) = self.connection.session() else { return };
        let key = session.certificate.keys.head;
        // About rooms that nobody asked for, a broker could speak for ever.
        let Some(room) = self.rooms.get(&name).filter(|room| room.is_followed()) else { return };
        let broken = room.is_broken();
        let Ok(head) = Head::open(note, &Origin { broker, room: name }, &key) else {
            if broken {
                return;
            }
            let message = "the broker shows as witnessed what it did not sign for this room";
            let advice = "take nothing here as final";
            return self
                .accuse(Some(name), message, advice, Exhibit::Notes("cosigned", &[note]))
                .await;
        };
        // Also of a room that is not believed: who signed its other history?
        self.meet_cosigned(name, &head, note).await;
        if broken {
            return;
        }
        // It is signed like every other head, whoever added to it.
        if !self.take_statement(name, Statement::Head(note.to_owned())).await {
            return;
        }
        let Some(room) = self.rooms.get_mut(&name) else { return };
        match room.verified_root(head.size) {
            Some(_) => self.take_cosigned(name, &head, note).await,
            None => room.witnessed.ahead = Some(note.to_owned()),
        }
    }

    /// The log has grown: a cosigned head that was ahead of it may be within it now.
    pub(super) async fn reach_cosigned(&mut self, name: RoomName) {
        let broker = self.options.broker.fingerprint;
        let Some(session) = self.connection.session() else { return };
        let key = session.certificate.keys.head;
        let Some(room) = self.rooms.get_mut(&name) else { return };
        let Some(note) = room.witnessed.ahead.take() else { return };
        let Ok(head) = Head::open(&note, &Origin { broker, room: name }, &key) else { return };
        if room.verified_root(head.size).is_some() {
            self.take_cosigned(name, &head, &note).await;
        } else {
            room.witnessed.ahead = Some(note);
        }
    }

    /// Takes a cosigned head that the log does not contradict.
    async fn take_cosigned(&mut self, name: RoomName, head: &Head, note: &str) {
        let Some(replica) = self.rooms.get_mut(&name) else { return };
        let Some(terms) = replica.room().map(|room| room.terms().clone()) else { return };
        let (is_final, operators) = match cosignature::cosignatures(note, head, &terms.witnesses) {
            Ok(cosigned) => {
                let operators = cosignature::operators(&cosigned);
                // Whoever trusts certain operators alone waits for all of them, whatever the listing says.
                let wanted = &self.options.final_by;
                let is_final =
                    terms.is_final(&cosigned) && wanted.iter().all(|name| operators.contains(name));
                (is_final, operators.len())
            }
            Err(error) => {
                if std::mem::replace(&mut replica.witnessed.told, true) {
                    return;
                }
                let message = format!("a head of this room is not witnessed as it says: {error}");
                let advice = "take nothing here as final that was not final before";
                let exhibit = Exhibit::Notes("cosigned", &[note]);
                return self.accuse(Some(name), &message, advice, exhibit).await;
            }
        };
        let witnessed = &mut replica.witnessed;
        // Fewer cosignatures under the same head say nothing new.
        let newer = (head.size, operators);
        if witnessed.newest.as_ref().is_none_or(|old| (old.size, old.operators) <= newer) {
            let (size, note) = (head.size, note.to_owned());
            witnessed.newest = Some(Newest { size, operators, note });
        }
        if is_final && head.size > witnessed.size {
            witnessed.size = head.size;
            self.statements.finalized(name, head.size, head.root, note);
            self.check_rollback(name).await;
            self.show_room(name).await;
        }
    }
}

#[cfg(test)]
pub(in crate::desk) mod tests;
