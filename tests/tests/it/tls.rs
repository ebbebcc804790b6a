//! A TSA behind TLS, reached by broker and peers through `https://` and `wss://`, and whose certificates
//! they believe.

use std::path::Path;
use std::process::{Command, Stdio};

use pregao_protocol::trust::jwks::TsaAddress;
use pregao_tests::desk::{Desk, Ran, pregao};
use pregao_tests::house::{Broker, Options, Tsa, executable, holds};
use pregao_tests::tls::{Pair, Terminator};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A TSA with TLS in front of it, and a CA that issued nothing here.
struct Scene {
    folder: TempDir,
    tsa: Tsa,
    front: Terminator,
    pair: Pair,
    stranger: Pair,
}

impl Scene {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tsa = Tsa::start(folder.path(), &Options::default()).unwrap();
        let pair = Pair::make(folder.path(), "own").unwrap();
        let stranger = Pair::make(folder.path(), "stranger").unwrap();
        let front = Terminator::before(tsa.socket(), &pair).await.unwrap();
        Self { folder, tsa, front, pair, stranger }
    }

    fn address(&self) -> TsaAddress {
        let url = format!("https://{}", self.front.socket);
        TsaAddress { url, ..self.tsa.address.clone() }
    }

    /// Flags of a broker that believes this CA and serves peers by TLS.
    fn broker(&self, ca: &Path) -> Options {
        let (certificate, key) = (self.pair.certificate.display(), self.pair.key.display());
        let own = format!("--tls-cert {certificate} --tls-key {key}");
        Options::default().broker(&own).broker(&format!("--tls-ca {}", ca.display()))
    }

    async fn enrol(&self, name: &str, flags: &[&str]) -> Ran {
        let address = self.address().to_string();
        let words = ["enrol", "--work-factor", "4", "--tsa", &address];
        pregao(&self.folder.path().join(name), &[&words, flags].concat()).await.unwrap()
    }
}

/// Nothing answers there: whoever went by it would fail.
const NO_PROXY: [&str; 6] =
    ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

