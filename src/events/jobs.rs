//! The background work of events: copying, numbering, and the upkeep of keys and retention.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::jobs::{Nudge, Reconciler, Reconcilers, Summary};
use crate::kernel::{Fault, Lifetime};

use super::Events;

impl Events {
    /// Adds this slice's reconcilers to the driver.
    pub fn add_jobs(&self, reconcilers: &Reconcilers) {
        reconcilers.add(Arc::new(Copier(self.clone())), &Nudge::default());
        reconcilers.add(Arc::new(Numberer(self.clone())), &self.inner.unnumbered);
        reconcilers.add(Arc::new(Upkeep(self.clone())), &Nudge::default());
    }
}

/// Once a second and not after every group: large batches cost the database a fraction of small ones.
struct Copier(Events);

impl Reconciler for Copier {
    fn name(&self) -> &'static str {
        "ledger.copy"
    }

    fn period(&self) -> Lifetime {
        Lifetime::seconds(1)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let copied = self.0.copy().await?;
            // Copying is what always happens: said on the health page, and not in the log every second.
            Ok(Summary::did(0, format!("{copied} facts copied")))
        })
    }
}

/// Woken by every event it has to number; the period is for those of a replica that died.
struct Numberer(Events);

impl Reconciler for Numberer {
    fn name(&self) -> &'static str {
        "ledger.number"
    }

    fn period(&self) -> Lifetime {
        Lifetime::minutes(1)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let mut numbered = 0;
            for realm in self.0.realms() {
                numbered += self.0.number(realm).await?;
            }
            Ok(summary(numbered, "events numbered"))
        })
    }
}

/// Keys of the next days, and what is too old.
struct Upkeep(Events);

impl Reconciler for Upkeep {
    fn name(&self) -> &'static str {
        "ledger.upkeep"
    }

    fn period(&self) -> Lifetime {
        Lifetime::hours(1)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let mut changed = 0;
            for realm in self.0.realms() {
                changed += self.0.prepare(realm).await?;
                changed += self.0.expire(realm).await?;
            }
            Ok(summary(changed, "keys made ready, keys and facts dropped"))
        })
    }
}

fn summary(count: u64, what: &str) -> Summary {
    if count == 0 { Summary::nothing() } else { Summary::did(count, format!("{count} {what}")) }
}
