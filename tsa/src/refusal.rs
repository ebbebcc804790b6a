//! What a client of the HTTP interface is told when it is refused: a status, a stable code, what
//! happened and what to do next.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pregao_protocol::certificate::CertificateError;
use pregao_protocol::certificate::ticket::TicketError;
use pregao_protocol::tsa::Refusal;

use crate::challenge::ChallengeError;
use crate::clock::ClockError;
use crate::stamper::StampRefusal;

/// A refusal as the client sees it.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    advice: &'static str,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        advice: &'static str,
    ) -> Self {
        Self { status, code, message: message.into(), advice }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "tsa.failed",
            message,
            "the operator finds the cause in the log",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (code, advice) = (self.code.to_owned(), self.advice.to_owned());
        let body = Refusal { code, message: self.message, advice };
        let mut response = (self.status, axum::Json(body)).into_response();
        response.extensions_mut().insert(Refused);
        response
    }
}

/// Marks a response as a refusal, for counting.
#[derive(Clone, Copy)]
pub(crate) struct Refused;

impl From<StampRefusal> for ApiError {
    fn from(refusal: StampRefusal) -> Self {
        let status = match refusal {
            StampRefusal::Count => StatusCode::BAD_REQUEST,
            StampRefusal::Clock(_)
            | StampRefusal::Store(_)
            | StampRefusal::Busy
            | StampRefusal::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, refusal.code(), refusal.to_string(), refusal.advice())
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
        "path.unknown",
        "there is nothing at this path",
        "the paths are in the specification, section 11",
    )
}

pub(crate) async fn unknown_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method.unknown",
        "this path does not take this method",
        "POST to /api/…, GET everything else",
    )
}

pub(crate) fn csr_error(error: CertificateError) -> ApiError {
    let (code, advice) = match error {
        CertificateError::Possession => {
            ("csr.signature", "sign the request with the very key it contains")
        }
        CertificateError::WeakKey => ("csr.weak-key", "make a new key"),
        CertificateError::Profile(_) => ("csr.key", "ask with an Ed25519 key"),
        _ => ("csr.malformed", "send a PKCS#10 request as PEM, or its DER in base64"),
    };
    ApiError::new(StatusCode::BAD_REQUEST, code, error.to_string(), advice)
}

pub(crate) fn invite_error(code: &'static str, message: &str) -> ApiError {
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
            ("certificate.expired", "get a new one from /api/sign-csr")
        }
        CertificateError::NotYetValid { .. } => {
            ("certificate.not-yet-valid", "compare the clocks of both sides")
        }
        CertificateError::Authority => {
            ("certificate.authority", "send a certificate of this TSA's own CA")
        }
        CertificateError::Purpose { .. } => ("certificate.purpose", "send a persona's certificate"),
        CertificateError::WeakKey => ("certificate.weak-key", "make a new key"),
        _ => ("certificate.malformed", "send the PEM that /api/sign-csr gave"),
    };
    ApiError::new(StatusCode::FORBIDDEN, code, error.to_string(), advice)
}

pub(crate) fn challenge_error(error: ChallengeError, renew: &'static str) -> ApiError {
    let (status, advice) = match error {
        ChallengeError::Unknown => (StatusCode::FORBIDDEN, renew),
        ChallengeError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "try again in a minute"),
    };
    ApiError::new(status, error.code(), error.to_string(), advice)
}

pub(crate) fn proof_error(error: TicketError) -> ApiError {
    let code = match error {
        TicketError::Binding => "proof.certificate",
        TicketError::Content => "proof.content",
        _ => "proof.signature",
    };
    ApiError::new(
        StatusCode::FORBIDDEN,
        code,
        error.to_string(),
        "sign {challenge, aud, certificate} with the certified key, as the specification shows",
    )
}
