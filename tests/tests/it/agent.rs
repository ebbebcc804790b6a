//! `pregao agent`: bids by itself without a screen, until it is stopped, through the real programs.

use std::path::{Path, PathBuf};

use pregao::event::{BidStanding, Event, RoomView};
use pregao_tests::agent::Agent;
use pregao_tests::desk::{Desk, enrol, pregao, pregao_with, vault};
use pregao_tests::house::{House, holds};
use serde_json::json;

use crate::{open, simulated};

async fn desk(house: &House, name: &str) -> Desk {
    let folder = house.folder.path().join(name);
    Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap()
}

async fn enrolled(house: &House, name: &str) -> PathBuf {
    let folder = house.folder.path().join(name);
    enrol(&folder, &house.tsa.address).await.unwrap();
    folder
}

async fn shown(desk: &mut Desk, holds: impl Fn(&RoomView) -> bool) -> RoomView {
    let view = desk.ever(move |event| match event {
        Event::Room(view) if holds(view) => Some(view.clone()),
        _ => None,
    });
    view.await.unwrap()
}

/// An auction from 1.00 on, in steps of 1.00.
async fn listed(seller: &mut Desk) -> String {
    let list = json!({ "command": "list", "title": "Lamp", "start": "1", "for": "1h",
        "increment": "1", "fixed_end": true });
    assert!(seller.ask(list).await.unwrap());
    shown(seller, |view| view.verified_size == 1).await.room
}

async fn bid(desk: &mut Desk, room: &str, amount: u64) -> bool {
    let amount = amount.to_string();
    let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": amount });
    desk.ask(bid).await.unwrap()
}

