//! What is asked of a witness over HTTP, and what its answers mean (C2SP `tlog-witness`).

use pregao_protocol::log::{Cosignature, Head};
use pregao_protocol::trust::witness::Witness;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::witness::{
    AddCheckpoint, CheckpointAnswer, CheckpointRefusal, RegisterBroker, status,
};

use crate::network::HttpAnswer;

/// Most of an answer that is quoted, in characters.
const QUOTED: usize = 120;

/// The body of a request to cosign the head of `note`, which continues the log of `old` entries.
#[must_use]
pub(crate) fn add_checkpoint(old: u64, proof: &[Digest], note: &str) -> Vec<u8> {
    let (proof, checkpoint) = (proof.to_vec(), note.to_owned());
    AddCheckpoint { old, proof, checkpoint }.encode().into_bytes()
}

/// The body of a request to be known.
#[must_use]
pub(crate) fn register(certificate: &str) -> Vec<u8> {
    let request = RegisterBroker { certificate: certificate.to_owned() };
    // A text has a JSON form in every case.
    serde_json::to_vec(&request).unwrap_or_default()
}

/// What a witness says to a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It cosigned the head, and its signature holds (V-141).
    Cosigned(Cosignature),
    /// It goes by another size of this log: its newest.
    Size(u64),
    /// It does not know the log.
    Unknown,
    /// It has too much to do, or a fault: whatever it was asked.
    Failing(String),
    /// It refuses this head, or says what means nothing.
    Refused(String),
}

/// Reads an answer of `witness` about `head`.
#[must_use]
pub(crate) fn meaning(answer: &HttpAnswer, witness: &Witness, head: &Head) -> Meaning {
    let text = std::str::from_utf8(&answer.body).unwrap_or("");
    let said = || {
        let said: String =
            text.chars().filter(|letter| !letter.is_control()).take(QUOTED).collect();
        format!("status {}: {said}", answer.status)
    };
    match answer.status {
        status::OK => {
            match CheckpointAnswer::Cosigned(text.to_owned()).cosignature(head, witness) {
                Some(cosigned) => Meaning::Cosigned(cosigned),
                None => Meaning::Refused("no cosignature of this head that holds".to_owned()),
            }
        }
        status::ORIGIN => Meaning::Unknown,
        status::CONFLICT if text.trim_start_matches('+') != text => Meaning::Refused(said()),
        status::CONFLICT => match text.strip_suffix('\n').unwrap_or(text).parse() {
            Ok(size) => Meaning::Size(size),
            Err(_) => Meaning::Refused(said()),
        },
        // Of this log alone; others of it are cosigned meanwhile.
        status::BUSY if is_of_one_log(text) => Meaning::Refused(said()),
        status::BUSY | 500.. => Meaning::Failing(said()),
        _ => Meaning::Refused(said()),
    }
}

fn is_of_one_log(text: &str) -> bool {
    let read = CheckpointAnswer::read(status::BUSY, "", text.as_bytes());
    read == CheckpointAnswer::Refused(CheckpointRefusal::Delivery)
}

#[cfg(test)]
mod tests;
