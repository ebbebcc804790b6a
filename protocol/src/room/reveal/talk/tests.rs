//! Who publishes what, who says what, until when; and that nothing of it counts.

use super::*;
use crate::audit::verify;
use crate::letter::Class;
use crate::letter::say::pair_key;
use crate::room::Stamped;
use crate::room::body::Body;
use crate::room::body::{Empty, Reveal, SayEnvelope, Verb};
use crate::room::fixture::{Author, at};
use crate::room::reveal::tests::{
    DEADLINE, Two, deadline, past_deadline, sealed, soon, try_open, two,
};
use crate::room::reveal::{RevealRoom, Verdict};
use crate::trust::agreement::AgreementSecret;
use crate::trust::key::SecretKey;
use crate::trust::prekey::PrekeySecret;

fn agreement(side: Side) -> AgreementSecret {
    AgreementSecret::from_random([if side == Side::Seller { 11 } else { 12 }; 32])
}

fn key(number: u16) -> PrekeyPublic {
    let [high, low] = number.to_be_bytes();
    let mut seed = [low; 32];
    seed[0] = high;
    PrekeySecret::from_random(seed).public()
}

fn keys(numbers: std::ops::Range<u16>) -> Vec<PrekeyPublic> {
    numbers.map(key).collect()
}

fn talk_of(side: Side, once: Vec<PrekeyPublic>, pair: Option<PublicKey<PairKey>>) -> Talk {
    let signed = key(if side == Side::Seller { 1_000 } else { 2_000 });
    Talk { agreement: agreement(side).public(), signed, once, pair }
}

fn more(once: Vec<PrekeyPublic>) -> Body {
    Body::TalkKeys(TalkKeys { once })
}

fn envelope(byte: u8) -> SayEnvelope {
    vec![byte; Class::Small.envelope_size()].try_into().unwrap()
}

impl Two {
    fn pair(&self) -> SecretKey<PairKey> {
        let other = agreement(Side::Winner).public();
        pair_key(self.table.name(), Side::Seller, &agreement(Side::Seller), &other).unwrap()
    }

    fn publish(
        &mut self,
        side: Side,
        once: Vec<PrekeyPublic>,
        with_pair: bool,
    ) -> Result<u64, Code> {
        let pair = with_pair.then(|| self.pair().public());
        self.act(side, soon(), Body::Talk(talk_of(side, once, pair)))
    }

    /// Both have published, each so many one-time keys: the seller's from 0 on, the winner's from 100 on.
    fn talking(mut self, count: u16) -> Self {
        self.publish(Side::Seller, keys(0..count), false).unwrap();
        self.publish(Side::Winner, keys(100..100 + count), true).unwrap();
        self
    }

    fn say_by(&mut self, by: &SecretKey<PairKey>, time: Time, once: &PrekeyPublic) -> Stamped {
        let sealed = envelope(once.digest().0[0]);
        let body = Body::SealedSay(SealedSay { once: once.digest(), sealed });
        let fresh = self.table.fresh(&Author::new(7));
        let action = self.table.draft(&fresh, body).sign_as_pair(by).unwrap();
        self.table.tsa.stamp(action, time)
    }

    fn say(&mut self, time: Time, once: &PrekeyPublic) -> Result<u64, Code> {
        let pair = self.pair();
        let stamped = self.say_by(&pair, time, once);
        self.table.submit(&stamped)
    }
}

