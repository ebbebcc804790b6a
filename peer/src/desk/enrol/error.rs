//! What can stop an enrolment, and what to do about it.

use std::borrow::Cow;

use pregao_protocol::trust::enrolment::EnrolmentError;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Advised as _;

use super::issuer::IssuerConflict;
use super::report::about;
use crate::net::tsa::TsaError;
use crate::vault::VaultError;

/// What stops an enrolment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The TSA.
    #[error(transparent)]
    Authority(#[from] TsaError),
    /// The persona is certified by another CA.
    #[error("the persona here belongs to the CA {expected}, and that TSA's is {got}")]
    OtherAuthority {
        /// The CA in the vault.
        expected: Fingerprint,
        /// The CA at the address.
        got: Fingerprint,
    },
    /// No randomness for a key.
    #[error("the system gives no random numbers")]
    Random,
    /// The card does not sign, or its holder does not want it to.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The application was handed in and its answer did not come.
    #[error("the request was sent, and no answer came")]
    AnswerLost(#[source] TsaError),
    /// What the TSA sealed as its answer does not hold.
    #[error("the TSA's answer to the card does not hold")]
    Protocol(#[from] EnrolmentError),
    /// No issuer signs at this time.
    #[error("the TSA signs no requests of citizens at {now}")]
    NoIssuer {
        /// The time.
        now: Time,
    },
    /// The issuer is another than the one kept for the same period, or its dates are.
    #[error("{0}")]
    OtherIssuer(Box<IssuerConflict>),
    /// The period ended while the card was being asked.
    #[error("the issuer's period ended at {until}, while the request was being made")]
    PeriodOver {
        /// When it ended.
        until: Time,
    },
    /// There is a token for this period.
    #[error("the vault holds the token of this period, which ends at {until}")]
    AlreadyHeld {
        /// End of the period.
        until: Time,
    },
    /// No TSA is named, and no vault knows one.
    #[error("no TSA is known")]
    NoAddress,
    /// There is no token to spend.
    #[error("the vault holds no token to spend")]
    NoToken,
    /// Before the proposed time.
    #[error("the token is to be spent {} (at {until}) or later, and it is {now}", about(.until.since(*.now)))]
    TooEarly {
        /// The proposed time.
        until: Time,
        /// Now.
        now: Time,
    },
    /// Tokens of that period buy nothing any more.
    #[error("the token's time was over at {until}")]
    TokenOver {
        /// When it was over.
        until: Time,
    },
    /// A token is held and no certificate was bought with it.
    #[error("the persona here has no certificate yet, but a token that buys one")]
    Waiting {
        /// The proposed time.
        until: Option<Time>,
    },
    /// The card was never asked, or not to the end.
    #[error("the persona here has no certificate yet: enrolling with the card was not finished")]
    Unfinished,
}

/// Why a signature by the citizen card was not come by. The texts hold nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SignerError {
    /// What happened.
    pub message: String,
    /// What to do next.
    pub advice: String,
}

impl EnrolError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Cow<'static, str> {
        let text = match self {
            Self::Vault(error) => return error.advice(),
            Self::Authority(error) => return error.advice(),
            Self::Signer(error) => return error.advice.clone().into(),
            Self::OtherAuthority { .. } => {
                "enrol with that CA in another folder: choose one with --data"
            }
            Self::Random => "restart the program",
            Self::AnswerLost(_) => {
                "nothing is lost: run the same command again; the very same request is sent, and \
                 the TSA gives it the very same answer"
            }
            Self::Protocol(_) => {
                "run the same command again; if it stays so, tell whoever runs the TSA"
            }
            Self::NoIssuer { .. } => {
                "check this machine's clock; ask whoever runs the TSA when its next period begins"
            }
            Self::OtherIssuer(_) => {
                "go no further: a key that others do not get would give your persona away; compare \
                 both with other people who enrol there, and with whoever runs the TSA; what it signed \
                 is kept in the folder evidence"
            }
            Self::PeriodOver { .. } => "run the same command again, for the new period",
            Self::AlreadyHeld { .. } => "spend it: pregao enrol --spend",
            Self::NoAddress => "give its address: pregao enrol --tsa http://host:port/#fingerprint",
            Self::NoToken => "fetch one with your card: pregao enrol --card",
            Self::TooEarly { .. } => {
                "wait, so that the time does not tell which persona is yours; or give --now"
            }
            Self::TokenOver { .. } => {
                "fetch one of the present period with your card: pregao enrol --card"
            }
            Self::Waiting { until: Some(until) } => {
                return format!("spend it at {until} or later: pregao enrol --spend").into();
            }
            Self::Waiting { until: None } => "spend it: pregao enrol --spend",
            Self::Unfinished => "run it again: pregao enrol --card",
        };
        text.into()
    }
}
