//! What is known of a device, the facts of this slice, and its errors.

use std::sync::Arc;

use crate::access;
use crate::devices;
use crate::kernel::{BasisPoints, DeviceId, Failure, Fault, Kind, Level, Timestamp};

use super::scoring::{Class, Held, Reading, ReportError};

/// The change kind of what is known of a device; its key is the device's id.
pub const POSTURE: &str = "posture";

/// What the newest report of a device says, as far as it counts, and the level that the device holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The device.
    pub device: DeviceId,
    /// When the report was made, by the device's clock.
    pub collected_at: Timestamp,
    /// When the server got it.
    pub received_at: Timestamp,
    /// SHA-256 of the report.
    pub digest: [u8; 32],
    /// How it came: no signal of it is of a better class.
    pub came_as: Class,
    /// True if the machine says that it is carried around.
    pub laptop: bool,
    /// Its signals, by name.
    pub readings: Arc<[Reading]>,
    /// The level that it left the device with. It may have sunk since.
    pub held: Held,
    /// When the score was noted last for the picture of it over time.
    pub charted_at: Timestamp,
}

impl Known {
    /// What decides which of two reports is the later one; of one moment either is, but the same one everywhere.
    pub(super) const fn order(&self) -> (Timestamp, [u8; 32]) {
        (self.collected_at, self.digest)
    }

    /// True if another report says the same, some time earlier or later.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let same = |a: &Reading, b: &Reading| {
            (&a.signal, a.value, a.class) == (&b.signal, b.value, b.class)
        };
        self.laptop == other.laptop
            && self.readings.len() == other.readings.len()
            && self.readings.iter().zip(other.readings.iter()).all(|(a, b)| same(a, b))
    }
}

/// One point of a score over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charted {
    /// When.
    pub at: Timestamp,
    /// The score then.
    pub score: BasisPoints,
    /// The level then.
    pub level: Level,
}

/// The facts of this slice.
pub mod events {
    use super::Known;
    use crate::crypto::digest::hex;
    use crate::devices::Device;
    use crate::events::Event;
    use crate::kernel::{Level, RealmId};
    use crate::posture::scoring::Score;

    /// A device went from one level to another.
    pub fn level_changed(
        realm: RealmId,
        device: &Device,
        (from, known): (Level, &Known),
        (score, model): (&Score, &str),
    ) -> Event {
        about(realm, "posture.level_changed", device, known)
            .about("from", from.as_str())
            .about("to", known.held.level.as_str())
            .about("score_basis_points", score.score.get())
            .about("confidence_basis_points", score.confidence.get())
            .about("model", model)
    }

    /// A device reports something else than before, and holds the level it held.
    pub fn signals_changed(realm: RealmId, device: &Device, known: &Known, score: &Score) -> Event {
        about(realm, "posture.signals_changed", device, known)
            .about("score_basis_points", score.score.get())
    }

    /// A report was refused.
    pub fn report_refused(realm: RealmId, device: &Device, reason: &str) -> Event {
        Event::new(realm, "posture.report_refused")
            .subject(device.number)
            .about("device", device.id.to_string())
            .about("reason", reason)
    }

    fn about(realm: RealmId, kind: &'static str, device: &Device, known: &Known) -> Event {
        Event::new(realm, kind)
            .subject(device.number)
            .about("device", device.id.to_string())
            .about("report", hex(&known.digest))
    }
}

/// What this slice answers instead of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The report cannot be taken.
    #[error("report refused: {0}")]
    Report(#[from] ReportError),
    /// Its compression cannot be undone.
    #[error("report refused: {0}")]
    Packed(&'static str),
    /// Others wrote this device's posture again and again meanwhile.
    #[error("many reports of one device at once")]
    Busy,
    /// No such device.
    #[error("no such device")]
    NotFound,
    /// The device is not let in.
    #[error(transparent)]
    Device(#[from] devices::Error),
    /// Policy says no.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// The fact could not be recorded.
    #[error(transparent)]
    Events(#[from] crate::events::Error),
    /// A shell failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Report(why) => {
                let code = match why {
                    ReportError::TooLarge(_) => "posture.report_too_large",
                    ReportError::Form(_) | ReportError::Signal { .. } => "posture.report",
                    ReportError::Future(_) => "posture.report_from_the_future",
                };
                Self::new(Kind::Invalid, code, why.to_string())
            }
            Error::Packed(why) => Self::new(Kind::Invalid, "posture.report_packed", why),
            Error::Busy => {
                let words = "several reports of this device came at once; send the newest again";
                Self::new(Kind::Unavailable, "posture.busy", words)
            }
            Error::NotFound => Self::new(Kind::NotFound, "devices.not_found", "no such device"),
            Error::Device(error) => error.into(),
            Error::Access(error) => error.into(),
            Error::Events(error) => error.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}
