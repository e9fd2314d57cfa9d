//! What this replica knows of each realm's change log: the newest head it heard of, and how far its indexes are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::Cursor;
use crate::kernel::{RealmId, Timestamp};

/// How long an acknowledged change waits for this replica's own indexes. The change is durable before that; the wait only
/// makes "write, then read" hold for a caller who stays on one replica.
const INDEXES_WITHIN: Duration = Duration::from_secs(1);

/// The ends of all realms' logs, as far as this replica knows.
#[derive(Debug, Default)]
pub(super) struct Heads {
    realms: Mutex<HashMap<RealmId, Arc<Ends>>>,
    /// When the heads were last seen in the database, in microseconds.
    seen: AtomicI64,
}

#[derive(Debug)]
struct Ends {
    heard: watch::Sender<Cursor>,
    applied: watch::Sender<Option<Cursor>>,
}

impl Heads {
    fn ends(&self, realm: RealmId) -> Arc<Ends> {
        let mut realms = self.realms.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = realms.entry(realm).or_insert_with(|| {
            let heard = watch::Sender::new(Cursor::START);
            Arc::new(Ends { heard, applied: watch::Sender::new(None) })
        });
        Arc::clone(ends)
    }

    /// The newest head heard of, and a wake-up for each newer one.
    pub(super) fn watch(&self, realm: RealmId) -> watch::Receiver<Cursor> {
        self.ends(realm).heard.subscribe()
    }

    /// The newest head heard of.
    pub(super) fn newest(&self, realm: RealmId) -> Cursor {
        *self.ends(realm).heard.borrow()
    }

    /// This replica has to do with this realm.
    pub(super) fn know(&self, realm: RealmId) {
        drop(self.ends(realm));
    }

    /// The newest heads heard of, of all realms this replica has to do with.
    pub(super) fn all(&self) -> HashMap<RealmId, Cursor> {
        let realms = self.realms.lock().unwrap_or_else(PoisonError::into_inner);
        realms.iter().map(|(realm, ends)| (*realm, *ends.heard.borrow())).collect()
    }

    /// The heads were seen in the database at this time.
    pub(super) fn seen(&self, at: Timestamp) {
        self.seen.store(at.micros(), Ordering::Relaxed);
    }

    /// When the heads were last seen in the database.
    pub(super) fn last_seen(&self) -> Timestamp {
        Timestamp::from_micros(self.seen.load(Ordering::Relaxed))
    }

    /// A commit or a notice told of this head. Notices may overtake each other, so only a newer one counts.
    pub(super) fn hear(&self, realm: RealmId, head: Cursor) {
        self.ends(realm).heard.send_if_modified(|known| {
            let newer = head > *known;
            if newer {
                *known = head;
            }
            newer
        });
    }

    /// A look at the database found this head, and `before` was the newest known when the look began. A head below it is
    /// a restored database, and followers must hear of that too.
    pub(super) fn found(&self, realm: RealmId, before: Cursor, head: Cursor) {
        self.ends(realm).heard.send_if_modified(|known| {
            let news = head > *known || (head < *known && *known == before);
            if news {
                *known = head;
            }
            news
        });
    }

    /// This replica's indexes hold everything up to `cursor`.
    pub(super) fn applied(&self, realm: RealmId, cursor: Cursor) {
        self.ends(realm).applied.send_replace(Some(cursor));
    }

    /// Waits until this replica's indexes hold `cursor`, if they follow this realm at all, but not for long.
    pub(super) async fn until_applied(&self, realm: RealmId, cursor: Cursor) {
        let mut applied = self.ends(realm).applied.subscribe();
        let there = applied.wait_for(|at| at.is_none_or(|at| at >= cursor));
        // Too late, or nobody left to tell: the change is durable either way.
        let _late = tokio::time::timeout(INDEXES_WITHIN, there).await;
    }
}
