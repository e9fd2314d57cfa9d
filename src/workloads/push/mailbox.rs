//! What waits for one agent's stream: a set, not a queue, so an agent that does not read costs no more than one that
//! does.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::kernel::EntryId;

/// Why the server ends a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goodbye {
    /// The server stops.
    ShuttingDown,
    /// The certificate of the connection has come to its end.
    SvidExpired,
    /// Another stream of the same agent took over.
    Replaced,
    /// The agent was evicted.
    Evicted,
    /// The agent is banned.
    Banned,
}

/// Why an identity has to be replaced or withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::workloads) enum Why {
    /// The device's posture.
    Posture,
    /// An administrator put the device out.
    Containment,
}

/// What to do with the identity of an entry that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::workloads) struct Directive {
    /// Which entry.
    pub(in crate::workloads) entry: EntryId,
    /// Stop serving it; else replace it now.
    pub(in crate::workloads) refused: bool,
    /// Why, for programs.
    pub(in crate::workloads) why: Why,
    /// Why, for a person.
    pub(in crate::workloads) message: String,
}

/// One agent's mailbox. Filled under the realm's lock, emptied by its stream.
#[derive(Debug, Default)]
pub(in crate::workloads) struct Mailbox {
    waiting: Mutex<Waiting>,
    bell: Notify,
}

/// What waits.
#[derive(Debug, Default)]
pub(in crate::workloads) struct Waiting {
    /// Entries that may have come, changed or gone.
    pub(in crate::workloads) entries: BTreeSet<EntryId>,
    /// Too much to name, or another history: a snapshot.
    pub(in crate::workloads) everything: bool,
    /// The bundles may be others.
    pub(in crate::workloads) bundles: bool,
    /// Orders, in order.
    pub(in crate::workloads) directives: Vec<Directive>,
    /// The end.
    pub(in crate::workloads) goodbye: Option<Goodbye>,
}

impl Mailbox {
    /// These entries may be others for this agent. Beyond `most` a snapshot is cheaper, and bounded.
    pub(super) fn put(&self, ids: &[EntryId], most: usize) {
        self.with(|waiting| {
            if waiting.everything {
                return;
            }
            waiting.entries.extend(ids.iter().cloned());
            if waiting.entries.len() > most {
                waiting.entries.clear();
                waiting.everything = true;
            }
        });
    }

    pub(super) fn put_everything(&self) {
        self.with(|waiting| {
            waiting.entries.clear();
            waiting.everything = true;
        });
    }

    pub(super) fn put_directive(&self, directive: Directive, most: usize) {
        self.with(|waiting| {
            waiting.directives.retain(|other| other.entry != directive.entry);
            waiting.directives.push(directive);
            if waiting.directives.len() > most {
                // A snapshot repeats the refusals in force, and a renewal that was lost in it costs no safety: SVIDs
                // end by themselves.
                waiting.directives.clear();
                waiting.everything = true;
            }
        });
    }

    pub(super) fn put_bundles(&self) {
        self.with(|waiting| waiting.bundles = true);
    }

    /// The stream ends: at once, whatever else waits.
    pub(super) fn say_goodbye(&self, reason: Goodbye) {
        self.with(|waiting| waiting.goodbye = waiting.goodbye.or(Some(reason)));
        self.ring();
    }

    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Resolves once the bell rang after the last call.
    pub(in crate::workloads) async fn rung(&self) {
        self.bell.notified().await;
    }

    pub(in crate::workloads) fn goodbye(&self) -> Option<Goodbye> {
        self.with(|waiting| waiting.goodbye)
    }

    /// Empties it, but for the goodbye, which stands.
    pub(super) fn take(&self) -> Waiting {
        self.with(|waiting| {
            let goodbye = waiting.goodbye;
            std::mem::replace(waiting, Waiting { goodbye, ..Waiting::default() })
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Waiting) -> T) -> T {
        act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
