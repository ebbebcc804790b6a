//! Frames of the stamp stream: one WebSocket on which a broker gets stamps for the digests of all its
//! peers (SPEC 11). Each is one text message.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{WireError, read};
use crate::log::stamp::BatchProof;
use crate::value::codec::{Digest, to_base64url};
use crate::value::label;

/// Longest code and longest message of a refusal, in bytes: both go into logs.
const MAX_CODE: usize = 64;
/// See [`MAX_CODE`].
const MAX_MESSAGE: usize = 1_024;

/// Longest request, in bytes.
pub const MAX_REQUEST: usize = 64 * 1024;
/// Longest answer, in bytes: stamps of [`label::MAX_DIGESTS`] digests with the longest paths, and their
/// header.
pub const MAX_ANSWER: usize = 256 * 1024;
/// Most requests of one client that may be unanswered; a TSA reads no further before one is answered.
pub const MAX_UNANSWERED: usize = 256;

/// Asks for stamps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StampRequest {
    /// Chosen by the client; comes back with the answer.
    pub id: u64,
    /// 1 to [`label::MAX_DIGESTS`] digests, all stamped in one batch. Another number is read all the same,
    /// so that the refusal names the request.
    pub digests: Vec<Digest>,
}

impl StampRequest {
    /// The frame.
    #[must_use]
    pub fn encode(&self) -> String {
        // Numbers and digests have a JSON form in every case.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`WireError::TooLong`] beyond [`MAX_REQUEST`], [`WireError::Json`] for anything else but a request.
    pub fn parse(text: &str) -> Result<Self, WireError> {
        read(text.as_bytes(), MAX_REQUEST)
    }
}

/// What a TSA sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamFrame {
    /// Stamps: the answer to a request.
    Stamped {
        /// That of the request.
        id: u64,
        /// The header they share (compact JWS), not verified.
        batch: String,
        /// In the order of the digests.
        stamps: Vec<BatchProof>,
    },
    /// A header without a digest of this client: it tells the time.
    Batch {
        /// The header (compact JWS), not verified.
        batch: String,
    },
    /// A request was refused.
    Refused {
        /// That of the request; `None` if what came was none.
        id: Option<u64>,
        /// Stable code.
        code: String,
        /// What happened.
        message: String,
    },
}

/// All members that a frame of a TSA may have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    id: Option<u64>,
    batch: Option<String>,
    stamps: Option<Vec<BatchProof>>,
    code: Option<String>,
    message: Option<String>,
}

/// How a refusal is written; a request that could not be read has `id` `null`.
#[derive(Serialize)]
struct Refused<'a> {
    id: Option<u64>,
    code: &'a str,
    message: &'a str,
}

impl StreamFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`WireError::TooLong`] beyond [`MAX_ANSWER`], [`WireError::Json`] if it is no object of members of
    /// frames, [`WireError::Frame`] if those do not make a frame, or if it has more stamps or longer paths
    /// and headers than there can be.
    pub fn parse(text: &str) -> Result<Self, WireError> {
        let members: Members = read(text.as_bytes(), MAX_ANSWER)?;
        let Members { id, batch, stamps, code, message } = members;
        let frame = match (id, batch, stamps, code, message) {
            (Some(id), Some(batch), Some(stamps), None, None) => {
                Self::Stamped { id, batch, stamps }
            }
            (None, Some(batch), None, None, None) => Self::Batch { batch },
            (id, None, None, Some(code), Some(message)) => Self::Refused { id, code, message },
            _ => {
                return Err(WireError::Frame(
                    "expected {id,batch,stamps}, {batch} or {id,code,message}",
                ));
            }
        };
        frame.is_bounded().map(|()| frame)
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Stamped { id, batch, stamps } => {
                let places = stamps.iter().map(|place| (place.index, place.path.as_slice()));
                encode_stamped(*id, batch, places)
            }
            Self::Batch { batch } => format!(r#"{{"batch":{}}}"#, quoted(batch)),
            Self::Refused { id, code, message } => {
                serde_json::to_string(&Refused { id: *id, code, message }).unwrap_or_default()
            }
        }
    }

    fn is_bounded(&self) -> Result<(), WireError> {
        let (batch, stamps) = match self {
            Self::Stamped { batch, stamps, .. } => (batch.as_str(), stamps.as_slice()),
            Self::Batch { batch } => (batch.as_str(), [].as_slice()),
            Self::Refused { code, message, .. } => {
                let bounded = code.len() <= MAX_CODE && message.len() <= MAX_MESSAGE;
                return bounded.then_some(()).ok_or(WireError::Frame("a refusal is too long"));
            }
        };
        if batch.len() > label::MAX_BATCH {
            return Err(WireError::Frame("the header is longer than any header"));
        }
        if stamps.len() > label::MAX_DIGESTS {
            return Err(WireError::Frame("there are more stamps than a request has digests"));
        }
        if stamps.iter().any(|place| place.path.len() > label::MAX_STAMP_PATH) {
            return Err(WireError::Frame("a path is longer than any path in a batch"));
        }
        Ok(())
    }
}

/// [`StreamFrame::Stamped`] without taking hold of its parts: index and path of each stamp, in the order of
/// the digests.
///
/// Written by hand, for a TSA writes one with every answer; numbers and base64url need no escaping.
pub fn encode_stamped<P: AsRef<[Digest]>>(
    id: u64,
    batch: &str,
    stamps: impl ExactSizeIterator<Item = (u64, P)>,
) -> String {
    const BETWEEN: usize = 40;
    let count = stamps.len();
    let mut joined = Vec::with_capacity(label::MAX_STAMP_PATH.saturating_mul(32));
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(text, r#"{{"id":{id},"batch":{},"stamps":["#, quoted(batch));
    for (at, (index, path)) in stamps.enumerate() {
        joined.clear();
        for hash in path.as_ref() {
            joined.extend_from_slice(&hash.0);
        }
        let path = to_base64url(&joined);
        if at == 0 {
            // Paths of one batch are of one length, but for a few that are shorter.
            text.reserve(count.saturating_mul(path.len().saturating_add(BETWEEN)));
        } else {
            text.push(',');
        }
        let _ = write!(text, r#"{{"index":{index},"path":"{path}"}}"#);
    }
    text.push_str("]}");
    text
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
