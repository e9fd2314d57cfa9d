//! What a report makes of what is known of a device: pure.

use std::sync::Arc;

use super::model::{Known, Said};
use super::scoring::{Held, Score, score};
use super::words::Current;
use crate::devices::Device;
use crate::kernel::{Fault, Level, Lifetime, Timestamp};

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

/// What a source's report makes of what was known of a device.
pub(super) fn step(
    (current, device): (&Current, &Device),
    before: Option<&Known>,
    new: &Said,
    now: Timestamp,
) -> Result<Step, Fault> {
    let replaced = before.and_then(|before| before.of(&new.source));
    if let Some(replaced) = replaced {
        if replaced.digest == new.digest {
            return Ok(Step::Same);
        }
        if replaced.order() > new.order() {
            return Ok(Step::Older);
        }
    }
    let said = before.map_or_else(|| Arc::from([new.clone()]), |before| before.with(new));
    let (held, charted_at) = (Held::new(), Timestamp::EPOCH);
    let mut known = Known { device: device.id, said, held, charted_at, revision: 0 };
    let (profile, levels) = (current.profile(Some(device), &known)?, current.model.levels);
    let scored = score(profile, &known.readings(profile, now), now);
    let mut held = Held::new();
    if let Some(before) = before {
        // What the device has sunk to meanwhile it has to rise from.
        let aged = score(profile, &before.readings(profile, now), now).score;
        held = before.held.after(levels, aged, false, now);
        (known.charted_at, known.revision) = (before.charted_at, before.revision);
    }
    known.held = held.after(levels, scored.score, true, now);
    let from = before.map_or(Level::Unknown, |before| before.held.level);
    let same = replaced.is_some_and(|replaced| replaced.says_the_same(new));
    let news = !same || before.is_none_or(|before| before.held != known.held);
    if news {
        known.revision = known.revision.saturating_add(1);
    }
    if now.since(known.charted_at) >= CHART_EVERY || from != known.held.level {
        known.charted_at = now;
    }
    Ok(Step::Newest { known, from, news, score: scored })
}

/// A point of the picture an hour is enough for one that spans ten days.
const CHART_EVERY: Lifetime = Lifetime::hours(1);
