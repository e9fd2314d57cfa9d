//! Why a workload gets no identity, in words a person can act on.

use super::world::{FREEZE, REALM, World, admin, draft, id, workload};
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::csr;
use crate::kernel::{EntryId, Lifetime, Selector, SpiffeId};
use crate::testkit::{TestDatabase, engines};
use crate::workloads::X509Ask;
use crate::workloads::explain::{AgentState, Explain, Explanation, Reason};
use crate::workloads::model::{Draft, Error};

fn selectors(texts: &[&str]) -> Vec<Selector> {
    texts.iter().map(|text| Selector::parse(text).unwrap()).collect()
}

async fn world() -> World {
    World::new(&TestDatabase::new(engines()[0]).await).await
}

fn ask(agent: Option<&str>, shown: &[&str]) -> Explain {
    Explain {
        realm: REALM,
        by: admin(),
        agent: agent.map(|name| id(&format!("/spire/agent/join_token/{name}"))),
        selectors: selectors(shown),
        entry: None,
        spiffe_id: None,
    }
}

fn words(world: &World, explanation: &Explanation) -> String {
    explanation.words(world.now()).join("\n")
}

#[tokio::test]
async fn a_missing_selector_is_named() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let two = selectors(&["unix:uid:1000", "unix:sha256:abc"]);
    world.create_one(Draft { selectors: two, ..draft("/web", &caller.agent.id, 1) }).await;
    let answer = world.workloads.explain(ask(Some("a"), &["unix:uid:1000", "unix:gid:5"])).unwrap();
    assert!(answer.given.is_empty());
    assert_eq!(answer.near[0].reasons, [Reason::Missing(selectors(&["unix:sha256:abc"]))]);
    let words = words(&world, &answer);
    assert!(words.contains("did not show `unix:sha256:abc`"), "{words}");
}

#[tokio::test]
async fn an_entry_that_matches_is_given_and_the_nearest_others_come_first() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let agent = &caller.agent.id;
    let named =
        |name: &str, draft: Draft| Draft { id: Some(EntryId::parse(name).unwrap()), ..draft };
    let three = selectors(&["unix:uid:1", "x:1", "x:2"]);
    world
        .create(vec![
            named("good", draft("/good", agent, 1)),
            named("far", Draft { selectors: three, ..draft("/far", agent, 1) }),
            named("parent", draft("/parent", &id("/spire/agent/join_token/b"), 1)),
            named("none", draft("/none", agent, 2)),
        ])
        .await;
    let answer = world.workloads.explain(ask(Some("a"), &["unix:uid:1"])).unwrap();
    assert_eq!(answer.given.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["good"]);
    let near: Vec<_> = answer.near.iter().map(|near| near.entry.id.to_string()).collect();
    assert_eq!(near, ["parent", "far"]);
    let other = Reason::OtherParent(id("/spire/agent/join_token/b"));
    assert_eq!(answer.near[0].reasons, [other]);
    assert_eq!(answer.compared, 3, "an entry without any of the selectors is not compared");
}

#[tokio::test]
async fn an_expired_entry_says_when() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let end = world.now().plus(Lifetime::minutes(1));
    let short = Draft { expires_at: Some(end), ..draft("/web", &caller.agent.id, 1) };
    world.create_one(short).await;
    let asked = || ask(Some("a"), &["unix:uid:1"]);
    assert_eq!(world.workloads.explain(asked()).unwrap().given.len(), 1);
    world.clock.advance(Lifetime::minutes(1));
    let answer = world.workloads.explain(asked()).unwrap();
    assert!(answer.given.is_empty());
    assert_eq!(answer.near[0].reasons, [Reason::Expired(end)]);
}

