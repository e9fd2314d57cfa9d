//! Events over HTTP: what is answered to whom.

use http::Method;
use serde_json::{Value, json};

use super::{Past, past_routes, routes};
use crate::access::{Administrator, Asker, Rights};
use crate::account::tests::world::House as Server;
use crate::audit::tests::{House, local, person};
use crate::kernel::RealmId;
use crate::testkit::{Rest, TestDatabase, engines, until};

async fn house(events: u128) -> (House, Rest) {
    let house = House::new(&TestDatabase::new(engines()[0]).await).await;
    house.alternate(events).await;
    let by = Administrator { realm: RealmId::FIRST, asker: local(0) };
    let rest = Rest::new(routes(&house.audit), by);
    (house, rest)
}

#[tokio::test]
async fn whoever_has_no_right_to_events_reads_none_and_a_bad_question_is_refused() {
    let (_house, rest) = house(1).await;
    let nobody = rest.asked_by(Administrator { realm: RealmId::FIRST, asker: Asker::nobody() });
    assert_eq!(nobody.get("events").await.refusal(), (403, "access.denied"));
    for bad in ["subject=7", "since=yesterday", "limit=0", "limit=501", "cursor=x", "order=up"] {
        assert_eq!(rest.get(&format!("events?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn events_come_newest_first_page_by_page_with_their_bodies() {
    let (_house, rest) = house(5).await;
    let (mut seen, mut path) = (Vec::new(), "events?limit=2".to_owned());
    loop {
        let page = rest.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        seen.extend(
            page.body["items"].as_array().unwrap().iter().map(|item| item["about"]["n"].clone()),
        );
        let Some(next) = page.next() else { break };
        path = format!("events?limit=2&cursor={next}");
    }
    assert_eq!(seen, ["5", "4", "3", "2", "1"].map(Value::from));
    let one = rest.get(&format!("events?subject={}&kind=test.happened", person(2))).await;
    assert_eq!(
        (one.each("stream"), one.each("about_erased")),
        (vec![json!("change")], vec![json!(false)])
    );
    assert_eq!(rest.get("events?kind=test.other").await.each("kind"), [Value::Null; 0]);
}

#[tokio::test]
async fn the_past_of_a_policy_is_listed_and_it_goes_back_one_change_or_several() {
    let server = Server::start().await;
    let (inside, by) = (server.server(), server.by());
    let rights = Rights::new(inside.access.clone(), inside.events.clone(), inside.env.clone());
    let policies = Rest::new(crate::access::http::routes(&rights), by.clone());
    let past = Past { audit: inside.audit.clone(), rights, env: inside.env.clone() };
    let rest = Rest::new(past_routes(&past), by);
    let text = |n: u8| {
        format!(
            "@id(\"ours\") forbid (principal, action == Action::\"RetireDevice\", resource) when {{ context.score == {n} }};"
        )
    };
    let in_force = async || policies.get("policies/ours").await.body["text"].clone();
    for n in 1..=3 {
        let put = policies.send(Method::PUT, "policies/ours", &[], Some(json!({"text": text(n)})));
        assert!(put.await.status < 300);
        until("the text is in force", async || {
            let now = in_force().await;
            if now == text(n) { Ok(()) } else { Err(now) }
        })
        .await;
    }
    let nobody = rest.asked_by(Administrator { realm: RealmId::FIRST, asker: Asker::nobody() });
    assert_eq!(nobody.get("policies/ours/history").await.status, 403);
    assert_eq!(nobody.post("policies/ours/rollback", json!({})).await.status, 403);
    assert_eq!(rest.get("policies/none/history").await.status, 404);
    assert_eq!(rest.post("policies/none/rollback", json!({})).await.status, 404);
    assert_eq!(rest.get("policies/sign-in/history").await.each("text"), [Value::Null; 0]);
    let history = rest.get("policies/ours/history").await;
    assert_eq!(history.each("text"), [3, 2, 1].map(|n| json!(text(n))));
    assert_eq!(history.each("before"), [json!(text(2)), json!(text(1)), Value::Null]);
    let number = |n: usize| history.body["items"][n]["number"].clone();

    let back = rest.post("policies/ours/rollback", json!({})).await;
    assert_eq!((back.status, &back.body["text"]), (200, &json!(text(2))));
    until("the last change is undone", async || {
        let now = in_force().await;
        if now == text(2) { Ok(()) } else { Err(now) }
    })
    .await;
    let unknown = rest.post("policies/ours/rollback", json!({"before": 0})).await;
    assert_eq!(unknown.status, 404);
    let gone = rest.post("policies/ours/rollback", json!({"before": number(2)})).await;
    assert_eq!(gone.status, 204, "there was none before the first: {gone:?}");
    until("it is gone", async || {
        let status = policies.get("policies/ours").await.status;
        if status == 404 { Ok(()) } else { Err(status) }
    })
    .await;
    assert_eq!(rest.get("policies/ours/history").await.each("text").len(), 5, "all of it stays");
}

#[tokio::test]
async fn what_would_have_become_of_the_decisions_on_record_is_for_whoever_reads_events() {
    let (house, _) = house(1).await;
    let env = house.env();
    let (access, events) = (house.access(), house.events());
    let rights = Rights::new(access, events, env.clone());
    let past = Past { audit: house.audit.clone(), rights, env };
    let by = Administrator { realm: RealmId::FIRST, asker: local(0) };
    let rest = Rest::new(past_routes(&past), by);
    let nobody = rest.asked_by(Administrator { realm: RealmId::FIRST, asker: Asker::nobody() });
    let ask = json!({"policies": {"own": "forbid (principal, action, resource);"}});
    assert_eq!(nobody.post("policy-replays", ask.clone()).await.refusal(), (403, "access.denied"));
    let told = rest.post("policy-replays", ask).await;
    assert_eq!((told.status, &told.body["decisions"]), (200, &json!(0)), "{told:?}");
    let bad = rest.post("policy-replays", json!({"policies": {"own": "permit ("}})).await;
    assert_eq!(bad.refusal(), (400, "access.policy_invalid"));
    let bad = rest.post("policy-replays", json!({"policies": {"O W N": "permit ("}})).await;
    assert_eq!(bad.refusal(), (400, "access.trial"));
}
