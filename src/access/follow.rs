//! The rights in memory follow the change log.

use std::sync::Arc;

use super::policies::{Documents, Policies};
use super::roles::Roles;
use super::{Access, shipped_documents, store};
use crate::db::Tx;
use crate::kernel::{Fault, RealmId};

impl Access {
    /// Replaces what is known of the realm's rights by what its rows say.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let roles = Roles::of(store::bindings(tx).await?);
        let own: Documents = store::policies(tx).await?.into_iter().collect();
        let seq = tx.rights_seq().await?;
        self.install(tx.realm(), own, roles, seq);
        Ok(())
    }

    /// Reads the realm's rights again, all of them: what is in memory must be what the snapshot says at the number of its
    /// last change of rights, which a permit carries, and the keys of one batch may be only some of those.
    pub async fn apply(&self, tx: &mut Tx, _keys: &[String]) -> Result<(), Fault> {
        self.load(tx).await
    }

    fn install(&self, realm: RealmId, own: Documents, roles: Roles, seq: i64) {
        let policies = self.compiled(realm, &own);
        let rights = self.rights(own, policies, roles, Some(seq));
        self.put(realm, rights);
    }

    /// The policies in force. What a newer or older program kept may not fit this one: then nothing is permitted in the
    /// realm but its repair, because a policy that was left out may have been a forbid.
    fn compiled(&self, realm: RealmId, own: &Documents) -> Result<Arc<Policies>, Arc<str>> {
        if own.is_empty() {
            return Ok(Arc::clone(&self.inner.shipped));
        }
        if let Ok(before) = self.realm(realm)
            && before.own == *own
            && let Ok(policies) = &before.policies
        {
            return Ok(Arc::clone(policies));
        }
        let mut all = shipped_documents();
        all.extend(own.clone());
        Policies::compile(&self.inner.schema, &all)
            .map(Arc::new)
            .map_err(|error| Arc::from(error.to_string()))
    }
}
