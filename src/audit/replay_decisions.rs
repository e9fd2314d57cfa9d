//! What other policies would have said to the decisions on record: which of them would have gone the other way.
//!
//! Nothing is saved, and nothing decided. Asked are the facts that each decision kept (`access::asked`), with what is held in the
//! realm now, and with every time as far from now as it was from then.

use crate::access::trial::{Case, Instead, TrialError, Tried};
use crate::access::{Administrator, read_asked};
use crate::env::Clock;
use crate::events::Part;
use crate::kernel::{Fault, Timestamp};

use super::Audit;
use super::model::{Error, Query, ReadEvents, Record};

/// Which decisions, and by what.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Who asks.
    pub by: Administrator,
    /// The documents to try.
    pub instead: Instead,
    /// The newest so many of what was decided at issuance and at the end of sign-ins.
    pub last: usize,
}

/// What came out.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    /// How many decisions were asked again.
    pub asked: usize,
    /// What was allowed and would have been refused, newest first.
    pub refused: Vec<Other>,
    /// What was refused and would have been allowed, newest first.
    pub allowed: Vec<Other>,
}

/// A decision that would have gone the other way.
#[derive(Debug, Clone)]
pub struct Other {
    /// As it is on record.
    pub record: Record,
    /// What would be said to it.
    pub tried: Tried,
}

impl Audit {
    /// Asks the newest decisions again. Refused without the rights to read events and policies.
    pub async fn replay(&self, ask: Replay, clock: &dyn Clock) -> Result<Replayed, ReplayError> {
        let Replay { by, instead, last } = ask;
        self.access.may_read_policies(&by)?;
        let (realm, last) = (by.realm, last.clamp(1, LAST_MAX));
        let (records, cases) = self.decisions(by, last, clock.now()).await?;
        let access = self.access.clone();
        let work = move || access.try_each(realm, &instead, &cases);
        let tried = tokio::task::spawn_blocking(work).await.map_err(Fault::bug)??;
        let mut replayed = Replayed::default();
        for (record, tried) in records.into_iter().zip(tried) {
            // A question that the schema knows no more is passed over.
            let Some(tried) = tried else { continue };
            replayed.asked = replayed.asked.saturating_add(1);
            let (was, would) = (was_allowed(&record), tried.after.outcome.is_ok());
            match (was, would) {
                (true, false) => replayed.refused.push(Other { record, tried }),
                (false, true) => replayed.allowed.push(Other { record, tried }),
                (true, true) | (false, false) => {}
            }
        }
        Ok(replayed)
    }

    /// The newest decisions whose facts are on record, with these as questions.
    async fn decisions(
        &self,
        by: Administrator,
        last: usize,
        now: Timestamp,
    ) -> Result<(Vec<Record>, Vec<Case>), Error> {
        let mut all = Vec::new();
        for kinds in DECIDED {
            all.extend(self.decided(&by, (kinds, last), now).await?);
        }
        // Within one microsecond either order is right, and a stable sort keeps the one they are in.
        all.sort_by_key(|(record, _)| std::cmp::Reverse(record.time));
        all.truncate(last);
        Ok(all.into_iter().unzip())
    }

    /// Those of these kinds.
    async fn decided(
        &self,
        by: &Administrator,
        (kinds, last): (&str, usize),
        now: Timestamp,
    ) -> Result<Vec<(Record, Case)>, Error> {
        let mut found = Vec::new();
        let mut query = Query { kind: Some(kinds.to_owned()), ..Query::default() };
        for _ in 0..LOOKS_MAX {
            let ask = ReadEvents { realm: by.realm, asker: by.asker.clone(), query: query.clone() };
            let page = self.list(ask).await?;
            for record in page.items {
                let Part::Open(about) = &record.about else { continue };
                let case = read_asked(about, record.time, now);
                if let Some(case) = case.filter(|_| found.len() < last) {
                    found.push((record, case));
                }
            }
            query.after = page.next;
            if query.after.is_none() || found.len() >= last {
                break;
            }
        }
        Ok(found)
    }
}

fn was_allowed(record: &Record) -> bool {
    !REFUSED.contains(&record.kind.as_str())
}

/// Why nothing was asked again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The documents cannot be tried.
    #[error(transparent)]
    Trial(#[from] TrialError),
    /// The events cannot be read.
    #[error(transparent)]
    Events(#[from] Error),
}

impl From<crate::access::Error> for ReplayError {
    fn from(error: crate::access::Error) -> Self {
        Self::Events(error.into())
    }
}

impl From<Fault> for ReplayError {
    fn from(fault: Fault) -> Self {
        Self::Events(fault.into())
    }
}

impl From<ReplayError> for crate::kernel::Failure {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Trial(error) => error.into(),
            ReplayError::Events(error) => error.into(),
        }
    }
}

/// Decisions at issuance and at the end of sign-ins, as kinds are asked for. What was shown and did not hold nobody decided.
const DECIDED: [&str; 3] = ["svid.", "signin.succeeded", "signin.refused"];
/// Those of them that were a no.
const REFUSED: [&str; 2] = ["svid.refused", "signin.refused"];
/// Decisions asked again at once: each some 200 µs.
pub const LAST_MAX: usize = 1000;
/// Readings of the events of each sort, of 500 records each.
const LOOKS_MAX: usize = 4;
