//! Refusals that go on record: whoever asks again and again fills no log, and nobody who is refused waits for one.
//!
//! A refusal is noted in memory and becomes an event soon after (`Refused`). Of the same question, subject, resource, rules and policies
//! one in [`WINDOW`] does; how often the same was refused since stands in the next one. A realm has at most [`KEPT_MAX`] of
//! them in that time, which bounds what the log and the memory hold whatever is asked; what is beyond that is counted. The
//! event is made only of one that goes on record: the others cost a look into a table.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Access;
use super::asked::asked;
use super::model::{Action, Error};
use crate::events::Event;
use crate::jobs::Nudge;
use crate::kernel::{Lifetime, RealmId, SubjectId, Timestamp};

/// What was refused lately, and what of it waits to be recorded.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    known: Mutex<Known>,
    nudge: Nudge,
}

#[derive(Debug, Default)]
struct Known {
    lately: HashMap<RealmId, HashMap<Key, Lately>>,
    waiting: Vec<Event>,
}

/// What makes two refusals the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    /// What was asked for, or came.
    what: &'static str,
    /// About whom.
    subject: SubjectId,
    /// On what.
    on: String,
    /// By which rules.
    rules: String,
    /// Of which policies.
    policy: u64,
}

#[derive(Debug, Clone, Copy)]
struct Lately {
    /// When it went on record last.
    at: Timestamp,
    /// How often it was refused since.
    again: u64,
}

impl Access {
    /// Notes a refusal that no policy is behind: a device that is locked at a door. It goes on record, as an event of this
    /// kind, as one by policy does.
    pub fn note_refusal(
        &self,
        (realm, kind): (RealmId, &'static str),
        (subject, rule): (SubjectId, &str),
        event: impl FnOnce() -> Event,
    ) {
        let (on, rules) = (String::new(), rule.to_owned());
        let key = Key { what: kind, subject, on, rules, policy: 0 };
        if let Some(again) = self.inner.refusals.due(realm, key, self.inner.clock.now()) {
            self.inner.refusals.add(event().about("again", again));
        }
    }

    /// What asks for the refusals that wait to be recorded.
    pub fn refused(&self) -> Nudge {
        self.inner.refusals.nudge.clone()
    }

    /// Notes that policy refused this, if refusals of it go on record.
    pub(super) fn note_refused<A: Action>(&self, action: &A, error: &Error, policy: u64) {
        let Some(refusal) = A::REFUSAL else { return };
        let policies = match error {
            Error::Denied { policies, .. } => &**policies,
            Error::StepUp { .. } | Error::Broken { .. } => &[],
        };
        let request = action.request();
        let (on, rules) = (request.resource.1.to_owned(), policies.join(" "));
        let key = Key { what: A::NAME, subject: (refusal.subject)(action), on, rules, policy };
        let due = self.inner.refusals.due(request.realm, key, self.inner.clock.now());
        let Some(again) = due else { return };
        let rules: Vec<&str> = policies.iter().map(AsRef::as_ref).collect();
        let event = (refusal.event)(action)
            .about("reason", error.to_string())
            .about("rules", rules)
            .about("policy", policy)
            .about("asked", asked(A::NAME, &request))
            .about("again", again);
        self.inner.refusals.add(event);
    }
}

impl Refusals {
    /// Whether one that comes now goes on record, and how often the same came since it last did.
    fn due(&self, realm: RealmId, key: Key, now: Timestamp) -> Option<u64> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = known.lately.entry(realm).or_default();
        let again = match lately.get_mut(&key) {
            // A clock that was set back is no reason for silence.
            Some(one) if one.at <= now && now.since(one.at) < WINDOW => {
                one.again = one.again.saturating_add(1);
                return None;
            }
            Some(one) => one.again,
            None => 0,
        };
        if lately.len() >= KEPT_MAX && !lately.contains_key(&key) {
            lately.retain(|_, one| one.at <= now && now.since(one.at) < WINDOW);
            if lately.len() >= KEPT_MAX {
                metrics::counter!("weft_refusals_unrecorded_total").increment(1);
                return None;
            }
        }
        lately.insert(key, Lately { at: now, again: 0 });
        Some(again)
    }

    /// Has one recorded that was due.
    fn add(&self, event: Event) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).waiting.push(event);
        self.nudge.nudge();
    }

    /// Takes what waits.
    pub(super) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner).waiting)
    }

    /// Puts back what could not be recorded. It was bounded when it was noted.
    pub(super) fn put_back(&self, mut events: Vec<Event>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        events.append(&mut known.waiting);
        events.truncate(WAITING_MAX);
        known.waiting = events;
    }
}

/// A workload asks each few seconds for what it is refused, for days; somebody who looks wants to see it today.
const WINDOW: Lifetime = Lifetime::minutes(10);
/// In that time, of one realm: at a kilobyte each, some 150 MB of log a day if somebody does their worst.
const KEPT_MAX: usize = 1000;
/// Waiting while the ledger takes nothing: what the realms of a server note in one window.
const WAITING_MAX: usize = 16 * KEPT_MAX;
