//! Clean-up: sessions whose end has come, and revocations that concern nothing any more.

use futures_util::future::BoxFuture;

use super::{Sessions, store};
use crate::jobs::Past;
use crate::kernel::{Fault, RealmId};

impl Past for Sessions {
    const NAME: &'static str = "sessions.remove_past";
    const ROWS: &'static str = "ended sessions and revocations";

    fn remove_past(&self, realm: RealmId) -> BoxFuture<'_, Result<u64, Fault>> {
        let now = self.now();
        self.inner.revoked.drop_past(realm, now);
        Box::pin(
            self.inner.env.db.write(realm, now, |tx, now| Box::pin(store::delete_past(tx, *now))),
        )
    }
}
