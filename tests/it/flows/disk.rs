//! A disk that is full and a database that can only be read: changes are refused, issuing goes on while it can be
//! recorded, and nobody restarts anything.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use weft::db::Engine;
use weft::kernel::{Failure, Fault, Kind, RealmId};
use weft::nodes::NodeCaller;
use weft::testkit::{TestAgent, TestDatabase, TestServer, engines, until};
use weft::workloads::JwtAsk;

use super::again::{again, is_root, told};
use super::{Fabric, me};
use crate::admin_api::ask;
use crate::statements::caller;

const TEST: &str = "flows::disk::a_full_disk_stops_issuing_and_loses_nothing";
/// Tells the second run where its small disk is.
const DISK: &str = "WEFT_TEST_SMALL_DISK";
/// Mounts it, where only this program and its children see it.
const MOUNT: &str = "mount -t tmpfs -o size=24m tmpfs \"$TMPDIR\" && exec \"$0\" \"$@\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_issuing_and_loses_nothing() {
    if let Some(disk) = told(DISK) {
        return on_a_small_disk(Path::new(&disk)).await;
    }
    let disk = tempfile::tempdir().unwrap();
    let apart = if is_root() { "-m" } else { "-Urm" };
    let program = std::env::current_exe().unwrap();
    let mut command = again(&["unshare", apart, "sh", "-c", MOUNT], &program, TEST);
    // The database, the ledger and all else that the second run keeps is below its `TMPDIR`.
    let ran = command.env(DISK, disk.path()).env("TMPDIR", disk.path()).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    for proof in said.lines().filter(|line| line.starts_with("proof: ")) {
        println!("{proof}");
    }
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("proof: full disk"), "{said}");
}

async fn on_a_small_disk(disk: &Path) {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let server = TestServer::start_with(&database, |all| all.ledger.bound_mib = 8).await;
    let agent = TestAgent::join(&server).await;
    let fabric = Fabric { server, agent };
    let issuing = Issuing::new(&fabric).await;

    let junk = disk.join("junk");
    fill(&junk);
    let mut stored = 1;
    let refused = loop {
        match change(&fabric, stored).await {
            (201, _) => stored += 1,
            refused => break refused,
        }
        assert!(stored < 10_000, "the disk is not full");
    };
    assert_eq!((refused.0, &refused.1["code"]), (503, &json!("storage.full")), "{}", refused.1);

    let mut issued = 0;
    let why = loop {
        match issuing.token().await {
            Ok(()) => issued += 1,
            Err(why) => break why,
        }
        assert!(issued < 100_000, "the ledger is not full");
    };
    assert!(issued > 0, "a change needs the database, an SVID the ledger alone");
    assert_eq!((why.kind, why.code), (Kind::Unavailable, "storage.full"));
    until_ledger_is(&fabric, "degraded").await;
    let mut refusals = 1;
    for _ in 0..20 {
        match issuing.token().await {
            Ok(()) => issued += 1,
            Err(_) => refusals += 1,
        }
    }

    std::fs::remove_file(junk).unwrap();
    until("there is room to issue", async || issuing.token().await).await;
    issued += 1;
    until_ledger_is(&fabric, "ok").await;
    until("changes are taken again", async || match change(&fabric, stored).await {
        (201, _) => Ok(()),
        refused => Err(refused),
    })
    .await;
    stored += 1;
    let (_, status) = ask(&fabric.server, "GET", "status", "", None).await;
    assert_eq!(status["counts"]["entries"], json!(stored), "{status}");
    let recorded = issuing.recorded(issued).await;
    assert_eq!(recorded, issued, "what was refused is on record, or the other way round");
    println!(
        "proof: full disk: acknowledged {issued}, refused {refusals}, in ledger {recorded}; changes kept {stored}, \
         refused 1 (503), none lost; no restart"
    );
}

