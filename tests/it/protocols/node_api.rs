//! An agent that knows only the published .proto files of SPIRE's API uses all nine calls that agents make.

use std::collections::BTreeSet;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use prost_reflect::{DynamicMessage, Value};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Status};
use weft::bundles::document;
use weft::crypto::jose::Unverified;
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::tls::{CurrentCertificate, CurrentRoots, ExpectedPeer, TlsClock, client_config};
use weft::crypto::x509::{CertificateView, Roots, csr};
use weft::env::SystemClock;
use weft::kernel::RealmId;
use weft::testkit::{TestDatabase, TestServer, within};
use weft::workloads::Draft;

use super::dynamic::{Fields, Protos, at, bytes, list, text};
use crate::flows::on_each;
use crate::peers::package_of;

const FILES: [&str; 4] = [
    "spire/api/server/agent/v1/agent.proto",
    "spire/api/server/bundle/v1/bundle.proto",
    "spire/api/server/entry/v1/entry.proto",
    "spire/api/server/svid/v1/svid.proto",
];
/// What an agent calls (SPIFFE checklist §5.2).
const NODE_CALLS: [&str; 9] = [
    "spire.api.server.agent.v1.Agent/AttestAgent",
    "spire.api.server.agent.v1.Agent/RenewAgent",
    "spire.api.server.agent.v1.Agent/PostStatus",
    "spire.api.server.bundle.v1.Bundle/GetBundle",
    "spire.api.server.bundle.v1.Bundle/GetFederatedBundle",
    "spire.api.server.entry.v1.Entry/GetAuthorizedEntries",
    "spire.api.server.entry.v1.Entry/SyncAuthorizedEntries",
    "spire.api.server.svid.v1.SVID/BatchNewX509SVID",
    "spire.api.server.svid.v1.SVID/NewJWTSVID",
];

#[tokio::test]
async fn a_client_of_the_published_descriptions_makes_every_call_of_an_agent() {
    on_each(async |database| {
        let server = TestServer::start(database).await;
        let mut agent = ForeignAgent::new(&server);
        agent.is_nobody_yet().await;
        agent.attests(&server).await;
        agent.renews().await;
        let (federated, _other) = trusts_another(&server).await;
        let entry = server.draft("/web", &server.agents()[0], &["unix:uid:1"]);
        let entry =
            server.create_draft(Draft { federates_with: vec![federated.clone()], ..entry }).await;
        agent.reads_bundles(federated.as_str()).await;
        agent.reads_its_entry(entry.id.as_str()).await;
        agent.gets_svids(entry.id.as_str()).await;
        let made = agent.answered.iter().filter(|rpc| NODE_CALLS.contains(&rpc.as_str())).count();
        println!("proof: independent protos: {made}/{} RPCs", NODE_CALLS.len());
        assert_eq!(made, NODE_CALLS.len(), "{:?}", agent.answered);
    })
    .await;
}

/// An agent that knows nothing of ours.
struct ForeignAgent {
    protos: Protos,
    server: TestServerAddress,
    channel: Channel,
    answered: BTreeSet<String>,
}

/// Where and who the server is.
#[derive(Clone)]
struct TestServerAddress {
    at: std::net::SocketAddr,
    peer: ExpectedPeer,
}

impl ForeignAgent {
    fn new(server: &TestServer) -> Self {
        let root = package_of("spire-api").join("spire-api-sdk/proto");
        let protos = Protos::compile(&root, &FILES);
        let bundle = server.server().bundles.current(RealmId::FIRST).unwrap();
        let roots = CurrentRoots::none();
        let certificates = bundle.x509.iter().map(|root| &*root.certificate);
        roots.set(&Roots::new(server.trust_domain(), certificates).unwrap());
        let peer = ExpectedPeer::Exactly { id: server.id("/spire/server"), roots };
        let server = TestServerAddress { at: server.addresses().node, peer };
        let channel = server.channel(None);
        Self { protos, server, channel, answered: BTreeSet::new() }
    }

