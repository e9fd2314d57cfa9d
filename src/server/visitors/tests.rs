//! The layer of page and protocol routes, around a handler that answers with what it was given.

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use tower::ServiceExt;

use super::*;
use crate::db::Engine;
use crate::http::Remote;
use crate::kernel::RealmId;
use crate::settings::{Text, Textual};
use crate::testkit::{TestDatabase, TestServer};

/// Routes that answer with what the layer says, behind a proxy in 10.0.0.0/8.
struct Visited {
    life: TestServer,
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
        Self { life, routes }
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

#[tokio::test]
async fn a_page_has_its_realms_brand_from_the_moment_it_is_set() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let life = TestServer::start(&database).await;
    let server = life.server();
    let look = |look: crate::http::pages::Look| async move {
        format!("{} {:?} {:?}", look.brand().name, look.brand_style(), look.brand_logo())
    };
    let pages = Router::new().route("/look", get(look)).merge(crate::http::pages::routes());
    let visited = Visited { routes: received(server, pages), life };
    let server = visited.life.server();
    let (status, words) = visited.ask("192.0.2.1", "/look", &[]).await;
    assert_eq!((status, words.as_str()), (200, "Weft None None"));
    let by = crate::access::Administrator {
        realm: crate::kernel::RealmId::FIRST,
        asker: visited.life.root(),
    };
    let rest = crate::testkit::Rest::new(crate::realms::http::routes(&server.realms), by);
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><path d=\"M0 0h9v9z\"/></svg>";
    let brand = serde_json::json!({
        "name": "Ada Works", "accent": "#0057b8", "accent_dark": "#7fb2ff",
        "logo": crate::crypto::digest::base64(svg),
    });
    let set = rest.put("brand", ("if-match", "*"), brand.clone()).await;
    assert_eq!((set.status, &set.body), (200, &brand), "{set:?}");
    let words = crate::testkit::until("the brand is followed", async || {
        let (_, words) = visited.ask("192.0.2.1", "/look", &[]).await;
        if words.starts_with("Ada Works") { Ok(words) } else { Err(words) }
    })
    .await;
    for path in words.split('"').filter(|part| part.starts_with('/')) {
        let (status, file) = visited.ask("192.0.2.1", path, &[]).await;
        assert_eq!(status, 200, "{path}");
        assert!(file.contains("--accent:#0057b8") || file.contains("M0 0h9v9z"), "{file}");
    }
    let bad = [
        ("name", ""),
        ("accent", "blue"),
        ("accent", "#ffee00"),
        ("accent_dark", "#111111"),
        ("logo", "PHN2Zz48c2NyaXB0Lz48L3N2Zz4="),
        ("logo", "not base64!"),
        ("font", "Comic Sans"),
    ];
    for (member, value) in bad {
        let mut document = brand.clone();
        document[member] = value.into();
        let answer = rest.put("brand", ("if-match", "*"), document).await;
        assert_eq!(answer.status, 400, "{member}: {answer:?}");
        assert!(!answer.words().is_empty());
    }
    assert_eq!(rest.get("brand").await.body, brand, "what was refused changed nothing");
    assert_eq!(rest.delete("brand").await.status, 204);
    crate::testkit::until("the reset is followed", async || {
        let (_, words) = visited.ask("192.0.2.1", "/look", &[]).await;
        if words.starts_with("Weft ") { Ok(()) } else { Err(words) }
    })
    .await;
    println!(
        "proof: brands that cannot be read or would run something {0}, refused {0}",
        bad.len()
    );
}

#[tokio::test]
async fn a_realm_that_is_not_open_yet_asks_to_come_again_and_refuses_nobody_for_good() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let visited = Visited::start(&database).await;
    let server = visited.life.server();
    let open = server.realms.get(RealmId::FIRST).unwrap();
    // As a replica knows it that has read its row and not opened it.
    let made = Realm { id: RealmId(4711), ..Realm::clone(&open) };
    let Err(failure) = opened(server, Some(Arc::new(made))) else { panic!("it has no door") };
    assert_eq!((failure.kind, failure.code), (Kind::Unavailable, "realm.opening"));
    let answer = Problem::from(failure).into_response();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    assert!(opened(server, Some(open)).is_ok());
    assert_eq!(opened(server, None).unwrap_err().kind, Kind::NotFound);
}
