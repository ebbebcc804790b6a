//! What two files show together that each of them does not.

use super::*;
use crate::audit::evidence::BrokenLog;
use crate::audit::verdict::examine;
use crate::log::{Cosignature, Head};
use crate::room::action::{Draft, Seen};
use crate::room::body::{Body, Ended, Say, Settled};
use crate::room::body::{BrokerKeys, Reveal};
use crate::room::fixture::{
    Author, END, OUTCOME, Own, Private, SECOND, Table, amount, at, broker_certificate,
    broker_fingerprint, private_room, revealed, text, witness, witness_key,
};
use crate::trust::key::{EntryKey, SecretKey};

fn file_of(table: &Table, certified: bool) -> String {
    let certificate = certified.then(broker_certificate);
    transcript(certificate.as_deref(), table.logged(), &table.head())
}

/// Two histories of one room: the second bid is another, and one of them is longer.
fn histories() -> (Table, Table) {
    let mut one = Table::auction();
    one.bid(at(SECOND), 1_000).unwrap();
    let mut two = one.branch();
    one.bid(at(2 * SECOND), 1_100).unwrap();
    two.bid(at(2 * SECOND), 1_200).unwrap();
    two.bid(at(3 * SECOND), 1_300).unwrap();
    (one, two)
}

/// What is found in texts, each a file.
fn found_in(texts: &[&str]) -> Vec<Finding> {
    compared(texts).findings
}

/// What is found in texts, and which bear each other out.
fn compared(texts: &[&str]) -> Comparison {
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
    let comparison = compare(&files);
    for finding in &comparison.findings {
        let broker = finding.kind.against() == Accused::Broker;
        assert_eq!(broker, finding.by == broker_fingerprint());
        if let Some(evidence) = &finding.evidence {
            let shown = evidence.verify().unwrap();
            let what = finding.what.clone();
            assert_eq!((shown.by, shown.room, shown.what), (finding.by, finding.room, what));
            assert_eq!(evidence.against(), finding.kind.against());
            assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(evidence));
        }
    }
    comparison
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
    // Then it is of whoever made the keys (V-077).
    let certified = |texts: &[&str]| found_in(texts)[0].is_certified;
    assert!(certified(&[&short, &long]) && certified(&[&bare[0], &long]));
    assert!(!certified(&[&bare[0], &bare[1]]));
    let later = at(4 * SECOND);
    let other = Table::list_by(one.tsa.clone(), later, |listing| listing.grace = 6).unwrap();
    assert_eq!(fork(&[&short, &file_of(&other, true)]), [], "another room");
}

#[test]
fn a_log_that_continues_another_contradicts_nothing() {
    let (_, two) = histories();
    let mut longer = two.branch();
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
    assert_eq!(found_in(&[&file_of(&two, true), &file_of(&two.branch(), true)]), []);
}

/// A settled auction and its reveal room, of which the winner and the seller disclosed.
fn concluded() -> (Table, Private) {
    let mut auction = Table::auction();
    let winner = Author::new(120);
    let bid = auction.bid_by(&winner, at(SECOND), 1_000);
    let room = conclude(&mut auction, &winner, &bid);
    (auction, room)
}

fn conclude(auction: &mut Table, winner: &Author, bid: &Own) -> Private {
    auction.close(at(END)).unwrap();
    auction.settle(at(END), Some((1, 1_000))).unwrap();
    let mut room = private_room(auction, winner, bid);
    room.disclose_seller();
    room.disclose_winner();
    room
}

