//! What the user can do, and what happens meanwhile: one implementation behind all three fronts.
//!
//! The desk owns the vault, the connection and the folded rooms. It trusts nothing that arrives:
//! every entry, stamp and head is verified before it is shown or acted upon, and what does not
//! verify is said loudly and kept as evidence. It goes on without a connection and resumes with
//! the same action bytes, so that nothing is done twice and nothing is lost.
//!
//! - `outbox` the actions under way: sign, stamp, submit, receipt;
//!   `refusals` replayed before they are shown; `confirm` what the user is asked before it is done
//! - `answers` to the user, each with its act and room; `names` what rooms are called; `check` receipts compared with logs
//! - `places` which rooms are followed; `replica` rooms as verified, from the keys in `pins` on;
//!   `heads` what the broker signed about them, over restarts; `views` as shown; `evidence` what
//!   shows a lie, as files
//! - `kinds` what the desk does in each kind of room; `signer` the user's card; `export` logs and
//!   receipts as files
//! - `time` the TSA's time, watched; `headers` what it signed, compared over all rooms
//! - `run` the loop over sessions; `connection` one session and its tickets; `commands` what the front asks
//! - `passes` what is asked for to be spent as a guest; `letters` what the user asks about them, with the postman beside it
//! - `deliver` what the broker does not answer, handed in through witnesses
//! - `enrol` making a persona; `renew` keeping it certified

mod answers;
mod check;
mod commands;
mod confirm;
mod connection;
mod deliver;
pub mod enrol;
pub mod evidence;
mod export;
mod headers;
mod heads;
mod kinds;
mod letters;
mod names;
mod outbox;
mod passes;
mod pins;
mod places;
mod refusals;
mod renew;
mod replica;
mod rooms;
mod run;
pub mod signer;
mod time;
mod user;
mod views;
mod witnessed;

pub use pins::{LockTsa, LockTsaError};

#[cfg(test)]
mod fixture;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::{Code, ErrorCode};
use pregao_protocol::trust::certificate::CertificateError;
use pregao_protocol::trust::citizen::StatePki;
use pregao_protocol::trust::jwks::{TsaAddress, TsaKeys};
use pregao_protocol::trust::key::{Persona, SecretKey};
use pregao_protocol::trust::witness::Operator;
use pregao_protocol::value::report::Advised as _;
use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::session::Ranking;
use tokio::sync::{mpsc, oneshot};

use crate::event::Event;
use crate::front::channel::{Back, Question};
use crate::net::broker::BrokerAddress;
use crate::net::tls::Roots;
use crate::net::tsa::{TsaClient, verify_whenever};
use crate::net::{Network, Reach, Route};
use crate::post::postman::Way;
use crate::post::store::MailError;
use crate::text::moment::TimeZone;
use crate::vault::{Vault, VaultError};

use answers::ReplyTo;
use connection::{Connection, SessionLost};
use deliver::Deliveries;
use evidence::Exhibit;
use headers::TsaHeaders;
use heads::BrokerStatements;
use kinds::reveal::prove::CardWork;
use letters::LetterWork;
use names::Names;
use outbox::Outbox;
use passes::PassWork;
use places::DeferredCommands;
use renew::Renewal;
use rooms::Rooms;
use signer::Cards;
use time::TsaWatch;
use user::UserChannel;

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
    /// The letters beside the vault.
    #[error("{0}\n{advice}", advice = .0.advice())]
    Letters(MailError),
    /// The keys of the TSA kept in the vault do not hold.
    #[error("the TSA's keys in the vault do not hold; enrol again")]
    Trust(#[from] pregao_protocol::trust::jwks::JwksError),
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
    /// Whether what the user is told is kept by others: ceilings of bids made by themselves are left out, and subjects of
    /// letters that come.
    pub discreet: bool,
    /// The state's PKI, if there are certificates of it: judges the cards of others.
    pub state: Option<Arc<StatePki>>,
    /// What of them was passed over, a line for each: the user is told.
    pub passed_over: Vec<String>,
    /// Where times are meant that the user types without a zone.
    pub zone: TimeZone,
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
    /// Addresses of witnesses other than the TSA, `http://` or `https://`.
    pub witnesses: Vec<String>,
    /// TSAs that the user knows to lock sealed bids, besides their own.
    pub lock_tsas: Vec<LockTsa>,
    /// Operators of witnesses without whose cosignatures nothing is called final.
    pub final_by: Vec<Operator>,
    /// After how much silence of the broker the connection counts as gone.
    pub silent: Duration,
}

