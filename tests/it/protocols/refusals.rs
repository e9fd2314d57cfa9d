//! What agents are refused, and why, as it stands on the wire.

use prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use tonic::{Code, Status};
use weft::kernel::SpiffeId;
use weft::testkit::TestServer;

use super::dynamic::{Protos, at, list};
use super::foreign_agent::{ForeignAgent, GET_ENTRIES, Key, SYNC_ENTRIES};
use crate::flows::on_each;

#[tokio::test]
async fn of_two_agents_with_one_join_token_exactly_one_wins() {
    on_each(async |database| {
        let server = TestServer::start(database).await;
        let token = server.token().await.expose().clone();
        let (mut one, mut two) = (ForeignAgent::new(&server), ForeignAgent::new(&server));
        let (a, b) = (Key::new(), Key::new());
        let (first, second) = tokio::join!(one.attest(&token, &a), two.attest(&token, &b));
        assert_eq!([&first, &second].iter().filter(|answer| answer.is_ok()).count(), 1);
        assert_eq!(server.agents().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_lost_join_answer_can_be_asked_for_again_by_the_same_key_only() {
    on_each(async |database| {
        let server = TestServer::start(database).await;
        let token = server.token().await.expose().clone();
        let key = Key::new();
        ForeignAgent::new(&server).attest(&token, &key).await.unwrap();
        let mut again = ForeignAgent::new(&server);
        again.attest(&token, &key).await.unwrap();
        again.post_status().await.unwrap();
        let other = ForeignAgent::new(&server).attest(&token, &Key::new()).await.unwrap_err();
        assert!(!other.message().contains(&token), "{other}");
        assert_eq!(server.agents().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_superseded_agent_svid_is_refused_with_its_reason() {
    on_each(async |database| {
        let server = TestServer::start(database).await;
        let (mut agent, _) = ForeignAgent::joined(&server).await;
        let old = agent.channel.clone();
        agent.renew().await.unwrap();
        agent.post_status().await.unwrap();
        let new = std::mem::replace(&mut agent.channel, old);
        let refused = agent.post_status().await.unwrap_err();
        assert_eq!(reason(&agent.protos, &refused), Some("AGENT_NOT_ACTIVE".to_owned()));
        agent.channel = new;
        agent.post_status().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_banned_agent_is_refused_over_the_connection_it_has_with_its_reason() {
    on_each(async |database| {
        let server = TestServer::start(database).await;
        let (mut agent, id) = ForeignAgent::joined(&server).await;
        agent.post_status().await.unwrap();
        let id = SpiffeId::parse(&id).unwrap();
        server.server().nodes.ban(server.administrator(), &id).await.unwrap();
        let refused = agent.post_status().await.unwrap_err();
        assert_eq!(reason(&agent.protos, &refused), Some("AGENT_BANNED".to_owned()));
        let refused = agent.renew().await.unwrap_err();
        assert_eq!(reason(&agent.protos, &refused), Some("AGENT_BANNED".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn an_evicted_agent_is_refused_over_the_connection_it_has_with_its_reason() {
    on_each(async |database| {
        let server = TestServer::start(database).await;
        let (mut agent, id) = ForeignAgent::joined(&server).await;
        agent.post_status().await.unwrap();
        let id = SpiffeId::parse(&id).unwrap();
        server.server().nodes.evict(server.administrator(), &id).await.unwrap();
        let refused = agent.post_status().await.unwrap_err();
        assert_eq!(reason(&agent.protos, &refused), Some("AGENT_NOT_ATTESTED".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn an_agent_gets_no_entry_it_is_not_entitled_to() {
    on_each(async |database| {
        let server = TestServer::start(database).await;
        let (mut nosy, _) = ForeignAgent::joined(&server).await;
        let (_owner, id) = ForeignAgent::joined(&server).await;
        let entry = server.create("/web", &SpiffeId::parse(&id).unwrap(), &["unix:uid:1"]).await;
        let entry = entry.id.as_str();
        for rpc in [GET_ENTRIES, SYNC_ENTRIES] {
            let answer = nosy.call(rpc, Vec::new()).await.unwrap();
            assert_eq!(list(&answer, "entries").len(), 0, "{rpc}");
        }
        let answer = nosy.x509_svids(&[entry]).await.unwrap();
        let results = list(&answer, "results");
        let result = results[0].as_message().unwrap();
        assert_eq!(at(result, "status.code"), Value::I32(Code::NotFound.into()));
        assert!(!result.has_field_by_name("svid"));
        let refused = nosy.jwt_svid(entry).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    })
    .await;
}

/// The reason that a refusal's details name (SPIFFE checklist §5.2): agents act on it.
fn reason(protos: &Protos, status: &Status) -> Option<String> {
    #[derive(prost::Message)]
    struct RpcStatus {
        #[prost(message, repeated, tag = "3")]
        details: Vec<prost_types::Any>,
    }

    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    let details = RpcStatus::decode(status.details()).unwrap().details;
    let any = details.first()?;
    let (_, name) = any.type_url.rsplit_once('/').unwrap();
    assert_eq!(name, "spire.api.types.PermissionDeniedDetails");
    let Value::Message(empty) = protos.message(name, Vec::new()) else { return None };
    let detail = DynamicMessage::decode(empty.descriptor(), any.value.as_slice()).unwrap();
    let number = at(&detail, "reason").as_enum_number()?;
    let field = detail.descriptor().get_field_by_name("reason")?;
    Some(field.kind().as_enum()?.get_value(number)?.name().to_owned())
}
