//! The programs of one simulated town: a TSA, a broker, and a desk for each person.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_TYPE;
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use pregao::desk::enrol::enrol;
use pregao::desk::signer::{Cards, InsertedCard};
use pregao::desk::{self, Desk};
use pregao::front::channel::{UserRequest, pair};
use pregao::net::broker::{BrokerAddress, Identity, SILENT_FOR};
use pregao::net::tsa::TsaClient;
use pregao::net::{self, HttpAnswer, ProxyAddress, Reach, Transport, TransportError};
use pregao::post::passes::PassTaker;
use pregao::text::moment::TimeZone;
use pregao::vault::{ActionRecord, Contents, Passphrase, Vault, WorkFactor};
use pregao_broker::folder::Folder;
use pregao_broker::listener;
use pregao_broker::network::{
    Asking, Dialing, FetchError, HttpAnswer as Answered, Network, NoAnswer, Stream,
};
use pregao_broker::server::{Broker, Options};
use pregao_broker::session::Limits;
use pregao_broker::tls::Roots;
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{BrokerKeys, Signer};
#[cfg(test)]
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::trust::key::{Fingerprint, SecretKey, StampKey, WitnessKey};
use pregao_protocol::trust::persona::Blind;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::report::Report;
use pregao_protocol::wire::delivery::{AnswerDelivery, Credentials, FetchDelivery};
use pregao_protocol::wire::puzzle::Effort;
use pregao_protocol::wire::session::{Ranking, Suite};
use pregao_protocol::wire::tsa::{MAX_ANSWER, Timestamp, TsaRequest, content};
use pregao_tsa::service::{self, Service};
use pregao_tsa::stamper::Pace;
use pregao_tsa::state::Policy;
use pregao_tsa::witness::Brokers;
use tokio::io::DuplexStream;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::liar::{BrokerSecrets, Lie, Mask, secret_in};

use super::apart;
#[cfg(test)]
use super::falsifier::Falsifier;
use super::framer::AnsweredAction;
use super::machine::{Chance, Era, Machine, Speed};
use super::person::Person;
use super::recorder::Recorder;
use super::trace::Trace;
use super::trouble::Trouble;
use super::wires::Wires;

/// From where everybody comes.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Where the broker is, as a desk reaches it.
const BROKER: (&str, u16) = ("broker", 1);
/// To what the wires of the one lead who is lied to.
pub(super) const VICTIM: &str = "liar";
/// Where the TSA is.
const TSA: (&str, u16) = ("tsa", 1);
/// Passphrase of every vault.
const PASSPHRASE: &str = "a lamp of many words";

/// Every key with which a house can lie.
#[derive(Debug)]
pub struct HouseSecrets {
    /// The broker's.
    pub broker: BrokerSecrets,
    /// The TSA's for stamps.
    pub stamp: SecretKey<StampKey>,
    /// The witness's.
    pub witness: SecretKey<WitnessKey>,
}

/// What everybody knows of the house.
#[derive(Debug, Clone)]
pub(super) struct BrokerPins {
    /// Of the broker's session key.
    pub(super) fingerprint: Fingerprint,
    pub(super) keys: BrokerKeys,
}

/// A running program on a machine of its own.
struct Running<P> {
    machine: Arc<Machine>,
    program: P,
}

/// A desk, and who sits at it.
#[derive(Debug)]
struct Seat {
    machine: Arc<Machine>,
    asks: mpsc::UnboundedSender<UserRequest>,

    passes: PassTaker,
    sits: JoinHandle<()>,
}

/// A TSA, a broker, and the desks of people.
pub struct Town {
    era: Arc<Era>,
    chance: Chance,
    trace: Arc<Trace>,
    wires: Arc<Wires>,
    folder: PathBuf,
    tsa: Mutex<Option<Running<Service>>>,
    broker: Mutex<Option<Running<Broker>>>,
    seats: Mutex<BTreeMap<String, Seat>>,
    /// Who is lied to, and who does.
    liar: Mutex<Option<(String, Arc<Mask>)>>,
    /// Pins of both.
    addresses: Mutex<Option<(TsaAddress, BrokerAddress)>>,
    /// How many passes the broker gives each persona a day. Their keys are drawn by no chance of the town: what happens is
    /// not the same again where there are any.
    passes_per_day: u32,
    /// What the broker keeps of all that it sees, if it does.
    recorder: OnceLock<Arc<Recorder>>,
    /// Of whose connections the broker's words are changed, and how.
    #[cfg(test)]
    falsifier: Mutex<Option<(Arc<str>, Falsifier)>>,
}

