//! The certification authority: one profile of certificate, for one purpose each (SPEC 3.2).
//!
//! Of an applicant only the public key is taken over. Subject, dates and extensions are ours, so
//! that every persona's certificate looks like every other's.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::certificate::sheet::{AuthoritySheet, SheetKey};
use pregao_protocol::certificate::{
    AUTHORITY_LIFETIME, AUTHORITY_NAME, CertificateError, Certified, PERSONA_LIFETIME,
    PURPOSE_LIFETIME, SIMULATED_AUTHORITY_NAME, pem_to_der, verify_authority_certificate,
};
use pregao_protocol::clock::Time;
use pregao_protocol::host::{NoRandomness, Random};
use pregao_protocol::key::{
    Authority, Enrolment, Fingerprint, Persona, PublicKey, SecretKey, StampKey, Ticket,
};
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

    /// Certifies a persona whose possession of `key` was verified. Gives PEM.
    ///
    /// # Errors
    /// [`CaError`].
    pub fn certify_persona(&self, key: &PublicKey<Persona>, now: Time) -> Result<String, CaError> {
        Ok(self.certify(key, PERSONA_LIFETIME, now)?.pem())
    }

    /// The sheet of keys, with certificates made today. Where citizens enrol: with the key for that and
    /// the entries of the issuers it states.
    ///
    /// # Errors
    /// [`CaError`].
    pub fn sheet(
        &self,
        ticket: &PublicKey<Ticket>,
        stamp: &PublicKey<StampKey>,
        enrolment: Option<(PublicKey<Enrolment>, Vec<SheetKey>)>,
        now: Time,
    ) -> Result<AuthoritySheet, CaError> {
        let ticket_certificate = self.certify(ticket, PURPOSE_LIFETIME, now)?;
        let stamp_certificate = self.certify(stamp, PURPOSE_LIFETIME, now)?;
        let mut keys = vec![
            SheetKey::new(&self.key.public(), &self.der),
            SheetKey::new(ticket, ticket_certificate.der()),
            SheetKey::new(stamp, stamp_certificate.der()),
        ];
        if let Some((key, issuers)) = enrolment {
            let certificate = self.certify(&key, PURPOSE_LIFETIME, now)?;
            keys.push(SheetKey::new(&key, certificate.der()));
            keys.extend(issuers);
        }
        Ok(AuthoritySheet { keys })
    }

    fn certify<P: Certified>(
        &self,
        key: &PublicKey<P>,
        lifetime: Duration,
        now: Time,
    ) -> Result<Certificate, CaError> {
        let mut params = profile(P::SUBJECT, lifetime, now, &*self.random)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let mut usage = CustomExtension::from_oid_content(EXTENDED_KEY_USAGE, P::USAGE.to_vec());
        usage.set_criticality(true);
        params.custom_extensions = vec![usage];
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
mod tests {
    use std::process::Command;

    use pregao_protocol::certificate::sheet::verify_jwks;
    use pregao_protocol::certificate::{verify_persona_certificate, verify_purpose_certificate};

    use super::*;

    fn now() -> Time {
        "2026-11-20T13:45:12.000000Z".parse().unwrap()
    }

    fn open(folder: &Path, seed: u8, simulated: bool) -> Result<Ca, CaError> {
        let key = SecretKey::from_seed(&[seed; 32]);
        Ca::open(folder, key, simulated, now(), crate::host::system().random)
    }

    fn ca(folder: &Path) -> Ca {
        open(folder, 1, false).unwrap()
    }

    fn persona() -> PublicKey<Persona> {
        SecretKey::from_seed(&[2; 32]).public()
    }

    #[test]
    fn a_certificate_is_dated_by_the_day_and_ends_after_seven() {
        let folder = tempfile::tempdir().unwrap();
        let ca = ca(folder.path());
        let pem = ca.certify_persona(&persona(), now()).unwrap();
        let der = pem_to_der(&pem, "CERTIFICATE").unwrap();
        let midnight = "2026-11-20T00:00:00.000000Z".parse().unwrap();
        let read = verify_persona_certificate(&der, &ca.public(), midnight).unwrap();
        assert_eq!(read.key, persona());
        assert_eq!(read.not_after.to_string(), "2026-11-27T00:00:00.000000Z");
        let stamp = verify_purpose_certificate::<StampKey>(&der, &ca.public(), now());
        assert_eq!(stamp.unwrap_err(), CertificateError::Purpose { expected: "stamp" });
    }

    #[test]
    fn certificates_of_two_personas_differ_in_serial_key_and_signature_only() {
        let folder = tempfile::tempdir().unwrap();
        let ca = ca(folder.path());
        let other = SecretKey::from_seed(&[3; 32]).public();
        let one = pem_to_der(&ca.certify_persona(&persona(), now()).unwrap(), "CERTIFICATE");
        let two = pem_to_der(&ca.certify_persona(&other, now()).unwrap(), "CERTIFICATE");
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.len(), two.len());
        let differing = one.iter().zip(&two).filter(|(a, b)| a != b).count();
        assert!(differing <= 16 + 32 + 64, "{differing} bytes differ");
    }

    #[test]
    fn the_sheet_leads_from_the_fingerprint_to_all_keys() {
        let folder = tempfile::tempdir().unwrap();
        let ca = ca(folder.path());
        let ticket = SecretKey::from_seed(&[4; 32]).public();
        let stamp = SecretKey::from_seed(&[5; 32]).public();
        let sheet = ca.sheet(&ticket, &stamp, None, now()).unwrap();
        let json = serde_json::to_vec(&sheet).unwrap();
        let keys = verify_jwks(&json, Some(ca.fingerprint()), now()).unwrap();
        assert_eq!((keys.ticket, keys.stamp, keys.simulated), (ticket, stamp, false));
    }

    #[test]
    fn a_foreign_or_simulated_certificate_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        ca(folder.path());
        let refused = open(folder.path(), 9, false).unwrap_err();
        assert!(matches!(refused, CaError::Mismatch));
        let refused = open(folder.path(), 1, true).unwrap_err();
        assert!(matches!(refused, CaError::Mismatch));
        fs::write(folder.path().join("ca.pem"), "garbage").unwrap();
        let refused = open(folder.path(), 1, false).unwrap_err();
        assert!(matches!(refused, CaError::Own(CertificateError::Malformed(_))));
    }

    #[test]
    fn openssl_verifies_the_chain_and_computes_the_same_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let ca = ca(folder.path());
        let path = folder.path().join("persona.pem");
        fs::write(&path, ca.certify_persona(&persona(), now()).unwrap()).unwrap();
        let at = now().as_secs().to_string();
        let verify = Command::new("openssl")
            .args(["verify", "-x509_strict", "-attime", &at, "-CAfile"])
            .arg(folder.path().join("ca.pem"))
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&verify.stderr).into_owned();
        assert!(verify.status.success(), "{said}");
        let script = "openssl x509 -in persona.pem -pubkey -noout | \
                      openssl pkey -pubin -outform DER | sha256sum";
        let sum =
            Command::new("sh").arg("-c").arg(script).current_dir(folder.path()).output().unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        assert_eq!(sum.split_whitespace().next(), Some(&*persona().fingerprint().to_string()));
    }
}
