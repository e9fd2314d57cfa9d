//! What is known of a device, the facts of this slice, and its errors.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::access::{self, Action, Administrator, Request};
use crate::devices;
use crate::kernel::{BasisPoints, DeviceId, Failure, Fault, Kind, Level, SpiffeId, Timestamp};

use super::scoring::{Class, Flaws, Held, Model, Profile, Reading, ReportError, agreed};
use super::words::Current;

/// The change kind of what is known of a device; its key is the device's id.
pub const POSTURE: &str = "posture";
/// The change kind of the model that a realm scores by; its key is the number under which it is kept.
pub const POSTURE_MODEL: &str = "posture_model";

/// Who says something of a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The device's own collector, which calls with the device's SVID and says everything at once.
    Collector,
    /// An osquery on the device, known by its node key, which says one thing after another.
    Osquery,
    /// A service that looks after devices, by its name here; it says what it has to say.
    Service(Arc<str>),
}

impl Source {
    /// Reads the name that `Display` prints.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "collector" => Some(Self::Collector),
            "osquery" => Some(Self::Osquery),
            _ => text.strip_prefix(SERVICE).map(|name| Self::Service(Arc::from(name))),
        }
    }

    /// What is believed of its word at most. A key in a file may be in other hands too: whoever copies it may say what it
    /// says.
    pub const fn class(&self) -> Class {
        match self {
            Self::Collector | Self::Osquery => Class::BearerAgent,
            Self::Service(_) => Class::Service,
        }
    }

    /// True if what it does not mention stays as it said last. A collector's report is whole: what it leaves out is unknown.
    pub const fn adds(&self) -> bool {
        !matches!(self, Self::Collector)
    }

    /// What its reports are called as evidence.
    pub(super) const fn evidence(&self) -> &'static str {
        match self {
            Self::Collector => "report",
            Self::Osquery => "osquery",
            Self::Service(_) => "service",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collector => f.write_str("collector"),
            Self::Osquery => f.write_str("osquery"),
            Self::Service(name) => write!(f, "{SERVICE}{name}"),
        }
    }
}

/// What one source of a device says, as far as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who.
    pub source: Source,
    /// When the newest of it was seen, by the source's clock.
    pub collected_at: Timestamp,
    /// When the server got it.
    pub received_at: Timestamp,
    /// SHA-256 of it.
    pub digest: [u8; 32],
    /// The same in short, as decisions and explanations name it.
    pub evidence: Arc<str>,
    /// How it came: no signal of it is of a better class.
    pub came_as: Class,
    /// True if it says that the machine is carried around.
    pub laptop: bool,
    /// Its signals, by name.
    pub readings: Arc<[Reading]>,
}

impl Said {
    /// What decides which of two of one source is the later one; of one moment either is, but the same one everywhere.
    ///
    /// A whole report counts as of when it was made. What is added to what was said before counts as of when it came, and
    /// one that holds more comes later (`Ask::added`).
    pub(super) const fn order(&self) -> (Timestamp, [u8; 32]) {
        let at = if self.source.adds() { self.received_at } else { self.collected_at };
        (at, self.digest)
    }

    /// True if another says the same, some time earlier or later.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let same = |a: &Reading, b: &Reading| {
            (&a.signal, a.value, a.class) == (&b.signal, b.value, b.class)
        };
        self.laptop == other.laptop
            && self.readings.len() == other.readings.len()
            && self.readings.iter().zip(other.readings.iter()).all(|(a, b)| same(a, b))
    }
}

/// What the sources of a device say, and the level that the device holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The device.
    pub device: DeviceId,
    /// What each source said last, by source; at least one did.
    pub said: Arc<[Said]>,
    /// The level that the newest left it with. It may have sunk since.
    pub held: Held,
    /// When the score was noted last for the picture of it over time.
    pub charted_at: Timestamp,
    /// Counts the writes that others heard of.
    pub revision: i64,
}

impl Known {
    /// What one source says.
    pub fn of(&self, source: &Source) -> Option<&Said> {
        self.said.iter().find(|said| said.source == *source)
    }

    /// What came last, from whichever source.
    pub fn newest(&self) -> Option<&Said> {
        self.said.iter().max_by_key(|said| said.received_at)
    }

    /// True if a source says that the machine is carried around.
    pub(super) fn laptop(&self) -> bool {
        self.said.iter().any(|said| said.laptop)
    }

