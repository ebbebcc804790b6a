//! The TSA's HTTP interface (SPEC 11): bounded, parsed strictly, every refusal with a stable code.
//!
//! - `persona` certificates and tickets; `enrol` blind enrolment of citizens; `jwks` the TSA's keys
//! - `timestamp` one stamp, and simulated time; `stream` the stamps of a broker; `ops` for the operator
//! - `witness` cosignatures of heads, here and at a witness without a TSA
//! - `request` bodies and answers; `error` what a client is told

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use pregao_protocol::wire::tsa::{
    CitizenEnrol, CitizenOffer, Issue, NewChallenge, ResetTime, SetTime, SignCsr, Timestamp,
    TsaRequest as WireRequest, path,
};
use tokio::sync::Semaphore;

use crate::code;
use crate::state::{MAX_REQUESTS, ServiceState};
use crate::witness::Witness;
use error::{ApiError, RefusalMarker, unknown_method, unknown_path};

mod enrol;
mod error;
mod jwks;
mod ops;
mod persona;
mod request;
mod stream;
mod timelock;
mod timestamp;
mod witness;

/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// All routes. Setting the time exists only if the CA says that time is simulated.
pub fn router(tsa: Arc<ServiceState>) -> Router {
    let mut api = Router::new()
        .route(path::SIGN_CSR, posted::<SignCsr>(post(persona::sign_csr)))
        .route(path::CHALLENGE, posted::<NewChallenge>(post(persona::challenge)))
        .route(path::CITIZEN_OFFER, posted::<CitizenOffer>(post(enrol::offer)))
        .route(path::CITIZEN_ENROL, posted::<CitizenEnrol>(post(enrol::enrol)))
        .route(path::ISSUE, posted::<Issue>(post(persona::issue)))
        .route(path::TIMESTAMP, posted::<Timestamp>(post(timestamp::timestamp)))
        .route(path::TIMELOCK, get(timelock::timelock))
        .route(path::JWKS, get(jwks::jwks))
        .route(path::CA, get(jwks::ca_pem));
    if tsa.ca.simulated() {
        api = api
            .route(path::SET_TIME, posted::<SetTime>(post(timestamp::set_time)))
            .route(path::RESET_TIME, posted::<ResetTime>(post(timestamp::reset_time)));
    }
    if let Some(cosigning) = &tsa.witness {
        api = api.merge(witness::routes(cosigning.clone()));
    }
    api.layer(middleware::from_fn_with_state(Arc::clone(&tsa.load.requests), bounded))
        .route(path::STREAM, get(stream::open_stream))
        .route(path::HEALTH, get(ops::healthz))
        .route(path::METRICS, get(ops::metrics))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&tsa), counted))
        .with_state(tsa)
}

/// Bounds the body of a route by the limit of its request.
fn posted<R: WireRequest>(
    route: MethodRouter<Arc<ServiceState>>,
) -> MethodRouter<Arc<ServiceState>> {
    route.layer(DefaultBodyLimit::max(R::MAX))
}

/// The routes of a witness without a TSA.
pub fn witness_router(cosigning: &Witness) -> Router {
    let requests = Arc::new(Semaphore::new(MAX_REQUESTS));
    witness::routes(cosigning.clone())
        .layer(middleware::from_fn_with_state(requests, bounded))
        .merge(ops::witness_routes(cosigning.clone()))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
}

async fn bounded(State(requests): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(_permit) = requests.try_acquire() else {
        return ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code::TSA_BUSY,
            format!("{MAX_REQUESTS} requests are being worked on"),
            "try again in a moment",
        )
        .into_response();
    };
    let advice = if request.uri().path() == path::CITIZEN_ENROL {
        "apply again with the same request: if it was signed meanwhile, its answer comes again"
    } else {
        "send the whole body at once"
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            code::TSA_TIMEOUT,
            format!("the request took longer than {} s", REQUEST_TIMEOUT.as_secs()),
            advice,
        )
        .into_response(),
    }
}

async fn counted(State(tsa): State<Arc<ServiceState>>, request: Request, next: Next) -> Response {
    let asked = request.uri().path().to_owned();
    let response = next.run(request).await;
    if response.extensions().get::<RefusalMarker>().is_some() {
        // Of citizens neither: log and counter must not show even a time and an outcome.
        let spent = tsa.citizens.is_some() && asked == path::SIGN_CSR;
        if spent || asked.starts_with(path::CITIZEN) {
            return response;
        }
        tsa.load.refusals.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(path = asked, status = response.status().as_u16(), "refused");
    }
    response
}
