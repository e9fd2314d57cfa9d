//! Give a role: a caller who may, and who holds at least as much, binds one role to one holder.

use super::asker::Asker;
use super::model::{Action, ChangeError, Fact, Name, ROLE_BINDING, ROLE_BOUND, Request};
use super::rights::Rights;
use super::roles::{Given, Held, Holder, RoleBinding};
use super::store;
use crate::db::Tx;
use crate::events::{Changed, Event};
use crate::kernel::{RealmId, Timestamp};

/// Gives a role.
#[derive(Debug, Clone)]
pub struct BindRole {
    /// Who asks.
    pub asker: Asker,
    /// In which realm.
    pub realm: RealmId,
    /// What is given to whom, under which name.
    pub binding: RoleBinding,
}

/// The question, with what the caller holds in the same rights that decide it.
struct Asked {
    ask: BindRole,
    holds: bool,
}

impl Action for Asked {
    const NAME: &'static str = "BindRole";

    fn request(&self) -> Request<'_> {
        let ask = &self.ask;
        let mut request =
            ask.asker.request(ask.realm, ("RoleBinding", ask.binding.name.as_str()), None);
        request.context = vec![
            ("role", Fact::Text(ask.binding.given.role().as_str())),
            ("holds", Fact::Flag(self.holds)),
        ];
        request
    }
}

/// What one run of the write needs.
#[derive(Debug)]
struct Input {
    binding: RoleBinding,
    event: Event,
    now: Timestamp,
}

impl Rights {
    /// Binds a role. The same binding again changes nothing and is no error, so a lost answer can be asked for again.
    ///
    /// Errors: `Denied` without the right, or for more than the caller holds; `Conflict` if another binding has the name.
    pub async fn bind_role(&self, ask: BindRole) -> Result<RoleBinding, ChangeError> {
        check(&ask.binding)?;
        let rights = self.access.realm(ask.realm)?;
        let held = rights.held(&ask.asker.request(ask.realm, ("RoleBinding", ""), None));
        let holds = Held::covers(&held, &ask.binding.given);
        // The permit is made by the very rights that `holds` was read from: a role taken away meanwhile is noticed by the
        // write, which compares their number.
        let permit = self.access.permit_by(&rights, Asked { ask, holds })?;
        let (Asked { ask, .. }, granted) = permit.spend();
        let event = ask.asker.sign(told(Event::new(ask.realm, ROLE_BOUND), &ask.binding));
        let input = Input { binding: ask.binding, event, now: self.env.clock.now() };
        self.events
            .change_in(ask.realm, granted, input, |tx, input| Box::pin(body(tx, input)))
            .await
    }
}

/// Adds what the binding is to its event.
pub(super) fn told(event: Event, binding: &RoleBinding) -> Event {
    event
        .about("name", binding.name.as_str())
        .about("holder", binding.holder.to_string())
        .about("gives", binding.given.to_string())
}

fn check(binding: &RoleBinding) -> Result<(), ChangeError> {
    if let Holder::Spiffe(id) = &binding.holder
        && (id.is_under("/spire") || !id.has_path())
    {
        return Err(ChangeError::Holder(id.clone()));
    }
    match &binding.given {
        Given::Registrar { rights, .. } if rights.is_empty() => Err(ChangeError::NoRight),
        _ => Ok(()),
    }
}

async fn body(tx: &mut Tx, input: &Input) -> Result<Changed<RoleBinding>, ChangeError> {
    let binding = &input.binding;
    if let Some(known) = store::binding(tx, &binding.name).await? {
        return if known == *binding {
            Ok(Changed { value: known, changes: Vec::new(), rights: false })
        } else {
            Err(ChangeError::Taken(binding.name.clone()))
        };
    }
    if store::count_bindings(tx).await? >= BINDINGS_MAX {
        return Err(ChangeError::TooMany { most: BINDINGS_MAX });
    }
    store::insert_binding(tx, binding, input.now).await?;
    let change = (ROLE_BINDING, key(&binding.name), input.event.clone());
    Ok(Changed { value: binding.clone(), changes: vec![change], rights: true })
}

fn key(name: &Name) -> String {
    name.as_str().to_owned()
}

/// Role bindings of one realm; some 300 bytes each in memory.
const BINDINGS_MAX: i64 = 10_000;
