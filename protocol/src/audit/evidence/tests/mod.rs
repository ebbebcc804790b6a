//! Each kind of evidence: what is one, and what everybody could have made up.

mod logs;
mod suppressed;

use super::*;
use crate::log::stamp::BatchHeader;
use crate::room::action::{Draft, Seen};
use crate::room::auction::citizen;
use crate::room::body::{Absent, Forfeited, SameAuthor, Say, SealedBody};
use crate::room::fixture::{
    Author, END, F, OUTCOME, Own, SECOND, Table, Tsa, at, bid, broker_certificate,
    broker_fingerprint, broker_keys, certificate_for, entry_key, terms, text,
};
use crate::room::{Code, Stamped};
use crate::trust::key::SecretKey;
use crate::wire::refusal::Held;

/// A sold item: listing, three bids, close, winner.
fn sold() -> Table {
    let mut table = Table::auction();
    for minor in [1_000, 1_100, 1_200] {
        table.bid(at(SECOND), minor).unwrap();
    }
    table.close(at(END)).unwrap();
    table.settle(at(END), Some((3, 1_200))).unwrap();
    table
}

/// The fork between the true head and another statement about a size that the log had.
fn fork(table: &Table, smaller: Statement, size: u64) -> Fork {
    let tree = table.tree();
    let leaves = table.log.iter().map(|entry| merkle::leaf_hash(entry.as_bytes()));
    let prefix = leaves.take(usize::try_from(size).unwrap()).collect();
    Fork {
        certificate: broker_certificate(),
        opening: table.opening.action().compact().to_owned(),
        larger: Statement::Head(table.head()),
        smaller,
        root: merkle::Tree::new(prefix).root(),
        path: merkle::consistency_path(&tree, size, tree.size()).unwrap(),
    }
}

fn head(table: &Table, size: u64, root: u8) -> Statement {
    Statement::Head(table.head_over(size, Digest([root; 32])))
}

#[test]
fn v062_a_head_that_the_larger_log_does_not_continue_is_a_fork_at_every_size() {
    let table = sold();
    for size in 0..=6 {
        let fork = fork(&table, head(&table, size, 9), size);
        let evidence = Evidence::Fork(fork.clone());
        let shown = evidence.verify().unwrap();
        assert_eq!((shown.by, shown.room), (broker_fingerprint(), Some(table.name())));
        assert_eq!(Evidence::parse(&evidence.encode()).unwrap(), evidence);
        // The true head of that size contradicts nothing.
        let truth = Statement::Head(table.head_over(size, fork.root));
        let honest = Fork { smaller: truth, ..fork };
        assert_eq!(Evidence::Fork(honest).verify(), Err(NoEvidence::Consistent));
    }
}

#[test]
fn v062_every_statement_of_the_broker_counts_and_nobody_elses() {
    let table = sold();
    let refusal =
        |root, room| Statement::Refusal(refused(&table, 3, root, room).sign(&entry_key()));
    let lie = refusal(Digest([9; 32]), table.name());
    assert!(Evidence::Fork(fork(&table, lie, 3)).verify().is_ok());
    let elsewhere = refusal(Digest([9; 32]), RoomName([8; 32]));
    let error = Evidence::Fork(fork(&table, elsewhere, 3)).verify().unwrap_err();
    assert_eq!(error, NoEvidence::OtherThing);
    let opening = |root: Digest, key: &SecretKey<crate::trust::key::EntryKey>| {
        let body =
            Body::Reveal(crate::room::body::Reveal { root, ..table.reveal_opening(at(2 * END)) });
        let id = uuid::Builder::from_random_bytes([3; 16]).into_uuid();
        let seen = crate::room::action::Seen::nothing();
        let draft = crate::room::action::Draft { id, room: None, body, seen };
        Statement::Reveal(draft.sign_as_broker(key).unwrap().compact().to_owned())
    };
    let lie = opening(Digest([9; 32]), &entry_key());
    assert!(Evidence::Fork(fork(&table, lie, 6)).verify().is_ok());
    let honest = opening(table.tree().root(), &entry_key());
    let error = Evidence::Fork(fork(&table, honest, 6)).verify().unwrap_err();
    assert_eq!(error, NoEvidence::Consistent);
    let anybodys = opening(Digest([9; 32]), &SecretKey::from_seed(&[5; 32]));
    let error = Evidence::Fork(fork(&table, anybodys, 6)).verify().unwrap_err();
    assert_eq!(error, NoEvidence::OtherThing);
}

