//! May this device call? The chain was verified by the listener. Here: is the device known, neither locked nor retired, and is
//! this the SVID it holds, or the one it was given for it?
//!
//! The answer comes from memory. Only where memory says no by the serial number, or a new SVID is used first, is the row
//! asked: another replica may have given that SVID just now.

use std::sync::Arc;

use crate::events::Changed;
use crate::kernel::{DeviceId, Granted, RealmId};

use super::model::{DEVICE, Shown, events};
use super::{Device, Devices, Error, Refusal, store};

impl Devices {
    /// Judges a caller by the SVID its connection was made with.
    pub async fn judge(&self, realm: RealmId, shown: &Shown) -> Result<Arc<Device>, Error> {
        if let Some(device) = self.below.inventory.named(realm, &shown.id) {
            self.admits(realm, &device)?;
            if device.holds(&shown.serial) {
                return Ok(device);
            }
        }
        let device = self.below.inventory.row(realm, &shown.id).await?;
        let device = device.ok_or(Error::Refused(Refusal::NotEnrolled))?;
        self.admits(realm, &device)?;
        if device.holds(&shown.serial) {
            return Ok(Arc::new(device));
        }
        // Most that are refused here are refused without a change; wherever it was shown, the alarm rings.
        if device.next.as_ref().is_none_or(|next| next.serial != shown.serial) {
            if let Err(error) = Box::pin(self.alarm(realm, &device, &shown.serial)).await {
                tracing::warn!(device.id = %device.id, cause = %error, "an alarm could not be recorded for now");
            }
            return Err(Error::Refused(Refusal::Superseded));
        }
        self.activate(realm, (device.id, shown.clone())).await.map(Arc::new)
    }

    /// Fails where the device is locked or retired. That it came is on record, as what policy refuses is.
    fn admits(&self, realm: RealmId, device: &Device) -> Result<(), Error> {
        let refused = device.state.check();
        if let Err(error) = &refused {
            let by = (device.number, device.state.as_str());
            self.below.access.note_refusal((realm, DEVICE_REFUSED), by, || {
                let why = device.state.reason().filter(|why| !why.is_empty());
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                events::device(realm, DEVICE_REFUSED, device)
                    .about("reason", format!("{error}{why}"))
            });
        }
        refused
    }

    /// Makes the SVID that was given last the current one, if it is the one that is shown.
    async fn activate(&self, realm: RealmId, used: (DeviceId, Shown)) -> Result<Device, Error> {
        let granted = Granted::to_server("ActivateDeviceSvid");
        self.below
            .events
            .change_in(realm, granted, used, move |tx, (id, shown)| {
                Box::pin(async move {
                    let known = store::device(tx, *id).await?;
                    let known = known.filter(|device| device.spiffe_id == shown.id);
                    let mut device = known.ok_or(Error::Refused(Refusal::NotEnrolled))?;
                    device.state.check()?;
                    let mut changes = Vec::new();
                    if !device.holds(&shown.serial) {
                        let next = device.next.take();
                        let next = next.filter(|next| next.serial == shown.serial);
                        let next = next.ok_or(Error::Refused(Refusal::Superseded))?;
                        let replaced = device.current.replace(next);
                        device.previous = replaced.map(|old| old.serial).unwrap_or_default();
                        store::put_device(tx, &device).await?;
                        let event = events::device(realm, "device.svid_activated", &device);
                        changes.push((DEVICE, device.id.to_string(), event));
                    }
                    Ok::<_, Error>(Changed { value: device, changes, rights: false })
                })
            })
            .await
    }
}

/// The event of a device that came while it may not.
const DEVICE_REFUSED: &str = "device.refused";