#[tokio::test(flavor = "multi_thread")]
async fn a_tsa_behind_tls_serves_broker_and_peers_that_are_given_its_ca() {
    let scene = Scene::open().await;
    let ca = scene.pair.ca.to_str().unwrap();
    let ran = scene.enrol("ana", &["--tls-ca", ca]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(scene.front.passed() > 0);

    let before = scene.front.passed();
    let mut options = scene.broker(&scene.pair.ca);
    let nowhere = |name: &&str| ((*name).to_owned(), "http://127.0.0.1:9".to_owned());
    options.broker_env = NO_PROXY.iter().map(nowhere).collect();
    let (place, address) = (scene.folder.path().to_owned(), scene.address());
    let start = move || Broker::start(&place, &address, &options).unwrap();
    let broker = tokio::task::spawn_blocking(start).await.unwrap();
    assert!(broker.address.url.starts_with("wss://"), "{}", broker.address);
    // The key set and the stream of stamps: nothing goes around TLS.
    holds("the broker's stream", || scene.front.passed() >= before + 2).await.unwrap();

    // A listing needs a ticket from the TSA, a session by TLS, and a stamp by the broker's stream.
    let wss = broker.address.to_string();
    let vault = scene.folder.path().join("ana");
    let mut ana = Desk::run(&vault, &["json", "--tls-ca", ca, "--broker", &wss]).unwrap();
    let listing = json!({ "command": "list", "title": "Radio", "start": "1", "for": "10m", "fixed_end": true });
    assert!(ana.ask(listing).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_believe_the_certificate_of_a_tsa_is_told_what_to_do() {
    let scene = Scene::open().await;
    let stranger = scene.stranger.ca.to_str().unwrap();
    for flags in [&[][..], &["--tls-ca", stranger]] {
        let ran = scene.enrol("ana", flags).await;
        assert_ne!(ran.code, Some(0), "{}", ran.text);
        let happened =
            format!("the TLS certificate of the TSA at {} is not believed", scene.address().url);
        assert!(ran.text.contains(&happened), "{}", ran.text);
        assert!(
            ran.text.contains("give the file of the CA that issued it with --tls-ca"),
            "{}",
            ran.text
        );
        assert!(!scene.folder.path().join("ana/vault.age").exists());
    }
    assert_eq!(scene.front.passed(), 0);
    for file in ["there-is-none.pem", scene.pair.key.to_str().unwrap()] {
        let ran = scene.enrol("ana", &["--tls-ca", file]).await;
        assert_ne!(ran.code, Some(0), "{}", ran.text);
        assert!(ran.text.contains("check the file given with --tls-ca"), "{}", ran.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_believed_ca_for_another_host_is_not_believed() {
    let scene = Scene::open().await;
    let other = Pair::make_for(scene.folder.path(), "other", &["elsewhere.invalid"]).unwrap();
    let front = Terminator::before(scene.tsa.socket(), &other).await.unwrap();
    let url = format!("https://{}", front.socket);
    let address = TsaAddress { url, ..scene.tsa.address.clone() };
    let (shown, ca) = (address.to_string(), other.ca.to_str().unwrap());
    let words = ["enrol", "--work-factor", "4", "--tsa", &shown, "--tls-ca", ca];
    let ran = pregao(&scene.folder.path().join("ana"), &words).await.unwrap();
    assert_ne!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("is not believed"), "{}", ran.text);
    let (place, options) = (scene.folder.path().to_owned(), scene.broker(&other.ca));
    let start = move || Broker::start(&place, &address, &options).map(drop).unwrap_err();
    let words = tokio::task::spawn_blocking(start).await.unwrap().to_string();
    assert!(words.contains("is not believed"), "{words}");
    assert_eq!(front.passed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_a_tsa_that_sends_them_elsewhere() {
    let scene = Scene::open().await;
    // To the TSA itself: whoever followed would be served.
    let target = scene.tsa.address.url.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                let mut asked = [0_u8; 4_096];
                let read = stream.read(&mut asked).await.unwrap_or(0);
                let text = String::from_utf8_lossy(&asked[..read]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or("/");
                let answer = format!(
                    "HTTP/1.1 302 Found\r\nlocation: {target}{path}\r\ncontent-length: 0\r\n\
                     connection: close\r\n\r\n"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    let address = TsaAddress { url: format!("http://{socket}"), ..scene.tsa.address.clone() };
    let shown = address.to_string();
    let words = ["enrol", "--work-factor", "4", "--tsa", &shown];
    let ran = pregao(&scene.folder.path().join("ana"), &words).await.unwrap();
    assert_ne!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("status 302"), "{}", ran.text);
    // The broker waits for a TSA that is one, and says why.
    let log = scene.folder.path().join("broker.log");
    let data = scene.folder.path().join("broker");
    let mut broker = Command::new(executable("pregao-broker").unwrap())
        .arg("--data")
        .arg(&data)
        .args(["--tsa", &shown])
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let told = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.contains("status 302; redirections are not followed")
    };
    let held = holds("the broker's word about the redirection", told).await;
    broker.kill().unwrap();
    broker.wait().unwrap();
    held.unwrap();
    assert!(!data.join("tsa.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_does_not_believe_the_certificate_of_its_tsa_says_so_and_stops() {
    let scene = Scene::open().await;
    let refused = |options: Options| {
        let (place, address) = (scene.folder.path().to_owned(), scene.address());
        async move {
            let start = move || Broker::start(&place, &address, &options).map(drop).unwrap_err();
            tokio::task::spawn_blocking(start).await.unwrap().to_string()
        }
    };
    for options in [Options::default(), scene.broker(&scene.stranger.ca)] {
        let words = refused(options).await;
        let happened =
            format!("the TLS certificate of the TSA at {} is not believed", scene.address().url);
        assert!(words.contains(&happened), "{words}");
        assert!(words.contains("give the file of the CA that issued it with --tls-ca"), "{words}");
    }
    assert_eq!(scene.front.passed(), 0);
    let words = refused(scene.broker(&scene.pair.key)).await;
    assert!(words.contains("give a PEM file of CA certificates with --tls-ca"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_knows_its_tsa_starts_without_believing_its_certificate_and_says_so() {
    let scene = Scene::open().await;
    let start = |options: Options| {
        let (place, address) = (scene.folder.path().to_owned(), scene.address());
        let start = move || Broker::start(&place, &address, &options).unwrap();
        async move { tokio::task::spawn_blocking(start).await.unwrap() }
    };
    let mut broker = start(scene.broker(&scene.pair.ca)).await;
    broker.stop().unwrap();
    let passed = scene.front.passed();
    let broker = start(scene.broker(&scene.stranger.ca)).await;
    let told =
        || broker.log().contains("the TLS certificate of the TSA is not believed; trying again");
    holds("the broker's word about the certificate", told).await.unwrap();
    assert!(broker.log().contains("give the file of the CA that issued it with --tls-ca"));
    assert_eq!(scene.front.passed(), passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_believe_the_certificate_of_a_broker_is_told_what_to_do() {
    let scene = Scene::open().await;
    let ca = scene.pair.ca.to_str().unwrap();
    let ran = scene.enrol("ana", &["--tls-ca", ca]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    let (place, address) = (scene.folder.path().to_owned(), scene.tsa.address.clone());
    let options = scene.broker(&scene.pair.ca);
    // The broker has the TSA without TLS; the peer has the CA of neither.
    let start = move || Broker::start(&place, &address, &options).unwrap();
    let broker = tokio::task::spawn_blocking(start).await.unwrap();
    let vault = scene.folder.path().join("rui");
    let plain = scene.tsa.address.to_string();
    let words = ["enrol", "--work-factor", "4", "--tsa", &plain];
    assert_eq!(pregao(&vault, &words).await.unwrap().code, Some(0));
    let ran = pregao(&vault, &["items", "--broker", &broker.address.to_string()]).await.unwrap();
    assert_ne!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("the TLS certificate of the broker at"), "{}", ran.text);
    assert!(ran.text.contains("--tls-ca"), "{}", ran.text);
}
