//! What the server has told this agent: entries, bundles, refusals. A value with rules, no locks and no clock.
//!
//! Owns: how a push stream's updates and a poll's answers change it (`weft.node.v1`, architecture §6). Invariant: what
//! the server has taken away is gone after the call returns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::kernel::{EntryId, Timestamp, TrustDomain};

use super::model::{Bundle, Entry};

/// A place in the server's change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// One unbroken history.
    pub history: String,
    /// The last change contained.
    pub seq: u64,
}

/// One step of the push stream, parsed.
#[derive(Debug, Default)]
pub struct Update {
    /// Set when the view is exactly that of this revision after this step.
    pub revision: Option<Revision>,
    /// A list of everything starts.
    pub snapshot_begin: bool,
    /// Entries, new or changed.
    pub upserts: Vec<Arc<Entry>>,
    /// Entries in the message that cannot be used; a snapshot does not keep an older form of them.
    pub removed: Vec<EntryId>,
    /// This trust domain's bundle.
    pub bundle: Option<Arc<Bundle>>,
    /// Foreign bundles, new or changed.
    pub federated: Vec<Arc<Bundle>>,
    /// Foreign trust domains whose bundle is gone.
    pub removed_domains: Vec<TrustDomain>,
    /// Entries whose identity is not to be served.
    pub refused: Vec<EntryId>,
    /// Entries whose identity is to be replaced now.
    pub renew: Vec<EntryId>,
    /// The list is complete.
    pub snapshot_end: bool,
}

/// What the agent knows.
#[derive(Debug, Default)]
pub struct View {
    entries: BTreeMap<EntryId, Arc<Entry>>,
    own: Option<Arc<Bundle>>,
    federated: BTreeMap<TrustDomain, Arc<Bundle>>,
    refused: BTreeSet<EntryId>,
    revision: Option<Revision>,
    as_of: Option<Timestamp>,
    stream: Stream,
}

/// What was named on the stream that is open now.
#[derive(Debug, Default)]
struct Stream {
    /// Refusals repeated before the first revision; nothing after it.
    refusals: Option<BTreeSet<EntryId>>,
    /// What a snapshot that is still running has named.
    snapshot: Option<Named>,
}

#[derive(Debug, Default)]
struct Named {
    entries: BTreeSet<EntryId>,
    domains: BTreeSet<TrustDomain>,
}

impl View {
    /// The entry, if the agent may serve it.
    pub fn entry(&self, id: &EntryId) -> Option<&Arc<Entry>> {
        if self.refused.contains(id) { None } else { self.entries.get(id) }
    }

    /// All entries that the agent may serve.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values().filter(|entry| !self.refused.contains(&entry.id))
    }

    /// What the agent holds, refused or not: id, revision and creation of each, for a poll.
    pub fn held(&self) -> BTreeMap<EntryId, (i64, i64)> {
        self.entries
            .values()
            .map(|entry| (entry.id.clone(), (entry.revision, entry.created_at)))
            .collect()
    }

    /// This trust domain's bundle.
    pub fn own(&self) -> Option<&Arc<Bundle>> {
        self.own.as_ref()
    }

    /// A foreign trust domain's bundle.
    pub fn federated(&self, domain: &TrustDomain) -> Option<&Arc<Bundle>> {
        self.federated.get(domain)
    }

    /// The foreign trust domains that entries name.
    pub fn wanted_domains(&self) -> BTreeSet<TrustDomain> {
        self.entries.values().flat_map(|entry| entry.federates_with.iter().cloned()).collect()
    }

    /// Where to resume.
    pub fn revision(&self) -> Option<&Revision> {
        self.revision.as_ref()
    }

    /// When the server last confirmed it; never before the first complete answer.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// A push stream was opened: what an earlier one left half done is forgotten.
    pub fn opened(&mut self) {
        self.stream = Stream { refusals: Some(BTreeSet::new()), snapshot: None };
    }

    /// The server said at `now` that nothing is missing.
    pub fn confirmed(&mut self, now: Timestamp) {
        self.as_of = Some(now);
    }

    /// Sets this trust domain's bundle.
    pub fn set_own(&mut self, bundle: Arc<Bundle>) {
        // The same again is no news: who listens compares by pointer.
        if self.own.as_ref().is_none_or(|held| !held.says_the_same(&bundle)) {
            self.own = Some(bundle);
        }
    }

    /// Applies one step of the push stream, in the order that the protocol gives its fields.
    pub fn apply(&mut self, update: Update, now: Timestamp) {
        if update.snapshot_begin {
            self.stream.snapshot = Some(Named::default());
        }
        for entry in update.upserts {
            self.refused.remove(&entry.id);
            if let Some(named) = &mut self.stream.snapshot {
                named.entries.insert(entry.id.clone());
            }
            self.entries.insert(entry.id.clone(), entry);
        }
        for id in &update.removed {
            self.remove(id);
        }
        if let Some(bundle) = update.bundle {
            self.set_own(bundle);
        }
        for bundle in update.federated {
            if let Some(named) = &mut self.stream.snapshot {
                named.domains.insert(bundle.trust_domain.clone());
            }
            self.set_federated(bundle);
        }
        for domain in &update.removed_domains {
            self.federated.remove(domain);
        }
        self.direct(&update.refused, &update.renew);
        if update.snapshot_end {
            self.finish_snapshot();
        }
        if let Some(revision) = update.revision {
            self.reach(revision, now);
        }
    }

    /// Replaces all entries by what a poll found: `ids` are all that the server named, `changed` those it sent whole.
    pub fn polled(&mut self, ids: &BTreeSet<EntryId>, changed: Vec<Arc<Entry>>, now: Timestamp) {
        for entry in changed {
            self.entries.insert(entry.id.clone(), entry);
        }
        self.entries.retain(|id, _| ids.contains(id));
        // A poll knows no directives: what a push stream refused stays refused only while that server speaks.
        self.refused.retain(|id| ids.contains(id));
        self.revision = None;
        self.as_of = Some(now);
    }

    /// Sets a foreign bundle.
    pub fn set_federated(&mut self, bundle: Arc<Bundle>) {
        let held = self.federated.get(&bundle.trust_domain);
        if held.is_none_or(|held| !held.says_the_same(&bundle)) {
            self.federated.insert(bundle.trust_domain.clone(), bundle);
        }
    }

    /// Drops every foreign bundle but those of `domains`.
    pub fn keep_domains(&mut self, domains: &BTreeSet<TrustDomain>) {
        self.federated.retain(|domain, _| domains.contains(domain));
    }

    fn remove(&mut self, id: &EntryId) {
        self.entries.remove(id);
        self.refused.remove(id);
        if let Some(repeated) = &mut self.stream.refusals {
            repeated.remove(id);
        }
    }

    fn direct(&mut self, refused: &[EntryId], renew: &[EntryId]) {
        for id in refused {
            self.refused.insert(id.clone());
            if let Some(repeated) = &mut self.stream.refusals {
                repeated.insert(id.clone());
            }
        }
        for id in renew {
            self.refused.remove(id);
        }
    }

    fn finish_snapshot(&mut self) {
        if let Some(named) = self.stream.snapshot.take() {
            self.entries.retain(|id, _| named.entries.contains(id));
            self.federated.retain(|domain, _| named.domains.contains(domain));
        }
    }

    fn reach(&mut self, revision: Revision, now: Timestamp) {
        if let Some(repeated) = self.stream.refusals.take() {
            self.refused.retain(|id| repeated.contains(id));
        }
        self.revision = Some(revision);
        self.as_of = Some(now);
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