    async fn call(&mut self, rpc: &str, fields: Fields<'_>) -> Result<DynamicMessage, Status> {
        let answer = within(rpc, self.protos.call(&self.channel, rpc, fields)).await?;
        self.answered.insert(rpc.to_owned());
        Ok(answer)
    }

    /// Without an SVID only the bundle is given.
    async fn is_nobody_yet(&mut self) {
        let bundle = self.call(NODE_CALLS[3], Vec::new()).await.unwrap();
        assert_eq!(text(&bundle, "trust_domain"), "weft.test");
        for rpc in [
            NODE_CALLS[1],
            NODE_CALLS[2],
            NODE_CALLS[5],
            NODE_CALLS[6],
            NODE_CALLS[7],
            NODE_CALLS[8],
        ] {
            let refused = self.call(rpc, Vec::new()).await.unwrap_err();
            assert!(
                matches!(refused.code(), Code::PermissionDenied | Code::Unauthenticated),
                "{rpc}: {refused}"
            );
        }
    }

    async fn attests(&mut self, server: &TestServer) {
        let (key, request) = key();
        let token = server.token().await.expose().clone().into_bytes();
        let data = [("type", "join_token".into_value()), ("payload", token.into_value())];
        let data = self.protos.message("spire.api.types.AttestationData", data.into());
        let params = self.agent_params(request);
        let both = vec![("data", data), ("params", params)];
        let params =
            self.protos.message("spire.api.server.agent.v1.AttestAgentRequest.Params", both);
        let answer = self.call(NODE_CALLS[0], vec![("params", params)]).await.unwrap();
        let id = format!(
            "spiffe://{}{}",
            text(&answer, "result.svid.id.trust_domain"),
            text(&answer, "result.svid.id.path")
        );
        assert_eq!(id, server.agents()[0].to_string());
        assert_eq!(at(&answer, "result.reattestable"), Value::Bool(false));
        self.shows(&bytes(&answer, "result.svid.cert_chain"), &key);
        let status = self.call(NODE_CALLS[2], vec![("current_bundle_serial", Value::U64(1))]).await;
        status.unwrap();
    }

    async fn renews(&mut self) {
        let (key, request) = key();
        let params = self.agent_params(request);
        let answer = self.call(NODE_CALLS[1], vec![("params", params)]).await.unwrap();
        self.shows(&bytes(&answer, "svid.cert_chain"), &key);
    }

    async fn reads_bundles(&mut self, federated: &str) {
        let own = self.call(NODE_CALLS[3], Vec::new()).await.unwrap();
        assert_eq!(
            (list(&own, "x509_authorities").len(), list(&own, "jwt_authorities").len()),
            (1, 1)
        );
        let mask = self
            .protos
            .message("spire.api.types.BundleMask", vec![("sequence_number", Value::Bool(true))]);
        let masked = self.call(NODE_CALLS[3], vec![("output_mask", mask)]).await.unwrap();
        assert_eq!(list(&masked, "x509_authorities").len(), 0, "the mask was not minded");
        assert_eq!(at(&masked, "sequence_number"), at(&own, "sequence_number"));
        let other =
            self.call(NODE_CALLS[4], vec![("trust_domain", federated.into_value())]).await.unwrap();
        assert_eq!(text(&other, "trust_domain"), federated);
        assert_eq!(list(&other, "x509_authorities").len(), 1);
        let unknown =
            self.call(NODE_CALLS[4], vec![("trust_domain", "nowhere.test".into_value())]).await;
        assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
    }

    async fn reads_its_entry(&mut self, id: &str) {
        for rpc in [NODE_CALLS[5], NODE_CALLS[6]] {
            let answer = self.call(rpc, Vec::new()).await.unwrap();
            let entries = list(&answer, "entries");
            assert_eq!(entries.len(), 1, "{rpc}");
            let entry = entries[0].as_message().unwrap();
            assert_eq!(text(entry, "id"), id, "{rpc}");
            assert_eq!(text(entry, "spiffe_id.path"), "/web", "{rpc}");
            let selectors = list(entry, "selectors");
            let selector = selectors[0].as_message().unwrap();
            assert_eq!(
                (text(selector, "type"), text(selector, "value")),
                ("unix".to_owned(), "uid:1".to_owned())
            );
        }
    }

