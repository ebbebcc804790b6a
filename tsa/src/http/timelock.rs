//! Keys kept until an instant, and their secrets once that has passed.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use pregao_protocol::trust::timelock::OpenedLock;
use pregao_protocol::wire::tsa::TimeLockAnswer;

use super::error::ApiError;
use super::request::no_randomness;
use crate::code;
use crate::host;
use crate::state::ServiceState;
use crate::timelock::TimeLockRefusal;

/// `GET /api/timelock?at=SECONDS`.
pub(super) async fn timelock(
    State(tsa): State<Arc<ServiceState>>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let at = query.as_deref().and_then(seconds).ok_or_else(|| {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            code::TIMELOCK_AT,
            "it is not said of which instant",
            "ask with ?at= and whole seconds since 1970, without anything else",
        )
    })?;
    let (locks, random) = (Arc::clone(&tsa.timelocks), Arc::clone(&tsa.host.random));
    let stated = host::blocking(&tsa.host, move || locks.state(at, &*random)).await;
    let stated = stated.ok_or_else(|| ApiError::internal("the key could not be stated"))?;
    let stated = stated.map_err(refused)?;
    let secret = stated.secret.map(|secret| OpenedLock(*secret.expose()));
    Ok(axum::Json(TimeLockAnswer { statement: stated.statement, secret }).into_response())
}

/// The one spelling of a number: digits without a zero in front.
fn seconds(query: &str) -> Option<u64> {
    let digits = query.strip_prefix("at=")?;
    let at: u64 = digits.parse().ok()?;
    (at.to_string() == digits).then_some(at)
}

fn refused(refusal: TimeLockRefusal) -> ApiError {
    let (status, code, advice) = match &refusal {
        TimeLockRefusal::Far => {
            (StatusCode::BAD_REQUEST, code::TIMELOCK_FAR, "ask for an instant of the next 370 days")
        }
        TimeLockRefusal::Never => {
            (StatusCode::NOT_FOUND, code::TIMELOCK_NEVER, "ask for an instant to come")
        }
        TimeLockRefusal::Clock(error) => {
            return ApiError::of(StatusCode::SERVICE_UNAVAILABLE, error);
        }
        TimeLockRefusal::Random(error) => return no_randomness(*error),
        TimeLockRefusal::Store(error) => {
            tracing::error!(%error, "cannot keep what time-locks are made from");
            return ApiError::internal("the key could not be kept");
        }
    };
    ApiError::new(status, code, refusal.to_string(), advice)
}
