//! What applications, people and strangers can rely on.

mod clients;
pub(in crate::oauth) mod world;
