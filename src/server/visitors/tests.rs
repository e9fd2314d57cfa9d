//! The layer of page and protocol routes, around a handler that answers with what it was given.

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use tower::ServiceExt;

use super::*;
use crate::db::Engine;
use crate::http::Remote;
use crate::settings::{Text, Textual};
use crate::testkit::{TestDatabase, TestServer};

/// Routes that answer with what the layer says, behind a proxy in 10.0.0.0/8.
struct Visited {
    _life: TestServer,
    routes: Router,
}

impl Visited {
    async fn start(database: &TestDatabase) -> Self {
        let network = Network::from_text("10.0.0.0/8").unwrap();
        let life = TestServer::start_with(database, |settings| {
            settings.listen.proxies = vec![Text(network)];
        })
        .await;
        let said = |Extension(realm): Extension<Arc<Realm>>, origin: Origin| async move {
            format!("{} {} {}", realm.name, origin.address, origin.agent)
        };
        let routes = received(life.server(), Router::new().route("/who", get(said)));
        Self { _life: life, routes }
    }

    async fn ask(&self, peer: &str, target: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let address = format!("{peer}:4711").parse().unwrap();
        request.extensions_mut().insert(PeerInfo::new("public", Remote::Tcp(address), None));
        let answer = self.routes.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn broker_rule_22_a_handler_sees_the_realm_and_where_the_client_is() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let visited = Visited::start(&database).await;
    let check = async |peer: &str, headers: &[(&str, &str)], expected: &str| {
        let (status, words) = visited.ask(peer, "/who", headers).await;
        assert_eq!((status, words.as_str()), (200, expected), "{peer} {headers:?}");
    };
    check("192.0.2.1", &[("user-agent", "a b")], "default 192.0.2.1 a b").await;
    check("192.0.2.1", &[("x-forwarded-for", "1.1.1.1")], "default 192.0.2.1 ").await;
    check("10.0.0.1", &[("x-forwarded-for", "1.1.1.1")], "default 1.1.1.1 ").await;
    check("10.0.0.1", &[("forwarded", "for=1.1.1.1")], "default 1.1.1.1 ").await;
    // What others say of scheme and host is nothing to us.
    let more = [("x-forwarded-host", "evil.test"), ("x-forwarded-proto", "http")];
    check("10.0.0.1", &more, "default 10.0.0.1 ").await;
}

#[tokio::test]
async fn broker_rule_22_what_a_proxy_says_and_we_cannot_read_reaches_no_handler() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let visited = Visited::start(&database).await;
    for bad in [("x-forwarded-for", "nonsense"), ("forwarded", "for=\"1.1.1.1")] {
        let (status, words) = visited.ask("10.0.0.1", "/who", &[bad]).await;
        assert_eq!(status, 400, "{words}");
    }
}

#[tokio::test]
async fn a_request_that_names_two_hosts_reaches_no_handler() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let visited = Visited::start(&database).await;
    let host = ("host", "weft.test");
    for (target, headers) in
        [("/who", vec![host, ("host", "other.test")]), ("https://other.test/who", vec![host])]
    {
        let (status, words) = visited.ask("192.0.2.1", target, &headers).await;
        assert_eq!(status, 400, "{words}");
    }
    let (status, _) = visited.ask("192.0.2.1", "https://WEFT.test/who", &[host]).await;
    assert_eq!(status, 200);
}
