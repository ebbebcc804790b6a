//! Passes as personas and guests meet them: taken by the one, shown and spent by the other.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pregao_protocol::room::body::{Blob, Body, Deposit, Keys};
use pregao_protocol::room::{BlobCode, Code, PassRoom};
use pregao_protocol::trust::pass::{Day, Pass, PassKey};
use pregao_protocol::value::blob_class::BlobClass;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::{ISSUER_SIZE, MAX_PASSES};
use pregao_protocol::wire::blob::{BlobFrame, Purpose, Say};
use pregao_protocol::wire::frame::{FromBroker, FromPeer, PassesOffered};
use rusqlite::Connection;

use super::TRIES;
use crate::blobs::{Account, Asker, Permission};
use crate::fixture::{OwnBox, Peer, Stage, deposit, requesting, secs};
use crate::passes::PASSES_FILE;
use crate::room::OWNER_BURST;
use crate::store::Log as _;

fn whole(n: u8) -> Vec<u8> {
    vec![n; ISSUER_SIZE]
}

fn blinded(key: &PassKey, serials: &[u8]) -> Vec<Vec<u8>> {
    serials.iter().map(|serial| requesting(key, *serial).blinded().to_vec()).collect()
}

/// A guest before a broker that gives five passes a day, and passes that Ana took.
async fn guest(serials: &[u8]) -> (Stage, Peer, Vec<Pass>) {
    let stage = Stage::with_passes(5).await;
    let passes = stage.take(&stage.person(1), serials).await;
    let guest = Peer::guest(&stage, 7).await.unwrap();
    (stage, guest, passes)
}

/// Hands in the opening of another box for each number.
async fn open(stage: &Stage, guest: &mut Peer, seed: u8) -> String {
    guest.hand_in(stage, &OwnBox::new(stage, seed).opening, true).await;
    guest.answer(stage).await
}

