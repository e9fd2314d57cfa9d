//! Write a policy of the realm's own, validated strictly against the published schema.

use std::sync::Arc;

use super::asker::{Administrator, Asker};
use super::model::{
    Action, ChangeError, Name, POLICY, POLICY_BYTES_MAX, POLICY_SET, Request, Seen,
};
use super::rights::Rights;
use super::store;
use crate::db::Tx;
use crate::events::{Changed, Event};
use crate::kernel::{Fault, RealmId, Timestamp};

/// Writes a policy document.
#[derive(Debug, Clone)]
pub struct SetPolicy {
    /// Who asks.
    pub asker: Asker,
    /// In which realm.
    pub realm: RealmId,
    /// The document's name; that of a shipped one takes its place.
    pub name: Name,
    /// Its text, in Cedar.
    pub text: Arc<str>,
    /// Only if there is this in its place.
    pub seen: Seen,
}

impl Action for SetPolicy {
    const NAME: &'static str = "SetPolicy";

    fn request(&self) -> Request<'_> {
        self.asker.request(self.realm, ("Policy", self.name.as_str()), None)
    }
}

#[derive(Debug)]
struct Input {
    ask: SetPolicy,
    now: Timestamp,
}

impl Rights {
    /// Keeps a policy document, new or in place of the one of this name. The same text again changes nothing. True if there
    /// was one before, of the realm's own or shipped.
    ///
    /// Errors: `Denied` without the right or for a protected name; `Invalid` if the text is not Cedar or does not fit the
    /// schema, with line, column and Cedar's own words; `LocksOut` if no administrator could undo it; `Changed` if something else is there than the caller saw.
    pub async fn set_policy(&self, ask: SetPolicy) -> Result<bool, ChangeError> {
        let (ask, granted) = self.access.permit(ask)?.spend();
        if Self::is_protected(&ask.name) {
            return Err(ChangeError::Protected(ask.name));
        }
        if ask.text.len() > POLICY_BYTES_MAX {
            return Err(ChangeError::TooLong);
        }
        self.check_change(ask.realm, &ask.name, Some(&ask.text)).await?;
        let (realm, input) = (ask.realm, Input { ask, now: self.env.clock.now() });
        self.events.change_in(realm, granted, input, |tx, input| Box::pin(body(tx, input))).await
    }

    /// Whether this text could be kept under this name, for whoever may read policies. Keeps nothing.
    ///
    /// Errors: those of [`Self::set_policy`] that do not depend on who asks.
    pub async fn would_set(
        &self,
        by: &Administrator,
        name: Name,
        text: Arc<str>,
    ) -> Result<(), ChangeError> {
        self.may_read(by)?;
        if Self::is_protected(&name) {
            return Err(ChangeError::Protected(name));
        }
        if text.len() > POLICY_BYTES_MAX {
            return Err(ChangeError::TooLong);
        }
        self.check_change(by.realm, &name, Some(&text)).await
    }

    /// What a change of policies must pass before it is written. Validation looks at every kind of question for every policy:
    /// too long for a thread that serves others.
    pub(super) async fn check_change(
        &self,
        realm: RealmId,
        name: &Name,
        text: Option<&Arc<str>>,
    ) -> Result<(), ChangeError> {
        let (access, name, text) = (self.access.clone(), name.clone(), text.cloned());
        let shown = access.shown(realm, &*self.ways).await?;
        let work = move || {
            if let Some(text) = &text {
                let checked = access.check(&name, text);
                checked.map_err(|error| ChangeError::Policy { name: name.clone(), error })?;
            }
            let out = access.locked_out(realm, (name.as_str(), text.as_ref()), &shown)?;
            if out.holders.is_empty() {
                return Ok(());
            }
            let names = out.holders.iter().map(ToString::to_string).collect();
            Err(ChangeError::LocksOut { names, needed: out.needed })
        };
        tokio::task::spawn_blocking(work).await.map_err(Fault::bug)?
    }
}

async fn body(tx: &mut Tx, input: &Input) -> Result<Changed<bool>, ChangeError> {
    let Input { ask, now } = input;
    let known = store::policy(tx, &ask.name).await?;
    let in_force = known.as_deref().or_else(|| super::shipped(&ask.name));
    if !ask.seen.holds(in_force) {
        return Err(ChangeError::Changed(ask.name.clone()));
    }
    let value = in_force.is_some();
    if known.as_deref() == Some(&*ask.text) {
        return Ok(Changed { value, changes: Vec::new(), rights: false });
    }
    if known.is_none() && store::count_policies(tx).await? >= POLICIES_MAX {
        return Err(ChangeError::TooMany { most: POLICIES_MAX });
    }
    store::put_policy(tx, &ask.name, &ask.text, *now).await?;
    let event = Event::new(ask.realm, POLICY_SET)
        .about("name", ask.name.as_str())
        .about("text", &*ask.text)
        .about("before", known.as_deref());
    let changes = vec![(POLICY, ask.name.as_str().to_owned(), ask.asker.sign(event))];
    Ok(Changed { value, changes, rights: true })
}

/// Policy documents of one realm's own.
const POLICIES_MAX: i64 = 256;
