//! The one policy engine: every right, every issuance, every token is decided here, by Cedar.
//!
//! Owns: the published schema and the default policies (`config/policies/`), the index over them, the memory of
//! decisions, permits, and who holds which role. Does not own: the facts (each slice gives its own as an [`Action`]),
//! and what happens after a yes. Endpoints: admin REST under `/role-bindings` and `/policies`.
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
//! nothing: its ceiling is zero. Of that, a subject whose device's posture is known gets what its score earns
//! (`kernel::Standing::life`), `@shortest_seconds` of the permit at least, and nothing beyond the evidence of the posture;
//! a permit with `@apart_from_posture` gives its life whatever the posture.
//!
//! **Memory.** A yes is remembered by the facts that some candidate policy can read, only for issuance and the daily
//! calls of agents, never where a candidate reads the time or the age of a report, and never past the end of the evidence.
//! Remembered is what the policies say, and what those in shadow would; what the score leaves of it is worked out each time.
//! With the default policies no candidate for issuance looks at who or what, so a few dozen answers serve a whole fleet.

mod asked;
mod asker;
mod bind_role;
mod decide;
mod delete_policy;
mod facts;
mod flaw;
mod follow;
pub mod http;
mod jobs;
mod lockout;
mod memo;
mod model;
mod policies;
mod refusals;
mod rights;
mod roles;
mod rule;
mod schema;
mod set_policy;
mod shadow;
mod situation;
mod standing;
pub(crate) mod store;
#[cfg(test)]
mod tests;
pub mod trial;
mod unbind_role;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

pub use asked::{asked, read_asked};
pub use asker::{Administrator, Asker};
pub use bind_role::BindRole;
pub use delete_policy::DeletePolicy;
pub use flaw::{Flaw, PolicyError, What};
pub use jobs::{Refused, Shadowed};
pub use lockout::WaysIn;
pub use model::{
    Action, ChangeError, Error, Explanation, Fact, Name, NameError, POLICY, POLICY_DELETED,
    POLICY_SET, Permit, ROLE_BINDING, ROLE_BOUND, ROLE_UNBOUND, Refusal, Request, SHADOW_DIFFERED,
    Seen,
};
pub use rights::{PolicyText, Rights};
pub use roles::{Given, Holder, Right, Role, RoleBinding};
pub use set_policy::SetPolicy;
pub use unbind_role::{UnbindRole, unbind_holder};

use crate::env::Clock;
use crate::kernel::{Fault, Granted, RealmId};
use decide::RealmRights;
use policies::{Documents, Policies};
use refusals::Refusals;
use roles::Roles;
use schema::Published;
use shadow::Shadows;

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
    shadows: Shadows,
    refusals: Refusals,
    realms: ArcSwap<HashMap<RealmId, Arc<RealmRights>>>,
}

impl Access {
    /// The decision point with the policies as shipped, and no realm yet. `own_uid` is the user this server runs as.
    pub fn new(clock: Arc<dyn Clock>, own_uid: u32) -> Result<Self, Fault> {
        let schema = Arc::new(Published::parse()?);
        let shipped = Arc::new(Policies::compile(&schema, &shipped_documents())?);
        let realms = ArcSwap::from_pointee(HashMap::new());
        Ok(Self {
            inner: Arc::new(Inner {
                clock,
                schema,
                shipped,
                own_uid,
                shadows: Shadows::default(),
                refusals: Refusals::default(),
                realms,
            }),
        })
    }

    /// Makes a realm known, with the policies as shipped and no role given, until its rows are loaded. Does nothing for one
    /// that is known already.
    pub fn open(&self, realm: RealmId) {
        if self.realm(realm).is_err() {
            let shipped = Arc::clone(&self.inner.shipped);
            self.put(realm, self.rights(Documents::new(), Ok(shipped), Roles::default(), None));
        }
    }

    /// The same, with these policies of its own: for what measures decisions.
    #[cfg(feature = "testkit")]
    pub fn open_with(&self, realm: RealmId, own: &[(&str, &str)]) -> Result<(), Error> {
        self.open(realm);
        let own = own.iter().map(|(name, text)| ((*name).to_owned(), Arc::from(*text))).collect();
        self.put(realm, self.with_documents(realm, own)?);
        Ok(())
    }

    /// Decides; a permit is the only proof of a yes. Never reads the database.
    pub fn permit<A: Action>(&self, action: A) -> Result<Permit<A>, Error> {
        let rights = self.realm(action.request().realm)?;
        self.permit_by(&rights, action)
    }

