//! How long a credential may live by the standing of the device behind it.

use super::score::Score;
use crate::kernel::{Lifetime, Timestamp};

/// `longest` · confidence · (score / 100)², and `shortest` at least; but never beyond the evidence that a gate looks at.
/// The result may be nothing at all: no credential outlives the evidence that justified it.
pub fn lifetime(score: &Score, shortest: Lifetime, longest: Lifetime, now: Timestamp) -> Lifetime {
    let part = |micros: i128, share: u16| micros * i128::from(share) / 10_000;
    let by_score =
        part(part(i128::from(longest.as_micros()), score.confidence.get()), score.score.get());
    let earned = part(by_score, score.score.get());
    let earned = Lifetime::micros(i64::try_from(earned).unwrap_or(i64::MAX));
    let clamped = if earned < shortest { shortest } else { earned };
    clamped.capped_by(longest).capped_by(score.expires.since(now))
}
