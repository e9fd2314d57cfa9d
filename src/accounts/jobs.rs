//! Clean-up: links of letters that are over, and tries that are forgotten.

use futures_util::future::BoxFuture;

use super::Accounts;
use crate::jobs::Past;
use crate::kernel::{Fault, RealmId};

impl Past for Accounts {
    const NAME: &'static str = "accounts.remove_past";
    const ROWS: &'static str = "links of letters and tries";

    fn remove_past(&self, realm: RealmId) -> BoxFuture<'_, Result<u64, Fault>> {
        Box::pin(async move {
            let proofs = self.forget_proofs(realm).await?;
            Ok(proofs.saturating_add(self.forget_tries(realm).await?))
        })
    }
}
