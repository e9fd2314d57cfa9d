//! Health: each part says how it is in its own words; the whole is ready when no part is down or still starting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::env::Clock;
use crate::jobs::{Last, Reconcilers};
use crate::kernel::Timestamp;

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// As it should be.
    Well,
    /// It works, but somebody should look.
    Impaired,
    /// Not yet what it should be.
    Starting,
    /// It does not do its work.
    Down,
}

impl Condition {
    /// The name in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Impaired => "impaired",
            Self::Starting => "starting",
            Self::Down => "down",
        }
    }

    /// True if requests can be sent here.
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Well | Self::Impaired)
    }
}

/// The health of this process. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    parts: Mutex<BTreeMap<&'static str, ComponentReport>>,
    ready: watch::Sender<bool>,
}

/// One part, which says how it is.
#[derive(Debug, Clone)]
pub struct Component {
    health: Health,
    name: &'static str,
}

/// What a part said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentReport {
    /// Its name: `database`.
    pub name: &'static str,
    /// How it is.
    pub condition: Condition,
    /// In its words, which may be read by whoever reaches the `ops` door.
    pub words: String,
    /// Since when it is so.
    pub since: Timestamp,
}

/// How one reconciler fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobReport {
    /// Its name.
    pub name: &'static str,
    /// Its last words.
    pub words: String,
    /// When its last run ended.
    pub at: Option<Timestamp>,
    /// Failed runs in a row.
    pub failures: u32,
}

/// The whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthReport {
    /// The worst condition of a part.
    pub condition: Condition,
    /// The parts, by name.
    pub components: Vec<ComponentReport>,
    /// The reconcilers.
    pub jobs: Vec<JobReport>,
}

impl Health {
    /// No part yet; nothing is ready before [`Health::component`] was asked for all and each said so.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let inner =
            Inner { clock, parts: Mutex::new(BTreeMap::new()), ready: watch::Sender::new(false) };
        Self { inner: Arc::new(inner) }
    }

    /// A part, which is starting until it says otherwise.
    pub fn component(&self, name: &'static str) -> Component {
        let component = Component { health: self.clone(), name };
        component.says(Condition::Starting, "starting");
        component
    }

    /// True if there are parts, and all are ready.
    pub fn is_ready(&self) -> bool {
        *self.inner.ready.borrow()
    }

    /// To be told when that changes.
    pub fn ready(&self) -> watch::Receiver<bool> {
        self.inner.ready.subscribe()
    }

    /// How all are, with the reconcilers if there are any.
    pub fn report(&self, jobs: Option<&Reconcilers>) -> HealthReport {
        let components: Vec<_> = self.parts().values().cloned().collect();
        let condition =
            components.iter().map(|part| part.condition).max().unwrap_or(Condition::Starting);
        let jobs = jobs.map(Reconcilers::states).unwrap_or_default();
        let job = |state: crate::jobs::State| JobReport {
            name: state.name,
            words: state.last.as_ref().map_or_else(|| "not run yet".to_owned(), words),
            at: state.last.map(|last| last.at),
            failures: state.failures,
        };
        HealthReport { condition, components, jobs: jobs.into_iter().map(job).collect() }
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, ComponentReport>> {
        self.inner.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn words(last: &Last) -> String {
    match &last.outcome {
        Ok(summary) => summary.words.clone().into_owned(),
        // The cause may name hosts and paths: it is in the log.
        Err(fault) => format!("failed: {}", fault.public()),
    }
}

impl Component {
    /// As it should be.
    pub fn well(&self, words: impl Into<String>) {
        self.says(Condition::Well, words);
    }

    /// It works, but somebody should look.
    pub fn impaired(&self, words: impl Into<String>) {
        self.says(Condition::Impaired, words);
    }

    /// It does not do its work.
    pub fn down(&self, words: impl Into<String>) {
        self.says(Condition::Down, words);
    }

    fn says(&self, condition: Condition, words: impl Into<String>) {
        let (name, words) = (self.name, words.into());
        let now = self.health.inner.clock.now();
        let mut parts = self.health.parts();
        let before = parts.get(name).map(|part| (part.condition, part.since));
        let changed = before.is_none_or(|(before, _)| before != condition);
        let since = before.filter(|_| !changed).map_or(now, |(_, since)| since);
        if changed {
            let condition = condition.as_str();
            tracing::info!(
                component = name,
                component.condition = condition,
                "{name} is {condition}: {words}"
            );
        }
        parts.insert(name, ComponentReport { name, condition, words, since });
        let ready = parts.values().all(|part| part.condition.is_ready());
        self.health.inner.ready.send_if_modified(|was| std::mem::replace(was, ready) != ready);
    }
}
