//! What the agent serves: the server's view, an X.509-SVID for each entry, and who listens for changes.
//!
//! Owns: matching a workload's selectors with entries, the plan of what to fetch next, and waking streams. Does not own:
//! fetching (`prefetch.rs`), tokens (`tokens.rs`), rendering (`workload_api/`). Invariants: an expired SVID, one whose
//! entry is gone or refused, and one whose entry now has another identity is never given out; the lock is held for
//! microseconds and never across an await.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::kernel::{EntryId, Lifetime, Selector, Timestamp};

use super::model::{Bundle, Entry, X509Svid};
use super::view::{Update, View};

/// What a workload showed.
pub type Selectors = Arc<BTreeSet<Selector>>;

/// Entries, SVIDs, bundles, and who listens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cache {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    rules: Rules,
}

/// What to fetch before anybody asks.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Entries beyond this number get an SVID only when a workload listens for it.
    pub prefetch_max: usize,
    /// The types of selectors that this node's attestors can find; an entry that asks for others matches nobody here.
    pub attestable: &'static [&'static str],
}

/// Everything that one set of selectors is entitled to, at one moment. Entries in order, the default first.
#[derive(Debug)]
pub struct Identities {
    /// The entries that match.
    pub entries: Vec<Arc<Entry>>,
    /// Those of them that have a valid SVID, with it.
    pub svids: Vec<(Arc<Entry>, Arc<X509Svid>)>,
    /// Whether some of the others' SVIDs are on their way; what the server refused is not.
    pub more_to_come: bool,
    /// This trust domain's bundle.
    pub own: Arc<Bundle>,
    /// The bundles that the entries federate with.
    pub federated: Vec<Arc<Bundle>>,
    /// The moment at which the first of `svids` or `entries` expires: look again then.
    pub good_until: Timestamp,
}

/// The agent has not heard everything from its server yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the agent is starting and has not heard from its server yet")]
pub struct NotReady;

/// A set of selectors whose changes somebody listens for; its entries' SVIDs are kept fresh as long as it lives.
#[derive(Debug)]
pub struct Subscription {
    cache: Cache,
    selectors: Selectors,
    changed: watch::Receiver<u64>,
}

/// What to fetch now, and when to look again.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// The entries that need an SVID, the most urgent first.
    pub due: Vec<Arc<Entry>>,
    /// When the next one will.
    pub next: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct State {
    view: View,
    slots: BTreeMap<EntryId, Slot>,
    listeners: HashMap<Selectors, Listener>,
    generation: u64,
}

/// What is held for one entry.
#[derive(Debug, Default)]
struct Slot {
    svid: Option<Arc<X509Svid>>,
    /// The revision and creation of the entry that the SVID was made for.
    made_for: (i64, i64),
    /// Replace it whatever its age.
    overdue: bool,
    failures: u32,
    not_before: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Listener {
    count: usize,
    seen: Option<(u64, Arc<Identities>)>,
}

impl Cache {
    /// An empty cache: not ready.
    pub fn new(rules: Rules) -> Self {
        Self { state: Arc::default(), changed: watch::Sender::new(0), rules }
    }

    /// Changes the view, and wakes everybody whose answer may have changed.
    pub fn change<T>(&self, change: impl FnOnce(&mut View) -> T) -> T {
        let answer = {
            let mut state = self.lock();
            let answer = change(&mut state.view);
            state.settle();
            answer
        };
        self.wake();
        answer
    }

    /// Applies one update of the push stream.
    pub fn apply(&self, update: Update, now: Timestamp) {
        let renew = update.renew.clone();
        self.change(|view| view.apply(update, now));
        self.renew(&renew);
    }

