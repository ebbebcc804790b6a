use super::*;
use pregao_protocol::room::action::{Draft, Seen};
use pregao_protocol::room::body::{Body, Say, SealedBody};
use pregao_protocol::trust::key::{Fingerprint, Persona, SecretKey};
use pregao_protocol::trust::persona::OneTimeKey;
use pregao_protocol::value::codec::Digest;
use proptest::prelude::*;

const F: Duration = Duration::from_secs(10);

fn act(room: u8, now: Duration) -> PendingAction {
    let say = Say { text: "hello".to_owned().try_into().unwrap() };
    act_of(Body::Say(say), room, now)
}

fn disclosure(room: u8, now: Duration) -> PendingAction {
    let sealed = vec![1; 64].try_into().unwrap();
    act_of(Body::Disclose(SealedBody { sealed }), room, now)
}

fn act_of(body: Body, room: u8, now: Duration) -> PendingAction {
    let persona = SecretKey::<Persona>::from_seed(&[1; 32]);
    let id = uuid::Builder::from_random_bytes([7; 16]).into_uuid();
    let blind = Blind::from_random([3; 32]);
    let key = OneTimeKey::derive(&persona, Fingerprint([2; 32]), id, &blind);
    let seen = Seen { size: 1, root: Digest([0; 32]) };
    let action = Draft { id, room: Some(RoomName([room; 32])), body, seen }.sign(&key).unwrap();
    PendingAction::new(ReplyTo::default(), action, blind, F, now)
}

/// As many actions as given, each in its room; numbered from 1.
fn line(rooms: &[u8], now: Duration) -> PendingActions {
    let mut line = PendingActions::default();
    rooms.iter().for_each(|room| line.add(act(*room, now)));
    line
}

fn time() -> Time {
    "2026-11-20T13:00:00.000000Z".parse().unwrap()
}

fn stamp() -> FullStamp {
    FullStamp { batch: String::new(), index: 0, path: Vec::new() }
}

/// Sends everything that may go now; what it was.
fn sent(line: &mut PendingActions, now: Duration) -> Vec<SendStep> {
    std::iter::from_fn(|| {
        let step = line.next_step(now, Some(time()))?;
        line.sent(step, now);
        Some(step)
    })
    .collect()
}

fn stamped(line: &mut PendingActions, n: u64, now: Duration) {
    assert!(line.stamping(n).is_some(), "{n}");
    line.stamped(n, stamp(), time(), now);
}

use SendStep::{Stamp as Ask, Submit};

#[test]
fn one_rooms_actions_are_handed_in_as_signed_when_stamps_come_in_reverse() {
    let now = Duration::from_secs(1_000);
    let mut line = line(&[1, 1, 1], now);
    assert_eq!(sent(&mut line, now), [Ask(1), Ask(2), Ask(3)]);
    for n in [3, 2] {
        stamped(&mut line, n, now);
        assert_eq!(sent(&mut line, now), []);
    }
    stamped(&mut line, 1, now);
    for n in 1..=3 {
        assert_eq!(sent(&mut line, now), [Submit(n)]);
        line.remove(n);
    }
}

#[test]
fn rooms_do_not_wait_for_each_other() {
    let now = Duration::from_secs(1_000);
    let mut line = line(&[1, 2, 1, 2], now);
    sent(&mut line, now);
    for n in [4, 2, 3] {
        stamped(&mut line, n, now);
    }
    assert_eq!(sent(&mut line, now), [Submit(2)]);
    line.remove(2);
    assert_eq!(sent(&mut line, now), [Submit(4)]);
}

#[test]
fn an_action_without_a_stamp_holds_up_its_room_until_it_is_given_up() {
    let now = Duration::from_secs(1_000);
    let mut line = line(&[1, 1], now);
    sent(&mut line, now);
    stamped(&mut line, 2, now);
    let later = now + ANSWER_WITHIN;
    assert_eq!(line.overdue(later - Duration::from_millis(1)), [0; 0]);
    assert_eq!(line.overdue(later), [1]);
    assert!(!line.get(1).unwrap().may_be_logged());
    line.remove(1);
    assert_eq!(sent(&mut line, later), [Submit(2)]);
}

