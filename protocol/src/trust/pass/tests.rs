//! Tests of passes: one holds for its broker, day, serial and signature, and for nothing else.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};

use super::*;

const TODAY: Day = Day(20_779);

fn pkcs8(size: KeySize) -> Vec<u8> {
    let pair = KeyPair::generate(size).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    der.as_ref().to_vec()
}

/// Two keys of the right size, made once: making them takes a while.
fn ders() -> &'static [Vec<u8>; 2] {
    static DERS: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    DERS.get_or_init(|| [(); 2].map(|()| pkcs8(KeySize::Rsa3072)))
}

fn broker() -> Fingerprint {
    Fingerprint([7; 32])
}

/// One of the two as the secret of a day, with its key.
fn secret(which: usize, day: Day) -> (PassSecret, PassKey) {
    let secret = PassSecret::from_pkcs8(day, &ders()[which]).unwrap();
    let key = secret.key(broker()).unwrap();
    (secret, key)
}

fn pass(serial: u8) -> Pass {
    let (secret, key) = secret(0, TODAY);
    let request = PassRequest::new(&key, [serial; 32], [2; 32]).unwrap();
    let signed = secret.sign(request.blinded(), [9; 32]).unwrap();
    request.finish(&key, &signed).unwrap()
}

fn changed(change: impl FnOnce(&mut Pass)) -> Pass {
    let mut pass = pass(1);
    change(&mut pass);
    pass
}

#[test]
fn v255_a_pass_holds_under_the_key_of_its_day_and_broker() {
    let (_, key) = secret(0, TODAY);
    assert_eq!(pass(1).verify(&key, broker()), Ok(()));
    // What is signed is pinned: another reader can make it from its parts.
    let message = key.message(&Digest([1; 32]));
    let expected = [b"pregao/pass/v1".as_slice(), &[7; 32], &[0, 0, 0x51, 0x2b], &[1; 32]];
    assert_eq!(message, expected.concat());
}

#[test]
fn v255_a_pass_of_another_broker_is_none() {
    let (_, key) = secret(0, TODAY);
    let other = Fingerprint([8; 32]);
    let refused = PassError::Broker { found: broker() };
    assert_eq!(pass(1).verify(&key, other), Err(refused));
    // The very same RSA key, as that of the other: what is signed names the broker.
    let theirs = PassKey::from_spki(other, TODAY, key.spki()).unwrap();
    assert_eq!(pass(1).verify(&theirs, other), Err(PassError::Signature));
}

#[test]
fn v255_a_pass_of_another_day_is_none() {
    for day in [Day(TODAY.0 - 1), TODAY.plus(1)] {
        let (_, key) = secret(0, day);
        let refused = PassError::Day { found: TODAY };
        assert_eq!(pass(1).verify(&key, broker()), Err(refused));
        // It does not get younger by saying so: what is signed names the day.
        let moved = changed(|pass| pass.day = day);
        assert_eq!(moved.verify(&key, broker()), Err(PassError::Signature));
    }
}

#[test]
fn v255_a_pass_with_any_part_changed_or_by_another_key_does_not_hold() {
    let (_, key) = secret(0, TODAY);
    for wrong in [
        changed(|pass| pass.serial.0[0] ^= 1),
        changed(|pass| pass.randomizer.0[31] ^= 1),
        changed(|pass| pass.signature[200] ^= 1),
        changed(|pass| pass.signature[0] = 0xff),
        changed(|pass| pass.signature.push(0)),
        changed(|pass| pass.signature.clear()),
    ] {
        assert_eq!(wrong.verify(&key, broker()), Err(PassError::Signature));
    }
    let (_, other) = secret(1, TODAY);
    assert_eq!(pass(1).verify(&other, broker()), Err(PassError::Signature));
}

#[test]
fn v255_a_key_of_another_size_or_kind_makes_no_passes() {
    for size in [KeySize::Rsa2048, KeySize::Rsa4096] {
        let refused = PassSecret::from_pkcs8(TODAY, &pkcs8(size)).unwrap_err();
        assert_eq!(refused, PassError::Key);
    }
    let (_, key) = secret(0, TODAY);
    assert_eq!(PassKey::from_spki(broker(), TODAY, key.spki()), Ok(key.clone()));
    let longer = [key.spki(), &[0]].concat();
    for wrong in [&b""[..], b"garbage", &longer, &key.spki()[1..]] {
        assert_eq!(PassKey::from_spki(broker(), TODAY, wrong), Err(PassError::Key));
    }
}

