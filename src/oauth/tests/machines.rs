//! Clients that ask in their own name, and what may be asked about their tokens: through the routes, as programs call them.

use serde_json::{Value, json};

use super::world::{House, Told};
use crate::testkit::{TestDatabase, engines};

async fn house() -> House {
    House::new(&TestDatabase::new(engines()[0]).await).await
}

fn machine() -> Value {
    json!({
        "profile": "machine", "redirect_uris": [], "scopes": ["jobs"],
        "resources": [{"uri": "https://api.test", "scopes": ["read", "write"]}],
    })
}

async fn secret(house: &House, id: &str, members: Value) -> String {
    let made = house.client(id, members).await;
    made.body["client_secret"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned()
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", crate::crypto::digest::base64(format!("{id}:{secret}").as_bytes()))
}

async fn granted(house: &House, secret: &str, more: &[(&str, &str)]) -> Told {
    let form = [&[("grant_type", "client_credentials")], more].concat();
    house.post("/token", Some(&basic("job", secret)), &form).await
}

#[tokio::test]
async fn oidc_028_a_client_authenticates_in_one_of_two_ways_and_never_in_both() {
    let house = house().await;
    let secret = secret(&house, "job", machine()).await;
    let post = [
        ("grant_type", "client_credentials"),
        ("client_id", "job"),
        ("client_secret", secret.as_str()),
    ];
    assert_eq!(granted(&house, &secret, &[]).await.status, 200);
    assert_eq!(house.post("/token", None, &post).await.status, 200);
    let both = house.post("/token", Some(&basic("job", &secret)), &post).await;
    assert_eq!(both.error(), (400, "invalid_request"));
    for wrong in [secret.get(1..).unwrap(), "", "x"] {
        let refused = granted(&house, wrong, &[]).await;
        assert_eq!(refused.error(), (401, "invalid_client"));
        assert!(refused.header("www-authenticate").starts_with("Basic"), "oidc_032");
    }
    let nothing = house.post("/token", None, &[("grant_type", "client_credentials")]).await;
    assert_eq!(nothing.error(), (401, "invalid_client"));
    let ghost = house.post("/token", Some(&basic("ghost", &secret)), &post[..1]).await;
    assert_eq!(ghost.error(), (401, "invalid_client"));
}

#[tokio::test]
async fn a_client_that_says_one_way_is_not_taken_by_the_other() {
    let house = house().await;
    let mut members = machine();
    members["token_endpoint_auth_method"] = json!("client_secret_post");
    let secret = secret(&house, "job", members).await;
    assert_eq!(granted(&house, &secret, &[]).await.error(), (401, "invalid_client"));
    let post = [
        ("grant_type", "client_credentials"),
        ("client_id", "job"),
        ("client_secret", secret.as_str()),
    ];
    assert_eq!(house.post("/token", None, &post).await.status, 200);
}

#[tokio::test]
async fn oidc_032_answers_of_the_token_endpoint_are_json_and_are_not_kept() {
    let house = house().await;
    let secret = secret(&house, "job", machine()).await;
    for told in [granted(&house, &secret, &[]).await, granted(&house, "x", &[]).await] {
        assert_eq!(told.header("cache-control"), "no-store");
        assert_eq!(told.header("content-type"), "application/json");
    }
    let json = house.send("POST", "/token", &[("content-type", "application/json")], "{}").await;
    assert_eq!(json.error(), (400, "invalid_request"));
    assert_eq!(house.send("GET", "/token", &[], "").await.status, 405);
}

#[tokio::test]
async fn grants_that_are_unknown_or_not_the_clients_are_refused_by_name() {
    let house = house().await;
    let secret = secret(&house, "job", machine()).await;
    let ask = async |form: &[(&str, &str)]| {
        house.post("/token", Some(&basic("job", &secret)), form).await
    };
    assert_eq!(ask(&[]).await.error(), (400, "invalid_request"));
    assert_eq!(ask(&[("grant_type", "password")]).await.error(), (400, "unsupported_grant_type"));
    for grant in ["authorization_code", "refresh_token"] {
        assert_eq!(ask(&[("grant_type", grant)]).await.error(), (400, "unauthorized_client"));
    }
    let twice = [("grant_type", "client_credentials"), ("grant_type", "client_credentials")];
    assert_eq!(ask(&twice).await.error(), (400, "invalid_request"));
}

#[tokio::test]
async fn oidc_080_and_081_a_token_of_a_client_is_for_the_resource_it_asked_for() {
    let house = house().await;
    let secret = secret(&house, "job", machine()).await;
    let told = granted(&house, &secret, &[]).await;
    assert_eq!(told.body["token_type"], json!("Bearer"));
    assert_eq!(told.body["expires_in"], json!(300));
    assert_eq!(told.body["scope"], json!("jobs read write"));
    assert_eq!(told.body.get("refresh_token"), None, "RFC 6749 §4.4.3");
    let (header, claims) = told.token("access_token");
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    assert_eq!(claims["aud"], json!("https://api.test"));
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("job"), &json!("job")));
    assert_eq!(claims["scope"], json!("jobs read write"));
    for name in ["iss", "exp", "iat", "jti"] {
        assert!(!claims[name].is_null(), "{name}");
    }
    let less =
        granted(&house, &secret, &[("scope", "read"), ("resource", "https://weft.test")]).await;
    assert_eq!(less.error(), (400, "invalid_scope"), "the scope is that of another resource");
    let fewer = granted(&house, &secret, &[("scope", "read")]).await;
    assert_eq!(fewer.body["scope"], json!("read"));
    let other = granted(&house, &secret, &[("resource", "https://other.test")]).await;
    assert_eq!(other.error(), (400, "invalid_target"));
    assert_eq!(
        granted(&house, &secret, &[("scope", "openid")]).await.error(),
        (400, "invalid_scope")
    );
}

