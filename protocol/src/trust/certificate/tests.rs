use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SerialNumber, date_time_ymd,
};

use super::*;
use crate::trust::enrolment::issuer::{IssuerKey, IssuerSecret, IssuerStatement};
use crate::trust::jwks::{Jwk, Jwks, JwksError, TsaKeys, verify_jwks, witness_name};
use crate::trust::key::SecretKey;
use crate::trust::witness::Witness;

const USAGE_EXTENSION: &[u64] = &[2, 5, 29, 37];

fn pair<P: Purpose>(key: &SecretKey<P>) -> KeyPair {
    // PKCS#8 version 1 of an Ed25519 key: a fixed head and the seed.
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let der = [head.as_slice(), key.expose_seed().as_slice()].concat();
    KeyPair::try_from(der).unwrap()
}

fn spki<P: Purpose>(key: &PublicKey<P>) -> rcgen::SubjectPublicKeyInfo {
    rcgen::SubjectPublicKeyInfo::from_der(&key.to_spki()).unwrap()
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(vec![1, 2, 3]));
    params.not_before = date_time_ymd(2026, 11, 20);
    params.not_after = date_time_ymd(2026, 11, 27);
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

pub(crate) fn leaf<P: Certified>() -> CertificateParams {
    let mut params = named(P::SUBJECT);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let mut usage = CustomExtension::from_oid_content(USAGE_EXTENSION, P::USAGE.to_vec());
    usage.set_criticality(true);
    params.custom_extensions = vec![usage];
    params
}

/// As [`leaf`], for a day from the one in which this instant is.
pub(crate) fn leaf_from<P: Certified>(from: Time) -> CertificateParams {
    let day = from.as_secs() - from.as_secs() % 86_400;
    let begin = date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(day);
    let mut params = leaf::<P>();
    params.not_before = begin;
    params.not_after = begin + std::time::Duration::from_secs(86_400);
    params
}

const POLICIES_EXTENSION: &[u64] = &[2, 5, 29, 32];

/// As [`leaf`], with these certificate policies besides.
pub(crate) fn with_policies(policies: Vec<u8>, critical: bool) -> CertificateParams {
    let mut params = leaf::<Persona>();
    let mut extension = CustomExtension::from_oid_content(POLICIES_EXTENSION, policies);
    extension.set_criticality(critical);
    params.custom_extensions.push(extension);
    params
}

pub(crate) fn authority() -> SecretKey<Authority> {
    SecretKey::from_seed(&[1; 32])
}

fn persona() -> SecretKey<Persona> {
    SecretKey::from_seed(&[2; 32])
}

pub(crate) fn issue<P: Purpose>(
    params: &CertificateParams,
    name: &str,
    key: &PublicKey<P>,
) -> Vec<u8> {
    let issuer = Issuer::new(authority_params(name), pair(&authority()));
    params.signed_by(&spki(key), &issuer).unwrap().der().to_vec()
}

fn persona_certificate() -> Vec<u8> {
    issue(&leaf::<Persona>(), AUTHORITY_NAME, &persona().public())
}

pub(crate) fn noon() -> Time {
    "2026-11-22T12:00:00.000000Z".parse().unwrap()
}

fn verified(der: &[u8]) -> Result<PersonaCertificate, CertificateError> {
    verify_persona_certificate(der, &authority().public(), noon())
}

#[test]
fn the_certificate_our_ca_makes_is_accepted() {
    let certificate = verified(&persona_certificate()).unwrap();
    assert_eq!(certificate.key, persona().public());
    assert_eq!(certificate.not_after.to_string(), "2026-11-27T00:00:00.000000Z");
    assert!(!certificate.simulated);
    let simulated = issue(&leaf::<Persona>(), SIMULATED_AUTHORITY_NAME, &persona().public());
    assert!(verified(&simulated).unwrap().simulated);
}

