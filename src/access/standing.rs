//! What is known of the device behind a question: as facts that policies read, and as the life that a permit leaves.
//!
//! The one place where a standing becomes facts, so that they mean the same in every action. What is unknown has the value
//! that compares worst: a policy that forgets the case refuses.

use std::sync::Arc;

use super::model::{Error, Fact};
use super::rule::Reads;
use crate::kernel::{BasisPoints, Level, Lifetime, Standing, Timestamp};

/// The facts of one standing at one time.
pub(super) struct Posture<'a> {
    standing: Option<&'a Standing>,
    now: Timestamp,
    device: String,
    sources: Vec<String>,
}

impl<'a> Posture<'a> {
    /// The facts that these policies read; the device's id is written out only for those that look at it.
    pub(super) fn read(standing: Option<&'a Standing>, reads: &Reads, now: Timestamp) -> Self {
        let device = standing.and_then(|standing| standing.device);
        let device = device.filter(|_| reads.reads_field("device"));
        let evidence = standing.filter(|_| reads.reads_field("posture_sources"));
        let sources = evidence.map_or(&[][..], |standing| &standing.evidence).iter();
        let name = |said: &Arc<str>| {
            said.rsplit_once(':').map_or(&**said, |(source, _)| source).to_owned()
        };
        let device = device.map_or_else(String::new, |id| id.to_string());
        Self { standing, now, device, sources: sources.map(name).collect() }
    }

    /// Each, by the name that policies have for it.
    pub(super) fn facts(&self) -> [(&'static str, Fact<'_>); FACTS.len()] {
        let known = self.standing;
        let percent = |share: BasisPoints| i64::from(share.get() / 100);
        let level = known.map_or(Level::Unknown, |standing| standing.level);
        let score = known.and_then(|standing| standing.score).map_or(NO_SCORE, percent);
        let confidence = known.map_or(0, |standing| percent(standing.confidence));
        let reported = known.and_then(|standing| standing.reported);
        let age = reported.map_or(i64::MAX, |at| self.now.since(at).as_seconds());
        [
            ("standing", Fact::Text(level.as_str())),
            ("score", Fact::Number(score)),
            ("confidence", Fact::Number(confidence)),
            ("posture_age_seconds", Fact::Number(age)),
            ("posture_sources", Fact::Texts(&self.sources)),
            ("device", Fact::Text(&self.device)),
            ("device_locked", Fact::Flag(known.is_some_and(|standing| standing.locked))),
            ("contained", Fact::Flag(known.is_some_and(|standing| standing.contained))),
        ]
    }
}

/// How long what is issued may live: what the policies say, before the standing counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Life {
    pub(super) longest: Lifetime,
    /// What the posture leaves at least.
    pub(super) shortest: Lifetime,
    /// The life does not follow the posture.
    pub(super) apart: bool,
}

impl Life {
    /// What an action has that issues nothing.
    pub(super) const NONE: Self =
        Self { longest: Lifetime::ZERO, shortest: Lifetime::ZERO, apart: false };

    /// No longer than this.
    pub(super) fn capped_by(self, limit: Lifetime) -> Self {
        Self { longest: self.longest.capped_by(limit), ..self }
    }

    /// The ceiling for a subject of this standing. Worked out for each question anew: a score ages, and what is remembered
    /// of a decision is what the policies said.
    pub(super) fn ceiling(
        self,
        standing: Option<&Standing>,
        now: Timestamp,
    ) -> Result<Lifetime, Error> {
        let Some(standing) = standing.filter(|_| !self.apart && !self.longest.is_zero()) else {
            return Ok(self.longest);
        };
        if standing.expires <= now {
            let ended = standing.expires;
            return Err(Error::denied(format!(
                "what is known of the device ended at {ended}: it has to report again"
            )));
        }
        Ok(standing.life(self.shortest, self.longest, now))
    }
}

/// The names of the facts, for whoever asks whether a policy reads one.
pub(super) const FACTS: [&str; 8] = [
    "standing",
    "score",
    "confidence",
    "posture_age_seconds",
    "posture_sources",
    "device",
    "device_locked",
    "contained",
];
/// Less than every score.
const NO_SCORE: i64 = -1;
