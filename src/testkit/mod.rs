//! The test kit: a clock that tests own, seeded chance, databases and whole servers in a process.
//!
//! Fakes that behave, never mocks that expect calls. Compiled only under the feature `testkit`.

mod agent;
mod clock;
mod database;
mod entropy;
pub mod gallery;
mod keys;
mod lossy;
mod passkey;
mod patience;
pub mod postgres;
mod private_file;
mod repository;
mod rest;
mod server;
mod shake_hands;
mod shifted;
mod signed_in;
mod upstream;

pub use agent::TestAgent;
pub use clock::TestClock;
pub use database::{Kept, TestDatabase, engines, on_each_database, on_each_engine};
pub use entropy::SeededEntropy;
pub use keys::{KeysReplica, posture_of};
pub use lossy::{Lose, LossyPostgres};
pub use passkey::TestPasskey;
pub use patience::{PATIENCE, until, within};
pub use private_file::private_file;
pub use repository::repository;
pub use rest::{Answer, Rest};
pub use server::TestServer;
pub use shake_hands::shake_hands;
pub use shifted::ShiftedClock;
pub use signed_in::store_sessions;
pub use upstream::{Answered, Asked, FakeUpstream, Lie};
