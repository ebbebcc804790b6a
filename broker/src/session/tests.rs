//! Sessions: what one may do, what it is told, and how it ends.

use std::time::Duration;

use pregao_protocol::room::Code;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::{MAX_ANSWER, MAX_STAMPS};
use pregao_protocol::wire::frame::FromPeer;
use tokio::time::Instant;

use super::*;
use crate::fixture::{LIMITS, Made, Peer, Person, Stage, secs};

fn digest() -> Digest {
    Digest([1; 32])
}

fn stamp(n: u64) -> FromPeer {
    FromPeer::Stamp { n, digests: vec![digest()] }
}

fn join(room: RoomName, from: u64) -> FromPeer {
    FromPeer::Join { room, from, member: None }
}

fn error_of(frame: &FromBroker) -> (&str, Option<RoomName>) {
    let FromBroker::Error { code, room, .. } = frame else { panic!("{frame:?}") };
    (code, *room)
}

fn is_error(frame: &FromBroker) -> bool {
    matches!(frame, FromBroker::Error { .. })
}

fn is_joined(frame: &FromBroker) -> bool {
    matches!(frame, FromBroker::Joined { .. })
}

/// A broker whose sessions have these limits, one session of Ana's, and an auction of hers.
async fn talking(limits: Limits) -> (Stage, Person, Peer, RoomName) {
    let stage = Stage::with(limits).await;
    let ana = stage.person(1);
    let room = stage.list(&ana, 36_000).await.room();
    let peer = Peer::connect(&stage, &ana).await;
    (stage, ana, peer, room)
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_much_is_told_which_request_was_too_much() {
    let (stage, _, mut peer, room) = talking(Limits { rate: 1, burst: 3, ..LIMITS }).await;
    // One of the three was the list of rooms.
    for n in [7, 8, 9] {
        peer.send(&stamp(n)).await;
    }
    assert_eq!(peer.refused().await, ("door.rate".to_owned(), Some(9)));
    peer.send(&join(room, 0)).await;
    let error = peer.until(is_error).await;
    assert_eq!(error_of(&error), (Code::DoorRate.as_str(), Some(room)));
    peer.send(&FromPeer::Rooms { from: 0 }).await;
    assert_eq!(peer.refused().await, ("door.rate".to_owned(), None));
    assert_eq!(stage.metrics().frames_refused.value(), 3);
    // A second buys one.
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    peer.send(&stamp(10)).await;
    peer.send(&stamp(11)).await;
    assert_eq!(peer.refused().await, ("door.rate".to_owned(), Some(11)));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_frame_is_refused_by_name_and_the_session_goes_on() {
    let (stage, _, mut peer, room) = talking(LIMITS).await;
    for (bytes, named) in [
        (r#"{"stamp":{"n":5,"digests":["x"]}}"#, Some(5)),
        (r#"{"dance":{"n":6}}"#, Some(6)),
        (r#"{"stamp":{"digests":[]}}"#, None),
        ("{}", None),
        ("", None),
        (r#"{"rooms":{"from":0}} "x""#, None),
    ] {
        peer.send_bytes(bytes.as_bytes()).await;
        assert_eq!(peer.refused().await, ("frame.malformed".to_owned(), named), "{bytes}");
    }
    peer.send_bytes(format!(r#"{{"join":{{"room":"{room}"}}}}"#).as_bytes()).await;
    let error = peer.until(is_error).await;
    assert_eq!(error_of(&error), ("frame.malformed", Some(room)));
    let long = format!(r#"{{"{}":1}}"#, "x".repeat(10_000));
    peer.send_bytes(long.as_bytes()).await;
    let FromBroker::Error { message, .. } = peer.until(is_error).await else { panic!("an error") };
    assert!(message.chars().count() <= 200, "what was sent is not sent back at length");
    assert_eq!(stage.metrics().frames_refused.value(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_request_for_stamps_has_its_bounds() {
    let (_stage, _, mut peer, _) = talking(LIMITS).await;
    for (count, taken) in [(0, false), (1, true), (MAX_STAMPS, true), (MAX_STAMPS + 1, false)] {
        let n = peer.number();
        peer.send(&FromPeer::Stamp { n, digests: vec![digest(); count] }).await;
        let answer = peer
            .until(|frame| matches!(frame, FromBroker::Stamped { .. } | FromBroker::Failed { .. }))
            .await;
        match answer {
            FromBroker::Stamped { stamps, .. } => assert!(taken && stamps.len() == count),
            FromBroker::Failed { code, .. } => assert!(!taken && code == "frame.malformed"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_does_not_open_ends_the_session_without_a_word() {
    let (stage, _, mut peer, _) = talking(LIMITS).await;
    peer.raw.send(vec![0; 272]).await;
    assert!(peer.goodbye().await.is_none());
    stage.until(|stage| stage.metrics().sessions.value() == 0).await;
    let mut peer = Peer::connect(&stage, &stage.person(1)).await;
    peer.raw.send_text("text").await;
    assert!(peer.goodbye().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn more_than_may_be_under_way_fails_and_places_are_given_back() {
    let (stage, _, mut peer, _) = talking(Limits { under_way: 2, ..LIMITS }).await;
    stage.tsa.conduct(|conduct| conduct.delay = secs(1));
    for n in [1, 2, 3] {
        peer.send(&stamp(n)).await;
    }
    assert_eq!(peer.refused().await, ("door.rate".to_owned(), Some(3)));
    for _ in 0..2 {
        peer.until(|frame| matches!(frame, FromBroker::Stamped { .. })).await;
    }
    peer.send(&stamp(4)).await;
    peer.send(&stamp(5)).await;
    for _ in 0..2 {
        peer.until(|frame| matches!(frame, FromBroker::Stamped { .. })).await;
    }
}

#[tokio::test(start_paused = true)]
async fn requests_for_stamps_are_answered_in_the_order_in_which_they_were_asked() {
    let (stage, _, mut peer, _) = talking(LIMITS).await;
    stage.tsa.conduct(|conduct| conduct.delay = Duration::from_millis(500));
    peer.send(&stamp(1)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The second has its answer long before the first.
    stage.tsa.conduct(|conduct| conduct.delay = Duration::ZERO);
    peer.send(&stamp(2)).await;
    let mut answered = Vec::new();
    while answered.len() < 2 {
        if let Some(FromBroker::Stamped { n, .. }) = peer.next().await {
            answered.push(n);
        }
    }
    assert_eq!(answered, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_is_called_slow_once_and_its_late_answer_is_not_sent() {
    let (stage, _, _, room) = talking(LIMITS).await;
    let rui = stage.person(2);
    let bid = stage.bids(&rui, room, 100).await;
    let mut peer = Peer::connect(&stage, &rui).await;
    let again = |n| FromPeer::Submit {
        n,
        action: bid.action.compact().to_owned(),
        stamp: stage.stamp(&bid),
        blind: bid.blind.clone(),
        solution: None,
    };
    // To look it up and to prove it takes eighteen seconds, and the second waits for the first.
    stage.machine.slow_disk(secs(9));
    peer.send(&again(1)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked = Instant::now();
    peer.send(&again(2)).await;
    let receipt = peer.until(|frame| matches!(frame, FromBroker::Receipt { .. })).await;
    assert!(matches!(receipt, FromBroker::Receipt { n: 1, seq: 1, .. }));
    assert_eq!(peer.refused().await, ("broker.slow".to_owned(), Some(2)));
    let waited = asked.elapsed().as_millis();
    assert!((u128::from(MAX_ANSWER) * 1_000..=21_000).contains(&waited), "{waited} ms");
    let late = tokio::time::timeout(secs(60), peer.next()).await;
    assert!(late.is_err(), "neither again nor answered: {late:?}");
    stage.machine.slow_disk(Duration::ZERO);
    peer.send(&again(3)).await;
    let receipt = peer.next().await;
    assert!(matches!(receipt, Some(FromBroker::Receipt { n: 3, seq: 1, .. })), "{receipt:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_at_its_lifetime_and_says_so() {
    let (stage, _, mut peer, _) = talking(Limits { lifetime: secs(40), ..LIMITS }).await;
    let begun = Instant::now();
    let goodbye = peer.goodbye().await.unwrap();
    assert_eq!(error_of(&goodbye), ("session.expired", None));
    assert_eq!(begun.elapsed().as_secs(), 40);
    assert!((39..=41).contains(&peer.ticks), "{} headers, one a second", peer.ticks);
    stage.until(|stage| stage.metrics().sessions.value() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_stays_and_one_that_reads_nothing_is_idle() {
    let (stage, _, mut peer, _) = talking(Limits { idle: secs(9), ..LIMITS }).await;
    let listening = tokio::spawn(async move { while peer.next().await.is_some() {} });
    let silent = Peer::connect(&stage, &stage.person(2)).await;
    let begun = Instant::now();
    stage.until(|stage| stage.metrics().sessions.value() == 1).await;
    // It is looked at with every third ping, and the goodbye is not waited for.
    let ended = begun.elapsed().as_secs();
    assert!((9..=13).contains(&ended), "{ended} s");
    drop(silent);
    tokio::time::sleep(secs(60)).await;
    assert_eq!(stage.metrics().sessions.value(), 1);
    assert!(!listening.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_stops_says_goodbye_and_counts_nobody_any_more() {
    let (stage, _, mut peer, _) = talking(LIMITS).await;
    let metrics = Arc::clone(&stage.shared().metrics);
    let (stopped, goodbye) = tokio::join!(stage.broker.stop(), peer.goodbye());
    stopped.unwrap();
    assert_eq!(error_of(&goodbye.unwrap()), ("broker.stopping", None));
    assert_eq!(metrics.sessions.value(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_hears_something_every_second_though_the_tsa_is_silent() {
    let (stage, _, mut peer, _) = talking(LIMITS).await;
    stage.tsa.conduct(|conduct| conduct.ticks = false);
    tokio::time::sleep(secs(2)).await;
    let ticks = peer.ticks;
    let waited = tokio::time::timeout(secs(10), peer.next()).await;
    assert!(waited.is_err(), "no frames but pings: {waited:?}");
    assert!(peer.ticks <= ticks + 4, "only what had waited");
    assert_eq!(stage.metrics().sessions.value(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_room_more_than_may_be_followed_is_not_joined_until_another_is_left() {
    let (stage, ana, mut peer, first) = talking(Limits { rooms: 2, ..LIMITS }).await;
    let second = stage.list(&ana, 36_000).await.room();
    let third = stage.list(&ana, 36_000).await.room();
    for room in [first, second] {
        peer.send(&join(room, 0)).await;
        peer.until(is_joined).await;
    }
    peer.send(&join(third, 0)).await;
    let error = peer.until(is_error).await;
    assert_eq!(error_of(&error), ("door.rooms", Some(third)));
    // One that is followed already may be asked for again.
    peer.send(&join(second, 0)).await;
    peer.until(is_joined).await;
    peer.send(&FromPeer::Leave { room: first }).await;
    peer.send(&join(third, 0)).await;
    let FromBroker::Joined { room, .. } = peer.until(is_joined).await else { panic!("joined") };
    assert_eq!(room, third);
    // What was left is heard of no more.
    stage.bids(&stage.person(2), first, 100).await;
    stage.bids(&stage.person(2), third, 100).await;
    let heard = peer.until(|frame| {
        matches!(frame, FromBroker::Entries { entries, .. } if entries[0].get().contains("\"seq\":1"))
    });
    let FromBroker::Entries { room, .. } = heard.await else { panic!("entries") };
    assert_eq!(room, third);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_shorter_than_the_peer_says_or_unknown_is_not_joined() {
    let (_stage, _, mut peer, room) = talking(LIMITS).await;
    for (asked, from, code) in [
        (room, 2, "room.shorter"),
        (room, u64::MAX, "room.shorter"),
        (RoomName([4; 32]), 0, "room.unknown"),
    ] {
        peer.send(&join(asked, from)).await;
        let error = peer.until(is_error).await;
        assert_eq!(error_of(&error), (code, Some(asked)));
    }
    peer.send(&join(room, 1)).await;
    peer.until(is_joined).await;
}

#[tokio::test(start_paused = true)]
async fn a_room_whose_log_cannot_be_read_is_not_joined_and_can_be_asked_for_again() {
    let (stage, _, mut peer, room) = talking(LIMITS).await;
    let rui = stage.person(2);
    let bid = stage.bid(&rui, room, 100);
    stage.store.fail_commits(1);
    assert_eq!(stage.act(&rui, &bid).await.code(), "store.failed");
    stage.store.fail_reads(1);
    peer.send(&join(room, 0)).await;
    let error = peer.until(is_error).await;
    assert_eq!(error_of(&error), ("store.failed", Some(room)));
    tokio::time::sleep(secs(1)).await;
    peer.send(&join(room, 0)).await;
    assert_eq!(peer.entries().await, [0]);
}

/// A private room of Ana's and Rui's.
async fn private() -> (Stage, [(Person, Made); 2], RoomName) {
    let stage = Stage::open().await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let listing = stage.list(&ana, 20).await;
    let bid = stage.bids(&rui, listing.room(), 100).await;
    stage.until(|stage| !stage.reveals().is_empty()).await;
    let room = stage.reveals()[0].0;
    (stage, [(ana, listing), (rui, bid)], room)
}

#[tokio::test(start_paused = true)]
async fn a_private_room_is_unknown_to_all_who_do_not_prove_in_this_session_that_they_are_members() {
    let (stage, [(ana, listing), (rui, bid)], room) = private().await;
    let eva = stage.person(3);
    let mut peer = Peer::connect(&stage, &eva).await;
    let other = Peer::connect(&stage, &rui).await;
    let shared = stage.shared();
    let anothers = eva.listing(shared, &crate::fixture::Terms::until(stage.tsa.now()));
    let right = rui.proof(shared, &bid, &peer.id, room);
    let proofs = [
        ("none", None),
        ("of another key", Some(eva.proof(shared, &anothers, &peer.id, room))),
        ("of another session", Some(rui.proof(shared, &bid, &other.id, room))),
        ("for another room", Some(rui.proof(shared, &bid, &peer.id, listing.room()))),
        ("of a member by somebody else", {
            let theirs = eva.proof(shared, &anothers, &peer.id, room);
            Some(pregao_protocol::wire::frame::Member { key: right.key, ..theirs })
        }),
    ];
    let mut unknown = Vec::new();
    for (what, member) in proofs {
        peer.send(&FromPeer::Join { room, from: 0, member }).await;
        let error = peer.until(is_error).await;
        assert_eq!(error_of(&error), ("room.unknown", Some(room)), "{what}");
        unknown.push(serde_json::to_string(&error).unwrap());
    }
    peer.send(&join(RoomName([4; 32]), 0)).await;
    let FromBroker::Error { code, message, .. } = peer.until(is_error).await else { panic!() };
    let same = |text: &String| text.contains(&code) && text.contains(&message);
    assert!(unknown.iter().all(same), "a room that does not exist is refused in the same words");
    // Whoever holds a key of the two gets in, whoever they are.
    peer.send(&FromPeer::Join { room, from: 0, member: Some(right) }).await;
    assert_eq!(peer.entries().await, [0]);
    let mut seller = Peer::connect(&stage, &ana).await;
    let member = Some(ana.proof(shared, &listing, &seller.id, room));
    seller.send(&FromPeer::Join { room, from: 0, member }).await;
    assert_eq!(seller.entries().await, [0]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_is_invited_before_anything_else() {
    let (stage, [(ana, listing), _], room) = private().await;
    let called = crate::fixture::Caller::honest(&stage, &ana).call(&stage, &ana).await;
    let Ok(mut peer) = called else { panic!("a session") };
    peer.send(&FromPeer::Rooms { from: 0 }).await;
    let invited = peer.until(|frame| matches!(frame, FromBroker::Invited { .. })).await;
    let FromBroker::Invited { auction, room: to } = invited else { panic!("invited") };
    assert_eq!((auction, to), (listing.room(), room));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_lags_catches_up_and_misses_nothing() {
    let (stage, _, mut peer, room) = talking(LIMITS).await;
    let rui = stage.person(2);
    peer.send(&join(room, 0)).await;
    let mut seen = peer.entries().await;
    // The peer reads nothing, while more is said than its queue and its connection take.
    const REMARKS: u64 = 260;
    for number in 0..REMARKS {
        let text = format!("{number} {}", "x".repeat(450));
        let remark = rui.say(stage.shared(), room, &text, stage.seen(room));
        assert!(stage.act(&rui, &remark).await.seq().is_some());
    }
    assert!(stage.metrics().lagging.value() > 0, "its queue was full");
    while seen.len() <= usize::try_from(REMARKS).unwrap() {
        seen.extend(peer.entries().await);
    }
    assert_eq!(seen, (0..=REMARKS).collect::<Vec<_>>(), "each once, and in order");
    // And it is live again.
    let remark = rui.say(stage.shared(), room, "one more", stage.seen(room));
    stage.act(&rui, &remark).await;
    assert_eq!(peer.entries().await, [REMARKS + 1]);
}

#[tokio::test(start_paused = true)]
async fn the_list_of_rooms_comes_in_pages_and_grows_by_itself() {
    let (stage, ana, mut peer, _) = talking(LIMITS).await;
    for _ in 0..20 {
        stage.list(&ana, 36_000).await;
    }
    let mut known = 1;
    while known < 21 {
        let frame = peer.until(|frame| matches!(frame, FromBroker::Lobby { .. })).await;
        let FromBroker::Lobby { from, openings, .. } = frame else { panic!("the list") };
        assert_eq!(from, known, "without a gap");
        known += u64::try_from(openings.len()).unwrap();
    }
    // Sixteen in a page: seventeen are two pages, and only the first says that more follow.
    for (from, pages) in [(5, vec![(5, 16, false)]), (4, vec![(4, 16, true), (20, 1, false)])] {
        peer.send(&FromPeer::Rooms { from }).await;
        for page in pages {
            let frame = peer.until(|frame| matches!(frame, FromBroker::Lobby { .. })).await;
            let FromBroker::Lobby { from, openings, more, .. } = frame else { panic!("the list") };
            assert_eq!((from, openings.len(), more), page);
        }
    }
}

fn is_effort(frame: &FromBroker) -> bool {
    matches!(frame, FromBroker::Effort { .. })
}

/// Hands in what is no action until the broker asks for work; how much it asks for.
async fn flood(peer: &mut Peer, bid: &Made, stage: &Stage) -> u64 {
    for n in 100..120 {
        let (action, blind) = ("garbage".to_owned(), bid.blind.clone());
        let stamp = stage.stamp(bid);
        peer.send(&FromPeer::Submit { n, action, stamp, blind, solution: None }).await;
        let answered =
            |frame: &FromBroker| is_effort(frame) || matches!(frame, FromBroker::Failed { .. });
        if let FromBroker::Effort { effort } = peer.until(answered).await {
            return effort;
        }
    }
    panic!("twenty times garbage, and nothing is asked for")
}

#[tokio::test(start_paused = true)]
async fn v194_who_floods_hears_what_is_asked_for_and_later_that_nothing_is() {
    let (stage, _, _, room) = talking(LIMITS).await;
    let rui = stage.person(2);
    let bid = stage.bid(&rui, room, 100);
    let mut peer = Peer::connect(&stage, &rui).await;
    assert!(flood(&mut peer, &bid, &stage).await >= 10);
    let (code, _) = peer.refused().await;
    assert!(["parse", "puzzle.wanted"].contains(&code.as_str()), "{code}");
    let checked = stage.metrics().checked.value();
    let (action, stamp) = (bid.action.compact().to_owned(), stage.stamp(&bid));
    let blind = bid.blind.clone();
    peer.send(&FromPeer::Submit { n: 7, action, stamp, blind, solution: None }).await;
    while peer.refused().await != ("puzzle.wanted".to_owned(), Some(7)) {}
    assert_eq!(stage.metrics().checked.value(), checked, "nothing of it was checked");
    // It falls by itself, and then the same bid is taken as it is.
    loop {
        if let FromBroker::Effort { effort: 0 } = peer.until(is_effort).await {
            break;
        }
    }
    let (action, stamp) = (bid.action.compact().to_owned(), stage.stamp(&bid));
    let blind = bid.blind.clone();
    peer.send(&FromPeer::Submit { n: 8, action, stamp, blind, solution: None }).await;
    peer.until(|frame| matches!(frame, FromBroker::Receipt { n: 8, .. })).await;
}

#[tokio::test(start_paused = true)]
async fn v197_who_solves_nothing_is_shown_out_after_so_many_submissions() {
    let (stage, _, _, room) = talking(LIMITS).await;
    let rui = stage.person(2);
    let bid = stage.bid(&rui, room, 100);
    let mut peer = Peer::connect(&stage, &rui).await;
    flood(&mut peer, &bid, &stage).await;
    for n in 200..300 {
        let (action, blind) = (bid.action.compact().to_owned(), bid.blind.clone());
        let stamp = stage.stamp(&bid);
        peer.send(&FromPeer::Submit { n, action, stamp, blind, solution: None }).await;
    }
    let goodbye = peer.goodbye().await.expect("a word before the end");
    assert_eq!(error_of(&goodbye).0, "session.unsolved");
    assert!(stage.metrics().unsolved.value() >= 64);
}
