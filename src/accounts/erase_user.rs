//! Everything that is known of a person: told, and erased.

use std::sync::{Arc, PoisonError};

use serde_json::{Map, Value, json};

use super::change_user::{loaded, touched};
use super::model::{Attribute, By, Error, Passkey, User};
use super::personal_data::{Erased, KeepsPersonalData};
use super::{Accounts, actions, links, passkeys, tries};
use crate::access::{Administrator, unbind_holder};
use crate::db::Tx;
use crate::events::{Changed, Erasure, Event, Events, FORGET, Owner};
use crate::kernel::{RealmId, Timestamp, UserId};

/// What one run of a deletion needs.
#[derive(Debug)]
struct Deletion {
    realm: RealmId,
    whom: Erased,
    /// Under which its tries are counted.
    tries: Vec<[u8; 32]>,
    erasure: Erasure,
    events: Events,
    keepers: Vec<Arc<dyn KeepsPersonalData>>,
    now: Timestamp,
    by: By,
}

impl Accounts {
    /// Everything that is known of a person, for themselves.
    pub async fn export(&self, realm: RealmId, user: UserId) -> Result<Value, Error> {
        let known = self.existing(realm, user).await?;
        let input = (self.whom(realm, &known)?, self.keepers());
        let read = self.inner.env.db.read(realm, input, |tx, (whom, keepers)| {
            Box::pin(async move {
                let user = loaded(tx, whom.user).await?;
                let mut all = told(&user, whom);
                let keys = passkeys::store::of_user(tx, whom.user).await?;
                all.insert("passkeys".to_owned(), keys.iter().map(passkey).collect());
                let linked = links::store::of_user(tx, whom.user).await?;
                all.insert(
                    "linked_identities".to_owned(),
                    linked.iter().map(links::told).collect(),
                );
                for keeper in keepers {
                    all.insert(keeper.name().to_owned(), keeper.export(tx, whom).await?);
                }
                Ok::<_, Error>(Value::Object(all))
            })
        });
        read.await
    }

    /// The same, for an administrator.
    pub async fn export_for(&self, by: &Administrator, user: UserId) -> Result<Value, Error> {
        let (id, spiffe_id) = (user.to_string(), self.spiffe_of(by.realm, user).await?);
        let ask = actions::ExportAccount { by, id: &id, spiffe_id: spiffe_id.as_ref() };
        self.inner.access.permit(ask)?.spend();
        self.export(by.realm, user).await
    }

    /// Erases a person, for an administrator.
    pub async fn delete(
        &self,
        by: &Administrator,
        user: UserId,
        revision: Option<i64>,
    ) -> Result<(), Error> {
        let (id, spiffe_id) = (user.to_string(), self.spiffe_of(by.realm, user).await?);
        let ask = actions::DeleteAccount { by, id: &id, spiffe_id: spiffe_id.as_ref() };
        let granted = self.inner.access.permit(ask)?.spend().1;
        if let Some(seen) = revision
            && self.existing(by.realm, user).await?.revision != seen
        {
            return Err(Error::Changed);
        }
        let doer = By::Administrator { granted, asker: by.asker.clone() };
        self.erase(by.realm, user, doer).await
    }

    /// Erases a person: every row of every slice, their roles, and the key of what was recorded of them.
    pub async fn erase(&self, realm: RealmId, user: UserId, by: By) -> Result<(), Error> {
        let known = self.existing(realm, user).await?;
        let whom = self.whom(realm, &known)?;
        let (number, events) = (whom.number, self.inner.events.clone());
        let granted = by.granted();
        let input = Deletion {
            realm,
            tries: self.tries_of(realm, &known),
            erasure: events.erasure(number)?,
            events: events.clone(),
            keepers: self.keepers(),
            now: self.inner.env.clock.now(),
            whom,
            by,
        };
        let done: Result<(), Error> =
            events.change_in(realm, granted, input, |tx, input| Box::pin(body(tx, input))).await;
        self.inner.people.forget(realm, user);
        done?;
        Ok(events.erased(realm, number).await?)
    }

    pub(super) fn whom(&self, realm: RealmId, user: &User) -> Result<Erased, Error> {
        let spiffe_id = user.spiffe_id(&self.realm(realm)?.trust_domain)?;
        Ok(Erased { user: user.id, number: user.number, spiffe_id })
    }

    pub(super) fn keepers(&self) -> Vec<Arc<dyn KeepsPersonalData>> {
        self.inner.keepers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn body(tx: &mut Tx, input: &Deletion) -> Result<Changed<()>, Error> {
    let whom = &input.whom;
    touched(tx, whom.user, input.now).await?;
    let mut changes = unbind_holder(tx, &whom.spiffe_id).await?;
    let rights = !changes.is_empty();
    for keeper in &input.keepers {
        changes.extend(keeper.erase(tx, whom).await?);
    }
    for key in &input.tries {
        tries::store::delete(tx, key).await?;
    }
    super::store::delete(tx, whom.user).await?;
    changes.push((FORGET, whom.user.to_string(), erased_event(input)));
    changes.push(input.events.erase_in(tx, &input.erasure).await?);
    Ok(Changed { value: (), changes, rights })
}

/// It says nothing of them: their key is gone with them.
fn erased_event(input: &Deletion) -> Event {
    let event = Event::new(input.realm, "accounts.user_erased").subject(input.whom.number);
    match &input.by {
        By::Themselves => event.actor(Some(input.whom.number)).actor_owner(Owner::Realm),
        By::Administrator { asker, .. } => asker.sign(event),
        By::Upstream(upstream) => event.by("upstream", upstream.as_str()),
    }
}

fn told(user: &User, whom: &Erased) -> Map<String, Value> {
    let attribute = |attribute: &Attribute| match &attribute.proof {
        None => json!({ "value": attribute.value }),
        Some(proof) => json!({
            "value": attribute.value,
            "proof": { "how": proof.how.as_str(), "by": proof.by, "at": proof.at.to_string() },
        }),
    };
    let attributes: Map<String, Value> = user
        .attributes
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), attribute(value)))
        .collect();
    let identifiers: Vec<Value> = user
        .identifiers
        .iter()
        .map(|identifier| json!({ "kind": identifier.kind(), "value": identifier.value() }))
        .collect();
    let account = json!({
        "id": user.id.to_string(),
        "spiffe_id": whom.spiffe_id.as_str(),
        "state": user.state.as_str(),
        "language": user.language,
        "identifiers": identifiers,
        "attributes": attributes,
        "groups": user.groups,
        "created_at": user.created_at.to_string(),
        "updated_at": user.updated_at.to_string(),
        "has_password": user.factors.password,
        "has_one_time_passwords": user.factors.totp,
        "recovery_codes_left": user.factors.recovery_codes,
        "passkey_declined_at": user.passkey_declined_at.map(|at| at.to_string()),
    });
    Map::from_iter([("account".to_owned(), account)])
}

fn passkey(key: &Passkey) -> Value {
    json!({
        "id": key.id.to_string(),
        "name": key.name,
        "model": key.aaguid,
        "synced": key.synced,
        "created_at": key.created_at.to_string(),
        "used_at": key.used_at.map(|at: Timestamp| at.to_string()),
    })
}