impl fmt::Debug for Town {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Town").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Town {
    /// Starts a TSA and a broker in an empty folder.
    ///
    /// # Errors
    /// If one of them does not start.
    pub async fn found(
        chance: &Chance,
        era: &Arc<Era>,
        trace: &Arc<Trace>,
        folder: &Path,
    ) -> Result<Arc<Self>> {
        Self::found_with_passes(0, chance, era, trace, folder).await
    }

    /// As [`Town::found`], with a broker that gives each persona so many passes a day.
    ///
    /// # Errors
    /// As those of [`Town::found`].
    pub async fn found_with_passes(
        passes_per_day: u32,
        chance: &Chance,
        era: &Arc<Era>,
        trace: &Arc<Trace>,
        folder: &Path,
    ) -> Result<Arc<Self>> {
        let town = Arc::new(Self {
            era: Arc::clone(era),
            chance: chance.fork(),
            trace: Arc::clone(trace),
            wires: Wires::new(chance),
            folder: folder.to_owned(),
            tsa: Mutex::default(),
            broker: Mutex::default(),
            seats: Mutex::default(),
            liar: Mutex::default(),
            addresses: Mutex::default(),
            passes_per_day,
            recorder: OnceLock::new(),
            #[cfg(test)]
            falsifier: Mutex::default(),
        });
        town.start_tsa(0)?;
        town.start_broker().await?;
        Ok(town)
    }

    pub(super) fn lines(self: &Arc<Self>) -> Lines {
        Lines { town: Arc::downgrade(self), liar: None, from: "somewhere".into() }
    }

    /// From now on the broker keeps all that it sees, as long as it is not started anew.
    pub fn record(&self) -> Arc<Recorder> {
        if let Some(broker) = &*self.broker.lock() {
            broker.machine.keep_drawn();
        }
        Arc::clone(self.recorder.get_or_init(|| Recorder::begin(&self.era)))
    }

    /// From now on the broker's words reach one person changed, or again as they are. Sessions that go on are as they were.
    #[cfg(test)]
    pub(super) fn falsify(&self, lie: Option<(&str, Falsifier)>) {
        if let Some(broker) = &*self.broker.lock() {
            broker.machine.keep_drawn();
        }
        *self.falsifier.lock() = lie.map(|(name, lie)| (name.into(), lie));
    }

    /// The broker's keys.
    #[cfg(test)]
    pub(super) fn broker_secrets(&self) -> Result<BrokerSecrets> {
        BrokerSecrets::read(&self.folder.join("broker"))
    }

