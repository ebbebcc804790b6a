//! Heads against golden bytes, against `signed_note` and `tlog_tiles`, and against every damage.

use proptest::prelude::*;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::Checkpoint;

use super::*;

const SEED: [u8; 32] = [9; 32];

const GOLDEN: &str = concat!(
    "pregao/abababababababababababababababababababababababababababababababab",
    "/cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\n",
    "12\n",
    "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n",
    "\n",
    "\u{2014} pregao/abababababababababababababababababababababababababababababababab",
    "/cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd ",
    "N17oj9QTgzTCUj25oD70mWCG0vefxfQmNi73wylK/6POjnx0EF4FUeboZASDqIw6KAAF0vIEapeIkPcW5EHq7h9ujQs=\n",
);

fn origin() -> Origin {
    Origin { broker: Fingerprint([0xab; 32]), room: RoomName([0xcd; 32]) }
}

fn head() -> Head {
    Head { origin: origin(), size: 12, root: Digest([7; 32]) }
}

fn key() -> SecretKey<HeadKey> {
    SecretKey::from_seed(&SEED)
}

fn open(note: &str) -> Result<Head, HeadError> {
    Head::open(note, &origin(), &key().public())
}

/// `text` with a good signature of the broker's over it, whatever it says.
fn signed(text: &str) -> String {
    let name = origin().to_string();
    let mut blob = key_id(&name, ED25519, &key().public()).to_vec();
    blob.extend(key().sign(text.as_bytes()).0);
    format!("{text}\n\u{2014} {name} {}\n", STANDARD.encode(blob))
}

fn named(key: &PublicKey<HeadKey>, name: &str) -> String {
    let id = hex::encode(key_id(name, ED25519, key));
    format!("{name}+{id}+{}", STANDARD.encode([&[ED25519][..], key.as_bytes()].concat()))
}

fn judge() -> VerifierList {
    let verifier = StandardVerifier::new(&named(&key().public(), &origin().to_string())).unwrap();
    VerifierList::new(vec![Box::new(verifier)])
}

fn witness_line(letter: char) -> String {
    format!("\u{2014} witness.example/{letter} {}\n", STANDARD.encode([1; 76]))
}

#[test]
fn a_head_is_signed_in_these_bytes() {
    assert_eq!(head().sign(&key()), GOLDEN);
    assert_eq!(open(&head().sign(&key())), Ok(head()));
}

#[test]
fn a_head_of_the_largest_log_is_read_and_no_larger_one() {
    let head = Head { size: label::MAX_LOG_SIZE, ..head() };
    assert_eq!(open(&head.sign(&key())), Ok(head));
    let larger = Head { size: label::MAX_LOG_SIZE + 1, ..head };
    assert_eq!(open(&larger.sign(&key())), Err(HeadError::NotCanonical));
}

#[test]
fn the_judges_open_our_head() {
    for size in [0, 1, 12, label::MAX_LOG_SIZE] {
        let head = Head { size, ..head() };
        let note = Note::from_bytes(head.sign(&key()).as_bytes()).unwrap();
        let (verified, unverified) = note.verify(&judge()).unwrap();
        assert_eq!((verified.len(), unverified.len()), (1, 0));
        let checkpoint = Checkpoint::from_bytes(note.text()).unwrap();
        assert_eq!(checkpoint.origin(), origin().to_string());
        assert_eq!((checkpoint.size(), checkpoint.hash().0), (size, [7; 32]));
        assert_eq!(checkpoint.extension(), "");
    }
}

