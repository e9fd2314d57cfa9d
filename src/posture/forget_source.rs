//! Forget what a source says of a device: for an osquery that was taken off, or a service that looks after the device no more.
//! Its last word, also a bad one, stands until then (`scoring::sources`).

use std::sync::Arc;

use crate::access::Administrator;
use crate::db::Tx;
use crate::devices::Device;
use crate::events::{Changed, Event};
use crate::kernel::{DeviceId, Granted, RealmId, SubjectId, Timestamp};

use super::model::{ForgetSource, POSTURE, events};
use super::scoring::score;
use super::words::Current;
use super::{Error, Known, Posture, Source, store};

#[derive(Debug)]
struct Ask {
    device: Arc<Device>,
    source: Source,
    current: Arc<Current>,
    actor: Option<SubjectId>,
    now: Timestamp,
}

impl Posture {
    /// Forgets what this source says of a device; nothing happens where it says nothing.
    pub async fn forget_source(
        &self,
        by: Administrator,
        id: DeviceId,
        source: Source,
    ) -> Result<(), Error> {
        let realm = by.realm;
        let devices = &self.inner.below.devices;
        let (named, spiffe_id) = devices.asked(realm, id);
        let ask = ForgetSource { by, id: named, device: spiffe_id };
        let granted = self.inner.below.access.permit(ask)?.spend().1;
        let device = devices.device(realm, id).ok_or(Error::NotFound)?;
        let now = self.inner.env.clock.now();
        let ask = Ask { device, source, current: self.current(realm), actor: granted.actor, now };
        self.forget(realm, granted, ask).await
    }

    /// Forgets what this source says, of every device: it is there no more. Again after an interruption, it goes on.
    pub async fn forget_everywhere(
        &self,
        realm: RealmId,
        granted: Granted,
        source: Source,
    ) -> Result<(), Error> {
        let (current, now) = (self.current(realm), self.inner.env.clock.now());
        for device in self.inner.below.devices.devices(realm) {
            let known = self.inner.index.find(device.id);
            if known.is_some_and(|known| known.of(&source).is_some()) {
                let (source, current) = (source.clone(), Arc::clone(&current));
                let ask = Ask { device, source, current, actor: granted.actor, now };
                self.forget(realm, granted.clone(), ask).await?;
            }
        }
        Ok(())
    }

    async fn forget(&self, realm: RealmId, granted: Granted, ask: Ask) -> Result<(), Error> {
        self.inner
            .below
            .events
            .change_in(realm, granted, ask, |tx, ask| {
                Box::pin(async move {
                    let key = ask.device.id.to_string();
                    let event = forgotten(tx, ask).await?;
                    let changes = event.map(|event| (POSTURE, key, event)).into_iter().collect();
                    Ok::<_, Error>(Changed { value: (), changes, rights: false })
                })
            })
            .await
    }
}

/// The level stays, or sinks: it rises with the next reports, as after any other good news.
async fn forgotten(tx: &mut Tx, ask: &Ask) -> Result<Option<Event>, Error> {
    let id = ask.device.id;
    let current = store::current(tx, &ask.current).await?;
    let known = store::known(tx, id, &current).await?;
    let Some(known) = known.filter(|known| known.of(&ask.source).is_some()) else {
        return Ok(None);
    };
    store::remove_said(tx, id, &ask.source).await?;
    let left = known.said.iter().filter(|said| said.source != ask.source).cloned().collect();
    let mut left = Known { said: left, revision: known.revision.saturating_add(1), ..known };
    if left.said.is_empty() {
        store::remove_state(tx, id).await?;
    } else {
        let profile = current.profile(Some(&ask.device), &left)?;
        let scored = score(profile, &left.readings(profile, ask.now), ask.now).score;
        left.held = left.held.after(current.model.levels, scored, false, ask.now);
        store::put_state(tx, &left).await?;
    }
    Ok(Some(events::source_forgotten(tx.realm(), &ask.device, &ask.source).actor(ask.actor)))
}
