//! Policies in shadow (`@shadow`): they decide nothing; where they would have changed an answer, that is counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::decide::Question;
use super::model::Error;
use super::rule::Rule;
use super::standing::Life;
use crate::kernel::{Lifetime, RealmId};

/// An answer that a policy in shadow would have changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Differs {
    /// The policies in shadow that the other answer would have come from.
    pub(super) policies: Vec<Arc<str>>,
    pub(super) action: String,
    /// What was answered.
    pub(super) is: &'static str,
    /// What would have been.
    pub(super) would: &'static str,
}

/// What was counted since it was last taken. Bounded: what is new beyond that is not told apart any more.
#[derive(Debug, Default)]
pub(super) struct Shadows(Mutex<BTreeMap<(RealmId, Differs), u64>>);

impl Shadows {
    pub(super) fn note(&self, realm: RealmId, differs: Differs) {
        for policy in &differs.policies {
            let policy = policy.to_string();
            metrics::counter!("weft_policy_shadow_differences_total", "policy" => policy)
                .increment(1);
        }
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (realm, differs);
        if counted.len() < COUNTED_MAX || counted.contains_key(&key) {
            let count = counted.entry(key).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Takes what was counted.
    pub(super) fn take(&self) -> BTreeMap<(RealmId, Differs), u64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what could not be told.
    pub(super) fn put_back(&self, realm: RealmId, differs: Differs, times: u64) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counted.entry((realm, differs)).or_default();
        *count = count.saturating_add(times);
    }
}

/// What the policies would say if those in shadow decided too.
#[derive(Debug)]
pub(super) struct Would {
    outcome: Result<Life, Error>,
    /// Those in shadow that it comes from.
    policies: Vec<Arc<str>>,
}

impl Question<'_> {
    /// What would be said with the policies in shadow; nothing where there are none, or where that cannot be evaluated.
    pub(super) fn would(self) -> Option<Would> {
        if self.cell.shadows.is_empty() {
            return None;
        }
        let mut wanted = self.candidates().ok()?.rules.clone();
        wanted.extend(&self.cell.shadows);
        wanted.sort_unstable();
        let candidates = self.policies.candidates(self.cell, &wanted).ok()?;
        let said = self.evaluate(&candidates).ok()?;
        let rules = said.by.iter().filter_map(|place| self.policies.rules.get(*place));
        let mut policies: Vec<Arc<str>> =
            rules.filter(|rule| rule.shadow).map(|rule| Arc::clone(&rule.id)).collect();
        if policies.is_empty() {
            // A permit in shadow that a longer one hides is no difference; nothing else leads here.
            policies.extend(self.shadow_rules().map(|rule| Arc::clone(&rule.id)));
        }
        Some(Would { outcome: said.outcome, policies })
    }

    /// Where that is another answer than `decided`.
    pub(super) fn differs(
        self,
        decided: &Result<Lifetime, Error>,
        would: &Would,
    ) -> Option<Differs> {
        let ceiling = |life: &Life| life.ceiling(self.request.standing, self.now);
        let outcome = would.outcome.as_ref().map_err(Clone::clone).and_then(ceiling);
        let (is, would_be) = words(decided, &outcome)?;
        let policies = would.policies.clone();
        Some(Differs { policies, action: self.action.to_owned(), is, would: would_be })
    }

    fn shadow_rules(&self) -> impl Iterator<Item = &Rule> {
        self.cell.shadows.iter().filter_map(|place| self.policies.rules.get(*place))
    }
}

/// Both answers in a word each; nothing where they are the same to whoever asked.
fn words(
    is: &Result<Lifetime, Error>,
    would: &Result<Lifetime, Error>,
) -> Option<(&'static str, &'static str)> {
    let word = |answer: &Result<Lifetime, Error>| match answer {
        Ok(_) => "permit",
        Err(Error::StepUp { .. }) => "step-up",
        Err(Error::Denied { .. } | Error::Broken { .. }) => "deny",
    };
    match (is, would) {
        (Ok(is), Ok(would)) if would < is => Some(("permit", "permit for less long")),
        (Ok(is), Ok(would)) if would > is => Some(("permit", "permit for longer")),
        (is, would) if word(is) != word(would) => Some((word(is), word(would))),
        _ => None,
    }
}

/// Kinds of difference kept apart between two reports: some hundred bytes each.
const COUNTED_MAX: usize = 1024;
