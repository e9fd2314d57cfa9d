//! What the client promises, against doors of our own.

use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, StatusCode};
use rcgen::{CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::pki_types::PrivateKeyDer;

use super::*;
use crate::crypto::tls::{CurrentRoots, ExpectedPeer, TlsClock, client_config};
use crate::crypto::x509::Roots;
use crate::env::SystemClock;
use crate::http::Door;
use crate::jobs::Tasks;
use crate::kernel::{Failure, Kind, Lifetime, SpiffeId, TrustDomain};
use crate::settings::Textual;

fn routes() -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/long", get(|| async { "x".repeat(200) }))
        .route("/away", get(|| async { Redirect::temporary("/") }))
        .route("/stuck", get(|| async { std::future::pending::<()>().await }))
}

fn limits() -> Limits {
    Limits { connect: Lifetime::seconds(5), total: Lifetime::seconds(5), body_bytes_max: 100 }
}

/// These names of this machine, at this port.
fn loopback(port: u16) -> [PrivateHost; 3] {
    [("127.0.0.1", "127.0.0.0/8"), ("localhost", "127.0.0.0/8"), ("localhost", "::1/128")]
        .map(|(host, network)| named(host, port, network))
}

fn named(host: &str, port: u16, network: &str) -> PrivateHost {
    PrivateHost::from_text(&format!("{host}:{port} in {network}")).expect("a host")
}

fn install() {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// A door with the routes, open as long as the tasks are not stopped.
fn open(door: Door) -> (u16, Tasks) {
    install();
    let clock: Arc<SystemClock> = Arc::new(SystemClock::new());
    let tasks = Tasks::new(Arc::<SystemClock>::clone(&clock));
    let port = door.tcp_address().map_or(0, |address| address.port());
    door.serve(routes(), &tasks, clock);
    (port, tasks)
}

fn tcp() -> Door {
    Door::tcp("test", ([127, 0, 0, 1], 0).into()).expect("a free port")
}

fn ask(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).expect("a request")
}

#[tokio::test]
async fn a_private_network_is_asked_only_if_it_was_named() {
    let (port, tasks) = open(tcp());
    let closed = Client::world(&[], limits()).expect("a client");
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://2130706433:{port}/"),
    ] {
        let error = closed.send(ask(&url)).await.expect_err(&url);
        assert!(matches!(error, Error::Refused(_)), "{url}: {error:?}");
        assert_eq!(Failure::from(error).kind, Kind::Invalid);
    }
    let named = Client::world(&loopback(port), limits()).expect("a client");
    for url in [format!("http://127.0.0.1:{port}/"), format!("http://localhost:{port}/")] {
        let answer = named.send(ask(&url)).await.expect("answered");
        assert_eq!(answer.body(), "hello");
    }
    tasks.stop(Lifetime::seconds(5)).await;
}

