//! Clean-up: attempts that are over, which hold a nonce and a verifier that nobody needs, and tokens that are.

use futures_util::future::BoxFuture;

use super::{Upstreams, store};
use crate::jobs::Past;
use crate::kernel::{Fault, RealmId};

impl Past for Upstreams {
    const NAME: &'static str = "upstreams.remove_past";
    const ROWS: &'static str = "attempts and tokens";

    fn remove_past(&self, realm: RealmId) -> BoxFuture<'_, Result<u64, Fault>> {
        let now = self.env.clock.now();
        Box::pin(self.env.db.write(realm, now, |tx, now| Box::pin(store::delete_past(tx, *now))))
    }
}
