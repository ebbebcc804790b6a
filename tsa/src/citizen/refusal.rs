//! Why an applicant gets no token: told to them alone, sealed, with a stable code.

use pregao_protocol::citizen::CitizenError;
use pregao_protocol::clock::Time;
use pregao_protocol::enrolment::Answer;

use super::ocsp::OcspError;
use crate::challenge::ChallengeError;

/// Why an application that could be opened was refused. Its text names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The offer named the issuer of a period that is over.
    #[error("the offer was made in a period that is over")]
    Issuer,
    /// The blinded request is no number below the issuer's modulus.
    #[error("the blinded request is not one that the issuer can sign")]
    Request,
    /// The state's PKI, or the card's signature.
    #[error(transparent)]
    Citizen(#[from] CitizenError),
    /// The offer was used up by a faster application.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// The state's responder.
    #[error(transparent)]
    Ocsp(#[from] OcspError),
    /// Another request of this citizen was signed in this period.
    #[error("another request of this citizen was signed in this period, which ends at {until}")]
    Used {
        /// The end of the period.
        until: Time,
    },
    /// The count could not be kept, or the signature not made.
    #[error("the TSA could not finish the enrolment")]
    Failed,
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Issuer => "citizen.issuer",
            Self::Request => "application.malformed",
            Self::Citizen(error) => error.code(),
            Self::Challenge(error) => error.code(),
            Self::Ocsp(error) => error.code(),
            Self::Used { .. } => "citizen.used",
            Self::Failed => "tsa.failed",
        }
    }

    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Issuer => "fetch the sheet of keys and a new offer, and apply again".to_owned(),
            Self::Request => "blind the request with the key of the issuer offered".to_owned(),
            Self::Citizen(error) => error.advice().to_owned(),
            Self::Challenge(_) => "fetch a new offer from /api/citizen/offer".to_owned(),
            Self::Ocsp(error) => error.advice().to_owned(),
            Self::Used { until } => format!(
                "send the very request that was signed before to get its answer again, or apply \
                 from {until} on"
            ),
            Self::Failed => {
                "apply again with the same request; the operator finds the cause in the log"
                    .to_owned()
            }
        }
    }

    /// As the applicant gets it.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer::Refused {
            code: self.code().to_owned(),
            message: self.to_string(),
            advice: self.advice(),
        }
    }
}
