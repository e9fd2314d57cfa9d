//! The admin API of a whole server, over its local socket: who calls, in which realm, and what the server knows of itself.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use weft::testkit::{TestAgent, TestDatabase, TestServer, engines, until};

/// One request by the server's own user; gives the status and the document.
pub(crate) async fn ask(
    server: &TestServer,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let socket = server.data_dir().join("admin.sock");
    let mut stream = UnixStream::connect(socket).await.expect("the socket is open");
    let text = body.map(|body| body.to_string()).unwrap_or_default();
    let kind = if text.is_empty() { "" } else { "content-type: application/json\r\n" };
    let request = format!(
        "{method} /api/v1/{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{kind}{headers}content-length: {}\r\n\r\n{text}",
        text.len(),
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, serde_json::from_str(body).unwrap_or_default())
}

async fn get(server: &TestServer, path: &str) -> Value {
    let (status, body) = ask(server, "GET", path, "", None).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn server() -> (TestDatabase, TestServer) {
    let database = TestDatabase::new(engines()[0]).await;
    let server = TestServer::start(&database).await;
    (database, server)
}

#[tokio::test]
async fn the_servers_own_user_is_known_and_holds_the_realm() {
    let (_database, server) = server().await;
    let who = get(&server, "whoami").await;
    assert_eq!(who["uid"], json!(nix::unistd::geteuid().as_raw()));
    assert_eq!((&who["proof"], &who["listener"]), (&json!("kernel_peer"), &json!("local")));
    assert_eq!((&who["realm"], &who["holds"]), (&json!("default"), &json!([{"role": "admin"}])));
}

#[tokio::test]
async fn a_realm_that_is_not_there_is_404_on_every_path() {
    let (_database, server) = server().await;
    // As it is checked in, which another test compares with the routes.
    let text = include_str!("../../docs/reference/openapi.json");
    let description: Value = serde_json::from_str(text).expect("a document");
    let paths = description["paths"].as_object().expect("paths").clone();
    assert!(paths.len() > 20, "{paths:?}");
    for (path, methods) in paths {
        let path = path.trim_start_matches("/api/v1/").replace(['{', '}'], "");
        for method in methods.as_object().expect("methods").keys() {
            let (method, realm) = (method.to_uppercase(), "weft-realm: other\r\n");
            let (status, body) = ask(&server, &method, &path, realm, None).await;
            assert_eq!((status, &body["code"]), (404, &json!("realm.unknown")), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_was_written_is_read_at_once() {
    let (_database, server) = server().await;
    let parent = server.id("/spire/agent/join_token/x").to_string();
    let entry = |uid: u32| {
        json!({"spiffe_id": server.id("/web").to_string(), "parent_id": parent,
        "selectors": [format!("unix:uid:{uid}")]})
    };
    let mut named = entry(1);
    named["id"] = json!("web");
    let items = json!({"items": [
        {"op": "create", "entry": named},
        {"op": "update", "id": "web", "revision": 0, "entry": entry(2)},
    ]});
    let (status, body) = ask(&server, "POST", "entries/batch", "", Some(items)).await;
    assert_eq!((status, &body["results"][1]["status"]), (200, &json!(200)), "{body}");
    assert_eq!(get(&server, "entries/web").await["selectors"], json!(["unix:uid:2"]));
    assert_eq!(get(&server, "status").await["counts"]["entries"], json!(1));
    let kinds = get(&server, "events?kind=entry.updated").await;
    assert_eq!(kinds["items"][0]["about"]["entry_id"], json!("web"), "{kinds}");
}

#[tokio::test]
async fn an_agent_is_listed_with_its_stream_counted_and_banned() {
    let (_database, server) = server().await;
    let agent = TestAgent::join(&server).await;
    let listed = until("the agent holds its stream", async || {
        let page = get(&server, "agents").await;
        let first = page["items"][0].clone();
        if first["connected"] == json!(true) { Ok(first) } else { Err(page.to_string()) }
    })
    .await;
    assert_eq!(listed["spiffe_id"], json!(agent.id().to_string()));
    let status = get(&server, "status").await;
    assert_eq!(status["counts"]["agents_connected"], json!(1), "{status}");
    assert_eq!(status["health"], json!("ok"), "{status}");
    let path = format!("agents/{}/ban", listed["number"].as_str().expect("a number"));
    let (code, banned) = ask(&server, "POST", &path, "", None).await;
    assert_eq!((code, &banned["banned"]), (200, &json!(true)), "{banned}");
    let counts = get(&server, "status").await["counts"].clone();
    assert_eq!((&counts["agents"], &counts["agents_banned"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn a_join_token_tells_its_secret_once() {
    let (_database, server) = server().await;
    let wish = json!({"uses_max": 1, "lifetime_seconds": 600});
    let (status, made) = ask(&server, "POST", "join-tokens", "", Some(wish)).await;
    assert_eq!(status, 201, "{made}");
    let secret = made["secret"].as_str().expect("a secret");
    let path = format!("join-tokens/{}", made["id"].as_str().expect("an id"));
    assert!(!get(&server, &path).await.to_string().contains(secret));
    assert!(!get(&server, "join-tokens").await.to_string().contains(secret));
    assert_eq!(ask(&server, "DELETE", &path, "", None).await.0, 204);
    assert_eq!(get(&server, &path).await["revoked"], json!(true));
}
