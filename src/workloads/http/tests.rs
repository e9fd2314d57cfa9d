//! Entries over HTTP: what is answered to whom.

use http::Method;
use serde_json::{Value, json};

use super::routes;
use crate::access::Administrator;
use crate::testkit::{Answer, Rest, TestDatabase, engines};
use crate::workloads::tests::world::{FREEZE, REALM, World, admin, draft, id, workload};

struct House {
    world: World,
    rest: Rest,
}

impl House {
    async fn new() -> Self {
        let world = World::new(&TestDatabase::new(engines()[0]).await).await;
        let by = Administrator { realm: REALM, asker: admin() };
        Self { rest: Rest::new(routes(&world.workloads), by), world }
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        let answer = self.rest.post(path, body).await;
        self.world.follow().await;
        answer
    }

    async fn put(&self, path: &str, condition: (&str, &str), body: Value) -> Answer {
        let answer = self.rest.put(path, condition, body).await;
        self.world.follow().await;
        answer
    }

    async fn delete(&self, path: &str, condition: &[(&str, &str)]) -> Answer {
        let answer = self.rest.send(Method::DELETE, path, condition, None).await;
        self.world.follow().await;
        answer
    }

    fn stranger(&self) -> Rest {
        self.rest.asked_by(Administrator { realm: REALM, asker: workload() })
    }
}

fn entry(path: &str, uid: u32) -> Value {
    json!({
        "spiffe_id": id(path).to_string(),
        "parent_id": id("/spire/agent/join_token/a").to_string(),
        "selectors": [format!("unix:uid:{uid}")],
    })
}

const NEW: (&str, &str) = ("if-none-match", "*");

#[tokio::test]
async fn what_is_wrong_with_an_entry_is_said_by_field() {
    let house = House::new().await;
    let with = |member: &str, value: Value| {
        let mut document = entry("/web", 1);
        document[member] = value;
        document
    };
    let table = [
        (with("spiffe_id", json!("web")), "`spiffe_id`"),
        (with("parent_id", json!("spiffe://weft.test")), "`parent_id`"),
        (with("selectors", json!(["unix"])), "`selectors`: `unix`"),
        (with("selectors", json!([])), "`selectors`"),
        (with("federates_with", json!(["UPPER"])), "`federates_with`"),
        (with("id", json!("a/b")), "`id`"),
        (with("x509_svid_ttl_seconds", json!(-1)), "`x509_svid_ttl`"),
        (with("selectrs", json!([])), "unknown field `selectrs`"),
    ];
    for (document, words) in table {
        let answer = house.post("entries", document).await;
        assert_eq!(answer.status, 400, "{words}: {answer:?}");
        assert!(answer.words().contains(words), "{words}: {answer:?}");
    }
}

#[tokio::test]
async fn an_entry_is_not_there_for_whoever_may_not_read_it_and_refused_to_whoever_may_not_make_it()
{
    let house = House::new().await;
    house.put("entries/web", NEW, entry("/web", 1)).await;
    let stranger = house.stranger();
    assert_eq!(stranger.get("entries/web").await.refusal(), (404, "entry.not_found"));
    assert_eq!(stranger.delete("entries/web").await.refusal(), (404, "entry.not_found"));
    let refused = stranger.post("entries", entry("/other", 2)).await;
    assert_eq!(refused.refusal(), (403, "access.denied"));
    assert!(!refused.words().is_empty());
    assert_eq!(stranger.get("entries").await.status, 403);
    assert_eq!(house.rest.get("entries/ghost").await.refusal(), (404, "entry.not_found"));
}

