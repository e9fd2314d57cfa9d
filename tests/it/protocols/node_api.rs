//! An agent that knows only the published .proto files of SPIRE's API uses all nine calls that agents make.

use prost_reflect::{DynamicMessage, Value};
use serde_json::json;
use tonic::Code;
use weft::bundles::document;
use weft::crypto::jose::Unverified;
use weft::crypto::x509::CertificateView;
use weft::db::Engine;
use weft::kernel::RealmId;
use weft::testkit::{TestDatabase, TestServer};
use weft::workloads::Draft;

use super::dynamic::{at, bytes, list, text};
use super::foreign_agent::{
    ATTEST_AGENT, ForeignAgent, GET_BUNDLE, GET_ENTRIES, GET_FEDERATED_BUNDLE, IntoValue, Key,
    NEW_JWT_SVID, NEW_X509_SVIDS, POST_STATUS, RENEW_AGENT, SYNC_ENTRIES,
};
use crate::admin_api::ask;
use crate::flows::on_each;

/// What an agent calls (SPIFFE checklist §5.2).
const NODE_CALLS: [&str; 9] = [
    ATTEST_AGENT,
    RENEW_AGENT,
    POST_STATUS,
    GET_BUNDLE,
    GET_FEDERATED_BUNDLE,
    GET_ENTRIES,
    SYNC_ENTRIES,
    NEW_X509_SVIDS,
    NEW_JWT_SVID,
];

#[tokio::test]
async fn a_client_of_the_published_descriptions_makes_every_call_of_an_agent() {
    on_each(async |database| {
        let server = TestServer::start(database).await;
        let mut agent = ForeignAgent::new(&server);
        nobody_gets_more_than_the_bundle(&mut agent).await;
        joins(&mut agent, &server).await;
        agent.renew().await.unwrap();
        let (federated, _other) = trusts_another(&server).await;
        let entry = server.draft("/web", &server.agents()[0], &["unix:uid:1"]);
        let entry = Draft { federates_with: vec![federated.clone()], ..entry };
        let entry = server.create_draft(entry).await;
        reads_bundles(&mut agent, federated.as_str()).await;
        reads_its_entry(&mut agent, entry.id.as_str()).await;
        gets_svids(&mut agent, entry.id.as_str()).await;
        let made = agent.answered.iter().filter(|rpc| NODE_CALLS.contains(&rpc.as_str())).count();
        println!("proof: independent protos: {made}/{} RPCs", NODE_CALLS.len());
        assert_eq!(made, NODE_CALLS.len(), "{:?}", agent.answered);
    })
    .await;
}

async fn nobody_gets_more_than_the_bundle(agent: &mut ForeignAgent) {
    let bundle = agent.call(GET_BUNDLE, Vec::new()).await.unwrap();
    assert_eq!(text(&bundle, "trust_domain"), "weft.test");
    for rpc in [RENEW_AGENT, POST_STATUS, GET_ENTRIES, SYNC_ENTRIES, NEW_X509_SVIDS, NEW_JWT_SVID] {
        let refused = agent.call(rpc, Vec::new()).await.unwrap_err();
        let refusal = matches!(refused.code(), Code::PermissionDenied | Code::Unauthenticated);
        assert!(refusal, "{rpc}: {refused}");
    }
}

async fn joins(agent: &mut ForeignAgent, server: &TestServer) {
    let token = server.token().await.expose().clone();
    let answer = agent.attest(&token, &Key::new()).await.unwrap();
    let path = text(&answer, "result.svid.id.path");
    assert_eq!(format!("spiffe://weft.test{path}"), server.agents()[0].to_string());
    assert_eq!(at(&answer, "result.reattestable"), Value::Bool(false));
    agent.post_status().await.unwrap();
}

