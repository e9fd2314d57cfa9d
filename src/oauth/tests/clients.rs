//! Clients: what their profile makes of them, their secrets, and who may touch them.

use http::Method;
use serde_json::{Value, json};

use super::world::{House, REALM, web};
use crate::access::{Administrator, Asker};
use crate::kernel::{ClientId, Fault};
use crate::testkit::{TestDatabase, engines, on_each_database};

async fn house() -> House {
    House::new(&TestDatabase::new(engines()[0]).await).await
}

#[tokio::test]
async fn whoever_may_not_sees_no_client_and_changes_none() {
    let house = house().await;
    house.client("shop", json!({})).await;
    let nobody = house.rest.asked_by(Administrator { realm: REALM, asker: Asker::nobody() });
    for path in ["clients", "clients/shop", "clients/ghost"] {
        assert_eq!(nobody.get(path).await.refusal(), (403, "access.denied"), "{path}");
    }
    assert_eq!(nobody.post("clients", web("mine")).await.status, 403);
    assert_eq!(nobody.put("clients/shop", ("if-match", "*"), web("shop")).await.status, 403);
    assert_eq!(nobody.post("clients/shop/rotate-secret", json!({})).await.status, 403);
    assert_eq!(nobody.delete("clients/shop").await.status, 403);
}

#[tokio::test]
async fn a_profile_fixes_the_rules_and_a_relaxed_one_has_its_reason() {
    let house = house().await;
    let table = [
        (json!({"profile": "king"}), Some("`profile`")),
        (json!({"name": ""}), Some("`name`")),
        (json!({"redirect_uris": []}), Some("`redirect_uris`")),
        (json!({"redirect_uris": ["http://shop.test/cb"]}), Some("not https")),
        (json!({"redirect_uris": ["https://*.test/cb"]}), Some("`*`")),
        (
            json!({"redirect_uris": ["http://shop.test/cb"], "relaxed": {"https_redirects": "old"}}),
            None,
        ),
        (json!({"relaxed": {"https_redirects": ""}}), Some("reason")),
        (json!({"relaxed": {"everything": "please"}}), Some("among `pkce`")),
        (json!({"token_endpoint_auth_method": "none"}), Some("`web` and `machine`")),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), Some("`client_secret_basic`")),
        (
            json!({"profile": "spa", "token_endpoint_auth_method": "client_secret_basic"}),
            Some("is `none`"),
        ),
        (json!({"profile": "spa", "rotates_refresh_tokens": false}), Some("rotate")),
        (
            json!({"profile": "spa", "rotates_refresh_tokens": false, "relaxed": {"refresh_rotation": "a test"}}),
            None,
        ),
        (json!({"rotates_refresh_tokens": false}), None),
        (json!({"profile": "machine"}), Some("`redirect_uris`")),
        (json!({"profile": "machine", "redirect_uris": []}), None),
        (json!({"scopes": ["a b"]}), Some("`scopes`")),
        (json!({"resources": [{"uri": "api"}]}), Some("RFC 8707")),
        (json!({"resources": [{"uri": "https://api.test#x"}]}), Some("RFC 8707")),
        (
            json!({"backchannel_logout_uri": "http://shop.test/out"}),
            Some("`backchannel_logout_uri`"),
        ),
        (json!({"unknown": 1}), Some("unknown field")),
    ];
    for (number, (members, words)) in table.into_iter().enumerate() {
        let made = house.client(&format!("c{number}"), members.clone()).await;
        match words {
            None => assert_eq!(made.status, 201, "{members}: {made:?}"),
            Some(words) => {
                assert_eq!(made.status, 400, "{members}: {made:?}");
                assert!(made.words().contains(words), "{members}: {}", made.words());
            }
        }
    }
}

#[tokio::test]
async fn oidc_037_no_client_can_have_unsigned_or_shared_key_tokens() {
    let house = house().await;
    for alg in ["none", "HS256", "RS512", "PS256", ""] {
        for field in ["id_token_signed_response_alg", "access_token_signed_response_alg"] {
            let made = house.client("shop", json!({field: alg})).await;
            assert_eq!(made.refusal(), (400, "client.invalid"), "{field} {alg}");
        }
    }
    let made = house.client("shop", json!({})).await;
    assert_eq!(made.body["id_token_signed_response_alg"], json!("RS256"));
    let other = house.client("new", json!({"id_token_signed_response_alg": "ES256"})).await;
    assert_eq!(other.body["id_token_signed_response_alg"], json!("ES256"));
}