#[test]
fn v221_a_personas_certificate_says_by_which_issuers_token_it_was_bought() {
    let issuer = Digest([7; 32]);
    let of = |params: &CertificateParams| {
        verified(&issue(params, AUTHORITY_NAME, &persona().public())).map(|read| read.issuer)
    };
    assert_eq!(of(&leaf::<Persona>()), Ok(None));
    let policies = bought_with(issuer);
    assert_eq!(of(&with_policies(policies.clone(), true)), Ok(Some(issuer)));
    let refused = Err(CertificateError::Profile("extensions"));
    assert_eq!(of(&with_policies(policies.clone(), false)), refused);
    for at in [0, 5, 30, 53] {
        let mut other = policies.clone();
        other[at] ^= 1;
        assert_eq!(of(&with_policies(other, true)), refused, "{at}");
    }
    assert_eq!(of(&with_policies(policies[..85].to_vec(), true)), refused);
    assert_eq!(of(&with_policies([policies.as_slice(), &[0]].concat(), true)), refused);
    let mut twice = with_policies(policies.clone(), true);
    twice.custom_extensions.extend(with_policies(policies.clone(), true).custom_extensions.pop());
    assert_eq!(of(&twice), refused);
    let mut before = with_policies(policies, true);
    before.custom_extensions.reverse();
    assert_eq!(of(&before), refused);
}

#[test]
fn v221_no_other_certificate_is_bought() {
    let mut params = leaf::<Ticket>();
    params
        .custom_extensions
        .extend(with_policies(bought_with(Digest([7; 32])), true).custom_extensions.pop());
    let key = SecretKey::<Ticket>::from_seed(&[3; 32]).public();
    let der = issue(&params, AUTHORITY_NAME, &key);
    let read = verify_purpose_certificate::<Ticket>(&der, &authority().public(), noon());
    assert_eq!(read.map(drop), Err(CertificateError::Profile("extensions")));
}

#[test]
fn validity_includes_its_first_and_last_instant_and_nothing_more() {
    let der = persona_certificate();
    let at =
        |text: &str| verify_persona_certificate(&der, &authority().public(), text.parse().unwrap());
    assert!(at("2026-11-20T00:00:00.000000Z").is_ok());
    assert!(at("2026-11-27T00:00:00.000000Z").is_ok());
    let not_before = "2026-11-20T00:00:00.000000Z".parse().unwrap();
    assert_eq!(
        at("2026-11-19T23:59:59.999999Z"),
        Err(CertificateError::NotYetValid { not_before })
    );
    let not_after = "2026-11-27T00:00:00.000000Z".parse().unwrap();
    assert_eq!(at("2026-11-27T00:00:00.000001Z"), Err(CertificateError::Expired { not_after }));
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let other = SecretKey::<Authority>::from_seed(&[3; 32]).public();
    let result = verify_persona_certificate(&persona_certificate(), &other, noon());
    assert_eq!(result, Err(CertificateError::Authority));
    let named_otherwise = issue(&leaf::<Persona>(), "another CA", &persona().public());
    assert_eq!(verified(&named_otherwise), Err(CertificateError::Authority));
}

#[test]
fn a_certificate_for_one_purpose_is_refused_for_every_other() {
    let authority = authority().public();
    let key = SecretKey::<StampKey>::from_seed(&[4; 32]).public();
    let stamp = issue(&leaf::<StampKey>(), AUTHORITY_NAME, &key);
    assert!(verify_purpose_certificate::<StampKey>(&stamp, &authority, noon()).is_ok());
    assert_eq!(
        verify_purpose_certificate::<Ticket>(&stamp, &authority, noon()).unwrap_err(),
        CertificateError::Purpose { expected: "ticket" }
    );
    assert_eq!(verified(&stamp), Err(CertificateError::Purpose { expected: "persona" }));
    assert_eq!(
        verify_purpose_certificate::<StampKey>(&persona_certificate(), &authority, noon())
            .unwrap_err(),
        CertificateError::Purpose { expected: "stamp" }
    );
}

#[test]
fn subject_and_usage_must_both_name_the_purpose() {
    let mut params = leaf::<StampKey>();
    params.distinguished_name = named(Persona::SUBJECT).distinguished_name;
    let wrong = CertificateError::Purpose { expected: "persona" };
    let der = issue(&params, AUTHORITY_NAME, &persona().public());
    assert_eq!(verified(&der), Err(wrong));
    let mut params = leaf::<Persona>();
    params.distinguished_name.push(DnType::OrganizationName, "x");
    let der = issue(&params, AUTHORITY_NAME, &persona().public());
    assert_eq!(verified(&der), Err(wrong));
}