#[tokio::test]
async fn oidc_077_and_078_a_token_is_told_of_to_clients_until_it_is_taken_back() {
    let house = house().await;
    let secret = secret(&house, "job", machine()).await;
    let token = granted(&house, &secret, &[]).await.text("access_token");
    let header = basic("job", &secret);
    let introspect =
        async |token: &str| house.post("/introspect", Some(&header), &[("token", token)]).await;
    let known = introspect(&token).await;
    assert_eq!(known.body["active"], json!(true), "{known:?}");
    assert_eq!(
        (&known.body["sub"], &known.body["scope"]),
        (&json!("job"), &json!("jobs read write"))
    );
    let nobody = house.post("/introspect", None, &[("token", &*token)]).await;
    assert_eq!(nobody.error(), (401, "invalid_client"), "it needs authentication");
    let inactive = json!({"active": false});
    for bad in ["x", "", "a.b.c", token.get(..token.len() - 2).unwrap()] {
        if !bad.is_empty() {
            assert_eq!(introspect(bad).await.body, inactive, "{bad}");
        }
    }
    let unknown = house.post("/revoke", Some(&header), &[("token", "x")]).await;
    assert_eq!(unknown.status, 200, "RFC 7009 §2.2");
    let other = self::secret(&house, "other", machine()).await;
    let stranger =
        house.post("/revoke", Some(&basic("other", &other)), &[("token", &*token)]).await;
    assert_eq!(stranger.status, 200);
    house.follow().await;
    assert_eq!(
        introspect(&token).await.body["active"],
        json!(true),
        "not another client's to revoke"
    );
    assert_eq!(house.post("/revoke", Some(&header), &[("token", &*token)]).await.status, 200);
    house.follow().await;
    assert_eq!(introspect(&token).await.body, inactive);
    let second = granted(&house, &secret, &[]).await.text("access_token");
    assert_eq!(introspect(&second).await.body["active"], json!(true), "one token was revoked");
    house.rest.delete("clients/job").await;
    house.follow().await;
    let header = basic("other", &other);
    let gone = house.post("/introspect", Some(&header), &[("token", &*second)]).await;
    assert_eq!(gone.body, inactive, "the client is gone");
}

