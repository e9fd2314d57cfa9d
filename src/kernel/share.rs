//! Shares in whole hundredths of a percent. No float, so that every machine gets the same bits.

use std::fmt;

/// A share in hundredths of a percent: 0 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BasisPoints(u16);

impl BasisPoints {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const ONE: Self = Self(10_000);

    /// This many, 10,000 at most.
    pub const fn new(points: u16) -> Self {
        if points > 10_000 { Self::ONE } else { Self(points) }
    }

    /// How many.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// What is missing to all of it.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(10_000 - self.0)
    }

    /// This share of that, rounded down: evidence is never rounded up.
    #[must_use]
    pub fn of(self, other: Self) -> Self {
        let product = u32::from(self.0) * u32::from(other.0) / 10_000;
        Self::new(u16::try_from(product).unwrap_or(10_000))
    }

    /// What is left when this many are taken away.
    #[must_use]
    pub fn minus(self, points: u64) -> Self {
        Self::from_wide(self.wide().saturating_sub(points))
    }

    /// This many, 10,000 at most.
    pub fn from_wide(points: u64) -> Self {
        Self::new(u16::try_from(points).unwrap_or(u16::MAX))
    }

    /// How many, for products of several.
    pub fn wide(self) -> u64 {
        u64::from(self.0)
    }
}

impl fmt::Display for BasisPoints {
    /// In percent, or points of a hundred: `62.35`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_a_share_is_never_rounded_up() {
        assert_eq!(BasisPoints::new(3_333).of(BasisPoints::new(3_333)).get(), 1_110);
        assert_eq!(BasisPoints::new(20_000), BasisPoints::ONE);
        assert_eq!(BasisPoints::new(1).rest().get(), 9_999);
        assert_eq!(BasisPoints::new(6_205).to_string(), "62.05");
    }
}
