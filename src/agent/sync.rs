//! Keeps the view as the server has it: by push where there is a push stream, by polling where there is none.
//!
//! Owns: `weft.node.v1.Node/Watch` with resume and proof of arrival, `SyncAuthorizedEntries` exactly as SPIRE's agents
//! call it, and when to change from one to the other. Does not own: what an update does to the view (`view.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use weft_proto::node::v1::{self as node, Ack, goodbye::Reason};
use weft_proto::spire::api::server::entry::v1::{EntryRevision, SyncAuthorizedEntriesRequest};
use weft_proto::spire::api::types::EntryMask;

use crate::env::{Clock, Entropy};
use crate::kernel::limits::SYNC_PAGE_ENTRIES;
use crate::kernel::{EntryId, Lifetime};

use super::cache::Cache;
use super::convert;
use super::model::{Entry, Error, Refusal, draw};
use super::renewal::backoff;
use super::server_client::{Era, ServerClient};
use super::tokens::Tokens;

/// Keeps one cache up to date.
#[derive(Debug)]
pub struct Sync {
    /// The server.
    pub client: ServerClient,
    /// What is kept up to date.
    pub cache: Cache,
    /// Tokens that the server wants replaced are dropped here.
    pub tokens: Tokens,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for waits.
    pub entropy: Arc<dyn Entropy>,
    /// The wait between two polls.
    pub poll_every: Lifetime,
}

/// How a push stream ended.
#[derive(Debug)]
enum Ended {
    /// The server or the network closed it; dial again after this wait, at least.
    Closed(Lifetime),
    /// The server has no push stream.
    NotOffered,
    /// It failed.
    Failed(Error),
}

impl Sync {
    /// Runs until it is dropped.
    pub async fn run(self) {
        let mut failures = 0;
        loop {
            let applied_before = self.cache.look(|view| view.revision().cloned());
            match self.watch().await {
                Ended::Closed(at_least) => {
                    let moved = applied_before != self.cache.look(|view| view.revision().cloned());
                    failures = if moved { 0 } else { failures + 1 };
                    self.pause(failures, at_least).await;
                }
                Ended::NotOffered => {
                    self.poll_for_a_while().await;
                    failures = 0;
                }
                Ended::Failed(why) => {
                    tracing::warn!(error = %why, "the push stream failed; polling once before it is tried again");
                    if let Err(why) = self.poll().await {
                        tracing::debug!(error = %why, "the poll failed too");
                    }
                    failures += 1;
                    self.pause(failures, Lifetime::ZERO).await;
                }
            }
        }
    }

    async fn pause(&self, failures: u32, at_least: Lifetime) {
        let jitter = draw(&self.entropy).unwrap_or_default();
        let wait = if failures == 0 {
            FIRST_WAIT
        } else {
            backoff(failures - 1, FIRST_WAIT, LONGEST_WAIT, jitter)
        };
        self.clock.sleep(Lifetime::micros(wait.as_micros().max(at_least.as_micros()))).await;
    }

