//! Evidence that is a log: one that the rules refuse, one that rolled back, one that another contradicts.

use super::*;
use crate::log::transcript::transcript;
use crate::log::{Cosignature, Head, Logged};
use crate::room::body::{Body, Ended, Settled};
use crate::room::fixture::{
    Private, amount, close_body, encoded, private_room, revealed, witness, witness_key,
};
use crate::trust::broker::BrokerCertificate;
use crate::trust::key::{HeadKey, SessionKey};

fn no(evidence: &Evidence) -> NoEvidence {
    let error = evidence.verify().unwrap_err();
    assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(evidence));
    error
}

fn shows(evidence: &Evidence, room: RoomName) -> String {
    let shown = evidence.verify().unwrap();
    assert_eq!((shown.by, shown.room), (broker_fingerprint(), Some(room)));
    assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(evidence));
    assert!(Evidence::KINDS.contains(&evidence.kind()));
    shown.what
}

/// A log with one more entry that no fold judged, under the broker's head over exactly that.
fn with_last(table: &Table, last: &Stamped) -> String {
    let entry = encoded(table.tree().size(), last);
    with_entry(table, &entry, last.batch().compact(), Some(&broker_certificate()))
}

fn with_entry(table: &Table, entry: &str, header: &str, certificate: Option<&str>) -> String {
    let texts = table.log.iter().map(String::as_str).chain([entry]);
    let leaves = texts.map(|text| merkle::leaf_hash(text.as_bytes())).collect();
    let tree = merkle::Tree::new(leaves);
    let head = table.head_over(tree.size(), tree.root());
    transcript(certificate, table.logged().chain([Logged { entry, header }]), &head)
}

fn broken_log(transcript: String) -> Evidence {
    Evidence::BrokenLog(BrokenLog { transcript })
}

#[test]
fn v151_a_log_that_the_rules_refuse_is_evidence_under_the_brokers_own_head() {
    let mut table = sold();
    let late = table.bid_at(at(END + SECOND), 5_000);
    let what = shows(&broken_log(with_last(&table, &late)), table.name());
    assert!(what.contains("entry 6: the auction had ended by then (bid.late)"), "{what}");
    let settled = Settled { winner: Some(1), price: Some(amount(1_000)), cosigned: Vec::new() };
    let mut closed = Table::auction();
    closed.bid(at(SECOND), 1_000).unwrap();
    closed.bid(at(SECOND), 1_200).unwrap();
    closed.close(at(END)).unwrap();
    let wrong = closed.broker_at(at(END), Body::Settled(settled.clone()));
    let what = shows(&broken_log(with_last(&closed, &wrong)), closed.name());
    assert!(what.contains("settled.wrong"), "{what}");
    let second = table.broker_at(at(END + SECOND), Body::Settled(settled));
    let what = shows(&broken_log(with_last(&table, &second)), table.name());
    assert!(what.contains("verb.phase"), "{what}");
    // What is no entry at all, but under the head, is as much the broker's.
    let header = table.headers[0].clone();
    let garbage = with_entry(&table, "{}", &header, Some(&broker_certificate()));
    assert!(shows(&broken_log(garbage), table.name()).contains("malformed"));
}