#[test]
fn v310_each_side_publishes_its_lasting_keys_once_and_one_to_four_others_with_them() {
    for side in [Side::Seller, Side::Winner] {
        assert_eq!(two().publish(side, keys(0..0), false), Err(Code::TalkKeys));
        assert_eq!(two().publish(side, keys(0..5), false), Err(Code::TalkKeys));
        let mut room = two();
        room.publish(side, keys(0..4), false).unwrap();
        assert_eq!(room.table.reveal().talks().keys(side).unwrap().waiting().len(), 4);
        assert_eq!(room.publish(side, keys(4..5), false), Err(Code::TalkKeys));
        assert_eq!(room.publish(side, keys(4..5), true), Err(Code::TalkKeys));
    }
    // One key twice, or as both sorts.
    assert_eq!(two().publish(Side::Seller, vec![key(1), key(1)], false), Err(Code::TalkKeys));
    assert_eq!(two().publish(Side::Seller, vec![key(1_000)], false), Err(Code::TalkKeys));
    // What the other side published, of either sort, and its agreement key.
    let other = |change: &dyn Fn(&mut Talk)| {
        let mut room = two();
        room.publish(Side::Seller, keys(0..4), false).unwrap();
        let mut talk = talk_of(Side::Winner, keys(100..104), Some(room.pair().public()));
        change(&mut talk);
        room.act(Side::Winner, soon(), Body::Talk(talk))
    };
    assert_eq!(other(&|talk| talk.once[3] = key(3)), Err(Code::TalkKeys));
    assert_eq!(other(&|talk| talk.once[0] = key(1_000)), Err(Code::TalkKeys));
    assert_eq!(other(&|talk| talk.signed = key(0)), Err(Code::TalkKeys));
    assert_eq!(other(&|talk| talk.signed = key(1_000)), Err(Code::TalkKeys));
    let own = agreement(Side::Seller).public();
    assert_eq!(other(&|talk| talk.agreement = own), Err(Code::TalkKeys));
    assert!(other(&|_| {}).is_ok());
}

#[test]
fn v310_strangers_and_the_broker_publish_nothing() {
    let mut room = two();
    let stranger = Author::new(130);
    for body in [Body::Talk(talk_of(Side::Seller, keys(0..4), None)), more(keys(0..4))] {
        let own = room.table.fresh(&stranger);
        let action = room.table.sign(&stranger, &own, body.clone());
        let stamped = room.table.tsa.stamp(action, soon());
        assert_eq!(room.table.submit(&stamped), Err(Code::VerbAuthor));
        assert_eq!(room.table.broker(soon(), body), Err(Code::VerbAuthor));
    }
}

#[test]
fn v311_the_second_side_states_the_key_of_both_and_the_first_cannot() {
    for side in [Side::Seller, Side::Winner] {
        assert_eq!(two().publish(side, keys(0..4), true), Err(Code::TalkPair));
        let mut room = two();
        room.publish(side, keys(0..4), false).unwrap();
        assert_eq!(room.table.reveal().talks().pair(), None);
        assert_eq!(room.publish(side.other(), keys(4..8), false), Err(Code::TalkPair));
        room.publish(side.other(), keys(4..8), true).unwrap();
        assert_eq!(room.table.reveal().talks().pair(), Some(&room.pair().public()));
    }
}

#[test]
fn v312_one_to_five_more_keys_that_are_new_while_eight_at_most_wait() {
    let mut room = two();
    assert_eq!(room.act(Side::Seller, soon(), more(keys(0..1))), Err(Code::TalkKeys));
    let mut room = two().talking(4);
    for wrong in [keys(10..10), keys(10..16), keys(10..15), keys(3..5), keys(100..101)] {
        assert_eq!(room.act(Side::Seller, soon(), more(wrong)), Err(Code::TalkKeys));
    }
    for wrong in [vec![key(10), key(10)], vec![key(1_000)], vec![key(2_000)]] {
        assert_eq!(room.act(Side::Seller, soon(), more(wrong)), Err(Code::TalkKeys));
    }
    assert!(room.act(Side::Seller, soon(), more(keys(10..14))).is_ok(), "eight wait");
    assert_eq!(room.act(Side::Seller, soon(), more(keys(14..15))), Err(Code::TalkKeys));
    room.say(soon(), &key(0)).unwrap();
    assert!(room.act(Side::Seller, soon(), more(keys(14..15))).is_ok());
    // Used or not, a key is published once.
    room.say(soon(), &key(1)).unwrap();
    assert_eq!(room.act(Side::Seller, soon(), more(keys(0..1))), Err(Code::TalkKeys));
    let mut few = two().talking(1);
    assert!(few.act(Side::Winner, soon(), more(keys(200..205))).is_ok(), "five fit one entry");
}

