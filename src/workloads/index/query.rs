//! Looking for entries: filters that all must hold, and pages in the order of ids.

use std::ops::Bound;
use std::sync::Arc;

use super::Index;
use super::walk::is_subset;
use crate::kernel::{EntryId, Selector, SpiffeId, TrustDomain};
use crate::workloads::model::Entry;

/// How an entry's selectors compare with those asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectorMatch {
    /// The same.
    Exact,
    /// The entry's are all among those asked for: what a workload with these gets.
    Subset,
    /// Those asked for are all among the entry's.
    Superset,
    /// At least one in common.
    Any,
}

/// Which entries: all that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// With this identity.
    pub spiffe_id: Option<SpiffeId>,
    /// With an identity at or under this one, by whole segments.
    pub under: Option<SpiffeId>,
    /// Under this parent.
    pub parent_id: Option<SpiffeId>,
    /// With such selectors; sorted by the operation.
    pub selectors: Option<(SelectorMatch, Vec<Selector>)>,
    /// With this hint.
    pub hint: Option<String>,
    /// Federating with all of these.
    pub federates_with: Vec<TrustDomain>,
    /// Downstream or not.
    pub downstream: Option<bool>,
    /// Admin or not.
    pub admin: Option<bool>,
}

impl Filter {
    pub(in crate::workloads) fn matches(&self, entry: &Entry) -> bool {
        let terms = &entry.terms;
        let selectors = |(how, asked): &(SelectorMatch, Vec<Selector>)| match how {
            SelectorMatch::Exact => *asked == *terms.selectors,
            SelectorMatch::Subset => is_subset(&terms.selectors, asked),
            SelectorMatch::Superset => is_subset(asked, &terms.selectors),
            SelectorMatch::Any => {
                asked.iter().any(|one| terms.selectors.binary_search(one).is_ok())
            }
        };
        self.spiffe_id.as_ref().is_none_or(|id| *id == terms.spiffe_id)
            && self.under.as_ref().is_none_or(|id| terms.spiffe_id.is_under(id.path()))
            && self.parent_id.as_ref().is_none_or(|id| *id == terms.parent_id)
            && self.selectors.as_ref().is_none_or(selectors)
            && self
                .hint
                .as_ref()
                .is_none_or(|hint| terms.hint.as_deref().unwrap_or_default() == hint)
            && self.federates_with.iter().all(|domain| terms.federates_with.contains(domain))
            && self.downstream.is_none_or(|downstream| downstream == terms.downstream)
            && self.admin.is_none_or(|admin| admin == terms.admin)
    }
}

/// A stretch of a search: what matched, and where to go on; nowhere when the search is at its end.
#[derive(Debug)]
pub(in crate::workloads) struct Stretch {
    pub(in crate::workloads) found: Vec<Arc<Entry>>,
    pub(in crate::workloads) next: Option<EntryId>,
}

impl Index {
    /// At most `wanted` matches behind `after`, looking at no more than [`STRETCH`] entries, so that nobody who waits
    /// to change the index waits for a search.
    pub(in crate::workloads) fn stretch(
        &self,
        filter: &Filter,
        after: Option<&EntryId>,
        wanted: usize,
    ) -> Stretch {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        match (&filter.spiffe_id, &filter.parent_id) {
            (Some(id), _) => match self.by_spiffe_id.get(id) {
                Some(group) => search(group.after(after), filter, wanted),
                None => Stretch { found: Vec::new(), next: None },
            },
            (None, Some(id)) => match self.by_parent.get(id) {
                Some(group) => search(group.after(after), filter, wanted),
                None => Stretch { found: Vec::new(), next: None },
            },
            (None, None) => {
                let all = self.by_id.range::<EntryId, _>((from, Bound::Unbounded));
                search(all.map(|(_, entry)| entry), filter, wanted)
            }
        }
    }
}

fn search<'a>(
    entries: impl Iterator<Item = &'a Arc<Entry>>,
    filter: &Filter,
    wanted: usize,
) -> Stretch {
    let mut found = Vec::new();
    let mut last = None;
    for (looked, entry) in entries.enumerate() {
        if looked >= STRETCH || found.len() >= wanted {
            return Stretch { found, next: last };
        }
        if filter.matches(entry) {
            found.push(Arc::clone(entry));
        }
        last = Some(entry.id.clone());
    }
    Stretch { found, next: None }
}

/// Some hundred microseconds of looking.
const STRETCH: usize = 2_000;
