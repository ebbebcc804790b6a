//! What the handlers of all requests need: the body read, the answer written, random bytes.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use pregao_protocol::host::{Host, NoRandomness};
use pregao_protocol::tsa::{MAX_REQUEST, Request, WireError};

use crate::refusal::ApiError;

/// Reads the body of a request.
pub(crate) fn parse<R: Request>(body: Result<Bytes, BytesRejection>) -> Result<R, ApiError> {
    let advice = if R::MAX > MAX_REQUEST { "send at most 32 KiB" } else { "send at most 16 KiB" };
    let bytes = body.map_err(|rejection| {
        let status = rejection.status();
        let code =
            if status == StatusCode::PAYLOAD_TOO_LARGE { "body.too-long" } else { "body.broken" };
        ApiError::new(status, code, rejection.body_text(), advice)
    })?;
    R::parse(&bytes).map_err(|error| {
        let (status, code, advice) = match error {
            WireError::TooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body.too-long", advice),
            _ => (
                StatusCode::BAD_REQUEST,
                "body.json",
                "send the JSON object the specification shows for this path",
            ),
        };
        ApiError::new(status, code, error.to_string(), advice)
    })
}

/// The answer to a request.
pub(crate) fn answered<R: Request>(answer: R::Answer) -> Response {
    axum::Json(answer).into_response()
}

/// Fills a buffer with random bytes.
pub(crate) fn random(host: &Host, bytes: &mut [u8]) -> Result<(), ApiError> {
    host.random.fill(bytes).map_err(no_randomness)
}

/// Logs that there are no random bytes; what the client is told of it.
pub(crate) fn no_randomness(error: NoRandomness) -> ApiError {
    tracing::error!("{error}");
    ApiError::internal(error.to_string())
}
