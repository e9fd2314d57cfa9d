//! What administrators do with authorities: look, prepare, activate, taint, revoke. Each with its own right.

use super::change_slots::Verb;
use super::model::{
    ActivateAuthority, Administrator, Doer, Error, Line, PrepareAuthority, ReadAuthority,
    RevokeAuthority, Slot, State, TaintAuthority,
};
use super::{Arrival, Authority};
use crate::access::{Action, Asker};
use crate::kernel::AuthorityId;

/// The authorities of a realm, and how far its bundle has come.
#[derive(Debug, Clone)]
pub struct Listing {
    /// All authorities, oldest first.
    pub slots: Vec<Slot>,
    /// The number of the bundle now.
    pub sequence: u64,
    /// How many that are connected to this server have this bundle.
    pub arrival: Arrival,
}

impl Authority {
    /// The authorities of a realm, for an administrator.
    pub fn read(&self, by: Administrator) -> Result<Listing, Error> {
        let realm = by.realm;
        let _doer = self.permitted(by.asker.clone(), ReadAuthority(by))?;
        let keys = self.keys(realm)?;
        let slots = keys.seats.iter().map(|(slot, _)| slot.clone()).collect();
        let sequence = keys.bundle.sequence;
        Ok(Listing { slots, sequence, arrival: self.arrival(realm, sequence) })
    }

    /// Makes and publishes the next authority of a line.
    pub async fn prepare(&self, by: Administrator, line: Line) -> Result<Slot, Error> {
        let realm = by.realm;
        let doer = self.permitted(by.asker.clone(), PrepareAuthority(by, line))?;
        let made = self.make(&self.keys(realm)?.names, line).await?;
        self.store_prepared(realm, made, doer).await?.ok_or(Error::Prepared(line))
    }

    /// Lets a prepared authority sign from now on; the one that signed becomes old. Refused with `TooEarly` while verifiers
    /// may not know it yet, unless `force` says that this is known and wanted.
    pub async fn activate(
        &self,
        by: Administrator,
        id: AuthorityId,
        force: bool,
    ) -> Result<Slot, Error> {
        let realm = by.realm;
        let doer = self.permitted(by.asker.clone(), ActivateAuthority(by, id.to_string()))?;
        let keys = self.keys(realm)?;
        let (slot, key) = keys.slot(id).ok_or_else(|| Error::NotFound(id.to_string()))?;
        if key.is_none() && slot.state == State::Prepared {
            return Err(Error::NoKey(id));
        }
        let ready = slot.prepared_at.plus(self.settings.policy(slot.purpose).overlap);
        let signs_already = keys.seats.iter().any(|(other, key)| {
            other.line() == slot.line() && other.state == State::Active && key.is_some()
        });
        if signs_already && !force && self.env.clock.now() < ready && slot.state == State::Prepared
        {
            return Err(Error::TooEarly { id, since: slot.prepared_at, ready });
        }
        self.change_slot(realm, id, Verb::Activate, doer).await
    }

    /// Says that nothing of an old authority is to be relied on: whoever holds something of it renews at once.
    pub async fn taint(&self, by: Administrator, id: AuthorityId) -> Result<Slot, Error> {
        let realm = by.realm;
        let doer = self.permitted(by.asker.clone(), TaintAuthority(by, id.to_string()))?;
        self.change_slot(realm, id, Verb::Taint, doer).await
    }

    /// Takes an old, tainted authority out of the bundle before its end: what it signed is refused from then on.
    pub async fn revoke(&self, by: Administrator, id: AuthorityId) -> Result<Slot, Error> {
        let realm = by.realm;
        let doer = self.permitted(by.asker.clone(), RevokeAuthority(by, id.to_string()))?;
        self.change_slot(realm, id, Verb::Revoke, doer).await
    }

    fn permitted<A: Action>(&self, asker: Asker, action: A) -> Result<Doer, Error> {
        let (_, granted) = self.access.permit(action)?.spend();
        Ok(Doer { granted, asker: Some(asker) })
    }
}
