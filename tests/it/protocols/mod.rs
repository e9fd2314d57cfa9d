//! The node API on the wire, driven from descriptions that are not ours.

pub(crate) mod dynamic;
pub(crate) mod foreign_agent;
mod node_api;
mod refusals;
mod stolen_authority;
mod tokens;
