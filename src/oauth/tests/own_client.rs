//! The client that is there without being made: `weft-cli`.

use serde_json::json;

use super::people::{Scene, hidden, member};
use crate::crypto::digest::{base64url, sha256};
use crate::testkit::on_each_database;

fn request(redirect: &str) -> String {
    let challenge = base64url(&sha256(b"a verifier of one's own, long enough for RFC 7636"));
    let query = [
        ("response_type", "code"),
        ("client_id", "weft-cli"),
        ("redirect_uri", redirect),
        ("scope", "openid svid offline_access"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    format!("/authorize?{query}")
}

#[tokio::test]
async fn the_command_line_is_in_every_realm_and_asks_each_time() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let back = "http://127.0.0.1:5151/callback";
        for _again in 0..2 {
            let asked = scene.get(&request(back)).await;
            assert_eq!(asked.status, 200, "{asked:?}");
            assert!(asked.page.contains("scope-svid"), "{}", asked.page);
            assert!(!asked.page.contains("scope-offline_access"), "it ends with the session");
            let yes = [("request", &*hidden(&asked)), ("decision", "allow")];
            let done = scene.send("/authorize/consent", &yes).await;
            assert!(done.header("location").starts_with(back), "{done:?}");
            assert!(member(&done, "code").is_some());
        }
        for elsewhere in ["https://evil.example/callback", "http://127.0.0.1:5151/other"] {
            assert_eq!(scene.get(&request(elsewhere)).await.status, 400, "{elsewhere}");
        }
        let shown = scene.house.rest.get("clients/weft-cli").await;
        assert_eq!((shown.status, &shown.body["profile"]), (200, &json!("native")));

        // One that an administrator makes takes its place; this one is switched off.
        let own = json!({
            "profile": "native", "redirect_uris": ["http://127.0.0.1/callback"], "enabled": false,
        });
        assert_eq!(scene.house.client("weft-cli", own).await.status, 201);
        assert_eq!(scene.get(&request(back)).await.status, 400);
    })
    .await;
}
