//! Settings of the log.

use serde::{Deserialize, Serialize};

use super::logs::filter;
use crate::settings::{section, value};

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// For people.
    Text,
}

value!(LogFormat);

section! {
    /// The log: lines on standard error. Secrets and request bodies are never in it; what happened, and to whom, is in
    /// the audit events.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// What is written: `error`, `warn`, `info`, `debug` or `trace`; also by part, as in
        /// `info,weft::http=debug`.
        pub level: String,
        /// The form of a line: `text` for people, `json` for machines.
        pub format: LogFormat,
    }
    live { level }
    fits { problem }
}

impl Settings {
    /// What is wrong with these values, if anything: the key and what would be right.
    fn problem(&self) -> Option<(&'static str, String)> {
        Some(("level", filter(&self.level).err()?))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}
