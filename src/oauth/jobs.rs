//! Clean-up: requests that nobody answered, codes, families of refresh tokens, grants.

use futures_util::future::BoxFuture;

use super::{Oauth, store};
use crate::jobs::Past;
use crate::kernel::{Fault, Lifetime, RealmId};

impl Past for Oauth {
    const NAME: &'static str = "oauth.remove_past";
    const ROWS: &'static str = "requests, codes, refresh tokens and grants";

    fn remove_past(&self, realm: RealmId) -> BoxFuture<'_, Result<u64, Fault>> {
        let before = self.env.clock.now().minus(KEPT);
        Box::pin(
            self.env
                .db
                .write(realm, before, |tx, before| Box::pin(store::delete_past(tx, *before))),
        )
    }
}

/// A used code is kept a while longer than it counts, so that a second use is known for what it is.
const KEPT: Lifetime = Lifetime::hours(1);
