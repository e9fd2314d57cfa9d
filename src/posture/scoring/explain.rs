//! What would help: for each signal that costs something, the score with it as it should be.

use std::cmp::Reverse;
use std::sync::Arc;

use super::model::{Class, Profile, Reading};
use super::score::{Reason, Score, newest, score};
use crate::kernel::{BasisPoints, Timestamp};

/// One thing to do, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Improvement {
    /// The signal to mend.
    pub signal: Arc<str>,
    /// What to do about it.
    pub remedy: Arc<str>,
    /// The score afterwards.
    pub score: BasisPoints,
    /// What it would be without gates.
    pub ungated: BasisPoints,
    /// The gates that hold it down even then.
    pub held_by: Vec<Arc<str>>,
}

/// The changes that help most, best first, [`IMPROVEMENTS_MAX`] at most.
///
/// Where several gates hold a score down, opening one of them may change nothing yet: it is told all the same, with the
/// gates that remain. A mended signal is taken as reported now, by the source it has; one that was never reported by the
/// weakest source that any other signal of the device has. What nobody at the device can mend is left out.
pub fn improvements(profile: &Profile, readings: &[Reading], now: Timestamp) -> Vec<Improvement> {
    let before = score(profile, readings, now);
    let Some(weakest) = readings.iter().map(|reading| reading.class).min() else {
        return Vec::new();
    };
    let costly = before.signals.iter().filter(|part| part.reason != Reason::Good);
    let mut found: Vec<(usize, Improvement)> = costly
        .filter_map(|part| {
            let remedy = part.remedy.clone()?;
            let class = newest(readings, &part.signal).map_or(weakest, |reading| reading.class);
            let after = mended(profile, readings, &part.signal, class, now);
            let helps = (after.score, after.ungated) > (before.score, before.ungated)
                || after.gates.len() < before.gates.len();
            helps.then(|| (after.gates.len(), improvement(&part.signal, remedy, &after)))
        })
        .collect();
    found.sort_by(|(gates, a), (others, b)| {
        let rank = |gates, one: &Improvement| (one.score, Reverse(gates), one.ungated);
        rank(*others, b).cmp(&rank(*gates, a)).then_with(|| a.signal.cmp(&b.signal))
    });
    found.truncate(IMPROVEMENTS_MAX);
    found.into_iter().map(|(_, improvement)| improvement).collect()
}

/// The same readings as hardware would vouch for them: what they would be worth from a source nobody can fake.
pub fn attested(readings: &[Reading]) -> Vec<Reading> {
    let class = Class::HardwareAttested;
    readings.iter().map(|reading| Reading { class, ..reading.clone() }).collect()
}

fn mended(
    profile: &Profile,
    readings: &[Reading],
    signal: &Arc<str>,
    class: Class,
    now: Timestamp,
) -> Score {
    let others = readings.iter().filter(|reading| reading.signal != *signal).cloned();
    let evidence = Arc::from("");
    let value = BasisPoints::ONE;
    let mended = Reading { signal: Arc::clone(signal), value, class, at: now, evidence };
    score(profile, &others.chain([mended]).collect::<Vec<_>>(), now)
}

fn improvement(signal: &Arc<str>, remedy: Arc<str>, after: &Score) -> Improvement {
    let held = after.gates.iter().filter(|fired| fired.cap < after.ungated);
    Improvement {
        signal: Arc::clone(signal),
        remedy,
        score: after.score,
        ungated: after.ungated,
        held_by: held.map(|fired| Arc::clone(&fired.gate)).collect(),
    }
}

/// More than a person acts on at once.
pub const IMPROVEMENTS_MAX: usize = 3;
