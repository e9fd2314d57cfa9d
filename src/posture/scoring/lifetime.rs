//! How long a credential may live by a score.

use super::score::Score;
use crate::kernel::{Lifetime, Timestamp, earned};

/// What the score earns of `longest`, and `shortest` at least; but never beyond the evidence that a gate looks at.
/// The result may be nothing at all: no credential outlives the evidence that justified it.
pub fn lifetime(score: &Score, shortest: Lifetime, longest: Lifetime, now: Timestamp) -> Lifetime {
    earned(score.score, score.confidence, (shortest, longest)).capped_by(score.expires.since(now))
}