    /// Time since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.era.elapsed()
    }

    /// All machines sleep for a while.
    pub fn sleep(&self, time: Duration) {
        self.era.sleep(time);
    }

    /// The wires of the town.
    pub(super) fn wires(&self) -> &Wires {
        &self.wires
    }

    /// Another machine.
    pub(super) fn machine(&self) -> Arc<Machine> {
        Machine::start(&self.era, &self.chance, Speed::Later)
    }

    /// The broker's keys, while it and the TSA are up.
    pub(super) fn pins(&self) -> Option<BrokerPins> {
        self.tsa_address().ok()?;
        let broker = self.broker.lock();
        let shared = &broker.as_ref()?.program.context.shared;
        Some(BrokerPins { fingerprint: shared.fingerprint(), keys: shared.certificate.keys })
    }

    /// Where the broker is, and what it says of itself, while it is up.
    #[cfg(test)]
    pub(super) fn house(&self) -> Option<(BrokerAddress, BrokerCertificate)> {
        let (_, address) = self.addresses.lock().clone()?;
        let broker = self.broker.lock();
        Some((address, broker.as_ref()?.program.context.shared.certificate.clone()))
    }

    /// The way to a desk by which passes are taken there.
    pub fn pass_taker(&self, person: &Person) -> Option<PassTaker> {
        Some(self.seats.lock().get(&person.name)?.passes.clone())
    }

    /// What the broker decided about in public rooms and somebody's vault has the answer to; nothing, while the
    /// vault cannot be read.
    pub(super) fn answered(&self, person: &Person) -> Vec<AnsweredAction> {
        self.copied(person).map(|contents| answered_in(&contents)).unwrap_or_default()
    }

    /// What is in the vault that a desk has open.
    fn copied(&self, person: &Person) -> Result<Contents> {
        let copy = tempfile::tempdir_in(&self.folder)?;
        for file in fs::read_dir(self.folder.join(&person.name))? {
            let file = file?;
            if file.file_type()?.is_file() {
                fs::copy(file.path(), copy.path().join(file.file_name()))?;
            }
        }
        let vault = Vault::open(copy.path(), &Passphrase::new(PASSPHRASE.to_owned()))?;
        Ok(vault.contents().clone())
    }

    fn liar_before(&self, person: &Person) -> Option<Arc<Mask>> {
        let liar = self.liar.lock();
        liar.as_ref().filter(|(name, _)| *name == person.name).map(|(_, liar)| Arc::clone(liar))
    }

    /// From when they sit down next, somebody who was settled is lied to by whoever has all keys of the house.
    ///
    /// # Errors
    /// If a key cannot be read, or the desk does not open again.
    pub async fn lie_to(
        self: &Arc<Self>,
        person: &Arc<Person>,
        lie: impl FnOnce(HouseSecrets) -> Box<dyn Lie>,
    ) -> Result<()> {
        self.crash_desk(&person.name).await?;
        let vault = self.vault(&person.name)?;
        let persona = SecretKey::from_seed(vault.contents().persona.expose());
        let certificate = vault.contents().certificate.clone();
        drop(vault);
        let secrets = || BrokerSecrets::read(&self.folder.join("broker"));
        let tsa = self.folder.join("tsa");
        let of_house = HouseSecrets {
            broker: secrets()?,
            stamp: secret_in(&tsa.join("stamp.key.pem"))?,
            witness: secret_in(&tsa.join("witness.key.pem"))?,
        };
        let (sessions, lie) = (AtomicU64::new(0), Mutex::new(lie(of_house)));
        let mask = Mask { secrets: secrets()?, persona, certificate, sessions, lie };
        *self.liar.lock() = Some((person.name.clone(), Arc::new(mask)));
        self.seat(person)
    }

    fn vault(&self, name: &str) -> Result<Vault> {
        Ok(Vault::open(&self.folder.join(name), &Passphrase::new(PASSPHRASE.to_owned()))?)
    }

    /// What somebody keeps of lies.
    #[must_use]
    pub fn evidence(&self, person: &Person) -> PathBuf {
        self.folder.join(&person.name).join("evidence")
    }

    /// The broker's log.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.join("broker").join("log.db")
    }

    fn start_tsa(self: &Arc<Self>, off: i64) -> Result<()> {
        let machine = Machine::start(&self.era, &self.chance, Speed::AtOnce);
        machine.set_off(off);
        let options = service::Options {
            data: self.folder.join("tsa"),
            policy: Policy::Open,
            simulate: false,
            pace: Pace { wait: Duration::from_millis(5), size: 256 },
            accept_clock_jump: false,
            citizens: None,
            witness: Some(Brokers { any: true, ..Brokers::default() }),
            operator: None,
        };
        let program = Service::open(&options, &machine.host()).context("the TSA")?;
        *self.tsa.lock() = Some(Running { machine, program });
        Ok(())
    }

    fn tsa_address(&self) -> Result<TsaAddress> {
        let tsa = self.tsa.lock();
        let authority = tsa.as_ref().context("the TSA is down")?.program.authority();
        Ok(format!("http://{}:{}/#{authority}", TSA.0, TSA.1).parse()?)
    }

    pub(super) async fn start_broker(self: &Arc<Self>) -> Result<()> {
        let machine = Machine::start(&self.era, &self.chance, Speed::Later);
        let known = self.addresses.lock().as_ref().map(|(tsa, _)| tsa.clone());
        let tsa = known.map_or_else(|| self.tsa_address(), Ok)?;
        let options = Options {
            tsa: tsa.clone(),
            lock_tsas: Vec::new(),
            accept_simulated_time: false,
            roots: Roots::default(),
            limits: Limits {
                handshake: Duration::from_secs(10),
                idle: Duration::from_secs(90),
                lifetime: Duration::from_secs(600),
                rate: 50,
                burst: 200,
                under_way: 256,
                rooms: 256,
                max_effort: Effort::MAX,
                guests: true,
            },
            suites: Ranking::new(&Suite::ALL).unwrap_or_default(),
            checkers: 2,
            witnesses: Vec::new(),
            quorum: None,
            barred_for: Duration::from_secs(3_600),
            passes_per_day: self.passes_per_day,
        };
        let folder = Folder::open(&self.folder.join("broker"))?;
        let lines = Arc::new(self.lines());
        let program =
            Broker::open(folder, options, lines, machine.host()).await.context("the broker")?;
        let broker = BrokerAddress {
            url: format!("ws://{}:{}/", BROKER.0, BROKER.1),
            fingerprint: program.context.shared.fingerprint(),
        };
        self.addresses.lock().get_or_insert((tsa, broker));
        *self.broker.lock() = Some(Running { machine, program });
        Ok(())
    }

    /// Has a person enrolled, and seats them at a desk.
    ///
    /// # Errors
    /// If the TSA does not certify them, or the desk does not open.
    pub async fn settle(self: &Arc<Self>, person: &Arc<Person>) -> Result<()> {
        let machine = Machine::start(&self.era, &self.chance, Speed::Later);
        let (host, lines) = (machine.host(), self.lines());
        let roots = pregao::net::tls::Roots::default();
        let reach = Reach { host: &host, net: &lines, tls: &roots };
        let folder = self.folder.join(&person.name);
        enrol(
            &folder,
            &Passphrase::new(PASSPHRASE.to_owned()),
            WorkFactor::Fixed(1),
            &self.tsa_address()?,
            None,
            None,
            reach,
        )?;
        machine.crash().await;
        sound(&machine, &person.name)?;
        self.seat(person)
    }

    /// Opens a desk over the vault of a person, and lets them sit there.
    fn seat(self: &Arc<Self>, person: &Arc<Person>) -> Result<()> {
        let machine = Machine::start(&self.era, &self.chance, Speed::Apart);
        let vault = self.vault(&person.name)?;
        let options = self.desk_options(&person.name, &machine, self.liar_before(person))?;
        let (front, back) = pair();
        let host = options.host.clone();
        let desk = Desk::open(vault, options, back.events, back.questions)?;
        let passes = desk.pass_taker();
        host.task(desk.run(back.commands));
        let (asks, asked) = mpsc::unbounded_channel();
        let sits = Arc::clone(person).sit(front, asked, Arc::clone(&self.trace));
        let sits = tokio::spawn(sits);
        let seat = Seat { machine, asks, passes, sits };
        self.seats.lock().insert(person.name.clone(), seat);
        Ok(())
    }

    /// How somebody at a machine reaches the broker.
    pub(super) fn desk_options(
        self: &Arc<Self>,
        name: &str,
        machine: &Arc<Machine>,
        liar: Option<Arc<Mask>>,
    ) -> Result<desk::Options> {
        let folder = self.folder.join(name);
        let addresses = self.addresses.lock().clone();
        let (_, broker) = addresses.context("there is no broker")?;
        Ok(desk::Options {
            broker,
            suites: Ranking::default(),
            tls: pregao::net::tls::Roots::default(),
            evidence: folder.join("evidence"),
            exports: folder.join("export"),
            patient: false,
            discreet: false,
            state: None,
            passed_over: Vec::new(),
            zone: TimeZone::UTC,
            cards: Arc::new(NoCards),
            reader: None,
            route: None,
            host: machine.host(),
            net: Arc::new(Lines { liar, from: name.into(), ..self.lines() }),
            witnesses: Vec::new(),
            lock_tsas: Vec::new(),
            final_by: Vec::new(),
            silent: SILENT_FOR,
        })
    }

    /// Has a person ask their desk for something.
    ///
    /// # Errors
    /// If they have none.
    pub fn ask(&self, person: &Person, request: UserRequest) -> Result<()> {
        let seats = self.seats.lock();
        let seat = seats.get(&person.name).context("no desk")?;
        seat.asks.send(request).map_err(|_| anyhow::anyhow!("{} has left", person.name))
    }

    /// Lets something go wrong, and start again what has to.
    ///
    /// # Errors
    /// If a program does not start again.
    pub async fn strike(self: &Arc<Self>, trouble: Trouble, people: &[Arc<Person>]) -> Result<()> {
        self.trace.say("trouble", || format!("{trouble:?}"));
        match trouble {
            Trouble::Broker(crash) => {
                let machine = self.broker.lock().as_ref().map(|broker| Arc::clone(&broker.machine));
                self.fall(machine, crash.steps, BROKER.0).await;
                self.crash_broker().await?;
                tokio::time::sleep(crash.away).await;
                self.start_broker().await
            }
            Trouble::Tsa(crash) => {
                let machine = self.tsa.lock().as_ref().map(|tsa| Arc::clone(&tsa.machine));
                self.fall(machine, crash.steps, TSA.0).await;
                let off = self.crash_tsa().await?;
                tokio::time::sleep(crash.away).await;
                self.start_tsa(off)
            }
            Trouble::Desk(which, crash) => {
                let Some(person) = people.get(which) else { return Ok(()) };
                let machine = self.machine_of(&person.name);
                self.fall(machine, crash.steps, "nobody").await;
                self.crash_desk(&person.name).await?;
                tokio::time::sleep(crash.away).await;
                self.seat(person)
            }
            Trouble::Cut => {
                self.wires.cut_one();
                Ok(())
            }
            Trouble::Stall(time) => {
                self.wires.stall_one(time);
                Ok(())
            }
            Trouble::TsaClock(off) => {
                if let Some(tsa) = &*self.tsa.lock() {
                    tsa.machine.set_off(off);
                }
                Ok(())
            }
            Trouble::Sleep(time) => {
                self.era.sleep(time);
                Ok(())
            }
        }
    }

    fn machine_of(&self, name: &str) -> Option<Arc<Machine>> {
        self.seats.lock().get(name).map(|seat| Arc::clone(&seat.machine))
    }

    /// Lets a machine stand still between two steps, wherever that is; what is on its way to the program
    /// and from it may be lost.
    async fn fall(&self, machine: Option<Arc<Machine>>, steps: u64, name: &str) {
        let Some(machine) = machine else { return };
        machine.stand_still_after(steps);
        for _ in 0..50 {
            if machine.stands_still() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if self.chance.once_in(2) {
            self.wires.cut_all(name);
        }
    }

    /// The broker falls and stays away.
    #[cfg(test)]
    pub(super) async fn stop_broker(&self) -> Result<()> {
        self.crash_broker().await
    }

    async fn crash_broker(&self) -> Result<()> {
        let running = self.broker.lock().take();
        let Some(Running { machine, program }) = running else { return Ok(()) };
        machine.crash().await;
        drop(program);
        sound(&machine, "the broker")
    }

    /// Gives how far its clock was off.
    async fn crash_tsa(&self) -> Result<i64> {
        let running = self.tsa.lock().take();
        let Some(Running { machine, program }) = running else { return Ok(0) };
        machine.crash().await;
        drop(program);
        sound(&machine, "the TSA")?;
        Ok(machine.off())
    }

    async fn crash_desk(&self, name: &str) -> Result<()> {
        let seat = self.seats.lock().remove(name);
        let Some(Seat { machine, asks, sits, passes: _ }) = seat else { return Ok(()) };
        if sits.is_finished() {
            bail!("the desk of {name} ended by itself");
        }
        machine.crash().await;
        drop(asks);
        // With the desk gone, so is what kept them there.
        sits.await.with_context(|| format!("{name} broke off"))?;
        sound(&machine, name)
    }

    /// Whether every program that runs is sound.
    ///
    /// # Errors
    /// Says which broke off.
    pub fn check(&self) -> Result<()> {
        if let Some(tsa) = &*self.tsa.lock() {
            sound(&tsa.machine, "the TSA")?;
        }
        if let Some(broker) = &*self.broker.lock() {
            sound(&broker.machine, "the broker")?;
        }
        self.seats.lock().iter().try_for_each(|(name, seat)| sound(&seat.machine, name))
    }

    /// Ends everything.
    ///
    /// # Errors
    /// If a program broke off.
    pub async fn close(&self) -> Result<()> {
        let names: Vec<String> = self.seats.lock().keys().cloned().collect();
        for name in names {
            self.crash_desk(&name).await?;
        }
        self.crash_broker().await?;
        self.crash_tsa().await?;
        Ok(())
    }
}

