//! Authorities over HTTP: what is answered to whom.

use http::Method;
use serde_json::json;

use super::routes;
use crate::access::{Administrator, Asker};
use crate::kernel::RealmId;
use crate::testkit::{Answer, KeysReplica, Rest, TestDatabase, engines};

struct House {
    replica: KeysReplica,
    rest: Rest,
}

impl House {
    async fn new() -> Self {
        let replica = KeysReplica::started(&TestDatabase::new(engines()[0]).await).await;
        replica.load().await;
        let by = Administrator { realm: RealmId::FIRST, asker: KeysReplica::root() };
        Self { rest: Rest::new(routes(&replica.authority), by), replica }
    }

    /// Posts without a document, as a verb does.
    async fn act(&self, path: &str) -> Answer {
        let answer = self.rest.send(Method::POST, path, &[], None).await;
        self.replica.load().await;
        answer
    }
}

#[tokio::test]
async fn whoever_may_not_gets_no_authority_and_changes_none() {
    let house = House::new().await;
    let nobody =
        house.rest.asked_by(Administrator { realm: RealmId::FIRST, asker: Asker::nobody() });
    assert_eq!(nobody.get("authorities").await.refusal(), (403, "access.denied"));
    assert_eq!(nobody.post("authorities/prepare", json!({"purpose": "x509"})).await.status, 403);
    let ghost = "authorities/aut_00000000000000000000000000000007";
    assert_eq!(house.act(&format!("{ghost}/taint")).await.refusal(), (404, "authority.not_found"));
    assert_eq!(house.act("authorities/7/taint").await.refusal(), (400, "authority.id"));
    for bad in [json!({"purpose": "tls"}), json!({"purpose": "x509", "algorithm": "RS256"})] {
        let refused = house.rest.post("authorities/prepare", bad).await;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
}

#[tokio::test]
async fn an_authority_goes_from_slot_to_slot_and_no_step_is_left_out() {
    let house = House::new().await;
    let listed = house.rest.get("authorities").await;
    assert_eq!(listed.each("state"), ["active", "active"].map(|state| json!(state)));
    assert_eq!(listed.each("algorithm"), ["ES256", "ES256"].map(|name| json!(name)));
    let first =
        listed.body["items"].as_array().unwrap().iter().find(|item| item["purpose"] == "x509");
    let first = format!("authorities/{}", first.unwrap()["id"].as_str().unwrap());

    let made = house.rest.post("authorities/prepare", json!({"purpose": "x509"})).await;
    house.replica.load().await;
    assert_eq!((made.status, &made.body["state"]), (201, &json!("prepared")), "{made:?}");
    let twice = house.rest.post("authorities/prepare", json!({"purpose": "x509"})).await;
    assert_eq!(twice.refusal(), (409, "authority.prepared"));

    let second = format!("authorities/{}/activate", made.body["id"].as_str().unwrap());
    assert_eq!(house.rest.post(&second, json!({})).await.refusal(), (409, "authority.too_early"));
    let forced = house.rest.post(&second, json!({"force": true})).await;
    house.replica.load().await;
    assert_eq!((forced.status, &forced.body["state"]), (200, &json!("active")));
    assert!(forced.body["activated_at"].is_string());

    assert_eq!(house.act(&format!("{first}/revoke")).await.refusal(), (409, "authority.state"));
    let tainted = house.act(&format!("{first}/taint")).await;
    assert_eq!((&tainted.body["state"], &tainted.body["tainted"]), (&json!("old"), &json!(true)));
    assert_eq!(house.act(&format!("{first}/revoke")).await.body["state"], json!("revoked"));
}
