//! For the people who run the broker: `/healthz` and `/metrics`, on an address of their own.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::house::House;

/// Serves both pages until the process ends.
///
/// # Errors
/// Those of the listening socket.
pub async fn run(listener: TcpListener, house: Arc<House>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .with_state(house);
    axum::serve(listener, router).await
}

/// 200 while actions can be accepted, 503 with every reason, one a line, otherwise.
async fn health(State(house): State<Arc<House>>) -> (StatusCode, String) {
    let mut reasons = String::new();
    if !house.writer.health().works {
        reasons.push_str("store.failed: the store takes no commits; the log says why\n");
    }
    if house.stamps.newest().is_err() {
        reasons.push_str("tsa.down: no batch within 2 s\n");
    }
    if reasons.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, reasons)
    }
}

async fn metrics(State(house): State<Arc<House>>) -> String {
    house.metrics.render()
}