fn refused(table: &Table, size: u64, root: Digest, room: RoomName) -> Refusal {
    Refusal {
        digest: Digest([1; 32]),
        room,
        stamp: table.opening.batch().hash(),
        code: Code::BidTooLow,
        size,
        root,
        batch: table.opening.batch().hash(),
        same_author: Vec::new(),
        until: None,
        header: String::new(),
    }
}

#[test]
fn v062_a_fork_with_any_part_exchanged_shows_nothing() {
    let table = sold();
    let other = Table::list(|terms| terms.grace = 6).unwrap();
    let good = fork(&table, head(&table, 3, 9), 3);
    let changed = |change: &dyn Fn(&mut Fork)| {
        let mut changed = good.clone();
        change(&mut changed);
        Evidence::Fork(changed).verify().unwrap_err()
    };
    let opening = other.opening.action().compact().to_owned();
    assert_eq!(
        changed(&|fork| fork.opening.clone_from(&opening)),
        NoEvidence::Head(HeadError::OtherLog)
    );
    let forged = crate::log::Head { origin: table.origin(), size: 3, root: Digest([9; 32]) };
    let forged = forged.sign(&SecretKey::from_seed(&[1; 32]));
    assert_eq!(
        changed(&|fork| fork.smaller = Statement::Head(forged.clone())),
        NoEvidence::Head(HeadError::OtherKey)
    );
    // Whoever could choose the root freely could show a fork of any honest broker.
    assert!(matches!(changed(&|fork| fork.root = Digest([8; 32])), NoEvidence::Proof(_)));
    assert!(matches!(changed(&|fork| fork.path.clear()), NoEvidence::Proof(_)));
    assert_eq!(
        changed(&|fork| std::mem::swap(&mut fork.larger, &mut fork.smaller)),
        NoEvidence::OtherThing
    );
    assert!(matches!(changed(&|fork| fork.opening.clear()), NoEvidence::Action(_)));
    for text in ["", "[]", "{}", r#"{"fork":{}}"#, r#"["a","b"]"#] {
        assert_eq!(Evidence::parse(text), Err(NoEvidence::Malformed), "{text}");
    }
}

/// Anybody can list an item under the true broker's session key and entry or head keys of their own, and
/// sign two heads of that log with those.
#[test]
fn v077_keys_that_the_broker_does_not_certify_show_nothing_of_it() {
    let (mine, session) = (SecretKey::from_seed(&[77; 32]), SecretKey::from_seed(&[78; 32]));
    let forged = crate::room::body::BrokerKeys { head: mine.public(), ..broker_keys() };
    let table = Table::list(|terms| terms.broker = forged).unwrap();
    let head = |root| {
        let head = crate::log::Head { origin: table.origin(), size: 1, root: Digest([root; 32]) };
        Statement::Head(head.sign(&mine))
    };
    let by = |certificate: String| {
        let opening = table.opening.action().compact().to_owned();
        let (larger, smaller, path) = (head(1), head(2), Vec::new());
        let root = Digest([1; 32]);
        Evidence::Fork(Fork { certificate, opening, larger, smaller, root, path }).verify()
    };
    let doubted = Err(NoEvidence::Certificate);
    assert_eq!(by(broker_certificate()), doubted);
    // Neither does one that only the forger signs.
    assert_eq!(by(certificate_for(forged, &session)), doubted);
    assert_eq!(
        by(certificate_for(BrokerKeys { session: session.public(), ..forged }, &session)),
        doubted
    );
    assert_eq!(by(String::new()), doubted);
    let mut table = Table::auction();
    let good = table.bid_at(at(SECOND), 1_000);
    let refusal = refusal(&table, &good, Code::BidTooLow).sign(&entry_key());
    let (action, stamp) = (good.action().compact().to_owned(), good.stamp().clone());
    let (certificate, log) = (certificate_for(broker_keys(), &session), table.log.clone());
    let headers = headers_with(&table, &good);
    let unsigned = FalseRefusal { certificate, action, stamp, refusal, headers, log };
    assert_eq!(Evidence::FalseRefusal(unsigned).verify(), doubted);
}

