//! The standing of a subject: from memory, as of now.

use std::sync::Arc;

use super::model::{Error, Known};
use super::scoring::{Profile, Score, score};
use super::words::Current;
use super::{Posture, store};
use crate::containment::Containment;
use crate::devices::{self, Device, model::State};
use crate::kernel::{
    BasisPoints, DeviceId, Evidence, Level, RealmId, SpiffeId, Standing, Timestamp,
};

impl Posture {
    /// The standing of the subject of this evidence, and of the device behind it. Never waits, never reads the database.
    pub fn standing(&self, evidence: &Evidence) -> Standing {
        let standing =
            evidence.device.map_or_else(Standing::unknown, |device| self.of_device(device));
        match self.inner.below.containments.of(&evidence.subject) {
            Some(containment) => contained(standing, &containment),
            None => standing,
        }
    }

    /// The standing of a device, now.
    pub fn of_device(&self, id: DeviceId) -> Standing {
        let (device, known) = (self.inner.below.devices.find(id), self.inner.index.judged_by(id));
        let now = self.inner.env.clock.now();
        let known = known.as_ref().map(|(current, known)| (&**current, &**known));
        let standing = standing((id, device.as_deref()), known, now);
        match self.inner.below.containments.of_device(id) {
            Some(containment) => contained(standing, &containment),
            None => standing,
        }
    }

    /// The standing of whoever calls by this name, on one of these devices, and nobody knows on which: what hurts most counts.
    /// Nothing, if it is on none and not contained.
    pub fn of_named(
        &self,
        id: &SpiffeId,
        devices: impl IntoIterator<Item = DeviceId>,
    ) -> Option<Standing> {
        let worst = devices.into_iter().map(|device| self.of_device(device)).min_by_key(benefit);
        match self.inner.below.containments.of_named(id) {
            Some(containment) => {
                Some(contained(worst.unwrap_or_else(Standing::unknown), &containment))
            }
            None => worst,
        }
    }

    /// False if nobody is contained: what is known of a subject without a device then says nothing.
    pub fn contains_any(&self) -> bool {
        self.inner.below.containments.any()
    }

    /// The standing of a device after its row was read: for whoever is about to act on a device's silence. Another replica
    /// may have a report that changed nothing but times.
    pub async fn confirmed(&self, realm: RealmId, id: DeviceId) -> Result<Standing, Error> {
        let current = self.current(realm);
        let input = (Arc::clone(&current), id);
        let read = self.inner.env.db.read(realm, input, |tx, (current, id)| {
            Box::pin(async move { Ok::<_, Error>(store::known(tx, *id, current).await?) })
        });
        if let Some(known) = read.await? {
            self.inner.index.put(realm, &current, known);
        }
        Ok(self.of_device(id))
    }
}

impl devices::Assess for Posture {
    fn standing(&self, evidence: &Evidence) -> Standing {
        Self::standing(self, evidence)
    }
}

/// Of two standings, the one with less of it gets less from the default policies.
const fn benefit(standing: &Standing) -> (bool, bool, u8) {
    let level = match standing.level {
        Level::Quarantine => 0,
        Level::Restricted => 1,
        Level::Unknown => 2,
        Level::Standard => 3,
        Level::Trusted => 4,
    };
    (!standing.locked, !standing.contained, level)
}

/// The same, contained: that is the reason which counts.
fn contained(standing: Standing, containment: &Containment) -> Standing {
    let Containment { reason, ends_at, .. } = containment;
    let words = Arc::from(format!("contained until {ends_at}: {reason}"));
    Standing { contained: true, reasons: Arc::from([words]), ..standing }
}

/// What its realm's model makes of a device.
pub(super) fn standing(
    (id, device): (DeviceId, Option<&Device>),
    known: Option<(&Current, &Known)>,
    now: Timestamp,
) -> Standing {
    let nothing = Standing { device: Some(id), ..Standing::unknown() };
    let put_out = device.and_then(|device| match &device.state {
        State::Waiting | State::Enrolled => None,
        State::Locked { reason } => Some(("locked", reason)),
        State::Retired { reason } => Some(("retired", reason)),
    });
    if let Some((how, reason)) = put_out {
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        return Standing {
            level: Level::Quarantine,
            score: Some(BasisPoints::ZERO),
            locked: true,
            reasons: Arc::from([Arc::from(format!("the device is {how}{why}"))]),
            ..nothing
        };
    }
    let Some((current, known)) = known else { return nothing };
    let Some((profile, scored, level)) = judged(current, device, known, now) else {
        return nothing;
    };
    Standing {
        level,
        score: Some(scored.score),
        confidence: scored.confidence,
        reported: known.newest().map(|said| said.received_at),
        expires: scored.expires,
        model: Some(Arc::clone(&current.name)),
        evidence: known.said.iter().map(|said| Arc::clone(&said.evidence)).collect(),
        device: Some(id),
        locked: false,
        contained: false,
        reasons: current.reasons(profile, &scored),
    }
}

/// What a model makes of a device that may call: its profile, the score by it, and the level that the device holds.
pub(super) fn judged<'m>(
    current: &'m Current,
    device: Option<&Device>,
    known: &Known,
    now: Timestamp,
) -> Option<(&'m Profile, Score, Level)> {
    let profile = current.profile(device, known).ok()?;
    let scored = score(profile, &known.readings(profile, now), now);
    let level = known.held.after(current.model.levels, scored.score, false, now).level;
    Some((profile, scored, level))
}
