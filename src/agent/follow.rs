//! What follows from a change of the view: the roots for the server, the bundle on disk, SVIDs and tokens to replace.

use std::sync::Arc;

use crate::env::Clock;
use crate::kernel::Fault;

use super::cache::Cache;
use super::convert;
use super::identity::Store;
use super::model::{Bundle, Error};
use super::prefetch::Prefetch;
use super::server_client::ServerClient;
use super::tokens::Tokens;

/// Draws the consequences.
#[derive(Debug)]
pub(crate) struct Follow {
    pub(crate) client: ServerClient,
    pub(crate) store: Store,
    pub(crate) cache: Cache,
    pub(crate) tokens: Tokens,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Follow {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        let mut changes = self.cache.changes();
        let mut seen: Option<Arc<Bundle>> = None;
        loop {
            let own = self.cache.look(|view| view.own().cloned());
            if let Some(own) =
                own.filter(|own| seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, own)))
            {
                if let Err(why) = self.trust(&own).await {
                    tracing::error!(error = %why, "the new bundle could not be taken up");
                }
                Prefetch::judge(&self.cache, self.clock.now());
                seen = Some(own);
            }
            self.sweep();
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    async fn trust(&self, own: &Arc<Bundle>) -> Result<(), Error> {
        // A server that sends no authority would lock this agent out for good: what it had stays its own trust.
        if own.x509.is_empty() {
            return Err(Error::BadAnswer(
                "the trust domain's bundle holds no X.509 authority".to_owned(),
            ));
        }
        self.client.roots().set(&convert::roots(&own.trust_domain, &own.x509)?);
        let (store, own) = (self.store.clone(), Arc::clone(own));
        let keep = tokio::task::spawn_blocking(move || {
            store.keep_bundle(own.x509.iter().map(|one| one.der.as_ref()))
        });
        keep.await.map_err(Fault::bug)?
    }

    /// Drops tokens of entries that went, changed or are refused, and those signed by a key that is tainted.
    fn sweep(&self) {
        let (cache, tokens) = (&self.cache, &self.tokens);
        cache.look(|view| {
            let tainted = |key_id: &str| {
                let jwt = view.own().map(|own| own.jwt.as_slice()).unwrap_or_default();
                jwt.iter().any(|authority| authority.tainted && authority.key_id == key_id)
            };
            tokens.retain(|id, version, token| {
                view.entry(id).is_some_and(|entry| (entry.revision, entry.created_at) == version)
                    && !tainted(&token.key_id)
            });
        });
    }
}
