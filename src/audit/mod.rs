//! Reading events back: the ledger and the events of the change log as one list, for people and their programs.
//!
//! Owns: listing and its places (cursors), the right to read events. Does not own: the events, their keys, retention
//! (`events`), the change log (`db`), policies (`access`): here is what they were, and what others would have said to what is on
//! record. Endpoints: `GET /api/v1/events`, `GET /api/v1/policies/{name}/history`, `POST …/rollback`, `POST /api/v1/policy-replays`.
//! Invariants: nothing is read without a permit; a page is one snapshot; a listing costs a bounded amount of work, so a page
//! may hold fewer records than asked for and still have a next one; within the change log the order is that of its numbers,
//! within the ledger that of (time, stream, n), and between the two by time.

pub mod http;
mod list_events;
mod model;
mod own_events;
mod policy_past;
mod replay_decisions;
pub(crate) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use crate::access::Access;
use crate::db::Db;
use crate::events::Events;

pub use model::{Error, Order, Origin, Page, Place, Query, ReadEvents, Record};
pub use policy_past::{PolicyChange, RollbackError};
pub use replay_decisions::{LAST_MAX, Other, Replay, ReplayError, Replayed};

/// The reader of events. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Audit {
    db: Db,
    events: Events,
    access: Access,
}

impl Audit {
    /// Reads from this database, with the keys that `events` can open.
    pub fn new(db: Db, events: Events, access: Access) -> Self {
        Self { db, events, access }
    }
}
