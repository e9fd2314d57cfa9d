//! What several sources of one device say together.
//!
//! The rule, for each signal:
//!
//! 1. What a source says stands until the source itself says otherwise, or one whose word is worth more says otherwise later.
//! 2. Of what stands the worst counts.
//! 3. It is believed as far as the source that is believed most of those that stand: whoever says that it is better says, too,
//!    that it is at least that good.
//!
//! So nobody lifts the bad word of another: not by a good word, not by a fresh one, and not by silencing the other until its
//! word has grown old, because age takes from what a word is worth and nothing from what it says. Who holds one source can
//! make a device look worse, or better where no other source says anything, and no more. Whose word is worth more is the
//! class of the signal: a service that manages devices overrules what an agent on the device said before it.
//!
//! The price: where a source that said something bad is taken off a device, its word stands until an administrator takes the
//! source out, or every source is silent and the signal unknown.

use std::cmp::Reverse;
use std::sync::Arc;

use super::freshness::freshness;
use super::model::{Profile, Reading, Weighted};
use super::score::newest;
use crate::kernel::{BasisPoints, Timestamp};

/// Of each signal that the profile counts one reading: what all these sources together say of it, as of `now`.
pub fn agreed(profile: &Profile, sources: &[&[Reading]], now: Timestamp) -> Vec<Reading> {
    profile.signals.iter().filter_map(|weighted| one(weighted, sources, now)).collect()
}

fn one(weighted: &Weighted, sources: &[&[Reading]], now: Timestamp) -> Option<Reading> {
    let of = |readings: &&'_ [Reading]| newest(readings, &weighted.signal).cloned();
    let said: Vec<Reading> = sources.iter().filter_map(of).collect();
    let overruled = |reading: &Reading| {
        said.iter().any(|other| other.class > reading.class && other.at >= reading.at)
    };
    let stands: Vec<&Reading> = said.iter().filter(|reading| !overruled(reading)).collect();
    let worst = stands.iter().min_by_key(|reading| (reading.value, Reverse(rank(reading))))?;
    let believed =
        stands.iter().max_by_key(|reading| (worth(weighted, reading, now), rank(reading)))?;
    Some(Reading {
        signal: Arc::clone(&weighted.signal),
        value: worst.value,
        class: believed.class,
        at: believed.at,
        evidence: Arc::clone(&worst.evidence),
    })
}

fn worth(weighted: &Weighted, reading: &Reading, now: Timestamp) -> BasisPoints {
    let age = now.since(reading.at);
    freshness(age, weighted.fresh, weighted.half, weighted.ends).of(reading.class.cap())
}

/// Decides between equals, so that the order of the sources does not.
fn rank(reading: &Reading) -> (Timestamp, super::Class, BasisPoints, &str) {
    (reading.at, reading.class, reading.value, &reading.evidence)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Class, score, shipped};
    use super::*;
    use crate::kernel::Lifetime;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const SIGNAL: &str = "disk_encryption";

    /// What a source says: value, class, minutes ago.
    type Word = (u16, Class, i64);

    fn reading((value, class, minutes): Word, evidence: &str) -> Reading {
        Reading {
            signal: Arc::from(SIGNAL),
            value: BasisPoints::new(value),
            class,
            at: NOW.minus(Lifetime::minutes(minutes)),
            evidence: Arc::from(evidence),
        }
    }

    fn heard(words: &[Word]) -> Option<Reading> {
        let model = shipped().unwrap();
        let names = ["a", "b", "c", "d"];
        let each: Vec<Vec<Reading>> =
            words.iter().zip(names).map(|(word, name)| vec![reading(*word, name)]).collect();
        let each: Vec<&[Reading]> = each.iter().map(Vec::as_slice).collect();
        agreed(model.profile("linux-laptop").unwrap(), &each, NOW).into_iter().next()
    }

    fn check(words: &[Word], expected: Word, evidence: &str) {
        assert_eq!(heard(words), Some(reading(expected, evidence)), "{words:?}");
    }

    #[test]
    fn of_what_stands_the_worst_counts_and_the_most_believed_vouches_for_it() {
        use Class::{BearerAgent as Agent, Service};
        // Each alone is what it is.
        check(&[(10_000, Agent, 5)], (10_000, Agent, 5), "a");
        // Two that agree: the one that is worth more now.
        check(&[(10_000, Agent, 1), (10_000, Service, 30)], (10_000, Service, 30), "a");
        check(&[(10_000, Agent, 1), (10_000, Service, 200)], (10_000, Agent, 1), "a");
        // A fresh good word of its equal lifts no bad one, however old that is.
        check(&[(0, Agent, 1_000), (10_000, Agent, 0)], (0, Agent, 0), "a");
        check(&[(10_000, Agent, 0), (0, Agent, 1_000)], (0, Agent, 0), "b");
        // One that is believed more does, if it speaks later; a bad word after it stands again.
        check(&[(0, Agent, 10), (10_000, Service, 5)], (10_000, Service, 5), "b");
        check(&[(0, Agent, 5), (10_000, Service, 10)], (0, Service, 10), "a");
        // An agent overrules no service.
        check(&[(0, Service, 50), (10_000, Agent, 0)], (0, Service, 50), "a");
        assert_eq!(heard(&[]), None);
    }

    fn word() -> impl Strategy<Value = Word> {
        let value = prop_oneof![Just(0), Just(10_000), 0_u16..=10_000];
        (value, 0_usize..6, 0_i64..600)
            .prop_map(|(value, class, age)| (value, Class::ALL[class], age))
    }

    proptest! {
        #[test]
        fn nobody_lifts_the_bad_word_of_another_by_a_word_that_is_worth_no_more(
            bad in word(), other in word(), third in word(),
        ) {
            let other = (other.0, other.1.min(bad.1), other.2);
            let third = (third.0, third.1.min(bad.1), third.2);
            let heard = heard(&[bad, other, third]).unwrap();
            prop_assert!(heard.value.get() <= bad.0);
        }

        #[test]
        fn the_order_of_sources_does_not_matter_and_a_better_word_never_lowers_a_score(
            a in word(), b in word(), c in word(), better in 0_u16..=10_000,
        ) {
            prop_assert_eq!(
                heard(&[a, b, c]).map(|one| (one.value, one.class, one.at)),
                heard(&[c, a, b]).map(|one| (one.value, one.class, one.at))
            );
            let model = shipped().unwrap();
            let profile = model.profile("linux-laptop").unwrap();
            let scored = |words: &[Word]| score(profile, &[heard(words).unwrap()], NOW).score;
            prop_assert!(scored(&[(a.0.max(better), a.1, a.2), b, c]) >= scored(&[a, b, c]));
        }
    }
}
