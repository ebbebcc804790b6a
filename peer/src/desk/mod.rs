//! What the user can do, and what happens meanwhile: one implementation behind all three fronts.
//!
//! The desk owns the vault, the connection and the folded rooms. It trusts nothing that arrives:
//! every entry, stamp and head is verified before it is shown or acted upon, and what does not
//! verify is said loudly and kept as evidence. It goes on without a connection and resumes with
//! the same action bytes, so that nothing is done twice and nothing is lost.
//!
//! - `acts` what is under way: sign, stamp, submit, receipt; `under_way` in which order, `pace` how fast;
//!   `refusals` replayed before they are shown; `confirm` what the user is asked before it is done
//! - `answers` to the user, each with its act and room; `names` what rooms are called
//! - `places` which rooms are followed; `follow` rooms as verified, from the keys in `pins` on;
//!   `heads` what the broker signed about them, over restarts; `views` as shown; `evidence` what
//!   shows a lie, as files
//! - `kinds` what the desk does in each kind of room; `signer` the user's card; `export` logs and
//!   receipts as files
//! - `time` the TSA's time, watched
//! - `enrol` making a persona; `renew` keeping it certified

mod acts;
mod answers;
mod confirm;
pub mod enrol;
mod evidence;
mod export;
mod follow;
mod heads;
mod kinds;
mod names;
mod pace;
mod pins;
mod places;
mod refusals;
mod renew;
pub mod signer;
mod time;
mod under_way;
mod views;

