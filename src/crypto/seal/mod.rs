//! Sealing at rest: AES-256-GCM, under key-encryption keys that an operator holds, and under data keys that they seal.
//!
//! A blob names the key that sealed it, so that two keys can be in use while rows are resealed. Associated data binds a
//! blob to its place: one moved to another row does not open.

mod data;
mod load;
mod ring;

pub use data::DataKey;
pub use load::{KekError, KekSource};
pub use ring::{Kek, KekRing};

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
