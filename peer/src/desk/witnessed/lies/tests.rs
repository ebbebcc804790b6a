//! Who goes back behind what was final, and who cosigns twice; and that nobody else is accused of it.

use std::time::Duration;

use pregao_protocol::audit::evidence::{Accused, Evidence};
use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::stamp::{FullStamp, VerifiedBatch};
use pregao_protocol::log::{Cosignature, Head, Origin};
use pregao_protocol::room::Code;
use pregao_protocol::room::auction::sealed::envelope::{Recipients, seal_bid};
use pregao_protocol::room::auction::sealed::opens_at;
use pregao_protocol::room::body::{Body, Closed, PriceRule, SealedTerms, Sealing, Settled};
use pregao_protocol::trust::key::{OneTime, PublicKey, SecretKey};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::trust::timelock::TimeLock;
use pregao_protocol::trust::witness::Witness;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::refusal::Refusal;

use crate::desk::fixture::{HandedIn, House, Log, Session, User};
use crate::desk::witnessed::tests::{
    cosigned_at, followed, is_final, key, says, witness, witnessed,
};
use crate::event::Event;

/// The TSA's time in seconds since 1970.
fn now(house: &House) -> u64 {
    house.tsa.time().as_micros() / 1_000_000
}

/// What shows it, of one kind: one file that holds.
fn proof(house: &House, kind: &str) -> Evidence {
    let kept = house.evidence();
    let mut of_kind = kept.iter().filter(|file| file.starts_with(kind));
    let (Some(file), None) = (of_kind.next(), of_kind.next()) else { panic!("{kept:?}") };
    let text = std::fs::read_to_string(house.vault().join("evidence").join(file)).unwrap();
    let proof = Evidence::parse(&text).unwrap();
    proof.verify().unwrap();
    proof
}

/// The user bids, and it is stamped and handed in.
async fn bid(house: &House, user: &User, session: &mut Session, log: &Log) -> HandedIn {
    user.send_command(&["bid", &log.name().to_string(), "9.00"]).await;
    session.stamps(&house.tsa).await;
    session.handed_in().await
}

/// A refusal by the first `size` entries of a log, decided now.
fn refusal(house: &House, log: &Log, act: &HandedIn, size: usize) -> FromBroker {
    let of = (act.action().digest(), &act.stamp);
    let refusal = refused(house, log, of, (size, Code::BidTooLow));
    FromBroker::Refused { n: act.n, refusal }
}

/// The same of an action with one of its stamps, for whatever reason, as the broker signs it.
pub(in crate::desk) fn refused(
    house: &House,
    log: &Log,
    (digest, stamp): (Digest, &FullStamp),
    (size, code): (usize, Code),
) -> String {
    let leaves = log.entries[..size].iter().map(|entry| leaf_hash(entry.as_bytes()));
    let header = house.tsa.tick();
    let hash =
        |compact: &str| VerifiedBatch::open(compact, &[house.tsa.stamp.public()]).unwrap().hash();
    let refusal = Refusal {
        digest,
        room: log.name(),
        stamp: hash(&stamp.batch),
        code,
        size: size as u64,
        root: Tree::new(leaves.collect()).root(),
        batch: hash(&header),
        same_author: Vec::new(),
        until: None,
        header,
    };
    refusal.sign(&house.secrets.entry)
}

/// A desk that follows a room whose two entries are final since now.
pub(in crate::desk) async fn settled_on(house: &mut House) -> (User, Session, Log, Vec<Witness>) {
    let (log, witnesses) = witnessed(house);
    house.secrets.named.clone_from(&witnesses);
    let (mut user, mut session) = followed(house, &log).await;
    let note = cosigned_at(house, &log, &[&witnesses[0], &witnesses[1]], now(house));
    says(&mut session, &log, note).await;
    assert_eq!(is_final(&mut user).await, (2, 2));
    (user, session, log, witnesses)
}

#[tokio::test(start_paused = true)]
async fn v150_a_refusal_by_less_than_was_final_is_evidence_of_a_rollback() {
    let mut house = House::open();
    let (mut user, mut session, log, _) = settled_on(&mut house).await;
    let act = bid(&house, &user, &mut session, &log).await;
    house.tsa.skip(Duration::from_secs(12));
    session.ticks(&house).await;
    session.send(refusal(&house, &log, &act, 1)).await;
    let said = user.alarm().await;
    assert!(said.contains("WENT BACK to a log of 1"), "{said}");
    assert_eq!(proof(&house, "rollback-").against(), Accused::Broker);
}