#[cfg(test)]
mod fixture;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pregao_protocol::broker::BrokerCertificate;
use pregao_protocol::certificate::CertificateError;
use pregao_protocol::certificate::sheet::{TsaAddress, TsaKeys};
use pregao_protocol::citizen::StatePki;
use pregao_protocol::clock::Time;
use pregao_protocol::codec::Digest;
use pregao_protocol::frame::{FromBroker, FromPeer};
use pregao_protocol::host::Host;
use pregao_protocol::key::{Persona, SecretKey};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::{Code, ErrorCode};
use pregao_protocol::session::{Ranking, Suite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::authority::{Authority, AuthorityError, verify_whenever};
use crate::command::Command;
use crate::event::{Event, Trust};
use crate::front::{Back, Question, Request};
use crate::host::blocking;
use crate::link::{
    BrokerAddress, Identity, Link, LinkError, LinkReceiver, LinkSender, Silence, connect,
};
use crate::net::{Network, Reach, Route};
use crate::plain::{plain, with_causes};
use crate::tls::Roots;
use crate::vault::{Vault, VaultError};

use answers::Answering;
use confirm::{Answered, Consent};
use evidence::Exhibit;
use follow::Followed;
use heads::Met;
use kinds::reveal::prove::Proof;
use names::Names;
use pace::Pace;
use places::{Deferred, Following, PLACES};
use renew::EXPIRED;
use signer::Cards;
use time::{Clocks, Told};
use under_way::UnderWay;

/// What stops a desk from opening.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The persona has no certificate yet.
    #[error("{0}\n{advice}", advice = .0.advice())]
    Uncertified(enrol::EnrolError),
    /// The keys of the TSA kept in the vault do not hold.
    #[error("the TSA's keys in the vault do not hold; enrol again")]
    Trust(#[from] pregao_protocol::certificate::sheet::SheetError),
    /// The persona's certificate no longer holds.
    #[error("the persona's certificate does not hold; enrol again")]
    Certificate(#[from] CertificateError),
}

/// How the desk connects.
#[derive(Debug, Clone)]
pub struct Options {
    /// The broker.
    pub broker: BrokerAddress,
    /// Suites offered, in order.
    pub suites: Ranking,
    /// Whose TLS certificates are believed, of `wss://` brokers and `https://` TSAs.
    pub tls: Roots,
    /// Folder for evidence against broker or TSA.
    pub evidence: PathBuf,
    /// Folder for exported logs and receipts.
    pub exports: PathBuf,
    /// Whether commands given early wait until every followed room is caught up with.
    pub patient: bool,
    /// The state's PKI, if its certificates are at hand: judges the cards of others.
    pub state: Option<Arc<StatePki>>,
    /// What of them was passed over, a line for each: the user is told.
    pub passed_over: Vec<String>,
    /// Where the user's card is.
    pub cards: Arc<dyn Cards>,
    /// The reader to use, unless a command names one.
    pub reader: Option<String>,
    /// By which way to go to the TSA, if not by the one in the vault.
    pub route: Option<Route>,
    /// The machine: its clock measures time between two ticks, its chance makes keys.
    pub host: Host,
    /// Where broker and TSA are reached.
    pub net: Arc<dyn Network>,
    /// After how much silence of the broker the connection counts as gone.
    pub silent: Duration,
}

impl Options {
    /// What broker and TSA are reached with.
    #[must_use]
    pub fn reach(&self) -> Reach<'_> {
        Reach { host: &self.host, net: &*self.net, tls: &self.tls }
    }
}

/// The desk. Dropping it, wherever it waits, is what a crash is: the vault is then free again, and
/// holds what it had to hold by then.
#[derive(Debug)]
pub struct Desk {
    options: Options,
    vault: Vault,
    persona: Arc<SecretKey<Persona>>,
    tsa: TsaKeys,
    authority: Authority,
    certificate_ends: Time,
    events: mpsc::Sender<Event>,
    questions: mpsc::Sender<Question>,
    /// What the user answered; the sender is for the tasks that ask.
    answers: (mpsc::Sender<Answered>, mpsc::Receiver<Answered>),
    /// What the card signed, to be handed in; the sender is for the task that asks it.
    proofs: (mpsc::Sender<Proof>, mpsc::Receiver<Proof>),
    /// Whether a card is being asked.
    proving: Arc<AtomicBool>,
    /// Rooms known, by name.
    rooms: BTreeMap<RoomName, Followed>,
    /// What the broker signed about the logs of rooms.
    met: Met,
    /// What rooms are called.
    names: Names,
    /// What is being answered just now.
    answering: Answering,
    /// How much of the broker's list of rooms is known.
    lobby: u64,
    /// Actions under way.
    acts: UnderWay,
    /// When the ends of own bids were told in this run.
    ends: BTreeMap<Digest, Duration>,
    /// Commands that wait for a place among them.
    waiting: VecDeque<(Option<String>, Command, Consent)>,
    /// Since when they wait for rooms to be read.
    behind_since: Option<Duration>,
    /// How fast this session may send.
    pace: Pace,
    /// Frames other than those for actions, in order.
    unsent: VecDeque<FromPeer>,
    /// What the broker refused at its door, and is asked for again at an instant: a room, or the
    /// list of rooms.
    again: BTreeSet<(Duration, Option<RoomName>)>,
    /// The newest verified header and the time it tells.
    tick: Option<Told>,
    ticket: Option<Ticket>,
    online: Option<Online>,
    /// The certificate that the broker showed last (compact JWS): evidence carries it.
    certificate: String,
    invitations: Vec<(RoomName, RoomName)>,
    alarms: u64,
    /// Why the time announced last was not believed, if the user was told.
    time_doubted: Option<String>,
    clocks: Clocks,
    /// The user was told that no time comes.
    tsa_down: bool,
    /// When the session began.
    arrived: Duration,
    /// The TSA said that the certificate has expired.
    expired: bool,
    /// When renewing was last tried.
    renewed: Option<Duration>,
    /// The whole list of rooms has arrived.
    lobby_known: bool,
    /// Commands that wait for rooms to be caught up with.
    deferred: Vec<Deferred>,
    /// How many rooms may be followed.
    places: usize,
    /// Rooms that were listed and not shown yet.
    listed: Vec<RoomName>,
    /// Something was logged since rooms to follow were chosen last that may change the choice.
    choose_again: bool,
}

/// A session as the desk sees it.
#[derive(Debug)]
struct Online {
    sender: LinkSender,
    certificate: BrokerCertificate,
    id: [u8; 32],
    suite: Suite,
}

/// How long a command waits for the desk to be caught up: then it gets what there is.
const DEFERRED_WITHIN: Duration = Duration::from_secs(20);
/// How often what takes too long is looked for, and what failed is asked for again.
const OVERDUE_EVERY: Duration = Duration::from_secs(5);

/// A ticket, and when it came.
type Ticket = (String, Duration);

/// How often the desk looks whether the broker, and what was asked of it, is silent.
const LOOK: Duration = Duration::from_secs(1);
/// A broker that is there says something every second, with room for a bad line.
const SPOKEN: Duration = Duration::from_secs(3);
/// The first pause before a new connection, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(15));
/// A session that stood so long was a good one: the next attempt does not wait long.
const STOOD: Duration = Duration::from_secs(10);
/// How long a ticket is used before another is fetched, at most; tickets live five minutes.
const TICKET_FOR: Duration = Duration::from_secs(240);

/// How long a room or the list of rooms is not asked for after a refusal at the door.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often is looked whether the pace allows to send what waits.
const STEP: Duration = Duration::from_millis(50);
/// Most private rooms of which the user is told: a broker could invite for ever.
const INVITATIONS: usize = 4_096;
/// Most commands that wait for a place among what is under way; the front keeps the others.
const WAITING: usize = 256;

/// The session is over; why, for the user.
struct Lost(String);

impl From<LinkError> for Lost {
    fn from(error: LinkError) -> Self {
        Self(format!("{}; {}", with_causes(&error), error.advice()))
    }
}

impl Desk {
    /// Opens a desk over a vault.
    ///
    /// # Errors
    /// [`DeskError`].
    pub fn open(
        vault: Vault,
        options: Options,
        events: mpsc::Sender<Event>,
        questions: mpsc::Sender<Question>,
    ) -> Result<Self, DeskError> {
        let contents = vault.contents();
        enrol::require_certified(contents).map_err(DeskError::Uncertified)?;
        let persona = Arc::new(SecretKey::from_seed(contents.persona.expose()));
        let sheet = contents.tsa.keys.to_string();
        let pin = Some(contents.tsa.authority);
        let wall = options.host.clock.wall();
        let tsa = pregao_protocol::certificate::sheet::verify_jwks_by_wall_clock(
            sheet.as_bytes(),
            pin,
            wall,
        )?;
        let address = TsaAddress { url: contents.tsa.url.clone(), authority: pin };
        // Citizen and persona must not meet at one address: what was spent through a proxy goes on
        // through it.
        let proxy = Route::proxy(options.route.as_ref(), contents.tsa.proxy.as_ref());
        // What is kept can be read whatever the time; whether it may be used, the broker judges.
        let certificate = verify_whenever(&contents.certificate, &tsa.authority, wall)?;
        let invitations = contents
            .reveals
            .iter()
            .filter_map(|kept| Some((kept.auction.parse().ok()?, kept.room.parse().ok()?)));
        let invitations: Vec<(RoomName, RoomName)> = invitations.collect();
        let mut names = Names::default();
        let mut met = Met::restored(vault.met());
        let mut acted_in = Vec::new();
        for kept in &contents.actions {
            let Ok(name) = kept.room.parse::<RoomName>() else { continue };
            met.acted_in(name, &kept.verb);
            acted_in.push(name);
        }
        for name in invitations.iter().flat_map(|(auction, room)| [*auction, *room]).chain(acted_in)
        {
            names.learn(name);
        }
        let authority = Authority::by(address, proxy.as_ref(), options.reach());
        Ok(Self {
            options,
            persona,
            tsa,
            authority,
            certificate_ends: certificate.not_after,
            vault,
            events,
            questions,
            answers: mpsc::channel(confirm::WAITING),
            proofs: mpsc::channel(1),
            proving: Arc::default(),
            rooms: BTreeMap::new(),
            met,
            names,
            answering: Answering::default(),
            lobby: 0,
            acts: UnderWay::default(),
            ends: BTreeMap::new(),
            waiting: VecDeque::new(),
            behind_since: None,
            pace: Pace::below(0, 0, Duration::ZERO),
            unsent: VecDeque::new(),
            again: BTreeSet::new(),
            tick: None,
            ticket: None,
            online: None,
            certificate: String::new(),
            invitations,
            alarms: 0,
            time_doubted: None,
            clocks: Clocks::default(),
            tsa_down: false,
            arrived: Duration::ZERO,
            expired: false,
            renewed: None,
            lobby_known: false,
            deferred: Vec::new(),
            places: PLACES,
            listed: Vec::new(),
            choose_again: false,
        })
    }

    /// Serves a front until it leaves.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Request>) {
        let mut pause = PAUSES.0;
        self.tell_if_expired().await;
        self.tell_what_was_passed_over().await;
        self.resume_disclosures();
        loop {
            let (lost, met) = match self.connect(&mut commands).await {
                Some(Ok(receiver)) => match self.session(receiver, &mut commands).await {
                    Some(lost) => {
                        pause = pause_after(pause, self.options.host.clock.uptime(), self.arrived);
                        (lost, true)
                    }
                    None => break,
                },
                Some(Err(lost)) => (lost, false),
                None => break,
            };
            if let Some(mut online) = self.online.take() {
                online.sender.close().await;
            }
            self.keep_met().await;
            self.lobby_known = false;
            // Jitter keeps peers that lost one broker from coming back all at once.
            let wait = pause + Duration::from_millis(u64::from(random_byte(&self.options.host)));
            let retry_in_ms = u64::try_from(wait.as_millis()).ok();
            self.tell(Event::Disconnected { reason: lost.0, retry_in_ms }).await;
            // After the reason: some answer that there is no connection.
            for request in self.take_deferred() {
                self.carry_out(request).await;
            }
            // The loss of a session is not told to what waits for a place: it may come back.
            if !met {
                self.refuse_waiting().await;
            }
            if !self.wait(wait, &mut commands).await {
                break;
            }
            pause = (pause * 2).min(PAUSES.1);
        }
        // First what stays: a broker that does not read lets nobody take leave.
        self.keep_met().await;
        if let Some(mut online) = self.online.take() {
            online.sender.close().await;
        }
    }

    /// Files of the state that cannot be used; of very many, the first.
    async fn tell_what_was_passed_over(&mut self) {
        const SHOWN: usize = 8;
        let all = std::mem::take(&mut self.options.passed_over);
        let rest = all.len().saturating_sub(SHOWN);
        for text in all.into_iter().take(SHOWN) {
            self.tell(Event::note(plain(&text))).await;
        }
        if rest > 0 {
            let text = format!("{rest} more files of the state were passed over likewise");
            self.tell(Event::note(text)).await;
        }
    }

    /// Connects while commands go on being answered. `None` if the front has left.
    async fn connect(
        &mut self,
        commands: &mut mpsc::Receiver<Request>,
    ) -> Option<Result<LinkReceiver, Lost>> {
        if self.is_renewal_due() && !self.renew(commands).await {
            return None;
        }
        let now = self.options.host.clock.uptime();
        let fresh =
            self.ticket.clone().filter(|(_, since)| now.saturating_sub(*since) < TICKET_FOR);
        let connecting = open_link(
            self.authority.clone(),
            self.options.clone(),
            Arc::clone(&self.persona),
            self.vault.contents().certificate.clone(),
            fresh,
        );
        tokio::pin!(connecting);
        let mut overdue = tokio::time::interval(OVERDUE_EVERY);
        loop {
            tokio::select! {
                _ = overdue.tick() => self.end_what_waits().await,
                connected = &mut connecting => return Some(match connected {
                    Ok((link, ticket)) => {
                        self.ticket = Some(ticket);
                        self.arrive(link).await
                    }
                    Err(lost) => {
                        // A simulated clock may have passed the end unseen.
                        self.expired |= lost.0.contains(EXPIRED);
                        Err(lost)
                    }
                }),
                Some(answered) = self.answers.1.recv() => self.answered(answered).await,
                request = commands.recv() => {
                    if !self.command(request?).await {
                        return None;
                    }
                }
            }
        }
    }

    /// Answers commands for a while. False if the front has left.
    async fn wait(&mut self, time: Duration, commands: &mut mpsc::Receiver<Request>) -> bool {
        let end = tokio::time::Instant::now() + time;
        let mut overdue = tokio::time::interval(OVERDUE_EVERY);
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end) => return true,
                Some(answered) = self.answers.1.recv() => self.answered(answered).await,
                _ = overdue.tick() => self.end_what_waits().await,
                request = commands.recv() => match request {
                    Some(request) => if !self.command(request).await { return false },
                    None => return false,
                },
            }
        }
    }

    /// A session begins: says whom it is with, and takes up everything where it was.
    async fn arrive(&mut self, link: Link) -> Result<LinkReceiver, Lost> {
        let Link { certificate, shown, id, suite, sender, receiver, welcome } = link;
        let known = certificate.stamps.contains(&self.tsa.stamp)
            && certificate.authorities.contains(&self.tsa.authority)
            && certificate.simulated == self.tsa.simulated;
        if !known {
            return Err(Lost("this broker works with another TSA than your persona's".to_owned()));
        }
        self.tell(Event::Connected {
            broker: self.options.broker.fingerprint,
            persona: self.persona.public().fingerprint(),
            suite: suite.to_string(),
            simulated: certificate.simulated,
        })
        .await;
        self.met.begin_session(self.options.broker.fingerprint, &certificate.keys);
        self.online = Some(Online { sender, certificate, id: id.0, suite });
        self.certificate = shown;
        (self.arrived, self.tsa_down) = (self.options.host.clock.uptime(), false);
        self.unsent.clear();
        self.again.clear();
        let address = self.options.broker.to_string();
        if self.vault.contents().brokers.last() != Some(&address)
            && let Err(error) = self.vault.update(|contents| contents.note_broker(&address))
        {
            self.vault_trouble(&error).await;
        }
        // Before anything is sent: what was handed in by then would be handed in twice.
        self.resume_acts();
        self.frame(welcome).await?;
        // The last room known is asked for again: a broker without newer ones would not answer.
        self.send(FromPeer::Rooms { from: self.lobby.saturating_sub(1) }).await?;
        self.places = PLACES;
        for room in self.rooms.values_mut() {
            (room.denied, room.unanswered) = (None, 0);
        }
        let followed: Vec<RoomName> =
            self.rooms.iter().filter(|(_, room)| room.wanted).map(|(name, _)| *name).collect();
        for name in followed {
            if !self.is_over_in_private(name) {
                self.join(name).await?;
            }
        }
        Ok(receiver)
    }

    /// Talks until the session ends (some reason) or the front leaves (`None`).
    async fn session(
        &mut self,
        mut receiver: LinkReceiver,
        commands: &mut mpsc::Receiver<Request>,
    ) -> Option<Lost> {
        // A new handshake before the hour, at a time that says nothing about what is done then.
        let lifetime =
            Duration::from_secs(45 * 60 + 2 * u64::from(random_byte(&self.options.host)));
        let (clock, bound) = (Arc::clone(&self.options.host.clock), self.options.silent);
        let mut silence = Silence::after(bound, clock.uptime());
        let mut look = tokio::time::interval(LOOK.min(bound / 4));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut owed = tokio::time::interval(OVERDUE_EVERY);
        // After a stop of this program, what has come meanwhile is read before it is looked again.
        owed.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut steps = tokio::time::interval(STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tickets = renew_tickets(
            self.options.host.clone(),
            self.authority.clone(),
            Arc::clone(&self.persona),
            self.vault.contents().certificate.clone(),
            self.options.broker.fingerprint,
        );
        loop {
            if let Err(lost) = self.go_on().await {
                return Some(lost);
            }
            tokio::select! {
                _ = steps.tick(), if self.has_something_to_send() => {}
                Some(ticket) = tickets.recv() => self.ticket = Some(ticket),
                frame = receiver.next() => {
                    let handled = match frame {
                        Ok(frame) => self.frame(frame).await,
                        Err(error) => Err(error.into()),
                    };
                    if let Err(lost) = handled {
                        return Some(lost);
                    }
                    self.carry_out_deferred().await;
                }
                // What cannot be begun yet is left where it is.
                request = commands.recv(), if self.waiting.len() + self.deferred.len() < WAITING => {
                    if !self.command(request?).await {
                        return None;
                    }
                    if let Some(lost) = self.broken() {
                        return Some(lost);
                    }
                }
                Some(answered) = self.answers.1.recv() => {
                    self.answered(answered).await;
                    if let Some(lost) = self.broken() {
                        return Some(lost);
                    }
                }
                Some(proof) = self.proofs.1.recv() => {
                    self.proved(proof).await;
                    if let Some(lost) = self.broken() {
                        return Some(lost);
                    }
                }
                _ = owed.tick() => {
                    if !silence.is_doubted() {
                        self.claim_what_is_owed().await;
                    }
                    self.keep_met().await;
                    self.join_again().await;
                    self.end_deferred().await;
                    if let Some(lost) = self.broken() {
                        return Some(lost);
                    }
                }
                _ = look.tick() => {
                    let now = clock.uptime();
                    if silence.look(receiver.messages(), now) {
                        let lost = "nothing has come from the broker for seconds; it is tried again";
                        return Some(Lost(lost.to_owned()));
                    }
                    if now.saturating_sub(self.arrived) >= lifetime {
                        return Some(Lost("renewing the session".to_owned()));
                    }
                    if !silence.is_doubted() {
                        self.give_up_overdue().await;
                    }
                    // Of a broker that says nothing it is not known what its TSA does.
                    if silence.lasts(now) <= SPOKEN {
                        self.watch_time().await;
                    }
                    if let Some(lost) = self.broken() {
                        return Some(lost);
                    }
                }
            }
        }
    }

    /// A command may have found that the connection is gone.
    fn broken(&self) -> Option<Lost> {
        self.online.is_none().then(|| Lost("the connection failed".to_owned()))
    }

    /// Takes one command. False if the front leaves with it.
    async fn command(&mut self, request: Request) -> bool {
        let at_once = matches!(request.command, Command::Quit | Command::Help { .. });
        if self.options.patient && !at_once && !self.is_caught_up() {
            self.defer(request);
            return true;
        }
        self.carry_out(request).await
    }

    /// Whether every followed room is verified up to a signed head.
    fn is_caught_up(&self) -> bool {
        let awaited = self.rooms.values().any(Followed::is_awaited);
        self.online.is_some() && self.lobby_known && !awaited
    }

    /// Without a connection nothing waits for ever for one.
    async fn end_what_waits(&mut self) {
        self.end_deferred().await;
        self.give_up_overdue().await;
    }

    /// Carries out one command. False if the front leaves with it.
    async fn carry_out(&mut self, request: Request) -> bool {
        self.carry_out_waited(request, None).await
    }

    /// As [`Desk::carry_out`], after the log of a room was waited for.
    async fn carry_out_waited(&mut self, request: Request, waited: Option<RoomName>) -> bool {
        if let Following::Waits = self.follow_for(&request, waited).await {
            return true;
        }
        let Request { id, command, yes, written } = request;
        let last = command == Command::Quit;
        self.carry_out_with(id, command, Consent::of(yes, written)).await;
        !last
    }

    /// Carries out one command with what was agreed to.
    async fn carry_out_with(&mut self, id: Option<String>, command: Command, consent: Consent) {
        self.answering = self.about(id, &command);
        let ok = match command {
            Command::Quit => Some(true),
            Command::Prove { room, contact, show, reader } => {
                let yes = consent == Consent::Beforehand;
                self.prove((&room, yes), contact, show, reader).await
            }
            Command::Withdraw { room } => self.withdraw(&room).await,
            Command::Items => self.items().await,
            Command::Mine => self.mine().await,
            Command::Join { room } => self.join_command(&room).await,
            Command::Leave { room } => self.leave_command(&room).await,
            Command::Whoami => {
                let trust = self.trust();
                self.tell(Event::Whoami(trust)).await;
                Some(true)
            }
            Command::Receipts => self.receipts().await,
            Command::Export { room } => self.export(&room).await,
            Command::Help { about } => {
                for text in crate::command::table::help(about.as_deref()) {
                    self.note(text).await;
                }
                Some(true)
            }
            // Which kind of room it is for, the kinds know.
            acting => self.act(acting, consent).await,
        };
        // What is still under way is done when its answer comes.
        if let Some(ok) = ok {
            self.done(ok).await;
        }
        self.answering = Answering::default();
    }

    /// Acts on one frame of the broker.
    async fn frame(&mut self, frame: FromBroker) -> Result<(), Lost> {
        match frame {
            FromBroker::Welcome { batch, rate, burst } => {
                self.pace = Pace::below(rate, burst, self.options.host.clock.uptime());
                self.tick(&batch).await;
            }
            FromBroker::Tick { batch } => self.tick(&batch).await,
            FromBroker::Stamped { n, batch, stamps } => self.stamped(n, &batch, &stamps).await,
            FromBroker::Receipt { n, seq, path, head } => self.receipt(n, seq, path, head).await,
            FromBroker::Held { n, held } => self.held(n, &held).await,
            FromBroker::Refused { n, refusal } => self.refused(n, &refusal).await,
            FromBroker::Failed { n, code } => self.failed(n, &code).await,
            FromBroker::Lobby { from, headers, openings, more } => {
                let complete = !more && !self.lobby_known;
                self.lobby_known |= !more;
                self.lobby(from, &headers, &openings).await?;
                if complete {
                    self.miss_rooms().await?;
                }
            }
            FromBroker::Joined { room, head, consistency } => {
                self.joined(room, &head, &consistency).await;
            }
            FromBroker::Entries { room, headers, entries, head } => {
                self.entries(room, &headers, &entries, head.as_deref()).await;
                self.pursue_invitations().await?;
                if std::mem::take(&mut self.choose_again) {
                    self.choose_rooms().await?;
                }
            }
            FromBroker::Invited { auction, room } => {
                let known = self.invitations.contains(&(auction, room));
                if !known && self.invitations.len() < INVITATIONS {
                    self.invitations.push((auction, room));
                }
                return self.pursue_invitations().await;
            }
            // About rooms that nobody asked for, a broker could speak for ever.
            FromBroker::Error { room: Some(name), .. } if !self.rooms.contains_key(&name) => {}
            FromBroker::Error { code, room, .. } if code == Code::DoorRate.as_str() => {
                if let Some(name) = room {
                    self.is_answered(name);
                }
                self.again.retain(|(_, other)| *other != room);
                self.again.insert((self.options.host.clock.uptime() + AGAIN_AFTER, room));
            }
            FromBroker::Error { code, message, room } => {
                if let Some(name) = room {
                    self.not_joined(name, &code, &message).await?;
                    // A private room that was asked for before the proof could be made.
                    return self.pursue_invitations().await;
                } else if ends_the_session(&code) {
                    return Err(Lost(message));
                } else {
                    let text = format!("the broker says: {message} ({code})");
                    self.tell(Event::note(text)).await;
                }
            }
        }
        Ok(())
    }

    fn trust(&self) -> Trust {
        let verified = self.rooms.values().filter(|room| room.is_verified()).count();
        Trust {
            persona: self.persona.public().fingerprint(),
            broker: self.options.broker.fingerprint,
            authority: self.tsa.authority.fingerprint(),
            suite: self.online.as_ref().map(|online| online.suite.to_string()),
            time: self.now(),
            age_ms: self.age_ms(),
            rooms_verified: verified as u64,
            alarms: self.alarms,
            simulated: self.tsa.simulated,
            certificate_ends: self.certificate_ends,
        }
    }

    /// Sends a frame as soon as the pace allows.
    async fn send(&mut self, frame: FromPeer) -> Result<(), Lost> {
        if self.online.is_none() {
            return Err(Lost("there is no connection".to_owned()));
        }
        self.unsent.push_back(frame);
        self.send_what_may_go().await
    }

    fn has_something_to_send(&self) -> bool {
        self.acts.len() > 0
            || !self.waiting.is_empty()
            || !self.unsent.is_empty()
            || !self.again.is_empty()
    }

    /// Sends what the pace allows: what actions under way need goes first.
    async fn send_what_may_go(&mut self) -> Result<(), Lost> {
        self.send_acts().await?;
        while !self.unsent.is_empty() && self.pace.take(self.options.host.clock.uptime()) {
            let Some(frame) = self.unsent.pop_front() else { break };
            self.send_now(frame).await?;
        }
        Ok(())
    }

    /// Asks again for what was refused at the door a while ago.
    async fn ask_again(&mut self) -> Result<(), Lost> {
        while let Some((at, room)) = self.again.first().copied() {
            if at > self.options.host.clock.uptime() {
                break;
            }
            self.again.pop_first();
            match room {
                None => self.send(FromPeer::Rooms { from: self.lobby.saturating_sub(1) }).await?,
                Some(name) => match self.rooms.get(&name).map(|room| room.wanted) {
                    Some(true) => self.join(name).await?,
                    Some(false) => self.send(FromPeer::Leave { room: name }).await?,
                    None => {}
                },
            }
        }
        Ok(())
    }

    async fn send_now(&mut self, frame: FromPeer) -> Result<(), Lost> {
        let Some(online) = &mut self.online else {
            return Err(Lost("there is no connection".to_owned()));
        };
        match online.sender.send(&frame).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.online = None;
                Err(error.into())
            }
        }
    }

    async fn tell(&self, event: Event) {
        // A front that has left hears nothing; the loop notices on its next command.
        let _ = self.events.send(event).await;
    }

    async fn alarm(&mut self, room: Option<RoomName>, message: &str, advice: &str) {
        self.alarms += 1;
        let short = room.map(|room| self.names.short(room));
        let room = room.map(|room| room.to_string());
        let (message, advice) = (message.to_owned(), advice.to_owned());
        self.tell(Event::Alarm { room, short, message, advice }).await;
    }

    async fn vault_trouble(&self, error: &VaultError) {
        self.refuse(error.code(), error.to_string(), error.advice()).await;
    }

    /// Keeps what shows a fault, and says it loudly: what happened, what to do, where it is kept.
    async fn accuse(
        &mut self,
        room: Option<RoomName>,
        message: &str,
        advice: &str,
        exhibit: Exhibit<'_>,
    ) {
        let kept = evidence::keep(&self.options.evidence, exhibit);
        self.alarm(room, message, &format!("{advice}; {kept}")).await;
    }
}

