//! Bundles over HTTP: what is answered to whom.

use serde_json::{Value, json};

use super::routes;
use crate::access::{Administrator, Asker};
use crate::crypto::jose::{KeySet, print_bundle};
use crate::crypto::x509::forge::Ca;
use crate::kernel::RealmId;
use crate::testkit::{KeysReplica, Rest, TestDatabase, engines};

async fn house() -> (KeysReplica, Rest) {
    let replica = KeysReplica::started(&TestDatabase::new(engines()[0]).await).await;
    replica.load().await;
    let by = Administrator { realm: RealmId::FIRST, asker: KeysReplica::root() };
    let rest = Rest::new(routes(&replica.bundles), by);
    (replica, rest)
}

fn document(name: &str) -> Value {
    let set = KeySet {
        x509: vec![Ca::of(name).der],
        jwt: Vec::new(),
        sequence: Some(7),
        refresh_hint: None,
    };
    serde_json::from_str(&print_bundle(&set).to_string()).unwrap()
}

const ANY: (&str, &str) = ("accept", "*/*");

#[tokio::test]
async fn our_own_bundle_is_read_and_never_set() {
    let (_replica, rest) = house().await;
    let own = rest.get("bundles/weft.test").await;
    assert_eq!((own.status, own.body["keys"].as_array().unwrap().len()), (200, 2), "{own:?}");
    assert_eq!(
        rest.put("bundles/weft.test", ANY, document("weft.test")).await.refusal(),
        (400, "bundle.own")
    );
    assert_eq!(rest.delete("bundles/weft.test").await.refusal(), (400, "bundle.own"));
}

#[tokio::test]
async fn what_cannot_be_a_bundle_is_refused_and_changes_nothing() {
    let (replica, rest) = house().await;
    for bad in [json!({"keys": []}), json!([]), json!({"keys": 7})] {
        assert_eq!(
            rest.put("bundles/other.test", ANY, bad).await.refusal(),
            (400, "bundle.document")
        );
    }
    assert_eq!(rest.put("bundles/UPPER", ANY, document("other.test")).await.status, 400);
    let nobody = rest.asked_by(Administrator { realm: RealmId::FIRST, asker: Asker::nobody() });
    assert_eq!(nobody.put("bundles/other.test", ANY, document("other.test")).await.status, 403);
    assert_eq!(nobody.get("bundles").await.status, 403);
    replica.load().await;
    assert_eq!(rest.get("bundles/other.test").await.refusal(), (404, "bundle.not_found"));
    assert_eq!(rest.delete("bundles/other.test").await.refusal(), (404, "bundle.not_found"));
}

#[tokio::test]
async fn a_foreign_bundle_is_set_listed_behind_ours_and_deleted() {
    let (replica, rest) = house().await;
    let set = rest.put("bundles/other.test", ANY, document("other.test")).await;
    assert_eq!((set.status, &set.body["sequence"]), (200, &json!(7)), "{set:?}");
    rest.put("bundles/another.test", ANY, document("another.test")).await;
    replica.load().await;
    let (mut names, mut path) = (Vec::new(), "bundles?limit=1".to_owned());
    loop {
        let page = rest.get(&path).await;
        names.extend(page.each("trust_domain"));
        let Some(next) = page.next() else { break };
        path = format!("bundles?limit=1&cursor={next}");
    }
    assert_eq!(names, ["weft.test", "another.test", "other.test"].map(Value::from));
    assert_eq!(rest.get("bundles").await.each("updated_at")[2], set.body["updated_at"]);
    assert_eq!(rest.get("bundles/other.test").await.body["spiffe_sequence"], json!(7));
    assert_eq!(rest.delete("bundles/other.test").await.status, 204);
    replica.load().await;
    assert_eq!(rest.get("bundles/other.test").await.status, 404);
}
