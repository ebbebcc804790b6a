//! Rooms among many, through the real programs: how they are called, which are followed, and that
//! answers name what they answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pregao::chat::model::{Model, Next};
use pregao::command::Command;
use pregao::event::{ActView, Event, RoomView};
use pregao::front::channel::{Front, UserRequest, pair};
use pregao::net::tls::Roots;
use pregao::text::moment::TimeZone;
use pregao::vault::{Passphrase, Vault};
use pregao_protocol::log::RoomName;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_tests::desk::{Desk, PASSPHRASE, Ran, enrol, pregao};
use pregao_tests::house::{House, Options};
use pregao_tests::liar::{Liar, Up};
use pregao_tests::peer::{Made, Peer, Terms};
use serde_json::json;

use crate::fronts::{carried_out, persona};
use crate::{guest, open};

fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, Some(1), "{}", ran.text);
    for word in words {
        assert!(ran.text.contains(word), "no `{word}` in: {}", ran.text);
    }
}

/// Lists an item that ends in so many seconds.
async fn list(seller: &mut Peer, title: &str, seconds: u64) -> RoomName {
    let terms = terms(seller, title, seconds).await;
    let made = seller.make_listing(&terms).unwrap();
    seller.act(&made).await.unwrap().logged().unwrap();
    made.action.room()
}

async fn terms(seller: &mut Peer, title: &str, seconds: u64) -> Terms {
    let end = seller.in_seconds(seconds).await.unwrap();
    Terms { title: title.to_owned(), ..Terms::until(end) }
}

/// The line of a room in the list of auctions.
fn line<'a>(items: &'a Ran, title: &str) -> &'a str {
    carried_out(items).lines().find(|line| line.contains(title)).unwrap()
}

/// What it is called there.
fn called(items: &Ran, title: &str) -> String {
    line(items, title).split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_process_acts_in_a_room_for_which_there_was_no_place() {
    let house = open();
    let (mut one, mut two) = (guest(&house).await, guest(&house).await);
    // The one that ends last comes first: what was listed early has no claim to a place.
    let far = list(&mut one, "Far away", 40_000).await;
    for number in 0..35 {
        list(&mut one, &format!("Near {number}"), 4_000).await;
        list(&mut two, &format!("Next {number}"), 4_000).await;
    }
    two.join(far).await.unwrap();
    two.bid(far, 500).await.unwrap().1.logged().unwrap();

    let ana = persona(&house, "ana").await;
    let items = pregao(&ana, &["items"]).await.unwrap();
    let shown = line(&items, "Far away");
    assert!(shown.contains("not followed") && shown.contains("from 1.00 EUR"), "{shown}");
    assert_eq!(carried_out(&items).matches("not followed").count(), 71 - 64, "{}", items.text);
    let as_json = pregao(&ana, &["items", "--json"]).await.unwrap();
    let views = carried_out(&as_json).lines().find_map(|line| match serde_json::from_str(line) {
        Ok(Event::Items { rooms, .. }) => Some(rooms),
        _ => None,
    });
    let view: RoomView =
        views.unwrap().into_iter().find(|view| view.room == far.to_string()).unwrap();
    assert_eq!((view.joined, view.bids, view.highest), (false, None, None));

    let far_short = called(&items, "Far away");
    let low = pregao(&ana, &["bid", &far_short, "5.00"]).await.unwrap();
    let of = format!("bid 5.00 EUR in #{far_short} \"Far away\": the bid is too low");
    refused(&low, &[&of, "bid.too-low", "bid at least 5.10 EUR"]);
    let bid = pregao(&ana, &["bid", &far_short, "6"]).await.unwrap();
    assert!(carried_out(&bid).contains(&format!("#{far_short} \"Far away\" entry 2 bid")));
    // A room one has acted in has a place from the start.
    let items = pregao(&ana, &["items"]).await.unwrap();
    let shown = line(&items, "Far away");
    assert!(shown.contains("6.00 EUR (2 bids)") && shown.contains("you lead"), "{shown}");
    assert!(!shown.contains("not followed"), "{shown}");

    // So do the other commands that act in a room, each in a process of its own.
    let other = carried_out(&items).lines().find(|line| line.contains("not followed")).unwrap();
    let other = other.split_whitespace().next().unwrap();
    carried_out(&pregao(&ana, &["export", other]).await.unwrap());
    carried_out(&pregao(&ana, &["join", other]).await.unwrap());
    carried_out(&pregao(&ana, &["say", other, "is it there?"]).await.unwrap());
    let withdrawn = pregao(&ana, &["withdraw", other]).await.unwrap();
    refused(&withdrawn, &["withdraw in #", "reveal.none"]);
}

/// A broker that lets a session follow so many rooms.
fn with_places(most: usize) -> impl FnMut(&FromPeer) -> Option<Vec<FromBroker>> + Send + 'static {
    let mut followed = BTreeSet::new();
    move |frame| {
        match frame {
            FromPeer::Rooms { .. } => followed.clear(),
            FromPeer::Leave { room } => drop(followed.remove(room)),
            FromPeer::Join { room, .. } if followed.contains(room) || followed.len() < most => {
                followed.insert(*room);
            }
            FromPeer::Join { room, .. } => {
                let (code, message) = ("door.rooms".to_owned(), "too many rooms".to_owned());
                return Some(vec![FromBroker::Error { code, message, room: Some(*room) }]);
            }
            _ => {}
        }
        None
    }
}

