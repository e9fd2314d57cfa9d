//! An agent that knows nothing of ours: the published .proto files of SPIRE's API, TLS, and its key.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use prost_reflect::{DynamicMessage, Value};
use rustls_pki_types::ServerName;
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;
use tonic::Status;
use tonic::transport::{Channel, Endpoint, Uri};
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::tls::{CurrentCertificate, CurrentRoots, ExpectedPeer, TlsClock, client_config};
use weft::crypto::x509::{Roots, csr};
use weft::env::SystemClock;
use weft::kernel::RealmId;
use weft::testkit::{TestServer, within};

use super::dynamic::{Fields, Protos, bytes, text};
use crate::peers::package_of;

const FILES: [&str; 4] = [
    "spire/api/server/agent/v1/agent.proto",
    "spire/api/server/bundle/v1/bundle.proto",
    "spire/api/server/entry/v1/entry.proto",
    "spire/api/server/svid/v1/svid.proto",
];

pub(crate) const ATTEST_AGENT: &str = "spire.api.server.agent.v1.Agent/AttestAgent";
pub(crate) const RENEW_AGENT: &str = "spire.api.server.agent.v1.Agent/RenewAgent";
pub(crate) const POST_STATUS: &str = "spire.api.server.agent.v1.Agent/PostStatus";
pub(crate) const GET_BUNDLE: &str = "spire.api.server.bundle.v1.Bundle/GetBundle";
pub(crate) const GET_FEDERATED_BUNDLE: &str =
    "spire.api.server.bundle.v1.Bundle/GetFederatedBundle";
pub(crate) const GET_ENTRIES: &str = "spire.api.server.entry.v1.Entry/GetAuthorizedEntries";
pub(crate) const SYNC_ENTRIES: &str = "spire.api.server.entry.v1.Entry/SyncAuthorizedEntries";
pub(crate) const NEW_X509_SVIDS: &str = "spire.api.server.svid.v1.SVID/BatchNewX509SVID";
pub(crate) const NEW_JWT_SVID: &str = "spire.api.server.svid.v1.SVID/NewJWTSVID";

/// An agent without any code of ours but the house's TLS.
pub(super) struct ForeignAgent {
    pub(super) protos: Protos,
    pub(super) channel: Channel,
    pub(super) answered: BTreeSet<String>,
    at: SocketAddr,
    /// The address it calls from.
    from: IpAddr,
    peer: ExpectedPeer,
}

/// A key, and a signing request made with it.
pub(super) struct Key {
    pub(super) key: PrivateKey,
    pub(super) request: Vec<u8>,
}

impl Key {
    pub(super) fn new() -> Self {
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let request = csr::create(&key).unwrap();
        Self { key, request }
    }
}

impl ForeignAgent {
    /// One that has no SVID yet.
    pub(super) fn new(server: &TestServer) -> Self {
        Self::at(server, Ipv4Addr::LOCALHOST.into())
    }

    /// The same, calling from this address.
    pub(super) fn at(server: &TestServer, from: IpAddr) -> Self {
        let root = package_of("spire-api").join("spire-api-sdk/proto");
        let protos = Protos::compile(&root, &FILES);
        let bundle = server.server().bundles.current(RealmId::FIRST).unwrap();
        let roots = CurrentRoots::none();
        let certificates = bundle.x509.iter().map(|root| &*root.certificate);
        roots.set(&Roots::new(server.trust_domain(), certificates).unwrap());
        let peer = ExpectedPeer::Exactly { id: server.id("/spire/server"), roots };
        let at = server.addresses().node;
        let channel = dial_from(from, (at, "localhost"), &peer, None);
        Self { protos, channel, answered: BTreeSet::new(), at, from, peer }
    }

    /// One that has joined with a token of its own; gives its SPIFFE ID too.
    pub(super) async fn joined(server: &TestServer) -> (Self, String) {
        let mut agent = Self::new(server);
        let token = server.token().await.expose().clone();
        let answer = agent.attest(&token, &Key::new()).await.unwrap();
        let id = format!(
            "spiffe://{}{}",
            text(&answer, "result.svid.id.trust_domain"),
            text(&answer, "result.svid.id.path")
        );
        (agent, id)
    }

    /// Makes a call over the connection of this moment.
    pub(super) async fn call(
        &mut self,
        rpc: &str,
        fields: Fields<'_>,
    ) -> Result<DynamicMessage, Status> {
        let answer = within(rpc, self.protos.call(&self.channel, rpc, fields)).await?;
        self.answered.insert(rpc.to_owned());
        Ok(answer)
    }

