//! Tests of the fold of a pass room.

use super::*;
use crate::audit::verify;
use crate::room::Room;
use crate::room::action::{Action, Draft, Seen};
use crate::room::body::Say;
use crate::room::fixture::{
    Author, SECOND, Table, Tsa, at, broker_fingerprint, broker_keys, close_body, entry_key,
    seal_key, spki, text, witness,
};
use crate::trust::seal::SealPublic;
use crate::value::clock::Time;

/// The day of [`at`] zero, which is its noon.
const TODAY: Day = Day(20_779);
const HOUR: u64 = 3_600 * SECOND;

fn terms(tsa: &Tsa) -> Passes {
    Passes {
        freshness: 10,
        broker: broker_keys(),
        stamps: vec![tsa.public()],
        witnesses: Vec::new(),
        quorum: 0,
        simulated: false,
    }
}

fn opened(change: impl FnOnce(&mut Passes)) -> Result<Table, Code> {
    let mut tsa = Tsa::new(5);
    let mut passes = terms(&tsa);
    change(&mut passes);
    let action = draft(Body::Passes(passes)).sign_as_broker(&entry_key()).unwrap();
    let opening = tsa.stamp(action, at(0));
    Table::open(tsa, opening)
}

fn draft(body: Body) -> Draft {
    Draft { id: Author::new(0).own(999).id, room: None, body, seen: Seen::nothing() }
}

fn stated(day: Day, key: u8) -> Body {
    Body::PassKey(StatedKey { day, key: spki(key) })
}

fn fold(table: &Table) -> &PassRoom {
    PassRoom::of(&table.room).unwrap()
}

/// The instant right before.
fn before(time: Time) -> Time {
    time.minus(Duration::from_micros(1))
}

#[test]
fn v257_keys_are_stated_by_the_broker_and_read_by_everybody() {
    let mut table = opened(|_| ()).unwrap();
    assert_eq!(fold(&table).last(), None);
    assert_eq!(table.broker(at(1), stated(TODAY, 1)), Ok(1));
    assert_eq!(table.broker(at(2), stated(TODAY.plus(1), 3)), Ok(2));
    let room: Room = verify::log(table.lines(), &table.head()).unwrap();
    let fold = PassRoom::of(&room).unwrap();
    let key = PassKey::from_spki(broker_fingerprint(), TODAY, &spki(1)).unwrap();
    assert_eq!(fold.key_of(TODAY), Some(&key));
    assert_eq!(fold.key_of(TODAY.plus(1)).unwrap().spki(), spki(3));
    let days = |from| fold.keys_from(from).map(PassKey::day).collect::<Vec<_>>();
    assert_eq!(days(TODAY), [TODAY, TODAY.plus(1)]);
    assert_eq!(days(TODAY.plus(1)), [TODAY.plus(1)]);
    assert_eq!((fold.key_of(TODAY.plus(2)), fold.last()), (None, Some(TODAY.plus(1))));
    assert!(!room.is_complete());
}

#[test]
fn v257_nobody_but_the_broker_acts_and_nothing_else_is_done() {
    let mut table = opened(|_| ()).unwrap();
    let author = Author::new(110);
    let by = |table: &mut Table, body| {
        let own = table.fresh(&author);
        let action: Action = table.sign(&author, &own, body);
        let stamped = table.tsa.stamp(action, at(1));
        table.submit(&stamped)
    };
    assert_eq!(by(&mut table, stated(TODAY, 1)), Err(Code::VerbAuthor));
    let say = Body::Say(Say { text: text("let me in") });
    assert_eq!(by(&mut table, say), Err(Code::VerbKind));
    let bid = table.bid_at(at(1), 1_000);
    assert_eq!(table.submit(&bid), Err(Code::VerbKind));
    assert_eq!(table.broker(at(1), close_body()), Err(Code::VerbKind));
    let again = Body::Passes(terms(&table.tsa));
    let draft = table.draft(&author.own(7), again).sign_as_broker(&entry_key());
    assert!(draft.is_err(), "an opening has no room to be in");
    let mut auction = Table::auction();
    assert_eq!(auction.broker(at(1), stated(TODAY, 1)), Err(Code::VerbKind));
}

#[test]
fn v257_a_persona_opens_no_pass_room() {
    let mut tsa = Tsa::new(5);
    let author = Author::new(100);
    let own = author.own(0);
    let body = Body::Passes(terms(&tsa));
    let draft = Draft { id: own.id, ..draft(body) };
    let opening = tsa.stamp(draft.sign(&author.key(&own)).unwrap(), at(0));
    assert_eq!(Table::open(tsa, opening).unwrap_err(), Code::VerbAuthor);
}