#[test]
fn v145_an_auction_agrees_with_the_end_of_its_reveal_room() {
    let (mut auction, room) = concluded();
    let private = file_of(&room.table, true);
    let true_end = room.table.reveal().conclusion().unwrap().outcome;
    let before = file_of(&auction, true);
    let nothing = Comparison::default();
    assert_eq!(compared(&[&before, &private]), nothing, "the auction has not come so far");
    let outcome = Body::Revealed(Ended { outcome: true_end });
    auction.broker(at(END + 30 * SECOND), outcome).unwrap();
    let borne_out = compared(&[&private, "x", &file_of(&auction, true)]);
    let entry = auction.tree().size() - 1;
    let end = RecordedEnd { reveal: 0, auction: 2, entry, is_final: false };
    assert_eq!(borne_out, Comparison { ends: vec![end], findings: vec![] });
    for (body, word) in [
        (revealed(), "another log of the reveal room"),
        (Body::Abandoned(Ended { outcome: true_end }), "that the seller was absent"),
    ] {
        assert_ne!(true_end, OUTCOME);
        let (mut auction, room) = concluded();
        auction.broker(at(END + 330 * SECOND), body).unwrap();
        let files = [file_of(&auction, false), file_of(&room.table, true)];
        let found = found_in(&[&files[1], &files[0]]);
        assert_eq!(kinds(&found), [(Contradiction::FalseOutcome, [0, 1], true)]);
        assert!(found[0].what.contains(word), "{}", found[0].what);
    }
}

#[test]
fn v062_the_opening_of_a_reveal_room_states_a_log_of_its_auction() {
    let mut auction = Table::auction();
    // Another history of the auction, settled alike.
    let mut other = auction.branch();
    let winner = Author::new(120);
    let bid = auction.bid_by(&winner, at(SECOND), 1_000);
    other.bid_by(&winner, at(2 * SECOND), 1_000);
    other.close(at(END)).unwrap();
    other.settle(at(END), Some((1, 1_000))).unwrap();
    let room = conclude(&mut auction, &winner, &bid);
    assert_eq!(other.name(), auction.name());
    let found = found_in(&[&file_of(&other, true), &file_of(&room.table, true)]);
    assert_eq!(kinds(&found), [(Contradiction::Fork, [0, 1], true)]);
}

#[test]
fn v145_the_end_of_a_reveal_room_is_final_as_soon_as_its_auction_is() {
    let mut auction = Table::list(|listing| {
        listing.witnesses = vec![witness(1)];
        listing.quorum = 1;
    })
    .unwrap();
    let winner = Author::new(120);
    let bid = auction.bid_by(&winner, at(SECOND), 1_000);
    auction.close(at(END)).unwrap();
    auction.settle(at(END + 6 * SECOND), Some((1, 1_000))).unwrap();
    let mut room = private_room(&auction, &winner, &bid);
    room.disclose_seller();
    room.disclose_winner();
    let outcome = room.table.reveal().conclusion().unwrap().outcome;
    let entry = auction.broker(at(END + 30 * SECOND), Body::Revealed(Ended { outcome })).unwrap();
    let private = file_of(&room.table, true);
    for (cosigned, is_final) in [(String::new(), false), (cosigned(&auction, 1), true)] {
        let head = format!("{}{cosigned}", auction.head());
        let file = transcript(Some(&broker_certificate()), auction.logged(), &head);
        let end = RecordedEnd { reveal: 1, auction: 0, entry, is_final };
        assert_eq!(compared(&[&file, &private]), Comparison { ends: vec![end], findings: vec![] });
    }
}

/// A witness's line under the head of a log as it is.
fn cosigned(table: &Table, seed: u8) -> String {
    let head =
        Head { origin: table.origin(), size: table.tree().size(), root: table.tree().root() };
    Cosignature::sign(&head, 1_800_000_000, &witness_key(seed)).line(&witness(seed).name)
}

