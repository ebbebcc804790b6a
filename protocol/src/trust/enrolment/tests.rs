use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use blind_rsa_signatures::{
    BlindMessage, BlindSignature, BlindingResult, MessageRandomizer, PublicKeySha384PSSRandomized,
    Secret, SecretKeySha384PSSRandomized, Signature,
};

use super::issuer::{Issuer, IssuerKey, IssuerSecret, IssuerStatement};
use super::token::{Token, TokenRequest};
use super::*;
use crate::trust::key::Persona;

fn pkcs8(size: KeySize) -> Vec<u8> {
    let pair = KeyPair::generate(size).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    der.as_ref().to_vec()
}

/// Two issuers of the right size, made once: making them takes a while.
fn issuers() -> &'static [IssuerSecret; 2] {
    static ISSUERS: OnceLock<[IssuerSecret; 2]> = OnceLock::new();
    ISSUERS.get_or_init(|| {
        [(); 2].map(|()| IssuerSecret::from_pkcs8(&pkcs8(KeySize::Rsa3072)).unwrap())
    })
}

fn issuer() -> (&'static IssuerSecret, IssuerKey) {
    let [issuer, _] = issuers();
    (issuer, issuer.public().unwrap())
}

fn authority() -> Fingerprint {
    Fingerprint([7; 32])
}

fn persona(byte: u8) -> PublicKey<Persona> {
    SecretKey::<Persona>::from_seed(&[byte; 32]).public()
}

fn key() -> SecretKey<Enrolment> {
    SecretKey::from_seed(&[3; 32])
}

fn at(seconds: u64) -> Time {
    Time::from_micros(seconds * 1_000_000).unwrap()
}

fn offer() -> Offer {
    Offer {
        authority: authority(),
        challenge: Challenge([1; 32]),
        seal: SealKey::from_random([2; 32]).public(),
        issuer: Digest([4; 32]),
        time: at(1_795_000_000),
    }
}

fn reply() -> SealKey {
    SealKey::from_random([5; 32])
}

fn application() -> Application {
    Application {
        certificate: vec![1; 2_000],
        issuers: vec![vec![2; 2_000], vec![3; 2_000]],
        blinded: vec![4; label::ISSUER_SIZE],
        reply: reply().public(),
        signature: vec![5; 384],
    }
}

fn token(seed: u8) -> Token {
    let (secret, key) = issuer();
    let request = TokenRequest::new(&key, authority(), &persona(1), [seed; 32]).unwrap();
    let signed = secret.sign(&request.blinded, [9; 32]).unwrap();
    request.finish(&key, authority(), &persona(1), &signed).unwrap()
}

#[test]
fn the_published_vector_holds_in_every_step() {
    let file = include_str!("../../../vectors/blind-rsa.json");
    let vector: serde_json::Value = serde_json::from_str(file).unwrap();
    let bytes = |name: &str| hex::decode(vector[name].as_str().unwrap()).unwrap();
    let secret = SecretKeySha384PSSRandomized::from_der(&bytes("pkcs1")).unwrap();
    let public: PublicKeySha384PSSRandomized = secret.public_key().unwrap();
    assert_eq!(public.components().n(), bytes("n"));
    let prefix = MessageRandomizer(bytes("msg_prefix").try_into().unwrap());
    assert_eq!([prefix.0.as_slice(), &bytes("msg")].concat(), bytes("prepared_msg"));
    let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::from_seed([1; 32]);
    let signed = secret.blind_sign_with_rng(&mut rng, bytes("blinded_msg")).unwrap();
    assert_eq!(signed.0, bytes("blind_sig"));
    let blinding = BlindingResult {
        blind_message: BlindMessage(bytes("blinded_msg")),
        secret: Secret(bytes("inv")),
        msg_randomizer: Some(prefix),
    };
    let finished = public.finalize(&BlindSignature(signed.0), &blinding, bytes("msg")).unwrap();
    assert_eq!(finished.0, bytes("sig"));
    assert!(public.verify(&Signature(bytes("sig")), Some(prefix), bytes("msg")).is_ok());
    assert!(public.verify(&Signature(bytes("sig")), Some(prefix), b"other").is_err());
}

#[test]
fn a_token_holds_for_its_persona_issuer_and_authority_only() {
    let token = token(1);
    let (_, key) = issuer();
    assert_eq!(token.verify(&key, authority(), &persona(1)), Ok(()));
    let refused = Err(EnrolmentError::Token);
    assert_eq!(token.verify(&key, authority(), &persona(2)), refused);
    assert_eq!(token.verify(&key, Fingerprint([8; 32]), &persona(1)), refused);
    let [_, other] = issuers();
    assert_eq!(token.verify(&other.public().unwrap(), authority(), &persona(1)), refused);
}

