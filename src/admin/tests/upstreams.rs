//! Providers are looked at, made, changed and tried from the console.

use http::StatusCode;
use serde_json::json;

use super::world::{person, plain, signed_in};
use crate::access::Given;
use crate::account::tests::world::{House, REALM};
use crate::kernel::UpstreamId;
use crate::testkit::until;

/// A form that makes sense, for a provider that nobody asks.
const GOOD: [(&str, &str); 20] = [
    ("id", "corp"),
    ("display_name", "Example Works"),
    ("issuer", "https://idp.corp.example"),
    ("client_id", "weft"),
    ("client_authentication", "client_secret_basic"),
    ("client_secret", "a secret: of two"),
    ("enabled", "on"),
    ("usage", "login"),
    ("scopes", "openid\r\nemail"),
    ("algorithms", "ES256\r\nRS256"),
    ("domains", "corp.example"),
    ("email_trust", "domains"),
    ("email_domains", "corp.example"),
    ("create_accounts", "on"),
    ("create_groups", "cn=staff,ou=groups"),
    ("attributes", "email = claims.mail\r\nname = claims.a == \"b\" ? claims.a : claims.c"),
    ("groups", "claims.groups"),
    ("group_map", "cn=staff,ou=groups = staff"),
    ("skew_seconds", "10"),
    ("private_network", ""),
];

fn with<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = GOOD.iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    kept.chain(changed).copied().collect()
}

async fn settings(house: &House, id: &str, revision: i64) -> serde_json::Value {
    let id = UpstreamId::parse(id).unwrap();
    let upstreams = &house.server().upstreams;
    until("the upstream is known", async || {
        let known = upstreams.get(REALM, &id);
        known.filter(|known| known.revision == revision).map(drop).ok_or("not yet")
    })
    .await;
    let upstream = upstreams.get(REALM, &id).unwrap();
    assert!(upstream.has_secret());
    serde_json::to_value(upstream.terms.document().unwrap()).unwrap()
}

#[tokio::test]
async fn an_upstream_is_made_and_changed_by_its_form_and_its_secret_is_never_shown() {
    let house = House::start().await;
    let anna = person(&house, "anna", Some(Given::Admin)).await;
    let mut tab = signed_in(&house, &anna).await;
    tab.get(&house, "/admin/upstreams").await;
    assert!(tab.body.contains("id=\"none\"") && tab.body.contains("id=\"new\""), "{}", tab.body);
    tab.post_to(&house, "/admin/new-upstream", &GOOD).await;
    assert_eq!(
        tab.location().as_deref(),
        Some("/admin/upstreams/corp?done=upstream-made"),
        "{}",
        tab.body
    );
    let made = settings(&house, "corp", 1).await;
    assert_eq!(made["scopes"], json!(["openid", "email"]));
    assert_eq!(made["algorithms"], json!(["ES256", "RS256"]));
    assert_eq!(made["attributes"]["name"], "claims.a == \"b\" ? claims.a : claims.c");
    assert_eq!(made["group_map"], json!({ "cn=staff,ou=groups": "staff" }));
    assert_eq!((&made["create_accounts"], &made["keep_tokens"]), (&json!(true), &json!(false)));
    // Once more under this name: there is one.
    tab.post_to(&house, "/admin/new-upstream", &GOOD).await;
    assert_eq!(tab.status, StatusCode::BAD_REQUEST);
    assert!(tab.body.contains("id=\"id-flaw\""), "{}", tab.body);

    for page in ["/admin/upstreams", "/admin/upstreams/corp", "/admin/upstreams/corp/change"] {
        tab.get(&house, page).await;
        assert_eq!(tab.status, StatusCode::OK, "{page}");
        assert!(tab.body.contains("Example Works"), "{page}");
        assert!(!tab.body.contains("a secret: of two"), "{page} shows the secret");
    }
    // The form says what is kept: sent back as it is, but for one word and without a secret, it changes that word alone.
    let changed = with(&[("display_name", "Works"), ("client_secret", ""), ("revision", "1")]);
    tab.post_to(&house, "/admin/upstreams/corp/change", &changed).await;
    let there = Some("/admin/upstreams/corp?done=upstream-changed");
    assert_eq!(tab.location().as_deref(), there, "{}", tab.body);
    let mut expected = made;
    expected["display_name"] = json!("Works");
    assert_eq!(settings(&house, "corp", 2).await, expected);
    // Of a page that is no longer true nothing is kept.
    tab.post_to(&house, "/admin/upstreams/corp/change", &changed).await;
    assert_eq!(tab.status, StatusCode::BAD_REQUEST);
    assert!(tab.body.contains("meanwhile"), "{}", tab.body);
}

