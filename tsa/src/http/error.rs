//! What a client of the HTTP interface is told when it is refused: a status, a stable code, what
//! happened and what to do next.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pregao_protocol::trust::certificate::CertificateError;
use pregao_protocol::trust::certificate::ticket::TicketError;
use pregao_protocol::value::report::{Advised, Report};

use crate::challenge::ChallengeError;
use crate::clock::ClockError;
use crate::code;
use crate::stamper::StampRefusal;

/// A refusal as the client sees it.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    report: Report,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        advice: &'static str,
    ) -> Self {
        Self { status, report: Report::new(code, message, advice) }
    }

    /// An error that has code and advice of its own.
    pub(crate) fn of(status: StatusCode, error: &impl Advised) -> Self {
        Self { status, report: error.report() }
    }

    pub(crate) fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            code::TSA_FAILED,
            message,
            "the operator finds the cause in the log",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.report)).into_response();
        response.extensions_mut().insert(RefusalMarker);
        response
    }
}

/// Marks a response as a refusal, for counting.
#[derive(Clone, Copy)]
pub(crate) struct RefusalMarker;

impl From<StampRefusal> for ApiError {
    fn from(refusal: StampRefusal) -> Self {
        let status = match refusal {
            StampRefusal::Count => StatusCode::BAD_REQUEST,
            StampRefusal::Clock(_)
            | StampRefusal::Store(_)
            | StampRefusal::Busy
            | StampRefusal::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::of(status, &refusal)
    }
}

impl From<ClockError> for ApiError {
    fn from(error: ClockError) -> Self {
        StampRefusal::from(error).into()
    }
}

pub(crate) async fn unknown_path() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        code::PATH_UNKNOWN,
        "there is nothing at this path",
        "the paths are in the specification, section 11",
    )
}

pub(crate) async fn unknown_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        code::METHOD_UNKNOWN,
        "this path does not take this method",
        "POST to /api/…, GET everything else",
    )
}

pub(crate) fn csr_error(error: CertificateError) -> ApiError {
    let (code, advice) = match error {
        CertificateError::Possession => {
            (code::CSR_SIGNATURE, "sign the request with the very key it contains")
        }
        CertificateError::WeakKey => (code::CSR_WEAK_KEY, "make a new key"),
        CertificateError::Profile(_) => (code::CSR_KEY, "ask with an Ed25519 key"),
        _ => (code::CSR_MALFORMED, "send a PKCS#10 request as PEM, or its DER in base64"),
    };
    ApiError::new(StatusCode::BAD_REQUEST, code, error.to_string(), advice)
}

pub(crate) fn invite_error(code: &'static str, message: &'static str) -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        code,
        message,
        "ask the operator for a code of `pregao-tsa invite` and send it as \"invite\"",
    )
}

pub(crate) fn certificate_error(error: CertificateError) -> ApiError {
    let (code, advice) = match error {
        CertificateError::Expired { .. } => {
            (code::CERTIFICATE_EXPIRED, "get a new one from /api/sign-csr")
        }
        CertificateError::NotYetValid { .. } => {
            (code::CERTIFICATE_NOT_YET_VALID, "compare the clocks of both sides")
        }
        CertificateError::Authority => {
            (code::CERTIFICATE_AUTHORITY, "send a certificate of this TSA's own CA")
        }
        CertificateError::Purpose { .. } => {
            (code::CERTIFICATE_PURPOSE, "send a persona's certificate")
        }
        CertificateError::WeakKey => (code::CERTIFICATE_WEAK_KEY, "make a new key"),
        _ => (code::CERTIFICATE_MALFORMED, "send the PEM that /api/sign-csr gave"),
    };
    ApiError::new(StatusCode::FORBIDDEN, code, error.to_string(), advice)
}

/// `renew` says where another challenge comes from.
pub(crate) fn challenge_error(error: ChallengeError, renew: &'static str) -> ApiError {
    let status = match error {
        ChallengeError::Unknown => StatusCode::FORBIDDEN,
        ChallengeError::Busy => StatusCode::SERVICE_UNAVAILABLE,
    };
    ApiError { status, report: error.report(renew) }
}

pub(crate) fn proof_error(error: TicketError) -> ApiError {
    let code = match error {
        TicketError::Binding => code::PROOF_CERTIFICATE,
        TicketError::Content => code::PROOF_CONTENT,
        _ => code::PROOF_SIGNATURE,
    };
    ApiError::new(
        StatusCode::FORBIDDEN,
        code,
        error.to_string(),
        "sign {challenge, aud, certificate} with the certified key, as the specification shows",
    )
}