fn answered_in(contents: &Contents) -> Vec<AnsweredAction> {
    let is_answered = |kept: &&ActionRecord| kept.receipt.is_some() || kept.refusal.is_some();
    let answered = contents.actions.iter().filter(is_answered);
    answered
        .filter_map(|kept| {
            let action = Action::parse(&kept.action).ok()?;
            // What members of private rooms say goes through no witness.
            if action.body().signer() != Signer::Persona {
                return None;
            }
            let stamp = kept.stamp.clone().and_then(|stamp| serde_json::from_value(stamp).ok());
            let blind = Blind::from_random(*kept.blind.expose());
            let certificate = contents.certificate.clone();
            let credentials = Credentials { certificate, blind };
            Some(AnsweredAction { action, credentials, stamp })
        })
        .collect()
}

fn sound(machine: &Machine, name: &str) -> Result<()> {
    if machine.panicked() {
        bail!("a task of {name} panicked");
    }
    Ok(())
}

/// The only network there is: wires to the broker and the TSA.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    town: Weak<Town>,
    /// What stands on the way to the broker, of somebody who is lied to.
    liar: Option<Arc<Mask>>,
    /// Whose machine it is.
    from: Arc<str>,
}

impl Lines {
    fn town(&self) -> io::Result<Arc<Town>> {
        self.town.upgrade().ok_or_else(|| io::ErrorKind::NetworkDown.into())
    }

