//! Facts, durable before the answer leaves: the ledger of what was handed out or refused, sealed bodies, erasure.
//!
//! Owns: the event and its sealed form, the local ledger and its copy in the database, the keys of event bodies, erasure
//! and retention. Does not own: what events there are (each slice names its own), the change log (`db` numbers it; its
//! events are sealed here), reading them back for people (`audit`).
//! Endpoints: none.
//! Invariants: an [`Unrecorded`] value leaves only after its event is durable; numbers of a stream have no gap; a header is
//! never edited and holds no personal data; no event is sealed under a key that is not in a committed row; nothing on the
//! issuing path reads the database.

mod copy_segments;
mod envelope;
mod erase_person;
mod expire_events;
mod frame;
mod insert_facts;
mod jobs;
mod keys;
mod ledger;
mod model;
mod number_events;
mod prepare_keys;
mod record_fact;
mod segment;
mod settings;
pub(crate) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
mod write_event;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::crypto::seal::KekRing;
use crate::db::Db;
use crate::env::Env;
use crate::jobs::Nudge;
use crate::kernel::{Fault, Lifetime};

use copy_segments::Copying;
use insert_facts::Inserter;
use keys::Keys;
use ledger::{Config, Ledger};
use segment::Disk;

pub use erase_person::{Erasure, FORGET};
pub use model::{
    Changed, Error, Event, Fact, Header, KIND_BYTES_MAX, Owner, Sealed, Stream, Unrecorded,
    is_dotted,
};
pub use prepare_keys::{Opener, Part};
pub use settings::{LedgerSettings, LedgerSync};

/// The recorder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    env: Env,
    /// For background work, so that its statements are told from those of requests.
    background: Db,
    keys: Keys,
    sink: Sink,
    settings: LedgerSettings,
    copying: tokio::sync::Mutex<Copying>,
    backlog: AtomicU64,
    alarms: AtomicU64,
    /// Wakes the numbering of what `record_in` wrote.
    unnumbered: Nudge,
    /// See `danger_record_nothing`.
    #[cfg(feature = "testkit")]
    nothing: std::sync::atomic::AtomicBool,
}

/// Where `record` makes facts durable.
#[derive(Debug)]
enum Sink {
    Disk(Ledger),
    Database(Inserter),
}

/// How recording fares.
#[derive(Debug, Clone)]
pub struct Health {
    /// Facts on this disk that the database does not have yet, in bytes.
    pub backlog_bytes: u64,
    /// Disk that the ledger takes, in bytes.
    pub allocated_bytes: u64,
    /// Where it is full, in bytes.
    pub bound_bytes: u64,
    /// There was no room for the newest fact: nothing is issued until there is.
    pub refusing: bool,
    /// Damaged, missing or contradicting facts met since the start: each was logged.
    pub alarms: u64,
    /// Why nothing can be recorded any more: this process must end.
    pub fatal: Option<Fault>,
}

/// Takes a ledger's directory for this program, for as long as what is given lives. Refused (`Fault::Away`) while a server
/// writes there.
pub fn hold_ledger(directory: &std::path::Path) -> Result<std::fs::File, Fault> {
    ledger::take(directory)
}

impl Events {
    /// Opens the ledger in `directory` (not used with `sync = "database"`). A full disk is no error here: recording is
    /// refused until there is room. Faults: the directory cannot be used, or another server uses it.
    pub fn open(
        env: Env,
        directory: PathBuf,
        ring: Arc<KekRing>,
        settings: LedgerSettings,
    ) -> Result<Self, Fault> {
        let stream = Stream(env.entropy.nonce()?);
        let bound = settings.bound_bytes();
        let sink = match settings.sync {
            LedgerSync::Database => Sink::Database(Inserter::new(stream)),
            LedgerSync::Disk => Sink::Disk(Ledger::open(Config {
                directory,
                stream,
                bound,
                first_bytes: FIRST_SEGMENT_BYTES,
                segment_bytes: SEGMENT_BYTES.min(bound / 8).max(FIRST_SEGMENT_BYTES),
                patience: PATIENCE,
                disk: Disk::REAL,
                clock: Arc::clone(&env.clock),
            })?),
        };
        Ok(Self::assemble(env, ring, settings, sink))
    }

    fn assemble(env: Env, ring: Arc<KekRing>, settings: LedgerSettings, sink: Sink) -> Self {
        let keys = Keys::new(ring, Arc::clone(&env.entropy));
        let background = env.db.labelled("ledger-copier");
        Self {
            inner: Arc::new(Inner {
                env,
                background,
                keys,
                sink,
                settings,
                copying: tokio::sync::Mutex::default(),
                backlog: AtomicU64::new(0),
                alarms: AtomicU64::new(0),
                unnumbered: Nudge::default(),
                #[cfg(feature = "testkit")]
                nothing: std::sync::atomic::AtomicBool::new(false),
            }),
        }
    }

    /// From now on nothing is sealed and nothing is durable: a benchmark measures what is left.
    #[cfg(feature = "testkit")]
    pub fn danger_record_nothing(&self) {
        self.inner.nothing.store(true, Ordering::Relaxed);
    }

    /// Resolves when nothing can be recorded any more, with the reason: the process must end.
    pub async fn failed(&self) -> Fault {
        let Sink::Disk(ledger) = &self.inner.sink else { return std::future::pending().await };
        let mut fatal = ledger.fatal();
        let reason = fatal.wait_for(Option::is_some).await.ok().and_then(|fault| fault.clone());
        reason.unwrap_or_else(|| Fault::away("ledger", "it is closed"))
    }

    /// Finishes what is being recorded, refuses everything after it, and copies what it can.
    pub async fn close(&self) -> Result<(), Fault> {
        let this = self.clone();
        let closing = tokio::task::spawn_blocking(move || {
            if let Sink::Disk(ledger) = &this.inner.sink {
                ledger.close();
            }
        });
        closing.await.map_err(Fault::bug)?;
        self.copy().await.map(drop)
    }

    /// How recording fares.
    pub fn health(&self) -> Health {
        let (allocated_bytes, refusing, fatal) = match &self.inner.sink {
            Sink::Disk(ledger) => {
                (ledger.allocated(), ledger.is_refusing(), ledger.fatal().borrow().clone())
            }
            Sink::Database(_) => (0, false, None),
        };
        Health {
            refusing,
            backlog_bytes: self.inner.backlog.load(Ordering::Relaxed),
            allocated_bytes,
            bound_bytes: self.inner.settings.bound_bytes(),
            alarms: self.inner.alarms.load(Ordering::Relaxed),
            fatal,
        }
    }

    /// Something about recorded facts is not as it must be: people have to look.
    fn alarm(&self, stream: Stream, what: &str) {
        self.inner.alarms.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("weft_ledger_alarms_total").increment(1);
        tracing::error!(ledger.stream = %stream, what, "the ledger is damaged");
    }
}

/// A start waits until its first segment is on the disk: 4 ms a mebibyte on the machine this was measured on.
const FIRST_SEGMENT_BYTES: u64 = 1024 * 1024;
/// An fsync is some 120 µs of CPU: five hundred a second are less than a tenth of a core, however many call. Two milliseconds
/// are no more than a way through a network.
const PATIENCE: Lifetime = Lifetime::millis(2);
/// The others are made ahead; some 16,000 facts fit, which a restart may copy a second time.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
