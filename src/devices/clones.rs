//! Somebody shows an SVID that the device has replaced: the device's key is in two hands, or was restored from a copy.
//!
//! Wherever that SVID is refused, an alarm goes on record, once for each: whoever shows it again and again fills no log. And the
//! device is contained, where the settings say so, because which of the two hands is the thief's cannot be told. An administrator
//! who has found out releases it, and the same SVID contains it no second time.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::model::{DeviceSvid, events};
use super::{Device, Devices, Error};
use crate::events::Unrecorded;
use crate::kernel::{DeviceId, Failure, Lifetime, RealmId, Timestamp};

/// Puts devices out for a while. Whoever can stands after this slice.
pub trait Contains: Send + Sync + fmt::Debug {
    /// Contains this device until it is released; one that is contained already stays so as it is.
    fn contain(
        &self,
        realm: RealmId,
        device: DeviceId,
        reason: &'static str,
    ) -> BoxFuture<'_, Result<(), Failure>>;
}

/// The replaced SVIDs that were shown lately, by serial number.
#[derive(Debug, Default)]
pub(super) struct Clones(Mutex<HashMap<String, Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    first: Timestamp,
    contained: bool,
}

/// What follows where a replaced SVID was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    alarm: bool,
    contain: bool,
}

impl Devices {
    /// Notes that this replaced SVID of a device was shown. The caller is refused whatever comes of it.
    pub(super) async fn alarm(
        &self,
        realm: RealmId,
        device: &Device,
        serial: &str,
    ) -> Result<(), Error> {
        metrics::counter!("weft_device_clones_suspected_total").increment(1);
        let due = self.clones.due(serial, newest(device), self.env.clock.now());
        if due.alarm {
            tracing::warn!(device.id = %device.id, serial, "a replaced device SVID was shown");
            let event = events::clone_suspected(realm, device, serial);
            let recorded = self.below.events.record(Unrecorded::new((), event)).await;
            recorded.inspect_err(|_| self.clones.forget(serial))?;
        }
        let containing = self.containing.get().filter(|_| self.settings.contain_clones);
        if let Some(containing) = containing.filter(|_| due.contain) {
            match containing.contain(realm, device.id, REASON).await {
                Ok(()) => self.clones.contained(serial),
                Err(failure) => {
                    tracing::warn!(device.id = %device.id, cause = %failure, "a device could not be contained for now");
                }
            }
        }
        Ok(())
    }
}

impl Clones {
    fn due(&self, serial: &str, newest: Option<Timestamp>, now: Timestamp) -> Due {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = all.get(serial) {
            let again = now.since(seen.first) >= ON_ITS_WAY;
            return Due { alarm: false, contain: again && !seen.contained };
        }
        // A call may have been on its way when the next SVID was given, and comes once.
        let late = newest.is_none_or(|newest| now.since(newest) >= ON_ITS_WAY);
        if all.len() >= KEPT_MAX {
            all.retain(|_, seen| now.since(seen.first) < KEPT_FOR);
        }
        if all.len() >= KEPT_MAX {
            return Due { alarm: false, contain: late };
        }
        all.insert(serial.to_owned(), Seen { first: now, contained: false });
        Due { alarm: true, contain: late }
    }

    fn contained(&self, serial: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = all.get_mut(serial) {
            seen.contained = true;
        }
    }

    /// It could not be recorded: the next one may be.
    fn forget(&self, serial: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(serial);
    }
}

/// When the newest SVID of a device was given.
fn newest(device: &Device) -> Option<Timestamp> {
    let given = |svid: &DeviceSvid| svid.issued_at;
    device.current.as_ref().map(given).max(device.next.as_ref().map(given))
}

const REASON: &str =
    "an SVID of this device was shown that a newer one had replaced: its key may be in two hands";
/// Longer than a call takes, shorter than anybody waits to try again.
const ON_ITS_WAY: Lifetime = Lifetime::minutes(1);
/// Some two megabytes; what is beyond that is counted, and contained, and not recorded.
const KEPT_MAX: usize = 10_000;
/// No device's SVID is shown for longer: it ends.
const KEPT_FOR: Lifetime = Lifetime::days(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    #[test]
    fn each_replaced_svid_rings_once_and_contains_once() {
        let clones = Clones::default();
        let due = |serial, seconds| clones.due(serial, Some(at(0)), at(seconds));
        assert_eq!(due("a", 60), Due { alarm: true, contain: true });
        assert_eq!(due("a", 61), Due { alarm: false, contain: false });
        assert_eq!(due("a", 120), Due { alarm: false, contain: true }, "it could not be contained");
        clones.contained("a");
        assert_eq!(due("a", 600), Due { alarm: false, contain: false }, "released since");
        assert_eq!(due("b", 600), Due { alarm: true, contain: true });
    }

    #[test]
    fn a_call_that_was_on_its_way_contains_nobody_and_whoever_shows_it_again_does() {
        let clones = Clones::default();
        let due = |newest, seconds| clones.due("a", Some(at(newest)), at(seconds));
        assert_eq!(due(0, 59), Due { alarm: true, contain: false });
        assert_eq!(due(0, 70), Due { alarm: false, contain: false });
        // A thief who renews without end is no reason to wait.
        assert_eq!(due(118, 119), Due { alarm: false, contain: true });
    }

    #[test]
    fn not_too_many_are_kept() {
        let clones = Clones::default();
        for n in 0..KEPT_MAX {
            assert!(clones.due(&n.to_string(), None, at(0)).alarm);
        }
        assert_eq!(clones.due("more", None, at(1)), Due { alarm: false, contain: true });
        let later = at(KEPT_FOR.as_seconds());
        assert!(clones.due("more", None, later).alarm, "there is room again");
    }
}
