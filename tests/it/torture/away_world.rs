//! The fleet whose database is taken away: two replicas, many nodes that have SVIDs issued and renew their own, and
//! administrators who try to change something.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;
use weft::env::{Clock as _, SystemClock};
use weft::kernel::Lifetime;
use weft::testkit::{TestDatabase, until};
use weft::wire::api;

use super::admin::Outcome;
use super::node::Node;
use super::program::Replica;

/// How the fleet is.
pub(super) const NODES: usize = 50;
pub(super) const SVID_SECONDS: i64 = 60;
/// Nodes renew at half-life.
pub(super) const RENEWAL_SECONDS: i64 = SVID_SECONDS / 2;
/// In each second each node asks for so many X.509-SVIDs, in one call, and so many JWT-SVIDs, in a call each.
const X509_A_SECOND: usize = 5;
const JWT_A_SECOND: usize = 5;
pub(super) const ISSUED_A_SECOND: usize = NODES * (X509_A_SECOND + JWT_A_SECOND);

/// What everybody looks at.
#[derive(Debug, Default)]
pub(super) struct Signs {
    pub(super) away: AtomicBool,
    pub(super) stop: AtomicBool,
}

/// What one node got while the database was away, and what it did not get at any time.
#[derive(Debug, Default)]
pub(super) struct Got {
    pub(super) renewals: usize,
    /// Serial numbers of X.509-SVIDs, its own included.
    pub(super) serials: Vec<String>,
    /// Audiences of JWT-SVIDs.
    pub(super) audiences: Vec<String>,
    pub(super) failed_renewals: Vec<String>,
    pub(super) failed: Vec<String>,
    /// The node's ID and the SVID it shows in the end.
    pub(super) shows: BTreeMap<String, String>,
}

impl Got {
    pub(super) fn add(&mut self, other: Self) {
        self.renewals += other.renewals;
        self.serials.extend(other.serials);
        self.audiences.extend(other.audiences);
        self.failed_renewals.extend(other.failed_renewals);
        self.failed.extend(other.failed);
        self.shows.extend(other.shows);
    }
}

/// Two replicas on one database.
pub(super) async fn replicas(database: &TestDatabase) -> [Arc<Replica>; 2] {
    let life = SVID_SECONDS.to_string();
    let first = Replica::new("first", database.url(), None).with("node.svid_seconds", &life);
    first.start().await;
    let second = Replica::new("second", database.url(), Some(&first.kek()));
    let second = second.with("node.svid_seconds", &life);
    second.start().await;
    [Arc::new(first), Arc::new(second)]
}

/// Nodes that have joined, half of them at each replica, with an entry each that both replicas know.
pub(super) async fn fleet(replicas: &[Arc<Replica>; 2]) -> Vec<(Node, String)> {
    let wish = serde_json::json!({ "uses_max": NODES });
    let token: api::NewJoinToken = replicas[0].admin.make("join-tokens", wish).await.unwrap();
    let mut nodes = Vec::new();
    for n in 0..NODES {
        let node = Node::join(replicas[n % 2].node(), &token.secret).await;
        let entry = serde_json::json!({
            "spiffe_id": format!("spiffe://weft.test/workload/{n}"),
            "parent_id": node.id,
            "selectors": ["unix:uid:1"],
        });
        let entry: api::Entry = replicas[n % 2].admin.make("entries", entry).await.unwrap();
        nodes.push((node, entry.id));
    }
    for replica in replicas {
        until("both replicas know everybody", async || {
            let entries: Vec<api::Entry> = replica.admin.all("entries").await?;
            let agents: Vec<api::Agent> = replica.admin.all("agents").await?;
            let known = (entries.len(), agents.len());
            if known == (NODES, NODES) { Ok(()) } else { Err(format!("{known:?}")) }
        })
        .await;
    }
    nodes
}

/// Sets the fleet to work.
pub(super) fn work(
    nodes: Vec<(Node, String)>,
    replicas: &[Arc<Replica>; 2],
    signs: &Arc<Signs>,
) -> JoinSet<Got> {
    let mut working = JoinSet::new();
    for (n, (node, entry)) in nodes.into_iter().enumerate() {
        let (replicas, signs) = (replicas.clone(), Arc::clone(signs));
        working.spawn(Worker { n, node, entry, replicas, signs, got: Got::default() }.run());
    }
    working
}

