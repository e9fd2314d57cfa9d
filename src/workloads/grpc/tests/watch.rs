//! The push stream, as an agent sees it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, Stream, StreamExt};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use weft_proto::node::v1::{Ack, Revision, Update, goodbye::Reason};

use crate::jobs::Tasks;
use crate::kernel::{Lifetime, TrustDomain};
use crate::nodes::NodeCaller;
use crate::testkit::{TestDatabase, engines};
use crate::workloads::Settings;
use crate::workloads::grpc::node::updates;
use crate::workloads::model::Draft;
use crate::workloads::tests::world::{REALM, World, draft};

/// An agent at the other end of a stream.
struct Agent {
    acks: mpsc::Sender<Result<Ack, Status>>,
    updates: Pin<Box<dyn Stream<Item = Result<Update, Status>> + Send>>,
}

impl Agent {
    fn connect(world: &World, caller: &NodeCaller) -> Self {
        let (acks, received) = mpsc::channel(8);
        let stream = updates(
            Arc::new(world.workloads.clone()),
            caller.clone(),
            ReceiverStream::new(received),
        );
        Self { acks, updates: Box::pin(stream) }
    }

    async fn open(world: &World, caller: &NodeCaller, ack: Ack) -> Self {
        let agent = Self::connect(world, caller);
        agent.ack(ack).await;
        agent
    }

    async fn ack(&self, ack: Ack) {
        self.acks.send(Ok(ack)).await.unwrap();
    }

    async fn next(&mut self) -> Update {
        let next = tokio::time::timeout(Duration::from_secs(10), self.updates.next());
        next.await.expect("an update is due").expect("the stream goes on").unwrap()
    }

    /// Until the next revision is complete.
    async fn whole(&mut self) -> Vec<Update> {
        let mut all = vec![self.next().await];
        while all.last().is_some_and(|update| update.revision.is_none()) {
            all.push(self.next().await);
        }
        all
    }

    fn is_silent(&mut self) -> bool {
        self.updates.next().now_or_never().is_none()
    }

    async fn ended(&mut self) -> Reason {
        let goodbye = self.next().await.goodbye.expect("a goodbye");
        let end = tokio::time::timeout(Duration::from_secs(10), self.updates.next()).await.unwrap();
        assert!(end.is_none(), "nothing follows a goodbye");
        goodbye.reason()
    }
}

async fn world() -> World {
    let settings = Settings { push_coalesce_milliseconds: 0, ..Settings::default() };
    World::with(&TestDatabase::new(engines()[0]).await, settings).await
}

fn at(revision: Option<&Revision>, bundle_sequence: u64) -> Ack {
    Ack { revision: revision.cloned(), bundle_sequence, agent_version: String::new() }
}

fn ids(update: &Update) -> Vec<String> {
    update.upserts.iter().map(|upsert| upsert.entry.as_ref().unwrap().id.clone()).collect()
}

#[tokio::test]
async fn a_new_agent_gets_a_snapshot_and_then_changes() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let old = world.create_one(draft("/old", &caller.agent.id, 1)).await;
    let mut agent = Agent::open(&world, &caller, Ack::default()).await;
    let snapshot = agent.whole().await;
    let (head, tail) = (&snapshot[0], snapshot.last().unwrap());
    assert!(head.snapshot_begin && tail.snapshot_end);
    assert_eq!(head.bundle.as_ref().unwrap().trust_domain, "weft.test");
    assert_eq!(ids(tail), [old.id.to_string()]);
    assert!(agent.is_silent());

    let new = world.create_one(draft("/new", &caller.agent.id, 1)).await;
    let change = agent.whole().await;
    assert_eq!(change.len(), 1);
    assert_eq!(ids(&change[0]), [new.id.to_string()]);
    assert!(!change[0].snapshot_begin && !change[0].snapshot_end && change[0].bundle.is_none());

    world.delete(&old).await;
    let change = agent.next().await;
    assert_eq!(change.removed_ids, [old.id.to_string()]);
    assert!(change.revision.unwrap().seq > tail.revision.as_ref().unwrap().seq);
}

