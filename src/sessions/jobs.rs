//! Clean-up: sessions whose end has come, and revocations that concern nothing any more.

use futures_util::future::BoxFuture;

use super::{Error, Sessions, store};
use crate::jobs::{Reconciler, Summary};
use crate::kernel::{Failure, Fault, Lifetime, RealmId};

/// Removes what has ended, in every realm that `realms` gives.
pub struct RemoveEnded {
    sessions: Sessions,
    realms: Box<dyn Fn() -> Vec<RealmId> + Send + Sync>,
}

impl RemoveEnded {
    /// The reconciler over this slice.
    pub fn new(
        sessions: Sessions,
        realms: impl Fn() -> Vec<RealmId> + Send + Sync + 'static,
    ) -> Self {
        Self { sessions, realms: Box::new(realms) }
    }

    async fn remove(&self, realm: RealmId) -> Result<u64, Fault> {
        let (db, now) = (&self.sessions.inner.env.db, self.sessions.now());
        self.sessions.inner.revoked.drop_past(realm, now);
        let revocations = db
            .write(realm, now, |tx, now| {
                Box::pin(
                    async move { Ok::<_, Error>(store::delete_past_revocations(tx, *now).await?) },
                )
            })
            .await
            .map_err(fault)?;
        let mut removed = revocations;
        loop {
            let some = db
                .write(realm, now, |tx, now| {
                    Box::pin(async move {
                        Ok::<_, Error>(store::delete_ended(tx, *now, AT_ONCE).await?)
                    })
                })
                .await
                .map_err(fault)?;
            removed = removed.saturating_add(some);
            if i64::try_from(some).unwrap_or(i64::MAX) < AT_ONCE {
                return Ok(removed);
            }
        }
    }
}

impl Reconciler for RemoveEnded {
    fn name(&self) -> &'static str {
        "sessions.remove_ended"
    }

    fn period(&self) -> Lifetime {
        Lifetime::minutes(10)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async move {
            let mut removed = 0_u64;
            for realm in (self.realms)() {
                removed = removed.saturating_add(self.remove(realm).await?);
            }
            if removed == 0 {
                return Ok(Summary::nothing());
            }
            Ok(Summary::did(removed, format!("{removed} ended sessions and revocations removed")))
        })
    }
}

impl std::fmt::Debug for RemoveEnded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoveEnded").finish_non_exhaustive()
    }
}

fn fault(error: Error) -> Fault {
    match error {
        Error::Fault(fault) => fault,
        other => Fault::bug(Failure::from(other)),
    }
}

/// Few enough that others wait milliseconds.
const AT_ONCE: i64 = 500;
