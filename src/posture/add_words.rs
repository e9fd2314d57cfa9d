//! What a source says in pieces, put together: of each signal what it said last.

use std::cmp::Reverse;

use super::scoring::SKEW_MAX;
use crate::kernel::Timestamp;
use crate::wire::posture::{Report, ReportedSignal};

/// What a source said before, with what it says now; nothing where nothing of that is newer.
pub(super) fn added(before: &Report, new: &Report) -> Option<Report> {
    let mut report = before.clone();
    let mut newer = false;
    for signal in &new.signals {
        match report.signals.iter_mut().find(|held| held.signal == signal.signal) {
            None => report.signals.push(signal.clone()),
            Some(held) if counts_more(signal, held) => held.clone_from(signal),
            Some(_) => continue,
        }
        newer = true;
    }
    if !newer {
        return None;
    }
    report.facts.extend(new.facts.clone());
    report.collected_at.0 = report.collected_at.0.max(new.collected_at.0);
    Some(report)
}

/// The later one; of one moment the worse, and what is unknown is worst.
fn counts_more(signal: &ReportedSignal, held: &ReportedSignal) -> bool {
    let rank = |one: &ReportedSignal| (one.at.0, Reverse(one.value));
    rank(signal) > rank(held)
}

/// The time of something that was seen, where the clock of who saw it may be a little ahead; nothing where it has not come.
pub(crate) fn seen_at(said: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (said <= now.plus(SKEW_MAX)).then(|| said.min(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::api::Time;
    use crate::wire::posture::FORMAT;

    fn report(signals: &[(&str, Option<u16>, i64)]) -> Report {
        let signal = |(name, value, at): &(&str, Option<u16>, i64)| ReportedSignal {
            signal: (*name).to_owned(),
            value: *value,
            class: "bearer_agent".to_owned(),
            at: Time(Timestamp::from_seconds(*at)),
            source: "osquery".to_owned(),
            seen: String::new(),
            unknown: value.is_none().then(|| "not there".to_owned()),
        };
        let last = signals.iter().map(|(_, _, at)| *at).max().unwrap_or_default();
        Report {
            format: FORMAT.to_owned(),
            collected_at: Time(Timestamp::from_seconds(last)),
            platform: "linux".to_owned(),
            facts: std::collections::BTreeMap::new(),
            signals: signals.iter().map(signal).collect(),
        }
    }

    #[test]
    fn of_each_signal_the_later_word_counts_and_of_one_moment_the_worse() {
        let held = report(&[("a", Some(10_000), 10), ("b", Some(0), 10)]);
        let check = |new: &[(&str, Option<u16>, i64)], expected: &[(&str, Option<u16>, i64)]| {
            let sum = added(&held, &report(new));
            assert_eq!(sum, Some(report(expected)), "{new:?}");
        };
        check(&[("a", Some(0), 11)], &[("a", Some(0), 11), ("b", Some(0), 10)]);
        check(&[("a", Some(0), 10)], &[("a", Some(0), 10), ("b", Some(0), 10)]);
        check(&[("a", None, 10)], &[("a", None, 10), ("b", Some(0), 10)]);
        let three = [("a", Some(10_000), 10), ("b", Some(0), 10), ("c", Some(1), 9)];
        check(&[("c", Some(1), 9)], &three);
        check(&[("a", Some(0), 9), ("c", Some(1), 9)], &three);
    }

    #[test]
    fn what_is_older_or_was_said_before_adds_nothing() {
        let held = report(&[("a", Some(10_000), 10), ("b", Some(0), 10)]);
        for new in [
            &[("a", Some(0), 9)][..],
            &[("b", Some(10_000), 10)],
            &[("a", Some(10_000), 10), ("b", Some(0), 10)],
            &[],
        ] {
            assert_eq!(added(&held, &report(new)), None, "{new:?}");
        }
    }

    #[test]
    fn a_clock_may_be_a_minute_ahead_and_makes_nothing_younger() {
        let now = Timestamp::from_seconds(1_000);
        let at = |seconds| seen_at(Timestamp::from_seconds(seconds), now).map(Timestamp::seconds);
        assert_eq!([at(10), at(1_060), at(1_061)], [Some(10), Some(1_000), None]);
    }
}
