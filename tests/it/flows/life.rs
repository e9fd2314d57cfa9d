//! Restarts of agent and server, eviction and ban.

use weft::env::{Clock as _, SystemClock};
use weft::kernel::{Lifetime, RealmId};
use weft::testkit::{TestAgent, TestServer, until};

use super::{Fabric, on_each, until_given, waited, x509_ids};

#[tokio::test]
async fn an_agent_restarts_without_attesting_again() {
    on_each(async |database| {
        let mut fabric = Fabric::over(database).await;
        fabric.entry("/web").await;
        until_given(&fabric.agent, "/web").await;
        let before = attested_at(&fabric);

        assert!(fabric.agent.stop().await.is_ok());
        fabric.agent.start_again();
        until_given(&fabric.agent, "/web").await;
        fabric.agent.kill();
        fabric.agent.start_again();
        until_given(&fabric.agent, "/web").await;
        fabric.entry("/after").await;
        until_given(&fabric.agent, "/after").await;
        assert_eq!(attested_at(&fabric), before);
    })
    .await;
}

#[tokio::test]
async fn agents_go_on_while_their_server_restarts() {
    on_each(async |database| {
        let mut fabric = Fabric::over(database).await;
        fabric.entry("/web").await;
        until_given(&fabric.agent, "/web").await;
        let before = attested_at(&fabric);

        fabric.server.stop().await;
        assert_eq!(x509_ids(&fabric.agent).await.unwrap(), ["spiffe://weft.test/web"]);
        fabric.server.start_again().await;
        fabric.entry("/after-a-stop").await;
        until_given(&fabric.agent, "/after-a-stop").await;

        fabric.server.kill();
        assert_eq!(x509_ids(&fabric.agent).await.unwrap().len(), 2);
        fabric.server.start_again().await;
        fabric.entry("/after-a-kill").await;
        until_given(&fabric.agent, "/after-a-kill").await;
        assert_eq!(attested_at(&fabric), before);
    })
    .await;
}

#[tokio::test]
async fn an_agent_evicted_and_attested_again_within_three_seconds_works() {
    on_each(async |database| {
        let mut fabric = Fabric::over(database).await;
        fabric.entry("/web").await;
        until_given(&fabric.agent, "/web").await;

        let evicted = fabric.agent.id().clone();
        fabric.server.server().nodes.evict(fabric.server.administrator(), &evicted).await.unwrap();
        let why = fabric.agent.ended().await.unwrap_err();
        assert!(why.to_string().contains("token"), "{why}");
        assert!(!fabric.server.agents().contains(&evicted));

        // At once: its earlier SVIDs were of the same second.
        fabric.agent.start_with(fabric.server.join_string().await);
        let back = until("the agent attests again", async || {
            fabric.server.agents().pop().ok_or("nobody joined")
        })
        .await;
        fabric.server.create("/again", &back, &[&super::me()]).await;
        until_given(&fabric.agent, "/again").await;
    })
    .await;
}

#[tokio::test]
async fn a_ban_ends_the_push_stream_at_once() {
    on_each(async |database| {
        let fabric = Fabric::over(database).await;
        let server = fabric.server.server();
        let connected = || server.workloads.is_connected(RealmId::FIRST, fabric.agent.id());
        until("the agent is connected", async || if connected() { Ok(()) } else { Err("not yet") })
            .await;
        let clock = SystemClock::new();
        let began = clock.elapsed();
        server.nodes.ban(fabric.server.administrator(), fabric.agent.id()).await.unwrap();
        until("the stream ends", async || if connected() { Err("it is open") } else { Ok(()) })
            .await;
        // Long before the agent's SVID ends, or anybody polls.
        let took = waited(&clock, began);
        assert!(took < Lifetime::seconds(4), "{took}");
    })
    .await;
}

#[tokio::test]
async fn a_banned_agent_stops_and_is_not_let_in_again() {
    on_each(async |database| {
        let mut fabric = Fabric::over(database).await;
        fabric.entry("/web").await;
        until_given(&fabric.agent, "/web").await;

        let banned = fabric.agent.id().clone();
        fabric.server.server().nodes.ban(fabric.server.administrator(), &banned).await.unwrap();
        let why = fabric.agent.ended().await.unwrap_err();
        assert!(why.to_string().contains("banned"), "{why}");
        assert!(x509_ids(&fabric.agent).await.is_err(), "a banned agent's socket still answers");
        fabric.agent.start_again();
        assert!(fabric.agent.ended().await.is_err(), "a banned agent started again");
    })
    .await;
}

#[tokio::test]
async fn a_join_token_lets_one_agent_in() {
    on_each(async |database| {
        let server = TestServer::start(database).await;
        let join = server.join_string().await;
        let one = TestAgent::join_with(&server, |settings| settings.join = Some(text(&join))).await;
        let mut two = TestAgent::start(&server, |settings| settings.join = Some(text(&join)));
        assert!(two.ended().await.is_err(), "a used token let a second agent in");
        assert_eq!(server.agents(), [one.id().clone()]);
    })
    .await;
}

fn text(join: &str) -> weft::wire::join::JoinText {
    weft::wire::join::JoinText::new(join.to_owned())
}

fn attested_at(fabric: &Fabric) -> weft::kernel::Timestamp {
    fabric.server.server().nodes.agent(RealmId::FIRST, fabric.agent.id()).unwrap().attested_at
}
