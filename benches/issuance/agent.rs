//! The agents that ask: identities, connections, calls. Each answer is looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::tls::{CurrentCertificate, ExpectedPeer, TlsClock, client_config};
use weft::crypto::x509::csr;
use weft::env::SystemClock;
use weft::kernel::SpiffeId;
use weft_proto::spire::api::server::agent::v1 as agent_api;
use weft_proto::spire::api::server::agent::v1::agent_client::AgentClient;
use weft_proto::spire::api::server::svid::v1 as svid_api;
use weft_proto::spire::api::server::svid::v1::svid_client::SvidClient;
use weft_proto::spire::api::types;

use crate::Outcome;
use crate::operation::Call;
use crate::server::Server;

/// An agent with an SVID, entries for workloads, and connections.
pub(crate) struct Agent {
    dialer: Dialer,
    channels: Vec<Channel>,
    entries: Vec<String>,
    csr: Bytes,
    tokens: Vec<String>,
    turn: AtomicUsize,
}

impl Agent {
    /// Joins this server; its entries are created, and its connections made.
    pub(crate) async fn join(server: &Server) -> Outcome<Self> {
        let dialer = Dialer::new(&server.node, None)?;
        let tokens = tokens(server)?;
        let key = PrivateKey::generate(Algorithm::P256)?;
        let first = tokens.first().ok_or("no token")?;
        let svid = attest(dialer.channel().await?, first, &key).await?;
        let id = svid.id.ok_or("an SVID without ID")?;
        let chain: Vec<Vec<u8>> = svid.cert_chain.iter().map(|der| der.to_vec()).collect();
        let certificate = CurrentCertificate::none();
        certificate.set(&chain, &key)?;
        let dialer = Dialer::new(&server.node, Some(&certificate))?;
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            channels.push(dialer.channel().await?);
        }
        let entries = entries(server, &id)?;
        let csr = csr::create(&PrivateKey::generate(Algorithm::P256)?)?.into();
        let agent = Self { dialer, channels, entries, csr, tokens, turn: AtomicUsize::new(0) };
        // The agent's view of its new entries has to be there.
        for call in [Call::Empty, Call::X509(50), Call::Jwt] {
            agent.make(call).await?;
        }
        Ok(agent)
    }

    /// Makes one call, and fails unless the answer is what was asked for.
    pub(crate) async fn make(&self, call: Call) -> Outcome<()> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let channel = nth(&self.channels, turn)?.clone();
        match call {
            Call::Empty => check(channel).await,
            Call::X509(count) => self.x509(SvidClient::new(channel), turn, count).await,
            Call::Jwt => self.jwt(SvidClient::new(channel), turn).await,
            Call::Connect => check(self.dialer.anonymous()?.channel().await?).await,
            Call::Attest => {
                let channel = self.dialer.anonymous()?.channel().await?;
                let key = PrivateKey::generate(Algorithm::P256)?;
                attest(channel, nth(&self.tokens, turn)?, &key).await.map(drop)
            }
            other => Err(format!("no agent asks for {other:?}").into()),
        }
    }

    async fn x509(&self, mut client: SvidClient<Channel>, turn: usize, count: u32) -> Outcome<()> {
        let mut params = Vec::new();
        for at in 0..usize::try_from(count)? {
            let entry_id = nth(&self.entries, turn + at)?.clone();
            params.push(svid_api::NewX509svidParams { entry_id, csr: self.csr.clone() });
        }
        let asked = params.len();
        let request = svid_api::BatchNewX509svidRequest { params };
        let answer = client.batch_new_x509svid(request).await?.into_inner();
        let given = answer
            .results
            .iter()
            .filter(|result| result.svid.as_ref().is_some_and(|svid| !svid.cert_chain.is_empty()));
        expect(given.count() == asked, "an X.509-SVID for each entry")
    }

    async fn jwt(&self, mut client: SvidClient<Channel>, turn: usize) -> Outcome<()> {
        let entry_id = nth(&self.entries, turn)?.clone();
        let request = svid_api::NewJwtsvidRequest {
            entry_id,
            audience: vec!["spiffe://a.test/db".to_owned()],
        };
        let svid = client.new_jwtsvid(request).await?.into_inner().svid;
        expect(svid.is_some_and(|svid| svid.token.split('.').count() == 3), "a JWT-SVID")
    }
}

async fn check(channel: Channel) -> Outcome<()> {
    let request = HealthCheckRequest { service: String::new() };
    HealthClient::new(channel).check(request).await?;
    Ok(())
}

