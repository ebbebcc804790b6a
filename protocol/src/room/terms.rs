//! What the opening of a room fixes for good, whatever the kind of room (SPEC 7).

use std::time::Duration;

use crate::log::{Cosignature, cosignature};
use crate::room::body::BrokerKeys;
use crate::trust::broker::BrokerCertificate;
use crate::trust::key::{Authority, OneTime, PublicKey, StampKey};
use crate::trust::witness::Witness;

/// Terms of a room: by whose keys it is kept and stamped, and who may act in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The broker that keeps the room.
    pub broker: BrokerKeys,
    /// TSA keys whose stamps count.
    pub stamps: Vec<PublicKey<StampKey>>,
    /// TSA keys of those that lock what is sealed in the room; stamps of theirs count if they are in `stamps`, too.
    pub locks: Vec<PublicKey<StampKey>>,
    /// F: how much older than the newest stamp an entry's may be.
    pub freshness: Duration,
    /// Whether those run in simulated time.
    pub simulated: bool,
    /// Who cosigns the heads of the room. Private rooms name none.
    pub witnesses: Vec<Witness>,
    /// How many different operators of witnesses make a head final; 0 without witnesses.
    pub quorum: u32,
    /// CAs whose personas may act. Empty where only members act.
    pub authorities: Vec<PublicKey<Authority>>,
    /// Who may read the room and act in it.
    pub access: Access,
}

/// Who may read a room and act in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everybody reads; every action of a persona has a key of its own.
    Public,
    /// The holders of these keys, which act more than once.
    Members(Vec<PublicKey<OneTime>>),
    /// The holder of the key that opened the room, which acts more than once. Others add what they cannot read, each
    /// by a key of its own.
    Owner,
}

impl Terms {
    /// Whether these cosignatures make a head final (V-141): they are by as many operators as the opening
    /// asks for.
    #[must_use]
    pub fn is_final(&self, cosigned: &[(&Witness, Cosignature)]) -> bool {
        let operators = cosignature::operators(cosigned).len();
        self.quorum > 0 && u32::try_from(operators).is_ok_and(|operators| operators >= self.quorum)
    }

    /// Whether a broker can keep to them: all that they name is named in its certificate.
    #[must_use]
    pub fn are_of(&self, certificate: &BrokerCertificate) -> bool {
        self.broker == certificate.keys
            && self.simulated == certificate.simulated
            && self.stamps.iter().all(|key| certificate.stamps.contains(key))
            && self.locks.iter().all(|key| certificate.locks_by(key))
            && self.witnesses.iter().all(|witness| certificate.witnesses.contains(witness))
            && self.authorities.iter().all(|key| certificate.authorities.contains(key))
    }

    /// Whether everybody reads the room.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self.access, Access::Public)
    }
}
