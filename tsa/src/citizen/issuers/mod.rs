//! The issuers: one RSA key for each period, the same for every citizen, made ahead and destroyed when
//! its period has ended.
//!
//! Of a period there are two secrets, each in a file of its own: the issuer's key
//! (`issuer-<period>.key.pem`) and the key under which citizens are counted
//! (`citizens-<period>.key`); `<period>` is its first second since the epoch. What the issuer signed
//! before stays verifiable: its public key and its statement outlive it.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use pregao_protocol::host::{Host, Random};
use pregao_protocol::trust::citizen::{CivilNumber, TestCards};
use pregao_protocol::trust::enrolment::EnrolmentError;
use pregao_protocol::trust::enrolment::issuer::{Issuer, IssuerSecret, IssuerStatement};
use pregao_protocol::trust::enrolment::token::Token;
use pregao_protocol::trust::jwks::Jwk;
use pregao_protocol::trust::key::{Enrolment, Fingerprint, Persona, PublicKey, SecretKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label;
use pregao_protocol::value::report::Advised;
use zeroize::Zeroizing;

use super::ledger::{CountOutcome, Ledger};
use super::period::{Length, Span};
use crate::clock::ClockReading;
use crate::code;
use crate::keys::{self, KeysError};
use crate::private::FRESH;
use crate::store::StoreError;

/// How long nothing is tried again after a failure: making a key takes seconds, and strangers may ask
/// for one at any time.
const PAUSE: Duration = Duration::from_secs(30);
/// How far TSA time may be behind what it was before a restart.
const SLACK: Duration = Duration::from_secs(5);

/// Why there is no issuer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuersError {
    /// A key file.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The statements and the counting.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A statement that was kept does not hold.
    #[error("a statement in citizens.db is not by the key enrolment.key.pem")]
    Statement(#[source] EnrolmentError),
    /// A key could not be made.
    #[error("no key for the period could be made")]
    Make,
    /// TSA time fell back behind the beginning of a period.
    #[error("the time is before the period of enrolment that has begun")]
    Behind,
    /// It failed a moment ago.
    #[error("the keys of the period could not be made, and it is too early to try again")]
    Paused,
    /// What is stated of a period whose keys are here promises cards of citizens only.
    #[error("the issuer of this period is stated to be for real cards only")]
    TestCards,
}

impl IssuersError {
    /// What the operator can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Keys(error) => error.advice(),
            Self::Store(_) => {
                "check space and permissions of the data folder; restore a damaged citizens.db \
                 with the keys beside it from a backup, else start with a new data folder"
            }
            Self::Statement(_) => {
                "restore enrolment.key.pem and citizens.db from one backup, or start with a new \
                 data folder"
            }
            Self::Make => "restart the system: it gave no random bytes",
            Self::Behind | Self::Paused => "wait a moment",
            Self::TestCards => {
                "accept test cards with a new data folder: this one served citizens with real cards"
            }
        }
    }
}

/// Why a token buys nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// By a key that this TSA never stated, or forgot long ago.
    #[error("the token is of an issuer that is not on the key set of this TSA")]
    Issuer,
    /// By an issuer whose tokens are no longer honoured.
    #[error("the tokens of its issuer were honoured until {0}")]
    Expired(Time),
    /// Not a token for this persona.
    #[error("the token does not hold for this persona")]
    Invalid,
}

impl Advised for TokenRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Issuer => code::TOKEN_ISSUER,
            Self::Expired(_) => code::TOKEN_EXPIRED,
            Self::Invalid => code::TOKEN_INVALID,
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::Issuer => "the issuers and their times are on /.well-known/jwks.json",
            Self::Expired(_) => "enrol again with the citizen card",
            Self::Invalid => "send the token that was made for the persona of this request",
        };
        advice.into()
    }
}

/// The secrets of one period.
pub struct Period {
    issuer: Issuer,
    secret: IssuerSecret,
    counting: Zeroizing<[u8; 32]>,
}