#[tokio::test(start_paused = true)]
async fn v150_a_rollback_is_found_out_whichever_of_the_two_comes_first() {
    let mut house = House::open();
    let (mut log, witnesses) = witnessed(&house);
    house.secrets.named.clone_from(&witnesses);
    let (mut user, mut session) = followed(&mut house, &log).await;
    let act = bid(&house, &user, &mut session, &log).await;
    let earlier = now(&house);
    house.tsa.skip(Duration::from_secs(12));
    session.ticks(&house).await;
    session.send(refusal(&house, &log, &act, 2)).await;
    assert!(!user.done().await);
    // Before that refusal, witnesses had cosigned three entries.
    log.log(&house.saying(&log), &house.tsa);
    session.says(&log, 2, Some(log.head(&house.secrets))).await;
    let before = user.alarms();
    let note = cosigned_at(&house, &log, &[&witnesses[0], &witnesses[1]], earlier);
    says(&mut session, &log, note).await;
    loop {
        if user.alarm().await.contains("WENT BACK to a log of 2") {
            break;
        }
    }
    assert!(user.alarms() > before);
    proof(&house, "rollback-");
}

#[tokio::test(start_paused = true)]
async fn v150_a_refusal_under_way_while_the_cosignature_came_accuses_nobody() {
    let mut house = House::open();
    let (mut user, mut session, mut log, witnesses) = settled_on(&mut house).await;
    let act = bid(&house, &user, &mut session, &log).await;
    // Decided by two entries; then a third is logged, cosigned and shown before the answer arrives.
    let answer = refusal(&house, &log, &act, 2);
    log.log(&house.saying(&log), &house.tsa);
    session.says(&log, 2, Some(log.head(&house.secrets))).await;
    let note = cosigned_at(&house, &log, &[&witnesses[0], &witnesses[1]], now(&house));
    says(&mut session, &log, note).await;
    session.send(answer).await;
    assert!(!user.done().await);
    user.leave().await;
    assert!(!house.evidence().iter().any(|file| file.starts_with("rollback-")));
    let back = user.seen.iter().filter(|event| format!("{event:?}").contains("WENT BACK"));
    assert_eq!(back.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn v150_what_was_final_is_remembered_over_a_restart_and_accuses_nobody() {
    let mut house = House::open();
    let (mut user, session, mut log, witnesses) = settled_on(&mut house).await;
    user.leave().await;
    drop(session);
    let kept = house.unlock().met().to_vec();
    let last =
        kept.iter().find(|kept| kept.room == log.name()).and_then(|kept| kept.last_final.clone());
    assert_eq!(last.map(|last| last.size), Some(2));
    let mut user = house.start();
    let mut session = house.accept().await;
    session.list(&[&log]).await;
    session.shows(&log, &house.secrets).await;
    log.log(&house.saying(&log), &house.tsa);
    session.says(&log, 2, Some(log.head(&house.secrets))).await;
    let note = cosigned_at(&house, &log, &[&witnesses[0], &witnesses[1]], now(&house));
    says(&mut session, &log, note).await;
    assert_eq!(is_final(&mut user).await, (3, 3));
    user.leave().await;
    assert_eq!((user.alarms(), house.evidence()), (0, Vec::new()));
}

/// A head of two entries under another root, cosigned by witnesses.
fn other_history(house: &House, log: &Log, by: &[(u8, &Witness)]) -> String {
    let root = Digest([9; 32]);
    let broker = house.secrets.session.public().fingerprint();
    let head = Head { origin: Origin { broker, room: log.name() }, size: 2, root };
    let mut note = log.head_over(2, root, &house.secrets);
    for (seed, witness) in by {
        let time = now(house);
        note.push_str(&Cosignature::sign(&head, time, &key(*seed)).line(&witness.name));
    }
    note
}

#[tokio::test(start_paused = true)]
async fn v153_a_witness_that_cosigns_two_histories_is_accused_once_and_the_others_never() {
    let mut house = House::open();
    let (mut user, mut session, log, witnesses) = settled_on(&mut house).await;
    // The first signs again, the third did not before.
    let note = other_history(&house, &log, &[(81, &witnesses[0]), (83, &witnesses[2])]);
    says(&mut session, &log, note.clone()).await;
    let said = user.alarm().await;
    assert!(said.contains("WITNESS SIGNED TWO HISTORIES"), "{said}");
    let shown = proof(&house, "cosigned-twice-");
    assert_eq!(shown.against(), Accused::Witness);
    assert_eq!(shown.verify().unwrap().by, witnesses[0].key.fingerprint());
    // The broker signed both as well. The room is not believed any more, and still compared.
    assert!(user.alarm().await.contains("another history"));
    says(&mut session, &log, note).await;
    let second = other_history(&house, &log, &[(82, &witnesses[1])]);
    says(&mut session, &log, second).await;
    assert!(user.alarm().await.contains("WITNESS SIGNED"));
    user.leave().await;
    assert_eq!(user.alarms(), 3);
}

#[tokio::test(start_paused = true)]
async fn v153_one_history_cosigned_again_at_a_later_time_accuses_nobody() {
    let mut house = House::open();
    let (mut user, mut session, log, witnesses) = settled_on(&mut house).await;
    for later in 0..3 {
        let by = [&witnesses[0], &witnesses[2]];
        let note = cosigned_at(&house, &log, &by, now(&house) + later);
        says(&mut session, &log, note).await;
    }
    drop(session);
    let mut session = house.accept().await;
    session.list(&[&log]).await;
    session.ticks(&house).await;
    user.leave().await;
    assert_eq!((user.alarms(), house.evidence()), (0, Vec::new()));
}

/// How long it runs.
const LASTS: Duration = Duration::from_secs(30);

/// A sealed auction with one bid.
fn sealed(house: &House) -> (Log, Vec<Witness>) {
    let witnesses = vec![witness(81, "one"), witness(82, "two"), witness(83, "two")];
    let mut listing = house.listing();
    (listing.witnesses, listing.quorum) = (witnesses.clone(), 2);
    listing.sealed = Some(SealedTerms { price: PriceRule::First, needed: 1, locks: Vec::new() });
    listing.increment = 1.try_into().unwrap();
    listing.end = house.tsa.time().plus(LASTS);
    let at = opens_at(&listing);
    let mut log = house.auction(listing);
    let [broker, tsa] = [75, 74].map(|seed| SealKey::from_random([seed; 32]).public());
    let tsa_key = house.tsa.stamp.public().fingerprint();
    let lock = TimeLock { tsa: tsa_key, at, key: tsa, simulated: false };
    let sealing = Sealing { key: broker, locks: vec![lock.sign(&house.tsa.stamp)] };
    let sealing = house.broker_made(Some(log.name()), Body::Sealing(sealing), log.seen());
    log.log(&sealing, &house.tsa);
    let to = Recipients { broker, locks: vec![tsa], needed: 1 };
    let (context, amount) = ((log.name(), &key_of_nobody()), 500.try_into().unwrap());
    let seal = SealKey::from_random([76; 32]).public();
    let bid = seal_bid(&to, context, amount, seal, &[[1; 32], [2; 32]]).unwrap();
    let bid = house.made(72, Some(log.name()), Body::SealedBid(bid), log.seen()).action;
    log.log(&bid, &house.tsa);
    (log, witnesses)
}

/// The broker logs something and shows it.
async fn logs(house: &House, session: &mut Session, log: &mut Log, body: Body) {
    let action = house.broker_made(Some(log.name()), body, log.seen());
    let from = usize::try_from(log.tree().size()).unwrap();
    log.log(&action, &house.tsa);
    session.says(log, from, Some(log.head(&house.secrets))).await;
}

fn key_of_nobody() -> PublicKey<OneTime> {
    SecretKey::from_seed(&[77; 32]).public()
}

/// Whoever voids an auction after having shown when its close was public has read the bids in between.
#[tokio::test(start_paused = true)]
async fn v167_a_void_auction_whose_close_was_shown_dated_in_time_is_said_loudly() {
    // Of both operators; of one of them; of both, one of them too late.
    for (by, ahead, is_lie) in [(&[0, 1][..], 0, true), (&[1, 2], 0, false), (&[0, 1], 11, false)] {
        let mut house = House::open();
        let (mut log, witnesses) = sealed(&house);
        let (mut user, mut session) = followed(&mut house, &log).await;
        house.tsa.skip(LASTS);
        session.ticks(&house).await;
        let root = Tree::new(Vec::new()).root();
        let closed = Body::Closed(Closed { refused: 0, root });
        logs(&house, &mut session, &mut log, closed).await;
        for (nth, at) in by.iter().enumerate() {
            let time = now(&house) + if nth == 0 { 0 } else { ahead };
            let note = cosigned_at(&house, &log, &[&witnesses[*at]], time);
            says(&mut session, &log, note).await;
        }
        house.tsa.skip(Duration::from_secs(20));
        session.ticks(&house).await;
        let void = Body::Settled(Settled { winner: None, price: None, cosigned: Vec::new() });
        logs(&house, &mut session, &mut log, void).await;
        if is_lie {
            let said = user.alarm().await;
            assert!(said.contains("voids this auction"), "{said}");
            assert!(house.evidence().iter().any(|name| name.starts_with("void-")));
        }
        user.leave().await;
        let alarms: Vec<_> =
            user.seen.iter().filter(|event| matches!(event, Event::Alarm { .. })).collect();
        assert_eq!(alarms.len(), usize::from(is_lie), "{by:?} {ahead}: {alarms:?}");
    }
}
