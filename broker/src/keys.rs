//! The broker's secret keys and what is signed with them alone.

use std::sync::Arc;

use pregao_protocol::log::{Head, Origin, RoomName};
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::auction::sealed::broker_key;
use pregao_protocol::trust::broker::BrokerKeys;
use pregao_protocol::trust::key::{EntryKey, Fingerprint, HeadKey, SecretKey, SessionKey};
use pregao_protocol::trust::seal::SealKey;

/// The broker's secret keys, each for one purpose.
#[derive(Debug)]
pub struct Keys {
    /// Pinned by peers; signs handshakes and the certificate.
    pub session: SecretKey<SessionKey>,
    /// Signs log heads.
    pub head: SecretKey<HeadKey>,
    /// Signs the broker's entries and refusals.
    pub entry: SecretKey<EntryKey>,
    /// Opens what witnesses deliver.
    pub delivery: SealKey,
    /// What the keys are made from that sealed bids are sealed to, one for each room.
    pub sealing: SealKey,
}

impl Keys {
    /// Fingerprint of the session key: what peers pin.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.session.public().fingerprint()
    }

    /// The public halves.
    #[must_use]
    pub fn public(&self) -> BrokerKeys {
        BrokerKeys {
            session: self.session.public(),
            head: self.head.public(),
            entry: self.entry.public(),
            delivery: self.delivery.public(),
        }
    }

    /// The key that the bids of one room are sealed to. Its secret is published once they are opened.
    #[must_use]
    pub fn sealing_key(&self, room: RoomName) -> SealKey {
        broker_key(self.sealing.expose(), room)
    }

    /// Signs a room's head.
    #[must_use]
    pub fn sign_head(&self, room: RoomName, seen: Seen) -> Arc<str> {
        let origin = Origin { broker: self.fingerprint(), room };
        Head { origin, size: seen.size, root: seen.root }.sign(&self.head).into()
    }
}
