//! Clean-up: entries whose expiry has come are removed from the database, and their removal is an event.

use futures_util::future::BoxFuture;

use super::Workloads;
use super::delete_entries::EXPIRED_AT_ONCE;
use super::model::Error;
use crate::jobs::{Reconciler, Summary};
use crate::kernel::{Failure, Fault, Lifetime, RealmId};

/// Removes expired entries of every realm that is loaded.
#[derive(Debug)]
pub struct RemoveExpired {
    workloads: Workloads,
}

impl RemoveExpired {
    /// The reconciler over this slice.
    pub fn new(workloads: Workloads) -> Self {
        Self { workloads }
    }

    async fn remove(&self, realm: RealmId) -> Result<u64, Fault> {
        let mut removed = 0_u64;
        loop {
            let some = self.workloads.delete_expired(realm).await.map_err(fault)?;
            removed = removed.saturating_add(u64::try_from(some).unwrap_or(u64::MAX));
            if i64::try_from(some).unwrap_or(i64::MAX) < EXPIRED_AT_ONCE {
                return Ok(removed);
            }
        }
    }
}

impl Reconciler for RemoveExpired {
    fn name(&self) -> &'static str {
        "workloads.remove_expired"
    }

    fn period(&self) -> Lifetime {
        Lifetime::seconds(self.workloads.settings.expired_entries_look_seconds.into())
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async move {
            let mut removed = 0_u64;
            for realm in self.workloads.with_expired() {
                removed = removed.saturating_add(self.remove(realm).await?);
            }
            if removed == 0 {
                return Ok(Summary::nothing());
            }
            Ok(Summary::did(removed, format!("{removed} expired entries removed")))
        })
    }
}

fn fault(error: Error) -> Fault {
    match error {
        Error::Fault(fault) => fault,
        other => Fault::bug(Failure::from(other)),
    }
}
