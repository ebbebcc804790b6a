//! Why a citizen's certificate, or the state's PKI that should judge it, was not accepted.

use std::borrow::Cow;

use crate::value::clock::Time;
use crate::value::report::Advised;

/// Why a citizen's certificate was refused. The text never contains the holder's name or number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CitizenError {
    /// No certificate of the expected form, too long, or more came with it than may.
    #[error("not a well-formed citizen certificate: {0}")]
    Malformed(&'static str),
    /// The citizen's certificate is no longer valid.
    #[error("the citizen's certificate expired at {not_after}")]
    Expired {
        /// The last instant of validity.
        not_after: Time,
    },
    /// The citizen's certificate is not valid yet.
    #[error("the citizen's certificate is not valid before {not_before}")]
    NotYetValid {
        /// The first instant of validity.
        not_before: Time,
    },
    /// Certified for something else than to authenticate a citizen.
    #[error("not a certificate for authentication: {0}")]
    Usage(&'static str),
    /// No path leads to an accepted authority.
    #[error("not issued by an accepted authority: {0}")]
    Authority(&'static str),
    /// A path exists, but an authority on it may not be relied upon.
    #[error("the chain of authorities does not hold: {0}")]
    Chain(ChainFault),
    /// A key or signature of a kind that is not accepted.
    #[error("not an accepted algorithm: {0}")]
    Algorithm(&'static str),
    /// A card, or an authority above it, that the state made for tests.
    #[error("a test card, issued by the state's test authorities")]
    TestCard,
    /// The citizen's certificate or an authority above it was revoked.
    #[error("revoked: {0}")]
    Revoked(Listed),
    /// The citizen's certificate or an authority above it is suspended.
    #[error("on hold: {0}")]
    OnHold(Listed),
    /// A revocation list was required and none speaks of the certificate.
    #[error("no revocation list of the issuer of {0}")]
    ListMissing(Listed),
    /// The only lists that cover the certificate are not valid now.
    #[error("the revocation list for {listed} was in force from {this_update} to {next_update}")]
    ListExpired {
        /// Whose status the list would have told.
        listed: Listed,
        /// The first instant of the list.
        this_update: Time,
        /// The last instant of the list.
        next_update: Time,
    },
    /// The issuer's lists are there, but only of other partitions than the certificate's.
    #[error("the revocation lists of the issuer of {0} are of other partitions")]
    ListPartition(Listed),
    /// The list that should speak of the certificate cannot be relied upon.
    #[error("the revocation list for {listed} is refused: {fault}")]
    ListMalformed {
        /// Whose status the list would have told.
        listed: Listed,
        /// What is wrong with it.
        fault: ListFault,
    },
    /// What should have been signed with a certified key was not.
    #[error("the signature does not verify")]
    Signature,
}

/// Whose entry in a revocation list is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Listed {
    /// The citizen's own certificate.
    #[error("the citizen's certificate")]
    Citizen,
    /// The certificate of an authority between the citizen and the anchor.
    #[error("an authority above the citizen's certificate")]
    Authority,
}

/// What is wrong with an authority on the path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainFault {
    /// More authorities than a path may have, or than one of them allows below itself.
    #[error("more authorities than allowed")]
    TooLong,
    /// An authority's certificate is no longer valid.
    #[error("the authority \"{authority}\" expired at {not_after}")]
    Expired {
        /// Its common name.
        authority: String,
        /// The last instant of validity.
        not_after: Time,
    },
    /// An authority's certificate is not valid yet.
    #[error("the authority \"{authority}\" is not valid before {not_before}")]
    NotYetValid {
        /// Its common name.
        authority: String,
        /// The first instant of validity.
        not_before: Time,
    },
    /// A certificate on the path may not sign certificates, or not these.
    #[error("a certificate on the path may not issue the one below it")]
    NotAuthority,
}

/// Why a revocation list is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListFault {
    /// Longer than accepted.
    #[error("longer than 16 MiB")]
    TooLong,
    /// No DER of a revocation list.
    #[error("not a well-formed revocation list")]
    Form,
    /// It does not say until when it holds.
    #[error("it does not say until when it holds")]
    NoEnd,
    /// A critical extension, of the list or of an entry, that is not understood.
    #[error("an unknown critical extension")]
    Critical,
    /// Its scope is of a kind that is not understood: indirect, or for some reasons only.
    #[error("a scope that is not understood")]
    Scope,
    /// A number that is none or too long, or a delta list without its own.
    #[error("a list number that is missing or malformed")]
    Number,
    /// Not signed by the issuer that it names, or by one that may not sign lists.
    #[error("not signed by its issuer")]
    Signature,
    /// Its number is lower than that of a list that was in use.
    #[error("older than a list that was in use")]
    Older,
}

impl Advised for CitizenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "citizen.malformed",
            Self::Expired { .. } => "citizen.expired",
            Self::NotYetValid { .. } => "citizen.not-yet-valid",
            Self::Usage(_) => "citizen.usage",
            Self::Authority(_) => "citizen.authority",
            Self::Chain(_) => "citizen.chain",
            Self::Algorithm(_) => "citizen.algorithm",
            Self::TestCard => "citizen.test-card",
            Self::Revoked(_) => "citizen.revoked",
            Self::OnHold(_) => "citizen.on-hold",
            Self::ListMissing(_) => "citizen.list-missing",
            Self::ListExpired { .. } => "citizen.list-expired",
            Self::ListPartition(_) => "citizen.list-partition",
            Self::ListMalformed { .. } => "citizen.list-malformed",
            Self::Signature => "citizen.signature",
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::Malformed(_) => "read the card again; if it stays so, the card is not supported",
            Self::Expired { .. } => "renew the citizen card: its certificates ended with it",
            Self::NotYetValid { .. } => "check the clock; a new card may also need a day",
            Self::Usage(_) => "use the card's authentication certificate, not the signature one",
            Self::Authority(_) => {
                "the operator adds the issuing authority of newer cards to the state's certificates"
            }
            Self::Chain(_) => "the operator brings the state's certificates up to date",
            Self::Algorithm(_) => "renew the citizen card: its key is of a kind no longer accepted",
            Self::TestCard => "use a real citizen card; test cards are for test installations only",
            Self::Revoked(_) => "this card cannot be used any more; ask for a new one",
            Self::OnHold(_) => {
                "activate the card: a new card leaves the list within a day of its activation"
            }
            Self::ListMissing(_) | Self::ListPartition(_) => {
                "the operator adds the issuer's revocation list that speaks of this card"
            }
            Self::ListExpired { .. } => "the operator fetches newer revocation lists",
            Self::ListMalformed { .. } => "the operator replaces the list that the log names",
            Self::Signature => "read the card again and sign again",
        };
        advice.into()
    }
}

/// Why the state's PKI could not be set up from its files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PkiError {
    /// There is nothing to trust.
    #[error("no anchor: nothing would be accepted")]
    NoAnchor,
    /// A file that holds nothing of its kind.
    #[error("neither PEM nor DER of what belongs there")]
    File,
    /// An anchor that is no authority's.
    #[error("anchor {position}: {cause}")]
    Anchor {
        /// Position among the anchors, from 0.
        position: usize,
        /// What is wrong.
        cause: CitizenError,
    },
}

/// One of the inputs that make up the state's PKI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PkiInput {
    /// What is trusted.
    #[error("anchor")]
    Anchor,
    /// What is needed to get there.
    #[error("intermediate")]
    Intermediate,
    /// What was revoked.
    #[error("list")]
    List,
}
