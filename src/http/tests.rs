//! What doors and the shell promise, over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::StatusCode;
use rcgen::{CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::*;
use crate::env::{Clock, SystemClock};
use crate::jobs::Tasks;
use crate::kernel::{Failure, Fault, Kind, Lifetime};
use crate::testkit::{SeededEntropy, TestClock};
use crate::wire::api::PageQuery;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    name: String,
    size: u32,
}

fn routes() -> Router {
    Router::new()
        .route("/thing", post(|Json(thing): Json<Thing>| async { Json(thing) }))
        .route("/thing/{number}", get(|Path(number): Path<u32>| async move { number.to_string() }))
        .route(
            "/list",
            get(|Query(query): Query<PageQuery>| async move {
                cursor::<i64>(query.limit, query.cursor.as_deref()).map(|_| "ok")
            }),
        )
        .route(
            "/away",
            get(|| async { Err::<(), Problem>(Fault::away("database", "secret words").into()) }),
        )
        .route("/panic", get(panics))
        .route("/stuck", get(|| async { std::future::pending::<()>().await }))
        .route("/who", get(who))
}

async fn panics() {
    panic!("secret words")
}

async fn who(peer: PeerInfo) -> String {
    let mut words = vec![peer.door().to_owned(), format!("chain {}", peer.chain().len())];
    if let Some(tls) = peer.tls() {
        words.push(format!(
            "{:?} {:?}",
            tls.server_name.as_deref().unwrap_or("-"),
            tls.key_exchange
        ));
    }
    if let Some(unix) = peer.unix() {
        words.push(format!("uid {}", unix.uid));
        words.push(format!("pid {}", unix.process.as_ref().map_or(0, Process::pid)));
    }
    words.join(", ")
}

/// A running door, stopped at the end of the test.
struct House {
    address: SocketAddr,
    tasks: Tasks,
    clock: TestClock,
}

impl House {
    fn with(door: Door, app: Router) -> Self {
        let clock = TestClock::new();
        let tasks = Tasks::new(Arc::new(SystemClock::new()));
        let address = door.tcp_address().unwrap_or_else(|| ([0, 0, 0, 0], 0).into());
        door.serve(app, &tasks, Arc::new(clock.clone()));
        Self { address, tasks, clock }
    }

    fn open() -> Self {
        let clock = TestClock::new();
        let house = Self::with(door(), shell(&clock).wrap(routes()));
        Self { clock, ..house }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        client().get(self.url(path)).send().await.expect("answered")
    }

    async fn stop(self) {
        assert_eq!(self.tasks.stop(Lifetime::seconds(5)).await, Vec::new());
    }
}

fn door() -> Door {
    Door::tcp("test", ([127, 0, 0, 1], 0).into()).expect("a free port")
}

