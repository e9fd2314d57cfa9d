//! What is past is removed: requests that nobody answered, codes, families, grants.

use futures_util::future::BoxFuture;

use super::{Oauth, store};
use crate::jobs::{Reconciler, Summary};
use crate::kernel::{Fault, Lifetime};

/// Removes what is past.
#[derive(Debug)]
pub struct RemovePast(pub Oauth);

impl Reconciler for RemovePast {
    fn name(&self) -> &'static str {
        "oauth.past"
    }

    fn period(&self) -> Lifetime {
        Lifetime::minutes(10)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let oauth = &self.0;
            // A used code is kept a while longer than it counts, so that a second use is known for what it is.
            let before = oauth.env.clock.now().minus(KEPT);
            let mut gone = 0_u64;
            for realm in oauth.realms.all() {
                let removed: Result<u64, Fault> = oauth
                    .env
                    .db
                    .labelled("oauth.past")
                    .write(realm.id, before, |tx, before| Box::pin(store::delete_past(tx, *before)))
                    .await;
                gone = gone.saturating_add(removed?);
            }
            Ok(Summary::did(gone, "requests, codes and grants removed"))
        })
    }
}

const KEPT: Lifetime = Lifetime::hours(1);
