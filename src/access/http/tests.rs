//! Role bindings and policies over HTTP: what is answered to whom.

use http::Method;
use serde_json::{Value, json};

use super::routes;
use crate::access::tests::change::Replica;
use crate::access::{Administrator, Asker};
use crate::kernel::{Caller, Listener, Proof, RealmId, TrustDomain};
use crate::testkit::{Answer, Rest, TestDatabase, engines};

struct House {
    replica: Replica,
    rest: Rest,
}

impl House {
    async fn new() -> Self {
        let replica = Replica::new(&TestDatabase::new(engines()[0]).await).await;
        let proof = Proof::KernelPeer { uid: 0, pid: 1 };
        let caller = Caller {
            realm: RealmId::FIRST,
            subject: None,
            proof,
            listener: Listener::Local,
            address: None,
        };
        let asker = Asker::of(&caller, &TrustDomain::parse("weft.test").unwrap());
        let rest =
            Rest::new(routes(&replica.rights), Administrator { realm: RealmId::FIRST, asker });
        Self { replica, rest }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let answer = self.rest.send(method, path, headers, body).await;
        self.replica.follow().await;
        answer
    }

    async fn bind(&self, binding: Value) -> Answer {
        self.send(Method::POST, "role-bindings", &[], Some(binding)).await
    }

    async fn put(&self, name: &str, headers: &[(&str, &str)], text: &str) -> Answer {
        self.send(Method::PUT, &format!("policies/{name}"), headers, Some(json!({"text": text})))
            .await
    }
}

fn registrar(name: &str) -> Value {
    json!({"name": name, "holder": "spiffe://weft.test/deploy", "role": "registrar", "path": "spiffe://weft.test/web"})
}

const POLICY: &str =
    "@id(\"viewers-of-ours\") permit (principal, action == Action::\"ReadRealm\", resource);";

#[tokio::test]
async fn whoever_holds_nothing_reads_and_changes_no_rights() {
    let house = House::new().await;
    let nobody =
        house.rest.asked_by(Administrator { realm: RealmId::FIRST, asker: Asker::nobody() });
    for path in ["role-bindings", "policies", "policies/roles"] {
        assert_eq!(nobody.get(path).await.refusal(), (403, "access.denied"), "{path}");
    }
    assert_eq!(nobody.post("role-bindings", registrar("a")).await.status, 403);
    assert_eq!(nobody.delete("role-bindings/a").await.status, 403);
}

#[tokio::test]
async fn what_is_wrong_with_a_binding_is_said() {
    let house = House::new().await;
    let with = |member: &str, value: Value| {
        let mut document = registrar("a");
        document[member] = value;
        document
    };
    for (document, words) in [
        (with("name", json!("A B")), "`name`"),
        (with("holder", json!("uid:x")), "`holder`"),
        (with("role", json!("viewer")), "a registrar's"),
        (with("path", json!(null)), "`path`"),
        (with("rights", json!(["fly"])), "`rights` are among `create`"),
        (with("role", json!("king")), "unknown variant"),
    ] {
        let answer = house.bind(document).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.words().contains(words), "{words}: {answer:?}");
    }
}

#[tokio::test]
async fn a_role_is_given_once_listed_page_by_page_and_taken_away() {
    let house = House::new().await;
    let given = house.bind(registrar("a")).await;
    assert_eq!(
        (given.status, &given.body["rights"]),
        (201, &json!(["create", "update", "delete"])),
        "{given:?}"
    );
    assert_eq!(house.bind(registrar("a")).await.body, given.body, "the same again changes nothing");
    let other = json!({"name": "a", "holder": "uid:7", "role": "viewer"});
    assert_eq!(house.bind(other).await.refusal(), (409, "access.name_taken"));
    house.bind(json!({"name": "b", "holder": "uid:7", "role": "viewer"})).await;
    let first = house.rest.get("role-bindings?limit=1").await;
    assert_eq!(first.body["items"][0], given.body);
    let second =
        house.rest.get(&format!("role-bindings?limit=1&cursor={}", first.next().unwrap())).await;
    assert_eq!((second.each("name"), second.next()), (vec![json!("b")], None));
    assert_eq!(house.send(Method::DELETE, "role-bindings/a", &[], None).await.status, 204);
    assert_eq!(
        house.send(Method::DELETE, "role-bindings/a", &[], None).await.refusal(),
        (404, "access.not_found")
    );
}

