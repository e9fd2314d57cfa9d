//! What agents are refused, and why, as it stands on the wire.

use prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use rcgen::PublicKeyData as _;
use tonic::{Code, Status};
use weft::crypto::x509::CertificateView;
use weft::kernel::{Lifetime, SpiffeId};
use weft::testkit::{TestDatabase, TestServer, engines, until};

use super::dynamic::{Protos, at, bytes, list};
use super::foreign_agent::{ForeignAgent, GET_ENTRIES, Key, POST_STATUS, SYNC_ENTRIES};
use crate::admin_api::ask;
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

#[tokio::test]
async fn two_that_renew_a_stolen_agent_svid_leave_an_alarm_and_one_of_them_is_out() {
    on_each(async |database| {
        let server = TestServer::start(database).await;
        // Who is the thief cannot be told: whoever comes second must attest again, and the log names the agent.
        for first_is_thief in [true, false] {
            let (mut owner, id) = ForeignAgent::joined(&server).await;
            let mut thief = ForeignAgent::new(&server);
            thief.channel = owner.channel.clone();
            let (first, second) =
                if first_is_thief { (&mut thief, &mut owner) } else { (&mut owner, &mut thief) };
            first.renew().await.unwrap();
            first.post_status().await.unwrap();
            let refused = second.renew().await.unwrap_err();
            assert_eq!(reason(&second.protos, &refused), Some("AGENT_NOT_ACTIVE".to_owned()));
            let alarm = clone_alarm(&server, &id).await;
            assert_ne!(alarm["about"]["serial"], alarm["about"]["current"], "{alarm}");
            first.post_status().await.expect("the newest that was used goes on");
            // An administrator who heard the alarm ends both.
            let id = SpiffeId::parse(&id).unwrap();
            server.server().nodes.ban(server.administrator(), &id).await.unwrap();
            for agent in [&mut owner, &mut thief] {
                let refused = agent.post_status().await.unwrap_err();
                assert_eq!(reason(&agent.protos, &refused), Some("AGENT_BANNED".to_owned()));
            }
        }
    })
    .await;
}

async fn clone_alarm(server: &TestServer, id: &str) -> serde_json::Value {
    until("the alarm is in the log", async || {
        let page = "events?kind=agent.clone_suspected";
        let (_, events) = ask(server, "GET", page, "", None).await;
        let found = events["items"].as_array().cloned().unwrap_or_default();
        found.into_iter().find(|event| event["about"]["spiffe_id"] == id).ok_or(events)
    })
    .await
}

#[tokio::test]
async fn an_agent_of_another_trust_domain_or_whose_svid_has_ended_is_not_let_in() {
    let database = TestDatabase::new(engines()[0]).await;
    let short = |all: &mut weft::server::Settings| all.node.svid_seconds = 3;
    let server = TestServer::start_with(&database, short).await;
    let other = TestDatabase::new(engines()[0]).await;
    let named =
        |all: &mut weft::server::Settings| "other.test".clone_into(&mut all.server.trust_domain);
    let elsewhere = TestServer::start_with(&other, named).await;
    let key = Key::new();
    let token = elsewhere.token().await.expose().clone();
    let answer = ForeignAgent::new(&elsewhere).attest(&token, &key).await.unwrap();
    let mut foreign = ForeignAgent::new(&server);
    foreign.shows(&bytes(&answer, "result.svid.cert_chain"), &key.key);
    assert!(foreign.post_status().await.is_err(), "a stranger was let in");

    let (mut late, _) = ForeignAgent::joined(&server).await;
    late.post_status().await.unwrap();
    let ended = until("its SVID ends", async || {
        let called = late.protos.call(&late.channel, POST_STATUS, Vec::new()).await;
        called.map_or_else(Ok, |_| Err("it is still good"))
    })
    .await;
    assert_eq!(reason(&late.protos, &ended), Some("AGENT_EXPIRED".to_owned()));
    let refused = late.renew().await.unwrap_err();
    assert_eq!(reason(&late.protos, &refused), Some("AGENT_EXPIRED".to_owned()));
}

#[tokio::test]
async fn attestation_is_limited_per_address() {
    let database = TestDatabase::new(engines()[0]).await;
    let one = |all: &mut weft::server::Settings| all.node.attestations_per_second = 1;
    let server = TestServer::start_with(&database, one).await;
    let mut hasty = ForeignAgent::new(&server);
    let mut judged = 0;
    let refused = loop {
        let refused = hasty.attest("no such token", &Key::new()).await.unwrap_err();
        if refused.code() == Code::ResourceExhausted {
            break refused;
        }
        judged += 1;
        assert!(judged < 100, "nobody was stopped");
    };
    // Ten seconds' worth may come together.
    assert!(judged >= 10, "{judged}");
    assert!(refused.message().contains("too many attestations"), "{refused}");
    let token = server.token().await.expose().clone();
    let another = [127, 0, 0, 2].into();
    ForeignAgent::at(&server, another).attest(&token, &Key::new()).await.unwrap();
}

#[tokio::test]
async fn nothing_but_the_key_is_taken_from_a_csr() {
    let database = TestDatabase::new(engines()[0]).await;
    let server = TestServer::start(&database).await;
    let (mut agent, id) = ForeignAgent::joined(&server).await;
    let entry = server.create("/web", &SpiffeId::parse(&id).unwrap(), &["unix:uid:1"]).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let mut wish = rcgen::CertificateParams::new(vec!["bank.test".to_owned()]).unwrap();
    let admin = "spiffe://weft.test/admin".try_into().unwrap();
    wish.subject_alt_names.push(rcgen::SanType::URI(admin));
    wish.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    wish.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    wish.distinguished_name.push(rcgen::DnType::CommonName, "admin");
    let csr = wish.serialize_request(&key).unwrap().der().to_vec();
    let answer = agent.x509_svids_for(&[(entry.id.as_str(), csr)]).await.unwrap();
    let results = list(&answer, "results");
    let chain = bytes(results[0].as_message().unwrap(), "svid.cert_chain");
    let leaf = CertificateView::parse(&chain[0]).unwrap();
    assert_eq!(leaf.uris, ["spiffe://weft.test/web"]);
    assert_eq!((leaf.dns_names.len(), leaf.common_name, leaf.is_ca), (0, None, Some(false)));
    assert!(!leaf.key_usage.unwrap().certificate_sign);
    assert_eq!(leaf.not_after.since(leaf.not_before), Lifetime::seconds(3610));
    assert_eq!(leaf.spki, key.subject_public_key_info());
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
