//! Remove a policy of the realm's own; a shipped one of that name is in force again.

use super::asker::Asker;
use super::model::{Action, ChangeError, Name, POLICY, POLICY_DELETED, Request, Seen};
use super::rights::Rights;
use super::store;
use crate::db::Tx;
use crate::events::{Changed, Event};
use crate::kernel::RealmId;

/// Removes a policy document.
#[derive(Debug, Clone)]
pub struct DeletePolicy {
    /// Who asks.
    pub asker: Asker,
    /// In which realm.
    pub realm: RealmId,
    /// The document's name.
    pub name: Name,
    /// Only if it says this.
    pub seen: Seen,
}

impl Action for DeletePolicy {
    const NAME: &'static str = "DeletePolicy";

    fn request(&self) -> Request<'_> {
        self.asker.request(self.realm, ("Policy", self.name.as_str()), None)
    }
}

impl Rights {
    /// Removes the document.
    ///
    /// Errors: `Denied` without the right; `NotFound` if the realm has none of this name; `LocksOut` if no administrator could
    /// undo it; `Changed` if it says something else than the caller saw.
    pub async fn delete_policy(&self, ask: DeletePolicy) -> Result<(), ChangeError> {
        let (ask, granted) = self.access.permit(ask)?.spend();
        self.check_change(ask.realm, &ask.name, None).await?;
        self.events.change_in(ask.realm, granted, ask, |tx, ask| Box::pin(body(tx, ask))).await
    }
}

async fn body(tx: &mut Tx, ask: &DeletePolicy) -> Result<Changed<()>, ChangeError> {
    let before = store::policy(tx, &ask.name).await?;
    if before.is_some() && !ask.seen.holds(before.as_deref()) {
        return Err(ChangeError::Changed(ask.name.clone()));
    }
    if !store::delete_policy(tx, &ask.name).await? {
        return Err(ChangeError::Unknown { what: "policy", name: ask.name.clone() });
    }
    let event = Event::new(ask.realm, POLICY_DELETED)
        .about("name", ask.name.as_str())
        .about("before", before.as_deref());
    let changes = vec![(POLICY, ask.name.as_str().to_owned(), ask.asker.sign(event))];
    Ok(Changed { value: (), changes, rights: true })
}