#[tokio::test]
async fn an_agent_resumes_where_it_was_and_is_told_nothing_twice() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let old = world.create_one(draft("/old", &caller.agent.id, 1)).await;
    let mut agent = Agent::open(&world, &caller, Ack::default()).await;
    let snapshot = agent.whole().await.pop().unwrap();
    let sequence = world.authority.bundle(REALM).unwrap().sequence;
    drop(agent);
    let new = world.create_one(draft("/new", &caller.agent.id, 1)).await;
    world.delete(&old).await;
    let mut agent = Agent::open(&world, &caller, at(snapshot.revision.as_ref(), sequence)).await;
    let missed = agent.whole().await;
    assert_eq!(missed.len(), 1);
    assert_eq!(ids(&missed[0]), [new.id.to_string()]);
    assert_eq!(missed[0].removed_ids, [old.id.to_string()]);
    assert!(!missed[0].snapshot_begin && missed[0].bundle.is_none());
    drop(agent);
    let mut agent = Agent::open(&world, &caller, at(missed[0].revision.as_ref(), 0)).await;
    let nothing = agent.whole().await;
    assert!(
        nothing.iter().all(|update| update.upserts.is_empty() && update.removed_ids.is_empty())
    );
    assert!(nothing[0].bundle.is_some(), "but the bundle that it says it lacks");
    assert!(agent.is_silent());
}

#[tokio::test]
async fn a_revision_of_another_history_makes_a_snapshot() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    for history in ["77", "", "not ours", "-9223372036854775809"] {
        let revision = Some(Revision { history: history.to_owned(), seq: u64::MAX });
        let mut agent = Agent::open(&world, &caller, at(revision.as_ref(), 0)).await;
        assert!(agent.next().await.snapshot_begin, "{history}");
    }
}

#[tokio::test]
async fn a_large_snapshot_comes_in_pages_and_names_its_revision_last() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    for from in [0, 500, 1000] {
        let drafts =
            (from..from + 400).map(|n| draft(&format!("/w/{n}"), &caller.agent.id, n)).collect();
        world.create(drafts).await.into_iter().for_each(|made| drop(made.unwrap()));
    }
    let mut agent = Agent::open(&world, &caller, Ack::default()).await;
    let pages = agent.whole().await;
    let (last, others) = pages.split_last().unwrap();
    assert_eq!(pages.iter().map(|page| page.upserts.len()).sum::<usize>(), 1200);
    assert!(pages.iter().all(|page| page.encoded_len() < 8 * 1024), "small ones");
    assert!(pages[0].snapshot_begin && pages[0].upserts.is_empty());
    assert_eq!(pages.iter().filter(|page| page.snapshot_begin).count(), 1);
    assert!(last.snapshot_end && last.revision.is_some());
    assert!(others.iter().all(|page| !page.snapshot_end && page.revision.is_none()));
}

#[tokio::test]
async fn changes_within_a_few_milliseconds_come_as_one_update() {
    let settings = Settings { push_coalesce_milliseconds: 5, ..Settings::default() };
    let world = World::with(&TestDatabase::new(engines()[0]).await, settings).await;
    let caller = world.agent("a", &[]).await;
    let mut agent = Agent::open(&world, &caller, Ack::default()).await;
    agent.whole().await;
    world.create_one(draft("/w/1", &caller.agent.id, 1)).await;
    assert!(agent.is_silent(), "it waits for more");
    world.create_one(draft("/w/2", &caller.agent.id, 1)).await;
    assert!(agent.is_silent());
    world.clock.advance(Lifetime::millis(5));
    assert_eq!(ids(&agent.next().await).len(), 2);
    // The second bell rang while the first was waited out: at most a revision without content follows.
    world.clock.advance(Lifetime::millis(5));
    assert!(agent.is_silent());
}

#[tokio::test]
async fn an_acknowledgement_is_proof_of_arrival() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let mut agent = Agent::open(&world, &caller, Ack::default()).await;
    let snapshot = agent.whole().await.pop().unwrap();
    let sequence = world.authority.bundle(REALM).unwrap().sequence;
    assert_eq!(world.authority.arrival(REALM, sequence).have, 0);
    agent.ack(at(snapshot.revision.as_ref(), sequence)).await;
    assert!(agent.is_silent());
    let arrival = world.authority.arrival(REALM, sequence);
    assert_eq!((arrival.have, arrival.connected), (1, 1));
    let view = world.workloads.view(REALM, &caller.agent.id).unwrap();
    assert_eq!(view.revision.seq, i64::try_from(snapshot.revision.unwrap().seq).unwrap());
    drop(agent);
    assert_eq!(world.authority.arrival(REALM, sequence).connected, 0);
}

