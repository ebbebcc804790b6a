//! Cosignatures of heads, and who may ask for them.

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use pregao_protocol::wire::delivery::{
    AnswerDelivery, AnswerTaken, AskDelivery, Deliver, FetchDelivery, Left,
};
use pregao_protocol::wire::tsa::{TsaRequest as _, content, path};
use pregao_protocol::wire::witness::{
    CheckpointAnswer, CheckpointRefusal, MAX_REQUEST, RegisterBroker, Registered,
};

use super::error::{ApiError, RefusalMarker};
use super::request::{answered, no_randomness, parse, whole};
use crate::witness::deliveries::DeliveryRefusal;
use crate::witness::{DeliverError, RegisterError, Witness};

/// The routes of a witness.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(witness: Witness) -> Router<S> {
    let (head, broker) = (post(add_checkpoint), post(register));
    Router::new()
        .route(path::ADD_CHECKPOINT, head.layer(DefaultBodyLimit::max(MAX_REQUEST)))
        .route(path::WITNESS_BROKERS, broker.layer(DefaultBodyLimit::max(RegisterBroker::MAX)))
        .route(path::WITNESS_KEY, get(key))
        .route(path::DELIVER, post(deliver).layer(DefaultBodyLimit::max(Deliver::MAX)))
        .route(path::FETCH_DELIVERY, post(fetch).layer(DefaultBodyLimit::max(FetchDelivery::MAX)))
        .route(
            path::ANSWER_DELIVERY,
            post(answer).layer(DefaultBodyLimit::max(AnswerDelivery::MAX)),
        )
        .route(path::ASK_DELIVERY, post(ask).layer(DefaultBodyLimit::max(AskDelivery::MAX)))
        .with_state(witness)
}

/// `POST /api/witness/add-checkpoint`.
async fn add_checkpoint(
    State(witness): State<Witness>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = whole(body, "send at most 16 KiB")?;
    Ok(response(&witness.add_checkpoint(&body).await))
}

fn response(answer: &CheckpointAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let kind = [(header::CONTENT_TYPE, answer.content_type())];
    let mut response = (status, kind, answer.body()).into_response();
    if let Some(seconds) = answer.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // That a broker begins at another size than the witness is how the two get to know each other.
    let begins = matches!(answer, CheckpointAnswer::Refused(CheckpointRefusal::Conflict { .. }));
    if status != StatusCode::OK && !begins {
        response.extensions_mut().insert(RefusalMarker);
    }
    response
}

/// `POST /api/witness/brokers`.
async fn register(
    State(witness): State<Witness>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let request: RegisterBroker = parse(body)?;
    witness.register(request).await.map_err(|error| {
        let status = match error {
            RegisterError::Certificate(_) => StatusCode::BAD_REQUEST,
            RegisterError::NotNamed | RegisterError::Simulated | RegisterError::Full => {
                StatusCode::FORBIDDEN
            }
            RegisterError::OtherHead => StatusCode::CONFLICT,
            RegisterError::Busy => StatusCode::TOO_MANY_REQUESTS,
            RegisterError::Fault(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        ApiError::of(status, &error)
    })?;
    Ok(answered::<RegisterBroker>(Registered {}))
}

/// `POST /api/witness/deliver`.
async fn deliver(
    State(witness): State<Witness>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    witness.deliver(parse(body)?).map_err(deliver_error)?;
    Ok(answered::<Deliver>(Left {}))
}

/// `POST /api/witness/fetch-delivery`.
async fn fetch(
    State(witness): State<Witness>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let fetched = witness.fetch_delivery(&parse(body)?).map_err(deliver_error)?;
    Ok(answered::<FetchDelivery>(fetched))
}

/// `POST /api/witness/answer-delivery`.
async fn answer(
    State(witness): State<Witness>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    witness.answer_delivery(parse(body)?).map_err(deliver_error)?;
    Ok(answered::<AnswerDelivery>(AnswerTaken {}))
}

/// `POST /api/witness/ask-delivery`.
async fn ask(
    State(witness): State<Witness>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let state = witness.ask_delivery(parse(body)?).await.map_err(deliver_error)?;
    Ok(answered::<AskDelivery>(state))
}

fn deliver_error(error: DeliverError) -> ApiError {
    match error {
        DeliverError::Refused(refusal) => {
            let status = match refusal {
                DeliveryRefusal::Broker => StatusCode::FORBIDDEN,
                DeliveryRefusal::Full => StatusCode::TOO_MANY_REQUESTS,
                DeliveryRefusal::Poll | DeliveryRefusal::Answer(_) => StatusCode::BAD_REQUEST,
                DeliveryRefusal::Unknown => StatusCode::NOT_FOUND,
            };
            ApiError::of(status, &refusal)
        }
        DeliverError::Fault(fault) => ApiError::of(StatusCode::SERVICE_UNAVAILABLE, &fault),
        DeliverError::Randomness(error) => no_randomness(error),
    }
}

/// `GET /witness.vkey`.
async fn key(State(witness): State<Witness>) -> Response {
    let text = format!("{}\n{}\n", witness.verifier_key(), witness.identity().operator);
    ([(header::CONTENT_TYPE, content::TEXT)], text).into_response()
}

/// Lines for the metrics, as Prometheus reads them.
pub(super) fn metrics(witness: &Witness) -> String {
    let counts = witness.counts();
    [
        ("pregao_witness_cosigned_total", "counter", counts.cosigned),
        ("pregao_witness_repeated_total", "counter", counts.again),
        ("pregao_witness_refusals_total", "counter", counts.refused),
        ("pregao_witness_logs", "gauge", counts.logs),
        ("pregao_witness_brokers", "gauge", counts.brokers),
        ("pregao_witness_deliveries", "gauge", counts.deliveries),
        ("pregao_witness_conflicts", "gauge", counts.conflicts),
        ("pregao_witness_working", "gauge", u64::from(witness.fault().is_none())),
    ]
    .iter()
    .map(|(name, kind, value)| format!("# TYPE {name} {kind}\n{name} {value}\n"))
    .collect()
}
