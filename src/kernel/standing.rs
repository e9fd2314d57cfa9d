//! Standing: what the posture model makes of a subject's device.

use std::sync::Arc;

/// The step a policy compares with. Ordered: better is greater; `Unknown` is below all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is known: no device stands behind the subject.
    Unknown,
    /// Something is badly wrong.
    Critical,
    /// Below what daily work needs.
    Low,
    /// Good for daily work.
    Standard,
    /// Good for administration.
    High,
}

impl Level {
    /// The name in policies, pages and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Critical => "critical",
            Self::Low => "low",
            Self::Standard => "standard",
            Self::High => "high",
        }
    }
}

/// Score, level, confidence and reasons of the device behind a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The step.
    pub level: Level,
    /// 0 to 100; nothing where nothing is known.
    pub score: Option<u8>,
    /// Percent of the model's weight that fresh signals cover.
    pub confidence: u8,
    /// Why, in words a person can act on.
    pub reasons: Arc<[Arc<str>]>,
}

impl Standing {
    /// The standing of whoever has no device, or one that never reported.
    pub fn unknown() -> Self {
        Self { level: Level::Unknown, score: None, confidence: 0, reasons: Arc::from([]) }
    }
}
