//! What a file shows, and that nothing but the very bytes of a log is a valid one.

use proptest::prelude::*;

use super::*;
use crate::audit::evidence::{Accused, Shown};
use crate::log::transcript::transcript;
use crate::log::{Cosignature, Head, Receipt};
use crate::room::Code;
use crate::room::body::{Body, BrokerKeys, Ended, Settled};
use crate::room::fixture::{
    Author, END, G, OUTCOME, SECOND, Table, Tsa, amount, at, bid, broker_certificate,
    broker_fingerprint, broker_keys, certificate_for, encoded, forfeited_alone, private_room,
    revealed, witness, witness_key,
};
use crate::trust::key::SecretKey;

/// A sold item: listing, three bids, close, winner, and that both disclosed.
fn sold() -> Table {
    let mut table = Table::auction();
    for minor in [1_000, 1_100, 1_250] {
        table.bid(at(SECOND), minor).unwrap();
    }
    table.close(at(END)).unwrap();
    table.settle(at(END), Some((3, 1_250))).unwrap();
    table.broker(at(END + SECOND), revealed()).unwrap();
    table
}

/// An item that nobody wanted: the smallest log that is over.
fn unsold() -> Table {
    let mut table = Table::auction();
    table.close(at(END)).unwrap();
    table.settle(at(END), None).unwrap();
    table
}

fn file_of(table: &Table) -> String {
    transcript(Some(&broker_certificate()), table.logged(), &table.head())
}

fn of(text: &str) -> Verdict {
    verdict(text.as_bytes())
}

/// Rule and entry of an invalid verdict, which says nothing else.
fn broken(text: &str) -> (Subject, &'static str, Option<u64>) {
    let verdict = of(text);
    assert_eq!(verdict.verdict, Standing::Invalid, "{}", verdict.encode());
    let (kind, rule) = (verdict.kind, verdict.rule.unwrap());
    assert_eq!(verdict, Verdict::invalid(kind, rule, verdict.entry));
    (kind, rule.as_str(), verdict.entry)
}

#[test]
fn the_verdict_on_a_sold_item_has_one_spelling() {
    let table = sold();
    let listing = table.fold().listing();
    let bid = |entry: u64, amount: u64, least: u64| {
        format!(
            "{{\"entry\":{entry},\"amount\":{amount},\"time\":\"{}\",\"end\":\"{}\",\"least\":{least},\"forfeited\":false}}",
            at(SECOND),
            at(END)
        )
    };
    let bids = [bid(1, 1_000, 1_000), bid(2, 1_100, 1_100), bid(3, 1_250, 1_200)].join(",");
    let expected = format!(
        "{{\"kind\":\"auction\",\"verdict\":\"valid\",\"room\":\"{}\",\"broker\":\"{}\",\"certified\":true,\
         \"simulated\":false,\"stamps\":[\"{}\"],\"authorities\":[\"{}\"],\"size\":7,\"root\":\"{}\",\
         \"auction\":{{\"title\":\"a camera\",\"currency\":\"EUR\",\"start\":1000,\"increment\":100,\
         \"seller\":\"{}\",\"listed\":\"{}\",\"end\":\"{}\",\"phase\":\"sold\",\
         \"closed\":{{\"entry\":4,\"time\":\"{}\",\"late\":null}},\"winner\":3,\"price\":1250,\
         \"bids\":[{bids}],\"forfeits\":[]}}}}",
        table.name(),
        broker_fingerprint(),
        listing.stamps[0].fingerprint(),
        listing.authorities[0].fingerprint(),
        table.tree().root(),
        table.fold().seller().fingerprint(),
        at(0),
        at(END),
        at(END),
    );
    assert_eq!(of(&file_of(&table)).encode(), expected);
}

#[test]
fn an_auction_is_valid_once_it_is_over_and_incomplete_before() {
    let whole = sold();
    let words = ["open", "open", "open", "open", "closed", "settled", "sold"];
    for (size, word) in (1..).zip(words) {
        let entries = whole.logged().take(size);
        let leaves =
            whole.log.iter().take(size).map(|text| crate::log::merkle::leaf_hash(text.as_bytes()));
        let root = crate::log::merkle::Tree::new(leaves.collect()).root();
        let head = whole.head_over(u64::try_from(size).unwrap(), root);
        let verdict = of(&transcript(None, entries, &head));
        let over = if size == 7 { Standing::Valid } else { Standing::Incomplete };
        assert_eq!((verdict.verdict, verdict.certified), (over, Some(false)));
        let phase = format!("\"phase\":\"{word}\"");
        assert!(verdict.encode().contains(&phase), "{}", verdict.encode());
    }
}

