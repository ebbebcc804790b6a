use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::BATCH;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::puzzle::{Effort, Puzzle, Solution};

use crate::command::Command;
use crate::desk::Desk;
use crate::desk::fixture::{House, Log, Session, User, stamped};
use crate::event::Event;
use crate::front::channel::{UserRequest, pair};

const LIST: [&str; 7] = ["list", "Lamp", "5", "for", "1h", "currency", "EUR"];

/// A desk that has just handed in a listing.
async fn listing() -> (House, User, Session) {
    let mut house = House::open();
    let (user, mut session) = house.desk().await;
    session.list(&[]).await;
    user.send_command(&LIST).await;
    (house, user, session)
}

fn refused(user: &User) -> Option<String> {
    user.seen.iter().find_map(|event| match event {
        Event::Refused { report, .. } => Some(report.code.to_string()),
        _ => None,
    })
}

#[tokio::test(start_paused = true)]
async fn a_receipt_ends_an_act_and_is_kept() {
    let (house, mut user, mut session) = listing().await;
    session.stamps(&house.tsa).await;
    let act = session.handed_in().await;
    let log = Log::open(&act.action, act.stamp.clone());
    session.receipts(act.n, 0, &log, &house.secrets).await;
    assert!(user.done().await);
    let receipt = |event: &Event| matches!(event, Event::Receipt(view) if view.holds);
    assert!(user.seen.iter().any(receipt) && user.alarms() == 0, "{:?}", user.seen);
    assert!(session.is_handed_nothing().await, "it is handed in again");
    user.leave().await;
    let vault = house.unlock();
    let kept = vault.action(&act.action().digest()).unwrap();
    assert!(kept.receipt.is_some() && kept.refusal.is_none());
}

