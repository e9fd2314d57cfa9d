//! JWT-SVIDs kept for workloads: one flight per token, refreshed ahead, never waited for while a valid one is there.
//!
//! Owns: the bounded table by (entry, sorted audiences). Does not own: fetching, which it is given. Invariant: an expired
//! token is never given out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;

use crate::jobs::Tasks;
use crate::kernel::{EntryId, Timestamp};

use super::model::{Entry, Error, JwtSvid};

/// Gets one token from the server.
pub trait Fetch: Send + Sync + 'static {
    /// For this entry and these audiences, sorted and without doubles.
    fn fetch(
        &self,
        entry: Arc<Entry>,
        audience: Arc<[String]>,
    ) -> BoxFuture<'static, Result<Arc<JwtSvid>, Error>>;
}

/// The table. Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    inner: Arc<Inner>,
}

struct Inner {
    fetch: Arc<dyn Fetch>,
    tasks: Tasks,
    max: usize,
    table: Mutex<HashMap<Key, Arc<Slot>>>,
}

/// The entry with its revision, and the audiences.
type Key = (EntryId, (i64, i64), Arc<[String]>);

#[derive(Default)]
struct Slot {
    token: Mutex<Option<Arc<JwtSvid>>>,
    flight: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("held", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Tokens {
    /// An empty table of at most `max` tokens; refreshing runs in `tasks`.
    pub fn new(fetch: Arc<dyn Fetch>, tasks: Tasks, max: usize) -> Self {
        Self { inner: Arc::new(Inner { fetch, tasks, max, table: Mutex::default() }) }
    }

    /// A token of this entry for these audiences: the one held while it is valid, else a new one.
    pub async fn get(
        &self,
        entry: &Arc<Entry>,
        audience: &[String],
        now: Timestamp,
    ) -> Result<Arc<JwtSvid>, Error> {
        let audience = sorted(audience);
        if entry.unique_tokens {
            return self.inner.fetch.fetch(Arc::clone(entry), audience).await;
        }
        let key = (entry.id.clone(), (entry.revision, entry.created_at), Arc::clone(&audience));
        let slot = self.slot(key, now);
        if let Some(held) = slot.valid(now) {
            if now >= held.renew_at {
                self.refresh(&slot, entry, audience, now);
            }
            return Ok(held);
        }
        let _flight = slot.flight.lock().await;
        match slot.valid(now) {
            Some(held) => Ok(held),
            None => self.fly(&slot, entry, audience).await,
        }
    }

    /// Drops the tokens that `keep` does not want kept: of entries that went, or signed by a key that is tainted.
    pub fn retain(&self, keep: impl Fn(&EntryId, (i64, i64), &JwtSvid) -> bool) {
        self.lock().retain(|(id, version, _), slot| {
            let held = slot.held();
            held.is_none_or(|token| keep(id, *version, &token))
        });
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// True if none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn slot(&self, key: Key, now: Timestamp) -> Arc<Slot> {
        let mut table = self.lock();
        if let Some(slot) = table.get(&key) {
            return Arc::clone(slot);
        }
        make_room(&mut table, self.inner.max, now);
        let slot = Arc::<Slot>::default();
        table.insert(key, Arc::clone(&slot));
        slot
    }

    fn refresh(
        &self,
        slot: &Arc<Slot>,
        entry: &Arc<Entry>,
        audience: Arc<[String]>,
        now: Timestamp,
    ) {
        let (tokens, slot, entry) = (self.clone(), Arc::clone(slot), Arc::clone(entry));
        self.inner.tasks.spawn_until_stop("agent: refresh a token", async move {
            // Somebody else is refreshing it already: nothing is left to do.
            let Ok(_flight) = slot.flight.try_lock() else { return };
            if slot.valid(now).is_some_and(|held| now < held.renew_at) {
                return;
            }
            if let Err(why) = tokens.fly(&slot, &entry, audience).await {
                tracing::debug!(entry.id = %entry.id, error = %why, "a token could not be refreshed ahead");
            }
        });
    }

    async fn fly(
        &self,
        slot: &Slot,
        entry: &Arc<Entry>,
        audience: Arc<[String]>,
    ) -> Result<Arc<JwtSvid>, Error> {
        let token = self.inner.fetch.fetch(Arc::clone(entry), audience).await?;
        *slot.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&token));
        Ok(token)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Slot>>> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn held(&self) -> Option<Arc<JwtSvid>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn valid(&self, now: Timestamp) -> Option<Arc<JwtSvid>> {
        self.held().filter(|token| now < token.expires_at)
    }
}

/// Drops what has expired, and then the one that expires first, until one more fits.
fn make_room(table: &mut HashMap<Key, Arc<Slot>>, max: usize, now: Timestamp) {
    if table.len() < max {
        return;
    }
    table.retain(|_, slot| slot.valid(now).is_some());
    while table.len() >= max.max(1) {
        let first = table.iter().min_by_key(|(_, slot)| slot.held().map(|token| token.expires_at));
        let Some(key) = first.map(|(key, _)| key.clone()) else { return };
        table.remove(&key);
    }
}

fn sorted(audience: &[String]) -> Arc<[String]> {
    let mut audience = audience.to_vec();
    audience.sort();
    audience.dedup();
    audience.into()
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
