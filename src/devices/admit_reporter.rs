//! Let a machine in that only reports: an agent of another make on it shows an enrolment token, and says which machine it is.
//!
//! What becomes of the token is what becomes of it with any device: a use is consumed, and bound to the machine, so that the
//! same machine may come again for as long as the token lives. The machine gets no SVID, so that nobody signs in by it. Only a
//! token that names a device lets the agent speak for that one: what a machine says of itself, a serial number or a UUID, is
//! no secret, and whoever holds any token could say that of another machine.

use crate::crypto::digest::sha256;
use crate::db::Tx;
use crate::events::Event;
use crate::kernel::{
    DeviceId, Evidence, EvidenceSource, RealmId, Secret, Situation, Strength, Timestamp,
};

use super::enrol_device::checked_words;
use super::model::{DEVICE, DeviceToken, events, subject};
use super::{Device, Devices, Error, store};

/// A machine that would come in, drawn before the transaction that lets it.
#[derive(Debug)]
pub struct Newcomer {
    token: [u8; 32],
    machine: [u8; 32],
    device: Device,
    now: Timestamp,
}

/// A machine that was let in.
#[derive(Debug)]
pub struct Admitted {
    /// Its device.
    pub device: Device,
    /// True if the token named this device.
    pub named: bool,
    /// What others must hear of, if the device is new.
    pub change: Option<(&'static str, String, Event)>,
}

impl Devices {
    /// A machine with the secret of a token. `machine` is what tells it from others that share the token.
    pub fn newcomer(
        &self,
        realm: RealmId,
        secret: &Secret<String>,
        machine: &str,
        (name, platform): (String, String),
    ) -> Result<Newcomer, Error> {
        checked_words(&name, &platform)?;
        let now = self.env.clock.now();
        let id = DeviceId::new(self.env.entropy.uuid(now)?);
        let device = self.new_device(realm, id, (name, platform), now)?;
        let token = sha256(secret.expose().as_bytes());
        Ok(Newcomer { token, machine: sha256(machine.as_bytes()), device, now })
    }
}

impl Newcomer {
    /// Consumes the token's use and stores the device, in this transaction; `known` is the device that the machine was
    /// before.
    pub async fn admit(&self, tx: &mut Tx, known: Option<DeviceId>) -> Result<Admitted, Error> {
        let token = store::live_token(tx, &self.token, self.now).await?.ok_or(Error::Token)?;
        let named = match token.grant.device {
            Some(id) => Some(stored(tx, id).await?),
            None => None,
        };
        let known = match (&named, known) {
            (Some(device), _) => Some(device.clone()),
            (None, Some(id)) => Some(stored(tx, id).await?),
            (None, None) => None,
        };
        let device = known.clone().unwrap_or_else(|| self.as_granted(&token));
        device.state.check()?;
        self.consume(tx, &token, device.id).await?;
        let change = if known.is_none() {
            store::put_device(tx, &device).await?;
            let event = events::device(tx.realm(), "device.enrolled", &device);
            Some((DEVICE, device.id.to_string(), event))
        } else {
            None
        };
        Ok(Admitted { device, named: named.is_some(), change })
    }

    /// The device, as the token says that it is.
    fn as_granted(&self, token: &DeviceToken) -> Device {
        let mut device = self.device.clone();
        device.class = token.grant.class;
        device.profile.clone_from(&token.grant.profile);
        device.owner = token.grant.owner;
        device.note(&Evidence {
            subject: subject(&device.spiffe_id, device.number),
            source: EvidenceSource::Enrolment,
            strength: Strength::Claimed,
            at: self.now,
            expires: device.evidence_expires,
            device: Some(device.id),
            situation: Situation::default(),
        });
        device
    }

    /// One use for each machine: it loses its key, or is asked to come again, and that is no second machine.
    async fn consume(
        &self,
        tx: &mut Tx,
        token: &DeviceToken,
        device: DeviceId,
    ) -> Result<(), Error> {
        let since = Timestamp::EPOCH;
        if store::earlier_use(tx, &self.token, &self.machine, since).await?.is_none() {
            store::use_token(tx, &self.token, self.now).await?.ok_or(Error::Token)?;
        }
        Ok(store::note_use(tx, token.id, &self.machine, device, self.now).await?)
    }
}

async fn stored(tx: &mut Tx, id: DeviceId) -> Result<Device, Error> {
    store::device(tx, id).await?.ok_or(Error::Token)
}
