//! The private room of the two: one alone is held, both are released together, and absence is recorded when
//! the deadline has passed and not before.

use std::time::Duration;

use pregao_protocol::letter::say::pair_key;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::auction::{Outcome, Phase};
use pregao_protocol::room::body::{Reveal, SealedSay, Talk};
use pregao_protocol::room::reveal::End;
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::key::{PairKey, SecretKey};
use pregao_protocol::trust::prekey::{PrekeyPublic, PrekeySecret};
use pregao_protocol::value::clock::Time;

use super::*;
use crate::fixture::{Answer, Made, Person, Stage, Terms, secs};

const MICROSECOND: Duration = Duration::from_micros(1);

/// An auction of Ana's that Rui won; the two have a room.
struct Settled {
    stage: Stage,
    ana: Person,
    rui: Person,
    listing: Made,
    bid: Made,
    auction: RoomName,
    room: RoomName,
    opening: Reveal,
}

async fn settled() -> Settled {
    let stage = Stage::open().await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let end = stage.tsa.now().plus(secs(20));
    let terms = Terms { disclose_within: 600, ..Terms::until(end) };
    let listing = stage.list_with(&ana, &terms).await;
    let auction = listing.room();
    let bid = stage.bids(&rui, auction, 100).await;
    stage.until(|stage| !stage.reveals().is_empty()).await;
    let (room, opening) = stage.reveals().pop().unwrap();
    Settled { stage, ana, rui, listing, bid, auction, room, opening }
}

impl Settled {
    fn seen(&self) -> Seen {
        self.stage.seen(self.room)
    }

    fn by_seller(&self) -> Made {
        let Self { stage, ana, listing, room, opening, .. } = self;
        ana.disclosure(stage.shared(), *room, opening, listing, self.seen())
    }

    fn by_winner(&self) -> Made {
        let Self { stage, rui, bid, room, opening, .. } = self;
        rui.disclosure(stage.shared(), *room, opening, bid, self.seen())
    }

    fn reveal(&self) -> RevealRoom {
        RevealRoom::of(&self.stage.room(self.room)).unwrap().clone()
    }

