//! Passes taken at a desk, from brokers honest and not.

use std::sync::OnceLock;

use pregao_protocol::log::{Cosignature, Head, Origin};
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::{Passes, StatedKey};
use pregao_protocol::trust::key::{SecretKey, WitnessKey};
use pregao_protocol::trust::pass::PassSecret;
use pregao_protocol::trust::witness::Witness;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use tokio::task::JoinHandle;

use super::*;
use crate::desk::fixture::{House, Log, Secrets, Session, User};
use crate::post::passes::requests;

const COUNT: u32 = 4;

/// Of one day or another: making one takes a while.
fn secret(day: Day) -> PassSecret {
    static DER: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072).unwrap();
        pair.serialize_der()
    };
    PassSecret::from_pkcs8(day, DER.get_or_init(make)).unwrap()
}

fn witness_key(seed: u8) -> SecretKey<WitnessKey> {
    SecretKey::from_seed(&[seed; 32])
}

fn witnesses() -> Vec<Witness> {
    let witness = |seed: u8, operator: &str| Witness {
        name: format!("witness.example/{seed}").parse().unwrap(),
        key: witness_key(seed).public(),
        operator: operator.parse().unwrap(),
    };
    vec![witness(81, "one"), witness(82, "two")]
}

/// A pass room of a broker with these keys.
fn opened(house: &House, by: &Secrets, witnesses: Vec<Witness>) -> Log {
    let quorum = if witnesses.is_empty() { 0 } else { 2 };
    let terms = Passes {
        freshness: 10,
        broker: by.public(),
        stamps: vec![house.tsa.stamp.public()],
        witnesses,
        quorum,
        simulated: false,
    };
    let body = Body::Passes(terms);
    let id = uuid::Builder::from_random_bytes([5; 16]).into_uuid();
    let draft =
        pregao_protocol::room::action::Draft { id, room: None, body, seen: Seen::nothing() };
    let opening = draft.sign_as_broker(&by.entry).unwrap();
    Log::open(opening.compact(), house.tsa.stamp(&opening.digest()))
}

fn state(house: &House, log: &mut Log, day: Day) {
    let key = secret(day).key(house.secrets.session.public().fingerprint()).unwrap();
    let body = Body::PassKey(StatedKey { day, key: key.spki().to_vec() });
    let stated = house.broker_made(Some(log.name()), body, log.seen());
    log.log(&stated, &house.tsa);
}

fn today(house: &House) -> Day {
    Day::of(house.tsa.time())
}

/// A desk in a session of a broker that offers the passes of this room.
async fn offered(house: &mut House, room: RoomName) -> (User, Session) {
    let (user, mut session) = house.desk().await;
    session.list(&[]).await;
    let passes = Some(PassesOffered { room: Some(room), count: COUNT });
    let (batch, rate, burst) = (house.tsa.tick(), 1_000, 1_000);
    session.send(FromBroker::Welcome { batch, rate, burst, passes }).await;
    session.ticks(house).await;
    (user, session)
}

/// A desk in a session that began before the broker had a room for its passes.
async fn offered_later(house: &mut House) -> (User, Session) {
    let (user, mut session) = house.desk().await;
    session.list(&[]).await;
    let passes = Some(PassesOffered { room: None, count: COUNT });
    let (batch, rate, burst) = (house.tsa.tick(), 1_000, 1_000);
    session.send(FromBroker::Welcome { batch, rate, burst, passes }).await;
    session.ticks(house).await;
    (user, session)
}

/// Asks for what is on offer.
fn asking_for(user: &User) -> JoinHandle<Result<Offer, TakeError>> {
    let taker = user.passes.clone();
    tokio::spawn(async move { taker.offer().await })
}

/// What comes of it, while the broker goes on telling the time.
async fn told(
    house: &House,
    session: &mut Session,
    mut asked: JoinHandle<Result<Offer, TakeError>>,
) -> Result<Offer, TakeError> {
    loop {
        tokio::select! {
            offer = &mut asked => return offer.unwrap(),
            () = tokio::time::sleep(Duration::from_secs(1)) => session.ticks(house).await,
        }
    }
}

/// What is on offer, after the broker has shown its log.
async fn shown(house: &mut House, log: &Log) -> (User, Session, Result<Offer, TakeError>) {
    let (user, mut session) = offered(house, log.name()).await;
    let asked = asking_for(&user);
    session.shows(log, &house.secrets).await;
    let offer = told(house, &mut session, asked).await;
    (user, session, offer)
}

