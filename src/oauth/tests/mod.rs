//! What applications, people and strangers can rely on.

mod clients;
mod consent;
pub(crate) mod devices;
mod machines;
mod own_client;
mod people;
mod requests;
mod staying;
pub(in crate::oauth) mod world;
