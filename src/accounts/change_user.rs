//! Make a person, change what is said of one, lock and unlock.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::actions;
use super::attributes::AttributeName;
use super::links;
use super::model::{
    Attribute, By, Error, ExternalId, Handle, NewUser, User, UserChange, UserState,
};
use super::store::{self, Head};
use super::write_user::{Done, taken};
use super::{Accounts, Identifier, is_language};
use crate::access::Administrator;
use crate::db::Tx;
use crate::kernel::{Fault, RealmId, SubjectId, Timestamp, UserId};

/// What one run of a creation needs.
#[derive(Debug)]
struct Creation {
    realm: RealmId,
    user: User,
    link: Option<(ExternalId, Option<String>)>,
    by: By,
}

/// What one run of a change needs.
#[derive(Debug)]
struct Amendment {
    realm: RealmId,
    user: UserId,
    revision: Option<i64>,
    change: UserChange,
    now: Timestamp,
    by: By,
}

impl Accounts {
    /// Makes a person, for an administrator. `Taken` if the id, the handle or an identifier is somebody's.
    pub async fn create(&self, by: &Administrator, user: NewUser) -> Result<Arc<User>, Error> {
        let handle = user.handle.as_ref().map_or("new", Handle::as_str).to_owned();
        let spiffe_id = match &user.handle {
            Some(handle) => Some(self.spiffe_of_handle(by.realm, handle)?),
            None => None,
        };
        let ask = actions::CreateAccount { by, id: &handle, spiffe_id: spiffe_id.as_ref() };
        let granted = self.inner.access.permit(ask)?.spend().1;
        let doer = By::Administrator { granted, asker: by.asker.clone() };
        self.insert(by.realm, user, None, doer).await
    }

    /// Makes a person who came through another provider, linked to it, in one transaction. `Taken` if the identity or an
    /// identifier is somebody's already.
    pub async fn provision(
        &self,
        realm: RealmId,
        user: NewUser,
        identity: (ExternalId, Option<String>),
    ) -> Result<Arc<User>, Error> {
        let by = By::Upstream(identity.0.upstream.clone());
        self.insert(realm, user, Some(identity), by).await
    }

    async fn insert(
        &self,
        realm: RealmId,
        new: NewUser,
        link: Option<(ExternalId, Option<String>)>,
        by: By,
    ) -> Result<Arc<User>, Error> {
        let user = self.fresh_user(new)?;
        let id = user.id;
        let input = Creation { realm, user, link, by };
        self.give(realm, id, input, |tx, input| Box::pin(create(tx, input))).await.map(Arc::new)
    }

    fn fresh_user(&self, new: NewUser) -> Result<User, Error> {
        let env = &self.inner.env;
        let now = env.clock.now();
        let id = match new.id {
            Some(id) => id,
            None => UserId::new(env.entropy.uuid(now)?),
        };
        let mut groups = new.groups;
        groups.sort();
        groups.dedup();
        Ok(User {
            id,
            number: SubjectId::new(env.entropy.uuid(now)?),
            handle: new.handle.unwrap_or_else(|| Handle::of_id(id)),
            state: UserState::Active,
            language: new.language.map(checked_language).transpose()?,
            identifiers: new.identifiers,
            attributes: checked(new.attributes)?,
            groups,
            factors: super::Factors::default(),
            passkey_declined_at: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        })
    }

    /// Changes a person, for an administrator; `Changed` if `revision` is not the newest any more.
    pub async fn update(
        &self,
        by: &Administrator,
        user: UserId,
        (revision, change): (Option<i64>, UserChange),
    ) -> Result<Arc<User>, Error> {
        let (id, spiffe_id) = (user.to_string(), self.spiffe_of(by.realm, user).await?);
        let ask = actions::UpdateAccount { by, id: &id, spiffe_id: spiffe_id.as_ref() };
        let granted = self.inner.access.permit(ask)?.spend().1;
        let doer = By::Administrator { granted, asker: by.asker.clone() };
        self.write_change(by.realm, user, (revision, change), doer).await
    }

    /// Changes what is said of a person, by themselves or by what an upstream says. What is so already is not written again.
    pub async fn amend(
        &self,
        realm: RealmId,
        user: UserId,
        change: UserChange,
        by: By,
    ) -> Result<Arc<User>, Error> {
        let known = self.existing(realm, user).await?;
        if is_so(&known, &change) {
            return Ok(known);
        }
        self.write_change(realm, user, (None, change), by).await
    }

