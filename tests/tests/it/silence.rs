//! Connections that go silent, a TSA that is stopped, and a machine that slept.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pregao::command::Command;
use pregao::desk;
use pregao::desk::signer::Readers;
use pregao::event::{Event, Trust};
use pregao::front::channel::{Front, UserRequest, pair};
use pregao::host::system;
use pregao::net::Internet;
use pregao::net::broker::{BrokerAddress, SILENT_FOR};
use pregao::net::tls::Roots;
use pregao::text::moment::TimeZone;
use pregao::vault::{Passphrase, Vault};
use pregao_protocol::host::{Clock, Host};
use pregao_protocol::value::clock::Time;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::session::Ranking;
use pregao_tests::desk::{Desk, PASSPHRASE, enrol};
use pregao_tests::house::{House, Options};
use pregao_tests::liar::{Liar, Up};
use pregao_tests::proxy::Proxy;
use serde_json::json;
use tempfile::TempDir;

use crate::open;

/// For how long a program is stopped at the least.
const STOOD: Duration = Duration::from_secs(65);
/// How long one event is waited for at the most.
const PATIENCE: Duration = Duration::from_secs(60);

/// A desk of this process, whose clock can be turned.
struct User {
    front: Front,
    seen: Vec<Event>,
    _vault: TempDir,
}

impl User {
    async fn start(house: &House, broker: BrokerAddress, host: Host, silent: Duration) -> Self {
        let vault = tempfile::tempdir().unwrap();
        let folder = vault.path().join("vault");
        enrol(&folder, &house.tsa.address).await.unwrap();
        let options = options(&folder, broker, host, silent);
        let opened = Vault::open(&folder, &Passphrase::new(PASSPHRASE.to_owned())).unwrap();
        let (front, back) = pair();
        desk::start(opened, options, back).unwrap();
        Self { front, seen: Vec::new(), _vault: vault }
    }

    /// The next event that is looked for.
    async fn until<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.front.events.recv()).await;
            let event = event.unwrap().unwrap();
            let found = wanted(&event);
            self.seen.push(event);
            if let Some(found) = found {
                return found;
            }
        }
    }

    async fn connected(&mut self) {
        self.until(|event| matches!(event, Event::Connected { .. }).then_some(())).await;
    }

    async fn disconnected(&mut self) -> String {
        self.until(|event| match event {
            Event::Disconnected { reason, .. } => Some(reason.clone()),
            _ => None,
        })
        .await
    }

    async fn ticked(&mut self) -> Time {
        self.until(|event| match event {
            Event::Tick { time, .. } => Some(*time),
            _ => None,
        })
        .await
    }

    async fn whoami(&mut self) -> Trust {
        let request = UserRequest { id: None, command: Command::Whoami, yes: false, written: None };
        self.front.commands.send(request).await.unwrap();
        self.until(|event| match event {
            Event::Whoami(trust) => Some(trust.clone()),
            _ => None,
        })
        .await
    }

    fn saw(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.seen.iter().any(wanted)
    }
}

/// The clock of a machine that slept for so many seconds.
#[derive(Debug)]
struct Slept {
    awake: Host,
    seconds: Arc<AtomicU64>,
}

impl Clock for Slept {
    fn uptime(&self) -> Duration {
        let slept = Duration::from_secs(self.seconds.load(Ordering::SeqCst));
        self.awake.clock.uptime() + slept
    }

    fn wall(&self) -> Time {
        self.awake.clock.wall()
    }
}

