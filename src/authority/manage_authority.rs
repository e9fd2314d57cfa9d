//! What administrators do with authorities: look, prepare, activate, taint, revoke. Each with its own right.

use super::change_slots::Verb;
use super::model::{
    ActivateAuthority, Administrator, Error, PrepareAuthority, Purpose, ReadAuthority,
    RevokeAuthority, Slot, State, TaintAuthority,
};
use super::{Arrival, Authority};
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
        let _granted = self.access.permit(ReadAuthority(by))?.spend();
        let keys = self.keys(realm)?;
        let slots = keys.seats.iter().map(|(slot, _)| slot.clone()).collect();
        let sequence = keys.bundle.sequence;
        Ok(Listing { slots, sequence, arrival: self.arrival(realm, sequence) })
    }

    /// Makes and publishes the next authority of a purpose.
    pub async fn prepare(&self, by: Administrator, purpose: Purpose) -> Result<Slot, Error> {
        let realm = by.realm;
        let (_, granted) = self.access.permit(PrepareAuthority(by, purpose))?.spend();
        let made = self.make(&self.keys(realm)?.names, purpose).await?;
        self.store_prepared(realm, made, granted).await?.ok_or(Error::Prepared(purpose))
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
        let (_, granted) = self.access.permit(ActivateAuthority(by, id.to_string()))?.spend();
        let keys = self.keys(realm)?;
        let (slot, key) = keys.slot(id).ok_or_else(|| Error::NotFound(id.to_string()))?;
        if key.is_none() && slot.state == State::Prepared {
            return Err(Error::NoKey(id));
        }
        let ready = slot.prepared_at.plus(self.settings.policy().overlap);
        let signs_already = keys.seats.iter().any(|(other, key)| {
            other.purpose == slot.purpose && other.state == State::Active && key.is_some()
        });
        let known = self.is_known_everywhere(realm, slot.published_sequence);
        if signs_already
            && !force
            && !known
            && self.env.clock.now() < ready
            && slot.state == State::Prepared
        {
            return Err(Error::TooEarly { id, since: slot.prepared_at, ready });
        }
        self.change_slot(realm, id, Verb::Activate, granted).await
    }

    /// Says that nothing of an old authority is to be relied on: whoever holds something of it renews at once.
    pub async fn taint(&self, by: Administrator, id: AuthorityId) -> Result<Slot, Error> {
        let realm = by.realm;
        let (_, granted) = self.access.permit(TaintAuthority(by, id.to_string()))?.spend();
        self.change_slot(realm, id, Verb::Taint, granted).await
    }

    /// Takes an old, tainted authority out of the bundle before its end: what it signed is refused from then on.
    pub async fn revoke(&self, by: Administrator, id: AuthorityId) -> Result<Slot, Error> {
        let realm = by.realm;
        let (_, granted) = self.access.permit(RevokeAuthority(by, id.to_string()))?.spend();
        self.change_slot(realm, id, Verb::Revoke, granted).await
    }
}
