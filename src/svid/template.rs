//! What a credential says and how long it lives. Pure: whoever signs decides nothing.

use super::model::{Bound, Error};
use crate::kernel::limits::{AUDIENCE_BYTES_MAX, AUDIENCES_MAX, BACKDATE_SECONDS};
use crate::kernel::{Lifetime, SpiffeId, Timestamp, TrustDomain};

/// Everything that may shorten a life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// What was asked for.
    pub(super) asked: Lifetime,
    /// The permit's ceiling.
    pub(super) ceiling: Lifetime,
    /// When the evidence ends.
    pub(super) evidence_expires: Timestamp,
    /// When the authority ends.
    pub(super) authority_expires: Timestamp,
}

/// From when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// The least of what was asked, what is permitted, and what is left of evidence and authority, in whole seconds, and
/// never beyond any of them. It begins a little earlier: nodes with slow clocks refuse a credential from the future.
pub(super) fn validity(bounds: &Bounds, now: Timestamp) -> Result<Validity, Error> {
    let ends = [
        (now.plus(bounds.asked), Bound::Asked),
        (now.plus(bounds.ceiling), Bound::Permit),
        (bounds.evidence_expires, Bound::Evidence),
        (bounds.authority_expires, Bound::Authority),
    ];
    let earliest = ends.into_iter().min_by_key(|(end, _)| *end);
    let (end, bound) = earliest.unwrap_or((now, Bound::Asked));
    let until = end.whole_second();
    if until <= now {
        return Err(Error::NoTime { bound });
    }
    Ok(Validity { from: now.minus(Lifetime::seconds(BACKDATE_SECONDS)).whole_second(), until })
}

/// A subject of this realm with a path (X509-SVID §3.1): nothing else gets a credential.
pub(super) fn check_subject(id: &SpiffeId, home: &TrustDomain) -> Result<(), Error> {
    if id.has_path() && id.trust_domain() == home {
        Ok(())
    } else {
        Err(Error::Subject(id.clone()))
    }
}

/// 1 to 16 audiences, none empty or longer than a URL (JWT-SVID §3.2).
pub(super) fn check_audience(audience: &[String]) -> Result<(), Error> {
    let fits = |one: &String| (1..=AUDIENCE_BYTES_MAX).contains(&one.len());
    if (1..=AUDIENCES_MAX).contains(&audience.len()) && audience.iter().all(fits) {
        Ok(())
    } else {
        Err(Error::Audience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_400_000);

    /// asked, ceiling, evidence left, authority left (seconds) → seconds of life, counted from the whole second of now, or
    /// what bounds it to nothing.
    #[test]
    fn a_life_is_the_least_of_its_bounds() {
        let hour = 3600;
        let rows = [
            (hour, hour, hour, hour, Ok(hour)),
            (300, hour, hour, hour, Ok(300)),
            (hour, 300, hour, hour, Ok(300)),
            (hour, hour, 300, hour, Ok(300)),
            (hour, hour, hour, 300, Ok(300)),
            (2, 3, 4, 5, Ok(2)),
            (0, hour, hour, hour, Err(Bound::Asked)),
            (hour, 0, hour, hour, Err(Bound::Permit)),
            (hour, hour, 0, hour, Err(Bound::Evidence)),
            (hour, hour, hour, 0, Err(Bound::Authority)),
            (hour, hour, -5, hour, Err(Bound::Evidence)),
            (hour, hour, hour, -5, Err(Bound::Authority)),
        ];
        for (asked, ceiling, evidence, authority, expected) in rows {
            let at = |left: i64| Timestamp::from_micros(NOW.micros() + left * 1_000_000);
            let bounds = Bounds {
                asked: Lifetime::seconds(asked),
                ceiling: Lifetime::seconds(ceiling),
                evidence_expires: at(evidence),
                authority_expires: at(authority),
            };
            let found = validity(&bounds, NOW);
            match (found, expected) {
                (Ok(validity), Ok(seconds)) => {
                    assert_eq!(validity.until.seconds() - NOW.seconds(), seconds);
                    assert_eq!(NOW.seconds() - validity.from.seconds(), 10, "backdated");
                }
                (Err(Error::NoTime { bound }), Err(expected)) => assert_eq!(bound, expected),
                (found, expected) => panic!("{found:?} is not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_life_ends_on_a_whole_second_and_never_after_its_bound() {
        let end = Timestamp::from_micros(NOW.micros() + 90_700_000);
        let bounds = Bounds {
            asked: Lifetime::hours(1),
            ceiling: Lifetime::hours(1),
            evidence_expires: end,
            authority_expires: Timestamp::FOREVER,
        };
        let until = validity(&bounds, NOW).unwrap().until;
        assert!(until <= end && until == until.whole_second());
    }

    #[test]
    fn less_than_a_second_is_no_life() {
        let bounds = Bounds {
            asked: Lifetime::millis(599),
            ceiling: Lifetime::hours(1),
            evidence_expires: Timestamp::FOREVER,
            authority_expires: Timestamp::FOREVER,
        };
        assert!(matches!(validity(&bounds, NOW), Err(Error::NoTime { bound: Bound::Asked })));
    }

    #[test]
    fn only_subjects_of_the_realm_with_a_path_are_issued_for() {
        let home = TrustDomain::parse("a").unwrap();
        for (id, fits) in [("spiffe://a/b", true), ("spiffe://a", false), ("spiffe://b/b", false)] {
            assert_eq!(check_subject(&SpiffeId::parse(id).unwrap(), &home).is_ok(), fits, "{id}");
        }
    }

    #[test]
    fn audiences_are_counted_and_measured() {
        let many = |count: usize| vec!["a".to_owned(); count];
        for (audience, fits) in [
            (many(1), true),
            (many(16), true),
            (many(0), false),
            (many(17), false),
            (vec![String::new()], false),
            (vec!["x".repeat(2048)], true),
            (vec!["x".repeat(2049)], false),
        ] {
            assert_eq!(check_audience(&audience).is_ok(), fits, "{}", audience.len());
        }
    }
}
