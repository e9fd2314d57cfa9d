//! An agent that is killed again and again while it has SVIDs issued and its workload fetches, and its server with it.

use weft::db::Engine;
use weft::testkit::{TestDatabase, until, within};
use weft::wire::api;

use spiffe::WorkloadApiClient;

use super::program::{AgentProgram, Replica};
use crate::flows::me;

/// Kills of the agent, each at another moment of its start or of its work.
const KILLS: i64 = 6;

#[tokio::test]
async fn an_agent_killed_in_the_middle_of_issuance_goes_on_without_attesting_again() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    // A life that outlasts every restart, on a slow machine too: an agent whose SVID ended while it was dead must attest.
    let server = Replica::new("server", database.url(), None).with("node.svid_seconds", "300");
    server.start().await;
    let token: api::NewJoinToken =
        server.admin.make("join-tokens", serde_json::json!({})).await.unwrap();
    let mut agent = AgentProgram::join(&token.join);
    let joined = until("the agent joins", async || match the_agent(&server).await {
        Ok(joined) => Ok(joined),
        Err(error) => Err(format!("{error}: {}", agent.words())),
    })
    .await;
    let entry = serde_json::json!({
        "spiffe_id": "spiffe://weft.test/web",
        "parent_id": joined.spiffe_id,
        "selectors": [me()],
        "x509_svid_ttl_seconds": 6,
    });
    let _made: api::Entry = server.admin.make("entries", entry).await.unwrap();
    until_served(&agent).await;

    for n in 0..KILLS {
        super::pause(150 * n).await;
        agent.kill().await;
        if n % 2 == 1 {
            server.kill().await;
            server.start().await;
        }
        agent.start_again();
        // Every second time it is killed while it is only just starting.
        if n % 3 != 2 {
            until_served(&agent).await;
        }
    }
    until_served(&agent).await;
    let now = the_agent(&server).await.unwrap();
    assert_eq!((now.spiffe_id, now.attested_at), (joined.spiffe_id, joined.attested_at));
}

async fn the_agent(server: &Replica) -> Result<api::Agent, String> {
    let mut all: Vec<api::Agent> = server.admin.all("agents").await?;
    assert!(all.len() <= 1, "somebody attested again: {all:?}");
    all.pop().ok_or_else(|| "nobody".to_owned())
}

/// Both kinds of SVID come, as an independent client asks for them.
async fn until_served(agent: &AgentProgram) {
    until("the workload is served", async || {
        let words = |error: &dyn std::fmt::Display| format!("{error}: {}", agent.words());
        let client = within("connect", WorkloadApiClient::connect_to(agent.endpoint())).await;
        let client = client.map_err(|error| words(&error))?;
        let x509 = within("an X.509-SVID", client.fetch_x509_svid()).await;
        let token = within("a JWT-SVID", client.fetch_jwt_svid(["billing"], None)).await;
        x509.map_err(|error| words(&error))?;
        token.map(drop).map_err(|error| words(&error))
    })
    .await;
}
