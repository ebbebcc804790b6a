//! Blind enrolment of citizens (SPEC 3.5): the policy `card`.
//!
//! A citizen card proves that there is a person, and the TSA signs one blinded request for each of
//! them and period. Nothing here names a citizen to a log, and nothing says when or in which order they
//! came: what is kept are keyed hashes, in the order of the hashes, until the period ends.
//!
//! - [`folder`] what the operator trusts of the state's PKI; [`ocsp`] the state's responder
//! - [`offers`] challenges and sealing keys, of which nothing is kept
//! - [`period`], [`issuers`] and [`ledger`] the keys of each period and the count

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pregao_protocol::host::{Host, NoRandomness, Random};
use pregao_protocol::trust::certificate::ticket::Challenge;
use pregao_protocol::trust::citizen::{Citizen, CitizenError, Revocation, TestCards};
use pregao_protocol::trust::enrolment::{Application, ApplicationAnswer, EnrolmentError, Offer};
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Advised as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::challenge::ChallengeError;
use crate::clock::ClockReading;
use crate::ip_limiter::{IpLimiter, IpPermit, Origin};
use crate::tls::{self, RootsError};

pub mod folder;
pub mod issuers;
pub mod ledger;
pub mod ocsp;
pub mod offers;
pub mod period;
pub mod refusal;

use folder::StateFolder;
use issuers::{Issuers, IssuersError, Period, SigningRefusal};
use ocsp::Responder;
use offers::{Offers, OpenOffer};
use refusal::ApplicationRefusal;

/// Applications that may be worked on at once; judging one takes a processor some milliseconds.
const MAX_APPLICATIONS: usize = 8;
/// Applications that one address may have worked on at once.
const APPLICATIONS_EACH: usize = 2;
/// How long an application waits for others to be finished.
const PATIENCE: Duration = Duration::from_secs(2);
/// What counters are rounded down to: whoever reads them often must not see single citizens.
const COARSE: u64 = 10;

/// What the operator chose for the policy `card`.
#[derive(Debug, Clone)]
pub struct CitizenOptions {
    /// The folder of the state's certificates and revocation lists.
    pub folder: PathBuf,
    /// Whether cards of the state's test PKI are accepted.
    pub tests: TestCards,
    /// Address of the state's responder.
    pub ocsp: Option<String>,
    /// PEM file of the CAs that the responder's TLS certificate may come from, if not the public ones.
    pub tls_ca: Option<PathBuf>,
    /// How long a period is.
    pub period: period::Length,
}

/// Why citizens cannot be enrolled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CitizensError {
    /// The state's certificates.
    #[error(transparent)]
    Folder(#[from] pregao_protocol::trust::citizen::folder::FolderError),
    /// The keys of the periods.
    #[error(transparent)]
    Issuers(#[from] IssuersError),
    /// The CAs for TLS to the responder.
    #[error(transparent)]
    Roots(#[from] RootsError),
}

impl CitizensError {
    /// What the operator can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Folder(error) => folder::advice(error),
            Self::Issuers(error) => error.advice(),
            Self::Roots(error) => error.advice(),
        }
    }
}

/// Counters, by code.
#[derive(Default)]
struct Counters {
    offers: u64,
    tokens: u64,
    refusals: BTreeMap<&'static str, u64>,
}

/// Everything the policy `card` needs.
pub struct Citizens {
    authority: Fingerprint,
    issuers: Issuers,
    offers: Offers,
    state: StateFolder,
    responder: Option<Responder>,
    permits: Arc<Semaphore>,
    each: Arc<IpLimiter>,
    counters: Mutex<Counters>,
    keys_fault: Fault,
    count_fault: Fault,
    order_fault: Fault,
    responder_fault: Fault,
}

/// A place among the applications that are worked on; given back when dropped.
#[derive(Debug)]
pub(crate) struct ApplicationPermit {
    _share: IpPermit,
    _permit: OwnedSemaphorePermit,
}

