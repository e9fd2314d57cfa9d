//! The background work of upstreams: attempts and tokens that are over.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Upstreams, store};
use crate::jobs::{Nudge, Reconciler, Reconcilers, Summary};
use crate::kernel::{Fault, Lifetime};

impl Upstreams {
    /// Adds this slice's reconcilers to the driver.
    pub fn add_jobs(&self, reconcilers: &Reconcilers) {
        reconcilers.add(Arc::new(Expiry(self.clone())), &Nudge::default());
    }
}

/// An attempt that is over holds a nonce and a verifier that nobody needs.
struct Expiry(Upstreams);

impl Reconciler for Expiry {
    fn name(&self) -> &'static str {
        "upstreams.expiry"
    }

    fn period(&self) -> Lifetime {
        Lifetime::minutes(10)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let db = self.0.env.db.labelled("upstreams.expiry");
            let mut gone = 0_u64;
            for realm in self.0.below.realms.all() {
                let now = self.0.env.clock.now();
                let some = db.write(realm.id, now, |tx, now| Box::pin(store::expire(tx, *now)));
                gone = gone.saturating_add(some.await?);
            }
            Ok(match gone {
                0 => Summary::nothing(),
                gone => Summary::did(gone, format!("{gone} attempts and tokens removed")),
            })
        })
    }
}
