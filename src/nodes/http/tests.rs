//! Agents and join tokens over HTTP: what is answered to whom.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::{Contact, JoinFacts, routes};
use crate::access::{Administrator, Asker};
use crate::kernel::{Lifetime, RealmId, SpiffeId, Timestamp};
use crate::nodes::tests::{House, key};
use crate::nodes::{Error, PeerSvid, Refusal};
use crate::testkit::{Answer, Rest, TestDatabase, engines};
use crate::wire::join::JoinString;

struct Door {
    house: House,
    rest: Rest,
}

/// A server at this address, to which every agent is connected since a minute, and whose keys sign until then.
#[derive(Debug)]
struct Facts(Timestamp);

impl JoinFacts for Facts {
    fn address(&self) -> String {
        "node.weft.test:8081".to_owned()
    }

    fn pins(&self, _: RealmId) -> Vec<[u8; 32]> {
        vec![[7; 32]]
    }

    fn pins_hold_until(&self, _: RealmId) -> Timestamp {
        self.0
    }

    fn contact(&self, _: RealmId, _: &SpiffeId) -> Contact {
        Contact { connected: true, view_age: Some(Lifetime::minutes(1)) }
    }
}

impl Door {
    async fn new() -> Self {
        let house = House::new(&TestDatabase::new(engines()[0]).await).await;
        Self {
            rest: Rest::new(routes(&house.nodes, Arc::new(Facts(Timestamp::FOREVER))), House::by()),
            house,
        }
    }

    fn nobody(&self) -> Rest {
        self.rest.asked_by(Administrator { asker: Asker::nobody(), ..House::by() })
    }

    /// An agent, and the path of it.
    async fn agent(&self) -> (PeerSvid, String) {
        let (_, shown) = self.house.joined().await;
        let agent = self.house.nodes.agent(RealmId::FIRST, &shown.id).unwrap();
        (shown, format!("agents/{}", agent.number))
    }

    async fn send(&self, method: Method, path: &str) -> Answer {
        let answer = self.rest.send(method, path, &[], None).await;
        self.house.follow().await;
        answer
    }

