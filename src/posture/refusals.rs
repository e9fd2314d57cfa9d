//! How often the same of a device is recorded, such as a refused report: once a minute for each, so that a device that says the
//! same wrong thing without end fills no ledger.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::kernel::{DeviceId, Lifetime, Timestamp};

/// When it was recorded of each device last.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<DeviceId, Timestamp>>);

impl Refusals {
    /// True if it is to be recorded of this device now.
    pub(crate) fn due(&self, device: DeviceId, now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= DEVICES_MAX {
            last.retain(|_, at| now.since(*at) < EVERY);
        }
        let due = last.get(&device).is_none_or(|at| now.since(*at) >= EVERY);
        let room = last.len() < DEVICES_MAX || last.contains_key(&device);
        if due && room {
            last.insert(device, now);
        }
        due && room
    }
}

const EVERY: Lifetime = Lifetime::minutes(1);
/// Some 300 KiB; beyond it refusals are counted and not recorded.
const DEVICES_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_recorded_once_a_minute_and_not_too_many_are() {
        let refusals = Refusals::default();
        let device = |n: u128| DeviceId::new(uuid::Uuid::from_u128(n));
        let at = |seconds: i64| Timestamp::from_seconds(1_000_000 + seconds);
        assert!(refusals.due(device(1), at(0)));
        assert!(!refusals.due(device(1), at(59)));
        assert!(refusals.due(device(2), at(59)));
        assert!(refusals.due(device(1), at(60)));
        let recorded = (10..20_000).filter(|n| refusals.due(device(*n), at(61))).count();
        assert_eq!(recorded, DEVICES_MAX - 2);
        assert!(refusals.due(device(5), at(200)), "there is room again");
    }
}