/// The bids of the vault's persona, as a later program reads them: amount, and whether each is in the log.
async fn own_bids(folder: &Path) -> Vec<(u64, Option<u64>, BidStanding)> {
    let ran = pregao(folder, &["bids", "mine", "--json"]).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    let shown = ran.text.lines().find_map(|line| match serde_json::from_str(line) {
        Ok(Event::Bids { shown, .. }) => Some(shown),
        _ => None,
    });
    let bids = shown.unwrap().bids;
    bids.iter().map(|bid| (bid.amount.unwrap(), bid.seq, bid.standing)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_a_person_up_to_its_ceiling_and_tells_nobody_of_it() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let eva = enrolled(&house, "eva").await;
    let room = listed(&mut ana).await;
    shown(&mut rui, |view| view.verified_size >= 1).await;
    let mut agent = Agent::start(&eva, &house.broker.address).unwrap();
    agent.until("follows ").await.unwrap();
    agent.tell(&format!("auto {room} 37.21 steady")).await.unwrap();
    agent.until("bids by itself: 1.00 EUR").await.unwrap();
    // Input that has ended ends nothing.
    agent.end_input();
    let mut highest = 1;
    while highest < 35 {
        agent.until("receipt holds").await.unwrap();
        shown(&mut rui, |view| view.highest >= Some(highest * 100)).await;
        assert!(bid(&mut rui, &room, highest + 4).await);
        highest += 5;
    }
    // 36 is answered by 37 at most, 37.21 being the ceiling; 38 by nothing.
    shown(&mut rui, |view| view.highest >= Some(highest * 100)).await;
    assert!(bid(&mut rui, &room, 38).await);
    let last = agent.until("OUTBID").await.unwrap();
    assert!(last.contains("the least is 39.00 EUR, beyond your ceiling"), "{last}");
    let (code, said) = agent.stop().await.unwrap();
    assert_eq!(code, Some(0), "{said:#?}");
    assert!(said.iter().all(|line| !line.contains("37.21")), "{said:#?}");
    assert!(said.iter().any(|line| line.contains("bid of 5.00 EUR (entry 2)")), "{said:#?}");
    let bids = own_bids(&eva).await;
    assert!(bids.iter().all(|(amount, seq, _)| *amount <= 3_721 && seq.is_some()), "{bids:?}");
    assert!(vault(&eva).unwrap().autos.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_them_come_to_an_end_after_few_bids() {
    let house = simulated();
    let mut ana = desk(&house, "ana").await;
    let room = listed(&mut ana).await;
    let mut agents = Vec::new();
    for (name, ceiling) in [("rui", "27"), ("eva", "40")] {
        let folder = enrolled(&house, name).await;
        let mut agent = Agent::start(&folder, &house.broker.address).unwrap();
        agent.until("follows ").await.unwrap();
        agent.tell(&format!("auto {room} {ceiling}")).await.unwrap();
        agents.push(agent);
    }
    agents[0].until("OUTBID").await.unwrap();
    let view = shown(&mut ana, |view| view.highest >= Some(2_600)).await;
    assert!(view.highest.unwrap() <= 4_000, "{view:?}");
    for agent in agents {
        assert_eq!(agent.stop().await.unwrap().0, Some(0));
    }
    // 3 + 2 · log2(26 steps), and nothing after that.
    let bids = own_bids(&house.folder.path().join("rui")).await;
    let all = bids.len() + own_bids(&house.folder.path().join("eva")).await.len();
    assert!(all <= 12, "{all}");
    assert!(bids.iter().all(|(amount, ..)| *amount <= 2_700), "{bids:?}");
}

/// Killed between deciding and handing in, between handing in and the receipt, and after it.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_goes_on_and_bids_nothing_twice() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let eva = enrolled(&house, "eva").await;
    let room = listed(&mut ana).await;
    shown(&mut rui, |view| view.verified_size >= 1).await;
    let mut agent = Agent::start(&eva, &house.broker.address).unwrap();
    agent.until("follows ").await.unwrap();
    agent.tell(&format!("auto {room} 90 steady")).await.unwrap();
    let mut expected = 100;
    for moment in ["bids by itself", "bids by itself", "bid of", "receipt holds", "bids by itself"]
    {
        agent.until(moment).await.unwrap();
        let folder = agent.kill().await.unwrap();
        agent = Agent::start(&folder, &house.broker.address).unwrap();
        // It leads again, by exactly one bid of its own.
        let view = shown(&mut rui, |view| view.highest >= Some(expected)).await;
        assert_eq!(view.highest, Some(expected));
        assert!(bid(&mut rui, &room, expected / 100 + 1).await);
        expected += 200;
    }
    shown(&mut rui, |view| view.highest >= Some(expected)).await;
    agent.until("follows ").await.unwrap();
    assert_eq!(agent.stop().await.unwrap().0, Some(0));
    // What was signed and not answered before it was killed stands in no log.
    let bids = own_bids(&eva).await;
    let logged = bids.iter().filter(|(_, seq, _)| seq.is_some());
    let amounts: Vec<u64> = logged.map(|(amount, ..)| *amount).collect();
    assert_eq!(amounts, [100, 300, 500, 700, 900, 1_100]);
    let lost = |standing| matches!(standing, BidStanding::Unanswered | BidStanding::Refused);
    assert!(bids.iter().all(|(_, seq, standing)| seq.is_some() || lost(*standing)), "{bids:?}");
    assert!(rui.evidence().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ceiling_given_before_survives_being_stopped() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let eva = enrolled(&house, "eva").await;
    let room = listed(&mut ana).await;
    let broker = house.broker.address.to_string();
    let auto = pregao(&eva, &["auto", &room, "9", "--broker", &broker]).await.unwrap();
    assert_eq!(auto.code, Some(0), "{}", auto.text);
    let mut agent = Agent::start(&eva, &house.broker.address).unwrap();
    // By the command or by the agent, it leads.
    agent.until("follows ").await.unwrap();
    shown(&mut rui, |view| view.highest == Some(100)).await;
    assert_eq!(agent.stop().await.unwrap().0, Some(0));
    assert_eq!(vault(&eva).unwrap().autos.len(), 1);
    assert!(bid(&mut rui, &room, 5).await);
    let mut agent = Agent::start(&eva, &house.broker.address).unwrap();
    agent.until("bids by itself: 6.00 EUR").await.unwrap();
    agent.until("receipt holds").await.unwrap();
    agent.tell("quit").await.unwrap();
    assert_eq!(agent.ended().await.unwrap().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_program_at_a_time_uses_a_vault_and_the_others_are_told_what_to_do() {
    let house = open();
    let eva = enrolled(&house, "eva").await;
    let broker = house.broker.address.to_string();
    let mut agent = Agent::start(&eva, &house.broker.address).unwrap();
    agent.until("connected to broker").await.unwrap();
    for words in [&["agent"][..], &["items"], &["chat"]] {
        let ran = pregao(&eva, &[words, &["--broker", &broker]].concat()).await.unwrap();
        assert_eq!(ran.code, Some(1), "{}", ran.text);
        for part in ["is in use by another program", "stop it, or give the command to it"] {
            assert!(ran.text.contains(part), "{words:?}: {}", ran.text);
        }
    }
    agent.tell("items").await.unwrap();
    agent.until("no auctions yet").await.unwrap();
    agent.until("done: items").await.unwrap();
    assert!(agent.is_running());
    assert_eq!(agent.stop().await.unwrap().0, Some(0));
    assert_eq!(pregao(&eva, &["items"]).await.unwrap().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_why_it_cannot_begin() {
    let house = open();
    let eva = enrolled(&house, "eva").await;
    let nobody = house.folder.path().join("nobody");
    let broker = house.broker.address.to_string();
    let refused = |ran: pregao_tests::desk::Ran, parts: &[&str]| {
        assert_eq!(ran.code, Some(1), "{}", ran.text);
        for part in parts {
            assert!(ran.text.contains(part), "{}", ran.text);
        }
        assert!(!ran.text.contains("panicked"), "{}", ran.text);
    };
    refused(pregao(&eva, &["agent"]).await.unwrap(), &["no broker is known", "--broker"]);
    let wrong = pregao_with(&eva, "another one", &["agent", "--broker", &broker]).await.unwrap();
    refused(wrong, &["passphrase", "type it again"]);
    refused(pregao(&nobody, &["agent"]).await.unwrap(), &["no persona", "pregao enrol --tsa"]);
    let ran = pregao(&eva, &["agent", "more"]).await.unwrap();
    assert_eq!(ran.code, Some(2), "{}", ran.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_its_input_is_refused_line_by_line_and_ends_nothing() {
    let house = open();
    let eva = enrolled(&house, "eva").await;
    let mut agent = Agent::start(&eva, &house.broker.address).unwrap();
    agent.write(b"\xff\xfe\x00\n").await.unwrap();
    agent
        .until("refused: the line is not UTF-8 (command.parse) → send one command a line")
        .await
        .unwrap();
    agent.tell("frobnicate \u{1b}[31m").await.unwrap();
    agent.until("refused: there is no command /frobnicate").await.unwrap();
    agent.tell(r#"{"command":"items"}"#).await.unwrap();
    agent.until("started with --json").await.unwrap();
    agent.tell(&"x".repeat(70_000)).await.unwrap();
    agent.until("the line is longer than").await.unwrap();
    agent.tell("bid 3f2a3f2a 12").await.unwrap();
    agent.until("no room begins with 3f2a3f2a").await.unwrap();
    agent.tell("whoami").await.unwrap();
    agent.until("others see: ").await.unwrap();
    let (code, said) = agent.stop().await.unwrap();
    assert_eq!(code, Some(0), "{said:#?}");
    assert!(said.iter().all(|line| !line.contains('\u{1b}')), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_has_one_line_however_long_it_stays_away() {
    let mut house = open();
    let eva = enrolled(&house, "eva").await;
    house.broker.kill().unwrap();
    let mut agent = Agent::start(&eva, &house.broker.address).unwrap();
    agent.until("no connection: ").await.unwrap();
    // A command is answered meanwhile.
    agent.tell("items").await.unwrap();
    agent.until("not done: items").await.unwrap();
    house.broker.restart().unwrap();
    agent.until("connected to broker").await.unwrap();
    let outages =
        |agent: &Agent| agent.seen.iter().filter(|line| line.contains("no connection: ")).count();
    assert_eq!(outages(&agent), 1, "{:#?}", agent.seen);
    house.broker.kill().unwrap();
    agent.until("no connection: ").await.unwrap();
    house.broker.restart().unwrap();
    agent.until("connected to broker").await.unwrap();
    assert_eq!(outages(&agent), 2, "{:#?}", agent.seen);
    assert_eq!(agent.stop().await.unwrap().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_speak_json_with_it_and_get_no_ticks() {
    let house = open();
    let eva = enrolled(&house, "eva").await;
    let broker = house.broker.address.to_string();
    let mut agent = Desk::run(&eva, &["agent", "--json", "--broker", &broker]).unwrap();
    assert!(agent.ask(json!({ "command": "items" })).await.unwrap());
    assert!(!agent.ask(json!({ "command": "join", "room": "3f2a3f2a" })).await.unwrap());
    let (code, seen) = agent.stop().await.unwrap();
    assert_eq!(code, Some(0), "{seen:?}");
    assert!(seen.iter().all(|event| !matches!(event, Event::Tick { .. })), "{seen:?}");
    // Nobody who reads it: it says so and ends, instead of going on unseen.
    let mut agent = Agent::start(&eva, &house.broker.address).unwrap();
    agent.until("connected").await.unwrap();
    holds("the agent runs", || agent.is_running()).await.unwrap();
    assert_eq!(agent.stop().await.unwrap().0, Some(0));
}