#[test]
fn v151_a_log_that_holds_is_no_evidence_nor_one_with_any_part_exchanged() {
    let mut table = sold();
    let honest = transcript(Some(&broker_certificate()), table.logged(), &table.head());
    assert_eq!(no(&broken_log(honest)), NoEvidence::Consistent);
    let late = table.bid_at(at(END + SECOND), 5_000);
    let (entry, header) = (encoded(6, &late), late.batch().compact().to_owned());
    // Without the certificate, or with one for other keys, anybody could have made it.
    assert_eq!(no(&broken_log(with_entry(&table, &entry, &header, None))), NoEvidence::Certificate);
    let (mine, session) =
        (SecretKey::<HeadKey>::from_seed(&[77; 32]), SecretKey::from_seed(&[78; 32]));
    let keys = crate::room::body::BrokerKeys { head: mine.public(), ..broker_keys() };
    for certificate in [
        certificate_for(keys, &SecretKey::<SessionKey>::from_seed(&[201; 32])),
        certificate_for(broker_keys(), &session),
    ] {
        let file = with_entry(&table, &entry, &header, Some(&certificate));
        assert_eq!(no(&broken_log(file)), NoEvidence::Certificate);
    }
    // A head over another log says nothing of this one.
    let entries = || table.logged().chain([Logged { entry: &entry, header: &header }]);
    let under = |head: &str| transcript(Some(&broker_certificate()), entries(), head);
    assert_eq!(no(&broken_log(under(&table.head()))), NoEvidence::OtherThing);
    let root = Digest([1; 32]);
    assert_eq!(no(&broken_log(under(&table.head_over(7, root)))), NoEvidence::OtherThing);
    let forged = Head { origin: table.origin(), size: 7, root }.sign(&mine);
    assert_eq!(no(&broken_log(under(&forged))), NoEvidence::Head(HeadError::OtherKey));
    // Whoever shows it chooses the headers: without the right ones nothing is shown.
    let good = with_entry(&table, &entry, &header, Some(&broker_certificate()));
    let lines: Vec<&str> = good.lines().collect();
    let without = |at: usize| {
        let mut lines = lines.clone();
        lines.remove(at);
        lines.join("\n") + "\n"
    };
    assert!(matches!(no(&broken_log(without(lines.len() - 3))), NoEvidence::Log(_)));
    let mut behind = lines.clone();
    behind.insert(lines.len() - 1, lines[1]);
    assert!(broken_log(behind.join("\n") + "\n").verify().is_ok(), "it was broken before");
    let honest = transcript(Some(&broker_certificate()), table.logged(), &table.head());
    let mut behind: Vec<&str> = honest.lines().collect();
    behind.insert(3, behind[1]);
    assert!(matches!(no(&broken_log(behind.join("\n") + "\n")), NoEvidence::Log(_)));
    for text in ["", "x", "\"\"\n", "{}\n\"\"\n"] {
        let error = broken_log(text.to_owned()).verify().unwrap_err();
        assert!(
            matches!(error, NoEvidence::Malformed | NoEvidence::Certificate),
            "{text}: {error}"
        );
    }
}

fn private() -> (Table, Private) {
    let mut auction = Table::auction();
    let winner = Author::new(120);
    let bid = auction.bid_by(&winner, at(SECOND), 1_000);
    auction.close(at(END)).unwrap();
    auction.settle(at(END), Some((1, 1_000))).unwrap();
    let room = private_room(&auction, &winner, &bid);
    (auction, room)
}

#[test]
fn v053_a_head_between_two_disclosures_is_evidence() {
    let (_, mut room) = private();
    room.disclose_winner();
    let half = transcript(Some(&broker_certificate()), room.table.logged(), &room.table.head());
    let what = shows(&broken_log(half), room.table.name());
    assert!(what.contains("between the two disclosures"), "{what}");
    room.disclose_seller();
    let whole = transcript(Some(&broker_certificate()), room.table.logged(), &room.table.head());
    assert_eq!(no(&broken_log(whole)), NoEvidence::Consistent);
}

