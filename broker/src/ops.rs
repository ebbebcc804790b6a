//! For the people who run the broker: `/healthz` and `/metrics`, on an address of their own.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::shared::Shared;

/// Serves both pages until the process ends.
///
/// # Errors
/// Those of the listening socket.
pub async fn run(listener: TcpListener, shared: Arc<Shared>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .with_state(shared);
    axum::serve(listener, router).await
}

/// 200 while actions can be accepted, 503 with every reason, one a line, otherwise. Which witness does not
/// answer, and which TSA gives no time-lock, is said in both.
async fn health(State(shared): State<Arc<Shared>>) -> (StatusCode, String) {
    let mut reasons = String::new();
    if !shared.writer.health().works {
        reasons.push_str("store.failed: the store takes no commits; the log says why\n");
    }
    if shared.stamps.newest().is_err() {
        reasons.push_str("tsa.down: no batch within 2 s\n");
    }
    let silent = shared.witnesses.silent() + &shared.timelocks.missing();
    if reasons.is_empty() {
        (StatusCode::OK, format!("ok\n{silent}"))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, reasons + &silent)
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> String {
    shared.metrics.render() + &shared.witnesses.render()
}