#[test]
fn v063_two_headers_of_one_number_are_evidence_that_a_stranger_reads() {
    let mut one = Tsa::new(7);
    let mut two = Tsa::new(7);
    let batches = [one.tick(at(0)), two.tick(at(SECOND))];
    let evidence = Evidence::Batches(TwoBatches { key: one.public(), batches });
    let shown = evidence.verify().unwrap();
    assert_eq!((shown.by, shown.room), (one.public().fingerprint(), None));
    assert_eq!(Evidence::parse(&evidence.encode()).unwrap(), evidence);
    let batches = [one.tick(at(2 * SECOND)), one.tick(at(3 * SECOND))];
    let honest = Evidence::Batches(TwoBatches { key: one.public(), batches });
    assert_eq!(honest.verify(), Err(NoEvidence::Consistent));
}

/// A signed refusal of an action, decided on the log so far.
fn refusal(table: &Table, stamped: &Stamped, code: Code) -> Refusal {
    let seen = table.room.ledger().head();
    Refusal {
        digest: stamped.action().digest(),
        room: table.name(),
        stamp: stamped.batch().hash(),
        code,
        size: seen.size,
        root: seen.root,
        batch: stamped.batch().hash(),
        same_author: Vec::new(),
        until: None,
        header: String::new(),
    }
}

/// The headers of the log, and that of an action that was handed in.
fn headers_with(table: &Table, stamped: &Stamped) -> Vec<String> {
    let own = crate::log::Logged { entry: "", header: stamped.batch().compact() };
    let headers = crate::log::headers(table.logged().chain([own]));
    headers.into_iter().map(str::to_owned).collect()
}

fn shown(table: &Table, stamped: &Stamped, refusal: &Refusal) -> Result<String, NoEvidence> {
    let evidence = Evidence::FalseRefusal(FalseRefusal {
        certificate: broker_certificate(),
        action: stamped.action().compact().to_owned(),
        stamp: stamped.stamp().clone(),
        refusal: refusal.sign(&entry_key()),
        headers: headers_with(table, stamped),
        log: table.log.clone(),
    });
    assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(&evidence));
    let shown = evidence.verify()?;
    assert_eq!((shown.by, shown.room), (broker_fingerprint(), Some(table.name())));
    Ok(shown.what)
}

#[test]
fn v071_a_refusal_is_false_with_every_code_but_the_one_that_the_log_gives() {
    let mut table = Table::auction();
    table.bid(at(SECOND), 1_000).unwrap();
    let low = table.bid_at(at(2 * SECOND), 1_099);
    let good = table.bid_at(at(2 * SECOND), 1_100);
    let late = table.bid_at(at(END), 5_000);
    for (stamped, due) in
        [(&low, Some(Code::BidTooLow)), (&good, None), (&late, Some(Code::BidLate))]
    {
        for code in Code::ALL {
            let result = shown(&table, stamped, &refusal(&table, stamped, *code));
            match due {
                Some(due) if due == *code => assert_eq!(result, Err(NoEvidence::Consistent)),
                _ => {
                    let what = result.unwrap();
                    assert!(what.contains(code.as_str()), "{code}: {what}");
                    assert!(due.is_none_or(|due| what.contains(due.as_str())), "{what}");
                }
            }
        }
    }
}

