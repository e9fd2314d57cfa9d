//! Settings of posture.

use serde::Deserialize;

use crate::kernel::Lifetime;
use crate::settings::section;

section! {
    /// `[posture]`: what devices say of themselves.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// Seconds between two reports of a device. What a signal says stays fresh for 15 minutes at the least in the model that
        /// is shipped. A device on its way to a better level reports sooner.
        pub report_seconds: i64,
    }
    fits { problem }
}

impl Default for Settings {
    fn default() -> Self {
        Self { report_seconds: 300 }
    }
}

impl Settings {
    /// What is wrong with these values, if anything: the key and what would be right.
    fn problem(&self) -> Option<(&'static str, String)> {
        let (least, most) = (LEAST.as_seconds(), MOST.as_seconds());
        let fits = (least..=most).contains(&self.report_seconds);
        (!fits).then(|| ("report_seconds", format!("is between {least} and {most}")))
    }

    /// Between two reports.
    pub(super) const fn interval(&self) -> Lifetime {
        Lifetime::seconds(self.report_seconds)
    }
}

/// Nothing that is looked at changes by the second.
const LEAST: Lifetime = Lifetime::seconds(5);
/// After a day most of what was said is worth nothing.
const MOST: Lifetime = Lifetime::days(1);
