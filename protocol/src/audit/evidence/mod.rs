//! What proves to a stranger that a broker, a TSA or a witness lied, with a verifier for each kind
//! (SPEC 7.5).
//!
//! Evidence against a broker carries the opening of the room that it is about, which names the keys,
//! and the broker's certificate, which shows that they are its keys: anybody can write an opening.
//! So whoever knows which broker or TSA they mean needs nothing but the bytes given. What two
//! sides merely say of each other is no evidence: every kind rests on signatures that contradict
//! each other, or that contradict the rules.

use serde::{Deserialize, Serialize};

use crate::audit::verify::{self, VerifyError};
use crate::log::merkle::{self, ProofError};
use crate::log::stamp::{HeaderError, StampError};
use crate::log::{Head, HeadError, Origin, RoomName};
use crate::room::ReplayError;
use crate::room::action::{Action, ActionError};
use crate::room::body::{Body, BrokerKeys};
use crate::trust::broker::{BrokerCertificate, BrokerError};
use crate::trust::key::{Fingerprint, PublicKey, StampKey};
use crate::value::codec::{Digest, hashes};
use crate::wire::refusal::Refusal;

mod absence;
mod broken;
mod claims;
mod contradiction;
mod entries;
mod finality;
mod outcome;
mod refusal;
mod rollback;
mod suppressed;
mod witness;

pub use absence::FalseAbsence;
pub use broken::BrokenLog;
pub use claims::{Claim, Claims, MOST_OPEN};
pub use contradiction::{Contradiction, TsaContradiction, contradicted, contradiction};
pub use entries::TwoEntries;
pub use outcome::{FalseOutcome, Recording, recording};
pub use refusal::{
    CARRIED, FalseRefusal, Falsehood, Grounds, LONGEST_PAUSE, RefusedAndLogged, judge,
};
pub use rollback::Rollback;
pub use suppressed::{FalseUnreadable, ShownCredentials, Suppressed};
pub use witness::{CosignedHead, CosignedTwice};

