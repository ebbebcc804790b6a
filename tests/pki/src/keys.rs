//! Keys of authorities, made once per process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA256,
    PKCS_RSA_SHA256, RsaKeySize,
};

use crate::{Plan, Profile};

/// Length of the authorities' RSA keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strength {
    /// As in the real PKI: RSA 4096. Making two such keys takes seconds.
    Real,
    /// RSA 2048.
    Quick,
}

/// Whose key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Root,
    CardRsa,
    CardCurve,
    AuthenticationRsa,
    AuthenticationCurve,
    SignatureRsa,
    SignatureCurve,
    Responder,
    /// Of citizens' signature certificates, which nothing here uses.
    CitizenSignature(Profile),
}

type Kept = HashMap<(Role, Strength, bool), Arc<OnceLock<Arc<KeyPair>>>>;

/// The key of a role, made at its first use.
pub(crate) fn of(role: Role, plan: &Plan) -> Arc<KeyPair> {
    static KEPT: OnceLock<Mutex<Kept>> = OnceLock::new();
    let slot = {
        let kept = KEPT.get_or_init(Mutex::default);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.entry((role, plan.strength, plan.foreign)).or_default())
    };
    Arc::clone(slot.get_or_init(|| Arc::new(make(role, plan.strength))))
}

fn make(role: Role, strength: Strength) -> KeyPair {
    let long = match strength {
        Strength::Real => RsaKeySize::_4096,
        Strength::Quick => RsaKeySize::_2048,
    };
    match role {
        Role::Root | Role::CardRsa => rsa(long),
        Role::AuthenticationRsa | Role::SignatureRsa => rsa(RsaKeySize::_2048),
        Role::CardCurve => KeyPair::generate_for(&PKCS_ECDSA_P521_SHA256).expect("a key is made"),
        Role::AuthenticationCurve | Role::SignatureCurve => {
            KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key is made")
        }
        Role::Responder => p256(),
        Role::CitizenSignature(profile) => citizen(profile),
    }
}

/// A new key as a card of this generation has it.
pub(crate) fn citizen(profile: Profile) -> KeyPair {
    match profile {
        Profile::V3 => rsa(RsaKeySize::_2048),
        Profile::V4 => rsa(RsaKeySize::_3072),
        Profile::V5 => p256(),
    }
}

fn rsa(size: RsaKeySize) -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size).expect("a key is made")
}

fn p256() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key is made")
}
