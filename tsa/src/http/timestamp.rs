//! One stamp by HTTP, and the setting of a simulated clock.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use pregao_protocol::log::stamp;
use pregao_protocol::value::clock::Time;
use pregao_protocol::wire::tsa::{SetTime, TimeAnswer, Timestamp};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::oneshot;

use super::error::ApiError;
use super::request::{answered, parse};
use crate::clock::ClockError;
use crate::code;
use crate::stamper::{GrantedSlots, StampRefusal};
use crate::state::ServiceState;

pub(super) async fn timestamp(
    State(tsa): State<Arc<ServiceState>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let request: Timestamp = parse(body)?;
    let (reply, answer) = oneshot::channel();
    tsa.stamper.stamp(
        vec![request.digest],
        Box::new(move |answer| {
            // The asker may have left: then nobody needs the stamp.
            let _ = reply.send(answer);
        }),
    );
    let GrantedSlots { batch, slots } = answer.await.map_err(|_| StampRefusal::Stopping)??;
    let slot = slots.first().copied().ok_or(StampRefusal::Count)?;
    let stamp = stamp::FullStamp {
        batch: batch.compact.clone(),
        index: u64::from(slot),
        path: batch.path(slot),
    };
    Ok(answered::<Timestamp>(stamp))
}

pub(super) async fn set_time(
    State(tsa): State<Arc<ServiceState>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let request: SetTime = parse(body)?;
    let target = rfc3339(&request.time).ok_or_else(|| {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            code::TIME_MALFORMED,
            "not a time in RFC 3339",
            "send something like 2026-11-20T13:00:00Z",
        )
    })?;
    change_time(&tsa, Some(target)).await
}

pub(super) async fn reset_time(State(tsa): State<Arc<ServiceState>>) -> Result<Response, ApiError> {
    change_time(&tsa, None).await
}

fn rfc3339(text: &str) -> Option<Time> {
    let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let micros = u64::try_from(instant.unix_timestamp_nanos() / 1_000).ok()?;
    Time::from_micros(micros).ok()
}

async fn change_time(tsa: &ServiceState, target: Option<Time>) -> Result<Response, ApiError> {
    let (reply, answer) = oneshot::channel();
    tsa.stamper.set_time(
        target,
        Box::new(move |answer| {
            let _ = reply.send(answer);
        }),
    );
    match answer.await.map_err(|_| StampRefusal::Stopping)? {
        Ok(time) => Ok(answered::<SetTime>(TimeAnswer { time })),
        Err(StampRefusal::Clock(ClockError::Behind { highest, .. })) => Err(ApiError::new(
            StatusCode::CONFLICT,
            code::TIME_BACK,
            format!("stamps up to {highest} are signed, and signed time never goes back"),
            "set a later time, or start with a new data folder",
        )),
        Err(refusal) => Err(refusal.into()),
    }
}
