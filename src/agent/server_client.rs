//! The server as the agent sees it: the nine calls of SPIRE's server API, and our push stream.
//!
//! Owns: connections, what a refusal means, and telling the rest of the agent of it. Does not own: when to call what.
//! Invariant: once the server is trusted, every new connection is to exactly `spiffe://<td>/spire/server`, verified
//! under the roots of this moment.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use prost::Message as _;
use tokio::sync::watch;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status, Streaming};
use weft_proto::node::v1::node_client::NodeClient;
use weft_proto::node::v1::{Ack, Update};
use weft_proto::spire::api::server::agent::v1 as agent_api;
use weft_proto::spire::api::server::agent::v1::agent_client::AgentClient;
use weft_proto::spire::api::server::bundle::v1 as bundle_api;
use weft_proto::spire::api::server::bundle::v1::bundle_client::BundleClient;
use weft_proto::spire::api::server::entry::v1 as entry_api;
use weft_proto::spire::api::server::entry::v1::entry_client::EntryClient;
use weft_proto::spire::api::server::svid::v1 as svid_api;
use weft_proto::spire::api::server::svid::v1::svid_client::SvidClient;
use weft_proto::spire::api::types;

use crate::crypto::tls::{CurrentCertificate, CurrentRoots, ExpectedPeer, TlsClock, client_config};
use crate::env::Clock;
use crate::kernel::{SpiffeId, TrustDomain};

use super::dial::{Dialer, Failure};
use super::identity::Identity;
use super::model::{Error, Refusal};

/// The server. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct ServerClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    address: String,
    server_id: SpiffeId,
    roots: CurrentRoots,
    certificate: CurrentCertificate,
    dialer: Dialer,
    line: ArcSwap<Line>,
    refused: watch::Sender<Option<Refusal>>,
}

/// A channel, and which of this agent's SVIDs it shows: a refusal of an earlier one is no news.
#[derive(Debug, Clone)]
struct Line {
    channel: Channel,
    era: Era,
}

/// Counts the SVIDs that were shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Era(u64);

impl ServerClient {
    /// The server of this trust domain at this address, verified under `roots`; nothing is dialled yet.
    pub fn new(
        address: &str,
        trust_domain: &TrustDomain,
        roots: CurrentRoots,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let server_id = server_id(trust_domain)?;
        let peer = ExpectedPeer::Exactly { id: server_id.clone(), roots: roots.clone() };
        let certificate = CurrentCertificate::none();
        let config = client_config(peer, Some(&certificate), &["h2"], TlsClock(clock))?;
        let dialer = Dialer::new(address, config)?;
        let line = ArcSwap::from_pointee(Line { channel: dialer.channel()?, era: Era(0) });
        let refused = watch::Sender::new(None);
        let address = address.to_owned();
        Ok(Self {
            inner: Arc::new(Inner {
                address,
                server_id,
                roots,
                certificate,
                dialer,
                line,
                refused,
            }),
        })
    }

    /// Shows this identity from now on, on new connections: calls that are under way end on the old one.
    pub fn present(&self, identity: &Identity) -> Result<(), Error> {
        self.inner.certificate.set(&identity.chain, &identity.key)?;
        self.redial()?;
        self.inner.refused.send_replace(None);
        Ok(())
    }

    /// Shows no identity any more, as before the first attestation.
    pub fn present_nothing(&self) -> Result<(), Error> {
        self.inner.certificate.clear();
        self.redial()
    }

    /// The roots that servers are verified with; changing them changes all later connections.
    pub fn roots(&self) -> &CurrentRoots {
        &self.inner.roots
    }

    /// Wakes when the server refuses this agent's SVID.
    pub fn refusals(&self) -> watch::Receiver<Option<Refusal>> {
        self.inner.refused.subscribe()
    }

    /// `Agent/AttestAgent`: the caller sends the first message and answers challenges.
    pub(crate) async fn attest(
        &self,
        requests: impl tonic::IntoStreamingRequest<Message = agent_api::AttestAgentRequest>,
    ) -> Result<(Streaming<agent_api::AttestAgentResponse>, Era), Error> {
        let Line { channel, era } = self.line();
        let mut client = AgentClient::new(channel);
        let answer = within(CALL_WITHIN, client.attest_agent(requests)).await;
        answer
            .map(|answer| (answer.into_inner(), era))
            .map_err(|status| self.read(era, "AttestAgent", &status))
    }

    /// `Agent/RenewAgent`.
    pub(crate) async fn renew(&self, csr: Vec<u8>) -> Result<types::X509svid, Error> {
        let params = agent_api::AgentX509svidParams { csr: csr.into() };
        let request = agent_api::RenewAgentRequest { params: Some(params) };
        let Line { channel, era } = self.line();
        let mut client = AgentClient::new(channel);
        let answer = within(CALL_WITHIN, client.renew_agent(request)).await;
        let answer = answer.map_err(|status| self.read(era, "RenewAgent", &status))?.into_inner();
        answer.svid.ok_or_else(|| Error::BadAnswer("a renewal without an SVID".to_owned()))
    }

