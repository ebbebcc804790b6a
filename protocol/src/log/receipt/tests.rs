//! Receipts of a small log: each good one is accepted, and none that differs in anything.

use proptest::prelude::*;

use super::*;
use crate::log::merkle::Frontier;
use crate::log::stamp::Stamp;
use crate::trust::key::SecretKey;

const OPENING: &str = "opening.action.signature";
const HEADER: &str = "header.payload.signature";
const BROKER: Fingerprint = Fingerprint([0xab; 32]);

fn key() -> SecretKey<HeadKey> {
    SecretKey::from_seed(&[9; 32])
}

fn entry(seq: u64) -> Entry {
    let stamp = Stamp { header: BatchHeader::hash(HEADER), index: seq, path: vec![] };
    let action = if seq == 0 { OPENING.to_owned() } else { format!("action.{seq}.signature") };
    Entry { seq, action, stamp }
}

/// The receipts that a broker gives for these entries, committed together, in this room.
fn receipts_of(entries: &[Entry], opening: &str) -> Vec<Receipt> {
    let appended = Frontier::default().append(entries.iter().map(Entry::leaf));
    let origin = Origin { broker: BROKER, room: RoomName::of_opening(opening) };
    let head = Head { origin, size: appended.size(), root: appended.root() }.sign(&key());
    (0..)
        .zip(entries)
        .map(|(index, entry)| Receipt {
            opening: opening.to_owned(),
            header: HEADER.to_owned(),
            entry: entry.encode(),
            path: appended.inclusion_path(index).unwrap(),
            head: head.clone(),
        })
        .collect()
}

fn receipts(size: u64) -> Vec<Receipt> {
    receipts_of(&(0..size).map(entry).collect::<Vec<_>>(), OPENING)
}

fn check(receipt: &Receipt) -> Result<(Entry, Head), ReceiptError> {
    receipt.check_inclusion(&key().public(), &BROKER)
}

#[test]
fn every_receipt_of_a_log_shows_its_entry_and_head() {
    for size in 1..=9 {
        for (seq, receipt) in (0..).zip(receipts(size)) {
            let (found, head) = check(&receipt).unwrap();
            assert_eq!((found, head.size), (entry(seq), size));
            assert_eq!(head.origin.room, receipt.room());
        }
    }
}

#[test]
fn a_receipt_survives_json_byte_for_byte() {
    let receipt = receipts(5).remove(3);
    let text = receipt.encode();
    assert_eq!(Receipt::parse(&text), Ok(receipt));
}

#[test]
fn a_receipt_is_written_in_these_bytes() {
    let receipt = Receipt {
        opening: "a.b.c".to_owned(),
        header: "d.e.f".to_owned(),
        entry: r#"{"seq":1}"#.to_owned(),
        path: vec![Digest([0; 32]), Digest([0; 32])],
        head: "origin\n2\nroot\n\n\u{2014} origin blob\n".to_owned(),
    };
    let path = "A".repeat(86);
    let golden = format!(
        "{}{path}{}",
        r#"{"opening":"a.b.c","header":"d.e.f","entry":"{\"seq\":1}","path":""#,
        "\",\"head\":\"origin\\n2\\nroot\\n\\n\u{2014} origin blob\\n\"}",
    );
    assert_eq!(receipt.encode(), golden);
}

#[test]
fn an_entry_that_differs_is_not_included() {
    let receipts = receipts(5);
    for (at, receipt) in receipts.iter().enumerate() {
        for (other_at, other) in receipts.iter().enumerate().filter(|(other, _)| *other != at) {
            let entry = other.entry.clone();
            let verdict = check(&Receipt { entry, ..receipt.clone() });
            assert!(matches!(verdict, Err(ReceiptError::NotIncluded(_))), "{other_at} as {at}");
        }
        let entry = receipt.entry.replace("signature", "signatures");
        let verdict = check(&Receipt { entry, ..receipt.clone() });
        assert_eq!(verdict, Err(ReceiptError::NotIncluded(ProofError::Mismatch)));
        let entry = receipt.entry.replace(':', ": ");
        let verdict = check(&Receipt { entry, ..receipt.clone() });
        assert_eq!(verdict, Err(ReceiptError::Entry(EntryError::NotCanonical)));
    }
}

#[test]
fn v023_a_header_that_the_entry_does_not_name_is_refused() {
    for receipt in receipts(5) {
        for header in ["", "header.payload.signatures", "Header.payload.signature"] {
            let verdict = check(&Receipt { header: header.to_owned(), ..receipt.clone() });
            assert_eq!(verdict, Err(ReceiptError::OtherHeader), "{header}");
        }
    }
}