/// A fault that lasts, logged once until it is gone or another.
#[derive(Default)]
struct Fault(Mutex<Option<String>>);

impl Fault {
    /// Notes the fault of now, if any; gives the text back if it is to be logged.
    fn update(&self, text: Option<String>) -> Option<String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = text.clone().filter(|_| *known != text);
        *known = text;
        news
    }
}

/// An error with its cause.
fn with_cause(error: &IssuersError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// Fresh random bytes for one application.
pub struct Seeds {
    sign: [u8; 32],
    seal: [u8; 32],
    nonce: [u8; 32],
}

impl Seeds {
    /// Draws them.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn draw(random: &dyn Random) -> Result<Self, NoRandomness> {
        let mut seeds = Self { sign: [0; 32], seal: [0; 32], nonce: [0; 32] };
        random.fill(&mut seeds.sign)?;
        random.fill(&mut seeds.seal)?;
        random.fill(&mut seeds.nonce)?;
        Ok(seeds)
    }
}

/// Why an application was not even opened: all that is answered in the open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnopenedApplication {
    /// No open offer has this challenge.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// Not sealed for this offer, or malformed.
    #[error("the application cannot be opened: {0}")]
    Application(#[from] EnrolmentError),
}

impl Citizens {
    /// Opens everything in the TSA's data folder `data`. `now` is TSA time; `trusted` says that it is
    /// not in doubt, without which nothing is made or destroyed yet.
    ///
    /// # Errors
    /// [`CitizensError`].
    pub fn open(
        options: &CitizenOptions,
        data: &Path,
        authority: Fingerprint,
        challenge_key: &[u8; 32],
        now: Time,
        trusted: bool,
        host: &Host,
    ) -> Result<Self, CitizensError> {
        let tls = tls::roots(options.tls_ca.as_deref())?;
        let state = StateFolder::open(&options.folder, options.tests, now)?;
        let issuers = Issuers::open(data, authority, options.period, options.tests, now, host)?;
        if trusted {
            issuers.advance(ClockReading { now, monotonic: Duration::ZERO })?;
        }
        Ok(Self {
            authority,
            issuers,
            offers: Offers::new(challenge_key),
            state,
            responder: options.ocsp.clone().map(|url| Responder::new(url, tls)),
            permits: Arc::new(Semaphore::new(MAX_APPLICATIONS)),
            each: IpLimiter::new(APPLICATIONS_EACH),
            counters: Mutex::default(),
            keys_fault: Fault::default(),
            count_fault: Fault::default(),
            order_fault: Fault::default(),
            responder_fault: Fault::default(),
        })
    }

    /// The keys of the periods.
    #[must_use]
    pub const fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Whether cards of the state's test PKI enrol.
    #[must_use]
    pub fn accepts_test_cards(&self) -> bool {
        self.state.tests() == TestCards::Accepted
    }

    /// A place among the applications that are worked on, waited for a little while. `None` if this address
    /// has as many under way as it may, or all others together.
    pub(crate) async fn admit(&self, origin: Origin) -> Option<ApplicationPermit> {
        let share = self.each.take(origin)?;
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout(PATIENCE, permit).await.ok()?.ok()?;
        Some(ApplicationPermit { _share: share, _permit: permit })
    }

    /// Does what time brings: ends periods, makes keys ahead, looks at the folder, writes the count in
    /// order. Blocks.
    pub fn tick(&self, reading: ClockReading) {
        self.state.look(reading.monotonic, reading.now);
        if !self.issuers.settled(reading.now) {
            // Noted, and tried again by the next tick.
            let _ = self.log_keys_fault(self.issuers.advance(reading));
        }
        self.tidy(reading.monotonic);
    }

    /// Leaves the count in order when the process ends. Blocks.
    pub fn finish(&self) {
        self.tidy(Duration::MAX);
    }

    fn tidy(&self, monotonic: Duration) {
        let tidied = self.issuers.tidy(monotonic);
        if let Some(error) = self.order_fault.update(tidied.err().as_ref().map(with_cause)) {
            tracing::error!(error, "the count of citizens cannot be written in order");
        }
    }

