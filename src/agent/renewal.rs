//! When to renew: a pure function of issue, expiry and one random number that is drawn once per SVID.
//!
//! Drawn once: an agent that draws again at every check renews at the earliest moment any draw allows, so that most of
//! a fleet's renewals fall into the first part of the window instead of all of it.

use crate::kernel::limits::BACKDATE_SECONDS;
use crate::kernel::{Lifetime, Timestamp};

/// One random number, drawn when an SVID arrives and kept with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Jitter(u32);

impl Jitter {
    /// Around a number from `entropy.nonce()`.
    pub fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(bytes))
    }
}

/// The moment to renew: half of the life, give or take a tenth of that half; never after `expires`.
///
/// A life that is already over is renewed at once.
pub fn renew_at(issued: Timestamp, expires: Timestamp, jitter: Jitter) -> Timestamp {
    let life = expires.since(issued);
    let window = life.divided_by(WINDOW_PARTS);
    let start = life.divided_by(2).as_micros() - window.as_micros() / 2;
    issued.plus(Lifetime::micros(start)).plus(share(window, jitter))
}

/// The moment to renew an X.509-SVID that was received at `received`.
///
/// Its life began at its issue and not at its first second of validity, which is backdated: a short life would be over
/// half before it began. And it is kept for a tenth of its life at least: to a clock that is ahead every SVID looks old,
/// and asking again at once would be asking in a loop.
pub fn renew_svid_at(
    (not_before, expires): (Timestamp, Timestamp),
    received: Timestamp,
    jitter: Jitter,
) -> Timestamp {
    let issued = not_before.plus(Lifetime::seconds(BACKDATE_SECONDS));
    let kept = received.plus(expires.since(issued).divided_by(WINDOW_PARTS));
    renew_at(issued, expires, jitter).max(kept)
}

/// The wait before attempt number `attempt` (from 0): doubling from `first` up to `longest`, less up to three quarters, so
/// that agents cut off together do not come back together: a thousand handshakes at once are half a second of a core.
pub fn backoff(attempt: u32, first: Lifetime, longest: Lifetime, jitter: Jitter) -> Lifetime {
    let wait = first.times(1_i64 << attempt.min(20)).capped_by(longest);
    let less = share(wait.divided_by(4).times(3), jitter);
    Lifetime::micros(wait.as_micros() - less.as_micros())
}

/// This much of the span: from nothing to just under all of it.
fn share(span: Lifetime, jitter: Jitter) -> Lifetime {
    let micros =
        i128::from(span.as_micros()) * i128::from(jitter.0) / i128::from(u64::from(u32::MAX) + 1);
    Lifetime::micros(i64::try_from(micros).unwrap_or(0))
}

/// The window is a tenth of the life, half of it to each side of the middle: six minutes of an hour spread a fleet that
/// started together, and 45 % of the life are left to get through an outage.
const WINDOW_PARTS: i64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::digest;

    const LOW: u32 = 0;
    const MIDDLE: u32 = 1 << 31;
    const HIGH: u32 = u32::MAX;

    #[test]
    fn a_short_life_is_halved_from_its_issue_and_kept_for_a_while_whatever_the_clock_says() {
        // not before, expires, received → renewed, in seconds.
        for (not_before, expires, received, renewed) in
            [(-10, 6, 0, 3), (-10, 3600, 0, 1800), (-10, 6, 5, 5), (-10, 3600, 7200, 7560)]
        {
            let at = |seconds: i64| Timestamp::from_seconds(seconds);
            let life = (at(not_before), at(expires));
            let when = renew_svid_at(life, at(received), Jitter(MIDDLE));
            assert_eq!(when.seconds(), renewed, "{not_before} {expires} {received}");
        }
    }

    #[test]
    fn renewal_is_at_half_life_give_or_take_a_tenth_of_it() {
        // issued, expires, drawn → renewed, in seconds; the last microsecond of a window is rounded down.
        for (issued, expires, drawn, renewed) in [
            (0, 3600, MIDDLE, 1800),
            (0, 3600, LOW, 1620),
            (0, 3600, HIGH, 1979),
            (1000, 1300, MIDDLE, 1150),
            (1000, 1300, LOW, 1135),
            (0, 86_400, HIGH, 47_519),
            (0, 1, MIDDLE, 0),
            (500, 500, HIGH, 500),
            (500, 400, LOW, 500),
        ] {
            let (from, to) = (Timestamp::from_seconds(issued), Timestamp::from_seconds(expires));
            let at = renew_at(from, to, Jitter(drawn));
            assert_eq!(at.seconds(), renewed, "{issued}..{expires} drawn {drawn}");
        }
    }

    #[test]
    fn a_backoff_doubles_to_its_bound_and_is_never_longer() {
        let (first, longest) = (Lifetime::seconds(1), Lifetime::seconds(30));
        for (attempt, drawn, waits) in
            [(0, LOW, 1000), (1, LOW, 2000), (4, LOW, 16_000), (5, LOW, 30_000)]
                .into_iter()
                .chain([(60, LOW, 30_000), (5, HIGH, 7500), (0, MIDDLE, 625)])
        {
            let wait = backoff(attempt, first, longest, Jitter(drawn)).as_micros();
            assert!((wait - waits * 1000).abs() <= 1, "{attempt} {drawn}: {wait}");
        }
    }

    #[test]
    fn a_fleet_that_started_together_renews_spread_over_the_window() {
        const RENEWALS: u32 = 100_000;
        let window = 360_usize;
        let mut worst = 0.0_f64;
        for seed in 0_u32..20 {
            let mut buckets = vec![0_u32; window];
            for number in 0..RENEWALS {
                let at =
                    renew_at(Timestamp::EPOCH, Timestamp::from_seconds(3600), drawn(seed, number));
                let second = usize::try_from(at.seconds()).unwrap();
                buckets[second - 1620] += 1;
            }
            let mean = f64::from(RENEWALS) / 360.0;
            let max = f64::from(buckets.into_iter().max().unwrap());
            worst = worst.max(max / mean);
        }
        println!(
            "proof: {RENEWALS} renewals, 1 s buckets over the jitter window: max/mean {worst:.2}"
        );
        assert!(worst <= 1.3, "of 20 seeds the worst has max/mean {worst:.3}");
    }

    fn drawn(seed: u32, number: u32) -> Jitter {
        let mut input = [0_u8; 8];
        input[..4].copy_from_slice(&seed.to_le_bytes());
        input[4..].copy_from_slice(&number.to_le_bytes());
        let hash = digest::digest(&digest::SHA256, &input);
        Jitter::from_bytes(hash.as_ref()[..4].try_into().unwrap())
    }
}
