use super::*;
use crate::trust::seal::SealError;
use zeroize::Zeroizing;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

#[derive(serde::Deserialize)]
struct Draft {
    seed: String,
    pk: String,
}

/// draft-connolly-cfrg-xwing-kem, as in the tests of RustCrypto's crate `x-wing` 0.1.1.
#[test]
fn v240_the_vectors_of_the_draft_give_their_public_keys() {
    let file = include_str!("../../../vectors/xwing-draft.json");
    let vectors: Vec<Draft> = serde_json::from_str(file).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let secret = PrekeySecret::from_random(bytes(&vector.seed).try_into().unwrap());
        assert_eq!(hex::encode(secret.public().as_bytes()), vector.pk);
        assert_eq!(PrekeyPublic::parse(&bytes(&vector.pk)), Ok(secret.public()));
    }
}

#[derive(serde::Deserialize)]
#[allow(non_snake_case, reason = "the names of the published file")]
struct Published {
    kdf_id: u32,
    info: String,
    ikmE: String,
    skRm: String,
    pkRm: String,
    enc: String,
    encryptions: Vec<Encryption>,
    exports: Vec<Export>,
}

#[derive(serde::Deserialize)]
struct Encryption {
    aad: String,
    pt: String,
    ct: String,
}

#[derive(serde::Deserialize)]
struct Export {
    exporter_context: String,
    exported_value: String,
}

/// The entries for X-Wing of `pq-53273fb.json` in the tests of the crate `hpke`, made for draft-ietf-hpke-pq.
#[test]
fn v243_the_published_vector_of_hpke_seals_opens_and_exports() {
    let file = include_str!("../../../vectors/hpke-xwing.json");
    let vectors: Vec<Published> = serde_json::from_str(file).unwrap();
    let vector = vectors.into_iter().find(|vector| vector.kdf_id == 1).unwrap();
    let info = bytes(&vector.info);
    let secret = PrekeySecret::from_random(bytes(&vector.skRm).try_into().unwrap());
    assert_eq!(hex::encode(secret.public().as_bytes()), vector.pkRm);
    let randomness = Zeroizing::new(bytes(&vector.ikmE).try_into().unwrap());
    let sender = Sender::new(&secret.public(), None, &info, randomness).unwrap();
    assert_eq!(hex::encode(sender.encapsulated()), vector.enc);
    let encapsulated = bytes(&vector.enc).try_into().unwrap();
    let receiver = Receiver::new(&secret, None, &info, &encapsulated).unwrap();
    assert_eq!(vector.exports.len(), 5);
    for export in &vector.exports {
        let context = bytes(&export.exporter_context);
        assert_eq!(hex::encode(*sender.export(&context).unwrap()), export.exported_value);
        assert_eq!(hex::encode(*receiver.export(&context).unwrap()), export.exported_value);
    }
    let first = &vector.encryptions[0];
    let sealed = sender.seal(&bytes(&first.aad), &bytes(&first.pt)).unwrap();
    assert_eq!(hex::encode(&sealed), first.ct);
    assert_eq!(*receiver.open(&bytes(&first.aad), &sealed).unwrap(), bytes(&first.pt));
}

fn secret() -> PrekeySecret {
    PrekeySecret::from_random([7; 32])
}

#[test]
fn v243_another_shared_key_or_name_of_it_opens_nothing() {
    let psk = Psk { key: &[1; 32], id: b"first" };
    let others = [None, Some(Psk { key: &[2; 32], ..psk }), Some(Psk { id: b"second", ..psk })];
    let sender =
        Sender::new(&secret().public(), Some(psk), b"info", Zeroizing::new([3; 64])).unwrap();
    let encapsulated = *sender.encapsulated();
    let sealed = sender.seal(b"aad", b"text").unwrap();
    let open = |psk, info: &[u8], aad: &[u8]| {
        Receiver::new(&secret(), psk, info, &encapsulated).unwrap().open(aad, &sealed)
    };
    assert_eq!(**open(Some(psk), b"info", b"aad").unwrap(), *b"text");
    for other in others {
        assert_eq!(open(other, b"info", b"aad"), Err(SealError::Open));
    }
    assert_eq!(open(Some(psk), b"inf", b"oaad"), Err(SealError::Open));
    assert_eq!(open(Some(psk), b"info", b""), Err(SealError::Open));
    let nameless = Psk { id: b"", ..psk };
    let refused = Sender::new(&secret().public(), Some(nameless), b"", Zeroizing::new([3; 64]));
    assert_eq!(refused.unwrap_err(), SealError::Key);
}

#[test]
fn v240_a_prekey_of_another_length_is_none() {
    let good = secret().public();
    assert_eq!(PrekeyPublic::parse(good.as_bytes()), Ok(good.clone()));
    for got in [0, 32, PUBLIC - 1] {
        let refused = PrekeyPublic::parse(&good.as_bytes()[..got]);
        assert_eq!(refused, Err(PrekeyError::Length { got }));
    }
    let longer = [good.as_bytes().as_slice(), &[0]].concat();
    assert_eq!(PrekeyPublic::parse(&longer), Err(PrekeyError::Length { got: PUBLIC + 1 }));
}

/// Two coefficients of twelve bits are in three bytes, the low bits first.
#[test]
fn v240_a_coefficient_of_q_or_more_is_refused() {
    let mut key = *secret().public().as_bytes();
    for (coefficient, good) in [(3_328_u16, true), (3_329, false), (4_095, false)] {
        let [low, high] = coefficient.to_le_bytes();
        for at in [0, 573, 1_149] {
            let before = key;
            key[at] = low;
            key[at + 1] = (key[at + 1] & 0xf0) | high;
            let read = PrekeyPublic::parse(&key);
            assert_eq!(read.is_ok(), good, "{coefficient} at {at}");
            assert!(good || read == Err(PrekeyError::MlKem));
            key = before;
        }
    }
}

#[test]
fn v240_an_x25519_half_that_adds_nothing_or_has_a_second_spelling_is_refused() {
    let good = *secret().public().as_bytes();
    let with = |half: [u8; 32]| {
        let mut key = good;
        key[PUBLIC - 32..].copy_from_slice(&half);
        PrekeyPublic::parse(&key)
    };
    for weak in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        assert_eq!(with(bytes(weak).try_into().unwrap()), Err(PrekeyError::X25519), "{weak}");
    }
    let mut half: [u8; 32] = good[PUBLIC - 32..].try_into().unwrap();
    assert!(with(half).is_ok());
    half[31] |= 0x80;
    assert_eq!(with(half), Err(PrekeyError::X25519));
}

#[test]
fn v240_a_prekey_is_named_by_all_its_bytes_under_a_label() {
    let key = secret().public();
    let expected = Digest::of(&[b"pregao/prekey/v1".as_slice(), key.as_bytes()].concat());
    assert_eq!(key.digest(), expected);
    assert_ne!(key.digest(), PrekeySecret::from_random([8; 32]).public().digest());
    assert_eq!(format!("{key:?}"), format!("PrekeyPublic({expected})"));
}

#[test]
fn a_secret_prekey_is_hidden_from_debug() {
    assert_eq!(format!("{:?}", secret()), "PrekeySecret(..)");
}
