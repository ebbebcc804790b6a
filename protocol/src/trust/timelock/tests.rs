use super::*;
use crate::trust::seal::{open, seal};

/// Of a master of 32 bytes 7, at 1,800,000,000.
const VECTOR: &str = "1a90e331b05651618bd4edea6226b29591d2f6348758c4d5885360af4d52e681";

fn stamp_key(seed: u8) -> SecretKey<StampKey> {
    SecretKey::from_seed(&[seed; 32])
}

fn stated(at: u64) -> TimeLock {
    let key = Master::from_random([7; 32]).secret(at).public();
    TimeLock { tsa: stamp_key(1).public().fingerprint(), at, key, simulated: false }
}

#[test]
fn v162_a_statement_holds_under_the_key_it_names_among_those_expected() {
    let stated = stated(1_800_000_000);
    let compact = stated.sign(&stamp_key(1));
    let [own, other] = [1, 2].map(|seed| stamp_key(seed).public());
    assert_eq!(TimeLock::open(&compact, &[other, own]), Ok(stated));
    assert_eq!(TimeLock::open(&compact, &[other]), Err(TimeLockError::UnknownTsa));
    assert_eq!(TimeLock::open(&compact, &[]), Err(TimeLockError::UnknownTsa));
    let forged = stated.sign(&stamp_key(2));
    assert!(matches!(TimeLock::open(&forged, &[own, other]), Err(TimeLockError::Jws(_))));
    // A stamp's header is no statement, whatever it says.
    let payload = serde_json::to_vec(&stated).unwrap();
    let header = jws::sign(label::TYP_BATCH, &payload, &stamp_key(1));
    assert!(matches!(TimeLock::open(&header, &[own]), Err(TimeLockError::Jws(_))));
}

#[test]
fn v162_a_statement_has_one_spelling_and_an_instant_of_the_calendar() {
    let own = [stamp_key(1).public()];
    let sign = |payload: &str| jws::sign(label::TYP_TIMELOCK, payload.as_bytes(), &stamp_key(1));
    let text = serde_json::to_string(&stated(5)).unwrap();
    assert!(TimeLock::open(&sign(&text), &own).is_ok());
    for other in [
        text.replace("\"at\":5", "\"at\":5.0"),
        text.replace("\"at\":5", "\"at\": 5"),
        text.replace('}', ",\"simulated\":false}"),
        text.replace('}', ",\"more\":1}"),
        text.replace("\"at\":5,", ""),
    ] {
        assert_eq!(TimeLock::open(&sign(&other), &own), Err(TimeLockError::Content), "{other}");
    }
    let last = TimeLock { at: 253_402_300_799, ..stated(5) };
    assert!(TimeLock::open(&last.sign(&stamp_key(1)), &own).is_ok());
    for at in [253_402_300_800, u64::MAX] {
        let beyond = TimeLock { at, ..stated(5) };
        assert_eq!(TimeLock::open(&beyond.sign(&stamp_key(1)), &own), Err(TimeLockError::Instant));
    }
    let nobody = TimeLock { key: SealPublic([0; 32]), ..stated(5) };
    assert_eq!(TimeLock::open(&nobody.sign(&stamp_key(1)), &own), Err(TimeLockError::Key));
    let long = format!("{}{}", stated(5).sign(&stamp_key(1)), "A".repeat(MAX_STATEMENT));
    assert!(matches!(TimeLock::open(&long, &own), Err(TimeLockError::Jws(_))));
}

#[test]
fn v163_every_second_has_a_secret_of_its_own_that_opens_what_is_sealed_to_it() {
    let master = Master::from_random([7; 32]);
    let lock = stated(1_800_000_000);
    let sealed = seal(&lock.key, b"info", b"", b"a bid", [9; 32]).unwrap();
    let secret = master.secret(lock.at);
    assert!(lock.is_opened_by(&secret));
    assert_eq!(open(&secret, b"info", b"", &sealed).unwrap(), b"a bid");
    for (other, at) in [(&master, lock.at - 1), (&master, lock.at + 1)] {
        assert!(!lock.is_opened_by(&other.secret(at)));
        assert!(open(&other.secret(at), b"info", b"", &sealed).is_err());
    }
    assert!(!lock.is_opened_by(&Master::from_random([8; 32]).secret(lock.at)));
}

/// The bytes of SPEC 6.1, made with another implementation of RFC 5869.
#[test]
fn v163_the_secret_of_an_instant_is_the_one_of_the_vector() {
    let secret = Master::from_random([7; 32]).secret(1_800_000_000);
    assert_eq!(hex::encode(secret.expose()), VECTOR);
}

#[test]
fn a_master_and_its_secrets_are_hidden_from_debug() {
    let master = Master::from_random([7; 32]);
    assert_eq!(format!("{master:?} {:?}", master.secret(5)), "Master(..) SealKey(..)");
}
