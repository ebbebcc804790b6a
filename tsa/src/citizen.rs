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

use pregao_protocol::certificate::ticket::Challenge;
use pregao_protocol::citizen::{Citizen, CitizenError, Revocation, TestCards};
use pregao_protocol::clock::Time;
use pregao_protocol::enrolment::{Answer, Application, EnrolmentError, Offer};
use pregao_protocol::host::{Host, NoRandomness, Random};
use pregao_protocol::key::Fingerprint;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::challenge::ChallengeError;
use crate::clock::Moment;
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
use issuers::{Issuers, IssuersError, NotAdmitted, Period};
use ocsp::Responder;
use offers::{Offers, Open};
use refusal::Refusal;

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
    Folder(#[from] pregao_protocol::citizen::folder::FolderError),
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
struct Tally {
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
    tally: Mutex<Tally>,
    keys_fault: Fault,
    count_fault: Fault,
    order_fault: Fault,
    responder_fault: Fault,
}

/// A place among the applications that are worked on; given back when dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    _share: IpPermit,
    _permit: OwnedSemaphorePermit,
}

/// A fault that lasts, logged once until it is gone or another.
#[derive(Default)]
struct Fault(Mutex<Option<String>>);

impl Fault {
    /// Takes note of how it stands now; gives the text back if it is to be logged.
    fn stands(&self, text: Option<String>) -> Option<String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = text.clone().filter(|_| *known != text);
        *known = text;
        news
    }
}