#[tokio::test]
async fn a_policy_is_checked_kept_and_gives_way_to_the_shipped_one() {
    let house = House::new().await;
    let shipped = house.rest.get("policies/roles").await;
    assert_eq!((shipped.status, &shipped.body["origin"]), (200, &json!("shipped")));
    assert_eq!(house.put("ours", &[], "permit (").await.refusal(), (400, "access.policy_invalid"));
    assert_eq!(
        house.put("reserved", &[], POLICY).await.refusal(),
        (403, "access.policy_protected")
    );
    let made = house.put("ours", &[("if-none-match", "*")], POLICY).await;
    assert_eq!((made.status, &made.body["origin"]), (201, &json!("realm")), "{made:?}");
    assert_eq!(house.put("ours", &[("if-none-match", "*")], POLICY).await.status, 412);
    assert_eq!(house.put("ours", &[("if-match", "\"x\"")], POLICY).await.status, 412);
    let tag = house.rest.get("policies/ours").await.tag.unwrap();
    let changed =
        house.put("ours", &[("if-match", &tag)], &POLICY.replace("ReadRealm", "ReadStatus")).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_ne!(changed.tag.as_deref(), Some(tag.as_str()));
    assert_eq!(
        house.send(Method::DELETE, "policies/ours", &[("if-match", &tag)], None).await.status,
        412
    );
    assert_eq!(house.send(Method::DELETE, "policies/ours", &[], None).await.status, 204);
    assert_eq!(house.rest.get("policies/ours").await.refusal(), (404, "access.not_found"));
    let names = house.rest.get("policies?limit=2").await;
    assert_eq!((names.each("name").len(), names.next().is_some()), (2, true));
}

#[tokio::test]
async fn a_policy_that_locks_out_every_administrator_is_refused_with_their_names() {
    let house = House::new().await;
    let admin = json!({"name": "ada", "holder": "spiffe://weft.test/user/ada", "role": "admin"});
    assert_eq!(house.bind(admin).await.status, 201);
    let refused = house.put("ours", &[], "forbid (principal, action, resource);").await;
    assert_eq!(refused.refusal(), (409, "access.locks_out"));
    assert!(refused.body["detail"].as_str().unwrap().contains("spiffe://weft.test/user/ada"));
    assert_eq!(house.rest.get("policies/ours").await.status, 404, "nothing was kept");
    assert_eq!(
        house.put("ours", &[], "forbid (principal is Node, action, resource);").await.status,
        201
    );
}

#[tokio::test]
async fn a_policy_that_fails_validation_is_refused_with_the_line() {
    let house = House::new().await;
    let text = "// one\nforbid (principal, action, resource)\nwhen { context.colour == 1 };";
    let refused = house.put("ours", &[], text).await;
    assert_eq!(refused.refusal(), (400, "access.policy_invalid"));
    assert!(refused.body["detail"].as_str().unwrap().contains("line 3, column"));
}

#[tokio::test]
async fn a_trial_says_what_is_and_what_would_be_and_changes_nothing() {
    let house = House::new().await;
    let case = json!({
        "name": "a laptop", "action": "IssueX509Svid",
        "principal": "Node::\"spiffe://weft.test/spire/agent/a\"",
        "resource": "Svid::\"spiffe://weft.test/web\"",
        "context": {"subject": "workload", "source": "workload_attestation"},
        "device": {"level": "restricted", "score": 58, "confidence": 65},
        "expect": "permit", "lifetime_seconds": 787, "by": "own/never",
    });
    let never = "@id(\"never\") forbid (principal, action == Action::\"IssueX509Svid\", resource);";
    let trial = |policies: Value, case: &Value| {
        let body = json!({"policies": policies, "cases": [case]});
        house.rest.post("policy-trials", body)
    };
    let same = trial(json!({}), &case).await;
    assert_eq!(same.status, 200);
    let tried = &same.body["cases"][0];
    assert_eq!(tried["before"], tried["after"]);
    assert_eq!(tried["after"]["lifetime_seconds"], 787);
    assert_eq!(tried["unexpected"].as_array().unwrap().len(), 1, "{tried}");
    let other = trial(json!({"own": never}), &case).await;
    let tried = &other.body["cases"][0];
    assert_eq!(
        (&tried["before"]["outcome"], &tried["after"]["outcome"]),
        (&json!("permit"), &json!("deny"))
    );
    assert_eq!(tried["after"]["decided_by"], json!(["own/never"]));
    assert_eq!(house.rest.get("policies/own").await.status, 404, "nothing was kept");
    let bad = trial(json!({"own": "permit (principal"}), &case).await;
    assert_eq!(bad.refusal(), (400, "access.policy_invalid"));
    for (member, value, words) in [
        ("action", json!("Conquer"), "there is no action `Conquer`"),
        ("principal", json!("ada"), "is written as in a policy"),
        ("context", json!({"colour": "red"}), "has no fact `colour`"),
        ("context", json!({"audiences": "two"}), "the fact `audiences` is a whole number"),
        ("context", json!({"audiences": 1.5}), "a whole number"),
        ("device", json!({"level": "splendid"}), "the level of a device"),
        ("roles", json!([{"role": "registrar"}]), "a registrar has a `path`"),
    ] {
        let mut case = case.clone();
        case[member] = value;
        let refused = trial(json!({}), &case).await;
        assert_eq!(refused.refusal(), (400, "access.trial"), "{words}");
        assert!(refused.body["detail"].as_str().unwrap().contains(words), "{}", refused.body);
    }
}