    /// What all sources together say, for a score: of each signal one reading.
    pub fn readings(&self, profile: &Profile, now: Timestamp) -> Cow<'_, [Reading]> {
        match &*self.said {
            [only] => Cow::Borrowed(&only.readings),
            all => {
                let each: Vec<&[Reading]> = all.iter().map(|said| &*said.readings).collect();
                Cow::Owned(agreed(profile, &each, now))
            }
        }
    }

    /// The same as far as another model counts it, which counts nothing more.
    pub(super) fn as_far_as(&self, current: &Current) -> Self {
        let said = |said: &Said| {
            let counts = |reading: &&Reading| current.known_name(&reading.signal).is_some();
            Said {
                readings: said.readings.iter().filter(counts).cloned().collect(),
                ..said.clone()
            }
        };
        Self { said: self.said.iter().map(said).collect(), ..self.clone() }
    }

    /// The same with `new` in the place of what its source said before.
    pub(super) fn with(&self, new: &Said) -> Arc<[Said]> {
        let others = self.said.iter().filter(|said| said.source != new.source).cloned();
        let mut said: Vec<Said> = others.chain([new.clone()]).collect();
        said.sort_by(|a, b| a.source.cmp(&b.source));
        said.into()
    }

    /// The later of two views of one device: the sources and the level of the one that others heard of later, and of each
    /// source the later word.
    pub(super) fn later(self, other: &Self) -> Self {
        let (newer, older) =
            if self.revision >= other.revision { (&self, other) } else { (other, &self) };
        let later = |said: &Said| match older.of(&said.source) {
            Some(theirs) if theirs.order() > said.order() => theirs.clone(),
            _ => said.clone(),
        };
        Self {
            device: newer.device,
            said: newer.said.iter().map(later).collect(),
            held: newer.held,
            charted_at: newer.charted_at.max(older.charted_at),
            revision: newer.revision,
        }
    }
}

/// Forget what a source says of a device.
#[derive(Debug, Clone)]
pub struct ForgetSource {
    /// Whoever asks.
    pub by: Administrator,
    /// Of which device, as text.
    pub id: String,
    /// The SPIFFE ID of that device.
    pub device: Option<SpiffeId>,
}

impl Action for ForgetSource {
    const NAME: &'static str = "ForgetSource";

    fn request(&self) -> Request<'_> {
        self.by.request(("Device", &self.id), self.device.as_ref())
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            /// Whoever asks.
            pub by: Administrator,
        }

        impl Action for $name {
            const NAME: &'static str = stringify!($name);

            fn request(&self) -> Request<'_> {
                self.by.request(("PostureModel", "all"), None)
            }
        }
    )*};
}

actions! {
    /// Look at the models that a realm set, and try others.
    ReadPostureModel;
    /// Score by another model.
    SetPostureModel;
}

/// A model that a realm set: kept with who, when and why, also after another was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptModel {
    /// Counted from 1 in a realm. The one with the highest number counts; 0 is the shipped one where none was ever set.
    pub number: i64,
    /// Its name.
    pub name: Arc<str>,
    /// Its version.
    pub version: u32,
    /// SHA-256 of its document.
    pub digest: [u8; 32],
    /// False: it is the one that is shipped, whichever that is.
    pub own: bool,
    /// Its document, where it is the realm's own and was read.
    pub document: Option<Arc<str>>,
    /// Why it was set.
    pub note: String,
    /// Who set it: a person by the number that events know them by.
    pub set_by: String,
    /// When.
    pub set_at: Timestamp,
    /// The number of the one that it is again, where an earlier one was put back.
    pub restores: Option<i64>,
}