#[test]
fn v312_a_side_publishes_256_one_time_keys_and_no_more() {
    let mut talks = Talks::default();
    talks.append_talk(Side::Seller, &talk_of(Side::Seller, keys(0..4), None));
    let side = talks.seller.as_mut().unwrap();
    side.published = MAX_SAID - 2;
    side.waiting.clear();
    let judge =
        |count: u16| talks.judge_keys(Side::Seller, &TalkKeys { once: keys(10..10 + count) });
    assert_eq!(judge(2), Ok(()));
    assert_eq!(judge(3), Err(Code::TalkKeys));
    assert_eq!(talks.keys(Side::Seller).unwrap().room_for(), 2);
}

#[test]
fn v313_they_write_for_thirty_days_after_the_deadline_and_not_a_microsecond_longer() {
    let last = at(DEADLINE + 30 * 24 * 3_600 * 1_000_000);
    let late = last.plus(Duration::from_micros(1));
    let mut room = two();
    assert_eq!(open_until(room.table.reveal().opening()), last);
    let talk = |pair| Body::Talk(talk_of(Side::Seller, keys(0..4), pair));
    assert!(room.act(Side::Seller, last, talk(None)).is_ok());
    assert_eq!(two().act(Side::Seller, late, talk(None)), Err(Code::TalkOver));
    let mut room = two().talking(4);
    for (time, number, expected) in [(last, 0, None), (late, 1, Some(Code::TalkOver))] {
        let keys = more(keys(200 + number..201 + number));
        assert_eq!(room.act(Side::Winner, time, keys).err(), expected);
        assert_eq!(room.say(time, &key(100 + number)).err(), expected);
    }
}

#[test]
fn v313_after_an_end_they_write_on_and_what_ended_is_not_changed_by_it() {
    type Ends<'a> = &'a dyn Fn(&mut Two) -> Verdict;
    let withdraws: Ends<'_> = &|room| {
        room.act(Side::Winner, soon(), Body::Withdraw(Empty {})).unwrap();
        Verdict::Withdrawn(Side::Winner)
    };
    let absent: Ends<'_> = &|room| {
        room.absent(past_deadline(), false, true).unwrap();
        Verdict::Forfeited
    };
    let disclose: Ends<'_> = &|room| {
        room.disclose(Side::Seller, soon()).unwrap();
        room.disclose(Side::Winner, soon()).unwrap();
        Verdict::Revealed
    };
    for end in [withdraws, absent, disclose] {
        let mut room = try_open(true, |_| {}).unwrap().talking(2);
        room.say(soon(), &key(0)).unwrap();
        let verdict = end(&mut room);
        let concluded = room.table.reveal().conclusion().unwrap();
        assert_eq!(concluded.verdict, verdict);
        room.say(past_deadline(), &key(100)).unwrap();
        room.act(Side::Seller, past_deadline(), more(keys(10..12))).unwrap();
        room.say(past_deadline(), &key(10)).unwrap();
        assert_eq!(room.table.reveal().conclusion(), Some(concluded));
        assert!(room.disclose(Side::Seller, past_deadline()).is_err());
        assert_eq!(room.absent(past_deadline(), true, true), Err(Code::AbsentWrong));
        let log = verify::log(room.table.lines(), &room.table.head()).unwrap();
        assert_eq!(RevealRoom::of(&log).unwrap().conclusion(), Some(concluded));
    }
}

#[test]
fn v313_nothing_is_said_between_the_two_disclosures() {
    let mut room = two().talking(2);
    room.disclose(Side::Seller, soon()).unwrap();
    assert_eq!(room.say(soon(), &key(0)), Err(Code::DisclosePair));
    assert_eq!(room.act(Side::Seller, soon(), more(keys(10..11))), Err(Code::DisclosePair));
    room.disclose(Side::Winner, soon()).unwrap();
    assert!(room.say(soon(), &key(0)).is_ok());
    let mut half = two();
    half.disclose(Side::Winner, soon()).unwrap();
    assert_eq!(half.publish(Side::Seller, keys(0..1), false), Err(Code::DisclosePair));
}

