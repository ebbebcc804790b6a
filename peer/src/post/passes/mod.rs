//! Passes: how a persona asks for them, what is verified of what comes, and the messages by which whoever decides when
//! they are taken speaks to the desk (SPEC 9.2).
//!
//! Taking is three steps, so that nothing is lost that was counted:
//!
//! 1. [`PassTaker::offer`]: the key of today, read in the log of the broker's pass room, and how many there are for each.
//! 2. [`requests`] under that key, which the caller keeps durably before the next step: of an answer that is lost the quota
//!    is spent, and the same requests get the same answer.
//! 3. [`PassTaker::take`]: the broker signs them; each is unblinded and verified under the key of the offer.
//!
//! A pass is shown in a guest's session: [`GuestSession::show_pass`](super::guest::GuestSession::show_pass), after
//! [`GuestSession::verify_pass`](super::guest::GuestSession::verify_pass).

use pregao_protocol::host::{Host, NoRandomness};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::{PassRoom, Room, Undecided};
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::pass::{Day, Pass, PassError, PassKey, PassRequest};
use pregao_protocol::value::label::{ISSUER_SIZE, MAX_PASSES};
use pregao_protocol::wire::frame::FromPeer;
use tokio::sync::{mpsc, oneshot};

/// Messages that wait for the desk.
const WAITING: usize = 4;

/// Why there are no passes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TakeError {
    /// The broker makes none.
    #[error("this broker gives no passes")]
    None,
    /// The key of today is not stated.
    #[error("the broker states no key for the passes of today")]
    NoKey,
    /// The key is stated, and as many witnesses as the room names have not cosigned that.
    #[error("the key of today's passes is not witnessed yet")]
    Unwitnessed,
    /// The session has ended, or there is none.
    #[error("there is no connection to the broker")]
    Offline,
    /// Nothing came in time.
    #[error("the broker did not answer in time")]
    Slow,
    /// Others are being taken.
    #[error("passes are being taken already")]
    Busy,
    /// The broker gave none.
    #[error("{}", .0.code().message())]
    Undecided(Undecided),
    /// What the broker shows does not hold.
    #[error("{0}: the broker may be lying")]
    False(&'static str),
    /// No request can be made.
    #[error(transparent)]
    Pass(#[from] PassError),
    /// The system gives no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl TakeError {
    /// What to do next.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::None => "ask whoever runs it to start it with --passes-per-day",
            Self::NoKey | Self::Unwitnessed => "wait some minutes and try again",
            Self::Offline | Self::Slow => "ask again with the same requests: they are counted once",
            Self::Busy => "wait until that has ended",
            Self::Undecided(code) => code.code().advice(),
            Self::False(_) => "do not use this broker until it is explained",
            Self::Pass(_) => "do not take passes of this broker until it is explained",
            Self::Random(_) => "restart the system",
        }
    }
}

/// What a persona may take now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The key of today, from the log of the pass room.
    pub key: PassKey,
    /// How many for each persona and day, as the broker says; at most [`MAX_PASSES`].
    pub count: u32,
    /// The room in which it is stated.
    pub room: RoomName,
    /// The signed head that agrees with that log, with the lines of witnesses if the room names any.
    pub head: String,
}

/// The key of a day in a room that a broker opened for that.
///
/// # Errors
/// [`TakeError::False`] if it is no pass room under the keys of this certificate, [`TakeError::NoKey`] if the day is not
/// stated there.
pub fn key_of<'a>(
    room: &'a Room,
    certificate: &BrokerCertificate,
    day: Day,
) -> Result<&'a PassKey, TakeError> {
    let no_such = TakeError::False("what the broker calls the room of its passes is none");
    let passes = PassRoom::of(room).ok_or(no_such)?;
    if !room.terms().are_of(certificate) {
        return Err(TakeError::False("the room of the passes is not under the keys of the broker"));
    }
    passes.key_of(day).ok_or(TakeError::NoKey)
}

