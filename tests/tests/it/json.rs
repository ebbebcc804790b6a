//! JSON lines and exit statuses of the real programs: what a script relies on when it bids.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use pregao_tests::desk::{PASSPHRASE, enrol, pregao};
use pregao_tests::house::{House, executable};
use pregao_tests::peer::{Peer, Terms};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::{guest, open};

/// An auction from 10.00 on, and the vault of a bidder who knows the broker.
async fn stage() -> (House, Peer, String, PathBuf) {
    let house = open();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(3_000).await.unwrap();
    let terms = Terms { start: 1_000, increment: 100, ..Terms::until(end) };
    let room = seller.list(&terms).await.unwrap().action.room().to_string();
    let vault = house.folder.path().join("bidder");
    enrol(&vault, &house.tsa.address).await.unwrap();
    let broker = house.broker.address.to_string();
    assert_eq!(pregao(&vault, &["whoami", "--broker", &broker]).await.unwrap().code, Some(0));
    (house, seller, room, vault)
}

/// What a run left behind: exit status, standard output where it was a pipe, standard error.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn events(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs `pregao` with some standard output, giving it this input.
async fn run(vault: &Path, words: &[&str], input: &str, out: Stdio) -> Ran {
    let mut command = Command::new(executable("pregao").unwrap());
    command.arg("--data").arg(vault).args(words).kill_on_drop(true);
    command.env("PREGAO_PASSPHRASE", PASSPHRASE);
    command.stdin(Stdio::piped()).stdout(out).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that has ended reads no more.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A disk without room.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nobody reads.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_nobody_can_mean_are_refused_and_ids_come_back_as_they_came() {
    let (house, seller, room, vault) = stage().await;
    let lines = include_str!("json/lines.jsonl").replace("ROOM2", "0123").replace("ROOM", &room);
    let ran = run(&vault, &["json"], &lines, Stdio::piped()).await;
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let done: Vec<(String, bool)> = ran
        .out
        .lines()
        .filter(|line| line.contains(r#""event":"done""#))
        .map(|line| {
            let id = line.split_once(r#""id":"#).unwrap().1;
            let id = id.split_once(r#","ok":"#).unwrap();
            (id.0.to_owned(), id.1.starts_with("true"))
        })
        .collect();
    for id in ["7", "12345678901234567890123", "1e3"] {
        assert!(done.contains(&(id.to_owned(), true)), "{id}: {done:?}");
    }
    for id in ["d1", "t0", "t1", "t2", "t3", "t4"] {
        assert!(done.contains(&(format!("\"{id}\""), false)), "{id}: {done:?}");
    }
    let events = ran.events();
    let refused: Vec<&Value> = events.iter().filter(|event| event["event"] == "refused").collect();
    assert_eq!(refused.len(), 6);
    for refused in refused {
        assert_eq!(refused["code"], "command.parse");
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains("occurs twice") || message.contains("shows nothing"), "{message}");
    }
    // Nothing of it is in a log.
    assert_eq!(house.broker.metric("rooms").unwrap(), 1);
    drop(seller);
    assert_eq!(house.broker.metric("accepted").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_costs_no_command() {
    let (_house, _seller, room, vault) = stage().await;
    let bid = json!({ "id": 1, "command": "bid", "room": room, "amount": "10" });
    let ran = run(&vault, &["json"], &format!("\u{feff}{bid}\r\n"), Stdio::piped()).await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(ran.events().iter().filter(|event| event["event"] == "receipt").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_that_is_carried_out_never_ends_as_if_it_had_failed() {
    let (_house, mut seller, room, vault) = stage().await;
    let name = room.parse().unwrap();
    let mut amount = 10;
    for (form, out) in [(None, full()), (None, closed()), (Some("--json"), full())] {
        let offer = amount.to_string();
        let mut words = vec!["bid", &room, &offer, "--yes"];
        words.extend(form);
        let ran = run(&vault, &words, "", out).await;
        assert_eq!(ran.code, Some(3), "{}", ran.err);
        assert!(ran.err.contains("it was carried out; do not do it again"), "{}", ran.err);
        amount += 1;
        seller.grown(name, amount - 9).await.unwrap();
    }
    for out in [full(), closed()] {
        let bid = json!({ "yes": true, "id": "b", "command": "bid", "room": room, "amount": amount.to_string() });
        let ran = run(&vault, &["json"], &format!("{bid}\n"), out).await;
        // Where the output breaks before the line is read, nothing is bid.
        let logged = ran.code == Some(3);
        assert_eq!(logged, ran.err.contains("command \"b\": carried out"), "{}", ran.err);
        assert!(logged || ran.code == Some(1), "{:?} {}", ran.code, ran.err);
        amount += u64::from(logged);
        seller.grown(name, amount - 9).await.unwrap();
    }
    // What was refused is refused, wherever it is said.
    let ran = run(&vault, &["bid", &room, "10"], "", full()).await;
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.err.contains("bid.too-low") && ran.err.contains("refused or failed"),
        "{}",
        ran.err
    );
    let ran = run(&vault, &["items"], "", full()).await;
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("A lamp"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_hold_is_not_hidden_by_a_full_disk() {
    let (house, _seller, room, vault) = stage().await;
    assert_eq!(run(&vault, &["export", &room], "", full()).await.code, Some(3));
    let log = std::fs::read_dir(vault.join("export")).unwrap().next().unwrap().unwrap().path();
    let good = log.to_str().unwrap();
    let bad = house.folder.path().join("bad.log");
    std::fs::write(&bad, "nothing").unwrap();
    // It holds, and the auction goes on: that status stays.
    let ran = run(&vault, &["verify", good], "", full()).await;
    assert_eq!(ran.code, Some(5), "{}", ran.err);
    assert!(ran.err.contains(": holds: "), "{}", ran.err);
    let ran = run(&vault, &["verify", good, bad.to_str().unwrap()], "", closed()).await;
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("UNREADABLE"), "{}", ran.err);
    // With nowhere to write to at all, the status is left.
    let mut command = Command::new(executable("pregao").unwrap());
    command.arg("verify").arg(good).stdin(Stdio::null()).stdout(full()).stderr(full());
    assert_eq!(command.status().await.unwrap().code(), Some(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn tsa_and_broker_serve_also_if_nobody_reads_their_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let free = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let log = || File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    let reached = async |address: &str| {
        while TcpStream::connect(address).is_err() {
            tokio::task::yield_now().await;
        }
    };
    let (at, data) = (free(), folder.path().join("tsa"));
    let mut tsa = Command::new(executable("pregao-tsa").unwrap());
    tsa.args(["serve", "--listen", &at, "--data"]).arg(&data);
    tsa.stdin(Stdio::null()).stdout(closed()).stderr(log()).kill_on_drop(true);
    let mut tsa = tsa.spawn().unwrap();
    reached(&at).await;
    assert!(tsa.try_wait().unwrap().is_none());
    let mut pin = Command::new(executable("pregao-tsa").unwrap());
    let pin = pin.args(["fingerprint", "--data"]).arg(&data).output().await.unwrap();
    let pin = String::from_utf8(pin.stdout).unwrap();
    let (listen, ops) = (free(), free());
    let mut broker = Command::new(executable("pregao-broker").unwrap());
    broker.args(["--listen", &listen, "--ops", &ops, "--tsa"]);
    broker.arg(format!("http://{at}/#{}", pin.trim()));
    broker.arg("--data").arg(folder.path().join("broker"));
    broker.stdin(Stdio::null()).stdout(full()).stderr(log()).kill_on_drop(true);
    let mut broker = broker.spawn().unwrap();
    reached(&listen).await;
    reached(&ops).await;
    assert!(broker.try_wait().unwrap().is_none());
    // An invitation that cannot be read was not given.
    let mut invite = Command::new(executable("pregao-tsa").unwrap());
    invite.args(["invite", "--data"]).arg(&data).stdin(Stdio::null()).stdout(full());
    assert_eq!(invite.status().await.unwrap().code(), Some(1));
}