#[test]
fn a_token_with_any_part_changed_does_not_hold() {
    let (_, key) = issuer();
    let text = serde_json::to_value(token(1)).unwrap();
    for member in ["issuer", "randomizer", "signature"] {
        let mut changed = text.clone();
        let first = if changed[member].as_str().unwrap().starts_with('A') { "B" } else { "A" };
        let rest = changed[member].as_str().unwrap()[1..].to_owned();
        changed[member] = format!("{first}{rest}").into();
        let changed: Token = serde_json::from_value(changed).unwrap();
        let refused = Err(EnrolmentError::Token);
        assert_eq!(changed.verify(&key, authority(), &persona(1)), refused, "{member}");
    }
}

#[test]
fn two_requests_for_one_persona_have_nothing_in_common() {
    let (_, key) = issuer();
    let one = TokenRequest::new(&key, authority(), &persona(1), [1; 32]).unwrap();
    let two = TokenRequest::new(&key, authority(), &persona(1), [2; 32]).unwrap();
    assert_ne!(one.blinded, two.blinded);
    assert_ne!(token(1).parts(), token(2).parts());
}

#[test]
fn an_answer_by_another_key_or_to_another_request_gives_no_token() {
    let (secret, key) = issuer();
    let [_, other] = issuers();
    let request = TokenRequest::new(&key, authority(), &persona(1), [1; 32]).unwrap();
    let second = TokenRequest::new(&key, authority(), &persona(1), [2; 32]).unwrap();
    let mut broken = secret.sign(&request.blinded, [9; 32]).unwrap();
    broken[100] ^= 1;
    for wrong in [
        other.sign(&second.blinded, [9; 32]).unwrap_or_default(),
        secret.sign(&second.blinded, [9; 32]).unwrap(),
        broken,
        Vec::new(),
        vec![0xff; label::ISSUER_SIZE],
        vec![0; label::ISSUER_SIZE + 1],
    ] {
        let finished = request.finish(&key, authority(), &persona(1), &wrong);
        assert_eq!(finished, Err(EnrolmentError::BlindSignature));
    }
}

#[test]
fn the_issuer_signs_numbers_below_its_modulus_only() {
    let (secret, _) = issuer();
    for wrong in [vec![0xff; label::ISSUER_SIZE], vec![1; 383], vec![1; 385], Vec::new()] {
        assert_eq!(secret.sign(&wrong, [1; 32]), Err(EnrolmentError::Content));
    }
}

#[test]
fn a_request_survives_the_vault() {
    let (secret, key) = issuer();
    let request = TokenRequest::new(&key, authority(), &persona(1), [1; 32]).unwrap();
    let kept: TokenRequest =
        serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
    let signed = secret.sign(&kept.blinded, [9; 32]).unwrap();
    let token = kept.finish(&key, authority(), &persona(1), &signed).unwrap();
    assert_eq!(token.verify(&key, authority(), &persona(1)), Ok(()));
    assert_eq!(format!("{request:?}"), "TokenRequest(..)");
}

#[test]
fn an_issuer_key_of_another_size_or_kind_is_refused() {
    for size in [KeySize::Rsa2048, KeySize::Rsa4096] {
        let refused = IssuerSecret::from_pkcs8(&pkcs8(size)).unwrap_err();
        assert_eq!(refused, EnrolmentError::Key);
    }
    let (_, key) = issuer();
    assert_eq!(IssuerKey::from_spki(key.spki()), Ok(key.clone()));
    let mut longer = key.spki().to_vec();
    longer.push(0);
    for wrong in [&b""[..], b"garbage", &longer, &persona(1).to_spki()] {
        assert_eq!(IssuerKey::from_spki(wrong), Err(EnrolmentError::Key));
    }
}

fn statement() -> IssuerStatement {
    let (_, key) = issuer();
    IssuerStatement {
        authority: authority(),
        key: key.spki().to_vec(),
        from: at(100),
        until: at(200),
        spend_until: at(300),
        test: false,
    }
}

#[test]
fn an_issuer_signs_within_its_period_and_is_honoured_after_it() {
    let issuer = Issuer::verify(&statement().sign(&key()), &key().public(), authority()).unwrap();
    let before = |seconds: u64| at(seconds).minus(std::time::Duration::from_micros(1));
    for (time, signs, honoured) in [
        (before(100), false, false),
        (at(100), true, true),
        (before(200), true, true),
        (at(200), false, true),
        (before(300), false, true),
        (at(300), false, false),
    ] {
        assert_eq!((issuer.signs_at(time), issuer.honoured_at(time)), (signs, honoured), "{time}");
    }
}

