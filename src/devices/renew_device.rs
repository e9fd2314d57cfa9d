//! Renew a device's SVID by possession of the one it holds: identify → assess → decide → issue → record.
//!
//! What is given is written down as the device's next SVID before it leaves. It becomes the current one with its first use
//! (`judge_caller`), so an answer that was lost costs nothing: the device asks again with the SVID it holds.

use crate::crypto::x509::csr;
use crate::events::Changed;
use crate::kernel::{Caller, DeviceId, Evidence, Granted, RealmId, Situation};
use crate::svid::IssueX509;

use super::enrol_device::{Given, current};
use super::model::{DEVICE, DeviceSvid, events};
use super::{Device, Devices, Error, Refusal, store};

#[derive(Debug)]
struct Renewal {
    device: DeviceId,
    /// The SVID that was shown.
    serial: String,
    next: DeviceSvid,
    seen: Evidence,
}

impl Devices {
    /// A new SVID for the device that calls with the one it holds, for the key of this signing request.
    pub async fn renew(&self, caller: &Caller, csr: &[u8]) -> Result<Given, Error> {
        let (realm, device, serial) = self.below.inventory.calling(caller).await?;
        let now = self.env.clock.now();
        if device.evidence_expires <= now {
            return Err(Error::Refused(Refusal::MustEnrol));
        }
        let key = csr::public_key(csr).map_err(|error| Error::Csr(error.to_string()))?;
        let situation = Situation::at(caller.address);
        let evidence = Evidence { situation, ..device.possession(now) }; // identify
        let standing = self.below.posture.standing(&evidence); // assess
        let issue = IssueX509::for_holder(realm, evidence.clone(), standing, self.lifetime());
        let permit = self.below.access.permit(issue)?; // decide
        let planned = self.below.svid.plan_x509(permit, now)?;
        let next = current(&planned, &key);
        let signed = self.below.svid.sign_planned(planned, &key)?; // issue
        let renewal = Renewal { device: device.id, serial, next, seen: evidence };
        let device = self.store_next(realm, renewal).await?;
        let svid = self.below.events.record(signed).await?; // record
        Ok(Given { device, svid })
    }

    async fn store_next(&self, realm: RealmId, renewal: Renewal) -> Result<Device, Error> {
        let granted = Granted::to_server("RenewDevice");
        self.below
            .events
            .change_in(realm, granted, renewal, move |tx, renewal| {
                Box::pin(async move {
                    let known = store::device(tx, renewal.device).await?;
                    let mut device = known.ok_or(Error::Refused(Refusal::NotEnrolled))?;
                    device.state.check()?;
                    if !device.holds(&renewal.serial) {
                        return Err(Error::Refused(Refusal::Superseded));
                    }
                    // A device asks again with the same key; two keys for one SVID are two hands that hold it.
                    let other_key = |next: &DeviceSvid| next.key_digest != renewal.next.key_digest;
                    let event = if device.next.as_ref().is_some_and(other_key) {
                        events::clone_suspected(realm, &device, &renewal.serial)
                    } else {
                        events::device(realm, "device.svid_renewed", &device)
                    };
                    device.note(&renewal.seen);
                    device.next = Some(renewal.next.clone());
                    store::put_device(tx, &device).await?;
                    let changes = vec![(DEVICE, device.id.to_string(), event)];
                    Ok::<_, Error>(Changed { value: device, changes, rights: false })
                })
            })
            .await
    }
}