#[tokio::test]
async fn the_state_of_the_agent_comes_first() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let state = |name: &str| world.workloads.explain(ask(Some(name), &[])).unwrap().agent;
    assert_eq!(state("ghost"), AgentState::Unknown(id("/spire/agent/join_token/ghost")));
    assert!(matches!(state("a"), AgentState::Known { view: None, connected: false, .. }));
    assert_eq!(world.workloads.explain(ask(None, &[])).unwrap().agent, AgentState::NotAsked);
    // The agent polls, and then two changes pass it by.
    world.workloads.authorised(&caller).unwrap();
    for n in 0..2 {
        world.create_one(draft(&format!("/web/{n}"), &caller.agent.id, n)).await;
    }
    world.clock.advance(Lifetime::seconds(90));
    let answer = world.workloads.explain(ask(Some("a"), &[])).unwrap();
    let words = words(&world, &answer);
    assert!(words.contains("2 changes behind; it last reported 1 min 30 s ago"), "{words}");
    world.ban(&caller.agent.id).await;
    assert!(matches!(state("a"), AgentState::Banned(_)));
}

#[tokio::test]
async fn an_entry_asked_for_by_id_is_judged_alone() {
    let world = world().await;
    let caller = world.agent("a", &["rack:1"]).await;
    let rack = Draft {
        selectors: selectors(&["rack:1", "rack:2"]),
        ..draft("/rack", &id("/spire/server"), 1)
    };
    let rack = world.create_one(rack).await;
    world.create_one(draft("/web", &caller.agent.id, 1)).await;
    let asked = Explain { entry: Some(rack.id.clone()), ..ask(Some("a"), &["unix:uid:1"]) };
    let answer = world.workloads.explain(asked.clone()).unwrap();
    assert_eq!(answer.compared, 1);
    assert!(answer.near[0].reasons.contains(&Reason::OtherNode(selectors(&["rack:2"]))));
    let ghost = Explain { entry: Some(EntryId::parse("ghost").unwrap()), ..asked.clone() };
    assert!(matches!(world.workloads.explain(ghost), Err(Error::NotFound { .. })));
    let nobody = Explain { by: workload(), ..asked };
    assert!(matches!(world.workloads.explain(nobody), Err(Error::NotFound { .. })));
    let nobody = Explain { by: workload(), ..ask(Some("a"), &[]) };
    assert!(matches!(world.workloads.explain(nobody), Err(Error::Access(_))));
}

#[tokio::test]
async fn where_nothing_is_near_it_says_what_to_do() {
    let world = world().await;
    let answer = world.workloads.explain(ask(None, &["unix:uid:1"])).unwrap();
    assert!(words(&world, &answer).contains("create one"));
}

#[tokio::test]
async fn an_identity_that_the_policy_refuses_says_so_and_counts_as_not_given() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    for path in ["/web", "/frozen/web"] {
        world.create_one(draft(path, &caller.agent.id, 1)).await;
    }
    world.set_policy("freeze", FREEZE).await;
    for agent in [Some("a"), None] {
        let answer = world.workloads.explain(ask(agent, &["unix:uid:1"])).unwrap();
        let given: Vec<_> = answer.given.iter().map(|entry| &entry.terms.spiffe_id).collect();
        assert_eq!(given, [&id("/web")], "{agent:?}");
        let [Reason::Denied(said)] = answer.near[0].reasons.as_slice() else {
            panic!("{agent:?}: {:?}", answer.near[0].reasons)
        };
        assert!(said.ends_with(": no identity is issued below `/frozen`"), "{said}");
        let words = words(&world, &answer);
        assert!(words.contains("the policy refuses to issue it: `IssueX509Svid` on"), "{words}");
    }
    // And what it says is what happens.
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let request = |id: &SpiffeId| {
        let entry = world.entry_of(id);
        X509Ask { entry, csr: csr::create(&key).unwrap().into() }
    };
    let asks = vec![request(&id("/web")), request(&id("/frozen/web"))];
    let outcomes = world.workloads.issue_x509(&caller, asks).await.unwrap();
    assert!(outcomes[0].is_ok() && matches!(outcomes[1], Err(Error::Access(_))), "{outcomes:?}");
}
