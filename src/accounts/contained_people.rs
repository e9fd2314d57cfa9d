//! People who are contained: who they are by number, and what becomes of it when they are erased.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Accounts, Change, Erased, KeepsPersonalData, User, store};
use crate::containment::{Containments, People};
use crate::db::Tx;
use crate::kernel::{Fault, RealmId, SubjectId, UserId};

impl People for Accounts {
    fn number(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> BoxFuture<'_, Result<Option<SubjectId>, Fault>> {
        Box::pin(async move {
            let db = &self.inner.env.db;
            let read = db.read(realm, user, |tx, user| Box::pin(store::load(tx, *user)));
            let found: Option<User> = read.await?;
            Ok(found.map(|user| user.number))
        })
    }
}

/// Containments of people.
#[derive(Debug)]
pub struct ContainedPeople(pub Containments);

impl KeepsPersonalData for ContainedPeople {
    fn name(&self) -> &'static str {
        "containment"
    }

    fn export<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Value, Fault>> {
        Box::pin(async move {
            let held = Containments::of_person(tx, user.user).await?;
            Ok(held.map_or(
                Value::Null,
                |held| json!({ "reason": held.reason, "ends_at": held.ends_at.to_string() }),
            ))
        })
    }

    fn erase<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Vec<Change>, Fault>> {
        Box::pin(Containments::forget(tx, user.user))
    }
}
