//! Who somebody is: by what they typed, by id, through the cache or past it.

use std::sync::Arc;

use super::model::{Error, Group, User, UserState};
use super::store::{self, Wanted};
use super::{Accounts, Handle, Identifier, actions};
use crate::access::Administrator;
use crate::kernel::{Fault, RealmId, SpiffeId, UserId};

/// What a listing looks for.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Only in this state.
    pub state: Option<UserState>,
    /// Only in this group.
    pub group: Option<String>,
    /// Only who may type this.
    pub identifier: Option<Identifier>,
    /// Only with this handle.
    pub handle: Option<Handle>,
}

impl Accounts {
    /// The person who may type this, read past the cache: for sign-ins. Nobody costs the same statements as somebody.
    pub async fn find(
        &self,
        realm: RealmId,
        identifier: &Identifier,
    ) -> Result<Option<Arc<User>>, Error> {
        let nobody = UserId::new(uuid::Uuid::nil());
        let input = (identifier.clone(), nobody);
        let db = &self.inner.env.db;
        let found = db.read(realm, input, |tx, (identifier, nobody)| {
            Box::pin(async move {
                let holder = store::holder_of(tx, identifier).await?;
                store::load(tx, holder.unwrap_or(*nobody)).await
            })
        });
        let found: Option<User> = found.await.map_err(Error::from)?;
        Ok(found.map(Arc::new))
    }

    /// The person of this id, through the cache.
    pub async fn user(&self, realm: RealmId, user: UserId) -> Result<Option<Arc<User>>, Error> {
        let (people, now) = (&self.inner.people, self.inner.env.clock.now());
        if let Some(known) = people.get(realm, user, now) {
            return Ok(Some(known));
        }
        self.fresh(realm, user).await
    }

    /// The person of this id, read past the cache: for sign-ins and step-ups.
    pub async fn fresh(&self, realm: RealmId, user: UserId) -> Result<Option<Arc<User>>, Error> {
        let (people, now) = (&self.inner.people, self.inner.env.clock.now());
        let mark = people.mark();
        let db = &self.inner.env.db;
        let read = db.read(realm, user, |tx, user| Box::pin(store::load(tx, *user)));
        let found: Option<User> = read.await.map_err(|fault: Fault| Error::from(fault))?;
        let found = found.map(Arc::new);
        if let Some(user) = &found {
            people.keep(realm, user, now, mark);
        }
        Ok(found)
    }

    /// The person whose SPIFFE ID this is, read past the cache; nothing for one that is nobody's.
    pub async fn of_spiffe_id(
        &self,
        realm: RealmId,
        id: &SpiffeId,
    ) -> Result<Option<Arc<User>>, Error> {
        let handle = id.path().strip_prefix("/user/").and_then(|text| Handle::parse(text).ok());
        let Some(handle) = handle else { return Ok(None) };
        let read = self.inner.env.db.read(realm, handle, |tx, handle| {
            Box::pin(async move {
                let Some(id) = store::of_handle(tx, handle).await? else { return Ok(None) };
                store::load(tx, id).await
            })
        });
        let found: Option<User> = read.await.map_err(|fault: Fault| Error::from(fault))?;
        Ok(found.map(Arc::new))
    }

    /// The person of this id, or why there is none.
    pub(super) async fn existing(&self, realm: RealmId, user: UserId) -> Result<Arc<User>, Error> {
        self.fresh(realm, user).await?.ok_or(Error::Unknown("user"))
    }

    /// A person, for an administrator.
    pub async fn show(&self, by: &Administrator, user: UserId) -> Result<Arc<User>, Error> {
        let spiffe_id = self.spiffe_of(by.realm, user).await?;
        let ask = actions::ReadAccount { by, user: Some(user), spiffe_id: spiffe_id.as_ref() };
        self.inner.access.permit(ask)?.spend();
        self.existing(by.realm, user).await
    }

    /// A page of people, by id, for an administrator.
    pub async fn list(
        &self,
        by: &Administrator,
        filter: UserFilter,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Arc<User>>, Error> {
        let ask = actions::ReadAccount { by, user: None, spiffe_id: None };
        self.inner.access.permit(ask)?.spend();
        let wanted = Wanted {
            after: after.map(|id| id.to_string()).unwrap_or_default(),
            state: filter.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
            group: filter.group.unwrap_or_default(),
            identifier: filter.identifier.map(|id| id.value().to_owned()).unwrap_or_default(),
            handle: filter.handle.map(|handle| handle.to_string()).unwrap_or_default(),
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
        };
        let read = self.inner.env.db.read(by.realm, wanted, |tx, wanted| {
            Box::pin(async move {
                let mut users = Vec::new();
                for id in store::list(tx, wanted).await? {
                    users.extend(store::load(tx, id).await?.map(Arc::new));
                }
                Ok::<_, Fault>(users)
            })
        });
        Ok(read.await?)
    }

    /// Every group, by name, for an administrator.
    pub async fn groups(&self, by: &Administrator) -> Result<Vec<Group>, Error> {
        self.inner.access.permit(actions::ReadGroup { by, group: "all" })?.spend();
        let read = self.inner.env.db.read(by.realm, (), |tx, ()| Box::pin(store::groups(tx)));
        Ok(read.await.map_err(|fault: Fault| fault)?)
    }

    /// The SPIFFE ID that a policy looks at; nothing for nobody, so that a refusal comes before a look-up's answer.
    pub(super) async fn spiffe_of(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> Result<Option<crate::kernel::SpiffeId>, Error> {
        let home = self.realm(realm)?.trust_domain.clone();
        let user = self.user(realm, user).await?;
        Ok(user.map(|user| user.spiffe_id(&home)).transpose()?)
    }
}
