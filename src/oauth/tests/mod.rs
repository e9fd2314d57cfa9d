//! What applications, people and strangers can rely on.

mod clients;
mod machines;
mod requests;
pub(in crate::oauth) mod world;
