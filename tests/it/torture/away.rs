//! The database is away, first frozen and then killed, while a fleet goes on: everybody renews, workloads get their SVIDs,
//! changes are refused, and when it is back nothing that was acknowledged is missing from the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinSet;
use weft::db::Engine;
use weft::env::{Clock as _, SystemClock};
use weft::kernel::Lifetime;
use weft::testkit::postgres::{PostgresServer, Stop};
use weft::testkit::{TestDatabase, engines, until};
use weft::wire::api;

use super::admin::Outcome;
use super::away_world::{
    Got, ISSUED_A_SECOND, NODES, RENEWAL_SECONDS, Refusals, SVID_SECONDS, Signs, fleet, replicas,
    try_to_change, work,
};
use super::program::Replica;
use super::verdict::{Stored, in_ledger};

/// Seconds in a plain test run.
const SECONDS_SMALL: u64 = 20;
/// Of 100 issuances that the fleet wants, so many must come in a run of two minutes or more, which has the machine to
/// itself. A short one in the middle of a test run shares it: it tells the rate that it reached.
const RATE_PERCENT_MIN: usize = 95;
const RATE_HOLDS_FROM_SECONDS: u64 = 120;
/// Before and after, with the database there.
const AROUND_MILLIS: i64 = 3000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_outlives_its_database() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let seconds = super::size("FOR", SECONDS_SMALL);
    let database = TestDatabase::with_server(PostgresServer::start_durable());
    let replicas = replicas(&database).await;
    let nodes = fleet(&replicas).await;
    let signs = Arc::new(Signs::default());
    let working = work(nodes, &replicas, &signs);
    let mut changing = JoinSet::new();
    for replica in &replicas {
        changing.spawn(try_to_change(Arc::clone(replica), Arc::clone(&signs)));
    }
    super::pause(AROUND_MILLIS).await;
    let measured = take_away(&database, &signs, seconds).await;
    until_changes_are_taken(&replicas).await;
    super::pause(AROUND_MILLIS).await;
    signs.stop.store(true, Ordering::SeqCst);
    let mut got = Got::default();
    working.join_all().await.into_iter().for_each(|one| got.add(one));
    let refusals = changing.join_all().await;
    judge(&database, &replicas, Outage { seconds, measured }, got, refusals).await;
}

#[tokio::test]
async fn a_replica_that_starts_without_its_database_says_so_and_serves_once_it_is_there() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let database = TestDatabase::with_server(PostgresServer::start());
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let replica = Replica::new("late", database.url(), None).with("listen.ops", &free.to_string());
    database.server().unwrap().stop(Stop::Immediate);
    let health = async |path: &str| {
        let answer = reqwest::get(format!("http://{free}/{path}"))
            .await
            .map_err(|error| format!("{error:?}"))?;
        let status = answer.status().as_u16();
        Ok::<_, String>((status, answer.text().await.map_err(|error| format!("{error:?}"))?))
    };
    let late = async {
        let (status, words) = until("health is served", async || health("ready").await).await;
        assert_eq!(status, 503);
        assert!(words.contains("away"), "{words}");
        assert_eq!(health("live").await.unwrap().0, 200);
        database.server().unwrap().start_again();
    };
    let ((), ()) = tokio::join!(replica.start(), late);
    assert_eq!(until("it is ready", async || health("ready").await).await.0, 200);
    assert_eq!(replica.admin.create("first").await, Outcome::Acknowledged);
}

/// How long the database was away: as asked for, and as measured.
struct Outage {
    seconds: u64,
    measured: Lifetime,
}

/// First nothing answers and nothing is closed; then everything is closed and nobody is there.
async fn take_away(database: &TestDatabase, signs: &Signs, seconds: u64) -> Lifetime {
    let server = database.server().unwrap();
    let clock = SystemClock::new();
    let half = Lifetime::millis(i64::try_from(seconds * 500).unwrap());
    server.freeze();
    signs.away.store(true, Ordering::SeqCst);
    let began = clock.elapsed().as_micros();
    clock.sleep(half).await;
    server.stop(Stop::Kill);
    let passed = clock.elapsed().as_micros() - began;
    let whole = i64::try_from(seconds * 1_000_000).unwrap();
    clock.sleep(Lifetime::micros(whole - passed)).await;
    let measured = Lifetime::micros(clock.elapsed().as_micros() - began);
    signs.away.store(false, Ordering::SeqCst);
    server.start_again();
    measured
}

async fn until_changes_are_taken(replicas: &[Arc<Replica>; 2]) {
    for replica in replicas {
        until("changes are taken again", async || {
            match replica.admin.create(&format!("back.{}", replica.name)).await {
                Outcome::Acknowledged => Ok(()),
                Outcome::Wrong(answer) if answer.starts_with("412 ") => Ok(()),
                other => Err(format!("{other:?}: {}", replica.words())),
            }
        })
        .await;
    }
}