    /// Which policies decide this, and why. Makes no permit.
    pub fn explain<A: Action>(&self, action: &A) -> Result<Explanation, Error> {
        let request = action.request();
        let now = self.inner.clock.now();
        self.realm(request.realm)?.question(A::NAME, &request, now)?.explain()
    }

    /// Which policies are in force: the same number as in the events of what they decided.
    pub fn policy_version(&self, realm: RealmId) -> Result<u64, Error> {
        let rights = self.realm(realm)?;
        let policies = rights.policies.as_ref().map_err(Error::broken)?;
        Ok(policies.version)
    }

    /// Every action that can be asked about, by name.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.inner.schema.asked()
    }

    /// What this asker holds in the realm. Everybody may know that of themselves.
    pub fn held_by(&self, by: &Administrator) -> Result<Vec<Given>, Error> {
        let held = self.realm(by.realm)?.held(&by.request(("RoleBinding", ""), None));
        Ok(held.all().to_vec())
    }

    /// Whether a document can be a policy here, or everything that is wrong with it.
    pub fn check(&self, name: &Name, text: &str) -> Result<(), PolicyError> {
        policies::check(&self.inner.schema, name.as_str(), text)
    }

    /// The published schema, in Cedar's own form.
    pub fn schema(&self) -> &'static str {
        schema::TEXT
    }

    /// The one place that makes a permit.
    fn permit_by<A: Action>(&self, rights: &RealmRights, action: A) -> Result<Permit<A>, Error> {
        let (ceiling, granted) = {
            let request = action.request();
            let question = rights.question(A::NAME, &request, self.inner.clock.now())?;
            let granted = Granted {
                actor: request.actor,
                action: A::NAME,
                policy_version: question.policies.version,
                rights_seq: rights.rights_seq,
            };
            let (decided, differs) = question.answer();
            if let Some(differs) = differs {
                self.inner.shadows.note(request.realm, differs);
            }
            (decided, granted)
        };
        match ceiling {
            Ok(ceiling) => Ok(Permit { action, ceiling, granted }),
            Err(error) => {
                self.note_refused(&action, &error, granted.policy_version);
                Err(error)
            }
        }
    }

    fn realm(&self, realm: RealmId) -> Result<Arc<RealmRights>, Error> {
        let found = self.inner.realms.load().get(&realm).cloned();
        found.ok_or_else(|| {
            Error::broken(format_args!("the rights of realm {realm} are not loaded"))
        })
    }

    fn put(&self, realm: RealmId, rights: RealmRights) {
        let rights = Arc::new(rights);
        self.inner.realms.rcu(|realms| {
            let mut realms = HashMap::clone(realms);
            realms.insert(realm, Arc::clone(&rights));
            realms
        });
    }

    fn rights(
        &self,
        own: Documents,
        policies: Result<Arc<Policies>, Arc<str>>,
        roles: Roles,
        seq: Option<i64>,
    ) -> RealmRights {
        let inner = &self.inner;
        let shipped = (Arc::clone(&inner.schema), Arc::clone(&inner.shipped));
        RealmRights::new(shipped, (own, policies), roles, seq, inner.own_uid)
    }
}

/// The policies as shipped: each file is a document, named as the file.
fn shipped_documents() -> Documents {
    SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), Arc::from(*text))).collect()
}

/// The text of a shipped policy.
fn shipped(name: &Name) -> Option<&'static str> {
    SHIPPED.iter().find(|(shipped, _)| *shipped == name.as_str()).map(|(_, text)| *text)
}

/// The default policies. A realm's own policy of the same name takes the place of one of these, but for `reserved`.
const SHIPPED: [(&str, &str); 11] = [
    ("agents", include_str!("../../config/policies/agents.cedar")),
    ("consent", include_str!("../../config/policies/consent.cedar")),
    ("devices", include_str!("../../config/policies/devices.cedar")),
    ("issuance", include_str!("../../config/policies/issuance.cedar")),
    ("join-tokens", include_str!("../../config/policies/join-tokens.cedar")),
    ("posture", include_str!("../../config/policies/posture.cedar")),
    ("registrars", include_str!("../../config/policies/registrars.cedar")),
    ("reserved", include_str!("../../config/policies/reserved.cedar")),
    ("roles", include_str!("../../config/policies/roles.cedar")),
    ("sign-in", include_str!("../../config/policies/sign-in.cedar")),
    ("tokens", include_str!("../../config/policies/tokens.cedar")),
];
