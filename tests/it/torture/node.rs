//! An agent as light as can be: a key, an SVID, and the calls of the node API over mutual TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Status;
use tonic::transport::{Channel, Endpoint, Uri};
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::tls::{CurrentCertificate, CurrentRoots, ExpectedPeer, TlsClock, client_config};
use weft::crypto::x509::{CertificateView, Roots, csr};
use weft::env::SystemClock;
use weft::kernel::{SpiffeId, TrustDomain};
use weft_proto::spire::api::server::agent::v1 as agent;
use weft_proto::spire::api::server::agent::v1::agent_client::AgentClient;
use weft_proto::spire::api::server::bundle::v1::GetBundleRequest;
use weft_proto::spire::api::server::bundle::v1::bundle_client::BundleClient;
use weft_proto::spire::api::server::svid::v1::svid_client::SvidClient;
use weft_proto::spire::api::server::svid::v1::{
    BatchNewX509svidRequest, NewJwtsvidRequest, NewX509svidParams,
};
use weft_proto::spire::api::types;

/// A node that has joined.
pub(super) struct Node {
    /// Its SPIFFE ID.
    pub(super) id: String,
    /// The serial number of the SVID it shows.
    pub(super) serial: String,
    peer: ExpectedPeer,
    certificate: CurrentCertificate,
    channel: Channel,
    /// For the SVIDs of its workloads: their keys are not what is tortured.
    request: Vec<u8>,
}

impl Node {
    /// Joins with this token at the server at this address, whose bundle it believes: this is not a test of joining.
    pub(super) async fn join(at: SocketAddr, token: &str) -> Self {
        let claims = SpiffeId::parse("spiffe://weft.test/spire/server").unwrap();
        let unverified = ExpectedPeer::DangerUnverified { claims: claims.clone() };
        let channel = dial(at, &unverified, &CurrentCertificate::none());
        let bundle =
            BundleClient::new(channel).get_bundle(GetBundleRequest { output_mask: None }).await;
        let bundle = bundle.unwrap().into_inner();
        let roots = CurrentRoots::none();
        let trust_domain = TrustDomain::parse("weft.test").unwrap();
        let certificates = bundle.x509_authorities.iter().map(|one| one.asn1.as_ref());
        roots.set(&Roots::new(trust_domain, certificates).unwrap());
        let peer = ExpectedPeer::Exactly { id: claims, roots };

        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let request = csr::create(&key).unwrap();
        let certificate = CurrentCertificate::none();
        let channel = dial(at, &peer, &certificate);
        let (id, serial) = (String::new(), String::new());
        let mut node = Self { id, serial, peer, certificate, channel, request };
        let svid = node.attest(token).await.unwrap();
        let of = svid.id.clone().unwrap();
        node.id = format!("spiffe://{}{}", of.trust_domain, of.path);
        node.show(&svid, &key);
        node.dial(at);
        node
    }

    async fn attest(&self, token: &str) -> Result<types::X509svid, Status> {
        let payload = token.as_bytes().to_vec().into();
        let data = types::AttestationData { r#type: "join_token".to_owned(), payload };
        let params = Some(agent::AgentX509svidParams { csr: self.request.clone().into() });
        let params = agent::attest_agent_request::Params { data: Some(data), params };
        let step = Some(agent::attest_agent_request::Step::Params(params));
        let asks = futures_util::stream::iter([agent::AttestAgentRequest { step }]);
        let mut answers =
            AgentClient::new(self.channel.clone()).attest_agent(asks).await?.into_inner();
        match answers.message().await?.and_then(|answer| answer.step) {
            Some(agent::attest_agent_response::Step::Result(result)) => Ok(result.svid.unwrap()),
            other => panic!("{other:?}"),
        }
    }

    /// Renews where it is connected, and shows the new SVID on connections from then on.
    pub(super) async fn renew(&mut self) -> Result<(), Status> {
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let params = agent::AgentX509svidParams { csr: csr::create(&key).unwrap().into() };
        let ask = agent::RenewAgentRequest { params: Some(params) };
        let mut client = AgentClient::new(self.channel.clone());
        let answer = within(client.renew_agent(ask)).await?.into_inner();
        self.show(&answer.svid.unwrap(), &key);
        Ok(())
    }

    /// Talks to the server at this address from now on.
    pub(super) fn dial(&mut self, at: SocketAddr) {
        self.channel = dial(at, &self.peer, &self.certificate);
    }

    /// The serial numbers of so many new X.509-SVIDs of an entry.
    pub(super) async fn x509_svids(
        &self,
        entry: &str,
        count: usize,
    ) -> Result<Vec<String>, Status> {
        let csr = self.request.clone().into();
        let ask = NewX509svidParams { entry_id: entry.to_owned(), csr };
        let params = vec![ask; count];
        let mut client = SvidClient::new(self.channel.clone());
        let answer = within(client.batch_new_x509svid(BatchNewX509svidRequest { params })).await?;
        let serial = |one: types::X509svid| serial(one.cert_chain.first().unwrap());
        let of = |result: weft_proto::spire::api::server::svid::v1::batch_new_x509svid_response::Result| {
            let status = result.status.unwrap_or_default();
            result.svid.map(serial).ok_or_else(|| Status::new(status.code.into(), status.message))
        };
        answer.into_inner().results.into_iter().map(of).collect()
    }

    /// A new JWT-SVID of an entry, for this audience.
    pub(super) async fn jwt_svid(&self, entry: &str, audience: &str) -> Result<(), Status> {
        let ask =
            NewJwtsvidRequest { entry_id: entry.to_owned(), audience: vec![audience.to_owned()] };
        let mut client = SvidClient::new(self.channel.clone());
        let answer = within(client.new_jwtsvid(ask)).await?.into_inner();
        answer.svid.map(drop).ok_or_else(|| Status::internal("an answer without a token"))
    }

    fn show(&mut self, svid: &types::X509svid, key: &PrivateKey) {
        let chain: Vec<Vec<u8>> = svid.cert_chain.iter().map(|der| der.to_vec()).collect();
        self.certificate.set(&chain, key).unwrap();
        self.serial = serial(chain.first().unwrap());
    }
}

fn serial(der: &[u8]) -> String {
    CertificateView::parse(der).unwrap().serial
}

async fn within<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let late = |_| Err(Status::deadline_exceeded("no answer in time"));
    tokio::time::timeout(ANSWER_WITHIN, call).await.unwrap_or_else(late)
}

fn dial(at: SocketAddr, peer: &ExpectedPeer, certificate: &CurrentCertificate) -> Channel {
    let clock = TlsClock(Arc::new(SystemClock::new()));
    let config = client_config(peer.clone(), Some(certificate), &["h2"], clock).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let dial = tower::service_fn(move |_: Uri| {
        let connector = connector.clone();
        async move {
            let socket = TcpStream::connect(at).await?;
            socket.set_nodelay(true)?;
            let name = ServerName::try_from("localhost").unwrap();
            connector.connect(name, socket).await.map(TokioIo::new)
        }
    });
    Endpoint::from_static("http://server").connect_with_connector_lazy(dial)
}

/// Twice as long as our own agent waits, because a test's machine may be slow; half the life of an SVID here.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
