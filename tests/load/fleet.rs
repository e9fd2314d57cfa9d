//! Simulated agents. On the wire each is a `weft agent`: its own TLS connection and SVID, a push stream with
//! acknowledgements, keep-alive pings, SVIDs fetched as entries come. What a real one does behind that — keys for each
//! entry, workloads — is left out, because here the server is measured.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::tls::{CurrentCertificate, CurrentRoots};
use weft::crypto::x509::csr;
use weft_proto::node::v1::node_client::NodeClient;
use weft_proto::node::v1::{Ack, Revision, Update};
use weft_proto::spire::api::server::agent::v1::agent_client::AgentClient;
use weft_proto::spire::api::server::agent::v1::{
    AgentX509svidParams, AttestAgentRequest, attest_agent_request, attest_agent_response,
};
use weft_proto::spire::api::server::svid::v1::svid_client::SvidClient;
use weft_proto::spire::api::server::svid::v1::{BatchNewX509svidRequest, NewX509svidParams};
use weft_proto::spire::api::types::{self, AttestationData};

use super::Outcome;
use super::board::{Board, Seen};
use super::dial::Line;

/// Agents that were attested.
#[derive(Debug)]
pub(crate) struct Fleet {
    members: Vec<Arc<Member>>,
    count: Arc<Count>,
    /// True while they shall be connected.
    wanted: watch::Sender<bool>,
}

/// What the fleet has reached.
#[derive(Debug, Default)]
pub(crate) struct Count {
    /// Push streams that are open and have said all they had to say first.
    pub(crate) watching: AtomicUsize,
    /// SVIDs received.
    pub(crate) svids: AtomicUsize,
}

/// One agent.
#[derive(Debug)]
struct Member {
    id: String,
    line: Line,
    csr: Bytes,
    board: Arc<Board>,
    count: Arc<Count>,
}

/// What one agent keeps while it is not connected.
#[derive(Debug, Default)]
struct Held {
    at: Option<Revision>,
    /// Ids of the entries it has an SVID for.
    svids: HashSet<String>,
    /// Ids of those it has still to ask for.
    wanted: Vec<String>,
}

impl Fleet {
    /// Attests so many agents with one join token.
    pub(crate) async fn attest(
        node: SocketAddr,
        roots: &CurrentRoots,
        (token, size): (&str, usize),
        board: &Arc<Board>,
    ) -> Outcome<Self> {
        let count = Arc::new(Count::default());
        let attest =
            |_| Member::attest(node, roots, token, (Arc::clone(board), Arc::clone(&count)));
        let members = stream::iter(0..size).map(attest).buffer_unordered(AT_ONCE).try_collect();
        let (members, wanted) = (members.await?, watch::Sender::new(false));
        Ok(Self { members, count, wanted })
    }