impl Period {
    /// The issuer, as stated.
    #[must_use]
    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Whether a blinded request is a number that the issuer can sign.
    #[must_use]
    pub fn can_sign(&self, blinded: &[u8]) -> bool {
        let (modulus, _) = self.issuer.key.jwk_members();
        let modulus = pregao_protocol::value::codec::from_base64url(&modulus).unwrap_or_default();
        blinded.len() == modulus.len() && blinded < modulus.as_slice()
    }

    /// The name under which a citizen is counted in this period.
    fn hash(&self, number: &CivilNumber) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.counting.as_ref());
        let mut context = hmac::Context::with_key(&key);
        context.update(label::CITIZEN.as_bytes());
        context.update(number.expose().as_bytes());
        let mut hash = [0; 32];
        for (byte, from) in hash.iter_mut().zip(context.sign().as_ref()) {
            *byte = *from;
        }
        hash
    }
}

/// The leave to have one request signed: made by [`Issuers::count`] only, for a citizen who passed.
#[must_use]
pub struct SigningPermit<'a> {
    period: &'a Period,
    blinded: &'a [u8],
}

impl SigningPermit<'_> {
    /// Signs the request that was counted.
    ///
    /// # Errors
    /// [`EnrolmentError::Content`].
    pub fn sign(self, seed: [u8; 32]) -> Result<Vec<u8>, EnrolmentError> {
        self.period.secret.sign(self.blinded, seed)
    }
}

/// Why a citizen was not admitted.
#[derive(Debug)]
pub enum SigningRefusal {
    /// They had another request signed in this period.
    Used,
    /// The period ended meanwhile.
    Over,
    /// The count could not be kept.
    Store(StoreError),
}

struct StatedIssuer {
    issuer: Issuer,
    statement: String,
}

#[derive(Default)]
struct State {
    /// Every issuer whose statement is kept, by rising period.
    stated: Vec<StatedIssuer>,
    /// The secrets of this period and of the next.
    held: Vec<Arc<Period>>,
    /// The period whose citizens are counted.
    counting: Option<Time>,
}

/// All issuers of a TSA.
pub struct Issuers {
    folder: PathBuf,
    authority: Fingerprint,
    key: SecretKey<Enrolment>,
    length: Length,
    tests: TestCards,
    random: Arc<dyn Random>,
    ledger: Mutex<Ledger>,
    state: Mutex<State>,
    /// Held while keys are made or destroyed, so that readers of the state need not wait for it. Until
    /// when nothing is tried again, on the clock that only grows.
    work: Mutex<Duration>,
}

impl Issuers {
    /// Reads what is kept in `folder`. `now` may be a time in doubt: nothing is destroyed by it, but
    /// what a crash left that no statement speaks of.
    ///
    /// # Errors
    /// [`IssuersError`].
    pub fn open(
        folder: &Path,
        authority: Fingerprint,
        length: Length,
        tests: TestCards,
        now: Time,
        host: &Host,
    ) -> Result<Self, IssuersError> {
        let ledger = Ledger::open(folder, Arc::clone(&host.clock))?;
        let statements = ledger.statements()?;
        let key = keys::enrolment(folder, statements.is_empty(), &*host.random)?;
        let mut state = State::default();
        for statement in statements {
            let issuer = Issuer::verify(&statement, &key.public(), authority)
                .map_err(IssuersError::Statement)?;
            if let Some(period) = needed(folder, &issuer, now)? {
                if tests == TestCards::Accepted && !issuer.test {
                    return Err(IssuersError::TestCards);
                }
                state.held.push(Arc::new(period));
            }
            state.stated.push(StatedIssuer { issuer, statement });
        }
        let issuers = Self {
            folder: folder.to_path_buf(),
            authority,
            key,
            length,
            tests,
            random: Arc::clone(&host.random),
            ledger: Mutex::new(ledger),
            state: Mutex::new(state),
            work: Mutex::default(),
        };
        issuers.destroy_strays()?;
        Ok(issuers)
    }

    /// The key that signs offers and states issuers.
    #[must_use]
    pub const fn key(&self) -> &SecretKey<Enrolment> {
        &self.key
    }

    /// The secrets of the period of `now`, if they are there.
    #[must_use]
    pub fn current(&self, now: Time) -> Option<Arc<Period>> {
        let state = locked(&self.state);
        state.held.iter().find(|period| period.issuer.signs_at(now)).cloned()
    }

