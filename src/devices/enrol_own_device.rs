//! Enrol a device that a person who signed in brings: its key is noted as theirs, approved where the settings ask for that, and
//! then certified as any other.
//!
//! Who asks, and that they may, was decided by whoever calls. The same person may ask again with the same key at any time: it
//! is the same device, whether its answer was lost, it waits for approval, or its SVID has ended.

use crate::crypto::keys::PublicKey;
use crate::events::Changed;
use crate::kernel::{DeviceId, Granted, Lifetime, RealmId, Situation, UserId};

use super::enrol_device::{Given, checked_words};
use super::model::{Class, DEVICE, State, events};
use super::{Device, Devices, Error, store};

/// A device that its owner brings.
#[derive(Debug)]
pub struct OwnDevice {
    /// In which realm.
    pub realm: RealmId,
    /// Whose it is.
    pub owner: UserId,
    /// Its key, whose possession was proven.
    pub key: PublicKey,
    /// What it calls itself.
    pub name: String,
    /// What it says it runs.
    pub platform: String,
    /// What sort of machine it is, by the word of its owner.
    pub class: Class,
    /// Where it is, and how its owner signed in.
    pub situation: Situation,
}

/// What became of it.
#[derive(Debug)]
pub enum Brought {
    /// It is enrolled.
    Enrolled(Box<Given>),
    /// It is, as soon as somebody approves.
    Waits(Box<Device>),
}

impl Devices {
    /// Lets a device in that its owner brings, or notes that it waits. `known` is the device of this key, as far as it is there.
    ///
    /// Errors: `Enough` where the person has as many as they may, `Refused` where the device was locked or retired, `Invalid`
    /// for its words.
    pub async fn enrol_own(
        &self,
        granted: Granted,
        ask: OwnDevice,
        known: Option<Device>,
    ) -> Result<Brought, Error> {
        checked_words(&ask.name, &ask.platform)?;
        let (realm, now) = (ask.realm, self.env.clock.now());
        let device = match known {
            Some(known) => known,
            None => self.note_asked(granted, &ask).await?,
        };
        if device.state == State::Waiting {
            return Ok(Brought::Waits(Box::new(device)));
        }
        // Its owner vouches for it as if it were new.
        let evidence_expires = now.plus(Lifetime::days(self.settings.max_age_days));
        let device = Device { evidence_expires, ..device };
        let given = self.give(realm, device, (&ask.key, ask.situation, now)).await?;
        Ok(Brought::Enrolled(Box::new(given)))
    }

    /// Puts the device of this key down as the person's, unless it is there, or they have enough. Changes of a realm are made
    /// one after the other: of two at once that would be one too many, one is refused.
    async fn note_asked(&self, granted: Granted, ask: &OwnDevice) -> Result<Device, Error> {
        let (realm, now) = (ask.realm, self.env.clock.now());
        let (most, actor) = (self.settings.per_person, granted.actor);
        let id = DeviceId::new(self.env.entropy.uuid(now)?);
        let words = (ask.name.clone(), ask.platform.clone());
        let device = Device {
            class: ask.class,
            owner: Some(ask.owner),
            state: if self.settings.approval { State::Waiting } else { State::Enrolled },
            asked_key: Some(ask.key.digest()),
            ..self.new_device(realm, id, words, now)?
        };
        let input = (device, ask.owner, ask.key.digest());
        self.below
            .events
            .change_in(realm, granted, input, move |tx, (device, owner, key)| {
                Box::pin(async move {
                    let theirs = store::of_owner(tx, *owner).await?;
                    if let Some(known) = theirs.iter().find(|device| device.has_key(key)) {
                        let (value, changes) = (known.clone(), Vec::new());
                        return Ok(Changed { value, changes, rights: false });
                    }
                    if count(&theirs) >= usize::try_from(most).unwrap_or(usize::MAX) {
                        return Err(Error::Enough(most));
                    }
                    store::put_device(tx, device).await?;
                    let event = events::asked_for(realm, device, actor);
                    let changes = vec![(DEVICE, device.id.to_string(), event)];
                    Ok(Changed { value: device.clone(), changes, rights: false })
                })
            })
            .await
    }
}

/// How many of these devices count against what a person may have.
pub fn count(devices: &[Device]) -> usize {
    devices.iter().filter(|device| !matches!(device.state, State::Retired { .. })).count()
}
