//! What crosses the wire between a TSA and whoever asks it (SPEC 11).
//!
//! One type for each request and each answer, with its path and its limit, so that the TSA, the broker,
//! the peer and the tests cannot disagree about them. Nothing here is signed: what counts inside (headers,
//! certificates, offers, proofs, tickets) is verified by the module of its own. [`stream`] holds the frames
//! of the stamp stream.
//!
//! Both sides read what a stranger wrote: each `parse` bounds the size first, takes no member that it does
//! not know, and gives an error for everything else.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::log::stamp::FullStamp;
use crate::trust::certificate::ticket::Challenge;
use crate::trust::enrolment::token::Token;
use crate::trust::jwks::TsaAddress;
use crate::trust::timelock::OpenedLock;
use crate::value::clock::Time;
use crate::value::codec::{Digest, base64url_bytes};
use crate::value::label;
use crate::value::report::{Report, with_or_without_advice};

pub mod stream;

/// Longest body of a request, in bytes, but for an application.
pub const MAX_REQUEST: usize = 16 * 1024;
/// Longest body of [`CitizenEnrol`], in bytes: the sealed application in base64url.
pub const MAX_APPLICATION_REQUEST: usize = 32 * 1024;
/// Longest answer, in bytes, refusals included; the key set is the longest.
pub const MAX_ANSWER: usize = label::MAX_JWKS;

/// Paths on a TSA, each behind `http://host:port` or `https://host:port`.
pub mod path {
    /// `POST`: [`super::SignCsr`].
    pub const SIGN_CSR: &str = "/api/sign-csr";
    /// What all paths of [`super::CitizenOffer`] and [`super::CitizenEnrol`] begin with.
    pub const CITIZEN: &str = "/api/citizen/";
    /// `POST`: [`super::CitizenOffer`].
    pub const CITIZEN_OFFER: &str = "/api/citizen/offer";
    /// `POST`: [`super::CitizenEnrol`].
    pub const CITIZEN_ENROL: &str = "/api/citizen/enrol";
    /// `POST`: [`super::NewChallenge`].
    pub const CHALLENGE: &str = "/api/challenge";
    /// `POST`: [`super::Issue`].
    pub const ISSUE: &str = "/api/issue";
    /// `POST`: [`super::Timestamp`].
    pub const TIMESTAMP: &str = "/api/timestamp";
    /// `POST`: [`super::SetTime`].
    pub const SET_TIME: &str = "/api/settime";
    /// `POST`: [`super::ResetTime`].
    pub const RESET_TIME: &str = "/api/resettime";
    /// `GET` with `?at=` and whole seconds since 1970: [`TimeLockAnswer`](super::TimeLockAnswer).
    pub const TIMELOCK: &str = "/api/timelock";
    /// `GET`: the published keys, a [`Jwks`](crate::trust::jwks::Jwks) in JSON.
    pub const JWKS: &str = "/.well-known/jwks.json";
    /// `GET`: the CA's certificate, PEM.
    pub const CA: &str = "/.well-known/ca.pem";
    /// `GET`, as a WebSocket: see [`super::stream`].
    pub const STREAM: &str = "/api/stream";
    /// `POST`: [`AddCheckpoint`](crate::wire::witness::AddCheckpoint), which is no JSON.
    pub const ADD_CHECKPOINT: &str = "/api/witness/add-checkpoint";
    /// `POST`: [`RegisterBroker`](crate::wire::witness::RegisterBroker).
    pub const WITNESS_BROKERS: &str = "/api/witness/brokers";
    /// `POST`: [`Deliver`](crate::wire::delivery::Deliver).
    pub const DELIVER: &str = "/api/witness/deliver";
    /// `POST`: [`FetchDelivery`](crate::wire::delivery::FetchDelivery).
    pub const FETCH_DELIVERY: &str = "/api/witness/fetch-delivery";
    /// `POST`: [`AnswerDelivery`](crate::wire::delivery::AnswerDelivery).
    pub const ANSWER_DELIVERY: &str = "/api/witness/answer-delivery";
    /// `POST`: [`AskDelivery`](crate::wire::delivery::AskDelivery).
    pub const ASK_DELIVERY: &str = "/api/witness/ask-delivery";
    /// `GET`: the witness's verifier key as C2SP writes it, and its operator, a line each.
    pub const WITNESS_KEY: &str = "/witness.vkey";
    /// `GET`: [`super::Health`].
    pub const HEALTH: &str = "/healthz";
    /// `GET`: counters, as Prometheus reads them.
    pub const METRICS: &str = "/metrics";
}

