//! What two programs of ours share (server, agent, command line): parse and format, no rules.
//!
//! Owns: [`api`], the JSON documents of the admin REST API. Does not own: what may be asked, or what is true.

pub mod api;
