//! What crosses the wire between a log's broker and a witness: C2SP `tlog-witness` (SPEC 11.1).
//!
//! A broker posts its newest head with a proof that it extends the one that the witness cosigned last
//! ([`AddCheckpoint`]), and gets a cosignature or the size that the witness knows ([`CheckpointAnswer`]).
//! [`judge()`] is the rule by which a witness decides; it neither stores nor signs. Brokers make themselves
//! known with [`RegisterBroker`].
//!
//! The format is fixed elsewhere. Read more strictly than it asks: one spelling of each request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::trust::broker::{BrokerCertificate, BrokerError, MAX_CERTIFICATE};
use crate::trust::jws;
use crate::trust::key::Fingerprint;
use crate::value::codec::Digest;
use crate::value::label;
use crate::wire::tsa::{TsaRequest, path};

mod answer;
mod judge;

pub use answer::{CheckpointAnswer, CheckpointRefusal, status};
pub use judge::{Decision, WitnessedHead, judge};

/// Longest body of [`AddCheckpoint`], in bytes.
pub const MAX_REQUEST: usize = 16 * 1024;
/// Most lines of a proof; no log of 2^63 entries needs more.
pub const MAX_PROOF: usize = 63;

/// Asks for a cosignature of a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the head of this log that the witness cosigned last; 0 if there is none. At most 2^53 − 1.
    pub old: u64,
    /// The consistency proof (RFC 9162) between the two sizes: at most [`MAX_PROOF`] hashes.
    pub proof: Vec<Digest>,
    /// The signed head, a note with its signature lines; at most [`label::MAX_HEAD`] bytes.
    pub checkpoint: String,
}

/// Why bytes are no [`AddCheckpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddCheckpointError {
    /// Longer than a request may be; it was not looked at.
    #[error("a request of {got} bytes, longer than {max}")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
        /// The length, in bytes.
        got: usize,
    },
    /// Not UTF-8.
    #[error("the request is not UTF-8")]
    Encoding,
    /// The first line is not `old` and a size in its one spelling.
    #[error("the first line is not \"old\" and a size")]
    Old,
    /// A line before the blank one is no hash in standard base64.
    #[error("a line of the proof is not one hash in base64")]
    Hash,
    /// More lines of proof than allowed.
    #[error("more than {MAX_PROOF} lines of proof")]
    Proof,
    /// No blank line, or no checkpoint of a length that a head can have behind it.
    #[error("no blank line with a checkpoint behind it")]
    Checkpoint,
}

impl AddCheckpoint {
    /// The body that is posted.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut body = format!("old {}\n", self.old);
        for hash in &self.proof {
            STANDARD.encode_string(hash.0, &mut body);
            body.push('\n');
        }
        body.push('\n');
        body.push_str(&self.checkpoint);
        body
    }

    /// Reads a body, accepting only what [`AddCheckpoint::encode`] gives (V-146). The checkpoint is not
    /// looked into.
    ///
    /// # Errors
    /// [`AddCheckpointError`] naming the first thing that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, AddCheckpointError> {
        if body.len() > MAX_REQUEST {
            return Err(AddCheckpointError::TooLong { max: MAX_REQUEST, got: body.len() });
        }
        let text = std::str::from_utf8(body).map_err(|_| AddCheckpointError::Encoding)?;
        let (first, mut rest) = text.split_once('\n').ok_or(AddCheckpointError::Old)?;
        let old = read_old(first).ok_or(AddCheckpointError::Old)?;
        let mut proof = Vec::new();
        loop {
            let (line, behind) = rest.split_once('\n').ok_or(AddCheckpointError::Checkpoint)?;
            rest = behind;
            if line.is_empty() {
                break;
            }
            if proof.len() == MAX_PROOF {
                return Err(AddCheckpointError::Proof);
            }
            proof.push(read_hash(line).ok_or(AddCheckpointError::Hash)?);
        }
        if rest.is_empty() || rest.len() > label::MAX_HEAD {
            return Err(AddCheckpointError::Checkpoint);
        }
        Ok(Self { old, proof, checkpoint: rest.to_owned() })
    }
}

/// The size in the first line. A sign or a leading zero would be read as the same number.
fn read_old(line: &str) -> Option<u64> {
    let digits = line.strip_prefix("old ")?;
    let old: u64 = digits.parse().ok()?;
    (old <= label::MAX_LOG_SIZE && old.to_string() == digits).then_some(old)
}

/// Standard base64 with padding, which the decoder reads in one spelling only.
fn read_hash(line: &str) -> Option<Digest> {
    Some(Digest(STANDARD.decode(line).ok()?.try_into().ok()?))
}

/// Makes a broker known to a witness. Once is enough; the same again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterBroker {
    /// The broker's certificate, compact JWS.
    pub certificate: String,
}

impl RegisterBroker {
    /// The broker that the certificate is of, and what it says; it vouches for itself, so whether this
    /// broker may be known is for the witness to decide by the fingerprint.
    ///
    /// # Errors
    /// [`BrokerError`] naming what is wrong.
    pub fn open(&self) -> Result<(Fingerprint, BrokerCertificate), BrokerError> {
        let payload = jws::dangerous_payload(&self.certificate, MAX_CERTIFICATE)?;
        let claimed: BrokerCertificate =
            serde_json::from_slice(&payload).map_err(|_| BrokerError::Content)?;
        let fingerprint = claimed.keys.session.fingerprint();
        Ok((fingerprint, BrokerCertificate::open(&self.certificate, fingerprint)?))
    }
}

/// Answers [`RegisterBroker`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registered {}

impl TsaRequest for RegisterBroker {
    const PATH: &'static str = path::WITNESS_BROKERS;
    type Answer = Registered;
}

#[cfg(test)]
mod tests;
