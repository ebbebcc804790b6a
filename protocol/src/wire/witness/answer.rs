//! What a witness answers to a head.

use std::borrow::Cow;

use crate::log::{Cosignature, Head, cosignature};
use crate::trust::witness::Witness;
use crate::value::label;
use crate::value::report::{Advised, Report};
use crate::wire::tsa::{content, parse_report};

/// HTTP statuses of the answers.
pub mod status {
    /// Cosigned.
    pub const OK: u16 = 200;
    /// No request, an empty head, or one that is smaller than the old size.
    pub const MALFORMED: u16 = 400;
    /// No signature by the key that this witness knows of the broker.
    pub const SIGNATURE: u16 = 403;
    /// No log of a broker that this witness knows.
    pub const ORIGIN: u16 = 404;
    /// The old size is not the one that the witness cosigned last, or the root at the same size is another.
    pub const CONFLICT: u16 = 409;
    /// The proof does not lead from the head that the witness cosigned last to this one.
    pub const PROOF: u16 = 422;
    /// Later: see `Retry-After`.
    pub const BUSY: u16 = 429;
    /// The witness cannot sign at present.
    pub const UNAVAILABLE: u16 = 503;
}

/// Seconds in `Retry-After` with [`CheckpointRefusal::Busy`].
const RETRY_AFTER: u64 = 1;

/// Why a head is not cosigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointRefusal {
    /// The body or the head in it is not in its one form.
    #[error("no request to cosign a head: {0}")]
    Malformed(Cow<'static, str>),
    /// A head of size 0: there is nothing to vouch for.
    #[error("the head is of a log without entries")]
    Empty,
    /// The old size is larger than that of the head.
    #[error("the old size is larger than that of the head")]
    Backwards,
    /// The head is not signed with the key that the witness knows of the broker.
    #[error("the head is not signed with the key that is known of this broker")]
    Signature,
    /// The witness knows no broker with such logs.
    #[error("this witness knows no broker of this log")]
    Origin,
    /// The old size is another one than that of the head which the witness cosigned last.
    #[error("this witness cosigned the head of size {size} last")]
    Conflict {
        /// That size; 0 if there is no such head.
        size: u64,
    },
    /// The proof does not lead from the head which the witness cosigned last to this one.
    #[error("the proof does not lead from the head cosigned last to this one")]
    Proof,
    /// The witness cosigned another head of the same size.
    #[error("another head of this size was cosigned")]
    Root,
    /// A head of this log was cosigned within this second, or too many requests are waiting.
    #[error("a head of this log was cosigned in this second, or too many requests are waiting")]
    Busy,
    /// An action for this room was left with the witness, and the broker does not answer it (V-155).
    #[error("the broker has not answered what was left here for this room")]
    Delivery,
    /// The witness cannot sign at present, or gives another status than all of these: its report, if it
    /// gave one.
    #[error("the witness does not sign: {}", .0.message)]
    Other(Box<Report>),
}

impl CheckpointRefusal {
    /// Its HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::Empty | Self::Backwards => status::MALFORMED,
            Self::Signature => status::SIGNATURE,
            Self::Origin => status::ORIGIN,
            Self::Conflict { .. } | Self::Root => status::CONFLICT,
            Self::Proof => status::PROOF,
            Self::Busy | Self::Delivery => status::BUSY,
            Self::Other(_) => status::UNAVAILABLE,
        }
    }
}

/// Codes of refusals by a witness, each once.
pub(crate) mod code {
    pub(crate) const MALFORMED: &str = "witness.malformed";
    pub(crate) const EMPTY: &str = "witness.empty";
    pub(crate) const OLD: &str = "witness.old-size";
    pub(crate) const SIGNATURE: &str = "witness.signature";
    pub(crate) const ORIGIN: &str = "witness.origin";
    pub(crate) const CONFLICT: &str = "witness.conflict";
    pub(crate) const PROOF: &str = "witness.proof";
    pub(crate) const ROOT: &str = "witness.root";
    pub(crate) const BUSY: &str = "witness.busy";
    pub(crate) const DELIVERY: &str = "witness.delivery";
    pub(crate) const FAILED: &str = "witness.failed";
}

impl Advised for CheckpointRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => code::MALFORMED,
            Self::Empty => code::EMPTY,
            Self::Backwards => code::OLD,
            Self::Signature => code::SIGNATURE,
            Self::Origin => code::ORIGIN,
            Self::Conflict { .. } => code::CONFLICT,
            Self::Proof => code::PROOF,
            Self::Root => code::ROOT,
            Self::Busy => code::BUSY,
            Self::Delivery => code::DELIVERY,
            Self::Other(_) => code::FAILED,
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::Malformed(_) => "send what C2SP tlog-witness shows for add-checkpoint".into(),
            Self::Empty => "send a head once the log has an entry".into(),
            Self::Backwards | Self::Conflict { .. } => {
                "begin the proof at the size that the witness cosigned last".into()
            }
            Self::Signature => "sign heads with the key that the registered certificate has".into(),
            Self::Origin => "register the broker at /api/witness/brokers first".into(),
            Self::Proof => "send the consistency proof between exactly these two sizes".into(),
            Self::Root => {
                "look for a store that was restored from a backup, or a second broker with these keys"
                    .into()
            }
            Self::Busy => "send the newest head again in a second".into(),
            Self::Delivery => "fetch and answer what waits at the witness".into(),
            Self::Other(report) => report.advice.clone(),
        }
    }
}