fn options(folder: &Path, broker: BrokerAddress, host: Host, silent: Duration) -> desk::Options {
    desk::Options {
        broker,
        suites: Ranking::default(),
        tls: Roots::default(),
        evidence: folder.join("evidence"),
        exports: folder.join("export"),
        patient: false,
        discreet: false,
        state: None,
        passed_over: Vec::new(),
        zone: TimeZone::UTC,
        cards: Arc::new(Readers),
        reader: None,
        route: None,
        host,
        net: Arc::new(Internet),
        witnesses: Vec::new(),
        lock_tsas: Vec::new(),
        final_by: Vec::new(),
        silent,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_goes_silent_is_offline_and_made_again_however_busy_the_desk_is() {
    let house = open();
    let proxy = Proxy::before(house.broker.socket()).await.unwrap();
    let address = house.broker.address_at(&proxy.socket);
    let silent = Duration::from_secs(3);
    let mut user = User::start(&house, address, system(), silent).await;
    user.connected().await;
    user.ticked().await;
    proxy.silence();
    // Every command is a round of the loop in which the broker is waited for.
    let commands = user.front.commands.clone();
    let busy = tokio::spawn(async move {
        let whoami =
            || UserRequest { id: None, command: Command::Whoami, yes: false, written: None };
        while commands.send(whoami()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let reason = user.disconnected().await;
    assert!(reason.contains("nothing has come from the broker"), "{reason}");
    user.connected().await;
    user.ticked().await;
    busy.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_tsa_stands_still_it_is_down_and_the_broker_is_there() {
    let house = open();
    let broker = house.broker.address.clone();
    let mut user = User::start(&house, broker, system(), SILENT_FOR).await;
    user.connected().await;
    user.ticked().await;
    house.tsa.program().freeze();
    let told = user
        .until(|event| match event {
            Event::TsaDown(report) => Some(report.clone()),
            _ => None,
        })
        .await;
    assert_eq!(told.code, "tsa.down");
    assert!(!told.message.is_empty() && !told.advice.is_empty());
    // For a minute, and so for much longer than a silent broker is borne.
    let long = 60_000;
    loop {
        let trust = user.whoami().await;
        assert_eq!(trust.time, None, "a time is shown that nobody told");
        assert!(trust.suite.is_some(), "the session is gone");
        if trust.age_ms > long {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    house.tsa.program().thaw();
    user.ticked().await;
    assert!(user.whoami().await.time.is_some());
    assert!(!user.saw(|event| matches!(event, Event::Disconnected { .. })));
    let downs = user.seen.iter().filter(|event| matches!(event, Event::TsaDown(_))).count();
    assert_eq!(downs, 1, "it is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_long_sleep_the_time_is_unknown_until_the_next_tick_and_then_right() {
    // Not so long that the session is to be renewed anyway.
    const SLEEP: Duration = Duration::from_secs(40 * 60);
    let house = House::open(&Options::default().simulated()).unwrap();
    let proxy = Proxy::before(house.broker.socket()).await.unwrap();
    let address = house.broker.address_at(&proxy.socket);
    let slept = Arc::new(AtomicU64::new(0));
    let clock = Arc::new(Slept { awake: system(), seconds: Arc::clone(&slept) });
    let host = Host { clock, ..system() };
    let mut user = User::start(&house, address, host, SILENT_FOR).await;
    user.connected().await;
    let before = user.ticked().await;
    assert!(user.whoami().await.time.is_some());
    // The machine sleeps: nothing passes, and forty minutes are gone when it wakes.
    proxy.silence();
    house.tsa.set_time(before.plus(SLEEP)).unwrap();
    slept.store(SLEEP.as_secs(), Ordering::SeqCst);
    let waking = user.whoami().await;
    assert_eq!(waking.time, None, "no countdown from before the sleep");
    assert!(waking.age_ms >= 40 * 60 * 1_000);
    let reason = user.disconnected().await;
    assert!(reason.contains("nothing has come"), "{reason}");
    user.connected().await;
    let after = user.ticked().await;
    assert!(after >= before.plus(SLEEP), "{after}");
    assert!(user.whoami().await.time.unwrap() >= after);
}

/// More than a minute of ticks waits for it, each of them right when it was made.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_stood_for_a_while_raises_no_doubt_about_the_clock() {
    let house = open();
    let folder = house.folder.path().join("ana");
    let mut desk = Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap();
    let ticked = |event: &Event| match event {
        Event::Tick { time, .. } => Some(*time),
        _ => None,
    };
    let before = desk.until(ticked).await.unwrap();
    desk.freeze();
    tokio::time::sleep(Duration::from_secs(70)).await;
    desk.thaw();
    let late = |event: &Event| ticked(event).filter(|time| time.since(before) > STOOD);
    desk.until(late).await.unwrap();
    // Of three more ticks each is compared with this computer's clock.
    for _ in 0..3 {
        desk.until(ticked).await.unwrap();
    }
    let doubt =
        |event: &&Event| matches!(event, Event::Note { text, .. } if text.contains("clock"));
    assert_eq!(desk.seen.iter().find(doubt), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_ends_every_session_at_once_is_asked_ever_less_often() {
    let house = open();
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("vault");
    enrol(&vault, &house.tsa.address).await.unwrap();
    let lie = Up(|frame: &FromPeer| {
        let (code, message) = ("session.expired".to_owned(), "the session ends".to_owned());
        matches!(frame, FromPeer::Rooms { .. })
            .then(|| vec![FromBroker::Error { code, message, room: None }])
    });
    let liar = Liar::before(&house, &vault, lie).await.unwrap();
    let mut desk = Desk::start(&vault, &liar.address).unwrap();
    let mut last = 0;
    for _ in 0..5 {
        last = desk
            .until(|event| match event {
                Event::Disconnected { retry_in_ms, .. } => *retry_in_ms,
                _ => None,
            })
            .await
            .unwrap();
    }
    assert!(last >= 1_600, "the fifth pause is {last} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_takes_the_connection_and_says_nothing_is_given_up() {
    let house = open();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = listener.local_addr().unwrap().to_string();
    let held = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("vault");
    enrol(&vault, &house.tsa.address).await.unwrap();
    let mut desk = Desk::start(&vault, &house.broker.address_at(&socket)).unwrap();
    // What needs no broker is answered meanwhile.
    assert!(desk.ask(json!({"command": "help"})).await.unwrap());
    let reason = desk
        .until(|event| match event {
            Event::Disconnected { reason, .. } => Some(reason.clone()),
            _ => None,
        })
        .await
        .unwrap();
    assert!(reason.contains("did not answer in time"), "{reason}");
    held.abort();
}