#[tokio::test]
async fn a_read_only_database_refuses_changes_and_goes_on_issuing() {
    for engine in engines() {
        let database = TestDatabase::new(engine).await;
        let fabric = Fabric::over(&database).await;
        let issuing = Issuing::new(&fabric).await;
        read_only(&database, &fabric, true).await;
        until("a change is refused", async || match change(&fabric, 1).await {
            (503, said) if said["code"] == json!("storage.read_only") => Ok(()),
            other => Err(other),
        })
        .await;
        for _ in 0..10 {
            issuing.token().await.unwrap();
        }
        read_only(&database, &fabric, false).await;
        until("changes are taken again", async || match change(&fabric, 1).await {
            // It may have been taken by the attempt before, whose answer was lost with its connection.
            (201 | 409, _) => Ok(()),
            refused => Err(refused),
        })
        .await;
        assert_eq!(issuing.recorded(10).await, 10);
    }
}

async fn read_only(database: &TestDatabase, fabric: &Fabric, on: bool) {
    if database.engine() == Engine::Sqlite {
        return fabric.server.server().env.db.read_only(on).await.unwrap();
    }
    let setting = if on {
        "SET default_transaction_read_only = on"
    } else {
        "RESET default_transaction_read_only"
    };
    database.sql(&format!(
        "BEGIN READ WRITE; \
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {setting}', current_database()); END $$; COMMIT; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ));
}

/// Makes the entry of this number over the admin API.
async fn change(fabric: &Fabric, n: usize) -> (u16, Value) {
    let entry = json!({
        "spiffe_id": fabric.server.id(&format!("/n/{n}")).to_string(),
        "parent_id": fabric.agent.id().to_string(), "selectors": [format!("unix:uid:{n}")],
    });
    ask(&fabric.server, "POST", "entries", "", Some(entry)).await
}

async fn until_ledger_is(fabric: &Fabric, health: &str) {
    until("the health page knows", async || {
        let (_, status) = ask(&fabric.server, "GET", "status", "", None).await;
        let parts = status["components"].as_array().cloned().unwrap_or_default();
        let ledger = parts.into_iter().find(|part| part["name"] == json!("ledger"));
        let said = ledger.map(|part| part["health"].clone());
        if said == Some(json!(health)) { Ok(()) } else { Err(said) }
    })
    .await;
}

/// Writes until nothing more fits.
fn fill(junk: &Path) {
    let mut file = File::create(junk).unwrap();
    for size in [65_536, 4096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

/// JWT-SVIDs of one entry, through the operation that the agent's calls reach.
struct Issuing<'a> {
    fabric: &'a Fabric,
    caller: NodeCaller,
    entry: String,
}

impl<'a> Issuing<'a> {
    async fn new(fabric: &'a Fabric) -> Self {
        let entry = fabric.server.create("/web", fabric.agent.id(), &[&me()]).await.id.to_string();
        Self { fabric, caller: caller(fabric), entry }
    }

    async fn token(&self) -> Result<(), Failure> {
        let ask = JwtAsk { entry: self.entry.clone(), audience: vec!["billing".to_owned()] };
        let issued = self.fabric.server.server().workloads.issue_jwt(&self.caller, ask).await;
        issued.map(drop).map_err(Failure::from)
    }

    /// How many tokens the ledger's copy knows of, once it knows of so many.
    async fn recorded(&self, at_least: usize) -> usize {
        until("the ledger is copied", async || {
            let rows: Result<i64, Fault> = (self.fabric.server.server().env.db)
                .read(RealmId::FIRST, (), |tx, ()| {
                    Box::pin(async move {
                        let row = tx.row(COUNT, &[]).await?;
                        row.map_or(Ok(0), |row| row.int("tokens"))
                    })
                })
                .await;
            let count = usize::try_from(rows.map_err(|fault| fault.to_string())?).unwrap();
            if count >= at_least { Ok(count) } else { Err(format!("{count} of {at_least}")) }
        })
        .await
    }
}

const COUNT: &str =
    "SELECT COUNT(*) AS tokens FROM ledger WHERE realm = $1 AND kind = 'svid.jwt_issued'";