/// Whether an unsigned word of the broker is its goodbye.
fn ends_the_session(code: &str) -> bool {
    let known = code.parse::<ErrorCode>().ok();
    known.is_some_and(|code| match code {
        ErrorCode::SessionExpired | ErrorCode::SessionIdle | ErrorCode::BrokerStopping => true,
        // About one room, or of a newer version.
        _ => false,
    })
}

/// Gets a ticket, unless one is fresh enough, and opens the link.
async fn open_link(
    authority: Authority,
    options: Options,
    persona: Arc<SecretKey<Persona>>,
    certificate: Vec<u8>,
    fresh: Option<Ticket>,
) -> Result<(Link, Ticket), Lost> {
    let ticket = match fresh {
        Some(fresh) => fresh,
        None => {
            let (key, shown) = (Arc::clone(&persona), certificate.clone());
            let broker = options.broker.fingerprint;
            let asked = blocking(&options.host, move || authority.ticket(&key, &shown, broker));
            let ticket =
                asked.await.ok_or_else(|| Lost("asking for a ticket broke off".to_owned()))?;
            let explain = |error: AuthorityError| match &error {
                AuthorityError::Refused { code, .. } if code == EXPIRED => {
                    Lost(format!("{error} ({EXPIRED}); renew it with pregao enrol"))
                }
                _ => Lost(format!("{}; {}", with_causes(&error), error.advice())),
            };
            (ticket.map_err(explain)?, options.host.clock.uptime())
        }
    };
    let identity = Identity { persona: &persona, certificate: &certificate, ticket: &ticket.0 };
    let link = connect(&options.broker, identity, &options.suites, options.reach()).await?;
    Ok((link, ticket))
}