/// A disclosure that the broker holds is logged with its stamp of then, whatever was said meanwhile.
#[test]
fn v035_what_is_said_makes_no_disclosure_stale() {
    let mut room = two();
    let held = room.act_at(Side::Winner, soon(), Body::Disclose(sealed(1)));
    let mut room = room.talking(2);
    let other = room.act_at(Side::Seller, deadline(), Body::Disclose(sealed(2)));
    room.say(deadline(), &key(0)).unwrap();
    room.say(deadline(), &key(100)).unwrap();
    room.act(Side::Seller, deadline(), more(keys(10..11))).unwrap();
    assert!(room.table.submit(&held).is_ok());
    assert!(room.table.submit(&other).is_ok());
    assert!(verify::log(room.table.lines(), &room.table.head()).is_ok());
}

#[test]
fn v314_something_is_said_with_the_key_of_both_and_no_other() {
    let mut room = two();
    let pair = room.pair();
    // Before there is such a key.
    let stamped = room.say_by(&pair, soon(), &key(0));
    assert_eq!(room.table.submit(&stamped), Err(Code::VerbAuthor));
    room.publish(Side::Seller, keys(0..4), false).unwrap();
    let stamped = room.say_by(&pair, soon(), &key(0));
    assert_eq!(room.table.submit(&stamped), Err(Code::VerbAuthor));
    room.publish(Side::Winner, keys(100..104), true).unwrap();
    let other = SecretKey::from_seed(&[9; 32]);
    let stamped = room.say_by(&other, soon(), &key(0));
    assert_eq!(room.table.submit(&stamped), Err(Code::VerbAuthor));
    let said = Body::SealedSay(SealedSay { once: key(0).digest(), sealed: envelope(1) });
    for side in [Side::Seller, Side::Winner] {
        assert_eq!(room.act(side, soon(), said.clone()), Err(Code::VerbAuthor));
    }
    assert_eq!(room.table.broker(soon(), said), Err(Code::VerbAuthor));
    assert!(room.say(soon(), &key(0)).is_ok());
    // And that key does nothing else.
    for body in [Body::Disclose(sealed(1)), more(keys(10..11)), Body::Withdraw(Empty {})] {
        let fresh = room.table.fresh(&Author::new(7));
        let action = room.table.draft(&fresh, body).sign_as_pair(&pair).unwrap();
        let stamped = room.table.tsa.stamp(action, soon());
        assert_eq!(room.table.submit(&stamped), Err(Code::VerbAuthor));
    }
}

/// Who states a side's own key as that of both gains nothing: a side's key signs nothing that is said.
#[test]
fn v314_a_sides_own_key_is_not_taken_for_that_of_both() {
    let mut room = two();
    room.publish(Side::Seller, keys(0..4), false).unwrap();
    let seller = room.table.reveal().opening().seller;
    let stated = Some(PublicKey::from_bytes(*seller.as_bytes()));
    let talk = Body::Talk(talk_of(Side::Winner, keys(100..104), stated));
    room.act(Side::Winner, soon(), talk).unwrap();
    let said = Body::SealedSay(SealedSay { once: key(0).digest(), sealed: envelope(1) });
    assert_eq!(room.act(Side::Seller, soon(), said), Err(Code::VerbAuthor));
}

#[test]
fn v314_each_one_time_key_is_for_one_saying() {
    let mut room = two().talking(2);
    let replayed = {
        let pair = room.pair();
        room.say_by(&pair, soon(), &key(0))
    };
    room.table.submit(&replayed).unwrap();
    assert_eq!(room.table.submit(&replayed), Err(Code::KeyReused));
    assert_eq!(room.say(soon(), &key(0)), Err(Code::SayKeyUsed));
    for unknown in [key(1_000), key(2_000), key(50)] {
        assert_eq!(room.say(soon(), &unknown), Err(Code::SayKey));
    }
    let left = |room: &Two, side| room.table.reveal().talks().keys(side).unwrap().waiting().len();
    assert_eq!((left(&room, Side::Seller), left(&room, Side::Winner)), (1, 2));
    room.say(soon(), &key(101)).unwrap();
    room.say(soon(), &key(100)).unwrap();
    assert_eq!((left(&room, Side::Seller), left(&room, Side::Winner)), (1, 0));
    assert_eq!(room.say(soon(), &key(100)), Err(Code::SayKeyUsed));
}