    async fn refusal(&self, shown: &PeerSvid) -> Option<Refusal> {
        match self.house.nodes.judge(RealmId::FIRST, shown).await {
            Err(Error::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }
}

const NEW: (&str, &str) = ("if-none-match", "*");

#[tokio::test]
async fn whoever_may_not_is_told_nothing_of_agents_and_changes_none() {
    let door = Door::new().await;
    let (shown, path) = door.agent().await;
    let nobody = door.nobody();
    for (method, path) in [
        (Method::GET, "agents".to_owned()),
        (Method::GET, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/ban")),
    ] {
        let refused = nobody.send(method.clone(), &path, &[], None).await;
        assert_eq!(refused.refusal(), (403, "access.denied"), "{method} {path}");
    }
    door.house.follow().await;
    assert_eq!(door.refusal(&shown).await, None);
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_404_and_a_number_that_is_none_is_400() {
    let door = Door::new().await;
    let ghost = "agents/sub_00000000000000000000000000000007";
    for (method, path) in [
        (Method::GET, ghost.to_owned()),
        (Method::DELETE, ghost.to_owned()),
        (Method::POST, format!("{ghost}/ban")),
    ] {
        assert_eq!(door.send(method, &path).await.status, 404, "{path}");
    }
    for text in ["7", "jtk_00000000000000000000000000000007"] {
        assert_eq!(door.send(Method::GET, &format!("agents/{text}")).await.status, 400, "{text}");
    }
}

#[tokio::test]
async fn an_agent_is_shown_with_what_this_replica_knows_of_it() {
    let door = Door::new().await;
    let (shown, path) = door.agent().await;
    let one = door.rest.get(&path).await;
    assert_eq!(one.body["spiffe_id"], json!(shown.id.to_string()));
    assert_eq!(one.body["attestation_type"], json!("join_token"));
    assert_eq!(one.body["serial"], json!(shown.serial));
    assert_eq!((&one.body["connected"], &one.body["banned"]), (&json!(true), &json!(false)));
    assert_eq!(one.body["view_age_seconds"], json!(60));
    let (other, _) = door.agent().await;
    for (query, count) in [
        ("", 2),
        (&*format!("?spiffe_id={}", other.id), 1),
        ("?attestation_type=x509pop", 0),
        ("?banned=true", 0),
        ("?banned=false&limit=1", 1),
    ] {
        let listed = door.rest.get(&format!("agents{query}")).await;
        assert_eq!(listed.each("spiffe_id").len(), count, "{query}: {listed:?}");
    }
}

#[tokio::test]
async fn an_evicted_agent_is_gone_and_a_banned_one_stays_refused_until_it_is_evicted() {
    let door = Door::new().await;
    let (shown, path) = door.agent().await;
    let banned = door.send(Method::POST, &format!("{path}/ban")).await;
    assert_eq!((banned.status, &banned.body["banned"]), (200, &json!(true)));
    assert_eq!(door.refusal(&shown).await, Some(Refusal::Banned));
    assert_eq!(door.rest.get(&path).await.body["banned"], json!(true));

    assert_eq!(door.send(Method::DELETE, &path).await.status, 204);
    assert_eq!(door.refusal(&shown).await, Some(Refusal::NotAttested));
    assert_eq!(door.send(Method::GET, &path).await.status, 404);
    assert_eq!(door.send(Method::DELETE, &path).await.status, 404);
}

fn wish() -> Value {
    json!({"uses_max": 2, "lifetime_seconds": 600})
}

#[tokio::test]
async fn whoever_may_not_makes_shows_and_takes_back_no_token() {
    let door = Door::new().await;
    let made = door.rest.post("join-tokens", wish()).await;
    let path = format!("join-tokens/{}", made.body["id"].as_str().unwrap());
    let nobody = door.nobody();
    let fresh = "join-tokens/jtk_00000000000000000000000000000007";
    assert_eq!(nobody.get("join-tokens").await.status, 403);
    assert_eq!(nobody.get(&path).await.status, 403);
    assert_eq!(nobody.delete(&path).await.status, 403);
    assert_eq!(nobody.post("join-tokens", wish()).await.status, 403);
    assert_eq!(nobody.put(fresh, NEW, wish()).await.status, 403);
    assert_eq!(door.rest.get("join-tokens").await.each("id"), [made.body["id"].clone()]);
    assert_eq!(door.rest.get(&path).await.body["revoked"], json!(false));
}

#[tokio::test]
async fn a_token_with_an_id_of_the_clients_choice_is_made_once_and_never_changed() {
    let door = Door::new().await;
    let path = "join-tokens/jtk_00000000000000000000000000000007";
    assert_eq!(door.rest.get(path).await.status, 404);
    let made = door.rest.put(path, NEW, wish()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["id"], json!("jtk_00000000000000000000000000000007"));
    let join = JoinString::parse(made.body["join"].as_str().unwrap()).unwrap();
    assert_eq!(join.address, "node.weft.test:8081");
    assert!(door.house.join(made.body["secret"].as_str().unwrap(), &key()).await.is_ok());

    assert_eq!(door.rest.put(path, NEW, wish()).await.status, 409);
    let change = door.rest.put(path, ("if-match", "*"), wish()).await;
    assert_eq!(change.refusal(), (400, "join_token.put"));
    assert_eq!(door.rest.put("join-tokens/7", NEW, wish()).await.status, 400);
    for wrong in [
        json!({"uses_max": 0, "lifetime_seconds": 600}),
        json!({"uses_max": 1, "lifetime_seconds": 0}),
        json!({"uses_max": 1, "lifetime_seconds": 600, "selectors": ["x"]}),
        json!({"uses_max": 1, "lifetime_seconds": 600, "agent_alias": "web"}),
        json!({"uses": 1}),
    ] {
        assert_eq!(door.rest.post("join-tokens", wrong.clone()).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_token_that_was_taken_back_lets_nobody_in() {
    let door = Door::new().await;
    let made = door.rest.post("join-tokens", wish()).await;
    let path = format!("join-tokens/{}", made.body["id"].as_str().unwrap());
    assert_eq!(door.send(Method::DELETE, &path).await.status, 204);
    let shown = door.rest.get(&path).await.body;
    assert_eq!((&shown["revoked"], &shown["uses"]), (&json!(true), &json!(0)));
    assert!(door.house.join(made.body["secret"].as_str().unwrap(), &key()).await.is_err());
}

#[tokio::test]
async fn a_join_string_says_when_it_ends_where_the_keys_that_it_names_end_before_its_token() {
    let door = Door::new().await;
    let made = door.rest.post("join-tokens", wish()).await;
    assert_eq!(made.body["join_good_until"], made.body["expires_at"]);
    let soon = door.house.now().plus(Lifetime::seconds(60));
    let pinned = Rest::new(routes(&door.house.nodes, Arc::new(Facts(soon))), House::by());
    let made = pinned.post("join-tokens", wish()).await;
    assert_eq!(made.body["join_good_until"], json!(crate::wire::api::Time::from(soon)));
}