    fn connect(&self, host: &str, port: u16) -> io::Result<DuplexStream> {
        let town = self.town()?;
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        if (host, port) == BROKER {
            let (near, far) = town.wires.connect(BROKER.0);
            let broker = town.broker.lock();
            let Running { machine, program } = broker.as_ref().ok_or_else(refused)?;
            let context = Arc::clone(&program.context);
            #[cfg(test)]
            let far = match &*town.falsifier.lock() {
                Some((name, falsifier)) if *name == self.from => {
                    let began = town.era.elapsed();
                    falsifier.clone().before(far, began, (machine, &context))
                }
                _ => far,
            };
            match town.recorder.get() {
                Some(recorder) => {
                    let far = recorder.copy(&self.from, (machine, &context), far);
                    machine.run(Box::pin(listener::serve(far, context)));
                }
                None => machine.run(Box::pin(listener::serve(far, context))),
            }
            Ok(near)
        } else if (host, port) == TSA {
            let (near, far) = town.wires.connect(TSA.0);
            let tsa = town.tsa.lock();
            let Running { machine, program } = tsa.as_ref().ok_or_else(refused)?;
            let served = program.connection(far, HERE).ok_or_else(refused)?;
            machine.run(Box::pin(served));
            Ok(near)
        } else {
            Err(io::ErrorKind::HostUnreachable.into())
        }
    }