    /// `Agent/PostStatus`.
    pub(crate) async fn post_status(&self, bundle_sequence: u64) -> Result<(), Error> {
        let agent_version = env!("CARGO_PKG_VERSION").to_owned();
        let request =
            agent_api::PostStatusRequest { current_bundle_serial: bundle_sequence, agent_version };
        let Line { channel, era } = self.line();
        let mut client = AgentClient::new(channel);
        let answer = within(CALL_WITHIN, client.post_status(request)).await;
        answer.map(|_| ()).map_err(|status| self.read(era, "PostStatus", &status))
    }

    /// `Bundle/GetBundle`.
    pub(crate) async fn bundle(&self) -> Result<types::Bundle, Error> {
        let Line { channel, era } = self.line();
        let mut client = BundleClient::new(channel);
        let request = bundle_api::GetBundleRequest { output_mask: None };
        let answer = within(CALL_WITHIN, client.get_bundle(request)).await;
        answer.map(Response::into_inner).map_err(|status| self.read(era, "GetBundle", &status))
    }

    /// `Bundle/GetFederatedBundle`; nothing if the server has none of that trust domain.
    pub(crate) async fn federated_bundle(
        &self,
        domain: &TrustDomain,
    ) -> Result<Option<types::Bundle>, Error> {
        let Line { channel, era } = self.line();
        let mut client = BundleClient::new(channel);
        let trust_domain = domain.to_string();
        let request = bundle_api::GetFederatedBundleRequest { trust_domain, output_mask: None };
        match within(CALL_WITHIN, client.get_federated_bundle(request)).await {
            Ok(answer) => Ok(Some(answer.into_inner())),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(self.read(era, "GetFederatedBundle", &status)),
        }
    }

    /// `Entry/SyncAuthorizedEntries`.
    pub(crate) async fn sync(
        &self,
        requests: impl tonic::IntoStreamingRequest<Message = entry_api::SyncAuthorizedEntriesRequest>,
    ) -> Result<(Streaming<entry_api::SyncAuthorizedEntriesResponse>, Era), Error> {
        let Line { channel, era } = self.line();
        let mut client = EntryClient::new(channel);
        let answer = within(CALL_WITHIN, client.sync_authorized_entries(requests)).await;
        answer
            .map(|answer| (answer.into_inner(), era))
            .map_err(|status| self.read(era, "SyncAuthorizedEntries", &status))
    }

    /// `SVID/BatchNewX509SVID`.
    pub(crate) async fn x509_svids(
        &self,
        params: Vec<svid_api::NewX509svidParams>,
    ) -> Result<Vec<svid_api::batch_new_x509svid_response::Result>, Error> {
        let Line { channel, era } = self.line();
        let mut client = SvidClient::new(channel);
        let request = svid_api::BatchNewX509svidRequest { params };
        let answer = within(BATCH_WITHIN, client.batch_new_x509svid(request)).await;
        answer
            .map(|answer| answer.into_inner().results)
            .map_err(|status| self.read(era, "BatchNewX509SVID", &status))
    }

    /// `SVID/NewJWTSVID`. Asked once more if the connection broke, as it does when the server sends agents away.
    pub(crate) async fn jwt_svid(
        &self,
        entry_id: &str,
        audience: &[String],
    ) -> Result<types::Jwtsvid, Error> {
        let request = svid_api::NewJwtsvidRequest {
            entry_id: entry_id.to_owned(),
            audience: audience.to_vec(),
        };
        let mut again = true;
        loop {
            let Line { channel, era } = self.line();
            let mut client = SvidClient::new(channel);
            match within(CALL_WITHIN, client.new_jwtsvid(request.clone())).await {
                Ok(answer) => {
                    let svid = answer.into_inner().svid;
                    return svid.ok_or_else(|| {
                        Error::BadAnswer("an answer without a JWT-SVID".to_owned())
                    });
                }
                Err(status) if again && status.code() == Code::Unavailable => again = false,
                Err(status) => return Err(self.read(era, "NewJWTSVID", &status)),
            }
        }
    }

    /// `weft.node.v1.Node/Watch`.
    pub(crate) async fn watch(
        &self,
        acks: impl tonic::IntoStreamingRequest<Message = Ack>,
    ) -> Result<(Streaming<Update>, Era), Error> {
        let Line { channel, era } = self.line();
        let mut client = NodeClient::new(channel);
        let answer = within(CALL_WITHIN, client.watch(acks)).await;
        answer
            .map(|answer| (answer.into_inner(), era))
            .map_err(|status| self.read(era, "Watch", &status))
    }