    /// Wipes the keys of offers that have expired, whatever TSA time is.
    pub fn forget(&self, monotonic: Duration) {
        self.offers.forget(monotonic);
    }

    /// Begins the period of now, if that is not done. Blocks.
    ///
    /// # Errors
    /// [`IssuersError`], which is in the log.
    pub fn begin(&self, reading: ClockReading) -> Result<(), IssuersError> {
        self.log_keys_fault(self.issuers.begin(reading))
    }

    /// Logs a fault of the keys once.
    fn log_keys_fault(&self, done: Result<(), IssuersError>) -> Result<(), IssuersError> {
        let text = match &done {
            Err(IssuersError::Paused | IssuersError::Behind) => return done,
            Err(error) => Some(with_cause(error)),
            Ok(()) => None,
        };
        if let Some(error) = self.keys_fault.update(text) {
            tracing::error!(error, "the keys of the periods cannot be kept up");
        }
        done
    }

    /// Logs once that citizens cannot be counted.
    fn log_count_fault(&self, error: Option<&IssuersError>) {
        if let Some(error) = self.count_fault.update(error.map(with_cause)) {
            tracing::error!(error, "citizens cannot be counted");
        }
    }

    /// A new offer, signed.
    #[must_use]
    pub fn offer(
        &self,
        period: &Period,
        random: [u8; 8],
        seed: &Zeroizing<[u8; 32]>,
        reading: ClockReading,
    ) -> String {
        let issuer = period.issuer().key.id();
        let (challenge, key) = self.offers.offer(random, seed, issuer, reading.monotonic);
        let (authority, seal) = (self.authority, key.public());
        self.counters().offers += 1;
        Offer { authority, challenge, seal, issuer, time: reading.now }.sign(self.issuers.key())
    }

    /// Answers an application, sealed. Blocks, for as long as the responder takes.
    ///
    /// # Errors
    /// [`UnopenedApplication`] for what was not sealed for an open offer.
    pub fn answer(
        &self,
        challenge: Challenge,
        sealed: &[u8],
        period: &Period,
        seeds: &Seeds,
        reading: ClockReading,
    ) -> Result<Vec<u8>, UnopenedApplication> {
        let open = self.offers.check(challenge, reading.monotonic)?;
        let (application, offer) = self.opened(open, challenge, sealed, period, reading)?;
        let judged = match offer {
            Some(offer) => self.judge(&application, &offer, open, period, seeds, reading),
            None => Err(ApplicationRefusal::Issuer),
        };
        let answer = match judged {
            Ok(blind_signature) => {
                self.counters().tokens += 1;
                ApplicationAnswer::Signed { blind_signature }
            }
            Err(refusal) => {
                self.refused(refusal.code());
                refusal.answer()
            }
        };
        Ok(answer.seal(challenge, &application.reply, seeds.seal)?)
    }

    /// Opens an application. Without an offer if that was made for the issuer of another period.
    fn opened(
        &self,
        open: OpenOffer,
        challenge: Challenge,
        sealed: &[u8],
        period: &Period,
        reading: ClockReading,
    ) -> Result<(Application, Option<Offer>), UnopenedApplication> {
        let mut refused = EnrolmentError::Content;
        let before = self.issuers.before(period);
        let issuers = std::iter::once(period.issuer().key.id()).chain(before);
        for (position, issuer) in issuers.enumerate() {
            let key = self.offers.key(open, issuer, reading.monotonic);
            let key = key.ok_or(ChallengeError::Unknown)?;
            match Application::open(sealed, self.authority, challenge, &key) {
                Ok(application) => {
                    let (authority, seal) = (self.authority, key.public());
                    let time = reading.now;
                    let offer = Offer { authority, challenge, seal, issuer, time };
                    return Ok((application, (position == 0).then_some(offer)));
                }
                Err(error) if position == 0 => refused = error,
                Err(_) => {}
            }
        }
        Err(refused.into())
    }

