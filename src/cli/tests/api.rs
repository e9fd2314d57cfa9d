//! What commands send to the server, what they print of its answers, and how they end.

use serde_json::{Value, json};

use super::house::{House, Told, told, weft, weft_at};

fn entry(id: &str) -> Value {
    json!({
        "id": id, "revision": 3, "created_at": "2026-01-31T12:00:00Z",
        "spiffe_id": format!("spiffe://example.org/{id}"), "parent_id": "spiffe://example.org/node",
        "selectors": ["unix:uid:1000"], "x509_svid_ttl_seconds": 3600, "jwt_svid_ttl_seconds": null,
        "federates_with": [], "admin": true, "downstream": false, "expires_at": null,
        "dns_names": ["web.example.org"], "store_svid": false, "hint": "",
        "disable_x509_svid_prefetch": false, "jwt_svid_include_jti": false,
    })
}

fn agent(number: &str) -> Value {
    json!({
        "number": number, "spiffe_id": format!("spiffe://example.org/spire/agent/join_token/{number}"),
        "attestation_type": "join_token", "selectors": [], "alias": null, "serial": "7f",
        "issued_at": "2026-01-31T12:00:00Z", "expires_at": "2126-01-31T13:00:00Z", "banned": false,
        "can_reattest": false, "attested_at": "2026-01-31T12:00:00Z", "evidence_expires_at": null,
        "version": "weft 0.1.0", "connected": true, "view_age_seconds": 2,
    })
}

fn whoami() -> Value {
    json!({ "realm": "default", "trust_domain": "example.org", "spiffe_id": null, "uid": 0, "proof": "kernel_peer",
        "listener": "local", "holds": [] })
}

fn status() -> Value {
    json!({
        "version": "0.1.0", "replica": "rep_1", "started_at": "2026-01-31T12:00:00Z",
        "realm": { "id": 1, "name": "default", "trust_domain": "example.org", "issuer": "https://example.org",
                   "hosts": [], "created_at": "2026-01-31T12:00:00Z" },
        "health": "degraded",
        "components": [{ "name": "database", "health": "degraded", "detail": "away since 12:00" }],
        "counts": { "entries": 2, "agents": 1, "agents_connected": 1, "agents_banned": 0,
                    "authorities": 2, "foreign_bundles": 0 },
    })
}

fn page(items: &[Value], next: Option<&str>) -> Value {
    json!({ "items": items, "next_cursor": next })
}

fn problem(status: u16, code: &str, detail: &str) -> Value {
    json!({ "type": format!("urn:weft:problem:{code}"), "title": "This is not permitted", "status": status,
            "detail": detail, "code": code, "request_id": "req_7" })
}

