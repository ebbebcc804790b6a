//! What two files show together that each of them does not.

use super::*;
use crate::audit::verdict::examine;
use crate::room::body::{Body, Ended};
use crate::room::fixture::{
    Author, END, OUTCOME, SECOND, Table, at, broker_certificate, broker_fingerprint, private_room,
    revealed,
};

fn file_of(table: &Table, certified: bool) -> String {
    let certificate = certified.then(broker_certificate);
    transcript(certificate.as_deref(), table.logged(), &table.head())
}

/// Two histories of one room: the second bid is another, and one of them is longer.
fn histories() -> (Table, Table) {
    let [mut one, mut two] = [Table::auction(), Table::auction()];
    for table in [&mut one, &mut two] {
        table.bid(at(SECOND), 1_000).unwrap();
    }
    one.bid(at(2 * SECOND), 1_100).unwrap();
    two.bid(at(2 * SECOND), 1_200).unwrap();
    two.bid(at(3 * SECOND), 1_300).unwrap();
    (one, two)
}

/// What is found in texts, each a file.
fn found_in(texts: &[&str]) -> Vec<Finding> {
    let evidence: Vec<Option<Evidence>> =
        texts.iter().map(|text| Evidence::parse(text).ok()).collect();
    let examined: Vec<_> = texts.iter().map(|text| examine(text.as_bytes())).collect();
    let files: Vec<Compared<'_>> = evidence
        .iter()
        .zip(&examined)
        .map(|(evidence, examined)| match evidence {
            Some(evidence) => Compared::Evidence(evidence),
            None => Compared::Examined(examined),
        })
        .collect();
    let findings = compare(&files);
    for finding in &findings {
        if let Some(evidence) = &finding.evidence {
            let shown = evidence.verify().unwrap();
            assert_eq!((shown.by, shown.what), (broker_fingerprint(), finding.what.clone()));
            assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(evidence));
        }
    }
    findings
}

fn kinds(findings: &[Finding]) -> Vec<(Contradiction, [usize; 2], bool)> {
    findings.iter().map(|found| (found.kind, found.files, found.evidence.is_some())).collect()
}

#[test]
fn v062_two_transcripts_of_one_room_that_differ_are_a_fork_in_either_order() {
    let (one, two) = histories();
    let (short, long) = (file_of(&one, true), file_of(&two, true));
    let fork = |texts: &[&str]| kinds(&found_in(texts));
    assert_eq!(fork(&[&short, &long]), [(Contradiction::Fork, [0, 1], true)]);
    assert_eq!(fork(&[&long, "x", &short]), [(Contradiction::Fork, [0, 2], true)]);
    assert_eq!(fork(&[&short, &short]), []);
    // Any certificate of these keys will do, and without one it is found all the same.
    let bare = [file_of(&one, false), file_of(&two, false)];
    assert_eq!(fork(&[&bare[0], &long]), [(Contradiction::Fork, [0, 1], true)]);
    assert_eq!(fork(&[&bare[0], &bare[1]]), [(Contradiction::Fork, [0, 1], false)]);
    let other = Table::list(|listing| listing.grace = 6).unwrap();
    assert_eq!(fork(&[&short, &file_of(&other, true)]), [], "another room");
}

#[test]
fn a_log_that_continues_another_contradicts_nothing() {
    let (_, two) = histories();
    let mut longer = histories().1;
    longer.bid(at(4 * SECOND), 2_000).unwrap();
    let receipt = longer.receipt(2).encode();
    assert_eq!(found_in(&[&file_of(&two, true), &file_of(&longer, true), &receipt]), []);
}