/// Waits until exactly these rooms are followed; gives what the desk said of each last.
async fn followed(desk: &mut Desk, rooms: &[RoomName]) {
    let wanted: BTreeSet<String> = rooms.iter().map(ToString::to_string).collect();
    let mut joined: BTreeMap<String, bool> = BTreeMap::new();
    desk.ever(|event| {
        if let Event::Room(view) = event {
            joined.insert(view.room.clone(), view.joined && view.verified_size > 0);
        }
        let now: BTreeSet<String> =
            joined.iter().filter(|(_, joined)| **joined).map(|(room, _)| room.clone()).collect();
        (now == wanted).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_places_are_short_the_soonest_to_end_and_what_one_acts_in_have_them() {
    let house = House::open(&Options::default().simulated()).unwrap();
    let mut seller = guest(&house).await;
    let mut rooms = Vec::new();
    for (title, seconds) in [("E", 500), ("A", 100), ("D", 400), ("B", 200), ("C", 300)] {
        rooms.push(list(&mut seller, title, seconds).await);
    }
    let [e, a, d, b, c] = rooms.try_into().unwrap();
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    let liar = Liar::before(&house, &folder, Up(with_places(3))).await.unwrap();
    let mut ana = Desk::start(&folder, &liar.address).unwrap();
    followed(&mut ana, &[a, b, c]).await;
    // Bidding follows by itself; who ends last gives way, and is said to be not followed.
    assert!(
        ana.ask(json!({ "command": "bid", "room": e.to_string(), "amount": "2" })).await.unwrap()
    );
    followed(&mut ana, &[a, b, e]).await;
    // So does joining, and it is remembered.
    assert!(ana.ask(json!({ "command": "join", "room": d.to_string() })).await.unwrap());
    followed(&mut ana, &[a, d, e]).await;
    // As an auction ends another takes its place.
    let end = seller.in_seconds(100).await.unwrap();
    house.tsa.set_time(end).unwrap();
    followed(&mut ana, &[b, d, e]).await;
    // What was left is not followed again by itself.
    assert!(ana.ask(json!({ "command": "leave", "room": b.to_string() })).await.unwrap());
    followed(&mut ana, &[c, d, e]).await;
    // All of it holds in another session too.
    liar.renew();
    ana.until(|event| matches!(event, Event::Connected { .. }).then_some(())).await.unwrap();
    assert!(
        ana.ask(json!({ "command": "say", "room": d.to_string(), "text": "hello" })).await.unwrap()
    );
    followed(&mut ana, &[c, d, e]).await;
    let bad = |event: &&Event| {
        matches!(event, Event::Refused { .. } | Event::Alarm { room: Some(_), .. })
    };
    assert_eq!(ana.seen.iter().find(bad), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_place_for_it_a_command_ends_with_a_code() {
    let house = open();
    let mut seller = guest(&house).await;
    let room = list(&mut seller, "Radio", 600).await;
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    let liar = Liar::before(&house, &folder, Up(with_places(0))).await.unwrap();
    let mut ana = Desk::start(&folder, &liar.address).unwrap();
    let bid = json!({ "command": "bid", "room": room.to_string(), "amount": "2" });
    assert!(!ana.ask(bid).await.unwrap());
    let (code, ..) = ana.refusal().await.unwrap();
    assert_eq!(code, "room.not-followed");
}

/// Listings whose names begin with the same four characters, in digits if so wanted.
async fn alike(seller: &mut Peer, digits: bool) -> [Made; 2] {
    let (left, right) =
        (terms(seller, "Left shoe", 3_000).await, terms(seller, "Right shoe", 3_000).await);
    let mut made: BTreeMap<String, Made> = BTreeMap::new();
    for number in 0_usize.. {
        let terms = if number % 2 == 0 { &left } else { &right };
        let listing = seller.make_listing(terms).unwrap();
        let beginning = listing.action.room().to_string()[..4].to_owned();
        if digits && !beginning.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let title = |made: &Made| made.action.compact().len();
        match made.get(&beginning) {
            Some(other) if title(other) != title(&listing) => return [other.clone(), listing],
            Some(_) => {}
            None => drop(made.insert(beginning, listing)),
        }
    }
    unreachable!("names are hashes")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_two_rooms_is_refused_naming_both() {
    let house = open();
    let mut seller = guest(&house).await;
    let [first, second] = alike(&mut seller, true).await;
    let (ana, beginning) =
        (persona(&house, "ana").await, first.action.room().to_string()[..4].to_owned());
    seller.act(&first).await.unwrap().logged().unwrap();
    // Digits that name a room: the amount is the word after them, and goes there.
    let bid = pregao(&ana, &["bid", &beginning, "500", "--yes"]).await.unwrap();
    let shoe = if carried_out(&bid).contains("Left shoe") { "Left shoe" } else { "Right shoe" };
    assert!(bid.text.contains(&format!("#{beginning} \"{shoe}\" entry 1 bid")), "{}", bid.text);
    seller.act(&second).await.unwrap().logged().unwrap();
    let both = ["room.ambiguous", "\"Left shoe\"", "\"Right shoe\"", "more characters"];
    for words in [
        &["bid", &beginning, "600"][..],
        &["say", &beginning, "hello"],
        &["reveal", &beginning, "Ana", "a@b"],
        &["prove", &beginning],
        &["withdraw", &beginning],
        &["join", &beginning],
        &["leave", &beginning],
        &["export", &beginning],
    ] {
        refused(&pregao(&ana, words).await.unwrap(), &both);
    }
    let items = pregao(&ana, &["items"]).await.unwrap();
    let (left, right) = (called(&items, "Left shoe"), called(&items, "Right shoe"));
    assert!(left.len() > 4 && right.len() > 4 && left != right, "{}", items.text);
    let bid = pregao(&ana, &["bid", &left, "600", "--yes"]).await.unwrap();
    assert!(carried_out(&bid).contains(&format!("#{left} \"Left shoe\"")), "{}", bid.text);
    let full = second.action.room().to_string();
    carried_out(&pregao(&ana, &["say", &full, "hello"]).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digit_names_no_room_and_a_split_amount_bids_nowhere() {
    let house = open();
    let mut seller = guest(&house).await;
    let mut made = Vec::new();
    let terms = terms(&mut seller, "Clock", 3_000).await;
    for digit in ["1", "9"] {
        let listing = loop {
            let listing = seller.make_listing(&terms).unwrap();
            if listing.action.room().to_string().starts_with(digit) {
                break listing;
            }
        };
        seller.act(&listing).await.unwrap().logged().unwrap();
        made.push(listing.action.room());
    }
    let folder = persona(&house, "ana").await;
    for words in [
        &["bid", "1", "500"][..],
        &["bid", "1", "600"],
        &["bid", "9", "900"],
        &["bid", "1", "500", "EUR"],
        &["bid", &made[0].to_string(), "1", "500"],
        &["bid", &made[0].to_string(), "1\u{a0}500"],
        &["bid", &made[0].to_string(), "1\u{202f}500"],
        &["say", "#1", "fan of this clock"],
        &["leave", "1"],
        &["export", "#9"],
    ] {
        let ran = pregao(&folder, words).await.unwrap();
        assert_eq!(ran.code, Some(1), "{words:?}: {}", ran.text);
        assert!(ran.text.trim().lines().count() >= 2, "no advice for {words:?}: {}", ran.text);
    }
    // A program that skips the parser gets no further.
    let mut ana = Desk::start(&folder, &house.broker.address).unwrap();
    for (command, code) in [
        (json!({ "command": "bid", "room": "1", "amount": "500" }), "room.short"),
        (json!({ "command": "bid", "room": "", "amount": "500" }), "room.short"),
        (json!({ "command": "say", "room": "#1", "text": "fan of this clock" }), "room.short"),
        (json!({ "command": "reveal", "room": "9", "name": "Ana" }), "room.short"),
        (json!({ "command": "withdraw", "room": "123" }), "room.short"),
        (json!({ "command": "bid", "room": made[1], "amount": "9 900" }), "command.parse"),
        (json!({ "command": "bid", "room": made[1], "amount": "9\u{2009}900" }), "command.parse"),
    ] {
        assert!(!ana.ask(command.clone()).await.unwrap(), "{command}");
        assert_eq!(ana.refusal().await.unwrap().0, code, "{command}");
    }
    for room in made {
        ana.verified(&room.to_string(), 1).await.unwrap();
    }
    let logged = |event: &Event| matches!(event, Event::Bid { .. } | Event::Said { .. });
    assert!(!ana.seen.iter().any(logged));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_names_its_act_and_its_room() {
    let house = open();
    let mut seller = guest(&house).await;
    let room = list(&mut seller, "Radio", 600).await.to_string();
    let folder = house.folder.path().join("ana");
    let mut ana = Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap();
    ana.verified(&room, 1).await.unwrap();
    let bid = async |ana: &mut Desk, amount: &str| {
        let id = ana
            .tell(json!({ "command": "bid", "room": &room[..4], "amount": amount }))
            .await
            .unwrap();
        let done = |event: &Event| match event {
            Event::Done { id: Some(done), of, .. } if *done == id => Some(of.clone()),
            _ => None,
        };
        (id.clone(), ana.ever(done).await.unwrap())
    };
    let of = |offer: &str| ActView {
        act: Some("bid".to_owned()),
        room: Some(room.clone()),
        short: Some(room[..4].to_owned()),
        title: Some("Radio".to_owned()),
        offer: Some(offer.to_owned()),
    };
    assert_eq!(bid(&mut ana, "2").await.1, of("2.00 EUR"));
    let (id, done) = bid(&mut ana, "1.5").await;
    assert_eq!(done, of("1.50 EUR"));
    let refused = ana.until(|event| match event {
        Event::Refused { id, of, report } => {
            Some((id.clone(), of.clone(), report.code.to_string()))
        }
        _ => None,
    });
    let too_low = (Some(id), of("1.50 EUR"), "bid.too-low".to_owned());
    assert_eq!(refused.await.unwrap(), too_low);
    assert!(
        ana.seen.iter().any(|event| matches!(event,
        Event::Receipt(view) if view.title.as_deref() == Some("Radio") && view.short == room[..4]))
    );
}

/// The chat's state over a real desk.
struct Chat {
    model: Model,
    front: Front,
}

impl Chat {
    async fn open(house: &House, folder: &Path) -> Self {
        enrol(folder, &house.tsa.address).await.unwrap();
        let vault = Vault::open(folder, &Passphrase::new(PASSPHRASE.to_owned())).unwrap();
        let options = pregao::desk::Options {
            broker: house.broker.address.clone(),
            suites: pregao_protocol::wire::session::Ranking::default(),
            tls: Roots::default(),
            evidence: folder.join("evidence"),
            exports: folder.join("export"),
            patient: false,
            discreet: false,
            passed_over: Vec::new(),
            zone: TimeZone::UTC,
            state: None,
            cards: Arc::new(pregao::desk::signer::Readers),
            reader: None,
            route: None,
            host: pregao::host::system(),
            net: Arc::new(pregao::net::Internet),
            witnesses: Vec::new(),
            lock_tsas: Vec::new(),
            final_by: Vec::new(),
            silent: Duration::from_secs(60),
        };
        let (front, back) = pair();
        // It ends with its front.
        drop(pregao::desk::start(vault, options, back).unwrap());
        Self { model: Model::new(), front }
    }

    /// Takes events in until one is looked for.
    async fn until(&mut self, mut wanted: impl FnMut(&Event) -> bool) {
        let found = async {
            loop {
                let event = self.front.events.recv().await.unwrap();
                let found = wanted(&event);
                self.model.apply(event);
                if found {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), found).await.unwrap();
    }

    /// Waits until the first entry of each of these rooms is verified.
    async fn verified(&mut self, rooms: &[&str]) {
        let mut missing: BTreeSet<&str> = rooms.iter().copied().collect();
        self.until(|event| {
            if let Event::Room(view) = event
                && view.verified_size > 0
            {
                missing.remove(view.room.as_str());
            }
            missing.is_empty()
        })
        .await;
    }

    /// Types a line; what becomes of it is not waited for.
    async fn typed(&mut self, line: &str) -> Option<Command> {
        let Next::Send(command) = self.model.submit(line) else { return None };
        let id = Some(self.model.request_id());
        self.front
            .commands
            .send(UserRequest { id, command: command.clone(), yes: true, written: None })
            .await
            .unwrap();
        Some(command)
    }

    fn lines(&self, room: &str) -> Vec<String> {
        let rooms = self.model.listed();
        let room = rooms.into_iter().find(|listed| listed.id == room).unwrap();
        room.messages.iter().map(|message| message.text.clone()).collect()
    }
}

fn is_done(event: &Event) -> bool {
    matches!(event, Event::Done { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_chat_an_answer_stays_with_its_room_and_with_who_asked() {
    let house = open();
    let mut seller = guest(&house).await;
    let radio = list(&mut seller, "Radio", 600).await.to_string();
    let lamp = list(&mut seller, "Lamp", 900).await.to_string();
    let mut ana = Chat::open(&house, &house.folder.path().join("ana")).await;
    ana.verified(&[&radio, &lamp]).await;
    // Typed over the radio; the lamp is on screen when the refusal comes.
    ana.model.select(&radio);
    ana.typed("/bid 0.50").await.unwrap();
    ana.model.select(&lamp);
    ana.until(is_done).await;
    let low = format!("refused: bid 0.50 EUR in #{} \"Radio\": the bid is too low", &radio[..4]);
    assert!(ana.lines(&radio).iter().any(|line| line.starts_with(&low)), "{:?}", ana.lines(&radio));
    assert!(
        !ana.lines(&lamp).iter().any(|line| line.contains("refused")),
        "{:?}",
        ana.lines(&lamp)
    );
    // Typed over the lamp about the radio: both say so, with name and title.
    ana.typed(&format!("/bid #{} 2", &radio[..4])).await.unwrap();
    ana.until(is_done).await;
    let done = format!("bid 2.00 EUR in #{} \"Radio\": done", &radio[..4]);
    assert!(ana.lines(&lamp).contains(&done), "{:?}", ana.lines(&lamp));
    // What is no room is said as typed where it is on screen; what could be one nowhere.
    ana.typed("/say #1 fan of this clock").await.unwrap();
    ana.until(|event| matches!(event, Event::Said { .. })).await;
    assert!(ana.lines(&lamp).iter().any(|line| line == "<you> #1 fan of this clock"));
    let nowhere = loop {
        let name = format!("{:04x}", rand_16());
        if !radio.starts_with(&name) && !lamp.starts_with(&name) {
            break name;
        }
    };
    ana.typed(&format!("/say #{nowhere} hello")).await.unwrap();
    ana.until(|event| matches!(event, Event::Refused { .. })).await;
    let said = ana.lines(&lamp);
    assert!(said.iter().any(|line| line.contains(&format!("no room begins with {nowhere}"))));
    assert!(!said.iter().any(|line| line.contains("<you> ") && line.contains("hello")), "{said:?}");
    assert_eq!(ana.typed("/bid 1 500").await, None);
}

fn rand_16() -> u16 {
    let [high, low, ..] = pregao_tests::peer::random();
    u16::from_be_bytes([high, low])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_appears_before_enter_makes_what_was_typed_mean_neither() {
    let house = open();
    let mut seller = guest(&house).await;
    let [first, second] = alike(&mut seller, false).await;
    let (one, two) = (first.action.room().to_string(), second.action.room().to_string());
    seller.act(&first).await.unwrap().logged().unwrap();
    let mut ana = Chat::open(&house, &house.folder.path().join("ana")).await;
    ana.until(
        |event| matches!(event, Event::Room(view) if view.room == one && view.verified_size == 1),
    )
    .await;
    assert_eq!(ana.model.short(&one), &one[..4]);
    let line = format!("/bid #{} 5", ana.model.short(&one));
    seller.act(&second).await.unwrap().logged().unwrap();
    ana.until(|event| matches!(event, Event::Room(view) if view.room == two)).await;
    assert!(ana.model.short(&one).len() > 4 && two.starts_with(&one[..4]));
    ana.typed(&line).await.unwrap();
    ana.until(is_done).await;
    let said = ana.lines("").join("\n");
    assert!(said.contains("Left shoe") && said.contains("Right shoe"), "{said}");
    assert!(said.contains("room.ambiguous"), "{said}");
    let line = format!("/bid #{} 5", ana.model.short(&one));
    ana.typed(&line).await.unwrap();
    ana.until(|event| matches!(event, Event::Bid { .. })).await;
    assert!(ana.lines(&one).contains(&"you bid 5.00 EUR".to_owned()));
}

/// What the peer hears of a room while nothing answers: a stated time, then a code.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_never_comes_ends_the_command_with_a_code() {
    let house = open();
    let mut seller = guest(&house).await;
    let room = list(&mut seller, "Radio", 600).await;
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    // The first session shows nothing of the room: the desk is never caught up with it.
    let lie = Up(move |frame: &FromPeer| {
        let joins = matches!(frame, FromPeer::Join { .. });
        *count.lock().unwrap() += usize::from(joins);
        joins.then(Vec::new)
    });
    let liar = Liar::before(&house, &folder, lie).await.unwrap();
    let mut ana = Desk::start(&folder, &liar.address).unwrap();
    let id = ana
        .tell(json!({ "command": "bid", "room": room.to_string(), "amount": "2" }))
        .await
        .unwrap();
    assert!(!ana.done(&id).await.unwrap());
    assert!(*asked.lock().unwrap() > 0);
}

/// Entries for an earlier asking are still on their way when the room is asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn leaving_and_joining_while_entries_come_raises_no_alarm() {
    let house = open();
    let (mut seller, mut rui) = (guest(&house).await, guest(&house).await);
    let room = list(&mut seller, "Radio", 600).await;
    let folder = house.folder.path().join("ana");
    let mut ana = Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap();
    ana.verified(&room.to_string(), 1).await.unwrap();
    rui.join(room).await.unwrap();
    let bids = tokio::spawn(async move {
        for at in 1..=60 {
            rui.grown(room, at).await.unwrap();
            rui.bid(room, 100 * (at + 1)).await.unwrap().1.logged().unwrap();
        }
    });
    let name = room.to_string();
    while !bids.is_finished() {
        let mut last = String::new();
        for command in ["leave", "join", "leave", "join"] {
            last = ana.tell(json!({ "command": command, "room": name })).await.unwrap();
        }
        assert!(ana.done(&last).await.unwrap());
    }
    bids.await.unwrap();
    ana.verified(&name, 61).await.unwrap();
    let alarm = |event: &&Event| matches!(event, Event::Alarm { .. });
    assert_eq!(ana.seen.iter().find(alarm), None);
    assert_eq!(ana.end().await.unwrap(), Some(0));
}