#[tokio::test]
async fn nobody_replaces_what_they_have_not_seen() {
    let house = House::new().await;
    let made = house.put("entries/web", NEW, entry("/web", 1)).await;
    assert_eq!((made.status, made.tag.as_deref()), (201, Some("\"0\"")));
    assert_eq!(house.put("entries/web", NEW, entry("/web", 2)).await.status, 412);
    let again = house.post(
        "entries",
        json!({"id": "web", "spiffe_id": id("/x").to_string(),
        "parent_id": id("/y").to_string(), "selectors": ["a:b"]}),
    );
    assert_eq!(again.await.refusal(), (409, "entry.exists"));

    let changed = house.put("entries/web", ("if-match", "\"0\""), entry("/web", 2)).await;
    assert_eq!((changed.status, changed.tag.as_deref()), (200, Some("\"1\"")));
    assert_eq!(changed.body["selectors"], json!(["unix:uid:2"]));
    let late = house.put("entries/web", ("if-match", "\"0\""), entry("/web", 3)).await;
    assert_eq!(late.refusal(), (412, "entry.outdated"));
    assert_eq!(house.put("entries/web", ("if-match", "*"), entry("/web", 3)).await.status, 200);
    let unsaid = house.put("entries/web", ("accept", "*/*"), entry("/web", 4)).await;
    assert_eq!(unsaid.refusal(), (400, "entry.put"));
    let other = house.put("entries/web", ("if-match", "*"), json!({"id": "other",
        "spiffe_id": id("/web").to_string(), "parent_id": id("/y").to_string(), "selectors": ["a:b"]}));
    assert_eq!(other.await.refusal(), (400, "entry.invalid"));

    assert_eq!(house.delete("entries/web", &[("if-match", "\"0\"")]).await.status, 412);
    assert_eq!(house.delete("entries/web", &[("if-match", "\"2\"")]).await.status, 204);
    assert_eq!(house.delete("entries/web", &[]).await.status, 404);
    let gone = house.put("entries/web", ("if-match", "*"), entry("/web", 4)).await;
    assert_eq!(gone.status, 404, "an update makes nothing");
}