#[test]
fn a_listing_reads_every_page_and_asks_with_its_filters() {
    let house = House::answering(vec![
        told("GET /entries", 200, &page(&[entry("a"), entry("b")], Some("c+/="))),
        told("GET /entries", 200, &page(&[entry("c")], None)),
    ]);
    let ran = house.weft(&[
        "entry",
        "list",
        "--selector",
        "unix:uid:1",
        "--selector",
        "unix:path:/a,b&c",
        "--match",
        "any",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.notes);
    let filter = "selectors=unix%3Auid%3A1&selectors=unix%3Apath%3A%2Fa%2Cb%26c&selectors_match=any&limit=500";
    assert_eq!(
        house.asked(),
        [format!("GET /entries?{filter}"), format!("GET /entries?{filter}&cursor=c%2B%2F%3D")]
    );
    let expected = "ID  SPIFFE ID               PARENT                     SELECTORS      NOTES\n\
                    a   spiffe://example.org/a  spiffe://example.org/node  unix:uid:1000  admin\n\
                    b   spiffe://example.org/b  spiffe://example.org/node  unix:uid:1000  admin\n\
                    c   spiffe://example.org/c  spiffe://example.org/node  unix:uid:1000  admin\n";
    assert_eq!(ran.out, expected);
}

#[test]
fn a_narrow_terminal_gets_a_block_for_each_entry() {
    let house = House::answering(vec![told("GET /entries", 200, &page(&[entry("a")], None))]);
    let socket = house.socket().display().to_string();
    let ran = weft_at(Some(40), &["entry", "list", "--server-socket", &socket]);
    assert!(
        ran.out.starts_with("ID         a\nSPIFFE ID  spiffe://example.org/a\n"),
        "{}",
        ran.out
    );
}

#[test]
fn a_limit_is_asked_for_and_kept() {
    let house = House::answering(vec![told(
        "GET /entries",
        200,
        &page(&[entry("a"), entry("b")], Some("x")),
    )]);
    let ran = house.weft(&["--output", "json", "entry", "list", "--limit", "2"]);
    assert_eq!(house.asked(), ["GET /entries?limit=2"]);
    let printed: Vec<Value> = serde_json::from_str(&ran.out).expect("a JSON list");
    assert_eq!(printed, [entry("a"), entry("b")]);
}

#[test]
fn an_empty_listing_says_what_to_do_beside_the_output() {
    let house = House::answering(vec![
        told("GET /entries", 200, &page(&[], None)),
        told("GET /agents", 200, &page(&[], None)),
    ]);
    let ran = house.weft(&["entry", "list"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert!(ran.notes.contains("`weft entry create`"), "{}", ran.notes);
    assert!(house.weft(&["node", "list"]).notes.contains("`weft token create`"));
    assert!(house.weft(&["entry", "list", "--hint", "x"]).notes.contains("No entry is like that."));
    assert_eq!(house.weft(&["entry", "list", "--output", "json"]).out, "[]\n");
}

#[test]
fn a_refusal_is_a_sentence_with_what_to_do_next_and_the_requests_id() {
    let table = [
        (403, "access.denied", "`weft whoami` shows what you hold"),
        (401, "request.unauthenticated", "`--svid-socket` or `--token-file`"),
        (404, "entry.not_found", "`weft entry list` shows what there is."),
        (409, "entry.exists", "Read it again"),
        (503, "storage.away", "`weft status`"),
        (500, "internal", "The server's log says more"),
    ];
    for (status, code, advice) in table {
        let house = House::answering(vec![told(
            "GET /entries/web-1",
            status,
            &problem(status, code, "the words"),
        )]);
        let ran = house.weft(&["entry", "show", "web-1"]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{code}");
        assert!(
            ran.notes.starts_with("error: This is not permitted: the words\n"),
            "{}",
            ran.notes
        );
        assert!(ran.notes.contains(advice), "{code}: {}", ran.notes);
        assert!(ran.notes.ends_with(&format!("({code}, request req_7)\n")), "{}", ran.notes);
    }
}

#[test]
fn an_answer_of_something_else_is_told_as_such() {
    let house = House::answering(vec![
        Told::text("GET /status", 502, "<html>Bad Gateway</html>"),
        Told::text("GET /whoami", 200, "<html>"),
    ]);
    let ran = house.weft(&["status"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.notes.contains("502 Bad Gateway")
            && ran.notes.contains("is this address a Weft server's?"),
        "{}",
        ran.notes
    );
    assert!(house.weft(&["whoami"]).notes.contains("not understood"));
}

#[test]
fn a_server_that_is_not_there_has_its_own_exit_code_and_advice() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("admin.sock");
    let place = socket.display().to_string();
    let ran = weft(&["--server-socket", &place, "status"]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.notes.contains("no server listens at") && ran.notes.contains("`weft server`"),
        "{}",
        ran.notes
    );
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("a socket"));
    let ran = weft(&["--server-socket", &place, "status"]);
    assert_eq!(ran.code, 3);
    assert!(ran.notes.contains("is gone"), "{}", ran.notes);
    let ran = weft(&["--server", "https://127.0.0.1:1", "status"]);
    assert_eq!(ran.code, 3);
    assert!(ran.notes.contains("is not reachable"), "{}", ran.notes);
}

#[test]
fn a_new_join_string_stands_alone_on_the_output_and_the_next_command_beside() {
    let made = json!({
        "id": "jtk_1", "uses_max": 2, "uses": 0, "selectors": ["a:b"], "agent_alias": "spiffe://example.org/racks/7",
        "created_at": "2026-01-31T12:00:00Z", "expires_at": "2126-01-31T13:00:00Z", "revoked": false,
        "secret": "s3cret", "join": "weft-join-1.body.sum", "join_good_until": "2126-01-30T12:00:00Z",
    });
    let house = House::answering(vec![
        told("POST /join-tokens", 201, &made),
        told("GET /whoami", 200, &whoami()),
    ]);
    let ran = house.weft(&[
        "token",
        "create",
        "--uses",
        "2",
        "--ttl",
        "90m",
        "--selector",
        "a:b",
        "--alias",
        "/racks/7",
    ]);
    assert_eq!(ran.out, "weft-join-1.body.sum\n");
    assert!(
        ran.notes.contains("for 2 nodes")
            && ran.notes.contains("good until 2126-01-30T12:00:00Z")
            && ran.notes.contains("authorities are replaced before that")
            && ran.notes.contains("  weft agent --join weft-join-1.body.sum\n"),
        "{}",
        ran.notes
    );
    let expected = json!({ "uses_max": 2, "lifetime_seconds": 5400, "selectors": ["a:b"], "agent_alias": "spiffe://example.org/racks/7" });
    assert_eq!(house.sent(), expected);
    let ran = house.weft(&["token", "create", "--output", "json"]);
    assert_eq!(
        (serde_json::from_str::<Value>(&ran.out).expect("JSON"), ran.notes.as_str()),
        (made, "")
    );
}

#[test]
fn an_entry_hangs_under_the_only_node_unless_said() {
    let house = House::answering(vec![
        told("GET /agents", 200, &page(&[agent("sub_1")], None)),
        told("GET /whoami", 200, &whoami()),
        told("POST /entries", 201, &entry("ent_1")),
    ]);
    let ran = house.weft(&[
        "entry",
        "create",
        "--spiffe-id",
        "/web",
        "--selector",
        "unix:uid:1",
        "--x509-ttl",
        "1h",
        "--admin",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.notes);
    let expected = json!({
        "spiffe_id": "spiffe://example.org/web", "parent_id": "spiffe://example.org/spire/agent/join_token/sub_1",
        "selectors": ["unix:uid:1"], "x509_svid_ttl_seconds": 3600, "admin": true,
    });
    assert_eq!(house.sent(), expected);
    assert!(
        ran.out.contains("X.509-SVID life  1 h\n") && ran.out.contains("admin            yes\n"),
        "{}",
        ran.out
    );
}

#[test]
fn with_no_node_or_several_the_parent_must_be_said() {
    for (agents, words) in [
        (vec![], "no node has joined yet"),
        (vec![agent("sub_1"), agent("sub_2")], "there are several nodes"),
    ] {
        let house = House::answering(vec![told("GET /agents", 200, &page(&agents, None))]);
        let ran = house.weft(&[
            "entry",
            "create",
            "--spiffe-id",
            "spiffe://a/b",
            "--selector",
            "unix:uid:1",
        ]);
        assert_eq!(ran.code, 2);
        assert!(ran.notes.contains(words), "{}", ran.notes);
    }
}

#[test]
fn an_id_of_ones_own_is_created_and_never_replaced() {
    let house = House::answering(vec![told("PUT /entries/web-1", 201, &entry("web-1"))]);
    house.weft(&[
        "entry",
        "create",
        "--id",
        "web-1",
        "--spiffe-id",
        "spiffe://a/b",
        "--parent",
        "spiffe://a/c",
        "--selector",
        "unix:uid:1",
    ]);
    assert_eq!(house.seen()[0].headers["if-none-match"], "*");
}

#[test]
fn an_update_leaves_the_rest_and_loses_nobody_elses_change() {
    let house = House::answering(vec![
        told("GET /entries/web-1", 200, &entry("web-1")).with(&[("etag", "\"3\"")]),
        told("PUT /entries/web-1", 200, &entry("web-1")),
    ]);
    let ran = house.weft(&[
        "entry",
        "update",
        "web-1",
        "--selector",
        "unix:uid:7",
        "--admin=false",
        "--hint",
        "new",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.notes);
    assert_eq!(house.seen()[1].headers["if-match"], "\"3\"");
    let expected = json!({
        "id": "web-1", "spiffe_id": "spiffe://example.org/web-1", "parent_id": "spiffe://example.org/node",
        "selectors": ["unix:uid:7"], "x509_svid_ttl_seconds": 3600, "dns_names": ["web.example.org"], "hint": "new",
    });
    assert_eq!(house.sent(), expected);
    let ran = house.weft(&["entry", "update", "web-1", "--admin"]);
    assert!(ran.code == 2 && ran.notes.contains("nothing to change"), "{}", ran.notes);
}

#[test]
fn many_entries_are_done_or_refused_one_by_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("entries.ndjson");
    let one = r#"{"id":"a","spiffe_id":"spiffe://a/b","parent_id":"spiffe://a/c","selectors":["unix:uid:1"]}"#;
    std::fs::write(&file, format!("{one}\n{one}\n")).expect("written");
    let answer = json!({ "results": [
        { "status": 201, "entry": entry("a") },
        { "status": 409, "problem": problem(409, "entry.exists", "entry `a` exists") },
    ]});
    let house = House::answering(vec![told("POST /entries/batch", 200, &answer)]);
    let ran = house.weft(&["entry", "create", "--file", &file.display().to_string()]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "a: created, spiffe://example.org/a\n"));
    assert!(ran.notes.contains("a: This is not permitted: entry `a` exists\n"), "{}", ran.notes);
    assert!(ran.notes.contains("1 of 2 were refused"), "{}", ran.notes);
    assert_eq!(house.sent()["items"][1]["op"], "create");
}

#[test]
fn many_deletions_are_one_request() {
    let answer = json!({ "results": [{ "status": 204 }, { "status": 204 }] });
    let house = House::answering(vec![
        told("POST /entries/batch", 200, &answer),
        told("DELETE /entries/c", 204, &Value::Null),
    ]);
    let ran = house.weft(&["entry", "delete", "a", "b"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "a: deleted\nb: deleted\n"));
    assert_eq!(house.weft(&["entry", "delete", "c"]).out, "c: deleted\n");
    assert_eq!(
        house.weft(&["entry", "delete", "c", "--output", "json"]).out,
        "{\n  \"done\": \"deleted\",\n  \"id\": \"c\"\n}\n"
    );
}

#[test]
fn what_is_typed_stays_one_segment_of_the_path() {
    let house = House::answering(vec![]);
    house.weft(&["entry", "show", "../realms?x=1#y"]);
    for nothing in ["", ".", ".."] {
        assert_eq!(house.weft(&["policy", "show", nothing]).code, 2, "`{nothing}`");
    }
    assert_eq!(house.asked(), ["GET /entries/..%2Frealms%3Fx=1%23y"]);
}

#[test]
fn a_realm_is_named_in_a_header() {
    let house = House::answering(vec![told("GET /status", 200, &status())]);
    let ran = house.weft(&["--realm", "two", "status"]);
    assert_eq!(house.seen()[0].headers["weft-realm"], "two");
    assert!(
        ran.out.contains("parts            database: degraded, away since 12:00\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("nodes            1, 1 connected\n"), "{}", ran.out);
}

#[test]
fn a_node_is_found_by_its_number_its_id_or_its_path() {
    let house = House::answering(vec![
        told("GET /agents", 200, &page(&[agent("sub_1")], None)),
        told("GET /agents/sub_1", 200, &agent("sub_1")),
        told("GET /whoami", 200, &whoami()),
        told("POST /agents/sub_1/ban", 200, &agent("sub_1")),
        told("DELETE /agents/sub_1", 204, &Value::Null),
    ]);
    assert_eq!(house.weft(&["node", "ban", "/spire/agent/x/1"]).out, "sub_1: banned\n");
    assert_eq!(house.weft(&["node", "evict", "sub_1"]).out, "sub_1: evicted\n");
    let expected = [
        "GET /whoami",
        "GET /agents?spiffe_id=spiffe%3A%2F%2Fexample.org%2Fspire%2Fagent%2Fx%2F1",
        "POST /agents/sub_1/ban",
        "GET /agents/sub_1",
        "DELETE /agents/sub_1",
    ];
    assert_eq!(house.asked(), expected);
}

#[test]
fn a_bundle_is_printed_as_a_document_or_as_certificates() {
    let bundle = json!({ "keys": [
        { "use": "x509-svid", "kty": "EC", "x5c": ["QUJD"] },
        { "use": "jwt-svid", "kty": "EC", "kid": "1" },
    ], "spiffe_sequence": 7, "more": 1 });
    let house = House::answering(vec![
        told("GET /bundles/example.org", 200, &bundle),
        told("GET /whoami", 200, &whoami()),
    ]);
    let ran = house.weft(&["bundle", "show"]);
    assert_eq!(serde_json::from_str::<Value>(&ran.out).expect("JSON"), bundle);
    let ran = house.weft(&["bundle", "show", "example.org", "--format", "pem"]);
    assert_eq!(ran.out, "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n");
}

#[test]
fn a_foreign_bundle_travels_as_it_is_and_a_mistake_stays_here() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("bundle.json");
    let document = r#"{"keys":[],  "spiffe_sequence":1,"of_theirs":true}"#;
    std::fs::write(&file, document).expect("written");
    let stored = json!({ "trust_domain": "other.example", "own": false, "sequence": 1, "refresh_hint_seconds": 300,
        "x509_authorities": 0, "jwt_authorities": 0, "updated_at": "2026-01-31T12:00:00Z" });
    let house = House::answering(vec![told("PUT /bundles/other.example", 200, &stored)]);
    let path = file.display().to_string();
    assert_eq!(house.weft(&["bundle", "set", "other.example", "--file", &path]).code, 0);
    assert_eq!(house.seen()[0].body, document);
    std::fs::write(&file, "-----BEGIN").expect("written");
    let ran = house.weft(&["bundle", "set", "other.example", "--file", &path]);
    assert!(ran.code == 1 && ran.notes.contains("is no SPIFFE bundle document"), "{}", ran.notes);
    assert_eq!(house.seen().len(), 1);
}

#[test]
fn authorities_move_by_their_ids() {
    let authority = json!({
        "id": "aut_1", "purpose": "jwt-svid", "state": "prepared", "tainted": false, "algorithm": "ES256", "key_id": "k",
        "not_before": "2026-01-31T12:00:00Z", "not_after": "2126-01-31T12:00:00Z", "created_at": "2026-01-31T12:00:00Z",
        "activated_at": null, "seen": { "by": 3, "connected": 4 },
    });
    let house = House::answering(vec![
        told("POST /authorities/prepare", 201, &authority),
        told("POST /authorities/aut_1/activate", 200, &authority),
        told("POST /authorities/aut_1/revoke", 200, &authority),
    ]);
    let ran = house.weft(&["authority", "prepare", "jwt-svid"]);
    assert!(ran.out.contains("prepared") && ran.out.contains("3 of 4"), "{}", ran.out);
    assert_eq!(house.sent(), json!({ "purpose": "jwt-svid" }));
    house.weft(&["authority", "activate", "aut_1", "--force"]);
    assert_eq!(house.sent(), json!({ "force": true }));
    house.weft(&["authority", "revoke", "aut_1"]);
    assert_eq!(house.seen()[2].body, "");
}

#[test]
fn events_are_told_in_words_that_cannot_drive_the_terminal() {
    let event = json!({
        "stream": "db", "number": 7, "time": "2026-01-31T12:00:00.5Z", "kind": "entry.created", "subject": "sub_1",
        "actor": null, "about": { "entry_id": "web\u{1b}[2J", "selectors": ["a:b", "c:d"], "revision": 1 },
        "by": {}, "about_erased": false, "by_erased": true,
    });
    let house = House::answering(vec![told("GET /events", 200, &page(&[event], None))]);
    let ran = house.weft(&[
        "event",
        "list",
        "--kind",
        "entry.created",
        "--since",
        "2026-01-31T00:00:00Z",
    ]);
    assert_eq!(
        house.asked(),
        ["GET /events?kind=entry.created&since=2026-01-31T00%3A00%3A00Z&limit=50"]
    );
    for part in ["entry_id=web\u{fffd}[2J ", "revision=1 ", "selectors=a:b,c:d ", " (erased)\n"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
}

#[test]
fn a_registrar_is_bound_on_a_path_and_nobody_else() {
    let bound = json!({ "name": "web", "holder": "spiffe://example.org/user/ann", "role": "registrar",
        "path": "spiffe://example.org/web", "rights": ["create"] });
    let house = House::answering(vec![
        told("POST /role-bindings", 201, &bound),
        told("GET /whoami", 200, &whoami()),
    ]);
    let ran = house.weft(&[
        "role",
        "bind",
        "web",
        "--to",
        "/user/ann",
        "--role",
        "registrar",
        "--path",
        "/web",
        "--right",
        "create",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.notes);
    assert_eq!(house.sent(), bound);
    assert_eq!(house.weft(&["role", "bind", "a", "--to", "uid:1", "--role", "registrar"]).code, 2);
    assert_eq!(
        house
            .weft(&["role", "bind", "a", "--to", "uid:1", "--role", "viewer", "--path", "/a"])
            .code,
        2
    );
}

#[test]
fn whoami_says_who_how_and_what() {
    let whoami = json!({ "realm": "default", "trust_domain": "example.org", "spiffe_id": null, "uid": 1000, "proof": "kernel_peer", "listener": "local",
        "holds": [{ "role": "admin" }, { "role": "registrar", "path": "spiffe://example.org/web", "rights": ["create", "update"] }] });
    let house = House::answering(vec![told("GET /whoami", 200, &whoami)]);
    let expected = "you are   user 1000 of the server's machine\nshown by  the kernel, at the other end of the socket\n\
                    through   the local socket\nrealm     default\nyou hold  admin\n          \
                    registrar of spiffe://example.org/web (create, update)\n";
    assert_eq!(house.weft(&["whoami"]).out, expected);
}

#[test]
fn explain_asks_with_what_this_machine_knows_of_a_process() {
    let answer = json!({ "summary": "It gets one identity.", "selectors": ["unix:uid:1"], "agent": null,
        "granted": [{ "id": "web-1", "spiffe_id": "spiffe://example.org/web", "parent_id": "spiffe://example.org/node",
                      "selectors": ["unix:uid:1"] }], "nearest": [] });
    let house = House::answering(vec![
        told("POST /entries/explain", 200, &answer),
        told("GET /agents/sub_1", 200, &agent("sub_1")),
    ]);
    let pid = std::process::id().to_string();
    let ran = house.weft(&[
        "entry",
        "explain",
        "--pid",
        &pid,
        "--selector",
        "docker:label:x",
        "--agent",
        "sub_1",
    ]);
    assert!(
        ran.out.starts_with("It gets one identity.\n") && ran.out.contains("by entry web-1"),
        "{}",
        ran.out
    );
    let sent = house.sent();
    assert_eq!(sent["agent"], "sub_1");
    let selectors: Vec<&str> =
        sent["selectors"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let uid = format!("unix:uid:{}", nix::unistd::geteuid());
    assert!(
        selectors.contains(&uid.as_str()) && selectors.contains(&"docker:label:x"),
        "{selectors:?}"
    );
}