#[tokio::test]
async fn oidc_040_userinfo_wants_an_access_token_of_a_person_for_the_provider() {
    let house = house().await;
    let secret = secret(&house, "job", machine()).await;
    let token =
        granted(&house, &secret, &[("resource", "https://weft.test"), ("scope", "jobs")]).await;
    let token = token.text("access_token");
    let nothing = house.send("GET", "/userinfo", &[], "").await;
    assert_eq!((nothing.status, nothing.header("www-authenticate")), (401, "Bearer"));
    for bad in ["x".to_owned(), granted(&house, &secret, &[]).await.text("access_token")] {
        let told = house
            .send("GET", "/userinfo", &[("authorization", &format!("Bearer {bad}"))], "")
            .await;
        assert_eq!(told.status, 401);
        assert!(told.header("www-authenticate").contains("error=\"invalid_token\""), "{told:?}");
    }
    let told =
        house.send("GET", "/userinfo", &[("authorization", &format!("bearer {token}"))], "").await;
    assert_eq!(told.status, 403);
    assert!(told.header("www-authenticate").contains("insufficient_scope"), "{told:?}");
    let twice = house
        .send(
            "POST",
            "/userinfo",
            &[
                ("authorization", &*format!("Bearer {token}")),
                ("content-type", "application/x-www-form-urlencoded"),
            ],
            &format!("access_token={token}"),
        )
        .await;
    assert_eq!(twice.status, 400);
}

#[tokio::test]
async fn oidc_001_to_007_the_provider_says_what_it_does() {
    let house = house().await;
    let told = house.send("GET", "/.well-known/openid-configuration", &[], "").await;
    assert_eq!((told.status, told.header("content-type")), (200, "application/json"));
    let document = &told.body;
    assert_eq!(document["issuer"], json!("https://weft.test"), "oidc_001");
    let endpoints = [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "introspection_endpoint",
        "revocation_endpoint",
        "end_session_endpoint",
    ];
    for name in endpoints {
        let url = document[name].as_str().unwrap_or_default();
        assert!(url.starts_with("https://weft.test/"), "oidc_002 {name}: {url}");
    }
    let has = |name: &str, value: &str| {
        document[name].as_array().is_some_and(|all| all.contains(&json!(value)))
    };
    assert!(has("response_types_supported", "code") && has("subject_types_supported", "public"));
    assert!(has("id_token_signing_alg_values_supported", "RS256"), "oidc_003");
    assert!(has("scopes_supported", "openid") && has("claims_supported", "sub"), "oidc_004");
    assert!(has("code_challenge_methods_supported", "S256"), "oidc_005");
    for name in [
        "authorization_response_iss_parameter_supported", // oidc_023
        "backchannel_logout_supported",                   // oidc_047
        "backchannel_logout_session_supported",
        "claims_parameter_supported",
    ] {
        assert_eq!(document[name], json!(true), "{name}");
    }
    let other = house.send("GET", "/.well-known/oauth-authorization-server", &[], "").await;
    assert_eq!(&other.body, document, "oidc_007");
    let path = "/.well-known/oauth-authorization-server/elsewhere";
    assert_eq!(house.send("GET", path, &[], "").await.status, 404);
    let keys = house.send("GET", "/jwks", &[], "").await.body["keys"].clone();
    let keys = keys.as_array().unwrap();
    assert!(!keys.is_empty(), "oidc_006");
    for key in keys {
        assert_eq!(key["use"], json!("sig"));
        assert!(key["alg"].is_string() && key["kid"].is_string(), "{key}");
        assert!(["d", "p", "q", "dp", "dq", "qi", "k"].iter().all(|name| key.get(*name).is_none()));
    }
}
