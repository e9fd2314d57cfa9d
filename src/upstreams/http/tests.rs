//! Upstreams over HTTP: what is answered to whom.

use http::Method;
use serde_json::{Value, json};

use super::routes;
use crate::access::{Administrator, Asker};
use crate::kernel::RealmId;
use crate::testkit::{Rest, TestDatabase, engines};
use crate::upstreams::tests::House;

async fn house() -> (House, Rest) {
    let house = House::new(&TestDatabase::new(engines()[0]).await).await;
    let rest = Rest::new(routes(&house.upstreams), House::by());
    (house, rest)
}

fn input() -> Value {
    json!({
        "settings": { "display_name": "Corp", "issuer": "https://idp.example", "client_id": "weft" },
        "client_secret": "hush",
    })
}

#[tokio::test]
async fn whoever_holds_nothing_learns_nothing_of_upstreams() {
    let (_house, rest) = house().await;
    let nobody = rest.asked_by(Administrator { realm: RealmId::FIRST, asker: Asker::nobody() });
    for path in ["upstreams", "upstreams/idp", "upstreams/none"] {
        assert_eq!(nobody.get(path).await.refusal(), (403, "access.denied"), "{path}");
    }
    let new = ("if-none-match", "*");
    assert_eq!(nobody.put("upstreams/a", new, input()).await.status, 403);
    assert_eq!(nobody.delete("upstreams/idp").await.status, 403);
    assert_eq!(nobody.post("upstreams/idp/test", json!({})).await.status, 403);
}

#[tokio::test]
async fn an_upstream_is_made_changed_on_condition_and_removed_and_its_secret_never_shown() {
    let (house, rest) = house().await;
    let new = ("if-none-match", "*");
    let made = rest.put("upstreams/corp", new, input()).await;
    assert_eq!(
        (made.status, made.body["callback"].as_str()),
        (201, Some("https://weft.test/callback/corp"))
    );
    assert!(!made.body.to_string().contains("hush") && made.body["has_secret"] == true);
    house.follow().await;
    assert_eq!(rest.put("upstreams/corp", new, input()).await.status, 412);
    let mut change = input();
    change["settings"]["enabled"] = json!(false);
    change.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(rest.put("upstreams/corp", ("if-match", "\"7\""), change.clone()).await.status, 412);
    assert_eq!(
        rest.put("upstreams/corp", ("accept", "*/*"), change.clone()).await.refusal(),
        (400, "upstream.put")
    );
    let tag = rest.get("upstreams/corp").await.tag.unwrap();
    let changed = rest.put("upstreams/corp", ("if-match", &tag), change).await;
    assert_eq!((changed.status, &changed.body["settings"]["enabled"]), (200, &json!(false)));
    assert_eq!(changed.body["has_secret"], true, "what is not said stays");
    house.follow().await;
    let listed = rest.get("upstreams?limit=1").await;
    assert_eq!(listed.each("id"), [json!("corp")]);
    let second = rest.get(&format!("upstreams?cursor={}", listed.next().unwrap())).await;
    assert_eq!((second.each("id"), second.next()), (vec![json!("idp")], None));
    let old = [("if-match", tag.as_str())];
    assert_eq!(rest.send(Method::DELETE, "upstreams/corp", &old, None).await.status, 412);
    assert_eq!(rest.delete("upstreams/corp").await.status, 204);
    house.follow().await;
    assert_eq!(rest.get("upstreams/corp").await.refusal(), (404, "upstream.not_found"));
}

#[tokio::test]
async fn what_is_wrong_with_settings_is_said() {
    let (_house, rest) = house().await;
    let new = ("if-none-match", "*");
    let with = |name: &str, value: Value| {
        let mut all = input();
        all["settings"][name] = value;
        all
    };
    for (document, words) in [
        (with("issuer", json!("http://idp.example")), "`issuer`"),
        (with("algorithms", json!(["none"])), "`algorithms`"),
        (with("groups", json!("claims.x.matches('a')")), "`matches`"),
        (with("colour", json!("blue")), "unknown field"),
        (json!({ "settings": input()["settings"] }), "`client_secret`"),
    ] {
        let answer = rest.put("upstreams/corp", new, document).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.words().contains(words), "{words}: {answer:?}");
    }
}

#[tokio::test]
async fn a_test_with_claims_shows_what_is_made_of_them() {
    let (_house, rest) = house().await;
    let claims =
        json!({ "sub": "ann", "name": "Ann", "email": "a@b.example", "email_verified": true });
    let answer = rest.post("upstreams/idp/test", json!({ "claims": claims })).await;
    let outcome = &answer.body["outcome"];
    assert_eq!(
        (answer.status, &outcome["claims"], &outcome["attributes"]["name"]),
        (200, &claims, &json!("Ann"))
    );
    assert_eq!(outcome["email_verified"], true);
    let begun = rest.post("upstreams/idp/test", json!({})).await;
    assert_eq!(begun.body["keys"], json!(["one"]));
    assert!(begun.body["url"].as_str().unwrap().starts_with("https://idp.localhost:"));
    let both = json!({ "claims": {}, "test": "00" });
    assert_eq!(rest.post("upstreams/idp/test", both).await.refusal(), (400, "upstream.test"));
    let none = rest.post("upstreams/idp/test", json!({ "test": "00" })).await;
    assert_eq!(none.refusal(), (404, "upstream.no_test"));
}
