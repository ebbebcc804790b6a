use pregao_protocol::audit::evidence::Evidence;
use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::{Entry, Logged};
use pregao_protocol::room::body::{Body, Say};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::FromBroker;

use crate::desk::fixture::{House, Log, Session, User, entries, raw};
use crate::event::Event;

/// A listing of somebody else, and what was said there.
fn auction(house: &House, said: usize) -> Log {
    let seen = pregao_protocol::room::action::Seen::nothing();
    let opening = house.made(71, None, Body::List(house.listing()), seen).action;
    let mut log = Log::open(opening.compact(), house.tsa.stamp(&opening.digest()));
    for _ in 0..said {
        say(house, &mut log);
    }
    log
}

fn say(house: &House, log: &mut Log) {
    let text = "Is it new?".to_owned().try_into().unwrap();
    let body = Body::Say(Say { text });
    let said = house.made(72, Some(log.name()), body, log.seen()).action;
    log.log(&said, &house.tsa);
}

/// A desk that asks for a room with three entries.
async fn stage() -> (House, User, Session, Log) {
    let mut house = House::open();
    let (user, mut session) = house.desk().await;
    let log = auction(&house, 2);
    session.list(&[&log]).await;
    (house, user, session, log)
}

/// Answers the question for the room, but with other entries and another head.
async fn shows(
    session: &mut Session,
    house: &House,
    log: &Log,
    shown: &[Logged<'_>],
    head: Option<String>,
) {
    let room = log.name();
    session.joined(room).await;
    let (honest, consistency) = (log.head(&house.secrets), Vec::new());
    session.send(FromBroker::Joined { room, head: honest.clone(), consistency }).await;
    let head = Some(head.unwrap_or(honest));
    session.send(entries(room, shown.iter().copied(), head)).await;
}

/// How many entries of the room are verified, once it is shown.
async fn verified(user: &mut User) -> u64 {
    user.until(|event| match event {
        Event::Room(view) if view.verified_size > 0 => Some(view.verified_size),
        _ => None,
    })
    .await
}

/// The lie is said, kept under this name, and the room is not used any more.
async fn found_out(mut user: User, house: &House, log: &Log, said: &str, kept: &str) {
    let message = user.alarm().await;
    assert!(message.contains(said), "{message}");
    let evidence = house.evidence();
    assert!(evidence.iter().any(|name| name.starts_with(kept)), "{kept}: {evidence:?}");
    user.send_command(&["bid", &log.name().to_string(), "5"]).await;
    assert!(!user.done().await);
    let broken = |event: &Event| matches!(event, Event::Refused { report, .. } if report.code == "room.broken");
    assert!(user.seen.iter().any(broken), "{:?}", user.seen);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_its_head_agrees_with_is_believed_and_goes_on() {
    let (house, mut user, mut session, mut log) = stage().await;
    session.shows(&log, &house.secrets).await;
    assert_eq!(verified(&mut user).await, 3);
    say(&house, &mut log);
    let head = Some(log.head(&house.secrets));
    session.says(&log, 3, head).await;
    assert_eq!(verified(&mut user).await, 4);
    assert!(user.alarms() == 0 && house.evidence().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_asked_for_from_there_on_after_a_reconnect() {
    let (mut house, mut user, mut session, log) = stage().await;
    session.shows(&log, &house.secrets).await;
    verified(&mut user).await;
    drop(session);
    let mut session = house.accept().await;
    assert_eq!(session.joined(log.name()).await, 3);
}

#[tokio::test(start_paused = true)]
async fn entries_that_do_not_continue_are_an_alarm() {
    // One is left out; two change places; one comes twice.
    for order in [&[0, 2][..], &[0, 2, 1], &[0, 1, 1, 2]] {
        let (house, user, mut session, log) = stage().await;
        let all: Vec<Logged<'_>> = log.logged().collect();
        let shown: Vec<Logged<'_>> = order.iter().map(|at| all[*at]).collect();
        shows(&mut session, &house, &log, &shown, None).await;
        found_out(user, &house, &log, "does not verify", "entry-").await;
    }
}

#[tokio::test(start_paused = true)]
async fn entries_that_do_not_continue_what_is_held_are_an_alarm() {
    let (house, mut user, mut session, mut log) = stage().await;
    session.shows(&log, &house.secrets).await;
    verified(&mut user).await;
    say(&house, &mut log);
    say(&house, &mut log);
    let head = Some(log.head(&house.secrets));
    session.says(&log, 4, head).await;
    found_out(user, &house, &log, "does not verify", "entry-").await;
}

#[tokio::test(start_paused = true)]
async fn an_entry_stamped_by_nobody_known_is_an_alarm() {
    let (house, user, mut session, log) = stage().await;
    let mut entry = Entry::parse(&log.entries[1]).unwrap();
    let other = house.tsa.stamp(&Digest([9; 32]));
    entry.stamp = other.stamp();
    let all: Vec<Logged<'_>> = log.logged().collect();
    let shown = [all[0], Logged { entry: &entry.encode(), header: &other.batch }];
    shows(&mut session, &house, &log, &shown, None).await;
    found_out(user, &house, &log, "does not verify", "entry-").await;
}

/// Answers the question for the room with its whole log, but with other headers.
async fn shows_with(
    session: &mut Session,
    house: &House,
    log: &Log,
    change: impl FnOnce(&mut Vec<String>),
) {
    let room = log.name();
    session.joined(room).await;
    let head = log.head(&house.secrets);
    let joined = FromBroker::Joined { room, head: head.clone(), consistency: Vec::new() };
    session.send(joined).await;
    let mut frame = entries(room, log.logged(), Some(head));
    if let FromBroker::Entries { headers, .. } = &mut frame {
        change(headers);
    }
    session.send(frame).await;
}

#[tokio::test(start_paused = true)]
async fn v028_headers_that_are_not_those_of_the_entries_are_an_alarm() {
    type Change = fn(&mut Vec<String>, &House);
    let lies: [(&str, Change); 7] = [
        ("missing", |headers, _| drop(headers.remove(1))),
        ("missing", |headers, _| headers.clear()),
        ("missing", |headers, house| headers[2] = house.tsa.tick()),
        ("missing", |headers, _| {
            let letter = if &headers[0][9..10] == "A" { "B" } else { "A" };
            headers[0].replace_range(9..10, letter);
        }),
        ("superfluous", |headers, house| headers.insert(0, house.tsa.tick())),
        ("more than once", |headers, _| {
            let first = headers[0].clone();
            headers[2] = first;
        }),
        ("out of order", |headers, _| headers.swap(1, 2)),
    ];
    for (said, change) in lies {
        let (house, user, mut session, log) = stage().await;
        shows_with(&mut session, &house, &log, |headers| change(headers, &house)).await;
        found_out(user, &house, &log, said, "headers-").await;
    }
}

#[tokio::test(start_paused = true)]
async fn v028_a_list_of_rooms_with_other_headers_than_it_names_is_an_alarm() {
    type Change = fn(&mut Vec<String>, &House);
    let lies: [Change; 2] = [
        |headers, house| headers.push(house.tsa.tick()),
        |headers, _| headers.push(headers[0].clone()),
    ];
    for change in lies {
        let mut house = House::open();
        let (mut user, mut session) = house.desk().await;
        let log = auction(&house, 0);
        let first: Vec<Logged<'_>> = log.logged().take(1).collect();
        let mut headers = vec![first[0].header.to_owned()];
        change(&mut headers, &house);
        let openings = vec![raw(first[0].entry)];
        session.send(FromBroker::Lobby { from: 0, headers, openings, more: false }).await;
        let message = user.alarm().await;
        assert!(message.contains("other batch headers"), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_kept_back_is_an_alarm() {
    let (house, user, mut session, log) = stage().await;
    let all: Vec<Logged<'_>> = log.logged().collect();
    shows(&mut session, &house, &log, &all[..2], None).await;
    found_out(user, &house, &log, "a head that the entries do not give", "head-").await;
}

#[tokio::test(start_paused = true)]
async fn a_head_by_another_key_is_an_alarm() {
    let (house, user, mut session, log) = stage().await;
    let head = log.head(&house.foreign());
    let all: Vec<Logged<'_>> = log.logged().collect();
    shows(&mut session, &house, &log, &all, Some(head)).await;
    found_out(user, &house, &log, "a head that the entries do not give", "head-").await;
}

#[tokio::test(start_paused = true)]
async fn a_head_over_another_log_of_that_size_is_a_fork() {
    let (house, user, mut session, log) = stage().await;
    let head = log.head_over(3, Digest([9; 32]), &house.secrets);
    let all: Vec<Logged<'_>> = log.logged().collect();
    shows(&mut session, &house, &log, &all, Some(head)).await;
    found_out(user, &house, &log, "another history", "fork-").await;
}

#[tokio::test(start_paused = true)]
async fn another_history_after_a_reconnect_is_an_alarm() {
    let (mut house, mut user, mut session, log) = stage().await;
    session.shows(&log, &house.secrets).await;
    verified(&mut user).await;
    drop(session);
    let mut session = house.accept().await;
    session.list(&[&log]).await;
    let room = log.name();
    session.joined(room).await;
    let head = log.head_over(5, Digest([9; 32]), &house.secrets);
    session.send(FromBroker::Joined { room, head, consistency: vec![Digest([8; 32])] }).await;
    found_out(user, &house, &log, "another history", "history-").await;
}

#[tokio::test(start_paused = true)]
async fn the_log_of_another_room_is_an_alarm_and_nothing_of_it_is_shown() {
    let (house, user, mut session, log) = stage().await;
    let other = auction(&house, 0);
    let all: Vec<Logged<'_>> = other.logged().collect();
    shows(&mut session, &house, &log, &all, None).await;
    found_out(user, &house, &log, "begins otherwise", "opening-").await;
}

#[tokio::test(start_paused = true)]
async fn v151_a_broken_log_under_the_brokers_head_is_kept_as_evidence_that_a_stranger_reads() {
    let (house, user, mut session, log) = stage().await;
    let last = Entry::parse(&log.entries[2]).unwrap();
    let again = Entry { seq: 3, ..last }.encode();
    let mut shown: Vec<Logged<'_>> = log.logged().collect();
    shown.push(Logged { entry: &again, header: shown[2].header });
    let leaves = shown.iter().map(|logged| leaf_hash(logged.entry.as_bytes())).collect();
    let tree = Tree::new(leaves);
    let head = log.head_over(4, tree.root(), &house.secrets);
    shows(&mut session, &house, &log, &shown, Some(head)).await;
    found_out(user, &house, &log, "used before (key.reused)", "broken-log-").await;
    let name = house.evidence().into_iter().find(|name| name.starts_with("broken-log-")).unwrap();
    let text = std::fs::read_to_string(house.vault().join("evidence").join(name)).unwrap();
    let shown = Evidence::parse(&text).unwrap().verify().unwrap();
    assert_eq!(shown.room, Some(log.name()));
    assert!(shown.what.contains("entry 3: the one-time key was used before"), "{}", shown.what);
}

#[tokio::test(start_paused = true)]
async fn a_broken_log_that_the_broker_did_not_sign_is_kept_as_notes() {
    let (house, user, mut session, log) = stage().await;
    let last = Entry::parse(&log.entries[2]).unwrap();
    let again = Entry { seq: 3, ..last }.encode();
    let mut shown: Vec<Logged<'_>> = log.logged().collect();
    shown.push(Logged { entry: &again, header: shown[2].header });
    // The head is over the three honest ones.
    shows(&mut session, &house, &log, &shown, None).await;
    found_out(user, &house, &log, "used before (key.reused)", "entry-").await;
    assert!(!house.evidence().iter().any(|name| name.starts_with("broken-log-")));
}
