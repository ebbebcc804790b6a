//! Headers that agree and that do not, wherever they are met.

use pregao_protocol::audit::evidence::Evidence;
use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::stamp::{BatchHeader, FullStamp, VerifiedBatch};
use pregao_protocol::value::codec::Digest;

use crate::desk::fixture::{House, Log, Session, User};
use crate::event::Event;

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
