//! Bundles: the realm's own, and those of the trust domains it federates with.
//!
//! Owns: foreign bundles and their rows, bundle documents, the look-up of keys by trust domain. Does not own: the content
//! of the realm's own bundle (`authority` makes it), and fetching others' (SPIFFE federation comes later).
//! Endpoints: admin REST under `/bundles`; the bundle endpoint is mounted by the server.
//!
//! Invariants:
//! - Bundles of different trust domains are never merged: a key is looked for in the bundle of the trust domain that the
//!   credential names, and nowhere else.
//! - The trust domain of a bundle is what it is filed under, never read from the bundle.
//!
//! Spec: SPIFFE Trust Domain and Bundle §3–6; X509-SVID §6; JWT-SVID §6.

pub mod document;
pub mod http;
mod manage_bundle;
pub mod model;
pub(crate) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub use crate::authority::{Bundle, JwtKey, X509Root};
pub use model::{Administrator, DeleteBundle, Error, FOREIGN_BUNDLE, ReadBundle, SetBundle};

use crate::access::Access;
use crate::authority::Authority;
use crate::crypto::jose::{JwtKeys, JwtSvidClaims, JwtSvidError, KeySet, verify_jwt_svid};
use crate::crypto::tls::CurrentRoots;
use crate::db::Tx;
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{Fault, RealmId, Timestamp, TrustDomain};
use store::Stored;

/// The slice. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Bundles {
    env: Env,
    events: Events,
    access: Access,
    authority: Authority,
    index: Arc<Index>,
}

#[derive(Debug, Default)]
struct Index {
    foreign: ArcSwap<HashMap<RealmId, Arc<Foreign>>>,
    /// Per realm: roots that go on changing, and a counter that moves when a foreign bundle does.
    live: Mutex<HashMap<RealmId, (CurrentRoots, watch::Sender<u64>)>>,
}

type Foreign = BTreeMap<TrustDomain, Kept>;

/// A foreign bundle, and when it was set.
#[derive(Debug, Clone)]
struct Kept {
    bundle: Arc<Bundle>,
    changed_at: Timestamp,
}

/// A bundle as an administrator reads it.
#[derive(Debug, Clone)]
pub struct Known {
    /// What it holds.
    pub bundle: Arc<Bundle>,
    /// True for the realm's own.
    pub own: bool,
    /// When it last changed here.
    pub changed_at: Timestamp,
}

impl Bundles {
    /// The slice, without foreign bundles.
    pub fn new(env: Env, events: Events, access: Access, authority: Authority) -> Self {
        Self { env, events, access, authority, index: Arc::new(Index::default()) }
    }

    /// Reads all foreign bundles of the realm of `tx`.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let rows = store::all(tx).await?;
        let all = rows.iter().map(parsed).collect::<Result<Foreign, Fault>>()?;
        self.index.put(tx.realm(), all);
        Ok(())
    }

    /// Follows changes of kind [`FOREIGN_BUNDLE`].
    pub async fn apply(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Fault> {
        let realm = tx.realm();
        let mut all = self.index.of(realm).map(|known| Foreign::clone(&known)).unwrap_or_default();
        for key in keys {
            let domain =
                TrustDomain::parse(key).map_err(|error| Fault::malformed("change key", error))?;
            match store::find(tx, &domain).await? {
                Some(row) => all.insert(domain, parsed(&row)?.1),
                None => all.remove(&domain),
            };
        }
        self.index.put(realm, all);
        Ok(())
    }

    /// The realm's own bundle.
    pub fn current(&self, realm: RealmId) -> Option<Arc<Bundle>> {
        self.authority.bundle(realm)
    }

    /// The realm's own bundle, now and whenever it changes.
    pub fn watch(&self, realm: RealmId) -> Option<watch::Receiver<Arc<Bundle>>> {
        self.authority.watch(realm)
    }

    /// The bundle of another trust domain.
    pub fn foreign(&self, realm: RealmId, domain: &TrustDomain) -> Option<Arc<Bundle>> {
        Some(Arc::clone(&self.index.of(realm)?.get(domain)?.bundle))
    }

    /// Every foreign bundle, by trust domain.
    pub fn foreign_all(&self, realm: RealmId) -> Vec<Arc<Bundle>> {
        let all = self.index.of(realm).unwrap_or_default();
        all.values().map(|kept| Arc::clone(&kept.bundle)).collect()
    }

    /// Moves whenever a foreign bundle of the realm changes.
    pub fn watch_foreign(&self, realm: RealmId) -> watch::Receiver<u64> {
        self.index.live(realm, |(_, moved)| moved.subscribe())
    }

    /// What peers of this realm are verified with, at every moment: its own roots and those of foreign bundles. The listener
    /// of agents takes `Authority::roots` instead: no agent comes from another trust domain.
    pub fn roots(&self, realm: RealmId) -> Option<CurrentRoots> {
        let own = self.authority.roots(realm)?;
        Some(self.index.live(realm, |(foreign, _)| own.and(foreign)))
    }

    /// The JWT authorities of a trust domain, as this realm knows it.
    pub fn jwt_keys(&self, realm: RealmId, domain: &TrustDomain) -> Option<JwtKeys> {
        let own = self.current(realm).filter(|bundle| bundle.trust_domain == *domain);
        own.or_else(|| self.foreign(realm, domain)).map(|bundle| bundle.jwt_keys().clone())
    }

    /// Validates a JWT-SVID for this audience with what this realm trusts (JWT-SVID §4–5).
    pub fn verify_jwt_svid(
        &self,
        realm: RealmId,
        token: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<JwtSvidClaims, JwtSvidError> {
        verify_jwt_svid(token, audience, |domain| self.jwt_keys(realm, domain), now)
    }

    fn check_foreign(&self, realm: RealmId, domain: &TrustDomain) -> Result<(), Error> {
        let own = self.current(realm).ok_or(Error::Realm(realm))?;
        if own.trust_domain == *domain { Err(Error::Own(domain.clone())) } else { Ok(()) }
    }
}

impl Index {
    fn of(&self, realm: RealmId) -> Option<Arc<Foreign>> {
        self.foreign.load().get(&realm).cloned()
    }

    fn put(&self, realm: RealmId, all: Foreign) {
        let roots: Vec<_> = all.values().map(|kept| kept.bundle.roots().clone()).collect();
        let all = Arc::new(all);
        self.foreign.rcu(|realms| {
            let mut realms = HashMap::clone(realms);
            realms.insert(realm, Arc::clone(&all));
            realms
        });
        self.live(realm, |(live, moved)| {
            live.replace(roots);
            moved.send_modify(|count| *count = count.wrapping_add(1));
        });
    }

    fn live<T>(
        &self,
        realm: RealmId,
        act: impl FnOnce(&(CurrentRoots, watch::Sender<u64>)) -> T,
    ) -> T {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        act(live.entry(realm).or_insert_with(|| (CurrentRoots::none(), watch::Sender::new(0))))
    }
}

fn parsed(row: &Stored) -> Result<(TrustDomain, Kept), Fault> {
    let bad = |error: &dyn fmt::Display| Fault::malformed("foreign bundle row", error);
    let set = KeySet::parse(row.document.as_bytes()).map_err(|error| bad(&error))?;
    let bundle = document::foreign(row.trust_domain.clone(), &set).map_err(|error| bad(&error))?;
    let kept = Kept { bundle: Arc::new(bundle), changed_at: row.changed_at };
    Ok((row.trust_domain.clone(), kept))
}

impl fmt::Debug for Bundles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundles").finish_non_exhaustive()
    }
}
