//! Bundles for agents: our own, and those their entries federate with.

use std::sync::Arc;

use super::Workloads;
use super::model::Error;
use super::rights::{GetBundle, GetFederatedBundle};
use crate::authority::Bundle;
use crate::kernel::{RealmId, TrustDomain};
use crate::nodes::NodeCaller;

impl Workloads {
    /// The realm's own bundle, for whoever asks.
    pub(super) fn own_bundle(&self, realm: RealmId) -> Result<Arc<Bundle>, Error> {
        let _public = self.access.permit(GetBundle(realm))?.spend();
        self.authority.bundle(realm).ok_or(Error::Realm)
    }

    /// The bundle of a trust domain that the realm federates with.
    pub(super) fn foreign_bundle(
        &self,
        caller: &NodeCaller,
        trust_domain: &str,
    ) -> Result<Arc<Bundle>, Error> {
        let name = TrustDomain::parse(trust_domain)
            .map_err(|e| Error::invalid("trust_domain", e.to_string()))?;
        let _agent = self.access.permit(GetFederatedBundle(caller, &name))?.spend();
        let found = self.bundles.foreign(caller.realm, &name);
        found.ok_or_else(|| Error::NotFound { id: name.to_string() })
    }
}