/// Attests with a token, and gives the agent's SVID.
async fn attest(channel: Channel, token: &str, key: &PrivateKey) -> Outcome<types::X509svid> {
    let data = types::AttestationData {
        r#type: "join_token".to_owned(),
        payload: token.to_owned().into(),
    };
    let params = agent_api::AgentX509svidParams { csr: csr::create(key)?.into() };
    let params = agent_api::attest_agent_request::Params { data: Some(data), params: Some(params) };
    let step = agent_api::attest_agent_request::Step::Params(params);
    let request = agent_api::AttestAgentRequest { step: Some(step) };
    let answers = AgentClient::new(channel).attest_agent(tokio_stream::iter([request])).await?;
    let answer = answers.into_inner().message().await?.and_then(|answer| answer.step);
    match answer {
        Some(agent_api::attest_agent_response::Step::Result(result)) => {
            result.svid.ok_or_else(|| "an attestation without SVID".into())
        }
        _ => Err("an attestation without result".into()),
    }
}

/// Join tokens enough for all attestations of a run.
fn tokens(server: &Server) -> Outcome<Vec<String>> {
    let mut tokens = Vec::new();
    for _ in 0..TOKENS {
        let made = server.ask(&["token", "create", "--uses", "1000"], "")?;
        tokens.push(made.get("secret").and_then(Value::as_str).ok_or("no secret")?.to_owned());
    }
    Ok(tokens)
}

/// Entries below this agent; gives their ids.
fn entries(server: &Server, parent: &types::Spiffeid) -> Outcome<Vec<String>> {
    let home = format!("spiffe://{}", parent.trust_domain);
    let parent = format!("{home}{}", parent.path);
    let one = |n: usize| {
        let (id, spiffe_id) = (format!("workload-{n}"), format!("{home}/team/service-{n}"));
        json!({ "id": id, "spiffe_id": spiffe_id, "parent_id": parent, "selectors": ["unix:uid:1000"] })
    };
    let all: Vec<Value> = (0..ENTRIES).map(one).collect();
    server.ask(&["entry", "create", "--file", "-"], &Value::Array(all).to_string())?;
    Ok((0..ENTRIES).map(|n| format!("workload-{n}")).collect())
}

/// Makes connections as an agent does.
#[derive(Clone)]
struct Dialer {
    address: String,
    config: Arc<rustls::ClientConfig>,
}

impl Dialer {
    fn new(address: &str, certificate: Option<&CurrentCertificate>) -> Outcome<Self> {
        // The server was started a moment ago by this program: there is nobody else to be told from it.
        let claims = SpiffeId::parse("spiffe://weft.internal/spire/server")?;
        let peer = ExpectedPeer::DangerUnverified { claims };
        let clock = TlsClock(Arc::new(SystemClock::new()));
        let config = client_config(peer, certificate, &["h2"], clock)?;
        Ok(Self { address: address.to_owned(), config: Arc::new(config) })
    }

    /// The same without an identity.
    fn anonymous(&self) -> Outcome<Self> {
        Self::new(&self.address, None)
    }

    async fn channel(&self) -> Outcome<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        let dialer = self.clone();
        let connector = tower::service_fn(move |_: Uri| dialer.clone().connect());
        Ok(endpoint.connect_with_connector(connector).await?)
    }

    fn connect(
        self,
    ) -> BoxFuture<'static, std::io::Result<TokioIo<tokio_rustls::client::TlsStream<TcpStream>>>>
    {
        Box::pin(async move {
            let tcp = TcpStream::connect(&self.address).await?;
            tcp.set_nodelay(true)?;
            let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
            TlsConnector::from(self.config).connect(name, tcp).await.map(TokioIo::new)
        })
    }
}

fn nth<T>(all: &[T], turn: usize) -> Outcome<&T> {
    all.get(turn % all.len().max(1)).ok_or_else(|| "there is none".into())
}

fn expect(holds: bool, what: &str) -> Outcome<()> {
    if holds { Ok(()) } else { Err(format!("the server did not give {what}").into()) }
}

/// Calls in flight are spread over these, as those of a few agents are.
const CONNECTIONS: usize = 4;
/// Enough that no two SVIDs of a batch are for the same workload.
const ENTRIES: usize = 64;
/// A thousand attestations each.
const TOKENS: usize = 10;
/// As our agent has it.
const WINDOW_BYTES: u32 = 1024 * 1024;