#[test]
fn an_issuer_for_test_cards_says_so_and_every_other_is_silent() {
    let payload = |test| {
        let statement = IssuerStatement { test, ..statement() };
        (serde_json::to_string(&statement).unwrap(), statement.sign(&key()))
    };
    let verify = |compact: &str| Issuer::verify(compact, &key().public(), authority());
    let (silent, compact) = payload(false);
    assert!(!silent.contains("test"));
    assert!(!verify(&compact).unwrap().test);
    let (said, compact) = payload(true);
    assert!(said.ends_with(",\"test\":true}"), "{said}");
    assert!(verify(&compact).unwrap().test);
    // The other spelling of "real cards only" is not the one encoding.
    let spelt = said.replace("true", "false");
    let compact = crate::trust::jws::sign(label::TYP_ISSUER, spelt.as_bytes(), &key());
    assert_eq!(verify(&compact), Err(EnrolmentError::Content));
}

#[test]
fn a_statement_of_another_authority_key_or_order_is_refused() {
    let verify = |statement: &IssuerStatement| {
        Issuer::verify(&statement.sign(&key()), &key().public(), authority())
    };
    let found = Fingerprint([8; 32]);
    let foreign = IssuerStatement { authority: found, ..statement() };
    assert_eq!(verify(&foreign), Err(EnrolmentError::Authority { found }));
    for (from, until, spend_until) in [(200, 200, 300), (201, 200, 300), (100, 200, 199)] {
        let [from, until, spend_until] = [from, until, spend_until].map(at);
        let wrong = IssuerStatement { from, until, spend_until, ..statement() };
        assert_eq!(verify(&wrong), Err(EnrolmentError::Period));
    }
    let short = IssuerStatement { key: vec![1, 2, 3], ..statement() };
    assert_eq!(verify(&short), Err(EnrolmentError::Key));
    let other = SecretKey::<Enrolment>::from_seed(&[4; 32]);
    let refused = Issuer::verify(&statement().sign(&other), &key().public(), authority());
    assert!(matches!(refused, Err(EnrolmentError::Signature(_))));
}

#[test]
fn an_offer_is_of_the_pinned_authority_and_signed_by_its_enrolment_key() {
    let signed = offer().sign(&key());
    assert_eq!(Offer::verify(&signed, &key().public(), authority()), Ok(offer()));
    let found = authority();
    let refused = Offer::verify(&signed, &key().public(), Fingerprint([8; 32]));
    assert_eq!(refused, Err(EnrolmentError::Authority { found }));
    let other = SecretKey::<Enrolment>::from_seed(&[4; 32]);
    let refused = Offer::verify(&offer().sign(&other), &key().public(), authority());
    assert!(matches!(refused, Err(EnrolmentError::Signature(_))));
    // A statement of an issuer is signed by the same key, and is no offer.
    let refused = Offer::verify(&statement().sign(&key()), &key().public(), authority());
    assert!(matches!(refused, Err(EnrolmentError::Signature(JwsError::Header))));
    let spaced = serde_json::to_string_pretty(&offer()).unwrap();
    let spaced = jws::sign(label::TYP_OFFER, spaced.as_bytes(), &key());
    let refused = Offer::verify(&spaced, &key().public(), authority());
    assert_eq!(refused, Err(EnrolmentError::Content));
}

#[test]
fn what_the_card_signs_changes_with_every_part_of_the_application() {
    let (one, reply) = (offer(), reply().public());
    let statement = one.statement(&reply, b"blinded");
    assert!(statement.starts_with(b"pregao/enrol/v1"));
    assert_eq!(statement.len(), 15 + 6 * 32);
    let other = SealKey::from_random([6; 32]).public();
    for changed in [
        Offer { authority: Fingerprint([0; 32]), ..offer() }.statement(&reply, b"blinded"),
        Offer { challenge: Challenge([0; 32]), ..offer() }.statement(&reply, b"blinded"),
        Offer { seal: other, ..offer() }.statement(&reply, b"blinded"),
        Offer { issuer: Digest([0; 32]), ..offer() }.statement(&reply, b"blinded"),
        one.statement(&other, b"blinded"),
        one.statement(&reply, b"Blinded"),
    ] {
        assert_ne!(changed, statement);
    }
}