#[tokio::test]
async fn a_stream_ends_with_its_certificate() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let mut agent = Agent::open(&world, &caller, Ack::default()).await;
    agent.whole().await;
    world.clock.advance(Lifetime::minutes(59));
    assert!(agent.is_silent());
    world.clock.advance(Lifetime::minutes(1));
    assert_eq!(agent.ended().await, Reason::SvidExpired);
}

#[tokio::test]
async fn an_agent_that_says_nothing_is_sent_away() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let mut agent = Agent::connect(&world, &caller);
    assert!(agent.is_silent());
    world.clock.advance(Lifetime::seconds(30));
    let refused = agent.updates.next().await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_ban_an_eviction_and_a_stop_end_streams_at_once() {
    let world = world().await;
    let tasks = Tasks::new(std::sync::Arc::new(world.clock.clone()));
    tasks.spawn_until_stop("test.watch", world.workloads.clone().watch_realm(REALM));
    let callers =
        [world.agent("a", &[]).await, world.agent("b", &[]).await, world.agent("c", &[]).await];
    let mut agents = Vec::new();
    for caller in &callers {
        let mut agent = Agent::open(&world, caller, Ack::default()).await;
        agent.whole().await;
        agents.push(agent);
    }
    world.ban(&callers[0].agent.id).await;
    assert_eq!(agents[0].ended().await, Reason::Banned);
    world.evict(&callers[1].agent.id).await;
    assert_eq!(agents[1].ended().await, Reason::Evicted);
    assert!(agents[2].is_silent());
    world.workloads.say_goodbye_to_all();
    assert_eq!(agents[2].ended().await, Reason::ShuttingDown);
    // Whoever slipped past the listener before the ban is sent away by its first word.
    let mut late = Agent::open(&world, &callers[0], Ack::default()).await;
    assert_eq!(late.ended().await, Reason::Banned);
    tasks.stop(Lifetime::seconds(1)).await;
}

#[tokio::test]
async fn a_second_stream_of_an_agent_takes_over() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let mut first = Agent::open(&world, &caller, Ack::default()).await;
    first.whole().await;
    let mut second = Agent::open(&world, &caller, Ack::default()).await;
    second.whole().await;
    assert_eq!(first.ended().await, Reason::Replaced);
    drop(first);
    world.create_one(draft("/web", &caller.agent.id, 1)).await;
    assert_eq!(second.next().await.upserts.len(), 1);
}

#[tokio::test]
async fn foreign_bundles_come_with_the_entries_that_need_them_and_go_when_they_are_gone() {
    let world = world().await;
    let tasks = Tasks::new(std::sync::Arc::new(world.clock.clone()));
    tasks.spawn_until_stop("test.watch", world.workloads.clone().watch_realm(REALM));
    let caller = world.agent("a", &[]).await;
    world.federate("other.test").await;
    world.federate("unused.test").await;
    let mut agent = Agent::open(&world, &caller, Ack::default()).await;
    assert!(agent.whole().await[0].federated_bundles.is_empty(), "no entry needs one");
    let federates_with = vec![TrustDomain::parse("other.test").unwrap()];
    world.create_one(Draft { federates_with, ..draft("/web", &caller.agent.id, 1) }).await;
    let mut named = Vec::new();
    let mut removed = Vec::new();
    while named.is_empty() {
        let update = agent.next().await;
        named.extend(update.federated_bundles.into_iter().map(|bundle| bundle.trust_domain));
    }
    assert_eq!(named, ["other.test"]);
    world.unfederate("other.test").await;
    while removed.is_empty() {
        removed.extend(agent.next().await.removed_trust_domains);
    }
    assert_eq!(removed, ["other.test"]);
    tasks.stop(Lifetime::seconds(1)).await;
}

#[tokio::test]
async fn a_new_authority_reaches_the_agent_by_itself() {
    let world = world().await;
    let tasks = Tasks::new(std::sync::Arc::new(world.clock.clone()));
    tasks.spawn_until_stop("test.watch", world.workloads.clone().watch_realm(REALM));
    let caller = world.agent("a", &[]).await;
    let mut agent = Agent::open(&world, &caller, Ack::default()).await;
    let had = agent.whole().await[0].bundle.clone().unwrap().sequence_number;
    world.prepare_authority().await;
    let bundle = loop {
        if let Some(bundle) = agent.next().await.bundle {
            break bundle;
        }
    };
    assert!(bundle.sequence_number > had);
    assert_eq!(bundle.x509_authorities.len(), 2);
    tasks.stop(Lifetime::seconds(1)).await;
}
