//! What policies in shadow would have changed becomes events, some of each kind a minute at most; and so does what was
//! refused.

use futures_util::future::BoxFuture;

use super::Access;
use super::model::SHADOW_DIFFERED;
use crate::events::{Event, Events, Unrecorded};
use crate::jobs::{Reconciler, Summary};
use crate::kernel::{Fault, Lifetime};

/// Records what was counted since the last run.
#[derive(Debug)]
pub struct Shadowed {
    /// Where it is counted.
    pub access: Access,
    /// Where it is recorded.
    pub events: Events,
}

impl Reconciler for Shadowed {
    fn name(&self) -> &'static str {
        "access.shadowed"
    }

    fn period(&self) -> Lifetime {
        Lifetime::minutes(1)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async move {
            let shadows = &self.access.inner.shadows;
            let mut told = 0_u64;
            let mut failed = None;
            for ((realm, differs), times) in shadows.take() {
                let event = Event::new(realm, SHADOW_DIFFERED)
                    .about("policies", differs.policies.join(" "))
                    .about("action", differs.action.as_str())
                    .about("is", differs.is)
                    .about("would", differs.would)
                    .about("times", times);
                match self.events.record(Unrecorded::new((), event)).await {
                    Ok(()) => told += 1,
                    Err(error) => {
                        shadows.put_back(realm, differs, times);
                        failed = Some(error);
                    }
                }
            }
            match failed {
                None => Ok(Summary::did(told, format!("{told} differences recorded"))),
                Some(error) => Err(Fault::bug(error)),
            }
        })
    }
}

/// Records what was refused since the last run.
#[derive(Debug)]
pub struct Refused {
    /// Where it is noted.
    pub access: Access,
    /// Where it is recorded.
    pub events: Events,
}

impl Reconciler for Refused {
    fn name(&self) -> &'static str {
        "access.refused"
    }

    fn period(&self) -> Lifetime {
        Lifetime::minutes(1)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async move {
            let refusals = &self.access.inner.refusals;
            let waiting = refusals.take();
            let facts = waiting.iter().map(|event| Unrecorded::new((), event.clone()));
            match self.events.record_all(facts.collect()).await {
                Ok(told) => Ok(Summary::did(
                    u64::try_from(told.len()).unwrap_or(u64::MAX),
                    format!("{} refusals recorded", told.len()),
                )),
                Err(error) => {
                    refusals.put_back(waiting);
                    Err(Fault::bug(error))
                }
            }
        })
    }
}