/// Fetches tickets ahead, at random times, so that the TSA does not see when somebody connects.
/// Ends with the receiver.
fn renew_tickets(
    host: Host,
    authority: Authority,
    persona: Arc<SecretKey<Persona>>,
    certificate: Vec<u8>,
    broker: pregao_protocol::key::Fingerprint,
) -> mpsc::Receiver<Ticket> {
    let (tickets, renewed) = mpsc::channel(1);
    host.clone().task(async move {
        loop {
            let pause = Duration::from_millis(60_000 + 500 * u64::from(random_byte(&host)));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = tickets.closed() => return,
            }
            let (authority, persona) = (authority.clone(), Arc::clone(&persona));
            let certificate = certificate.clone();
            let asked = blocking(&host, move || authority.ticket(&persona, &certificate, broker));
            // Without one, the next connection asks for it; the TSA may be down just now.
            if let Some(Ok(ticket)) = asked.await
                && tickets.send((ticket, host.clock.uptime())).await.is_err()
            {
                return;
            }
        }
    });
    renewed
}

/// Comes when a desk that was started has ended and its vault is free; an error, if it broke off.
pub type Ended = oneshot::Receiver<()>;

/// Starts a desk over its own end of a pair of channels, as a task of its host.
///
/// # Errors
/// [`DeskError`].
pub fn start(vault: Vault, options: Options, back: Back) -> Result<Ended, DeskError> {
    let host = options.host.clone();
    let desk = Desk::open(vault, options, back.events, back.questions)?;
    let (end, ended) = oneshot::channel();
    host.task(async move {
        desk.run(back.commands).await;
        // Whoever started it may not care.
        let _ = end.send(());
    });
    Ok(ended)
}

