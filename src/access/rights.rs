//! Roles and policies of the realms' own: what an administrator sees and changes.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::asker::{Administrator, Asker};
use super::lockout::WaysIn;
use super::model::{Action, ChangeError, Error, Name, Request};
use super::roles::RoleBinding;
use super::{Access, SHIPPED};
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{Fault, RealmId, SpiffeId, Standing};

/// The keeper of roles and policies. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rights {
    pub(super) access: Access,
    pub(super) events: Events,
    pub(super) env: Env,
    pub(super) ways: Arc<dyn WaysIn>,
}

/// Everybody can come, on no device, as far as is known.
#[derive(Debug)]
struct OnNoDevice;

impl WaysIn for OnNoDevice {
    fn of<'p>(
        &'p self,
        _realm: RealmId,
        _person: &'p SpiffeId,
    ) -> BoxFuture<'p, Result<Vec<Standing>, Fault>> {
        Box::pin(async { Ok(vec![Standing::unknown()]) })
    }
}

/// A policy document as an administrator reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// Its name.
    pub name: String,
    /// Its text, in Cedar.
    pub text: Arc<str>,
    /// True if this realm wrote it; false if it is as shipped.
    pub own: bool,
}

struct ReadRole<'a> {
    asker: &'a Asker,
    realm: RealmId,
}

struct ReadPolicy<'a> {
    asker: &'a Asker,
    realm: RealmId,
}

impl Action for ReadRole<'_> {
    const NAME: &'static str = "ReadRole";
    fn request(&self) -> Request<'_> {
        self.asker.request(self.realm, ("RoleBinding", ""), None)
    }
}

impl Action for ReadPolicy<'_> {
    const NAME: &'static str = "ReadPolicy";
    fn request(&self) -> Request<'_> {
        self.asker.request(self.realm, ("Policy", ""), None)
    }
}

impl Access {
    /// Whether this administrator may look at policies.
    pub fn may_read_policies(&self, by: &Administrator) -> Result<(), Error> {
        let (asker, realm) = (&by.asker, by.realm);
        let _spent = self.permit(ReadPolicy { asker, realm })?.spend();
        Ok(())
    }
}

impl Rights {
    /// The keeper over this decision point.
    pub fn new(access: Access, events: Events, env: Env) -> Self {
        Self { access, events, env, ways: Arc::new(OnNoDevice) }
    }

    /// The same, where it is known how administrators can come.
    #[must_use]
    pub fn knowing(self, ways: Arc<dyn WaysIn>) -> Self {
        Self { ways, ..self }
    }

    /// The role bindings of a realm, by name.
    pub fn bindings(&self, asker: &Asker, realm: RealmId) -> Result<Vec<Arc<RoleBinding>>, Error> {
        let _spent = self.access.permit(ReadRole { asker, realm })?.spend();
        Ok(self.access.realm(realm)?.roles.all().cloned().collect())
    }

    /// Whether this administrator may look at policies.
    pub(super) fn may_read(&self, by: &Administrator) -> Result<(), Error> {
        self.access.may_read_policies(by)
    }

    /// The policies in force in a realm, by name.
    pub fn policies(&self, asker: &Asker, realm: RealmId) -> Result<Vec<PolicyText>, Error> {
        let _spent = self.access.permit(ReadPolicy { asker, realm })?.spend();
        let rights = self.access.realm(realm)?;
        let own = rights.own.iter().map(|(name, text)| PolicyText {
            name: name.clone(),
            text: Arc::clone(text),
            own: true,
        });
        let shipped = SHIPPED.iter().filter(|(name, _)| !rights.own.contains_key(*name));
        let shipped = shipped.map(|(name, text)| PolicyText {
            name: (*name).to_owned(),
            text: Arc::from(*text),
            own: false,
        });
        let mut all: Vec<PolicyText> = own.chain(shipped).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// The policy of this name that is in force in a realm.
    pub fn policy(
        &self,
        asker: &Asker,
        realm: RealmId,
        name: &Name,
    ) -> Result<PolicyText, ChangeError> {
        let all = self.policies(asker, realm)?;
        let mut found = all.into_iter().filter(|policy| policy.name == name.as_str());
        found.next().ok_or_else(|| ChangeError::Unknown { what: "policy", name: name.clone() })
    }

    /// True if the name is that of a shipped policy whose place cannot be taken.
    pub(super) fn is_protected(name: &Name) -> bool {
        name.as_str() == "reserved"
    }
}
