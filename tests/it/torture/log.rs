//! The change log under torture: numbered from 1 without gap or double, nothing acknowledged lost, whoever is killed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinSet;
use weft::db::{Db, Engine};
use weft::kernel::{Fault, RealmId};
use weft::testkit::postgres::PostgresServer;
use weft::testkit::{TestDatabase, engines, until};
use weft::wire::api;

use super::admin::Outcome;
use super::kills::World;
use super::node::Node;
use super::program::Replica;
use super::verdict::{Flaws, Stored, in_ledger, open};
use super::writers::{Book, Run, issue, write};

/// Writers at each replica.
const WRITERS: usize = 8;
/// Kills in the full size; and acknowledged changes before each, so that they come to 20,000 altogether.
const KILLS_FULL: u64 = 20;
const CHANGES_FULL: u64 = 1000;
/// The same in a plain test run: every kind of kill once.
const KILLS_SMALL: u64 = 5;
const KILLS_SMALL_ALONE: u64 = 2;
const CHANGES_SMALL: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    for engine in engines() {
        let database = match engine {
            Engine::Sqlite => TestDatabase::new(engine).await,
            Engine::Postgres => TestDatabase::with_server(PostgresServer::start_durable()),
        };
        Box::pin(torture(&database, false)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_kills_around_a_restored_backup() {
    if engines().contains(&Engine::Sqlite) {
        let database = TestDatabase::new(Engine::Sqlite).await;
        Box::pin(torture(&database, true)).await;
    }
}

/// Kills, and acknowledged changes before each.
fn sizes(engine: Engine) -> (u64, u64) {
    let small = if engine == Engine::Postgres { KILLS_SMALL } else { KILLS_SMALL_ALONE };
    let kills = super::size("WEFT_TORTURE_KILLS", small);
    (kills, if kills >= KILLS_FULL { CHANGES_FULL } else { CHANGES_SMALL })
}

async fn torture(database: &TestDatabase, restored: bool) {
    let (kills, each) = sizes(database.engine());
    let world = world(database).await;
    let (mut book, mut issued) = (Book::default(), Vec::new());
    let mut histories = 1;
    if restored {
        let (before, serials) = round(&world, "a", kills / 2, each).await;
        let lasting = lose_what_follows_a_backup(&world).await;
        // A restored ledger ends where the backup was taken; what was issued until then is in it.
        issued.extend(serials);
        book.add(before);
        book.add(lasting);
        histories += 1;
    }
    let kills_left = if restored { kills - kills / 2 } else { kills };
    let (last, serials) = round(&world, "z", kills_left, each).await;
    book.add(last);
    issued.extend(serials);
    settle(&world, &mut book).await;

    let stored = Stored::read(database).await;
    let flaws = stored.flaws(&book.acknowledged);
    let followers = stored.followed_by(&world.replicas).await;
    let (n, d, last) = (book.acknowledged.len(), book.in_doubt.len(), stored.last());
    let mut found = 0;
    for id in &book.in_doubt {
        found += usize::from(stored.has(id) && world.replicas[0].admin.has(id).await);
    }
    let replicas = world.replicas.len();
    let what = what(database.engine(), replicas, kills, restored);
    let found_words = if found == d { format!("all {d}") } else { format!("{found}") };
    println!(
        "proof: {what}: {n} acknowledged, {d} in doubt, {found_words} found by their id; numbered 1..{last}, gaps {}, \
         doubles {}, lost {}, followers equal {followers}/{replicas}",
        flaws.gaps, flaws.doubles, flaws.lost,
    );
    assert_eq!(flaws, Flaws::default());
    assert_eq!((found, followers), (d, replicas));
    assert!(u64::try_from(n).unwrap() >= kills * each && last >= i64::try_from(n).unwrap());
    assert_eq!(book.wrong, Vec::<String>::new(), "answers that should not have come");
    let done: Vec<_> = book.refused.iter().filter(|id| stored.has(id)).collect();
    assert!(done.is_empty(), "refused with \"nothing was done\", and done: {done:?}");
    assert_eq!(stored.log.last().map(|last| last.history), Some(histories));
    check_ledger(&world, &issued, &what).await;
}

fn what(engine: Engine, replicas: usize, kills: u64, restored: bool) -> String {
    let engine = match engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    };
    let (plural, each) = if replicas == 1 { ("", "") } else { ("s", " each") };
    let and = if restored { ", across a restored backup" } else { "" };
    format!("{engine} {replicas} replica{plural}, {WRITERS} writers{each}, {kills} kills{and}")
}

/// Two replicas on PostgreSQL, one on SQLite.
async fn world(database: &TestDatabase) -> World<'_> {
    let first = Replica::new("first", database.url(), None);
    first.start().await;
    let mut replicas = vec![Arc::new(first)];
    if database.engine() == Engine::Postgres {
        let second = Replica::new("second", database.url(), Some(&replicas[0].kek()));
        second.start().await;
        replicas.push(Arc::new(second));
    }
    World { database, replicas }
}