    /// Whether [`Self::begin`] has nothing to do.
    #[must_use]
    pub fn begun(&self, now: Time) -> bool {
        let state = locked(&self.state);
        let over = state.held.iter().any(|period| period.issuer.until <= now);
        let mut held = state.held.iter().map(|period| &period.issuer);
        let current = held.find(|issuer| issuer.signs_at(now)).map(|issuer| issuer.from);
        !over && current.is_some() && state.counting == current
    }

    /// Whether [`Self::advance`] has nothing to do.
    #[must_use]
    pub fn settled(&self, now: Time) -> bool {
        self.begun(now) && following(&locked(&self.state), now).is_none()
    }

    /// Destroys the secrets of periods that have ended, and what they counted, and begins the period
    /// of `now`, which is TSA time that is not in doubt. Takes as long as making an RSA key if none
    /// was made ahead.
    ///
    /// # Errors
    /// [`IssuersError`]. What could be done is done, and the rest may be tried again 30 s later.
    pub fn begin(&self, reading: ClockReading) -> Result<(), IssuersError> {
        self.working(reading, |now| self.begin_alone(now))
    }

    /// As [`Self::begin`], and makes the key of the next period.
    ///
    /// # Errors
    /// [`IssuersError`]. What could be done is done, and the rest may be tried again 30 s later.
    pub fn advance(&self, reading: ClockReading) -> Result<(), IssuersError> {
        self.working(reading, |now| {
            self.begin_alone(now)?;
            let following = following(&locked(&self.state), now);
            following.map_or(Ok(()), |from| self.make(self.length.beginning(from)))
        })
    }

    /// Where citizens do not enrol any more: destroys the secrets of periods that have ended, and what
    /// they counted. Makes nothing. `now` is TSA time that is not in doubt.
    ///
    /// # Errors
    /// [`IssuersError`].
    pub fn retire(&self, now: Time) -> Result<(), IssuersError> {
        let _working = locked(&self.work);
        self.end(now)?;
        let current = self.current(now).map(|period| period.issuer.from);
        let to_come = locked(&self.state).stated.iter().any(|one| now < one.issuer.until);
        if current.is_some() || !to_come {
            locked(&self.ledger).begin(current)?;
        }
        Ok(())
    }

    /// Rewrites the count in the order of its hashes, if that is due.
    ///
    /// # Errors
    /// [`IssuersError::Store`].
    pub fn tidy(&self, monotonic: Duration) -> Result<(), IssuersError> {
        Ok(locked(&self.ledger).tidy(monotonic)?)
    }

    /// Works alone, and not soon after a failure.
    fn working(
        &self,
        reading: ClockReading,
        work: impl FnOnce(Time) -> Result<(), IssuersError>,
    ) -> Result<(), IssuersError> {
        let mut not_before = locked(&self.work);
        if reading.monotonic < *not_before {
            return Err(IssuersError::Paused);
        }
        let done = work(reading.now);
        if done.as_ref().is_err_and(|error| !matches!(error, IssuersError::Behind)) {
            *not_before = reading.monotonic.saturating_add(PAUSE);
        }
        done
    }

    fn begin_alone(&self, now: Time) -> Result<(), IssuersError> {
        self.end(now)?;
        if self.current(now).is_none() {
            let last = locked(&self.state).stated.last().map(|stated| stated.issuer.until);
            if last.is_some_and(|last| now < last) {
                // The clock of a TSA may fall back a little. What has ended does not begin again, and what has begun
                // keeps its count.
                return Err(IssuersError::Behind);
            }
            self.make(self.length.containing(now, last))?;
        }
        let current = self.current(now).map(|period| period.issuer.from);
        locked(&self.ledger).begin(current)?;
        locked(&self.state).counting = current;
        Ok(())
    }

    /// Name of the issuer before this period's.
    #[must_use]
    pub fn before(&self, period: &Period) -> Option<Digest> {
        let state = locked(&self.state);
        let issuers = state.stated.iter().map(|stated| &stated.issuer);
        issuers.rev().find(|issuer| issuer.from < period.issuer.from).map(|one| one.key.id())
    }