#[test]
fn v071_a_refusal_of_something_else_shows_nothing() {
    let mut table = Table::auction();
    let good = table.bid_at(at(SECOND), 1_000);
    let other = table.bid_at(at(SECOND), 1_000);
    let lie = refusal(&table, &good, Code::BidTooLow);
    assert!(shown(&table, &good, &lie).is_ok());
    let thing = Err(NoEvidence::OtherThing);
    let digest = other.action().digest();
    assert_eq!(shown(&table, &good, &Refusal { digest, ..lie.clone() }), thing);
    // By another stamp the answer might have been another: an author could ask for a late one,
    // have it refused, and show an early one.
    let stamp = other.batch().hash();
    assert_eq!(shown(&table, &good, &Refusal { stamp, ..lie.clone() }), thing);
    let room = RoomName([1; 32]);
    assert_eq!(shown(&table, &good, &Refusal { room, ..lie.clone() }), thing);
    for (size, root) in [(0, lie.root), (2, lie.root), (1, Digest([0; 32]))] {
        assert_eq!(shown(&table, &good, &Refusal { size, root, ..lie.clone() }), thing);
    }
    let forged = Evidence::FalseRefusal(FalseRefusal {
        certificate: broker_certificate(),
        action: good.action().compact().to_owned(),
        stamp: good.stamp().clone(),
        refusal: lie.sign(&SecretKey::from_seed(&[1; 32])),
        headers: headers_with(&table, &good),
        log: table.log.clone(),
    });
    assert!(matches!(forged.verify(), Err(NoEvidence::Statement(_))));
    let mut longer = table.log.clone();
    longer.push(table.log[0].clone());
    let made_up = Evidence::FalseRefusal(FalseRefusal {
        certificate: broker_certificate(),
        action: good.action().compact().to_owned(),
        stamp: good.stamp().clone(),
        refusal: lie.sign(&entry_key()),
        headers: headers_with(&table, &good),
        log: longer,
    });
    assert!(matches!(made_up.verify(), Err(NoEvidence::Log(_))));
}

#[test]
fn v028_evidence_carries_each_header_that_it_names_once_and_in_order() {
    let mut table = Table::auction();
    table.bid(at(SECOND), 1_000).unwrap();
    let good = table.bid_at(at(SECOND), 1_100);
    let lie = refusal(&table, &good, Code::BidTooLow).sign(&entry_key());
    let shows = |headers: Vec<String>| {
        let evidence = FalseRefusal {
            certificate: broker_certificate(),
            action: good.action().compact().to_owned(),
            stamp: good.stamp().clone(),
            refusal: lie.clone(),
            headers,
            log: table.log.clone(),
        };
        Evidence::FalseRefusal(evidence).verify().map(drop)
    };
    let all = headers_with(&table, &good);
    assert_eq!((all.len(), shows(all.clone())), (3, Ok(())));
    let hash = |at: usize| BatchHeader::hash(&all[at]);
    let no = |error| Err(NoEvidence::Headers(error));
    let missing = shows(all[1..].to_vec()).unwrap_err();
    let first = HeaderError::Missing { header: hash(0) };
    let expected = crate::room::ReplayError::Header { seq: 0, source: first };
    assert_eq!(missing, NoEvidence::Log(Box::new(expected)));
    assert_eq!(shows(all[..2].to_vec()), no(HeaderError::Missing { header: hash(2) }));
    let others = Tsa::new(205).tick(at(SECOND));
    let superfluous = HeaderError::Superfluous { header: BatchHeader::hash(&others) };
    assert_eq!(shows([&all[..], std::slice::from_ref(&others)].concat()), no(superfluous));
    let repeated = HeaderError::Repeated { header: hash(1) };
    assert_eq!(shows(vec![all[0].clone(), all[1].clone(), all[1].clone()]), no(repeated));
    let order = HeaderError::Order { header: hash(2) };
    let swapped = vec![all[0].clone(), all[2].clone(), all[1].clone()];
    let found = shows(swapped).unwrap_err();
    assert!(matches!(found, NoEvidence::Headers(HeaderError::Order { .. })), "{found} {order}");
    // One byte makes it another header.
    let mut changed = all.clone();
    let letter = if &changed[2][9..10] == "A" { "B" } else { "A" };
    changed[2].replace_range(9..10, letter);
    assert_eq!(shows(changed), no(HeaderError::Missing { header: hash(2) }));
}