/// Why something is no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoEvidence {
    /// It is no evidence of a kind of this version.
    #[error("it is no evidence of a kind that is known here")]
    Malformed,
    /// The opening action is malformed, badly signed, or opens no room.
    #[error("the opening action does not hold")]
    Opening(#[source] VerifyError),
    /// The broker's certificate does not hold, or not for the keys that the opening names: whoever
    /// wrote the opening may have made them up.
    #[error("the broker's certificate does not vouch for these keys")]
    Certificate,
    /// A head is not validly signed for this log; so it says nothing about the broker.
    #[error("a head does not hold")]
    Head(#[from] HeadError),
    /// A statement is not validly signed by this broker; so it says nothing about it.
    #[error("a statement of the broker does not hold")]
    Statement(#[from] BrokerError),
    /// An action is malformed or badly signed, or not by whom it should be.
    #[error("an action does not hold")]
    Action(#[from] ActionError),
    /// A batch header or stamp does not hold; so it says nothing about the TSA.
    #[error("a stamp does not hold")]
    Stamp(#[from] StampError),
    /// Its batch headers are not those that its entries and its stamp name.
    #[error(transparent)]
    Headers(#[from] HeaderError),
    /// The log given does not verify, so nothing can be judged by it.
    #[error("the log does not hold")]
    Log(#[source] Box<ReplayError>),
    /// The receipt does not hold.
    #[error("the receipt does not hold")]
    Receipt(#[source] VerifyError),
    /// The parts are about different rooms, actions or sides.
    #[error("its parts are not about the same thing")]
    OtherThing,
    /// A witness's signature does not verify.
    #[error("the cosignature does not hold")]
    Cosignature,
    /// A head has not the cosignatures that make it final.
    #[error("the head is not final: too few of the named witnesses signed it")]
    NotFinal,
    /// The proof between two sizes of the log does not lead from one to the other.
    #[error("the proof between the two sizes does not hold")]
    Proof(#[from] ProofError),
    /// Everything in it can be true.
    #[error("nothing in it contradicts anything else")]
    Consistent,
}

/// A broker's signed word about how long a log is and what its root is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statement {
    /// A signed head.
    Head(String),
    /// A signed refusal, which names the log it was decided on.
    Refusal(String),
    /// The opening action of a reveal room, which names the auction's log up to `settled`.
    Reveal(String),
}

impl Statement {
    /// As signed.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Head(text) | Self::Refusal(text) | Self::Reveal(text) => text,
        }
    }

    /// What is stated about the log `origin`: size and root.
    ///
    /// # Errors
    /// [`NoEvidence`] if it is not signed by the broker with these keys, or about another log.
    pub fn open(&self, origin: &Origin, keys: &BrokerKeys) -> Result<(u64, Digest), NoEvidence> {
        let (room, size, root) = match self {
            Self::Head(note) => {
                let head = Head::open(note, origin, &keys.head)?;
                (origin.room, head.size, head.root)
            }
            Self::Refusal(compact) => {
                let refusal = Refusal::open(compact, &keys.entry)?;
                (refusal.room, refusal.size, refusal.root)
            }
            Self::Reveal(compact) => {
                let action = Action::parse(compact)?;
                let Body::Reveal(reveal) = action.body() else {
                    return Err(NoEvidence::OtherThing);
                };
                if !action.is_by(&keys.entry) {
                    return Err(NoEvidence::OtherThing);
                }
                (reveal.auction, reveal.settled.saturating_add(1), reveal.root)
            }
        };
        if room == origin.room { Ok((size, root)) } else { Err(NoEvidence::OtherThing) }
    }
}

/// Two statements of a broker about one log that cannot both be true (V-062).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fork {
    /// The broker's certificate (compact JWS).
    pub certificate: String,
    /// The room's opening action (compact JWS).
    pub opening: String,
    /// The statement about the larger log.
    pub larger: Statement,
    /// The one about the smaller, or about one of the same size.
    pub smaller: Statement,
    /// The root that the larger log had at the smaller one's size.
    pub root: Digest,
    /// Consistency proof from that root to the larger one's.
    #[serde(with = "hashes")]
    pub path: Vec<Digest>,
}

/// Two headers of one TSA that cannot both be honest (V-063).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoBatches {
    /// The stamp key that signed both.
    pub key: PublicKey<StampKey>,
    /// The headers (compact JWS).
    pub batches: [String; 2],
}

/// Evidence of one kind. As JSON: one object whose only member is the kind's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Evidence {
    /// Two histories of one log.
    Fork(Fork),
    /// A TSA that contradicts itself.
    Batches(TwoBatches),
    /// A refusal that is false by the log it names.
    FalseRefusal(FalseRefusal),
    /// A refused action in the log.
    RefusedAndLogged(RefusedAndLogged),
    /// Somebody absent who had disclosed.
    FalseAbsence(FalseAbsence),
    /// An answer from a log that was longer before.
    Rollback(Rollback),
    /// A log that the rules refuse.
    BrokenLog(BrokenLog),
    /// An end of an auction that its reveal room does not bear out.
    FalseOutcome(FalseOutcome),
    /// Two entries at one position.
    TwoEntries(TwoEntries),
    /// A witness that signed two histories.
    CosignedTwice(CosignedTwice),
    /// A delivery that was not answered.
    Suppressed(Suppressed),
    /// A delivery of which it is said falsely that it says nothing.
    FalseUnreadable(Box<FalseUnreadable>),
}

/// Whom evidence is against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accused {
    /// A broker, named by its session key.
    Broker,
    /// A TSA, named by its stamp key.
    Tsa,
    /// A witness, named by its key.
    Witness,
}

/// What evidence shows, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Whose lie it is: the fingerprint of a broker's session key, of a TSA's stamp key or of a
    /// witness's key ([`Evidence::against`]).
    pub by: Fingerprint,
    /// The room, where it is about one.
    pub room: Option<RoomName>,
    /// What was done, for a person: a sentence without its subject.
    pub what: String,
}

impl Evidence {
    /// Reads evidence; nothing in it is verified.
    ///
    /// # Errors
    /// [`NoEvidence::Malformed`].
    pub fn parse(text: &str) -> Result<Self, NoEvidence> {
        serde_json::from_str(text).map_err(|_| NoEvidence::Malformed)
    }