#[test]
fn v145_an_end_that_the_reveal_room_does_not_bear_out_is_evidence() {
    let (mut auction, mut room) = private();
    room.disclose_seller();
    room.disclose_winner();
    auction.broker(at(END + 30 * SECOND), revealed()).unwrap();
    let file = |table: &Table, certificate: Option<&str>| {
        transcript(certificate, table.logged(), &table.head())
    };
    let certificate = broker_certificate();
    let good = FalseOutcome {
        auction: file(&auction, Some(&certificate)),
        reveal: file(&room.table, Some(&certificate)),
    };
    let what = shows(&Evidence::FalseOutcome(good.clone()), auction.name());
    assert!(what.contains("entry 4") && what.contains("another log"), "{what}");
    let changed = |change: &dyn Fn(&mut FalseOutcome)| {
        let mut changed = good.clone();
        change(&mut changed);
        no(&Evidence::FalseOutcome(changed))
    };
    assert_eq!(changed(&|both| both.auction = file(&auction, None)), NoEvidence::Certificate);
    assert_eq!(changed(&|both| both.reveal = file(&room.table, None)), NoEvidence::Certificate);
    assert_eq!(
        changed(&|both| std::mem::swap(&mut both.auction, &mut both.reveal)),
        NoEvidence::OtherThing
    );
    let other = file(&Table::list(|terms| terms.grace = 6).unwrap(), Some(&certificate));
    assert_eq!(changed(&|both| both.auction.clone_from(&other)), NoEvidence::OtherThing);
    assert_eq!(changed(&|both| both.reveal.clear()), NoEvidence::Malformed);
    assert_eq!(
        changed(&|both| both.auction = both.auction.replace('7', "8")),
        NoEvidence::Malformed
    );
    // Before either has come so far there is nothing to disagree on.
    let (before, still_open) = private();
    let early = file(&before, Some(&certificate));
    assert_eq!(changed(&|both| both.auction.clone_from(&early)), NoEvidence::Consistent);
    let open = file(&still_open.table, Some(&certificate));
    assert_eq!(changed(&|both| both.reveal.clone_from(&open)), NoEvidence::Consistent);
    // And the truth is none.
    let (mut honest, _) = private();
    let outcome = room.table.reveal().conclusion().unwrap().outcome;
    honest.broker(at(END + 30 * SECOND), Body::Revealed(Ended { outcome })).unwrap();
    let honest = file(&honest, Some(&certificate));
    assert_eq!(changed(&|both| both.auction.clone_from(&honest)), NoEvidence::Consistent);
}

/// A room with two witnesses of whom both are asked for.
fn witnessed() -> Table {
    let mut table = Table::list(|listing| {
        listing.witnesses = vec![witness(1), witness(2)];
        listing.quorum = 2;
    })
    .unwrap();
    table.bid(at(SECOND), 1_000).unwrap();
    table
}

/// The certificate of a broker that works with the witnesses that a room names.
fn naming(table: &Table, quorum: u32) -> String {
    let listing = table.fold().listing();
    BrokerCertificate {
        keys: broker_keys(),
        authorities: listing.authorities.clone(),
        stamps: listing.stamps.clone(),
        witnesses: listing.witnesses.clone(),
        quorum,
        simulated: false,
        locks: Vec::new(),
    }
    .sign(&SecretKey::from_seed(&[201; 32]))
}

fn cosigned(table: &Table, lines: &[(u8, u64)]) -> String {
    let head =
        Head { origin: table.origin(), size: table.tree().size(), root: table.tree().root() };
    let lines = lines.iter().map(|(seed, time)| {
        Cosignature::sign(&head, *time, &witness_key(*seed)).line(&witness(*seed).name)
    });
    table.head() + lines.collect::<String>().as_str()
}

