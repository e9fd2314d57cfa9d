//! A replica is killed again and again while models are set at each: none that was acknowledged is lost, none is there by half,
//! and every replica scores by the same one in the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::task::JoinSet;
use weft::crypto::digest::{hex, sha256};
use weft::db::Engine;
use weft::testkit::{TestDatabase, until};
use weft::wire::api;

use super::admin::Outcome;
use super::program::{Replica, durable_databases, replicas};

/// Each at another moment of the writing.
const KILLS: usize = 2;
/// Acknowledged before each of them, and after the last.
const EACH: u64 = 10;
/// Acknowledged around each of them at most: altogether no more than a realm keeps, however long a start takes.
const AROUND: u64 = 200;

/// What whoever sets models shares.
#[derive(Debug, Default)]
struct Signs {
    stop: AtomicBool,
    version: AtomicU64,
    acknowledged: AtomicU64,
    /// Until so many are.
    enough: AtomicU64,
}

/// What one of them was told: the digest of each number, and of what nobody knows about.
#[derive(Debug, Default)]
struct Told {
    acknowledged: BTreeMap<i64, String>,
    in_doubt: Vec<String>,
    wrong: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_was_acknowledged_outlives_a_kill() {
    for database in durable_databases().await {
        Box::pin(torture(&database)).await;
    }
}

async fn torture(database: &TestDatabase) {
    let replicas = replicas(database).await;
    let signs = Arc::new(Signs::default());
    let mut setting = JoinSet::new();
    for replica in replicas.iter().chain(&replicas) {
        setting.spawn(set(Arc::clone(replica), Arc::clone(&signs)));
    }
    for n in 0..KILLS {
        until_acknowledged(&signs, &replicas).await;
        super::pause(i64::try_from(n * 7).unwrap()).await;
        let victim = &replicas[n % replicas.len()];
        victim.kill().await;
        victim.start().await;
    }
    until_acknowledged(&signs, &replicas).await;
    signs.stop.store(true, Ordering::SeqCst);
    let mut told = Told::default();
    for one in setting.join_all().await {
        for (number, digest) in one.acknowledged {
            let twice = told.acknowledged.insert(number, digest);
            assert_eq!(twice, None, "the number {number} was given twice");
        }
        told.in_doubt.extend(one.in_doubt);
        told.wrong.extend(one.wrong);
    }
    judge(database.engine(), &replicas, &told).await;
}

/// Sets one model after another until it is told to stop.
async fn set(replica: Arc<Replica>, signs: Arc<Signs>) -> Told {
    let mut told = Told::default();
    while !signs.stop.load(Ordering::SeqCst) {
        let (acknowledged, enough) = (&signs.acknowledged, &signs.enough);
        if acknowledged.load(Ordering::SeqCst) >= enough.load(Ordering::SeqCst) {
            super::pause(5).await;
            continue;
        }
        let text = model(signs.version.fetch_add(1, Ordering::SeqCst));
        let digest = hex(&sha256(text.as_bytes()));
        match replica.admin.set_model(&text).await {
            Ok(number) => {
                told.acknowledged.insert(number, digest);
                signs.acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            Err(Outcome::Refused) => super::pause(5).await,
            Err(Outcome::InDoubt) => told.in_doubt.push(digest),
            Err(wrong) => told.wrong.push(format!("{wrong:?}")),
        }
    }
    told
}

fn model(version: u64) -> String {
    let signal = "[[profile.signal]]\nname = \"ssh\"\nweight = 10000\nfresh_seconds = 60\n";
    let levels = "levels = { trusted = 80, standard = 60, restricted = 40 }";
    format!("name = \"m\"\nversion = {version}\n{levels}\n[[profile]]\nname = \"p\"\n{signal}")
}

async fn until_acknowledged(signs: &Signs, replicas: &[Arc<Replica>]) {
    let enough = signs.acknowledged.load(Ordering::SeqCst) + EACH;
    signs.enough.store(enough + AROUND, Ordering::SeqCst);
    until("models are set", async || {
        let now = signs.acknowledged.load(Ordering::SeqCst);
        let words = || replicas.iter().map(|one| one.words()).collect::<Vec<_>>().join("\n");
        if now >= enough { Ok(()) } else { Err(words()) }
    })
    .await;
}

async fn judge(engine: Engine, replicas: &[Arc<Replica>], told: &Told) {
    assert_eq!(told.wrong, Vec::<String>::new());
    let mut listed = Vec::new();
    for replica in replicas {
        let all: Vec<api::PostureModel> = replica.admin.all("posture-models").await.unwrap();
        let all: BTreeMap<i64, String> =
            all.into_iter().map(|one| (one.number, one.digest)).collect();
        listed.push(all);
    }
    let kept = listed.first().cloned().unwrap_or_default();
    assert!(listed.iter().all(|one| *one == kept), "replicas list the same");
    let newest = i64::try_from(kept.len()).unwrap();
    assert!(kept.keys().copied().eq(1..=newest), "numbered from 1 without a gap");
    let missing =
        told.acknowledged.iter().filter(|(number, digest)| kept.get(number) != Some(digest));
    let missing = missing.count();
    let known = |digest: &String| {
        told.in_doubt.contains(digest) || told.acknowledged.values().any(|one| one == digest)
    };
    let unknown = kept.values().filter(|digest| !known(digest)).count();
    for replica in replicas {
        until("it scores by the newest", async || scores_by(replica, &kept[&newest]).await).await;
    }
    println!(
        "proof: models on {engine:?}: {KILLS} kills, {} acknowledged, {missing} lost, {} in doubt, {unknown} nobody set; \
         {} replicas score by the newest",
        told.acknowledged.len(),
        told.in_doubt.len(),
        replicas.len(),
    );
    assert_eq!((missing, unknown), (0, 0));
}

/// What a replica scores by is what it says of a trial: that is from its memory.
async fn scores_by(replica: &Replica, digest: &str) -> Result<(), String> {
    let ask = serde_json::json!({ "number": 0 });
    let trial: api::PostureModelTrial = replica.admin.make("posture-model-trials", ask).await?;
    if trial.active_digest == digest { Ok(()) } else { Err(format!("{trial:?}")) }
}
