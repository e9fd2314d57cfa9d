//! Take what an osquery saw: the lines of its log, and its answers to what it was asked at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::read_lines::{Read, answers, lines};
use super::refuse::Calling;
use super::{Error, Osquery};
use crate::kernel::Lifetime;
use crate::posture::Source;

impl Osquery {
    /// Takes the lines of a log of results.
    pub(super) async fn take_lines(&self, from: &Calling, data: &[Value]) -> Result<(), Error> {
        self.keep(from, lines(data, self.inner.env.clock.now())).await
    }

    /// Takes the answers to what was asked at once.
    pub(super) async fn take_answers(
        &self,
        from: &Calling,
        queries: &Map<String, Value>,
        outcomes: (&Map<String, Value>, &Map<String, Value>),
    ) -> Result<(), Error> {
        self.keep(from, answers(queries, outcomes, self.inner.env.clock.now())).await
    }

    /// Records that something was sent that is not looked at.
    pub(super) async fn note_left_out(&self, from: &Calling, why: &str) -> Result<(), Error> {
        let posture = &self.inner.below.posture;
        Ok(posture.note_refusal(from.realm, from.device.id, why).await?)
    }

    async fn keep(&self, from: &Calling, read: Read) -> Result<(), Error> {
        if let Some(why) = read.left_out {
            self.note_left_out(from, why).await?;
        }
        let Some(report) = read.report() else { return Ok(()) };
        let posture = &self.inner.below.posture;
        posture.hear(from.realm, Arc::clone(&from.device), (Source::Osquery, report)).await?;
        Ok(())
    }

    /// What this osquery is to look at now, beside its schedule: everything, where nothing is known by it yet, where the
    /// schedule is overdue, or where a better level waits for a second look.
    pub(super) fn ask(&self, from: &Calling) -> BTreeMap<String, &str> {
        let now = self.inner.env.clock.now();
        let wanted = self.inner.below.posture.next_look(from.device.id, &Source::Osquery);
        let ask = wanted.is_none_or(|at| at <= now)
            && from.entry.ask(now, |last| now.since(last) >= ASK_EVERY);
        if ask { self.inner.schedule.asked(now) } else { BTreeMap::new() }
    }

    /// The configuration of an osquery, as JSON.
    pub(super) fn config(&self) -> String {
        self.inner.schedule.config()
    }
}

/// One that cannot answer is not asked with every call.
const ASK_EVERY: Lifetime = Lifetime::seconds(30);
