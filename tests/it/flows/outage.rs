//! The database goes away and comes back: issuance goes on, changes are refused, nobody restarts anything.

use weft::db::Engine;
use weft::kernel::{Failure, Kind};
use weft::testkit::postgres::{PostgresServer, Stop};
use weft::testkit::{TestAgent, TestDatabase, TestServer, engines, until, within};

use super::{connect, me, source, until_given};

#[tokio::test]
async fn without_its_database_the_server_goes_on_issuing_and_refuses_changes() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let database = TestDatabase::with_server(PostgresServer::start());
    let server = TestServer::start(&database).await;
    let agent = TestAgent::join(&server).await;
    let draft = server.draft("/web", agent.id(), &[&me()]);
    server.create_draft(weft::workloads::Draft { x509_svid_ttl_seconds: 8, ..draft.clone() }).await;
    until_given(&agent, "/web").await;
    let web = source(&agent, "/web").await;

    database.server().unwrap().stop(Stop::Immediate);
    let before = web.svid().unwrap().leaf().as_ref().to_vec();
    until("an X.509-SVID is issued without the database", async || {
        let now = web.svid().unwrap().leaf().as_ref().to_vec();
        if now == before { Err("the old one") } else { Ok(()) }
    })
    .await;
    let client = connect(&agent).await.unwrap();
    let token =
        within("a JWT-SVID without the database", client.fetch_jwt_svid(["billing"], None)).await;
    assert_eq!(token.unwrap().spiffe_id().to_string(), "spiffe://weft.test/web");
    let late = server.draft("/late", agent.id(), &[&me()]);
    let refused =
        within("a change is refused", server.try_create(vec![late.clone()])).await.unwrap_err();
    assert_eq!(Failure::from(refused).kind, Kind::Unavailable);

    database.server().unwrap().start_again();
    until("changes are taken again", async || server.try_create(vec![late.clone()]).await).await;
    until_given(&agent, "/late").await;
}
