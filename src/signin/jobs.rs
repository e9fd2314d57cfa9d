//! Clean-up: sign-ins whose time is over.

use futures_util::future::BoxFuture;

use super::{Signin, store};
use crate::jobs::Past;
use crate::kernel::{Fault, RealmId};

impl Past for Signin {
    const NAME: &'static str = "signin.remove_past";
    const ROWS: &'static str = "unfinished sign-ins";

    fn remove_past(&self, realm: RealmId) -> BoxFuture<'_, Result<u64, Fault>> {
        let env = &self.inner.env;
        let now = env.clock.now();
        Box::pin(env.db.write(realm, now, |tx, now| Box::pin(store::delete_past(tx, *now))))
    }
}