#[test]
fn an_unanswered_action_holds_up_the_next_for_three_seconds() {
    let now = Duration::from_secs(1_000);
    let mut line = line(&[1, 1], now);
    sent(&mut line, now);
    stamped(&mut line, 1, now);
    stamped(&mut line, 2, now);
    assert_eq!(sent(&mut line, now), [Submit(1)]);
    assert_eq!(sent(&mut line, now + IN_TURN_WITHIN - Duration::from_millis(1)), []);
    assert_eq!(sent(&mut line, now + IN_TURN_WITHIN), [Submit(2)]);
    assert_eq!(line.overdue(now + ANSWER_WITHIN), [1]);
    assert!(line.get(1).unwrap().may_be_logged());
}

#[test]
fn after_a_reconnect_everything_goes_out_again_in_its_order() {
    let now = Duration::from_secs(1_000);
    let mut line = line(&[1, 2, 1, 1], now);
    sent(&mut line, now);
    for n in [4, 1, 3] {
        stamped(&mut line, n, now);
    }
    assert_eq!(sent(&mut line, now), [Submit(1)]);
    line.resume(now);
    assert_eq!(line.overdue(now + ANSWER_WITHIN), [0; 0], "nothing is waited for yet");
    assert_eq!(sent(&mut line, now), [Submit(1), Ask(2)]);
    line.remove(1);
    assert_eq!(sent(&mut line, now), [Submit(3)]);
}

#[test]
fn an_action_ends_in_one_time_however_often_the_connection_is_lost() {
    let begun = Duration::from_secs(1_000);
    let mut line = line(&[1, 2], begun);
    let (second, mut now) = (Duration::from_secs(1), begun);
    while now < begun + IN_ALL - second {
        sent(&mut line, now);
        if line.stamping(1).is_some() {
            stamped(&mut line, 1, now);
            assert_eq!(sent(&mut line, now), [Submit(1)]);
        }
        now += second;
        assert_eq!(line.overdue(now), [0; 0]);
        line.resume(now);
    }
    assert_eq!(line.overdue(begun + IN_ALL), [1, 2]);
    assert!(line.get(1).unwrap().may_be_logged() && !line.get(2).unwrap().may_be_logged());
}

#[test]
fn a_disclosure_that_has_its_stamp_goes_on_when_its_command_has_ended() {
    let mut now = Duration::from_secs(1_000);
    let mut line = PendingActions::default();
    line.add(disclosure(1, now));
    assert_eq!(sent(&mut line, now), [Ask(1)]);
    // Without a stamp nothing was handed in: it may fail, but is asked for again before.
    assert_eq!(line.turned_away(1, now), Some(TurnedAway::First));
    assert_eq!(line.goes_on(1, now), GoesOn::No);
    now += TURNED_AWAY_FOR;
    assert_eq!(sent(&mut line, now), [Ask(1)]);
    stamped(&mut line, 1, now);
    assert_eq!(sent(&mut line, now), [Submit(1)]);
    assert_eq!(line.turned_away(1, now), Some(TurnedAway::Again));
    assert_eq!(
        line.turned_away(1, now),
        Some(TurnedAway::Again),
        "nothing is waited for: it goes out all the same"
    );
    assert_eq!(sent(&mut line, now), []);
    now += TURNED_AWAY_FOR;
    assert_eq!(sent(&mut line, now), [Submit(1)]);
    // No answer at all, ever again: the command ends, the disclosure is handed in anew.
    for tries in 0..4 {
        now += ANSWER_WITHIN;
        assert_eq!(line.overdue(now), [1]);
        let first = GoesOn::Ends(ReplyTo::default());
        let expected = if tries == 0 { first } else { GoesOn::Unheard };
        assert_eq!(line.goes_on(1, now), expected);
        assert_eq!(sent(&mut line, now), [Submit(1)]);
        assert_eq!(line.overdue(now), [0; 0]);
    }
    // Whoever asks once more waits for the same one, and not for ever.
    let by = |id: &str| {
        let mut answering = ReplyTo::default();
        answering.id = Some(id.to_owned());
        answering
    };
    assert!(!line.take_up(RoomName([2; 32]), &by("7"), now));
    assert!(line.take_up(RoomName([1; 32]), &by("7"), now));
    assert!(!line.take_up(RoomName([1; 32]), &by("8"), now), "one command waits");
    assert_eq!(line.overdue(now + ANSWER_WITHIN), [1]);
    assert_eq!(line.goes_on(1, now + ANSWER_WITHIN), GoesOn::Ends(by("7")));
}

