use super::*;
use crate::audit::delivered::{NoAnswer, answers};
use crate::log::{Head, RoomName};
use crate::room::fixture::{
    SECOND, Table, Tsa, at, broker_fingerprint, broker_keys, entry_key, witness_key,
};
use crate::room::{Code, Stamped};
use crate::trust::broker::BrokerKeys;
use crate::wire::refusal::Refusal;

/// The secret half of the broker's delivery key.
fn key() -> SealKey {
    SealKey::from_random([204; 32])
}

fn full(stamped: &Stamped) -> FullStamp {
    stamped.stamp().with(stamped.batch().compact())
}

fn credentials() -> Credentials {
    Credentials { certificate: vec![7; 400], blind: Blind::from_random([8; 32]) }
}

fn delivery(stamped: &Stamped) -> Delivery {
    let (broker, keys) = (broker_fingerprint(), broker_keys());
    let action = stamped.action();
    let author = credentials().seal(broker, &keys.delivery, action, [1; 32]).unwrap();
    Delivery::seal(broker, &keys.delivery, action, full(stamped), &author, [2; 32]).unwrap()
}

fn a_bid() -> (Table, Stamped) {
    let mut table = Table::auction();
    let bid = table.bid_at(at(SECOND), 1_000);
    (table, bid)
}

#[test]
fn v154_only_the_broker_opens_both_layers_and_finds_what_was_sealed() {
    let (_, bid) = a_bid();
    let delivery = delivery(&bid);
    let contents = delivery.open(&key()).unwrap();
    assert_eq!(contents.action, bid.action().compact());
    assert!(delivery.author(&contents, &key()).unwrap() == credentials());
    let other = SealKey::from_random([205; 32]);
    assert_eq!(delivery.open(&other), Err(SealError::Open.into()));
    assert!(delivery.author(&contents, &other).is_err());
    assert!(delivery.is_stamped_by(&[Tsa::new(204).public()]));
    assert!(!delivery.is_stamped_by(&[Tsa::new(205).public()]));
    // Neither layer tells its content by its length or in a log.
    assert_eq!(delivery.sealed.len(), label::DELIVERY_SIZE + crate::trust::seal::OVERHEAD);
    assert_eq!(contents.author.len(), label::AUTHOR_SIZE + crate::trust::seal::OVERHEAD);
    assert_eq!(format!("{contents:?} {:?}", credentials()), "Contents(..) Credentials(..)");
}

#[test]
fn v154_a_delivery_in_another_context_does_not_open() {
    let (_, bid) = a_bid();
    let good = delivery(&bid);
    let contents = good.open(&key()).unwrap();
    for other in [
        Delivery { broker: Fingerprint([1; 32]), ..good.clone() },
        Delivery { room: RoomName([1; 32]), ..good.clone() },
        Delivery { digest: Digest([1; 32]), ..good.clone() },
        Delivery { sealed: Vec::new(), ..good.clone() },
        Delivery { sealed: [good.sealed.clone(), vec![0]].concat(), ..good.clone() },
    ] {
        assert!(other.open(&key()).is_err());
        if other.sealed == good.sealed {
            assert!(other.author(&contents, &key()).is_err());
        }
        assert_ne!(other.id(), good.id(), "its name binds everything");
    }
    // One layer in the place of the other is sealed for another purpose.
    let swapped = Contents { author: good.sealed.clone(), ..contents };
    assert!(good.author(&swapped, &key()).is_err());
    let longer = full(&bid);
    for stamp in [
        FullStamp { batch: format!("{}x", longer.batch), ..longer.clone() },
        FullStamp { index: 9, ..longer.clone() },
        FullStamp { path: vec![Digest([0; 32])], ..longer },
    ] {
        assert_ne!(Delivery { stamp, ..good.clone() }.id(), good.id());
    }
}

#[test]
fn v154_what_is_sealed_has_one_encoding() {
    let (_, bid) = a_bid();
    let good = delivery(&bid);
    let (broker, room, digest) = (good.broker, good.room, good.digest);
    let info = context(label::DELIVER, broker, room, digest);
    let plain = serde_json::to_string(&good.open(&key()).unwrap()).unwrap();
    for (text, holds) in [
        (plain.clone(), true),
        (plain.replace(':', ": "), false),
        (plain.replace("{", "{\"more\":1,"), false),
        (String::new(), false),
    ] {
        let sealed = seal_padded(
            &broker_keys().delivery,
            &info,
            &[],
            text.as_bytes(),
            label::DELIVERY_SIZE,
            [3; 32],
        );
        let opened = Delivery { sealed: sealed.unwrap(), ..good.clone() }.open(&key());
        assert_eq!(opened.is_ok(), holds, "{text}");
    }
}

#[test]
fn v154_the_longest_action_with_the_longest_certificate_fits() {
    let (_, bid) = a_bid();
    let (broker, keys) = (broker_fingerprint(), broker_keys());
    let blind = Blind::from_random([255; 32]);
    let long = Credentials { certificate: vec![255; label::MAX_CERTIFICATE], blind };
    let author = long.seal(broker, &keys.delivery, bid.action(), [1; 32]).unwrap();
    // No draft is as long as an action may be; its length is what counts here.
    let contents = Contents { action: "x".repeat(label::MAX_ACTION), author };
    let plain = serde_json::to_vec(&contents).unwrap();
    assert!(plain.len() + 4 <= label::DELIVERY_SIZE, "{}", plain.len());
    let path = vec![Digest([255; 32]); label::MAX_STAMP_PATH];
    let stamp = FullStamp { batch: "x".repeat(label::MAX_BATCH), index: 1 << 16, path };
    let request = Deliver { delivery: Delivery { stamp, ..delivery(&bid) } };
    assert!(crate::wire::tsa::TsaRequest::encode(&request).len() <= MAX_DELIVERY_REQUEST);
    let too_long = Credentials { certificate: vec![0; label::AUTHOR_SIZE], ..long };
    assert!(too_long.seal(broker, &keys.delivery, bid.action(), [1; 32]).is_err());
}

