//! The routes of the `ops` door: `/metrics`, `/live`, `/ready`. Plain HTTP on a loopback address, for no caller in
//! particular.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde::Serialize;

use super::health::{Health, HealthReport};
use super::metrics::Metrics;
use crate::http::Json;
use crate::jobs::Reconcilers;

/// The routes. `/live` answers 200 while the process answers at all; `/ready` answers 503 until every part is ready, and
/// again when one is down.
pub fn ops_routes(health: Health, metrics: Metrics, jobs: Reconcilers) -> Router {
    Router::new()
        .route("/live", get(live))
        .route("/ready", get(ready))
        .with_state((health, jobs))
        .route(
            "/metrics",
            get(move || async move { ([("content-type", METRICS_TYPE)], metrics.render()) }),
        )
}

async fn live(State((health, jobs)): State<(Health, Reconcilers)>) -> Json<HealthBody> {
    Json(HealthBody::of(&health.report(Some(&jobs))))
}

async fn ready(State((health, jobs)): State<(Health, Reconcilers)>) -> Response {
    let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(HealthBody::of(&health.report(Some(&jobs))))).into_response()
}

/// The health document.
#[derive(Debug, Serialize)]
struct HealthBody {
    condition: &'static str,
    components: Vec<ComponentBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    jobs: Vec<JobBody>,
}

#[derive(Debug, Serialize)]
struct ComponentBody {
    name: &'static str,
    condition: &'static str,
    words: String,
    since: String,
}

#[derive(Debug, Serialize)]
struct JobBody {
    name: &'static str,
    words: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    failures: u32,
}

impl HealthBody {
    fn of(report: &HealthReport) -> Self {
        let components = report.components.iter().map(|part| ComponentBody {
            name: part.name,
            condition: part.condition.as_str(),
            words: part.words.clone(),
            since: part.since.to_string(),
        });
        let jobs = report.jobs.iter().map(|job| JobBody {
            name: job.name,
            words: job.words.clone(),
            at: job.at.map(|at| at.to_string()),
            failures: job.failures,
        });
        Self {
            condition: report.condition.as_str(),
            components: components.collect(),
            jobs: jobs.collect(),
        }
    }
}

const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