#[test]
fn what_was_left_over_is_handed_in_under_the_stamp_it_has() {
    let now = Duration::from_secs(1_000);
    let PendingAction { action, blind, .. } = disclosure(1, now);
    let mut line = PendingActions::default();
    line.add(PendingAction::left_over(action, blind, stamp(), time(), now));
    let late = time().plus(Duration::from_secs(86_400));
    assert_eq!(line.next_step(now, Some(late)), Some(Submit(1)));
    assert_eq!(line.overdue(now + IN_ALL), [0; 0], "no command waits for it");
}

#[test]
fn what_is_refused_at_the_door_goes_again_before_what_was_signed_later() {
    let mut now = Duration::from_secs(1_000);
    let mut line = line(&[1, 1], now);
    sent(&mut line, now);
    stamped(&mut line, 2, now);
    assert!(line.retry_later(1, now), "the request for a stamp");
    assert_eq!(sent(&mut line, now), []);
    now += Duration::from_secs(1);
    assert_eq!(sent(&mut line, now), [Ask(1)]);
    stamped(&mut line, 1, now);
    for pause in [2, 4, 8, 16] {
        assert_eq!(sent(&mut line, now), [Submit(1)]);
        assert!(line.retry_later(1, now));
        assert!(line.retry_later(1, now), "a second refusal of the same is none");
        assert_eq!(sent(&mut line, now + Duration::from_millis(pause * 1_000 - 1)), []);
        now += Duration::from_secs(pause);
    }
    assert_eq!(sent(&mut line, now), [Submit(1)]);
    assert!(!line.retry_later(1, now), "the last try");
    line.remove(1);
    assert_eq!(sent(&mut line, now), [Submit(2)]);
}

#[test]
fn a_stamp_that_grew_old_while_waiting_is_replaced_unless_it_may_be_in_the_log() {
    let now = Duration::from_secs(1_000);
    for in_doubt in [false, true] {
        let mut line = line(&[1], now);
        sent(&mut line, now);
        stamped(&mut line, 1, now);
        if in_doubt {
            sent(&mut line, now);
            line.resume(now);
        }
        let last = time().plus(F - MARGIN);
        assert_eq!(line.next_step(now, None), Some(Submit(1)), "without a time nothing is old");
        assert_eq!(line.next_step(now, Some(last)), Some(Submit(1)));
        let old = last.plus(Duration::from_micros(1));
        let next = if in_doubt { Submit(1) } else { Ask(1) };
        assert_eq!(line.next_step(now, Some(old)), Some(next));
    }
}

#[derive(Debug, Clone, Copy)]
enum Happens {
    Sends,
    Stamps(prop::sample::Index),
    Answers(prop::sample::Index),
    Refuses(prop::sample::Index),
    Reconnects,
    Passes(u16),
}

fn happens() -> impl Strategy<Value = Happens> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        6 => Just(Happens::Sends),
        4 => index().prop_map(Happens::Stamps),
        3 => index().prop_map(Happens::Answers),
        2 => index().prop_map(Happens::Refuses),
        1 => Just(Happens::Reconnects),
        2 => (0_u16..2_500).prop_map(Happens::Passes),
    ]
}

proptest! {
    /// Whatever the broker answers in which order, and however often the connection is lost,
    /// nothing is handed in while something signed before it in the same room still has to be.
    #[test]
    fn nothing_overtakes_in_its_room(
        rooms in proptest::collection::vec(1_u8..4, 1..12),
        events in proptest::collection::vec(happens(), 0..120),
    ) {
        let mut now = Duration::from_secs(1_000);
        let mut line = line(&rooms, now);
        for event in events {
            let of = |index: prop::sample::Index| 1 + index.index(rooms.len()) as u64;
            match event {
                Happens::Sends => {
                    let Some(step) = line.next_step(now, Some(time())) else { continue };
                    if let Submit(n) = step {
                        let room = line.acts[&n].action.room();
                        let before = line.acts.range(..n).filter(|(_, a)| a.action.room() == room);
                        for (_, act) in before {
                            let ActionStage::HandedIn { since, .. } = act.stage else {
                                panic!("{n} overtakes")
                            };
                            prop_assert!(now - since >= IN_TURN_WITHIN);
                        }
                    }
                    line.sent(step, now);
                }
                Happens::Stamps(index) => {
                    if line.stamping(of(index)).is_some() {
                        line.stamped(of(index), stamp(), time(), now);
                    }
                }
                Happens::Answers(index) => {
                    line.remove(of(index));
                }
                Happens::Refuses(index) => {
                    if !line.retry_later(of(index), now) {
                        line.remove(of(index));
                    }
                }
                Happens::Reconnects => line.resume(now),
                Happens::Passes(ms) => now += Duration::from_millis(ms.into()),
            }
        }
    }
}

