//! The test kit: a clock that tests own, seeded chance, databases and whole servers in a process.
//!
//! Fakes that behave, never mocks that expect calls. Compiled only under the feature `testkit`.

mod clock;
mod entropy;

pub use clock::TestClock;
pub use entropy::SeededEntropy;