#[test]
fn v153_a_witness_that_cosigned_two_histories_is_found_out_in_two_files() {
    let mut one = Table::list(|listing| {
        listing.witnesses = vec![witness(1), witness(2)];
        listing.quorum = 2;
    })
    .unwrap();
    one.bid(at(SECOND), 1_000).unwrap();
    let mut two = one.branch();
    one.bid(at(2 * SECOND), 1_100).unwrap();
    two.bid(at(2 * SECOND), 1_200).unwrap();
    let file = |table: &Table, lines: String| {
        let head = format!("{}{lines}", table.head());
        transcript(Some(&broker_certificate()), table.logged(), &head)
    };
    let fork = (Contradiction::Fork, [0, 1], true);
    let twice = (Contradiction::CosignedTwice, [0, 1], true);
    let [first, second] = [1, 2].map(|seed| cosigned(&two, seed));
    let honest = file(&one, cosigned(&one, 1));
    assert_eq!(kinds(&found_in(&[&honest, &file(&two, second.clone())])), [fork], "two witnesses");
    let both = file(&two, format!("{first}{second}"));
    let found = found_in(&[&honest, &both]);
    assert_eq!(kinds(&found), [fork, twice]);
    assert_eq!(found[1].by, witness(1).key.fingerprint());
    assert_eq!((found[1].room, found[1].kind.against()), (Some(one.name()), Accused::Witness));
    // As under a receipt.
    let mut receipt = two.receipt(1);
    receipt.head.push_str(&first);
    assert_eq!(kinds(&found_in(&[&honest, &receipt.encode()])), [fork, twice]);
}

#[test]
fn v153_the_date_of_a_close_counts_as_well() {
    let mut one = Table::list(|listing| {
        listing.witnesses = vec![witness(1)];
        listing.quorum = 1;
    })
    .unwrap();
    let mut two = one.branch();
    one.bid(at(SECOND), 1_000).unwrap();
    two.bid(at(SECOND), 1_200).unwrap();
    for (table, minor) in [(&mut one, 1_000), (&mut two, 1_200)] {
        table.close(at(END)).unwrap();
        let head = table.fold().closing().unwrap().head;
        // What is said between is under no date.
        let speaker = Author::new(130);
        let own = table.fresh(&speaker);
        let said = table.sign(&speaker, &own, Body::Say(Say { text: text("well?") }));
        let said = table.tsa.stamp(said, at(END));
        table.submit(&said).unwrap();
        let time = at(END).as_micros() / 1_000_000;
        let cosigned = vec![Cosignature::sign(&head, time, &witness_key(1))];
        let (winner, price) = (Some(1), Some(amount(minor)));
        table.broker(at(END), Body::Settled(Settled { winner, price, cosigned })).unwrap();
    }
    let found = found_in(&[&file_of(&one, true), &file_of(&two, true)]);
    let [fork, twice] = [Contradiction::Fork, Contradiction::CosignedTwice];
    assert_eq!(kinds(&found), [(fork, [0, 1], true), (twice, [0, 1], true)]);
}

#[test]
fn v063_a_tsa_that_shows_two_rooms_two_histories_is_found_out_in_two_files() {
    let (mut one, mut two) = (Table::auction(), Table::list(|terms| terms.grace = 6).unwrap());
    assert_ne!(one.name(), two.name());
    one.bid(at(SECOND), 1_000).unwrap();
    two.bid(at(SECOND), 1_000).unwrap();
    let batches = (Contradiction::Batches, [0, 1], true);
    let found = found_in(&[&file_of(&one, true), &file_of(&two, false)]);
    assert_eq!(kinds(&found), [batches]);
    let tsa = one.tsa.public().fingerprint();
    assert_eq!((found[0].by, found[0].room), (tsa, None));
    let receipt = two.receipt(1).encode();
    assert_eq!(
        kinds(&found_in(&["x", &file_of(&one, true), &receipt])),
        [(batches.0, [1, 2], true)]
    );
    // One TSA, and rooms that take turns.
    let mut two = Table::list_by(one.tsa.clone(), at(2 * SECOND), |terms| terms.grace = 7).unwrap();
    two.bid(at(3 * SECOND), 1_000).unwrap();
    one.bid(at(4 * SECOND), 1_100).unwrap();
    assert_eq!(found_in(&[&file_of(&one, true), &file_of(&two, true), &receipt_of(&two)]), []);
}

