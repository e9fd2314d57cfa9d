//! The server: slices put together, doors opened, the change log followed, commands of the server's own process.
//!
//! Owns: the dependency graph ([`build`]), what is mounted where (`routes`), which kind of change concerns which slice
//! (`follow`), the order of start and stop ([`serve`]), and [`commands`]. Does not own any rule of a slice.
//! Invariants: a door opens only when everything behind it is loaded; what was acknowledged before a stop is durable.

pub mod build;
mod callers;
pub mod commands;
mod documents;
mod doors;
mod follow;
mod node_calls;
mod react;
mod realm_doors;
mod routes;
pub mod serve;
pub mod settings;
mod sight;
mod statements;
mod status;
mod visitors;
mod wait_for_database;
mod ways_in;
mod web_certificate;

pub use build::{Ports, Server};
pub use documents::openapi;
pub use doors::Addresses;
pub use routes::node_service_names;
pub use serve::Running;
pub use settings::Settings;
pub use statements::{SliceStatements, statements};
