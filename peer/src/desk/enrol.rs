//! Making a persona: a fresh key, certified by the CA, kept in a new vault. And certifying it again:
//! a certificate holds for a week, a persona for as long as its vault.

use std::path::Path;

use pregao_protocol::certificate::sheet::TsaAddress;
use pregao_protocol::key::{Fingerprint, Persona, SecretKey};

use super::random;
use crate::authority::{Authority, AuthorityError};
use crate::vault::{Contents, Passphrase, Secret, TrustedTsa, Vault, VaultError, WorkFactor};

/// What stops an enrolment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The TSA.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The persona is certified by another CA.
    #[error("the persona here is certified by the CA {expected}, and that TSA's is {got}")]
    OtherAuthority {
        /// The CA in the vault.
        expected: Fingerprint,
        /// The CA at the address.
        got: Fingerprint,
    },
    /// No randomness for a key.
    #[error("the system gives no random numbers")]
    Random,
}

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
) -> Result<Enrolled, EnrolError> {
    if Vault::exists(folder) {
        return Err(VaultError::AlreadyThere { folder: folder.to_owned() }.into());
    }
    let seed = random::<32>().ok_or(EnrolError::Random)?;
    let persona = SecretKey::<Persona>::from_seed(&seed);
    let authority = Authority::at(address.clone());
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
    })
}

/// Has the persona in an existing vault certified again by its CA; keeps everything else. Blocks.
///
/// # Errors
/// [`EnrolError`]; the vault is then as it was.
pub fn renew(
    folder: &Path,
    passphrase: &Passphrase,
    address: &TsaAddress,
    invite: Option<&str>,
) -> Result<Enrolled, EnrolError> {
    let mut vault = Vault::open(folder, passphrase)?;
    let persona = SecretKey::<Persona>::from_seed(vault.contents().persona.expose());
    let authority = Authority::at(address.clone());
    let (keys, sheet) = authority.keys()?;
    let (expected, got) = (vault.contents().tsa.authority, keys.authority.fingerprint());
    if expected != got {
        return Err(EnrolError::OtherAuthority { expected, got });
    }
    let held = vault.contents().certificate.clone();
    let certificate = authority.renew(&persona, &keys, invite, &held)?;
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
    })
}