fn receipt_of(table: &Table) -> String {
    table.receipt(1).encode()
}

#[test]
fn v077_a_reveal_room_of_made_up_keys_says_nothing_about_the_auction_that_it_names() {
    let (auction, room) = concluded();
    let opening = room.table.reveal().opening().clone();
    let mine = SecretKey::<EntryKey>::from_seed(&[99; 32]);
    let keys = BrokerKeys { entry: mine.public(), ..opening.broker };
    let lie = Reveal { broker: keys, root: OUTCOME, ..opening };
    let id = Author::new(0).own(999).id;
    let draft = Draft { id, room: None, body: Body::Reveal(lie), seen: Seen::nothing() };
    let mut tsa = auction.tsa.clone();
    let opening = tsa.stamp(draft.sign_as_broker(&mine).unwrap(), at(END + 30 * SECOND));
    let forged = Table::open(tsa, opening).unwrap();
    for certified in [true, false] {
        let found = compared(&[&file_of(&auction, certified), &file_of(&forged, false)]);
        assert_eq!(found, Comparison::default());
    }
}

/// A table whose listing names one witness, and another that goes on otherwise after its first bid.
fn witnessed_histories() -> (Table, Table) {
    let mut one = Table::list(|listing| {
        listing.witnesses = vec![witness(1)];
        listing.quorum = 1;
    })
    .unwrap();
    one.bid(at(SECOND), 1_000).unwrap();
    let mut two = one.branch();
    one.bid(at(2 * SECOND), 1_100).unwrap();
    two.bid(at(2 * SECOND), 1_200).unwrap();
    (one, two)
}

#[test]
fn v153_cosignatures_in_evidence_are_held_against_other_files() {
    let (one, two) = witnessed_histories();
    let file = |table: &Table, lines: String| {
        let head = format!("{}{lines}", table.head());
        transcript(Some(&broker_certificate()), table.logged(), &head)
    };
    let twice = |files| (Contradiction::CosignedTwice, files, true);
    let signed = file(&one, cosigned(&one, 1));
    // Evidence of something else: two receipts, one with what the witness signed.
    let mut receipts = [one.receipt(2), two.receipt(2)];
    receipts[1].head.push_str(&cosigned(&two, 1));
    let certificate = broker_certificate();
    let entries = Evidence::TwoEntries(TwoEntries { certificate, receipts }).encode();
    let found = found_in(&[&entries, &signed]);
    assert!(kinds(&found).contains(&twice([0, 1])), "{found:?}");
    assert!(kinds(&found).contains(&(Contradiction::TwoEntries, [0, 1], true)), "{found:?}");
    assert!(kinds(&found).contains(&(Contradiction::Fork, [0, 1], true)), "{found:?}");
    // Its lie once more in evidence of just that, beside one of its two files.
    let both = found.iter().find(|found| found.kind == Contradiction::CosignedTwice).unwrap();
    let both = both.evidence.as_ref().unwrap().encode();
    assert_eq!(kinds(&found_in(&[&both, &signed])), [twice([0, 1])]);
    assert_eq!(found_in(&[&both]), []);
    // A broken log is evidence against a broker, and has heads that a witness signed.
    let broken = BrokenLog { transcript: file(&two, cosigned(&two, 1)) };
    let found = kinds(&found_in(&[&Evidence::BrokenLog(broken).encode(), &signed]));
    assert!(found.contains(&twice([0, 1])), "{found:?}");
}