fn effort(bits: u64) -> Effort {
    Effort::new(bits).unwrap()
}

fn solved(line: &mut PendingActions, n: u64, bits: u64, since: Duration) {
    let counter = line.get(n).unwrap().next_counter();
    let solution = Solution { header: Digest([5; 32]), counter };
    line.solved(n, Solved { solution, effort: effort(bits), since });
}

#[test]
fn v194_an_action_is_solved_before_it_is_stamped_and_one_puzzle_after_the_other() {
    let now = Duration::from_secs(1_000);
    let mut line = line(&[1, 2], now);
    line.ask(effort(10), true);
    assert_eq!(line.next_step(now, Some(time())), Some(SendStep::Solve(1)));
    line.ask(effort(10), false);
    assert_eq!(sent(&mut line, now), [], "one is being solved");
    solved(&mut line, 1, 10, now);
    line.ask(effort(10), true);
    assert_eq!(line.next_step(now, Some(time())), Some(SendStep::Solve(2)));
    line.ask(effort(10), false);
    assert_eq!(sent(&mut line, now), [Ask(1)]);
    stamped(&mut line, 1, now);
    assert_eq!(sent(&mut line, now), [Submit(1)]);
    assert_eq!(line.get(1).unwrap().solution(), None, "it counts once");
    // Nothing is asked for any more.
    line.ask(Effort::NONE, true);
    assert_eq!(sent(&mut line, now), [Ask(2)]);
}

#[test]
fn v194_what_was_solved_for_less_or_too_long_ago_is_solved_again_from_another_counter() {
    let now = Duration::from_secs(1_000);
    let mut line = line(&[1], now);
    line.ask(effort(10), true);
    solved(&mut line, 1, 10, now);
    let late = now + SOLVED_FOR;
    assert!(line.unsolved(effort(10), late - Duration::from_nanos(1)).is_empty());
    assert_eq!(line.unsolved(effort(10), late), [1]);
    assert_eq!(line.unsolved(effort(11), now), [1]);
    assert!(line.unsolved(effort(9), now).is_empty());
    assert_eq!(sent(&mut line, now), [Ask(1)]);
    stamped(&mut line, 1, now);
    let first = line.get(1).unwrap().solution();
    assert_eq!(sent(&mut line, now), [Submit(1)]);
    assert!(line.unsolved(effort(10), now).is_empty(), "it is handed in");
    assert!(line.solve_again(1, now));
    assert_eq!(line.next_step(now, Some(time())), Some(SendStep::Solve(1)));
    solved(&mut line, 1, 10, now);
    assert_ne!(line.get(1).unwrap().solution(), first);
    // Of another session it is of no use.
    line.resume(now);
    assert_eq!(line.get(1).unwrap().solution(), None);
}

#[test]
fn a_broker_that_asks_again_and_again_is_given_up() {
    let mut now = Duration::from_secs(1_000);
    let mut line = line(&[1], now);
    let mut again = 0;
    loop {
        now += TURNED_AWAY_FOR;
        line.ask(effort(10), false);
        solved(&mut line, 1, 10, now);
        sent(&mut line, now);
        if line.stamping(1).is_some() {
            stamped(&mut line, 1, now);
            sent(&mut line, now);
        }
        if !line.solve_again(1, now) {
            break;
        }
        again += 1;
    }
    assert_eq!(again, SOLVED_AGAIN);
    assert!(!line.solve_again(7, now));
}

#[test]
fn what_is_solved_in_vain_is_solved_anew_at_once_a_few_times_and_then_after_pauses() {
    let now = Duration::from_secs(1_000);
    let mut line = line(&[1], now);
    line.ask(effort(10), false);
    solved(&mut line, 1, 10, now);
    assert_eq!(sent(&mut line, now), [Ask(1)]);
    stamped(&mut line, 1, now);
    for _ in 0..=SOLVED_AT_ONCE {
        line.ask(effort(10), true);
        solved(&mut line, 1, 10, now);
        assert_eq!(line.next_step(now, Some(time())), Some(SendStep::Submit(1)));
        line.sent(SendStep::Submit(1), now);
        assert!(line.solve_again(1, now));
    }
    let later = now + TURNED_AWAY_FOR;
    assert_eq!(line.next_step(later - Duration::from_nanos(1), Some(time())), None);
    assert_eq!(line.next_step(later, Some(time())), Some(SendStep::Solve(1)));
}
