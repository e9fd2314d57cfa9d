//! What the slices say to the database, read as one law, and how often they say it while SVIDs are issued.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::x509::csr;
use weft::db::{Engine, Row, Value};
use weft::kernel::{Fault, RealmId, Situation};
use weft::nodes::{NodeCaller, PeerSvid};
use weft::testkit::{TestDatabase, on_each_engine, until};
use weft::workloads::{Entry, JwtAsk, X509Ask};

use crate::flows::{Fabric, on_each, until_given};

#[tokio::test]
async fn every_statement_of_every_slice_is_understood_by_both_engines() {
    on_each_engine(async |db| {
        for (slice, statements) in weft::server::statements() {
            assert!(!statements.is_empty(), "{slice} says nothing");
            for sql in statements {
                let done: Result<(), Fault> =
                    db.read(RealmId::FIRST, *sql, |tx, sql| Box::pin(tx.prepare(sql))).await;
                done.unwrap_or_else(|fault| panic!("{slice}: {sql}: {fault}"));
            }
        }
    })
    .await;
}

#[test]
fn no_statement_on_a_realm_table_lacks_its_realm() {
    for (slice, statements) in weft::server::statements() {
        for sql in statements {
            assert!(names_the_realm(sql), "{slice}: {sql}");
        }
    }
}

/// SQLite keeps no counts of rows, and takes the realm alone for a good key where that saves it a sort.
#[tokio::test]
async fn what_hangs_off_one_person_is_not_looked_for_among_all_of_them() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let db = database.open().await;
    let mut looked = 0;
    for (slice, statements) in weft::server::statements() {
        for sql in statements {
            let plan: Result<Vec<Row>, Fault> = db
                .read(RealmId::FIRST, plan_of(sql), |tx, (plan, parameters)| {
                    Box::pin(async move {
                        tx.rows(plan, &vec![Value::Int(None); parameters.saturating_sub(1)]).await
                    })
                })
                .await;
            for step in plan.unwrap_or_else(|fault| panic!("{slice}: {sql}: {fault}")) {
                let step = step.text("detail").unwrap();
                let walks = step.starts_with("SCAN") || step.ends_with("(realm=?)");
                let of_people = OF_PEOPLE.iter().any(|table| step_is_of(&step, table, sql));
                assert!(!(walks && of_people), "{slice}: {step}: {sql}");
                looked += usize::from(of_people);
            }
        }
    }
    assert!(looked > 50, "{looked} steps concern what grows with the number of people");
}

/// What asks SQLite for a statement's plan, and how many parameters it has.
fn plan_of(sql: &str) -> (&'static str, usize) {
    let numbers = sql.split('$').skip(1);
    let numbers = numbers.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap());
    let parameters = numbers.map(|number| number.parse().unwrap()).max().unwrap_or(1);
    (format!("EXPLAIN QUERY PLAN {sql}").leak(), parameters)
}

/// Whether a step of a plan is about this table, by its own name or the one it has in the statement.
fn step_is_of(step: &str, table: &str, sql: &str) -> bool {
    let named = step.split(' ').nth(1).unwrap_or_default();
    named == table || sql.contains(&format!(" {table} {named} "))
}

/// Tables that have a row or more for each person.
const OF_PEOPLE: [&str; 13] = [
    "user_account",
    "user_identifier",
    "user_attribute",
    "user_group_member",
    "user_password",
    "user_passkey",
    "external_identity",
    "session",
    "session_client",
    "oauth_grant",
    "refresh_token",
    "consent",
    "ledger",
];

#[test]
fn a_statement_that_forgets_the_realm_is_found() {
    for (sql, named) in [
        ("SELECT a FROM t WHERE realm = $1 AND b = $2", true),
        ("SELECT a FROM t WHERE b = $2", false),
        ("SELECT a FROM t JOIN u ON u.realm = t.realm WHERE t.realm = $1", true),
        ("SELECT a FROM t JOIN u ON u.realm = t.realm", false),
        ("INSERT INTO t (realm, a) VALUES ($1, $2)", true),
        ("INSERT INTO t (a, realm) VALUES ($2, $1)", false),
        ("INSERT INTO t (realm, a) VALUES ($2, $1)", false),
        ("INSERT INTO t (realm, a) SELECT realm, a FROM u WHERE realm = $1", true),
        ("UPDATE t SET a = $2", false),
        ("DELETE FROM t WHERE realm = $1 OR a = $2", false),
    ] {
        assert_eq!(names_the_realm(sql), named, "{sql}");
    }
}

