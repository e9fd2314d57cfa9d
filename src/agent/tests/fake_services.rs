//! The five services of the server that behaves.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};
use weft_proto::node::v1::node_server::{Node, NodeServer};
use weft_proto::node::v1::{
    Ack, AuthorizedEntry, Directive, Goodbye, Revision, Update, directive, goodbye,
};
use weft_proto::spire::api::server::agent::v1 as agent;
use weft_proto::spire::api::server::bundle::v1 as bundle;
use weft_proto::spire::api::server::entry::v1 as entry;
use weft_proto::spire::api::server::svid::v1 as svid;
use weft_proto::spire::api::types;

use super::fake_server::{AgentRecord, Inner, Shared};
use crate::crypto::x509::csr;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

pub(crate) fn services(state: &Shared) -> Routes {
    Routes::new(agent::agent_server::AgentServer::new(state.clone()))
        .add_service(bundle::bundle_server::BundleServer::new(state.clone()))
        .add_service(entry::entry_server::EntryServer::new(state.clone()))
        .add_service(svid::svid_server::SvidServer::new(state.clone()))
        .add_service(NodeServer::new(state.clone()))
}

#[tonic::async_trait]
impl agent::agent_server::Agent for Shared {
    type AttestAgentStream = Answers<agent::AttestAgentResponse>;