    /// The entries of the key set, by rising period.
    #[must_use]
    pub fn jwks(&self, now: Time) -> Vec<Jwk> {
        let state = locked(&self.state);
        let honoured: Vec<&StatedIssuer> =
            state.stated.iter().filter(|stated| now < stated.issuer.spend_until).collect();
        let skipped = honoured.len().saturating_sub(label::MAX_ISSUERS);
        let stated = honoured.into_iter().skip(skipped);
        stated.map(|one| Jwk::issuer(&one.issuer.key, one.statement.clone())).collect()
    }

    /// Judges a token shown for `persona`.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub fn judge(
        &self,
        token: &Token,
        persona: &PublicKey<Persona>,
        now: Time,
    ) -> Result<(), TokenRefusal> {
        let issuer = {
            let state = locked(&self.state);
            let mut issuers = state.stated.iter().map(|stated| &stated.issuer);
            issuers.find(|issuer| issuer.key.id() == token.issuer).cloned()
        };
        let issuer = issuer.filter(|issuer| issuer.from <= now).ok_or(TokenRefusal::Issuer)?;
        if !issuer.honoured_at(now) {
            return Err(TokenRefusal::Expired(issuer.spend_until));
        }
        let verified = token.verify(&issuer.key, self.authority, persona);
        verified.map_err(|_| TokenRefusal::Invalid)
    }

    /// Counts a citizen who passed every check, for one request in this period.
    ///
    /// # Errors
    /// [`SigningRefusal`].
    pub fn count<'a>(
        &self,
        period: &'a Period,
        number: &CivilNumber,
        blinded: &'a [u8],
    ) -> Result<SigningPermit<'a>, SigningRefusal> {
        let (hash, request) = (period.hash(number), Digest::of(blinded));
        let counted = locked(&self.ledger).count(period.issuer.from, hash, request);
        match counted.map_err(SigningRefusal::Store)? {
            CountOutcome::First | CountOutcome::Again => Ok(SigningPermit { period, blinded }),
            CountOutcome::Used => Err(SigningRefusal::Used),
            CountOutcome::Over => Err(SigningRefusal::Over),
        }
    }

    /// Ends the periods whose time has passed: first the keys, without which the rows mean nothing. Finishes
    /// what a crash left undone.
    fn end(&self, now: Time) -> Result<(), IssuersError> {
        let over: Vec<Time> = {
            let state = locked(&self.state);
            let periods = state.stated.iter().map(|stated| &stated.issuer);
            periods.filter(|issuer| issuer.until <= now).map(|issuer| issuer.from).collect()
        };
        for from in over {
            let files = [counting_path(&self.folder, from), key_path(&self.folder, from)];
            let left = files.iter().any(|path| path.exists());
            files.iter().try_for_each(|path| keys::destroy(path))?;
            locked(&self.state).held.retain(|period| period.issuer.from != from);
            if left {
                tracing::info!("a period of enrolment is over: its keys are destroyed");
            }
        }
        Ok(())
    }

    fn make(&self, span: Span) -> Result<(), IssuersError> {
        let Span { from, until, spend_until } = span;
        let pair = KeyPair::generate(KeySize::Rsa3072).map_err(|_| IssuersError::Make)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| IssuersError::Make)?;
        let secret = IssuerSecret::from_pkcs8(der.as_ref()).map_err(|_| IssuersError::Make)?;
        let public = secret.public().map_err(|_| IssuersError::Make)?;
        let mut counting = Zeroizing::new([0_u8; 32]);
        self.random.fill(counting.as_mut()).map_err(|_| IssuersError::Make)?;
        let statement = IssuerStatement {
            authority: self.authority,
            key: public.spki().to_vec(),
            from,
            until,
            spend_until,
            test: self.tests == TestCards::Accepted,
        };
        let test = statement.test;
        let statement = statement.sign(&self.key);
        // Secrets first: what is stated can be signed with. A stray from a crash gives way.
        let (key, citizens) = (key_path(&self.folder, from), counting_path(&self.folder, from));
        keys::destroy(&key)?;
        keys::destroy(&citizens)?;
        keys::write_pkcs8(&key, der.as_ref())?;
        let text = Zeroizing::new(hex::encode(counting.as_ref()));
        keys::write_new(&citizens, text.as_bytes(), 0o600)?;
        locked(&self.ledger).state(from, &statement)?;
        let issuer = Issuer { key: public, from, until, spend_until, test };
        let mut state = locked(&self.state);
        state.held.push(Arc::new(Period { issuer: issuer.clone(), secret, counting }));
        state.stated.push(StatedIssuer { issuer, statement });
        tracing::info!(%from, %until, "made the keys of a period of enrolment");
        Ok(())
    }

    /// Destroys secrets that no statement speaks of: a crash left them between two steps.
    fn destroy_strays(&self) -> Result<(), IssuersError> {
        let stated: Vec<PathBuf> = locked(&self.state)
            .stated
            .iter()
            .map(|stated| stated.issuer.from)
            .flat_map(|from| [key_path(&self.folder, from), counting_path(&self.folder, from)])
            .collect();
        let folder = fs::read_dir(&self.folder).map_err(|source| KeysError::File {
            action: "list",
            path: self.folder.clone(),
            source,
        })?;
        for entry in folder.filter_map(Result::ok) {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            // A secret that was not even whole yet is one as well.
            let whole = name.strip_suffix(FRESH).unwrap_or(&name);
            let ours = (whole.starts_with("issuer-") && whole.ends_with(".key.pem"))
                || (whole.starts_with("citizens-") && whole.ends_with(".key"));
            if !ours || stated.contains(&path) {
                continue;
            }
            // Where files cannot be renamed without replacing, they are linked and then unlinked: a
            // crash in between leaves a second name of a key that is needed.
            if whole != name && is_same_file(&path, &self.folder.join(whole)) {
                fs::remove_file(&path).map_err(|source| KeysError::File {
                    action: "remove",
                    path,
                    source,
                })?;
                continue;
            }
            keys::destroy(&path)?;
        }
        Ok(())
    }
}

