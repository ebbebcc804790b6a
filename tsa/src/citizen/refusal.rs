//! Why an applicant gets no token: told to them alone, sealed, with a stable code.

use std::borrow::Cow;

use pregao_protocol::trust::citizen::CitizenError;
use pregao_protocol::trust::enrolment::ApplicationAnswer;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Advised;

use super::ocsp::OcspError;
use crate::challenge::ChallengeError;
use crate::code;

/// Why an application that could be opened was refused. Its text names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplicationRefusal {
    /// The offer named the issuer of a period that has ended.
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

impl Advised for ApplicationRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Issuer => code::CITIZEN_ISSUER,
            Self::Request => code::APPLICATION_MALFORMED,
            Self::Citizen(error) => error.code(),
            Self::Challenge(error) => error.code(),
            Self::Ocsp(error) => error.code(),
            Self::Used { .. } => code::CITIZEN_USED,
            Self::Failed => code::TSA_FAILED,
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::Issuer => "fetch the key set and a new offer, and apply again".into(),
            Self::Request => "blind the request with the key of the issuer offered".into(),
            Self::Citizen(error) => error.advice(),
            Self::Challenge(_) => "fetch a new offer from /api/citizen/offer".into(),
            Self::Ocsp(error) => error.advice(),
            Self::Used { until } => format!(
                "send the very request that was signed before to get its answer again, or apply \
                 from {until} on"
            )
            .into(),
            Self::Failed => {
                "apply again with the same request; the operator finds the cause in the log".into()
            }
        }
    }
}

impl ApplicationRefusal {
    /// As the applicant gets it.
    #[must_use]
    pub fn answer(&self) -> ApplicationAnswer {
        ApplicationAnswer::Refused(self.report())
    }
}
