//! Which personas have a session, and who is invited to which private room. In memory only: the rooms
//! invite again when the broker starts.

use std::collections::HashMap;

use parking_lot::Mutex;
use pregao_protocol::log::RoomName;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::wire::frame::FromBroker;
use tokio::sync::mpsc;

/// Sessions by persona, and their invitations.
#[derive(Debug, Default)]
pub struct Presence {
    /// Auction and private room, by the persona that is invited.
    invitations: Mutex<HashMap<Fingerprint, Vec<(RoomName, RoomName)>>>,
    online: Mutex<HashMap<Fingerprint, Vec<mpsc::UnboundedSender<FromBroker>>>>,
}

impl Presence {
    /// A session begins: gives the invitations kept for its persona.
    pub fn register(
        &self,
        persona: Fingerprint,
        session: mpsc::UnboundedSender<FromBroker>,
    ) -> Vec<(RoomName, RoomName)> {
        self.online.lock().entry(persona).or_default().push(session);
        self.invitations.lock().get(&persona).cloned().unwrap_or_default()
    }

    /// A session has ended.
    pub fn unregister(&self, persona: Fingerprint, session: &mpsc::UnboundedSender<FromBroker>) {
        let mut online = self.online.lock();
        if let Some(sessions) = online.get_mut(&persona) {
            sessions.retain(|other| !other.same_channel(session));
            if sessions.is_empty() {
                online.remove(&persona);
            }
        }
    }

    /// Keeps an invitation for a persona and sends it to each of their sessions.
    pub fn invite(&self, persona: Fingerprint, auction: RoomName, room: RoomName) {
        let mut invitations = self.invitations.lock();
        let invited = invitations.entry(persona).or_default();
        if !invited.contains(&(auction, room)) {
            invited.push((auction, room));
        }
        drop(invitations);
        for session in self.online.lock().get(&persona).into_iter().flatten() {
            let _ = session.send(FromBroker::Invited { auction, room });
        }
    }

    /// Forgets the invitations that an auction led to.
    pub fn forget(&self, auction: RoomName) {
        let mut invitations = self.invitations.lock();
        invitations.values_mut().for_each(|of| of.retain(|(other, _)| *other != auction));
    }
}

#[cfg(test)]
mod tests;
