//! From a device's report to readings: read strictly, because whoever sends one may be anybody.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::model::{Class, Reading};
use crate::crypto::digest::{hex, sha256};
use crate::kernel::{BasisPoints, Lifetime, Timestamp};
use crate::wire::posture::{FORMAT, Report, ReportedSignal};

/// Why a report is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Larger than [`REPORT_BYTES_MAX`].
    #[error("the report has {0} bytes; {REPORT_BYTES_MAX} at most")]
    TooLarge(usize),
    /// No document of this form.
    #[error("the report is not what `weft device posture --output json` prints: {0}")]
    Form(String),
    /// A signal that cannot be.
    #[error("the signal `{signal}`: {why}")]
    Signal {
        /// Its name, as far as it is one.
        signal: String,
        /// What is wrong.
        why: &'static str,
    },
    /// From a time that has not come.
    #[error("the report is from {0}, which has not come yet: check the device's clock")]
    Future(Timestamp),
    /// From a time that is over.
    #[error(
        "the report is from {made}, and it is {now}: no network takes so long, check the device's clock"
    )]
    Past {
        /// When it was made, by the device's clock.
        made: Timestamp,
        /// When it came.
        now: Timestamp,
    },
}

/// Reads a report as of `now`: the document, and the readings in it.
pub fn read(bytes: &[u8], now: Timestamp) -> Result<(Report, Vec<Reading>), ReportError> {
    if bytes.len() > REPORT_BYTES_MAX {
        return Err(ReportError::TooLarge(bytes.len()));
    }
    let form = |why: String| ReportError::Form(why);
    let report: Report = serde_json::from_slice(bytes).map_err(|error| form(error.to_string()))?;
    if report.format != FORMAT {
        return Err(form(format!("its format is not `{FORMAT}`")));
    }
    let digest: String = hex(&sha256(bytes)).chars().take(16).collect();
    let evidence: Arc<str> = format!("report:{digest}").into();
    let readings = readings(&report, &evidence, now)?;
    Ok((report, readings))
}

/// The readings in a report, with the name of this evidence.
pub fn readings(
    report: &Report,
    evidence: &Arc<str>,
    now: Timestamp,
) -> Result<Vec<Reading>, ReportError> {
    if report.signals.len() > SIGNALS_MAX {
        return Err(ReportError::Form(format!("more than {SIGNALS_MAX} signals")));
    }
    let made = report.collected_at.0;
    if made > now.plus(SKEW_MAX) {
        return Err(ReportError::Future(made));
    }
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for signal in &report.signals {
        let refuse = |why| ReportError::Signal { signal: shown(&signal.signal), why };
        if !seen.insert(signal.signal.as_str()) {
            return Err(refuse("is there twice"));
        }
        found.extend(reading(signal, made, evidence).map_err(refuse)?);
    }
    Ok(found)
}

/// A signal's reading; none where it says that it is unknown.
fn reading(
    signal: &ReportedSignal,
    made: Timestamp,
    evidence: &Arc<str>,
) -> Result<Option<Reading>, &'static str> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let name = &signal.signal;
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(allowed) {
        return Err("a name is 1 to 63 of a-z, 0-9, `_` and `-`");
    }
    let class = Class::parse(&signal.class).ok_or("its class is none that there is")?;
    if signal.at.0 > made {
        return Err("was looked at after the report was made");
    }
    match (signal.value, &signal.unknown) {
        (Some(value @ 0..=10_000), None) => Ok(Some(Reading {
            signal: Arc::from(name.as_str()),
            value: BasisPoints::new(value),
            class,
            at: signal.at.0,
            evidence: Arc::clone(evidence),
        })),
        (Some(_), None) => Err("a value is 0 to 10000"),
        (None, Some(_)) => Ok(None),
        _ => Err("has either a value, or says why it is unknown"),
    }
}

/// As much of a foreign name as an error shows.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(NAME_BYTES_MAX).collect()
}

/// Some 500 bytes for each signal that may be there.
pub const REPORT_BYTES_MAX: usize = 256 * 1024;
/// Twice what a profile may have.
const SIGNALS_MAX: usize = 128;
const NAME_BYTES_MAX: usize = 63;
/// No network takes so long: what a collector made longer ago was kept, or its clock is wrong. Then its silence is what counts.
pub const LATE_MAX: Lifetime = Lifetime::minutes(5);
/// A device's clock may be a minute ahead.
pub const SKEW_MAX: Lifetime = Lifetime::seconds(60);
