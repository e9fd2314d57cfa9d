//! Take a role away. The last administrator may go: whoever holds the machine still has the local socket.

use super::asker::Asker;
use super::bind_role::told;
use super::model::{Action, ChangeError, Name, ROLE_BINDING, ROLE_UNBOUND, Request};
use super::rights::Rights;
use super::roles::{Holder, RoleBinding};
use super::store;
use crate::db::Tx;
use crate::events::{Changed, Event};
use crate::kernel::{Fault, RealmId, SpiffeId};

/// Takes a role away.
#[derive(Debug, Clone)]
pub struct UnbindRole {
    /// Who asks.
    pub asker: Asker,
    /// In which realm.
    pub realm: RealmId,
    /// The binding's name.
    pub name: Name,
}

impl Action for UnbindRole {
    const NAME: &'static str = "UnbindRole";

    fn request(&self) -> Request<'_> {
        self.asker.request(self.realm, ("RoleBinding", self.name.as_str()), None)
    }
}

impl Rights {
    /// Removes a binding and gives back what it was.
    ///
    /// Errors: `Denied` without the right; `NotFound` if there is none of this name.
    pub async fn unbind_role(&self, ask: UnbindRole) -> Result<RoleBinding, ChangeError> {
        let (ask, granted) = self.access.permit(ask)?.spend();
        self.events.change_in(ask.realm, granted, ask, |tx, ask| Box::pin(body(tx, ask))).await
    }
}

/// Removes every binding of a holder that is erased, in the transaction that erases it. The events name the bindings alone.
pub async fn unbind_holder(
    tx: &mut Tx,
    holder: &SpiffeId,
) -> Result<Vec<(&'static str, String, Event)>, Fault> {
    let gone = store::delete_bindings_of(tx, &Holder::Spiffe(holder.clone())).await?;
    let told = |name: String| {
        let event = Event::new(tx.realm(), ROLE_UNBOUND).about("name", name.as_str());
        (ROLE_BINDING, name, event)
    };
    Ok(gone.into_iter().map(told).collect())
}

async fn body(tx: &mut Tx, ask: &UnbindRole) -> Result<Changed<RoleBinding>, ChangeError> {
    let unknown = || ChangeError::Unknown { what: "role binding", name: ask.name.clone() };
    let gone = store::delete_binding(tx, &ask.name).await?.ok_or_else(unknown)?;
    let event = ask.asker.sign(told(Event::new(ask.realm, ROLE_UNBOUND), &gone));
    let changes = vec![(ROLE_BINDING, ask.name.as_str().to_owned(), event)];
    Ok(Changed { value: gone, changes, rights: true })
}