    /// Every check, from cheap to dear; then the count; then the signature.
    fn judge(
        &self,
        application: &Application,
        offer: &Offer,
        open: OpenOffer,
        period: &Period,
        seeds: &Seeds,
        reading: ClockReading,
    ) -> Result<Vec<u8>, ApplicationRefusal> {
        if !period.can_sign(&application.blinded) {
            return Err(ApplicationRefusal::Request);
        }
        let citizen = self.citizen(application, reading)?;
        let statement = offer.statement(&application.reply, &application.blinded);
        citizen.key.verify(&statement, &application.signature)?;
        self.offers.take(open, reading.monotonic)?;
        self.ask(&application.certificate, &citizen, seeds, reading.now)?;
        let admitted = self
            .issuers
            .count(period, &citizen.civil_number, &application.blinded)
            .map_err(|not| match not {
                SigningRefusal::Used => ApplicationRefusal::Used { until: period.issuer().until },
                SigningRefusal::Over => ApplicationRefusal::Issuer,
                SigningRefusal::Store(error) => {
                    self.log_count_fault(Some(&error.into()));
                    ApplicationRefusal::Failed
                }
            })?;
        self.log_count_fault(None);
        admitted.sign(seeds.sign).map_err(|_| ApplicationRefusal::Failed)
    }

    fn citizen(
        &self,
        application: &Application,
        reading: ClockReading,
    ) -> Result<Citizen, ApplicationRefusal> {
        const EMPTY: CitizenError = CitizenError::Authority("nothing is trusted here");
        let state = self.state.state().ok_or(EMPTY)?;
        let Application { certificate, issuers, .. } = application;
        let revocation = match self.responder {
            Some(_) => Revocation::RequiredOfAuthorities,
            None => Revocation::Required,
        };
        Ok(state.verify(certificate, issuers, reading.now, revocation)?)
    }

    /// Asks the responder, if there is one. Of its faults the log names each once.
    fn ask(
        &self,
        certificate: &[u8],
        citizen: &Citizen,
        seeds: &Seeds,
        now: Time,
    ) -> Result<(), ApplicationRefusal> {
        let Some(responder) = &self.responder else { return Ok(()) };
        let said = responder.ask(certificate, &citizen.issuer, seeds.nonce, now);
        let fault = said.as_ref().err().and_then(ocsp::OcspError::fault);
        if let Some(error) = self.responder_fault.update(fault) {
            tracing::error!(error, "citizens cannot be asked about");
        }
        Ok(said?)
    }

    /// Counts a refusal.
    pub(crate) fn refused(&self, code: &'static str) {
        *self.counters().refusals.entry(code).or_insert(0) += 1;
    }

    fn counters(&self) -> std::sync::MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters in the form of Prometheus, rounded down to tens.
    #[must_use]
    pub fn metrics(&self) -> String {
        use std::fmt::Write as _;
        let counters = self.counters();
        let mut text = String::new();
        for (name, value) in [("offers", counters.offers), ("tokens", counters.tokens)] {
            let name = format!("pregao_tsa_citizen_{name}_total");
            let _ = writeln!(text, "# TYPE {name} counter\n{name} {}", coarse(value));
        }
        let name = "pregao_tsa_citizen_refusals_total";
        let _ = writeln!(text, "# TYPE {name} counter");
        for (code, value) in &counters.refusals {
            let value = coarse(*value);
            if value == 0 {
                continue;
            }
            let _ = writeln!(text, "{name}{{code=\"{code}\"}} {value}");
        }
        for (name, value) in [
            ("pregao_tsa_citizen_lists_not_in_force", self.state.not_in_force()),
            ("pregao_tsa_citizen_files_passed_over", self.state.passed_over()),
        ] {
            let _ = writeln!(text, "# TYPE {name} gauge\n{name} {value}");
        }
        text
    }
}

/// What of a counter is shown.
#[must_use]
pub const fn coarse(value: u64) -> u64 {
    value - value % COARSE
}

#[cfg(test)]
mod tests;
