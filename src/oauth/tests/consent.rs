//! What policy says of an authorization: it forbids, or wants more, and a person reads why.

use std::sync::Arc;

use serde_json::json;

use super::people::{Scene, error, hidden, member};
use super::world::{House, REALM};
use crate::access::{Name, Rights, Seen, SetPolicy};
use crate::kernel::Fault;
use crate::testkit::on_each_database;

const NO_NUMBERS: &str = r#"
@id("no-numbers-for-the-shop")
@says("the shop gets no telephone numbers")
forbid (principal, action == Action::"Consent", resource == Client::"shop")
when { context.scopes.contains("phone") };
"#;

const TWO_FACTORS: &str = r#"
@id("two-factors-for-the-shop")
@step_up("the shop wants two factors")
forbid (principal, action == Action::"Consent", resource == Client::"shop")
when { context.assurance < 2 || context.sign_in_age_seconds > 3600 || !context.methods.contains("totp") };
"#;

/// Puts a policy of the realm's own into force.
async fn set(house: &House, text: &'static str) {
    let (access, events, env) =
        (house.keys.access.clone(), house.keys.events.clone(), house.keys.env.clone());
    let load = |access| {
        let db = &house.keys.env.db;
        db.read(REALM, access, |tx, access: &crate::access::Access| Box::pin(access.load(tx)))
    };
    let loaded: Result<(), Fault> = load(access.clone()).await;
    loaded.unwrap();
    let ask = SetPolicy {
        asker: House::by().asker,
        realm: REALM,
        name: Name::parse("own").unwrap(),
        text: Arc::from(text),
        seen: Seen::Anything,
    };
    Rights::new(access.clone(), events, env).set_policy(ask).await.unwrap();
    let loaded: Result<(), Fault> = load(access).await;
    loaded.unwrap();
}

#[tokio::test]
async fn a_policy_keeps_a_scope_from_one_application_and_the_person_reads_why() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let phone = [("scope", "openid phone")];
        assert!(member(&scene.authorize(&phone).await, "code").is_some(), "as shipped");
        set(&scene.house, NO_NUMBERS).await;
        let told = scene.authorize(&phone).await;
        assert_eq!(told.status, 403, "{told:?}");
        for words in ["Shop", "the shop gets no telephone numbers", "error=access_denied", "state="]
        {
            assert!(told.page.contains(words), "{words}: {}", told.page);
        }
        assert!(!told.page.contains("Consent"), "no machinery: {}", told.page);
        let german = scene.authorize(&[phone[0], ("ui_locales", "de")]).await;
        assert!(german.page.contains("darf Ihr Konto nicht verwenden"), "{}", german.page);
        let quiet = scene.authorize(&[phone[0], ("prompt", "none")]).await;
        assert_eq!(error(&quiet), "access_denied");
        // Less is still had, and so is everything by another application.
        assert!(member(&scene.authorize(&[]).await, "code").is_some());
        let other = json!({
            "consent": "first_party",
            "redirect_uris": ["https://shop.test/cb"],
            "relaxed": {"pkce": "this is about policies"},
        });
        scene.house.client("other", other).await;
        let other = scene.authorize(&[phone[0], ("client_id", "other")]).await;
        assert!(member(&other, "code").is_some(), "{other:?}");
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_came_while_the_page_was_open_counts_for_its_answer() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({"consent": "ask"})).await;
        let page = scene.authorize(&[("scope", "openid phone")]).await;
        assert_eq!(page.status, 200, "{page:?}");
        let id = hidden(&page);
        set(&scene.house, NO_NUMBERS).await;
        let yes = [("request", &*id), ("decision", "allow")];
        let told = scene.send("/authorize/consent", &yes).await;
        assert_eq!(told.status, 403, "{told:?}");
        assert!(told.page.contains("the shop gets no telephone numbers"), "{}", told.page);
        let again = scene.authorize(&[("prompt", "none")]).await;
        assert_eq!(error(&again), "consent_required", "nothing was agreed to");
    })
    .await;
}

#[tokio::test]
async fn a_policy_may_want_a_stronger_sign_in_for_one_application() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        set(&scene.house, TWO_FACTORS).await;
        let told = scene.authorize(&[]).await;
        assert_eq!(told.status, 303, "{told:?}");
        assert!(told.header("location").starts_with("/sign-in/"), "{told:?}");
        let quiet = scene.authorize(&[("prompt", "none")]).await;
        assert_eq!(error(&quiet), "interaction_required");
    })
    .await;
}

#[tokio::test]
async fn oidc_080_a_token_is_for_no_resource_that_nobody_was_asked_about() {
    on_each_database(async |database| {
        let api = "https://api.test";
        let members = json!({
            "resources": [{"uri": api, "scopes": ["read"]}, {"uri": "https://payroll.test", "scopes": []}],
            "scopes": ["openid", "offline_access"],
        });
        let scene = Scene::signed_in(database, members).await;
        let scope = ("scope", "openid offline_access");
        let audience = |told: &super::world::Told| told.token("access_token").1["aud"].clone();
        let refused = (400, "invalid_target");

        // Agreed to without a resource: that is for the provider, at the code and at each renewal.
        let code = scene.code(&[scope]).await;
        assert_eq!(scene.redeem(&code, &[("resource", api)]).await.error(), refused);
        let code = scene.code(&[scope]).await;
        let own = scene.redeem(&code, &[("resource", "https://weft.test")]).await;
        assert_eq!(audience(&own), json!("https://weft.test"));
        let refresh = own.text("refresh_token");
        let renew = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
        let stolen = [renew[0], renew[1], ("resource", api)];
        assert_eq!(scene.token(&stolen).await.error(), refused);
        assert_eq!(audience(&scene.token(&renew).await), json!("https://weft.test"));

        // Agreed to with one: that one, and no other of the application's.
        for other in ["https://payroll.test", "https://weft.test"] {
            let code = scene.code(&[scope, ("resource", api)]).await;
            let asked = scene.redeem(&code, &[("resource", other)]).await;
            assert_eq!(asked.error(), refused, "{other}");
        }
        let code = scene.code(&[scope, ("resource", api)]).await;
        assert_eq!(audience(&scene.redeem(&code, &[("resource", api)]).await), json!(api));
    })
    .await;
}
