//! The pass room: opened once, and a key for each day before the day begins.

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Kind;

use super::*;
use crate::fixture::{Peer, Stage, secs};
use crate::passes::PASSES_FILE;
use crate::store::Log as _;

const HOUR: u64 = 3_600;

/// The pass rooms that there are.
fn rooms(stage: &Stage) -> Vec<RoomName> {
    let rooms = stage.store.sound().rooms().unwrap().into_iter();
    rooms.filter(|room| room.kind == Kind::Passes).map(|room| room.name).collect()
}

fn fold(stage: &Stage, name: RoomName) -> PassRoom {
    PassRoom::of(&stage.room(name)).unwrap().clone()
}

/// The days whose keys are stated, from the first.
fn days(stage: &Stage) -> Vec<Day> {
    let stated = |name| fold(stage, name).keys_from(Day(0)).map(|key| key.day()).collect();
    rooms(stage).first().map_or_else(Vec::new, |name| stated(*name))
}

fn has_file(stage: &Stage, day: Day) -> bool {
    stage.file(&format!("passes-{day}.key.pem")).exists()
}

/// A broker that makes passes and has stated today's key and tomorrow's.
async fn stage() -> (Stage, Day) {
    let stage = Stage::with_passes(3).await;
    stage.until(|stage| days(stage).len() == 2).await;
    let today = Day::of(stage.tsa.now());
    (stage, today)
}

#[tokio::test(start_paused = true)]
async fn v261_a_broker_opens_one_pass_room_and_finds_it_after_a_restart() {
    let (stage, today) = stage().await;
    let [name] = rooms(&stage).try_into().unwrap();
    assert_eq!(stage.shared().passes.room(), Some(name));
    assert_eq!(days(&stage), [today, today.plus(1)]);
    assert_eq!(stage.verbs(name), ["passes", "pass-key", "pass-key"]);
    assert_eq!(stage.shared().lobby.size(), 0, "it is nothing to bid on");
    let stated = fold(&stage, name);
    let stage = stage.restart().await;
    assert_eq!(stage.shared().passes.room(), Some(name), "before anybody is served");
    tokio::time::sleep(secs(30)).await;
    assert_eq!(rooms(&stage), [name]);
    assert_eq!(stage.shared().passes.room(), Some(name));
    assert_eq!(stage.verbs(name), ["passes", "pass-key", "pass-key"]);
    for day in [today, today.plus(1)] {
        let secret = stage.shared().passes.secret_of(day).unwrap();
        let key = secret.key(stage.shared().fingerprint()).unwrap();
        assert_eq!(Some(&key), stated.key_of(day));
    }
    assert!(stage.shared().passes.secret_of(today.plus(2)).is_none());
}

#[tokio::test(start_paused = true)]
async fn v261_a_broker_without_passes_opens_no_room() {
    let stage = Stage::with_passes(0).await;
    tokio::time::sleep(secs(30)).await;
    assert_eq!((rooms(&stage), stage.shared().passes.room()), (Vec::new(), None));
    assert!(!has_file(&stage, Day::of(stage.tsa.now())));
}

