//! Sealed bids that several TSAs lock, through the real programs: any two of three open them, whoever is away or lies.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use pregao::event::{Event, Phase, RoomView};
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_tests::desk::{Desk, enrol, pregao};
use pregao_tests::house::{House, Options, Tsa};
use serde_json::{Value, json};

/// A house whose broker offers two TSAs besides its own.
struct Place {
    house: House,
    others: Vec<Tsa>,
    _folder: tempfile::TempDir,
}

/// `through` gives the address at which the broker reaches the second of them.
fn place(through: impl Fn(&Tsa) -> TsaAddress) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let others: Vec<Tsa> = ["north", "south"]
        .map(|name| {
            let own = folder.path().join(name);
            std::fs::create_dir(&own).unwrap();
            Tsa::start(&own, &Options::default().simulated()).unwrap()
        })
        .into();
    let flags = format!("--lock-tsa {} --lock-tsa {}", others[0].address, through(&others[1]));
    let house = House::open(&Options::default().simulated().broker(&flags)).unwrap();
    Place { house, others, _folder: folder }
}

fn honest(tsa: &Tsa) -> TsaAddress {
    tsa.address.clone()
}

fn stamp_of(tsa: &Tsa) -> String {
    tsa.program().ready["stamp"].as_str().unwrap().to_owned()
}

impl Place {
    async fn desk(&self, name: &str, pinned: &[&str]) -> Desk {
        let folder = self.house.folder.path().join(name);
        enrol(&folder, &self.house.tsa.address).await.unwrap();
        let broker = self.house.broker.address.to_string();
        let mut arguments = vec!["json", "--broker", &broker];
        pinned.iter().for_each(|pin| arguments.extend(["--lock-tsa", *pin]));
        Desk::run(&folder, &arguments).unwrap()
    }

    /// A seller and a bidder who pinned both TSAs, an item that any two of three open, and a bid of 50.
    async fn bid_on(&self) -> (Desk, RoomView) {
        let pins = self.pins();
        let pins: Vec<&str> = pins.iter().map(String::as_str).collect();
        let (mut ana, mut rui) = (self.desk("ana", &pins).await, self.desk("rui", &pins).await);
        assert!(ana.ask(list("2-of-3")).await.unwrap());
        let view = shown(&mut ana, |view| view.verified_size == 2).await;
        shown(&mut rui, |view| view.verified_size >= 2).await;
        let bid = json!({ "command": "bid", "room": view.room, "amount": "50" });
        assert!(rui.ask(bid).await.unwrap(), "all are pinned: nothing is asked");
        (ana, view)
    }

    fn pins(&self) -> Vec<String> {
        let names = ["north", "south"].iter().zip(&self.others);
        names.map(|(name, tsa)| format!("{name}={}", stamp_of(tsa))).collect()
    }

    /// Lets the auction end, and the instant come at the TSAs that are there.
    async fn ended(&self, desk: &mut Desk, view: &RoomView, there: &[&Tsa]) {
        self.house.tsa.set_time(view.end).unwrap();
        let final_close = |view: &RoomView| {
            view.phase == Phase::Closed
                && view.verified_size > 0
                && view.final_size == view.verified_size
        };
        shown(desk, final_close).await;
        let opens = view.opens.unwrap();
        there.iter().for_each(|tsa| tsa.set_time(opens).unwrap());
        self.house.tsa.set_time(opens).unwrap();
    }
}

fn list(tsas: &str) -> Value {
    json!({ "command": "list", "title": "Lamp", "start": "10", "for": "1h", "sealed": "first", "tsas": tsas })
}

async fn shown(desk: &mut Desk, holds: impl Fn(&RoomView) -> bool) -> RoomView {
    let view = desk.ever(move |event| match event {
        Event::Room(view) if holds(view) => Some(view.clone()),
        _ => None,
    });
    view.await.unwrap()
}

async fn won(desk: &mut Desk) {
    let settled = shown(desk, |view| view.phase == Phase::Settled).await;
    assert_eq!(settled.outcome, "won by somebody for 50.00 EUR");
}

