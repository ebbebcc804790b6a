//! The way from a room's head to its cosignature and back, with witnesses that really sign.

use std::time::Duration;

use pregao_protocol::log::Cosignature;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::auction::{Auction, Late, Phase};
use pregao_protocol::room::body::{Body, Settled};
use pregao_protocol::value::clock::Time;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};

use super::*;
use crate::fixture::{Cosigner, Peer, Says, Stage, secs};
use crate::store::Log as _;

/// An auction of Ana's that ends in twenty seconds, with a bid of Rui's, and so many witnesses of operators
/// of their own.
async fn running(witnesses: u8) -> (Stage, Vec<Arc<Cosigner>>, RoomName) {
    let cosigners: Vec<_> = (1..=witnesses).map(|number| Cosigner::new(number, number)).collect();
    let stage = Stage::witnessed(&cosigners).await;
    let room = list(&stage).await;
    (stage, cosigners, room)
}

async fn list(stage: &Stage) -> RoomName {
    let (ana, rui) = (stage.person(1), stage.person(2));
    let room = stage.list(&ana, 20).await.room();
    stage.bids(&rui, room, 100).await;
    room
}

impl Stage {
    /// The newest cosigned head that is kept of a room, and by whom.
    fn kept(&self, room: RoomName) -> Option<(u64, Vec<Cosignature>)> {
        let StoredHead { size, note } = self.store.sound().cosigned(&room).unwrap()?;
        let auction = self.room(room);
        let terms = auction.terms();
        let origin = Origin { broker: self.shared().fingerprint(), room };
        let head = Head::open(&note, &origin, &terms.broker.head).unwrap();
        assert_eq!(head.size, size);
        let cosigned = cosignature::cosignatures(&note, &head, &terms.witnesses).unwrap();
        Some((size, cosigned.into_iter().map(|(_, cosigned)| cosigned).collect()))
    }

    /// Waits until the newest head of a room is kept with so many cosignatures.
    async fn until_kept(&self, room: RoomName, size: u64, by: usize) {
        let is_kept = |stage: &Self| {
            let kept = stage.store.sound().cosigned(&room).unwrap();
            // Three lines, an empty one, and the broker's before the others.
            kept.is_some_and(|kept| (kept.size, kept.note.lines().count()) == (size, 5 + by))
        };
        self.until(is_kept).await;
        assert_eq!(self.kept(room).map(|(_, cosigned)| cosigned.len()), Some(by), "all hold");
    }

    /// Waits until the log of a room has so many entries.
    async fn until_size(&self, room: RoomName, size: u64) {
        self.until(|stage| stage.store.sound().head(&room).unwrap().size >= size).await;
    }

    /// The first `settled` of a room.
    fn first_settled(&self, room: RoomName) -> Settled {
        let entries = self.store.sound().read(&room, 0, 99).unwrap();
        let body = |text: &str| {
            let entry = pregao_protocol::log::Entry::parse(text).unwrap();
            let action = Action::parse(&entry.action).unwrap();
            if let Body::Settled(settled) = action.body() { Some(settled.clone()) } else { None }
        };
        entries.iter().find_map(|entry| body(&entry.text)).expect("it is settled")
    }
}

