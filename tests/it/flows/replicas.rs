//! Two replicas on one PostgreSQL: what one did, the other honours.

use weft::db::Engine;
use weft::env::{Clock as _, SystemClock};
use weft::kernel::{Lifetime, RealmId};
use weft::testkit::{TestAgent, TestDatabase, TestServer, engines, until, within};

use super::{me, until_given, waited};

#[tokio::test]
async fn an_entry_made_at_one_replica_reaches_the_agent_of_the_other_within_a_second() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let database = TestDatabase::new(Engine::Postgres).await;
    let first = TestServer::start(&database).await;
    let second = first.replica(&database).await;
    let agent = TestAgent::join(&second).await;
    // The first replica hears of the agent, and the agent has its stream to the second.
    until("the agent is known and connected", async || {
        let known = first.agents().contains(agent.id());
        let connected = second.server().workloads.is_connected(RealmId::FIRST, agent.id());
        if known && connected { Ok(()) } else { Err((known, connected)) }
    })
    .await;
    first.create("/warm", agent.id(), &[&me()]).await;
    until_given(&agent, "/warm").await;

    // The best of several: a machine under load may hold anybody up once.
    let clock = SystemClock::new();
    let mut best = Lifetime::hours(1);
    for n in 0..5 {
        let began = clock.elapsed();
        let path = format!("/entry-{n}");
        first.create(&path, agent.id(), &[&me()]).await;
        until_given(&agent, &path).await;
        best = best.min(waited(&clock, began));
    }
    assert!(best < Lifetime::seconds(1), "{best:?}");
}

#[tokio::test]
async fn an_svid_renewed_on_one_replica_works_on_the_other() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let database = TestDatabase::new(Engine::Postgres).await;
    let first = TestServer::start_with(&database, |settings| settings.node.svid_seconds = 20).await;
    let mut second = first.replica(&database).await;
    let mut agent = TestAgent::join(&first).await;
    first.create("/web", agent.id(), &[&me()]).await;
    until_given(&agent, "/web").await;
    let serial = |server: &TestServer| {
        server.server().nodes.agent(RealmId::FIRST, agent.id()).map(|agent| agent.current.clone())
    };
    let joined = serial(&first).unwrap();
    until("the agent renews", async || {
        let now = serial(&first).unwrap();
        if now == joined { Err("not yet") } else { Ok(()) }
    })
    .await;

    within("the agent stops", agent.stop()).await.unwrap();
    agent.dial(&second);
    agent.start_again();
    second.create("/web-2", agent.id(), &[&me()]).await;
    until_given(&agent, "/web-2").await;
    second.stop().await;
}
