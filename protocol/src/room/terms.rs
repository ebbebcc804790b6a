//! What the opening of a room fixes for good, whatever the kind of room (SPEC 7).

use std::time::Duration;

use crate::key::{Authority, OneTime, PublicKey, StampKey};
use crate::room::body::BrokerKeys;

/// Terms of a room: by whose keys it is kept and stamped, and who may act in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The broker that keeps the room.
    pub broker: BrokerKeys,
    /// TSA keys whose stamps count.
    pub stamps: Vec<PublicKey<StampKey>>,
    /// F: how much older than the newest stamp an entry's may be.
    pub freshness: Duration,
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
}

impl Terms {
    /// The keys of the members; `None` for a public room.
    #[must_use]
    pub fn members(&self) -> Option<&[PublicKey<OneTime>]> {
        match &self.access {
            Access::Public => None,
            Access::Members(keys) => Some(keys),
        }
    }
}