    /// Has the broker hear this time and what it does about it.
    async fn at(&self, time: Time) {
        self.stage.tell(time).await;
        tokio::time::sleep(secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_pair_is_held_and_the_second_releases_both_the_older_stamp_first() {
    let pair = settled().await;
    let (stage, ana, rui) = (&pair.stage, &pair.ana, &pair.rui);
    let (sellers, winners) = (pair.by_seller(), pair.by_winner());
    // The winner's is stamped first and handed in second.
    let older = stage.stamp(&winners);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let newer = stage.stamp(&sellers);
    let Answer::Held(word) = stage.submit(ana, &sellers, &newer).answer().await else {
        panic!("it is held")
    };
    assert_eq!((word.digest, word.room), (sellers.action.digest(), pair.room));
    assert_eq!(word.stamp, stage.tsa.open(&newer.batch).hash());
    assert_eq!(stage.size(pair.room), 1, "and nobody sees that it is there");
    // The word is the same however often it is asked for, and whatever the stamp now is.
    assert_eq!(stage.act(ana, &sellers).await, Answer::Held(word));

    assert_eq!(stage.submit(rui, &winners, &older).answer().await.seq(), Some(1));
    let reveal = pair.reveal();
    assert_eq!(reveal.disclosed(Side::Winner), Some(1), "the older stamp stands first");
    assert_eq!(reveal.disclosed(Side::Seller), Some(2));
    assert_eq!(stage.act(ana, &sellers).await.seq(), Some(2), "what was held has its receipt");
    assert!(stage.pending(pair.room).is_empty());
    stage.until(|stage| stage.auction(pair.auction).phase() == sold()).await;
    assert_eq!(stage.metrics().revealed.value(), 1);
}

fn sold() -> Phase {
    Phase::Ended(Outcome::Sold { winner: 1, price: 100.try_into().unwrap() })
}

#[tokio::test(start_paused = true)]
async fn both_in_one_batch_are_a_pair_too() {
    let pair = settled().await;
    let (sellers, winners) = (pair.by_seller(), pair.by_winner());
    let stamps = [&sellers, &winners].map(|made| pair.stage.stamp(made));
    let first = pair.stage.submit(&pair.ana, &sellers, &stamps[0]);
    let second = pair.stage.submit(&pair.rui, &winners, &stamps[1]);
    let answers = [first.answer().await, second.answer().await];
    // The first was held when it was decided.
    assert_eq!((answers[0].code(), answers[1].seq()), ("held", Some(2)));
    assert_eq!(pair.reveal().disclosed(Side::Seller), Some(1));
    assert_eq!(pair.stage.act(&pair.ana, &sellers).await.seq(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn one_side_does_not_disclose_twice_whether_held_or_logged() {
    let pair = settled().await;
    let (stage, ana) = (&pair.stage, &pair.ana);
    let first = pair.by_seller();
    assert_eq!(stage.act(ana, &first).await.code(), "held");
    let second = pair.by_seller();
    assert_ne!(first.action.digest(), second.action.digest());
    let refused = stage.act(ana, &second).await;
    assert_eq!(refused.refusal().code, Code::DiscloseTwice);
    assert_eq!(stage.act(ana, &first).await.code(), "held", "the first stays");
    let winners = pair.by_winner();
    stage.act(&pair.rui, &winners).await.seq().unwrap();
    for (author, made) in [(ana, pair.by_seller()), (&pair.rui, pair.by_winner())] {
        assert_eq!(stage.act(author, &made).await.code(), "disclose.twice");
    }
    assert_eq!(stage.size(pair.room), 3);
}

#[tokio::test(start_paused = true)]
async fn strangers_and_losers_hand_in_nothing_here() {
    let pair = settled().await;
    let (stage, eva) = (&pair.stage, pair.stage.person(3));
    let own = eva.listing(stage.shared(), &Terms::until(stage.tsa.now().plus(secs(600))));
    let posed = eva.disclosure(stage.shared(), pair.room, &pair.opening, &own, pair.seen());
    assert_eq!(stage.act(&eva, &posed).await.code(), "room.unknown");
    let withdrawn = pair.ana.withdrawal(stage.shared(), pair.room, &pair.listing, pair.seen());
    assert_eq!(stage.act(&pair.ana, &withdrawn).await.code(), "withdraw.forbidden");
    let bid = pair.rui.bid(stage.shared(), pair.room, 500, pair.seen());
    assert_eq!(stage.act(&pair.rui, &bid).await.code(), "room.unknown");
    assert_eq!(stage.size(pair.room), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_survives_a_crash_and_only_its_members_room_keeps_it() {
    let mut pair = settled().await;
    let sellers = pair.by_seller();
    let held = pair.stage.act(&pair.ana, &sellers).await;
    let payload = pair.stage.pending(pair.room).pop().unwrap();
    assert!(!payload.payload.contains(sellers.action.compact()), "sealed at rest");
    pair.stage = pair.stage.restart().await;
    assert_eq!(pair.stage.act(&pair.ana, &sellers).await.code(), held.code());
    assert_eq!(pair.stage.act(&pair.ana, &pair.by_seller()).await.code(), "disclose.twice");
    let winners = pair.by_winner();
    assert!(pair.stage.act(&pair.rui, &winners).await.seq().is_some());
    assert_eq!(pair.stage.size(pair.room), 3);
}

#[tokio::test(start_paused = true)]
async fn absence_is_recorded_a_microsecond_after_the_deadline_and_not_at_it() {
    let early = settled().await;
    early.stage.act(&early.ana, &early.by_seller()).await;
    early.stage.stop_ticks().await;
    early.at(early.opening.deadline).await;
    assert_eq!((early.reveal().end(), early.stage.size(early.room)), (None, 1));

    let pair = settled().await;
    let (stage, ana) = (&pair.stage, &pair.ana);
    let sellers = pair.by_seller();
    stage.act(ana, &sellers).await;
    stage.stop_ticks().await;
    pair.at(pair.opening.deadline.plus(MICROSECOND)).await;
    let absent = Absent { seller: false, winner: true };
    assert_eq!(pair.reveal().end(), Some(End::Absent(absent)));
    // What one side handed in alone is never released, and no longer kept.
    assert!(stage.pending(pair.room).is_empty());
    assert_eq!(stage.verbs(pair.room), ["reveal", "absent"]);
    assert_eq!(stage.act(ana, &sellers).await.code(), "verb.phase");
}

#[tokio::test(start_paused = true)]
async fn who_is_absent_is_who_has_nothing_held() {
    let expected = [(true, false), (false, true), (true, true)];
    for (seller, winner) in expected {
        let pair = settled().await;
        if !seller {
            pair.stage.act(&pair.ana, &pair.by_seller()).await;
        }
        if !winner {
            pair.stage.act(&pair.rui, &pair.by_winner()).await;
        }
        pair.at(pair.opening.deadline.plus(secs(1))).await;
        let reveal = pair.reveal();
        assert_eq!(reveal.end(), Some(End::Absent(Absent { seller, winner })));
        assert!(
            reveal.disclosed(Side::Seller).is_none() && reveal.disclosed(Side::Winner).is_none()
        );
        let verbs = pair.stage.verbs(pair.auction);
        let outcome = if seller { "abandoned" } else { "forfeited" };
        assert!(verbs.contains(&outcome), "{verbs:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_disclosure_stamped_at_the_deadline_is_in_time_and_one_after_it_is_late() {
    let pair = settled().await;
    let stage = &pair.stage;
    stage.stop_ticks().await;
    let (sellers, winners) = (pair.by_seller(), pair.by_winner());
    stage.tell(pair.opening.deadline).await;
    let in_time = stage.stamp(&sellers);
    assert_eq!(stage.submit(&pair.ana, &sellers, &in_time).answer().await.code(), "held");
    stage.tsa.set(pair.opening.deadline.plus(MICROSECOND));
    let late = stage.stamp(&winners);
    let answer = stage.submit(&pair.rui, &winners, &late).answer().await;
    assert_eq!(answer.refusal().code, Code::DiscloseLate);
}

#[tokio::test(start_paused = true)]
async fn nobody_whom_the_store_turned_away_is_absent_until_their_patience_is_over() {
    let pair = settled().await;
    let stage = &pair.stage;
    let (sellers, winners) = (pair.by_seller(), pair.by_winner());
    let stamp = stage.stamp(&sellers);
    stage.act(&pair.rui, &winners).await;
    stage.store.fail_commits(1);
    let turned_away = stage.submit(&pair.ana, &sellers, &stamp).answer().await;
    assert_eq!(turned_away.code(), "store.failed");
    // Counted from when the store works again, which is now.
    pair.at(pair.opening.deadline.plus(secs(1))).await;
    tokio::time::sleep(secs(57)).await;
    assert_eq!(pair.reveal().end(), None, "it is the broker that is late");
    // The same bytes with the same old stamp are taken: they were not old when they came.
    assert!(stage.submit(&pair.ana, &sellers, &stamp).answer().await.seq().is_some());
    assert!(pair.reveal().complete());
    tokio::time::sleep(secs(10)).await;
    assert_eq!(pair.reveal().end(), None);
}

#[tokio::test(start_paused = true)]
async fn patience_ends_sixty_seconds_after_the_store_works_again() {
    let pair = settled().await;
    let stage = &pair.stage;
    stage.act(&pair.rui, &pair.by_winner()).await;
    stage.store.break_down(true);
    let sellers = pair.by_seller();
    assert_eq!(stage.act(&pair.ana, &sellers).await.code(), "store.failed");
    pair.at(pair.opening.deadline.plus(secs(1))).await;
    tokio::time::sleep(secs(120)).await;
    assert_eq!(pair.reveal().end(), None, "however long the store fails");
    stage.store.break_down(false);
    tokio::time::sleep(secs(58)).await;
    assert_eq!(pair.reveal().end(), None);
    tokio::time::sleep(secs(5)).await;
    let absent = Absent { seller: true, winner: false };
    assert_eq!(pair.reveal().end(), Some(End::Absent(absent)));
}

/// What the two write to each other by: everything from fixed secrets, for the broker reads none of it.
struct Talkers {
    pair: SecretKey<PairKey>,
    once: [PrekeyPublic; 2],
}

impl Settled {
    /// Both publish their keys.
    async fn talkers(&self) -> Talkers {
        let agreements = [1, 2].map(|number| AgreementSecret::from_random([number; 32]));
        let publics = [agreements[0].public(), agreements[1].public()];
        let pair = pair_key(self.room, Side::Seller, &agreements[0], &publics[1]).unwrap();
        let key = |number: u8| PrekeySecret::from_random([number; 32]).public();
        let once = [key(3), key(4)];
        let Self { stage, ana, rui, listing, bid, room, .. } = self;
        for (at, person, made, stated) in
            [(0, ana, listing, None), (1, rui, bid, Some(pair.public()))]
        {
            let signed = key(5 + u8::try_from(at).unwrap());
            let once = vec![once[at].clone()];
            let talk = Talk { agreement: publics[at], signed, once, pair: stated };
            let made = person.as_member(stage.shared(), *room, made, Body::Talk(talk), self.seen());
            assert!(stage.act(person, &made).await.seq().is_some());
        }
        Talkers { pair, once }
    }

    /// The winner says something to the side whose key this is.
    fn say(&self, pair: &SecretKey<PairKey>, once: &PrekeyPublic) -> Made {
        let sealed = vec![7; 4_028].try_into().unwrap();
        let body = Body::SealedSay(SealedSay { once: once.digest(), sealed });
        self.rui.as_pair(self.room, (&self.bid, pair), body, self.seen())
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_said_while_a_disclosure_is_held_leaves_it_as_good_as_it_was() {
    let pair = settled().await;
    let (stage, ana, rui) = (&pair.stage, &pair.ana, &pair.rui);
    assert_eq!(stage.act(ana, &pair.by_seller()).await.code(), "held");
    let talkers = pair.talkers().await;
    // Longer than a stamp is fresh.
    tokio::time::sleep(secs(90)).await;
    let said = pair.say(&talkers.pair, &talkers.once[0]);
    assert_eq!(stage.act(rui, &said).await.seq(), Some(3));
    assert!(stage.act(rui, &pair.by_winner()).await.seq().is_some());
    assert!(pair.reveal().complete());
    stage.until(|stage| stage.auction(pair.auction).phase() == sold()).await;
    // After the end, in a room that is complete, as before.
    let said = pair.say(&talkers.pair, &talkers.once[1]);
    assert_eq!(stage.act(rui, &said).await.seq(), Some(6));
    assert_eq!(stage.metrics().revealed.value(), 1);
}

#[tokio::test(start_paused = true)]
async fn strangers_and_keys_that_were_used_say_nothing() {
    let pair = settled().await;
    let (stage, ana, rui) = (&pair.stage, &pair.ana, &pair.rui);
    let other = SecretKey::from_seed(&[9; 32]);
    let key = PrekeySecret::from_random([3; 32]).public();
    assert_eq!(stage.act(rui, &pair.say(&other, &key)).await.code(), "room.unknown");
    let talkers = pair.talkers().await;
    let foreign = pair.say(&other, &talkers.once[0]);
    assert_eq!(stage.act(rui, &foreign).await.code(), "room.unknown");
    let said = pair.say(&talkers.pair, &talkers.once[0]);
    assert_eq!(stage.act(rui, &said).await.seq(), Some(3));
    assert_eq!(stage.act(rui, &said).await.seq(), Some(3), "the same again has the same answer");
    let again = pair.say(&talkers.pair, &talkers.once[0]);
    assert_eq!(stage.act(ana, &again).await.code(), "say.key-used");
    let unknown = PrekeySecret::from_random([8; 32]).public();
    let unknown = pair.say(&talkers.pair, &unknown);
    assert_eq!(stage.act(ana, &unknown).await.code(), "say.key");
}

#[tokio::test(start_paused = true)]
async fn somebody_who_was_absent_is_still_written_to_and_their_absence_stands() {
    let pair = settled().await;
    let talkers = pair.talkers().await;
    pair.stage.stop_ticks().await;
    pair.at(pair.opening.deadline.plus(MICROSECOND)).await;
    let absent = Absent { seller: true, winner: true };
    assert_eq!(pair.reveal().end(), Some(End::Absent(absent)));
    pair.stage.tsa.set(pair.opening.deadline.plus(secs(60)));
    let said = pair.say(&talkers.pair, &talkers.once[0]);
    assert!(pair.stage.act(&pair.rui, &said).await.seq().is_some());
    assert_eq!(pair.reveal().end(), Some(End::Absent(absent)));
    assert_eq!(pair.stage.act(&pair.ana, &pair.by_seller()).await.code(), "verb.phase");
}

#[tokio::test(start_paused = true)]
async fn v380_a_reveal_room_is_not_there_for_others_and_shows_no_more_of_itself_again() {
    let pair = settled().await;
    let (stage, ana, rui) = (&pair.stage, &pair.ana, &pair.rui);
    let eva = stage.person(3);
    let size = |answer: &Answer| {
        let Answer::Receipt { head, .. } = answer else { panic!("{answer:?}") };
        let origin =
            pregao_protocol::log::Origin { broker: stage.shared().fingerprint(), room: pair.room };
        let key = stage.shared().certificate.keys.head;
        pregao_protocol::log::Head::open(head, &origin, &key).unwrap().size
    };
    let (first, second) = (pair.by_seller(), pair.by_winner());
    assert_eq!(stage.act(ana, &first).await.code(), "held");
    assert!(stage.act(rui, &second).await.seq().is_some());
    let talkers = pair.talkers().await;
    let said = pair.say(&talkers.pair, &talkers.once[0]);
    assert_eq!(size(&stage.act(rui, &said).await), 6);
    assert_eq!(size(&stage.act(rui, &pair.say(&talkers.pair, &talkers.once[1])).await), 7);
    // Whoever was shown a disclosure hands it in: never one of the two alone, and nothing behind them.
    for disclosed in [&first, &second] {
        assert_eq!(size(&stage.act(&eva, disclosed).await), 3);
    }
    assert_eq!(size(&stage.act(&eva, &said).await), 6);
    let bid = eva.bid(stage.shared(), pair.room, 500, pair.seen());
    assert_eq!(stage.act(&eva, &bid).await, Answer::Failed("room.unknown".to_owned()));
}
