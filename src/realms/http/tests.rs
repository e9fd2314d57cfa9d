//! Realms over HTTP: what is answered to whom.

use serde_json::{Value, json};

use super::routes;
use crate::access::{Administrator, Asker};
use crate::kernel::RealmId;
use crate::realms::tests::{Replica, root};
use crate::testkit::{Rest, TestDatabase, engines};

async fn house() -> (Replica, Rest) {
    let replica = Replica::started(&TestDatabase::new(engines()[0]).await).await;
    replica.access.open(RealmId::FIRST);
    replica.access.open(RealmId(2));
    let by = Administrator { realm: RealmId::FIRST, asker: root() };
    let rest = Rest::new(routes(&replica.realms), by);
    (replica, rest)
}

fn blue() -> Value {
    json!({"name": "blue", "trust_domain": "blue.test", "issuer": "https://id.blue.test"})
}

#[tokio::test]
async fn a_realm_that_the_caller_may_not_see_is_not_there() {
    let (replica, rest) = house().await;
    let nobody = rest.asked_by(Administrator { realm: RealmId::FIRST, asker: Asker::nobody() });
    assert_eq!(nobody.get("realms").await.each("name"), [Value::Null; 0]);
    assert_eq!(nobody.get("realms/default").await.refusal(), (404, "realm.not_found"));
    assert_eq!(nobody.post("realms", blue()).await.refusal(), (403, "access.denied"));
    assert_eq!(rest.get("realms/blue").await.status, 404);
    assert_eq!(replica.realms.all().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_realm_is_said() {
    let (_replica, rest) = house().await;
    for (member, value) in
        [("name", "system"), ("trust_domain", "A B"), ("issuer", "http://x.test"), ("color", "red")]
    {
        let mut document = blue();
        document[member] = json!(value);
        let answer = rest.post("realms", document).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(!answer.words().is_empty());
    }
}

#[tokio::test]
async fn a_realm_is_made_once_and_listed_page_by_page() {
    let (replica, rest) = house().await;
    let made = rest.post("realms", blue()).await;
    assert_eq!((made.status, &made.body["hosts"]), (201, &json!(["id.blue.test"])), "{made:?}");
    replica.load().await;
    assert_eq!(rest.post("realms", blue()).await.body, made.body, "the same again is the same");
    let mut twin = blue();
    twin["issuer"] = json!("https://other.test");
    assert_eq!(rest.post("realms", twin).await.refusal(), (409, "realm.taken"));
    assert_eq!(rest.get("realms/blue").await.body, made.body);
    let first = rest.get("realms?limit=1").await;
    assert_eq!(first.each("name"), [json!("default")]);
    let second = rest.get(&format!("realms?limit=1&cursor={}", first.next().unwrap())).await;
    assert_eq!((second.each("name"), second.next()), (vec![json!("blue")], None));
}
