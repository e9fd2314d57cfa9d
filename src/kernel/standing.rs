//! Standing: what the posture model makes of a subject's device, and how long a credential may live by it.

use std::sync::Arc;

use super::ids::DeviceId;
use super::share::BasisPoints;
use super::time::{Lifetime, Timestamp};

/// The step a policy compares with. Ordered: better is greater; `Unknown` is below all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is known: no device stands behind the subject.
    Unknown,
    /// Something is badly wrong.
    Quarantine,
    /// Below what daily work needs.
    Restricted,
    /// Good for daily work.
    Standard,
    /// Good for administration.
    Trusted,
}

impl Level {
    /// All of them, lowest first.
    pub const ALL: [Self; 5] =
        [Self::Unknown, Self::Quarantine, Self::Restricted, Self::Standard, Self::Trusted];

    /// The name in policies, pages and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Quarantine => "quarantine",
            Self::Restricted => "restricted",
            Self::Standard => "standard",
            Self::Trusted => "trusted",
        }
    }

    /// Reads the name that `as_str` prints.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

/// What is known of the device behind a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The step.
    pub level: Level,
    /// The score, gates included: 10,000 is 100 points. Nothing where nothing is known.
    pub score: Option<BasisPoints>,
    /// How much of the model's weight stands on evidence.
    pub confidence: BasisPoints,
    /// When the device last reported.
    pub reported: Option<Timestamp>,
    /// When the first piece of evidence ends that a gate looks at; for ever where nothing is known.
    pub expires: Timestamp,
    /// The model that scored: name, version and digest.
    pub model: Option<Arc<str>>,
    /// What it scored: of each source that counts, its name and the digest of what it said.
    pub evidence: Arc<[Arc<str>]>,
    /// The device.
    pub device: Option<DeviceId>,
    /// Somebody locked the device: until it is released it gets nothing, whatever its score.
    pub locked: bool,
    /// Somebody contained the subject, or the device: for a while it gets nothing, whatever its score.
    pub contained: bool,
    /// Why, in words a person can act on.
    pub reasons: Arc<[Arc<str>]>,
}

impl Standing {
    /// The standing of whoever has no device, or one that never reported.
    pub fn unknown() -> Self {
        Self {
            level: Level::Unknown,
            score: None,
            confidence: BasisPoints::ZERO,
            reported: None,
            expires: Timestamp::FOREVER,
            model: None,
            evidence: Arc::from([]),
            device: None,
            locked: false,
            contained: false,
            reasons: Arc::from([]),
        }
    }

    /// How long a credential may live: what the score earns of `longest`, and never beyond the evidence. Where nothing is
    /// known, `longest`: a subject without a device has the policy's ceiling.
    pub fn life(&self, shortest: Lifetime, longest: Lifetime, now: Timestamp) -> Lifetime {
        let earned = match self.score {
            Some(score) => earned(score, self.confidence, (shortest, longest)),
            None => longest,
        };
        earned.capped_by(self.expires.since(now))
    }
}

/// `longest` · confidence · (score / 100)², and `shortest` at least, but never more than `longest`. In whole microseconds,
/// rounded down at each step, so that every machine says the same.
pub fn earned(
    score: BasisPoints,
    confidence: BasisPoints,
    (shortest, longest): (Lifetime, Lifetime),
) -> Lifetime {
    let part = |micros: i128, share: BasisPoints| micros * i128::from(share.get()) / 10_000;
    let whole = i128::from(longest.as_micros());
    let earned = part(part(part(whole, confidence), score), score);
    let earned = Lifetime::micros(i64::try_from(earned).unwrap_or(i64::MAX));
    earned.max(shortest).capped_by(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn points(points: u16) -> BasisPoints {
        BasisPoints::new(points * 100)
    }

    fn life(standing: &Standing) -> i64 {
        standing.life(Lifetime::minutes(5), Lifetime::hours(24), Timestamp::EPOCH).as_seconds()
    }

    #[test]
    fn a_life_is_what_the_score_earns_of_the_longest() {
        let of = |score, confidence| {
            earned(
                points(score),
                points(confidence),
                (Lifetime::seconds(300), Lifetime::seconds(86_400)),
            )
            .as_seconds()
        };
        assert_eq!(of(100, 100), 86_400);
        assert_eq!(of(80, 90), 49_766);
        assert_eq!(of(58, 65), 18_892);
        assert_eq!(of(10, 10), 300);
        assert_eq!(of(0, 0), 300);
    }

    #[test]
    fn the_shortest_life_is_never_more_than_the_longest() {
        let span = (Lifetime::seconds(300), Lifetime::seconds(60));
        assert_eq!(earned(points(10), points(10), span), Lifetime::seconds(60));
    }

    #[test]
    fn nothing_known_has_the_longest_and_evidence_that_ends_cuts_even_the_shortest() {
        let unknown = Standing::unknown();
        assert_eq!(life(&unknown), 86_400);
        let expires = Timestamp::EPOCH.plus(Lifetime::seconds(60));
        let known = Standing { score: Some(points(10)), expires, ..unknown.clone() };
        assert_eq!(life(&known), 60);
        assert_eq!(life(&Standing { expires: Timestamp::EPOCH, ..known }), 0);
        assert_eq!(life(&Standing { expires, ..unknown }), 60);
    }

    #[test]
    fn names_are_read_back() {
        for level in Level::ALL {
            assert_eq!(Level::parse(level.as_str()), Some(level));
        }
    }
}