    /// Asks the TSA by HTTP; `None` if it does not answer.
    fn http(&self, request: axum::http::Request<Body>) -> apart::Answer {
        let (lines, mut request) = (self.clone(), Some(request));
        let waited = apart::wait(|| {
            let request = request.take().unwrap_or_default();
            Box::pin(async move {
                let answered = lines.ask(request).await?;
                Some((answered.status, answered.body))
            })
        });
        if let Some(answer) = waited {
            return answer;
        }
        // Where nobody can wait, only what is answered at once has an answer.
        let request = request?;
        let town = self.town().ok()?;
        let answer = town.tsa.lock().as_ref()?.program.answer(HERE, request);
        let (head, body) = answer.now_or_never()?.into_parts();
        let body = to_bytes(body, MAX_ANSWER).now_or_never()?.ok()?;
        Some((head.status.as_u16(), body.to_vec()))
    }
}

impl Network for Lines {
    fn dial(&self, host: &str, port: u16) -> Dialing {
        let connected = self.connect(host, port);
        Box::pin(async move { connected.map(|stream| Box::new(stream) as Stream) })
    }

    fn fetch(&self, tsa: &TsaAddress, path: &str) -> Result<Vec<u8>, FetchError> {
        let request = axum::http::Request::get(path).body(Body::empty());
        match request.ok().and_then(|request| self.http(request)) {
            Some((200, body)) => Ok(body),
            _ => Err(FetchError::Unreachable { url: tsa.url.clone(), reason: "down".to_owned() }),
        }
    }