    /// What a status means for this agent; a refusal of its SVID is told to whoever listens.
    pub(crate) fn read(&self, era: Era, call: &'static str, status: &Status) -> Error {
        let address = || self.inner.address.clone();
        if let Some(refusal) = refusal(status) {
            let is_news = self.refuse(era, refusal);
            return match refusal {
                Refusal::Banned => Error::Banned,
                Refusal::AttestAgain if is_news => Error::MustAttestAgain,
                Refusal::AttestAgain => Error::Answer {
                    code: Code::Unavailable,
                    message: "this SVID was replaced meanwhile".to_owned(),
                },
            };
        }
        match (status.code(), self.inner.dialer.last_failure()) {
            (Code::Unimplemented, _) => Error::NotOffered(call),
            (Code::Unavailable | Code::Unknown | Code::Internal, Some(Failure::Tls(why))) => {
                Error::NotTheServer {
                    address: address(),
                    expected: self.inner.server_id.to_string(),
                    why,
                }
            }
            (Code::Unavailable | Code::Unknown | Code::Internal, Some(Failure::Network(why))) => {
                Error::Unreachable { address: address(), why }
            }
            (code, _) => Error::Answer { code, message: status.message().to_owned() },
        }
    }

    /// Tells whoever listens that the server refuses this agent's SVID; false if another is shown by now.
    pub(crate) fn refuse(&self, era: Era, refusal: Refusal) -> bool {
        if refusal != Refusal::Banned && era != self.line().era {
            return false;
        }
        self.inner.refused.send_if_modified(|known| {
            // A ban is never overwritten by the lesser reasons that follow it.
            let changes = *known != Some(refusal) && *known != Some(Refusal::Banned);
            if changes {
                *known = Some(refusal);
            }
            changes
        });
        true
    }

    fn line(&self) -> Line {
        Line::clone(&self.inner.line.load())
    }

    fn redial(&self) -> Result<(), Error> {
        let era = Era(self.line().era.0.wrapping_add(1));
        self.inner.line.store(Arc::new(Line { channel: self.inner.dialer.channel()?, era }));
        Ok(())
    }
}

/// The bundle of whoever answers: believed by nobody until its keys are compared with pins.
pub(crate) async fn unverified_bundle(
    address: &str,
    trust_domain: &TrustDomain,
    clock: Arc<dyn Clock>,
) -> Result<types::Bundle, Error> {
    let expected = server_id(trust_domain)?;
    let peer = ExpectedPeer::DangerUnverified { claims: expected.clone() };
    let dialer = Dialer::new(address, client_config(peer, None, &["h2"], TlsClock(clock))?)?;
    let mut client = BundleClient::new(dialer.channel()?);
    let request = Request::new(bundle_api::GetBundleRequest { output_mask: None });
    let answer = within(CALL_WITHIN, client.get_bundle(request)).await;
    answer.map(Response::into_inner).map_err(|status| {
        let address = address.to_owned();
        match dialer.last_failure() {
            Some(Failure::Tls(why)) => {
                Error::NotTheServer { address, expected: expected.to_string(), why }
            }
            Some(Failure::Network(why)) => Error::Unreachable { address, why },
            None => Error::Answer { code: status.code(), message: status.message().to_owned() },
        }
    })
}

/// Whom an agent talks to (spiffe.md §5.2).
fn server_id(trust_domain: &TrustDomain) -> Result<SpiffeId, Error> {
    trust_domain.with_path("/spire/server").map_err(|why| Error::Settings(why.to_string()))
}

/// What `PermissionDenied` says about this agent, if it says something (`spire.api.types.PermissionDeniedDetails`).
fn refusal(status: &Status) -> Option<Refusal> {
    use types::permission_denied_details::Reason;
    if status.code() != Code::PermissionDenied {
        return None;
    }
    let any =
        crate::grpc::details(status).into_iter().find(|any| any.type_url.ends_with(DETAILS))?;
    let details = types::PermissionDeniedDetails::decode(any.value.as_slice()).ok()?;
    match details.reason() {
        Reason::AgentBanned => Some(Refusal::Banned),
        Reason::AgentExpired
        | Reason::AgentNotAttested
        | Reason::AgentNotActive
        | Reason::AgentMustReattest => Some(Refusal::AttestAgain),
        Reason::Unknown => None,
    }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    tokio::time::timeout(limit, call)
        .await
        .unwrap_or_else(|_| Err(Status::deadline_exceeded("the server did not answer in time")))
}

const DETAILS: &str = "spire.api.types.PermissionDeniedDetails";
const CALL_WITHIN: Duration = Duration::from_secs(15);
/// Five hundred signatures on a busy server.
const BATCH_WITHIN: Duration = Duration::from_mins(1);