#[test]
fn v071_a_listing_is_refused_on_an_empty_log() {
    let mut tsa = Tsa::new(204);
    let seller = Author::new(100);
    let own = seller.own(0);
    let mut listed = |grace: u32| {
        let mut listing = terms(&tsa);
        listing.grace = grace;
        let body = Body::List(listing);
        let draft = Draft { id: own.id, room: None, body, seen: Seen::nothing() };
        tsa.stamp(draft.sign(&seller.key(&own)).unwrap(), at(0))
    };
    let (good, bad) = (listed(5), listed(0));
    let says = |stamped: &Stamped, code, size| {
        let refusal = Refusal {
            digest: stamped.action().digest(),
            room: stamped.action().room(),
            stamp: stamped.batch().hash(),
            code,
            size,
            root: merkle::empty_root(),
            batch: stamped.batch().hash(),
            same_author: Vec::new(),
            until: None,
            header: String::new(),
        };
        let evidence = Evidence::FalseRefusal(FalseRefusal {
            certificate: broker_certificate(),
            action: stamped.action().compact().to_owned(),
            stamp: stamped.stamp().clone(),
            refusal: refusal.sign(&entry_key()),
            headers: vec![stamped.batch().compact().to_owned()],
            log: Vec::new(),
        });
        evidence.verify().map(|shown| shown.by)
    };
    assert_eq!(says(&bad, Code::ListingTerms, 0), Err(NoEvidence::Consistent));
    assert_eq!(says(&bad, Code::ListingEnd, 0), Ok(broker_fingerprint()));
    assert_eq!(says(&good, Code::ListingTerms, 0), Ok(broker_fingerprint()));
    // What keys the broker has, the broker says.
    assert_eq!(says(&good, Code::ListingKeys, 0), Err(NoEvidence::Consistent));
    assert_eq!(says(&good, Code::ListingTerms, 1), Err(NoEvidence::OtherThing));
}

#[test]
fn v072_a_common_author_is_shown_by_the_ratio_to_the_listing() {
    let mut table = Table::auction();
    let (seller, stranger) = (Author::new(100), Author::new(110));
    let listing = seller.own(0);
    let stamped = |table: &mut Table, author: &Author| -> (Own, Stamped) {
        let own = table.fresh(author);
        let action = table.sign(author, &own, bid(1_000));
        (own, table.tsa.stamp(action, at(SECOND)))
    };
    let (own, by_seller) = stamped(&mut table, &seller);
    let (_, by_stranger) = stamped(&mut table, &stranger);
    let ratio = seller.ratio(&listing, &own);
    let says = |table: &Table, stamped: &Stamped, same_author| {
        let refusal = Refusal { same_author, ..refusal(table, stamped, Code::BidOwnItem) };
        shown(table, stamped, &refusal)
    };
    let same = |seq| vec![SameAuthor { seq, ratio }];
    assert_eq!(says(&table, &by_seller, same(0)), Err(NoEvidence::Consistent));
    for (stamped, same) in [
        (&by_seller, Vec::new()),
        (&by_seller, same(1)),
        (&by_seller, same(1_000_000_000)),
        (&by_stranger, same(0)),
        (&by_stranger, Vec::new()),
        (&by_seller, vec![SameAuthor { seq: 0, ratio }; 2]),
        (&by_seller, [same(0), same(1)].concat()),
    ] {
        let what = says(&table, stamped, same).unwrap();
        assert!(what.contains("no common author is shown"), "{what}");
    }
}

#[test]
fn v203_a_bid_too_many_is_shown_by_as_many_earlier_ones_of_its_author() {
    let mut table = Table::list(|terms| terms.bids_each = Some(2)).unwrap();
    let (bidder, other) = (Author::new(120), Author::new(110));
    // Entries 1 and 3 by the bidder, 2 by another.
    let first = table.bid_by(&bidder, at(SECOND), 1_000);
    let between = table.bid_by(&other, at(SECOND), 1_100);
    let second = table.bid_by(&bidder, at(SECOND), 1_200);
    let own = table.fresh(&bidder);
    let action = table.sign(&bidder, &own, bid(1_300));
    let third = table.tsa.stamp(action, at(SECOND));
    let says = |same_author: &[SameAuthor]| {
        let same_author = same_author.to_vec();
        let refusal = Refusal { same_author, ..refusal(&table, &third, Code::BidLimit) };
        shown(&table, &third, &refusal)
    };
    let same = |seq, earlier| SameAuthor { seq, ratio: bidder.ratio(earlier, &own) };
    let [one, two] = [same(1, &first), same(3, &second)];
    assert_eq!(says(&[one, two]), Err(NoEvidence::Consistent));
    for wrong in [
        &[][..],
        &[one],
        &[two],
        &[two, one],
        &[one, one],
        &[one, two, two],
        &[one, SameAuthor { seq: 2, ..two }],
        &[one, same(2, &between)],
        &[SameAuthor { seq: 0, ..one }, two],
        &[one, SameAuthor { ratio: one.ratio, ..two }],
        &[one, SameAuthor { seq: 4, ..two }],
    ] {
        let what = says(wrong).unwrap();
        assert!(what.contains("no common author is shown"), "{wrong:?}: {what}");
    }
}