#[test]
fn v155_a_poll_is_the_brokers_and_in_one_encoding() {
    let witness = witness_key(1).public();
    let poll = Poll { witness, broker: broker_fingerprint(), nonce: Digest([9; 32]) };
    let compact = poll.sign(&entry_key());
    assert_eq!(Poll::open(&compact, &entry_key().public()), Ok(poll));
    assert_eq!(Poll::claimed(&compact), Ok(broker_fingerprint()));
    assert!(compact.len() <= MAX_WORD);
    let other = SecretKey::<EntryKey>::from_seed(&[1; 32]);
    assert!(Poll::open(&compact, &other.public()).is_err());
    let payload = serde_json::to_string(&poll).unwrap();
    for text in [payload.replace(':', ": "), payload.replace('}', ",\"more\":1}"), "{}".into()] {
        let compact = jws::sign(label::TYP_POLL, text.as_bytes(), &entry_key());
        assert!(Poll::open(&compact, &entry_key().public()).is_err(), "{text}");
        assert!(Poll::claimed(&compact).is_err(), "{text}");
    }
    // A word of another kind is no poll.
    let word = jws::sign(label::TYP_UNREADABLE, payload.as_bytes(), &entry_key());
    assert!(Poll::open(&word, &entry_key().public()).is_err());
}

fn refusal(of: &Delivery) -> Refusal {
    Refusal {
        digest: of.digest,
        room: of.room,
        stamp: Digest([1; 32]),
        code: Code::BidTooLow,
        size: 1,
        root: Digest([2; 32]),
        batch: Digest([3; 32]),
        same_author: Vec::new(),
        until: None,
        header: "a.b.c".to_owned(),
    }
}

#[test]
fn v155_an_answer_is_signed_by_this_broker_and_about_this_delivery() {
    let (mut table, bid) = a_bid();
    let delivery = delivery(&bid);
    let keys = broker_keys();
    assert_eq!(table.submit(&bid), Ok(1));
    let receipt = DeliveryAnswer::Receipt(Box::new(table.receipt(1)));
    assert_eq!(answers(&receipt, &delivery, &keys), Ok(()));
    let refused = |refusal: Refusal| DeliveryAnswer::Refusal(refusal.sign(&entry_key()));
    assert_eq!(answers(&refused(refusal(&delivery)), &delivery, &keys), Ok(()));
    let header = table.headers[0].clone();
    let unreadable = |delivery| {
        let word = Unreadable { delivery, code: UnreadableCode::Sealed, header: header.clone() };
        DeliveryAnswer::Unreadable(word.sign(&entry_key()))
    };
    assert_eq!(answers(&unreadable(delivery.id()), &delivery, &keys), Ok(()));
    // About another action, room, delivery or by another broker.
    let listing = DeliveryAnswer::Receipt(Box::new(table.receipt(0)));
    let elsewhere = Delivery { room: RoomName([1; 32]), ..delivery.clone() };
    let others = Delivery { broker: Fingerprint([1; 32]), ..delivery.clone() };
    for (answer, of) in [
        (&listing, &delivery),
        (&receipt, &elsewhere),
        (&receipt, &others),
        (&refused(Refusal { digest: Digest([5; 32]), ..refusal(&delivery) }), &delivery),
        (&refused(Refusal { room: RoomName([5; 32]), ..refusal(&delivery) }), &delivery),
        (&unreadable(Digest([5; 32])), &delivery),
    ] {
        assert_eq!(answers(answer, of, &keys), Err(NoAnswer::Other));
    }
    let other = BrokerKeys { entry: SecretKey::from_seed(&[1; 32]).public(), ..keys };
    for answer in [&receipt, &refused(refusal(&delivery)), &unreadable(delivery.id())] {
        assert!(answers(answer, &delivery, &other).is_err());
    }
    // A receipt under a head that the broker did not sign.
    let head = Head { origin: table.origin(), size: 2, root: Digest([0; 32]) };
    let head = head.sign(&SecretKey::from_seed(&[1; 32]));
    let forged =
        DeliveryAnswer::Receipt(Box::new(crate::log::Receipt { head, ..table.receipt(1) }));
    assert!(matches!(answers(&forged, &delivery, &keys), Err(NoAnswer::Receipt(_))));
}

#[test]
fn v156_a_witness_counts_sixty_seconds_of_contact_and_not_one_less() {
    let word = Unanswered {
        broker: broker_fingerprint(),
        room: RoomName([1; 32]),
        digest: Digest([2; 32]),
        delivery: Digest([3; 32]),
        since: 100,
        until: 1_000,
        contact: label::UNANSWERED_AFTER,
    };
    assert!(word.counts());
    assert!(!Unanswered { contact: label::UNANSWERED_AFTER - 1, ..word }.counts());
    let compact = word.sign(&witness_key(1));
    assert_eq!(Unanswered::open(&compact, &witness_key(1).public()), Ok(word));
    assert!(Unanswered::open(&compact, &witness_key(2).public()).is_err());
    assert!(compact.len() <= MAX_WORD);
}
