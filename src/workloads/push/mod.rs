//! One realm as agents see it: the index of entries, who watches it, and what changed lately.
//!
//! Owns: which change concerns which connected agent. Does not own: the wire (`grpc/node.rs`), bundles.
//! Invariants: a change reaches the mailboxes of exactly the agents that had the entry before it or have it after it;
//! an agent is told a revision only when everything up to it was applied; nothing here waits.

mod mailbox;
mod ring;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::index::{Index, Node, Roots, is_alias, is_subset};
use super::model::Entry;
use super::settings::Settings;
use crate::db::Cursor;
use crate::kernel::{EntryId, Situation, SpiffeId, Timestamp};

pub use mailbox::Goodbye;
pub(super) use mailbox::Mailbox;
pub(super) use mailbox::{Directive, Why};
pub(super) use ring::{Had, Missed};
use ring::{Mark, Ring};

/// The state of a realm, behind one lock.
#[derive(Debug)]
pub(super) struct Realm {
    pub(super) index: Index,
    /// Everything up to here is applied; nothing before the first load.
    revision: Option<Cursor>,
    ring: Ring,
    watchers: HashMap<SpiffeId, Watcher>,
    /// Which watchers' nodes an alias stands for.
    by_alias: HashMap<EntryId, HashSet<SpiffeId>>,
    /// Watchers by their second name.
    by_name: HashMap<SpiffeId, HashSet<SpiffeId>>,
    /// Who hears the bell at the next revision.
    stirred: HashSet<SpiffeId>,
    /// Expiries up to here were told to the watchers.
    expired_until: Timestamp,
    /// The revision at which all watchers last heard the bell.
    all_told: i64,
    waiting_max: usize,
    remembered: usize,
}

#[derive(Debug)]
struct Watcher {
    node: Arc<Node>,
    /// Where its stream comes from.
    situation: Situation,
    mailbox: Arc<Mailbox>,
    /// What it may not have now although it is authorised for it, as it was told.
    refused: BTreeMap<EntryId, Directive>,
}

/// What a stream has to say now.
#[derive(Debug)]
pub(super) struct Delta {
    /// Where the agent is with it.
    pub(super) revision: Cursor,
    /// Everything it is authorised for, instead of changes.
    pub(super) snapshot: bool,
    pub(super) upserts: Vec<Arc<Entry>>,
    pub(super) removed: Vec<EntryId>,
    pub(super) directives: Vec<Directive>,
    pub(super) bundles: bool,
}

impl Realm {
    pub(super) fn new(settings: &Settings, now: Timestamp) -> Self {
        Self {
            index: Index::default(),
            revision: None,
            ring: Ring::new(settings.push_remembered_changes),
            watchers: HashMap::new(),
            by_alias: HashMap::new(),
            by_name: HashMap::new(),
            stirred: HashSet::new(),
            expired_until: now,
            all_told: i64::MIN,
            waiting_max: settings.push_waiting_changes_max,
            remembered: settings.push_remembered_changes,
        }
    }

    pub(super) fn revision(&self) -> Option<Cursor> {
        self.revision
    }

    /// Replaces all entries: the first load, or another history.
    pub(super) fn replace(&mut self, index: Index, now: Timestamp) {
        self.index = index;
        self.expired_until = now;
        self.ring.mark(Mark::Everything);
        self.by_alias.clear();
        let agents: Vec<_> = self.watchers.keys().cloned().collect();
        for agent in agents {
            self.join(&agent);
            self.stir_wholly(&agent);
        }
    }

    /// Takes over what a row says now; without a row the entry is gone.
    pub(super) fn change(&mut self, id: &EntryId, row: Option<Entry>) {
        let old = self.index.get(id).cloned();
        if old.as_deref() == row.as_ref() {
            return;
        }
        let moved = moves(old.as_deref(), row.as_ref());
        // Whoever was refused the entry as it was asks anew for what it is now, and is judged then.
        for watcher in self.watchers.values_mut() {
            watcher.refused.remove(id);
        }
        if let Some(old) = &old {
            let roots = self.index.roots(old);
            self.touch(old, roots, moved, true);
        }
        let Some(row) = row else {
            self.index.remove(id);
            self.by_alias.remove(id);
            return;
        };
        self.index.insert(row);
        if let Some(new) = self.index.get(id).cloned() {
            self.stand_for(&new);
            let roots = self.index.roots(&new);
            self.touch(&new, roots, moved, false);
        }
    }

