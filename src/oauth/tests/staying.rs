//! What outlives a visit: refresh tokens, and how a session ends.

use serde_json::json;

use super::people::{Scene, error, hidden, member};
use super::world::{House, REALM, Told};
use crate::kernel::{Fault, Lifetime};
use crate::oauth::Settings;
use crate::testkit::on_each_database;

const OFFLINE: [(&str, &str); 1] = [("scope", "openid email offline_access")];

async fn refreshed(scene: &Scene, token: &str, more: &[(&str, &str)]) -> Told {
    let form = [&[("grant_type", "refresh_token"), ("refresh_token", token)], more].concat();
    scene.token(&form).await
}

#[tokio::test]
async fn oidc_033_034_and_035_a_refresh_token_has_one_successor_and_a_theft_ends_the_family() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let code = scene.code(&OFFLINE).await;
        let first = scene.redeem(&code, &[]).await.text("refresh_token");
        let wide = refreshed(&scene, &first, &[("scope", "openid email phone")]).await;
        assert_eq!(wide.error(), (400, "invalid_scope"));
        let second = refreshed(&scene, &first, &[("scope", "openid")]).await;
        assert_eq!((second.status, &second.body["scope"]), (200, &json!("openid")), "{second:?}");
        let retry = refreshed(&scene, &first, &[]).await;
        assert_eq!(retry.text("refresh_token"), second.text("refresh_token"), "the same successor");
        let third = refreshed(&scene, &second.text("refresh_token"), &[]).await;
        assert!(scene.is_active(&third.text("access_token")).await);
        let made = scene.house.client("other", json!({})).await;
        let other = made.body["client_secret"].as_str().unwrap();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "other"),
            ("client_secret", other),
            ("refresh_token", &third.text("refresh_token")),
        ];
        let stranger = scene.house.post("/token", None, &form).await;
        assert_eq!(stranger.error(), (400, "invalid_grant"), "another client's");
        assert_eq!(refreshed(&scene, "wrt_invented", &[]).await.error(), (400, "invalid_grant"));
        scene.house.keys.clock.advance(Lifetime::seconds(11));
        assert_eq!(refreshed(&scene, &first, &[]).await.error(), (400, "invalid_grant"));
        scene.house.follow().await;
        let dead = refreshed(&scene, &third.text("refresh_token"), &[]).await;
        assert_eq!(dead.error(), (400, "invalid_grant"), "the family has ended");
        assert!(!scene.is_active(&third.text("access_token")).await);
    })
    .await;
}

#[tokio::test]
async fn codes_tokens_and_grants_live_as_long_as_the_settings_say() {
    on_each_database(async |database| {
        let settings = Settings {
            code_seconds: 30,
            access_token_seconds: 120,
            id_token_seconds: 180,
            refresh_token_days: 1,
        };
        let scene = Scene::signed_in_at(House::with(database, settings).await, json!({})).await;
        let clock = &scene.house.keys.clock;
        let late = scene.code(&OFFLINE).await;
        clock.advance(Lifetime::seconds(31));
        assert_eq!(scene.redeem(&late, &[]).await.error(), (400, "invalid_grant"));
        let code = scene.code(&OFFLINE).await;
        clock.advance(Lifetime::seconds(29));
        let tokens = scene.redeem(&code, &[]).await;
        assert_eq!(tokens.body["expires_in"], json!(120), "{tokens:?}");
        let life = |token: &str| {
            let claims = tokens.token(token).1;
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
        };
        assert_eq!((life("access_token"), life("id_token")), (120, 180));
        clock.advance(Lifetime::hours(23));
        let next = refreshed(&scene, &tokens.text("refresh_token"), &[]).await;
        assert_eq!(next.status, 200, "{next:?}");
        clock.advance(Lifetime::hours(2));
        let over = refreshed(&scene, &next.text("refresh_token"), &[]).await;
        assert_eq!(over.error(), (400, "invalid_grant"));
    })
    .await;
}

/// A statement outside of the house's own.
async fn run(scene: &Scene, statement: &'static str) -> u64 {
    let done: Result<u64, Fault> = scene
        .house
        .keys
        .env
        .db
        .write(REALM, (), move |tx, ()| Box::pin(async move { tx.execute(statement, &[]).await }))
        .await;
    done.unwrap()
}

#[tokio::test]
async fn a_code_whose_first_refresh_token_is_not_written_is_not_used_up() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let code = scene.code(&OFFLINE).await;
        // The family's place is taken, as if the transaction ended between the code and its family.
        assert_eq!(run(&scene, TAKE_THE_PLACE).await, 1);
        let failed = scene.redeem(&code, &[]).await;
        assert!(failed.status >= 500, "{failed:?}");
        assert_eq!(run(&scene, FREE_IT).await, 1);
        let redeemed = scene.redeem(&code, &[]).await;
        assert_eq!(redeemed.status, 200, "{redeemed:?}");
        let next = refreshed(&scene, &redeemed.text("refresh_token"), &[]).await;
        assert_eq!(next.status, 200, "{next:?}");
        let again = scene.redeem(&code, &[]).await;
        assert_eq!(again.error(), (400, "invalid_grant"));
    })
    .await;
}

const TAKE_THE_PLACE: &str = "INSERT INTO refresh_token (realm, grant_id, digest, previous, rotated_at, generation, \
    expires_at) SELECT realm, grant_id, digest, NULL, 0, 0, 0 FROM authorization_code WHERE realm = $1";
const FREE_IT: &str = "DELETE FROM refresh_token WHERE realm = $1";