async fn reads_bundles(agent: &mut ForeignAgent, federated: &str) {
    let own = agent.call(GET_BUNDLE, Vec::new()).await.unwrap();
    assert_eq!((list(&own, "x509_authorities").len(), list(&own, "jwt_authorities").len()), (1, 1));
    let mask = vec![("sequence_number", Value::Bool(true))];
    let mask = agent.protos.message("spire.api.types.BundleMask", mask);
    let masked = agent.call(GET_BUNDLE, vec![("output_mask", mask)]).await.unwrap();
    assert_eq!(list(&masked, "x509_authorities").len(), 0, "the mask was not minded");
    assert_eq!(at(&masked, "sequence_number"), at(&own, "sequence_number"));
    let named = |name: &str| vec![("trust_domain", name.into_value())];
    let other = agent.call(GET_FEDERATED_BUNDLE, named(federated)).await.unwrap();
    assert_eq!(text(&other, "trust_domain"), federated);
    assert_eq!(list(&other, "x509_authorities").len(), 1);
    let unknown = agent.call(GET_FEDERATED_BUNDLE, named("nowhere.test")).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
}

async fn reads_its_entry(agent: &mut ForeignAgent, id: &str) {
    for rpc in [GET_ENTRIES, SYNC_ENTRIES] {
        let answer = agent.call(rpc, Vec::new()).await.unwrap();
        let entries = list(&answer, "entries");
        assert_eq!(entries.len(), 1, "{rpc}");
        let entry = entries[0].as_message().unwrap();
        assert_eq!(text(entry, "id"), id, "{rpc}");
        assert_eq!(text(entry, "spiffe_id.path"), "/web", "{rpc}");
        let selectors = list(entry, "selectors");
        let selector = selectors[0].as_message().unwrap();
        assert_eq!(text(selector, "type"), "unix");
        assert_eq!(text(selector, "value"), "uid:1");
    }
}

async fn gets_svids(agent: &mut ForeignAgent, entry: &str) {
    let answer = agent.x509_svids(&[entry, "no-such-entry"]).await.unwrap();
    let results = list(&answer, "results");
    let results: Vec<&DynamicMessage> = results.iter().filter_map(Value::as_message).collect();
    assert_eq!(at(results[0], "status.code"), Value::I32(Code::Ok.into()));
    let leaf = CertificateView::parse(&bytes(results[0], "svid.cert_chain")[0]).unwrap();
    assert_eq!(leaf.uris, ["spiffe://weft.test/web"]);
    assert_eq!(at(results[1], "status.code"), Value::I32(Code::NotFound.into()));

    let answer = agent.jwt_svid(entry).await.unwrap();
    assert_eq!(text(&answer, "svid.id.path"), "/web");
    let token = text(&answer, "svid.token");
    assert!(Unverified::parse(&token).is_ok(), "{token}");
}

/// A trust domain that the server federates with, and whoever runs it.
async fn trusts_another(
    server: &TestServer,
) -> (weft::kernel::TrustDomain, (TestServer, TestDatabase)) {
    let database = TestDatabase::new(weft::db::Engine::Sqlite).await;
    let named =
        |all: &mut weft::server::Settings| all.server.trust_domain = "other.test".to_owned();
    let other = TestServer::start_with(&database, named).await;
    let bundle = other.server().bundles.current(RealmId::FIRST).unwrap();
    let (domain, text) = (other.trust_domain(), document::print(&bundle));
    server.server().bundles.set(server.administrator(), &domain, text.as_bytes()).await.unwrap();
    (domain, (other, database))
}

#[tokio::test]
async fn policy_sees_from_which_network_a_node_joins_and_its_workloads_ask() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let server = TestServer::start(&database).await;
    let mut agent = ForeignAgent::new(&server);
    joins(&mut agent, &server).await;
    agent.renew().await.unwrap();
    let entry = server.draft("/web", &server.agents()[0], &["unix:uid:1"]);
    let entry = server.create_draft(entry).await;
    gets_svids(&mut agent, entry.id.as_str()).await;
    let rule = r#"@id("elsewhere") @says("not from this network")
        forbid (principal, action in Action::"Issue", resource)
        when { context.address.isInRange(ip("127.0.0.0/8")) && context.address_source == "connection" };"#;
    let (status, said) =
        ask(&server, "PUT", "policies/house", "", Some(json!({ "text": rule }))).await;
    assert!((200..300).contains(&status), "{said}");
    let refused = agent.renew().await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    let token = server.token().await.expose().clone();
    let mut stranger = ForeignAgent::new(&server);
    let refused = stranger.attest(&token, &Key::new()).await.unwrap_err();
    assert!(refused.message().contains("not from this network"), "{refused}");
    let refused = agent.jwt_svid(entry.id.as_str()).await.unwrap_err();
    assert!(refused.message().contains("not from this network"), "{refused}");
}