/// Media types of bodies.
pub mod content {
    /// Of every request and answer without another one here.
    pub const JSON: &str = "application/json";
    /// At [`super::path::CA`].
    pub const PEM: &str = "application/x-pem-file";
    /// Of cosignatures, and at [`super::path::WITNESS_KEY`].
    pub const TEXT: &str = "text/plain; charset=utf-8";
    /// Of the size that a witness knows of a log (C2SP `tlog-witness`).
    pub const LOG_SIZE: &str = "text/x.tlog.size";
    /// At [`super::path::METRICS`].
    pub const METRICS: &str = "text/plain; version=0.0.4";
}

impl TsaAddress {
    /// The whole address of one of the paths in [`path`], for HTTP.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The whole address of the stamp stream: `ws://` where HTTP goes in clear, `wss://` where it goes
    /// through TLS.
    #[must_use]
    pub fn stream(&self) -> String {
        // An address begins with `http` in either case, and the `s` behind it stays.
        let rest = self.url.strip_prefix("http").unwrap_or(&self.url);
        format!("ws{rest}{}", path::STREAM)
    }
}

/// Why bytes are no request, answer or frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Longer than allowed; it was not looked at.
    #[error("{found} bytes, and at most {limit} are allowed")]
    TooLong {
        /// Bytes that are allowed.
        limit: usize,
        /// Bytes that came.
        found: usize,
    },
    /// Not a JSON object with exactly the members that belong there, each in its form.
    #[error("{0}")]
    Json(String),
    /// The members do not belong together, or are more than a frame may have.
    #[error("{0}")]
    Frame(&'static str),
}

/// Most characters of a parser's message that an error keeps: they may quote what a stranger sent.
const MAX_QUOTED: usize = 200;

impl From<serde_json::Error> for WireError {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        let plain = text.chars().map(|letter| if letter.is_control() { '?' } else { letter });
        Self::Json(plain.take(MAX_QUOTED).collect())
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, WireError> {
    if bytes.len() > limit {
        return Err(WireError::TooLong { limit, found: bytes.len() });
    }
    Ok(serde_json::from_slice(bytes)?)
}

/// A request that is posted: where it goes, how long it may be and what answers it.
pub trait TsaRequest: Serialize + DeserializeOwned {
    /// Where it is posted to, one of [`path`].
    const PATH: &'static str;
    /// Longest body, in bytes.
    const MAX: usize = MAX_REQUEST;
    /// Longest answer, in bytes.
    const MAX_ANSWER: usize = MAX_ANSWER;
    /// What a status of success comes with. Any other status comes with a [`Report`].
    type Answer: Serialize + DeserializeOwned;

    /// The body, JSON.
    #[must_use]
    fn encode(&self) -> Vec<u8> {
        // Texts and numbers have a JSON form in every case.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`WireError::TooLong`] beyond [`TsaRequest::MAX`], [`WireError::Json`] for anything else but this
    /// request.
    fn parse(body: &[u8]) -> Result<Self, WireError> {
        read(body, Self::MAX)
    }

    /// Reads the answer to this request.
    ///
    /// # Errors
    /// [`WireError::TooLong`] beyond [`TsaRequest::MAX_ANSWER`], [`WireError::Json`] for anything else but
    /// the answer.
    fn parse_answer(body: &[u8]) -> Result<Self::Answer, WireError> {
        read(body, Self::MAX_ANSWER)
    }
}

/// Ties requests to their paths and answers.
macro_rules! requests {
    ($($request:ty, $path:expr, $max:expr => $answer:ty;)+) => {
        $(impl TsaRequest for $request {
            const PATH: &'static str = $path;
            const MAX: usize = $max;
            type Answer = $answer;
        })+
    };
}

requests! {
    SignCsr, path::SIGN_CSR, MAX_REQUEST => CertificateAnswer;
    CitizenOffer, path::CITIZEN_OFFER, MAX_REQUEST => OfferAnswer;
    CitizenEnrol, path::CITIZEN_ENROL, MAX_APPLICATION_REQUEST => SealedAnswer;
    NewChallenge, path::CHALLENGE, MAX_REQUEST => ChallengeAnswer;
    Issue, path::ISSUE, MAX_REQUEST => TicketAnswer;
    Timestamp, path::TIMESTAMP, MAX_REQUEST => FullStamp;
    SetTime, path::SET_TIME, MAX_REQUEST => TimeAnswer;
    ResetTime, path::RESET_TIME, MAX_REQUEST => TimeAnswer;
}

/// Asks to have a persona's key certified.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignCsr {
    /// PKCS#10 request, as PEM or its DER in standard base64 (V-008).
    pub csr: String,
    /// A code that has not been used, where the TSA certifies by invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
    /// A valid certificate of the same key, PEM: replaces an invitation, never a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Where citizens enrol: says that one of them is behind the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
}

/// Without the invitation, which whoever reads it could use.
impl std::fmt::Debug for SignCsr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignCsr(..)")
    }
}

