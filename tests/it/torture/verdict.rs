//! What is in the database in the end, held against what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use weft::db::Db;
use weft::env::{SystemClock, SystemEntropy};
use weft::kernel::{Fault, RealmId};
use weft::testkit::{TestDatabase, until};
use weft::wire::api;

use super::program::Replica;

/// One row of the change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) history: i64,
    pub(super) seq: i64,
    kind: String,
    key: String,
}

/// An entry, as the index of a replica or a row has it.
type Shown = (String, i64, String);

/// The realm's change log and entries, as the database has them.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) log: Vec<Logged>,
    entries: BTreeSet<Shown>,
}

/// What is wrong with a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flaws {
    pub(super) gaps: usize,
    pub(super) doubles: usize,
    pub(super) lost: usize,
}

impl Stored {
    /// Reads both in one snapshot.
    pub(super) async fn read(database: &TestDatabase) -> Self {
        let db = open(database).await;
        let read: Result<_, Fault> = db
            .read(RealmId::FIRST, (), |tx, ()| {
                Box::pin(
                    async move { Ok((tx.rows(LOG, &[]).await?, tx.rows(ENTRIES, &[]).await?)) },
                )
            })
            .await;
        let (log, entries) = read.unwrap();
        let logged = |row: &weft::db::Row| {
            Ok::<_, Fault>(Logged {
                history: row.int("history")?,
                seq: row.int("seq")?,
                kind: row.text("kind")?,
                key: row.text("key")?,
            })
        };
        let shown = |row: &weft::db::Row| {
            Ok::<_, Fault>((row.text("id")?, row.int("revision")?, row.text("spiffe_id")?))
        };
        Self {
            log: log.iter().map(logged).collect::<Result<_, _>>().unwrap(),
            entries: entries.iter().map(shown).collect::<Result<_, _>>().unwrap(),
        }
    }

    /// The last number of the log.
    pub(super) fn last(&self) -> i64 {
        self.log.last().map_or(0, |last| last.seq)
    }

    /// True if an entry of this id is there.
    pub(super) fn has(&self, id: &str) -> bool {
        let from = (id.to_owned(), i64::MIN, String::new());
        self.entries.range(from..).next().is_some_and(|entry| entry.0 == id)
    }

    /// Holds log and rows against the ids that were acknowledged.
    pub(super) fn flaws(&self, acknowledged: &[String]) -> Flaws {
        let (gaps, again) = numbering(self.log.iter().map(|logged| logged.seq));
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for made in self.log.iter().filter(|logged| logged.kind == "entry") {
            *times.entry(&made.key).or_default() += 1;
        }
        let twice = times.values().filter(|times| **times > 1).count();
        let there = |id: &&String| times.contains_key(id.as_str()) && self.has(id);
        let lost = acknowledged.iter().filter(|id| !there(id)).count();
        Flaws { gaps, doubles: again + twice, lost }
    }

    /// How many of these replicas hold exactly these entries in their indexes, once they had time to follow.
    pub(super) async fn followed_by(&self, replicas: &[Arc<Replica>]) -> usize {
        for replica in replicas {
            let entries = &self.entries;
            until("the follower's index equals the database", async || {
                let all: Vec<api::Entry> = replica.admin.all("entries").await?;
                let index: BTreeSet<Shown> =
                    all.into_iter().map(|one| (one.id, one.revision, one.spiffe_id)).collect();
                let differing = index.symmetric_difference(entries).count();
                if differing == 0 { Ok(()) } else { Err(format!("{differing} entries differ")) }
            })
            .await;
        }
        replicas.len()
    }
}

/// Numbers that are missing from 1 up, and numbers that come again.
fn numbering(numbers: impl Iterator<Item = i64>) -> (usize, usize) {
    let (mut seen, mut again) = (BTreeSet::new(), 0);
    for number in numbers {
        again += usize::from(!seen.insert(number));
    }
    let last = seen.last().copied().unwrap_or(0);
    let gaps = (1..=last).filter(|number| !seen.contains(number)).count();
    (gaps, again)
}

/// The database, beside the servers.
pub(super) async fn open(database: &TestDatabase) -> Db {
    let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy::default()));
    Db::open(database.url(), clock, entropy).await.unwrap()
}

/// The serial numbers, or whatever `member` is, of all facts of a kind in the ledger, as a server's audit shows them.
pub(super) async fn in_ledger(replica: &Replica, kind: &str, member: &str) -> BTreeSet<String> {
    let events: Result<Vec<api::Event>, _> =
        replica.admin.all(&format!("events?kind={kind}")).await;
    let told = |event: api::Event| match event.about.get(member) {
        Some(serde_json::Value::String(text)) => Some(text.clone()),
        Some(serde_json::Value::Array(list)) => Some(list.first()?.as_str()?.to_owned()),
        _ => None,
    };
    events.unwrap().into_iter().filter_map(told).collect()
}

const LOG: &str =
    "SELECT history, seq, kind, key FROM change WHERE realm = $1 ORDER BY history, seq";
const ENTRIES: &str = "SELECT id, revision, spiffe_id FROM entry WHERE realm = $1";

#[test]
fn gaps_doubles_and_losses_are_found() {
    let logged =
        |seq, key: &str| Logged { history: 1, seq, kind: "entry".to_owned(), key: key.to_owned() };
    let row = |id: &str| (id.to_owned(), 0, String::new());
    let stored = |log: &[(i64, &str)], rows: &[&str]| Stored {
        log: log.iter().map(|(seq, key)| logged(*seq, key)).collect(),
        entries: rows.iter().map(|id| row(id)).collect(),
    };
    let flaws = |gaps, doubles, lost| Flaws { gaps, doubles, lost };
    let acknowledged = ["a".to_owned(), "b".to_owned()];
    for (log, rows, expected) in [
        (&[(1, "a"), (2, "b")][..], &["a", "b"][..], flaws(0, 0, 0)),
        (&[(1, "a"), (3, "b")], &["a", "b"], flaws(1, 0, 0)),
        (&[(2, "a"), (3, "b")], &["a", "b"], flaws(1, 0, 0)),
        (&[(1, "a"), (1, "b")], &["a", "b"], flaws(0, 1, 0)),
        (&[(1, "a"), (2, "b"), (3, "a")], &["a", "b"], flaws(0, 1, 0)),
        (&[(1, "a")], &["a", "b"], flaws(0, 0, 1)),
        (&[(1, "a"), (2, "b")], &["a"], flaws(0, 0, 1)),
    ] {
        assert_eq!(stored(log, rows).flaws(&acknowledged), expected, "{log:?} {rows:?}");
    }
}
