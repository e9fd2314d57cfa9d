//! Approve a device, lock it, release it, retire it: an administrator's verbs, and the look-up behind them.
//!
//! A locked device is refused everywhere until it is released. A retired one never comes back under its id; its machine may
//! enrol anew.

use std::sync::Arc;

use crate::access::Administrator;
use crate::events::Changed;
use crate::kernel::{DeviceId, Granted, RealmId, Standing, SubjectId, UserId};

use super::model::{
    ApproveDevice, DEVICE, LockDevice, ReadDevice, Refusal, RetireDevice, State, events,
};
use super::{Device, Devices, Error, store};

/// Devices that one page of a listing looks at: some 20 ms where each has to be scored.
const LOOKS_MAX: usize = 10_000;
/// Longest reason that an administrator may give.
const REASON_BYTES_MAX: usize = 256;

/// What is asked for a device.
#[derive(Debug, Clone)]
pub struct Manage {
    /// Which.
    pub device: DeviceId,
    /// The revision that the caller saw, if they say.
    pub revision: Option<i64>,
    /// Why.
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Approve,
    Lock,
    Release,
    Retire,
}

impl Verb {
    const fn event(self) -> &'static str {
        match self {
            Self::Approve => "device.approved",
            Self::Lock => "device.locked",
            Self::Release => "device.released",
            Self::Retire => "device.retired",
        }
    }

    /// What a device becomes. One that is put out for good stays that; one that waits is approved or retired.
    fn state(self, known: &State, reason: &str) -> Result<State, Error> {
        let reason = reason.to_owned();
        match (self, known) {
            (Self::Retire, State::Retired { reason: known }) if *known == reason => {
                Ok(State::Retired { reason })
            }
            (_, State::Retired { .. }) => Err(Error::Refused(Refusal::Retired)),
            (Self::Lock | Self::Release, State::Waiting) => Err(Error::Refused(Refusal::Waiting)),
            (Self::Approve, State::Locked { .. }) => Err(Error::Refused(Refusal::Locked)),
            (Self::Lock, _) => Ok(State::Locked { reason }),
            (Self::Approve | Self::Release, _) => Ok(State::Enrolled),
            (Self::Retire, _) => Ok(State::Retired { reason }),
        }
    }
}

impl Devices {
    /// Lets a device in that its owner asked for: it comes for its SVID by itself.
    pub async fn approve(&self, by: Administrator, ask: Manage) -> Result<Device, Error> {
        let realm = by.realm;
        let (id, device) = self.below.inventory.asked(realm, ask.device);
        let permit = self.below.access.permit(ApproveDevice { by, id, device })?;
        self.manage(realm, ask, permit.spend().1, Verb::Approve).await
    }

    /// Locks a device.
    pub async fn lock(&self, by: Administrator, ask: Manage) -> Result<Device, Error> {
        let realm = by.realm;
        let (id, device) = self.below.inventory.asked(realm, ask.device);
        let permit = self.below.access.permit(LockDevice { by, id, device })?;
        self.manage(realm, ask, permit.spend().1, Verb::Lock).await
    }

    /// Releases a locked device.
    pub async fn release(&self, by: Administrator, ask: Manage) -> Result<Device, Error> {
        let realm = by.realm;
        let (id, device) = self.below.inventory.asked(realm, ask.device);
        let permit = self.below.access.permit(LockDevice { by, id, device })?;
        self.manage(realm, ask, permit.spend().1, Verb::Release).await
    }

    /// Puts a device out for good.
    pub async fn retire(&self, by: Administrator, ask: Manage) -> Result<Device, Error> {
        let realm = by.realm;
        let (id, device) = self.below.inventory.asked(realm, ask.device);
        let permit = self.below.access.permit(RetireDevice { by, id, device })?;
        self.manage(realm, ask, permit.spend().1, Verb::Retire).await
    }

    /// Puts a device out for good that is this person's: whoever calls has seen their session. Somebody else's is not there.
    pub async fn retire_own(
        &self,
        realm: RealmId,
        (owner, number): (UserId, SubjectId),
        device: DeviceId,
    ) -> Result<(), Error> {
        let theirs = self.owned(realm, owner).await?;
        if !theirs.iter().any(|known| known.id == device) {
            return Err(Error::NotFound("device"));
        }
        let granted = Granted::to_owner("RetireOwnDevice", number);
        let ask = Manage::new(device, None, "retired by its owner")?;
        match self.manage(realm, ask, granted, Verb::Retire).await {
            Ok(_) | Err(Error::Refused(Refusal::Retired)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// One device, for an administrator.
    pub fn read_device(&self, by: Administrator, device: DeviceId) -> Result<Arc<Device>, Error> {
        let realm = by.realm;
        let (id, spiffe_id) = self.below.inventory.asked(realm, device);
        self.below.access.permit(ReadDevice { by, id, device: spiffe_id })?.spend();
        self.device(realm, device).ok_or(Error::NotFound("device"))
    }

    /// A page of the realm's devices by id, for an administrator: at most `limit` that are wanted, found from memory. Looks at
    /// no more than `LOOKS_MAX` devices, so that a page may be short, or empty, and have a next one all the same: it begins
    /// behind the id that comes with it.
    pub fn read_devices(
        &self,
        by: Administrator,
        (after, limit): (Option<DeviceId>, usize),
        wanted: impl Fn(&Device) -> bool,
    ) -> Result<(Vec<Arc<Device>>, Option<DeviceId>), Error> {
        let realm = by.realm;
        self.below.access.permit(ReadDevice { by, id: "all".to_owned(), device: None })?.spend();
        Ok(self.below.inventory.index.page(realm, after, (limit, LOOKS_MAX), wanted))
    }

    /// The standing of a device, now.
    pub fn standing(&self, device: &Device) -> Standing {
        self.below.posture.standing(&device.possession(self.env.clock.now()))
    }

    async fn manage(
        &self,
        realm: RealmId,
        ask: Manage,
        granted: Granted,
        verb: Verb,
    ) -> Result<Device, Error> {
        let actor = granted.actor;
        self.below
            .events
            .change_in(realm, granted, ask, move |tx, ask| {
                Box::pin(async move {
                    let known = store::device(tx, ask.device).await?;
                    let mut device = known.ok_or(Error::NotFound("device"))?;
                    if ask.revision.is_some_and(|seen| seen != device.revision) {
                        return Err(Error::Changed);
                    }
                    let state = verb.state(&device.state, &ask.reason)?;
                    let mut changes = Vec::new();
                    if device.state != state {
                        device.state = state;
                        device.revision = device.revision.saturating_add(1);
                        store::put_device(tx, &device).await?;
                        let event = events::device(realm, verb.event(), &device).actor(actor);
                        let event = event.about("reason", ask.reason.as_str());
                        changes.push((DEVICE, device.id.to_string(), event));
                    }
                    Ok::<_, Error>(Changed { value: device, changes, rights: false })
                })
            })
            .await
    }
}

impl Manage {
    /// Reads what an administrator asks. A reason is text that fits on a line.
    pub fn new(device: DeviceId, revision: Option<i64>, reason: &str) -> Result<Self, Error> {
        if reason.len() > REASON_BYTES_MAX || reason.chars().any(char::is_control) {
            let words = format!("a reason has at most {REASON_BYTES_MAX} printable bytes");
            return Err(Error::Invalid(words));
        }
        Ok(Self { device, revision, reason: reason.to_owned() })
    }
}
