//! What goes in is strict, what comes out may grow, and names are as published.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn entry() -> Value {
    json!({
        "id": "web-1", "revision": 3, "created_at": "2026-01-31T12:00:00.000001Z",
        "spiffe_id": "spiffe://example.org/web", "parent_id": "spiffe://example.org/spire/agent/join_token/1",
        "selectors": ["unix:uid:1000"], "x509_svid_ttl_seconds": 3600, "jwt_svid_ttl_seconds": null,
        "federates_with": ["other.example"], "admin": false, "downstream": true, "expires_at": null,
        "dns_names": ["web.example.org"], "store_svid": false, "hint": "main",
        "disable_x509_svid_prefetch": false, "jwt_svid_include_jti": true,
    })
}

fn refuses_an_unknown_member<T: DeserializeOwned>(name: &str, valid: Value) {
    let mut document = valid;
    assert!(serde_json::from_value::<T>(document.clone()).is_ok(), "{name}: {document}");
    document["surprise"] = json!(1);
    let refused = serde_json::from_value::<T>(document).err().expect(name).to_string();
    assert!(refused.contains("surprise"), "{name}: {refused}");
}

#[test]
fn an_input_refuses_a_member_it_does_not_know() {
    let input = json!({"spiffe_id": "spiffe://a/b", "parent_id": "spiffe://a/c", "selectors": ["unix:uid:1"]});
    refuses_an_unknown_member::<EntryInput>("entry", input.clone());
    refuses_an_unknown_member::<BatchRequest>("batch", json!({"items": []}));
    refuses_an_unknown_member::<BatchItem>("create", json!({"op": "create", "entry": input}));
    refuses_an_unknown_member::<BatchItem>("delete", json!({"op": "delete", "id": "web-1"}));
    refuses_an_unknown_member::<ExplainRequest>("explain", json!({"selectors": ["unix:uid:1"]}));
    refuses_an_unknown_member::<JoinTokenInput>("join token", json!({}));
    refuses_an_unknown_member::<DeviceTokenInput>("device token", json!({}));
    refuses_an_unknown_member::<DeviceReason>("reason", json!({}));
    refuses_an_unknown_member::<DeviceRenewal>("renewal", json!({"csr": "x"}));
    let machine = json!({"token": "t", "csr": "x", "name": "n", "platform": "linux"});
    refuses_an_unknown_member::<DeviceEnrolment>("enrolment", machine);
    refuses_an_unknown_member::<PrepareAuthority>("prepare", json!({"purpose": "jwt-svid"}));
    refuses_an_unknown_member::<ActivateAuthority>("activate", json!({}));
    refuses_an_unknown_member::<PolicyInput>(
        "policy",
        json!({"text": "permit (principal, action, resource);"}),
    );
    refuses_an_unknown_member::<RoleBinding>(
        "role",
        json!({"name": "a", "holder": "uid:7", "role": "viewer"}),
    );
    let realm = json!({"name": "a", "trust_domain": "a.example", "issuer": "https://a.example"});
    refuses_an_unknown_member::<RealmInput>("realm", realm);
}

#[test]
fn an_answer_may_grow_members() {
    let mut grown = entry();
    grown["of_a_later_release"] = json!({"x": 1});
    let read: Entry = serde_json::from_value(grown).expect("later members are ignored");
    assert_eq!(serde_json::to_value(&read).expect("writes"), entry());
}

#[test]
fn the_input_made_of_an_entry_leaves_it_as_it_is() {
    let read: Entry = serde_json::from_value(entry()).expect("reads");
    let input = serde_json::to_value(EntryInput::from(read)).expect("writes");
    let expected = json!({
        "id": "web-1", "spiffe_id": "spiffe://example.org/web",
        "parent_id": "spiffe://example.org/spire/agent/join_token/1",
        "selectors": ["unix:uid:1000"], "x509_svid_ttl_seconds": 3600, "federates_with": ["other.example"],
        "downstream": true, "dns_names": ["web.example.org"], "hint": "main", "jwt_svid_include_jti": true,
    });
    assert_eq!(input, expected);
}

fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, String> {
    let uri = format!("/api/v1/x?{query}").parse().expect("a URI");
    axum::extract::Query::<T>::try_from_uri(&uri)
        .map(|query| query.0)
        .map_err(|error| error.body_text())
}

#[test]
fn a_query_for_entries_says_selectors_more_than_once() {
    let query: EntryQuery = read_query(
        "selectors=unix:uid:1&selectors=unix:path:%2Fbin%2Fa,b&selectors_match=any&federates_with=a&downstream=true&limit=7",
    )
    .expect("reads");
    assert_eq!(query.selectors, ["unix:uid:1", "unix:path:/bin/a,b"]);
    assert_eq!(query.selectors_match, Some(SelectorsMatch::Any));
    assert_eq!((query.downstream, query.limit), (Some(true), Some(7)));
    let mut written = url::form_urlencoded::Serializer::new(String::new());
    written.extend_pairs(query.pairs());
    assert_eq!(read_query::<EntryQuery>(&written.finish()), Ok(query));
    assert_eq!(read_query::<EntryQuery>(""), Ok(EntryQuery::default()));
}

#[test]
fn a_query_refuses_what_it_does_not_know() {
    let table = [
        ("spiffeid=x", "unknown parameter `spiffeid`"),
        ("downstream=yes", "`downstream` is `true` or `false`"),
        ("limit=many", "`limit` is a whole number"),
        ("selectors_match=all", "`selectors_match` is one of"),
    ];
    for (query, words) in table {
        let refused = read_query::<EntryQuery>(query).expect_err(query);
        assert!(refused.contains(words), "{query}: {refused}");
    }
    assert!(read_query::<AgentQuery>("band=true").is_err());
    assert!(read_query::<EventQuery>("since=yesterday").is_err());
    assert!(read_query::<PageQuery>("page=2").is_err());
    let events: EventQuery = read_query("since=2026-01-31T12:00:00Z&limit=5").expect("reads");
    assert_eq!((events.limit, events.since), (Some(5), Time::parse("2026-01-31T12:00:00Z")));
}

#[test]
fn a_new_join_token_is_one_flat_document_and_does_not_print_its_secret() {
    let document = json!({
        "id": "jtk_1", "uses_max": 1, "uses": 0, "selectors": [], "agent_alias": null,
        "created_at": "2026-01-31T12:00:00Z", "expires_at": "2026-01-31T13:00:00Z", "revoked": false,
        "secret": "s3cret", "join": "weft-join-1.s3cret",
    });
    let made: NewJoinToken = serde_json::from_value(document.clone()).expect("reads");
    assert_eq!(serde_json::to_value(&made).expect("writes"), document);
    let shown = format!("{made:?}");
    assert!(shown.contains("jtk_1") && !shown.contains("s3cret"), "{shown}");
}

fn written<T: Serialize>(value: T) -> String {
    serde_json::to_value(value).expect("writes").as_str().expect("a text").to_owned()
}

#[test]
fn each_name_is_the_one_on_the_wire() {
    for purpose in AuthorityPurpose::ALL {
        assert_eq!(written(purpose), purpose.as_str());
        assert_eq!(AuthorityPurpose::parse(purpose.as_str()), Some(purpose));
    }
    for how in SelectorsMatch::ALL {
        assert_eq!(written(how), how.as_str());
    }
    for role in RoleName::ALL {
        assert_eq!(written(role), role.as_str());
        assert_eq!(RoleName::parse(role.as_str()), Some(role));
    }
    for state in [AuthorityState::Prepared, AuthorityState::Active, AuthorityState::Old] {
        assert_eq!(written(state), state.as_str());
    }
    for origin in [PolicyOrigin::Shipped, PolicyOrigin::Realm, PolicyOrigin::Replaced] {
        assert_eq!(written(origin), origin.as_str());
    }
    for health in [Health::Ok, Health::Degraded, Health::Failing] {
        assert_eq!(written(health), health.as_str());
    }
}

#[test]
fn a_token_is_for_one_agent_and_an_hour_unless_said() {
    let input: JoinTokenInput = serde_json::from_value(json!({})).expect("reads");
    assert_eq!((input.uses_max, input.lifetime_seconds), (1, 3600));
}
