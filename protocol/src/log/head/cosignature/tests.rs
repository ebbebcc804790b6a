//! Cosignatures against `signed_note` with a verifier of its own, and against every damage.

use ed25519_dalek::{Signature as DalekSignature, VerifyingKey};
use signed_note::{Note, Verifier, VerifierList};

use super::*;
use crate::log::{Origin, RoomName};
use crate::trust::key::{Fingerprint, HeadKey};
use crate::value::codec::Digest;

const TIME: u64 = 1_800_000_000;

fn broker() -> SecretKey<HeadKey> {
    SecretKey::from_seed(&[9; 32])
}

fn head() -> Head {
    let origin = Origin { broker: Fingerprint([0xab; 32]), room: RoomName([0xcd; 32]) };
    Head { origin, size: 12, root: Digest([7; 32]) }
}

fn key(seed: u8) -> SecretKey<WitnessKey> {
    SecretKey::from_seed(&[seed; 32])
}

fn witness(name: &str, seed: u8, operator: &str) -> Witness {
    Witness {
        name: name.parse().unwrap(),
        key: key(seed).public(),
        operator: operator.parse().unwrap(),
    }
}

fn two() -> [Witness; 2] {
    [witness("one.example/w", 1, "one"), witness("two.example/w", 2, "two")]
}

fn line(seed: u8, witness: &Witness) -> String {
    Cosignature::sign(&head(), TIME, &key(seed)).line(&witness.name)
}

fn note(lines: &[String]) -> String {
    let mut note = head().sign(&broker());
    note.extend(lines.iter().map(String::as_str));
    note
}

/// What `signed_note` asks of a verifier, for signatures of type 4.
struct Judge(Witness);

impl Verifier for Judge {
    fn name(&self) -> &str {
        self.0.name.as_str()
    }
    fn key_id(&self) -> u32 {
        u32::from_be_bytes(id(&self.0.name, &self.0.key))
    }
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let (time, signature) = signature.split_at(8);
        let time = u64::from_be_bytes(time.try_into().unwrap());
        let signed = [format!("cosignature/v1\ntime {time}\n").as_bytes(), message].concat();
        let key = VerifyingKey::from_bytes(self.0.key.as_bytes()).unwrap();
        key.verify_strict(&signed, &DalekSignature::from_slice(signature).unwrap()).is_ok()
    }
}

#[test]
fn v141_another_reader_of_signed_notes_accepts_the_line_and_none_that_was_changed() {
    let [one, _] = two();
    let good = note(&[line(1, &one)]);
    let judge = VerifierList::new(vec![Box::new(Judge(one.clone()))]);
    let (verified, _) = Note::from_bytes(good.as_bytes()).unwrap().verify(&judge).unwrap();
    assert_eq!(verified.len(), 1);
    let other = Head { size: 13, ..head() };
    let wrong = Cosignature::sign(&other, TIME, &key(1)).line(&one.name);
    assert!(Note::from_bytes(note(&[wrong]).as_bytes()).unwrap().verify(&judge).is_err());
}

#[test]
fn v141_cosignatures_of_named_witnesses_are_found_in_any_order_and_others_passed_over() {
    let named = two();
    let stranger = witness("three.example/w", 3, "three");
    let lines = [line(3, &stranger), line(2, &named[1]), line(1, &named[0])];
    let found = cosignatures(&note(&lines), &head(), &named).unwrap();
    assert_eq!(
        found.iter().map(|(by, _)| by.name.as_str()).collect::<Vec<_>>(),
        ["one.example/w", "two.example/w"]
    );
    assert_eq!(operators(&found).len(), 2);
    assert_eq!(cosignatures(&note(&lines[..1]), &head(), &named).unwrap(), vec![]);
    assert_eq!(cosignatures(&note(&[]), &head(), &named).unwrap(), vec![]);
}

#[test]
fn v141_a_name_with_another_key_is_another_witness() {
    let named = two();
    // Signed by key 3 under the name of the first witness: another key id, so nobody's line.
    let found = cosignatures(&note(&[line(3, &named[0])]), &head(), &named).unwrap();
    assert_eq!(found, vec![]);
}

#[test]
fn v141_a_line_of_a_named_witness_that_does_not_hold_spoils_the_head() {
    let named = two();
    let spoilt = Err(HeadError::Cosignature { witness: named[0].name.clone() });
    let other = Head { root: Digest([8; 32]), ..head() };
    let elsewhere = Cosignature::sign(&other, TIME, &key(1));
    let redated = Cosignature { time: TIME + 1, ..Cosignature::sign(&head(), TIME, &key(1)) };
    let too_late = Cosignature::sign(&head(), label::MAX_LOG_SIZE + 1, &key(1));
    for bad in [elsewhere, redated, too_late] {
        let note = note(&[bad.line(&named[0].name)]);
        assert_eq!(cosignatures(&note, &head(), &named), spoilt);
    }
    let twice = note(&[line(1, &named[0]), line(1, &named[0])]);
    assert_eq!(cosignatures(&twice, &head(), &named), spoilt);
    let mut short = id(&named[0].name, &named[0].key).to_vec();
    short.extend([0; 71]);
    let short = format!("{SIGNATURE_MARK}{} {}\n", named[0].name, STANDARD.encode(short));
    assert_eq!(cosignatures(&note(&[short]), &head(), &named), spoilt);
}

#[test]
fn v141_a_time_at_the_limit_holds() {
    let last = Cosignature::sign(&head(), label::MAX_LOG_SIZE, &key(1));
    assert_eq!(last.verify(&head()), Ok(()));
}

#[test]
fn v141_every_changed_bit_of_a_line_is_noticed() {
    let named = two();
    let good = line(1, &named[0]);
    let blob = STANDARD.decode(good.trim_end().rsplit(' ').next().unwrap()).unwrap();
    for bit in 0..blob.len() * 8 {
        let mut blob = blob.clone();
        blob[bit / 8] ^= 1 << (bit % 8);
        let line = format!("{SIGNATURE_MARK}{} {}\n", named[0].name, STANDARD.encode(blob));
        let found = cosignatures(&note(&[line]), &head(), &named);
        assert!(found.is_err() || found == Ok(vec![]), "bit {bit}");
    }
}

#[test]
fn a_verifier_key_has_one_spelling_and_reads_back() {
    let [one, _] = two();
    let text = verifier_key(&one.name, &one.key);
    assert_eq!(read_verifier_key(&text), Some((one.name.clone(), one.key)));
    let typed = STANDARD.encode([&[1][..], one.key.as_bytes()].concat());
    let ed25519 = format!("{}+{typed}", text.rsplit_once('+').unwrap().0);
    for bad in ["", "a+b", "a+b+c", &text.to_uppercase(), &format!("{text}A"), &ed25519] {
        assert_eq!(read_verifier_key(bad), None, "{bad}");
    }
}
