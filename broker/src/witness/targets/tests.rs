//! Which head is asked about when, each bound from both sides.

use pregao_protocol::log::Origin;
use pregao_protocol::trust::key::{Fingerprint, SecretKey, WitnessKey};
use pregao_protocol::value::codec::Digest;

use super::*;

fn key(number: u8) -> SecretKey<WitnessKey> {
    SecretKey::from_seed(&[number + 1; 32])
}

fn witness(number: u8, operator: u8) -> Witness {
    Witness {
        name: format!("w{number}").parse().unwrap(),
        key: key(number).public(),
        operator: format!("o{operator}").parse().unwrap(),
    }
}

fn room(number: u8) -> RoomName {
    RoomName([number; 32])
}

fn signed(number: u8, size: u64) -> SignedHead {
    let origin = Origin { broker: Fingerprint([1; 32]), room: room(number) };
    let head = Head { origin, size, root: Digest([9; 32]) };
    SignedHead { head, note: format!("head {size}\n").into() }
}

fn cosign(ask: &Ask, number: u8) -> Cosignature {
    Cosignature::sign(&ask.signed.head, 7, &key(number))
}

/// Two witnesses of two operators, and a quorum of both.
struct Table {
    targets: Targets,
    start: Instant,
}

impl Table {
    fn new() -> Self {
        let targets = Targets::new(vec![witness(0, 0), witness(1, 1)]);
        Self { targets, start: Instant::now() }
    }

    fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    fn offered(&mut self, (number, size): (u8, u64), quorum: u32, is_closing: bool, millis: u64) {
        let signed = signed(number, size);
        let named = vec![0, 1];
        let offered = Offered { signed, is_closing, is_last: false, named, quorum };
        self.targets.offer(offered, self.at(millis));
    }

    fn offer(&mut self, head: (u8, u64), millis: u64) {
        self.offered(head, 2, false, millis);
    }

    fn close(&mut self, head: (u8, u64), millis: u64) {
        self.offered(head, 2, true, millis);
    }

    fn next(&mut self, witness: usize, millis: u64) -> Option<Ask> {
        self.targets.next(witness, self.at(millis))
    }

    /// What a witness is to be asked: room, old and new size.
    fn asks(&mut self, witness: usize, millis: u64) -> Option<(u8, u64, u64)> {
        let ask = self.next(witness, millis)?;
        Some((ask.room().0[0], ask.old, ask.signed.head.size))
    }

    fn cosigns(&mut self, number: u8, ask: &Ask, millis: u64) -> Option<Progress> {
        let at = self.at(millis);
        self.targets.cosigned(number.into(), ask, cosign(ask, number), at)
    }

    /// Both witnesses cosign what they are asked next.
    fn both_cosign(&mut self, millis: u64) {
        for number in 0..2 {
            let ask = self.next(number.into(), millis).unwrap();
            self.cosigns(number, &ask, millis).unwrap();
        }
    }
}

#[test]
fn each_witness_is_asked_once_about_a_head() {
    let mut table = Table::new();
    table.offer((1, 5), 0);
    for witness in 0..2 {
        assert_eq!(table.asks(witness, 0), Some((1, 0, 5)));
        assert_eq!(table.asks(witness, 0), None);
    }
    assert_eq!(table.asks(2, 0), None, "there is no third");
}

#[test]
fn a_newer_head_comes_a_second_after_the_one_before_and_not_a_millisecond_less() {
    let mut table = Table::new();
    table.offer((1, 5), 0);
    table.both_cosign(10);
    for (size, millis) in [(6, 20), (7, 500), (8, 900)] {
        table.offer((1, size), millis);
    }
    assert_eq!(table.targets.next_at(0), Some(table.at(1_000)));
    assert_eq!(table.asks(0, 999), None);
    assert_eq!(table.asks(0, 1_000), Some((1, 5, 8)), "the newest");
    assert_eq!(table.asks(1, 1_000), Some((1, 5, 8)));
}

#[test]
fn without_a_quorum_a_newer_head_waits_five_seconds() {
    let mut table = Table::new();
    table.offer((1, 5), 0);
    let ask = table.next(0, 0).unwrap();
    table.cosigns(0, &ask, 10);
    table.offer((1, 6), 20);
    assert_eq!(table.asks(0, 4_999), None);
    assert_eq!(table.targets.next_at(0), Some(table.at(5_000)));
    assert_eq!(table.asks(0, 5_000), Some((1, 5, 6)));
}

#[test]
fn the_cosignature_that_makes_a_quorum_lets_a_newer_head_in() {
    let mut table = Table::new();
    table.offer((1, 5), 0);
    let asks = [0, 1].map(|witness| table.next(witness, 0).unwrap());
    table.offer((1, 6), 20);
    table.cosigns(0, &asks[0], 1_500);
    assert_eq!(table.asks(0, 1_500), None);
    table.cosigns(1, &asks[1], 1_600);
    assert_eq!(table.asks(0, 1_600), Some((1, 5, 6)));
}