    async fn write_change(
        &self,
        realm: RealmId,
        user: UserId,
        (revision, mut change): (Option<i64>, UserChange),
        by: By,
    ) -> Result<Arc<User>, Error> {
        change.language = match change.language {
            Some(Some(language)) => Some(Some(checked_language(language)?)),
            other => other,
        };
        for (name, attribute) in &mut change.attributes {
            if let Some(attribute) = attribute {
                attribute.value = name.checked(&attribute.value)?;
            }
        }
        let now = self.inner.env.clock.now();
        let doer = by.clone();
        let input = Amendment { realm, user, revision, change, now, by };
        self.take((realm, user, &doer), input, |tx, input| Box::pin(amend(tx, input)))
            .await
            .map(Arc::new)
    }

    /// Keeps a person from signing in, or lets them again, for an administrator. What hangs off sign-ins before a lock ends
    /// with it, and does not come back when they are let in again.
    pub async fn set_state(
        &self,
        by: &Administrator,
        user: UserId,
        state: UserState,
    ) -> Result<Arc<User>, Error> {
        let (id, spiffe_id) = (user.to_string(), self.spiffe_of(by.realm, user).await?);
        let ask = actions::LockAccount { by, id: &id, spiffe_id: spiffe_id.as_ref() };
        let granted = self.inner.access.permit(ask)?.spend().1;
        let doer = By::Administrator { granted, asker: by.asker.clone() };
        let (realm, now) = (by.realm, self.inner.env.clock.now());
        let (whom, input) = ((realm, user, &doer), (user, now, doer.clone()));
        let changed = match state {
            UserState::Locked => {
                let kind = "accounts.user_locked";
                self.take_and_cut_off(whom, input, move |tx, (user, now, by)| {
                    Box::pin(put_state(tx, (*user, state), *now, (by, kind)))
                })
                .await
            }
            UserState::Active => {
                let kind = "accounts.user_unlocked";
                self.take(whom, input, move |tx, (user, now, by)| {
                    Box::pin(put_state(tx, (*user, state), *now, (by, kind)))
                })
                .await
            }
        };
        changed.map(Arc::new)
    }

    pub(super) fn spiffe_of_handle(
        &self,
        realm: RealmId,
        handle: &Handle,
    ) -> Result<crate::kernel::SpiffeId, Error> {
        let home = self.realm(realm)?.trust_domain.clone();
        let text = format!("spiffe://{home}/user/{handle}");
        Ok(crate::kernel::SpiffeId::parse(&text).map_err(Fault::bug)?)
    }
}