impl Options {
    /// What broker and TSA are reached with.
    #[must_use]
    pub fn reach(&self) -> Reach<'_> {
        Reach { host: &self.host, net: &*self.net, tls: &self.tls }
    }

    /// By which way the postman reaches the broker.
    #[must_use]
    pub fn way(&self) -> Way {
        Way {
            broker: self.broker.clone(),
            host: self.host.clone(),
            net: Arc::clone(&self.net),
            tls: self.tls.clone(),
        }
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
    tsa_client: TsaClient,
    renewal: Renewal,
    user: UserChannel,
    card: CardWork,
    rooms: Rooms,
    /// What the broker signed about the logs of rooms.
    statements: BrokerStatements,
    /// What rooms are called.
    names: Names,
    /// What is being answered just now.
    reply_to: ReplyTo,
    outbox: Outbox,
    time: TsaWatch,
    /// What the TSA signed, wherever it was met.
    headers: TsaHeaders,
    connection: Connection,
    /// Commands that wait for rooms to be caught up with.
    deferred: DeferredCommands,
    /// What is handed in through witnesses.
    deliveries: Deliveries,
    /// Passes that are being taken.
    passes: PassWork,
    /// Letters, and who carries them.
    letters: LetterWork,
}

/// How long a command waits for the desk to be caught up: then it gets what there is.
const DEFERRED_WITHIN: Duration = Duration::from_secs(20);

impl Desk {
    /// Opens a desk over a vault.
    ///
    /// # Errors
    /// [`DeskError`].
    pub fn open(
        mut vault: Vault,
        options: Options,
        events: mpsc::Sender<Event>,
        questions: mpsc::Sender<Question>,
    ) -> Result<Self, DeskError> {
        let contents = vault.contents();
        enrol::require_certified(contents).map_err(DeskError::Uncertified)?;
        let persona = Arc::new(SecretKey::from_seed(contents.persona.expose()));
        let jwks = contents.tsa.keys.to_string();
        let pin = Some(contents.tsa.authority);
        let wall = options.host.clock.wall();
        let tsa =
            pregao_protocol::trust::jwks::verify_jwks_by_wall_clock(jwks.as_bytes(), pin, wall)?;
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
        let mut met = BrokerStatements::restored(vault.met());
        let mut acted_in = Vec::new();
        for kept in &contents.actions {
            let Ok(name) = kept.room.parse::<RoomName>() else { continue };
            met.acted_in(name, kept.verb);
            acted_in.push(name);
        }
        for name in invitations.iter().flat_map(|(auction, room)| [*auction, *room]).chain(acted_in)
        {
            names.learn(name);
        }
        let passes = PassWork::default();
        let letters = LetterWork::of(&mut vault, &options, passes.taker(), tsa.stamp)
            .map_err(DeskError::Letters)?;
        let authority = TsaClient::by(address, proxy.as_ref(), options.reach());
        Ok(Self {
            options,
            persona,
            tsa,
            tsa_client: authority,
            renewal: Renewal::until(certificate.not_after),
            vault,
            user: UserChannel::new(events, questions),
            card: CardWork::default(),
            rooms: Rooms::with_invitations(invitations),
            statements: met,
            names,
            reply_to: ReplyTo::default(),
            outbox: Outbox::default(),
            time: TsaWatch::default(),
            headers: TsaHeaders::default(),
            connection: Connection::default(),
            deferred: DeferredCommands::default(),
            deliveries: Deliveries::default(),
            passes,
            letters,
        })
    }