    /// Their SPIFFE IDs.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.members.iter().map(|member| member.id.clone()).collect()
    }

    /// What they have reached.
    pub(crate) fn count(&self) -> &Count {
        &self.count
    }

    /// Lets them connect, and stay connected whatever happens; returns when all do.
    pub(crate) async fn connect(&self) -> Outcome<Duration> {
        let from = Instant::now();
        self.wanted.send_replace(true);
        for (n, member) in self.members.iter().enumerate() {
            let life = Arc::clone(member).live(self.wanted.subscribe());
            tokio::spawn(life);
            if n % AT_ONCE == AT_ONCE - 1 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        self.all_watching().await?;
        Ok(from.elapsed())
    }

    /// Returns when all hold a push stream.
    pub(crate) async fn all_watching(&self) -> Outcome<()> {
        let from = Instant::now();
        while self.count.watching.load(Ordering::Relaxed) < self.members.len() {
            if from.elapsed() > PATIENCE {
                let watching = self.count.watching.load(Ordering::Relaxed);
                return Err(format!("only {watching} agents are connected").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

impl Member {
    async fn attest(
        node: SocketAddr,
        roots: &CurrentRoots,
        token: &str,
        (board, count): (Arc<Board>, Arc<Count>),
    ) -> Outcome<Arc<Self>> {
        let certificate = CurrentCertificate::none();
        let line = Line::agent(node, roots, &certificate)?;
        let key = PrivateKey::generate(Algorithm::P256)?;
        let csr = Bytes::from(csr::create(&key)?);
        let data = AttestationData {
            r#type: "join_token".to_owned(),
            payload: Bytes::copy_from_slice(token.as_bytes()),
        };
        let params = attest_agent_request::Params {
            data: Some(data),
            params: Some(AgentX509svidParams { csr: csr.clone() }),
        };
        let first = AttestAgentRequest { step: Some(attest_agent_request::Step::Params(params)) };
        let mut client = AgentClient::new(line.connect().await?);
        let mut answers = client.attest_agent(stream::iter([first])).await?.into_inner();
        let answer = answers.message().await?.and_then(|answer| answer.step);
        let Some(attest_agent_response::Step::Result(result)) = answer else {
            return Err("an attestation without a result".into());
        };
        let svid = result.svid.ok_or("an attestation without an SVID")?;
        let chain: Vec<_> = svid.cert_chain.iter().map(|der| der.to_vec()).collect();
        certificate.set(&chain, &key)?;
        let id = svid.id.ok_or("an SVID without an ID")?;
        let id = format!("spiffe://{}{}", id.trust_domain, id.path);
        Ok(Arc::new(Self { id, line, csr, board, count }))
    }

    /// Connected whenever that is wanted. Dials again as `weft agent` does: soon, later, and each at its own moment.
    async fn live(self: Arc<Self>, mut wanted: watch::Receiver<bool>) {
        let (mut held, mut failures) = (Held::default(), 0_u32);
        while wanted.wait_for(|wanted| *wanted).await.is_ok() {
            let open = &mut false;
            tokio::select! {
                _ended = self.watch(&mut held, open) => {}
                _ = wanted.wait_for(|wanted| !*wanted) => {}
            }
            if *open {
                self.count.watching.fetch_sub(1, Ordering::Relaxed);
                failures = 0;
            }
            let longest = FIRST_WAIT.saturating_mul(1 << failures.min(6));
            tokio::time::sleep(longest.mul_f64(1.0 - draw(&self.id, failures) * 3.0 / 4.0)).await;
            failures += 1;
        }
    }

    /// One push stream, until it ends. `open`: all that was to be said at its beginning has been said.
    async fn watch(&self, held: &mut Held, open: &mut bool) -> Outcome<()> {
        let channel = self.line.connect().await?;
        let (acks, receiver) = mpsc::channel(4);
        acks.send(Ack { revision: held.at.clone(), ..Ack::default() }).await?;
        let mut client = NodeClient::new(channel.clone());
        let mut updates = client.watch(ReceiverStream::new(receiver)).await?.into_inner();
        let mut bundle_sequence = 0;
        while let Some(update) = updates.message().await? {
            if let Some(bundle) = &update.bundle {
                bundle_sequence = bundle.sequence_number;
            }
            let revision = update.revision.clone();
            self.note(update, held);
            if let Some(revision) = revision {
                held.at = Some(revision.clone());
                let ack = Ack { revision: Some(revision), bundle_sequence, ..Ack::default() };
                acks.send(ack).await?;
                // Only now: an unread stream would take the window that the answers need.
                self.fetch(&channel, held).await?;
                if !std::mem::replace(open, true) {
                    self.count.watching.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }

    /// Notes what came and what went.
    fn note(&self, update: Update, held: &mut Held) {
        for id in update.removed_ids {
            held.svids.remove(&id);
            self.board.saw(&Seen::Gone(id));
        }
        let entries = update.upserts.into_iter().filter_map(|upsert| upsert.entry);
        let wanted = entries.filter(is_prefetched).map(|entry| entry.id);
        held.wanted.extend(wanted.filter(|id| !held.svids.contains(id)));
    }

    /// Fetches the SVIDs that are missing.
    async fn fetch(&self, channel: &Channel, held: &mut Held) -> Outcome<()> {
        for ids in std::mem::take(&mut held.wanted).chunks(500) {
            let params = ids
                .iter()
                .map(|id| NewX509svidParams { entry_id: id.clone(), csr: self.csr.clone() });
            let request = BatchNewX509svidRequest { params: params.collect() };
            let answer = SvidClient::new(channel.clone()).batch_new_x509svid(request).await?;
            for (id, result) in ids.iter().zip(answer.into_inner().results) {
                if result.svid.is_some_and(|svid| !svid.cert_chain.is_empty()) {
                    self.count.svids.fetch_add(1, Ordering::Relaxed);
                    held.svids.insert(id.clone());
                    self.board.saw(&Seen::Svid(id.clone()));
                }
            }
        }
        Ok(())
    }
}

fn is_prefetched(entry: &types::Entry) -> bool {
    let attributes = entry.additional_attributes.as_ref();
    !attributes.is_some_and(|attributes| attributes.disable_x509_svid_prefetch)
}

/// From 0 to 1, another one for each agent and attempt, the same in each run.
fn draw(id: &str, attempt: u32) -> f64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (id, attempt).hash(&mut hasher);
    f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

/// Agents that dial or attest at once at the beginning: more would only wait for each other on a small machine.
const AT_ONCE: usize = 16;
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// A thousand handshakes, and as many batches of signatures, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(5);
