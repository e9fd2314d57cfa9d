//! Somebody has a copy of an authority's key, and what ends it.

use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use weft::authority::{Line, Purpose};
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::x509::{LeafTemplate, Serial};
use weft::db::Engine;
use weft::env::{Clock as _, SystemClock, SystemEntropy};
use weft::kernel::{Lifetime, RealmId, SpiffeId};
use weft::testkit::{TestDatabase, TestServer, engines, until, within};
use weft_proto::node::v1 as wire;
use weft_proto::node::v1::node_client::NodeClient;

use super::foreign_agent::{ForeignAgent, GET_BUNDLE};

#[tokio::test]
async fn whoever_forged_an_svid_is_out_of_its_open_connections_when_the_authority_is_revoked() {
    for engine in engines() {
        let database = TestDatabase::new(engine).await;
        let first = TestServer::start(&database).await;
        let mut servers = vec![first];
        if engine == Engine::Postgres {
            let second = servers[0].replica(&database).await;
            servers.push(second);
        }
        let (_, id) = ForeignAgent::joined(&servers[0]).await;
        let id = SpiffeId::parse(&id).unwrap();
        let mut thieves = Vec::new();
        for server in &servers {
            until("the agent is known", async || {
                server.agents().contains(&id).then_some(()).ok_or("not yet")
            })
            .await;
        }
        let (chain, key) = forged(&servers[0], &id);
        for server in &servers {
            let mut thief = ForeignAgent::new(server);
            thief.shows(&chain, &key);
            thief.post_status().await.expect("nobody can tell yet");
            let (acks, words) = tokio::sync::mpsc::channel(1);
            acks.send(wire::Ack::default()).await.unwrap();
            let mut client = NodeClient::new(thief.channel.clone());
            let watch = client.watch(ReceiverStream::new(words));
            let mut updates = within("a stream", watch).await.unwrap().into_inner();
            within("its first word", updates.message()).await.unwrap().unwrap();
            thieves.push((thief, updates, acks));
        }
        revoke_authority(&servers[0]).await;
        // One who came since goes on, over the connection that it has.
        let (mut honest, _) = ForeignAgent::joined(&servers[0]).await;
        for (mut thief, mut updates, _acks) in thieves {
            let refused = async {
                loop {
                    if let Err(status) = thief.post_status().await {
                        break status;
                    }
                }
            };
            let refused = within("it is refused", refused).await;
            assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
            assert!(thief.renew().await.is_err());
            let ended = async { while let Ok(Some(_)) = updates.message().await {} };
            within("its stream ends", ended).await;
        }
        honest.post_status().await.unwrap();
    }
}

/// What somebody makes who has a copy of the authority's key: an agent's SVID, newer than its own.
fn forged(server: &TestServer, agent: &SpiffeId) -> (Vec<Vec<u8>>, PrivateKey) {
    let authority = server.server().authority.active_x509(RealmId::FIRST).unwrap();
    let now = SystemClock::new().now();
    let template = LeafTemplate {
        id: agent,
        dns_names: &[],
        organization: None,
        serial: Serial::new(&SystemEntropy::default()).unwrap(),
        not_before: now.minus(Lifetime::seconds(5)).whole_second(),
        not_after: now.plus(Lifetime::minutes(30)),
    };
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let leaf = authority.issuer.sign_leaf(&template, key.public()).unwrap();
    (authority.chain_of(leaf), key)
}

/// An operator's answer to a stolen key: another authority signs at once, and nothing of this one counts.
async fn revoke_authority(server: &TestServer) {
    let (authority, by) = (&server.server().authority, || server.administrator());
    let stolen = authority.active_x509(RealmId::FIRST).unwrap().id;
    let line = Line::find(Purpose::X509, None).unwrap();
    let next = authority.prepare(by(), line).await.unwrap();
    authority.activate(by(), next.id, true).await.unwrap();
    authority.taint(by(), stolen).await.unwrap();
    authority.revoke(by(), stolen).await.unwrap();
    until("the server shows a certificate of the new authority", async || {
        let anybody = ForeignAgent::new(server).call(GET_BUNDLE, Vec::new()).await;
        anybody.map(drop)
    })
    .await;
}
