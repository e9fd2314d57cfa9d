//! Somebody's account is deleted, and the applications they were signed in to hear of it: by themselves, and by an
//! administrator, on each engine.

use serde_json::json;
use weft::testkit::on_each_database;

use super::home::{Home, claims};
use super::receiver::Receiver;

#[tokio::test]
async fn applications_hear_that_an_account_was_deleted_whoever_deletes_it() {
    on_each_database(async |database| {
        let receiver = Receiver::start().await;
        let home = Home::start_with(database, |settings| {
            settings.outbound.allow_private.push(receiver.allowed());
        })
        .await;
        let members = json!({
            "backchannel_logout_uri": format!("{}/app", receiver.address()),
            "relaxed": {"https_redirects": "it listens on this machine"},
            "consent": "first_party",
        });
        let app = home.app("app", "web", members).await;
        for (name, themselves) in [("ann", true), ("bob", false)] {
            let user = home.person(name).await;
            let mut browser = home.browser(name);
            let tokens = home.tokens(&mut browser, &app, &[]).await;
            let told = claims(tokens.member("id_token"));
            if themselves {
                let sure = [("sure".to_owned(), "yes".to_owned())];
                let gone = browser.post(&home.url("/account/delete"), &sure).await.unwrap();
                assert!(gone.url.path().ends_with("/signed-out"), "{} {}", gone.url, gone.body);
            } else {
                home.administer(("DELETE", &format!("users/{user}")), "", None).await;
            }
            // Whatever is left of them by the time it is signed: the application knows who, and in which session.
            let sid = told["sid"].as_str().unwrap();
            let arrival = receiver.with_sid(sid).await.unwrap();
            let token = &arrival.form.iter().find(|(name, _)| name == "logout_token").unwrap().1;
            let token = claims(token);
            assert_eq!((&token["sub"], &token["sid"]), (&told["sub"], &told["sid"]), "{name}");
            assert_eq!(token["aud"], "app", "{name}");
            let refused = home.refresh(&app, tokens.member("refresh_token")).await;
            assert_eq!(refused.refusal(), (400, "invalid_grant"), "{name}");
        }
    })
    .await;
}