#[test]
fn v256_a_pass_has_one_encoding() {
    let pass = pass(1);
    let text = pass.encode();
    assert_eq!(Pass::parse(text.as_bytes()), Ok(pass.clone()));
    assert!(text.starts_with(r#"{"day":20779,"serial":"AQEBAQ"#), "{text}");
    let spaced = text.replace(':', ": ");
    let extended = text.replace('}', r#","more":1}"#);
    let twice = text.replace("{\"day\":20779,", "{\"day\":20779,\"day\":20779,");
    let negative = text.replace("20779", "-1");
    let large = text.replace("20779", "4294967296");
    let text = text.as_bytes();
    for wrong in [&spaced, &extended, &twice, &negative, &large] {
        assert_eq!(Pass::parse(wrong.as_bytes()), Err(PassError::Content), "{wrong}");
    }
    for wrong in [&text[1..], &text[..text.len() - 1], b"", b"{}"] {
        assert_eq!(Pass::parse(wrong), Err(PassError::Content));
    }
    for size in [label::ISSUER_SIZE - 1, label::ISSUER_SIZE + 1] {
        let wrong = Pass { signature: vec![1; size], ..pass.clone() }.encode();
        assert_eq!(Pass::parse(wrong.as_bytes()), Err(PassError::Content));
    }
}

#[test]
fn v256_what_is_remembered_follows_from_day_and_serial_alone() {
    let one = pass(1);
    let again = {
        let (secret, key) = secret(0, TODAY);
        let request = PassRequest::new(&key, [1; 32], [3; 32]).unwrap();
        request.finish(&key, &secret.sign(request.blinded(), [9; 32]).unwrap()).unwrap()
    };
    assert_ne!(one, again, "signed a second time");
    assert_eq!(one.id(), again.id());
    assert_ne!(one.id(), pass(2).id());
    assert_ne!(one.id(), changed(|pass| pass.day = TODAY.plus(1)).id());
    let named = [b"pregao/pass-spent/v1".as_slice(), &[0, 0, 0x51, 0x2b], &[1; 32]].concat();
    assert_eq!(one.id(), Digest::of(&named));
}

#[test]
fn an_answer_by_another_key_or_to_another_request_gives_no_pass() {
    let (secret_one, key) = secret(0, TODAY);
    let (secret_two, _) = secret(1, TODAY);
    let request = PassRequest::new(&key, [1; 32], [2; 32]).unwrap();
    let second = PassRequest::new(&key, [1; 32], [3; 32]).unwrap();
    let mut broken = secret_one.sign(request.blinded(), [9; 32]).unwrap();
    broken[100] ^= 1;
    for wrong in [
        secret_two.sign(second.blinded(), [9; 32]).unwrap_or_default(),
        secret_one.sign(second.blinded(), [9; 32]).unwrap(),
        broken,
        Vec::new(),
        vec![0; label::ISSUER_SIZE + 1],
    ] {
        assert_eq!(request.finish(&key, &wrong), Err(PassError::BlindSignature));
    }
    let signed = secret_one.sign(request.blinded(), [9; 32]).unwrap();
    let (_, tomorrow) = secret(0, TODAY.plus(1));
    let refused = PassError::Day { found: TODAY };
    assert_eq!(request.finish(&tomorrow, &signed), Err(refused));
    assert!(request.finish(&key, &signed).is_ok());
}

#[test]
fn what_is_signed_is_a_number_below_the_modulus() {
    let (secret, _) = secret(0, TODAY);
    for wrong in [vec![0xff; label::ISSUER_SIZE], vec![1; 383], vec![1; 385], Vec::new()] {
        assert_eq!(secret.sign(&wrong, [1; 32]), Err(PassError::Request));
    }
}

#[test]
fn a_request_survives_the_vault_and_shows_nothing() {
    let (secret, key) = secret(0, TODAY);
    let request = PassRequest::new(&key, [1; 32], [2; 32]).unwrap();
    let kept: PassRequest =
        serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
    let signed = secret.sign(kept.blinded(), [9; 32]).unwrap();
    let pass = kept.finish(&key, &signed).unwrap();
    assert_eq!(format!("{request:?} {pass:?}"), "PassRequest(day 20779, ..) Pass(day 20779, ..)");
    assert!(format!("{secret:?}").ends_with("secret: BlindSecret(..) }"), "{secret:?}");
    // Two requests have nothing in common.
    let other = PassRequest::new(&key, [1; 32], [3; 32]).unwrap();
    assert_ne!(request.blinded(), other.blinded());
}

#[test]
fn a_day_ends_where_the_next_begins() {
    let day: Time = "2026-11-22T00:00:00.000000Z".parse().unwrap();
    assert_eq!((TODAY.begins(), TODAY.ends()), (day, TODAY.plus(1).begins()));
    assert_eq!(TODAY.ends(), "2026-11-23T00:00:00.000000Z".parse().unwrap());
    let micro = Duration::from_micros(1);
    for (time, found) in [
        (TODAY.begins().minus(micro), Day(TODAY.0 - 1)),
        (TODAY.begins(), TODAY),
        (TODAY.ends().minus(micro), TODAY),
        (TODAY.ends(), TODAY.plus(1)),
        (Time::default(), Day(0)),
    ] {
        assert_eq!(Day::of(time), found, "{time}");
    }
    // Beyond every time there is, and no fault.
    assert_eq!((Day(u32::MAX).begins(), Day(u32::MAX).ends()), (Time::MAX, Time::MAX));
}