/// Whether it reads and writes rows of its realm only, by its text: a condition `realm = $1` that no `OR` beside it
/// opens, or a new row whose first column is the realm and whose first value is `$1`.
fn names_the_realm(sql: &str) -> bool {
    let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let condition = sql.find("realm = $1").map(|at| sql.split_at(at).1);
    let conditioned =
        condition.is_some_and(|rest| outside_of_brackets(rest).iter().all(|word| word != "OR"));
    let inserts = sql.strip_prefix("INSERT INTO ").is_some_and(|rest| {
        let columns = rest.split_once('(').is_some_and(|(_, columns)| columns.starts_with("realm"));
        let values = rest
            .split("VALUES")
            .nth(1)
            .is_some_and(|values| values.trim_start().starts_with("($1"));
        columns && values
    });
    if sql.starts_with("INSERT INTO ") && sql.contains("VALUES") { inserts } else { conditioned }
}

/// The words of a text that stand in no bracket opened in it.
fn outside_of_brackets(text: &str) -> Vec<String> {
    let mut depth = 0_i32;
    let mut plain = String::new();
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    plain.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test]
async fn every_realm_tables_primary_key_starts_with_its_realm() {
    // `migration` is the schema's own, and no realm's.
    const TABLES: &str = "SELECT m.name AS name, (SELECT i.name FROM pragma_table_info(m.name) AS i WHERE i.pk = 1) AS first \
        FROM sqlite_master AS m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'migration'";
    let database = weft::testkit::TestDatabase::new(weft::db::Engine::Sqlite).await;
    let db = database.open().await;
    let rows: Result<Vec<Row>, Fault> = db
        .read(RealmId::FIRST, (), |tx, ()| Box::pin(async move { tx.rows(TABLES, &[]).await }))
        .await;
    let rows = rows.unwrap();
    let others: BTreeSet<String> = rows
        .iter()
        .filter(|row| row.text_or_null("first").unwrap().as_deref() != Some("realm"))
        .map(|row| row.text("name").unwrap())
        .collect();
    assert!(rows.len() > 10, "{}", rows.len());
    assert_eq!(others, BTreeSet::new());
}

/// How many SVIDs the proof is about: half X.509 in batches, half JWT, one by one.
const ISSUANCES: usize = 10_000;
const BATCH: usize = 50;
const IN_FLIGHT: usize = 16;

#[tokio::test]
async fn issuing_asks_the_database_nothing() {
    on_each(async |database| {
        let fabric = Fabric::over(database).await;
        let entry = fabric.entry("/web").await;
        until_given(&fabric.agent, "/web").await;
        let db = fabric.server.server().env.db.clone();
        let count = |label: &str| db.statements().get(label).copied().unwrap_or(0);
        let (requests, copied) = (count("request"), count("ledger-copier"));
        let issued = issue(&fabric, &entry).await;
        assert_eq!(issued, ISSUANCES);
        assert_eq!(count("request") - requests, 0, "{:?}", db.statements());
        until("the ledger is copied", async || if count("ledger-copier") > copied { Ok(()) } else { Err("not yet") })
            .await;
        println!(
            "proof: statements by requests during {issued} issuances: {} (by the ledger's copier: {})",
            count("request") - requests,
            count("ledger-copier") - copied,
        );
    })
    .await;
}

/// Issues through the operations that the agent's calls reach; gives how many SVIDs came.
async fn issue(fabric: &Fabric, entry: &Entry) -> usize {
    let caller = caller(fabric);
    let workloads = &fabric.server.server().workloads;
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let csr = bytes::Bytes::from(csr::create(&key).unwrap());
    let id = entry.id.to_string();
    let mut issued = 0;
    for _ in 0..ISSUANCES / 2 / BATCH {
        let asks = vec![X509Ask { entry: id.clone(), csr: csr.clone() }; BATCH];
        let svids = workloads.issue_x509(&caller, asks).await.unwrap();
        issued += svids.iter().filter(|svid| svid.is_ok()).count();
    }
    let tokens = stream::iter(0..ISSUANCES / 2).map(|_| {
        let ask = JwtAsk { entry: id.clone(), audience: vec!["billing".to_owned()] };
        workloads.issue_jwt(&caller, ask)
    });
    issued
        + tokens
            .buffer_unordered(IN_FLIGHT)
            .filter(|token| std::future::ready(token.is_ok()))
            .count()
            .await
}

/// The agent, as the door knows it after its handshake.
pub(crate) fn caller(fabric: &Fabric) -> NodeCaller {
    let agent = fabric.server.server().nodes.agent(RealmId::FIRST, fabric.agent.id()).unwrap();
    let svid = PeerSvid {
        id: agent.id.clone(),
        serial: agent.current.serial.clone(),
        issued_at: agent.current.issued_at,
        expires: agent.current.expires,
    };
    NodeCaller { realm: RealmId::FIRST, agent, svid, situation: Situation::default() }
}