    /// Looks at the view without changing it.
    pub fn look<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.lock().view)
    }

    /// What these selectors are entitled to.
    pub fn identities(
        &self,
        selectors: &Selectors,
        now: Timestamp,
    ) -> Result<Arc<Identities>, NotReady> {
        self.lock().identities(selectors, now)
    }

    /// Listens for changes of what these selectors are entitled to.
    pub fn subscribe(&self, selectors: Selectors) -> Subscription {
        self.lock().listeners.entry(Arc::clone(&selectors)).or_default().count += 1;
        self.wake();
        Subscription { cache: self.clone(), selectors, changed: self.changed.subscribe() }
    }

    /// Wakes with every change of anything.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What to fetch now: at most `batch` entries.
    pub fn plan(&self, now: Timestamp, batch: usize) -> Plan {
        self.lock().plan(&self.rules, now, batch)
    }

    /// Keeps an SVID for each entry, unless the entry went or changed its identity meanwhile.
    pub fn keep(&self, fresh: Vec<(Arc<Entry>, Arc<X509Svid>)>) {
        {
            let mut state = self.lock();
            for (entry, svid) in fresh {
                state.keep(&entry, svid);
            }
        }
        self.wake();
    }

    /// The server gave no SVID for this entry: it is asked again after the wait that `wait` makes of the failures so far.
    pub fn failed(&self, id: &EntryId, now: Timestamp, wait: impl FnOnce(u32) -> Lifetime) {
        {
            let mut state = self.lock();
            if let Some(slot) = state.slots.get_mut(id) {
                slot.not_before = Some(now.plus(wait(slot.failures)));
                slot.failures = slot.failures.saturating_add(1);
            }
        }
        self.wake();
    }

    /// Has the SVIDs of these entries replaced now, whatever their age.
    pub fn renew(&self, ids: &[EntryId]) {
        if ids.is_empty() {
            return;
        }
        {
            let mut state = self.lock();
            for id in ids {
                if let Some(slot) = state.slots.get_mut(id) {
                    slot.overdue = true;
                    slot.not_before = None;
                }
            }
        }
        self.wake();
    }

    /// The SVIDs held, for whoever judges them after a change of the bundle.
    pub fn held(&self) -> Vec<(EntryId, Arc<X509Svid>)> {
        let state = self.lock();
        state
            .slots
            .iter()
            .filter_map(|(id, slot)| slot.svid.clone().map(|svid| (id.clone(), svid)))
            .collect()
    }

    /// How many entries, SVIDs and listening sets there are.
    pub fn sizes(&self) -> (usize, usize, usize) {
        let state = self.lock();
        let svids = state.slots.values().filter(|slot| slot.svid.is_some()).count();
        (state.view.entries().count(), svids, state.listeners.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let generation = {
            let mut state = self.lock();
            state.generation += 1;
            state.generation
        };
        self.changed.send_replace(generation);
    }
}

impl Subscription {
    /// What the selectors are entitled to now; the same `Arc` as before if nothing changed for them.
    pub fn identities(&self, now: Timestamp) -> Result<Arc<Identities>, NotReady> {
        self.cache.lock().shared(&self.selectors, now)
    }

    /// Resolves when something changed since the last call.
    pub async fn changed(&mut self) {
        if self.changed.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        if let Some(listener) = state.listeners.get_mut(&self.selectors) {
            listener.count = listener.count.saturating_sub(1);
            if listener.count == 0 {
                state.listeners.remove(&self.selectors);
            }
        }
    }
}

impl Identities {
    /// True if a message made of the other says the same.
    fn says_the_same(&self, other: &Self) -> bool {
        let same_entries = self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|(a, b)| Arc::ptr_eq(a, b));
        let same_svids = self.svids.len() == other.svids.len()
            && self.svids.iter().zip(&other.svids).all(|(a, b)| Arc::ptr_eq(&a.1, &b.1));
        let same_federated = self.federated.len() == other.federated.len()
            && self.federated.iter().zip(&other.federated).all(|(a, b)| Arc::ptr_eq(a, b));
        same_entries
            && same_svids
            && same_federated
            && self.more_to_come == other.more_to_come
            && Arc::ptr_eq(&self.own, &other.own)
    }
}

impl State {
    /// After a change of the view: nothing is held for an entry that went, or that gives another identity now.
    fn settle(&mut self) {
        let Self { view, slots, .. } = self;
        slots.retain(|id, slot| {
            let Some(entry) = view.entry(id) else { return false };
            if slot.svid.as_ref().is_some_and(|svid| svid.spiffe_id != entry.spiffe_id) {
                slot.svid = None;
            }
            if slot.made_for != (entry.revision, entry.created_at) {
                slot.not_before = None;
                slot.failures = 0;
            }
            true
        });
        for entry in view.entries() {
            if !slots.contains_key(&entry.id) {
                slots.insert(entry.id.clone(), Slot::default());
            }
        }
    }

