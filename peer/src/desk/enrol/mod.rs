//! Making a persona: a fresh key, certified by the CA, kept in a new vault. And certifying it again:
//! a certificate holds for a week, a persona for as long as its vault.
//!
//! Where the TSA wants to see a citizen card it happens in two visits (SPEC 3.5): [`card`] fetches a
//! token with the card, [`fn@spend`] buys the persona's certificate with it later, by another way.
//! Between them the vault holds everything, so that whatever breaks off can be done again.

use std::path::Path;

use pregao_protocol::host::Host;
use pregao_protocol::trust::jwks::{TsaAddress, TsaKeys};
use pregao_protocol::trust::key::{Fingerprint, Persona, SecretKey};
use pregao_protocol::value::clock::Time;
use serde_json::Value;

use crate::net::tsa::TsaClient;
use crate::net::{ProxyAddress, Reach, Route};
use crate::vault::{Contents, Passphrase, Secret, TrustedTsa, Vault, VaultError, WorkFactor};

pub mod card;
mod error;
mod issuer;
pub mod reader;
pub mod report;
mod spend;

pub use error::{EnrolError, SignerError};
pub use issuer::{IssuerConflict, short_name};
pub(super) use spend::spend_again;
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
    /// Whether the persona goes to the TSA through a proxy, now and later.
    pub proxied: bool,
    /// Whether TSA and CA run in simulated time.
    pub simulated: bool,
    /// How the certificate was come by.
    pub by: By,
}

/// What persuaded the CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// An invitation, a valid certificate, or nothing.
    Policy,
    /// A token of a citizen.
    Token {
        /// Before the time that was proposed, because the user wanted so.
        early: bool,
        /// Until when the same token renews the certificate.
        renews_until: Time,
    },
}

/// Enrols with the TSA at `address` and keeps the persona in a new vault in `folder`, which is closed
/// again. Blocks.
///
/// # Errors
/// [`EnrolError`]; an existing vault is never touched.
pub fn enrol(
    folder: &Path,
    passphrase: &Passphrase,
    work: WorkFactor,
    address: &TsaAddress,
    invite: Option<&str>,
    route: Option<&Route>,
    reach: Reach<'_>,
) -> Result<Enrolled, EnrolError> {
    if Vault::exists(folder) {
        return Err(VaultError::AlreadyThere { folder: folder.to_owned() }.into());
    }
    let seed = fresh(reach.host)?;
    let persona = SecretKey::<Persona>::from_seed(&seed);
    let proxy = Route::proxy(route, None);
    let authority = TsaClient::by(address.clone(), proxy.as_ref(), reach);
    let (keys, jwks) = authority.keys()?;
    let certificate = authority.enrol(&persona, &keys, invite)?;
    let (pinned, proxied) = (address.authority.is_some(), proxy.is_some());
    let tsa = TrustedTsa {
        url: address.url.clone(),
        authority: keys.authority.fingerprint(),
        keys: jwks,
        pinned,
        proxy,
    };
    let contents = Contents::new(Secret::new(seed), tsa, certificate);
    Vault::create(folder, passphrase, work, contents)?;
    Ok(Enrolled {
        persona: persona.public().fingerprint(),
        authority: keys.authority.fingerprint(),
        pinned,
        proxied,
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
    invite: Option<&str>,
    spending: &Spending,
    reach: Reach<'_>,
) -> Result<Enrolled, EnrolError> {
    let mut vault = Vault::open(folder, passphrase)?;
    match vault.contents().enrolment.as_ref().filter(|_| invite.is_none()) {
        Some(kept) if kept.held.is_some() => {
            return issuer::with_evidence(folder, spend::with(vault, spending, reach));
        }
        Some(_) if !vault.contents().is_certified() => return Err(EnrolError::Unfinished),
        _ => {}
    }
    let persona = SecretKey::<Persona>::from_seed(vault.contents().persona.expose());
    let way = Way::of(&vault, spending);
    let authority = way.authority(reach);
    let (keys, jwks) = authority.keys()?;
    require_own_authority(&vault, &keys)?;
    let held = vault.contents().certificate.clone();
    let certificate = if held.is_empty() {
        authority.enrol(&persona, &keys, invite)?
    } else {
        authority.renew(&persona, &keys, invite, &held)?
    };
    let enrolled = way.enrolled(&persona, &keys, By::Policy);
    vault.update(|contents| {
        contents.certificate = certificate;
        contents.tsa = way.trusted(&keys, jwks);
    })?;
    Ok(enrolled)
}

/// Where a persona goes to be certified, and by which way.
struct Way {
    address: TsaAddress,
    proxy: Option<ProxyAddress>,
    pinned: bool,
}

impl Way {
    /// As the user wants it, else as it is kept.
    fn of(vault: &Vault, spending: &Spending) -> Self {
        let own = &vault.contents().tsa;
        let given = spending.address.as_ref();
        Self {
            address: given.cloned().unwrap_or_else(|| own.address()),
            proxy: Route::proxy(spending.route.as_ref(), own.proxy.as_ref()),
            // A fingerprint that the user gives is that of the CA in the vault, or all is refused.
            pinned: own.pinned || given.is_some_and(|address| address.authority.is_some()),
        }
    }

    /// A connection of its own.
    fn authority(&self, reach: Reach<'_>) -> TsaClient {
        TsaClient::by(self.address.clone(), self.proxy.as_ref(), reach)
    }

    fn enrolled(&self, persona: &SecretKey<Persona>, keys: &TsaKeys, by: By) -> Enrolled {
        Enrolled {
            persona: persona.public().fingerprint(),
            authority: keys.authority.fingerprint(),
            pinned: self.pinned,
            proxied: self.proxy.is_some(),
            simulated: keys.simulated,
            by,
        }
    }

    /// The TSA as it is kept from now on.
    fn trusted(self, keys: &TsaKeys, jwks: Value) -> TrustedTsa {
        let Self { address, proxy, pinned } = self;
        let authority = keys.authority.fingerprint();
        TrustedTsa { url: address.url, authority, keys: jwks, pinned, proxy }
    }
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

fn require_own_authority(vault: &Vault, keys: &TsaKeys) -> Result<Fingerprint, EnrolError> {
    let (expected, got) = (vault.contents().tsa.authority, keys.authority.fingerprint());
    if expected == got { Ok(got) } else { Err(EnrolError::OtherAuthority { expected, got }) }
}

/// The time by which issuers are chosen: the system's, and where time is simulated the TSA's own.
fn time_for(authority: &TsaClient, keys: &TsaKeys) -> Result<Time, EnrolError> {
    if keys.simulated { Ok(authority.offer(keys)?.0.time) } else { Ok(authority.wall()) }
}

fn fresh(host: &Host) -> Result<[u8; 32], EnrolError> {
    host.random().map_err(|_| EnrolError::Random)
}

#[cfg(test)]
mod tests;
