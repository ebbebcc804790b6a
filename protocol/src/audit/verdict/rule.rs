//! Which rule an error means.

use std::fmt;

use serde::Serialize;

use crate::audit::verify::VerifyError;
use crate::log::stamp::{HeaderError, StampError};
use crate::log::{HeadError, ReceiptError};
use crate::room::{Code, ReplayError};

/// A rule that is broken: the code where a fold refuses, else the number in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Rule(&'static str);

impl Rule {
    /// An entry is malformed, too long, or at another position than its own.
    pub const ENTRY: Self = Self("V-026");
    /// An action is malformed or badly signed.
    pub const ACTION: Self = Self("V-010");
    /// The header that an entry names is not there.
    pub const NO_HEADER: Self = Self("V-023");
    /// A header is where no entry names it, or there twice.
    pub const HEADERS: Self = Self("V-029");
    /// A header is signed by no key that counts.
    pub const TSA: Self = Self("V-020");
    /// A header is malformed.
    pub const HEADER: Self = Self("V-021");
    /// A stamp is for other bytes.
    pub const STAMP: Self = Self("V-022");
    /// A head is malformed, of another log, or not signed as it should be.
    pub const HEAD: Self = Self("V-024");
    /// A cosignature of a named witness does not hold.
    pub const COSIGNATURE: Self = Self("V-141");
    /// The log is empty, or not the one that its head is over.
    pub const LOG: Self = Self("V-060");
    /// A log ends between two disclosures.
    pub const PAIR: Self = Self("V-053");
    /// A log ends with a registered letter that was accepted, and not handed over.
    pub const HANDED: Self = Self("V-333");
    /// The broker's certificate is malformed, or for other keys than the opening's.
    pub const CERTIFICATE: Self = Self("V-077");
    /// A receipt's path does not lead to its head.
    pub const PATH: Self = Self("V-025");
    /// A receipt is malformed, or its opening opens nothing.
    pub const RECEIPT: Self = Self("V-061");
    /// The opening of the box of a letter's sender opens none.
    pub const SENDER: Self = Self("V-254");
    /// The receipt of a letter is of something else.
    pub const DEPOSIT: Self = Self("V-306");
    /// The keys that a letter was sealed to are not shown to be its reader's.
    pub const PREKEYS: Self = Self("V-307");
    /// A letter has another content than letters have.
    pub const CONTENT: Self = Self("V-245");
    /// A letter is from another box.
    pub const OTHER_SENDER: Self = Self("V-247");
    /// The signature under a letter does not hold.
    pub const SIGNATURE: Self = Self("V-248");
    /// A read receipt is in another box than that of the letter's sender.
    pub const MISDIRECTED: Self = Self("V-250");
    /// What a sender shows is not what was deposited.
    pub const BY_SENDER: Self = Self("V-252");
    /// What a reader shows is not what was deposited.
    pub const BY_READER: Self = Self("V-253");
    /// A letter is deniable.
    pub const DENIABLE: Self = Self("V-308");
    /// A read receipt is none, or for another letter.
    pub const READ: Self = Self("V-309");
    /// A timeline has no entries, or not in the order of the log.
    pub const TIMELINE: Self = Self("V-340");
    /// An entry of a timeline is about something else.
    pub const NOT_ABOUT: Self = Self("V-341");
    /// An entry of a timeline is not by the owner of the box.
    pub const NOT_OWNER: Self = Self("V-342");
    /// It is not shown that the owner of a box meant this deposit.
    pub const NOT_SEEN: Self = Self("V-343");
    /// An acceptance and what is handed over for it do not stand together.
    pub const NOT_PAIRED: Self = Self("V-344");
    /// What is handed over is not the half that the deposit commits to.
    pub const HALF: Self = Self("V-345");
    /// This does not happen to such a letter, or not then.
    pub const NOT_THEN: Self = Self("V-346");
    /// Something happens to a letter that waits no more.
    pub const OVER: Self = Self("V-347");
    /// A stamp in a timeline is too old for its place.
    pub const STALE: Self = Self("V-348");
    /// It is of another room than the one asked for.
    pub const OTHER_ROOM: Self = Self("pin.room");
    /// It is of another broker than the one asked for.
    pub const OTHER_BROKER: Self = Self("pin.broker");
    /// It is stamped by others than the TSAs asked for.
    pub const OTHER_TSA: Self = Self("pin.tsa");
    /// A witness that was asked for is not named.
    pub const OTHER_WITNESS: Self = Self("pin.witness");

    /// As written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    pub(crate) fn of_head(error: &HeadError) -> Self {
        match error {
            HeadError::Cosignature { .. } => Self::COSIGNATURE,
            _ => Self::HEAD,
        }
    }

    fn of_stamp(error: &StampError) -> Self {
        match error {
            StampError::UnknownTsa | StampError::Signature(_) => Self::TSA,
            StampError::Header(_) | StampError::Content => Self::HEADER,
            StampError::OtherDigest(_) => Self::STAMP,
        }
    }

    pub(crate) fn of_replay(error: &ReplayError) -> Self {
        match error {
            ReplayError::Entry(_) | ReplayError::Position { .. } => Self::ENTRY,
            ReplayError::Action { .. } => Self::ACTION,
            ReplayError::Header { source, .. } => match source {
                HeaderError::Missing { .. } => Self::NO_HEADER,
                // What is forgotten of it is what no entry may name any more (V-035).
                HeaderError::Past { .. } => Code::StampStale.into(),
                HeaderError::Superfluous { .. }
                | HeaderError::Repeated { .. }
                | HeaderError::Order { .. } => Self::HEADERS,
            },
            ReplayError::Stamp { source, .. } => Self::of_stamp(source),
            ReplayError::Rule { code, .. } => (*code).into(),
        }
    }

    /// Of a receipt.
    pub(crate) fn of_receipt(error: &VerifyError) -> Self {
        match error {
            VerifyError::Receipt(ReceiptError::Head(error)) | VerifyError::Head(error) => {
                Self::of_head(error)
            }
            VerifyError::Receipt(ReceiptError::Entry(_)) => Self::ENTRY,
            VerifyError::Receipt(ReceiptError::OtherHeader) => Self::NO_HEADER,
            VerifyError::Receipt(ReceiptError::NotIncluded(_) | ReceiptError::OtherOpening) => {
                Self::PATH
            }
            VerifyError::Action(_) => Self::ACTION,
            VerifyError::OtherRoom { .. } => Code::RoomOther.into(),
            VerifyError::Stamp(error) => Self::of_stamp(error),
            VerifyError::Rule { code, .. } => (*code).into(),
            _ => Self::RECEIPT,
        }
    }
}

impl From<Code> for Rule {
    fn from(code: Code) -> Self {
        Self(code.as_str())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
