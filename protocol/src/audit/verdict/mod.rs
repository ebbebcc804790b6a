//! The verdict on a file: what a transcript, a receipt, a letter or a certificate shows, or the first rule that it breaks.
//!
//! A pure function of bytes. Its JSON form has one spelling, so that two verifiers that agree write
//! the same bytes. Nothing is believed that the bytes do not show: which room, broker and TSA are the
//! right ones, whoever reads it must know from elsewhere ([`Pins`]).

use std::fmt;

use serde::{Serialize, Serializer};

use crate::log::transcript::{MAX_TRANSCRIPT, Transcript};
use crate::log::{Receipt, RoomName};
use crate::room::kind::Kind;
use crate::trust::broker::BrokerCertificate;
use crate::trust::key::{Fingerprint, PublicKey, StampKey};
use crate::trust::witness::{Operator, WitnessName};
use crate::value::codec::Digest;

mod auction;
mod certificate;
mod letter;
mod log;
mod pins;
mod receipt;
mod reveal;
mod rule;
mod timeline;

pub use auction::{
    AuctionShown, BidShown, CloseShown, ForfeitShown, Recorded, ReserveShown, SealedShown,
    VoidShown,
};
pub use letter::{
    AttachmentShown, BoxShown, ContentShown, LetterShown, ReadShown, ShownBy, WithinFault,
    WithinShown,
};
pub use log::VerifiedLog;
pub use pins::Pins;
pub use receipt::ReceiptShown;
pub use reveal::{RevealEnd, RevealShown};
pub use rule::Rule;
pub use timeline::{By, DepositShown, EventShown, TimelineShown};

use crate::audit::letter::{ShownDeposit, ShownLetter, VerifiedDeposit, VerifiedLetter};
use crate::audit::verify::VerifiedReceipt;

/// What a file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The log of a room of this kind.
    Room(Kind),
    /// A receipt.
    Receipt,
    /// A letter, shown to a third party.
    Letter,
    /// What a log says of a letter, without it.
    Deposit,
    /// A broker's certificate.
    Certificate,
    /// Nothing that can be said.
    Unknown,
}

impl Subject {
    /// As written: the kind of room, `receipt`, `letter`, `deposit`, `certificate` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Room(kind) => kind.as_str(),
            Self::Receipt => "receipt",
            Self::Letter => "letter",
            Self::Deposit => "deposit",
            Self::Certificate => "certificate",
            Self::Unknown => "unknown",
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It holds, and nothing of consequence can follow. A log is over, and its head final where its
    /// opening names witnesses.
    Valid,
    /// It holds; the room is not over, or its head not final.
    Incomplete,
    /// It is no transcript, no receipt, no letter shown and no certificate.
    Unreadable,
    /// It breaks a rule.
    Invalid,
}

/// A witness that an opening names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WitnessShown {
    /// Under which name it cosigns.
    pub name: WitnessName,
    /// Who runs it.
    pub operator: Operator,
    /// Fingerprint of its key.
    pub key: Fingerprint,
}

/// The verdict on one file. Of what breaks a rule or cannot be read, nothing but the first four
/// members is there: what was read before the break is vouched for by nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What it is about.
    pub kind: Subject,
    /// What becomes of it.
    pub verdict: Standing,
    /// The first rule that it breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// The position of the entry that breaks it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// The room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// Fingerprint of the broker's session key, as the opening names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<Fingerprint>,
    /// Whether the broker's certificate is there: without it the keys in the opening are anybody's.
    /// Of logs and certificates only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certified: Option<bool>,
    /// Whether stamps are in simulated time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<bool>,
    /// Fingerprints of the stamp keys that count, in the order of the opening, each once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamps: Option<Vec<Fingerprint>>,
    /// Fingerprints of the CAs whose personas may act. Not of reveal rooms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<Vec<Fingerprint>>,
    /// The named witnesses, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witnesses: Option<Vec<WitnessShown>>,
    /// How many different operators make a head final; where witnesses are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorum: Option<u32>,
    /// How many entries the head covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Digest>,
    /// Operators that cosigned it, each once, by name; where witnesses are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosigned: Option<Vec<Operator>>,
    /// Whether they make it final; where witnesses are named.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub is_final: Option<bool>,
    /// What the log of an auction says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auction: Option<AuctionShown>,
    /// What the log of a reveal room says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reveal: Option<RevealShown>,
    /// What a receipt says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptShown>,
    /// What a letter says that is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub letter: Option<Box<LetterShown>>,
    /// What a log says of a letter that is not shown itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Box<DepositShown>>,
}

