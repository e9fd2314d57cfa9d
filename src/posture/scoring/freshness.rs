//! How fresh evidence is: halving by table, so that every machine gets the same bits.

use crate::kernel::{BasisPoints, Lifetime};

/// How fresh evidence of this age is: whole until `fresh`, then half as much for each `half`, and nothing from `ends` on.
pub(super) fn freshness(
    age: Lifetime,
    fresh: Lifetime,
    half: Lifetime,
    ends: Lifetime,
) -> BasisPoints {
    if age >= ends {
        return BasisPoints::ZERO;
    }
    let over = i128::from(age.as_micros()) - i128::from(fresh.as_micros());
    if over <= 0 {
        return BasisPoints::ONE;
    }
    let half = i128::from(half.as_micros().max(1));
    let steps = (over * STEPS + half - 1) / half;
    let steps = usize::try_from(steps).unwrap_or(usize::MAX);
    let (halvings, step) = (steps / HALVES.len(), steps % HALVES.len());
    let share = HALVES.get(step).copied().unwrap_or(0);
    let share =
        u32::try_from(halvings).ok().and_then(|halvings| share.checked_shr(halvings)).unwrap_or(0);
    BasisPoints::new(u16::try_from(share / 100_000).unwrap_or(0))
}

/// Steps in which one halving is taken. Between two the lower share counts: evidence is never rounded up.
const STEPS: i128 = 64;

/// 2 to the power of −n/64, in billionths.
const HALVES: [u32; 64] = [
    1_000_000_000,
    989_228_013,
    978_572_062,
    968_030_897,
    957_603_281,
    947_287_991,
    937_083_817,
    926_989_563,
    917_004_043,
    907_126_088,
    897_354_538,
    887_688_246,
    878_126_080,
    868_666_918,
    859_309_649,
    850_053_177,
    840_896_415,
    831_838_290,
    822_877_739,
    814_013_711,
    805_245_166,
    796_571_076,
    787_990_423,
    779_502_200,
    771_105_413,
    762_799_075,
    754_582_214,
    746_453_864,
    738_413_073,
    730_458_897,
    722_590_403,
    714_806_669,
    707_106_781,
    699_489_836,
    691_954_941,
    684_501_211,
    677_127_773,
    669_833_762,
    662_618_322,
    655_480_606,
    648_419_777,
    641_435_008,
    634_525_479,
    627_690_379,
    620_928_906,
    614_240_268,
    607_623_680,
    601_078_366,
    594_603_558,
    588_198_496,
    581_862_429,
    575_594_615,
    569_394_317,
    563_260_809,
    557_193_371,
    551_191_292,
    545_253_866,
    539_380_399,
    533_570_200,
    527_822_589,
    522_136_891,
    516_512_440,
    510_948_574,
    505_444_643,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_halves_and_ends() {
        let hour = Lifetime::hours(1);
        let at =
            |minutes| freshness(Lifetime::minutes(minutes), hour, hour, Lifetime::hours(4)).get();
        let table = [
            (-5, 10_000),
            (0, 10_000),
            (60, 10_000),
            (61, 9_785),
            (90, 7_071),
            (120, 5_000),
            (180, 2_500),
            (239, 1_263),
            (240, 0),
        ];
        for (minutes, points) in table {
            assert_eq!(at(minutes), points, "{minutes} minutes");
        }
    }

    #[test]
    fn the_table_is_what_it_says() {
        for (n, share) in (0_u32..).zip(HALVES) {
            let exact = (-f64::from(n) / 64.0).exp2() * 1e9;
            assert!((f64::from(share) - exact).abs() <= 0.5, "{n}");
        }
    }
}
