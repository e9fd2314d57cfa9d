//! The documents of posture: what a device reports, what a model says, and what a score is made of.
//!
//! Owns: their form. Does not own: what the values mean and which are allowed (`posture::scoring` reads them strictly).

mod answer;
mod mapping;
mod model;
mod report;
mod scored;

pub use answer::{DevicePosture, PostureSource, ReportAnswer, ReportFix, ReportOutcome, ScoreThen};
pub use mapping::{MappingText, SignalMappingText};
pub use model::{GateText, LevelsText, ModelText, ProfileText, SignalText};
pub use report::{FORMAT, Report, ReportedSignal};
pub use scored::{
    ScoredDocument, ScoredGate, ScoredImprovement, ScoredLifetime, ScoredModel, ScoredSignal,
};
