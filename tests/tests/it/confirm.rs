//! What is done only after a person agreed to it, through the real programs.

use std::path::{Path, PathBuf};

use pregao::event::Event;
use pregao_tests::desk::{Desk, enrol, pregao};
use pregao_tests::house::House;
use serde_json::{Value, json};

use crate::open;
use crate::terminal::Terminal;

/// A seller with one item from 10.00 in steps of 1.00, and a buyer who has not started yet.
struct Market {
    house: House,
    seller: Desk,
    buyer: PathBuf,
    room: String,
}

async fn market(time: &str) -> Market {
    let house = open();
    let folder = |name: &str| house.folder.path().join(name);
    let (tsa, broker) = (&house.tsa.address, &house.broker.address);
    let mut seller = Desk::open(&folder("seller"), tsa, broker).await.unwrap();
    let list = json!({ "command": "list", "title": "Old radio", "start": "10", "for": time, "fixed_end": true });
    assert!(seller.ask(list).await.unwrap());
    let room = |event: &Event| match event {
        Event::Room(view) => Some(view.room.clone()),
        _ => None,
    };
    let (room, buyer) = (seller.ever(room).await.unwrap(), folder("buyer"));
    enrol(&buyer, tsa).await.unwrap();
    Market { seller, buyer, room, house }
}

impl Market {
    fn bid(&self, amount: &str) -> Value {
        json!({ "command": "bid", "room": self.room, "amount": amount })
    }

    fn start(&self) -> Desk {
        Desk::start(&self.buyer, &self.house.broker.address).unwrap()
    }

    /// A subcommand of the buyer at a terminal.
    fn at_terminal(&self, words: &[&str]) -> Terminal {
        let broker = self.house.broker.address.to_string();
        Terminal::run(&self.buyer, &[words, &["--broker", &broker]].concat())
    }

    /// Waits until the seller sees this bid as the highest.
    async fn highest(&mut self, minor: u64) {
        let highest = |event: &Event| match event {
            Event::Room(view) if view.highest == Some(minor) => Some(()),
            _ => None,
        };
        self.seller.ever(highest).await.unwrap();
    }

    fn seen(&self, minor: u64) -> bool {
        let bid = |event: &Event| matches!(event, Event::Bid { amount, .. } if *amount == minor);
        self.seller.seen.iter().any(bid)
    }
}

fn agreed(mut command: Value) -> Value {
    command["yes"] = json!(true);
    command
}