/// The pause before the next attempt, after a session that began at `arrived` ended at `now`. A broker that
/// drops its sessions at once is not asked every tenth of a second.
fn pause_after(pause: Duration, now: Duration, arrived: Duration) -> Duration {
    if now.saturating_sub(arrived) >= STOOD { PAUSES.0 } else { pause }
}

/// For pauses that are to differ; without chance they are the shortest.
fn random_byte(host: &Host) -> u8 {
    host.random().map_or(0, |[byte]| byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::SILENT_FOR;

    #[test]
    fn a_broker_that_falls_silent_is_given_up_within_five_to_ten_seconds() {
        let every = LOOK.min(SILENT_FOR / 4);
        let steps = |ms: u64| Duration::from_millis(ms);
        // Wherever between two looks the last byte came.
        for heard in (0..1_000).step_by(10).map(steps) {
            let mut silence = Silence::after(SILENT_FOR, Duration::ZERO);
            let mut now = Duration::ZERO;
            let gone = loop {
                now += every;
                if silence.look(u64::from(now >= heard), now) {
                    break now - heard;
                }
            };
            assert!(steps(5_000) <= gone && gone <= steps(10_000), "{gone:?}");
        }
    }

    #[test]
    fn only_a_session_that_stood_makes_the_next_pause_short() {
        let (second, long) = (Duration::from_secs(1), Duration::from_secs(8));
        assert_eq!(pause_after(long, 109 * second, 100 * second), long);
        assert_eq!(pause_after(long, 110 * second, 100 * second), PAUSES.0);
    }
}
