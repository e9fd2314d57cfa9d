//! Make a service, change how what it sends is read, give it another secret, take it out: an administrator's verbs.

use std::sync::Arc;

use crate::access::Administrator;
use crate::db::Tx;
use crate::events::Changed;
use crate::kernel::{Granted, Lifetime, RealmId, Secret, Timestamp};
use crate::posture::Source;

use super::mapping::{self, Mapping};
use super::model::{
    DeletePostureSource, ManagePostureSource, ReadPostureSource, SERVICE, Service, events,
};
use super::{Error, Services, signature, store};

/// A service, and the secret that was made for it just now, in clear here alone.
#[derive(Debug)]
pub struct Made {
    /// What is kept.
    pub service: Service,
    /// What it signs with from now on; nothing where that stayed.
    pub secret: Option<Secret<String>>,
}

/// What is to become of a service; everything that chance and time give is in it.
#[derive(Debug)]
struct Wish {
    name: String,
    change: Change,
    /// A secret for a new service, or to replace the one that there is.
    sealed: Vec<u8>,
    granted: Granted,
    now: Timestamp,
}

#[derive(Debug)]
enum Change {
    /// How what it sends is read; `new`: there must be none of this name.
    Document { document: String, mapping: Mapping, new: bool },
    /// The secret; the former one stays live for so long.
    Secret { overlap: Lifetime },
}

impl Services {
    /// Makes a service, or, unless it has to be `new`, changes how what it sends is read. Only a new one gets a secret.
    pub async fn put(
        &self,
        by: Administrator,
        name: &str,
        (document, new): (String, bool),
    ) -> Result<Made, Error> {
        let realm = by.realm;
        let ask = ManagePostureSource { by, id: name.to_owned() };
        let granted = self.inner.below.access.permit(ask)?.spend().1;
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(Error::Invalid("a name is 1 to 40 of a-z, 0-9 and `-`".to_owned()));
        }
        let mapping = mapping::parse(&document)?;
        let change = Change::Document { document, mapping, new };
        self.written(realm, name, change, granted).await
    }

    /// Gives a service another secret. The one it has stays live for so long.
    pub async fn rotate(
        &self,
        by: Administrator,
        name: &str,
        overlap: Lifetime,
    ) -> Result<Made, Error> {
        let realm = by.realm;
        let ask = ManagePostureSource { by, id: name.to_owned() };
        let granted = self.inner.below.access.permit(ask)?.spend().1;
        if overlap > OVERLAP_MAX {
            let words = format!("the former secret stays live for {OVERLAP_MAX} at most");
            return Err(Error::Invalid(words));
        }
        self.written(realm, name, Change::Secret { overlap }, granted).await
    }

    /// Takes a service out, with all that it said of any device.
    pub async fn delete(&self, by: Administrator, name: &str) -> Result<(), Error> {
        let realm = by.realm;
        let ask = DeletePostureSource { by, id: name.to_owned() };
        let granted = self.inner.below.access.permit(ask)?.spend().1;
        let input = (name.to_owned(), granted.actor);
        self.inner
            .below
            .events
            .change_in(realm, granted.clone(), input, |tx, (name, actor)| {
                Box::pin(async move {
                    let service = store::service(tx, name).await?.ok_or(Error::NotFound)?;
                    store::delete(tx, name).await?;
                    let kind = "posture_source.deleted";
                    let event = events::service(tx.realm(), kind, &service, *actor);
                    let changes = vec![(SERVICE, name.clone(), event)];
                    Ok::<_, Error>(Changed { value: (), changes, rights: false })
                })
            })
            .await?;
        let source = Source::Service(Arc::from(name));
        Ok(self.inner.below.posture.forget_everywhere(realm, granted, source).await?)
    }

    /// The realm's services, for an administrator.
    pub fn list(&self, by: Administrator) -> Result<Vec<Arc<Service>>, Error> {
        let realm = by.realm;
        let ask = ReadPostureSource { by, id: "all".to_owned() };
        self.inner.below.access.permit(ask)?.spend();
        Ok(self.inner.index.all(realm))
    }

    /// One service, for an administrator.
    pub fn show(&self, by: Administrator, name: &str) -> Result<Arc<Service>, Error> {
        let realm = by.realm;
        self.inner.below.access.permit(ReadPostureSource { by, id: name.to_owned() })?.spend();
        self.inner.index.find(realm, name).ok_or(Error::NotFound)
    }

    async fn written(
        &self,
        realm: RealmId,
        name: &str,
        change: Change,
        granted: Granted,
    ) -> Result<Made, Error> {
        let entropy = self.inner.env.entropy.as_ref();
        let secret = entropy.token()?;
        let sealed = self.inner.below.ring.seal(&place(realm, name), secret.expose(), entropy)?;
        let now = self.inner.env.clock.now();
        let rotated = matches!(change, Change::Secret { .. });
        let wish = Wish { name: name.to_owned(), change, sealed, granted: granted.clone(), now };
        let service = self
            .inner
            .below
            .events
            .change_in(realm, granted, wish, |tx, wish| Box::pin(write(tx, wish)))
            .await?;
        let fresh = service.revision == 1 || rotated;
        Ok(Made { service, secret: fresh.then(|| signature::shown(secret.expose())) })
    }

    /// The secrets of a service that are live now.
    pub(super) fn live(
        &self,
        realm: RealmId,
        service: &Service,
        now: Timestamp,
    ) -> Result<Vec<Secret<[u8; 32]>>, Error> {
        let former = service.former.as_ref().filter(|(_, ends)| *ends > now).map(|(blob, _)| blob);
        let open = |blob: &Vec<u8>| {
            let opened = self.inner.below.ring.open(&place(realm, &service.name), blob)?;
            let bytes: Result<[u8; 32], _> = opened.expose().as_slice().try_into();
            let bad = |_| crate::kernel::Fault::malformed("secret", "it has another length");
            Ok(Secret::new(bytes.map_err(bad)?))
        };
        [&service.secret].into_iter().chain(former).map(open).collect()
    }

    /// Seals secrets of a realm under the current key-encryption key; gives how many were sealed under another.
    pub async fn reseal(&self, realm: RealmId, granted: &Granted) -> Result<usize, Error> {
        let db = &self.inner.env.db;
        let rows = db.read(realm, (), |tx, ()| {
            Box::pin(async move { Ok::<_, Error>(store::services(tx).await?) })
        });
        let mut resealed = 0;
        for old in rows.await? {
            let mut new = old.clone();
            let place = place(realm, &old.name);
            let mut count = 0;
            for blob in
                [&mut new.secret].into_iter().chain(new.former.as_mut().map(|one| &mut one.0))
            {
                if self.inner.below.ring.is_stale(blob) {
                    let opened = self.inner.below.ring.open(&place, blob)?;
                    let entropy = self.inner.env.entropy.as_ref();
                    *blob = self.inner.below.ring.seal(&place, opened.expose(), entropy)?;
                    count += 1;
                }
            }
            if count > 0 && self.replaced(realm, (old, new), granted).await? {
                resealed += count;
            }
        }
        Ok(resealed)
    }

    /// False if the row changed meanwhile.
    async fn replaced(
        &self,
        realm: RealmId,
        both: (Service, Service),
        granted: &Granted,
    ) -> Result<bool, Error> {
        self.inner
            .below
            .events
            .change_in(realm, granted.clone(), both, |tx, (old, new)| {
                Box::pin(async move {
                    let value = store::service(tx, &old.name).await?.as_ref() == Some(old);
                    let mut changes = Vec::new();
                    if value {
                        store::put(tx, new).await?;
                        let kind = "posture_source.resealed";
                        let event = events::service(tx.realm(), kind, new, None);
                        changes.push((SERVICE, new.name.clone(), event));
                    }
                    Ok::<_, Error>(Changed { value, changes, rights: false })
                })
            })
            .await
    }
}

