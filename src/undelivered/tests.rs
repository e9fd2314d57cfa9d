//! What could not be delivered is seen, and tried again.

use std::borrow::Cow;

use serde_json::json;

use super::http::routes;
use crate::access::{Administrator, Asker};
use crate::jobs::deliveries::{self, Delivery};
use crate::kernel::{Fault, RealmId, SessionId, UserId};
use crate::testkit::{Rest, TestServer, on_each_database, until};

#[tokio::test]
async fn a_logout_that_no_client_took_is_seen_with_its_reason_and_tried_again() {
    on_each_database(async |database| {
        let life = TestServer::start(database).await;
        let server = life.server();
        let by = Administrator { realm: RealmId::FIRST, asker: life.root() };
        let rest = Rest::new(routes(&server.undelivered), by);
        assert_eq!(rest.get("deliveries").await.body["items"], json!([]));
        let session = SessionId::new(uuid::Uuid::from_u128(1)).to_string();
        let user = UserId::new(uuid::Uuid::from_u128(2)).to_string();
        let notice = json!({ "client": "gone", "session": session, "user": user });
        let id = format!("oauth.backchannel_logout/{session}/gone");
        let body = notice.to_string().into_bytes();
        let posted =
            Delivery { id: id.clone(), kind: Cow::Borrowed("oauth.backchannel_logout"), body };
        let now = server.env.clock.now();
        let written: Result<(), Fault> = server
            .env
            .db
            .write(RealmId::FIRST, (posted, now), |tx, (delivery, now)| {
                Box::pin(deliveries::post(tx, delivery, *now))
            })
            .await;
        written.unwrap();
        server.accounts.posted().nudge();
        let tried = async |times: i64| {
            until("it is tried", async || {
                let all = rest.get("deliveries").await.body["items"].clone();
                let one = all[0].clone();
                if one["state"] == "given_up" && one["tries"] == times { Ok(one) } else { Err(all) }
            })
            .await
        };
        let first = tried(1).await;
        assert_eq!((&first["id"], &first["client"]), (&json!(id), &json!("gone")));
        assert_eq!(first["last_error"], "the client is gone");
        assert!(first["next_at"].is_null());
        let path = format!("deliveries/{}/retry", id.replace('/', "%2F"));
        let retried = rest.post(&path, json!(null)).await;
        assert_eq!(retried.status, 202, "{retried:?}");
        tried(2).await;
        assert_eq!(rest.post("deliveries/none/retry", json!(null)).await.status, 404);
        let nobody = Administrator { realm: RealmId::FIRST, asker: Asker::nobody() };
        let nobody = rest.asked_by(nobody);
        assert_eq!(nobody.get("deliveries").await.status, 403);
        assert_eq!(nobody.post(&path, json!(null)).await.status, 403);
        println!("proof: deliveries given up 1, seen with a reason 1, tried again 1");
    })
    .await;
}