#[test]
fn an_application_opens_for_its_own_offer_only() {
    let sealed = application().seal(&offer(), [8; 32]).unwrap();
    let secret = SealKey::from_random([2; 32]);
    let challenge = Challenge([1; 32]);
    let opened = Application::open(&sealed, authority(), challenge, &secret);
    assert_eq!(opened, Ok(application()));
    let open = EnrolmentError::Sealed(SealError::Open);
    let refused = Application::open(&sealed, Fingerprint([0; 32]), challenge, &secret);
    assert_eq!(refused, Err(open));
    let refused = Application::open(&sealed, authority(), Challenge([0; 32]), &secret);
    assert_eq!(refused, Err(open));
    let refused = Application::open(&sealed, authority(), challenge, &reply());
    assert_eq!(refused, Err(open));
    let mut damaged = sealed.clone();
    damaged[1_000] ^= 1;
    let refused = Application::open(&damaged, authority(), challenge, &secret);
    assert_eq!(refused, Err(open));
}

fn changed(change: impl FnOnce(&mut Application)) -> Application {
    let mut application = application();
    change(&mut application);
    application
}

#[test]
fn every_application_and_every_answer_is_of_one_size() {
    let short = changed(|application| application.issuers.clear());
    let size = |application: &Application| application.seal(&offer(), [8; 32]).unwrap().len();
    assert_eq!(size(&short), size(&application()));
    let long = changed(|application| application.issuers = vec![vec![1; 4_000]; 4]);
    let refused = long.seal(&offer(), [8; 32]).unwrap_err();
    assert!(matches!(refused, EnrolmentError::Sealed(SealError::TooLong { .. })));
    let signed = ApplicationAnswer::Signed { blind_signature: vec![1; label::ISSUER_SIZE] };
    let refused = ApplicationAnswer::Refused(Report::new(
        "citizen.revoked",
        "m".repeat(300),
        "a".repeat(300),
    ));
    let [signed, refused] = [signed, refused]
        .map(|answer| answer.seal(Challenge([1; 32]), &reply().public(), [8; 32]).unwrap());
    assert_eq!(signed.len(), refused.len());
}

#[test]
fn an_application_beyond_its_limits_is_refused() {
    let secret = SealKey::from_random([2; 32]);
    for wrong in [
        changed(|application| application.blinded = vec![1; label::ISSUER_SIZE - 1]),
        changed(|application| application.blinded = vec![1; label::ISSUER_SIZE + 1]),
        changed(|application| {
            application.issuers = vec![vec![1; 9]; label::MAX_CARD_ISSUERS + 1];
        }),
        changed(|application| application.reply = SealPublic([0; 32])),
    ] {
        let sealed = wrong.seal(&offer(), [8; 32]).unwrap();
        let refused = Application::open(&sealed, authority(), Challenge([1; 32]), &secret);
        assert_eq!(refused, Err(EnrolmentError::Content));
    }
    let most = changed(|application| {
        application.issuers = vec![vec![1; 9]; label::MAX_CARD_ISSUERS];
    });
    let sealed = most.seal(&offer(), [8; 32]).unwrap();
    assert!(Application::open(&sealed, authority(), Challenge([1; 32]), &secret).is_ok());
}

#[test]
fn an_answer_opens_for_its_applicant_and_challenge_only() {
    let answer = ApplicationAnswer::Signed { blind_signature: vec![1; label::ISSUER_SIZE] };
    let sealed = answer.seal(Challenge([1; 32]), &reply().public(), [8; 32]).unwrap();
    assert_eq!(ApplicationAnswer::open(&sealed, Challenge([1; 32]), &reply()), Ok(answer));
    assert!(ApplicationAnswer::open(&sealed, Challenge([2; 32]), &reply()).is_err());
    assert!(
        ApplicationAnswer::open(&sealed, Challenge([1; 32]), &SealKey::from_random([6; 32]))
            .is_err()
    );
}

#[test]
fn a_sealed_refusal_has_its_three_parts_and_no_other() {
    let challenge = Challenge([1; 32]);
    let open = |plain: &str| {
        let (info, size) = (answer_info(challenge), label::ANSWER_SIZE);
        let sealed = seal_padded(&reply().public(), &info, b"", plain.as_bytes(), size, [8; 32]);
        ApplicationAnswer::open(&sealed.unwrap(), challenge, &reply())
    };
    let whole = r#"{"refused":{"code":"a","message":"b","advice":"c"}}"#;
    assert_eq!(open(whole), Ok(ApplicationAnswer::Refused(Report::new("a", "b", "c"))));
    for other in [
        r#"{"refused":{"code":"a","message":"b"}}"#,
        r#"{"refused":{"code":"a","message":"b","advice":"c","since":1}}"#,
        r#"{"refused":{"message":"b","code":"a","advice":"c"}}"#,
        r#"{"refused":{"code":"a","message":"b","advice":"c"},"more":1}"#,
    ] {
        assert_eq!(open(other), Err(EnrolmentError::Content), "{other}");
    }
}