async fn write(tx: &mut Tx, wish: &Wish) -> Result<Changed<Service>, Error> {
    let held = store::service(tx, &wish.name).await?;
    let (kind, service) = match (held, &wish.change) {
        (Some(_), Change::Document { new: true, .. }) => return Err(Error::Exists),
        (None, Change::Document { document, mapping, .. }) => {
            if store::services(tx).await?.len() >= SERVICES_MAX {
                return Err(Error::Invalid(format!("a realm has {SERVICES_MAX} sources at most")));
            }
            let service = Service {
                name: wish.name.clone(),
                document: document.clone(),
                mapping: mapping.clone(),
                secret: wish.sealed.clone(),
                former: None,
                created_at: wish.now,
                updated_at: wish.now,
                revision: 0,
            };
            ("posture_source.created", service)
        }
        (Some(held), Change::Document { document, mapping, .. }) => {
            let (document, mapping) = (document.clone(), mapping.clone());
            ("posture_source.updated", Service { document, mapping, ..held })
        }
        (Some(held), Change::Secret { overlap }) => {
            let ends = wish.now.plus(*overlap);
            let former = (!overlap.is_zero()).then_some((held.secret.clone(), ends));
            ("posture_source.rotated", Service { secret: wish.sealed.clone(), former, ..held })
        }
        (None, Change::Secret { .. }) => return Err(Error::NotFound),
    };
    let revision = service.revision.saturating_add(1);
    let service = Service { revision, updated_at: wish.now, ..service };
    store::put(tx, &service).await?;
    let event = events::service(tx.realm(), kind, &service, wish.granted.actor);
    let changes = vec![(SERVICE, service.name.clone(), event)];
    Ok(Changed { value: service, changes, rights: false })
}

/// Where a secret is sealed: moved to another service's row it does not open. No part can hold the separator.
fn place(realm: RealmId, name: &str) -> Vec<u8> {
    format!("posture_service|secret|{realm}|{name}").into_bytes()
}

const NAME_BYTES_MAX: usize = 40;
/// More than anybody has; each is in memory with its document.
const SERVICES_MAX: usize = 64;
/// Longer than that, two secrets are no rotation.
const OVERLAP_MAX: Lifetime = Lifetime::days(30);