/// Everybody writes and has SVIDs issued while so many are killed; gives their books.
async fn round(world: &World<'_>, name: &str, kills: u64, each: u64) -> (Book, Vec<String>) {
    let run = Arc::new(Run::default());
    let (mut writers, mut issuers) = (JoinSet::new(), JoinSet::new());
    for replica in &world.replicas {
        for n in 0..WRITERS {
            let name = format!("{name}.{}.{n}", replica.name);
            writers.spawn(write(Arc::clone(replica), name, Arc::clone(&run)));
        }
        let (node, entry) = joined(replica).await;
        issuers.spawn(issue(Arc::clone(replica), node, entry, Arc::clone(&run)));
    }
    world.kill(kills, each, &run).await;
    run.stop();
    let mut all = Book::default();
    writers.join_all().await.into_iter().for_each(|book| all.add(book));
    (all, issuers.join_all().await.into_iter().flatten().collect())
}

/// A node of this replica, and an entry of its own.
async fn joined(replica: &Replica) -> (Node, String) {
    let token: api::NewJoinToken =
        replica.admin.make("join-tokens", serde_json::json!({})).await.unwrap();
    let node = Node::join(replica.node(), &token.secret).await;
    let entry = serde_json::json!({
        "spiffe_id": format!("spiffe://weft.test/workload/{}", node.serial),
        "parent_id": node.id,
        "selectors": ["unix:uid:1"],
    });
    let entry: api::Entry = replica.admin.make("entries", entry).await.unwrap();
    (node, entry.id)
}

/// Takes a backup while a few write, lets them go on, and then goes back to it: what was acknowledged before the backup
/// began lasts, what was acknowledged after it is gone, and the numbers go on from where the backup was.
async fn lose_what_follows_a_backup(world: &World<'_>) -> Book {
    let replica = &world.replicas[0];
    let backup = replica.file("backup");
    let name = backup.to_string_lossy().into_owned();
    until_copied(world).await;
    let run = Arc::new(Run::default());
    let mut writing = JoinSet::new();
    writing.spawn(write(Arc::clone(replica), "b".to_owned(), Arc::clone(&run)));
    until("somebody writes", async || match run.acknowledged.load(Ordering::SeqCst) {
        50.. => Ok(()),
        few => Err(few),
    })
    .await;
    replica.command(&["backup", &name]).await;
    let mut after = Vec::new();
    for n in 0..20 {
        let id = format!("after.{n}");
        assert_eq!(replica.admin.create(&id).await, Outcome::Acknowledged);
        after.push(id);
    }
    run.stop();
    let mut book = writing.join_all().await.pop().unwrap();
    replica.kill().await;
    replica.command(&["restore", &name, "--yes"]).await;
    replica.start().await;
    let stored = Stored::read(world.database).await;
    assert!(after.iter().all(|id| !stored.has(id)), "it is no restored backup");
    // Of what one writer was told in the order of its asking, the backup holds the beginning.
    let lasting = book.acknowledged.iter().take_while(|id| stored.has(id)).count();
    assert!(
        lasting > 0 && lasting < book.acknowledged.len(),
        "{lasting} writes were before the backup"
    );
    assert!(
        !book.acknowledged.iter().skip(lasting).any(|id| stored.has(id)),
        "a hole in the backup"
    );
    book.acknowledged.truncate(lasting);
    book
}

/// Looks every change in doubt up by its id, as its administrator would: asks for it again under the same id. It is either
/// there already, or made now; a refusal that names neither is a failure.
async fn settle(world: &World<'_>, book: &mut Book) {
    for (n, id) in book.in_doubt.iter().enumerate() {
        let admin = &world.replicas[n % world.replicas.len()].admin;
        until("what was in doubt is settled", async || match admin.create(id).await {
            Outcome::Acknowledged => Ok(()),
            // 412: its id is taken, by itself.
            Outcome::Wrong(answer) if answer.starts_with("412 ") => Ok(()),
            other => Err(format!("{id}: {other:?}")),
        })
        .await;
    }
}

/// Every SVID that came is in the ledger, whoever was killed since: also what only the files of a killed server had.
async fn check_ledger(world: &World<'_>, issued: &[String], what: &str) {
    let admin = &world.replicas[0];
    let missing = until("the ledger is copied", async || {
        let ledger = in_ledger(admin, "svid.x509_issued", "serial").await;
        let missing = issued.iter().filter(|serial| !ledger.contains(*serial)).count();
        if missing == 0 { Ok(missing) } else { Err(format!("{missing} of {}", issued.len())) }
    })
    .await;
    let n = issued.len();
    println!("proof: {what}: {n} X.509-SVIDs acknowledged, in ledger ≥ {n}, missing {missing}");
    assert!(n > 0, "nobody had an SVID issued");
}

/// Waits until the local ledger of a server for which nobody issues is in the database.
async fn until_copied(world: &World<'_>) {
    let db = open(world.database).await;
    let mut last = -1;
    // The copier runs once a second: two looks that find the same are the end.
    for _ in 0..20 {
        let now = facts(&db).await;
        if now == last {
            return;
        }
        last = now;
        super::pause(2500).await;
    }
    panic!("the ledger grows while nobody issues");
}

async fn facts(db: &Db) -> i64 {
    let count: Result<i64, Fault> = db
        .read(RealmId::FIRST, (), |tx, ()| {
            Box::pin(async move { tx.row(FACTS, &[]).await?.map_or(Ok(0), |row| row.int("n")) })
        })
        .await;
    count.unwrap()
}

const FACTS: &str = "SELECT count(*) AS n FROM ledger WHERE realm = $1";
