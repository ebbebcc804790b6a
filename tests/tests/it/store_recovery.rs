//! The broker's disk fails and works again: everything goes on by itself, and nobody pays for it.

use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::room::RevealRoom;
use pregao_protocol::room::auction::{Outcome, Phase};
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_tests::desk::{Desk, enrol, pregao};
use pregao_tests::faults::{Fault, Faults};
use pregao_tests::house::{House, Options, holds};
use pregao_tests::peer::{Made, Peer, SubmitAnswer, Terms};

use crate::guest;
use crate::reveal::{disclosure, invitation, opened, opening, settled};

fn house_with(options: Options) -> (Faults, House) {
    let faults = Faults::compile().unwrap();
    let house = House::open(&faults.options(options)).unwrap();
    (faults, house)
}

/// Hands in the same bytes until the house has stored them; what it says until then.
async fn insist(peer: &mut Peer, made: &Made) -> (SubmitAnswer, Vec<String>) {
    let stamp = peer.stamp(made).await.unwrap();
    let mut heard = Vec::new();
    loop {
        let answer = peer.submit(made.action.compact(), &stamp, &made.blind).await.unwrap();
        match answer {
            SubmitAnswer::Failed(code) => heard.push(code),
            other => return (other, heard),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until `/healthz` says so; nobody asks the broker for anything else meanwhile.
async fn healthy(house: &House) {
    holds("a broker in good health", || house.broker.health().unwrap().0 == 200).await.unwrap();
}

/// One sync fails while a remark is stored; nobody acts afterwards.
async fn one_remark_fails(word: &str) -> (Faults, House, Peer, RoomName) {
    let (faults, house) = house_with(Options::default());
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    let room = ana.list(&Terms::until(end)).await.unwrap().action.room();
    faults.set(Fault::OneSync, word, 0).unwrap();
    let lost = ana.make_say(room, "lost").unwrap();
    assert_eq!(ana.act(&lost).await.unwrap().code(), "store.failed");
    faults.happened().await.unwrap();
    (faults, house, ana, room)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_one_failed_sync_a_fresh_watcher_and_a_fresh_program_find_the_room_open() {
    for word in ["log.db", "links.db"] {
        let (_faults, house, mut ana, room) = one_remark_fails(word).await;
        let mut rui = guest(&house).await;
        rui.join(room).await.unwrap();
        rui.until(|peer| peer.rooms.get(&room)?.head).await.unwrap();
        assert_eq!(rui.watched(room).unwrap().size(), 1, "what was not stored is nowhere");
        let folder = house.folder.path().join("buyer");
        enrol(&folder, &house.tsa.address).await.unwrap();
        let broker = house.broker.address.to_string();
        let words = ["bid", &room.to_string(), "12.50", "--yes", "--broker", &broker];
        let ran = pregao(&folder, &words).await.unwrap();
        assert_eq!(ran.code, Some(0), "{}", ran.text);
        rui.grown(room, 2).await.unwrap();
        ana.grown(room, 2).await.unwrap();
        assert_eq!(house.broker.metric("store_failed").unwrap(), 1);
        assert_eq!(house.broker.metric("failed").unwrap(), 1);
        healthy(&house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_could_not_be_stored_is_listed_by_the_same_bytes() {
    let (faults, house) = house_with(Options::default());
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    for word in ["link-keys.db", "links.db", "log.db"] {
        let listing = ana.make_listing(&Terms::until(end)).unwrap();
        faults.set(Fault::OneSync, word, 0).unwrap();
        let (answer, heard) = insist(&mut ana, &listing).await;
        assert_eq!(answer.logged().unwrap(), 0);
        assert_eq!(heard, ["store.failed"], "{word}");
        ana.join(listing.action.room()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_rooms_fail_at_once_and_come_back_each_by_itself() {
    let (faults, house) = house_with(Options::default());
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    let mut rooms = Vec::new();
    for _ in 0..5 {
        rooms.push(ana.list(&Terms::until(end)).await.unwrap().action.room());
    }
    faults.set(Fault::Sync, "log.db", 0).unwrap();
    for room in &rooms {
        let said = ana.make_say(*room, "lost").unwrap();
        assert_eq!(ana.act(&said).await.unwrap().code(), "store.failed");
    }
    let terms = Terms::until(end);
    let lost = ana.make_listing(&terms).unwrap();
    assert_eq!(ana.act(&lost).await.unwrap().code(), "store.failed");
    // Reading goes on: what is stored can be shown.
    let mut rui = guest(&house).await;
    for room in &rooms {
        rui.join(*room).await.unwrap();
        rui.until(|peer| peer.rooms.get(room)?.head).await.unwrap();
    }
    faults.clear().unwrap();
    for room in &rooms {
        let said = ana.make_say(*room, "kept").unwrap();
        assert_eq!(insist(&mut ana, &said).await.0.logged().unwrap(), 1);
        rui.grown(*room, 2).await.unwrap();
    }
    assert_eq!(insist(&mut ana, &lost).await.0.logged().unwrap(), 0, "the listing as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_tell_of_the_store_until_it_works_again() {
    let (faults, house) = house_with(Options::default());
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    let room = ana.list(&Terms::until(end)).await.unwrap().action.room();
    healthy(&house).await;
    assert_eq!(house.broker.metric("store_working").unwrap(), 1);
    for word in ["log.db", "links.db"] {
        faults.set(Fault::Sync, word, 0).unwrap();
        let before = house.broker.metric("failed").unwrap();
        let said = ana.make_say(room, "lost").unwrap();
        assert_eq!(ana.act(&said).await.unwrap().code(), "store.failed");
        let (status, text) = house.broker.health().unwrap();
        assert_eq!(status, 503, "{text}");
        assert!(text.contains("store.failed"), "{text}");
        assert_eq!(house.broker.metric("store_working").unwrap(), 0);
        assert_eq!(house.broker.metric("failed").unwrap(), before + 1);
        faults.clear().unwrap();
        // Without anybody's risking an action on it.
        healthy(&house).await;
        assert_eq!(house.broker.metric("store_working").unwrap(), 1);
    }
    let log = house.broker.log();
    assert!(log.contains("the store fails") && log.contains("takes commits again"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_is_answered_while_the_log_cannot_be_read_and_works_afterwards() {
    let (faults, house) = house_with(Options::default());
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    let room = ana.list(&Terms::until(end)).await.unwrap().action.room();
    let mut rui = guest(&house).await;
    let folder = house.folder.path().join("watcher");
    enrol(&folder, &house.tsa.address).await.unwrap();
    // What readers keep in memory is of no use to them once something was stored after it.
    let said = ana.make_say(room, "kept").unwrap();
    assert_eq!(ana.act(&said).await.unwrap().logged().unwrap(), 1);
    faults.set(Fault::Read, "log.db", 0).unwrap();
    assert_eq!(join_answer(&mut rui, room).await, "store.failed");
    // Nor can it be read what was answered before.
    let said = ana.make_say(room, "lost").unwrap();
    assert_eq!(ana.act(&said).await.unwrap().code(), "store.failed");
    assert_eq!(join_answer(&mut rui, room).await, "store.failed");
    // A real peer hears of it as well, and asks again by itself.
    let mut desk = Desk::start(&folder, &house.broker.address).unwrap();
    assert_eq!(desk.refusal().await.unwrap().0, "store.failed");
    faults.clear().unwrap();
    desk.verified(&room.to_string(), 2).await.unwrap();
    while join_answer(&mut rui, room).await != "joined" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rui.grown(room, 2).await.unwrap();
}

/// Joins a room from its beginning: `joined`, or the code of the answer that names it.
async fn join_answer(peer: &mut Peer, room: RoomName) -> String {
    peer.record = true;
    peer.frames.clear();
    peer.send(&FromPeer::Join { room, from: 0, member: None }).await.unwrap();
    let answered = |frame: &Vec<u8>| match FromBroker::parse(frame).unwrap() {
        FromBroker::Joined { room: of, .. } => (of == room).then_some("joined".to_owned()),
        FromBroker::Error { room: of, code, .. } => (of == Some(room)).then_some(code),
        _ => None,
    };
    peer.until(|peer| peer.frames.iter().find_map(answered)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_while_reading_freezes_no_session_and_every_request_gets_a_code() {
    let (faults, house) = house_with(Options::default());
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    let room = ana.list(&Terms::until(end)).await.unwrap().action.room();
    let mut rui = guest(&house).await;
    let said = ana.make_say(room, "kept").unwrap();
    assert_eq!(ana.act(&said).await.unwrap().logged().unwrap(), 1);
    // All that is logged: what has seen less is refused after a while.
    ana.grown(room, 2).await.unwrap();
    let said = ana.make_say(room, "later").unwrap();
    let stamp = ana.stamp(&said).await.unwrap();
    faults.set(Fault::Stall, "log.db", 0).unwrap();
    let answer = ana.submit(said.action.compact(), &stamp, &said.blind).await.unwrap();
    assert_eq!(answer.code(), "store.failed", "and not that nobody knows");
    assert_eq!(join_answer(&mut rui, room).await, "store.failed");
    // Both sessions go on.
    for peer in [&mut ana, &mut rui] {
        let seen = peer.newest.as_ref().unwrap().time();
        peer.until(|peer| (peer.newest.as_ref()?.time() > seen).then_some(())).await.unwrap();
    }
    faults.clear().unwrap();
    assert_eq!(insist(&mut ana, &said).await.0.logged().unwrap(), 2);
    while join_answer(&mut rui, room).await != "joined" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rui.grown(room, 3).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_leaves_no_request_without_an_answer() {
    let (faults, house) = house_with(Options::default());
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    let room = ana.list(&Terms::until(end)).await.unwrap().action.room();
    faults.set(Fault::Hang, "log.db", 0).unwrap();
    let said = ana.make_say(room, "slow").unwrap();
    let stamp = ana.stamp(&said).await.unwrap();
    let answer = ana.submit(said.action.compact(), &stamp, &said.blind).await.unwrap();
    assert_eq!(answer.code(), "broker.slow");
    // Another session is greeted, and its join answered, in the middle of that.
    let mut rui = guest(&house).await;
    rui.record = true;
    rui.send(&FromPeer::Join { room, from: 0, member: None }).await.unwrap();
    let joined = |frame: &Vec<u8>| matches!(FromBroker::parse(frame).unwrap(), FromBroker::Joined { room: of, .. } if of == room);
    rui.until(|peer| peer.frames.iter().any(joined).then_some(())).await.unwrap();
    faults.clear().unwrap();
    // Undecided was the truth: it is logged after all, once, and the same bytes get its receipt.
    let answer = ana.submit(said.action.compact(), &stamp, &said.blind).await.unwrap();
    assert_eq!(answer.logged().unwrap(), 1);
    rui.grown(room, 2).await.unwrap();
}

/// An auction that was won, with what both sides made in it.
struct Sale {
    house: House,
    faults: Faults,
    seller: Peer,
    winner: Peer,
    auction: RoomName,
    listing: Made,
    bid: Made,
}

impl Sale {
    /// One bid; the auction has not ended yet.
    async fn open(disclose_within: u32) -> Self {
        let (faults, house) = house_with(Options::default().simulated());
        let (mut seller, mut winner) = (guest(&house).await, guest(&house).await);
        let end = seller.in_seconds(300).await.unwrap();
        let terms = Terms { disclose_within, ..Terms::until(end) };
        let listing = seller.list(&terms).await.unwrap();
        let auction = listing.action.room();
        winner.join(auction).await.unwrap();
        let (bid, answer) = winner.bid(auction, 150).await.unwrap();
        answer.logged().unwrap();
        Self { house, faults, seller, winner, auction, listing, bid }
    }

    fn end(&self) {
        let auction = self.seller.watched(self.auction).unwrap().auction().unwrap();
        self.house.tsa.set_time(auction.end()).unwrap();
    }

    /// Both follow the private room.
    async fn meet(&mut self) -> RoomName {
        for peer in [&mut self.seller, &mut self.winner] {
            peer.auction_is(self.auction, settled).await.unwrap();
        }
        let private = invitation(&mut self.seller, self.auction).await;
        assert_eq!(invitation(&mut self.winner, self.auction).await, private);
        let key = self.listing.key(&self.seller.person, self.seller.pin);
        self.seller.join_private(private, &key).await.unwrap();
        let key = self.bid.key(&self.winner.person, self.winner.pin);
        self.winner.join_private(private, &key).await.unwrap();
        private
    }

    /// Both learned each other, and the auction says so.
    async fn is_sold(&mut self, private: RoomName) {
        self.seller.grown(private, 3).await.unwrap();
        self.winner.grown(private, 3).await.unwrap();
        assert_eq!(opened(&mut self.seller, private, &self.listing).name, "Winner Costa");
        assert_eq!(opened(&mut self.winner, private, &self.bid).name, "Seller Silva");
        let sold = |auction: &pregao_protocol::room::Auction| {
            matches!(auction.phase(), Phase::Ended(Outcome::Sold { .. }))
        };
        self.winner.auction_is(self.auction, sold).await.unwrap();
    }
}

/// `closed`, `settled` and the opening of the private room are each stored by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_at_the_end_of_an_auction_loses_neither_side_its_sale() {
    for after in 0..3 {
        let mut sale = Sale::open(3_600).await;
        sale.faults.set(Fault::OneSync, "log.db", after).unwrap();
        sale.end();
        sale.faults.happened().await.unwrap();
        let private = sale.meet().await;
        let (seller, winner) = (&mut sale.seller, &mut sale.winner);
        let first = disclosure(seller, private, &sale.listing, "Seller Silva");
        assert!(matches!(insist(seller, &first).await.0, SubmitAnswer::Held));
        let second = disclosure(winner, private, &sale.bid, "Winner Costa");
        insist(winner, &second).await.0.logged().unwrap();
        sale.is_sold(private).await;
    }
}

/// Anybody may go on talking while the private room cannot be opened.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_room_opened_late_rests_on_the_log_as_it_was_settled() {
    let between = loop {
        let mut sale = Sale::open(3_600).await;
        sale.faults.set(Fault::Sync, "log.db", 2).unwrap();
        sale.end();
        // Each time the broker pauses longer, so that there is time for a remark.
        let put_off = "a reveal room could not be opened";
        while sale.house.broker.log().matches(put_off).count() < 5 {
            sale.seller.pump().await.unwrap();
        }
        let said = sale.seller.make_say(sale.auction, "sold?").unwrap();
        sale.faults.clear().unwrap();
        let said = insist(&mut sale.seller, &said).await.0.logged().unwrap();
        // Receipt and invitation come from the same task, in the order in which it acted.
        if sale.seller.invited.is_empty() {
            break (sale, said);
        }
    };
    let (mut sale, said) = between;
    let private = sale.meet().await;
    let opening = opening(&sale.winner, private);
    assert_eq!(said, opening.settled + 1, "else this test shows nothing");
    sale.winner.grown(sale.auction, said + 1).await.unwrap();
    let entries = sale.winner.watched(sale.auction).unwrap().entries.iter();
    let leaves = entries.take(usize::try_from(said).unwrap());
    let tree = Tree::new(leaves.map(|entry| leaf_hash(entry.as_bytes())).collect());
    assert_eq!(opening.root, tree.root());
    let first = disclosure(&sale.seller, private, &sale.listing, "Seller Silva");
    assert!(matches!(insist(&mut sale.seller, &first).await.0, SubmitAnswer::Held));
    let second = disclosure(&sale.winner, private, &sale.bid, "Winner Costa");
    insist(&mut sale.winner, &second).await.0.logged().unwrap();
    sale.is_sold(private).await;
}

/// The one that is held, the pair, and `revealed`.
#[tokio::test(flavor = "multi_thread")]
async fn syncs_that_fail_between_two_disclosures_lose_neither() {
    let mut sale = Sale::open(3_600).await;
    sale.end();
    let private = sale.meet().await;
    let first = disclosure(&sale.seller, private, &sale.listing, "Seller Silva");
    sale.faults.set(Fault::OneSync, "log.db", 0).unwrap();
    let (answer, heard) = insist(&mut sale.seller, &first).await;
    assert!(matches!(answer, SubmitAnswer::Held));
    assert!(!heard.is_empty() && heard.iter().all(|code| code == "store.failed"), "{heard:?}");
    let second = disclosure(&sale.winner, private, &sale.bid, "Winner Costa");
    sale.faults.set(Fault::OneSync, "log.db", 0).unwrap();
    let stamp = sale.winner.stamp(&second).await.unwrap();
    let (compact, blind) = (second.action.compact(), &second.blind);
    let answer = sale.winner.submit(compact, &stamp, blind).await.unwrap();
    assert_eq!(answer.code(), "store.failed", "half a pair is as good as none");
    // A fresh watcher sees neither; the one that is held is still held, over a restart as well.
    sale.house.broker.kill().unwrap();
    sale.house.broker.restart().unwrap();
    let (address, people) = (
        sale.house.broker.address.clone(),
        [sale.seller.person.clone(), sale.winner.person.clone()],
    );
    sale.seller = Peer::connect(&people[0], &address).await.unwrap();
    sale.winner = Peer::connect(&people[1], &address).await.unwrap();
    sale.seller.join(sale.auction).await.unwrap();
    sale.winner.join(sale.auction).await.unwrap();
    assert_eq!(sale.meet().await, private);
    // The third sync after this is that of `revealed`, the first that of the pair.
    sale.faults.set(Fault::OneSync, "log.db", 1).unwrap();
    insist(&mut sale.winner, &second).await.0.logged().unwrap();
    sale.faults.happened().await.unwrap();
    sale.is_sold(private).await;
}

/// One sync fails, that of the pair, and the store works again before the pause after a failure is
/// over: the same bytes are taken at once, from a fold that had run ahead of its log.
#[tokio::test(flavor = "multi_thread")]
async fn a_pair_handed_in_again_right_after_a_failed_sync_ends_its_auction() {
    let mut sale = Sale::open(3_600).await;
    sale.end();
    let private = sale.meet().await;
    let first = disclosure(&sale.seller, private, &sale.listing, "Seller Silva");
    let second = disclosure(&sale.winner, private, &sale.bid, "Winner Costa");
    assert!(matches!(insist(&mut sale.seller, &first).await.0, SubmitAnswer::Held));
    let stamp = sale.winner.stamp(&second).await.unwrap();
    sale.faults.set(Fault::OneSync, "log.db", 0).unwrap();
    let mut refused = 0;
    let (action, blind) = (second.action.compact(), &second.blind);
    loop {
        let answer = sale.winner.submit(action, &stamp, blind).await.unwrap();
        if answer.code() != "store.failed" {
            answer.logged().unwrap();
            break;
        }
        refused += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(refused > 0, "the pair's own commit was to fail");
    sale.is_sold(private).await;
}

/// The disk fails before the deadline and works again after it. Both had handed in in time.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_recorded_as_absent_because_the_house_could_not_store() {
    let mut sale = Sale::open(120).await;
    sale.end();
    let private = sale.meet().await;
    let first = disclosure(&sale.seller, private, &sale.listing, "Seller Silva");
    let second = disclosure(&sale.winner, private, &sale.bid, "Winner Costa");
    let (one, other) =
        (sale.seller.stamp(&first).await.unwrap(), sale.winner.stamp(&second).await.unwrap());
    sale.faults.set(Fault::Sync, "log.db", 0).unwrap();
    for (peer, made, stamp) in
        [(&mut sale.seller, &first, &one), (&mut sale.winner, &second, &other)]
    {
        let answer = peer.submit(made.action.compact(), stamp, &made.blind).await.unwrap();
        assert_eq!(answer.code(), "store.failed");
    }
    let late = opening(&sale.seller, private).deadline.plus(Duration::from_secs(30));
    sale.house.tsa.set_time(late).unwrap();
    sale.seller.until(|peer| (peer.newest.as_ref()?.time() >= late).then_some(())).await.unwrap();
    assert_eq!(sale.house.broker.health().unwrap().0, 503);
    sale.faults.clear().unwrap();
    healthy(&sale.house).await;
    // The same bytes, with stamps from before the deadline, however old they are by now.
    let mut answers = Vec::new();
    for (peer, made, stamp) in
        [(&mut sale.seller, &first, &one), (&mut sale.winner, &second, &other)]
    {
        answers.push(loop {
            let answer = peer.submit(made.action.compact(), stamp, &made.blind).await.unwrap();
            if answer.code() != "store.failed" {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        });
    }
    assert!(matches!(answers[0], SubmitAnswer::Held), "{answers:?}");
    answers[1].logged().unwrap();
    sale.is_sold(private).await;
    let room = sale.seller.watched(private).unwrap().room().unwrap();
    let reveal = RevealRoom::of(room).unwrap();
    assert!(reveal.complete() && reveal.end().is_none());
}