#[tokio::test]
async fn an_entry_comes_back_as_it_was_said() {
    let house = House::new().await;
    let mut said = entry("/web", 1);
    for (member, value) in [
        ("x509_svid_ttl_seconds", json!(600)),
        ("federates_with", json!(["other.test"])),
        ("dns_names", json!(["web.test"])),
        ("hint", json!("internal")),
        ("expires_at", json!("2099-01-01T00:00:00Z")),
        ("downstream", json!(true)),
    ] {
        said[member] = value;
    }
    let made = house.post("entries", said.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("entries/{}", made.body["id"].as_str().unwrap());
    let read = house.rest.get(&path).await;
    assert_eq!((&read.body, &read.tag), (&made.body, &made.tag));
    for (member, value) in said.as_object().unwrap() {
        assert_eq!(read.body[member], *value, "{member}");
    }
    assert_eq!(read.body["jwt_svid_ttl_seconds"], Value::Null);
}

#[tokio::test]
async fn pages_follow_one_another_and_filters_must_all_hold() {
    let house = House::new().await;
    for n in 0..5 {
        house.put(&format!("entries/e{n}"), NEW, entry(&format!("/web/{n}"), n)).await;
    }
    let (mut seen, mut path) = (Vec::new(), "entries?limit=2".to_owned());
    loop {
        let page = house.rest.get(&path).await;
        assert!(page.each("id").len() <= 2, "{page:?}");
        seen.extend(page.each("id"));
        let Some(next) = page.next() else { break };
        path = format!("entries?limit=2&cursor={next}");
    }
    assert_eq!(seen, ["e0", "e1", "e2", "e3", "e4"].map(Value::from));
    let table = [
        ("selectors=unix:uid:3".to_owned(), vec!["e3"]),
        (
            "selectors=unix:uid:3&selectors=unix:uid:4&selectors_match=any".to_owned(),
            vec!["e3", "e4"],
        ),
        (format!("spiffe_id={}", id("/web/1")), vec!["e1"]),
        (format!("spiffe_id={}&selectors=unix:uid:2", id("/web/1")), vec![]),
        ("downstream=true".to_owned(), vec![]),
    ];
    for (query, expected) in table {
        let found = house.rest.get(&format!("entries?{query}")).await;
        assert_eq!(
            found.each("id"),
            expected.into_iter().map(Value::from).collect::<Vec<_>>(),
            "{query}"
        );
    }
    for bad in [
        "limit=0",
        "limit=501",
        "cursor=!",
        "spiffe_id=x",
        "selectors_match=any",
        "unknown=1",
        "downstream=2",
    ] {
        assert_eq!(house.rest.get(&format!("entries?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_batch_answers_for_each_item_in_its_place() {
    let house = House::new().await;
    house.put("entries/old", NEW, entry("/old", 9)).await;
    let named = |name: &str, uid| {
        let mut document = entry(&format!("/{}", name.trim_end_matches('/')), uid);
        document["id"] = json!(name);
        json!({"op": "create", "entry": document})
    };
    let items = json!({"items": [
        named("a", 1), named("a", 2), named("b/", 3), named("c", 4),
        {"op": "delete", "id": "ghost"},
        {"op": "update", "id": "old", "revision": 7, "entry": entry("/old", 8)},
        {"op": "update", "id": "old", "revision": 0, "entry": entry("/old", 8)},
        {"op": "delete", "id": "old"},
    ]});
    let answer = house.post("entries/batch", items).await;
    let results = answer.body["results"].as_array().unwrap();
    let status: Vec<_> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(status, [201, 409, 400, 201, 404, 412, 200, 204], "{answer:?}");
    assert_eq!(results[6]["entry"]["revision"], json!(1));
    assert_eq!(results[1]["problem"]["code"], json!("entry.exists"));
    assert_eq!(house.rest.get("entries").await.each("id"), ["a", "c"].map(Value::from));
    for count in [0, 501] {
        let items = vec![json!({"op": "delete", "id": "a"}); count];
        assert_eq!(
            house.post("entries/batch", json!({"items": items})).await.refusal(),
            (400, "entry.batch_size")
        );
    }
}

#[tokio::test]
async fn why_a_workload_gets_nothing_is_said_with_what_is_missing() {
    let house = House::new().await;
    let agent = house.world.agent("a", &["rack:1"]).await.agent;
    house.world.create_one(draft("/web", &agent.id, 1)).await;
    house.world.create_one(draft("/lost", &id("/spire/agent/join_token/gone"), 1)).await;
    let ask = |body: Value| house.rest.post("entries/explain", body);

    let any = ask(json!({"selectors": ["unix:uid:1", "unix:gid:1"]})).await;
    assert_eq!(any.body["granted"][0]["spiffe_id"], json!(id("/web").to_string()), "{any:?}");
    assert_eq!(any.body["nearest"][0]["obstacles"], json!(["parent_unknown"]));
    assert_eq!(any.body["agent"], Value::Null);

    let missing =
        ask(json!({"selectors": ["unix:gid:1"], "agent": agent.number.to_string()})).await;
    assert_eq!(missing.body["agent"]["spiffe_id"], json!(agent.id.to_string()));
    assert_eq!(missing.body["granted"], json!([]));
    let words = missing.body["summary"].as_str().unwrap();
    assert!(words.contains("create one"), "{words}");

    house.world.ban(&agent.id).await;
    let banned = ask(json!({"selectors": ["unix:uid:1"], "agent": agent.id.to_string()})).await;
    assert_eq!(
        (&banned.body["granted"], &banned.body["agent"]["banned"]),
        (&json!([]), &json!(true))
    );
    assert!(
        ask(json!({"selectors": ["unix:uid:1"]})).await.body["granted"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    assert_eq!(ask(json!({"nearest_max": 51})).await.status, 400);
    assert_eq!(ask(json!({"agent": "sub_00000000000000000000000000000000"})).await.status, 404);
    assert_eq!(house.stranger().post("entries/explain", json!({})).await.status, 403);
}

#[tokio::test]
async fn an_identity_that_the_policy_refuses_is_near_and_policy_stands_in_the_way() {
    let house = House::new().await;
    let agent = house.world.agent("a", &[]).await.agent;
    house.world.create_one(draft("/frozen/web", &agent.id, 1)).await;
    let ask = json!({"selectors": ["unix:uid:1"], "agent": agent.number.to_string()});
    let before = house.rest.post("entries/explain", ask.clone()).await;
    assert_eq!(before.body["granted"].as_array().unwrap().len(), 1, "{before:?}");
    house.world.set_policy("freeze", FREEZE).await;
    let after = house.rest.post("entries/explain", ask).await;
    assert_eq!(after.body["granted"], json!([]));
    assert_eq!(after.body["nearest"][0]["obstacles"], json!(["policy_denies"]));
    let words = after.body["summary"].as_str().unwrap();
    assert!(words.contains("the policy refuses to issue it: `IssueX509Svid` on"), "{words}");
}