/// The next requests that the broker gets.
async fn taken(session: &mut Session) -> (u64, Day, Vec<Vec<u8>>) {
    let wanted = |frame| match frame {
        FromPeer::TakePasses { n, day, blinded } => Some((n, day, blinded)),
        _ => None,
    };
    session.until(wanted).await
}

#[tokio::test(start_paused = true)]
async fn v264_passes_are_taken_under_the_key_in_the_log_and_in_no_other_way() {
    let mut house = House::open();
    let mut log = opened(&house, &house.secrets, Vec::new());
    let day = today(&house);
    state(&house, &mut log, day);
    let (mut user, mut session, offer) = shown(&mut house, &log).await;
    let offer = offer.unwrap();
    assert_eq!((offer.key.day(), offer.count, offer.room), (day, COUNT, log.name()));
    assert_eq!(offer.head, log.head(&house.secrets));
    let asked = requests(&offer.key, 2, &house.host).unwrap();
    let take = || {
        let (taker, asked, key) = (user.passes.clone(), asked.clone(), offer.key.clone());
        tokio::spawn(async move { taker.take(asked, key).await })
    };
    let first = take();
    let (n, of, blinded) = taken(&mut session).await;
    assert_eq!((of, blinded.len()), (day, 2));
    // One after the other.
    assert_eq!(take().await.unwrap(), Err(TakeError::Busy));
    let sign = |blinded: &Vec<u8>| secret(day).sign(blinded, [1; 32]).unwrap();
    let signatures: Vec<_> = blinded.iter().map(sign).collect();
    // An answer to nothing is none.
    session.send(FromBroker::Passes { n: n + 1, signatures: signatures.clone() }).await;
    session.send(FromBroker::Passes { n, signatures: signatures.clone() }).await;
    let passes = first.await.unwrap().unwrap();
    assert!(passes.iter().all(|pass| pass.verify(&offer.key, offer.key.broker()).is_ok()));
    // What is not signed by the key that everybody reads is refused, and so is what the broker refuses.
    let forged = take();
    let (n, ..) = taken(&mut session).await;
    let signatures = signatures.into_iter().rev().collect();
    session.send(FromBroker::Passes { n, signatures }).await;
    assert!(matches!(forged.await.unwrap(), Err(TakeError::False(_))));
    let refused = take();
    let (n, ..) = taken(&mut session).await;
    session.send(FromBroker::Failed { n, code: "pass.quota".to_owned() }).await;
    assert_eq!(refused.await.unwrap(), Err(TakeError::Undecided(Undecided::PASS_QUOTA)));
    let lied = take();
    let (n, ..) = taken(&mut session).await;
    session.send(FromBroker::Failed { n, code: "bid.too-low".to_owned() }).await;
    assert!(matches!(lied.await.unwrap(), Err(TakeError::False(_))));
    // A session that ends leaves the requests to be asked again.
    let cut = take();
    taken(&mut session).await;
    drop(session);
    assert_eq!(cut.await.unwrap(), Err(TakeError::Offline));
    // Of all this the user heard nothing.
    user.leave().await;
    let heard = |event: &crate::event::Event| {
        let event = format!("{event:?}");
        event.contains(&log.name().to_string()) || event.contains("passes")
    };
    assert!(!user.seen.iter().any(heard), "{:?}", user.seen);
    assert_eq!(user.alarms(), 0);
}

#[tokio::test(start_paused = true)]
async fn v264_a_room_of_another_broker_another_kind_or_another_log_offers_nothing() {
    // Under the keys of another broker.
    let mut house = House::open();
    let foreign = house.foreign();
    let log = opened(&house, &foreign, Vec::new());
    let (mut user, _session, offer) = shown(&mut house, &log).await;
    assert!(matches!(offer, Err(TakeError::False(_))), "{offer:?}");
    user.alarm().await;
    // An auction.
    let mut house = House::open();
    let log = house.auction(house.listing());
    let (_user, _session, offer) = shown(&mut house, &log).await;
    assert!(matches!(offer, Err(TakeError::False(_))), "{offer:?}");
    // A key that is in no log that the broker signed: the head is over less.
    let mut house = House::open();
    let mut log = opened(&house, &house.secrets, Vec::new());
    let short = log.head(&house.secrets);
    let day = today(&house);
    state(&house, &mut log, day);
    let (mut user, mut session) = offered(&mut house, log.name()).await;
    let asked = asking_for(&user);
    let room = log.name();
    session.joined(room).await;
    let (head, consistency) = (short.clone(), Vec::new());
    session.send(FromBroker::Joined { room, head, consistency }).await;
    session.says(&log, 0, Some(short)).await;
    let offer = told(&house, &mut session, asked).await;
    assert!(matches!(offer, Err(TakeError::False(_))), "{offer:?}");
    user.alarm().await;
}