#[tokio::test(start_paused = true)]
async fn after_a_reconnect_an_act_goes_out_again_byte_for_byte_until_a_receipt_ends_it() {
    let (mut house, mut user, mut session) = listing().await;
    session.stamps(&house.tsa).await;
    let first = session.handed_in().await;
    for _ in 0..2 {
        drop(session);
        session = house.accept().await;
        session.list(&[]).await;
        assert_eq!(session.handed_in().await, first);
    }
    let log = Log::open(&first.action, first.stamp.clone());
    session.receipts(first.n, 0, &log, &house.secrets).await;
    assert!(user.done().await);
    drop(session);
    let mut session = house.accept().await;
    assert!(session.is_handed_nothing().await, "what has its receipt is done");
    assert_eq!(user.alarms(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_act_without_a_stamp_is_stamped_anew_with_the_same_digest() {
    let (mut house, _user, mut session) = listing().await;
    let (_, digest) = session.stamp_asked().await;
    drop(session);
    let mut session = house.accept().await;
    assert_eq!(session.stamp_asked().await.1, digest);
}

#[tokio::test(start_paused = true)]
async fn a_stamp_for_another_digest_is_an_alarm_and_nothing_is_handed_in() {
    let (house, mut user, mut session) = listing().await;
    let (n, _) = session.stamp_asked().await;
    session.send(stamped(n, house.tsa.stamp(&Digest([9; 32])))).await;
    assert!(!user.done().await);
    assert!(user.alarms() == 1 && house.evidence().iter().any(|name| name.starts_with("stamp-")));
    assert!(session.is_handed_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_does_not_verify_is_an_alarm_and_ends_nothing_well() {
    // A head by another key, and one over another log.
    for other_key in [true, false] {
        let (house, mut user, mut session) = listing().await;
        session.stamps(&house.tsa).await;
        let act = session.handed_in().await;
        let log = Log::open(&act.action, act.stamp.clone());
        let head = if other_key {
            log.head(&house.foreign())
        } else {
            log.head_over(1, Digest([9; 32]), &house.secrets)
        };
        session.send(FromBroker::Receipt { n: act.n, seq: 0, path: Vec::new(), head }).await;
        assert!(!user.done().await);
        assert_eq!(user.alarms(), 1, "{:?}", user.seen);
        assert!(!user.seen.iter().any(|event| matches!(event, Event::Receipt(_))));
        user.leave().await;
        assert!(house.unlock().action(&act.action().digest()).unwrap().receipt.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_the_brokers_signature_is_an_alarm() {
    let (house, mut user, mut session) = listing().await;
    session.stamps(&house.tsa).await;
    let n = session.handed_in().await.n;
    session.send(FromBroker::Refused { n, refusal: "no".to_owned() }).await;
    assert!(!user.done().await);
    assert!(user.alarms() == 1 && house.evidence().iter().any(|name| name.starts_with("refusal-")));
}

#[tokio::test(start_paused = true)]
async fn a_rule_named_without_a_signature_is_an_alarm_and_no_refusal() {
    let (house, mut user, mut session) = listing().await;
    session.stamps(&house.tsa).await;
    let n = session.handed_in().await.n;
    session.send(FromBroker::Failed { n, code: "listing.terms".to_owned() }).await;
    assert!(!user.done().await);
    assert_eq!((user.alarms(), refused(&user)), (1, None));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_another_act_changes_nothing() {
    let (house, mut user, mut session) = listing().await;
    session.stamps(&house.tsa).await;
    let act = session.handed_in().await;
    let log = Log::open(&act.action, act.stamp.clone());
    session.receipts(act.n + 1, 0, &log, &house.secrets).await;
    session.send(FromBroker::Failed { n: act.n + 1, code: "store.failed".to_owned() }).await;
    session.receipts(act.n, 0, &log, &house.secrets).await;
    assert!(user.done().await && user.alarms() == 0 && refused(&user).is_none());
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_an_act_is_given_up_and_may_be_logged_all_the_same() {
    let (house, mut user, mut session) = listing().await;
    session.stamps(&house.tsa).await;
    session.handed_in().await;
    // A broker that is there and does not answer.
    let ticking = async {
        loop {
            let batch = house.tsa.tick();
            session.send(FromBroker::Tick { batch }).await;
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    };
    let done = tokio::select! {
        done = user.done() => done,
        () = ticking => unreachable!(),
    };
    assert!(!done && refused(&user).as_deref() == Some("link.slow"), "{:?}", user.seen);
}

#[tokio::test(start_paused = true)]
async fn the_same_chance_gives_the_same_bytes() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (house, _user, mut session) = listing().await;
        session.stamps(&house.tsa).await;
        runs.push(session.handed_in().await);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(start_paused = true)]
async fn a_desk_that_is_dropped_leaves_its_vault_free_with_what_it_signed() {
    let mut house = House::open();
    house.enrol();
    let (front, back) = pair();
    let desk = Desk::open(house.unlock(), house.options(), back.events, back.questions).unwrap();
    let running = desk.run(back.commands);
    let crash = async {
        let mut session = house.accept().await;
        session.list(&[]).await;
        let (id, command) = (Some("1".to_owned()), Command::parse(&LIST).unwrap());
        let request = UserRequest { id, command, yes: true, written: None };
        front.commands.send(request).await.unwrap();
        session.stamps(&house.tsa).await;
        session.handed_in().await
    };
    let act = tokio::select! {
        act = crash => act,
        () = running => unreachable!("it ends with its front"),
    };
    drop(front);
    assert!(house.unlock().action(&act.action().digest()).unwrap().receipt.is_none());
    // The next run finds it in the log.
    let mut user = house.start();
    let mut session = house.accept().await;
    let log = Log::open(&act.action, act.stamp.clone());
    session.list(&[&log]).await;
    session.shows(&log, &house.secrets).await;
    let holds = |event: &Event| match event {
        Event::Receipt(view) => Some(view.holds),
        _ => None,
    };
    assert!(user.until(holds).await && user.alarms() == 0);
}

/// What is handed in next, with the solution beside it.
async fn solution(session: &mut Session) -> (u64, String, Option<Solution>) {
    let submitted = |frame| match frame {
        FromPeer::Submit { n, action, solution, .. } => Some((n, action, solution)),
        _ => None,
    };
    session.until(submitted).await
}

#[tokio::test(start_paused = true)]
async fn v194_where_a_puzzle_is_asked_for_an_act_carries_its_solution() {
    let (house, user, mut session) = asked(8).await;
    assert!(session.is_handed_nothing().await, "no header to solve it for");
    let tick = house.tsa.tick();
    session.send(FromBroker::Tick { batch: tick.clone() }).await;
    session.stamps(&house.tsa).await;
    let (n, action, first) = solution(&mut session).await;
    let first = first.unwrap();
    assert_eq!(first.header, Digest::labelled(BATCH, tick.as_bytes()));
    let broker = house.secrets.session.public().fingerprint();
    let puzzle = Puzzle::of_submission(broker, session.id, &action, first.header);
    assert!(puzzle.is_solved_by(first.counter, Effort::new(8).unwrap()));
    // More is asked for meanwhile: the same bytes with another solution.
    session.send(FromBroker::Effort { effort: 9 }).await;
    session.send(FromBroker::Failed { n, code: "puzzle.wanted".to_owned() }).await;
    let (_, again, second) = solution(&mut session).await;
    let second = second.unwrap();
    assert!(again == action && second.counter > first.counter);
    assert!(puzzle.is_solved_by(second.counter, Effort::new(9).unwrap()));
    assert!(user.alarms() == 0 && refused(&user).is_none());
}

/// A desk that is asked for so much work, and has been told to list something.
async fn asked(bits: u64) -> (House, User, Session) {
    let mut house = House::open();
    let (user, mut session) = house.desk().await;
    session.send(FromBroker::Effort { effort: bits }).await;
    session.list(&[]).await;
    // Nobody's turn: the desk has read what was sent before it is told anything.
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    user.send_command(&LIST).await;
    (house, user, session)
}

#[tokio::test(start_paused = true)]
async fn v192_a_broker_that_asks_for_more_than_it_may_gets_nothing() {
    for bits in [21, 60, u64::MAX] {
        let (house, mut user, mut session) = asked(bits).await;
        session.ticks(&house).await;
        assert!(!user.done().await);
        assert_eq!(refused(&user).as_deref(), Some("puzzle.excessive"));
        assert!(session.is_handed_nothing().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_puzzle_can_be_given_up_and_nothing_is_sent() {
    let (house, mut user, mut session) = asked(10).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    user.send_command(&["stop"]).await;
    assert!(!user.done().await);
    assert_eq!(refused(&user).as_deref(), Some("puzzle.stopped"));
    session.ticks(&house).await;
    assert!(session.is_handed_nothing().await);
    assert!(user.done().await, "what gave it up was carried out");
    // There is nothing more to be given up.
    user.seen.clear();
    user.send_command(&["stop"]).await;
    assert!(!user.done().await);
}

#[tokio::test(start_paused = true)]
async fn v192_what_is_never_given_up_waits_until_less_is_asked_for() {
    let (mut house, mut user, mut session) = listing().await;
    session.stamps(&house.tsa).await;
    let first = session.handed_in().await;
    // It may be in the log: whatever happens it goes out again, but not to whoever asks for too much.
    drop(session);
    let mut session = house.accept().await;
    session.list(&[]).await;
    let again = session.handed_in().await;
    session.send(FromBroker::Effort { effort: 60 }).await;
    let code = "puzzle.wanted".to_owned();
    session.send(FromBroker::Failed { n: again.n, code }).await;
    session.ticks(&house).await;
    assert!(session.is_handed_nothing().await);
    session.send(FromBroker::Effort { effort: 0 }).await;
    session.ticks(&house).await;
    assert_eq!(session.handed_in().await, first);
    let log = Log::open(&first.action, first.stamp.clone());
    session.receipts(first.n, 0, &log, &house.secrets).await;
    assert!(user.done().await);
}
