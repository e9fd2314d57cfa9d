//! The door of the port at which browsers on this machine are answered: `loopback` decides.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};

use super::super::page::{HEADERS, page};
use super::files::Files;
use super::loopback::{Loopback, Refusal};
use crate::env::Clock;
use crate::http::Door;
use crate::jobs::Tasks;
use crate::kernel::Fault;
use crate::wire::device_proof::QUESTION_PATH;

/// Who answers, and by which clock.
#[derive(Debug, Clone)]
struct Desk {
    loopback: Loopback,
    clock: Arc<dyn Clock>,
}

/// Answers at this port until the tasks stop.
pub(super) fn serve(
    files: Arc<Files>,
    port: u16,
    tasks: &Tasks,
    clock: Arc<dyn Clock>,
) -> Result<(), Fault> {
    let door = Door::tcp("device.loopback", SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let desk = Desk { loopback: Loopback::new(files, port), clock: Arc::clone(&clock) };
    let app = Router::new().route(QUESTION_PATH, get(answer)).with_state(desk);
    door.serve(app.fallback(nothing), tasks, clock);
    Ok(())
}

async fn answer(
    State(desk): State<Desk>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let now = desk.clock.now();
    let look = move || desk.loopback.proof(&headers, &query.unwrap_or_default(), now);
    match tokio::task::spawn_blocking(look).await.unwrap_or(Err(Refusal::NoSvid)) {
        Ok(back) => {
            let words = "You are on your way back.";
            (StatusCode::SEE_OTHER, HEADERS, [(LOCATION, back)], page(words)).into_response()
        }
        Err(refusal) => refused(refusal),
    }
}

async fn nothing() -> Response {
    refused(Refusal::NoQuestion)
}

fn refused(refusal: Refusal) -> Response {
    let (status, words) = refusal.answer();
    (status, HEADERS, page(words)).into_response()
}
