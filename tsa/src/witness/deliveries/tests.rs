use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::trust::key::SecretKey;
use pregao_protocol::value::label::UNANSWERED_AFTER;

use super::*;

fn at(seconds: u64) -> Time {
    Time::default().plus(Duration::from_secs(1_000_000 + seconds))
}

fn broker(number: u8) -> Fingerprint {
    Fingerprint([number; 32])
}

fn delivery(of: u8, room: u8, digest: u16) -> Delivery {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&digest.to_be_bytes());
    Delivery {
        broker: broker(of),
        room: RoomName([room; 32]),
        digest: Digest(bytes),
        stamp: FullStamp { batch: String::new(), index: 0, path: Vec::new() },
        sealed: vec![7; 3],
    }
}

/// A broker that polls as the rules say.
struct Polling {
    broker: Fingerprint,
    nonce: Nonce,
    count: u8,
}

impl Polling {
    fn new(number: u8) -> Self {
        Self { broker: broker(number), nonce: Digest([0; 32]), count: 0 }
    }

    fn poll(&mut self, deliveries: &mut Deliveries, now: Time) -> Option<Delivery> {
        let witness = SecretKey::from_seed(&[1; 32]).public();
        let poll = Poll { witness, broker: self.broker, nonce: self.nonce };
        self.count += 1;
        self.nonce = Digest([self.count; 32]);
        deliveries.fetch(&poll, self.nonce, now)
    }
}

fn contact(deliveries: &Deliveries, id: &Digest) -> Option<u64> {
    match deliveries.standing(id)? {
        Standing::Offered(unanswered) => Some(unanswered.contact),
        Standing::Waiting | Standing::Answered(_) => None,
    }
}

fn answer() -> DeliveryAnswer {
    DeliveryAnswer::Refusal("signed".to_owned())
}

#[test]
fn what_is_left_is_offered_to_its_broker_in_order_until_it_is_answered() {
    let mut deliveries = Deliveries::default();
    let (first, second) = (delivery(1, 1, 1), delivery(1, 2, 2));
    deliveries.take(first.clone(), at(0)).unwrap();
    deliveries.take(second.clone(), at(0)).unwrap();
    deliveries.take(delivery(2, 1, 1), at(0)).unwrap();
    // The same again is the same.
    deliveries.take(first.clone(), at(1)).unwrap();
    assert_eq!(deliveries.open(), 3);
    let mut one = Polling::new(1);
    assert_eq!(one.poll(&mut deliveries, at(1)), Some(first.clone()));
    assert_eq!(one.poll(&mut deliveries, at(2)), Some(first.clone()));
    deliveries.answered(first.id(), answer());
    assert_eq!(one.poll(&mut deliveries, at(3)), Some(second.clone()));
    assert_eq!(deliveries.standing(&first.id()), Some(Standing::Answered(answer())));
    // The first answer stays, and what is answered waits no more when it comes again.
    deliveries.answered(first.id(), DeliveryAnswer::Unreadable("later".to_owned()));
    deliveries.take(first.clone(), at(4)).unwrap();
    assert_eq!(deliveries.standing(&first.id()), Some(Standing::Answered(answer())));
    deliveries.answered(second.id(), answer());
    assert_eq!(one.poll(&mut deliveries, at(5)), None);
    assert_eq!(Polling::new(3).poll(&mut deliveries, at(5)), None);
    assert_eq!(deliveries.standing(&Digest([9; 32])), None);
}

#[test]
fn v155_heads_of_a_room_wait_once_a_delivery_for_it_has_waited_twenty_seconds() {
    let mut deliveries = Deliveries::default();
    let left = delivery(1, 1, 1);
    deliveries.take(left.clone(), at(0)).unwrap();
    let origin = |of, room| Origin { broker: broker(of), room: RoomName([room; 32]) };
    assert!(!deliveries.holds_back(&origin(1, 1), at(HEADS_WAIT_AFTER - 1)));
    assert!(deliveries.holds_back(&origin(1, 1), at(HEADS_WAIT_AFTER)));
    // Of no other room and no other broker.
    assert!(!deliveries.holds_back(&origin(1, 2), at(HEADS_WAIT_AFTER)));
    assert!(!deliveries.holds_back(&origin(2, 1), at(HEADS_WAIT_AFTER)));
    deliveries.answered(left.id(), answer());
    assert!(!deliveries.holds_back(&origin(1, 1), at(HEADS_WAIT_AFTER)));
}

#[test]
fn v156_who_answers_a_flood_slowly_keeps_nobody_waiting() {
    let mut deliveries = Deliveries::default();
    let mut one = Polling::new(1);
    for number in 0..20 {
        deliveries.take(delivery(1, 1, number), at(0)).unwrap();
    }
    let last = delivery(1, 2, 99);
    deliveries.take(last.clone(), at(0)).unwrap();
    for number in 0..20 {
        let offered = one.poll(&mut deliveries, at(5 * u64::from(number)));
        assert_eq!(offered, Some(delivery(1, 1, number)));
        deliveries.answered(delivery(1, 1, number).id(), answer());
    }
    one.poll(&mut deliveries, at(100));
    assert_eq!(contact(&deliveries, &last.id()), Some(0));
    // Unanswered, it counts from here on.
    one.poll(&mut deliveries, at(105));
    assert_eq!(contact(&deliveries, &last.id()), Some(5));
}