    /// One push stream, from its opening to its end.
    async fn watch(&self) -> Ended {
        let (acks, receiver) = mpsc::channel(ACKS_WAITING);
        let first = self.cache.look(|view| Ack {
            revision: view
                .revision()
                .map(|at| node::Revision { history: at.history.clone(), seq: at.seq }),
            bundle_sequence: view.own().map_or(0, |bundle| bundle.sequence),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        });
        if acks.send(first).await.is_err() {
            return Ended::Closed(Lifetime::ZERO);
        }
        let (mut updates, era) = match self.client.watch(ReceiverStream::new(receiver)).await {
            Ok(updates) => updates,
            Err(Error::NotOffered(_)) => return Ended::NotOffered,
            Err(why) => return Ended::Failed(why),
        };
        self.cache.change(super::view::View::opened);
        loop {
            match updates.next().await {
                None => return Ended::Closed(Lifetime::ZERO),
                Some(Err(status)) => {
                    return match self.client.read(era, "Watch", &status) {
                        Error::NotOffered(_) => Ended::NotOffered,
                        why => Ended::Failed(why),
                    };
                }
                Some(Ok(message)) => {
                    if let Some(end) = self.take(message, era, &acks).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Applies one update and says so; the end of the stream if the server said goodbye.
    async fn take(
        &self,
        message: node::Update,
        era: Era,
        acks: &mpsc::Sender<Ack>,
    ) -> Option<Ended> {
        let goodbye = message.goodbye.clone();
        let update = match convert::update(message) {
            Ok(update) => update,
            Err(why) => return Some(Ended::Failed(why)),
        };
        let revision = update.revision.clone();
        self.tokens.retain(|id, _, _| !update.renew.contains(id));
        self.cache.apply(update, self.clock.now());
        if let Some(at) = revision {
            let bundle_sequence =
                self.cache.look(|view| view.own().map_or(0, |bundle| bundle.sequence));
            let revision = Some(node::Revision { history: at.history, seq: at.seq });
            let ack = Ack { revision, bundle_sequence, agent_version: String::new() };
            if acks.send(ack).await.is_err() {
                return Some(Ended::Closed(Lifetime::ZERO));
            }
        }
        goodbye.map(|goodbye| self.part(era, &goodbye))
    }

    fn part(&self, era: Era, goodbye: &node::Goodbye) -> Ended {
        tracing::info!(reason = ?goodbye.reason(), message = goodbye.message, "the server ended the push stream");
        match goodbye.reason() {
            Reason::Banned => drop(self.client.refuse(era, Refusal::Banned)),
            Reason::Evicted => drop(self.client.refuse(era, Refusal::AttestAgain)),
            Reason::Replaced => tracing::warn!(
                "another stream of this agent took over; if this node does not run two agents, somebody has its key"
            ),
            _ => {}
        }
        Ended::Closed(Lifetime::millis(i64::from(goodbye.retry_after_ms)))
    }

    /// Polls as SPIRE's agents do; after a while the push stream is asked for again, as servers are upgraded.
    async fn poll_for_a_while(&self) {
        let until = self.clock.now().plus(ASK_FOR_PUSH_AGAIN);
        let mut failures = 0;
        while self.clock.now() < until {
            match self.poll().await {
                Ok(()) => failures = 0,
                Err(why) => {
                    failures += 1;
                    tracing::warn!(error = %why, "a poll of the server failed");
                }
            }
            let jitter = draw(&self.entropy).unwrap_or_default();
            self.clock.sleep(backoff(failures, self.poll_every, POLL_LONGEST, jitter)).await;
        }
    }

    /// One round: own bundle, entries, foreign bundles. Nothing of it is applied unless all of it came.
    pub(crate) async fn poll(&self) -> Result<(), Error> {
        let own = convert::bundle(&self.client.bundle().await?)?;
        let held = self.cache.look(super::view::View::held);
        let (ids, changed) = self.entries(&held).await?;
        let gone_from = self.cache.look(super::view::View::wanted_domains);
        let named = changed.iter().flat_map(|entry| entry.federates_with.iter().cloned());
        let wanted: BTreeSet<_> = gone_from.into_iter().chain(named).collect();
        let mut federated = Vec::new();
        for domain in &wanted {
            if let Some(message) = self.client.federated_bundle(domain).await? {
                federated.push(convert::bundle(&message)?);
            }
        }
        let now = self.clock.now();
        let sequence = own.sequence;
        self.cache.change(|view| {
            view.set_own(own);
            view.polled(&ids, changed, now);
            view.keep_domains(
                &federated.iter().map(|bundle| bundle.trust_domain.clone()).collect(),
            );
            for bundle in federated {
                view.set_federated(bundle);
            }
        });
        // Only our own servers judge by it, and those have the push stream.
        if let Err(why) = self.client.post_status(sequence).await {
            tracing::debug!(error = %why, "the server did not take the agent's status");
        }
        Ok(())
    }

    /// All ids the agent is authorised for, and the entries that are new or changed.
    async fn entries(
        &self,
        held: &BTreeMap<EntryId, (i64, i64)>,
    ) -> Result<(BTreeSet<EntryId>, Vec<Arc<Entry>>), Error> {
        let (requests, receiver) = mpsc::channel(1);
        let ask = |ids| SyncAuthorizedEntriesRequest { output_mask: Some(mask()), ids };
        let closed = || Error::BadAnswer("the server ended the sync early".to_owned());
        requests.send(ask(Vec::new())).await.map_err(|_| closed())?;
        let (mut answers, era) = self.client.sync(ReceiverStream::new(receiver)).await?;
        let (mut ids, mut changed, mut stale) = (BTreeSet::new(), Vec::new(), Vec::new());
        loop {
            let answer = next(&self.client, era, &mut answers).await?.ok_or_else(closed)?;
            for entry in answer.entries.into_iter().filter_map(convert::entry) {
                ids.insert(entry.id.clone());
                changed.push(entry);
            }
            stale.extend(answer.entry_revisions.iter().filter_map(|at| note(at, held, &mut ids)));
            if !answer.more {
                break;
            }
        }
        for page in stale.chunks(SYNC_PAGE_ENTRIES) {
            requests.send(ask(page.to_vec())).await.map_err(|_| closed())?;
            let mut left = page.len();
            loop {
                let answer = next(&self.client, era, &mut answers).await?.ok_or_else(closed)?;
                left = left.saturating_sub(answer.entries.len());
                changed.extend(answer.entries.into_iter().filter_map(convert::entry));
                if !answer.more || left == 0 {
                    break;
                }
            }
        }
        Ok((ids, changed))
    }
}

/// Counts an id as authorised; the id again if what is held of it is not that revision.
fn note(
    at: &EntryRevision,
    held: &BTreeMap<EntryId, (i64, i64)>,
    ids: &mut BTreeSet<EntryId>,
) -> Option<String> {
    let id = EntryId::parse(&at.id).ok()?;
    // SPIRE servers before 1.13 send no creation time; then the revision alone decides.
    let same = held.get(&id).is_some_and(|(revision, created)| {
        *revision == at.revision_number && (at.created_at == 0 || at.created_at == *created)
    });
    ids.insert(id);
    (!same).then(|| at.id.clone())
}

async fn next<T>(
    client: &ServerClient,
    era: Era,
    answers: &mut tonic::Streaming<T>,
) -> Result<Option<T>, Error> {
    let limited = tokio::time::timeout(ANSWER_WITHIN, answers.message()).await;
    let answer = limited.unwrap_or_else(|_| {
        Err(tonic::Status::deadline_exceeded("the server did not answer in time"))
    });
    answer.map_err(|status| client.read(era, "SyncAuthorizedEntries", &status))
}

/// What an agent needs of an entry. The revision must be in it, or the server refuses.
fn mask() -> EntryMask {
    EntryMask {
        spiffe_id: true,
        selectors: true,
        federates_with: true,
        expires_at: true,
        revision_number: true,
        store_svid: true,
        hint: true,
        created_at: true,
        additional_attributes: true,
        ..EntryMask::default()
    }
}

/// Acknowledgements that may wait for the network: the last one counts.
const ACKS_WAITING: usize = 4;
const FIRST_WAIT: Lifetime = Lifetime::millis(500);
const LONGEST_WAIT: Lifetime = Lifetime::seconds(30);
/// As SPIRE's agents.
const POLL_LONGEST: Lifetime = Lifetime::minutes(8);
const ASK_FOR_PUSH_AGAIN: Lifetime = Lifetime::minutes(10);
const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);