    fn identities(
        &self,
        selectors: &Selectors,
        now: Timestamp,
    ) -> Result<Arc<Identities>, NotReady> {
        let own = self.view.own().filter(|_| self.view.as_of().is_some()).ok_or(NotReady)?;
        let entries = self.matching(selectors, now);
        let mut svids = Vec::with_capacity(entries.len());
        let mut domains = BTreeSet::new();
        let mut good_until = Timestamp::FOREVER;
        let mut more_to_come = false;
        for entry in &entries {
            domains.extend(&entry.federates_with);
            good_until = good_until.min(entry.expires_at.unwrap_or(Timestamp::FOREVER));
            let slot = self.slots.get(&entry.id);
            let held = slot.and_then(|slot| slot.svid.as_ref());
            match held.filter(|svid| now < svid.expires_at && svid.spiffe_id == entry.spiffe_id) {
                Some(svid) => {
                    good_until = good_until.min(svid.expires_at);
                    svids.push((Arc::clone(entry), Arc::clone(svid)));
                }
                None => more_to_come |= slot.is_some_and(|slot| slot.failures == 0),
            }
        }
        let federated =
            domains.into_iter().filter_map(|domain| self.view.federated(domain).cloned()).collect();
        let own = Arc::clone(own);
        Ok(Arc::new(Identities { entries, svids, more_to_come, own, federated, good_until }))
    }

    /// The entries that match, the oldest first; of several with one hint only the first, so that a hint names one.
    fn matching(&self, selectors: &Selectors, now: Timestamp) -> Vec<Arc<Entry>> {
        let mut entries: Vec<_> =
            self.view.entries().filter(|entry| entry.matches(selectors, now)).cloned().collect();
        entries.sort_by(|a, b| a.rank().cmp(&b.rank()));
        let mut hints = BTreeSet::new();
        entries.retain(|entry| entry.hint.is_empty() || hints.insert(entry.hint.clone()));
        entries
    }

    /// The same for a listening set: made once a change for all who listen.
    fn shared(
        &mut self,
        selectors: &Selectors,
        now: Timestamp,
    ) -> Result<Arc<Identities>, NotReady> {
        let generation = self.generation;
        let seen = self.listeners.get(selectors).and_then(|listener| listener.seen.clone());
        if let Some((at, held)) = &seen
            && *at == generation
            && now < held.good_until
        {
            return Ok(Arc::clone(held));
        }
        let mut fresh = self.identities(selectors, now)?;
        if let Some((_, held)) = seen
            && held.says_the_same(&fresh)
        {
            fresh = held;
        }
        if let Some(listener) = self.listeners.get_mut(selectors) {
            listener.seen = Some((generation, Arc::clone(&fresh)));
        }
        Ok(fresh)
    }

    fn keep(&mut self, entry: &Entry, svid: Arc<X509Svid>) {
        let Some(current) = self.view.entry(&entry.id) else { return };
        if current.spiffe_id != svid.spiffe_id {
            return;
        }
        let slot = self.slots.entry(entry.id.clone()).or_default();
        *slot = Slot {
            svid: Some(svid),
            made_for: (entry.revision, entry.created_at),
            overdue: false,
            failures: 0,
            not_before: None,
        };
    }

    fn plan(&self, rules: &Rules, now: Timestamp, batch: usize) -> Plan {
        let mut due: Vec<(Timestamp, Arc<Entry>)> = Vec::new();
        let mut next: Option<Timestamp> = None;
        let mut quota = rules.prefetch_max;
        for entry in self.view.entries() {
            let Some(at) = self.due_at(entry, rules, &mut quota, now) else { continue };
            if at <= now {
                due.push((at, Arc::clone(entry)));
            } else {
                next = Some(next.map_or(at, |earlier| earlier.min(at)));
            }
        }
        due.sort_by_key(|(at, _)| *at);
        due.truncate(batch);
        Plan { due: due.into_iter().map(|(_, entry)| entry).collect(), next }
    }

    /// When this entry needs an SVID; never if nobody wants one. A listener's missing SVID comes before all others.
    fn due_at(
        &self,
        entry: &Entry,
        rules: &Rules,
        quota: &mut usize,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let slot = self.slots.get(&entry.id)?;
        let attestable =
            entry.selectors.iter().all(|selector| rules.attestable.contains(&selector.kind()));
        if !attestable || entry.expires_at.is_some_and(|end| end <= now) {
            return None;
        }
        let listened = self.listeners.keys().any(|shown| entry.matches(shown, now));
        let prefetched = entry.prefetch && *quota > 0;
        if prefetched {
            *quota -= 1;
        }
        if !listened && !prefetched {
            return None;
        }
        let at = match &slot.svid {
            None if listened => Timestamp::EPOCH,
            None => Timestamp::EPOCH.plus(Lifetime::micros(1)),
            Some(_) if slot.overdue || slot.made_for != (entry.revision, entry.created_at) => {
                Timestamp::EPOCH.plus(Lifetime::micros(2))
            }
            Some(svid) => svid.renew_at,
        };
        Some(slot.not_before.map_or(at, |wait| at.max(wait)))
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