#[test]
fn v150_an_answer_from_a_shorter_log_after_witnesses_saw_a_longer_one_is_evidence() {
    let table = witnessed();
    let start = at(0).as_micros() / 1_000_000;
    let mut tsa = Tsa::new(204);
    let mut ticks = |prev: u64, time: u64| {
        let _ = tsa.tick(at(prev));
        tsa.tick(at(time))
    };
    // The predecessor is one microsecond more than ten seconds after the later of the two dates.
    let (edge, after) = (ticks(21 * SECOND, 22 * SECOND), ticks(21 * SECOND + 1, 23 * SECOND));
    let refusal = |header: &str, size: u64| Refusal {
        size,
        batch: BatchHeader::hash(header),
        header: header.to_owned(),
        ..refused(&table, size, Digest([3; 32]), table.name())
    };
    let good = Rollback {
        certificate: naming(&table, 2),
        opening: table.opening.action().compact().to_owned(),
        head: cosigned(&table, &[(1, start + 10), (2, start + 11)]),
        refusal: refusal(&after, 1).sign(&entry_key()),
    };
    let what = shows(&Evidence::Rollback(good.clone()), table.name());
    assert!(what.contains("a log of 1 entries when witnesses had seen one of 2"), "{what}");
    let changed = |change: &dyn Fn(&mut Rollback)| {
        let mut changed = good.clone();
        change(&mut changed);
        no(&Evidence::Rollback(changed))
    };
    let says = |refusal: Refusal| changed(&|all| all.refusal = refusal.sign(&entry_key()));
    assert_eq!(says(refusal(&after, 2)), NoEvidence::Consistent, "the same size");
    assert_eq!(says(refusal(&edge, 1)), NoEvidence::Consistent, "within ten seconds");
    let batch = Digest([4; 32]);
    assert_eq!(says(Refusal { batch, ..refusal(&after, 1) }), NoEvidence::OtherThing);
    let room = RoomName([4; 32]);
    assert_eq!(says(Refusal { room, ..refusal(&after, 1) }), NoEvidence::OtherThing);
    let others = Tsa::new(205).tick(at(20 * SECOND));
    assert!(matches!(says(refusal(&others, 1)), NoEvidence::Stamp(_)));
    let forged = refusal(&after, 1).sign(&SecretKey::from_seed(&[1; 32]));
    assert!(matches!(changed(&|all| all.refusal.clone_from(&forged)), NoEvidence::Statement(_)));
    // One of them must not do, nor a stranger.
    for lines in [&[(1, start)][..], &[(1, start), (3, start)], &[]] {
        let head = cosigned(&table, lines);
        assert_eq!(changed(&|all| all.head.clone_from(&head)), NoEvidence::NotFinal);
    }
    // Nor witnesses that the broker does not name: whoever lists names whom they like.
    let unnamed = broker_certificate();
    assert_eq!(changed(&|all| all.certificate.clone_from(&unnamed)), NoEvidence::NotFinal);
    let alone = Table::list(|listing| {
        listing.witnesses = vec![witness(1), witness(2), witness(3)];
        listing.quorum = 2;
    })
    .unwrap();
    let by_two = Rollback {
        certificate: naming(&alone, 3),
        opening: alone.opening.action().compact().to_owned(),
        head: cosigned(&alone, &[(1, start), (2, start)]),
        refusal: Refusal { room: alone.name(), ..refusal(&after, 0) }.sign(&entry_key()),
    };
    assert_eq!(no(&Evidence::Rollback(by_two.clone())), NoEvidence::NotFinal);
    let head = cosigned(&alone, &[(1, start), (2, start), (3, start)]);
    let by_all = Rollback { head, ..by_two };
    shows(&Evidence::Rollback(by_all), alone.name());
    let late = cosigned(&table, &[(1, start + 10), (2, start + 12)]);
    assert_eq!(changed(&|all| all.head.clone_from(&late)), NoEvidence::Consistent);
    let other = Table::auction();
    let opening = other.opening.action().compact().to_owned();
    let error = changed(&|all| all.opening.clone_from(&opening));
    assert_eq!(error, NoEvidence::Head(HeadError::OtherLog));
    let session = SecretKey::from_seed(&[78; 32]);
    let error = changed(&|all| all.certificate = certificate_for(broker_keys(), &session));
    assert_eq!(error, NoEvidence::Certificate);
}