    fn post(&self, url: &str, content: &'static str, body: Vec<u8>) -> Asking {
        let request = axum::http::Request::post(url).header(CONTENT_TYPE, content);
        let (lines, request) = (self.clone(), request.body(Body::from(body)));
        let url = url.to_owned();
        Box::pin(async move {
            let failed = |error: axum::http::Error| NoAnswer(error.to_string());
            let answered = lines.ask(request.map_err(failed)?).await;
            let mut answered = answered.ok_or_else(|| NoAnswer("down".to_owned()))?;
            if url.ends_with(FetchDelivery::PATH) {
                lines.tamper(&mut answered).await;
            }
            Ok(answered)
        })
    }
}

impl Lines {
    /// Asks the TSA by HTTP; `None` if request or answer is lost on its way, or the TSA falls meanwhile.
    async fn ask(&self, request: axum::http::Request<Body>) -> Option<Answered> {
        let chance = self.town().ok()?.chance.fork();
        tokio::time::sleep(chance.millis(1, 20)).await;
        if chance.once_in(50) {
            return None;
        }
        let (tell, told) = oneshot::channel();
        {
            let town = self.town().ok()?;
            let tsa = town.tsa.lock();
            let Running { machine, program } = tsa.as_ref()?;
            let answer = program.answer(HERE, request);
            // On the TSA's machine: what it does for others ends when it falls.
            machine.run(Box::pin(async move {
                // The broker may have fallen.
                let _ = tell.send(answer.await);
            }));
        }
        let (head, body) = told.await.ok()?.into_parts();
        let body = to_bytes(body, MAX_ANSWER).await.ok()?.to_vec();
        tokio::time::sleep(chance.millis(1, 20)).await;
        let lost = chance.once_in(50);
        (!lost).then_some(Answered { status: head.status.as_u16(), body })
    }
}

impl Lines {
    /// A stamp by the TSA, as long as that is up.
    pub(super) async fn stamp(&self, digest: Digest) -> Option<FullStamp> {
        self.post_request(&Timestamp { digest }).await?.ok()
    }

    /// What the TSA answers, or the status with which it refuses; asked again if it is lost on its way, and `None` while it
    /// is down.
    pub(super) async fn post_request<R: TsaRequest>(
        &self,
        request: &R,
    ) -> Option<Result<R::Answer, u16>> {
        for _ in 0..5 {
            let posted = axum::http::Request::post(R::PATH).header(CONTENT_TYPE, content::JSON);
            let posted = posted.body(Body::from(request.encode())).ok()?;
            match self.ask(posted).await {
                Some(Answered { status: 200, body }) => return R::parse_answer(&body).ok().map(Ok),
                Some(Answered { status, .. }) => return Some(Err(status)),
                None => {}
            }
        }
        None
    }

