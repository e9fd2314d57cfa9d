//! Set and delete the bundle of another trust domain: whoever may, decides whom this realm trusts.

use super::model::{
    Administrator, DELETED, DeleteBundle, Error, FOREIGN_BUNDLE, ReadBundle, SET, SetBundle,
};
use super::store::{self, Stored};
use super::{Bundle, Bundles, Known, document};
use crate::crypto::jose::{KeySet, print_bundle};
use crate::events::{Changed, Event};
use crate::kernel::{RealmId, Timestamp, TrustDomain};

use std::sync::Arc;

impl Bundles {
    /// Every foreign bundle of the realm, by trust domain, for an administrator.
    pub fn read(&self, by: Administrator) -> Result<Vec<Arc<Bundle>>, Error> {
        let realm = by.realm;
        let _granted = self.access.permit(ReadBundle(by))?.spend();
        Ok(self.foreign_all(realm))
    }

    /// Every bundle that the realm knows, its own first, for an administrator.
    pub fn list(&self, by: Administrator) -> Result<Vec<Known>, Error> {
        let realm = by.realm;
        let _granted = self.access.permit(ReadBundle(by))?.spend();
        let foreign = self.index.of(realm).unwrap_or_default();
        let foreign = foreign.values().map(|kept| Known {
            bundle: Arc::clone(&kept.bundle),
            own: false,
            changed_at: kept.changed_at,
        });
        Ok(std::iter::once(self.own(realm)?).chain(foreign).collect())
    }

    /// The bundle of one trust domain, the realm's own or another's, for an administrator.
    pub fn show(&self, by: Administrator, domain: &TrustDomain) -> Result<Known, Error> {
        let known = self.list(by)?;
        let mut found = known.into_iter().filter(|known| known.bundle.trust_domain == *domain);
        found.next().ok_or_else(|| Error::NotFound(domain.clone()))
    }

    fn own(&self, realm: RealmId) -> Result<Known, Error> {
        let bundle = self.current(realm).ok_or(Error::Realm(realm))?;
        let changed_at = self.authority.changed_at(realm).unwrap_or(Timestamp::EPOCH);
        Ok(Known { bundle, own: true, changed_at })
    }

    /// Trusts this trust domain by this document from now on, whatever was known of it before. The document is kept as far
    /// as we understand it.
    pub async fn set(
        &self,
        by: Administrator,
        domain: &TrustDomain,
        text: &[u8],
    ) -> Result<Arc<Bundle>, Error> {
        let realm = by.realm;
        let asker = by.asker.clone();
        let (_, granted) = self.access.permit(SetBundle(by, domain.clone()))?.spend();
        self.check_foreign(realm, domain)?;
        let set = KeySet::parse(text)?;
        if set.x509.is_empty() && set.jwt.is_empty() {
            return Err(Error::Empty(domain.clone()));
        }
        let bundle = Arc::new(document::foreign(domain.clone(), &set)?);
        let stored = Stored {
            trust_domain: domain.clone(),
            document: print_bundle(&set).to_string(),
            changed_at: self.env.clock.now(),
        };
        let input = (stored, asker);
        self.events
            .change_in(realm, granted, input, move |tx, (stored, asker)| {
                Box::pin(async move {
                    store::put(tx, stored).await?;
                    let event =
                        Event::new(realm, SET).about("trust_domain", stored.trust_domain.as_str());
                    Ok::<_, Error>(changed(&stored.trust_domain, asker.sign(event)))
                })
            })
            .await?;
        Ok(bundle)
    }

    /// Trusts nobody of this trust domain from now on.
    pub async fn delete(&self, by: Administrator, domain: &TrustDomain) -> Result<(), Error> {
        let realm = by.realm;
        let asker = by.asker.clone();
        let (_, granted) = self.access.permit(DeleteBundle(by, domain.clone()))?.spend();
        self.check_foreign(realm, domain)?;
        let input = (domain.clone(), asker);
        self.events
            .change_in(realm, granted, input, move |tx, (domain, asker)| {
                Box::pin(async move {
                    if !store::delete(tx, domain).await? {
                        return Err(Error::NotFound(domain.clone()));
                    }
                    let event = Event::new(realm, DELETED).about("trust_domain", domain.as_str());
                    Ok(changed(domain, asker.sign(event)))
                })
            })
            .await
    }
}

fn changed(domain: &TrustDomain, event: Event) -> Changed<()> {
    Changed { value: (), changes: vec![(FOREIGN_BUNDLE, domain.to_string(), event)], rights: false }
}