#[test]
fn any_other_set_of_extensions_is_refused() {
    let mut variants: Vec<CertificateParams> = Vec::new();
    let mut params = leaf::<Persona>();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    variants.push(params);
    let mut params = leaf::<Persona>();
    params.is_ca = IsCa::ExplicitNoCa;
    variants.push(params);
    let mut params = leaf::<Persona>();
    params.custom_extensions[0].set_criticality(false);
    variants.push(params);
    let mut params = leaf::<Persona>();
    params.custom_extensions.clear();
    variants.push(params);
    let mut params = leaf::<Persona>();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
    variants.push(params);
    let mut params = leaf::<Persona>();
    params.use_authority_key_identifier_extension = false;
    variants.push(params);
    let mut params = leaf::<Persona>();
    let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    unknown.set_criticality(true);
    params.custom_extensions.push(unknown);
    variants.push(params);
    for params in variants {
        let der = issue(&params, AUTHORITY_NAME, &persona().public());
        assert_eq!(verified(&der), Err(NO_EXTENSIONS), "{params:?}");
    }
}

#[test]
fn weak_keys_are_refused_even_when_certified() {
    let mut identity = [0_u8; 32];
    identity[0] = 1;
    let der =
        issue(&leaf::<Persona>(), AUTHORITY_NAME, &PublicKey::<Persona>::from_bytes(identity));
    assert_eq!(verified(&der), Err(CertificateError::WeakKey));
    let mixed = torsion_key();
    let der = issue(&leaf::<Persona>(), AUTHORITY_NAME, &mixed);
    assert_eq!(verified(&der), Err(CertificateError::WeakKey));
}

fn torsion_key() -> PublicKey<Persona> {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::edwards::CompressedEdwardsY;
    let point = CompressedEdwardsY(*persona().public().as_bytes()).decompress().unwrap();
    PublicKey::from_bytes((point + EIGHT_TORSION[1]).compress().0)
}

#[test]
fn no_changed_missing_or_additional_byte_survives() {
    let der = persona_certificate();
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 1;
        assert!(verified(&changed).is_err(), "byte {at}");
        assert!(verified(&der[..at]).is_err(), "length {at}");
    }
    let longer = [der.as_slice(), &[0]].concat();
    assert_eq!(verified(&longer), Err(MALFORMED));
    assert_eq!(verified(&vec![0x30; label::MAX_CERTIFICATE + 1]), Err(MALFORMED));
}

#[test]
fn a_longer_encoding_of_the_same_certificate_is_refused() {
    let der = persona_certificate();
    let recoded = [&[0x30, 0x83, 0, der[2], der[3]], &der[4..]].concat();
    assert!(verified(&recoded).is_err());
}

#[test]
fn an_authority_without_self_signature_or_restriction_is_refused() {
    let own = |params: CertificateParams| params.self_signed(&pair(&authority())).unwrap();
    let good = own(authority_params(AUTHORITY_NAME));
    let verified = verify_authority_certificate(good.der(), noon()).unwrap();
    assert_eq!(verified.key, authority().public());
    let mut intermediate = authority_params(AUTHORITY_NAME);
    intermediate.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(verify_authority_certificate(own(intermediate).der(), noon()), Err(NO_EXTENSIONS));
    let other_name = own(authority_params("another CA"));
    assert_eq!(
        verify_authority_certificate(other_name.der(), noon()),
        Err(CertificateError::Authority)
    );
    let foreign = issue(
        &authority_params(AUTHORITY_NAME),
        AUTHORITY_NAME,
        &SecretKey::<Authority>::from_seed(&[7; 32]).public(),
    );
    assert_eq!(verify_authority_certificate(&foreign, noon()), Err(CertificateError::Authority));
    assert!(verify_authority_certificate(&persona_certificate(), noon()).is_err());
}

fn request(params: &CertificateParams, key: &KeyPair) -> Vec<u8> {
    let mut params = params.clone();
    params.serial_number = None;
    params.serialize_request(key).unwrap().der().to_vec()
}

#[test]
fn a_request_gives_its_key_and_nothing_else() {
    let mut params = named("Somebody Important");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let der = request(&params, &pair(&persona()));
    assert_eq!(verify_csr(&der), Ok(persona().public()));
}

