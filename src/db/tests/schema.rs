//! The schema and the file: both engines alike, migrations refused and run, SQLite's settings, copies.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{Db, Engine, Row};
use super::{REALM, change, names, spawn, write};
use crate::kernel::Fault;
use crate::testkit::{
    SeededEntropy, TestClock, TestDatabase, engines, on_each_database, on_each_engine,
};

async fn rows(db: &Db, sql: &'static str) -> Vec<Row> {
    let rows: Result<Vec<Row>, Fault> =
        db.read(REALM, sql, |tx, sql| Box::pin(tx.rows(sql, &[]))).await;
    rows.unwrap()
}

async fn told(db: &Db, sql: &'static str) -> BTreeSet<String> {
    rows(db, sql).await.iter().map(|row| row.text("told").unwrap()).collect()
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_keys() {
    if engines().len() < 2 {
        return;
    }
    let sqlite = TestDatabase::new(Engine::Sqlite).await;
    let sqlite = sqlite.open().await;
    let postgres = TestDatabase::new(Engine::Postgres).await;
    let postgres = postgres.open().await;
    assert_eq!(told(&sqlite, SQLITE_COLUMNS).await, told(&postgres, POSTGRES_COLUMNS).await);
    assert_eq!(told(&sqlite, SQLITE_INDEXES).await, told(&postgres, POSTGRES_INDEXES).await);
    assert!(told(&sqlite, SQLITE_COLUMNS).await.contains("change realm BIGINT not null"));
    assert!(told(&sqlite, SQLITE_INDEXES).await.contains("unique change (realm, history, seq)"));
}

#[tokio::test]
async fn a_schema_that_is_up_to_date_is_left_alone() {
    on_each_database(async |base| {
        write(&base.open().await, "a").await.unwrap();
        assert_eq!(names(&base.open().await).await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn a_database_newer_than_the_program_is_refused_with_what_to_do() {
    const NEWER: &str = "INSERT INTO migration (number, name, digest, oldest, at) \
        VALUES (9000, '9000_later', 'x', 9000, 0)";
    on_each_database(async |base| {
        let db = base.open().await;
        let put: Result<u64, Fault> =
            db.write(REALM, (), |tx, ()| Box::pin(tx.execute(NEWER, &[]))).await;
        put.unwrap();
        let (clock, entropy) = (Arc::new(TestClock::new()), Arc::new(SeededEntropy::new(1)));
        let refused = Db::open(base.url(), clock, entropy).await.unwrap_err().to_string();
        assert!(refused.contains("newer than this program"), "{refused}");
        assert!(refused.contains("9000_later"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn replicas_that_start_together_migrate_once() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let base = TestDatabase::empty(Engine::Postgres).await;
    let replicas = futures_util::future::join_all((0..4).map(|_| base.open())).await;
    write(&replicas[0], "a").await.unwrap();
    assert_eq!(names(&replicas[3]).await, ["a"]);
}

#[tokio::test]
async fn an_address_that_names_no_database_is_refused_with_what_would_be_right() {
    for bad in ["", "mysql://x", "weft.db"] {
        let (clock, entropy) = (Arc::new(TestClock::new()), Arc::new(SeededEntropy::new(1)));
        let refused = Db::open(bad, clock, entropy).await.unwrap_err().to_string();
        assert!(refused.contains("sqlite:<path>"), "{refused}");
    }
}

#[tokio::test]
async fn sqlite_syncs_each_commit_and_overwrites_what_is_deleted() {
    let base = TestDatabase::new(Engine::Sqlite).await;
    let db = base.open().await;
    for (pragma, column, expected) in [
        ("PRAGMA synchronous", "synchronous", "2"),
        ("PRAGMA secure_delete", "secure_delete", "1"),
        ("PRAGMA foreign_keys", "foreign_keys", "1"),
        ("PRAGMA journal_mode", "journal_mode", "wal"),
    ] {
        let row: Result<Option<Row>, Fault> =
            db.write(REALM, pragma, |tx, pragma| Box::pin(tx.row(pragma, &[]))).await;
        let row = row.unwrap().unwrap();
        let value = row.text(column).or_else(|_| row.int(column).map(|n| n.to_string()));
        assert_eq!(value.unwrap(), expected, "{pragma}");
    }
}

#[tokio::test]
async fn the_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;

    let base = TestDatabase::new(Engine::Sqlite).await;
    let db = base.open().await;
    write(&db, "a").await.unwrap();
    for file in std::fs::read_dir(base.directory().unwrap()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", file.path());
    }
}

#[tokio::test]
async fn nothing_erased_is_left_in_the_file_or_its_log() {
    const ERASE: &str = "DELETE FROM lease WHERE realm = $1";
    let base = TestDatabase::new(Engine::Sqlite).await;
    let db = base.open().await;
    let secret = "a secret name to be forgotten";
    write(&db, secret).await.unwrap();
    let kept = |secret: &str| {
        std::fs::read_dir(base.directory().unwrap()).unwrap().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            bytes.windows(secret.len()).any(|part| part == secret.as_bytes())
        })
    };
    assert!(kept(secret));
    let erased: Result<u64, Fault> =
        db.write(REALM, (), |tx, ()| Box::pin(tx.execute(ERASE, &[]))).await;
    assert_eq!(erased.unwrap(), 1);
    db.truncate_log().await.unwrap();
    assert!(!kept(secret));
}

#[tokio::test]
async fn a_copy_is_one_snapshot_and_writes_go_on_meanwhile() {
    let base = TestDatabase::new(Engine::Sqlite).await;
    let db = base.open().await;
    for n in 0..20 {
        change(&db, &format!("before {n:02}")).await.unwrap();
    }
    let writer = spawn({
        let db = db.clone();
        async move {
            for n in 0..50 {
                change(&db, &format!("during {n:02}")).await.unwrap();
            }
        }
    });
    let copy = base.directory().unwrap().join("copy.db");
    db.backup(&copy).await.unwrap();
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&copy).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "for its owner alone from its first byte on");
    assert!(db.backup(&copy).await.is_err(), "what is there is not written over");
    writer.await.unwrap();
    let copied = base.open_at(&format!("sqlite:{}", copy.display())).await;
    let stored = names(&copied).await;
    assert!(stored.len() >= 20, "{}", stored.len());
    // Rows and numbers are of one moment.
    assert_eq!(super::changes::numbers(&copied, REALM).await.len(), stored.len());
    assert_eq!(names(&db).await.len(), 70);
}

#[test]
fn a_database_of_another_program_is_no_backup() {
    let directory = tempfile::tempdir().unwrap();
    let (foreign, target) = (directory.path().join("foreign"), directory.path().join("target"));
    let connection = rusqlite::Connection::open(&foreign).unwrap();
    connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    drop(connection);
    let refused = Db::stage(&foreign, &target).unwrap_err();
    assert!(refused.to_string().contains("none of Weft's"), "{refused}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left of it");
}

#[tokio::test]
async fn postgres_is_copied_by_its_own_tool() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let base = TestDatabase::new(Engine::Postgres).await;
    let refused = base.open().await.backup(std::path::Path::new("/nowhere")).await;
    assert!(refused.unwrap_err().to_string().contains("pg_dump"));
}

#[tokio::test]
async fn a_reference_that_does_not_hold_is_a_fault_of_its_own() {
    const CHILD: &str = "CREATE TABLE child (realm BIGINT NOT NULL, name TEXT NOT NULL, \
        FOREIGN KEY (realm, name) REFERENCES lease (realm, name))";
    const ORPHAN: &str = "INSERT INTO child (realm, name) VALUES ($1, 'nobody')";
    on_each_engine(async |db| {
        let orphan: Result<u64, Fault> = db
            .write(REALM, (), |tx, ()| {
                Box::pin(async move {
                    tx.execute(CHILD, &[]).await?;
                    tx.execute(ORPHAN, &[]).await
                })
            })
            .await;
        assert!(matches!(orphan, Err(Fault::Reference { .. })), "{orphan:?}");
    })
    .await;
}

const SQLITE_COLUMNS: &str = "SELECT m.name || ' ' || c.name || ' ' || \
    CASE c.type WHEN 'INTEGER' THEN 'BIGINT' WHEN 'BLOB' THEN 'BYTEA' ELSE c.type END || \
    CASE c.\"notnull\" WHEN 1 THEN ' not null' ELSE '' END AS told \
    FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'";
const POSTGRES_COLUMNS: &str = "SELECT table_name || ' ' || column_name || ' ' || \
    upper(data_type) || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END AS told \
    FROM information_schema.columns WHERE table_schema = current_schema()";
const SQLITE_INDEXES: &str = "SELECT CASE i.\"unique\" WHEN 1 THEN 'unique ' ELSE '' END || m.name || ' (' || \
    (SELECT group_concat(name, ', ') FROM (SELECT c.name FROM pragma_index_info(i.name) c ORDER BY c.seqno)) \
    || ')' AS told \
    FROM sqlite_schema m JOIN pragma_index_list(m.name) i WHERE m.type = 'table' \
    UNION SELECT 'unique ' || m.name || ' (' || c.name || ')' \
    FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.pk = 1 \
    AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) i WHERE i.origin = 'pk')";
const POSTGRES_INDEXES: &str = "SELECT CASE WHEN x.indisunique THEN 'unique ' ELSE '' END || t.relname || ' (' || \
    string_agg(a.attname, ', ' ORDER BY k.place) || ')' AS told \
    FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid \
    CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k(number, place) \
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number \
    WHERE t.relnamespace = current_schema()::regnamespace \
    GROUP BY x.indexrelid, x.indisunique, t.relname";
