//! The `ops` door: metrics and health, without identity, for this machine only.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::build::Server;

/// `/metrics`, `/live`, `/ready`.
pub(super) fn routes(server: Arc<Server>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/live", get(live))
        .route("/ready", get(ready))
        .with_state(server)
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], server.metrics.render()).into_response()
}

async fn live(State(server): State<Arc<Server>>) -> Response {
    answer(server.health.is_live(), server.health.live())
}

async fn ready(State(server): State<Arc<Server>>) -> Response {
    answer(server.health.is_ready(), server.health.ready())
}

fn answer(well: bool, words: String) -> Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CONTENT_TYPE, "application/json")], words).into_response()
}