async fn not_confirmed(desk: &mut Desk, command: Value) {
    assert!(!desk.ask(command).await.unwrap());
    let (code, message, advice) = desk.refusal().await.unwrap();
    assert_eq!(code, "confirm.needed", "{message}");
    assert!(advice.contains("--yes") && advice.contains(r#""yes":true"#), "{advice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_agree_beforehand_to_what_a_person_would_be_asked() {
    let mut market = market("12s").await;
    let mut buyer = market.start();
    let verified = |event: &Event| match event {
        Event::Room(view) if view.verified_size >= 1 => Some(()),
        _ => None,
    };
    buyer.ever(verified).await.unwrap();
    // Three times the least is no question, one unit more is.
    not_confirmed(&mut buyer, market.bid("30.01")).await;
    assert!(buyer.ask(market.bid("30")).await.unwrap());
    not_confirmed(&mut buyer, market.bid("31")).await;
    let odd = json!({ "command": "items", "yes": "true" });
    assert!(!buyer.ask(odd).await.unwrap());
    assert_eq!(buyer.refusal().await.unwrap().0, "command.parse");
    assert!(buyer.ask(agreed(market.bid("31"))).await.unwrap());
    let list = |time: &str| json!({ "command": "list", "title": "T", "start": "1", "for": time, "fixed_end": true });
    not_confirmed(&mut buyer, list("31d")).await;
    assert!(buyer.ask(list("30d")).await.unwrap());
    assert!(buyer.ask(agreed(list("31d"))).await.unwrap());

    let invited = |event: &Event| matches!(event, Event::Invited { .. }).then_some(());
    buyer.ever(invited).await.unwrap();
    market.seller.ever(invited).await.unwrap();
    let reveal = json!({ "command": "reveal", "room": market.room, "name": "Ana" });
    not_confirmed(&mut buyer, reveal.clone()).await;
    assert!(buyer.ask(agreed(reveal.clone())).await.unwrap());
    assert!(market.seller.ask(agreed(reveal)).await.unwrap());
    let revealed = |event: &Event| matches!(event, Event::Revealed { .. }).then_some(());
    buyer.ever(revealed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subcommand_without_a_terminal_needs_yes() {
    let mut market = market("10m").await;
    let broker = market.house.broker.address.to_string();
    let bid = async |buyer: &Path, words: &[&str]| {
        let words = [&["bid", &market.room[..8], "500", "--broker", &broker], words].concat();
        pregao(buyer, &words).await.unwrap()
    };
    let ran = bid(&market.buyer, &[]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.text);
    assert!(ran.text.contains("confirm.needed") && ran.text.contains("--yes"), "{}", ran.text);
    // Nor does a program that takes JSON get a question, although a terminal is there.
    let mut json = market.at_terminal(&["bid", &market.room, "500", "--json"]);
    assert_eq!(json.end().await, Some(1), "{}", json.text());
    assert!(json.text().contains("confirm.needed"), "{}", json.text());
    let ran = bid(&market.buyer, &["--yes"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    market.highest(50_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_ahead_at_a_terminal_answers_nothing() {
    let mut market = market("10m").await;
    let room = market.room.clone();
    let mut ahead = market.at_terminal(&["bid", &room, "500"]);
    // Before the program has even read its vault.
    ahead.types("yes\nyes\n").await;
    // The terminal has taken it in.
    ahead.shows("yes").await;
    ahead.shows("type yes to do it").await;
    assert!(ahead.text().contains("bid 500.00 EUR in #"), "{}", ahead.text());
    assert!(ahead.text().contains("more than three times 10.00 EUR"), "{}", ahead.text());
    ahead.types("\n").await;
    assert_eq!(ahead.end().await, Some(1), "{}", ahead.text());
    assert!(ahead.text().contains("confirm.declined"), "{}", ahead.text());

    let mut after = market.at_terminal(&["bid", &room, "400"]);
    after.shows("type yes to do it").await;
    after.types("yes\n").await;
    assert_eq!(after.end().await, Some(0));
    assert!(after.text().contains("receipt holds"), "{}", after.text());
    market.highest(40_000).await;
    assert!(!market.seen(50_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_chat_only_the_word_typed_into_the_question_bids() {
    let mut market = market("10m").await;
    let mut chat = market.at_terminal(&["chat"]);
    chat.shows("1 head ✓").await;
    chat.types("\u{e}").await;
    chat.until(|text| text.lines().any(|line| line.starts_with('#'))).await;
    // Several lines in one piece: none is carried out, the answer in them neither.
    chat.types("/bid 11\r/bid 500\ryes\r").await;
    chat.shows("several lines came at once").await;
    // The answer is typed before the question comes.
    chat.types("/bid 500\r").await;
    chat.shows("type yes to do it").await;
    chat.types("y\r").await;
    chat.shows("nothing was sent").await;
    chat.types("/bid 500\r").await;
    chat.shows("type yes to do it").await;
    chat.types("yes\r").await;
    chat.shows("you bid 500.00 EUR").await;
    market.highest(50_000).await;
    assert!(!market.seen(1_100));
    // Against oneself.
    chat.types("/bid 501\r").await;
    chat.shows("You would bid against yourself: 500.00 EUR").await;
    chat.shows("type yes to do it").await;
    chat.types("\u{1b}").await;
    chat.until(|text| !text.contains("are you sure?")).await;
    chat.types("\u{3}").await;
    assert_eq!(chat.end().await, Some(0));
    assert!(!market.seen(50_100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_reads_all_terms_before_signing_them() {
    let mut market = market("10m").await;
    let mut chat = market.at_terminal(&["chat"]);
    chat.shows("1 head ✓").await;
    let list = "/list Lamp 10 for 2h step 2 steps 50:5 raise 40 buy 200 extend 30s\r";
    chat.types(list).await;
    chat.shows("type yes to do it").await;
    for term in [
        "and each at least 2.00 EUR",
        "each bid is at least 5.00 EUR more.",
        "last 30s keeps it open for 30s more",
        "No bid is more than 40.00 EUR above",
        "Whoever bids 200.00 EUR has it at once",
        "You and the winner have 3d to show",
        "It is final once witnesses of 1 of",
        "You can take it back with /unlist",
    ] {
        // What does not fit is scrolled to.
        if !chat.text().contains(term) {
            chat.types("\u{1b}[B\u{1b}[B\u{1b}[B\u{1b}[B\u{1b}[B\u{1b}[B").await;
        }
        chat.shows(term).await;
    }
    chat.types("no\r").await;
    chat.shows("nothing was sent").await;
    chat.types(list).await;
    chat.shows("type yes to do it").await;
    chat.types("yes\r").await;
    let listed = |event: &Event| match event {
        Event::Room(view) if view.title == "Lamp" => Some(view.buy_now),
        _ => None,
    };
    assert_eq!(market.seller.ever(listed).await.unwrap(), Some(20_000));
    chat.types("\u{3}").await;
    assert_eq!(chat.end().await, Some(0));
}
