//! Auctions in which one persona of each citizen bids (SPEC 7.14): logs of them that hold, and lies.

use std::time::Duration;

use pregao_protocol::room::body::{CitizenTerms, Listing, SoftClose};
use pregao_protocol::trust::certificate::{AUTHORITY_NAME, Certified, SIMULATED_AUTHORITY_NAME};
use pregao_protocol::trust::enrolment::issuer::IssuerStatement;
use pregao_protocol::trust::key::{Authority, Enrolment, PublicKey, SecretKey, StampKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::to_base64url;
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, Issuer, KeyUsagePurpose,
    PKCS_ED25519, PublicKeyData, SerialNumber, SignatureAlgorithm, SigningKey,
    SubjectPublicKeyInfo,
};

use super::forge::{END, Forge};
use super::lies::{Make, listed};
use super::scenes::Scene;

const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];

struct Signer(SecretKey<Authority>, PublicKey<Authority>);

impl PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        self.1.as_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.0.sign(message).0.to_vec())
    }
}

/// What can be told wrongly.
struct Told {
    stated: IssuerStatement,
    /// Who signs the statement.
    by: SecretKey<Enrolment>,
    /// The CA that certifies, and what it calls itself.
    ca: (u8, &'static str),
    /// From when on the certificate holds.
    from: Time,
}

/// The CA that listings here name.
const CA: u8 = 4;

fn ca(seed: u8) -> SecretKey<Authority> {
    SecretKey::from_seed(&[seed; 32])
}

fn enrolment() -> SecretKey<Enrolment> {
    SecretKey::from_seed(&[31; 32])
}

/// An RSA key of the right form, of which nobody has the secret.
fn spki() -> Vec<u8> {
    const HEAD: [u8; 33] = [
        0x30, 0x82, 0x01, 0xa2, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
        0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x8f, 0x00, 0x30, 0x82, 0x01, 0x8a, 0x02, 0x82,
        0x01, 0x81, 0x00,
    ];
    [HEAD.as_slice(), &[0x81; 384], &[0x02, 0x03, 0x01, 0x00, 0x01]].concat()
}

/// Of a period that begins with the listing and ends with the auction, as its tokens do.
fn honest(listing: &Listing, start: Time) -> Told {
    let stated = IssuerStatement {
        authority: ca(CA).public().fingerprint(),
        key: spki(),
        from: start,
        until: listing.end,
        spend_until: listing.end,
        test: false,
    };
    Told { stated, by: enrolment(), ca: (CA, AUTHORITY_NAME), from: start }
}

fn certificate<P: Certified>(key: &PublicKey<P>, (seed, name): (u8, &str), from: Time) -> Vec<u8> {
    let named = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(vec![0x40; 16]));
        let day = from.as_secs() - from.as_secs() % 86_400;
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(day);
        params.not_after = params.not_before + Duration::from_secs(2 * 86_400);
        params
    };
    let mut params = named(P::SUBJECT);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let mut usage = CustomExtension::from_oid_content(EXTENDED_KEY_USAGE, P::USAGE.to_vec());
    usage.set_criticality(true);
    params.custom_extensions = vec![usage];
    let (key, public) = (SubjectPublicKeyInfo::from_der(&key.to_spki()), ca(seed).public());
    let issuer = Issuer::new(named(name), Signer(ca(seed), public));
    let made = key.and_then(|key| params.signed_by(&key, &issuer));
    made.expect("a certificate").der().to_vec()
}

fn terms(told: &Told) -> CitizenTerms {
    CitizenTerms {
        statement: told.stated.sign(&told.by),
        certificate: to_base64url(&certificate(&enrolment().public(), told.ca, told.from)),
    }
}

fn ask(listing: &mut Listing, start: Time, change: impl FnOnce(&mut Told)) {
    let mut told = honest(listing, start);
    change(&mut told);
    listing.citizens = Some(terms(&told));
}

/// As [`ask`], of the listing of a lie. Its house began when the listing was stamped.
fn told(seed: u64, change: fn(&mut Told)) -> String {
    let start = Forge::new(seed).start();
    listed(seed, |listing| ask(listing, start, change))
}

fn with(seed: u64, change: fn(&mut CitizenTerms)) -> String {
    let start = Forge::new(seed).start();
    listed(seed, |listing| {
        ask(listing, start, |_| {});
        listing.citizens.as_mut().map(change).unwrap_or_default();
    })
}

fn moment() -> Duration {
    Duration::from_micros(1)
}