#[tokio::test]
async fn a_setting_that_cannot_be_is_refused_beside_its_field_and_the_form_keeps_what_was_typed() {
    let house = House::start().await;
    let anna = person(&house, "anna", Some(Given::Admin)).await;
    let mut tab = signed_in(&house, &anna).await;
    for (field, bad) in [
        ("id", "Not A Name"),
        ("display_name", ""),
        ("issuer", "http://idp.corp.example"),
        ("algorithms", "none"),
        ("attributes", "email"),
        ("group_map", "staff"),
        ("skew_seconds", "soon"),
        ("skew_seconds", "999"),
        ("groups", "claims.["),
        ("client_secret", ""),
    ] {
        tab.post_to(&house, "/admin/new-upstream", &with(&[(field, bad)])).await;
        assert_eq!(tab.status, StatusCode::BAD_REQUEST, "{field} {bad}");
        assert!(tab.body.contains(&format!("id=\"{field}-flaw\"")), "{field} {bad}: {}", tab.body);
        assert!(tab.body.contains("cn=staff,ou=groups"), "{field} {bad}: what was typed is gone");
        assert!(!tab.body.contains("a secret: of two"), "{field} {bad} shows the secret");
    }
    // What the server's settings do not allow: whoever holds a realm does not hold the machine.
    let inside = [("private_authority", "db.corp.example:443"), ("private_network", "10.0.0.0/8")];
    tab.post_to(&house, "/admin/new-upstream", &with(&inside)).await;
    assert!(tab.body.contains("id=\"private_authority-flaw\""), "{}", tab.body);
    assert!(house.server().upstreams.linkable(REALM).is_empty());
}

#[tokio::test]
async fn who_may_look_at_upstreams_may_not_change_or_try_them() {
    let house = House::start().await;
    let _provider = house.provider(json!({})).await;
    for (name, role) in [("vera", Some(Given::Viewer)), ("otto", Some(Given::Operator))] {
        let user = person(&house, name, role).await;
        let mut tab = signed_in(&house, &user).await;
        tab.get(&house, "/admin/upstreams/idp").await;
        assert_eq!(tab.status, StatusCode::OK, "{name}");
        assert!(!tab.body.contains("id=\"verbs\""), "{name}: {}", tab.body);
        let changed = with(&[("revision", "1")]);
        tab.post_to(&house, "/admin/upstreams/idp/change", &changed).await;
        assert_eq!(tab.status, StatusCode::FORBIDDEN, "{name}");
        tab.post_to(&house, "/admin/new-upstream", &GOOD).await;
        assert_eq!(tab.status, StatusCode::FORBIDDEN, "{name}");
        tab.post_to(&house, "/admin/upstreams/idp/test", &[("provider", "yes")]).await;
        assert_eq!(tab.status, StatusCode::FORBIDDEN, "{name}");
    }
    let stranger = person(&house, "nemo", None).await;
    let mut tab = signed_in(&house, &stranger).await;
    for page in
        ["/admin/upstreams", "/admin/upstreams/idp", "/admin/new-upstream", "/admin/undelivered"]
    {
        tab.get(&house, page).await;
        assert_eq!(tab.status, StatusCode::FORBIDDEN, "{page}");
    }
}

#[tokio::test]
async fn a_test_shows_the_claims_received_and_what_the_mapping_makes_of_them() {
    let house = House::start().await;
    let provider = house.provider(json!({})).await;
    let anna = person(&house, "anna", Some(Given::Admin)).await;
    let mut tab = signed_in(&house, &anna).await;
    let test = "/admin/upstreams/idp/test";
    let claims = r#"{"sub": "1", "email": "ada@corp.example", "email_verified": true}"#;
    tab.post_to(&house, test, &[("claims", claims)]).await;
    let page = plain(&tab);
    assert_eq!(tab.status, StatusCode::OK, "{page}");
    for part in ["id=\"verdict\"", "id=\"received\"", "<bdi>ada@corp.example</bdi>"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    tab.post_to(&house, test, &[("claims", "[1]")]).await;
    assert_eq!(tab.status, StatusCode::BAD_REQUEST);

    // A browser brings them: nobody is signed in by that, and the page shows what came.
    provider.person("grace", json!({}), json!({ "email": "grace@corp.example" }));
    tab.post_to(&house, test, &[("provider", "yes")]).await;
    let (_, rest) = tab.body.split_once("id=\"back\" href=\"").expect("where to look");
    let shown = rest.split('"').next().unwrap().to_owned();
    let there = tab.body.clone();
    tab.get(&house, &shown).await;
    assert!(tab.body.contains("id=\"waits\""), "{}", tab.body);
    let mut other = crate::signin::tests::world::Tab::new();
    other.body = there;
    house.through(&mut other, &provider).await;
    tab.get(&house, &shown).await;
    let page = plain(&tab);
    assert!(page.contains("<bdi>grace@corp.example</bdi>"), "{page}");
    assert!(!page.contains("id=\"waits\""));
    println!(
        "proof: a test on the console: claims typed 1, brought by a browser 1, shown with their mapping 2"
    );
}