    async fn gets_svids(&mut self, entry: &str) {
        let asks = [entry, "no-such-entry"].map(|entry| {
            let (_, request) = key();
            let fields = vec![("entry_id", entry.into_value()), ("csr", request.into_value())];
            self.protos.message("spire.api.server.svid.v1.NewX509SVIDParams", fields)
        });
        let answer =
            self.call(NODE_CALLS[7], vec![("params", Value::List(asks.into()))]).await.unwrap();
        let results = list(&answer, "results");
        let results: Vec<&DynamicMessage> = results.iter().filter_map(Value::as_message).collect();
        assert_eq!(at(results[0], "status.code"), Value::I32(Code::Ok.into()));
        let leaf = CertificateView::parse(&bytes(results[0], "svid.cert_chain")[0]).unwrap();
        assert_eq!(leaf.uris, ["spiffe://weft.test/web"]);
        assert_eq!(at(results[1], "status.code"), Value::I32(Code::NotFound.into()));

        let audience = Value::List(vec!["billing".into_value()]);
        let fields = vec![("entry_id", entry.into_value()), ("audience", audience)];
        let answer = self.call(NODE_CALLS[8], fields).await.unwrap();
        assert_eq!(text(&answer, "svid.id.path"), "/web");
        let token = text(&answer, "svid.token");
        assert!(Unverified::parse(&token).is_ok(), "{token}");
    }

    fn agent_params(&self, request: Vec<u8>) -> Value {
        self.protos.message(
            "spire.api.server.agent.v1.AgentX509SVIDParams",
            vec![("csr", request.into_value())],
        )
    }

    /// Dials again with this SVID.
    fn shows(&mut self, chain: &[Vec<u8>], key: &PrivateKey) {
        let current = CurrentCertificate::none();
        current.set(chain, key).unwrap();
        self.channel = self.server.channel(Some(&current));
    }
}

impl TestServerAddress {
    fn channel(&self, certificate: Option<&CurrentCertificate>) -> Channel {
        let clock = TlsClock(Arc::new(SystemClock::new()));
        let config = client_config(self.peer.clone(), certificate, &["h2"], clock).unwrap();
        let (connector, at) = (TlsConnector::from(Arc::new(config)), self.at);
        let dial = tower::service_fn(move |_: Uri| {
            let connector = connector.clone();
            async move {
                let socket = TcpStream::connect(at).await?;
                let name = ServerName::try_from("localhost").unwrap();
                connector.connect(name, socket).await.map(TokioIo::new)
            }
        });
        Endpoint::from_static("http://server").connect_with_connector_lazy(dial)
    }
}

/// A trust domain that the server federates with, and whoever runs it.
async fn trusts_another(
    server: &TestServer,
) -> (weft::kernel::TrustDomain, (TestServer, TestDatabase)) {
    let database = TestDatabase::new(weft::db::Engine::Sqlite).await;
    let other =
        TestServer::start_with(&database, |all| all.server.trust_domain = "other.test".to_owned())
            .await;
    let bundle = other.server().bundles.current(RealmId::FIRST).unwrap();
    let (domain, text) = (other.trust_domain(), document::print(&bundle));
    server.server().bundles.set(server.administrator(), &domain, text.as_bytes()).await.unwrap();
    (domain, (other, database))
}

fn key() -> (PrivateKey, Vec<u8>) {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let request = csr::create(&key).unwrap();
    (key, request)
}

trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::String(self.to_owned())
    }
}

impl IntoValue for Vec<u8> {
    fn into_value(self) -> Value {
        Value::Bytes(self.into())
    }
}
