//! Events over HTTP: what is answered to whom.

use serde_json::{Value, json};

use super::routes;
use crate::access::{Administrator, Asker};
use crate::audit::tests::{House, local, person};
use crate::kernel::RealmId;
use crate::testkit::{Rest, TestDatabase, engines};

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