#[test]
fn a_forfeit_and_a_late_close_are_told() {
    let mut table = Table::auction();
    table.bid(at(SECOND), 1_000).unwrap();
    table.bid(at(SECOND), 1_100).unwrap();
    table.tsa.tick(at(END + G + 1));
    table.close(at(END + G + 1)).unwrap();
    table.settle(at(END + G + 1), Some((2, 1_100))).unwrap();
    let after = END + G + 2 + 300 * SECOND;
    table.broker(at(after), forfeited_alone(2)).unwrap();
    let told = of(&file_of(&table)).encode();
    for part in [
        r#""phase":"closed""#,
        r#""late":"stamp""#,
        r#""forfeits":[{"entry":5,"bids":[2]}]"#,
        r#""least":1100,"forfeited":true"#,
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("winner"), "{told}");
    table.settle(at(after), Some((1, 1_000))).unwrap();
    let told = of(&file_of(&table)).encode();
    assert!(told.contains(r#""winner":1,"price":1000"#), "{told}");
}

/// A sold item in a room with two witnesses of whom both are asked for, and its head.
fn witnessed() -> (Table, Head) {
    let mut table = Table::list(|listing| {
        listing.witnesses = vec![witness(1), witness(2)];
        listing.quorum = 2;
    })
    .unwrap();
    table.close(at(END)).unwrap();
    let head = table.fold().closing().unwrap().head;
    let time = at(END).as_micros() / 1_000_000;
    let cosigned = [1, 2].map(|seed| Cosignature::sign(&head, time, &witness_key(seed))).to_vec();
    let settled = Settled { winner: None, price: None, cosigned };
    table.broker(at(END + SECOND), Body::Settled(settled)).unwrap();
    let head = Head { origin: table.origin(), size: 3, root: table.tree().root() };
    (table, head)
}

#[test]
fn a_head_is_final_by_the_quorum_of_operators_and_a_spoilt_line_spoils_it() {
    let (table, head) = witnessed();
    let line = |seed: u8, head: &Head| {
        Cosignature::sign(head, 1_800_000_000, &witness_key(seed)).line(&witness(seed).name)
    };
    let with = |lines: &[String]| {
        let head = format!("{}{}", table.head(), lines.concat());
        transcript(Some(&broker_certificate()), table.logged(), &head)
    };
    let told = |lines: &[String]| {
        let verdict = of(&with(lines));
        let by = verdict.cosigned.unwrap();
        let by: Vec<String> = by.into_iter().map(|operator| operator.to_string()).collect();
        (verdict.verdict, verdict.is_final.unwrap(), by.join(" "))
    };
    let (one, two) = (line(1, &head), line(2, &head));
    let none = (Standing::Incomplete, false, String::new());
    assert_eq!(told(&[]), none);
    assert_eq!(told(&[line(3, &head)]), none, "a stranger counts for nothing");
    let half = (Standing::Incomplete, false, "operator-2".to_owned());
    assert_eq!(told(std::slice::from_ref(&two)), half);
    let all = (Standing::Valid, true, "operator-1 operator-2".to_owned());
    assert_eq!(told(&[two.clone(), one.clone()]), all);
    let spoilt = (Subject::Room(Kind::Auction), "V-141", None);
    assert_eq!(broken(&with(&[one.clone(), one.clone()])), spoilt);
    let other = Head { size: 2, ..head };
    assert_eq!(broken(&with(&[line(1, &other), two])), spoilt);
    let verdict = of(&with(&[one]));
    assert_eq!((verdict.quorum, verdict.witnesses.map(|named| named.len())), (Some(2), Some(2)));
}

#[test]
fn what_is_no_transcript_and_no_receipt_is_unreadable_and_says_nothing_else() {
    let file = file_of(&unsold());
    let bare = r#"{"kind":"unknown","verdict":"unreadable"}"#;
    for text in
        ["", "\n", "x", "{}\n", "[1]\n", r#"{"fork":{}}"#, &file[..file.len() - 1], &file[..9]]
    {
        assert_eq!(of(text).encode(), bare, "{text}");
    }
    assert_eq!(verdict(&[file.as_bytes(), &[0xff, b'\n']].concat()).encode(), bare);
    assert_eq!(of(&format!("{file}\n")).encode(), bare);
    assert_eq!(of(&format!("{file}{{}}\n")).encode(), bare);
}

#[test]
fn each_part_that_does_not_hold_is_named_by_its_rule() {
    let table = unsold();
    let file = file_of(&table);
    let lines: Vec<&str> = file.lines().collect();
    // Certificate, then a header before each of three entries, then the head.
    assert_eq!(lines.len(), 8);
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        lines.join("\n") + "\n"
    };
    let (unknown, auction) = (Subject::Unknown, Subject::Room(Kind::Auction));
    for (at, line, expected) in [
        (0, r#"{"certificate":"x"}"#, (unknown, "V-077", None)),
        (0, r#"{"certificate":1}"#, (unknown, "V-077", None)),
        (0, r#"{"certificat":"x"}"#, (unknown, "V-026", Some(0))),
        (1, r#"{"header": "x"}"#, (unknown, "V-026", Some(0))),
        (1, r#"{"header":"x"}"#, (unknown, "V-023", Some(0))),
        (2, "{}", (unknown, "V-026", Some(0))),
        (4, "", (auction, "V-026", Some(1))),
        (3, lines[1], (auction, "V-029", Some(1))),
        (3, lines[5], (auction, "V-023", Some(1))),
        (4, lines[6], (auction, "V-026", Some(1))),
        (5, r#"{"header":"x""#, (auction, "V-026", Some(2))),
        (7, r#""\u0061""#, (auction, "V-024", None)),
        (7, r#""""#, (auction, "V-024", None)),
    ] {
        assert_eq!(broken(&with(at, line)), expected, "line {at}: {line}");
    }
    let certificate = certificate_for(
        crate::room::body::BrokerKeys {
            head: SecretKey::from_seed(&[9; 32]).public(),
            ..broker_keys()
        },
        &SecretKey::from_seed(&[201; 32]),
    );
    let other = transcript(Some(&certificate), table.logged(), &table.head());
    assert_eq!(broken(&other), (auction, "V-077", None));
    let head = |size, root| transcript(None, table.logged(), &table.head_over(size, root));
    assert_eq!(broken(&head(3, Digest([1; 32]))), (auction, "V-060", None));
    assert_eq!(broken(&head(4, table.tree().root())), (auction, "V-060", None));
    let strangers = Table::list(|listing| listing.grace = 6).unwrap().head();
    let strangers = transcript(None, table.logged(), &strangers);
    assert_eq!(broken(&strangers), (auction, "V-024", None));
    assert_eq!(broken(&transcript(None, [], &table.head())), (unknown, "V-060", None));
    assert_eq!(broken("\"\"\n"), (unknown, "V-060", None));
    let behind =
        format!("{}\n{}\n{}\n", lines[..7].join("\n"), header(&Tsa::new(9).tick(at(1))), lines[7]);
    assert_eq!(broken(&behind), (auction, "V-029", Some(3)));
}

fn header(compact: &str) -> String {
    format!("{{\"header\":\"{compact}\"}}")
}

#[test]
fn an_entry_that_a_fold_refuses_is_named_by_its_code() {
    let mut table = sold();
    // What names the listing's header so long after is too old for anything.
    let stale = encoded(7, &table.opening);
    let last = crate::log::Logged { entry: &stale, header: &table.headers[0] };
    let file = transcript(None, table.logged().chain([last]), &table.head());
    assert_eq!(broken(&file), (Subject::Room(Kind::Auction), "stamp.stale", Some(7)));
    let late = table.bid_at(at(END + SECOND), 5_000);
    let (entry, header) = (encoded(7, &late), late.batch().compact().to_owned());
    let last = crate::log::Logged { entry: &entry, header: &header };
    let file = transcript(None, table.logged().chain([last]), &table.head());
    assert_eq!(broken(&file), (Subject::Room(Kind::Auction), "bid.late", Some(7)));
    // A log that begins with anything but an opening has no kind, and no keys by which a stamp holds.
    let closed = Table::auction().broker_at(at(SECOND), crate::room::fixture::close_body());
    let (entry, header) = (encoded(0, &closed), closed.batch().compact().to_owned());
    let first = crate::log::Logged { entry: &entry, header: &header };
    let file = transcript(None, [first], &table.head());
    assert_eq!(broken(&file), (Subject::Unknown, "V-020", Some(0)));
}

#[test]
fn a_reveal_room_tells_how_it_ended_and_half_a_pair_does_not_hold() {
    let mut auction = Table::auction();
    let winner = Author::new(120);
    let bid = auction.bid_by(&winner, at(SECOND), 1_000);
    auction.close(at(END)).unwrap();
    auction.settle(at(END), Some((1, 1_000))).unwrap();
    let [mut room, mut other] = [(); 2].map(|()| private_room(&auction, &winner, &bid));
    let told = |room: &crate::room::fixture::Private| of(&file_of(&room.table));
    assert_eq!(told(&room).verdict, Standing::Incomplete);
    assert!(told(&room).encode().contains(r#""withdrawal":false,"end":"open"}"#));
    room.disclose_winner();
    assert_eq!(broken(&file_of(&room.table)), (Subject::Room(Kind::Reveal), "V-053", None));
    room.disclose_seller();
    let verdict = told(&room);
    assert_eq!((verdict.verdict, verdict.authorities.clone()), (Standing::Valid, None));
    assert!(verdict.encode().contains(r#""end":"disclosed"}"#));
    other.absent(true, true);
    assert!(told(&other).encode().contains(r#""end":"absent","absent":["seller","winner"]}"#));
}

#[test]
fn a_receipt_says_what_it_shows_and_is_as_good_in_any_order_of_its_members() {
    let table = sold();
    let receipt = table.receipt(2);
    let text = receipt.encode();
    let verdict = of(&text);
    let expected = format!(
        r#""receipt":{{"entry":2,"verb":"bid","time":"{}","digest":"{}","key":"{}"}}}}"#,
        at(SECOND),
        Digest::of(crate::log::Entry::parse(&receipt.entry).unwrap().action.as_bytes()),
        table.fold().bids()[1].key.fingerprint(),
    );
    assert!(verdict.encode().ends_with(&expected), "{}", verdict.encode());
    assert_eq!((verdict.kind, verdict.verdict), (Subject::Receipt, Standing::Valid));
    assert_eq!((verdict.size, verdict.certified), (Some(7), None));
    assert_eq!(of(&format!("{text}\n")), verdict);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(of(&value.to_string()), verdict);
    let other = [
        format!("{text}\n\n"),
        text.replacen(':', ": ", 1),
        text.replacen("{\"opening\"", "{\"x\":\"\",\"opening\"", 1),
        text.replacen("{\"opening\"", "{\"opening\":\"\",\"opening\"", 1),
        text.replacen("\"path\":\"", "\"path\":\"A", 1),
        text.replacen("\"path\":\"", "\"path\":\"AAAA", 1),
        r#"{"opening":""}"#.to_owned(),
        text.replacen("{\"opening\":\"", &format!("{{\"opening\":\"{}", "x".repeat(65_536)), 1),
    ];
    for other in other {
        assert_eq!(of(&other).verdict, Standing::Unreadable, "{other}");
    }
}

fn with_receipt(table: &Table, seq: u64, change: impl FnOnce(&mut Receipt)) -> &'static str {
    let mut receipt = table.receipt(seq);
    change(&mut receipt);
    broken(&receipt.encode()).1
}

#[test]
fn v061_each_part_of_a_receipt_is_named_by_its_rule() {
    let table = sold();
    let other = Table::list(|listing| listing.grace = 6).unwrap();
    let rule = |change: &dyn Fn(&mut Receipt)| with_receipt(&table, 2, change);
    assert_eq!(rule(&|receipt| receipt.opening.clear()), "V-061");
    let of_other = other.opening.action().compact();
    assert_eq!(rule(&|receipt| receipt.opening = of_other.to_owned()), "V-024");
    assert_eq!(rule(&|receipt| receipt.head.clear()), "V-024");
    assert_eq!(rule(&|receipt| receipt.entry.clear()), "V-026");
    assert_eq!(rule(&|receipt| receipt.path.clear()), "V-025");
    assert_eq!(rule(&|receipt| receipt.path[0] = Digest([0; 32])), "V-025");
    assert_eq!(rule(&|receipt| receipt.path = vec![Digest([0; 32]); 129]), "V-025");
    assert_eq!(rule(&|receipt| receipt.entry.clone_from(&table.log[1])), "V-023");
    assert_eq!(rule(&|receipt| receipt.header.clear()), "V-023");
}

/// The code by which a receipt of an entry is refused that no fold judged.
fn alone(table: &Table, entry: &crate::room::Stamped) -> Option<&'static str> {
    let seq = table.tree().size();
    let text = encoded(seq, entry);
    let leaves = table.log.iter().chain([&text]);
    let leaves = leaves.map(|text| crate::log::merkle::leaf_hash(text.as_bytes())).collect();
    let tree = crate::log::merkle::Tree::new(leaves);
    let receipt = Receipt {
        opening: table.opening.action().compact().to_owned(),
        header: entry.batch().compact().to_owned(),
        entry: text,
        path: tree.path(seq).unwrap(),
        head: table.head_over(tree.size(), tree.root()),
    };
    of(&receipt.encode()).rule.map(Rule::as_str)
}

#[test]
fn v061_a_receipt_of_what_no_such_auction_can_hold_does_not_hold() {
    let mut table = Table::auction();
    let mut of_bid = |time, minor| {
        let bid = table.bid_at(time, minor);
        alone(&table, &bid)
    };
    assert_eq!(of_bid(at(SECOND), 999), Some("bid.too-low"));
    assert_eq!(of_bid(at(END - 1), 1_000), None);
    let early = table.broker_at(at(END - 1), crate::room::fixture::close_body());
    assert_eq!(alone(&table, &early), None, "the seller may have taken it back");
    let late = table.bid_at(at(END), 1_000);
    assert_eq!(alone(&table, &late), Some("bid.late"));
    let absent = crate::room::body::Absent { seller: true, winner: true };
    let foreign = table.broker_at(at(END), Body::Absent(absent));
    assert_eq!(alone(&table, &foreign), Some(Code::VerbKind.as_str()));
    let mut soft = Table::list(|listing| {
        let hard_end = at(END + 60 * SECOND);
        listing.soft = Some(crate::room::body::SoftClose { extend: 30, hard_end });
    })
    .unwrap();
    let bid = soft.bid_at(at(END + 60 * SECOND - 1), 1_000);
    assert_eq!(alone(&soft, &bid), None, "others may have moved the end so far");
    let bid = soft.bid_at(at(END + 60 * SECOND), 1_000);
    assert_eq!(alone(&soft, &bid), Some("bid.late"));
}

#[test]
fn v066_a_receipt_of_a_strangers_act_in_a_reveal_room_does_not_hold() {
    let mut auction = Table::auction();
    let winner = Author::new(120);
    let own = auction.bid_by(&winner, at(SECOND), 1_000);
    auction.close(at(END)).unwrap();
    auction.settle(at(END), Some((1, 1_000))).unwrap();
    let mut room = private_room(&auction, &winner, &own);
    let soon = at(END + 21 * SECOND);
    let stranger = Author::new(130);
    let bid_of = |room: &mut crate::room::fixture::Private, author: &Author, own, body| {
        let action = room.table.sign(author, own, body);
        let stamped = room.table.tsa.stamp(action, soon);
        alone(&room.table, &stamped)
    };
    let strange = stranger.own(1);
    assert_eq!(bid_of(&mut room, &stranger, &strange, bid(1_000)), Some("verb.author"));
    assert_eq!(bid_of(&mut room, &winner, &own, bid(1_000)), Some("verb.kind"));
    let withdraw = Body::Withdraw(crate::room::body::Empty {});
    assert_eq!(bid_of(&mut room, &winner, &own, withdraw), Some("withdraw.forbidden"));
    let closed = room.table.broker_at(soon, crate::room::fixture::close_body());
    assert_eq!(alone(&room.table, &closed), Some("verb.kind"));
    let early = crate::room::body::Absent { seller: true, winner: false };
    let early = room.table.broker_at(soon, Body::Absent(early));
    assert_eq!(alone(&room.table, &early), Some("absent.wrong"));
}

#[test]
fn v077_no_broker_is_believed_to_be_meant_without_its_certificate() {
    let table = unsold();
    let (whole, bare) = (file_of(&table), transcript(None, table.logged(), &table.head()));
    let receipt = table.receipt(1).encode();
    let pins = Pins { broker: Some(broker_fingerprint()), ..Pins::default() };
    let judged = |text: &str, certified: &[BrokerKeys]| {
        let verdict = examine(text.as_bytes()).beside(certified).pinned(&pins).verdict;
        (verdict.verdict, verdict.rule.map(Rule::as_str), verdict.certified)
    };
    let missing = (Standing::Invalid, Some("pin.broker"), None);
    let there = (Standing::Valid, None, Some(true));
    assert_eq!(judged(&whole, &[]), there);
    for text in [&bare, &receipt] {
        assert_eq!(judged(text, &[]), missing);
        let keys = examine(whole.as_bytes()).certifies().unwrap();
        assert_eq!(judged(text, &[keys]), there);
        // Keys of somebody else's beside the broker's own name nobody.
        let other = BrokerKeys { head: SecretKey::from_seed(&[99; 32]).public(), ..keys };
        assert_eq!(judged(text, &[other]), missing);
        let unasked = examine(text.as_bytes()).beside(&[]).pinned(&Pins::default()).verdict;
        assert_eq!((unasked.verdict, unasked.certified), (Standing::Valid, Some(false)));
        assert_eq!(examine(text.as_bytes()).certifies(), None);
    }
}

#[test]
fn v363_a_certificate_is_a_file_of_its_own_and_vouches_for_a_receipt_beside_it() {
    use crate::log::transcript::encode_certificate;
    let table = unsold();
    let compact = broker_certificate();
    let file = encode_certificate(&compact);
    let found = examine(file.as_bytes());
    let fingerprint = broker_fingerprint();
    let text = format!(
        r#"{{"kind":"certificate","verdict":"valid","broker":"{fingerprint}","certified":true}}"#
    );
    assert_eq!(found.verdict.encode(), text);
    assert_eq!(verdict(format!("{file}\n").as_bytes()), found.verdict);
    let keys = found.certifies().unwrap();
    assert_eq!(keys, broker_keys());
    let pinned = |broker| {
        let pins = Pins { broker: Some(broker), ..Pins::default() };
        let receipt = table.receipt(1).encode();
        let judged = examine(receipt.as_bytes()).beside(&[keys]).pinned(&pins).verdict.verdict;
        (judged, examine(file.as_bytes()).beside(&[]).pinned(&pins).verdict.verdict)
    };
    assert_eq!(pinned(fingerprint), (Standing::Valid, Standing::Valid));
    assert_eq!(pinned(Fingerprint([1; 32])), (Standing::Invalid, Standing::Invalid));
    // By another key, changed, or none at all.
    let other = certificate_for(keys, &SecretKey::from_seed(&[3; 32]));
    let (start, end) = compact.split_at(compact.len() - 4);
    let changed = format!("{start}{}", if end == "AAAA" { "BBBB" } else { "AAAA" });
    for bad in [&other, &changed, "x", "", "a.b.c"] {
        let found = examine_owned(&encode_certificate(bad));
        assert_eq!(found, (Subject::Certificate, Standing::Invalid, Some("V-077")), "{bad}");
    }
    // Another spelling, more than one line, and one that is too long, are no such file.
    for none in [
        format!(" {file}"),
        format!("{file} "),
        format!("{file}\n\n"),
        format!("{file}\n{file}\n"),
        file.replace("\":", "\": "),
        file.replace('}', ",\"a\":1}"),
        encode_certificate(&"x".repeat(4_096)),
        r#"{"certificate":1}"#.to_owned(),
    ] {
        assert_eq!(examine_owned(&none), (Subject::Unknown, Standing::Unreadable, None), "{none}");
    }
}

fn examine_owned(text: &str) -> (Subject, Standing, Option<&'static str>) {
    let verdict = verdict(text.as_bytes());
    (verdict.kind, verdict.verdict, verdict.rule.map(Rule::as_str))
}

#[test]
fn evidence_is_held_against_what_is_known_from_elsewhere() {
    let (by, other) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
    let (room, another) = (Some(RoomName([3; 32])), Some(RoomName([4; 32])));
    let shown = Shown { by, room, what: String::new() };
    let misses = |pins: Pins, against| pins.misses(against, &shown).is_some();
    let none = Pins::default;
    for against in [Accused::Broker, Accused::Tsa, Accused::Witness] {
        assert!(!misses(none(), against) && !misses(Pins { room, ..none() }, against));
        assert!(misses(Pins { room: another, ..none() }, against));
        for (pinned, is_missed) in [(by, false), (other, true)] {
            let broker = Pins { broker: Some(pinned), ..none() };
            assert_eq!(misses(broker, against), is_missed && against == Accused::Broker);
            let tsa = Pins { tsa: vec![pinned], ..none() };
            assert_eq!(misses(tsa, against), is_missed && against == Accused::Tsa);
            let witnesses = Pins { witnesses: vec![pinned], ..none() };
            assert_eq!(misses(witnesses, against), is_missed && against == Accused::Witness);
        }
    }
}

#[test]
fn what_is_known_from_elsewhere_is_held_against_it() {
    let table = unsold();
    let file = file_of(&table);
    let stamp = table.fold().listing().stamps[0].fingerprint();
    let authority = table.fold().listing().authorities[0].fingerprint();
    let pinned = |pins: Pins| {
        let examined = examine(file.as_bytes()).pinned(&pins);
        (examined.verdict.verdict, examined.verdict.rule.map(Rule::as_str))
    };
    let valid = (Standing::Valid, None);
    let invalid = |rule| (Standing::Invalid, Some(rule));
    let none = Pins::default();
    assert_eq!(pinned(none.clone()), valid);
    let good = Pins {
        room: Some(table.name()),
        broker: Some(broker_fingerprint()),
        tsa: vec![stamp],
        witnesses: Vec::new(),
    };
    assert_eq!(pinned(good), valid);
    assert_eq!(pinned(Pins { tsa: vec![authority, stamp], ..none.clone() }), valid);
    assert_eq!(pinned(Pins { tsa: vec![authority], ..none.clone() }), valid);
    let other = Fingerprint([1; 32]);
    let room = Some(RoomName([1; 32]));
    assert_eq!(pinned(Pins { room, ..none.clone() }), invalid("pin.room"));
    assert_eq!(pinned(Pins { broker: Some(other), ..none.clone() }), invalid("pin.broker"));
    assert_eq!(pinned(Pins { tsa: vec![stamp, other], ..none.clone() }), invalid("pin.tsa"));
    let second = SecretKey::from_seed(&[88; 32]).public();
    let mut two = Table::list(|listing| listing.stamps.push(second)).unwrap();
    two.close(at(END)).unwrap();
    let file = file_of(&two);
    let judged = examine(file.as_bytes()).pinned(&Pins { tsa: vec![stamp], ..none });
    assert_eq!(judged.verdict.rule.map(Rule::as_str), Some("pin.tsa"), "another may stamp too");
    // Witnesses that are asked for are named.
    let key = |seed| vec![witness(seed).key.fingerprint()];
    let (table, head) = witnessed();
    let line = Cosignature::sign(&head, 1_800_000_000, &witness_key(1)).line(&witness(1).name);
    let file_of_two =
        transcript(Some(&broker_certificate()), table.logged(), &format!("{}{line}", table.head()));
    let rule = |witnesses| {
        let pins = Pins { witnesses, ..Pins::default() };
        let judged = examine(file_of_two.as_bytes()).pinned(&pins);
        judged.verdict.rule.map(Rule::as_str)
    };
    assert_eq!((rule(key(2)), rule(key(3))), (None, Some("pin.witness")));
    // What is invalid stays so, by its own rule.
    let cut = file.replacen("{\"seq\":1", "{\"seq\":2", 1);
    let judged = examine(cut.as_bytes()).pinned(&Pins { room, ..Pins::default() });
    assert_eq!(judged.verdict.rule.map(Rule::as_str), Some("V-026"));
}

#[test]
fn v060_no_changed_byte_of_a_transcript_is_valid() {
    let (table, head) = witnessed();
    let lines = [1, 2].map(|seed| {
        Cosignature::sign(&head, 1_800_000_000, &witness_key(seed)).line(&witness(seed).name)
    });
    let note = format!("{}{}", table.head(), lines.concat());
    let good = transcript(Some(&broker_certificate()), table.logged(), &note).into_bytes();
    assert_eq!(verdict(&good).verdict, Standing::Valid);
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1 << (at % 8);
        let found = verdict(&changed);
        assert_ne!(found.verdict, Standing::Valid, "byte {at}: {}", found.encode());
    }
}

#[test]
fn no_part_of_a_transcript_and_no_other_order_of_its_lines_is_valid() {
    let table = sold();
    let good = file_of(&table);
    assert_eq!(of(&good).verdict, Standing::Valid);
    let lines: Vec<&str> = good.lines().collect();
    let joined = |lines: &[&str]| of(&(lines.join("\n") + "\n"));
    for at in 0..lines.len() {
        let mut missing = lines.clone();
        missing.remove(at);
        let found = joined(&missing);
        // Without the certificate it is as good, and says so.
        let certificate = at == 0 && found.certified == Some(false);
        assert!(certificate || found.verdict != Standing::Valid, "line {at}: {}", found.encode());
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        assert_ne!(joined(&doubled).verdict, Standing::Valid, "line {at}");
        for other in 0..at {
            let mut swapped = lines.clone();
            swapped.swap(at, other);
            assert_ne!(joined(&swapped).verdict, Standing::Valid, "lines {at} and {other}");
        }
    }
    for end in (0..good.len()).step_by(13).chain(good.len() - 40..good.len()) {
        assert_eq!(of(&good[..end]).verdict, Standing::Unreadable, "{end} bytes");
    }
}

#[test]
fn no_changed_byte_of_a_receipt_is_valid() {
    let good = unsold().receipt(1).encode().into_bytes();
    assert_eq!(verdict(&good).verdict, Standing::Valid);
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1 << (at % 8);
        assert_ne!(verdict(&changed).verdict, Standing::Valid, "byte {at}");
    }
}

#[test]
fn v145_what_an_auction_records_of_its_reveal_rooms_is_noted() {
    let table = sold();
    let file = file_of(&table);
    let examined = examine(file.as_bytes());
    let Found::Log(log) = &examined.found else { panic!("{:?}", examined.found) };
    let [recorded] = log.recorded() else { panic!("{:?}", log.recorded()) };
    assert_eq!((recorded.settled, recorded.entry, recorded.outcome), (5, 6, OUTCOME));
    assert_eq!(revealed(), Body::Revealed(Ended { outcome: OUTCOME }));
    assert_eq!(log.root(7), Some(table.tree().root()));
    assert_eq!(log.root(8), None);
    let receipt = log.receipt(3).unwrap();
    assert_eq!(receipt, table.receipt(3));
    assert_eq!(amount(1), 1_u64.try_into().unwrap());
}

proptest! {
    #[test]
    fn any_bytes_have_a_verdict(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_ne!(verdict(&bytes).verdict, Standing::Valid);
    }

    #[test]
    fn any_lines_have_a_verdict(text in "(\\{\"(header|certificate|seq|opening)\":|\"|\n|[a-z0-9.]{0,5}|\\}){0,60}") {
        let found = of(&text);
        prop_assert_ne!(found.verdict, Standing::Valid);
        prop_assert_eq!(found.verdict == Standing::Invalid, found.rule.is_some());
    }
}

mod letters {
    use super::*;
    use crate::audit::letter::fixture::{Post, by_hash, by_reader, by_sender};
    use crate::letter::Mode;

    #[test]
    fn v254_the_verdict_says_who_wrote_what_to_whom_and_since_when_it_exists() {
        let mut post = Post::new(Mode::Evidence, true);
        let receipt = post.receipt(|_| {});
        let shown = post.acknowledged(&receipt);
        let verdict = verdict(shown.encode().as_bytes());
        let (from, to) = (post.one.owner.name, post.two.owner.name);
        let line = verdict.encode();
        let begins = format!(
            r#"{{"kind":"letter","verdict":"valid","room":"{to}","broker":"{}","simulated":false,"#,
            broker_fingerprint()
        );
        assert!(line.starts_with(&begins), "{line}");
        let key = post.one.owner.key.public().fingerprint();
        for part in [
            &*format!(r#""letter":{{"from":{{"box":"{from}","handle":"ana","key":"{key}"}},"#),
            r#""entry":2,"time":"2026-11-22T12:00:03.000000Z","#,
            r#""bytes":4028,"shown":"reader","#,
            r#""mode":"evidence","content":{"kind":"letter","id":"#,
            r#""subject":"About the clock","text":"It runs.\nCome and hear it."}"#,
            r#""read":{"broker":"#,
            r#""time":"2026-11-22T12:00:03.000000Z","read":"2026-11-22T12:01:00.000000Z"}}}"#,
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
        // Simple words of what is not shown.
        let by = |way| super::verdict(post.shown(way).encode().as_bytes()).encode();
        let hidden = by(by_hash(&post.sealed));
        assert!(hidden.contains(r#""shown":"hash""#) && !hidden.contains("clock"), "{hidden}");
        let by_sender = by(by_sender(&post.two, &post.sealed, true, 1));
        assert!(by_sender.contains(r#""shown":"sender""#), "{by_sender}");
        assert!(!by_sender.contains(r#""read":{"#), "{by_sender}");
    }

    #[test]
    fn v308_the_verdict_on_a_deniable_letter_says_nothing_else() {
        let post = Post::new(Mode::Deniable, true);
        let verdict = verdict(post.shown(by_reader(&post.sealed)).encode().as_bytes());
        assert_eq!(verdict.encode(), r#"{"kind":"letter","verdict":"invalid","rule":"V-308"}"#);
    }

    #[test]
    fn a_letter_is_held_to_its_boxes_its_broker_and_both_tsas() {
        let mut post = Post::new(Mode::Evidence, true);
        let receipt = post.receipt(|_| {});
        let text = post.acknowledged(&receipt).encode();
        let rule = |pins: &Pins| {
            let examined = examine(text.as_bytes()).pinned(pins);
            examined.verdict.rule.map(|rule| rule.as_str())
        };
        let room = |room| Pins { room: Some(room), ..Pins::default() };
        assert_eq!(rule(&room(post.one.owner.name)), None);
        assert_eq!(rule(&room(post.two.owner.name)), None);
        assert_eq!(rule(&room(RoomName([1; 32]))), Some("pin.room"));
        let tsa = |tsa: &[&Tsa]| {
            let tsa = tsa.iter().map(|tsa| tsa.public().fingerprint()).collect();
            Pins { tsa, ..Pins::default() }
        };
        // Another TSA stamps in the box of the receipt.
        assert_eq!(rule(&tsa(&[&post.two.table.tsa])), Some("pin.tsa"));
        assert_eq!(rule(&tsa(&[&post.one.table.tsa])), Some("pin.tsa"));
        assert_eq!(rule(&tsa(&[&post.one.table.tsa, &post.two.table.tsa])), None);
        let broker = Pins { broker: Some(broker_fingerprint()), ..Pins::default() };
        assert_eq!(rule(&broker), Some("pin.broker"));
        let certified = examine(text.as_bytes()).beside(&[broker_keys()]).pinned(&broker);
        assert_eq!(certified.verdict.rule, None);
    }

    #[test]
    fn a_flipped_bit_anywhere_gives_no_letter_another_meaning() {
        let mut post = Post::new(Mode::Evidence, true);
        let receipt = post.receipt(|_| {});
        let acknowledged = post.acknowledged(&receipt);
        let by_sender = post.shown(by_sender(&post.two, &post.sealed, true, 1));
        let by_hash = post.shown(by_hash(&post.sealed));
        for (shown, step) in [(by_hash, 1), (by_sender, 3), (acknowledged, 3)] {
            let good = shown.encode().into_bytes();
            let meant = verdict(&good);
            assert_eq!(meant.verdict, Standing::Valid);
            for at in (0..good.len()).step_by(step) {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << (at % 7);
                let verdict = verdict(&bytes);
                assert!(verdict.verdict != Standing::Valid || verdict == meant, "{at}");
            }
        }
    }
}

mod timelines {
    use super::*;
    use crate::audit::letter::fixture::{Post, by_hash, by_reader, halves};
    use crate::audit::letter::{ShownDeposit, ShownLetter};
    use crate::letter::{Mode, RegisteredLetter};
    use crate::room::body::{HandedHalf, OneLetter, Taken};

    /// A registered letter that was handed over a second after it came, and taken off two later.
    fn handed(mode: Mode, change: impl FnOnce(&mut RegisteredLetter)) -> Post {
        let mut post = Post::registered(mode, change);
        let owns = |post: &mut Post, second: u64, body: Body| {
            let entry = post.two.table.tsa.stamp(post.two.acts(body), at(second * SECOND));
            post.two.table.submit(&entry).unwrap();
        };
        owns(&mut post, 4, Body::Accepted(OneLetter { letter: 2 }));
        let half = halves().broker;
        let handed = Body::Handed(HandedHalf { letter: 2, half });
        post.two.table.broker(at(5 * SECOND), handed).unwrap();
        owns(&mut post, 7, Body::Taken(Taken { letters: vec![2], told: false }));
        post
    }

    fn shown(post: &Post) -> ShownLetter {
        let timeline = Some(post.two.timeline(2, &[3, 4, 5]));
        ShownLetter { timeline, ..post.shown(by_reader(&post.sealed)) }
    }

    const EVENTS: &str = concat!(
        r#""entries":[{"entry":3,"what":"accepted","by":"owner","time":"2026-11-22T12:00:04.000000Z"},"#,
        r#"{"entry":4,"what":"handed","by":"broker","time":"2026-11-22T12:00:05.000000Z"},"#,
        r#"{"entry":5,"what":"taken","by":"owner","time":"2026-11-22T12:00:07.000000Z"}]}}}"#
    );

    #[test]
    fn v340_the_verdict_says_what_happened_by_whom_and_when() {
        let post = handed(Mode::Evidence, |_| {});
        let line = of(&shown(&post).encode()).encode();
        let root = post.two.table.tree().root();
        for part in [
            r#""time":"2026-11-22T12:00:03.000000Z","lapses":"2026-12-07T12:00:03.000000Z","envelope":"#,
            r#""within":{"text":"It runs.\nCome and hear it."}},"timeline":"#,
            &format!(r#""timeline":{{"size":6,"root":"{root}",{EVENTS}"#),
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(line.ends_with(EVENTS), "{line}");
        let hidden = ShownLetter { shown: by_hash(&post.sealed), ..shown(&post) };
        let hidden = of(&hidden.encode()).encode();
        assert!(hidden.contains(EVENTS) && !hidden.contains("clock") && !hidden.contains("runs"));
        let before = of(&ShownLetter { timeline: None, ..shown(&post) }.encode()).encode();
        assert!(
            !before.contains("within") && !before.contains("fault") && before.contains("lapses")
        );
    }

    #[test]
    fn v338_v339_what_its_sender_did_wrong_is_said() {
        let junk = handed(Mode::Evidence, |letter| letter.sealed[0] ^= 1);
        let line = of(&shown(&junk).encode()).encode();
        assert!(line.contains(r#","fault":"junk"},"#) && !line.contains("within"), "{line}");
        let other = handed(Mode::Evidence, |letter| letter.commitment.0[0] ^= 1);
        let line = of(&shown(&other).encode()).encode();
        assert!(line.contains(r#","fault":"deposit"},"#) && !line.contains("within"), "{line}");
    }

    #[test]
    fn v349_the_verdict_on_a_deposit_says_nothing_of_its_author() {
        let post = handed(Mode::Deniable, |_| {});
        let (deposit, timeline) = (post.deposit.clone(), post.two.timeline(2, &[3, 4, 5]));
        let text = ShownDeposit { deposit, timeline }.encode();
        let line = of(&text).encode();
        let to = post.two.owner.name;
        let key = post.two.owner.key.public().fingerprint();
        let broker = broker_fingerprint();
        for part in [
            &*format!(r#"{{"kind":"deposit","verdict":"valid","room":"{to}","broker":"{broker}","#),
            &format!(
                r#""deposit":{{"to":{{"box":"{to}","handle":"ana","key":"{key}"}},"entry":2,"#
            ),
            r#""bytes":4028,"timeline":{"size":6,"#,
            EVENTS,
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!line.contains(&post.one.owner.name.to_string()));
        let kept_back = text.replacen(r#""entry":"#, r#""entry" :"#, 1);
        assert_eq!(of(&kept_back).verdict, Standing::Unreadable);
        let pins = |room| Pins { room: Some(room), ..Pins::default() };
        let rule = |room| examine(text.as_bytes()).pinned(&pins(room)).verdict.rule;
        assert_eq!(rule(to), None);
        assert_eq!(rule(post.one.owner.name).map(|rule| rule.as_str()), Some("pin.room"));
    }

    #[test]
    fn each_rule_of_a_timeline_is_named() {
        let post = handed(Mode::Evidence, |_| {});
        let rule = |entries: &[u64]| {
            let timeline = Some(post.two.timeline(2, entries));
            broken(&ShownLetter { timeline, ..shown(&post) }.encode())
        };
        for (entries, expected) in [
            (&[][..], "V-340"),
            (&[2, 3, 4], "V-340"),
            (&[3], "V-344"),
            (&[4], "V-344"),
            (&[5], "V-346"),
            (&[3, 4, 5, 5], "V-340"),
        ] {
            assert_eq!(rule(entries), (Subject::Letter, expected, None), "{entries:?}");
        }
        let mut timeline = post.two.timeline(2, &[3, 4]);
        timeline.path.clear();
        let other = ShownLetter { timeline: Some(timeline), ..shown(&post) };
        assert_eq!(broken(&other.encode()), (Subject::Letter, "V-025", None));
    }

    #[test]
    fn a_flipped_bit_anywhere_gives_no_timeline_another_meaning() {
        let post = handed(Mode::Evidence, |_| {});
        let (deposit, timeline) = (post.deposit.clone(), post.two.timeline(2, &[3, 4, 5]));
        let alone = ShownDeposit { deposit, timeline }.encode().into_bytes();
        for good in [alone, shown(&post).encode().into_bytes()] {
            let meant = verdict(&good);
            assert_eq!(meant.verdict, Standing::Valid);
            for at in (0..good.len()).step_by(5) {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << (at % 7);
                let verdict = verdict(&bytes);
                assert!(verdict.verdict != Standing::Valid || verdict == meant, "{at}");
            }
        }
    }
}