async fn put_state(
    tx: &mut Tx,
    (user, state): (UserId, UserState),
    now: Timestamp,
    (by, kind): (&By, &'static str),
) -> Result<Done<User>, Error> {
    let head = touched(tx, user, now).await?;
    store::set_state(tx, user, state).await?;
    Ok((loaded(tx, user).await?, by.tells(tx.realm(), kind, &head)))
}

/// The person's row, locked for this transaction.
pub(super) async fn touched(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<Head, Error> {
    store::touch(tx, user, now).await?.ok_or(Error::Unknown("user"))
}

/// The person as they are now, in this transaction.
pub(super) async fn loaded(tx: &mut Tx, user: UserId) -> Result<User, Error> {
    store::load(tx, user).await?.ok_or(Error::Unknown("user"))
}

async fn create(tx: &mut Tx, input: &Creation) -> Result<Done<User>, Error> {
    let user = &input.user;
    store::insert(tx, user).await.map_err(taken("handle"))?;
    for identifier in &user.identifiers {
        if !store::insert_identifier(tx, user.id, identifier).await? {
            return Err(Error::Taken { what: identifier.noun() });
        }
    }
    for (name, attribute) in &user.attributes {
        store::put_attribute(tx, user.id, *name, attribute).await?;
    }
    let source = match &input.by {
        By::Upstream(upstream) => upstream.as_str(),
        By::Themselves | By::Administrator { .. } => LOCAL,
    };
    for group in &user.groups {
        if store::group(tx, group).await?.is_some() {
            store::add_member(tx, group, user.id, source).await?;
        } else if source == LOCAL {
            return Err(Error::Unknown("group"));
        }
    }
    if let Some((id, display)) = &input.link {
        let link = (id, display.as_deref());
        if !links::store::insert(tx, user.id, link, user.created_at).await? {
            return Err(Error::Taken { what: "identity" });
        }
    }
    let made = loaded(tx, user.id).await?;
    let head = Head {
        id: user.id,
        number: user.number,
        handle: user.handle.clone(),
        state: user.state,
        revision: 1,
    };
    let event = input.by.tells(input.realm, "accounts.user_created", &head);
    let identifiers: Vec<&str> = user.identifiers.iter().map(Identifier::value).collect();
    let event = event.about("user", user.id.to_string()).about("identifiers", identifiers);
    Ok((made, event.about("handle", user.handle.as_str())))
}

async fn amend(tx: &mut Tx, input: &Amendment) -> Result<Done<User>, Error> {
    let Amendment { user, change, by, .. } = input;
    let head = touched(tx, *user, input.now).await?;
    if input.revision.is_some_and(|seen| seen != head.revision - 1) {
        return Err(Error::Changed);
    }
    if let Some(language) = &change.language {
        store::set_language(tx, *user, language.as_deref()).await?;
    }
    if let Some(name) = &change.username {
        store::delete_identifier(tx, *user, "username", None).await?;
        if let Some(name) = name {
            claim(tx, *user, name).await?;
        }
    }
    if !change.attributes.is_empty() {
        let known = loaded(tx, *user).await?.attributes;
        for (name, attribute) in &change.attributes {
            set_attribute(tx, input, (*name, attribute.as_ref()), known.get(name)).await?;
        }
    }
    let names: Vec<&str> = change.attributes.keys().map(|name| name.as_str()).collect();
    let event = by.tells(input.realm, "accounts.user_updated", &head);
    let event = event.about("attributes", names).about("username", change.username.is_some());
    Ok((loaded(tx, *user).await?, event))
}

/// Sets one claim. An address that changes can no longer be typed; the new one can once somebody vouches for it.
async fn set_attribute(
    tx: &mut Tx,
    input: &Amendment,
    (name, new): (AttributeName, Option<&Attribute>),
    old: Option<&Attribute>,
) -> Result<(), Error> {
    let user = input.user;
    let same = new.is_some_and(|new| old.is_some_and(|old| old.value == new.value));
    if let (Some(old), false) = (old, same)
        && let Some(identifier) = identifier_of(name, &old.value)
    {
        store::delete_identifier(tx, user, identifier.kind(), Some(identifier.value())).await?;
    }
    let Some(new) = new else { return Ok(store::delete_attribute(tx, user, name).await?) };
    // Saying the same again does not take a proof away.
    let proof =
        new.proof.clone().or_else(|| old.filter(|_| same).and_then(|old| old.proof.clone()));
    let kept = Attribute { value: new.value.clone(), proof };
    store::put_attribute(tx, user, name, &kept).await?;
    match (identifier_of(name, &new.value), &input.by) {
        (Some(identifier), By::Administrator { .. }) => claim(tx, user, &identifier).await,
        (Some(identifier), By::Upstream(_)) if kept.proof.is_some() => {
            // Where it is another person's it stays theirs: a provider's word takes nothing from anybody.
            store::insert_identifier(tx, user, &identifier).await?;
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn claim(tx: &mut Tx, user: UserId, identifier: &Identifier) -> Result<(), Error> {
    if store::insert_identifier(tx, user, identifier).await? {
        return Ok(());
    }
    Err(Error::Taken { what: identifier.noun() })
}

/// What may be typed where this is a claim's value.
pub(super) fn identifier_of(name: AttributeName, value: &str) -> Option<Identifier> {
    match name {
        AttributeName::Email => Identifier::email(value).ok(),
        AttributeName::PhoneNumber => Identifier::phone(value).ok(),
        _ => None,
    }
}

fn is_so(user: &User, change: &UserChange) -> bool {
    let language = change.language.as_ref().is_none_or(|wanted| *wanted == user.language);
    let username = change
        .username
        .as_ref()
        .is_none_or(|wanted| wanted.as_ref().map(Identifier::value) == user.username());
    let so = |(name, wanted): (&AttributeName, &Option<Attribute>)| match (
        wanted,
        user.attributes.get(name),
    ) {
        (None, known) => known.is_none(),
        (Some(wanted), Some(known)) => {
            let proven = wanted.proof.is_none() || known.proof.is_some();
            name.checked(&wanted.value).is_ok_and(|value| value == known.value) && proven
        }
        (Some(_), None) => false,
    };
    language && username && change.attributes.iter().all(so)
}

fn checked(
    attributes: BTreeMap<AttributeName, Attribute>,
) -> Result<BTreeMap<AttributeName, Attribute>, Error> {
    attributes
        .into_iter()
        .map(|(name, attribute)| {
            let value = name.checked(&attribute.value)?;
            Ok((name, Attribute { value, ..attribute }))
        })
        .collect()
}

fn checked_language(language: String) -> Result<String, Error> {
    if is_language(&language) {
        return Ok(language);
    }
    Err(Error::invalid("language", "a language tag such as `de-CH`"))
}

/// The source of memberships that an administrator gave.
pub(super) const LOCAL: &str = "local";