    /// Everything up to `cursor` is applied, in this slice and in those that feed it: rings the bells.
    pub(super) fn settle(&mut self, cursor: Cursor) {
        if self.revision.is_some_and(|known| known.history != cursor.history) {
            let agents: Vec<_> = self.watchers.keys().cloned().collect();
            for agent in &agents {
                self.stir_wholly(agent);
            }
        }
        self.revision = Some(cursor);
        self.ring.stamp(cursor);
        // An agent that nothing concerns must hear of revisions too, or its own would be forgotten here.
        let due = i64::try_from(self.remembered / 2).unwrap_or(i64::MAX);
        if cursor.seq.saturating_sub(self.all_told) >= due {
            self.all_told = cursor.seq;
            self.stirred.extend(self.watchers.keys().cloned());
        }
        for agent in std::mem::take(&mut self.stirred) {
            if let Some(watcher) = self.watchers.get(&agent) {
                watcher.mailbox.ring();
            }
        }
    }

    /// Tells the watchers of the entries whose time has come; gives the time of the next.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<Timestamp> {
        let due: Vec<EntryId> =
            self.index.expired_between(self.expired_until, now).map(|(_, id)| id.clone()).collect();
        self.expired_until = self.expired_until.max(now);
        for entry in due.iter().filter_map(|id| self.index.get(id).cloned()).collect::<Vec<_>>() {
            let roots = self.index.roots(&entry);
            self.touch(&entry, roots, true, true);
        }
        if let (false, Some(cursor)) = (due.is_empty(), self.revision) {
            // No change has this number yet: whoever resumes from the head is told again.
            self.ring.stamp(Cursor { seq: cursor.seq.saturating_add(1), ..cursor });
            self.settle(cursor);
        }
        self.index.next_expiry(now)
    }

    /// A stream of this agent begins; the one it had is told so. `from`: where the agent was.
    pub(super) fn watch(
        &mut self,
        (node, situation): (Node, Situation),
        from: Option<Cursor>,
    ) -> (Arc<Mailbox>, Missed) {
        let mailbox = Arc::new(Mailbox::default());
        let node = Arc::new(node);
        let agent = &node.id;
        self.leave(agent);
        let (held, sent) = (Arc::clone(&node), Arc::clone(&mailbox));
        let watcher = Watcher { node: held, situation, mailbox: sent, refused: BTreeMap::new() };
        if let Some(other) = self.watchers.insert(agent.clone(), watcher) {
            other.mailbox.say_goodbye(Goodbye::Replaced);
        }
        self.join(agent);
        let missed = match from {
            Some(from) => self.ring.since(from, agent),
            None => Missed::Everything,
        };
        (mailbox, missed)
    }

    /// The stream of this mailbox has ended; true if the agent has no other.
    pub(super) fn unwatch(&mut self, agent: &SpiffeId, mailbox: &Arc<Mailbox>) -> bool {
        let mine = self.watchers.get(agent).is_some_and(|now| Arc::ptr_eq(&now.mailbox, mailbox));
        if mine {
            self.leave(agent);
            self.watchers.remove(agent);
        }
        mine
    }

    /// Everything a watching agent is authorised for.
    pub(super) fn all_of(&self, agent: &SpiffeId, now: Timestamp) -> Vec<Arc<Entry>> {
        let watcher = self.watchers.get(agent);
        watcher.map(|watcher| self.index.authorised(&watcher.node, now)).unwrap_or_default()
    }

    /// The node's selectors, or its second name, may be others now.
    pub(super) fn reselect(&mut self, node: Node) {
        let agent = node.id.clone();
        if let Some(watcher) = self.watchers.get(&agent) {
            if *watcher.node == node {
                return;
            }
            self.leave(&agent);
            if let Some(watcher) = self.watchers.get_mut(&agent) {
                watcher.node = Arc::new(node);
            }
            self.join(&agent);
            self.stir_wholly(&agent);
            self.ring_bell(&agent);
        }
        // Whoever is away now takes everything when it comes back.
        self.ring.mark(Mark::Agent(agent));
    }

    pub(super) fn say_goodbye(&self, agent: &SpiffeId, reason: Goodbye) {
        if let Some(watcher) = self.watchers.get(agent) {
            watcher.mailbox.say_goodbye(reason);
        }
    }

    pub(super) fn say_goodbye_to_all(&self, reason: Goodbye) {
        self.watchers.values().for_each(|watcher| watcher.mailbox.say_goodbye(reason));
    }

    /// The realm's own bundle changed.
    pub(super) fn bundles_changed(&mut self) {
        for watcher in self.watchers.values() {
            watcher.mailbox.put_bundles();
            watcher.mailbox.ring();
        }
    }

    /// The same for foreign ones: one may be gone, and an agent that is away now has to learn of that.
    pub(super) fn foreign_bundles_changed(&mut self) {
        self.ring.mark(Mark::Everything);
        self.bundles_changed();
    }

    /// What a watching agent may not have from now on, in place of what it was refused before: it hears of the difference.
    pub(super) fn refuse(&mut self, agent: &SpiffeId, refused: BTreeMap<EntryId, Directive>) {
        let Some(watcher) = self.watchers.get_mut(agent) else { return };
        let news =
            refused.values().filter(|order| watcher.refused.get(&order.entry) != Some(order));
        let lifted = watcher.refused.values().filter(|order| !refused.contains_key(&order.entry));
        let lifted = lifted.map(|order| Directive {
            refused: false,
            message: "it is permitted again".to_owned(),
            ..order.clone()
        });
        let orders: Vec<Directive> = news.cloned().chain(lifted).collect();
        watcher.refused = refused;
        for order in &orders {
            watcher.mailbox.put_directive(order.clone(), self.waiting_max);
        }
        if !orders.is_empty() {
            watcher.mailbox.ring();
        }
    }

    /// What waits in the mailbox, as it stands in the index now. `None`: nothing is loaded yet.
    pub(super) fn collect(
        &self,
        agent: &SpiffeId,
        mailbox: &Mailbox,
        now: Timestamp,
    ) -> Option<Delta> {
        let revision = self.revision?;
        let watcher = self.watchers.get(agent)?;
        let node = Arc::clone(&watcher.node);
        let waiting = mailbox.take();
        let mut delta = Delta {
            revision,
            snapshot: waiting.everything,
            upserts: Vec::new(),
            removed: Vec::new(),
            directives: waiting.directives,
            bundles: waiting.bundles || waiting.everything,
        };
        if waiting.everything {
            delta.upserts = self.index.authorised(&node, now);
        }
        for id in waiting.entries {
            match self.index.authorised_one(&node, &id, now) {
                Some(entry) => delta.upserts.push(Arc::clone(entry)),
                None => delta.removed.push(id),
            }
        }
        // An entry that comes again ends its refusal at the agent, but not here: so it is said again.
        let again =
            delta.upserts.iter().filter_map(|entry| watcher.refused.get(&entry.id)).cloned();
        let again: Vec<_> = again.filter(|order| !delta.directives.contains(order)).collect();
        delta.directives.extend(again);
        let mine = |id: &EntryId| self.index.authorised_one(&node, id, now).is_some();
        delta.directives.retain(|directive| mine(&directive.entry));
        Some(delta)
    }

    /// What an agent missed goes into its mailbox: what it has or may have had, and nothing else.
    pub(super) fn deliver_missed(
        &self,
        agent: &SpiffeId,
        mailbox: &Mailbox,
        missed: Missed,
        now: Timestamp,
    ) {
        let (Missed::Entries(entries), Some(watcher)) = (missed, self.watchers.get(agent)) else {
            mailbox.put_everything();
            return;
        };
        let concerns = |id: &EntryId, had: &Had| {
            had.as_ref().is_some_and(|roots| roots.hold(&watcher.node))
                || self.index.authorised_one(&watcher.node, id, now).is_some()
        };
        let ids: Vec<_> =
            entries.into_iter().filter(|(id, had)| concerns(id, had)).map(|(id, _)| id).collect();
        mailbox.put(&ids, self.waiting_max);
    }

    pub(super) fn watching_from(&self, agent: &SpiffeId) -> Option<&Situation> {
        self.watchers.get(agent).map(|watcher| &watcher.situation)
    }

    /// True if something that this agent is authorised for is refused to it.
    pub(super) fn refuses(&self, agent: &SpiffeId) -> bool {
        self.watchers.get(agent).is_some_and(|watcher| !watcher.refused.is_empty())
    }

    /// The agents to which something is refused.
    pub(super) fn refused_agents(&self) -> Vec<SpiffeId> {
        let refused = self.watchers.iter().filter(|(_, watcher)| !watcher.refused.is_empty());
        refused.map(|(agent, _)| agent.clone()).collect()
    }

    /// The agents that may have any of these entries.
    pub(super) fn watching_any<'a>(
        &self,
        entries: impl Iterator<Item = &'a Arc<Entry>>,
    ) -> BTreeSet<SpiffeId> {
        entries.flat_map(|entry| self.watching(&self.index.roots(entry))).collect()
    }

    pub(super) fn watched_agents(&self) -> Vec<SpiffeId> {
        self.watchers.keys().cloned().collect()
    }

    /// Marks the entry, and when it `moved` also what hangs below it, for those above it: they `had` it until now, or have
    /// it from now on.
    fn touch(&mut self, entry: &Entry, roots: Roots, moved: bool, had: bool) {
        let below = if moved {
            self.index.below(&entry.terms.spiffe_id, self.waiting_max)
        } else {
            Some(Vec::new())
        };
        let agents = self.watching(&roots);
        let Some(mut ids) = below else {
            self.ring.mark(Mark::Everything);
            for agent in &agents {
                self.stir_wholly(agent);
            }
            return;
        };
        ids.push(entry.id.clone());
        let had = had.then(|| Arc::new(roots));
        for id in &ids {
            self.ring.mark(Mark::Entry(id.clone(), had.clone()));
        }
        for agent in agents {
            if let Some(watcher) = self.watchers.get(&agent) {
                watcher.mailbox.put(&ids, self.waiting_max);
            }
            self.stirred.insert(agent);
        }
    }

    fn watching(&self, roots: &Roots) -> Vec<SpiffeId> {
        let direct = roots.parents.iter().filter(|agent| self.watchers.contains_key(*agent));
        let named = roots.parents.iter().filter_map(|name| self.by_name.get(name)).flatten();
        let aliased =
            roots.aliases.iter().filter_map(|alias| self.by_alias.get(&alias.id)).flatten();
        let agents: HashSet<_> = direct.chain(named).chain(aliased).collect();
        agents.into_iter().cloned().collect()
    }

    fn stir_wholly(&mut self, agent: &SpiffeId) {
        if let Some(watcher) = self.watchers.get(agent) {
            watcher.mailbox.put_everything();
            self.stirred.insert(agent.clone());
        }
    }

    fn ring_bell(&self, agent: &SpiffeId) {
        if let Some(watcher) = self.watchers.get(agent) {
            watcher.mailbox.ring();
        }
    }

    /// For which watchers' nodes this entry stands, if it is an alias.
    fn stand_for(&mut self, entry: &Entry) {
        self.by_alias.remove(&entry.id);
        if is_alias(entry) {
            let has =
                |watcher: &Watcher| is_subset(&entry.terms.selectors, &watcher.node.selectors);
            let agents: HashSet<_> = self
                .watchers
                .iter()
                .filter(|(_, watcher)| has(watcher))
                .map(|(agent, _)| agent.clone())
                .collect();
            if !agents.is_empty() {
                self.by_alias.insert(entry.id.clone(), agents);
            }
        }
    }

    /// Into the reverse indexes.
    fn join(&mut self, agent: &SpiffeId) {
        let Some(watcher) = self.watchers.get(agent) else { return };
        for alias in self.index.aliases_of(&watcher.node.selectors) {
            self.by_alias.entry(alias.id.clone()).or_default().insert(agent.clone());
        }
        if let Some(name) = &watcher.node.alias {
            self.by_name.entry(name.clone()).or_default().insert(agent.clone());
        }
    }

    /// Out of them.
    fn leave(&mut self, agent: &SpiffeId) {
        let Some(watcher) = self.watchers.get(agent) else { return };
        for alias in self.index.aliases_of(&watcher.node.selectors) {
            drop_from(&mut self.by_alias, &alias.id, agent);
        }
        if let Some(name) = &watcher.node.alias {
            drop_from(&mut self.by_name, name, agent);
        }
    }
}

fn drop_from<K: std::hash::Hash + Eq>(
    sets: &mut HashMap<K, HashSet<SpiffeId>>,
    key: &K,
    agent: &SpiffeId,
) {
    if let Some(agents) = sets.get_mut(key) {
        agents.remove(agent);
        if agents.is_empty() {
            sets.remove(key);
        }
    }
}

/// True if the change can give or take what hangs below the entry.
fn moves(old: Option<&Entry>, new: Option<&Entry>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return true };
    let (old, new) = (&old.terms, &new.terms);
    old.spiffe_id != new.spiffe_id
        || old.parent_id != new.parent_id
        || old.selectors != new.selectors
        || old.expires_at != new.expires_at
}
