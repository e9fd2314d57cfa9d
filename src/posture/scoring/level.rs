//! The level of a device over time: down at once, up only when it has lasted.

use super::model::Levels;
use crate::kernel::{BasisPoints, Level, Lifetime, Timestamp};

/// The level of a device, and what it is on its way to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The level.
    pub level: Level,
    /// A better one that has to last first.
    pub rising: Option<Rising>,
}

/// A better level on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rising {
    /// The level.
    pub to: Level,
    /// Since when the score has been good enough.
    pub since: Timestamp,
    /// How many reports have said so.
    pub reports: u32,
}

impl Held {
    /// The level of a device that was never scored.
    pub const fn new() -> Self {
        Self { level: Level::Unknown, rising: None }
    }

    /// The level after a score. `reported`: the score comes from a fresh report, and not from time alone.
    ///
    /// A lower level holds at once. A higher one holds after [`REPORTS`] reports in a row, or once it has lasted [`DWELL`];
    /// the first score of all holds at once.
    #[must_use]
    pub fn after(self, levels: Levels, score: BasisPoints, reported: bool, now: Timestamp) -> Self {
        let earned = levels.of(score);
        if earned <= self.level || self.level == Level::Unknown {
            return Self { level: earned, rising: None };
        }
        // What was confirmed twice is the lower of the two; a level above it starts counting once that one is reached.
        let (to, since, before) =
            self.rising.map_or((earned, now, 0), |on| (on.to.min(earned), on.since, on.reports));
        let reports = before.saturating_add(u32::from(reported));
        if reports >= REPORTS || now.since(since) >= DWELL {
            return Self { level: to, rising: None };
        }
        Self { level: self.level, rising: Some(Rising { to, since, reports }) }
    }
}

impl Default for Held {
    fn default() -> Self {
        Self::new()
    }
}

/// One good report may be luck.
pub const REPORTS: u32 = 2;
/// A device that is quiet and good for so long is good.
pub const DWELL: Lifetime = Lifetime::minutes(5);

#[cfg(test)]
mod tests {
    use super::super::model::Points;
    use super::*;

    const LEVELS: Levels =
        Levels { trusted: Points::new(80), standard: Points::new(60), restricted: Points::new(40) };

    fn walk(steps: &[(u16, bool, i64)]) -> Vec<Level> {
        let mut held = Held::new();
        steps
            .iter()
            .map(|(points, reported, minute)| {
                let now = Timestamp::EPOCH.plus(Lifetime::minutes(*minute));
                held = held.after(LEVELS, BasisPoints::new(points * 100), *reported, now);
                held.level
            })
            .collect()
    }

    #[test]
    fn the_first_score_holds_at_once_and_a_lower_level_does_too() {
        use Level::{Quarantine, Restricted, Standard, Trusted};
        assert_eq!(
            walk(&[(85, true, 0), (79, true, 1), (41, false, 2), (0, true, 3)]),
            [Trusted, Standard, Restricted, Quarantine]
        );
    }

    #[test]
    fn a_higher_level_takes_two_reports() {
        use Level::{Restricted, Standard};
        assert_eq!(
            walk(&[(50, true, 0), (65, true, 1), (65, true, 2)]),
            [Restricted, Restricted, Standard]
        );
    }

    #[test]
    fn or_it_lasts_five_minutes() {
        use Level::{Restricted, Standard};
        assert_eq!(
            walk(&[(50, true, 0), (65, true, 1), (65, false, 5), (65, false, 6)]),
            [Restricted, Restricted, Restricted, Standard]
        );
    }

    #[test]
    fn a_relapse_on_the_way_up_starts_anew() {
        use Level::{Restricted, Standard};
        let steps = [(50, true, 0), (65, true, 1), (50, true, 2), (65, true, 3), (65, true, 4)];
        assert_eq!(walk(&steps), [Restricted, Restricted, Restricted, Restricted, Standard]);
    }

    #[test]
    fn what_was_confirmed_twice_is_the_lower_of_the_two() {
        use Level::{Restricted, Standard, Trusted};
        let steps = [(50, true, 0), (65, true, 1), (90, true, 2), (90, true, 3), (90, true, 4)];
        assert_eq!(walk(&steps), [Restricted, Restricted, Standard, Standard, Trusted]);
    }
}
