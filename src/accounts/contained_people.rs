//! People who are contained: what is known and forgotten of them there.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Change, Erased, KeepsPersonalData};
use crate::containment::Containments;
use crate::db::Tx;
use crate::kernel::Fault;

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
