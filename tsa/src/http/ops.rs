//! For the people who run the TSA: `/healthz` and `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use pregao_protocol::wire::tsa::{Health, content, path};

use super::error::ApiError;
use super::witness;
use crate::citizen::coarse;
use crate::code;
use crate::stamper::StampRefusal;
use crate::state::{MAX_STREAMS, ServiceState};
use crate::witness::Witness;

/// Without a batch for this long the stamper is not well: one is promised each second.
const MAX_SILENCE: Duration = Duration::from_secs(3);

pub(super) async fn healthz(State(tsa): State<Arc<ServiceState>>) -> Result<Response, ApiError> {
    let health = tsa.stamper.health();
    if let Some(fault) = health.fault {
        return Err(fault.into());
    }
    let (batch, time) = health.latest.unzip();
    let now = tsa.stamper.now()?;
    if time.is_none_or(|time| now.since(time) > MAX_SILENCE) {
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code::STAMP_STALLED,
            format!("no batch was signed for more than {} s", MAX_SILENCE.as_secs()),
            "look for a slow disk or a busy machine; restart if it stays so",
        ));
    }
    Ok(axum::Json(Health { status: "ok".to_owned(), batch, time }).into_response())
}

pub(super) async fn metrics(State(tsa): State<Arc<ServiceState>>) -> Response {
    let counts = tsa.stamper.counts();
    let health = tsa.stamper.health();
    let streams = MAX_STREAMS.saturating_sub(tsa.load.streams.available_permits());
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let certificates = read(&tsa.load.certificates);
    let certificates = if tsa.citizens.is_some() { coarse(certificates) } else { certificates };
    let clock = matches!(health.fault, Some(StampRefusal::Clock(_)));
    let store = matches!(health.fault, Some(StampRefusal::Store(_)));
    let lines = [
        ("pregao_tsa_batches_total", "counter", counts.batches),
        ("pregao_tsa_stamps_total", "counter", counts.stamps),
        ("pregao_tsa_stamp_refusals_total", "counter", counts.refusals),
        ("pregao_tsa_http_refusals_total", "counter", read(&tsa.load.refusals)),
        ("pregao_tsa_certificates_total", "counter", certificates),
        ("pregao_tsa_tickets_total", "counter", read(&tsa.load.tickets)),
        ("pregao_tsa_streams", "gauge", u64::try_from(streams).unwrap_or(u64::MAX)),
        ("pregao_tsa_clock_trusted", "gauge", u64::from(!clock)),
        ("pregao_tsa_store_working", "gauge", u64::from(!store)),
    ];
    let mut text: String = lines
        .iter()
        .map(|(name, kind, value)| format!("# TYPE {name} {kind}\n{name} {value}\n"))
        .collect();
    if let Some(citizens) = &tsa.citizens {
        text.push_str(&citizens.metrics());
    }
    if let Some(cosigning) = &tsa.witness {
        text.push_str(&witness::metrics(cosigning));
    }
    ([(header::CONTENT_TYPE, content::METRICS)], text).into_response()
}

/// The same two of a witness without a TSA.
pub(super) fn witness_routes(cosigning: Witness) -> Router {
    Router::new()
        .route(path::HEALTH, get(witness_healthz))
        .route(path::METRICS, get(witness_metrics))
        .with_state(cosigning)
}

async fn witness_healthz(State(cosigning): State<Witness>) -> Result<Response, ApiError> {
    match cosigning.health() {
        Ok(now) => {
            let health = Health { status: "ok".to_owned(), batch: None, time: Some(now) };
            Ok(axum::Json(health).into_response())
        }
        Err(fault) => Err(ApiError::of(StatusCode::SERVICE_UNAVAILABLE, &fault)),
    }
}

async fn witness_metrics(State(cosigning): State<Witness>) -> Response {
    ([(header::CONTENT_TYPE, content::METRICS)], witness::metrics(&cosigning)).into_response()
}