    /// The evidence as JSON, for keeping and showing.
    ///
    /// # Panics
    /// Never: evidence always has a JSON form.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always have a JSON form")
    }

    /// The kind's name, as in its JSON form.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Fork(_) => "fork",
            Self::Batches(_) => "batches",
            Self::FalseRefusal(_) => "false-refusal",
            Self::RefusedAndLogged(_) => "refused-and-logged",
            Self::FalseAbsence(_) => "false-absence",
            Self::Rollback(_) => "rollback",
            Self::BrokenLog(_) => "broken-log",
            Self::FalseOutcome(_) => "false-outcome",
            Self::TwoEntries(_) => "two-entries",
            Self::CosignedTwice(_) => "cosigned-twice",
            Self::Suppressed(_) => "suppressed",
            Self::FalseUnreadable(_) => "false-unreadable",
        }
    }

    /// Every kind's name.
    pub const KINDS: [&'static str; 12] = [
        "fork",
        "batches",
        "false-refusal",
        "refused-and-logged",
        "false-absence",
        "rollback",
        "broken-log",
        "false-outcome",
        "two-entries",
        "cosigned-twice",
        "suppressed",
        "false-unreadable",
    ];

    /// Whom it is against.
    #[must_use]
    pub const fn against(&self) -> Accused {
        match self {
            Self::Batches(_) => Accused::Tsa,
            Self::CosignedTwice(_) => Accused::Witness,
            _ => Accused::Broker,
        }
    }

    /// Verifies it with no network.
    ///
    /// # Errors
    /// [`NoEvidence`] naming the first part that does not hold, or that nothing is contradicted.
    pub fn verify(&self) -> Result<Shown, NoEvidence> {
        match self {
            Self::Fork(fork) => fork.verify(),
            Self::Batches(two) => two.verify(),
            Self::FalseRefusal(refusal) => refusal.verify(),
            Self::RefusedAndLogged(both) => both.verify(),
            Self::FalseAbsence(absence) => absence.verify(),
            Self::Rollback(rollback) => rollback.verify(),
            Self::BrokenLog(log) => log.verify(),
            Self::FalseOutcome(outcome) => outcome.verify(),
            Self::TwoEntries(two) => two.verify(),
            Self::CosignedTwice(two) => two.verify(),
            Self::Suppressed(suppressed) => suppressed.verify(),
            Self::FalseUnreadable(unreadable) => unreadable.verify(),
        }
    }
}

impl Fork {
    fn verify(&self) -> Result<Shown, NoEvidence> {
        let (origin, keys) = opened(&self.opening, &self.certificate)?;
        let (size, root) = self.larger.open(&origin, &keys)?;
        let (smaller, stated) = self.smaller.open(&origin, &keys)?;
        if smaller > size {
            return Err(NoEvidence::OtherThing);
        }
        merkle::verify_consistency(smaller, &self.root, size, &root, &self.path)?;
        if self.root == stated {
            return Err(NoEvidence::Consistent);
        }
        let what = if smaller == size {
            format!("signed two different logs of {size} entries")
        } else {
            format!(
                "signed a log of {smaller} entries, and one of {size} that does not continue it"
            )
        };
        Ok(Shown { by: origin.broker, room: Some(origin.room), what })
    }
}

impl TwoBatches {
    fn verify(&self) -> Result<Shown, NoEvidence> {
        let [first, second] = &self.batches;
        let shown = contradiction(first, second, &self.key)?;
        let what = "signed two batch headers that cannot both be honest".to_owned();
        Ok(Shown { by: shown.tsa, room: None, what })
    }
}

/// The log that an opening action opens, and the keys of the broker that keeps it.
fn opened(opening: &str, certificate: &str) -> Result<(Origin, BrokerKeys), NoEvidence> {
    let action = Action::parse(opening)?;
    let keys = verify::terms(&action).map_err(NoEvidence::Opening)?.broker;
    let origin = vouched(&keys, action.room(), certificate)?;
    Ok((origin, keys))
}

/// The log of a room, if the broker's certificate vouches for the keys in the room's opening (V-077).
fn vouched(keys: &BrokerKeys, room: RoomName, certificate: &str) -> Result<Origin, NoEvidence> {
    let broker = keys.session.fingerprint();
    match BrokerCertificate::open(certificate, broker) {
        Ok(certificate) if certificate.keys == *keys => Ok(Origin { broker, room }),
        Ok(_) | Err(_) => Err(NoEvidence::Certificate),
    }
}

#[cfg(test)]
mod tests;