#[test]
fn a_request_without_proof_of_possession_is_refused() {
    let der = request(&named("x"), &pair(&persona()));
    let mut damaged = der.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    assert_eq!(verify_csr(&damaged), Err(CertificateError::Possession));
    let other = SecretKey::<Persona>::from_seed(&[8; 32]).public();
    let at = der.windows(32).position(|part| part == persona().public().as_bytes()).unwrap();
    let mut swapped = der.clone();
    swapped[at..at + 32].copy_from_slice(other.as_bytes());
    assert_eq!(verify_csr(&swapped), Err(CertificateError::Possession));
    swapped[at..at + 32].copy_from_slice(torsion_key().as_bytes());
    assert_eq!(verify_csr(&swapped), Err(CertificateError::WeakKey));
    for at in 0..der.len() {
        assert!(verify_csr(&der[..at]).is_err(), "length {at}");
    }
    assert!(verify_csr(&[der.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn a_request_for_another_kind_of_key_is_refused() {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let der = request(&named("x"), &key);
    assert!(matches!(verify_csr(&der), Err(CertificateError::Profile(_))));
    assert_eq!(*pair(&persona()).algorithm(), PKCS_ED25519);
}

#[test]
fn only_the_expected_kind_of_pem_is_opened() {
    let text = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        base64::engine::general_purpose::STANDARD.encode(b"abc")
    );
    assert_eq!(pem_to_der(&text, "CERTIFICATE"), Ok(b"abc".to_vec()));
    assert!(pem_to_der(&text, "CERTIFICATE REQUEST").is_err());
    assert!(pem_to_der(&text.repeat(2), "CERTIFICATE").is_err());
    for text in ["", "garbage", "-----BEGIN CERTIFICATE-----", "é"] {
        assert!(pem_to_der(text, "CERTIFICATE").is_err(), "{text}");
    }
}

fn ticket_key() -> PublicKey<Ticket> {
    SecretKey::<Ticket>::from_seed(&[5; 32]).public()
}

fn stamp_key() -> PublicKey<StampKey> {
    SecretKey::<StampKey>::from_seed(&[6; 32]).public()
}

fn jwks() -> Jwks {
    let own = authority_params(AUTHORITY_NAME).self_signed(&pair(&authority())).unwrap();
    let ticket = issue(&leaf::<Ticket>(), AUTHORITY_NAME, &ticket_key());
    let stamp = issue(&leaf::<StampKey>(), AUTHORITY_NAME, &stamp_key());
    Jwks {
        keys: vec![
            Jwk::new(&authority().public(), own.der()),
            Jwk::new(&ticket_key(), &ticket),
            Jwk::new(&stamp_key(), &stamp),
        ],
    }
}

fn opened(jwks: &Jwks) -> Result<TsaKeys, JwksError> {
    let pin = authority().public().fingerprint();
    verify_jwks(&serde_json::to_vec(jwks).unwrap(), Some(pin), noon())
}

#[test]
fn a_pinned_authority_leads_to_the_keys_of_the_tsa() {
    let keys = opened(&jwks()).unwrap();
    assert_eq!(keys.authority, authority().public());
    assert_eq!(keys.ticket, ticket_key());
    assert_eq!(keys.stamp, stamp_key());
    assert!(!keys.simulated);
    let json = serde_json::to_vec(&jwks()).unwrap();
    let other = crate::trust::key::Fingerprint([0; 32]);
    let found = authority().public().fingerprint();
    assert_eq!(
        verify_jwks(&json, Some(other), noon()),
        Err(JwksError::OtherAuthority { pinned: other, found })
    );
    assert_eq!(verify_jwks(&json, None, noon()), Ok(keys));
}

#[test]
fn a_key_set_with_a_missing_doubled_or_exchanged_key_is_refused() {
    for index in 0..3 {
        let mut missing = jwks();
        missing.keys.remove(index);
        assert!(matches!(opened(&missing), Err(JwksError::Keys { .. })));
        let mut doubled = jwks();
        doubled.keys.push(doubled.keys[index].clone());
        assert!(matches!(opened(&doubled), Err(JwksError::Keys { .. })));
    }
    let mut exchanged = jwks();
    exchanged.keys[1].purpose = "stamp".to_owned();
    exchanged.keys[2].purpose = "ticket".to_owned();
    let source = CertificateError::Purpose { expected: "ticket" };
    assert_eq!(opened(&exchanged), Err(JwksError::Certificate { purpose: "ticket", source }));
    let mut unknown = jwks();
    unknown.keys.push(Jwk { purpose: "delivery".to_owned(), ..unknown.keys[0].clone() });
    assert!(opened(&unknown).is_ok());
}

#[test]
fn a_key_set_whose_members_contradict_a_certificate_is_refused() {
    let change: [fn(&mut Jwk); 6] = [
        |key| key.x = stamp_key().to_string().to_lowercase(),
        |key| key.kid = ticket_key().fingerprint().to_string(),
        |key| key.kty = "EC".to_owned(),
        |key| key.crv = "X25519".to_owned(),
        |key| key.usage = "enc".to_owned(),
        |key| key.x5c.clear(),
    ];
    for change in change {
        let mut jwks = jwks();
        change(&mut jwks.keys[2]);
        assert_eq!(opened(&jwks), Err(JwksError::Contradiction { purpose: "stamp" }));
    }
    for json in ["", "{}", "null", "{\"keys\":1}"] {
        assert_eq!(verify_jwks(json.as_bytes(), None, noon()), Err(JwksError::Malformed));
    }
    let long = vec![b' '; label::MAX_JWKS + 1];
    assert_eq!(verify_jwks(&long, None, noon()), Err(JwksError::Malformed));
}

#[test]
fn real_and_simulated_keys_do_not_mix() {
    let mut mixed = jwks();
    let stamp = issue(&leaf::<StampKey>(), SIMULATED_AUTHORITY_NAME, &stamp_key());
    mixed.keys[2] = Jwk::new(&stamp_key(), &stamp);
    assert_eq!(opened(&mixed), Err(JwksError::Contradiction { purpose: "stamp" }));
}

fn witness() -> Witness {
    let key = SecretKey::<WitnessKey>::from_seed(&[8; 32]).public();
    Witness { name: witness_name(&key), key, operator: "one.example".parse().unwrap() }
}

/// A key set with a witness.
fn witness_jwks() -> Jwks {
    let mut jwks = jwks();
    let certificate = issue(&leaf::<WitnessKey>(), AUTHORITY_NAME, &witness().key);
    jwks.keys.push(Jwk::witness(&witness(), &certificate));
    jwks
}

#[test]
fn v148_a_key_set_has_one_witness_or_none() {
    assert_eq!(opened(&jwks()).unwrap().witness, None);
    let keys = opened(&witness_jwks()).unwrap();
    assert_eq!(keys.witness, Some(witness()));
    assert_eq!(Some(keys.stamp), opened(&jwks()).ok().map(|keys| keys.stamp));
    let mut doubled = witness_jwks();
    doubled.keys.push(doubled.keys[3].clone());
    assert_eq!(opened(&doubled), Err(JwksError::Keys { purpose: "witness" }));
    // As before, nothing replaces one of the others.
    let mut missing = witness_jwks();
    missing.keys.remove(2);
    assert_eq!(opened(&missing), Err(JwksError::Keys { purpose: "stamp" }));
}

#[test]
fn v148_the_name_of_a_witness_follows_from_its_key() {
    let (name, print) = (witness().name.to_string(), witness().key.fingerprint().to_string());
    assert_eq!(name, format!("pregao-witness/{}", &print[..32]));
    let mut longest = witness_jwks();
    longest.keys[3].operator = "x".repeat(32);
    assert!(opened(&longest).is_ok());
    let change: [fn(&mut Jwk); 9] = [
        |key| key.name.clear(),
        |key| key.name = key.name.to_uppercase(),
        |key| key.name.truncate(46),
        |key| key.name.push('0'),
        |key| key.name = "pregao-witness/other".to_owned(),
        |key| key.operator.clear(),
        |key| key.operator = "x".repeat(33),
        |key| key.operator = "two words".to_owned(),
        |key| key.x = stamp_key().to_string(),
    ];
    for (number, change) in change.into_iter().enumerate() {
        let mut jwks = witness_jwks();
        change(&mut jwks.keys[3]);
        let refused = Err(JwksError::Contradiction { purpose: "witness" });
        assert_eq!(opened(&jwks), refused, "{number}");
    }
}

#[test]
fn v148_a_witness_is_certified_for_nothing_else_and_nobody_else_for_it() {
    let source = CertificateError::Purpose { expected: "witness" };
    let refused = Err(JwksError::Certificate { purpose: "witness", source });
    let mut exchanged = witness_jwks();
    let certificate = issue(&leaf::<StampKey>(), AUTHORITY_NAME, &stamp_key());
    exchanged.keys[3].x5c = Jwk::new(&stamp_key(), &certificate).x5c;
    assert_eq!(opened(&exchanged), refused);
    let der = issue(&leaf::<WitnessKey>(), AUTHORITY_NAME, &witness().key);
    let verified = verify_purpose_certificate::<WitnessKey>(&der, &authority().public(), noon());
    assert_eq!(verified.unwrap().key, witness().key);
    let stamp = verify_purpose_certificate::<StampKey>(&der, &authority().public(), noon());
    assert_eq!(stamp, Err(CertificateError::Purpose { expected: "stamp" }));
    let mut simulated = witness_jwks();
    let der = issue(&leaf::<WitnessKey>(), SIMULATED_AUTHORITY_NAME, &witness().key);
    simulated.keys[3] = Jwk::witness(&witness(), &der);
    assert_eq!(opened(&simulated), Err(JwksError::Contradiction { purpose: "witness" }));
}

fn enrolment_key() -> SecretKey<Enrolment> {
    SecretKey::from_seed(&[7; 32])
}

/// A key set of a TSA where citizens enrol, with issuers of these periods.
fn citizens_jwks(periods: &[(u64, u64)]) -> Jwks {
    static KEY: OnceLock<IssuerKey> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa3072).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        IssuerSecret::from_pkcs8(der.as_ref()).unwrap().public().unwrap()
    });
    let mut jwks = jwks();
    let certificate = issue(&leaf::<Enrolment>(), AUTHORITY_NAME, &enrolment_key().public());
    jwks.keys.push(Jwk::new(&enrolment_key().public(), &certificate));
    for (from, until) in periods {
        let [from, until] = [*from, *until].map(|seconds| Time::from_micros(seconds * 1_000_000));
        let statement = IssuerStatement {
            authority: authority().public().fingerprint(),
            key: key.spki().to_vec(),
            from: from.unwrap(),
            until: until.unwrap(),
            spend_until: until.unwrap(),
            test: false,
        };
        jwks.keys.push(Jwk::issuer(key, statement.sign(&enrolment_key())));
    }
    jwks
}

