//! Scores: from what a device reports to one exact number, what it stands on, and why.
//!
//! Owns: models (which signals count how much, how long, and which facts cap a score), their documents, scoring, levels
//! over time, the lifetime a score is good for, explanations. Does not own: where readings come from, where scores are
//! kept, what a level permits.
//! Invariants: everything here is a pure function of a model, readings and a time, in whole numbers: the same bits on every
//! machine. What is unknown never counts as good. What the signals and gates take adds up to what is missing, exactly.

pub mod document;
pub mod explain;
mod freshness;
#[cfg(test)]
pub(super) mod golden_tests;
pub mod level;
pub mod lifetime;
pub mod model;
#[cfg(test)]
mod properties_tests;
pub mod report;
pub mod score;
pub mod sources;
pub mod told;

pub use document::{DocumentError, Flaws, parse, shipped, shipped_text};
pub use explain::{IMPROVEMENTS_MAX, Improvement, attested, improvements};
pub use level::{Held, Rising};
pub use lifetime::lifetime;
pub use model::{Class, Gate, Levels, Model, Points, Profile, Reading, Weighted};
pub use report::{LATE_MAX, REPORT_BYTES_MAX, ReportError, SKEW_MAX, read, readings};
pub use score::{Fired, Known, Part, Reason, Score, score};
pub use sources::agreed;
pub use told::{Span, tell};