#[test]
fn v222_only_where_citizens_are_asked_for_is_the_brokers_word_enough() {
    let says = |table: &mut Table, body: Option<Body>| {
        let author = Author::new(120);
        let own = table.fresh(&author);
        let action = table.sign(&author, &own, body.unwrap_or_else(|| bid(1_300)));
        let stamped = table.tsa.stamp(action, at(SECOND));
        shown(table, &stamped, &refusal(table, &stamped, Code::DoorCitizen))
    };
    let what = says(&mut Table::auction(), None).unwrap();
    assert!(what.contains("was to be accepted"), "{what}");
    let mut asked = citizen::tests::asked();
    assert_eq!(says(&mut asked, None), Err(NoEvidence::Consistent));
    let what = says(&mut asked, Some(Body::Say(Say { text: text("hello") }))).unwrap();
    assert!(what.contains("was to be accepted"), "{what}");
}

#[test]
fn v222_a_listing_that_asks_for_no_citizen_is_not_refused_for_one() {
    let judged = |table: &Table| {
        let refusal = Refusal {
            size: 0,
            root: crate::log::merkle::empty_root(),
            ..refusal(table, &table.opening, Code::DoorCitizen)
        };
        super::refusal::judge(&refusal, &table.opening, None)
    };
    assert_eq!(judged(&Table::auction()), Err(Falsehood::Acceptable));
    assert_eq!(judged(&citizen::tests::asked()), Ok(Grounds::Word));
}

#[test]
fn v225_a_refusal_for_a_deal_not_kept_says_until_when_and_that_is_to_come() {
    let mut table = Table::auction();
    let author = Author::new(120);
    let stamped = |table: &mut Table, body| {
        let own = table.fresh(&author);
        let action = table.sign(&author, &own, body);
        table.tsa.stamp(action, at(SECOND))
    };
    let good = stamped(&mut table, bid(1_300));
    let said = stamped(&mut table, Body::Say(Say { text: text("hello") }));
    let header = good.batch().compact().to_owned();
    let says = |stamped: &Stamped, code, until| {
        let honest = Refusal { header: header.clone(), ..refusal(&table, stamped, code) };
        let batch = good.batch().hash();
        super::refusal::judge(&Refusal { until, batch, ..honest }, stamped, Some(&table.room))
    };
    let until = |micros| Some(at(micros));
    assert_eq!(says(&good, Code::DoorForfeited, until(SECOND + 1)), Ok(Grounds::Word));
    assert_eq!(says(&good, Code::DoorForfeited, until(SECOND)), Err(Falsehood::Until));
    assert_eq!(says(&good, Code::DoorForfeited, None), Err(Falsehood::Until));
    assert_eq!(says(&good, Code::DoorStale, until(2 * SECOND)), Err(Falsehood::Until));
    assert_eq!(says(&said, Code::DoorForfeited, until(2 * SECOND)), Err(Falsehood::Acceptable));
    let refusal = refusal(&table, &good, Code::DoorForfeited);
    let unnamed = Refusal { until: until(2 * SECOND), ..refusal };
    let judged = super::refusal::judge(&unnamed, &good, Some(&table.room));
    assert_eq!(judged, Err(Falsehood::Until));
}

