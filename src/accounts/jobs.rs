//! What is cleaned up in the background: tokens that are over, and tries that are forgotten.

use futures_util::future::BoxFuture;

use super::Accounts;
use crate::jobs::{Reconciler, Summary};
use crate::kernel::{Fault, Lifetime};

/// The clean-up.
#[derive(Debug)]
pub struct Forget(pub Accounts);

impl Reconciler for Forget {
    fn name(&self) -> &'static str {
        "accounts.forget"
    }

    fn period(&self) -> Lifetime {
        Lifetime::minutes(10)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let mut forgotten = 0;
            for realm in self.0.inner.realms.all() {
                forgotten += self.0.forget_proofs(realm.id).await.map_err(Fault::bug)?;
                forgotten += self.0.forget_tries(realm.id).await.map_err(Fault::bug)?;
            }
            Ok(Summary::did(forgotten, "tokens and tries forgotten"))
        })
    }
}
