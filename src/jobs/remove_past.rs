//! What is past is removed: rows whose end has come, in every realm, a few at a time so that others wait milliseconds.

use std::fmt;

use futures_util::future::BoxFuture;

use super::{Reconciler, Summary};
use crate::kernel::{Fault, Lifetime, RealmId};

/// Rows that one transaction removes at most of one table.
pub const REMOVED_AT_ONCE: i64 = 500;

/// A slice whose rows have an end.
pub trait Past: Send + Sync {
    /// The name of its clean-up: `sessions.remove_past`.
    const NAME: &'static str;
    /// What its rows are called, for the health page: "sessions and revocations".
    const ROWS: &'static str;

    /// Removes [`REMOVED_AT_ONCE`] rows of each of its tables, or as many as are past; zero means that none is left.
    fn remove_past(&self, realm: RealmId) -> BoxFuture<'_, Result<u64, Fault>>;
}

/// The reconciler that has a slice remove what is past, in every realm that `realms` gives.
pub struct RemovePast<S> {
    slice: S,
    realms: Box<dyn Fn() -> Vec<RealmId> + Send + Sync>,
}

impl<S: Past> RemovePast<S> {
    /// The reconciler over this slice.
    pub fn new(slice: S, realms: impl Fn() -> Vec<RealmId> + Send + Sync + 'static) -> Self {
        Self { slice, realms: Box::new(realms) }
    }
}

impl<S: Past> Reconciler for RemovePast<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn period(&self) -> Lifetime {
        Lifetime::minutes(10)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let mut removed = 0_u64;
            for realm in (self.realms)() {
                loop {
                    let some = self.slice.remove_past(realm).await?;
                    if some == 0 {
                        break;
                    }
                    removed = removed.saturating_add(some);
                }
            }
            if removed == 0 {
                return Ok(Summary::nothing());
            }
            Ok(Summary::did(removed, format!("{removed} {} removed", S::ROWS)))
        })
    }
}

impl<S: Past> fmt::Debug for RemovePast<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemovePast").field(&S::NAME).finish()
    }
}