#[test]
fn v062_a_receipt_is_compared_with_logs_and_other_receipts() {
    let (one, two) = histories();
    let log = file_of(&two, true);
    // Its head is over three entries, of which the log shows another third.
    let of = |seq| one.receipt(seq).encode();
    let fork = (Contradiction::Fork, [0, 1], true);
    assert_eq!(kinds(&found_in(&[&log, &of(1)])), [fork]);
    let entries = (Contradiction::TwoEntries, [0, 1], true);
    assert_eq!(kinds(&found_in(&[&log, &of(2)])), [fork, entries]);
    // Of a longer head the log shows nothing, but for the entry itself.
    let log = file_of(&one, true);
    let of = |seq| two.receipt(seq).encode();
    assert_eq!(kinds(&found_in(&[&log, &of(1)])), []);
    assert_eq!(kinds(&found_in(&[&log, &of(2)])), [entries]);
    let (first, second) = (one.receipt(2).encode(), two.receipt(2).encode());
    let uncertified = (Contradiction::TwoEntries, [0, 1], false);
    assert_eq!(kinds(&found_in(&[&first, &second])), [uncertified]);
    // What the author of the last had seen is not what the log shows.
    let seen = (Contradiction::Seen, [0, 1], false);
    assert_eq!(kinds(&found_in(&[&log, &of(3)])), [seen]);
}

#[test]
fn v062_the_statements_in_evidence_are_compared_as_well() {
    let (one, two) = histories();
    let log = file_of(&two, true);
    let found = found_in(&[&file_of(&one, true), &log]);
    let fork = found[0].evidence.clone().unwrap().encode();
    // It states the head of the one history, which the other contradicts.
    assert_eq!(kinds(&found_in(&[&fork, &log])), [(Contradiction::Fork, [0, 1], true)]);
    assert_eq!(found_in(&[&fork]), [], "what it shows is in one file");
    let [one, two] = [1, 2].map(|_| histories().1);
    assert_eq!(found_in(&[&file_of(&one, true), &file_of(&two, true)]), []);
}

/// A settled auction and its reveal room, of which the winner and the seller disclosed.
fn concluded() -> (Table, crate::room::fixture::Private) {
    let mut auction = Table::auction();
    let winner = Author::new(120);
    let bid = auction.bid_by(&winner, at(SECOND), 1_000);
    auction.close(at(END)).unwrap();
    auction.settle(at(END), Some((1, 1_000))).unwrap();
    let mut room = private_room(&auction, &winner, &bid);
    room.disclose_seller();
    room.disclose_winner();
    (auction, room)
}

#[test]
fn v145_an_auction_agrees_with_the_end_of_its_reveal_room() {
    let (mut auction, room) = concluded();
    let private = file_of(&room.table, true);
    let true_end = room.table.reveal().conclusion().unwrap().outcome;
    let before = file_of(&auction, true);
    assert_eq!(found_in(&[&before, &private]), [], "the auction has not come so far");
    let outcome = Body::Revealed(Ended { outcome: true_end });
    auction.broker(at(END + 30 * SECOND), outcome).unwrap();
    assert_eq!(found_in(&[&file_of(&auction, true), &private]), []);
    for (body, word) in [
        (revealed(), "another log of the reveal room"),
        (Body::Abandoned(Ended { outcome: true_end }), "that the seller was absent"),
    ] {
        assert_ne!(true_end, OUTCOME);
        let (mut auction, _) = concluded();
        auction.broker(at(END + 330 * SECOND), body).unwrap();
        let files = [file_of(&auction, false), private.clone()];
        let found = found_in(&[&files[1], &files[0]]);
        assert_eq!(kinds(&found), [(Contradiction::FalseOutcome, [0, 1], true)]);
        assert!(found[0].what.contains(word), "{}", found[0].what);
    }
}

#[test]
fn v062_the_opening_of_a_reveal_room_states_a_log_of_its_auction() {
    let (auction, room) = concluded();
    // Another history of the auction, settled alike.
    let mut other = Table::auction();
    let winner = Author::new(120);
    other.bid_by(&winner, at(2 * SECOND), 1_000);
    other.close(at(END)).unwrap();
    other.settle(at(END), Some((1, 1_000))).unwrap();
    assert_eq!(other.name(), auction.name());
    let found = found_in(&[&file_of(&other, true), &file_of(&room.table, true)]);
    assert_eq!(kinds(&found), [(Contradiction::Fork, [0, 1], true)]);
}
