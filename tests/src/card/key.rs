//! The private keys of a card.

use std::fmt;

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{Algorithm, Digest, SHA256, SHA384, SHA512};
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding,
};

use super::profile::{Hash, Profile, Scheme};

pub(super) enum PrivateKey {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PrivateKey {
    /// Reads PKCS#8.
    ///
    /// # Errors
    /// If it is not a key such as this generation has.
    pub(super) fn read(profile: Profile, pkcs8: &[u8]) -> Result<Self> {
        let bits = match profile {
            Profile::V3 => 2048,
            Profile::V4 => 3072,
            Profile::V5 => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8);
                return Ok(Self::P256(Box::new(key.context("a v5 card has keys on P-256")?)));
            }
            Profile::Unknown => anyhow::bail!("an unknown card has no keys"),
        };
        let key = RsaKeyPair::from_pkcs8(pkcs8).context("not an RSA key")?;
        let found = key.public_modulus_len().saturating_mul(8);
        anyhow::ensure!(found == bits, "a {profile:?} card has RSA-{bits} keys, not RSA-{found}");
        Ok(Self::Rsa(Box::new(key)))
    }

    pub(super) fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.public_key().as_ref().to_vec(),
            Self::P256(key) => key.public_key().as_ref().to_vec(),
        }
    }

    /// Signs a digest: PKCS#1 as long as the modulus, ECDSA as r‖s.
    pub(super) fn sign(&self, scheme: Scheme, hash: Hash, digest: &[u8]) -> Result<Vec<u8>> {
        let algorithm: &'static Algorithm = match hash {
            Hash::Sha256 => &SHA256,
            Hash::Sha384 => &SHA384,
            Hash::Sha512 => &SHA512,
            Hash::Sha1 | Hash::Sha224 => anyhow::bail!("the library signs no such digest"),
        };
        let digest = Digest::import_less_safe(digest, algorithm)?;
        let (key, encoding): (&RsaKeyPair, &'static dyn RsaEncoding) = match (self, scheme, hash) {
            (Self::P256(key), Scheme::Ecdsa, _) => {
                return Ok(key.sign_digest(&digest)?.as_ref().to_vec());
            }
            (Self::Rsa(key), Scheme::Pkcs1, Hash::Sha256) => (key, &RSA_PKCS1_SHA256),
            (Self::Rsa(key), Scheme::Pkcs1, Hash::Sha384) => (key, &RSA_PKCS1_SHA384),
            (Self::Rsa(key), Scheme::Pkcs1, Hash::Sha512) => (key, &RSA_PKCS1_SHA512),
            (Self::Rsa(key), Scheme::Pss, Hash::Sha256) => (key, &RSA_PSS_SHA256),
            (Self::Rsa(key), Scheme::Pss, Hash::Sha384) => (key, &RSA_PSS_SHA384),
            (Self::Rsa(key), Scheme::Pss, Hash::Sha512) => (key, &RSA_PSS_SHA512),
            (_, _, _) => anyhow::bail!("the key has no such scheme"),
        };
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign_digest(encoding, &digest, &mut signature)?;
        Ok(signature)
    }
}
