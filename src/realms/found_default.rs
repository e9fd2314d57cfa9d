//! The first start makes the realm `default`; every later start checks that the settings still mean it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::create_realm::{Input, body};
use super::model::{Error, Issuer, Realm, RealmName};
use super::{Realms, store};
use crate::db::Tx;
use crate::events::Changed;
use crate::kernel::{Fault, Granted, RealmId, TrustDomain};

impl Realms {
    /// The realm `default`, made now if this database has none. Two replicas that start at once make one.
    ///
    /// Errors: `Invalid` if the settings name another trust domain or issuer than the first start did: IDs and tokens out
    /// there say it, so it is fixed for ever.
    pub async fn found(
        &self,
        trust_domain: TrustDomain,
        issuer: Issuer,
    ) -> Result<Arc<Realm>, Error> {
        let name = RealmName::parse("default").map_err(Fault::bug)?;
        let hosts = BTreeSet::from([issuer.host().clone()]);
        let created = self.env.clock.now();
        let realm = Realm { id: RealmId::SYSTEM, name, trust_domain, issuer, hosts, created };
        let found = match self.stored_default().await? {
            Some(found) => found,
            None => self.make_default(realm.clone()).await?,
        };
        must_be(("trust domain", &found.trust_domain), &realm.trust_domain)?;
        must_be(("issuer", &found.issuer), &realm.issuer)?;
        Ok(Arc::new(found))
    }

    async fn stored_default(&self) -> Result<Option<Realm>, Error> {
        self.env
            .db
            .read(RealmId::SYSTEM, (), |tx, ()| {
                Box::pin(async move { Ok(store::by_id(tx, RealmId::FIRST).await?) })
            })
            .await
    }

    async fn make_default(&self, realm: Realm) -> Result<Realm, Error> {
        let input = Input { realm, asker: None };
        let granted = Granted::to_server("realms.first_start");
        self.events
            .change_in(RealmId::SYSTEM, granted, input, |tx, input| Box::pin(first(tx, input)))
            .await
    }
}

/// Another replica may have been faster, with settings of its own: then its realm is the one.
async fn first(tx: &mut Tx, input: &Input) -> Result<Changed<Realm>, Error> {
    match store::by_id(tx, RealmId::FIRST).await? {
        Some(value) => Ok(Changed { value, changes: Vec::new(), rights: false }),
        None => body(tx, input).await,
    }
}

fn must_be<T: PartialEq + ToString>(
    (what, stored): (&'static str, &T),
    asked: &T,
) -> Result<(), Error> {
    if stored == asked {
        return Ok(());
    }
    Err(Error::Fixed { what, stored: stored.to_string(), asked: asked.to_string() })
}
