//! The test kit: a clock that tests own, seeded chance, databases and whole servers in a process.
//!
//! Fakes that behave, never mocks that expect calls. Compiled only under the feature `testkit`.

mod clock;
mod database;
mod entropy;
mod lossy;
mod keys;
pub mod postgres;
mod rest;

pub use clock::TestClock;
pub use database::{TestDatabase, engines, on_each_database, on_each_engine};
pub use entropy::SeededEntropy;
pub use lossy::{Lose, LossyPostgres};
pub use keys::KeysReplica;
pub use rest::{Answer, Rest};
