//! A score over time as a picture: pure geometry in whole numbers. The template draws it; the style sheet paints it.

use crate::kernel::{BasisPoints, Level, Timestamp};
use crate::posture::model::Charted;
use crate::posture::scoring::Levels;

/// What is to be drawn, in the picture's own units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// The corners of the line: `x,y x,y …`. A score holds until the next one.
    pub line: String,
    /// Where the line ends.
    pub end: (i64, i64),
    /// Where each level begins, and its name.
    pub levels: Vec<(i64, Level)>,
    /// The first and the last score.
    pub from: Charted,
    /// See `from`.
    pub to: Charted,
    /// The lowest and the highest score.
    pub lowest: BasisPoints,
    /// See `lowest`.
    pub highest: BasisPoints,
    /// Each score at which the level changed, the newest first: the picture for whoever does not see it.
    pub steps: Vec<Charted>,
}

/// The picture of these points, the oldest first; nothing where there are none. The line goes on to `now`.
pub fn chart(points: &[Charted], levels: Levels, now: Timestamp) -> Option<Chart> {
    let (first, last) = (*points.first()?, *points.last()?);
    let span = now.since(first.at).as_micros().max(1);
    let across = |at: Timestamp| LEFT + at.since(first.at).as_micros().min(span) * WIDTH / span;
    let mut corners = Vec::new();
    let mut before = None;
    for point in points {
        let (x, y) = (across(point.at), down(point.score));
        corners.extend(before.map(|y| (x, y)));
        corners.push((x, y));
        before = Some(y);
    }
    let end = (LEFT + WIDTH, down(last.score));
    corners.push(end);
    let line: Vec<String> = corners.iter().map(|(x, y)| format!("{x},{y}")).collect();
    let scores = || points.iter().map(|point| point.score);
    Some(Chart {
        line: line.join(" "),
        end,
        levels: vec![
            (down(levels.restricted.basis()), Level::Restricted),
            (down(levels.standard.basis()), Level::Standard),
            (down(levels.trusted.basis()), Level::Trusted),
        ],
        from: first,
        to: last,
        lowest: scores().min().unwrap_or(first.score),
        highest: scores().max().unwrap_or(first.score),
        steps: steps(points),
    })
}

/// Where the level changed, newest first; the oldest point says where it all began.
fn steps(points: &[Charted]) -> Vec<Charted> {
    let mut steps: Vec<Charted> = Vec::new();
    for point in points {
        if steps.last().is_none_or(|last| last.level != point.level) {
            steps.push(*point);
        }
    }
    steps.reverse();
    steps.truncate(STEPS_MAX);
    steps
}

fn down(score: BasisPoints) -> i64 {
    TOP + HEIGHT - i64::from(score.get()) * HEIGHT / 10_000
}

/// The picture is 360 by 170: readable on a screen that is 320 pixels wide.
const LEFT: i64 = 4;
const WIDTH: i64 = 348;
const TOP: i64 = 8;
const HEIGHT: i64 = 136;
/// More than a person reads.
const STEPS_MAX: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Lifetime;

    fn levels() -> Levels {
        crate::posture::scoring::shipped().unwrap().levels
    }

    fn point(hours: i64, score: u16, level: Level) -> Charted {
        let at = Timestamp::from_seconds(1_000_000).plus(Lifetime::hours(hours));
        Charted { at, score: BasisPoints::new(score), level }
    }

    #[test]
    fn a_score_holds_until_the_next_one_and_the_last_until_now() {
        let points = [point(0, 10_000, Level::Trusted), point(5, 5000, Level::Restricted)];
        let now = Timestamp::from_seconds(1_000_000).plus(Lifetime::hours(10));
        let chart = chart(&points, levels(), now).unwrap();
        assert_eq!(chart.line, "4,8 178,8 178,76 352,76");
        assert_eq!(chart.end, (352, 76));
        assert_eq!((chart.lowest.get(), chart.highest.get()), (5000, 10_000));
    }

    #[test]
    fn one_point_of_this_moment_is_a_picture_too() {
        let points = [point(0, 0, Level::Quarantine)];
        let chart = chart(&points, levels(), points[0].at).unwrap();
        assert_eq!(chart.line, "4,144 352,144");
        assert_eq!(super::chart(&[], levels(), points[0].at), None);
    }

    #[test]
    fn a_clock_that_was_set_back_draws_nothing_outside() {
        let points = [point(5, 5000, Level::Restricted), point(0, 6000, Level::Standard)];
        let chart = chart(&points, levels(), Timestamp::from_seconds(1)).unwrap();
        let inside = |corner: &str| {
            let (x, y) = corner.split_once(',').unwrap();
            let (x, y): (i64, i64) = (x.parse().unwrap(), y.parse().unwrap());
            (LEFT..=LEFT + WIDTH).contains(&x) && (TOP..=TOP + HEIGHT).contains(&y)
        };
        assert!(chart.line.split(' ').all(inside), "{}", chart.line);
    }

    #[test]
    fn what_is_read_aloud_is_each_change_of_the_level_the_newest_first() {
        use Level::{Restricted, Standard, Trusted};
        let all = [(0, Trusted), (1, Trusted), (2, Restricted), (3, Restricted), (4, Standard)];
        let points = all.map(|(hours, level)| point(hours, 5000, level));
        let now = points[4].at;
        let steps = chart(&points, levels(), now).unwrap().steps;
        let told: Vec<_> = steps.iter().map(|step| (step.at, step.level)).collect();
        assert_eq!(
            told,
            [(points[4].at, Standard), (points[2].at, Restricted), (points[0].at, Trusted)]
        );
    }
}