#[test]
fn a_close_comes_first_and_at_once_and_holds_back_what_is_newer() {
    let mut table = Table::new();
    for number in 1..=3 {
        table.offer((number, 5), 0);
    }
    let before = table.next(0, 0).unwrap();
    assert_eq!(before.room(), room(1));
    table.close((3, 6), 10);
    table.close((1, 6), 10);
    assert_eq!(table.asks(0, 10), Some((3, 0, 6)), "before room 2");
    // Though the witness still has an older head of this room.
    assert_eq!(table.asks(0, 10), Some((1, 0, 6)));
    assert_eq!(table.asks(0, 10), Some((2, 0, 5)));
    // What was asked before is of no more use, but tells where the witness is.
    assert!(table.cosigns(0, &before, 20).is_none());
    for at in [20, 10_000] {
        table.close((1, 6), at);
        assert_eq!(table.asks(0, at), None);
    }
    // Settled: the next one comes.
    table.offer((1, 7), 10_010);
    assert_eq!(table.asks(0, 10_010), Some((1, 5, 7)));
}

#[test]
fn a_head_that_is_there_and_turns_out_to_be_the_closing_one_goes_first() {
    let mut table = Table::new();
    table.offer((1, 5), 0);
    table.offer((2, 5), 0);
    table.close((2, 5), 0);
    assert_eq!(table.asks(0, 0), Some((2, 0, 5)));
    assert_eq!(table.asks(0, 0), Some((1, 0, 5)));
    assert_eq!(table.asks(0, 0), None);
}

#[test]
fn progress_has_the_lines_so_far_and_says_whether_it_is_worth_keeping() {
    let mut table = Table::new();
    table.offer((1, 5), 0);
    let asks = [0, 1].map(|witness| table.next(witness, 0).unwrap());
    let line = |number: u8| cosign(&asks[0], number).line(&witness(number, number).name);
    // The second first: lines are in the order of the witnesses all the same.
    let half = table.cosigns(1, &asks[1], 10).unwrap();
    assert_eq!((half.size, &*half.note), (5, format!("head 5\n{}", line(1)).as_str()));
    assert!(half.is_kept && !half.is_closing, "until there is a quorum");
    let whole = table.cosigns(0, &asks[0], 10).unwrap();
    assert_eq!(&*whole.note, format!("head 5\n{}{}", line(0), line(1)).as_str());
    assert!(whole.is_kept);
    table.offer((1, 6), 20);
    let ask = table.next(0, 2_000).unwrap();
    assert!(!table.cosigns(0, &ask, 2_000).unwrap().is_kept, "less than a quorum");
    let ask = table.next(1, 2_000).unwrap();
    assert!(table.cosigns(1, &ask, 2_000).unwrap().is_kept);
}

#[test]
fn one_operator_twice_is_no_quorum() {
    let mut table = Table::new();
    table.targets = Targets::new(vec![witness(0, 0), witness(1, 0)]);
    table.offer((1, 5), 0);
    table.both_cosign(0);
    table.offer((1, 6), 20);
    assert_eq!(table.asks(0, 4_999), None);
    assert_eq!(table.asks(0, 5_000), Some((1, 5, 6)));
}

#[test]
fn a_witness_at_another_size_is_asked_from_there_once() {
    let mut table = Table::new();
    table.offer((1, 5), 0);
    let ask = table.next(0, 0).unwrap();
    let now = table.at(0);
    assert!(table.targets.resized(0, &ask, 3, now));
    let ask = table.next(0, 0).unwrap();
    assert_eq!(ask.old, 3);
    // Another size again: it means nothing, and is paused for.
    assert!(!table.targets.resized(0, &ask, 4, now));
    assert_eq!(table.asks(0, 999), None);
    let ask = table.next(0, 1_000).unwrap();
    assert_eq!(ask.old, 3);
    let later = table.at(1_000);
    assert!(table.targets.resized(0, &ask, 4, later), "and once more after the pause");
}

#[test]
fn a_size_that_was_asked_from_or_is_beyond_the_log_is_no_size_to_go_by() {
    for size in [0, 6, u64::MAX] {
        let mut table = Table::new();
        table.offer((1, 5), 0);
        let ask = table.next(0, 0).unwrap();
        let now = table.at(0);
        assert!(!table.targets.resized(0, &ask, size, now), "{size}");
    }
    let mut table = Table::new();
    table.offer((1, 5), 0);
    let ask = table.next(0, 0).unwrap();
    let now = table.at(0);
    assert!(table.targets.resized(0, &ask, 5, now), "it has this very head");
    assert_eq!(table.asks(0, 0), Some((1, 5, 5)));
}

