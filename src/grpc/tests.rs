//! What calls and statuses promise, over a real socket.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{FutureExt, Stream};
use hyper_util::rt::TokioIo;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::ServiceExt;

use super::*;
use crate::env::SystemClock;
use crate::http::Door;
use crate::jobs::Tasks;
use crate::kernel::{Failure, Fault, Kind, Lifetime};
use crate::testkit::SeededEntropy;

#[test]
fn each_kind_has_its_code() {
    let table = [
        (Kind::Invalid, Code::InvalidArgument),
        (Kind::Unauthenticated, Code::Unauthenticated),
        (Kind::StepUp, Code::FailedPrecondition),
        (Kind::Denied, Code::PermissionDenied),
        (Kind::NotFound, Code::NotFound),
        (Kind::Conflict, Code::Aborted),
        (Kind::Limited, Code::ResourceExhausted),
        (Kind::Upstream, Code::Unavailable),
        (Kind::Unavailable, Code::Unavailable),
        (Kind::Bug, Code::Internal),
    ];
    for (kind, code) in table {
        let status = status(Failure::new(kind, "test.code", "words"));
        assert_eq!((status.code(), status.message()), (code, "words"), "{kind:?}");
        assert_eq!(status.metadata().get(CODE_KEY).expect("a code"), "test.code");
    }
}

#[test]
fn a_cause_stays_out_of_the_status() {
    let status = status(Fault::away("database", "secret words"));
    assert!(!format!("{status:?}").contains("secret"), "{status:?}");
}

#[test]
fn a_detail_travels_as_google_rpc_status() {
    let sent = detailed(
        Code::PermissionDenied,
        "no",
        "type.googleapis.com/google.protobuf.Duration",
        &detail(),
    );
    let got = details(&sent);
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].type_url, "type.googleapis.com/google.protobuf.Duration");
    assert_eq!(got[0].to_msg::<prost_types::Duration>().expect("the message"), detail());
    // Field 1, varint 7: what any reader of google.rpc.Status finds first.
    assert_eq!(&sent.details()[..2], [0x08, 0x07]);
    assert!(details(&Status::new(Code::Internal, "no details")).is_empty());
}

fn detail() -> prost_types::Duration {
    prost_types::Duration { seconds: 5, nanos: 0 }
}

/// Does what the service name asks for.
struct Obedient;

#[tonic::async_trait]
impl Health for Obedient {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match request.get_ref().service.as_str() {
            "panic" => panic!("secret words"),
            "detail" => {
                Err(detailed(Code::PermissionDenied, "no", "type.googleapis.com/x", &detail()))
            }
            "who" => {
                let peer = unix_peer(&request)?;
                assert_eq!(peer.uid, nix::unistd::geteuid().as_raw());
                assert!(peer.process.as_ref().is_some_and(crate::http::Process::is_alive));
                Ok(Response::new(HealthCheckResponse::default()))
            }
            other => Err(status(Failure::new(Kind::NotFound, "test.unknown", other.to_owned()))),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        _request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let first = futures_util::stream::once(async { Ok(HealthCheckResponse::default()) });
        let open = futures_util::stream::pending();
        Ok(Response::new(Box::pin(futures_util::StreamExt::chain(first, open))))
    }
}

fn shell(calls_max: usize, calls_per_peer_max: usize) -> GrpcShell {
    let entropy = Arc::new(SeededEntropy::new(1));
    GrpcShell { clock: Arc::new(SystemClock::new()), entropy, calls_max, calls_per_peer_max }
}

struct House {
    _directory: tempfile::TempDir,
    path: PathBuf,
    tasks: Tasks,
}

impl House {
    fn open(calls_max: usize, calls_per_peer_max: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        let clock: Arc<SystemClock> = Arc::new(SystemClock::new());
        let tasks = Tasks::new(Arc::<SystemClock>::clone(&clock));
        let app =
            shell(calls_max, calls_per_peer_max).wrap(Routes::new(HealthServer::new(Obedient)));
        Door::unix("test", &path, 0o600).expect("bound").serve(app, &tasks, clock);
        Self { _directory: directory, path, tasks }
    }

    fn client(&self) -> HealthClient<Channel> {
        let path = self.path.clone();
        let connect = tower::service_fn(move |_| {
            let path = path.clone();
            async move { tokio::net::UnixStream::connect(path).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://weft.test");
        HealthClient::new(endpoint.connect_with_connector_lazy(connect))
    }
}

fn ask(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn a_service_behind_a_door_knows_its_caller_and_answers_failures_as_statuses() {
    let house = House::open(10, 10);
    let mut client = house.client();
    client.check(ask("who")).await.expect("the caller is known");

    let refused = client.check(ask("other")).await.expect_err("refused");
    assert_eq!((refused.code(), refused.message()), (Code::NotFound, "other"));
    assert_eq!(refused.metadata().get(CODE_KEY).expect("a code"), "test.unknown");

    let detailed = client.check(ask("detail")).await.expect_err("refused");
    assert_eq!(details(&detailed).len(), 1, "details survive the wire");

    let panicked = client.check(ask("panic")).await.expect_err("refused");
    assert_eq!(panicked.code(), Code::Internal);
    assert!(!panicked.message().contains("secret"), "{panicked:?}");
    drop(client);
    assert!(house.tasks.stop(Lifetime::seconds(5)).await.is_empty());
}

#[tokio::test]
async fn a_peer_with_too_many_open_streams_is_told_so_until_one_ends() {
    let house = House::open(10, 1);
    let mut client = house.client();
    let mut stream = client.watch(ask("")).await.expect("a place").into_inner();
    stream.message().await.expect("open").expect("a message");
    let refused = client.check(ask("who")).await.expect_err("no second place");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    drop(stream);
    while client.check(ask("who")).await.is_err() {
        tokio::task::yield_now().await;
    }
    let full = House::open(0, 1).client().check(ask("who")).await.expect_err("no place at all");
    assert_eq!(full.code(), Code::Unavailable);
}

#[test]
fn invented_methods_do_not_grow_the_metrics() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let app = shell(10, 10).wrap(Routes::new(HealthServer::new(Obedient)));
    let call = |path: &str| {
        let request = http::Request::post(path).header("content-type", "application/grpc");
        // An empty message: not compressed, of no length.
        let request = request.body(axum::body::Body::from(vec![0_u8; 5])).expect("a request");
        metrics::with_local_recorder(&recorder, || {
            app.clone().oneshot(request).now_or_never().expect("at once").expect("answered")
        })
    };
    for path in ["Health/Watch", "Health/Check", "Health/Invented", "Invented/Check"] {
        call(&format!("/grpc.health.v1.{path}"));
    }
    let text = handle.render();
    assert!(text.contains("method=\"/grpc.health.v1.Health/Watch\",code=\"0\"} 1"), "{text}");
    assert!(text.contains("method=\"/grpc.health.v1.Health/{*rest}\",code=\"5\"} 1"), "{text}");
    assert!(!text.contains("Invented"), "{text}");
}
