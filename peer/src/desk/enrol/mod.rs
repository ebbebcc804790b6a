//! Making a persona: a fresh key, certified by the CA, kept in a new vault. And certifying it again:
//! a certificate holds for a week, a persona for as long as its vault.
//!
//! Where the TSA wants to see a citizen card it happens in two visits (SPEC 3.5): [`card`] fetches a
//! token with the card, [`spend`] buys the persona's certificate with it later, by another way.
//! Between them the vault holds everything, so that whatever breaks off can be done again.

use std::path::Path;

use pregao_protocol::certificate::sheet::{TsaAddress, TsaKeys};
use pregao_protocol::clock::Time;
use pregao_protocol::key::{Fingerprint, Persona, SecretKey};

use super::random;
use crate::authority::{Authority, ProxyAddress, system_time};
use crate::vault::{Contents, Passphrase, Secret, TrustedTsa, Vault, VaultError, WorkFactor};

pub mod card;
mod error;
mod issuer;
pub mod reader;
pub mod report;
mod spend;

pub use error::{EnrolError, SignerError};
pub use issuer::short_name;
pub use spend::{Spending, spend};

/// What an enrolment made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolled {
    /// The new persona.
    pub persona: Fingerprint,
    /// The CA that certified it.
    pub authority: Fingerprint,
    /// Whether that CA was pinned by the address, and not trusted at first use.
    pub pinned: bool,
    /// Whether TSA and CA run in simulated time.
    pub simulated: bool,
    /// How the certificate was come by.
    pub by: By,
}

/// What persuaded the CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// An invitation, a certificate in force, or nothing.
    Policy,
    /// A token of a citizen.
    Token {
        /// Before the time that was proposed, because the user wanted so.
        early: bool,
        /// Until when the same token renews the certificate.
        renews_until: Time,
    },
}

/// Enrols with the TSA at `address` and keeps the persona in a new vault in `folder`. Blocks.
///
/// # Errors
/// [`EnrolError`]; an existing vault is never touched.
pub fn enrol(
    folder: &Path,
    passphrase: &Passphrase,
    work: WorkFactor,
    address: &TsaAddress,
    invite: Option<&str>,
    proxy: Option<&ProxyAddress>,
) -> Result<Enrolled, EnrolError> {
    if Vault::exists(folder) {
        return Err(VaultError::AlreadyThere { folder: folder.to_owned() }.into());
    }
    let seed = fresh()?;
    let persona = SecretKey::<Persona>::from_seed(&seed);
    let authority = reach(address, proxy);
    let (keys, sheet) = authority.keys()?;
    let certificate = authority.enrol(&persona, &keys, invite)?;
    let tsa = TrustedTsa {
        url: address.url.clone(),
        authority: keys.authority.fingerprint(),
        keys: sheet,
    };
    let contents = Contents::new(Secret::new(seed), tsa, certificate);
    Vault::create(folder, passphrase, work, contents)?;
    Ok(Enrolled {
        persona: persona.public().fingerprint(),
        authority: keys.authority.fingerprint(),
        pinned: address.authority.is_some(),
        simulated: keys.simulated,
        by: By::Policy,
    })
}

/// Has the persona in an existing vault certified again by its CA; keeps everything else. Where the
/// vault holds a token and no invitation is given, the token is spent. Blocks.
///
/// # Errors
/// [`EnrolError`]; the vault is then as it was.
pub fn renew(
    folder: &Path,
    passphrase: &Passphrase,
    address: &TsaAddress,
    invite: Option<&str>,
    spending: &Spending,
) -> Result<Enrolled, EnrolError> {
    let mut vault = Vault::open(folder, passphrase)?;
    match vault.contents().enrolment.as_ref().filter(|_| invite.is_none()) {
        Some(kept) if kept.held.is_some() => {
            let spending = Spending { address: Some(address.clone()), ..spending.clone() };
            return spend::with(vault, &spending);
        }
        Some(_) if !vault.contents().is_certified() => return Err(EnrolError::Unfinished),
        _ => {}
    }
    let persona = SecretKey::<Persona>::from_seed(vault.contents().persona.expose());
    let authority = reach(address, spending.proxy.as_ref());
    let (keys, sheet) = authority.keys()?;
    let got = require_own_authority(&vault, &keys)?;
    let held = vault.contents().certificate.clone();
    let certificate = if held.is_empty() {
        authority.enrol(&persona, &keys, invite)?
    } else {
        authority.renew(&persona, &keys, invite, &held)?
    };
    vault.update(|contents| {
        contents.certificate = certificate;
        contents.tsa = TrustedTsa { url: address.url.clone(), authority: got, keys: sheet };
    })?;
    // The CA was pinned when the persona was made.
    Ok(Enrolled {
        persona: persona.public().fingerprint(),
        authority: got,
        pinned: true,
        simulated: keys.simulated,
        by: By::Policy,
    })
}

/// The persona is there to trade with.
///
/// # Errors
/// [`EnrolError::Waiting`] or [`EnrolError::Unfinished`] for one that no CA has certified yet.
pub fn require_certified(contents: &Contents) -> Result<(), EnrolError> {
    if contents.is_certified() {
        return Ok(());
    }
    let held = contents.enrolment.as_ref().and_then(|kept| kept.held.as_ref());
    Err(held.map_or(EnrolError::Unfinished, |held| EnrolError::Waiting { until: held.spend_after }))
}

/// A connection of its own, by the way the user wants.
fn reach(address: &TsaAddress, proxy: Option<&ProxyAddress>) -> Authority {
    match proxy {
        Some(proxy) => Authority::through(address.clone(), proxy.clone()),
        None => Authority::at(address.clone()),
    }
}

fn require_own_authority(vault: &Vault, keys: &TsaKeys) -> Result<Fingerprint, EnrolError> {
    let (expected, got) = (vault.contents().tsa.authority, keys.authority.fingerprint());
    if expected == got { Ok(got) } else { Err(EnrolError::OtherAuthority { expected, got }) }
}

/// The time by which issuers are chosen: the system's, and where time is simulated the TSA's own.
fn time_for(authority: &Authority, keys: &TsaKeys) -> Result<Time, EnrolError> {
    if keys.simulated { Ok(authority.offer(keys)?.time) } else { Ok(system_time()) }
}

fn fresh() -> Result<[u8; 32], EnrolError> {
    random::<32>().ok_or(EnrolError::Random)
}

#[cfg(test)]
mod tests;