#[tokio::test(flavor = "multi_thread")]
async fn v166_two_of_three_open_the_bids_though_one_is_away_from_before_the_end() {
    let mut place = place(honest);
    let (mut ana, view) = place.bid_on().await;
    place.others[0].kill().unwrap();
    place.ended(&mut ana, &view, &[&place.others[1]]).await;
    won(&mut ana).await;
    assert!(ana.ask(json!({ "command": "export", "room": view.room })).await.unwrap());
    let file = ana.folder.join("export").join(format!("{}.log", &view.room[..8]));
    let verified = pregao(&ana.folder, &["verify", file.to_str().unwrap()]).await.unwrap();
    let south = stamp_of(&place.others[1]);
    for part in ["the broker and 2 of 3 TSAs open them", "locked by the TSAs", &south] {
        assert!(verified.text.contains(part), "{part}: {}", verified.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v232_with_two_of_three_away_screens_say_for_whom_they_wait_until_one_is_back() {
    let mut place = place(honest);
    let (mut ana, view) = place.bid_on().await;
    place.others.iter_mut().for_each(|tsa| tsa.kill().unwrap());
    place.ended(&mut ana, &view, &[]).await;
    let waits = "1 bid still sealed, the broker waits for 1 more of 2 of 3 TSAs: north, south";
    shown(&mut ana, |view| view.phase == Phase::Closed && view.outcome == waits).await;
    let (_, health) = place.house.broker.health().unwrap();
    assert_eq!(health.matches("timelock.missing: ").count(), 2, "{health}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    place.others[1].restart().unwrap();
    place.others[1].set_time(view.opens.unwrap()).unwrap();
    won(&mut ana).await;
    let (_, health) = place.house.broker.health().unwrap();
    assert!(!health.contains(&place.others[1].address.url), "{health}");
}

/// A server before a TSA that passes on what it says of itself and its keys, and false secrets.
fn liar_before(tsa: &Tsa) -> TsaAddress {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tsa.address_at(&listener.local_addr().unwrap().to_string());
    let url = tsa.address.url.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4_096];
            let read = stream.read(&mut request).unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..read]).into_owned();
            let Some(path) = text.split_whitespace().nth(1) else { continue };
            let Ok(mut answer) = ureq::get(format!("{url}{path}")).call() else { continue };
            let mut body = answer.body_mut().read_to_string().unwrap_or_default();
            if let Ok(mut lock) = serde_json::from_str::<Value>(&body)
                && lock.get("secret").is_some()
            {
                lock["secret"] = json!("B".repeat(42) + "A");
                body = lock.to_string();
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn v166_a_tsa_that_gives_a_false_secret_delays_nothing() {
    let place = place(liar_before);
    let (mut ana, view) = place.bid_on().await;
    let all: Vec<&Tsa> = place.others.iter().collect();
    place.ended(&mut ana, &view, &all).await;
    won(&mut ana).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn v231_tsas_that_nobody_pinned_are_named_before_a_listing_and_before_a_first_bid() {
    let place = place(honest);
    let [north, south] = [stamp_of(&place.others[0]), stamp_of(&place.others[1])];
    let mut ana = place.desk("ana", &[]).await;
    assert!(!ana.ask(list("2-of-3")).await.unwrap());
    let (code, message, advice) = ana.refusal().await.unwrap();
    assert_eq!(code, "confirm.needed");
    assert!(message.contains(&north) && message.contains(&south), "{message}");
    assert!(advice.contains("--lock-tsa"), "{advice}");
    let mut agreed = list("2-of-3");
    agreed["yes"] = json!(true);
    assert!(ana.ask(agreed).await.unwrap());
    let view = shown(&mut ana, |view| view.verified_size == 2).await;
    // Who pinned one of them is told of the other.
    let mut rui = place.desk("rui", &[&north]).await;
    shown(&mut rui, |view| view.verified_size >= 2).await;
    let bid = json!({ "command": "bid", "room": view.room, "amount": "50" });
    assert!(!rui.ask(bid.clone()).await.unwrap());
    let (code, message, _) = rui.refusal().await.unwrap();
    assert_eq!(code, "confirm.needed");
    assert!(message.contains(&south) && !message.contains(&north), "{message}");
    let mut agreed = bid.clone();
    agreed["yes"] = json!(true);
    assert!(rui.ask(agreed).await.unwrap());
    let told = |event: &Event| matches!(event, Event::Note { text, .. } if text.contains(&south) && !text.contains(&north));
    assert!(rui.seen.iter().any(told), "{:?}", rui.seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn v231_what_a_broker_does_not_offer_is_not_asked_for() {
    let place = place(honest);
    let mut ana = place.desk("ana", &[]).await;
    for (tsas, code) in
        [("2-of-4", "listing.terms"), ("3-of-2", "command.parse"), ("0-of-3", "command.parse")]
    {
        let mut list = list(tsas);
        list["yes"] = json!(true);
        assert!(!ana.ask(list).await.unwrap(), "{tsas}");
        let (got, message, advice) = ana.refusal().await.unwrap();
        assert_eq!(got, code, "{tsas}: {message}");
        assert!(!advice.is_empty(), "{tsas}");
    }
    let mut open = json!({ "command": "list", "title": "Lamp", "start": "10", "for": "1h" });
    open["tsas"] = json!("2-of-3");
    assert!(!ana.ask(open).await.unwrap());
    assert_eq!(ana.refusal().await.unwrap().0, "listing.terms");
}

#[tokio::test(flavor = "multi_thread")]
async fn v163_a_tsa_states_no_key_of_the_past_or_the_far_future() {
    let place = place(honest);
    let asked = |at: &str| {
        let url = format!("{}/api/timelock?at={at}", place.others[0].address.url);
        let answer = ureq::get(url).config().http_status_as_error(false).build().call().unwrap();
        answer.status().as_u16()
    };
    for (at, status) in [("0", 404), ("9999999999", 400), ("01", 400), ("-1", 400), ("", 400)] {
        assert_eq!(asked(at), status, "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_takes_each_tsa_once_and_with_its_fingerprint() {
    let place = place(honest);
    let own = &place.house.tsa.address;
    let other = &place.others[0].address;
    let folder = tempfile::tempdir().unwrap();
    for (flags, says) in [
        (format!("--lock-tsa {own}"), "name each further TSA once"),
        (format!("--lock-tsa {other} --lock-tsa {other}"), "name each further TSA once"),
        (format!("--lock-tsa {}", other.url), "has no fingerprint"),
        (format!("--lock-tsa {other} ").repeat(9), "at most 8"),
    ] {
        let options = Options::default().simulated().broker(&flags);
        let started = pregao_tests::house::Broker::start(folder.path(), own, &options);
        let error = format!("{:?}", started.map(drop).unwrap_err());
        assert!(error.contains(says), "{flags}: {error}");
    }
}