#[test]
fn v072_no_other_refusal_shows_a_common_author() {
    let mut table = Table::auction();
    let bidder = Author::new(120);
    let first = table.bid_by(&bidder, at(SECOND), 1_000);
    let own = table.fresh(&bidder);
    let action = table.sign(&bidder, &own, bid(1_000));
    let low = table.tsa.stamp(action, at(SECOND));
    let honest = refusal(&table, &low, Code::BidTooLow);
    assert_eq!(shown(&table, &low, &honest), Err(NoEvidence::Consistent));
    let same_author = vec![SameAuthor { seq: 1, ratio: bidder.ratio(&first, &own) }];
    let what = shown(&table, &low, &Refusal { same_author, ..honest }).unwrap();
    assert!(what.contains("no reason here"), "{what}");
}

#[test]
fn v203_where_a_listing_sets_no_bound_nobody_made_too_many() {
    let mut table = Table::auction();
    let bidder = Author::new(120);
    let first = table.bid_by(&bidder, at(SECOND), 1_000);
    let own = table.fresh(&bidder);
    let action = table.sign(&bidder, &own, bid(1_300));
    let second = table.tsa.stamp(action, at(SECOND));
    let same_author = vec![SameAuthor { seq: 1, ratio: bidder.ratio(&first, &own) }];
    let refusal = Refusal { same_author, ..refusal(&table, &second, Code::BidLimit) };
    let what = shown(&table, &second, &refusal).unwrap();
    assert!(what.contains("was to be accepted"), "{what}");
}

#[test]
fn v073_a_stamp_is_too_old_by_the_header_that_the_refusal_carries() {
    let mut table = Table::auction();
    let stamped = table.bid_at(at(SECOND), 1_000);
    // F after the stamp, less the two seconds that time may be carried forward.
    let last = SECOND + F - 2 * SECOND;
    let fresh = table.tsa.tick(at(last));
    let stale = table.tsa.tick(at(last + 1));
    let others = Tsa::new(205).tick(at(END));
    let says = |header: Option<&String>, named: Option<&String>| {
        let batch = named.map_or(Digest([0; 32]), |named| BatchHeader::hash(named));
        let header = header.cloned().unwrap_or_default();
        let refusal = Refusal { header, batch, ..refusal(&table, &stamped, Code::DoorStale) };
        shown(&table, &stamped, &refusal)
    };
    assert_eq!(says(Some(&stale), Some(&stale)), Err(NoEvidence::Consistent));
    for (header, named) in [
        (Some(&fresh), Some(&fresh)),
        (Some(&stale), Some(&fresh)),
        (None, Some(&stale)),
        (Some(&others), Some(&others)),
    ] {
        let what = says(header, named).unwrap();
        assert!(what.contains("not too old"), "{what}");
    }
}

#[test]
fn v074_an_action_that_was_refused_is_in_no_log() {
    let table = sold();
    let logged = table.receipt(2);
    let entry = crate::log::Entry::parse(&logged.entry).unwrap();
    let refusal = Refusal {
        digest: Digest::of(entry.action.as_bytes()),
        ..refused(&table, 2, Digest([0; 32]), table.name())
    };
    let both = |refusal: &Refusal, key: &SecretKey<crate::trust::key::EntryKey>| {
        let refusal = refusal.sign(key);
        let (certificate, receipt) = (broker_certificate(), logged.clone());
        Evidence::RefusedAndLogged(RefusedAndLogged { certificate, refusal, receipt })
    };
    let evidence = both(&refusal, &entry_key());
    assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(&evidence));
    assert_eq!(evidence.verify().unwrap().by, broker_fingerprint());
    let other = Refusal { digest: Digest([1; 32]), ..refusal.clone() };
    assert_eq!(both(&other, &entry_key()).verify(), Err(NoEvidence::OtherThing));
    let forged = both(&refusal, &SecretKey::from_seed(&[1; 32]));
    assert!(matches!(forged.verify(), Err(NoEvidence::Statement(_))));
}

