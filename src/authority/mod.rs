//! Signing authorities: who signs for a realm, from when until when, and who must know of it first.
//!
//! Owns: the slots of each purpose and their journal, keys sealed at rest, rotation, the number and content of the realm's
//! own bundle, how far it has come. Does not own: what is signed (`svid`), bundles of others and their documents (`bundles`).
//! Endpoints: admin REST under `/authorities`.
//!
//! Invariants:
//! - One key, one purpose. A private key leaves this slice only as a `Signer`.
//! - A key of OpenID tokens is in no bundle, and a key of SVIDs in no set of OpenID keys.
//! - A key signs only after it was published for the overlap, and stays published until what it signed has ended.
//! - The bundle's number rises with every change of its content, also across a restore.
//! - Reading never waits: while the database is away everything goes on with what is known.
//!
//! Spec: SPIFFE Trust Domain and Bundle §4; Federation §4.1; X509-SVID §3.2; JWT-SVID §6; OpenID Connect Core §10.1.1.

mod bundle;
mod change_slots;
pub mod http;
mod index;
pub mod jobs;
mod make_authority;
mod manage_authority;
pub mod model;
mod note_arrival;
mod oidc_keys;
mod reseal_keys;
mod seal_key;
pub mod settings;
mod step;
pub(crate) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

pub use bundle::{Bundle, JwtKey, X509Root};
pub use manage_authority::Listing;
pub use model::{
    AUTHORITY, ActivateAuthority, Administrator, Error, JwtAuthority, Line, Manager, OidcAuthority,
    PrepareAuthority, Purpose, ReadAuthority, RealmNames, RevokeAuthority, Slot, State,
    TaintAuthority, X509Authority,
};
pub use note_arrival::Arrival;
pub use oidc_keys::{OidcKey, OidcKeySet};
pub use settings::Settings;

use crate::access::Access;
use crate::crypto::jose::JwsAlgorithm;
use crate::crypto::seal::KekRing;
use crate::crypto::tls::CurrentRoots;
use crate::db::Tx;
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{Fault, RealmId, Timestamp};
use index::{Index, RealmKeys};
use note_arrival::Arrivals;

/// The slice. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Authority {
    env: Env,
    events: Events,
    access: Access,
    ring: Arc<KekRing>,
    settings: Arc<Settings>,
    index: Arc<Index>,
    arrivals: Arc<Arrivals>,
}

impl Authority {
    /// The slice, without realms; keys are sealed under `ring`.
    pub fn new(
        env: Env,
        events: Events,
        access: Access,
        ring: Arc<KekRing>,
        settings: Settings,
    ) -> Self {
        let (index, arrivals) = (Arc::new(Index::default()), Arc::new(Arrivals::default()));
        Self { env, events, access, ring, settings: Arc::new(settings), index, arrivals }
    }

    /// Makes a realm known, without authorities until `load`. Does nothing for one that is known.
    pub fn open(&self, names: RealmNames) -> Result<(), Fault> {
        self.index.open(names, self.settings.refresh_hint())
    }

    /// Reads all authorities of the realm of `tx`, which must be open. A key that cannot be unsealed fails the whole.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let rows = store::all(tx).await?;
        let head = store::head(tx).await?;
        self.index.replace(tx.realm(), rows, head, (&self.ring, self.settings.refresh_hint()))
    }

    /// Follows changes of kind [`AUTHORITY`]. A realm has a handful of authorities, so all of them are read.
    pub async fn apply(&self, tx: &mut Tx, _keys: &[String]) -> Result<(), Fault> {
        self.load(tx).await
    }

    /// The X.509 authority that signs now; nothing if none does, or it has ended.
    pub fn active_x509(&self, realm: RealmId) -> Option<Arc<X509Authority>> {
        self.index.realm(realm)?.active_x509(self.env.clock.now())
    }

    /// The JWT authority that signs now; nothing if none does, or it has ended.
    pub fn active_jwt(&self, realm: RealmId) -> Option<Arc<JwtAuthority>> {
        self.index.realm(realm)?.active_jwt(self.env.clock.now())
    }

    /// The authority that signs OpenID tokens by this algorithm now; nothing if none does, or it has ended. Shortly after the
    /// very first start of a realm there is none for RS256 yet: such a key takes its time to make.
    pub fn active_oidc(
        &self,
        realm: RealmId,
        algorithm: JwsAlgorithm,
    ) -> Option<Arc<OidcAuthority>> {
        self.index.realm(realm)?.active_oidc(algorithm, self.env.clock.now())
    }

    /// The public keys of the realm's OpenID tokens: those that will sign, that sign, and that signed what may still be
    /// shown. Nothing for a realm that is not open.
    pub fn oidc_key_set(&self, realm: RealmId) -> Option<Arc<OidcKeySet>> {
        self.index.realm(realm).map(|keys| Arc::clone(&keys.oidc_keys))
    }

    /// The realm's own bundle; nothing for a realm that is not open.
    pub fn bundle(&self, realm: RealmId) -> Option<Arc<Bundle>> {
        self.index.realm(realm).map(|keys| Arc::clone(&keys.bundle))
    }

    /// The realm's own bundle, now and whenever its number changes.
    pub fn watch(&self, realm: RealmId) -> Option<watch::Receiver<Arc<Bundle>>> {
        self.index.watch(realm)
    }

    /// The roots of the realm's own trust domain, at every moment: what the listener of agents verifies with.
    pub fn roots(&self, realm: RealmId) -> Option<CurrentRoots> {
        self.index.realm(realm).map(|keys| keys.roots.clone())
    }

    /// Until when whoever knows the X.509 authorities of today, and hears of no more, knows the server: until an authority that
    /// is not made yet may sign, by the clock. By hand that can be sooner. Now, where none signs.
    pub fn known_until(&self, realm: RealmId) -> Timestamp {
        let now = self.env.clock.now();
        let Some(keys) = self.index.realm(realm) else { return now };
        let policy = self.settings.policy(Purpose::X509);
        let line =
            keys.seats.iter().map(|(slot, _)| slot).filter(|slot| slot.purpose == Purpose::X509);
        let newest = line.filter(|slot| matches!(slot.state, State::Prepared | State::Active));
        newest.map(|slot| policy.replaced_at(slot, now)).max().unwrap_or(now)
    }

    /// How many authorities the realm has, in any slot.
    pub fn count(&self, realm: RealmId) -> usize {
        self.index.realm(realm).map_or(0, |keys| keys.seats.len())
    }

    /// When an authority of the realm last changed, and with it the bundle.
    pub fn changed_at(&self, realm: RealmId) -> Option<Timestamp> {
        let keys = self.index.realm(realm)?;
        keys.seats.iter().map(|(slot, _)| slot.changed_at).max()
    }

    fn keys(&self, realm: RealmId) -> Result<Arc<RealmKeys>, Error> {
        self.index.realm(realm).ok_or(Error::Realm(realm))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("settings", &self.settings).finish_non_exhaustive()
    }
}
