//! The node API on the wire, driven from descriptions that are not ours.

mod dynamic;
mod foreign_agent;
mod node_api;
mod refusals;
mod tokens;