/// The private room of a sold item, the winner's disclosure in it, and the broker's word for that.
fn private(auction: &mut Table) -> (Table, Stamped, Held) {
    let reveal = auction.reveal_opening(at(2 * END));
    let id = Author::new(0).own(999).id;
    let draft = Draft { id, room: None, body: Body::Reveal(reveal), seen: Seen::nothing() };
    let mut tsa = Tsa::new(204);
    let opening = tsa.stamp(draft.sign_as_broker(&entry_key()).unwrap(), at(END + SECOND));
    let mut table = Table::open(tsa, opening).unwrap();
    // The third bid of the one stranger who bids here.
    let winner = Author::new(110);
    let own = winner.own(3);
    let sealed = SealedBody { sealed: vec![1; 64].try_into().unwrap() };
    let action = table.sign(&winner, &own, Body::Disclose(sealed));
    let disclosure = table.tsa.stamp(action, at(END + 2 * SECOND));
    let held = Held {
        digest: disclosure.action().digest(),
        room: table.name(),
        stamp: disclosure.batch().hash(),
    };
    (table, disclosure, held)
}

#[test]
fn v076_nobody_is_absent_whose_disclosure_is_held() {
    let mut auction = sold();
    let (mut table, disclosure, held) = private(&mut auction);
    let absent = |table: &mut Table, seller, winner| {
        let body = Body::Absent(Absent { seller, winner });
        table.broker_at(at(2 * END + SECOND), body).action().compact().to_owned()
    };
    let (gone, other_gone) = (absent(&mut table, true, true), absent(&mut table, true, false));
    let good = FalseAbsence {
        certificate: broker_certificate(),
        opening: table.opening.action().compact().to_owned(),
        disclosure: disclosure.action().compact().to_owned(),
        held: held.sign(&entry_key()),
        recorded: gone,
        bid: None,
    };
    let evidence = Evidence::FalseAbsence(good.clone());
    assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(&evidence));
    let shown = evidence.verify().unwrap();
    assert_eq!((shown.by, shown.room), (broker_fingerprint(), Some(table.name())));
    let changed = |change: &dyn Fn(&mut FalseAbsence)| {
        let mut changed = good.clone();
        change(&mut changed);
        Evidence::FalseAbsence(changed).verify().unwrap_err()
    };
    assert_eq!(
        changed(&|evidence| evidence.recorded.clone_from(&other_gone)),
        NoEvidence::Consistent
    );
    let of_other = Held { digest: Digest([1; 32]), ..held.clone() }.sign(&entry_key());
    assert_eq!(changed(&|evidence| evidence.held.clone_from(&of_other)), NoEvidence::OtherThing);
    let forged = held.sign(&SecretKey::from_seed(&[1; 32]));
    assert!(matches!(
        changed(&|evidence| evidence.held.clone_from(&forged)),
        NoEvidence::Statement(_)
    ));
    // Anybody can sign that somebody was absent.
    let draft =
        table.draft(&Author::new(7).own(1), Body::Absent(Absent { seller: true, winner: true }));
    let anybodys = draft.sign_as_broker(&SecretKey::from_seed(&[1; 32])).unwrap();
    assert_eq!(
        changed(&|evidence| evidence.recorded = anybodys.compact().to_owned()),
        NoEvidence::OtherThing
    );
}

#[test]
fn v076_nobody_forfeits_a_bid_whose_disclosure_is_held() {
    let mut auction = sold();
    let (table, disclosure, held) = private(&mut auction);
    let forfeited = |auction: &mut Table, winner| {
        let body = Body::Forfeited(Forfeited { winner, others: Vec::new(), outcome: OUTCOME });
        auction.broker_at(at(2 * END), body).action().compact().to_owned()
    };
    let evidence = |recorded: String, bid| {
        Evidence::FalseAbsence(FalseAbsence {
            certificate: broker_certificate(),
            opening: table.opening.action().compact().to_owned(),
            disclosure: disclosure.action().compact().to_owned(),
            held: held.sign(&entry_key()),
            recorded,
            bid,
        })
    };
    let (this, other) = (forfeited(&mut auction, 3), forfeited(&mut auction, 2));
    let bid = |seq| Some(auction.receipt(seq));
    assert_eq!(evidence(this.clone(), bid(3)).verify().unwrap().by, broker_fingerprint());
    assert_eq!(evidence(other, bid(3)).verify(), Err(NoEvidence::Consistent));
    assert_eq!(evidence(this.clone(), bid(2)).verify(), Err(NoEvidence::OtherThing));
    assert_eq!(evidence(this, None).verify(), Err(NoEvidence::OtherThing));
}