#[tokio::test]
async fn a_client_comes_back_as_it_was_said_on_each_engine() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let members = json!({
            "profile": "native", "redirect_uris": ["http://127.0.0.1/cb", "com.example.shop:/cb"],
            "post_logout_redirect_uris": ["https://shop.test/out"],
            "backchannel_logout_uri": "https://shop.test/bcl", "scopes": ["openid", "read"],
            "resources": [{"uri": "https://api.test", "scopes": ["read", "write"]}],
            "administration": true, "upstreams": ["corp"], "consent": "first_party",
            "relaxed": {"pkce": "an old library"}, "access_token_signed_response_alg": "RS256",
        });
        let made = house.client("tool", members.clone()).await;
        assert_eq!((made.status, &made.body["client_secret"]), (201, &Value::Null), "{made:?}");
        let shown = house.rest.get("clients/tool").await;
        for (name, value) in members.as_object().unwrap() {
            assert_eq!(&shown.body[name], value, "{name}");
        }
        assert_eq!(house.client("tool", json!({})).await.refusal(), (409, "client.exists"));
        let client = house.oauth.client(REALM, &ClientId::parse("tool").unwrap()).unwrap();
        assert!(!client.terms.needs_pkce(), "relaxed");
    })
    .await;
}

#[tokio::test]
async fn nobody_overwrites_a_client_they_have_not_seen() {
    let house = house().await;
    let made = house.client("shop", json!({})).await;
    let tag = made.tag.clone().unwrap();
    let mut changed = web("shop");
    changed["name"] = json!("Other");
    let put = house.rest.put("clients/shop", ("if-match", &tag), changed.clone()).await;
    house.follow().await;
    assert_eq!((put.status, &put.body["name"]), (200, &json!("Other")), "{put:?}");
    assert_eq!(house.rest.put("clients/shop", ("if-match", &tag), web("shop")).await.status, 412);
    let condition = [("if-match", &*tag)];
    let stale = house.rest.send(Method::DELETE, "clients/shop", &condition, None).await;
    assert_eq!(stale.status, 412);
    assert_eq!(house.rest.get("clients").await.each("name"), [json!("Other")]);
    assert_eq!(house.rest.delete("clients/shop").await.status, 204);
    house.follow().await;
    assert_eq!(house.rest.get("clients/shop").await.refusal(), (404, "client.not_found"));
}

#[tokio::test]
async fn a_secret_is_shown_once_and_two_count_while_it_is_changed() {
    let house = house().await;
    let secret = |body: &Value| body["client_secret"].as_str().unwrap().to_owned();
    let first = secret(&house.client("shop", json!({})).await.body);
    assert!(first.len() >= 43, "256 bits");
    assert_eq!(house.rest.get("clients/shop").await.body.get("client_secret"), None);
    let rotate = async |body: Value| {
        let rotated = house.rest.post("clients/shop/rotate-secret", body).await;
        house.follow().await;
        assert_eq!(rotated.status, 200, "{rotated:?}");
        (secret(&rotated.body), rotated.body["secrets"].clone())
    };
    let (second, count) = rotate(json!({})).await;
    assert_eq!(count, json!(2));
    let (_, count) = rotate(json!({})).await;
    assert_eq!(count, json!(2), "never three");
    let (last, count) = rotate(json!({"keep_previous": false})).await;
    assert_eq!(count, json!(1));
    assert!(first != second && second != last);
    house.client("tool", json!({"profile": "spa"})).await;
    let none = house.rest.post("clients/tool/rotate-secret", json!({})).await;
    assert_eq!(none.refusal(), (400, "client.no_secret"));
    assert!(!in_database(&house, &last).await, "the row has its digest only");
}

async fn in_database(house: &House, secret: &str) -> bool {
    const ROW: &str = "SELECT secret, document FROM client WHERE realm = $1 AND id = 'shop'";
    let read: Result<bool, Fault> = house
        .keys
        .env
        .db
        .read(REALM, secret.to_owned(), |tx, secret| {
            Box::pin(async move {
                let row = tx.row(ROW, &[]).await?.unwrap();
                let kept = row.bytes("secret")?;
                Ok(kept == secret.as_bytes() || row.text("document")?.contains(secret.as_str()))
            })
        })
        .await;
    read.unwrap()
}
