//! A model's document as it is written: TOML, with the place of what may be wrong.

use serde::Deserialize;
use toml::Spanned;

/// The whole document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelText {
    /// The model's name.
    pub name: Spanned<String>,
    /// Its version, which only grows.
    pub version: u32,
    /// From which score on a level is reached.
    pub levels: Spanned<LevelsText>,
    /// The sorts of devices.
    #[serde(default)]
    pub profile: Vec<ProfileText>,
}

/// From which score on a level is reached, in points of a hundred; below `restricted` is quarantine.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelsText {
    /// Trusted from here on; `high` in older documents.
    #[serde(alias = "high")]
    pub trusted: u8,
    /// Standard from here on.
    pub standard: u8,
    /// Restricted from here on; `low` in older documents.
    #[serde(alias = "low")]
    pub restricted: u8,
}

/// One sort of device.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileText {
    /// Its name.
    pub name: Spanned<String>,
    /// The signals that count.
    #[serde(default)]
    pub signal: Vec<SignalText>,
    /// The facts that cap a score.
    #[serde(default)]
    pub gate: Vec<GateText>,
}

/// What one signal counts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalText {
    /// Its name.
    pub name: Spanned<String>,
    /// Its weight in basis points; those of a profile add up to 10000.
    pub weight: Spanned<u16>,
    /// How long a reading is as good as new.
    pub fresh_seconds: Spanned<i64>,
    /// After that, how long until it is worth half; as long as it is fresh, if nothing is said.
    pub half_seconds: Option<Spanned<i64>>,
    /// The age from which on it is worth nothing; four times as long as it is fresh, if nothing is said.
    pub ends_seconds: Option<Spanned<i64>>,
    /// What is assumed where nothing is known, in basis points; nothing good, if nothing is said.
    pub prior: Option<Spanned<u16>>,
    /// What the person at the device can do about it; nothing where only others can.
    pub remedy: Option<Spanned<String>>,
}

/// A fact that caps a score.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateText {
    /// Its name.
    pub name: Spanned<String>,
    /// The signal it looks at.
    pub signal: Spanned<String>,
    /// It fires where the signal's value is below this, in basis points.
    pub below: Spanned<u16>,
    /// What the score is capped to then, in points: 0, 20, 39 or 59.
    pub cap: Spanned<u8>,
    /// What it is capped to where the signal is unknown; one step milder, if nothing is said.
    pub cap_unknown: Option<Spanned<u8>>,
}