#[test]
fn a_key_set_states_issuers_with_their_enrolment_key_or_not_at_all() {
    let keys = opened(&jwks()).unwrap();
    assert_eq!((keys.enrolment, keys.issuers.len()), (None, 0));
    let keys = opened(&citizens_jwks(&[(100, 200), (200, 300), (300, 400)])).unwrap();
    assert_eq!(keys.enrolment, Some(enrolment_key().public()));
    assert_eq!(keys.issuers.len(), 3);
    let second = Time::from_micros(200_000_000).unwrap();
    assert_eq!(keys.issuer_at(second).unwrap().from, second);
    let four = citizens_jwks(&[(1, 2), (2, 3), (3, 4), (4, 5)]);
    assert_eq!(opened(&four), Err(JwksError::Keys { purpose: "issuer" }));
    let none = citizens_jwks(&[]);
    assert_eq!(opened(&none), Err(JwksError::Keys { purpose: "issuer" }));
    let mut unsigned = citizens_jwks(&[(100, 200)]);
    unsigned.keys.remove(3);
    assert_eq!(opened(&unsigned), Err(JwksError::Keys { purpose: "enrolment" }));
    let mut doubled = citizens_jwks(&[(100, 200)]);
    doubled.keys.push(doubled.keys[3].clone());
    assert_eq!(opened(&doubled), Err(JwksError::Keys { purpose: "enrolment" }));
}

#[test]
fn issuers_of_one_time_or_with_other_members_are_refused() {
    let contradiction = Err(JwksError::Contradiction { purpose: "issuer" });
    for overlapping in [[(100, 200), (199, 300)], [(200, 300), (100, 200)]] {
        assert_eq!(opened(&citizens_jwks(&overlapping)), contradiction);
    }
    let changes: [fn(&mut Jwk); 5] = [
        |key| key.kty = "OKP".to_owned(),
        |key| key.n.push('A'),
        |key| key.e = "AQAC".to_owned(),
        |key| key.kid = key.kid.to_uppercase(),
        |key| key.usage = "enc".to_owned(),
    ];
    for change in changes {
        let mut jwks = citizens_jwks(&[(100, 200)]);
        change(&mut jwks.keys[4]);
        assert_eq!(opened(&jwks), contradiction);
    }
    let mut forged = citizens_jwks(&[(100, 200)]);
    forged.keys[4].statement.pop();
    assert!(matches!(opened(&forged), Err(JwksError::Issuer(_))));
}