#[test]
fn v156_a_broker_that_polls_and_does_not_answer_is_in_contact_for_as_long() {
    let mut deliveries = Deliveries::default();
    let left = delivery(1, 1, 1);
    let mut one = Polling::new(1);
    one.poll(&mut deliveries, at(0));
    deliveries.take(left.clone(), at(2)).unwrap();
    assert_eq!(deliveries.standing(&left.id()), Some(Standing::Waiting));
    // From the first poll on after it was left, and not from before.
    let mut now = 3;
    one.poll(&mut deliveries, at(now));
    assert_eq!(contact(&deliveries, &left.id()), Some(0));
    while now < 3 + UNANSWERED_AFTER - 3 {
        now += 3;
        one.poll(&mut deliveries, at(now));
    }
    assert_eq!(contact(&deliveries, &left.id()), Some(UNANSWERED_AFTER - 3));
    one.poll(&mut deliveries, at(now + 3));
    match deliveries.standing(&left.id()) {
        Some(Standing::Offered(word)) => {
            assert!(word.counts());
            assert_eq!((word.until - word.since, word.contact), (60, 60));
            assert_eq!((word.broker, word.room), (left.broker, left.room));
            assert_eq!((word.digest, word.delivery), (left.digest, left.id()));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn v156_time_without_polls_and_polls_of_others_do_not_count() {
    let mut deliveries = Deliveries::default();
    let left = delivery(1, 1, 1);
    deliveries.take(left.clone(), at(0)).unwrap();
    let mut one = Polling::new(1);
    one.poll(&mut deliveries, at(1));
    // Away for ten minutes: one poll's distance counts.
    one.poll(&mut deliveries, at(601));
    assert_eq!(contact(&deliveries, &left.id()), Some(LONGEST_GAP));
    // It starts anew, and has no nonce yet: nothing of the time before counts.
    let mut anew = Polling::new(1);
    anew.count = 100;
    anew.poll(&mut deliveries, at(603));
    assert_eq!(contact(&deliveries, &left.id()), Some(LONGEST_GAP));
    anew.poll(&mut deliveries, at(604));
    assert_eq!(contact(&deliveries, &left.id()), Some(LONGEST_GAP + 1));
    // An old poll, repeated by whoever saw it, says nothing either.
    let witness = SecretKey::from_seed(&[1; 32]).public();
    let old = Poll { witness, broker: broker(1), nonce: one.nonce };
    deliveries.fetch(&old, Digest([200; 32]), at(606));
    assert_eq!(contact(&deliveries, &left.id()), Some(LONGEST_GAP + 1));
    // Nor do those of another broker.
    Polling::new(2).poll(&mut deliveries, at(607));
    assert_eq!(contact(&deliveries, &left.id()), Some(LONGEST_GAP + 1));
}

#[test]
fn one_broker_takes_so_many_places_and_leaves_others_theirs() {
    let mut deliveries = Deliveries::default();
    let most = u16::try_from(MAX_OPEN_OF_ONE).unwrap();
    for digest in 0..most {
        deliveries.take(delivery(1, 1, digest), at(0)).unwrap();
    }
    let one_more = deliveries.take(delivery(1, 1, most), at(0));
    assert_eq!(one_more, Err(DeliveryRefusal::Full));
    deliveries.take(delivery(2, 1, 0), at(0)).unwrap();
    // An answer makes room.
    deliveries.answered(delivery(1, 1, 0).id(), answer());
    deliveries.take(delivery(1, 1, most), at(0)).unwrap();
    let mut of = 3;
    while deliveries.open() < MAX_OPEN {
        for digest in 0..most {
            let _ = deliveries.take(delivery(of, 1, digest), at(0));
        }
        of += 1;
    }
    assert_eq!(deliveries.take(delivery(99, 1, 0), at(0)), Err(DeliveryRefusal::Full));
    // What nobody answers within an hour makes room as well.
    assert_eq!(
        deliveries.take(delivery(99, 1, 0), at(GIVEN_UP_AFTER - 1)),
        Err(DeliveryRefusal::Full)
    );
    deliveries.take(delivery(99, 1, 0), at(GIVEN_UP_AFTER)).unwrap();
    assert_eq!(deliveries.open(), 1);
    assert_eq!(deliveries.standing(&delivery(2, 1, 0).id()), None);
}

#[test]
fn so_many_answers_are_kept_and_the_oldest_makes_room() {
    let mut deliveries = Deliveries::default();
    let most = u16::try_from(MAX_ENDED).unwrap();
    for digest in 0..=most {
        let left = delivery(1, 1, digest);
        deliveries.take(left.clone(), at(0)).unwrap();
        deliveries.answered(left.id(), answer());
    }
    assert!(!deliveries.is_answered(&delivery(1, 1, 0).id()));
    assert!(deliveries.is_answered(&delivery(1, 1, 1).id()));
    assert!(deliveries.is_answered(&delivery(1, 1, most).id()));
    assert_eq!(deliveries.open(), 0);
}