#[tokio::test]
async fn a_private_network_that_was_named_for_one_host_and_port_is_closed_to_all_others() {
    let (port, tasks) = open(tcp());
    let (other_port, other_tasks) = open(tcp());
    let asked = async |allowed: &[PrivateHost], authority: &str| {
        let client = Client::world(allowed, limits()).expect("a client");
        client.send(ask(&format!("http://{authority}/"))).await
    };
    let one = [named("app.localhost", port, "127.0.0.0/8")];
    let answer = asked(&one, &format!("app.localhost:{port}")).await.expect("it was named");
    assert_eq!(answer.body(), "hello");
    for other in [
        format!("app.localhost:{other_port}"),
        format!("other.localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("app.localhost.:{port}"),
    ] {
        let error = asked(&one, &other).await.expect_err(&other);
        assert!(matches!(error, Error::Refused(_)), "{other}: {error:?}");
    }
    // The same host is named with two ports, each in its network: neither lends the other its own.
    let two = [
        named("app.localhost", port, "127.0.0.0/8"),
        named("app.localhost", other_port, "10.0.0.0/8"),
    ];
    let error = asked(&two, &format!("app.localhost:{other_port}")).await;
    assert!(matches!(error, Err(Error::Refused(_))), "{error:?}");
    tasks.stop(Lifetime::seconds(5)).await;
    other_tasks.stop(Lifetime::seconds(5)).await;
}

#[tokio::test]
async fn a_redirect_into_a_private_network_is_an_answer_and_nobody_goes_there() {
    let (inside, inside_tasks) = open(tcp());
    let away = format!("http://127.0.0.1:{inside}/");
    install();
    let clock: Arc<SystemClock> = Arc::new(SystemClock::new());
    let tasks = Tasks::new(Arc::<SystemClock>::clone(&clock));
    let door = tcp();
    let port = door.tcp_address().map_or(0, |address| address.port());
    let routes = Router::new().route("/", get(move || async move { Redirect::temporary(&away) }));
    door.serve(routes, &tasks, clock);
    // Named or not: who redirects does not choose whom we ask.
    for allowed in [vec![], vec![named("127.0.0.1", inside, "127.0.0.0/8")]] {
        let mut allowed = allowed;
        allowed.push(named("app.localhost", port, "127.0.0.0/8"));
        let client = Client::world(&allowed, limits()).expect("a client");
        let answer = client.send(ask(&format!("http://app.localhost:{port}/"))).await;
        let answer = answer.expect("the redirect itself");
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_ne!(answer.body(), "hello");
    }
    tasks.stop(Lifetime::seconds(5)).await;
    inside_tasks.stop(Lifetime::seconds(5)).await;
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_too_late_is_refused_and_a_redirect_is_not_followed() {
    let (port, tasks) = open(tcp());
    let client = Client::world(&loopback(port), limits()).expect("a client");
    let send = async |path: &str| client.send(ask(&format!("http://127.0.0.1:{port}{path}"))).await;
    assert!(matches!(send("/long").await, Err(Error::TooLarge(100))));
    let moved = send("/away").await.expect("answered");
    assert_eq!(moved.status(), StatusCode::TEMPORARY_REDIRECT);

    let hasty = Limits { total: Lifetime::millis(50), ..limits() };
    let hasty = Client::world(&loopback(port), hasty).expect("a client");
    let late = hasty.send(ask(&format!("http://127.0.0.1:{port}/stuck"))).await;
    assert!(matches!(late, Err(Error::TimedOut(_))), "{late:?}");
    drop(tasks.stop(Lifetime::millis(1)).await);
    let gone = client.send(ask(&format!("http://127.0.0.1:{port}/"))).await;
    assert_eq!(Failure::from(gone.expect_err("nobody is there")).kind, Kind::Upstream);
}

#[tokio::test]
async fn a_unix_socket_is_reached_by_its_path() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("s");
    let (_, tasks) = open(Door::unix("local", &path, 0o600).expect("bound"));
    let client = Client::unix(&path, limits()).expect("a client");
    let answer = client.send(ask("http://weft.local/")).await.expect("answered");
    assert_eq!(answer.body(), "hello");
    tasks.stop(Lifetime::seconds(5)).await;
}

/// A server certificate for this ID, and the authority that signed it.
fn server_of(id: &str) -> (Arc<rustls::ServerConfig>, Vec<u8>) {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    params.subject_alt_names =
        vec![SanType::URI("spiffe://example.org".try_into().expect("ASCII"))];
    let ca =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed");
    let key = KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        rcgen::ExtendedKeyUsagePurpose::ServerAuth,
        rcgen::ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.subject_alt_names = vec![SanType::URI(id.try_into().expect("ASCII"))];
    let leaf = params.signed_by(&key, &ca).expect("signed");
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![leaf.der().clone()], key).expect("a pair");
    (Arc::new(config), ca.der().to_vec())
}

#[tokio::test]
async fn a_trusting_client_speaks_to_exactly_the_id_it_wants_under_exactly_its_roots() {
    install();
    let domain = TrustDomain::parse("example.org").expect("a trust domain");
    let (server, ca) = server_of("spiffe://example.org/spire/server");
    let (_, other_ca) = server_of("spiffe://example.org/spire/server");
    let (port, tasks) = open(tcp().tls(Arc::new(move |_| Some(Arc::clone(&server)))));
    let reach = async |id: &str, ca: &[u8]| {
        let roots = CurrentRoots::none();
        roots.set(&Roots::new(domain.clone(), [ca]).expect("a root"));
        let peer = ExpectedPeer::Exactly { id: SpiffeId::parse(id).expect("an ID"), roots };
        let clock = TlsClock(Arc::new(SystemClock::new()));
        let config = client_config(peer, None, &["http/1.1"], clock).expect("a configuration");
        let client = Client::trusting(config, limits()).expect("a client");
        client.send(ask(&format!("https://127.0.0.1:{port}/"))).await
    };
    let answer = reach("spiffe://example.org/spire/server", &ca).await.expect("the right one");
    assert_eq!(answer.body(), "hello");
    for (id, ca) in
        [("spiffe://example.org/other", &ca), ("spiffe://example.org/spire/server", &other_ca)]
    {
        let error = reach(id, ca).await.expect_err("not the one we want");
        assert!(matches!(error, Error::Connect(_)), "{error:?}");
    }
    tasks.stop(Lifetime::seconds(5)).await;
}