/// Makes requests for so many passes, at most [`MAX_PASSES`]. They are secret until they are finished.
///
/// # Errors
/// [`TakeError::Pass`] or [`TakeError::Random`].
pub fn requests(key: &PassKey, count: u32, host: &Host) -> Result<Vec<PassRequest>, TakeError> {
    let request = |_| Ok(PassRequest::new(key, host.random()?, host.random()?)?);
    (0..count.min(MAX_PASSES)).map(request).collect()
}

/// The frame that asks for them; nothing if there are none, more than fit, or of several days.
#[must_use]
pub fn asking(n: u64, requests: &[PassRequest]) -> Option<FromPeer> {
    let day = requests.first()?.day();
    let fits = u32::try_from(requests.len()).is_ok_and(|count| count <= MAX_PASSES);
    let is_one_day = requests.iter().all(|request| request.day() == day);
    let blinded = requests.iter().map(|request| request.blinded().to_vec()).collect();
    (fits && is_one_day).then_some(FromPeer::TakePasses { n, day, blinded })
}

/// Unblinds what the broker signed, all of it under the one key, and verifies each pass.
///
/// # Errors
/// [`TakeError::False`] if another number came, or one is not signed by that key.
pub fn finish(
    key: &PassKey,
    requests: &[PassRequest],
    signatures: &[Vec<u8>],
) -> Result<Vec<Pass>, TakeError> {
    if signatures.len() != requests.len() {
        return Err(TakeError::False("another number of passes came than was asked for"));
    }
    let finished = requests.iter().zip(signatures).map(|(request, signature)| {
        let whole = signature.len() == ISSUER_SIZE;
        let pass = whole.then(|| request.finish(key, signature).ok()).flatten();
        pass.ok_or(TakeError::False("a pass is not signed by the key that everybody reads"))
    });
    finished.collect()
}

/// What is asked of the desk.
#[derive(Debug)]
pub(crate) enum PassAsk {
    /// What may be taken now.
    Offer(oneshot::Sender<Result<Offer, TakeError>>),
    /// These requests, made under the key of an offer.
    Take { requests: Vec<PassRequest>, key: PassKey, reply: oneshot::Sender<Taken> },
}

/// What came of requests.
pub(crate) type Taken = Result<Vec<Pass>, TakeError>;

/// The way to a desk for whoever takes passes. Nothing is asked of the broker unless it is asked here.
#[derive(Debug, Clone)]
pub struct PassTaker(mpsc::Sender<PassAsk>);

impl PassTaker {
    /// A taker, and the desk's end.
    pub(crate) fn channel() -> (Self, mpsc::Receiver<PassAsk>) {
        let (asks, asked) = mpsc::channel(WAITING);
        (Self(asks), asked)
    }

    /// What may be taken now. Comes once there is a session, and the log of the pass room is read and agrees with the head
    /// that the broker signed; where the room names witnesses, once these have cosigned the key.
    ///
    /// # Errors
    /// [`TakeError`].
    pub async fn offer(&self) -> Result<Offer, TakeError> {
        let (reply, answer) = oneshot::channel();
        self.0.send(PassAsk::Offer(reply)).await.map_err(|_| TakeError::Offline)?;
        answer.await.unwrap_or(Err(TakeError::Offline))
    }

    /// Takes passes by requests under the key of an offer. The same requests may be handed in again after a failure.
    ///
    /// # Errors
    /// [`TakeError`].
    pub async fn take(
        &self,
        requests: Vec<PassRequest>,
        key: PassKey,
    ) -> Result<Vec<Pass>, TakeError> {
        let (reply, answer) = oneshot::channel();
        let ask = PassAsk::Take { requests, key, reply };
        self.0.send(ask).await.map_err(|_| TakeError::Offline)?;
        answer.await.unwrap_or(Err(TakeError::Offline))
    }
}

#[cfg(test)]
mod tests;
