//! What was not delivered is seen on the console, and tried again from there.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::json;

use super::world::{person, plain, signed_in};
use crate::access::Given;
use crate::account::tests::world::{House, REALM};
use crate::jobs::deliveries::{self, Delivery};
use crate::kernel::{Fault, SessionId, UserId};
use crate::testkit::until;

#[tokio::test]
async fn a_logout_that_was_given_up_is_shown_with_its_reason_and_tried_again_by_whoever_may() {
    let house = House::start().await;
    let server = house.server();
    let session = SessionId::new(uuid::Uuid::from_u128(1)).to_string();
    let user = UserId::new(uuid::Uuid::from_u128(2)).to_string();
    let notice = json!({ "client": "gone-shop", "session": session, "user": user });
    let id = format!("oauth.backchannel_logout/{session}/gone-shop");
    let (kind, body) = (Cow::Borrowed("oauth.backchannel_logout"), notice.to_string().into_bytes());
    let posted = (Delivery { id: id.clone(), kind, body }, server.env.clock.now());
    let written: Result<(), Fault> = server
        .env
        .db
        .write(REALM, posted, |tx, (delivery, now)| Box::pin(deliveries::post(tx, delivery, *now)))
        .await;
    written.unwrap();
    server.accounts.posted().nudge();
    let tried = async |times: i64| {
        until("it is tried", async || {
            let open = server.undelivered.list(&house.by(), String::new(), 10).await.unwrap();
            let done = open.iter().any(|one| one.next.is_none() && one.attempts == times);
            if done { Ok(()) } else { Err(open) }
        })
        .await;
    };
    tried(1).await;

    let viewer = person(&house, "vera", Some(Given::Viewer)).await;
    let mut tab = signed_in(&house, &viewer).await;
    tab.get(&house, "/admin/undelivered").await;
    let page = plain(&tab);
    for part in ["gone-shop", "the client is gone", "given up", "Tries: 1"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("name=\"delivery\""), "who looks has no button: {page}");
    tab.post_to(&house, "/admin/undelivered", &[("delivery", &id)]).await;
    assert_eq!(tab.status, StatusCode::FORBIDDEN);

    let operator = person(&house, "otto", Some(Given::Operator)).await;
    let mut tab = signed_in(&house, &operator).await;
    tab.get(&house, "/admin/undelivered").await;
    assert!(tab.body.contains("name=\"delivery\""), "{}", tab.body);
    tab.post_to(&house, "/admin/undelivered", &[("delivery", &id)]).await;
    assert_eq!(tab.location().as_deref(), Some("/admin/undelivered?done=tried-again"));
    tried(2).await;
    tab.post_to(&house, "/admin/undelivered", &[("delivery", "none")]).await;
    assert_eq!(tab.location().as_deref(), Some("/admin/undelivered"), "there is nothing to try");
}
