//! Refusals that go on record: whoever asks again and again fills no log, and nobody who is refused waits for one.
//!
//! A refusal is noted in memory and becomes an event soon after (`Refused`). Of the same question, subject, resource, rules and policies
//! one in [`WINDOW`] does; how often the same was refused since stands in the next one. A realm has at most [`KEPT_MAX`] of
//! them in that time, which bounds what the log and the memory hold whatever is asked; what is beyond that is counted.

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
    kind: &'static str,
    /// What was asked for.
    action: &'static str,
    subject: Option<SubjectId>,
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
    /// Notes a refusal that no policy is behind: a device that is locked at a door. It goes on record as one by policy does.
    pub fn note_refusal(&self, event: Event, (on, rule): (&str, &str)) {
        let key = Key {
            kind: event.kind,
            action: "",
            subject: event.subject,
            on: on.to_owned(),
            rules: rule.to_owned(),
            policy: 0,
        };
        self.inner.refusals.note((key, event), self.inner.clock.now());
    }

    /// What asks for the refusals that wait to be recorded.
    pub fn refused(&self) -> Nudge {
        self.inner.refusals.nudge.clone()
    }

    /// Notes that policy refused this, if refusals of it go on record.
    pub(super) fn note_refused<A: Action>(&self, action: &A, error: &Error, policy: u64) {
        let Some(event) = action.refusal() else { return };
        let rules: Vec<String> = match error {
            Error::Denied { policies, .. } => policies.iter().map(ToString::to_string).collect(),
            Error::StepUp { .. } | Error::Broken { .. } => Vec::new(),
        };
        let request = action.request();
        let key = Key {
            kind: event.kind,
            action: A::NAME,
            subject: event.subject,
            on: request.resource.1.to_owned(),
            rules: rules.join(" "),
            policy,
        };
        let event = event
            .about("reason", error.to_string())
            .about("rules", rules)
            .about("policy", policy)
            .about("asked", asked(A::NAME, &request));
        self.inner.refusals.note((key, event), self.inner.clock.now());
    }
}

impl Refusals {
    fn note(&self, (key, event): (Key, Event), now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = known.lately.entry(event.realm).or_default();
        let again = match lately.get_mut(&key) {
            // A clock that was set back is no reason for silence.
            Some(one) if one.at <= now && now.since(one.at) < WINDOW => {
                one.again = one.again.saturating_add(1);
                return;
            }
            Some(one) => one.again,
            None => 0,
        };
        if lately.len() >= KEPT_MAX && !lately.contains_key(&key) {
            lately.retain(|_, one| one.at <= now && now.since(one.at) < WINDOW);
            if lately.len() >= KEPT_MAX {
                metrics::counter!("weft_refusals_unrecorded_total").increment(1);
                return;
            }
        }
        lately.insert(key, Lately { at: now, again: 0 });
        known.waiting.push(event.about("again", again));
        drop(known);
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