/// The answer to [`AddCheckpoint`](super::AddCheckpoint).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointAnswer {
    /// One or more signature lines, each with its line break: [`CheckpointAnswer::cosignature`].
    Cosigned(String),
    /// Everything else.
    Refused(CheckpointRefusal),
}

impl CheckpointAnswer {
    /// Longest answer, in bytes.
    pub const MAX: usize = label::MAX_HEAD;

    /// Its HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Cosigned(_) => status::OK,
            Self::Refused(refusal) => refusal.status(),
        }
    }

    /// The media type of its body.
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        match self {
            Self::Cosigned(_) => content::TEXT,
            Self::Refused(CheckpointRefusal::Conflict { .. }) => content::LOG_SIZE,
            Self::Refused(_) => content::JSON,
        }
    }

    /// The value of the header `Retry-After`, in seconds.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Refused(CheckpointRefusal::Busy | CheckpointRefusal::Delivery) => {
                Some(RETRY_AFTER)
            }
            Self::Cosigned(_) | Self::Refused(_) => None,
        }
    }

    /// Its body: the lines, the size in decimal with a line break, or a [`Report`].
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Self::Cosigned(lines) => lines.clone(),
            Self::Refused(CheckpointRefusal::Conflict { size }) => format!("{size}\n"),
            Self::Refused(CheckpointRefusal::Other(report)) => report_text(report),
            Self::Refused(refusal) => report_text(&refusal.report()),
        }
    }

    /// Reads what a witness answered, ours or another's. Its lines are not verified.
    #[must_use]
    pub fn read(status: u16, content_type: &str, body: &[u8]) -> Self {
        let text = Some(body).filter(|body| body.len() <= Self::MAX);
        let text = text.and_then(|body| std::str::from_utf8(body).ok()).unwrap_or_default();
        if status == status::OK && text.ends_with('\n') {
            return Self::Cosigned(text.to_owned());
        }
        // Whatever parameters follow.
        let is_size = content_type.split(';').next().map(str::trim_end) == Some(content::LOG_SIZE);
        let report = parse_report(text.as_bytes()).ok();
        let code = report.as_ref().map(|report| &*report.code);
        Self::Refused(match status {
            status::MALFORMED if code == Some(code::EMPTY) => CheckpointRefusal::Empty,
            status::MALFORMED if code == Some(code::OLD) => CheckpointRefusal::Backwards,
            status::MALFORMED => {
                let said = report.map_or(Cow::Borrowed("the witness says so"), |said| said.message);
                CheckpointRefusal::Malformed(said)
            }
            status::SIGNATURE => CheckpointRefusal::Signature,
            status::ORIGIN => CheckpointRefusal::Origin,
            status::CONFLICT if is_size => match read_size(text) {
                Some(size) => CheckpointRefusal::Conflict { size },
                None => other(status, report),
            },
            status::CONFLICT => CheckpointRefusal::Root,
            status::PROOF => CheckpointRefusal::Proof,
            status::BUSY if code == Some(code::DELIVERY) => CheckpointRefusal::Delivery,
            status::BUSY => CheckpointRefusal::Busy,
            _ => other(status, report),
        })
    }

    /// The cosignature of this head by this witness, verified (V-141); `None` if there is none, or if a line
    /// under the witness's name and key does not hold.
    #[must_use]
    pub fn cosignature(&self, head: &Head, witness: &Witness) -> Option<Cosignature> {
        let Self::Cosigned(lines) = self else { return None };
        // As behind the broker's line, which is not looked at there.
        let note = format!("\n\n\n{lines}");
        let found = cosignature::cosignatures(&note, head, std::slice::from_ref(witness)).ok()?;
        found.first().map(|(_, cosignature)| *cosignature)
    }
}

/// A size and its line break in their one spelling.
fn read_size(text: &str) -> Option<u64> {
    let size: u64 = text.strip_suffix('\n')?.parse().ok()?;
    (size <= label::MAX_LOG_SIZE && format!("{size}\n") == text).then_some(size)
}

fn other(status: u16, report: Option<Report>) -> CheckpointRefusal {
    let unsaid = || {
        let message = format!("it answers with status {status}");
        Report::new(code::FAILED, message, "look whether this is the address of a witness")
    };
    CheckpointRefusal::Other(Box::new(report.unwrap_or_else(unsaid)))
}

fn report_text(report: &Report) -> String {
    // Three texts have a JSON form in every case.
    serde_json::to_string(report).unwrap_or_default()
}