    /// Attests with a join token, and shows the SVID that came from then on.
    pub(super) async fn attest(
        &mut self,
        token: &str,
        key: &Key,
    ) -> Result<DynamicMessage, Status> {
        let data =
            [("type", "join_token".into_value()), ("payload", token.as_bytes().into_value())];
        let data = self.protos.message("spire.api.types.AttestationData", data.into());
        let both = vec![("data", data), ("params", self.params(key))];
        let name = "spire.api.server.agent.v1.AttestAgentRequest.Params";
        let params = self.protos.message(name, both);
        let answer = self.call(ATTEST_AGENT, vec![("params", params)]).await?;
        self.shows(&bytes(&answer, "result.svid.cert_chain"), &key.key);
        Ok(answer)
    }

    /// Renews, and shows the SVID that came from then on.
    pub(super) async fn renew(&mut self) -> Result<(), Status> {
        let key = Key::new();
        let params = self.params(&key);
        let answer = self.call(RENEW_AGENT, vec![("params", params)]).await?;
        self.shows(&bytes(&answer, "svid.cert_chain"), &key.key);
        Ok(())
    }

    /// Says how it is, which is the smallest call there is.
    pub(super) async fn post_status(&mut self) -> Result<(), Status> {
        let fields = vec![("current_bundle_serial", Value::U64(1))];
        self.call(POST_STATUS, fields).await.map(drop)
    }

    /// The answer to a call for X.509-SVIDs of these entries.
    pub(super) async fn x509_svids(&mut self, entries: &[&str]) -> Result<DynamicMessage, Status> {
        let requests: Vec<_> = entries.iter().map(|entry| (*entry, Key::new().request)).collect();
        self.x509_svids_for(&requests).await
    }

    /// The same with these signing requests.
    pub(super) async fn x509_svids_for(
        &mut self,
        requests: &[(&str, Vec<u8>)],
    ) -> Result<DynamicMessage, Status> {
        let name = "spire.api.server.svid.v1.NewX509SVIDParams";
        let ask = |(entry, csr): &(&str, Vec<u8>)| {
            let csr = csr.as_slice().into_value();
            self.protos.message(name, vec![("entry_id", entry.into_value()), ("csr", csr)])
        };
        let asks = Value::List(requests.iter().map(ask).collect());
        self.call(NEW_X509_SVIDS, vec![("params", asks)]).await
    }

    /// The answer to a call for a JWT-SVID of this entry.
    pub(super) async fn jwt_svid(&mut self, entry: &str) -> Result<DynamicMessage, Status> {
        let audience = Value::List(vec!["billing".into_value()]);
        let fields = vec![("entry_id", entry.into_value()), ("audience", audience)];
        self.call(NEW_JWT_SVID, fields).await
    }

    fn params(&self, key: &Key) -> Value {
        let name = "spire.api.server.agent.v1.AgentX509SVIDParams";
        self.protos.message(name, vec![("csr", key.request.as_slice().into_value())])
    }

    /// Dials again with this SVID.
    pub(super) fn shows(&mut self, chain: &[Vec<u8>], key: &PrivateKey) {
        let current = CurrentCertificate::none();
        current.set(chain, key).unwrap();
        let way = (self.at, "localhost");
        self.channel = dial_from(self.from, way, &self.peer, Some(&current));
    }
}

/// A connection to the `node` door at this address, for the realm of this host name.
pub(crate) fn dial(
    way: (SocketAddr, &'static str),
    peer: &ExpectedPeer,
    certificate: Option<&CurrentCertificate>,
) -> Channel {
    dial_from(Ipv4Addr::LOCALHOST.into(), way, peer, certificate)
}

/// The same, calling from this address.
fn dial_from(
    from: IpAddr,
    (at, host): (SocketAddr, &'static str),
    peer: &ExpectedPeer,
    certificate: Option<&CurrentCertificate>,
) -> Channel {
    let clock = TlsClock(Arc::new(SystemClock::new()));
    let config = client_config(peer.clone(), certificate, &["h2"], clock).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let dial = tower::service_fn(move |_: Uri| {
        let connector = connector.clone();
        async move {
            let socket = TcpSocket::new_v4()?;
            socket.bind((from, 0).into())?;
            let socket = socket.connect(at).await?;
            let name = ServerName::try_from(host).unwrap();
            connector.connect(name, socket).await.map(TokioIo::new)
        }
    });
    Endpoint::from_static("http://server").connect_with_connector_lazy(dial)
}

/// Values of fields.
pub(crate) trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::String(self.to_owned())
    }
}

impl IntoValue for &[u8] {
    fn into_value(self) -> Value {
        Value::Bytes(self.to_vec().into())
    }
}
