//! Personas with their certificates.

use std::sync::Arc;

use anyhow::Result;
use pregao::net::tsa::TsaClient;
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::trust::key::{Fingerprint, Persona, SecretKey};
use uuid::Uuid;

use crate::reach;

/// A persona with its certificate.
pub struct Person {
    /// The persona's key.
    pub key: SecretKey<Persona>,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    authority: TsaClient,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(..)")
    }
}

impl Person {
    /// Makes a persona and has it certified. Blocks.
    ///
    /// # Errors
    /// What the TSA says.
    pub fn enrol(tsa: &TsaAddress) -> Result<Arc<Self>> {
        let key = SecretKey::from_seed(&random());
        let authority = TsaClient::at(tsa.clone(), reach());
        let (keys, _) = authority.keys()?;
        let certificate = authority.enrol(&key, &keys, None)?;
        Ok(Arc::new(Self { key, certificate, authority }))
    }

    /// A fresh ticket for a broker. Blocks.
    ///
    /// # Errors
    /// What the TSA says.
    pub fn ticket(&self, broker: Fingerprint) -> Result<String> {
        Ok(self.authority.ticket(&self.key, &self.certificate, broker)?)
    }

    /// Fingerprint of the persona.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.key.public().fingerprint()
    }
}

/// 32 bytes of the system's randomness.
///
/// # Panics
/// If the system gives none.
#[must_use]
pub fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    bytes
}

/// A fresh name for an action.
///
/// # Panics
/// As [`random`].
#[must_use]
pub fn fresh_id() -> Uuid {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