#[test]
fn we_open_the_head_of_the_judges() {
    let name = origin().to_string();
    let id = hex::encode(key_id(&name, ED25519, &key().public()));
    let secret = STANDARD.encode([&[ED25519][..], &SEED].concat());
    let signer = StandardSigner::new(&format!("PRIVATE+KEY+{name}+{id}+{secret}")).unwrap();
    let text = Checkpoint::new(&name, 12, tlog_tiles::Hash([7; 32]), "").unwrap().to_bytes();
    let mut note = Note::new(&text, &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    let theirs = String::from_utf8(note.to_bytes()).unwrap();
    assert_eq!(theirs, head().sign(&key()));
    assert_eq!(open(&theirs), Ok(head()));
}

#[test]
fn a_head_signed_over_a_second_spelling_is_refused() {
    let root = STANDARD.encode([7; 32]);
    let name = origin();
    let texts = [
        format!("{name}\n012\n{root}\n"),
        format!("{name}\n+12\n{root}\n"),
        format!("{name}\n-12\n{root}\n"),
        format!("{name}\n 12\n{root}\n"),
        format!("{name}\n12\r\n{root}\n"),
        format!("{name}\n\n{root}\n"),
        format!("{name}\n1e1\n{root}\n"),
        format!("{name}\n9007199254740992\n{root}\n"),
        format!("{name}\n18446744073709551617\n{root}\n"),
        format!("{name}\n12\n{}\n", root.trim_end_matches('=')),
        format!("{name}\n12\n{root} \n"),
        format!("{name}\n12\n{}\n", root.replace("c=", "d=")),
        format!("{name}\n12\n{}\n", STANDARD.encode([7; 31])),
        format!("{name}\n12\n{}\n", STANDARD.encode([7; 33])),
        format!("{name}\n12\n{root}\nextension\n"),
        format!("{name}\n12\n{root}\n\n"),
        format!("{name}\n12\n"),
        format!("{name}\n12\n{root}"),
        format!("\n{name}\n12\n{root}\n"),
        String::new(),
    ];
    for text in texts {
        assert_eq!(open(&signed(&text)), Err(HeadError::NotCanonical), "{text:?}");
    }
    assert_eq!(open(&signed(&format!("{name}\n12\n{root}\n"))), Ok(head()));
}

#[test]
fn a_head_of_another_log_is_refused() {
    let other_room = Origin { room: RoomName([0xce; 32]), ..origin() };
    let other_broker = Origin { broker: Fingerprint([0xac; 32]), ..origin() };
    for other in [other_room, other_broker] {
        let note = Head { origin: other, ..head() }.sign(&key());
        assert_eq!(open(&note), Err(HeadError::OtherLog));
    }
    let upper = head().text().replace("abab", "ABAB");
    assert_eq!(open(&signed(&upper)), Err(HeadError::OtherLog));
    assert_eq!(open(&signed(&format!(" {}", head().text()))), Err(HeadError::OtherLog));
}

#[test]
fn a_head_signed_with_another_key_is_refused() {
    let other = SecretKey::<HeadKey>::from_seed(&[8; 32]);
    assert_eq!(open(&head().sign(&other)), Err(HeadError::OtherKey));
    let name = origin().to_string();
    let line = |name: &str, id: [u8; 4], signature: &[u8]| {
        let blob = STANDARD.encode([&id, signature].concat());
        open(&format!("{}\n\u{2014} {name} {blob}\n", head().text()))
    };
    let ours = key_id(&name, ED25519, &key().public());
    let good = key().sign(head().text().as_bytes()).0;
    let foreign = other.sign(head().text().as_bytes()).0;
    assert_eq!(line(&name, ours, &good), Ok(head()));
    assert_eq!(line(&name, ours, &foreign), Err(HeadError::Signature(KeyError::Signature)));
    assert_eq!(line("pregao", ours, &good), Err(HeadError::OtherKey));
    assert_eq!(line(&name, [0; 4], &good), Err(HeadError::OtherKey));
    assert_eq!(
        line(&name, key_id("pregao", ED25519, &key().public()), &good),
        Err(HeadError::OtherKey)
    );
    assert_eq!(line(&name, ours, &good[..63]), Err(HeadError::NotCanonical));
    assert_eq!(line(&name, ours, &[&good[..], &[0]].concat()), Err(HeadError::NotCanonical));
    assert_eq!(line(&name, ours, &[]), Err(HeadError::NotCanonical));
}

#[test]
fn a_signature_over_another_size_or_root_is_refused() {
    let note = head().sign(&key());
    let refused = Err(HeadError::Signature(KeyError::Signature));
    assert_eq!(open(&note.replace("\n12\n", "\n13\n")), refused);
    assert_eq!(open(&note.replace("\nBw", "\nCw")), refused);
}

#[test]
fn a_malformed_signature_block_is_refused() {
    let note = head().sign(&key());
    let mark = "\n\n\u{2014} ";
    let others = [
        note.replace(mark, "\n\n- "),
        note.replace(mark, "\n\n\u{2013} "),
        note.replace(mark, "\n\n\u{2014}"),
        note.replace(mark, "\n\n\u{2014}  "),
        note.replace(mark, "\n\u{2014} "),
        note.replace(mark, "\n\n\n\u{2014} "),
        note.trim_end().to_owned(),
        note.trim_end_matches("=\n").to_owned() + "\n",
        note.clone() + "\n",
        note.clone() + "trailing",
        note.clone() + "trailing\n",
        note.clone() + &witness_line('a') + "\n",
        note.clone() + witness_line('a').trim_end(),
        note.clone() + "\n" + &witness_line('a'),
        note.clone() + "\u{2014} two words AAAAAAAA\n",
        note.clone() + "\u{2014} plus+plus AAAAAAAA\n",
        note.clone() + "\u{2014} tab\tname AAAAAAAA\n",
        note.clone() + "\u{2014} bell\u{7}name AAAAAAAA\n",
        note.clone() + "\u{2014}  AAAAAAAA\n",
        note.clone() + "\u{2014} name AAAAAAAA \n",
        note.clone() + "\u{2014} name AAAAAA==\n",
        note.clone() + "\u{2014} name AAAAAAB=\n",
        note.clone() + "\u{2014} name AAAAAAA\n",
        note.clone() + "\u{2014} name \n",
        note.clone() + "\u{2014} name\n",
        head().text(),
        head().text() + "\n",
        head().text() + "\n\n",
    ];
    for other in others {
        assert_eq!(open(&other), Err(HeadError::NotCanonical), "{other}");
    }
    assert_eq!(open(&(note + "\u{2014} name AAAAAAA=\n")), Ok(head()));
}

#[test]
fn cosignatures_of_others_may_follow_up_to_the_limit() {
    let note = head().sign(&key());
    let lines = |count| ('a'..='z').take(count).map(witness_line).collect::<String>();
    let full = label::MAX_HEAD_SIGNATURES - 1;
    let cosigned = note.clone() + &lines(full);
    assert_eq!(open(&cosigned), Ok(head()));
    let theirs = Note::from_bytes(cosigned.as_bytes()).unwrap();
    assert_eq!(theirs.verify(&judge()).unwrap().1.len(), full);
    assert_eq!(open(&(note.clone() + &lines(full + 1))), Err(HeadError::NotCanonical));
    let own_line = note.split_once("\n\n").unwrap().1.to_owned();
    assert_eq!(open(&(note.clone() + &own_line)), Err(HeadError::NotCanonical));
    let behind = note.replace(&own_line, &(witness_line('a') + &own_line));
    assert!(open(&behind).is_err(), "the broker's signature comes first");
}

#[test]
fn a_head_may_be_of_the_greatest_length_and_no_longer() {
    let padded = |length: usize| {
        let note = head().sign(&key()) + "\u{2014} ";
        let tail = " AAAAAAA=\n";
        let name = "x".repeat(length - note.len() - tail.len());
        note + &name + tail
    };
    assert_eq!(open(&padded(label::MAX_HEAD)), Ok(head()));
    let error = HeadError::TooLong { max: label::MAX_HEAD, got: label::MAX_HEAD + 1 };
    assert_eq!(open(&padded(label::MAX_HEAD + 1)), Err(error));
}

#[test]
fn every_flipped_bit_of_a_head_is_noticed() {
    let note = head().sign(&key());
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(open(&text).is_err(), "bit {bit} of byte {at}");
            }
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_text_is_no_head(text in "(?s).*") {
        let signature_block = head().text() + "\n" + &text;
        let signed_text = signed(&(text.clone() + "\n"));
        for note in [text, signature_block, signed_text] {
            prop_assert!(open(&note).is_err());
        }
    }

    #[test]
    fn a_cut_head_is_no_head(at in 0_usize..400) {
        let note = head().sign(&key());
        if let Some(cut) = note.get(..at).filter(|cut| cut.len() < note.len()) {
            prop_assert!(open(cut).is_err());
        }
    }
}