    async fn attest_agent(
        &self,
        request: Request<Streaming<agent::AttestAgentRequest>>,
    ) -> Result<Response<Self::AttestAgentStream>, Status> {
        self.count("AttestAgent")?;
        let mut messages = request.into_inner();
        let first = messages.message().await?.and_then(|message| message.step);
        let Some(agent::attest_agent_request::Step::Params(params)) = first else {
            return Err(Status::invalid_argument("no params"));
        };
        let data = params.data.unwrap_or_default();
        let csr = params.params.unwrap_or_default().csr;
        let (answer, receiver) = mpsc::channel(4);
        let state = self.clone();
        self.tasks.spawn("fake attestation", async move {
            let outcome = state.attest(data, &csr, messages, &answer).await;
            // A client that went away needs no answer.
            let _gone = answer.send(outcome).await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn renew_agent(
        &self,
        request: Request<agent::RenewAgentRequest>,
    ) -> Result<Response<agent::RenewAgentResponse>, Status> {
        self.count("RenewAgent")?;
        let id = self.agent(request.extensions())?;
        let csr = request.into_inner().params.unwrap_or_default().csr;
        let (svid, serial) = self.sign_agent(&id, &csr)?;
        let mut inner = self.lock();
        if let Some(record) = inner.agents.get_mut(&id) {
            record.next = Some(serial);
        }
        if inner.switches.loses_answers {
            return Err(Status::unavailable("the answer was lost"));
        }
        Ok(Response::new(agent::RenewAgentResponse { svid: Some(svid) }))
    }

    async fn post_status(
        &self,
        request: Request<agent::PostStatusRequest>,
    ) -> Result<Response<agent::PostStatusResponse>, Status> {
        self.count("PostStatus")?;
        self.agent(request.extensions())?;
        Ok(Response::new(agent::PostStatusResponse {}))
    }
}

impl Shared {
    async fn attest(
        &self,
        data: types::AttestationData,
        csr: &[u8],
        mut messages: Streaming<agent::AttestAgentRequest>,
        answer: &mpsc::Sender<Result<agent::AttestAgentResponse, Status>>,
    ) -> Result<agent::AttestAgentResponse, Status> {
        let (path, reattestable) = match data.r#type.as_str() {
            "join_token" => (self.use_token(&data.payload, csr)?, false),
            "x509pop" => {
                let challenge = format!(
                    r#"{{"ecdsa_signature":{{"nonce":"{}"}}}}"#,
                    crate::crypto::digest::base64(&[7; 32])
                );
                let step = agent::attest_agent_response::Step::Challenge(challenge.into());
                let _gone = answer.send(Ok(agent::AttestAgentResponse { step: Some(step) })).await;
                let response = messages.message().await?.and_then(|message| message.step);
                if !matches!(
                    response,
                    Some(agent::attest_agent_request::Step::ChallengeResponse(_))
                ) {
                    return Err(Status::invalid_argument("no response"));
                }
                ("/spire/agent/x509pop/node".to_owned(), true)
            }
            other => return Err(Status::invalid_argument(format!("no attestor `{other}`"))),
        };
        let id =
            self.trust_domain.with_path(&path).map_err(|why| Status::internal(why.to_string()))?;
        if self.lock().agents.get(&id).is_some_and(|record| record.banned) {
            return Err(super::fake_server::denied(
                types::permission_denied_details::Reason::AgentBanned,
            ));
        }
        let (svid, serial) = self.sign_agent(&id, csr)?;
        let record = AgentRecord { current: serial, ..AgentRecord::default() };
        let mut inner = self.lock();
        inner.agents.insert(id, record);
        if inner.switches.loses_answers {
            return Err(Status::unavailable("the answer was lost"));
        }
        let result = agent::attest_agent_response::Result { svid: Some(svid), reattestable };
        Ok(agent::AttestAgentResponse {
            step: Some(agent::attest_agent_response::Step::Result(result)),
        })
    }

    /// A token is good for one key: whoever asks again with it may have lost the answer.
    fn use_token(&self, payload: &[u8], request: &[u8]) -> Result<String, Status> {
        let key = csr::public_key(request)
            .map_err(|why| Status::invalid_argument(why.to_string()))?
            .digest();
        let token = String::from_utf8_lossy(payload).into_owned();
        let mut inner = self.lock();
        inner.tokens_seen.push(token.clone());
        let used = inner
            .tokens
            .get_mut(&token)
            .ok_or_else(|| Status::invalid_argument("no such join token"))?;
        if *used.get_or_insert(key) != key {
            return Err(Status::invalid_argument("the join token was used"));
        }
        Ok(format!("/spire/agent/join_token/{token}"))
    }
}

#[tonic::async_trait]
impl bundle::bundle_server::Bundle for Shared {
    async fn get_bundle(
        &self,
        _: Request<bundle::GetBundleRequest>,
    ) -> Result<Response<types::Bundle>, Status> {
        self.count("GetBundle")?;
        Ok(Response::new(self.lock().bundle(&self.trust_domain)))
    }

    async fn get_federated_bundle(
        &self,
        request: Request<bundle::GetFederatedBundleRequest>,
    ) -> Result<Response<types::Bundle>, Status> {
        self.count("GetFederatedBundle")?;
        self.agent(request.extensions())?;
        let found = self.lock().federated.get(&request.get_ref().trust_domain).cloned();
        found.map(Response::new).ok_or_else(|| Status::not_found("no such bundle"))
    }
}

#[tonic::async_trait]
impl entry::entry_server::Entry for Shared {
    type SyncAuthorizedEntriesStream = Answers<entry::SyncAuthorizedEntriesResponse>;

    async fn get_authorized_entries(
        &self,
        _: Request<entry::GetAuthorizedEntriesRequest>,
    ) -> Result<Response<entry::GetAuthorizedEntriesResponse>, Status> {
        Err(Status::unimplemented("agents sync"))
    }

    async fn sync_authorized_entries(
        &self,
        request: Request<Streaming<entry::SyncAuthorizedEntriesRequest>>,
    ) -> Result<Response<Self::SyncAuthorizedEntriesStream>, Status> {
        self.count("SyncAuthorizedEntries")?;
        self.agent(request.extensions())?;
        let mut requests = request.into_inner();
        let first =
            requests.message().await?.ok_or_else(|| Status::invalid_argument("no request"))?;
        if !first.ids.is_empty() {
            return Err(Status::invalid_argument("the initial request cannot contain ids"));
        }
        if !first.output_mask.is_some_and(|mask| mask.revision_number) {
            return Err(Status::invalid_argument("the revision number cannot be masked"));
        }
        let (entries, page) = {
            let inner = self.lock();
            (inner.entries.clone(), inner.switches.page)
        };
        let mut answers: Vec<_> = if entries.len() <= page {
            vec![entry::SyncAuthorizedEntriesResponse {
                entries: entries.values().cloned().collect(),
                ..Default::default()
            }]
        } else {
            revision_pages(&entries, page)
        };
        answers.reverse();
        let sent = futures_util::stream::iter(std::iter::from_fn(move || answers.pop().map(Ok)));
        let asked = requests.flat_map(move |request| {
            let ids = request.map(|request| request.ids).unwrap_or_default();
            let found: Vec<_> = ids.iter().filter_map(|id| entries.get(id).cloned()).collect();
            let pages: Vec<_> = found.chunks(page).map(<[_]>::to_vec).collect();
            let last = pages.len().saturating_sub(1);
            futures_util::stream::iter(pages.into_iter().enumerate().map(move |(at, entries)| {
                Ok(entry::SyncAuthorizedEntriesResponse {
                    entries,
                    more: at < last,
                    ..Default::default()
                })
            }))
        });
        Ok(Response::new(Box::pin(sent.chain(asked))))
    }
}

fn revision_pages(
    entries: &BTreeMap<String, types::Entry>,
    page: usize,
) -> Vec<entry::SyncAuthorizedEntriesResponse> {
    let revisions: Vec<_> = entries
        .values()
        .map(|one| entry::EntryRevision {
            id: one.id.clone(),
            revision_number: one.revision_number,
            created_at: one.created_at,
        })
        .collect();
    let last = revisions.chunks(page).count() - 1;
    let answer =
        |(at, part): (usize, &[entry::EntryRevision])| entry::SyncAuthorizedEntriesResponse {
            entry_revisions: part.to_vec(),
            more: at < last,
            ..Default::default()
        };
    revisions.chunks(page).enumerate().map(answer).collect()
}

#[tonic::async_trait]
impl svid::svid_server::Svid for Shared {
    async fn batch_new_x509svid(
        &self,
        request: Request<svid::BatchNewX509svidRequest>,
    ) -> Result<Response<svid::BatchNewX509svidResponse>, Status> {
        self.count("BatchNewX509SVID")?;
        self.agent(request.extensions())?;
        let params = request.into_inner().params;
        if params.len() > self.lock().switches.batch_max {
            return Err(Status::resource_exhausted("too many at once"));
        }
        let results = params.iter().map(|one| self.issue(one)).collect();
        Ok(Response::new(svid::BatchNewX509svidResponse { results }))
    }

    async fn new_jwtsvid(
        &self,
        request: Request<svid::NewJwtsvidRequest>,
    ) -> Result<Response<svid::NewJwtsvidResponse>, Status> {
        self.count("NewJWTSVID")?;
        self.agent(request.extensions())?;
        let request = request.into_inner();
        let inner = self.lock();
        let entry = inner
            .entries
            .get(&request.entry_id)
            .ok_or_else(|| Status::not_found("no such entry"))?;
        let id = entry.spiffe_id.clone().unwrap_or_default();
        let issued_at = self.clock.now().seconds();
        let expires_at = self.clock.now().plus(inner.switches.jwt_life).seconds();
        let claims = serde_json::json!({
            "sub": format!("spiffe://{}{}", id.trust_domain, id.path),
            "aud": request.audience, "iat": issued_at, "exp": expires_at,
        });
        let token = inner
            .signer
            .sign(&claims.to_string())
            .map_err(|why| Status::internal(why.to_string()))?;
        let svid =
            types::Jwtsvid { token, id: Some(id), expires_at, issued_at, hint: String::new() };
        Ok(Response::new(svid::NewJwtsvidResponse { svid: Some(svid) }))
    }
}

impl Shared {
    fn issue(&self, params: &svid::NewX509svidParams) -> svid::batch_new_x509svid_response::Result {
        let inner = self.lock();
        let refused = |code: tonic::Code, message: &str| {
            let status = types::Status { code: code.into(), message: message.to_owned() };
            svid::batch_new_x509svid_response::Result { status: Some(status), svid: None }
        };
        let Some(entry) = inner.entries.get(&params.entry_id) else {
            return refused(tonic::Code::NotFound, "entry not found or not authorized");
        };
        let Ok(key) = csr::public_key(&params.csr) else {
            return refused(tonic::Code::InvalidArgument, "bad CSR");
        };
        let named = entry.spiffe_id.clone().unwrap_or_default();
        let Ok(id) = self.trust_domain.with_path(&named.path) else {
            return refused(tonic::Code::Internal, "bad path");
        };
        let life = inner.switches.x509_life;
        let (leaf, _) = inner.authority.sign(&id, &key, self.clock.now(), life);
        let expires_at = self.clock.now().plus(life).seconds();
        let svid = types::X509svid {
            cert_chain: vec![leaf.into()],
            id: Some(named),
            expires_at,
            hint: String::new(),
        };
        let status = types::Status { code: 0, message: "OK".to_owned() };
        svid::batch_new_x509svid_response::Result { status: Some(status), svid: Some(svid) }
    }
}

#[tonic::async_trait]
impl Node for Shared {
    type WatchStream = Answers<Update>;

    async fn watch(
        &self,
        request: Request<Streaming<Ack>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        self.count("Watch")?;
        if !self.lock().switches.push {
            return Err(Status::unimplemented("no push stream here"));
        }
        let id = self.agent(request.extensions())?;
        let mut acks = request.into_inner();
        let first = acks.message().await?.unwrap_or_default();
        self.lock().acks.push(first.clone());
        let (updates, receiver) = mpsc::channel(16);
        let state = self.clone();
        self.tasks.spawn_until_stop("fake push", async move {
            let mut changed = state.changed.subscribe();
            let mut told = Told::from(&first, &state.lock());
            while let Some(update) = told.next(&state, &id) {
                let ends = update.goodbye.is_some();
                if updates.send(Ok(update)).await.is_err() || ends {
                    return;
                }
                loop {
                    tokio::select! {
                        ack = acks.message() => match ack {
                            Ok(Some(ack)) => state.lock().acks.push(ack),
                            _ => return,
                        },
                        _ = changed.changed() => break,
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

/// What one push stream was told.
struct Told {
    entries: Option<BTreeMap<String, i64>>,
    bundle: u64,
    federated: BTreeMap<String, u64>,
    refused: BTreeSet<String>,
    seq: u64,
}

impl Told {
    fn from(first: &Ack, inner: &Inner) -> Self {
        let at = first.revision.as_ref().filter(|at| at.history == "fake");
        let entries = at.and_then(|at| inner.versions.get(&at.seq).cloned());
        let seq = at.map_or(0, |at| at.seq);
        Self {
            entries,
            bundle: first.bundle_sequence,
            federated: BTreeMap::new(),
            refused: BTreeSet::new(),
            seq,
        }
    }

    /// What is new; nothing if the server is away.
    fn next(&mut self, state: &Shared, agent: &crate::kernel::SpiffeId) -> Option<Update> {
        let inner = state.lock();
        if inner.switches.away {
            return None;
        }
        match inner.agents.get(agent) {
            Some(record) if record.banned => return Some(bye(goodbye::Reason::Banned)),
            None => return Some(bye(goodbye::Reason::Evicted)),
            Some(_) => {}
        }
        let is_snapshot = self.entries.is_none();
        let known = self.entries.take().unwrap_or_default();
        let now: BTreeMap<_, _> =
            inner.entries.iter().map(|(id, one)| (id.clone(), one.revision_number)).collect();
        let fresh =
            inner.entries.values().filter(|one| known.get(&one.id) != Some(&one.revision_number));
        let bundle = (inner.bundle_sequence != self.bundle || is_snapshot)
            .then(|| inner.bundle(&state.trust_domain));
        let federated = inner
            .federated
            .values()
            .filter(|one| self.federated.get(&one.trust_domain) != Some(&one.sequence_number));
        let gone = self.federated.keys().filter(|name| !inner.federated.contains_key(*name));
        let refusals = inner
            .refused
            .difference(&self.refused)
            .map(|id| order(id, directive::Order::Refused(directive::Refused {})));
        let renewals = inner
            .renew
            .iter()
            .filter(|(seq, _)| *seq >= self.seq)
            .map(|(_, id)| order(id, directive::Order::Renew(directive::Renew {})));
        let update = Update {
            revision: Some(Revision { history: "fake".to_owned(), seq: inner.seq }),
            snapshot_begin: is_snapshot,
            upserts: fresh.map(|one| AuthorizedEntry { entry: Some(one.clone()) }).collect(),
            removed_ids: known.keys().filter(|id| !now.contains_key(*id)).cloned().collect(),
            bundle,
            federated_bundles: federated.cloned().collect(),
            removed_trust_domains: gone.cloned().collect(),
            directives: refusals.chain(renewals).collect(),
            snapshot_end: is_snapshot,
            goodbye: None,
        };
        self.bundle = inner.bundle_sequence;
        self.federated =
            inner.federated.iter().map(|(name, one)| (name.clone(), one.sequence_number)).collect();
        self.refused.clone_from(&inner.refused);
        self.seq = inner.seq + 1;
        self.entries = Some(now);
        Some(update)
    }
}

fn order(id: &str, order: directive::Order) -> Directive {
    Directive {
        entry_id: id.to_owned(),
        order: Some(order),
        reason: 0,
        message: "a test says so".to_owned(),
    }
}

fn bye(reason: goodbye::Reason) -> Update {
    let goodbye = Goodbye { reason: reason.into(), message: "bye".to_owned(), retry_after_ms: 0 };
    Update { goodbye: Some(goodbye), ..Update::default() }
}
