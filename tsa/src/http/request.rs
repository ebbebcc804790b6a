//! What the handlers of all requests need: the body read, the answer written, random bytes.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use pregao_protocol::host::{Host, NoRandomness};
use pregao_protocol::wire::delivery::MAX_DELIVERY_REQUEST;
use pregao_protocol::wire::tsa::{MAX_APPLICATION_REQUEST, MAX_REQUEST, TsaRequest, WireError};

use super::error::ApiError;
use crate::code;

/// The bytes of a body.
pub(crate) fn whole(
    body: Result<Bytes, BytesRejection>,
    advice: &'static str,
) -> Result<Bytes, ApiError> {
    body.map_err(|rejection| {
        let status = rejection.status();
        let code = if status == StatusCode::PAYLOAD_TOO_LARGE {
            code::BODY_TOO_LONG
        } else {
            code::BODY_BROKEN
        };
        ApiError::new(status, code, rejection.body_text(), advice)
    })
}

/// Reads the body of a request.
pub(crate) fn parse<R: TsaRequest>(body: Result<Bytes, BytesRejection>) -> Result<R, ApiError> {
    let limits = [
        (MAX_REQUEST, "send at most 16 KiB"),
        (MAX_APPLICATION_REQUEST, "send at most 32 KiB"),
        (MAX_DELIVERY_REQUEST, "send at most 40 KiB"),
    ];
    let advice = limits.iter().find(|(most, _)| R::MAX <= *most);
    let advice = advice.map_or("send at most 68 KiB", |(_, advice)| advice);
    let bytes = whole(body, advice)?;
    R::parse(&bytes).map_err(|error| {
        let (status, code, advice) = match error {
            WireError::TooLong { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, code::BODY_TOO_LONG, advice)
            }
            _ => (
                StatusCode::BAD_REQUEST,
                code::BODY_JSON,
                "send the JSON object the specification shows for this path",
            ),
        };
        ApiError::new(status, code, error.to_string(), advice)
    })
}

/// The answer to a request.
pub(crate) fn answered<R: TsaRequest>(answer: R::Answer) -> Response {
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
