//! Who is authorised for which entry: the recursive walk of SPIRE's server API, downwards for a sync and upwards for
//! one entry. Both give the same answer (a property test compares them with a naive one), and both end on cycles.
//!
//! An agent is authorised for the entries whose parent is its ID, for the aliases whose selectors its node has, and
//! from there on for every entry whose parent is the identity of an authorised one. A join token can give its agents a
//! second name, which counts like the ID. An expired entry is as if it were not there: nothing below it is reached
//! through it.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Group, Index, is_alias};
use crate::kernel::{EntryId, Selector, SpiffeId, Timestamp};
use crate::nodes::Agent;
use crate::workloads::model::Entry;

/// What the walk needs to know of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::workloads) struct Node {
    pub(in crate::workloads) id: SpiffeId,
    /// Its second name.
    pub(in crate::workloads) alias: Option<SpiffeId>,
    /// Sorted.
    pub(in crate::workloads) selectors: Vec<Selector>,
}

impl Node {
    pub(in crate::workloads) fn of(agent: &Agent) -> Self {
        let mut selectors = agent.selectors.clone();
        selectors.sort();
        Self { id: agent.id.clone(), alias: agent.alias.clone(), selectors }
    }

    fn is(&self, parent: &SpiffeId) -> bool {
        self.id == *parent || self.alias.as_ref() == Some(parent)
    }
}

/// Where the ways up from an entry lead: who has it.
#[derive(Debug, Default)]
pub(in crate::workloads) struct Roots {
    /// All parents above: agents among them, and names that agents may have.
    pub(in crate::workloads) parents: Vec<SpiffeId>,
    /// Aliases of nodes, as they were.
    pub(in crate::workloads) aliases: Vec<Arc<Entry>>,
}

impl Roots {
    /// True if this agent is or was authorised for the entry.
    pub(in crate::workloads) fn hold(&self, node: &Node) -> bool {
        let stands_for = |alias: &Arc<Entry>| is_subset(&alias.terms.selectors, &node.selectors);
        self.parents.iter().any(|parent| node.is(parent)) || self.aliases.iter().any(stands_for)
    }
}

impl Index {
    /// All entries this agent is authorised for, each once.
    pub(in crate::workloads) fn authorised(&self, node: &Node, now: Timestamp) -> Vec<Arc<Entry>> {
        let live = |entry: &&Arc<Entry>| !entry.is_expired(now);
        let mut found: Vec<_> = self.aliases_of(&node.selectors).filter(live).cloned().collect();
        let mut seen: HashSet<SpiffeId> = HashSet::new();
        let mut parents = vec![node.id.clone()];
        parents.extend(node.alias.clone());
        parents.extend(found.iter().map(|alias| alias.terms.spiffe_id.clone()));
        while let Some(parent) = parents.pop() {
            let Some(children) = self.by_parent.get(&parent) else { continue };
            if !seen.insert(parent) {
                continue;
            }
            for child in children.as_slice().iter().filter(live) {
                parents.push(child.terms.spiffe_id.clone());
                found.push(Arc::clone(child));
            }
        }
        found
    }

    /// The entry, if this agent is authorised for it.
    pub(in crate::workloads) fn authorised_one(
        &self,
        node: &Node,
        id: &EntryId,
        now: Timestamp,
    ) -> Option<&Arc<Entry>> {
        let entry = self.get(id)?;
        let mut seen: HashSet<&SpiffeId> = HashSet::new();
        let mut up: Vec<&Arc<Entry>> = vec![entry];
        while let Some(step) = up.pop() {
            // Also where the way starts: an expired entry is given to nobody.
            if step.is_expired(now) {
                continue;
            }
            let parent = &step.terms.parent_id;
            let stands_for = is_alias(step) && is_subset(&step.terms.selectors, &node.selectors);
            if stands_for || node.is(parent) {
                return Some(entry);
            }
            if seen.insert(parent) {
                up.extend(self.with_spiffe_id(parent));
            }
        }
        None
    }

    /// The aliases whose selectors are all among these, which are sorted; expired ones too.
    pub(in crate::workloads) fn aliases_of<'a>(
        &'a self,
        selectors: &'a [Selector],
    ) -> impl Iterator<Item = &'a Arc<Entry>> {
        // An alias stands under its first selector only, so none comes twice.
        selectors
            .iter()
            .filter_map(|selector| self.aliases.get(selector))
            .flat_map(Group::as_slice)
            .filter(move |alias| is_subset(&alias.terms.selectors, selectors))
    }

    /// Where the ways up from this entry lead; expiries do not matter here.
    pub(in crate::workloads) fn roots(&self, entry: &Arc<Entry>) -> Roots {
        let mut roots = Roots::default();
        if is_alias(entry) {
            roots.aliases.push(Arc::clone(entry));
            return roots;
        }
        let mut seen: HashSet<SpiffeId> = HashSet::new();
        let mut up = vec![entry.terms.parent_id.clone()];
        while let Some(parent) = up.pop() {
            if !seen.insert(parent.clone()) {
                continue;
            }
            for step in self.with_spiffe_id(&parent) {
                if is_alias(step) {
                    roots.aliases.push(Arc::clone(step));
                } else {
                    up.push(step.terms.parent_id.clone());
                }
            }
            roots.parents.push(parent);
        }
        roots
    }

    /// The ids of all entries below this identity; `None` when there are more than `limit`.
    pub(in crate::workloads) fn below(&self, id: &SpiffeId, limit: usize) -> Option<Vec<EntryId>> {
        let mut found = Vec::new();
        let mut seen: HashSet<SpiffeId> = HashSet::new();
        let mut parents = vec![id.clone()];
        while let Some(parent) = parents.pop() {
            if !seen.insert(parent.clone()) {
                continue;
            }
            for child in self.under(&parent) {
                if found.len() >= limit {
                    return None;
                }
                found.push(child.id.clone());
                parents.push(child.terms.spiffe_id.clone());
            }
        }
        Some(found)
    }
}

/// True if all of `few` are among `many`; both sorted.
pub(in crate::workloads) fn is_subset(few: &[Selector], many: &[Selector]) -> bool {
    few.len() <= many.len() && few.iter().all(|selector| many.binary_search(selector).is_ok())
}