impl KeptModel {
    /// This model as it would be kept under the number 0, by nobody and without a note: the realm's own where there is a
    /// document, else the one that is shipped.
    pub(super) fn of(model: &Model, document: Option<Arc<str>>) -> Self {
        Self {
            number: 0,
            name: Arc::clone(&model.name),
            version: model.version,
            digest: model.digest,
            own: document.is_some(),
            document,
            note: String::new(),
            set_by: String::new(),
            set_at: Timestamp::EPOCH,
            restores: None,
        }
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
    use super::{KeptModel, Known, Said, Source};
    use crate::crypto::digest::hex;
    use crate::devices::Device;
    use crate::events::Event;
    use crate::kernel::{Level, RealmId};
    use crate::posture::scoring::Score;

    /// A device went from one level to another.
    pub fn level_changed(
        realm: RealmId,
        device: &Device,
        (from, known, said): (Level, &Known, &Said),
        (score, model): (&Score, &str),
    ) -> Event {
        about(realm, "posture.level_changed", device, said)
            .about("from", from.as_str())
            .about("to", known.held.level.as_str())
            .about("score_basis_points", score.score.get())
            .about("confidence_basis_points", score.confidence.get())
            .about("model", model)
    }

    /// A source says something else of a device than before, and the device holds the level it held.
    pub fn signals_changed(
        realm: RealmId,
        device: &Device,
        said: &Said,
        (score, model): (&Score, &str),
    ) -> Event {
        about(realm, "posture.signals_changed", device, said)
            .about("score_basis_points", score.score.get())
            .about("model", model)
    }

    /// A realm scores by another model from now on; `before` is the digest of the one until then.
    pub fn model_set(realm: RealmId, model: &KeptModel, before: &[u8; 32]) -> Event {
        Event::new(realm, "posture.model_set")
            .about("number", model.number)
            .about("name", &*model.name)
            .about("version", model.version)
            .about("digest", hex(&model.digest))
            .about("before", hex(before))
            .about("restores", model.restores)
            .about("note", model.note.as_str())
    }

    /// An administrator had what a source says of a device forgotten.
    pub fn source_forgotten(realm: RealmId, device: &Device, source: &Source) -> Event {
        Event::new(realm, "posture.source_forgotten")
            .subject(device.number)
            .about("device", device.id.to_string())
            .about("source", source.to_string())
    }

    /// A report was refused.
    pub fn report_refused(realm: RealmId, device: &Device, reason: &str) -> Event {
        Event::new(realm, "posture.report_refused")
            .subject(device.number)
            .about("device", device.id.to_string())
            .about("reason", reason)
    }

    fn about(realm: RealmId, kind: &'static str, device: &Device, said: &Said) -> Event {
        Event::new(realm, kind)
            .subject(device.number)
            .about("device", device.id.to_string())
            .about("source", said.source.to_string())
            .about("report", hex(&said.digest))
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
    /// So many sources say something of this device already.
    #[error("a device has {SOURCES_MAX} sources at most")]
    Sources,
    /// Others wrote this device's posture again and again meanwhile.
    #[error("many reports of one device at once")]
    Busy,
    /// What was asked for is outside its bounds.
    #[error("bad request: {0}")]
    Invalid(String),
    /// No such device.
    #[error("no such device")]
    NotFound,
    /// The document is no model.
    #[error("the model: {0}")]
    Model(#[from] Flaws),
    /// Devices are scored by a profile that the model does not have.
    #[error(
        "this model leaves out the profile `{profile}`, by which devices are scored ({devices}): keep it in the model"
    )]
    Profile {
        /// The profile.
        profile: Arc<str>,
        /// How many.
        devices: usize,
    },
    /// Another document of that name and version is kept, or shipped.
    #[error(
        "another document is version {version} of `{name}` already: give this one a version of its own"
    )]
    Version {
        /// The model's name.
        name: Arc<str>,
        /// The version.
        version: u32,
    },
    /// No such model is kept.
    #[error("no model of the {0} is kept here")]
    NoModel(String),
    /// Another model counts than the caller saw.
    #[error("another model counts by now")]
    Changed,
    /// A model is tried already.
    #[error("a model is being tried on this fleet already")]
    Trying,
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
                    ReportError::Past { .. } => "posture.report_from_the_past",
                };
                Self::new(Kind::Invalid, code, why.to_string())
            }
            Error::Packed(why) => Self::new(Kind::Invalid, "posture.report_packed", why),
            Error::Sources => {
                let words = format!("{SOURCES_MAX} sources say something of this device already");
                Self::new(Kind::Conflict, "posture.sources", words)
            }
            Error::Busy => {
                let words = "several reports of this device came at once; send the newest again";
                Self::new(Kind::Unavailable, "posture.busy", words)
            }
            Error::Invalid(why) => Self::new(Kind::Invalid, "posture.invalid", why),
            Error::NotFound => Self::new(Kind::NotFound, "devices.not_found", "no such device"),
            error @ (Error::Model(_)
            | Error::Profile { .. }
            | Error::Version { .. }
            | Error::NoModel(_)
            | Error::Changed
            | Error::Trying) => of_model(&error),
            Error::Device(error) => error.into(),
            Error::Access(error) => error.into(),
            Error::Events(error) => error.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}

/// What went wrong with a model, for whoever sent it.
fn of_model(error: &Error) -> Failure {
    let (kind, code) = match error {
        Error::Profile { .. } => (Kind::Conflict, "posture.model_profile"),
        Error::Version { .. } => (Kind::Conflict, "posture.model_version"),
        Error::NoModel(_) => (Kind::NotFound, "posture.model_not_found"),
        Error::Changed => (Kind::Conflict, "request.precondition"),
        Error::Trying => (Kind::Unavailable, "posture.model_trying"),
        _ => (Kind::Invalid, "posture.model"),
    };
    Failure::new(kind, code, error.to_string())
}

/// What the names of services begin with, beside the sources that are there once.
const SERVICE: &str = "service:";
/// Sources of one device: what is held of it stays small.
pub(super) const SOURCES_MAX: usize = 8;