#[tokio::test(start_paused = true)]
async fn v264_without_a_key_of_today_or_an_offer_there_is_nothing_to_take() {
    let mut house = House::open();
    let mut log = opened(&house, &house.secrets, Vec::new());
    let day = today(&house);
    state(&house, &mut log, day.plus(1));
    let (_user, _session, offer) = shown(&mut house, &log).await;
    assert_eq!(offer, Err(TakeError::NoKey));
    let mut house = House::open();
    let (user, mut session) = house.desk().await;
    session.list(&[]).await;
    assert_eq!(user.passes.offer().await, Err(TakeError::None));
}

/// The head of a log with what these witnesses add to it.
fn cosigned(house: &House, log: &Log, by: &[(u8, Witness)]) -> String {
    let broker = house.secrets.session.public().fingerprint();
    let origin = Origin { broker, room: log.name() };
    let head = Head { origin, size: log.tree().size(), root: log.tree().root() };
    let mut note = log.head(&house.secrets);
    for (seed, witness) in by {
        let line = Cosignature::sign(&head, 1_790_000_000, &witness_key(*seed));
        note.push_str(&line.line(&witness.name));
    }
    note
}

/// What is on offer if witnesses cosigned the log before the key was stated, and so many of them since.
async fn witnessed_by(before: usize, since: usize) -> (Result<Offer, TakeError>, String) {
    let mut house = House::open();
    house.secrets.named = witnesses();
    let by: Vec<_> = [81, 82].into_iter().zip(witnesses()).collect();
    let mut log = opened(&house, &house.secrets, witnesses());
    let earlier = cosigned(&house, &log, &by[..before]);
    let day = today(&house);
    state(&house, &mut log, day);
    let later = cosigned(&house, &log, &by[..since]);
    let room = log.name();
    let (user, mut session) = offered(&mut house, room).await;
    let asked = asking_for(&user);
    session.shows(&log, &house.secrets).await;
    for head in [earlier, later.clone()] {
        session.send(FromBroker::Cosigned { room, head }).await;
    }
    (told(&house, &mut session, asked).await, later)
}

#[tokio::test(start_paused = true)]
async fn v264_a_key_that_witnesses_have_not_cosigned_waits_for_them() {
    for (before, since) in [(0, 0), (2, 0), (2, 1)] {
        let (offer, _) = witnessed_by(before, since).await;
        assert_eq!(offer, Err(TakeError::Unwitnessed), "{before} and {since}");
    }
    let (offer, final_head) = witnessed_by(2, 2).await;
    assert_eq!(offer.map(|offer| offer.head), Ok(final_head));
}

#[tokio::test(start_paused = true)]
async fn v357_who_asks_right_after_a_brokers_start_gets_passes_once_their_room_is_there() {
    let mut house = House::open();
    let (user, mut session) = offered_later(&mut house).await;
    let asked = asking_for(&user);
    session.ticks(&house).await;
    let mut log = opened(&house, &house.secrets, Vec::new());
    let day = today(&house);
    state(&house, &mut log, day);
    session.send(FromBroker::PassRoom { room: log.name() }).await;
    // Whatever it says afterwards of another one.
    session.send(FromBroker::PassRoom { room: RoomName([9; 32]) }).await;
    session.shows(&log, &house.secrets).await;
    let offer = told(&house, &mut session, asked).await.unwrap();
    assert_eq!((offer.room, offer.count), (log.name(), COUNT));
}

#[tokio::test(start_paused = true)]
async fn v357_a_broker_without_a_room_for_its_passes_is_not_one_that_gives_none() {
    let mut house = House::open();
    let (user, mut session) = offered_later(&mut house).await;
    let asked = asking_for(&user);
    let error = told(&house, &mut session, asked).await.unwrap_err();
    assert!(matches!(error, TakeError::NoKey), "{error:?}");
    assert!(error.advice().contains("wait"), "{}", error.advice());
    // Of one that has said that it gives none no room counts.
    let mut house = House::open();
    let (user, mut session) = house.desk().await;
    session.list(&[]).await;
    session.ticks(&house).await;
    session.send(FromBroker::PassRoom { room: RoomName([9; 32]) }).await;
    session.ticks(&house).await;
    let asked = asking_for(&user);
    let error = told(&house, &mut session, asked).await.unwrap_err();
    assert!(matches!(error, TakeError::None), "{error:?}");
}
