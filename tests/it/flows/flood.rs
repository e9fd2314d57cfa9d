//! One user floods the Workload API; another is served as if nothing had happened.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::metadata::MetadataValue;
use tonic::transport::{Endpoint, Uri};
use tonic::{Code, Request, Status};
use weft::env::{Clock as _, SystemClock};
use weft::kernel::Lifetime;
use weft::testkit::{TestAgent, TestDatabase, TestServer, engines};
use weft_proto::workload::ValidateJwtsvidRequest;
use weft_proto::workload::spiffe_workload_api_client::SpiffeWorkloadApiClient;

use super::again::{again, is_root, told};
use super::{me, until_given, waited, x509_ids};

const TEST: &str = "flows::flood::ten_thousand_calls_of_one_user_leave_the_others_served";
/// Tells the second run, by the other user, which socket to flood.
const SOCKET: &str = "WEFT_TEST_FLOODED_SOCKET";
const CALLS: usize = 10_000;
const IN_FLIGHT: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_of_one_user_leave_the_others_served() {
    if let Some(socket) = told(SOCKET) {
        return flood(Path::new(&socket)).await;
    }
    let database = TestDatabase::new(engines()[0]).await;
    let server = TestServer::start(&database).await;
    let open = tempfile::tempdir().unwrap();
    std::fs::set_permissions(open.path(), Permissions::from_mode(0o755)).unwrap();
    let socket = open.path().join("agent.sock");
    let here = socket.clone();
    let agent = TestAgent::join_with(&server, |settings| settings.socket = Some(here)).await;
    server.create("/web", agent.id(), &[&me()]).await;
    until_given(&agent, "/web").await;

    let mut flooding = start_flood(open.path(), &socket);
    let clock = SystemClock::new();
    let mut waits = Vec::new();
    let mut every = tokio::time::interval(Duration::from_millis(50));
    let ended = loop {
        every.tick().await;
        if let Some(ended) = flooding.try_wait().unwrap() {
            break ended;
        }
        // Without root the flood is of our own user, who is cut like any other.
        if is_root() {
            let began = clock.elapsed();
            assert_eq!(x509_ids(&agent).await.unwrap(), ["spiffe://weft.test/web"]);
            waits.push(waited(&clock, began));
        }
    };
    assert!(ended.success(), "the flood was not cut: {ended}");
    if is_root() {
        waits.sort();
        let (middle, slowest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
        println!(
            "proof: {CALLS} calls of one user: another was served {} times meanwhile, each, median {middle}, slowest {slowest}",
            waits.len()
        );
        assert!(middle < Lifetime::seconds(1), "{middle}");
    }
}

/// This program as the user nobody, from a place that nobody may enter.
fn start_flood(open: &Path, socket: &Path) -> Child {
    let program = open.join("flood");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let wrapper = if is_root() { &nobody[..] } else { &[] };
    let mut command = again(wrapper, &program, TEST);
    command.env(SOCKET, socket).current_dir("/").stdout(Stdio::null());
    command.spawn().unwrap()
}

async fn flood(socket: &Path) {
    let socket = socket.to_owned();
    let dial = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://agent").connect_with_connector(dial).await.unwrap();
    let header = |mut request: Request<()>| {
        request.metadata_mut().insert("workload.spiffe.io", MetadataValue::from_static("true"));
        Ok::<_, Status>(request)
    };
    let client = SpiffeWorkloadApiClient::with_interceptor(channel, header);
    let (mut cut, mut judged) = (0, 0);
    for _ in 0..CALLS / IN_FLIGHT {
        let calls = (0..IN_FLIGHT).map(|_| {
            let mut client = client.clone();
            async move { client.validate_jwtsvid(ValidateJwtsvidRequest::default()).await }
        });
        for answer in futures_util::future::join_all(calls).await {
            match answer.unwrap_err().code() {
                Code::ResourceExhausted => cut += 1,
                Code::InvalidArgument | Code::PermissionDenied => judged += 1,
                other => panic!("after {cut} and {judged}: {other:?}"),
            }
        }
    }
    assert_eq!(cut + judged, CALLS);
    assert!(cut > CALLS / 2 && judged >= 200, "cut {cut}, judged {judged}");
}
