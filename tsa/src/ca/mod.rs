//! The certification authority: one profile of certificate, for one purpose each (SPEC 3.2).
//!
//! Of an applicant only the public key is taken over. Subject, dates and extensions are ours, so
//! that every persona's certificate looks like every other's.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::{NoRandomness, Random};
use pregao_protocol::trust::certificate::{
    AUTHORITY_LIFETIME, AUTHORITY_NAME, CertificateError, Certified, PERSONA_LIFETIME,
    PURPOSE_LIFETIME, SIMULATED_AUTHORITY_NAME, bought_with, pem_to_der,
    verify_authority_certificate,
};
use pregao_protocol::trust::jwks::{Jwk, Jwks};
use pregao_protocol::trust::key::{
    Authority, Enrolment, Fingerprint, Persona, PublicKey, SecretKey, StampKey, Ticket,
};
use pregao_protocol::trust::witness::Witness;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CustomExtension, DistinguishedName, DnType,
    IsCa, Issuer, KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SerialNumber, SignatureAlgorithm,
    SigningKey, SubjectPublicKeyInfo,
};
use time::OffsetDateTime;

use crate::keys::{KeysError, write_new};

const DAY: u64 = 86_400;
/// Extended key usage (RFC 5280, 4.2.1.12).
const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
/// Certificate policies (RFC 5280, 4.2.1.4).
const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];

/// Why the CA cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaError {
    /// Making a certificate failed.
    #[error("cannot make a certificate")]
    Encode(#[from] rcgen::Error),
    /// The operating system gave no random bytes for the serial number.
    #[error("no random bytes")]
    Random(#[from] NoRandomness),
    /// `ca.pem` cannot be read or written.
    #[error(transparent)]
    File(#[from] KeysError),
    /// `ca.pem` is no usable certificate of this CA's key.
    #[error("ca.pem is not usable")]
    Own(#[source] CertificateError),
    /// `ca.pem` belongs to another key or to the other kind of clock.
    #[error("ca.pem is not the certificate of authority.key.pem")]
    Mismatch,
}

/// The CA's key and certificate.
#[derive(Debug)]
pub struct Ca {
    key: SecretKey<Authority>,
    simulated: bool,
    der: Vec<u8>,
    pem: String,
    random: Arc<dyn Random>,
}

/// Lends the CA's key to rcgen without copying it there.
struct Signer<'a> {
    key: &'a SecretKey<Authority>,
    public: PublicKey<Authority>,
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign(message).0.to_vec())
    }
}