#[test]
fn v152_two_receipts_of_one_position_with_different_entries_are_evidence() {
    let [mut one, mut two] = [Table::auction(), Table::auction()];
    one.bid(at(SECOND), 1_000).unwrap();
    two.bid(at(SECOND), 1_100).unwrap();
    two.bid(at(SECOND), 1_200).unwrap();
    let good = TwoEntries {
        certificate: broker_certificate(),
        receipts: [one.receipt(1), two.receipt(1)],
    };
    let what = shows(&Evidence::TwoEntries(good.clone()), one.name());
    assert!(what.contains("position 1"), "{what}");
    let changed = |change: &dyn Fn(&mut TwoEntries)| {
        let mut changed = good.clone();
        change(&mut changed);
        no(&Evidence::TwoEntries(changed))
    };
    assert_eq!(changed(&|two| two.receipts[1] = two.receipts[0].clone()), NoEvidence::Consistent);
    assert_eq!(changed(&|both| both.receipts[1] = two.receipt(2)), NoEvidence::OtherThing);
    // The same entry under two heads is honest.
    let both = [two.receipt(1), two.receipt(1)];
    assert_eq!(changed(&|two| two.receipts = both.clone()), NoEvidence::Consistent);
    let mut other = Table::list(|terms| terms.grace = 6).unwrap();
    other.bid(at(SECOND), 1_000).unwrap();
    assert_eq!(changed(&|two| two.receipts[1] = other.receipt(1)), NoEvidence::OtherThing);
    let error = changed(&|two| two.receipts[1].head.clear());
    assert!(matches!(error, NoEvidence::Receipt(_)));
    let session = SecretKey::from_seed(&[78; 32]);
    let error = changed(&|two| two.certificate = certificate_for(broker_keys(), &session));
    assert_eq!(error, NoEvidence::Certificate);
}

#[test]
fn v153_a_witness_that_signs_two_heads_of_one_size_is_shown_to_have_lied() {
    let table = witnessed();
    let text = |size: u64, root: u8| {
        let note = table.head_over(size, Digest([root; 32]));
        note.split_once("\n\n").unwrap().0.to_owned() + "\n"
    };
    let signed = |size: u64, root: u8, time: u64, seed: u8| {
        let head = Head { origin: table.origin(), size, root: Digest([root; 32]) };
        let cosignature = Cosignature::sign(&head, time, &witness_key(seed));
        let (head, signature) = (text(size, root), cosignature.signature);
        CosignedHead { head, time, signature }
    };
    let witness = witness_key(1).public();
    let of = |heads| Evidence::CosignedTwice(CosignedTwice { witness, heads });
    let evidence = of([signed(3, 1, 5, 1), signed(3, 2, 9, 1)]);
    let shown = evidence.verify().unwrap();
    assert_eq!((shown.by, shown.room), (witness.fingerprint(), Some(table.name())));
    assert_eq!(evidence.against(), Accused::Witness);
    assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(&evidence));
    for (heads, expected) in [
        // The same head twice, at whatever times, is what witnesses do.
        ([signed(3, 1, 5, 1), signed(3, 1, 9, 1)], NoEvidence::Consistent),
        ([signed(3, 1, 5, 1), signed(4, 2, 5, 1)], NoEvidence::OtherThing),
        ([signed(3, 1, 5, 1), signed(3, 2, 5, 2)], NoEvidence::Cosignature),
        ([signed(3, 1, 5, 2), signed(3, 2, 5, 1)], NoEvidence::Cosignature),
        (
            [signed(3, 1, 5, 1), CosignedHead { time: 6, ..signed(3, 2, 5, 1) }],
            NoEvidence::Cosignature,
        ),
        (
            [signed(3, 1, 5, 1), CosignedHead { head: text(3, 3), ..signed(3, 2, 5, 1) }],
            NoEvidence::Cosignature,
        ),
        (
            [signed(3, 1, 5, 1), CosignedHead { head: "x\n3\n".to_owned(), ..signed(3, 2, 5, 1) }],
            NoEvidence::Head(HeadError::NotCanonical),
        ),
    ] {
        assert_eq!(no(&of(heads)), expected);
    }
}

#[test]
fn every_kind_of_evidence_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = Evidence::KINDS.into_iter().collect();
    assert_eq!(names.len(), Evidence::KINDS.len());
    assert_eq!(close_body().verb().as_str(), "closed");
}