#[test]
fn a_refusal_is_asked_about_again_after_pauses_that_double_up_to_a_minute() {
    let mut table = Table::new();
    table.offer((1, 5), 0);
    let mut at = 0;
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        let ask = table.next(0, at).unwrap();
        let now = table.at(at);
        table.targets.refused(0, &ask, now);
        // Another head of the room waits as well.
        table.offer((1, 5), at);
        assert_eq!(table.asks(0, at + pause * 1_000 - 1), None, "{pause}");
        at += pause * 1_000;
    }
    let ask = table.next(0, at).unwrap();
    table.cosigns(0, &ask, at).unwrap();
    table.offer((1, 6), at + 10_000);
    let ask = table.next(0, at + 10_000).unwrap();
    let now = table.at(at + 10_000);
    table.targets.refused(0, &ask, now);
    assert!(table.asks(0, at + 11_000).is_some(), "the pause is short again");
}

#[test]
fn a_close_waits_for_no_pause_and_a_broker_that_is_known_now_neither() {
    let mut table = Table::new();
    for number in 1..=2 {
        table.offer((number, 5), 0);
        let ask = table.next(0, 0).unwrap();
        let now = table.at(0);
        table.targets.refused(0, &ask, now);
    }
    table.close((2, 6), 10);
    assert_eq!(table.asks(0, 10), Some((2, 0, 6)));
    assert_eq!(table.asks(0, 10), None);
    table.targets.resume(0);
    assert_eq!(table.asks(0, 10), Some((1, 0, 5)));
    assert_eq!(table.asks(0, 5_000), None, "once");
}

#[test]
fn what_was_not_answered_is_asked_again() {
    let mut table = Table::new();
    table.offer((1, 5), 0);
    let ask = table.next(0, 0).unwrap();
    table.targets.unanswered(0, &ask);
    assert_eq!(table.asks(0, 0), Some((1, 0, 5)));
}

#[test]
fn while_a_witness_is_away_nothing_piles_up_for_it() {
    let mut table = Table::new();
    for size in 1..1_000 {
        let millis = size * 1_000;
        table.offered((1, size), 1, false, millis);
        if let Some(ask) = table.next(0, millis) {
            table.cosigns(0, &ask, millis).unwrap();
        }
    }
    let lane = &table.targets.lanes[1];
    assert_eq!((lane.others.len(), lane.queued.len(), lane.later.len()), (1, 1, 0));
    assert_eq!(table.asks(1, 1_000_000), Some((1, 0, 999)));
    assert!(table.targets.advances.len() <= 2);
}

#[test]
fn a_room_that_is_over_is_forgotten_when_all_have_cosigned() {
    let mut table = Table::new();
    let named = vec![0, 1];
    let offered =
        Offered { signed: signed(1, 5), is_closing: false, is_last: true, named, quorum: 2 };
    let now = table.at(0);
    table.targets.offer(offered, now);
    assert_eq!(table.targets.waits_since(0), Some(now));
    let ask = table.next(0, 0).unwrap();
    table.cosigns(0, &ask, 0).unwrap();
    assert_eq!((table.targets.waits_since(0), table.targets.waits_since(1)), (None, Some(now)));
    assert_eq!(table.targets.rooms.len(), 1);
    let ask = table.next(1, 0).unwrap();
    table.cosigns(1, &ask, 0).unwrap();
    assert!(table.targets.rooms.is_empty());
    assert!(table.targets.lanes.iter().all(|lane| lane.known.is_empty()));
}

#[test]
fn what_was_kept_is_not_asked_for_again_and_tells_where_each_witness_is() {
    let mut table = Table::new();
    table.offer((1, 5), 0);
    table.offer((2, 6), 0);
    let (first, second) = (witness(0, 0), witness(1, 1));
    let kept = |number, by: u8| Cosignature::sign(&signed(number, 5).head, 7, &key(by));
    let stranger = witness(7, 7);
    table.targets.kept(room(1), 5, &[(&first, kept(1, 0)), (&stranger, kept(1, 7))]);
    table.targets.kept(room(2), 5, &[(&first, kept(2, 0)), (&second, kept(2, 1))]);
    assert_eq!(table.asks(0, 0), Some((2, 5, 6)));
    assert_eq!(table.asks(0, 0), None);
    assert_eq!(table.asks(1, 0), Some((1, 0, 5)));
    let ask = table.next(1, 0).unwrap();
    assert!(!table.cosigns(1, &ask, 0).unwrap().is_kept, "a quorum is kept of room 2");
}

#[test]
fn a_room_that_names_none_of_the_witnesses_is_not_asked_about() {
    let mut table = Table::new();
    let offered = |named| Offered {
        signed: signed(1, 5),
        is_closing: false,
        is_last: false,
        named,
        quorum: 1,
    };
    let now = table.at(0);
    table.targets.offer(offered(Vec::new()), now);
    assert!(table.targets.rooms.is_empty());
    table.targets.offer(offered(vec![1]), now);
    assert_eq!((table.asks(0, 0), table.asks(1, 0)), (None, Some((1, 0, 5))));
}
