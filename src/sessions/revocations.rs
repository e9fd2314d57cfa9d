//! What was taken back, in memory: asked for each token and each session, so it reads no database.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use uuid::Uuid;

use crate::kernel::{Fault, GrantId, RealmId, SessionId, Timestamp};

use super::model::Revocable;
use super::store::Revocation;

/// Revocations by realm.
#[derive(Debug, Default)]
pub(super) struct Revocations {
    realms: RwLock<HashMap<RealmId, HashMap<Key, Until>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Grant(Uuid),
    Session(Uuid),
    Subject(Box<str>),
    Realm,
}

#[derive(Debug, Clone, Copy)]
struct Until {
    not_before: Timestamp,
    expires_at: Timestamp,
}

impl Revocations {
    /// True if one of these, or everything of the realm, was taken back at or after `issued_at`.
    pub(super) fn cover<'a>(
        &self,
        realm: RealmId,
        any_of: impl IntoIterator<Item = Revocable<'a>>,
        issued_at: Timestamp,
    ) -> bool {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        let Some(held) = realms.get(&realm).filter(|held| !held.is_empty()) else { return false };
        let covers = |key: &Key| held.get(key).is_some_and(|until| issued_at <= until.not_before);
        covers(&Key::Realm) || any_of.into_iter().any(|what| covers(&Key::of(what)))
    }

    /// Replaces what is known of a realm.
    pub(super) fn replace(&self, realm: RealmId, rows: &[Revocation]) -> Result<(), Fault> {
        let held = rows.iter().map(entry).collect::<Result<HashMap<_, _>, _>>()?;
        self.realms.write().unwrap_or_else(PoisonError::into_inner).insert(realm, held);
        Ok(())
    }

    /// Takes one in.
    pub(super) fn put(&self, realm: RealmId, row: &Revocation) -> Result<(), Fault> {
        let (key, until) = entry(row)?;
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        realms.entry(realm).or_default().insert(key, until);
        Ok(())
    }

    /// Drops what concerns nothing any more; how many are left.
    pub(super) fn drop_past(&self, realm: RealmId, now: Timestamp) -> usize {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let Some(held) = realms.get_mut(&realm) else { return 0 };
        held.retain(|_, until| now < until.expires_at);
        held.shrink_to_fit();
        held.len()
    }
}

impl Key {
    fn of(what: Revocable<'_>) -> Self {
        match what {
            Revocable::Grant(id) => Self::Grant(id.uuid()),
            Revocable::Session(id) => Self::Session(id.uuid()),
            Revocable::Subject(id) => Self::Subject(Box::from(id)),
            Revocable::Realm => Self::Realm,
        }
    }
}

fn entry(row: &Revocation) -> Result<(Key, Until), Fault> {
    let key = match row.what.as_str() {
        "grant" => Key::Grant(GrantId::parse(&row.id).map_err(bad)?.uuid()),
        "session" => Key::Session(SessionId::parse(&row.id).map_err(bad)?.uuid()),
        "subject" => Key::Subject(Box::from(row.id.as_str())),
        "realm" => Key::Realm,
        other => return Err(bad(other)),
    };
    Ok((key, Until { not_before: row.not_before, expires_at: row.expires_at }))
}

fn bad(error: impl std::fmt::Display) -> Fault {
    Fault::malformed("revocation", error)
}
