//! The model: which signals count how much, how long they stay fresh, which facts cap a score, and what a score is called.
//! Signals as they were reported. Types and rules only; reading a model's document is `document.rs`.

use std::sync::Arc;

use crate::kernel::{BasisPoints, Level, Lifetime, Timestamp};

/// How hard the source of a signal is to fake. It belongs to the signal: an attested boot does not attest a screen lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A browser or person says so.
    SelfReported,
    /// An agent says so, known by a bearer key.
    BearerAgent,
    /// A management or detection service says so, server to server.
    Service,
    /// An agent says so, signed with a key held in hardware.
    SignedAgent,
    /// The platform's maker attests it.
    PlatformAttested,
    /// A quote or certification by the device's own hardware, verified here.
    HardwareAttested,
}

impl Class {
    /// All of them, weakest first.
    pub const ALL: [Self; 6] = [
        Self::SelfReported,
        Self::BearerAgent,
        Self::Service,
        Self::SignedAgent,
        Self::PlatformAttested,
        Self::HardwareAttested,
    ];

    /// The name in documents and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SelfReported => "self_reported",
            Self::BearerAgent => "bearer_agent",
            Self::Service => "service",
            Self::SignedAgent => "signed_agent",
            Self::PlatformAttested => "platform_attested",
            Self::HardwareAttested => "hardware_attested",
        }
    }

    /// Reads the name that `as_str` prints.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// The most that its word is worth.
    pub const fn cap(self) -> BasisPoints {
        BasisPoints::new(match self {
            Self::SelfReported => 3_500,
            Self::BearerAgent => 6_500,
            Self::Service => 8_000,
            Self::SignedAgent => 8_500,
            Self::PlatformAttested => 9_500,
            Self::HardwareAttested => 10_000,
        })
    }
}

/// A signal as the server has it: the newest of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its name in the model.
    pub signal: Arc<str>,
    /// How good it is.
    pub value: BasisPoints,
    /// How hard it is to fake.
    pub class: Class,
    /// When the server got it.
    pub at: Timestamp,
    /// Names the evidence behind it.
    pub evidence: Arc<str>,
}

/// What a signal counts in a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighted {
    /// Its name.
    pub signal: Arc<str>,
    /// Its weight; those of a profile add up to 10,000.
    pub weight: BasisPoints,
    /// How long it is as good as new.
    pub fresh: Lifetime,
    /// After that, how long until it is worth half.
    pub half: Lifetime,
    /// From which age on it is worth nothing.
    pub ends: Lifetime,
    /// What is assumed where nothing is known: nothing good, unless the model says otherwise.
    pub prior: BasisPoints,
    /// What the person at the device can do about it; nothing where only others can.
    pub remedy: Option<Arc<str>>,
}

/// A fact that caps the score, however good the rest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Its name.
    pub name: Arc<str>,
    /// The signal it looks at.
    pub signal: Arc<str>,
    /// It fires where the signal is below this.
    pub below: BasisPoints,
    /// What the score is capped to then.
    pub cap: Points,
    /// What it is capped to where the signal is not known any more, or never was.
    pub cap_unknown: Points,
}

/// A whole number of points: 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Points(u8);

impl Points {
    /// This many, 100 at most.
    pub const fn new(points: u8) -> Self {
        if points > 100 { Self(100) } else { Self(points) }
    }

    /// How many.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The same in basis points.
    pub fn basis(self) -> BasisPoints {
        BasisPoints::new(u16::from(self.0) * 100)
    }
}

/// The signals and gates of one sort of device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name: `linux-laptop`.
    pub name: Arc<str>,
    /// The signals, in the document's order.
    pub signals: Vec<Weighted>,
    /// The gates, in the document's order.
    pub gates: Vec<Gate>,
}

/// From which score on a level is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// Trusted from here on.
    pub trusted: Points,
    /// Standard from here on.
    pub standard: Points,
    /// Restricted from here on; quarantine below it.
    pub restricted: Points,
}

impl Levels {
    /// What this score is called.
    pub fn of(self, score: BasisPoints) -> Level {
        if score >= self.trusted.basis() {
            Level::Trusted
        } else if score >= self.standard.basis() {
            Level::Standard
        } else if score >= self.restricted.basis() {
            Level::Restricted
        } else {
            Level::Quarantine
        }
    }
}

/// A model: a document, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its name.
    pub name: Arc<str>,
    /// Its version, which only grows.
    pub version: u32,
    /// SHA-256 of its document: stands in every score made with it.
    pub digest: [u8; 32],
    /// What scores are called.
    pub levels: Levels,
    /// The sorts of devices it knows.
    pub profiles: Vec<Profile>,
}

impl Model {
    /// The profile of this name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| &*profile.name == name)
    }
}