struct Worker {
    n: usize,
    node: Node,
    entry: String,
    replicas: [Arc<Replica>; 2],
    signs: Arc<Signs>,
    got: Got,
}

impl Worker {
    /// A round a second, the rounds of all nodes spread over it; a renewal every half-life, spread likewise.
    async fn run(mut self) -> Got {
        let clock = SystemClock::new();
        let part =
            |whole: i64| whole * i64::try_from(self.n).unwrap() / i64::try_from(NODES).unwrap();
        let (mut round, mut renewal) = (part(1000), part(RENEWAL_SECONDS * 1000));
        let mut home = self.n % 2;
        let mut count = 0_usize;
        while !self.signs.stop.load(Ordering::SeqCst) {
            let now = clock.elapsed().as_micros() / 1000;
            if now < round {
                clock.sleep(Lifetime::millis(round - now)).await;
            }
            // Who is late does not catch up: the rate that was reached is told as it was.
            round = (round + 1000).max(clock.elapsed().as_micros() / 1000);
            if clock.elapsed().as_micros() / 1000 >= renewal {
                renewal += RENEWAL_SECONDS * 1000;
                home = 1 - home;
                self.renew(home).await;
            }
            self.issue(&mut count).await;
        }
        self.got.shows.insert(self.node.id.clone(), self.node.serial.clone());
        self.got
    }

    /// Renews at the replica where it is, and from then on shows the new SVID to the other.
    async fn renew(&mut self, other: usize) {
        let away = self.away();
        match self.node.renew().await {
            Ok(()) if away && self.away() => {
                self.got.renewals += 1;
                self.got.serials.push(self.node.serial.clone());
            }
            Ok(()) => {}
            Err(status) => self.got.failed_renewals.push(format!("{}: {status:?}", self.node.id)),
        }
        self.node.dial(self.replicas[other].node());
    }

    /// One call after the other: a fleet on a slow machine asks less often, and is not stuck in its own queue.
    async fn issue(&mut self, count: &mut usize) {
        let away = self.away();
        match self.node.x509_svids(&self.entry, X509_A_SECOND).await {
            Ok(serials) if away && self.away() => self.got.serials.extend(serials),
            Ok(_) => {}
            Err(status) => self.got.failed.push(format!("X.509: {status:?}")),
        }
        for _ in 0..JWT_A_SECOND {
            *count += 1;
            let audience = format!("of-{}-{count}", self.n);
            let away = self.away();
            match self.node.jwt_svid(&self.entry, &audience).await {
                Ok(()) if away && self.away() => self.got.audiences.push(audience),
                Ok(()) => {}
                Err(status) => self.got.failed.push(format!("JWT: {status:?}")),
            }
        }
    }

    fn away(&self) -> bool {
        self.signs.away.load(Ordering::SeqCst)
    }
}

/// What administrators were told while the database was away.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Ids that were refused with 503.
    pub(super) refused: Vec<String>,
    /// Of these, those whose outcome nobody knew.
    pub(super) in_doubt: Vec<String>,
    /// Any other answer.
    pub(super) wrong: Vec<String>,
    /// The longest time one had to wait for it, in milliseconds.
    pub(super) slowest: i64,
}

/// Asks for changes until the end, and keeps what was answered while the database was away.
pub(super) async fn try_to_change(replica: Arc<Replica>, signs: Arc<Signs>) -> Refusals {
    let clock = SystemClock::new();
    let mut told = Refusals::default();
    for n in 0.. {
        if signs.stop.load(Ordering::SeqCst) {
            break;
        }
        let id = format!("try.{}.{n}", replica.name);
        let (away, began) = (signs.away.load(Ordering::SeqCst), clock.elapsed().as_micros());
        let outcome = replica.admin.create(&id).await;
        if away && signs.away.load(Ordering::SeqCst) {
            told.slowest = told.slowest.max((clock.elapsed().as_micros() - began) / 1000);
            match outcome {
                Outcome::Refused => told.refused.push(id),
                Outcome::InDoubt => {
                    told.in_doubt.push(id.clone());
                    told.refused.push(id);
                }
                other => told.wrong.push(format!("{id}: {other:?}")),
            }
        }
        super::pause(250).await;
    }
    told
}