impl Ca {
    /// Reads `ca.pem` in `folder`, or makes it. Serial numbers are drawn from `random`.
    ///
    /// # Errors
    /// [`CaError`].
    pub fn open(
        folder: &Path,
        key: SecretKey<Authority>,
        simulated: bool,
        now: Time,
        random: Arc<dyn Random>,
    ) -> Result<Self, CaError> {
        let path = folder.join("ca.pem");
        if !path.exists() {
            let made = self_signed(&key, simulated, now, &*random)?;
            write_new(&path, made.pem().as_bytes(), 0o644)?;
        }
        let pem = fs::read_to_string(&path).map_err(|source| KeysError::File {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let der = pem_to_der(&pem, "CERTIFICATE").map_err(CaError::Own)?;
        let own = verify_authority_certificate(&der, now).map_err(CaError::Own)?;
        if own.key != key.public() || own.simulated != simulated {
            return Err(CaError::Mismatch);
        }
        Ok(Self { key, simulated, der, pem, random })
    }

    /// What clients pin.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.key.public().fingerprint()
    }

    /// The key that verifies this CA's certificates.
    #[must_use]
    pub fn public(&self) -> PublicKey<Authority> {
        self.key.public()
    }

    /// Whether the certificates say that time is simulated.
    #[must_use]
    pub const fn simulated(&self) -> bool {
        self.simulated
    }

    /// The CA's own certificate.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Certifies a persona whose possession of `key` was verified. Gives PEM. `issuer` names the one whose token bought it, if
    /// one did (V-221).
    ///
    /// # Errors
    /// [`CaError`].
    pub fn certify_persona(
        &self,
        key: &PublicKey<Persona>,
        issuer: Option<Digest>,
        now: Time,
    ) -> Result<String, CaError> {
        let bought = issuer.map(|issuer| {
            let policies = bought_with(issuer);
            let mut bought = CustomExtension::from_oid_content(CERTIFICATE_POLICIES, policies);
            bought.set_criticality(true);
            bought
        });
        Ok(self.certify_with(key, PERSONA_LIFETIME, bought, now)?.pem())
    }

    /// The key set, with certificates made today. Where heads are cosigned: with the witness. Where
    /// citizens enrol: with the key for that and the entries of the issuers it states.
    ///
    /// # Errors
    /// [`CaError`].
    pub fn jwks(
        &self,
        ticket: &PublicKey<Ticket>,
        stamp: &PublicKey<StampKey>,
        witness: Option<&Witness>,
        enrolment: Option<(PublicKey<Enrolment>, Vec<Jwk>)>,
        now: Time,
    ) -> Result<Jwks, CaError> {
        let ticket_certificate = self.certify(ticket, PURPOSE_LIFETIME, now)?;
        let stamp_certificate = self.certify(stamp, PURPOSE_LIFETIME, now)?;
        let mut keys = vec![
            Jwk::new(&self.key.public(), &self.der),
            Jwk::new(ticket, ticket_certificate.der()),
            Jwk::new(stamp, stamp_certificate.der()),
        ];
        if let Some(witness) = witness {
            let certificate = self.certify(&witness.key, PURPOSE_LIFETIME, now)?;
            keys.push(Jwk::witness(witness, certificate.der()));
        }
        if let Some((key, issuers)) = enrolment {
            let certificate = self.certify(&key, PURPOSE_LIFETIME, now)?;
            keys.push(Jwk::new(&key, certificate.der()));
            keys.extend(issuers);
        }
        Ok(Jwks { keys })
    }

    fn certify<P: Certified>(
        &self,
        key: &PublicKey<P>,
        lifetime: Duration,
        now: Time,
    ) -> Result<Certificate, CaError> {
        self.certify_with(key, lifetime, None, now)
    }

    fn certify_with<P: Certified>(
        &self,
        key: &PublicKey<P>,
        lifetime: Duration,
        last: Option<CustomExtension>,
        now: Time,
    ) -> Result<Certificate, CaError> {
        let mut params = profile(P::SUBJECT, lifetime, now, &*self.random)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let mut usage = CustomExtension::from_oid_content(EXTENDED_KEY_USAGE, P::USAGE.to_vec());
        usage.set_criticality(true);
        params.custom_extensions = [usage].into_iter().chain(last).collect();
        let authority = authority_profile(self.simulated, now, &*self.random)?;
        let issuer = Issuer::new(authority, Signer { key: &self.key, public: self.key.public() });
        let key = SubjectPublicKeyInfo::from_der(&key.to_spki())?;
        Ok(params.signed_by(&key, &issuer)?)
    }
}

fn self_signed(
    key: &SecretKey<Authority>,
    simulated: bool,
    now: Time,
    random: &dyn Random,
) -> Result<Certificate, CaError> {
    let params = authority_profile(simulated, now, random)?;
    Ok(params.self_signed(&Signer { key, public: key.public() })?)
}

fn authority_profile(
    simulated: bool,
    now: Time,
    random: &dyn Random,
) -> Result<CertificateParams, CaError> {
    let name = if simulated { SIMULATED_AUTHORITY_NAME } else { AUTHORITY_NAME };
    let mut params = profile(name, AUTHORITY_LIFETIME, now, random)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}

fn profile(
    name: &str,
    lifetime: Duration,
    now: Time,
    random: &dyn Random,
) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let mut serial = [0_u8; 16];
    random.fill(&mut serial)?;
    // Positive and of one length, so that the encoding is as long for every certificate.
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    // Rounded to the day: the exact moment would tell who enrolled when.
    let day = now.as_secs() - now.as_secs() % DAY;
    params.not_before = date(day);
    params.not_after = date(day.saturating_add(lifetime.as_secs()));
    Ok(params)
}

fn date(seconds: u64) -> OffsetDateTime {
    let seconds = seconds.min(Time::MAX.as_secs());
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