fn shell(clock: &TestClock) -> ApiShell {
    ApiShell {
        clock: Arc::new(clock.clone()),
        entropy: Arc::new(SeededEntropy::new(1)),
        body_bytes_max: 200,
        time_max: Lifetime::seconds(30),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test talks to its own door, not to the world")]
fn client() -> reqwest::Client {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::new()
}

async fn problem(answer: reqwest::Response) -> ProblemBody {
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
    let status = answer.status().as_u16();
    let body: ProblemBody = answer.json().await.expect("a problem document");
    assert_eq!((body.status, body.request_id.as_deref()), (status, Some(id.as_str())));
    assert_eq!(body.kind, format!("urn:weft:problem:{}", body.code));
    body
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problem_documents() {
    let house = House::open();
    let missing = house.get("/nowhere").await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert_eq!(problem(missing).await.code, "request.path_unknown");

    let wrong = house.get("/thing").await;
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.headers()["allow"], "POST");
    assert_eq!(problem(wrong).await.code, "request.method");
    house.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_refused_with_the_place_and_what_would_be_right() {
    let house = House::open();
    let send = |media: &'static str, body: String| {
        client().post(house.url("/thing")).header("content-type", media).body(body).send()
    };
    let long = "x".repeat(300);
    let cases = [
        ("application/json", r#"{"name":"a","size":1}"#, 200, ""),
        (
            "application/json",
            "{\n \"name\": \"a\"\n}",
            400,
            "line 3, column 1: missing field `size`",
        ),
        ("application/json", r#"{"nam":"a"}"#, 400, "expected `name` or `size`"),
        (
            "application/json",
            r#"{"name":"a","size":-1}"#,
            400,
            "invalid value: integer `-1`, expected u32",
        ),
        ("application/json", r#"{"name":"a","name":"b","size":1}"#, 400, "duplicate field `name`"),
        ("application/json", "{", 400, "not JSON"),
        ("application/json", "", 400, "must be a JSON document"),
        ("text/plain", r#"{"name":"a","size":1}"#, 415, "content-type: application/json"),
        ("application/json", &long, 413, "at most 200 bytes"),
    ];
    for (media, body, status, words) in cases {
        let answer = send(media, body.to_owned()).await.expect("answered");
        assert_eq!(answer.status().as_u16(), status, "{body}");
        if status != 200 {
            let detail = problem(answer).await.detail;
            assert!(detail.contains(words), "{body}: {detail}");
        }
    }
    house.stop().await;
}

#[tokio::test]
async fn a_body_without_a_length_is_capped_too() {
    let house = House::open();
    let mut stream = TcpStream::connect(house.address).await.expect("connected");
    let head = "POST /thing HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                connection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 300, "x".repeat(300));
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(chunk.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    house.stop().await;
}

#[tokio::test]
async fn a_bad_path_or_query_says_what_is_wrong() {
    let house = House::open();
    for (path, code, words) in [
        ("/thing/x", "request.path", "`x`"),
        ("/list?limit=x", "request.query", "invalid digit"),
        ("/list?limit=0", "request.limit", "1 to 500"),
        ("/list?cursor=x", "request.cursor", "as it was given"),
    ] {
        let answer = house.get(path).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path}");
        let body = problem(answer).await;
        assert_eq!(body.code, code);
        assert!(body.detail.contains(words), "{path}: {}", body.detail);
    }
    house.stop().await;
}

#[tokio::test]
async fn an_answer_never_tells_the_cause_of_a_failure_or_panic() {
    let house = House::open();
    for (path, status) in [("/away", 503), ("/panic", 500)] {
        let answer = house.get(path).await;
        assert_eq!(answer.status().as_u16(), status);
        let body = problem(answer).await;
        assert!(!body.detail.contains("secret"), "{}", body.detail);
    }
    house.stop().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let house = House::open();
    let waiting = house.get("/stuck");
    let advance = async {
        house.clock.until_armed(1).await;
        house.clock.advance(Lifetime::seconds(30));
    };
    let (answer, ()) = tokio::join!(waiting, advance);
    assert_eq!(problem(answer).await.code, "request.timed_out");
    house.stop().await;
}

#[tokio::test]
async fn answers_carry_the_security_headers() {
    let house = House::open();
    let answer = house.get("/thing/1").await;
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(!answer.headers().contains_key("strict-transport-security"), "not over plain HTTP");
    house.stop().await;
}

#[tokio::test]
async fn a_stop_finishes_the_request_in_flight_and_accepts_no_other() {
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let started = Arc::new(tokio::sync::Notify::new());
    let told = Arc::new(tokio::sync::Mutex::new(Some(told)));
    let app = Router::new().route("/slow", get(slow)).with_state((Arc::clone(&started), told));
    let house = House::with(door(), app);
    let (address, url) = (house.address, house.url("/slow"));
    let request = client().get(url).send();
    let stop = async {
        started.notified().await;
        let stopping = house.stop();
        let finish = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
            tell.send(()).expect("the handler waits");
        };
        tokio::join!(stopping, finish);
    };
    let (answer, ()) = tokio::join!(request, stop);
    assert_eq!(answer.expect("answered").text().await.expect("a body"), "done");
}

type Slow =
    (Arc<tokio::sync::Notify>, Arc<tokio::sync::Mutex<Option<tokio::sync::oneshot::Receiver<()>>>>);

async fn slow(State((started, told)): State<Slow>) -> &'static str {
    started.notify_one();
    let told = told.lock().await.take().expect("one request");
    told.await.expect("the test tells");
    "done"
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let limits = DoorLimits { connections_per_peer: 2, ..DoorLimits::default() };
    let house = House::with(door().limits(limits), routes());
    let first = TcpStream::connect(house.address).await.expect("connected");
    let _second = TcpStream::connect(house.address).await.expect("connected");
    let mut third = TcpStream::connect(house.address).await.expect("accepted by the kernel");
    assert_eq!(third.read(&mut [0; 1]).await.unwrap_or(0), 0, "closed");
    drop(first);
    while house.tasks.running().iter().any(|task| task.name == "http.connection" && task.count > 1)
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.get("/who").await.status(), StatusCode::OK);
    house.stop().await;
}

#[tokio::test]
async fn the_kernel_says_who_is_at_the_other_end_of_a_unix_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("local.sock");
    let house = House::with(Door::unix("local", &path, 0o600).expect("bound"), routes());
    let mut stream = UnixStream::connect(&path).await.expect("connected");
    stream
        .write_all(b"GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let (uid, pid) = (nix::unistd::geteuid(), std::process::id());
    assert!(answer.ends_with(&format!("local, chain 0, uid {uid}, pid {pid}")), "{answer}");
    house.stop().await;
    assert!(!path.exists(), "the socket goes with the door");
}

/// An authority and what it signs.
struct Pki {
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self { ca: CertifiedIssuer::self_signed(params, key).expect("signed") }
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.der().clone()).expect("a root");
        Arc::new(roots)
    }

    fn leaf(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().expect("a key");
        let mut params =
            rcgen::CertificateParams::new(vec!["weft.test".to_owned()]).expect("a name");
        params.is_ca = IsCa::ExplicitNoCa;
        let cert = params.signed_by(&key, &self.ca).expect("signed");
        (vec![cert.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
    }

    fn server(&self) -> Arc<rustls::ServerConfig> {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let verifier = WebPkiClientVerifier::builder(self.roots())
            .allow_unauthenticated()
            .build()
            .expect("roots");
        let (chain, key) = self.leaf();
        let config = rustls::ServerConfig::builder().with_client_cert_verifier(verifier);
        let mut config = config.with_single_cert(chain, key).expect("a pair");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    fn client(&self, shows: bool) -> reqwest::Client {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let config = rustls::ClientConfig::builder().with_root_certificates(self.roots());
        let mut config = if shows {
            let (chain, key) = self.leaf();
            config.with_client_auth_cert(chain, key).expect("a pair")
        } else {
            config.with_no_client_auth()
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .resolve("weft.test", ([127, 0, 0, 1], 0).into())
            .build()
            .expect("a client")
    }
}

async fn who_over_tls(house: &House, client: &reqwest::Client) -> Result<String, reqwest::Error> {
    let url = format!("https://weft.test:{}/who", house.address.port());
    client.get(url).send().await?.text().await
}

#[tokio::test]
async fn a_tls_door_says_what_the_peer_showed_and_which_name_it_asked_for() {
    let pki = Pki::new();
    let server = pki.server();
    let house = House::with(door().tls(Arc::new(move |_| Some(Arc::clone(&server)))), routes());
    let anonymous = who_over_tls(&house, &pki.client(false)).await.expect("answered");
    assert_eq!(anonymous, r#"test, chain 0, "weft.test" Some(X25519MLKEM768)"#);
    let shown = who_over_tls(&house, &pki.client(true)).await.expect("answered");
    assert_eq!(shown, r#"test, chain 1, "weft.test" Some(X25519MLKEM768)"#);
    house.stop().await;
}

#[tokio::test]
async fn a_host_name_that_belongs_to_nobody_is_refused() {
    let pki = Pki::new();
    let server = pki.server();
    let choose: TlsChoice = Arc::new(move |hello| {
        (hello.server_name() == Some("other.test")).then(|| Arc::clone(&server))
    });
    let house = House::with(door().tls(choose), routes());
    assert!(who_over_tls(&house, &pki.client(false)).await.is_err());
    house.stop().await;
}

#[tokio::test]
async fn certificates_and_roots_are_exchanged_while_the_door_is_open() {
    let (old, new) = (Pki::new(), Pki::new());
    let cell = Arc::new(ArcSwap::new(old.server()));
    let held = Arc::clone(&cell);
    let house = House::with(door().tls(Arc::new(move |_| Some(held.load_full()))), routes());
    assert!(who_over_tls(&house, &old.client(false)).await.is_ok());
    cell.store(new.server());
    assert!(who_over_tls(&house, &old.client(false)).await.is_err());
    assert!(who_over_tls(&house, &new.client(true)).await.is_ok());
    house.stop().await;
}

#[tokio::test]
async fn whoever_connects_and_says_nothing_is_dropped_after_the_handshake_limit() {
    let pki = Pki::new();
    let server = pki.server();
    let house = House::with(door().tls(Arc::new(move |_| Some(Arc::clone(&server)))), routes());
    let mut silent = TcpStream::connect(house.address).await.expect("connected");
    house.clock.until_armed(1).await;
    house.clock.advance(DoorLimits::default().handshake);
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0, "closed");
    house.stop().await;
}

#[tokio::test]
async fn a_connection_that_has_aged_is_asked_to_come_anew() {
    let limits = DoorLimits { age: Some(Lifetime::minutes(3)), ..DoorLimits::default() };
    let house = House::with(door().limits(limits), routes());
    let mut stream = TcpStream::connect(house.address).await.expect("connected");
    stream.write_all(b"GET /who HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    let mut buffer = [0; 1024];
    assert!(stream.read(&mut buffer).await.expect("answered") > 0);
    house.clock.until_armed(1).await;
    house.clock.advance(Lifetime::minutes(3));
    let closed = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await;
    assert_eq!(closed.expect("in time").expect("closed well"), 0);
    house.stop().await;
}

#[tokio::test]
async fn a_failure_of_a_slice_becomes_a_problem_by_the_question_mark() {
    async fn handler() -> Result<(), Problem> {
        Err(Failure::new(Kind::Conflict, "entry.exists", "an entry has this id already"))?
    }
    let clock = TestClock::new();
    let house = House::with(door(), shell(&clock).wrap(Router::new().route("/", get(handler))));
    let body = problem(house.get("/").await).await;
    assert_eq!((body.status, body.code.as_str()), (409, "entry.exists"));
    let _read: Lifetime = clock.elapsed();
    house.stop().await;
}
