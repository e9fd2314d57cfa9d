//! Clean-up: sign-ins whose time is over.

use futures_util::future::BoxFuture;

use super::{Signin, store};
use crate::jobs::{Reconciler, Summary};
use crate::kernel::{Fault, Lifetime, RealmId};

/// Removes what nobody finished, in every realm that `realms` gives.
pub struct RemovePast {
    signin: Signin,
    realms: Box<dyn Fn() -> Vec<RealmId> + Send + Sync>,
}

impl RemovePast {
    /// The reconciler over this slice.
    pub fn new(signin: Signin, realms: impl Fn() -> Vec<RealmId> + Send + Sync + 'static) -> Self {
        Self { signin, realms: Box::new(realms) }
    }

    async fn remove(&self, realm: RealmId) -> Result<u64, Fault> {
        let env = &self.signin.inner.env;
        let (now, mut removed) = (env.clock.now(), 0_u64);
        loop {
            let some = env
                .db
                .write(realm, now, |tx, now| Box::pin(store::delete_past(tx, *now, AT_ONCE)))
                .await?;
            removed = removed.saturating_add(some);
            if i64::try_from(some).unwrap_or(i64::MAX) < AT_ONCE {
                return Ok(removed);
            }
        }
    }
}

impl Reconciler for RemovePast {
    fn name(&self) -> &'static str {
        "signin.remove_past"
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
            Ok(Summary::did(removed, format!("{removed} unfinished sign-ins removed")))
        })
    }
}

impl std::fmt::Debug for RemovePast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemovePast").finish_non_exhaustive()
    }
}

/// Few enough that others wait milliseconds.
const AT_ONCE: i64 = 500;
