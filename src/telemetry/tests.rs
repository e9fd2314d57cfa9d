//! What logs, metrics and health promise.

use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http_body_util::BodyExt;
use tokio_stream::StreamExt;
use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health as _;
use tower::ServiceExt;

use super::*;
use crate::jobs::{Nudge, Reconciler, Reconcilers};
use crate::kernel::{Lifetime, Secret, Timestamp};
use crate::testkit::{SeededEntropy, TestClock};

/// What was written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("whole").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("whole").clone()).expect("text")
    }
}

fn settings(level: &str, format: LogFormat) -> Settings {
    Settings { level: level.to_owned(), format }
}

/// Runs `work` under a log on paper.
fn logged(settings: &Settings, work: impl FnOnce(&Logs)) -> String {
    let paper = Paper::default();
    let writer = paper.clone();
    let (logs, subscriber) = Logs::build(settings, move || writer.clone()).expect("well formed");
    tracing::subscriber::with_default(subscriber, || work(&logs));
    paper.text()
}

#[test]
fn a_json_line_has_the_fields_of_the_event_and_of_the_request() {
    let text = logged(&settings("info", LogFormat::Json), |_| {
        let span = tracing::info_span!("request", request.id = "req_1");
        let _inside = span.enter();
        tracing::info!(spiffe.id = "spiffe://example.org/web", "issued");
    });
    let line: serde_json::Value = serde_json::from_str(text.trim()).expect("one JSON object");
    assert_eq!(line["spiffe.id"], "spiffe://example.org/web");
    assert_eq!(line["message"], "issued");
    assert_eq!(line["span"]["request.id"], "req_1");
}

#[test]
fn the_level_changes_at_run_time_and_a_bad_one_is_refused_with_what_would_be_right() {
    let text = logged(&settings("info", LogFormat::Text), |logs| {
        tracing::debug!("before");
        logs.set_level("warn,weft::telemetry=debug").expect("well formed");
        tracing::debug!("after");
        for bad in ["loudest", "", "info,", "warn,weft::http", "weft=loudest", "loud=loud=loud"] {
            let error = logs.set_level(bad).expect_err("no level");
            assert!(error.public.contains("`debug`"), "{bad}: {error}");
        }
        tracing::debug!("still");
    });
    assert!(!text.contains("before") && text.contains("after") && text.contains("still"), "{text}");
}

#[test]
fn a_secret_in_a_log_line_does_not_show() {
    let secret = Secret::new("hunter2".to_owned());
    let text = logged(&settings("info", LogFormat::Json), |_| tracing::info!(?secret, "oops"));
    assert!(text.contains("oops") && !text.contains("hunter2"), "{text}");
}

#[test]
fn durations_are_counted_in_buckets_and_rendered_as_text() {
    let recorder = metrics::recorder().expect("well formed");
    let handle = recorder.handle();
    ::metrics::with_local_recorder(&recorder, || {
        ::metrics::counter!("weft_test_total", "a" => "b").increment(2);
        ::metrics::histogram!("weft_test_seconds").record(0.002);
    });
    let text = handle.render();
    assert!(text.contains("weft_test_total{a=\"b\"} 2"), "{text}");
    assert!(text.contains("weft_test_seconds_bucket{le=\"0.0025\"} 1"), "{text}");
}

fn health() -> (Health, TestClock) {
    let clock = TestClock::new();
    (Health::new(Arc::new(clock.clone())), clock)
}

#[test]
fn nothing_is_ready_before_every_part_said_so() {
    let (health, _clock) = health();
    assert!(!health.is_ready(), "no part");
    let (database, ledger) = (health.component("database"), health.component("ledger"));
    database.well("follows");
    assert!(!health.is_ready(), "one is starting");
    ledger.impaired("half full");
    assert!(health.is_ready(), "an impaired part still works");
    database.down("away");
    assert!(!health.is_ready());
    assert_eq!(health.report(None).condition, Condition::Down);
}

#[test]
fn a_part_says_since_when_it_is_so() {
    let (health, clock) = health();
    let database = health.component("database");
    database.down("away");
    let since: Timestamp = crate::env::Clock::now(&clock);
    clock.advance(Lifetime::minutes(5));
    database.down("still away");
    let report = health.report(None);
    assert_eq!(
        (report.components[0].since, report.components[0].words.as_str()),
        (since, "still away")
    );
}

#[tokio::test]
async fn the_ops_routes_tell_health_and_metrics() {
    let (health, clock) = health();
    let jobs = Reconcilers::new(Arc::new(clock), Arc::new(SeededEntropy::new(1)));
    let metrics = Metrics::start().expect("one recorder");
    let upkeep: Arc<dyn Reconciler> = Arc::new(metrics.clone());
    jobs.add(upkeep, &Nudge::default());
    jobs.settle().await.expect("at rest");
    let routes = ops_routes(health.clone(), metrics, jobs);
    let ask = async |path: &str| {
        let request = ::http::Request::get(path).body(Body::empty()).expect("a request");
        let answer = routes.clone().oneshot(request).await.expect("answered");
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("whole").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("text"))
    };
    assert_eq!(ask("/ready").await.0, 503);
    health.component("database").well("follows");
    let (status, body) = ask("/ready").await;
    assert_eq!(status, 200);
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["components"][0]["words"], "follows");
    assert_eq!(body["jobs"][0]["name"], "telemetry.metrics");
    assert_eq!(ask("/live").await.0, 200);
    assert!(ask("/metrics").await.1.contains("process_resident_memory_bytes"));
}

#[tokio::test]
async fn the_grpc_health_service_follows_readiness() {
    let (health, _clock) = health();
    let service = super::grpc::Service(health.clone());
    let ask = |name: &str| Request::new(HealthCheckRequest { service: name.to_owned() });
    assert!(service.check(ask("other")).await.is_err());
    let mut stream = service.watch(ask("")).await.expect("known").into_inner();
    let serving = |answer: Option<Result<tonic_health::pb::HealthCheckResponse, tonic::Status>>| {
        answer.expect("open").expect("well").status() == ServingStatus::Serving
    };
    assert!(!serving(stream.next().await));
    health.component("database").well("follows");
    assert!(serving(stream.next().await));
    assert_eq!(
        service.check(ask("")).await.expect("known").get_ref().status(),
        ServingStatus::Serving
    );
}