    /// Acts on one frame of the broker.
    async fn handle_frame(&mut self, frame: FromBroker) -> Result<(), SessionLost> {
        match frame {
            FromBroker::Welcome { batch, rate, burst, passes } => {
                self.passes.begin_session(passes);
                self.outbox.keep_pace(rate, burst, self.options.host.clock.uptime());
                self.handle_tick(&batch).await;
            }
            FromBroker::Tick { batch } => {
                self.note_puzzle_header(&batch);
                self.handle_tick(&batch).await;
                self.pursue_reserves().await;
                self.pursue_autos().await;
                self.pursue_talks().await;
            }
            FromBroker::PassRoom { room } => self.handle_pass_room(room).await?,
            FromBroker::Effort { effort } => self.handle_effort(effort),
            FromBroker::Stamped { n, batch, stamps } => {
                self.handle_stamped(n, &batch, &stamps).await
            }
            FromBroker::Receipt { n, seq, path, head } => {
                self.handle_receipt(n, seq, path, head).await
            }
            FromBroker::Held { n, held } => self.handle_held(n, &held).await,
            FromBroker::Refused { n, refusal } => self.handle_refused(n, &refusal).await,
            FromBroker::Failed { n, code } if self.passes_failed(n, &code) => {}
            FromBroker::Failed { n, code } => self.handle_failed(n, &code).await,
            FromBroker::Passes { n, signatures } => self.handle_passes(n, &signatures),
            FromBroker::Lobby { from, headers, openings, more } => {
                let complete = !more && self.rooms.end_list();
                self.handle_lobby(from, &headers, &openings).await?;
                if complete {
                    self.ask_for_unlisted_rooms().await?;
                }
            }
            FromBroker::Joined { room, head, consistency } => {
                self.handle_joined(room, &head, &consistency).await;
            }
            FromBroker::Entries { room, headers, entries, head } => {
                self.handle_entries(room, &headers, &entries, head.as_deref()).await;
                self.pursue_invitations().await?;
                self.settle_offers(false);
                if self.rooms.take_choice() {
                    self.choose_rooms_to_follow().await?;
                }
            }
            FromBroker::Cosigned { room, head } => {
                self.handle_cosigned(room, &head).await;
                self.settle_offers(false);
            }
            FromBroker::Released { room, locks } => self.handle_released(room, &locks).await,
            // The desk has stored nothing, so these answer nothing.
            FromBroker::BlobKept { .. }
            | FromBroker::BoxOpened { .. }
            | FromBroker::PeopleListed { .. }
            | FromBroker::DepositTold { .. }
            | FromBroker::BlobFailed { .. }
            | FromBroker::PassHeld { .. } => {}
            FromBroker::Invited { auction, room } => {
                self.rooms.invite(auction, room);
                return self.pursue_invitations().await;
            }
            // About rooms that nobody asked for, a broker could speak for ever.
            FromBroker::Error { room: Some(name), .. } if !self.rooms.contains_key(&name) => {}
            FromBroker::Error { code, room, .. } if code == Code::DoorRate.as_str() => {
                if let Some(name) = room {
                    self.is_answered(name);
                }
                self.outbox.ask_later(room, self.options.host.clock.uptime());
            }
            FromBroker::Error { code, message, room: Some(name) } => {
                self.handle_join_refused(name, &code, &message).await?;
                // A private room that was asked for before the proof could be made.
                self.pursue_invitations().await?;
            }
            FromBroker::Error { code, message, room: None } if ends_the_session(&code) => {
                return Err(SessionLost::because(message));
            }
            FromBroker::Error { code, message, room: None } => {
                let text = format!("the broker says: {message} ({code})");
                self.emit(Event::note(text)).await;
            }
        }
        Ok(())
    }

    async fn emit(&self, event: Event) {
        self.user.emit(event).await;
    }

    async fn alarm(&mut self, room: Option<RoomName>, message: &str, advice: &str) {
        self.user.count_alarm();
        let short = room.map(|room| self.names.short(room));
        let room = room.map(|room| room.to_string());
        let (message, advice) = (message.to_owned(), advice.to_owned());
        self.emit(Event::Alarm { room, short, message, advice }).await;
    }

    async fn vault_trouble(&self, error: &VaultError) {
        self.refuse(error.report()).await;
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

/// Whether an unsigned word of the broker ends the session.
fn ends_the_session(code: &str) -> bool {
    let known = code.parse::<ErrorCode>().ok();
    known.is_some_and(|code| match code {
        ErrorCode::SessionExpired | ErrorCode::SessionIdle | ErrorCode::BrokerStopping => true,
        // About one room, or of a newer version.
        _ => false,
    })
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
