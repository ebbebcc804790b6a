//! Authorities: what they certify and sign.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CrlDistributionPoint, CustomExtension,
    DistinguishedName, IsCa, Issuer, KeyPair, KeyUsagePurpose, SerialNumber, SigningKey as _,
    SubjectPublicKeyInfo,
};
use time::OffsetDateTime;
use yasna::models::ObjectIdentifier;

/// An authority with its key.
#[derive(Debug)]
pub struct Authority {
    /// Its certificate in DER.
    pub certificate: Vec<u8>,
    /// Serial number of its certificate, big-endian.
    pub serial: Vec<u8>,
    pem: String,
    key: Arc<KeyPair>,
    params: CertificateParams,
}

/// A key with its certificate.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The private key in PKCS#8 DER.
    pub pkcs8: Vec<u8>,
    /// The certificate in DER.
    pub certificate: Vec<u8>,
    /// Serial number of the certificate, big-endian.
    pub serial: Vec<u8>,
}

impl Authority {
    pub(crate) fn root(key: Arc<KeyPair>, params: CertificateParams) -> Self {
        let certificate = params.self_signed(&*key).expect("a root signs itself");
        Self::of(&certificate, key, params)
    }

    fn of(certificate: &Certificate, key: Arc<KeyPair>, params: CertificateParams) -> Self {
        let serial = serial_of(&params);
        Self {
            certificate: certificate.der().to_vec(),
            serial,
            pem: certificate.pem(),
            key,
            params,
        }
    }

    /// An authority below this one. `params` may be anything, so that what is wrong can be tested.
    #[must_use]
    pub fn subordinate(&self, key: Arc<KeyPair>, params: CertificateParams) -> Self {
        let certificate = params.signed_by(&*key, &self.issuer()).expect("it is signed");
        Self::of(&certificate, key, params)
    }

    /// The same authority with another certificate: the same key and name, `edit`ed, by `issuer`.
    #[must_use]
    pub fn again(&self, issuer: &Self, edit: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = self.params.clone();
        params.serial_number = Some(next_serial());
        edit(&mut params);
        issuer.subordinate(Arc::clone(&self.key), params)
    }

    /// What its certificate says.
    #[must_use]
    pub fn params(&self) -> &CertificateParams {
        &self.params
    }

    /// A certificate for `key`.
    #[must_use]
    pub fn certify(&self, key: &KeyPair, params: &CertificateParams) -> Credential {
        let certificate = params.signed_by(key, &self.issuer()).expect("it is signed");
        Credential {
            pkcs8: key.serialize_der(),
            certificate: certificate.der().to_vec(),
            serial: serial_of(params),
        }
    }

    /// A certificate for a public key of which nobody has the private part, such as
    /// [`rsa_public_key`]'s.
    #[must_use]
    pub fn certify_public(&self, key: &[u8], params: &CertificateParams) -> Vec<u8> {
        let key = SubjectPublicKeyInfo::from_der(key).expect("it is a public key");
        params.signed_by(&key, &self.issuer()).expect("it is signed").der().to_vec()
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &*self.key)
    }

    /// Signs, with the hash that goes with its key.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).expect("it signs")
    }

    /// The AlgorithmIdentifier of what [`Self::sign`] makes, in DER.
    #[must_use]
    pub fn algorithm(&self) -> Vec<u8> {
        let (oid, null) = if self.key.algorithm() == &rcgen::PKCS_RSA_SHA256 {
            ([1, 2, 840, 113_549, 1, 1, 11].as_slice(), true)
        } else if self.key.algorithm() == &rcgen::PKCS_ECDSA_P384_SHA384 {
            ([1, 2, 840, 10_045, 4, 3, 3].as_slice(), false)
        } else {
            ([1, 2, 840, 10_045, 4, 3, 2].as_slice(), false)
        };
        yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_oid(&ObjectIdentifier::from_slice(oid));
                if null {
                    writer.next().write_null();
                }
            });
        })
    }

    /// Its private key in PKCS#8 DER.
    #[must_use]
    pub fn pkcs8(&self) -> Vec<u8> {
        self.key.serialize_der()
    }

    /// Its certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its name in DER.
    pub(crate) fn name(&self) -> Vec<u8> {
        yasna::parse_der(&self.certificate, |reader| {
            reader.read_sequence(|reader| {
                let subject = reader.next().read_sequence(|reader| {
                    for _ in 0..5 {
                        reader.next().read_der()?;
                    }
                    let subject = reader.next().read_der()?;
                    while reader.read_optional(|reader| reader.read_der())?.is_some() {}
                    Ok(subject)
                })?;
                reader.next().read_der()?;
                reader.next().read_der()?;
                Ok(subject)
            })
        })
        .expect("it is a certificate")
    }
}

fn serial_of(params: &CertificateParams) -> Vec<u8> {
    params.serial_number.as_ref().map(SerialNumber::to_bytes).unwrap_or_default()
}

/// Serial numbers with the highest bit set, so that DER writes a zero before them.
pub(crate) fn next_serial() -> SerialNumber {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut bytes = vec![0xce];
    bytes.extend_from_slice(&number.to_be_bytes());
    SerialNumber::from(bytes)
}

/// An instant for the fields of [`CertificateParams`].
///
/// # Panics
/// Past the year 9999.
#[must_use]
pub fn instant(seconds: u64) -> OffsetDateTime {
    let seconds = i64::try_from(seconds).expect("the time is in range");
    OffsetDateTime::from_unix_timestamp(seconds).expect("the time is in range")
}

/// What every certificate has: name, serial number, validity around `now`.
pub(crate) fn params(
    name: DistinguishedName,
    now: u64,
    before: u64,
    after: u64,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.serial_number = Some(next_serial());
    params.not_before = instant(now.saturating_sub(before));
    params.not_after = instant(now.saturating_add(after));
    params.use_authority_key_identifier_extension = true;
    params
}

/// Makes it an authority with so many authorities below at most.
pub(crate) fn as_authority(params: &mut CertificateParams, below: Option<u8>) {
    let constraints = below.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained);
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
}

/// Says where the list is that may speak of it.
pub(crate) fn with_list(params: &mut CertificateParams, point: &str) {
    params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![point.to_owned()] }];
}

/// Says where OCSP is.
pub(crate) fn with_ocsp(params: &mut CertificateParams, location: &str) {
    let content = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_sequence(|writer| {
                let ocsp = [1, 3, 6, 1, 5, 5, 7, 48, 1];
                writer.next().write_oid(&ObjectIdentifier::from_slice(&ocsp));
                let uri = yasna::Tag::context(6);
                writer
                    .next()
                    .write_tagged_implicit(uri, |writer| writer.write_ia5_string(location));
            });
        });
    });
    let access = [1, 3, 6, 1, 5, 5, 7, 1, 1];
    params.custom_extensions.push(CustomExtension::from_oid_content(&access, content));
}

/// SubjectPublicKeyInfo of an RSA key with a modulus of so many bits, of which nobody knows the
/// factors.
#[must_use]
pub fn rsa_public_key(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xa7; bits.div_ceil(8)];
    if let Some(first) = modulus.first_mut() {
        // The highest bit of so many.
        *first = 1 << ((bits + 7) % 8);
    }
    let key = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_bigint_bytes(&modulus, true);
            writer.next().write_u32(65_537);
        });
    });
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_sequence(|writer| {
                let rsa = [1, 2, 840, 113_549, 1, 1, 1];
                writer.next().write_oid(&ObjectIdentifier::from_slice(&rsa));
                writer.next().write_null();
            });
            writer.next().write_bitvec_bytes(&key, key.len() * 8);
        });
    })
}
