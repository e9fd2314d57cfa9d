//! Realms: one SPIFFE trust domain and one issuer each, with keys, subjects, policies and log of their own.
//!
//! Owns: realm rows and the host names that choose a realm; which of several realms a request is about; what a realm's pages
//! say of themselves. Does not own:
//! what is in a realm. Realm 0, `system`, has no row, no trust domain and no name on the wire: it owns what no realm
//! owns, and the rows of the realms themselves.
//!
//! Invariants: a trust domain, an issuer, a name and a host name lead to one realm at most, decided by the database. A
//! realm's trust domain and issuer are fixed for ever when it is made: names and tokens out there say them. A realm made
//! on one replica is known on all as soon as they follow the change in realm 0.
//!
//! Endpoints: admin REST under `/realms`, and `/brand`.

mod create_realm;
mod found_default;
pub mod http;
mod model;
mod set_brand;
pub(crate) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;

pub use create_realm::CreateRealm;
pub use model::{
    BRAND, BRAND_CHANGED, Error, HostName, Issuer, ParseError, REALM, REALM_CREATED, Realm,
    RealmName,
};

use crate::access::{Access, Action, Asker, Request};
use crate::db::Tx;
use crate::env::Env;
use crate::events::Events;
use crate::http::pages::Brand;
use crate::kernel::{Fault, RealmId, TrustDomain};

/// The realms of this server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Realms {
    env: Env,
    access: Access,
    events: Events,
    index: Arc<ArcSwap<Index>>,
    brands: Arc<ArcSwap<HashMap<RealmId, Arc<Brand>>>>,
}

/// All realms, by what leads to them.
#[derive(Debug, Default)]
struct Index {
    numbers: BTreeMap<RealmId, Arc<Realm>>,
    names: HashMap<RealmName, Arc<Realm>>,
    hosts: HashMap<HostName, Arc<Realm>>,
    trust_domains: HashMap<TrustDomain, Arc<Realm>>,
}

struct ReadRealm<'a> {
    asker: &'a Asker,
    realm: &'a Realm,
}

impl Action for ReadRealm<'_> {
    const NAME: &'static str = "ReadRealm";

    fn request(&self) -> Request<'_> {
        self.asker.request(self.realm.id, ("Realm", self.realm.name.as_str()), None)
    }
}

impl Realms {
    /// No realm yet: `load` reads them.
    pub fn new(env: Env, access: Access, events: Events) -> Self {
        Self { env, access, events, index: Arc::default(), brands: Arc::default() }
    }

    /// The realm of this number.
    pub fn get(&self, id: RealmId) -> Option<Arc<Realm>> {
        self.index.load().numbers.get(&id).cloned()
    }

    /// The realm of this name.
    pub fn by_name(&self, name: &str) -> Option<Arc<Realm>> {
        let name = RealmName::parse(name).ok()?;
        self.index.load().names.get(&name).cloned()
    }

    /// The realm that hosts this trust domain.
    pub fn by_trust_domain(&self, trust_domain: &TrustDomain) -> Option<Arc<Realm>> {
        self.index.load().trust_domains.get(trust_domain).cloned()
    }

    /// The realm that a connection's or request's host name chooses. With one realm any name, or none, reaches it; with
    /// several an unknown name reaches none. A port and the case of letters do not matter.
    pub fn by_host(&self, host: Option<&str>) -> Option<Arc<Realm>> {
        let index = self.index.load();
        let mut all = index.numbers.values();
        match (all.next(), all.next()) {
            (Some(only), None) => Some(Arc::clone(only)),
            _ => index.hosts.get(&HostName::of_request(host?)?).cloned(),
        }
    }

    /// All realms, by number: for the server's own work.
    pub fn all(&self) -> Vec<Arc<Realm>> {
        self.index.load().numbers.values().cloned().collect()
    }

    /// The realms that this asker may see. Each is asked for by itself: a role in one realm is none in another.
    pub fn list(&self, asker: &Asker) -> Vec<Arc<Realm>> {
        let visible = |realm: &Arc<Realm>| self.access.permit(ReadRealm { asker, realm }).is_ok();
        self.all().into_iter().filter(visible).collect()
    }

    /// The realm of this name, for this asker; `NotFound` also where the asker may not know of it.
    pub fn show(&self, asker: &Asker, name: &str) -> Result<Arc<Realm>, Error> {
        let visible = |realm: &Arc<Realm>| self.access.permit(ReadRealm { asker, realm }).is_ok();
        self.by_name(name).filter(visible).ok_or(Error::Unknown)
    }

    /// Replaces what is known by what the rows say: in realm 0 the realms, in every other one its brand.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        if tx.realm() != RealmId::SYSTEM {
            return self.apply_brand(tx).await;
        }
        let realms = store::all(tx).await?;
        self.index.store(Arc::new(Index::of(realms.into_iter().map(Arc::new))));
        Ok(())
    }

    /// Reads the realms of these numbers again. Idempotent.
    pub async fn apply(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Fault> {
        if tx.realm() != RealmId::SYSTEM {
            return Ok(());
        }
        let mut known = self.index.load().numbers.clone();
        for key in keys {
            let id = key.parse().map(RealmId).map_err(|error| Fault::malformed("change", error))?;
            match store::by_id(tx, id).await? {
                Some(realm) => known.insert(id, Arc::new(realm)),
                None => known.remove(&id),
            };
        }
        self.index.store(Arc::new(Index::of(known.into_values())));
        Ok(())
    }
}

impl Index {
    fn of(realms: impl Iterator<Item = Arc<Realm>>) -> Self {
        let mut index = Self::default();
        for realm in realms {
            for host in &realm.hosts {
                index.hosts.insert(host.clone(), Arc::clone(&realm));
            }
            index.names.insert(realm.name.clone(), Arc::clone(&realm));
            index.trust_domains.insert(realm.trust_domain.clone(), Arc::clone(&realm));
            index.numbers.insert(realm.id, realm);
        }
        index
    }
}