/// Answers [`SignCsr`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateAnswer {
    /// The certificate, PEM.
    pub certificate: String,
}

/// Asks for an offer to a citizen. A TSA does not look at its body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CitizenOffer {}

/// Answers [`CitizenOffer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferAnswer {
    /// The signed offer (V-130).
    pub offer: String,
}

/// Hands in a citizen's application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CitizenEnrol {
    /// The challenge of the offer.
    pub challenge: Challenge,
    /// The application, sealed to the key of the offer (V-132).
    #[serde(with = "base64url_bytes")]
    pub sealed: Vec<u8>,
}

/// Answers [`CitizenEnrol`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedAnswer {
    /// The answer, sealed to the applicant (V-133).
    #[serde(with = "base64url_bytes")]
    pub sealed: Vec<u8>,
}

/// Asks for a challenge to earn a ticket with. A TSA does not look at its body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewChallenge {}

/// Answers [`NewChallenge`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeAnswer {
    /// The challenge, good once.
    pub challenge: Challenge,
}

/// Asks for a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// The persona's certificate, PEM.
    pub certificate: String,
    /// The proof (V-017), compact JWS.
    pub proof: String,
}

/// Answers [`Issue`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketAnswer {
    /// The ticket (V-009), compact JWT.
    pub ticket: String,
}

/// Asks for a stamp of one digest; a [`FullStamp`] answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timestamp {
    /// What is to be stamped.
    pub digest: Digest,
}

/// Answers at [`path::TIMELOCK`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeLockAnswer {
    /// The statement of the key (V-162), compact JWS.
    pub statement: String,
    /// The secret, 32 bytes in base64url, once the instant has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<OpenedLock>,
}

impl TimeLockAnswer {
    /// Longest answer, in bytes.
    pub const MAX: usize = 2_048;

    /// Reads an answer. What is in it is not verified.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        read(body, Self::MAX)
    }
}

/// Sets a simulated clock forward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetTime {
    /// The new time, in any form of RFC 3339: people type it.
    pub time: String,
}

/// Sets a simulated clock back to the system's time. A TSA does not look at its body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetTime {}

/// Answers [`SetTime`] and [`ResetTime`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeAnswer {
    /// The time from here on.
    pub time: Time,
}

/// What a TSA that works says of itself at [`path::HEALTH`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Always `ok`; what does not work is a [`Report`].
    pub status: String,
    /// Number of the newest batch since the start, if there was one.
    pub batch: Option<u64>,
    /// Its time.
    pub time: Option<Time>,
}

/// Reads the [`Report`] that comes with every status but those of success.
///
/// Without advice it is empty, and members beside the three are passed over: it decides nothing, and
/// whoever asked is to read as much of it as there is.
///
/// # Errors
/// [`WireError::TooLong`] beyond [`MAX_ANSWER`], [`WireError::Json`] if there is no code or message.
pub fn parse_report(body: &[u8]) -> Result<Report, WireError> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Given(#[serde(deserialize_with = "with_or_without_advice")] Report);
    read(body, MAX_ANSWER).map(|Given(report)| report)
}

#[cfg(test)]
mod tests;
