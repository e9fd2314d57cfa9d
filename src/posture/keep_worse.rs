//! What a source's new word counts beside its own earlier one: pure.
//!
//! Nothing that a source does not say takes back what it said. A signal that a gate called wrong and of which nothing is
//! known now stays wrong, and ages, until the source says that it is good or its word ends: else whoever breaks what the
//! collector looks at would be better off than whoever leaves the disk open. And a report that was made before the one that
//! is held makes things worse and never better: a clock that was set back hides nothing, and what was kept restores nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::scoring::{Model, Reading, Weighted};

/// The readings of a later word, with what it does not take back of the earlier one.
pub(super) fn after(model: &Model, before: &[Reading], new: &[Reading]) -> Vec<Reading> {
    let silent = |held: &&Reading| !new.iter().any(|said| said.signal == held.signal);
    let kept = before.iter().filter(|held| is_wrong(model, held)).filter(silent);
    sorted(new.iter().chain(kept).cloned().collect())
}

/// The readings that are left where a report that was made earlier comes later: of each signal the worse word, by
/// name. Nothing where that is what is held.
pub(super) fn beside(model: &Model, held: &[Reading], earlier: &[Reading]) -> Option<Vec<Reading>> {
    let mut pairs: BTreeMap<&Arc<str>, [Option<&Reading>; 2]> = BTreeMap::new();
    for (n, readings) in [held, earlier].into_iter().enumerate() {
        for reading in readings {
            if let Some(place) = pairs.entry(&reading.signal).or_default().get_mut(n) {
                *place = Some(reading);
            }
        }
    }
    let left: Vec<Reading> = pairs
        .into_values()
        .filter_map(|pair| match pair {
            [Some(one), Some(other)] => Some(worse(one, other)),
            // Where one of them does not know, the other counts as far as it is worse than that.
            [one, other] => one.or(other).filter(|reading| is_worse_than_nothing(model, reading)),
        })
        .cloned()
        .collect();
    let is_left = |held: &Reading| {
        left.iter().any(|one| (&one.signal, one.value) == (&held.signal, held.value))
    };
    let same = left.len() == held.len() && held.iter().all(is_left);
    (!same).then_some(left)
}

/// The worse of two words on one signal; of equals the older.
fn worse<'r>(one: &'r Reading, other: &'r Reading) -> &'r Reading {
    if (other.value, other.at) < (one.value, one.at) { other } else { one }
}

/// True if a gate caps the score by it.
fn is_wrong(model: &Model, reading: &Reading) -> bool {
    let mut gates = model.profiles.iter().flat_map(|profile| &profile.gates);
    gates.any(|gate| gate.signal == reading.signal && reading.value < gate.below)
}

/// True if it leaves less than nothing known of the signal would.
fn is_worse_than_nothing(model: &Model, reading: &Reading) -> bool {
    let mut signals = model.profiles.iter().flat_map(|profile| &profile.signals);
    let below_prior = |one: &Weighted| one.signal == reading.signal && reading.value < one.prior;
    is_wrong(model, reading) || signals.any(below_prior)
}

fn sorted(mut readings: Vec<Reading>) -> Vec<Reading> {
    readings.sort_by(|a, b| a.signal.cmp(&b.signal));
    readings
}

#[cfg(test)]
mod tests {
    use super::super::scoring::{Class, shipped};
    use super::*;
    use crate::kernel::{BasisPoints, Timestamp};

    /// Signal, value, second; the first is gated in the shipped model, the second is not.
    type Word = (&'static str, u16, i64);

    fn readings(words: &[Word]) -> Vec<Reading> {
        let one = |(signal, value, second): &Word| Reading {
            signal: Arc::from(*signal),
            value: BasisPoints::new(*value),
            class: Class::BearerAgent,
            at: Timestamp::from_seconds(*second),
            evidence: Arc::from("e"),
        };
        words.iter().map(one).collect()
    }

    #[test]
    fn what_a_gate_called_wrong_is_not_taken_back_by_silence() {
        let model = shipped().unwrap();
        let check = |before: &[Word], new: &[Word], expected: &[Word]| {
            let found = after(&model, &readings(before), &readings(new));
            assert_eq!(found, readings(expected), "{before:?} {new:?}");
        };
        check(&[("disk_encryption", 0, 1)], &[], &[("disk_encryption", 0, 1)]);
        check(&[("disk_encryption", 10_000, 1)], &[], &[]);
        check(
            &[("disk_encryption", 0, 1)],
            &[("disk_encryption", 10_000, 2)],
            &[("disk_encryption", 10_000, 2)],
        );
        let (disk, firewall) = (("disk_encryption", 0, 1), ("firewall", 1, 2));
        check(&[("ssh", 5_000, 1), disk], &[firewall], &[disk, firewall]);
    }

    #[test]
    fn what_was_made_earlier_makes_nothing_better() {
        let model = shipped().unwrap();
        let check = |held: &[Word], earlier: &[Word], expected: Option<&[Word]>| {
            let found = beside(&model, &readings(held), &readings(earlier));
            assert_eq!(found, expected.map(readings), "{held:?} {earlier:?}");
        };
        let good = ("disk_encryption", 10_000, 9);
        check(&[good], &[("disk_encryption", 0, 8)], Some(&[("disk_encryption", 0, 8)]));
        check(&[("disk_encryption", 0, 9)], &[("disk_encryption", 10_000, 8)], None);
        check(&[good], &[("disk_encryption", 10_000, 8)], None);
        check(&[good], &[], Some(&[]));
        check(&[("disk_encryption", 0, 9)], &[], None);
        check(&[], &[("disk_encryption", 10_000, 8)], None);
        check(&[], &[("disk_encryption", 0, 8)], Some(&[("disk_encryption", 0, 8)]));
    }
}