#[tokio::test(start_paused = true)]
async fn v262_passes_are_signed_blindly_under_the_key_that_everybody_reads() {
    let stage = Stage::with_passes(5).await;
    let passes = stage.take(&stage.person(1), &[1, 2, 3, 4, 5]).await;
    let room = stage.room(stage.shared().passes.room().unwrap());
    let today = Day::of(stage.tsa.now());
    let key = PassRoom::of(&room).unwrap().key_of(today).unwrap();
    for pass in &passes {
        assert_eq!(pass.verify(key, stage.shared().fingerprint()), Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn v262_passes_are_given_of_today_to_personas_and_each_in_its_form() {
    let stage = Stage::with_passes(5).await;
    let (today, key) = stage.pass_key().await;
    let mut peer = Peer::connect(&stage, &stage.person(1)).await;
    let good = || blinded(&key, &[1]);
    for day in [Day(today.0 - 1), today.plus(1), today.plus(2), Day(0), Day(u32::MAX)] {
        assert_eq!(peer.take(day, good()).await, Err("pass.day".to_owned()), "{day}");
    }
    let most = usize::try_from(MAX_PASSES).unwrap();
    let wrong = [
        Vec::new(),
        vec![vec![1; ISSUER_SIZE - 1]],
        vec![vec![1; ISSUER_SIZE + 1]],
        [good(), vec![Vec::new()]].concat(),
        vec![whole(1); most + 1],
    ];
    for wrong in wrong {
        assert_eq!(peer.take(today, wrong).await, Err("frame.malformed".to_owned()));
    }
    // Nothing of this was counted.
    assert_eq!(peer.take(today, blinded(&key, &[1, 2, 3, 4, 5])).await.unwrap().len(), 5);
    let mut guest = Peer::guest(&stage, 7).await.unwrap();
    assert_eq!(guest.take(today, good()).await, Err("door.session".to_owned()));
    // What is no number below the modulus is found out when it is signed.
    let mut other = Peer::connect(&stage, &stage.person(2)).await;
    let above = other.take(today, vec![whole(0xff)]).await;
    assert_eq!(above, Err("frame.malformed".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn v263_a_persona_gets_its_number_over_sessions_and_restarts_and_tomorrow_again() {
    let stage = Stage::with_passes(3).await;
    let (today, key) = stage.pass_key().await;
    let quota = Err("pass.quota".to_owned());
    let mut peer = Peer::connect(&stage, &stage.person(1)).await;
    assert_eq!(peer.take(today, blinded(&key, &[1, 2, 3, 4])).await, quota);
    let first = peer.take(today, blinded(&key, &[1, 2])).await.unwrap();
    assert_eq!(peer.take(today, blinded(&key, &[3, 4])).await, quota);
    // The connection broke, and the broker too: what was asked is asked again.
    drop(peer);
    let stage = stage.restart().await;
    stage.pass_key().await;
    let mut peer = Peer::connect(&stage, &stage.person(1)).await;
    assert_eq!(peer.take(today, blinded(&key, &[1, 2])).await, Ok(first));
    assert_eq!(peer.take(today, blinded(&key, &[3, 4])).await, quota);
    assert!(peer.take(today, blinded(&key, &[3])).await.is_ok());
    assert_eq!(peer.take(today, blinded(&key, &[4])).await, quota);
    let mut other = Peer::connect(&stage, &stage.person(2)).await;
    assert!(other.take(today, blinded(&key, &[4, 5, 6])).await.is_ok());
    // A day later.
    stage.stop_ticks().await;
    stage.tell(today.ends()).await;
    let (tomorrow, next) = stage.pass_key().await;
    assert_eq!(tomorrow, today.plus(1));
    assert_eq!(peer.take(today, blinded(&key, &[1, 2])).await, Err("pass.day".to_owned()));
    assert!(peer.take(tomorrow, blinded(&next, &[1, 2, 3])).await.is_ok());
    assert_eq!(peer.take(tomorrow, blinded(&next, &[4])).await, quota);
}

#[tokio::test(start_paused = true)]
async fn v262_a_broker_that_makes_no_passes_gives_and_takes_none() {
    let (stage, _, passes) = guest(&[1]).await;
    let key = stage.pass_key().await.1;
    let without = Stage::open().await;
    let mut peer = Peer::connect(&without, &without.person(1)).await;
    let day = passes[0].day();
    assert_eq!(peer.take(day, blinded(&key, &[1])).await, Err("pass.day".to_owned()));
    let mut guest = Peer::guest(&without, 7).await.unwrap();
    assert_eq!(guest.show(&passes[0]).await, "pass.day");
    assert!(!without.file(PASSES_FILE).exists());
}

/// A pass of a day that the broker did not sign for anybody.
fn forged(stage: &Stage, day: Day) -> Pass {
    let passes = &stage.shared().passes;
    let (secret, key) = (passes.secret_of(day).unwrap(), passes.key_of(day).unwrap());
    let request = requesting(&key, 99);
    request.finish(&key, &secret.sign(request.blinded(), [1; 32]).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn v285_what_is_no_pass_of_today_and_of_this_broker_is_not_held() {
    let (stage, mut guest, passes) = guest(&[1, 2]).await;
    let (today, tomorrow) = (passes[0].day(), passes[0].day().plus(1));
    stage.until(|stage| stage.shared().passes.secret_of(tomorrow).is_some()).await;
    assert_eq!(guest.show(&forged(&stage, tomorrow)).await, "pass.day");
    let (_other, _, theirs) = self::guest(&[1]).await;
    assert_eq!(guest.show(&theirs[0]).await, "pass.broker");
    let text = passes[0].encode();
    let read = |text: &str| serde_json::from_str::<Pass>(text).unwrap();
    let signature = text.split("signature\":\"").nth(1).unwrap().trim_end_matches("\"}");
    assert_eq!(guest.show(&read(&text.replace(signature, "AAAA"))).await, "pass.broker");
    let redated = text.replace(&today.to_string(), &tomorrow.to_string());
    assert_eq!(guest.show(&read(&redated)).await, "pass.day");
    // So many and no more in one session, so that nobody has signatures verified for nothing.
    assert_eq!(TRIES, 4);
    assert_eq!(guest.show(&passes[0]).await, "door.rate");
    assert_eq!(open(&stage, &mut guest, 1).await, "pass.none");
    // Nothing of this spent it.
    let mut guest = Peer::guest(&stage, 8).await.unwrap();
    assert_eq!(guest.show(&passes[0]).await, "held");
    assert_eq!(guest.show(&passes[0]).await, "held");
    assert_eq!(guest.show(&passes[1]).await, "door.session", "one pass for one session");
    let mut peer = Peer::connect(&stage, &stage.person(1)).await;
    assert_eq!(peer.show(&passes[1]).await, "door.session");
    // Yesterday's.
    stage.stop_ticks().await;
    stage.tell(today.ends()).await;
    stage.pass_key().await;
    let mut guest = Peer::guest(&stage, 9).await.unwrap();
    assert_eq!(guest.show(&passes[1]).await, "pass.day");
}

#[tokio::test(start_paused = true)]
async fn v286_two_connections_at_once_do_not_hold_one_pass() {
    let (stage, mut guest, passes) = guest(&[1]).await;
    let mut other = Peer::guest(&stage, 8).await.unwrap();
    let shown = FromPeer::ShowPass { n: 1_000, pass: passes[0].clone() };
    guest.send(&shown).await;
    other.send(&shown).await;
    let mut answers = Vec::new();
    for peer in [&mut guest, &mut other] {
        let is = |frame: &FromBroker| {
            matches!(frame, FromBroker::PassHeld { .. } | FromBroker::Failed { .. })
        };
        answers.push(match peer.until(is).await {
            FromBroker::Failed { code, .. } => code,
            _ => "held".to_owned(),
        });
    }
    answers.sort();
    assert_eq!(answers, ["held", "pass.spent"]);
}

#[tokio::test(start_paused = true)]
async fn v286_a_session_that_ends_first_spends_its_pass_also_by_a_crash() {
    let (stage, mut guest, passes) = guest(&[1, 2]).await;
    assert_eq!(guest.show(&passes[0]).await, "held");
    drop(guest);
    stage.until(|stage| stage.metrics().sessions.value() == 0).await;
    let mut guest = Peer::guest(&stage, 8).await.unwrap();
    assert_eq!(guest.show(&passes[0]).await, "pass.spent");
    assert_eq!(guest.show(&passes[1]).await, "held");
    let stage = stage.restart().await;
    stage.pass_key().await;
    let mut guest = Peer::guest(&stage, 9).await.unwrap();
    for pass in &passes {
        assert_eq!(guest.show(pass).await, "pass.spent");
    }
    assert_eq!(open(&stage, &mut guest, 1).await, "pass.none");
}

#[tokio::test(start_paused = true)]
async fn v287_a_pass_buys_the_decision_about_one_action() {
    let (stage, mut guest, passes) = guest(&[1, 2, 3]).await;
    assert_eq!(open(&stage, &mut guest, 1).await, "pass.none");
    assert_eq!(guest.show(&passes[0]).await, "held");
    // The same that was turned away.
    assert_eq!(open(&stage, &mut guest, 1).await, "receipt");
    assert_eq!(open(&stage, &mut guest, 2).await, "pass.spent");
    // What was decided gets its answer again, whoever asks.
    assert_eq!(open(&stage, &mut guest, 1).await, "receipt");
    let mut other = Peer::guest(&stage, 8).await.unwrap();
    assert_eq!(open(&stage, &mut other, 1).await, "receipt");
    assert_eq!(open(&stage, &mut other, 2).await, "pass.none");
    // A second box for the same pass there is not, in whatever session.
    assert_eq!(other.show(&passes[0]).await, "held");
    assert_eq!(open(&stage, &mut other, 2).await, "pass.spent");
    // A letter costs one too, and a refusal is a decision.
    let own = OwnBox::new(&stage, 1);
    let mut writer = Peer::guest(&stage, 9).await.unwrap();
    let letter = letter(&stage, &own, 5);
    writer.hand_in(&stage, &letter, true).await;
    assert_eq!(writer.answer(&stage).await, "pass.none");
    assert_eq!(writer.show(&passes[1]).await, "held");
    for _ in 0..2 {
        writer.hand_in(&stage, &letter, true).await;
        assert_eq!(writer.answer(&stage).await, Code::DepositKeys.as_str());
    }
    writer.hand_in(&stage, &self::letter(&stage, &own, 6), true).await;
    assert_eq!(writer.answer(&stage).await, "pass.spent");
}

/// A letter to a key that the box never published.
fn letter(stage: &Stage, own: &OwnBox, n: u8) -> pregao_protocol::room::action::Action {
    let envelope = Blob { digest: Digest([n; 32]), size: BlobClass::holding(4_028).unwrap() };
    let letter = Deposit {
        envelope,
        attachments: Vec::new(),
        signed: Digest([9; 32]),
        once: None,
        expires: None,
        registered: None,
    };
    let mut seen = stage.seen(own.room());
    seen.size = seen.size.min(1);
    deposit(own.room(), n, Body::Deposit(letter), seen)
}

#[tokio::test(start_paused = true)]
async fn v287_a_connection_that_breaks_between_commit_and_receipt_loses_nothing() {
    let (stage, mut guest, passes) = guest(&[1]).await;
    let own = OwnBox::new(&stage, 1);
    assert_eq!(guest.show(&passes[0]).await, "held");
    guest.hand_in(&stage, &own.opening, true).await;
    drop(guest);
    stage
        .until(|stage| {
            stage.store.sound().rooms().unwrap().iter().any(|room| room.name == own.room())
        })
        .await;
    let mut guest = Peer::guest(&stage, 8).await.unwrap();
    assert_eq!(guest.show(&passes[0]).await, "held");
    assert_eq!(open(&stage, &mut guest, 2).await, "pass.spent");
    assert_eq!(open(&stage, &mut guest, 1).await, "receipt");
    assert_eq!(stage.size(own.room()), 1);
}

#[tokio::test(start_paused = true)]
async fn v287_a_broker_killed_between_spending_and_the_log_takes_the_same_for_the_same_pass() {
    let (stage, mut guest, passes) = guest(&[1]).await;
    assert_eq!(guest.show(&passes[0]).await, "held");
    stage.store.fail_commits(1);
    assert_eq!(open(&stage, &mut guest, 1).await, "store.failed");
    let stage = stage.restart().await;
    stage.pass_key().await;
    let mut guest = Peer::guest(&stage, 8).await.unwrap();
    assert_eq!(open(&stage, &mut guest, 1).await, "pass.none", "it was never decided");
    assert_eq!(guest.show(&passes[0]).await, "held");
    assert_eq!(open(&stage, &mut guest, 2).await, "pass.spent");
    assert_eq!(open(&stage, &mut guest, 1).await, "receipt");
}

#[tokio::test(start_paused = true)]
async fn v287_a_pass_held_over_midnight_buys_nothing_and_what_it_bought_stays() {
    let (stage, mut guest, passes) = guest(&[1, 2]).await;
    let mut late = Peer::guest(&stage, 8).await.unwrap();
    assert_eq!(guest.show(&passes[0]).await, "held");
    assert_eq!(late.show(&passes[1]).await, "held");
    stage.stop_ticks().await;
    stage.tell(passes[0].day().ends().minus(secs(10))).await;
    // A tick tells of it.
    tokio::time::sleep(secs(2)).await;
    assert_eq!(open(&stage, &mut guest, 1).await, "receipt");
    stage.tell(passes[0].day().ends().minus(Duration::from_micros(1))).await;
    assert_eq!(open(&stage, &mut guest, 1).await, "receipt");
    stage.tell(passes[0].day().ends()).await;
    assert_eq!(open(&stage, &mut late, 2).await, "pass.day");
    assert_eq!(open(&stage, &mut guest, 1).await, "receipt");
    let remembered = |stage: &Stage| {
        let file = Connection::open(stage.file(PASSES_FILE)).unwrap();
        let rows = "SELECT (SELECT count(*) FROM taken) + (SELECT count(*) FROM shown)";
        file.query_row(rows, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    stage.until(|stage| remembered(stage) == 0).await;
}

#[tokio::test(start_paused = true)]
async fn v288_an_owner_acts_without_a_pass_and_so_often() {
    let (stage, mut guest, passes) = guest(&[1]).await;
    assert_eq!(guest.show(&passes[0]).await, "held");
    assert_eq!(open(&stage, &mut guest, 1).await, "receipt");
    let (own, stranger) = (OwnBox::new(&stage, 1), OwnBox::new(&stage, 2));
    let room = own.room();
    let mut owner = Peer::guest(&stage, 8).await.unwrap();
    let blob = Blob { digest: Digest([1; 32]), size: BlobClass::holding(1_216).unwrap() };
    // Neither a pass is asked for, nor counts what somebody else does there.
    let keys = Body::Keys(Keys { signed: Digest([1; 32]), stock: None, blob });
    owner.hand_in(&stage, &own.act(2, keys, stage.seen(room)), true).await;
    let answer = owner.answer(&stage).await;
    assert!(!answer.starts_with("pass.") && answer != "door.rate", "{answer}");
    // Reading counts with it: the last place is taken, and one comes back after a second.
    let join = |own: &OwnBox, peer: &Peer| FromPeer::Join {
        room,
        from: 0,
        member: Some(own.proof(&peer.id)),
    };
    for _ in 0..OWNER_BURST {
        owner.send(&join(&stranger, &owner)).await;
        assert_eq!(owner.refused().await.0, "room.unknown");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.stop_ticks().await;
    let mut joined = 0;
    loop {
        owner.send(&join(&own, &owner)).await;
        let is = |frame: &FromBroker| {
            matches!(frame, FromBroker::Joined { .. } | FromBroker::Error { .. })
        };
        match owner.until(is).await {
            FromBroker::Joined { .. } => joined += 1,
            FromBroker::Error { code, room: Some(of), .. } => {
                assert_eq!((code.as_str(), of), ("door.rate", room));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(joined, OWNER_BURST, "the bucket was full again before");
    tokio::time::sleep(secs(1)).await;
    owner.send(&join(&own, &owner)).await;
    owner.until(|frame| matches!(frame, FromBroker::Joined { .. })).await;
}

#[tokio::test(start_paused = true)]
async fn v289_a_session_is_told_of_the_pass_room_and_a_guest_reads_that_and_no_other() {
    let (stage, mut guest, _) = guest(&[1]).await;
    let room = stage.shared().passes.room().unwrap();
    let FromBroker::Welcome { passes, .. } = &guest.welcome else { panic!("no welcome") };
    assert_eq!(*passes, Some(PassesOffered { room: Some(room), count: 5 }));
    let auction = stage.list(&stage.person(1), 600).await.room();
    guest.send(&FromPeer::Join { room: auction, from: 0, member: None }).await;
    assert_eq!(guest.refused().await.0, "room.unknown");
    guest.send(&FromPeer::Join { room, from: 0, member: None }).await;
    assert_eq!(guest.entries().await[0], 0);
    let without = Stage::open().await;
    let guest = Peer::guest(&without, 7).await.unwrap();
    assert!(matches!(guest.welcome, FromBroker::Welcome { passes: None, .. }));
}

#[tokio::test(start_paused = true)]
async fn v357_a_session_that_began_before_the_room_was_there_hears_of_it_once() {
    let stage = Stage::about_to_make_passes(5).await;
    let mut persona = Peer::connect(&stage, &stage.person(1)).await;
    let mut guest = Peer::guest(&stage, 7).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    stage.store.break_down(false);
    for peer in [&persona, &guest] {
        let FromBroker::Welcome { passes, .. } = &peer.welcome else { panic!("no welcome") };
        assert_eq!(*passes, Some(PassesOffered { room: None, count: 5 }), "there are some");
    }
    for peer in [&mut persona, &mut guest] {
        let named = peer.until(|frame| matches!(frame, FromBroker::PassRoom { .. })).await;
        let FromBroker::PassRoom { room } = named else { panic!("another frame") };
        assert_eq!(Some(room), stage.shared().passes.room());
        peer.send(&FromPeer::Join { room, from: 0, member: None }).await;
        assert_eq!(peer.entries().await[0], 0);
    }
    // It is said once, and in the welcome of whoever comes later.
    let again = persona.until(|frame| matches!(frame, FromBroker::PassRoom { .. }));
    assert!(tokio::time::timeout(std::time::Duration::from_secs(9), again).await.is_err());
    let late = Peer::guest(&stage, 8).await.unwrap();
    let FromBroker::Welcome { passes: Some(offered), .. } = &late.welcome else { panic!("none") };
    assert_eq!(offered.room, stage.shared().passes.room());
}

/// Writes down who asks, and lets nobody.
#[derive(Debug, Default)]
struct Porter(Mutex<Vec<Option<Digest>>>);

impl Permission for Porter {
    fn put(&self, by: &Asker, _: Purpose, _: Digest, _: BlobClass) -> Result<Account, BlobCode> {
        self.0.lock().push(by.pass);
        Err(BlobCode::Forbidden)
    }

    fn get(&self, by: &Asker, _: Purpose, _: Digest) -> Result<(), BlobCode> {
        self.0.lock().push(by.pass);
        Err(BlobCode::Forbidden)
    }
}

#[tokio::test(start_paused = true)]
async fn v285_blobs_are_asked_for_with_the_pass_that_the_session_holds() {
    let porter = Arc::new(Porter::default());
    let stage = Stage::with_passes_permitting(5, porter.clone()).await;
    let pass = stage.take(&stage.person(1), &[1]).await.remove(0);
    let mut guest = Peer::guest(&stage, 7).await.unwrap();
    let get = |n| {
        let (purpose, digest, say) = (Purpose::Envelope, Digest([1; 32]), Say::Get(0));
        BlobFrame { n, purpose, digest, say }.encode().unwrap()
    };
    let failed = |frame: &FromBroker| matches!(frame, FromBroker::BlobFailed { .. });
    // The way to the blobs is open before the pass is shown.
    guest.send_bytes(&get(1)).await;
    guest.until(failed).await;
    assert_eq!(guest.show(&pass).await, "held");
    guest.send_bytes(&get(2)).await;
    guest.until(failed).await;
    assert_eq!(*porter.0.lock(), [None, Some(pass.id())]);
    // Or is opened after it.
    let spare = stage.take(&stage.person(1), &[2]).await.remove(0);
    let mut other = Peer::guest(&stage, 8).await.unwrap();
    assert_eq!(other.show(&spare).await, "held");
    other.send_bytes(&get(1)).await;
    other.until(failed).await;
    assert_eq!(porter.0.lock().last(), Some(&Some(spare.id())));
}

#[tokio::test(start_paused = true)]
async fn guests_without_a_pass_get_nothing_logged_and_nothing_remembered() {
    let (stage, _, _) = guest(&[1]).await;
    let rooms = stage.store.sound().rooms().unwrap().len();
    for n in 0..12 {
        let mut guest = Peer::guest(&stage, 100 + n).await.unwrap();
        assert_eq!(open(&stage, &mut guest, n + 1).await, "pass.none");
    }
    assert_eq!(stage.store.sound().rooms().unwrap().len(), rooms);
    let file = Connection::open(stage.file(PASSES_FILE)).unwrap();
    let shown: i64 = file.query_row("SELECT count(*) FROM shown", [], |row| row.get(0)).unwrap();
    assert_eq!(shown, 0);
}

/// Every value of a table, as bytes, but the day.
fn values(file: &Connection, table: &str) -> Vec<Vec<u8>> {
    let mut statement = file.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut values = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        for column in 0..columns {
            if let rusqlite::types::ValueRef::Blob(bytes) = row.get_ref(column).unwrap() {
                values.push(bytes.to_vec());
            }
        }
    }
    values
}

#[tokio::test(start_paused = true)]
async fn v286_what_is_kept_of_taking_and_of_spending_has_nothing_in_common() {
    let stage = Stage::with_passes(5).await;
    let serials = [1, 2, 3, 4, 5];
    let mut passes = Vec::new();
    for n in 0..3 {
        let own = serials.map(|serial| 10 * n + serial);
        passes.extend(stage.take(&stage.person(n + 1), &own).await);
    }
    for (n, pass) in (0..).zip(&passes) {
        let mut guest = Peer::guest(&stage, 100 + n).await.unwrap();
        assert_eq!(guest.show(pass).await, "held");
        if n % 3 > 0 {
            assert_eq!(open(&stage, &mut guest, n).await, "receipt");
        }
    }
    let file = Connection::open(stage.file(PASSES_FILE)).unwrap();
    let (taken, shown) = (values(&file, "taken"), values(&file, "shown"));
    assert_eq!((taken.len(), shown.len()), (3 * 2, 15 + 10));
    assert!(taken.iter().all(|value| value.len() == 32 && !shown.contains(value)));
    // Nor does what the broker had before it as it signed come again, or follow by hashing.
    let key = stage.pass_key().await.1;
    let mut asked = Vec::new();
    for n in 0..3 {
        let own = blinded(&key, &serials.map(|serial| 10 * n + serial));
        let again = Peer::connect(&stage, &stage.person(n + 1)).await;
        let mut again = again;
        let signed = again.take(key.day(), own.clone()).await.unwrap();
        asked.extend(own.into_iter().chain(signed));
    }
    let told: Vec<String> = passes.iter().map(Pass::encode).collect();
    for seen in &asked {
        let digest = Digest::of(seen);
        assert!(!shown.iter().any(|value| seen.windows(32).any(|part| part == *value)));
        assert!(!shown.contains(&digest.0.to_vec()));
        // In whole pieces of base64url.
        let text = pregao_protocol::value::codec::to_base64url(seen);
        assert!(!told.iter().any(|pass| pass.contains(&text[..40])));
    }
}

#[tokio::test]
#[ignore = "a measurement: run it alone and in release"]
async fn measure_taking_a_hundred_passes() {
    let stage = Stage::with_passes(MAX_PASSES).await;
    let (today, key) = stage.pass_key().await;
    let serials: Vec<u8> = (0..100).collect();
    let mut peer = Peer::connect(&stage, &stage.person(1)).await;
    let asked = blinded(&key, &serials);
    let begun = std::time::Instant::now();
    let signed = peer.take(today, asked).await.unwrap();
    println!("{} passes signed in {:?}", signed.len(), begun.elapsed());
}