#[test]
fn v063_headers_in_evidence_are_held_against_other_files() {
    let (mut one, mut two) = (Table::auction(), Table::list(|terms| terms.grace = 6).unwrap());
    one.bid(at(SECOND), 1_000).unwrap();
    two.bid(at(SECOND), 1_000).unwrap();
    let [first, second] = [file_of(&one, true), file_of(&two, true)];
    let found = found_in(&[&first, &second]);
    let batches = |files| (Contradiction::Batches, files, true);
    assert_eq!(kinds(&found), [batches([0, 1])]);
    let lie = found[0].evidence.as_ref().unwrap().encode();
    // Of two that contradict each other in one file the first is kept: the TSA is convicted already.
    assert_eq!(kinds(&found_in(&[&lie, &second])), [batches([0, 1])]);
    assert_eq!(found_in(&[&lie]), []);
    let entries = TwoEntries {
        certificate: broker_certificate(),
        receipts: [two.receipt(1), two.receipt(1)],
    };
    let entries = Evidence::TwoEntries(entries).encode();
    assert_eq!(kinds(&found_in(&[&entries, &first])), [batches([0, 1])]);
    assert_eq!(found_in(&[&entries, &second]), []);
}

/// So is what the log says of a letter after it came: two ends of one letter are two logs.
#[test]
fn the_timelines_of_two_files_are_held_against_each_other() {
    use crate::audit::letter::ShownDeposit;
    use crate::audit::letter::fixture::Post;
    use crate::letter::Mode;
    use crate::room::body::OneLetter;
    let over = 15 * 24 * 3600 * SECOND + 3 * SECOND;
    let ended = |time: u64, of: fn(OneLetter) -> Body| {
        let mut post = Post::registered(Mode::Evidence, |_| {});
        let body = of(OneLetter { letter: 2 });
        let table = &mut post.two.table;
        let entry = if body.is_brokers() {
            table.broker_at(at(time), body)
        } else {
            let action = post.two.acts(body);
            post.two.table.tsa.stamp(action, at(time))
        };
        post.two.table.submit(&entry).unwrap();
        let timeline = post.two.timeline(2, &[3]);
        ShownDeposit { deposit: post.deposit.clone(), timeline }.encode()
    };
    let (declined, lapsed) = (ended(over - 1, Body::Declined), ended(over, Body::Lapsed));
    for (other, kinds) in [
        (&lapsed, vec![Contradiction::Fork, Contradiction::TwoEntries, Contradiction::Batches]),
        (&declined, vec![]),
    ] {
        let examined = [declined.as_bytes(), other.as_bytes()].map(examine);
        let compared = examined.each_ref().map(Compared::Examined);
        let found = super::compare(&compared).findings;
        let found: Vec<Contradiction> = found.iter().map(|finding| finding.kind).collect();
        assert_eq!(found, kinds);
    }
}

/// The receipts in a letter are held against everything else that the broker signed about these boxes.
#[test]
fn a_letter_is_held_against_other_files_of_its_boxes() {
    use crate::audit::letter::fixture::{Post, by_hash};
    use crate::letter::Mode;
    let mut post = Post::new(Mode::Evidence, true);
    let receipt = post.receipt(|_| {});
    let letter = post.acknowledged(&receipt).encode();
    let same = post.shown(by_hash(&post.sealed)).encode();
    // Boxes of the same keys in which other letters came.
    let mut other = Post::new(Mode::Deniable, true);
    let there = other.deposit.encode();
    let back = other.acknowledged(&other.receipt(|said| said.salt.0[0] ^= 1)).read.unwrap();
    for (file, kinds) in [
        (there, vec![Contradiction::Fork, Contradiction::TwoEntries, Contradiction::Batches]),
        (
            back.deposit.encode(),
            vec![Contradiction::Fork, Contradiction::TwoEntries, Contradiction::Batches],
        ),
        (same, vec![]),
    ] {
        let examined = [letter.as_bytes(), file.as_bytes()].map(examine);
        let compared = examined.each_ref().map(Compared::Examined);
        let found = super::compare(&compared).findings;
        let found: Vec<Contradiction> = found.iter().map(|finding| finding.kind).collect();
        assert_eq!(found, kinds);
    }
}