#[test]
fn an_entry_whose_number_is_not_its_place_is_refused() {
    for wrong in [1, 3, 4, 5] {
        let mut entries: Vec<Entry> = (0..5).map(entry).collect();
        entries[2].seq = wrong;
        let receipt = receipts_of(&entries, OPENING).remove(2);
        assert!(matches!(check(&receipt), Err(ReceiptError::NotIncluded(_))), "{wrong}");
    }
}

#[test]
fn a_damaged_path_is_refused() {
    for receipt in receipts(7) {
        for at in 0..receipt.path.len() {
            let mut flipped = receipt.clone();
            flipped.path[at].0[31] ^= 1;
            let verdict = check(&flipped);
            assert_eq!(verdict, Err(ReceiptError::NotIncluded(ProofError::Mismatch)));
            let mut shortened = receipt.clone();
            shortened.path.remove(at);
            let verdict = check(&shortened);
            assert_eq!(verdict, Err(ReceiptError::NotIncluded(ProofError::Malformed)));
        }
        let mut longer = receipt;
        longer.path.push(Digest([0; 32]));
        let verdict = check(&longer);
        assert_eq!(verdict, Err(ReceiptError::NotIncluded(ProofError::Malformed)));
    }
}

#[test]
fn a_head_of_another_room_broker_key_or_size_is_refused() {
    let receipt = receipts(4).remove(1);
    let other_room = Receipt { opening: "another.action.signature".to_owned(), ..receipt.clone() };
    assert_eq!(check(&other_room), Err(ReceiptError::Head(HeadError::OtherLog)));
    let verdict = receipt.check_inclusion(&key().public(), &Fingerprint([0xac; 32]));
    assert_eq!(verdict, Err(ReceiptError::Head(HeadError::OtherLog)));
    let other_key = SecretKey::from_seed(&[8; 32]).public();
    let verdict = receipt.check_inclusion(&other_key, &BROKER);
    assert_eq!(verdict, Err(ReceiptError::Head(HeadError::OtherKey)));
    for size in [1, 2, 3, 5, 8] {
        let head = receipts(size).remove(0).head;
        let verdict = check(&Receipt { head, ..receipt.clone() });
        assert!(matches!(verdict, Err(ReceiptError::NotIncluded(_))), "size {size}");
    }
}

#[test]
fn a_log_that_begins_with_another_action_is_refused() {
    let entries: Vec<Entry> = (0..3).map(entry).collect();
    let receipts = receipts_of(&entries, "another.action.signature");
    assert_eq!(check(&receipts[0]), Err(ReceiptError::OtherOpening));
    assert!(check(&receipts[1]).is_ok(), "only the first entry shows how the log begins");
}

#[test]
fn json_that_is_not_exactly_a_receipt_is_refused() {
    let text = receipts(2).remove(1).encode();
    let error = Err(ReceiptError::Malformed { max: label::MAX_RECEIPT });
    for other in [
        String::new(),
        "null".to_owned(),
        text.replacen('{', "{\"more\":1,", 1),
        text.replacen('{', "{\"head\":\"\",", 1),
        text.replacen("\"opening\"", "\"Opening\"", 1),
        text.replacen("\"path\":\"", "\"path\":\"AAAA", 1),
        text.clone() + "x",
        text[..text.len() - 1].to_owned(),
    ] {
        assert_eq!(Receipt::parse(&other), error, "{other}");
    }
    let padded = |length: usize| text.clone() + &" ".repeat(length - text.len());
    assert!(Receipt::parse(&padded(label::MAX_RECEIPT)).is_ok());
    assert_eq!(Receipt::parse(&padded(label::MAX_RECEIPT + 1)), error);
}

#[test]
fn the_longest_parts_fit_a_receipt() {
    let receipt = Receipt {
        opening: "o".repeat(label::MAX_ACTION),
        header: "b".repeat(label::MAX_BATCH),
        entry: "\"".repeat(20) + &"e".repeat(label::MAX_ENTRY - 20),
        path: vec![Digest([255; 32]); 64],
        head: "\n".repeat(20) + &"h".repeat(label::MAX_HEAD - 20),
    };
    assert!(receipt.encode().len() <= label::MAX_RECEIPT);
}

proptest! {
    #[test]
    fn a_perturbed_receipt_never_panics_and_shows_nothing_new(
        at in any::<prop::sample::Index>(),
        byte in 0_u8..128,
    ) {
        let mut bytes = receipts(6).remove(4).encode().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        if let Ok((found, head)) = Receipt::parse(&text).and_then(|receipt| check(&receipt)) {
            prop_assert_eq!((found, head.size), (entry(4), 6));
        }
    }

    #[test]
    fn arbitrary_text_is_no_receipt(text in "(?s).*") {
        prop_assert!(Receipt::parse(&text).is_err());
    }
}