/// Whether two names are of one file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let of = |path: &Path| fs::symlink_metadata(path).map(|found| (found.dev(), found.ino())).ok();
    of(one).is_some_and(|one| of(other) == Some(one))
}

/// When the next period begins, if it is to be made now: there is a current one and none after it, and
/// the key set has room for another.
fn following(state: &State, now: Time) -> Option<Time> {
    let last = &state.stated.last()?.issuer;
    let honoured = state.stated.iter().filter(|stated| now < stated.issuer.spend_until).count();
    (last.signs_at(now) && honoured < label::MAX_ISSUERS).then_some(last.until)
}

/// The secrets of a period that is not over. Where `now` may be before what the time was when they were
/// destroyed, they need not be there.
fn needed(folder: &Path, issuer: &Issuer, now: Time) -> Result<Option<Period>, IssuersError> {
    if issuer.until <= now {
        return Ok(None);
    }
    match read(folder, issuer) {
        Err(_) if issuer.until <= now.plus(SLACK) => Ok(None),
        period => period.map(Some),
    }
}

fn read(folder: &Path, issuer: &Issuer) -> Result<Period, IssuersError> {
    let path = key_path(folder, issuer.from);
    let der = keys::read_pkcs8(&path)?;
    let damaged = |path| IssuersError::Keys(KeysError::Damaged { path });
    let secret = IssuerSecret::from_pkcs8(der.as_bytes()).ok();
    let secret = secret.filter(|secret| secret.public().as_ref() == Ok(&issuer.key));
    let secret = secret.ok_or_else(|| damaged(path))?;
    let path = counting_path(folder, issuer.from);
    let text = keys::read_private(&path)?;
    let mut counting = Zeroizing::new([0_u8; 32]);
    hex::decode_to_slice(text.trim(), counting.as_mut()).map_err(|_| damaged(path))?;
    Ok(Period { issuer: issuer.clone(), secret, counting })
}

fn key_path(folder: &Path, from: Time) -> PathBuf {
    folder.join(format!("issuer-{}.key.pem", from.as_secs()))
}

fn counting_path(folder: &Path, from: Time) -> PathBuf {
    folder.join(format!("citizens-{}.key", from.as_secs()))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