/// Logs of such auctions.
pub(super) const SCENES: &[(&str, Scene)] = &[
    ("citizens", |seed| {
        let mut house = Forge::new(seed);
        let start = house.start();
        house.list(|listing| {
            (listing.steps, listing.max_raise, listing.buy_now) = (Vec::new(), None, None);
            ask(listing, start, |_| {});
        });
        house.pass(1);
        house.bid(1_000);
        house.bid(1_100);
        house.close_after(0);
        house.settle(Vec::new());
        house
    }),
    ("citizens-play", |seed| {
        let mut house = Forge::new(seed);
        let start = house.start();
        house.list(|listing| {
            listing.simulated = true;
            listing.soft =
                Some(SoftClose { extend: 30, hard_end: start.plus(Duration::from_secs(2 * END)) });
            ask(listing, start, |told| {
                told.ca.1 = SIMULATED_AUTHORITY_NAME;
                told.stated.test = true;
                told.stated.spend_until = start.plus(Duration::from_secs(2 * END));
            });
        });
        house
    }),
];

/// Lies about whose personas bid.
pub(super) const LIES: &[(&str, Make)] = &[
    ("citizens-of-another-ca", |seed| told(seed, |told| told.ca.0 = 5)),
    ("citizens-stated-for-another-ca", |seed| {
        told(seed, |told| told.stated.authority = ca(5).public().fingerprint())
    }),
    ("citizens-stated-by-another-key", |seed| {
        told(seed, |told| told.by = SecretKey::from_seed(&[32; 32]))
    }),
    ("citizens-of-two-cas", |seed| {
        let start = Forge::new(seed).start();
        listed(seed, |listing| {
            ask(listing, start, |_| {});
            listing.authorities.push(ca(5).public());
        })
    }),
    ("citizens-before-the-period", |seed| {
        told(seed, |told| told.stated.from = told.stated.from.plus(moment()))
    }),
    ("citizens-beyond-the-period", |seed| {
        told(seed, |told| {
            told.stated.until = told.stated.until.minus(moment());
            told.stated.spend_until = told.stated.until;
        })
    }),
    ("citizens-beyond-by-the-hard-end", |seed| {
        let start = Forge::new(seed).start();
        listed(seed, |listing| {
            ask(listing, start, |_| {});
            let hard_end = listing.end.plus(moment());
            listing.soft = Some(SoftClose { extend: 30, hard_end });
        })
    }),
    ("citizens-backwards", |seed| {
        told(seed, |told| told.stated.until = told.stated.spend_until.plus(moment()))
    }),
    ("citizens-with-test-cards", |seed| told(seed, |told| told.stated.test = true)),
    ("citizens-of-a-play", |seed| told(seed, |told| told.ca.1 = SIMULATED_AUTHORITY_NAME)),
    ("citizens-of-a-ca-of-another-name", |seed| told(seed, |told| told.ca.1 = "Pregao CA")),
    ("citizens-certified-later", |seed| {
        told(seed, |told| told.from = told.from.plus(Duration::from_secs(3 * 86_400)))
    }),
    ("citizens-certified-for-stamps", |seed| {
        let start = Forge::new(seed).start();
        listed(seed, |listing| {
            ask(listing, start, |_| {});
            let key: PublicKey<StampKey> = PublicKey::from_bytes(*enrolment().public().as_bytes());
            let der = certificate(&key, (CA, AUTHORITY_NAME), start);
            if let Some(citizens) = &mut listing.citizens {
                citizens.certificate = to_base64url(&der);
            }
        })
    }),
    ("citizens-of-a-short-key", |seed| {
        told(seed, |told| {
            told.stated.key.remove(40);
        })
    }),
    ("citizens-of-an-even-key", |seed| {
        told(seed, |told| {
            if let Some(last) = told.stated.key.get_mut(416) {
                *last ^= 1;
            }
        })
    }),
    ("citizens-without-a-certificate", |seed| with(seed, |terms| terms.certificate.clear())),
    ("citizens-without-a-statement", |seed| with(seed, |terms| terms.statement.clear())),
    ("citizens-and-a-rule-that-is-none", |seed| {
        let start = Forge::new(seed).start();
        listed(seed, |listing| {
            ask(listing, start, |told| told.ca.0 = 5);
            listing.rule = Some("1".to_owned());
        })
    }),
    ("citizens-with-an-open-certificate", |seed| {
        with(seed, |terms| terms.certificate.push_str("AAAA"))
    }),
];
