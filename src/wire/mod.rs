//! What two programs of ours share (server, agent, command line): parse and format, no rules.
//!
//! Owns: [`join`], the one line that carries a new agent's start from the server's terminal to the node; [`api`], the JSON
//! documents of the admin REST API; [`launch`], what the command line asks of server and agent; [`posture`], reports,
//! models and scores of devices; [`device_proof`] and [`on_device`], what a device's or an agent's key signs. Does not own: whether what was parsed is allowed, known or still valid.

pub mod api;
pub mod device_proof;
pub mod join;
pub mod launch;
pub mod on_device;
pub mod posture;
