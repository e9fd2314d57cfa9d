//! The one policy engine: every right, every issuance, every token is decided here, by Cedar.
//!
//! Owns: the published schema and the default policies (`config/policies/`), the index over them, the memory of
//! decisions, permits, and who holds which role. Does not own: the facts (each slice gives its own as an [`Action`]),
//! and what happens after a yes. Endpoints: none.
//!
//! Invariants:
//! - This is the only module that names Cedar.
//! - [`Permit`] is made in [`Access::permit`] alone, and nothing is permitted that no policy permits.
//! - A decision never reads the database or waits; whatever it needs is in memory, replaced as a whole by the follower of
//!   the change log. A policy that cannot be evaluated denies.
//! - Whoever holds the machine (root and the server's own user, at the local socket) can always read and repair roles
//!   and policies. So the last administrator may be unbound: the local socket remains.
//!
//! **Ceilings.** What is issued lives as long as the most generous satisfied permit says (`@lifetime_seconds`), cut to
//! the least that a satisfied limit says (a forbid with `@lifetime_seconds`). A permit without the annotation issues
//! nothing: its ceiling is zero.
//!
//! **Memory.** A yes is remembered by the facts that some candidate policy can read, only for issuance and the daily
//! calls of agents, never where a candidate reads the time, and never past the end of the evidence. With the default
//! policies no candidate for issuance looks at who or what, so a few dozen answers serve a whole fleet.

mod decide;
mod facts;
mod memo;
mod model;
mod policies;
mod roles;
mod rule;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

pub use model::{
    Action, Asker, Error, Explanation, Fact, POLICY, POLICY_DELETED, POLICY_SET, Permit,
    PolicyError, ROLE_BINDING, ROLE_BOUND, ROLE_UNBOUND, Request,
};
pub use roles::{Given, Holder, Right, Role, RoleBinding};

use crate::env::Clock;
use crate::kernel::{Fault, Granted, RealmId};
use decide::RealmRights;
use policies::{Documents, Policies};
use roles::Roles;
use schema::Published;

/// The decision point. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Access {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    schema: Arc<Published>,
    shipped: Arc<Policies>,
    own_uid: u32,
    realms: ArcSwap<HashMap<RealmId, Arc<RealmRights>>>,
}

impl Access {
    /// The decision point with the policies as shipped, and no realm yet. `own_uid` is the user this server runs as.
    pub fn new(clock: Arc<dyn Clock>, own_uid: u32) -> Result<Self, Fault> {
        let schema = Arc::new(Published::parse()?);
        let shipped = Arc::new(Policies::compile(&schema, &shipped_documents())?);
        let realms = ArcSwap::from_pointee(HashMap::new());
        Ok(Self { inner: Arc::new(Inner { clock, schema, shipped, own_uid, realms }) })
    }

    /// Makes a realm known, with the policies as shipped and no role given. Does nothing for one that is known already.
    pub fn open(&self, realm: RealmId) {
        let fresh =
            self.rights(Documents::new(), Arc::clone(&self.inner.shipped), Roles::default(), None);
        self.inner.realms.rcu(|realms| {
            let mut realms = HashMap::clone(realms);
            realms.entry(realm).or_insert_with(|| Arc::clone(&fresh));
            realms
        });
    }

    /// Decides; a permit is the only proof of a yes. Never reads the database.
    pub fn permit<A: Action>(&self, action: A) -> Result<Permit<A>, Error> {
        let (ceiling, granted) = {
            let request = action.request();
            let realm = self.realm(request.realm)?;
            let ceiling = realm.question(A::NAME, &request, self.inner.clock.now())?.decide()?;
            let granted = Granted {
                actor: request.actor,
                action: A::NAME,
                policy_version: realm.policies.version,
                rights_seq: realm.rights_seq,
            };
            (ceiling, granted)
        };
        Ok(Permit { action, ceiling, granted })
    }

    /// Which policies decide this, and why. Makes no permit.
    pub fn explain<A: Action>(&self, action: &A) -> Result<Explanation, Error> {
        let request = action.request();
        self.realm(request.realm)?.question(A::NAME, &request, self.inner.clock.now())?.explain()
    }

    /// The published schema, in Cedar's own form.
    pub fn schema(&self) -> &'static str {
        schema::TEXT
    }

    fn realm(&self, realm: RealmId) -> Result<Arc<RealmRights>, Error> {
        let realms = self.inner.realms.load();
        realms.get(&realm).cloned().ok_or_else(|| {
            Error::broken(format_args!("the rights of realm {realm} are not loaded"))
        })
    }

    fn rights(
        &self,
        own: Documents,
        policies: Arc<Policies>,
        roles: Roles,
        seq: Option<i64>,
    ) -> Arc<RealmRights> {
        let inner = &self.inner;
        let parts = (Arc::clone(&inner.schema), Arc::clone(&inner.shipped), policies);
        Arc::new(RealmRights::new(parts, own, roles, seq, inner.own_uid))
    }
}

/// The policies as shipped: each file is a document, named as the file.
fn shipped_documents() -> Documents {
    SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), Arc::from(*text))).collect()
}

/// The default policies. A realm's own policy of the same name takes the place of one of these, but for `reserved`.
const SHIPPED: [(&str, &str); 5] = [
    ("agents", include_str!("../../config/policies/agents.cedar")),
    ("issuance", include_str!("../../config/policies/issuance.cedar")),
    ("registrars", include_str!("../../config/policies/registrars.cedar")),
    ("reserved", include_str!("../../config/policies/reserved.cedar")),
    ("roles", include_str!("../../config/policies/roles.cedar")),
];
