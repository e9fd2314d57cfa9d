//! Reports that another replica took and that changed nothing but times: read by all within half a minute.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::{Posture, store};
use crate::jobs::{Reconciler, Summary};
use crate::kernel::{Fault, Lifetime, RealmId, Timestamp};

/// Keeps memory as fresh as the database, in every realm that `realms` gives.
pub struct FreshReports {
    posture: Posture,
    realms: Box<dyn Fn() -> Vec<RealmId> + Send + Sync>,
    looked: Mutex<HashMap<RealmId, Timestamp>>,
}

impl FreshReports {
    /// The reconciler over this slice.
    pub fn new(
        posture: Posture,
        realms: impl Fn() -> Vec<RealmId> + Send + Sync + 'static,
    ) -> Self {
        Self { posture, realms: Box::new(realms), looked: Mutex::default() }
    }

    /// From when on reports may be new here. The clocks of replicas differ, and a transaction takes its time.
    fn since(&self, realm: RealmId, now: Timestamp) -> Timestamp {
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.get(&realm).copied().unwrap_or(now).min(now).minus(OVERLAP)
    }

    async fn look(&self, realm: RealmId) -> Result<u64, Fault> {
        let now = self.posture.inner.env.clock.now();
        let input = (self.posture.clone(), self.since(realm, now));
        let db = self.posture.inner.env.db.labelled("follow");
        let read = db.read(realm, input, |tx, (posture, since)| {
            Box::pin(async move {
                let (current, mut found) = (posture.current(tx.realm()), Vec::new());
                for (device, source, digest) in store::received_after(tx, *since).await? {
                    if !posture.inner.index.holds(device, &source, &digest) {
                        found.extend(store::known(tx, device, &current).await?);
                    }
                }
                Ok::<_, Fault>((current, found))
            })
        });
        let (current, found) = read.await?;
        let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
        for known in found {
            self.posture.inner.index.put(realm, &current, known);
        }
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).insert(realm, now);
        Ok(count)
    }
}

impl Reconciler for FreshReports {
    fn name(&self) -> &'static str {
        "posture.fresh_reports"
    }

    fn period(&self) -> Lifetime {
        Lifetime::seconds(30)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let mut read = 0_u64;
            for realm in (self.realms)() {
                read = read.saturating_add(self.look(realm).await?);
            }
            Ok(Summary::did(read, format!("{read} reports of other replicas read")))
        })
    }
}

impl fmt::Debug for FreshReports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreshReports").field("looked", &self.looked).finish_non_exhaustive()
    }
}

/// A minute for clocks, and as much for whatever was slow.
const OVERLAP: Lifetime = Lifetime::minutes(2);
