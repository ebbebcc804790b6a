//! Headers that agree and that do not, wherever they are met.

use pregao_protocol::audit::evidence::Evidence;
use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::stamp::{BatchHeader, FullStamp, VerifiedBatch};
use pregao_protocol::trust::key::{SecretKey, StampKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use std::time::Duration;

use super::{HEADERS, TsaHeaders};
use crate::desk::fixture::{House, Log, Session, User};
use crate::event::Event;

fn key() -> SecretKey<StampKey> {
    SecretKey::from_seed(&[13; 32])
}

/// A header that only tells the time, after `before`.
fn after(before: Option<&VerifiedBatch>, micros: u64) -> VerifiedBatch {
    let time = Time::default().plus(Duration::from_micros(1_790_000_000_000_000 + micros));
    let first = (0, Digest([0; 32]), time);
    let (number, prev, prev_time) =
        before.map_or(first, |before| (before.header().batch, before.hash(), before.time()));
    let tree = Tree::new(Vec::new());
    let header = BatchHeader {
        tsa: key().public().fingerprint(),
        batch: number + 1,
        time,
        size: tree.size(),
        root: tree.root(),
        prev,
        prev_time,
    };
    VerifiedBatch::open(&header.sign(&key()), &[key().public()]).unwrap()
}

fn chain(length: usize) -> Vec<VerifiedBatch> {
    let mut chain: Vec<VerifiedBatch> = Vec::new();
    for at in 0..length {
        chain.push(after(chain.last(), at as u64 * 1_000));
    }
    chain
}

#[test]
fn one_history_agrees_in_whichever_order_its_headers_come() {
    let chain = chain(64);
    for step in [1, 3, 5, 17, 63] {
        let mut met = TsaHeaders::default();
        for at in 0..128 {
            let batch = &chain[at * step % 64];
            assert_eq!(met.meet(batch), None, "{at} by {step}");
        }
    }
}

#[test]
fn two_histories_are_found_out_at_the_first_header_that_cannot_be_beside_another() {
    let one = chain(20);
    // Both continue from the tenth.
    let mut other = vec![after(Some(&one[9]), 9_500)];
    for at in 0..9 {
        other.push(after(other.last(), 10_500 + at * 1_000));
    }
    for (number, lie) in other.iter().enumerate() {
        let mut met = TsaHeaders::default();
        for batch in &one {
            assert_eq!(met.meet(batch), None);
        }
        let found = met.meet(lie).expect("it is beside one of the same number");
        assert_ne!(found.hash(), lie.hash(), "{number}");
        assert_eq!(met.meet(&one[19]), None, "what contradicts is not taken");
    }
    // Of each history only every other header is met.
    let mut met = TsaHeaders::default();
    let evens = one.iter().skip(10).step_by(2);
    assert!(evens.chain(other.iter().skip(1).step_by(2)).any(|batch| met.meet(batch).is_some()));
}

#[test]
fn the_newest_headers_are_remembered_and_no_more() {
    let chain = chain(HEADERS + 100);
    let mut met = TsaHeaders::default();
    for batch in &chain {
        assert_eq!(met.meet(batch), None);
    }
    assert_eq!((met.met.len(), met.after.len()), (HEADERS, HEADERS));
    // One that is forgotten may come again, and what follows it is remembered still.
    assert_eq!(met.meet(&chain[0]), None);
    assert_eq!((met.met.len(), met.after.len()), (HEADERS, HEADERS));
    let lie = after(Some(&chain[HEADERS]), (HEADERS as u64 + 50) * 1_000);
    assert!(met.meet(&lie).is_some());
}

async fn verified(user: &mut User, log: &Log) {
    let (name, size) = (log.name().to_string(), log.tree().size());
    user.until(|event| match event {
        Event::Room(view) if view.room == name && view.verified_size == size => Some(()),
        _ => None,
    })
    .await;
}

/// A stamp of another history than the one that the TSA shows.
fn forked(house: &House, digest: &Digest) -> FullStamp {
    let tick = VerifiedBatch::open(&house.tsa.tick(), &[house.tsa.stamp.public()]).unwrap();
    let tree = Tree::new(vec![leaf_hash(&digest.0)]);
    let header = BatchHeader { size: tree.size(), root: tree.root(), ..tick.header().clone() };
    FullStamp { batch: header.sign(&house.tsa.stamp), index: 0, path: Vec::new() }
}

async fn found_out(house: &House, user: &mut User) {
    let said = user.alarm().await;
    assert!(said.contains("the TSA contradicts itself"), "{said}");
    let kept = house.evidence();
    let [file] = kept.as_slice() else { panic!("{kept:?}") };
    assert!(file.starts_with("batches-"), "{file}");
    let text = std::fs::read_to_string(house.vault().join("evidence").join(file)).unwrap();
    let shown = Evidence::parse(&text).unwrap().verify().unwrap();
    assert_eq!(shown.by, house.tsa.stamp.public().fingerprint());
}

/// A desk that follows two rooms.
async fn two_rooms(house: &mut House) -> (User, Session, [Log; 2]) {
    let one = house.auction(house.listing());
    let two = house.auction(house.listing());
    let (mut user, mut session) = house.desk().await;
    session.list(&[&one, &two]).await;
    for log in [&one, &two] {
        let (room, head) = (log.name(), log.head(&house.secrets));
        session.joined(room).await;
        let consistency = Vec::new();
        session
            .send(pregao_protocol::wire::frame::FromBroker::Joined {
                room,
                head: head.clone(),
                consistency,
            })
            .await;
        session.says(log, 0, Some(head)).await;
        verified(&mut user, log).await;
    }
    (user, session, [one, two])
}

#[tokio::test(start_paused = true)]
async fn v063_two_histories_in_two_rooms_are_evidence() {
    let mut house = House::open();
    let (mut user, mut session, [mut one, mut two]) = two_rooms(&mut house).await;
    let (said, asked) = (house.saying(&one), house.saying(&two));
    let lie = forked(&house, &asked.digest());
    let number = |stamp: &FullStamp| {
        VerifiedBatch::open(&stamp.batch, &[house.tsa.stamp.public()]).unwrap().header().batch
    };
    // The history that ticks and the first room show goes on under the same number.
    two.push(asked.compact(), lie.clone());
    session.says(&two, 1, Some(two.head(&house.secrets))).await;
    verified(&mut user, &two).await;
    assert_eq!(user.alarms(), 0, "one history alone is none");
    one.log(&said, &house.tsa);
    session.says(&one, 1, Some(one.head(&house.secrets))).await;
    assert!(number(&lie) > 1);
    found_out(&house, &mut user).await;
    user.leave().await;
    assert_eq!(user.alarms(), 1, "it is said once");
}

#[tokio::test(start_paused = true)]
async fn v063_a_stamp_of_another_history_than_the_ticks_is_evidence() {
    let mut house = House::open();
    let (mut user, mut session, [_, mut two]) = two_rooms(&mut house).await;
    let asked = house.saying(&two);
    let lie = forked(&house, &asked.digest());
    two.push(asked.compact(), lie);
    session.ticks(&house).await;
    session.says(&two, 1, Some(two.head(&house.secrets))).await;
    found_out(&house, &mut user).await;
}

#[tokio::test(start_paused = true)]
async fn v063_an_honest_tsa_is_not_accused_over_rooms_ticks_and_sessions() {
    let mut house = House::open();
    let (mut user, mut session, [mut one, mut two]) = two_rooms(&mut house).await;
    for _ in 0..10 {
        // Stamped in one order, shown in another.
        let (first, second) = (house.saying(&one), house.saying(&two));
        let (early, late) = (house.tsa.stamp(&first.digest()), house.tsa.stamp(&second.digest()));
        session.ticks(&house).await;
        two.push(second.compact(), late);
        session.says(&two, two.entries.len() - 1, Some(two.head(&house.secrets))).await;
        one.push(first.compact(), early);
        session.says(&one, one.entries.len() - 1, Some(one.head(&house.secrets))).await;
    }
    // It was shown last.
    verified(&mut user, &one).await;
    drop(session);
    let mut session = house.accept().await;
    session.list(&[&one, &two]).await;
    session.ticks(&house).await;
    user.leave().await;
    assert_eq!((user.alarms(), house.evidence()), (0, Vec::new()));
}