fn public_by(auction: &Auction) -> Time {
    auction.public_by().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_certificate_and_every_listing_name_the_witnesses_and_their_quorum() {
    for (operators, quorum) in
        [(&[][..], 0), (&[1], 1), (&[1, 2], 2), (&[1, 2, 3], 2), (&[1, 1], 1)]
    {
        let cosigners: Vec<_> = (1..)
            .zip(operators)
            .map(|(number, operator)| Cosigner::new(number, *operator))
            .collect();
        let stage = Stage::witnessed(&cosigners).await;
        let certificate = &stage.shared().certificate;
        let named: Vec<Witness> = cosigners.iter().map(|one| one.witness()).collect();
        assert_eq!((&certificate.witnesses, certificate.quorum), (&named, quorum));
        let room = list(&stage).await;
        assert_eq!(stage.room(room).terms().witnesses, named);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_is_cosigned_soon_after_it_is_signed_and_kept_and_shown_to_followers() {
    let (stage, cosigners, room) = running(2).await;
    stage.until_kept(room, 2, 2).await;
    let rui = stage.person(3);
    let mut peer = Peer::connect(&stage, &rui).await;
    peer.send(&FromPeer::Join { room, from: 0, member: None }).await;
    let is_cosigned = |frame: &FromBroker| matches!(frame, FromBroker::Cosigned { .. });
    // Whoever joins gets the newest.
    let FromBroker::Cosigned { room: of, head } = peer.until(is_cosigned).await else { panic!() };
    assert_eq!((of, head.lines().nth(1)), (room, Some("2")));
    let before = tokio::time::Instant::now();
    stage.bids(&rui, room, 200).await;
    loop {
        let FromBroker::Cosigned { head, .. } = peer.until(is_cosigned).await else { panic!() };
        let lines = head.lines().count();
        if head.lines().nth(1) == Some("3") && lines == 4 + 1 + 2 {
            break;
        }
    }
    assert!(before.elapsed() <= secs(2), "{:?}", before.elapsed());
    assert_eq!(cosigners[0].registrations(), 1);
    assert_eq!(stage.metrics().deliveries.value(), 1, "a head is no entry");
}

#[tokio::test(start_paused = true)]
async fn a_busy_room_has_one_head_a_second_cosigned_and_both_witnesses_the_same() {
    let cosigners = [Cosigner::new(1, 1), Cosigner::new(2, 2)];
    let stage = Stage::witnessed(&cosigners).await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let room = stage.list(&ana, 3_600).await.room();
    for bid in 0..25 {
        stage.bids(&rui, room, 100 + 10 * bid).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    stage.until_kept(room, 26, 2).await;
    let sizes = cosigners.each_ref().map(|one| {
        let asked = one.asked();
        for pair in asked.windows(2) {
            assert!(pair[1].at - pair[0].at >= secs(1), "{pair:?}");
        }
        assert!((10..=12).contains(&asked.len()), "{}", asked.len());
        asked.iter().map(|asked| asked.size).collect::<Vec<_>>()
    });
    assert_eq!(sizes[0], sizes[1]);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_a_witness_dates_is_settled_at_once_and_is_not_late() {
    let (stage, cosigners, room) = running(1).await;
    stage.until_size(room, 4).await;
    let auction = stage.auction(room);
    let settled = stage.first_settled(room);
    let [cosigned] = settled.cosigned[..] else { panic!("one date") };
    assert_eq!((auction.late(), auction.withdrawal()), (None, false));
    assert_eq!(cosigned.witness, cosigners[0].witness().key);
    assert!(auction.is_in_time(&[cosigned]));
    let Phase::Settled { time, .. } = auction.phase() else { panic!("settled") };
    let closing = auction.closing().unwrap();
    assert!(time < closing.time.plus(secs(1)), "the grace is not waited for");
    // Exactly that head was asked for, and what comes after it only afterwards.
    let sizes: Vec<u64> = cosigners[0].asked().iter().map(|asked| asked.size).collect();
    assert!(sizes.contains(&closing.head.size), "{sizes:?}");
    stage.until_kept(room, closing.head.size + 1, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_close_that_no_witness_dates_is_settled_after_the_grace_and_late() {
    let (stage, cosigners, room) = running(1).await;
    cosigners[0].conduct(|conduct| conduct.reachable = false);
    stage.until_size(room, 3).await;
    let limit = public_by(&stage.auction(room));
    stage.until(|stage| stage.tsa.now() > limit).await;
    assert!(stage.verbs(room).ends_with(&["closed"]), "a witness may still answer");
    stage.until_size(room, 4).await;
    let auction = stage.auction(room);
    assert_eq!((stage.first_settled(room).cosigned, auction.late()), (vec![], Some(Late::Witness)));
    assert!(auction.withdrawal());
    let Phase::Settled { time, .. } = auction.phase() else { panic!("settled") };
    assert!(time > limit && time <= limit.plus(secs(5)), "{}", time.since(limit).as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_witness_that_dates_the_close_after_the_grace_makes_it_late_and_is_named() {
    let (stage, cosigners, room) = running(1).await;
    cosigners[0].conduct(|conduct| conduct.ahead = 60);
    stage.until_size(room, 4).await;
    assert_eq!(stage.auction(room).late(), Some(Late::Witness));
    let [cosigned] = stage.first_settled(room).cosigned[..] else { panic!("one date") };
    assert_eq!(cosigned.witness, cosigners[0].witness().key);
}

#[tokio::test(start_paused = true)]
async fn two_witnesses_of_three_that_answer_date_the_close() {
    let (stage, cosigners, room) = running(3).await;
    cosigners[0].conduct(|conduct| conduct.reachable = false);
    cosigners[1].conduct(|conduct| conduct.delay = secs(3));
    stage.until_size(room, 4).await;
    assert_eq!(stage.auction(room).late(), None);
    let dates = stage.first_settled(room).cosigned;
    let by: Vec<_> = dates.iter().map(|date| date.witness).collect();
    assert_eq!(by, [1, 2].map(|at: usize| cosigners[at].witness().key));
}

/// Others could date another close of the same auction.
#[tokio::test(start_paused = true)]
async fn v143_one_witness_of_three_dates_no_close() {
    let (stage, cosigners, room) = running(3).await;
    cosigners[0].conduct(|conduct| conduct.reachable = false);
    cosigners[1].conduct(|conduct| conduct.ahead = 60);
    stage.until_size(room, 4).await;
    assert_eq!(stage.auction(room).late(), Some(Late::Witness));
    let dates = stage.first_settled(room).cosigned;
    let by: Vec<_> = dates.iter().map(|date| date.witness).collect();
    assert_eq!(by, [1, 2].map(|at: usize| cosigners[at].witness().key));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_starts_again_gets_the_date_that_the_witness_gave_before() {
    let (stage, cosigners, room) = running(1).await;
    stage.until_kept(room, 2, 1).await;
    cosigners[0].conduct(|conduct| conduct.is_heard = false);
    stage.until_size(room, 3).await;
    let closing = stage.auction(room).closing().unwrap().head;
    stage.until(|_| cosigners[0].newest(room).is_some_and(|(head, _)| head == closing)).await;
    let (_, original) = cosigners[0].newest(room).unwrap();
    // A minute away: by TSA time the grace is long over when it asks again.
    stage.tsa.set(stage.tsa.now().plus(secs(60)));
    cosigners[0].conduct(|conduct| *conduct = Default::default());
    let stage = stage.restart().await;
    stage.until_size(room, 4).await;
    assert_eq!(stage.first_settled(room).cosigned, [original]);
}

#[tokio::test(start_paused = true)]
async fn a_date_that_was_kept_before_the_broker_stopped_needs_no_witness() {
    let (stage, cosigners, room) = running(1).await;
    stage.until_size(room, 3).await;
    // The close is dated and kept, and nothing can be stamped that says so.
    stage.tsa.conduct(|conduct| conduct.answers = false);
    stage.until_kept(room, 3, 1).await;
    let (_, original) = cosigners[0].newest(room).unwrap();
    cosigners[0].conduct(|conduct| conduct.reachable = false);
    stage.tsa.conduct(|conduct| conduct.answers = true);
    stage.tsa.set(stage.tsa.now().plus(secs(60)));
    let stage = stage.restart().await;
    stage.until_size(room, 4).await;
    assert_eq!(stage.first_settled(room).cosigned, [original]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_starts_again_and_gets_no_date_settles_late_after_asking() {
    let (stage, cosigners, room) = running(1).await;
    cosigners[0].conduct(|conduct| conduct.reachable = false);
    stage.until_size(room, 3).await;
    stage.tsa.set(stage.tsa.now().plus(secs(20)));
    let stage = stage.restart().await;
    let begun = tokio::time::Instant::now();
    stage.until_size(room, 4).await;
    assert!(begun.elapsed() >= secs(4), "{:?}", begun.elapsed());
    assert_eq!(stage.auction(room).late(), Some(Late::Witness));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_hold_is_nobodys_cosignature() {
    let garbage = |status, words: &str| Says::Words(status, words.to_owned());
    for says in [
        Says::OtherKey,
        Says::OtherHead,
        garbage(200, ""),
        garbage(200, "\u{2014} witness.example/1 AAAA\n"),
        garbage(409, "minus one\n"),
        garbage(409, "9999999\n"),
        garbage(409, "0\n"),
        garbage(422, "no"),
        garbage(500, "no"),
        garbage(302, "there"),
    ] {
        let (stage, cosigners, room) = running(1).await;
        cosigners[0].conduct(|conduct| conduct.says = says.clone());
        let before = cosigners[0].asked().len();
        stage.until_size(room, 4).await;
        assert_eq!(stage.first_settled(room).cosigned, [], "{says:?}");
        assert_eq!(stage.auction(room).late(), Some(Late::Witness));
        let asked = cosigners[0].asked().len() - before;
        assert!((1..=40).contains(&asked), "{asked} {says:?}");
        // And once it does as it should, it is asked again.
        cosigners[0].conduct(|conduct| *conduct = Default::default());
        stage.until_kept(room, 4, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_witness_that_forgot_the_broker_is_told_again_at_once() {
    let (stage, cosigners, room) = running(1).await;
    stage.until_kept(room, 2, 1).await;
    cosigners[0].forget_brokers();
    let begun = tokio::time::Instant::now();
    stage.bids(&stage.person(4), room, 300).await;
    stage.until_kept(room, 3, 1).await;
    assert!(begun.elapsed() <= secs(2), "{:?}", begun.elapsed());
    assert_eq!(cosigners[0].registrations(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_witness_that_forgot_the_log_is_asked_from_where_it_is() {
    let (stage, cosigners, room) = running(1).await;
    stage.until_kept(room, 2, 1).await;
    cosigners[0].forget();
    stage.bids(&stage.person(4), room, 300).await;
    stage.until_kept(room, 3, 1).await;
    let last: Vec<_> =
        cosigners[0].asked().iter().rev().take(2).map(|one| (one.old, one.status)).collect();
    assert_eq!(last, [(0, 200), (2, 409)]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_starts_again_knows_from_what_it_kept_where_each_witness_is() {
    let (stage, cosigners, room) = running(2).await;
    stage.until_kept(room, 2, 2).await;
    let before = cosigners[0].asked().len();
    let stage = stage.restart().await;
    tokio::time::sleep(secs(2)).await;
    assert_eq!(cosigners[0].asked().len(), before, "it has cosigned that head");
    stage.bids(&stage.person(4), room, 300).await;
    stage.until_kept(room, 3, 2).await;
    for one in &cosigners {
        let last = *one.asked().last().unwrap();
        assert_eq!((last.old, last.size, last.status), (2, 3, 200));
    }
}

#[tokio::test(start_paused = true)]
async fn a_witness_that_does_not_take_the_broker_stops_nothing_and_is_asked_seldom() {
    let cosigner = Cosigner::new(1, 1);
    cosigner.conduct(|conduct| conduct.registers = false);
    let stage = Stage::witnessed(&[Arc::clone(&cosigner)]).await;
    let room = list(&stage).await;
    stage.until_size(room, 4).await;
    assert_eq!(stage.auction(room).late(), Some(Late::Witness));
    tokio::time::sleep(secs(300)).await;
    let registrations = cosigner.registrations();
    assert!((2..=20).contains(&registrations), "{registrations}");
}

#[tokio::test(start_paused = true)]
async fn no_bid_waits_for_a_witness() {
    let cosigner = Cosigner::new(1, 1);
    cosigner.conduct(|conduct| conduct.delay = secs(100));
    let stage = Stage::witnessed(&[cosigner]).await;
    let begun = tokio::time::Instant::now();
    let room = list(&stage).await;
    let eva = stage.person(3);
    for bid in 1..20 {
        stage.bids(&eva, room, 100 + 10 * bid).await;
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn many_rooms_are_cosigned_eight_at_a_time_and_closings_go_first() {
    let cosigner = Cosigner::new(1, 1);
    let stage = Stage::witnessed(&[Arc::clone(&cosigner)]).await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let closing = stage.list(&ana, 30).await.room();
    stage.bids(&rui, closing, 100).await;
    let mut rooms = Vec::new();
    cosigner.conduct(|conduct| conduct.delay = Duration::from_millis(100));
    for _ in 0..200 {
        rooms.push(stage.list(&ana, 36_000).await.room());
    }
    stage.until(|_| rooms.iter().all(|room| cosigner.newest(*room).is_some())).await;
    assert_eq!(cosigner.most_under_way(), 8);
    // Every room has a new head right before the end of one.
    let end = stage.auction(closing).end();
    stage.until(|stage| stage.tsa.now() >= end.minus(secs(1))).await;
    for room in &rooms {
        stage.bids(&rui, *room, 100).await;
    }
    let begun = tokio::time::Instant::now();
    stage.until_size(closing, 4).await;
    assert!(begun.elapsed() <= secs(3), "{:?}", begun.elapsed());
    assert_eq!(stage.auction(closing).late(), None);
    assert!(rooms.iter().any(|room| cosigner.newest(*room).unwrap().0.size == 1), "others wait");
    stage.until(|_| rooms.iter().all(|room| cosigner.newest(*room).unwrap().0.size == 2)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_said_after_the_close_is_cosigned_after_it() {
    let (stage, cosigners, room) = running(1).await;
    let before = stage.auction(room).end().minus(secs(2));
    stage.until(|stage| stage.tsa.now() >= before).await;
    cosigners[0].conduct(|conduct| conduct.reachable = false);
    stage.until_size(room, 3).await;
    let closing = stage.auction(room).closing().unwrap().head;
    let eva = stage.person(3);
    let remark = eva.say(stage.shared(), room, "Well?", stage.seen(room));
    assert!(stage.act(&eva, &remark).await.seq().is_some());
    cosigners[0].conduct(|conduct| conduct.reachable = true);
    stage.until_size(room, 5).await;
    assert_eq!(stage.auction(room).late(), None);
    let [cosigned] = stage.first_settled(room).cosigned[..] else { panic!("one date") };
    cosigned.verify(&closing).unwrap();
    stage.until_kept(room, closing.size + 2, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_quorum_that_is_kept_is_not_replaced_by_less() {
    let (stage, cosigners, room) = running(2).await;
    stage.until_kept(room, 2, 2).await;
    cosigners[1].conduct(|conduct| conduct.reachable = false);
    stage.bids(&stage.person(4), room, 300).await;
    stage.until(|_| cosigners[0].newest(room).is_some_and(|(head, _)| head.size == 3)).await;
    tokio::time::sleep(secs(3)).await;
    assert_eq!(stage.kept(room).map(|(size, by)| (size, by.len())), Some((2, 2)));
    cosigners[1].conduct(|conduct| conduct.reachable = true);
    stage.until_kept(room, 3, 2).await;
}

#[tokio::test(start_paused = true)]
async fn private_rooms_are_shown_to_no_witness() {
    let (stage, cosigners, room) = running(1).await;
    stage.until_size(room, 4).await;
    tokio::time::sleep(secs(100)).await;
    assert!(cosigners[0].asked().iter().all(|asked| asked.room == room));
}

#[tokio::test(start_paused = true)]
async fn a_witness_that_is_silent_for_a_minute_is_told_of_and_so_is_how_it_lags() {
    let (stage, cosigners, room) = running(2).await;
    stage.until_kept(room, 2, 2).await;
    let witnesses = &stage.shared().witnesses;
    assert_eq!(witnesses.silent(), "");
    cosigners[0].conduct(|conduct| conduct.reachable = false);
    stage.bids(&stage.person(4), room, 300).await;
    tokio::time::sleep(secs(59)).await;
    assert_eq!(witnesses.silent(), "");
    tokio::time::sleep(secs(2)).await;
    let told = witnesses.silent();
    assert!(told.starts_with("witness.silent: witness.example/1 has not answered for 6"), "{told}");
    assert_eq!(told.lines().count(), 1);
    let metrics = witnesses.render();
    let value = |field: &str, number: u8| -> f64 {
        let name = format!("pregao_witness_{field}{{witness=\"witness.example/{number}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
    };
    assert!(value("cosigned", 1) >= 1.0 && value("failed", 1) >= 1.0 && value("failed", 2) < 1.0);
    assert!(value("lag_seconds", 1) > 5.0, "{metrics}");
    cosigners[0].conduct(|conduct| conduct.reachable = true);
    tokio::time::sleep(secs(20)).await;
    assert_eq!(stage.shared().witnesses.silent(), "");
}

#[test]
fn v140_witnesses_that_can_have_no_quorum_are_refused_at_the_start() {
    let tsa = |number| -> (TsaAddress, TsaKeys) {
        use pregao_protocol::trust::key::SecretKey;
        let address = "http://tsa:1".parse().unwrap();
        let keys = TsaKeys {
            witness: None,
            authority: SecretKey::from_seed(&[number; 32]).public(),
            ticket: SecretKey::from_seed(&[number; 32]).public(),
            stamp: SecretKey::from_seed(&[number; 32]).public(),
            enrolment: None,
            issuers: Vec::new(),
            simulated: false,
        };
        (address, keys)
    };
    let (address, keys) = tsa(1);
    let given = |numbers: &[(u8, u8)]| -> Vec<WitnessAddress> {
        numbers.iter().map(|(number, of)| Cosigner::new(*number, *of).address()).collect()
    };
    let council = |numbers: &[(u8, u8)], quorum| {
        Council::of(given(numbers), quorum, (&address, &keys)).map(|council| council.quorum)
    };
    assert_eq!(council(&[], None), Ok(0));
    assert_eq!(council(&[], Some(0)), Ok(0));
    assert!(council(&[], Some(1)).is_err());
    let three = [(1, 1), (2, 2), (3, 3)];
    assert_eq!(council(&three, None), Ok(2));
    for (quorum, fits) in [(1, false), (2, true), (3, true), (4, false)] {
        assert_eq!(council(&three, Some(quorum)).is_ok(), fits, "{quorum}");
    }
    assert!(council(&[(1, 1), (2, 1)], Some(2)).is_err(), "one operator twice is not two");
    assert!(council(&[(1, 1), (1, 2)], None).is_err(), "one witness twice");
    let six: Vec<(u8, u8)> = (1..=6).map(|number| (number, number)).collect();
    assert!(council(&six[..5], None).is_ok());
    let told = council(&six, None).unwrap_err().to_string();
    assert!(told.contains("6 witnesses of 6 operators") && told.contains("--witness"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_cosigned_head_that_is_not_stored_is_stored_a_second_later_and_told_only_then() {
    let (stage, cosigners, room) = running(1).await;
    stage.until_kept(room, 2, 1).await;
    tokio::time::sleep(secs(2)).await;
    cosigners[0].conduct(|conduct| conduct.delay = secs(1));
    let rui = stage.person(4);
    let mut peer = Peer::connect(&stage, &rui).await;
    peer.send(&FromPeer::Join { room, from: 0, member: None }).await;
    let is_cosigned = |frame: &FromBroker| matches!(frame, FromBroker::Cosigned { .. });
    peer.until(is_cosigned).await;
    stage.bids(&rui, room, 300).await;
    stage.store.fail_commits(2);
    let begun = tokio::time::Instant::now();
    let FromBroker::Cosigned { head, .. } = peer.until(is_cosigned).await else { panic!() };
    assert_eq!(head.lines().nth(1), Some("3"));
    assert!(begun.elapsed() >= secs(3), "{:?}", begun.elapsed());
    stage.until_kept(room, 3, 1).await;
}