#[tokio::test]
async fn a_rotation_whose_answer_was_lost_to_a_crash_is_asked_for_again_by_who_asked_first_alone() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let code = scene.code(&OFFLINE).await;
        let first = scene.redeem(&code, &[]).await.text("refresh_token");
        let (mine, other) = ("m".repeat(43), "o".repeat(43));
        let lost = refreshed(&scene, &first, &[("attempt", &mine)]).await.text("refresh_token");
        scene.house.keys.clock.advance(Lifetime::minutes(30));
        let again = refreshed(&scene, &first, &[("attempt", &mine)]).await;
        assert_eq!(again.text("refresh_token"), lost, "the same successor");
        let third = refreshed(&scene, &lost, &[("attempt", &other)]).await.text("refresh_token");
        scene.house.keys.clock.advance(Lifetime::seconds(11));
        // Its successor was used meanwhile: also who asked first is a thief now.
        let late = refreshed(&scene, &first, &[("attempt", &mine)]).await;
        assert_eq!(late.error(), (400, "invalid_grant"));
        scene.house.follow().await;
        assert_eq!(refreshed(&scene, &third, &[]).await.error(), (400, "invalid_grant"));

        for stolen_with in [&[][..], &[("attempt", &*other)], &[("attempt", "short")]] {
            let code = scene.code(&OFFLINE).await;
            let first = scene.redeem(&code, &[]).await.text("refresh_token");
            let next = refreshed(&scene, &first, &[("attempt", &mine)]).await.text("refresh_token");
            scene.house.keys.clock.advance(Lifetime::seconds(11));
            let thief = refreshed(&scene, &first, stolen_with).await;
            assert_eq!(thief.error(), (400, "invalid_grant"), "{stolen_with:?}");
            scene.house.follow().await;
            assert_eq!(refreshed(&scene, &next, &[]).await.error(), (400, "invalid_grant"));
        }
    })
    .await;
}

#[tokio::test]
async fn oidc_041_to_046_and_051_an_application_signs_its_person_out() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let code = scene.code(&[]).await;
        let hint = scene.redeem(&code, &[]).await.text("id_token");
        let refused = [
            "post_logout_redirect_uri=https%3A%2F%2Fshop.test%2Fout".to_owned(),
            format!("id_token_hint={hint}&post_logout_redirect_uri=https%3A%2F%2Fshop.test%2Fout%3Fx"),
            format!("id_token_hint={}&post_logout_redirect_uri=https%3A%2F%2Fshop.test%2Fout", hint.get(..hint.len() - 3).unwrap()),
            "id_token_hint=eyJhbGciOiJub25lIn0.e30.".to_owned(),
        ];
        for query in refused {
            let told = scene.get(&format!("/logout?{query}")).await;
            assert_eq!((told.status, told.header("location")), (400, ""), "oidc_044 {query}");
        }
        let asked = scene.get("/logout").await;
        assert_eq!(asked.status, 200);
        assert!(member(&scene.authorize(&[("prompt", "none")]).await, "code").is_some());
        scene.house.keys.clock.advance(Lifetime::minutes(20));
        let query = format!(
            "/logout?id_token_hint={hint}&state=a+b&post_logout_redirect_uri=https%3A%2F%2Fshop.test%2Fout"
        );
        let gone = scene.get(&query).await;
        assert_eq!(gone.header("location"), "https://shop.test/out?state=a+b", "oidc_042, 046");
        assert!(gone.header("set-cookie").contains("Max-Age=0"), "{gone:?}");
        scene.house.follow().await;
        assert_eq!(error(&scene.authorize(&[("prompt", "none")]).await), "login_required");
        assert_eq!(deliveries(&scene).await, 1, "oidc_050: the application hears of it");
    })
    .await;
}

#[tokio::test]
async fn the_hint_of_another_session_signs_nobody_out_unasked() {
    on_each_database(async |database| {
        let mut scene = Scene::signed_in(database, json!({})).await;
        let (ada, mallory) = (scene.person().await, scene.person().await);
        for (whose, victim) in [(&mallory, &ada), (&ada, &ada)] {
            scene.sign_in(whose).await;
            let code = scene.code(&[]).await;
            let hint = scene.redeem(&code, &[]).await.text("id_token");
            scene.sign_in(victim).await;
            let out = "post_logout_redirect_uri=https%3A%2F%2Fshop.test%2Fout";
            let told = scene.get(&format!("/logout?id_token_hint={hint}&{out}")).await;
            assert_eq!((told.status, told.header("location")), (200, ""), "they are asked");
            assert_eq!(told.header("set-cookie"), "", "and keep their cookie");
            scene.house.follow().await;
            assert!(member(&scene.authorize(&[("prompt", "none")]).await, "code").is_some());
            assert_eq!(deliveries(&scene).await, 0, "nobody hears of an end");
        }
    })
    .await;
}

#[tokio::test]
async fn oidc_045_without_a_hint_the_person_is_asked_and_then_signed_out() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let page = scene.get("/logout?state=x").await;
        let form = [("request", &*hidden(&page)), ("decision", "logout")];
        let done = scene.send("/logout/confirm", &form).await;
        assert_eq!((done.status, done.header("location")), (200, ""));
        scene.house.follow().await;
        assert_eq!(error(&scene.authorize(&[("prompt", "none")]).await), "login_required");
    })
    .await;
}

async fn deliveries(scene: &Scene) -> usize {
    const ALL: &str = "SELECT id FROM delivery WHERE realm = $1";
    let rows: Result<usize, Fault> = scene
        .house
        .keys
        .env
        .db
        .read(REALM, (), |tx, ()| Box::pin(async move { Ok(tx.rows(ALL, &[]).await?.len()) }))
        .await;
    rows.unwrap()
}
