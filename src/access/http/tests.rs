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
        let caller =
            Caller { realm: RealmId::FIRST, subject: None, proof, listener: Listener::Local };
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
