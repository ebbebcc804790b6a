//! What the TSA says of itself: its key set and its CA certificate.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use pregao_protocol::wire::tsa::content;

use super::enrol;
use super::error::ApiError;
use crate::state::ServiceState;
use crate::witness::Witness;

pub(super) async fn jwks(State(tsa): State<Arc<ServiceState>>) -> Result<Response, ApiError> {
    let reading = enrol::read_clock(&tsa)?;
    let now = reading.now;
    let mut issuers = None;
    if let Some(citizens) = &tsa.citizens {
        // Stamps and tickets do not wait for citizens: what is stated already is served in any case.
        let _ = enrol::period(&tsa.host, citizens, reading).await;
        let known = citizens.issuers();
        let stated = known.jwks(now);
        issuers = (!stated.is_empty()).then(|| (known.key().public(), stated));
    }
    let witness = tsa.witness.as_ref().map(Witness::identity);
    let jwks = tsa.ca.jwks(&tsa.ticket.public(), &tsa.stamp, witness, issuers, now);
    let jwks = jwks.map_err(|error| {
        tracing::error!(%error, "cannot make the key set");
        ApiError::internal("the key set could not be made")
    })?;
    Ok(axum::Json(jwks).into_response())
}

pub(super) async fn ca_pem(State(tsa): State<Arc<ServiceState>>) -> Response {
    ([(header::CONTENT_TYPE, content::PEM)], tsa.ca.pem().to_owned()).into_response()
}