async fn judge(
    database: &TestDatabase,
    replicas: &[Arc<Replica>; 2],
    outage: Outage,
    got: Got,
    refusals: Vec<Refusals>,
) {
    let (acknowledged, renewals) = (got.serials.len() + got.audiences.len(), got.renewals);
    let (ledger, missing) = look_into_the_ledger(replicas, &got).await;
    let agree = agree(replicas, &got).await && same_entries(database, replicas).await;
    let refused: usize = refusals.iter().map(|told| told.refused.len()).sum();
    let in_doubt: Vec<&String> = refusals.iter().flat_map(|told| &told.in_doubt).collect();
    let slowest = refusals.iter().map(|told| told.slowest).max().unwrap_or(0);
    let Outage { seconds, measured } = outage;
    let millis = usize::try_from(measured.as_micros() / 1000).unwrap().max(1);
    let rate = (acknowledged - renewals) * 1000 / millis;
    println!(
        "proof: agent SVIDs of {SVID_SECONDS} s, {NODES} agents, {rate} issuances/s: database away {seconds} s: \
         renewals {renewals}, failed {}; acknowledged {acknowledged}, in ledger ≥ {acknowledged}, missing {missing}; \
         changes refused {refused} (503); replicas {}",
        got.failed_renewals.len(),
        if agree { "agree" } else { "do not agree" },
    );
    println!(
        "proof: database away {seconds} s: {ledger} such facts in the ledger of the whole run, {} refused changes in \
         doubt, slowest refusal {slowest} ms",
        in_doubt.len()
    );
    assert_eq!(got.failed_renewals, Vec::<String>::new());
    assert_eq!(got.failed, Vec::<String>::new());
    assert!(ledger >= acknowledged && missing == 0 && agree);
    // Of the renewals that a half-life makes, nine of ten: 900 in 600 seconds.
    let due = u64::try_from(NODES).unwrap() * seconds / u64::try_from(RENEWAL_SECONDS).unwrap();
    assert!(u64::try_from(renewals).unwrap() * 10 >= due * 9, "{due} renewals were due");
    let enough =
        seconds < RATE_HOLDS_FROM_SECONDS || rate * 100 >= ISSUED_A_SECOND * RATE_PERCENT_MIN;
    assert!(enough, "the fleet wanted {ISSUED_A_SECOND} issuances/s");
    assert!(refused > 0, "nobody tried to change anything");
    for told in &refusals {
        assert_eq!(
            told.wrong,
            Vec::<String>::new(),
            "answers to changes while the database was away"
        );
    }
    check_refused(database, &refusals).await;
}

/// What was refused with "nothing was done" is not there.
async fn check_refused(database: &TestDatabase, refusals: &[Refusals]) {
    let stored = Stored::read(database).await;
    let sure = |told: &Refusals| {
        let done = told.refused.iter().filter(|id| !told.in_doubt.contains(id) && stored.has(id));
        done.cloned().collect::<Vec<_>>()
    };
    let done: Vec<String> = refusals.iter().flat_map(sure).collect();
    assert!(done.is_empty(), "refused with \"nothing was done\", and done: {done:?}");
}

/// How many facts of the two kinds the ledger has once everything is copied, and how many of what came are not in it.
async fn look_into_the_ledger(replicas: &[Arc<Replica>; 2], got: &Got) -> (usize, usize) {
    until("the ledger is copied", async || {
        let (x509, jwt) = tokio::join!(
            in_ledger(&replicas[0], "svid.x509_issued", "serial"),
            in_ledger(&replicas[1], "svid.jwt_issued", "audience"),
        );
        let missing = got.serials.iter().filter(|serial| !x509.contains(*serial)).count()
            + got.audiences.iter().filter(|audience| !jwt.contains(*audience)).count();
        if missing == 0 { Ok((x509.len() + jwt.len(), missing)) } else { Err(missing) }
    })
    .await
}

/// Both replicas know the same of each agent, and it is the SVID that the agent shows.
async fn agree(replicas: &[Arc<Replica>; 2], got: &Got) -> bool {
    for replica in replicas {
        until("the replica knows each agent's newest SVID", async || {
            let agents: Vec<api::Agent> = replica.admin.all("agents").await?;
            let known: BTreeMap<String, String> =
                agents.into_iter().map(|agent| (agent.spiffe_id, agent.serial)).collect();
            let differing =
                known.iter().filter(|(id, serial)| got.shows.get(*id) != Some(serial)).count();
            if known.len() == NODES && differing == 0 {
                Ok(())
            } else {
                Err(format!("{differing} differ"))
            }
        })
        .await;
    }
    true
}

/// Both replicas' indexes hold what the database holds.
async fn same_entries(database: &TestDatabase, replicas: &[Arc<Replica>; 2]) -> bool {
    Stored::read(database).await.followed_by(replicas).await == replicas.len()
}
