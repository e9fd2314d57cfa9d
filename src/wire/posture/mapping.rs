//! How what a service sends is read, as it is written: TOML, with the place of what may be wrong.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// The whole document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingText {
    /// Where a delivery names the device: a JSON pointer (RFC 6901).
    pub device: Spanned<String>,
    /// Where it says when that was so; the time that is signed, if nothing is said.
    pub time: Option<Spanned<String>>,
    /// What it calls devices that it does not name by our ids.
    #[serde(default)]
    pub devices: BTreeMap<Spanned<String>, Spanned<String>>,
    /// What it tells.
    #[serde(default)]
    pub signal: Vec<SignalMappingText>,
}

/// How one signal is read. It has one of `good`, `values` and `range`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalMappingText {
    /// The signal's name in posture models.
    pub name: Spanned<String>,
    /// Where the delivery has it: a JSON pointer.
    pub pointer: Spanned<String>,
    /// What is true or false where it is as it should be.
    pub good: Option<Spanned<bool>>,
    /// How good each word is, in basis points: 10000 is as it should be.
    pub values: Option<Spanned<BTreeMap<String, u16>>>,
    /// The number that is worth nothing, and the one that is as it should be; what lies between counts in proportion.
    pub range: Option<Spanned<[i64; 2]>>,
}