impl Verdict {
    /// A verdict that says no more than this.
    const fn bare(kind: Subject, verdict: Standing) -> Self {
        Self {
            kind,
            verdict,
            rule: None,
            entry: None,
            room: None,
            broker: None,
            certified: None,
            simulated: None,
            stamps: None,
            authorities: None,
            witnesses: None,
            quorum: None,
            size: None,
            root: None,
            cosigned: None,
            is_final: None,
            auction: None,
            reveal: None,
            receipt: None,
            letter: None,
            deposit: None,
        }
    }

    /// That a rule is broken, at an entry if there is one.
    pub(crate) fn invalid(kind: Subject, rule: Rule, entry: Option<u64>) -> Self {
        Self { rule: Some(rule), entry, ..Self::bare(kind, Standing::Invalid) }
    }

    /// The verdict in its one spelling: one line of JSON, without the line break.
    ///
    /// # Panics
    /// Never: a verdict always has a JSON form.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("a verdict has a JSON form")
    }

    /// With what the opening of a room fixes.
    fn with_terms(mut self, terms: &crate::room::Terms) -> Self {
        let stamps = fingerprints(&terms.stamps);
        let of_members = !terms.is_public();
        let authorities =
            || terms.authorities.iter().map(crate::trust::key::PublicKey::fingerprint).collect();
        let named = !terms.witnesses.is_empty();
        let witnesses = terms.witnesses.iter().map(|witness| WitnessShown {
            name: witness.name.clone(),
            operator: witness.operator.clone(),
            key: witness.key.fingerprint(),
        });
        self.broker = Some(terms.broker.session.fingerprint());
        self.simulated = Some(terms.simulated);
        self.stamps = Some(stamps);
        self.authorities = (!of_members).then(authorities);
        self.witnesses = named.then(|| witnesses.collect());
        self.quorum = named.then_some(terms.quorum);
        self
    }

    /// With what a head says, and who cosigned it.
    fn with_head(
        mut self,
        size: u64,
        root: Digest,
        cosigned: Vec<Operator>,
        is_final: bool,
    ) -> Self {
        let named = self.witnesses.is_some();
        self.size = Some(size);
        self.root = Some(root);
        self.cosigned = named.then_some(cosigned);
        self.is_final = named.then_some(is_final);
        self
    }
}

/// Fingerprints of stamp keys, each once.
fn fingerprints(keys: &[PublicKey<StampKey>]) -> Vec<Fingerprint> {
    let mut stamps: Vec<Fingerprint> = Vec::new();
    for stamp in keys.iter().map(PublicKey::fingerprint) {
        if !stamps.contains(&stamp) {
            stamps.push(stamp);
        }
    }
    stamps
}

/// Why there is no better verdict, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    fn of(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self(text)
    }

    fn text(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was examined, for comparing it with others.
#[derive(Debug)]
pub enum Found<'a> {
    /// A log that holds.
    Log(Box<VerifiedLog<'a>>),
    /// A receipt that holds.
    Receipt(Box<(Receipt, VerifiedReceipt)>),
    /// A letter shown that holds.
    Letter(Box<(ShownLetter, VerifiedLetter)>),
    /// A deposit shown, with what the log says of it, that holds.
    Deposit(Box<(ShownDeposit, VerifiedDeposit)>),
    /// The certificate of a broker.
    Certificate(Box<BrokerCertificate>),
    /// None of them; why.
    Nothing(Fault),
}

/// A verdict with what it rests on.
#[derive(Debug)]
pub struct Examined<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// What it was found on.
    pub found: Found<'a>,
}

/// The verdict on the bytes of a file: a transcript, a receipt, a letter shown or a certificate.
#[must_use]
pub fn verdict(bytes: &[u8]) -> Verdict {
    examine(bytes).verdict
}

/// The verdict on the bytes of a file, with what else was found in them.
#[must_use]
pub fn examine(bytes: &[u8]) -> Examined<'_> {
    let unreadable = |why: &str| Examined {
        verdict: Verdict::bare(Subject::Unknown, Standing::Unreadable),
        found: Found::Nothing(Fault::text(why)),
    };
    if bytes.len() > MAX_TRANSCRIPT {
        return unreadable("it is longer than 256 MiB");
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return unreadable("it is not text in UTF-8");
    };
    if let Some(transcript) = Transcript::of(text) {
        return log::examine(&transcript);
    }
    let shown = receipt::examine(text).or_else(|| letter::examine(text));
    let shown = shown.or_else(|| timeline::examine(text));
    shown.or_else(|| certificate::examine(text)).unwrap_or_else(|| {
        unreadable(
            "its last line is no JSON string with a line break behind it, and it is no receipt and no letter",
        )
    })
}

#[cfg(test)]
mod tests;