#[tokio::test(start_paused = true)]
async fn v261_each_day_the_key_of_the_next_is_stated_and_the_last_secret_destroyed() {
    let (stage, today) = stage().await;
    stage.stop_ticks().await;
    stage.tell(today.ends().minus(Duration::from_micros(1))).await;
    tokio::time::sleep(secs(1)).await;
    assert_eq!(days(&stage), [today, today.plus(1)]);
    assert!(has_file(&stage, today), "it is needed until the last moment");
    stage.tell(today.ends()).await;
    stage.until(|stage| days(stage).len() == 3).await;
    assert_eq!(days(&stage), [today, today.plus(1), today.plus(2)]);
    assert!(!has_file(&stage, today) && stage.shared().passes.secret_of(today).is_none());
    assert!(has_file(&stage, today.plus(1)) && has_file(&stage, today.plus(2)));
    stage.until(|stage| stage.shared().passes.secret_of(today.plus(2)).is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn v261_passes_that_are_switched_off_end_with_their_days() {
    let (stage, today) = stage().await;
    let pass = stage.take(&stage.person(1), &[1]).await.remove(0);
    let stage = stage.restart_giving(0).await;
    let mut guest = Peer::guest(&stage, 7).await.unwrap();
    assert_eq!(guest.show(&pass).await, "pass.day", "none is taken any more");
    stage.stop_ticks().await;
    let count = |stage: &Stage| {
        let file = rusqlite::Connection::open(stage.file(PASSES_FILE)).unwrap();
        file.query_row("SELECT count(*) FROM taken", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    stage.tell(today.ends().minus(Duration::from_micros(1))).await;
    tokio::time::sleep(secs(1)).await;
    assert!(has_file(&stage, today) && count(&stage) == 1);
    for (over, left) in [(today, today.plus(1)), (today.plus(1), today.plus(2))] {
        stage.tell(over.ends()).await;
        stage.until(|stage| !has_file(stage, over) && count(stage) == 0).await;
        assert_eq!(has_file(&stage, left), left == today.plus(1));
    }
}

#[tokio::test(start_paused = true)]
async fn v261_after_an_outage_the_keys_of_that_day_and_the_next_are_stated() {
    let (stage, today) = stage().await;
    stage.stop_ticks().await;
    let stage = {
        stage.tsa.set(today.plus(4).begins().plus(secs(HOUR)));
        stage.tsa.conduct(|conduct| conduct.ticks = true);
        stage.restart().await
    };
    stage.until(|stage| days(stage).len() == 4).await;
    assert_eq!(days(&stage)[2..], [today.plus(4), today.plus(5)]);
    stage.until(|stage| !has_file(stage, today.plus(1))).await;
    assert!(!has_file(&stage, today));
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_durable_before_its_key_is_stated_and_is_the_one_that_is_stated() {
    let (stage, today) = stage().await;
    stage.stop_ticks().await;
    // The key is made, and the entry comes to nothing: no stamp is given.
    stage.tsa.conduct(|conduct| conduct.answers = false);
    stage.tell(today.ends()).await;
    stage.until(|stage| has_file(stage, today.plus(2))).await;
    assert_eq!(days(&stage).len(), 2);
    assert!(stage.shared().passes.secret_of(today.plus(2)).is_none(), "nobody can read its key");
    let kept = std::fs::read(stage.file(&format!("passes-{}.key.pem", today.plus(2)))).unwrap();
    stage.tsa.conduct(|conduct| (conduct.answers, conduct.ticks) = (true, true));
    let stage = stage.restart().await;
    stage.until(|stage| days(stage).len() == 3).await;
    let now = std::fs::read(stage.file(&format!("passes-{}.key.pem", today.plus(2)))).unwrap();
    assert!(kept == now, "another was made in its place");
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_secret_was_lost_is_not_stated_again_and_signs_nothing() {
    let (stage, today) = stage().await;
    let lost = format!("passes-{}.key.pem", today.plus(1));
    let stage = stage.restart_without(&lost).await;
    tokio::time::sleep(secs(30)).await;
    assert_eq!(days(&stage), [today, today.plus(1)]);
    let passes = &stage.shared().passes;
    assert!(passes.secret_of(today).is_some() && passes.secret_of(today.plus(1)).is_none());
}

#[test]
fn the_next_key_is_todays_unless_it_is_there_and_then_tomorrows() {
    let day = Day(100);
    for (last, wanted) in [
        (None, Some(100)),
        (Some(90), Some(100)),
        (Some(99), Some(100)),
        (Some(100), Some(101)),
        (Some(101), None),
        (Some(105), None),
    ] {
        assert_eq!(next(last.map(Day), day), wanted.map(Day), "{last:?}");
    }
}
