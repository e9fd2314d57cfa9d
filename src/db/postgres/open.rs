//! Opening: how each connection is set up, the schema brought up to date, the keys and heads read.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::super::fault::Met;
use super::super::heads::Heads;
use super::super::migrate::{self, Recorded};
use super::super::migrations::MIGRATIONS;
use super::super::tx::Head;
use super::super::{Engine, Value};
use super::link::{Keys, Link};
use super::pool::{Pool, connect};
use crate::kernel::{Fault, RealmId, Timestamp};

/// A migration may have to wait for another replica's, and may take its time.
const MIGRATE_WITHIN: Duration = Duration::from_mins(5);
/// Statements kept prepared on each connection: more than the slices have.
const PREPARED_MAX: usize = 512;

/// Connects, migrates, and gives a pool whose connections know the names of keys.
pub(super) async fn pool(url: &str, now: Timestamp, heads: &Heads) -> Result<Pool, Met> {
    let options = options(url)?;
    let mut link = connect(&options, &Keys::default(), MIGRATE_WITHIN).await?;
    while migrate_one(&mut link, now).await? {}
    let keys: HashMap<String, String> = link
        .rows(KEYS, RealmId::SYSTEM, &[])
        .await?
        .iter()
        .map(|row| Ok((row.text("name")?, row.text("key")?)))
        .collect::<Result<_, Fault>>()?;
    for (realm, head) in heads_of_all(&mut link).await? {
        heads.hear(realm, head.cursor());
    }
    Ok(Pool::new(options, Arc::new(keys)))
}

/// The heads of all realms.
pub(super) async fn heads_of_all(link: &mut Link) -> Result<Vec<(RealmId, Head)>, Met> {
    let rows = link.rows(ALL_HEADS, RealmId::SYSTEM, &[]).await?;
    let heads = rows.iter().map(|row| Ok((RealmId(row.int("realm")?), Head::from_row(row)?)));
    heads.collect::<Result<_, Fault>>().map_err(Met::from)
}

/// Runs the next migration, if there is one. Replicas that start together take turns.
async fn migrate_one(link: &mut Link, now: Timestamp) -> Result<bool, Met> {
    link.batch(BEGIN_ALONE).await?;
    link.batch(migrate::TABLE_POSTGRES).await?;
    let rows = link.rows(migrate::DONE, RealmId::SYSTEM, &[]).await?;
    let recorded: Vec<Recorded> = rows.iter().map(Recorded::from_row).collect::<Result<_, _>>()?;
    let next = migrate::pending(MIGRATIONS, &recorded, Engine::Postgres)?.first();
    if let Some(migration) = next {
        link.batch(migration.postgres).await?;
        let digest = migration.digest(Engine::Postgres);
        let values: [Value<'_>; 4] =
            [migration.name.into(), (&digest).into(), migration.oldest.into(), now.into()];
        link.execute(migrate::RECORD, RealmId(migration.number), &values).await?;
    }
    link.batch("COMMIT").await?;
    Ok(next.is_some())
}

/// How each connection is set up. A transaction that idles belongs to a replica the network lost; it must not hold a
/// realm's head for longer than others are willing to wait.
fn options(url: &str) -> Result<PgConnectOptions, Met> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| Met::from(Fault::malformed("database address", error)))?;
    Ok(options
        .application_name("weft")
        .statement_cache_capacity(PREPARED_MAX)
        .options([
            ("lock_timeout", "1s"),
            ("idle_in_transaction_session_timeout", "5s"),
            ("default_transaction_isolation", "read committed"),
            // "Already exists, skipping" is what should be.
            ("client_min_messages", "warning"),
        ])
        .disable_statement_logging())
}

/// Number chosen once: the lock that migrations of this program take turns by.
const BEGIN_ALONE: &str =
    "BEGIN; SET LOCAL lock_timeout = '120s'; SELECT pg_advisory_xact_lock(8702641193)";
const ALL_HEADS: &str = "SELECT realm, history, seq, rights_seq FROM change_head";
const KEYS: &str = "SELECT i.relname AS name, \
    t.relname || '(' || string_agg(a.attname, ', ' ORDER BY k.place) || ')' AS key \
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
    CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k(number, place) \
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number \
    WHERE x.indisunique AND t.relnamespace = current_schema()::regnamespace \
    GROUP BY i.relname, t.relname";
