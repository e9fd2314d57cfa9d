//! People in memory: by key, bounded in bytes and in time. Sign-ins read past it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;

use super::CACHE_FOR;
use super::model::User;
use crate::kernel::{RealmId, Timestamp, UserId};

/// The cache.
#[derive(Debug)]
pub(super) struct People {
    known: Cache<(RealmId, UserId), Kept>,
    /// How often anything was forgotten. What was read before that is not kept: it may be what is to be forgotten.
    forgotten: AtomicU64,
}

#[derive(Debug, Clone)]
struct Kept {
    user: Arc<User>,
    read_at: Timestamp,
}

impl People {
    pub(super) fn new() -> Self {
        let known = Cache::builder()
            .max_capacity(BYTES_MAX)
            .weigher(|_, kept: &Kept| weight(&kept.user))
            .time_to_live(CACHE_FOR.to_std())
            .build();
        Self { known, forgotten: AtomicU64::new(0) }
    }

    /// The person, unless it is too long ago that they were read.
    pub(super) fn get(&self, realm: RealmId, user: UserId, now: Timestamp) -> Option<Arc<User>> {
        let kept = self.known.get(&(realm, user))?;
        (now.since(kept.read_at) < CACHE_FOR).then_some(kept.user)
    }

    /// To be asked for before reading, and given back with what was read.
    pub(super) fn mark(&self) -> u64 {
        self.forgotten.load(Ordering::SeqCst)
    }

    pub(super) fn keep(&self, realm: RealmId, user: &Arc<User>, read_at: Timestamp, mark: u64) {
        if self.mark() == mark {
            let kept = Kept { user: Arc::clone(user), read_at };
            self.known.insert((realm, user.id), kept);
        }
    }

    pub(super) fn forget(&self, realm: RealmId, user: UserId) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate(&(realm, user));
    }

    /// For a group that is gone: its members are many.
    pub(super) fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate_all();
    }
}

/// Bytes of one person, roughly: what grows is counted.
fn weight(user: &User) -> u32 {
    let attributes = user.attributes.values().map(|attribute| attribute.value.len() + 160);
    let identifiers = user.identifiers.iter().map(|identifier| identifier.value().len() + 64);
    let groups = user.groups.iter().map(|group| group.len() + 32);
    let bytes: usize = attributes.chain(identifiers).chain(groups).sum();
    u32::try_from(bytes.saturating_add(BYTES_EACH)).unwrap_or(u32::MAX)
}

/// Of the 64 MiB that people and sessions have together.
const BYTES_MAX: u64 = 24 * 1024 * 1024;
/// The struct, its key, and the cache's own.
const BYTES_EACH: usize = 600;
