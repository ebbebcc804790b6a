//! The command line and the JSON lines of the real `pregao`: exit codes, and whether what is
//! printed tells what happened and what to do.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::trust::key::{Fingerprint, Persona, PublicKey};
use pregao_tests::desk::{Desk, Ran, enrol, pregao, pregao_with, vault};
use pregao_tests::house::{Broker, House, Options, executable};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::open;

/// Refused, with each of these in what was printed.
fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, Some(1), "{}", ran.text);
    for word in words {
        assert!(ran.text.contains(word), "no `{word}` in: {}", ran.text);
    }
    assert!(!ran.text.contains("panicked"), "{}", ran.text);
}

pub(crate) fn carried_out(ran: &Ran) -> &str {
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    &ran.text
}

/// Folder of a new persona that has talked to the broker once.
pub(crate) async fn persona(house: &House, name: &str) -> PathBuf {
    let folder = house.folder.path().join(name);
    enrol(&folder, &house.tsa.address).await.unwrap();
    let broker = house.broker.address.to_string();
    carried_out(&pregao(&folder, &["whoami", "--broker", &broker]).await.unwrap());
    folder
}

/// Lists an item; gives the beginning of its room's name.
async fn listed(folder: &Path, title: &str) -> String {
    carried_out(&pregao(folder, &["list", title, "10", "for", "10m"]).await.unwrap());
    let items = pregao(folder, &["items"]).await.unwrap();
    let line = carried_out(&items).lines().find(|line| line.contains(title)).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_done_by_single_commands() {
    let house = open();
    let (sofia, ana) = (persona(&house, "sofia").await, persona(&house, "ana").await);
    assert!(pregao(&ana, &["items"]).await.unwrap().text.contains("no auctions yet"));
    let room = listed(&sofia, "Old radio").await;
    let bid = pregao(&ana, &["bid", &room, "12.50"]).await.unwrap();
    assert!(carried_out(&bid).contains("receipt holds"), "{}", bid.text);
    carried_out(&pregao(&ana, &["say", &room, "still", "there?"]).await.unwrap());
    let items = pregao(&ana, &["items"]).await.unwrap();
    assert!(carried_out(&items).contains("you lead"), "{}", items.text);
    assert!(carried_out(&pregao(&sofia, &["mine"]).await.unwrap()).contains("yours"));
    let receipts = pregao(&ana, &["receipts"]).await.unwrap();
    assert_eq!(carried_out(&receipts).matches("receipt holds").count(), 2, "{}", receipts.text);
    let as_json = pregao(&ana, &["items", "--json"]).await.unwrap();
    assert!(carried_out(&as_json).contains(r#""event":"items""#), "{}", as_json.text);

    // What a stranger can check, and what is changed, is told apart; no network is needed.
    carried_out(&pregao(&ana, &["export", &room]).await.unwrap());
    let House { broker, tsa, folder: _place } = house;
    drop((broker, tsa));
    let files: Vec<PathBuf> =
        std::fs::read_dir(ana.join("export")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 3);
    let names: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let verified = pregao(&ana, &[vec!["verify"], names.clone()].concat()).await.unwrap();
    // The auction goes on, so the log is not the end of the matter.
    assert_eq!(verified.code, Some(5), "{}", verified.text);
    assert_eq!(verified.text.matches(": holds: ").count(), 3, "{}", verified.text);
    assert!(verified.text.contains("NOT OVER: bids count until"), "{}", verified.text);
    for file in &files {
        damaged_is_refused(&ana, file, &names).await;
    }
}

/// One other character anywhere: this file does not hold, and the others are still checked.
async fn damaged_is_refused(folder: &Path, file: &Path, all: &[&str]) {
    let text = std::fs::read(file).unwrap();
    let whole = text.strip_suffix(b"\n").unwrap_or(&text).len();
    for at in (0..whole).step_by((whole / 23).max(1)) {
        let mut other = text.clone();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        std::fs::write(file, &other).unwrap();
        let ran = pregao(folder, &[vec!["verify"], all.to_vec()].concat()).await.unwrap();
        let said = |what: &str| ran.text.contains(&format!("{}: {what}", file.display()));
        match ran.code {
            Some(1) => assert!(said("DOES NOT HOLD"), "{at}: {}", ran.text),
            Some(4) => assert!(said("UNREADABLE"), "{at}: {}", ran.text),
            other => panic!("{at}: {other:?}: {}", ran.text),
        }
        assert_eq!(ran.text.matches(": holds: ").count(), all.len() - 1, "{at}: {}", ran.text);
    }
    for cut in [0, 1, whole / 2, whole - 1] {
        std::fs::write(file, &text[..cut]).unwrap();
        let ran = pregao(folder, &["verify", file.to_str().unwrap()]).await.unwrap();
        assert_eq!(ran.code, Some(4), "{cut}: {}", ran.text);
    }
    std::fs::remove_file(file).unwrap();
    let gone = pregao(folder, &[vec!["verify"], all.to_vec()].concat()).await.unwrap();
    assert_eq!(gone.code, Some(4), "{}", gone.text);
    assert!(gone.text.contains("cannot be read"), "{}", gone.text);
    std::fs::write(file, &text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_bid_is_refused_with_what_to_do() {
    let house = open();
    let (sofia, ana) = (persona(&house, "sofia").await, persona(&house, "ana").await);
    let room = listed(&sofia, "Old radio").await;
    let bid =
        async |folder: &Path, amount: &str| pregao(folder, &["bid", &room, amount]).await.unwrap();
    refused(&bid(&sofia, "20").await, &["your own item", "bid.own-item", "nobody may bid"]);
    refused(&bid(&ana, "9.99").await, &["too low", "bid.too-low", "bid at least 10.00"]);
    carried_out(&bid(&ana, "10").await);
    refused(&bid(&ana, "10").await, &["bid.too-low", "bid at least 11.00"]);
    for (amount, said) in [
        ("12,50", "two ways"),
        ("1'000", "two ways"),
        ("12.505", "decimals"),
        ("1e3", "not an amount"),
        ("99999999999999999999", "too large"),
        ("0", "1 to "),
    ] {
        let ran = bid(&ana, amount).await;
        assert_ne!(ran.code, Some(0), "{amount}");
        assert!(ran.text.contains(said), "{amount}: {}", ran.text);
    }
    refused(&pregao(&ana, &["bid", &room, "20", "USD"]).await.unwrap(), &["another currency"]);
    refused(&pregao(&ana, &["bid", "0123abc", "20"]).await.unwrap(), &["room.unknown", "/items"]);
    refused(&pregao(&ana, &["export", "0123abc"]).await.unwrap(), &["no room begins", "/items"]);
    refused(&pregao(&ana, &["fly"]).await.unwrap(), &["fly"]);
    // What is left is read as an amount, and the beginning of a name may look like one.
    refused(&pregao(&ana, &["bid", "room"]).await.unwrap(), &["is not an amount"]);
    refused(&pregao(&ana, &["bid", "20"]).await.unwrap(), &["in which room"]);
    for code in ["QQQ", "XAU", "HRK", "euro"] {
        let words = ["list", "Lamp", "1", "for", "9m", "currency", code];
        refused(&pregao(&ana, &words).await.unwrap(), &["is not a currency", "ISO 4217"]);
    }
    for words in [&["export", "0"][..], &["bid", "01a", "20"], &["join", "#1"]] {
        let ran = pregao(&ana, words).await.unwrap();
        assert!(ran.code == Some(1) && ran.text.contains("at least 4 characters"), "{}", ran.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_explains_itself_and_a_mistyped_option_does_nothing() {
    let nowhere = Path::new("/nonexistent");
    let by_word = pregao(nowhere, &["help", "bid"]).await.unwrap();
    let by_option = pregao(nowhere, &["bid", "--help"]).await.unwrap();
    assert_eq!(carried_out(&by_word), carried_out(&by_option));
    for part in ["<ROOM> <AMOUNT> [CURRENCY]", "binding", "--yes", "pregao bid 3f2a 120.00"] {
        assert!(by_word.text.contains(part), "no `{part}` in: {}", by_word.text);
    }
    // It is not tried at all: there is no vault, and nobody hears of that.
    for (words, named) in [
        (&["bid", "3f2a", "120", "--jsno"][..], &["'--jsno'", "'--json'"][..]),
        (&["list", "Lamp", "1", "--for", "9m", "--stpe", "1"], &["'--stpe'", "'--step'"]),
        (&["bid"], &["<ROOM>", "Usage: pregao bid"]),
        (&["say", "3f2a"], &["<TEXT>", "Usage: pregao say"]),
        (&["help", "fly"], &["'fly'"]),
    ] {
        let ran = pregao(nowhere, words).await.unwrap();
        assert_eq!(ran.code, Some(2), "{words:?}: {}", ran.text);
        for part in named {
            assert!(ran.text.contains(part), "{words:?}: no `{part}` in: {}", ran.text);
        }
        assert!(!ran.text.contains("persona"), "{}", ran.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_no_command_are_refused_and_end_nothing() {
    let house = open();
    let folder = house.folder.path().join("ana");
    let mut ana = Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap();
    let long = format!(r#"{{"command":"say","room":"ab","text":"{}"}}"#, "x".repeat(70_000));
    for (line, said) in [
        ("garbage", "not JSON"),
        ("[1,2]", "not a JSON object"),
        ("{}", "command"),
        ("\u{0}\u{1}", "not JSON"),
        (r#"{"command":"fly"}"#, "fly"),
        (r#"{"command":"bid","room":"ab"}"#, "amount"),
        (r#"{"command":"bid","room":"ab","amount":12}"#, "string"),
        (r#"{"command":"bid","room":"ab","amount":"1","x":1}"#, "unknown field"),
        (r#"{"command":"items","room":"ab"}"#, "unknown field `room`"),
        (r#"{"id":{},"command":"items"}"#, "the id is"),
        (long.as_str(), "longer than"),
    ] {
        ana.line(line).await.unwrap();
        let (code, message, advice) = ana.refusal().await.unwrap();
        assert_eq!(code, "command.parse");
        assert!(message.contains(said), "{line:.60}: {message}");
        assert!(advice.contains(r#""command":"bid""#));
    }
    assert!(ana.ask(json!({ "command": "items" })).await.unwrap());
    assert!(!ana.ask(json!({ "command": "bid", "room": "ab", "amount": "1" })).await.unwrap());
    assert_eq!(ana.end().await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_cannot_be_used_is_told_with_what_to_do() {
    let house = open();
    let folder = persona(&house, "ana").await;
    let nobody = house.folder.path().join("nobody");
    refused(&pregao(&nobody, &["items"]).await.unwrap(), &["no persona", "pregao enrol --tsa"]);
    let wrong = pregao_with(&folder, "another one", &["items"]).await.unwrap();
    refused(&wrong, &["passphrase", "type it again"]);
    let again = ["enrol", "--tsa", &house.tsa.address.to_string()];
    // The same persona is certified again; no second one takes its place.
    carried_out(&pregao(&folder, &again).await.unwrap());
    let empty = pregao_with(&nobody, "", &again).await.unwrap();
    refused(&empty, &["passphrase", "several words"]);
    assert!(!nobody.join("vault.age").exists());
    for name in ["vault.age", "identity.age"] {
        let file = folder.join(name);
        let whole = std::fs::read(&file).unwrap();
        for cut in [0, 1, 40, whole.len() / 2, whole.len() - 30] {
            std::fs::write(&file, &whole[..cut]).unwrap();
            refused(&pregao(&folder, &["items"]).await.unwrap(), &[name, "backup"]);
        }
        let mut flipped = whole.clone();
        let middle = whole.len() / 2;
        flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
        std::fs::write(&file, &flipped).unwrap();
        refused(&pregao(&folder, &["items"]).await.unwrap(), &[name, "backup"]);
        std::fs::remove_file(&file).unwrap();
        refused(&pregao(&folder, &["items"]).await.unwrap(), &[name, "backup"]);
        std::fs::write(&file, &whole).unwrap();
    }
    carried_out(&pregao(&folder, &["items"]).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_told_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = open();
    let closed = house.folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    // Root writes everywhere: then a file takes the place of the folder.
    let folder = if rustix::process::geteuid().is_root() {
        std::fs::write(closed.join("file"), "").unwrap();
        closed.join("file")
    } else {
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).unwrap();
        closed.join("vault")
    };
    let ran = pregao(&folder, &["enrol", "--tsa", &house.tsa.address.to_string()]).await.unwrap();
    refused(&ran, &[folder.to_str().unwrap()]);
    assert!(ran.text.trim_end().lines().count() >= 2, "no advice: {}", ran.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_the_one_meant_is_told_with_what_to_do() {
    let house = open();
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    refused(&pregao(&folder, &["items"]).await.unwrap(), &["no broker is known", "--broker"]);
    let address = &house.broker.address;
    let items = async |broker: &str| pregao(&folder, &["items", "--broker", broker]).await.unwrap();
    let nowhere = address.address_at_port_9();
    refused(&items(&nowhere).await, &["cannot be reached", "whether pregao-broker runs"]);
    // Another broker answers at the port.
    let place = house.folder.path();
    let (data, log) = (place.join("other"), place.join("other.log"));
    let other = Broker::start_in(&data, &log, &house.tsa.address, &Options::default()).unwrap();
    let impostor = format!("{}#{}", other.address.url, address.fingerprint);
    let ran = items(&impostor).await;
    refused(&ran, &["handshake does not hold", "expected broker", "compare the fingerprint"]);
    assert!(ran.text.contains(&other.address.fingerprint.to_string()), "{}", ran.text);
    // Neither was remembered.
    refused(&pregao(&folder, &["items"]).await.unwrap(), &["no broker is known"]);
    for bad in ["ws://127.0.0.1:1/", "127.0.0.1:1#00", "http://127.0.0.1:1/#00"] {
        let ran = items(bad).await;
        assert!(ran.code == Some(2) && ran.text.contains("fingerprint"), "{}", ran.text);
    }
    carried_out(&items(&address.to_string()).await);
    carried_out(&pregao(&folder, &["items"]).await.unwrap());
    // A broker that works with another TSA.
    let stranger = House::open(&Options::default()).unwrap();
    let ran = items(&stranger.broker.address.to_string()).await;
    refused(&ran, &["no connection"]);
}

trait Nowhere {
    fn address_at_port_9(&self) -> String;
}

impl Nowhere for pregao::net::broker::BrokerAddress {
    fn address_at_port_9(&self) -> String {
        format!("ws://127.0.0.1:9/#{}", self.fingerprint)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_that_fails_leaves_nothing_and_says_what_to_do() {
    let mut house = open();
    let folder = house.folder.path().join("ana");
    let enrolment = async |address: &str| {
        let ran =
            pregao(&folder, &["enrol", "--work-factor", "4", "--tsa", address]).await.unwrap();
        assert!(ran.code == Some(0) || !folder.join("identity.age").exists());
        ran
    };
    let pinned = TsaAddress { authority: Some(Fingerprint([7; 32])), ..house.tsa.address.clone() };
    let ran = enrolment(&pinned.to_string()).await;
    refused(&ran, &["keys do not verify", "not the pinned", "check the fingerprint"]);
    let broker = format!("http://{}", house.broker.socket());
    refused(&enrolment(&broker).await, &["check"]);
    house.tsa.kill().unwrap();
    let good = house.tsa.address.to_string();
    refused(&enrolment(&good).await, &["does not answer", "check the address"]);
    house.tsa.restart().unwrap();
    carried_out(&enrolment(&good).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_asked_for_and_used_once() {
    let house = House::open(&Options::default().tsa("--policy invite")).unwrap();
    let tsa = house.tsa.address.to_string();
    let enrolment = async |name: &str, invite: Option<&str>| {
        let folder = house.folder.path().join(name);
        let mut words = vec!["enrol", "--work-factor", "4", "--tsa", &tsa];
        words.extend(invite.into_iter().flat_map(|code| ["--invite", code]));
        pregao(&folder, &words).await.unwrap()
    };
    refused(&enrolment("ana", None).await, &["refuses", "invit"]);
    refused(&enrolment("ana", Some("nonsense")).await, &["refuses", "invit"]);
    let mut command = Command::new(executable("pregao-tsa").unwrap());
    let output = command.args(["invite", "--data"]).arg(house.tsa.data()).output().await.unwrap();
    let code = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(!code.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    carried_out(&enrolment("ana", Some(&code)).await);
    refused(&enrolment("rui", Some(&code)).await, &["refuses", "invit"]);
}

/// Runs openssl; gives its output.
async fn openssl(folder: &Path, words: &str) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(words.split(' ')).stdin(Stdio::null());
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_judges_certificates_and_computes_the_same_fingerprint() {
    let house = open();
    let (place, url) = (house.folder.path(), house.tsa.address.url.clone());
    let get = format!("{}/.well-known/ca.pem", url.trim_end_matches('/'));
    let ca = ureq::get(get).call().unwrap().body_mut().read_to_string().unwrap();
    std::fs::write(place.join("ca.pem"), ca).unwrap();
    let spki_hash = async |from: &str| {
        std::fs::write(place.join("pub.pem"), openssl(place, from).await).unwrap();
        let der = openssl(place, "pkey -pubin -in pub.pem -outform DER").await;
        (hex::encode(Sha256::digest(&der)), der)
    };

    // A persona that pregao made.
    let folder = place.join("ana");
    let words = ["enrol", "--work-factor", "4", "--tsa", &house.tsa.address.to_string()];
    let enrolled = pregao(&folder, &words).await.unwrap();
    let printed = carried_out(&enrolled).lines().next().unwrap().to_owned();
    std::fs::write(place.join("ana.der"), &vault(&folder).unwrap().certificate).unwrap();
    std::fs::write(place.join("ana.pem"), openssl(place, "x509 -inform DER -in ana.der").await)
        .unwrap();
    openssl(place, "verify -CAfile ca.pem ana.pem").await;
    let (hash, _) = spki_hash("x509 -in ana.pem -noout -pubkey").await;
    assert_eq!(printed, format!("persona {hash}"));

    // A persona that openssl made.
    openssl(place, "genpkey -algorithm ed25519 -out own.key").await;
    openssl(place, "req -new -key own.key -subj /CN=anything -out own.csr").await;
    let csr = std::fs::read_to_string(place.join("own.csr")).unwrap();
    let post = format!("{}/api/sign-csr", url.trim_end_matches('/'));
    let mut answer = ureq::post(post).send_json(json!({ "csr": csr })).unwrap();
    let answer: serde_json::Value =
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    std::fs::write(place.join("own.pem"), answer["certificate"].as_str().unwrap()).unwrap();
    openssl(place, "verify -CAfile ca.pem own.pem").await;
    let subject = String::from_utf8(openssl(place, "x509 -in own.pem -noout -subject").await);
    assert!(!subject.unwrap().contains("anything"), "the CA fixes the subject");
    let (hash, der) = spki_hash("x509 -in own.pem -noout -pubkey").await;
    let (requested, _) = spki_hash("pkey -in own.key -pubout").await;
    assert_eq!(hash, requested);
    let raw: [u8; 32] = der[der.len() - 32..].try_into().unwrap();
    assert_eq!(PublicKey::<Persona>::from_bytes(raw).fingerprint().to_string(), hash);

    // A certificate of another CA does not pass.
    let stranger = open();
    let get = format!("{}/.well-known/ca.pem", stranger.tsa.address.url.trim_end_matches('/'));
    let ca = ureq::get(get).call().unwrap().body_mut().read_to_string().unwrap();
    std::fs::write(place.join("other.pem"), ca).unwrap();
    let mut command = Command::new("openssl");
    let verify = command.current_dir(place).args(["verify", "-CAfile", "other.pem", "own.pem"]);
    assert!(!verify.output().await.unwrap().status.success());
}
