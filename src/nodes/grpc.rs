//! `spire.api.server.agent.v1.Agent`, and the check every call of the `node` listener passes: which agent is this?
//!
//! Parses, asks, answers; the rules are in `attest_agent`, `renew_agent` and `judge_caller`.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};
use weft_proto::spire::api::server::agent::v1 as wire;
use weft_proto::spire::api::types::{self, permission_denied_details::Reason};

use crate::grpc;
use crate::http::RateLimit;
use crate::jobs::Tasks;
use crate::kernel::limits::BACKDATE_SECONDS;
use crate::kernel::{Lifetime, RealmId, Situation};
use crate::svid::X509Svid;

use super::Nodes;
use super::attest_agent::{AttestAgent, Progress};
use super::model::{Error, NodeCaller, PeerSvid, Refusal};

/// Rounds of challenge and answer in one attestation; every attestor needs one.
const ROUNDS_MAX: usize = 4;
/// How long an agent may take for its next message.
const ANSWER_WITHIN: Lifetime = Lifetime::seconds(30);

/// The service, for one server process.
#[derive(Debug, Clone)]
pub struct AgentService {
    nodes: Nodes,
    tasks: Tasks,
    /// Attestations of one address; nothing where they are not limited.
    limit: Option<RateLimit>,
}

impl AgentService {
    /// The service over this slice; exchanges under way are tracked by `tasks`.
    pub fn new(nodes: Nodes, tasks: Tasks) -> Self {
        let each_second = nodes.settings.attestations_per_second;
        let limit = (each_second > 0).then(|| {
            let every = Lifetime::seconds(1).divided_by(i64::from(each_second));
            // A rack that starts at once comes through one address: ten seconds' worth may come together.
            RateLimit::new(Arc::clone(&nodes.env.clock), every, each_second.saturating_mul(10))
        });
        Self { nodes, tasks, limit }
    }
}

/// Which agent calls, by the leaf certificate of its connection, whose chain the listener has verified. A call that needs
/// no agent never comes here.
pub async fn authenticate(
    nodes: &Nodes,
    realm: RealmId,
    svid: &PeerSvid,
    path: &str,
) -> Result<NodeCaller, Status> {
    match nodes.judge(realm, svid).await {
        Ok(caller) => Ok(caller),
        Err(error) => {
            if matches!(error, Error::Refused(Refusal::NotActive)) {
                let renews = path.ends_with("/RenewAgent");
                nodes.note_clone(realm, svid, renews).await.map_err(refuse)?;
            }
            Err(refuse(error))
        }
    }
}

/// What a verified leaf certificate says about the agent.
pub fn peer_svid(leaf: &crate::crypto::x509::VerifiedSvid) -> PeerSvid {
    PeerSvid {
        id: leaf.id.clone(),
        serial: leaf.serial.clone(),
        issued_at: leaf.not_before.plus(Lifetime::seconds(BACKDATE_SECONDS)),
        expires: leaf.not_after,
    }
}

/// The answer to whoever calls as an agent and shows no certificate.
pub fn nobody() -> Status {
    refuse(Error::NoSvid)
}

/// This slice's errors on the wire: a refusal carries SPIRE's reason, by which its agents decide what to do.
fn refuse(error: Error) -> Status {
    match error {
        Error::Refused(refusal) => {
            let details = types::PermissionDeniedDetails { reason: reason(refusal).into() };
            grpc::detailed(Code::PermissionDenied, refusal.public(), DETAILS_TYPE, &details)
        }
        other => grpc::status(other),
    }
}

const fn reason(refusal: Refusal) -> Reason {
    match refusal {
        Refusal::Expired => Reason::AgentExpired,
        Refusal::NotAttested => Reason::AgentNotAttested,
        Refusal::NotActive => Reason::AgentNotActive,
        Refusal::Banned => Reason::AgentBanned,
        Refusal::MustReattest => Reason::AgentMustReattest,
    }
}

/// The name under which SPIRE's agents look for the reason.
const DETAILS_TYPE: &str = "type.googleapis.com/spire.api.types.PermissionDeniedDetails";

type AttestStream = Pin<Box<dyn Stream<Item = Result<wire::AttestAgentResponse, Status>> + Send>>;

#[tonic::async_trait]
impl wire::agent_server::Agent for AgentService {
    type AttestAgentStream = AttestStream;