/// An error with its cause.
fn told(error: &IssuersError) -> String {
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
pub enum Unopened {
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
            issuers.advance(Moment { now, monotonic: Duration::ZERO })?;
        }
        Ok(Self {
            authority,
            issuers,
            offers: Offers::new(challenge_key),
            state,
            responder: options.ocsp.clone().map(|url| Responder::new(url, tls)),
            permits: Arc::new(Semaphore::new(MAX_APPLICATIONS)),
            each: IpLimiter::new(APPLICATIONS_EACH),
            tally: Mutex::default(),
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
    pub(crate) async fn admit(&self, origin: Origin) -> Option<Admitted> {
        let share = self.each.take(origin)?;
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout(PATIENCE, permit).await.ok()?.ok()?;
        Some(Admitted { _share: share, _permit: permit })
    }

    /// Does what time brings: ends periods, makes keys ahead, looks at the folder, writes the count in
    /// order. Blocks.
    pub fn tick(&self, moment: Moment) {
        self.state.look(moment.monotonic, moment.now);
        if !self.issuers.settled(moment.now) {
            // Noted, and tried again by the next tick.
            let _ = self.noted(self.issuers.advance(moment));
        }
        self.tidy(moment.monotonic);
    }

    /// Leaves the count in order when the process ends. Blocks.
    pub fn finish(&self) {
        self.tidy(Duration::MAX);
    }

    fn tidy(&self, monotonic: Duration) {
        let tidied = self.issuers.tidy(monotonic);
        if let Some(error) = self.order_fault.stands(tidied.err().as_ref().map(told)) {
            tracing::error!(error, "the count of citizens cannot be written in order");
        }
    }

    /// Wipes the keys of offers that are over, whatever TSA time is.
    pub fn forget(&self, monotonic: Duration) {
        self.offers.forget(monotonic);
    }

    /// Begins the period of now, if that is not done. Blocks.
    ///
    /// # Errors
    /// [`IssuersError`], which is in the log.
    pub fn begin(&self, moment: Moment) -> Result<(), IssuersError> {
        self.noted(self.issuers.begin(moment))
    }

    /// Logs a fault of the keys once.
    fn noted(&self, done: Result<(), IssuersError>) -> Result<(), IssuersError> {
        let text = match &done {
            Err(IssuersError::Paused | IssuersError::Behind) => return done,
            Err(error) => Some(told(error)),
            Ok(()) => None,
        };
        if let Some(error) = self.keys_fault.stands(text) {
            tracing::error!(error, "the keys of the periods cannot be kept up");
        }
        done
    }

    /// Logs once that citizens cannot be counted.
    fn not_counted(&self, error: Option<&IssuersError>) {
        if let Some(error) = self.count_fault.stands(error.map(told)) {
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
        moment: Moment,
    ) -> String {
        let issuer = period.issuer().key.id();
        let (challenge, key) = self.offers.offer(random, seed, issuer, moment.monotonic);
        let (authority, seal) = (self.authority, key.public());
        self.tallied().offers += 1;
        Offer { authority, challenge, seal, issuer, time: moment.now }.sign(self.issuers.key())
    }

    /// Answers an application, sealed. Blocks, for as long as the responder takes.
    ///
    /// # Errors
    /// [`Unopened`] for what was not sealed for an open offer.
    pub fn answer(
        &self,
        challenge: Challenge,
        sealed: &[u8],
        period: &Period,
        seeds: &Seeds,
        moment: Moment,
    ) -> Result<Vec<u8>, Unopened> {
        let open = self.offers.check(challenge, moment.monotonic)?;
        let (application, offer) = self.opened(open, challenge, sealed, period, moment)?;
        let judged = match offer {
            Some(offer) => self.judge(&application, &offer, open, period, seeds, moment),
            None => Err(Refusal::Issuer),
        };
        let answer = match judged {
            Ok(blind_signature) => {
                self.tallied().tokens += 1;
                Answer::Signed { blind_signature }
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
        open: Open,
        challenge: Challenge,
        sealed: &[u8],
        period: &Period,
        moment: Moment,
    ) -> Result<(Application, Option<Offer>), Unopened> {
        let mut refused = EnrolmentError::Content;
        let before = self.issuers.before(period);
        let issuers = std::iter::once(period.issuer().key.id()).chain(before);
        for (position, issuer) in issuers.enumerate() {
            let key = self.offers.key(open, issuer, moment.monotonic);
            let key = key.ok_or(ChallengeError::Unknown)?;
            match Application::open(sealed, self.authority, challenge, &key) {
                Ok(application) => {
                    let (authority, seal) = (self.authority, key.public());
                    let time = moment.now;
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
        open: Open,
        period: &Period,
        seeds: &Seeds,
        moment: Moment,
    ) -> Result<Vec<u8>, Refusal> {
        if !period.can_sign(&application.blinded) {
            return Err(Refusal::Request);
        }
        let citizen = self.citizen(application, moment)?;
        let statement = offer.statement(&application.reply, &application.blinded);
        citizen.key.verify(&statement, &application.signature)?;
        self.offers.take(open, moment.monotonic)?;
        self.ask(&application.certificate, &citizen, seeds, moment.now)?;
        let admitted = self
            .issuers
            .count(period, &citizen.civil_number, &application.blinded)
            .map_err(|not| match not {
                NotAdmitted::Used => Refusal::Used { until: period.issuer().until },
                NotAdmitted::Over => Refusal::Issuer,
                NotAdmitted::Store(error) => {
                    self.not_counted(Some(&error.into()));
                    Refusal::Failed
                }
            })?;
        self.not_counted(None);
        admitted.sign(seeds.sign).map_err(|_| Refusal::Failed)
    }

    fn citizen(&self, application: &Application, moment: Moment) -> Result<Citizen, Refusal> {
        const EMPTY: CitizenError = CitizenError::Authority("nothing is trusted here");
        let state = self.state.state().ok_or(EMPTY)?;
        let Application { certificate, issuers, .. } = application;
        let revocation = match self.responder {
            Some(_) => Revocation::RequiredOfAuthorities,
            None => Revocation::Required,
        };
        Ok(state.verify(certificate, issuers, moment.now, revocation)?)
    }

    /// Asks the responder, if there is one. Of its faults the log names each once.
    fn ask(
        &self,
        certificate: &[u8],
        citizen: &Citizen,
        seeds: &Seeds,
        now: Time,
    ) -> Result<(), Refusal> {
        let Some(responder) = &self.responder else { return Ok(()) };
        let said = responder.ask(certificate, &citizen.issuer, seeds.nonce, now);
        let fault = said.as_ref().err().and_then(ocsp::OcspError::fault);
        if let Some(error) = self.responder_fault.stands(fault) {
            tracing::error!(error, "citizens cannot be asked about");
        }
        Ok(said?)
    }

    /// Counts a refusal.
    pub(crate) fn refused(&self, code: &'static str) {
        *self.tallied().refusals.entry(code).or_insert(0) += 1;
    }

    fn tallied(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters in the form of Prometheus, rounded down to tens.
    #[must_use]
    pub fn metrics(&self) -> String {
        use std::fmt::Write as _;
        let tally = self.tallied();
        let mut text = String::new();
        for (name, value) in [("offers", tally.offers), ("tokens", tally.tokens)] {
            let name = format!("pregao_tsa_citizen_{name}_total");
            let _ = writeln!(text, "# TYPE {name} counter\n{name} {}", coarse(value));
        }
        let name = "pregao_tsa_citizen_refusals_total";
        let _ = writeln!(text, "# TYPE {name} counter");
        for (code, value) in &tally.refusals {
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
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_logged_when_it_begins_or_changes_and_again_after_it_was_gone() {
        let fault = Fault::default();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(fault.stands(None), None);
        assert_eq!(fault.stands(text("full")), text("full"));
        assert_eq!(fault.stands(text("full")), None);
        assert_eq!(fault.stands(text("broken")), text("broken"));
        assert_eq!(fault.stands(None), None);
        assert_eq!(fault.stands(text("broken")), text("broken"));
    }

    #[test]
    fn a_counter_shows_whole_tens() {
        assert_eq!([0, 9, 10, 19, 20].map(coarse), [0, 0, 10, 10, 20]);
    }
}