#[test]
fn v257_the_terms_have_the_bounds_that_listings_have() {
    let refused = |change: fn(&mut Passes)| opened(change).unwrap_err();
    assert_eq!(refused(|passes| passes.freshness = 0), Code::ListingTerms);
    assert_eq!(refused(|passes| passes.freshness = 61), Code::ListingTerms);
    assert_eq!(refused(|passes| passes.quorum = 1), Code::ListingTerms);
    assert_eq!(refused(|passes| passes.witnesses = vec![witness(1)]), Code::ListingTerms);
    assert_eq!(refused(|passes| passes.stamps = vec![passes.stamps[0]; 9]), Code::ListingTerms);
    let unusable = |passes: &mut Passes| passes.broker.delivery = SealPublic([0; 32]);
    assert_eq!(opened(unusable).unwrap_err(), Code::ListingTerms);
    for most in [1, 60] {
        assert!(opened(|passes| passes.freshness = most).is_ok());
    }
    assert!(opened(|passes| passes.stamps = vec![passes.stamps[0]; 8]).is_ok());
    let witnessed = opened(|passes| {
        (passes.witnesses, passes.quorum) = (vec![witness(1), witness(2)], 2);
        passes.broker.delivery = seal_key(204);
    });
    assert_eq!(witnessed.unwrap().room.terms().quorum, 2);
}

#[test]
fn v258_days_rise_and_may_be_left_out_and_never_come_again() {
    let mut table = opened(|_| ()).unwrap();
    assert_eq!(table.broker(at(1), stated(TODAY.plus(1), 1)), Ok(1));
    for day in [TODAY, TODAY.plus(1)] {
        assert_eq!(table.broker(at(2), stated(day, 3)), Err(Code::PassKeyDay), "{day}");
    }
    assert_eq!(table.broker(at(2), stated(TODAY.plus(2), 3)), Ok(2));
    assert_eq!(table.broker(at(2), stated(TODAY.plus(5), 5)), Ok(3));
    assert_eq!(table.broker(at(2), stated(TODAY.plus(4), 7)), Err(Code::PassKeyDay));
    assert_eq!(fold(&table).key_of(TODAY.plus(4)), None);
}

#[test]
fn v259_a_key_is_stated_before_its_day_is_over() {
    let mut table = opened(|_| ()).unwrap();
    // The first one, in the middle of its day; and one after an outage, in its last moment.
    assert_eq!(table.broker(at(HOUR), stated(TODAY, 1)), Ok(1));
    let day = TODAY.plus(3);
    assert_eq!(table.broker(before(day.ends()), stated(day, 3)), Ok(2));
    let mut late = opened(|_| ()).unwrap();
    assert_eq!(late.broker(day.ends(), stated(day, 3)), Err(Code::PassKeyDay));
    assert_eq!(late.broker(day.ends(), stated(day.plus(1), 3)), Ok(1));
}

#[test]
fn v259_a_key_is_stated_eight_days_ahead_at_most() {
    let mut table = opened(|_| ()).unwrap();
    let late = before(TODAY.ends());
    assert_eq!(table.broker(late, stated(TODAY.plus(9), 1)), Err(Code::PassKeyDay));
    assert_eq!(table.broker(late, stated(TODAY.plus(8), 1)), Ok(1));
    assert_eq!(table.broker(late, stated(TODAY.plus(9), 3)), Err(Code::PassKeyDay));
    assert_eq!(table.broker(TODAY.ends(), stated(TODAY.plus(9), 3)), Ok(2));
    let never = stated(Day(u32::MAX), 5);
    assert_eq!(table.broker(TODAY.ends(), never), Err(Code::PassKeyDay));
}

#[test]
fn v260_no_key_is_stated_twice_and_each_is_of_the_one_size() {
    let mut table = opened(|_| ()).unwrap();
    assert_eq!(table.broker(at(1), stated(TODAY, 1)), Ok(1));
    assert_eq!(table.broker(at(2), stated(TODAY.plus(1), 1)), Err(Code::PassKeyWrong));
    assert_eq!(table.broker(at(2), stated(TODAY.plus(1), 3)), Ok(2));
    assert_eq!(table.broker(at(2), stated(TODAY.plus(2), 1)), Err(Code::PassKeyWrong));
    for wrong in [Vec::new(), vec![1; 422], spki(5)[1..].to_vec(), [spki(5), vec![0]].concat()] {
        let body = Body::PassKey(StatedKey { day: TODAY.plus(2), key: wrong });
        assert_eq!(table.broker(at(2), body), Err(Code::PassKeyWrong));
    }
    assert_eq!(table.broker(at(2), stated(TODAY.plus(2), 5)), Ok(3));
}
