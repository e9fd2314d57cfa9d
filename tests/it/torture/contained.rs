//! A replica is killed again and again while subjects are contained and released at each: whom a containment was acknowledged of
//! is contained after the next start, at every replica, and whom a release was acknowledged of is not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::task::JoinSet;
use weft::db::Engine;
use weft::testkit::{TestDatabase, until};
use weft::wire::api;

use super::admin::Outcome;
use super::program::{Replica, durable_databases, replicas};

/// Each at another moment of the writing.
const KILLS: u64 = 2;
/// Acknowledged before each of them, and after the last.
const EACH: u64 = 10;

/// What whoever contains shares.
#[derive(Debug, Default)]
struct Signs {
    stop: AtomicBool,
    number: AtomicU64,
    acknowledged: AtomicU64,
}

/// What is to be of each subject: contained or not; nothing where nobody knows.
type Told = BTreeMap<String, Option<bool>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_containment_that_was_acknowledged_outlives_a_kill() {
    for database in durable_databases().await {
        Box::pin(torture(&database)).await;
    }
}

async fn torture(database: &TestDatabase) {
    let replicas = replicas(database).await;
    let signs = Arc::new(Signs::default());
    let mut writing = JoinSet::new();
    for replica in replicas.iter().chain(&replicas) {
        writing.spawn(write(Arc::clone(replica), Arc::clone(&signs)));
    }
    for n in 0..KILLS {
        until_acknowledged(&signs).await;
        super::pause(i64::try_from(n * 7).unwrap()).await;
        let victim = &replicas[usize::try_from(n).unwrap() % replicas.len()];
        victim.kill().await;
        victim.start().await;
    }
    until_acknowledged(&signs).await;
    signs.stop.store(true, Ordering::SeqCst);
    let told = writing.join_all().await.into_iter().flatten().collect();
    // One start more, so that nothing is told from the memory of who was asked.
    for replica in &replicas {
        replica.kill().await;
        replica.start().await;
    }
    judge(database.engine(), &replicas, &told).await;
}

/// Contains one subject after another, and releases every second of them, until it is told to stop.
async fn write(replica: Arc<Replica>, signs: Arc<Signs>) -> Told {
    let mut told = Told::new();
    while !signs.stop.load(Ordering::SeqCst) {
        let number = signs.number.fetch_add(1, Ordering::SeqCst);
        let subject = format!("spiffe://weft.test/of/{number}");
        let mut state = of(replica.admin.contain(&subject).await, true, Some(false));
        if state == Some(true) && number.is_multiple_of(2) {
            state = of(replica.admin.release(&subject).await, false, state);
        }
        if state.is_some() {
            signs.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        told.insert(subject, state);
        super::pause(5).await;
    }
    told
}

/// What is to be after this answer, of what was before.
fn of(outcome: Outcome, done: bool, before: Option<bool>) -> Option<bool> {
    match outcome {
        Outcome::Acknowledged => Some(done),
        Outcome::Refused => before,
        Outcome::InDoubt => None,
        Outcome::Wrong(words) => panic!("{words}"),
    }
}

async fn until_acknowledged(signs: &Signs) {
    let enough = signs.acknowledged.load(Ordering::SeqCst) + EACH;
    until("subjects are contained", async || {
        let now = signs.acknowledged.load(Ordering::SeqCst);
        if now >= enough { Ok(()) } else { Err(now) }
    })
    .await;
}

async fn judge(engine: Engine, replicas: &[Arc<Replica>], told: &Told) {
    let wanted = |state: bool| -> Vec<&String> {
        told.iter().filter(|(_, one)| **one == Some(state)).map(|(subject, _)| subject).collect()
    };
    let (contained, free) = (wanted(true), wanted(false));
    let (mut lost, mut back) = (0, 0);
    for replica in replicas {
        let all: Vec<api::Containment> = replica.admin.all("containments").await.unwrap();
        let held: BTreeSet<String> = all.into_iter().map(|one| one.subject).collect();
        assert!(held.iter().all(|subject| told.contains_key(subject)), "{held:?}");
        lost += contained.iter().filter(|subject| !held.contains(**subject)).count();
        back += free.iter().filter(|subject| held.contains(**subject)).count();
    }
    println!(
        "proof: containments on {engine:?}: {KILLS} kills, {} acknowledged, {lost} lost; {} released, {back} of them contained \
         all the same",
        contained.len(),
        free.len(),
    );
    assert!(!contained.is_empty() && !free.is_empty());
    assert_eq!((lost, back), (0, 0));
}