#[test]
fn v314_what_was_said_in_another_room_is_not_said_here() {
    let mut room = two().talking(2);
    let mut other = try_open(false, |reveal: &mut Reveal| reveal.nonce = Digest([9; 32])).unwrap();
    other.publish(Side::Seller, keys(0..2), false).unwrap();
    // Even where both rooms have the same key of both.
    let stated = talk_of(Side::Winner, keys(100..102), Some(room.pair().public()));
    other.act(Side::Winner, soon(), Body::Talk(stated)).unwrap();
    let pair = room.pair();
    let swapped = room.say_by(&pair, soon(), &key(0));
    assert_eq!(other.table.submit(&swapped), Err(Code::RoomOther));
    assert!(room.table.submit(&swapped).is_ok());
}

#[test]
fn v061_the_opening_alone_says_how_much_is_published_and_until_when() {
    let mut room = two().talking(4);
    let opening = room.table.opening.clone();
    let alone = |entry: &Stamped| opening.action().body().judge_alone(entry);
    let last = open_until(room.table.reveal().opening());
    let late = last.plus(Duration::from_micros(1));
    let pair = room.pair();
    for once in [keys(0..0), keys(0..5)] {
        let talk = Body::Talk(talk_of(Side::Seller, once, None));
        assert_eq!(alone(&room.act_at(Side::Seller, soon(), talk)), Err(Code::TalkKeys));
    }
    for once in [keys(0..0), keys(0..6)] {
        let more = room.act_at(Side::Winner, soon(), more(once));
        assert_eq!(alone(&more), Err(Code::TalkKeys));
    }
    let said = Body::SealedSay(SealedSay { once: key(0).digest(), sealed: envelope(1) });
    let by_side = room.act_at(Side::Seller, soon(), said);
    assert_eq!(alone(&by_side), Err(Code::VerbAuthor));
    for (time, expected) in [(last, Ok(())), (late, Err(Code::TalkOver))] {
        assert_eq!(alone(&room.say_by(&pair, time, &key(0))), expected);
        let talk = Body::Talk(talk_of(Side::Seller, keys(0..4), None));
        assert_eq!(alone(&room.act_at(Side::Seller, time, talk)), expected);
        assert_eq!(alone(&room.act_at(Side::Winner, time, more(keys(0..5)))), expected);
    }
}

#[test]
fn v014_no_other_size_and_no_unusable_key_is_said_or_published() {
    let size = Class::Small.envelope_size();
    for other in [0, size - 1, size + 1] {
        assert!(SayEnvelope::try_from(vec![1; other]).is_err(), "{other}");
    }
    let parse = |verb: Verb, body: &str| Body::parse(verb.as_str(), body);
    let text = |body: &Body| body.encode().unwrap();
    let good = text(&Body::Talk(talk_of(Side::Seller, keys(0..1), None)));
    assert!(parse(Verb::Talk, &good).is_some());
    let with = |once: &str| format!("{{\"once\":[\"{once}\"]}}");
    assert!(parse(Verb::TalkKeys, &with(&key(0).to_string())).is_some());
    let mut weak = *key(0).as_bytes();
    weak[1_184..].fill(0);
    let mut high = *key(0).as_bytes();
    high[..3].fill(0xff);
    for bytes in [&weak[..], &high[..], &key(0).as_bytes()[1..]] {
        let once = crate::value::codec::to_base64url(bytes);
        assert!(parse(Verb::TalkKeys, &with(&once)).is_none());
    }
    let mut talk = talk_of(Side::Seller, keys(0..1), None);
    talk.agreement = AgreementPublic([0; 32]);
    assert!(!Body::Talk(talk).seals_are_usable());
}