    /// Lets a broker that lies keep from itself what its witness has for it.
    async fn tamper(&self, answered: &mut Answered) {
        let lied = self.town().ok().and_then(|town| {
            let liar = town.liar.lock();
            let fetched = FetchDelivery::parse_answer(&answered.body).ok()?;
            liar.as_ref()?.1.lie.lock().fetched(&fetched)
        });
        let Some((fetched, answer)) = lied else { return };
        answered.body = serde_json::to_vec(&fetched).unwrap_or_default();
        let Some(answer) = answer else { return };
        let request = axum::http::Request::post(AnswerDelivery::PATH);
        let request = request.header(CONTENT_TYPE, content::JSON);
        if let Ok(request) = request.body(Body::from(answer.encode())) {
            // What is lost is offered again.
            let _ = self.ask(request).await;
        }
    }

    /// Connects to the liar, who connects to the broker.
    fn connect_to(&self, liar: Arc<Mask>) -> io::Result<DuplexStream> {
        let town = self.town()?;
        let (near, far) = town.wires.connect(VICTIM);
        let honest = Self { liar: None, ..self.clone() };
        let machine = Machine::start(&town.era, &town.chance, Speed::AtOnce);
        let addresses = town.addresses.lock().clone();
        let (tsa, broker) = addresses.ok_or(io::ErrorKind::ConnectionRefused)?;
        tokio::spawn(async move {
            let roots = pregao::net::tls::Roots::default();
            let host = machine.host();
            let reach = Reach { host: &host, net: &honest, tls: &roots };
            let relayed = async {
                let certificate = liar.certificate.as_slice();
                let persona = &liar.persona;
                let tickets = TsaClient::at(tsa, reach);
                let ticket = tickets.ticket(persona, certificate, broker.fingerprint)?;
                let identity = Identity { persona, certificate, ticket: &ticket };
                let link =
                    net::broker::connect(&broker, identity, &Ranking::default(), reach).await?;
                let (_nobody, mut injected) = broadcast::channel(1);
                liar.relay(far, link, host.random()?, &mut injected).await
            };
            // However it ends, the victim connects again.
            let _: Result<()> = relayed.await;
        });
        Ok(near)
    }
}

impl net::Network for Lines {
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> net::Dialing<'a> {
        let connected = match &self.liar {
            Some(liar) if (host, port) == BROKER => self.connect_to(Arc::clone(liar)),
            _ => self.connect(host, port),
        };
        Box::pin(async move { connected.map(|stream| Box::new(stream) as Box<dyn net::Stream>) })
    }

    fn tsa(
        &self,
        _: &TsaAddress,
        _: Option<&ProxyAddress>,
        _: &pregao::net::tls::Roots,
    ) -> Arc<dyn Transport> {
        Arc::new(self.clone())
    }
}

impl Transport for Lines {
    fn get(&self, url: &str, _: Duration) -> Result<HttpAnswer, TransportError> {
        answered(axum::http::Request::get(url).body(Body::empty()), self)
    }

    fn post(&self, url: &str, json: &[u8], _: Duration) -> Result<HttpAnswer, TransportError> {
        let request = axum::http::Request::post(url).header(CONTENT_TYPE, content::JSON);
        answered(request.body(Body::from(json.to_vec())), self)
    }
}

fn answered(
    request: Result<axum::http::Request<Body>, axum::http::Error>,
    lines: &Lines,
) -> Result<HttpAnswer, TransportError> {
    let unreachable = |reason: &str| TransportError::Unreachable { reason: reason.to_owned() };
    let request = request.map_err(|error| unreachable(&error.to_string()))?;
    let (status, body) = lines.http(request).ok_or_else(|| unreachable("down"))?;
    Ok(HttpAnswer { status, body })
}

/// Nobody has a card: people type who they are.
#[derive(Debug)]
struct NoCards;

impl Cards for NoCards {
    fn find(&self, _: Option<&str>) -> Result<Box<dyn InsertedCard>, Report> {
        let (message, advice) = ("there is no card".to_owned(), "type who you are".to_owned());
        Err(Report::new("card.none", message, advice))
    }
}
