//! The node API on the wire, driven from descriptions that are not ours.

mod dynamic;
mod node_api;