    async fn attest_agent(
        &self,
        request: Request<Streaming<wire::AttestAgentRequest>>,
    ) -> Result<Response<AttestStream>, Status> {
        let realm =
            *request.extensions().get::<RealmId>().ok_or_else(|| Status::internal("no realm"))?;
        if let Some(limit) = &self.limit
            && let Err(wait) = limit.take(grpc::peer(&request)?)
        {
            return Err(refuse(Error::TooOften(wait)));
        }
        let address = grpc::peer(&request)?.address().map(|address| address.ip());
        let place = (realm, Situation::at(address));
        let messages = request.into_inner();
        let (answers, stream) = mpsc::channel(1);
        let nodes = self.nodes.clone();
        self.tasks.spawn("agent.attestation", async move {
            if let Err(refused) = exchange(&nodes, place, messages, &answers).await {
                // An agent that went away needs no answer.
                let _gone = answers.send(Err(refused)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn renew_agent(
        &self,
        request: Request<wire::RenewAgentRequest>,
    ) -> Result<Response<wire::RenewAgentResponse>, Status> {
        let caller = caller(&request)?;
        let params = request
            .into_inner()
            .params
            .ok_or_else(|| Status::invalid_argument("params are missing"))?;
        let svid = self.nodes.renew(&caller, &params.csr).await.map_err(refuse)?;
        Ok(Response::new(wire::RenewAgentResponse { svid: Some(wire_svid(&svid)) }))
    }

    async fn post_status(
        &self,
        request: Request<wire::PostStatusRequest>,
    ) -> Result<Response<wire::PostStatusResponse>, Status> {
        let caller = caller(&request)?;
        let status = request.into_inner();
        self.nodes.post_status(&caller, &status.agent_version).await.map_err(refuse)?;
        Ok(Response::new(wire::PostStatusResponse {}))
    }
}

/// The agent that calls, put into the request by the listener.
pub fn caller<T>(request: &Request<T>) -> Result<NodeCaller, Status> {
    request.extensions().get::<NodeCaller>().cloned().ok_or_else(nobody)
}

async fn exchange(
    nodes: &Nodes,
    place: (RealmId, Situation),
    mut messages: Streaming<wire::AttestAgentRequest>,
    answers: &mpsc::Sender<Result<wire::AttestAgentResponse, Status>>,
) -> Result<(), Status> {
    let ask = opening(place, next(nodes, &mut messages).await?)?;
    let mut progress = nodes.attest(ask).await.map_err(refuse)?;
    for _ in 0..ROUNDS_MAX {
        match progress {
            Progress::Admitted { svid, can_reattest } => {
                let result = wire::attest_agent_response::Result {
                    svid: Some(wire_svid(&svid)),
                    reattestable: can_reattest,
                };
                return reply(answers, wire::attest_agent_response::Step::Result(result)).await;
            }
            Progress::Challenge(text, attestation, waiting) => {
                reply(answers, wire::attest_agent_response::Step::Challenge(text.into())).await?;
                let Some(wire::attest_agent_request::Step::ChallengeResponse(answer)) =
                    next(nodes, &mut messages).await?.step
                else {
                    return Err(refuse(Error::Exchange("an answer to the challenge was expected")));
                };
                progress = nodes.answer(attestation, waiting, &answer).await.map_err(refuse)?;
            }
        }
    }
    Err(refuse(Error::Exchange("the attestation takes too many rounds")))
}

fn opening(
    (realm, situation): (RealmId, Situation),
    message: wire::AttestAgentRequest,
) -> Result<AttestAgent, Status> {
    let Some(wire::attest_agent_request::Step::Params(params)) = message.step else {
        return Err(refuse(Error::Exchange("the first message must be params")));
    };
    let data =
        params.data.ok_or_else(|| refuse(Error::Exchange("params lack the attestation data")))?;
    let svid = params
        .params
        .ok_or_else(|| refuse(Error::Exchange("params lack the certificate signing request")))?;
    Ok(AttestAgent {
        realm,
        attestor: data.r#type,
        payload: data.payload.into(),
        csr: svid.csr.into(),
        situation,
    })
}

async fn next(
    nodes: &Nodes,
    messages: &mut Streaming<wire::AttestAgentRequest>,
) -> Result<wire::AttestAgentRequest, Status> {
    tokio::select! {
        message = messages.next() => match message {
            Some(message) => message,
            None => Err(refuse(Error::Exchange("the stream ended before the attestation did"))),
        },
        () = nodes.env.clock.sleep(ANSWER_WITHIN) => Err(Status::deadline_exceeded("the next message took too long")),
    }
}

async fn reply(
    answers: &mpsc::Sender<Result<wire::AttestAgentResponse, Status>>,
    step: wire::attest_agent_response::Step,
) -> Result<(), Status> {
    let message = wire::AttestAgentResponse { step: Some(step) };
    answers.send(Ok(message)).await.map_err(|_| Status::cancelled("the agent went away"))
}

/// An SVID on the wire: the chain, leaf first.
fn wire_svid(svid: &X509Svid) -> types::X509svid {
    types::X509svid {
        id: Some(types::Spiffeid {
            trust_domain: svid.id.trust_domain().as_str().to_owned(),
            path: svid.id.path().to_owned(),
        }),
        expires_at: svid.not_after.seconds(),
        cert_chain: svid.chain.iter().map(|der| der.clone().into()).collect(),
        hint: String::new(),
    }
}
