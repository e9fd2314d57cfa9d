//! Clean-up: containments whose end has come.

use futures_util::future::BoxFuture;

use super::{Containments, store};
use crate::jobs::Past;
use crate::kernel::{Fault, RealmId};

impl Past for Containments {
    const NAME: &'static str = "containment.remove_past";
    const ROWS: &'static str = "ended containments";

    fn remove_past(&self, realm: RealmId) -> BoxFuture<'_, Result<u64, Fault>> {
        let now = self.env.clock.now();
        self.drop_past(realm, now);
        Box::pin(self.env.db.write(realm, now, |tx, now| Box::pin(store::delete_past(tx, *now))))
    }
}
