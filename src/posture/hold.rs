//! What a report makes of what is known of a device: pure.

use super::model::Known;
use super::scoring::{Held, Levels, Profile, Score, score};
use crate::kernel::{Level, Lifetime, Timestamp};

/// A report beside what was known before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the one that is held.
    Same,
    /// A later one is held.
    Older,
    /// It is the newest.
    Newest {
        /// What is known now.
        known: Known,
        /// The level before it, as everybody had heard of it.
        from: Level,
        /// True if others must hear of it: it says something else than the one before, or the level moves.
        news: bool,
        /// The score now.
        score: Score,
    },
}

/// What this report makes of what was known.
pub(super) fn step(
    (profile, levels): (&Profile, Levels),
    before: Option<&Known>,
    new: &Known,
    now: Timestamp,
) -> Step {
    if let Some(before) = before {
        if before.digest == new.digest {
            return Step::Same;
        }
        if before.order() > new.order() {
            return Step::Older;
        }
    }
    let scored = score(profile, &new.readings, now);
    let held = before.map_or_else(Held::new, |before| {
        // What the device has sunk to meanwhile it has to rise from.
        before.held.after(levels, score(profile, &before.readings, now).score, false, now)
    });
    let held = held.after(levels, scored.score, true, now);
    let from = before.map_or(Level::Unknown, |before| before.held.level);
    let quiet = before.is_some_and(|before| before.held == held && before.says_the_same(new));
    let charted_at = before.map_or(Timestamp::EPOCH, |before| before.charted_at);
    let charted = now.since(charted_at) >= CHART_EVERY || from != held.level;
    let charted_at = if charted { now } else { charted_at };
    let known = Known { held, charted_at, ..new.clone() };
    Step::Newest { known, from, news: !quiet, score: scored }
}

/// A point of the picture an hour is enough for one that spans ten days.
const CHART_EVERY: Lifetime = Lifetime::hours(1);
