//! The node agent: attests this node, keeps its SVID, and serves the SPIFFE Workload API to its workloads.
//!
//! Owns: the first trust in a server (`bootstrap`), the agent's identity ([`identity`], `keep_identity`), the view of
//! entries and bundles ([`sync`], [`view`]), SVIDs and tokens held for workloads ([`cache`], [`prefetch`], [`tokens`]),
//! workload attestation ([`attestors`]), and the socket ([`workload_api`]).
//! Does not own: who gets what (the server's registration entries), issuance, policy.
//! Endpoints: `SpiffeWorkloadAPI` and reflection on a Unix socket; `/live`, `/ready` and `/metrics` on a loopback address
//! if one is set. Calls: SPIRE's server API and `weft.node.v1`.
//! Invariants: no token leaves before the server has proved who it is; no workload key is written to disk; nothing
//! expired, removed or refused is served; loss of the server is survived until what is held expires.

pub mod attest;
pub mod attestors;
mod bootstrap;
pub mod cache;
mod convert;
mod dial;
mod follow;
pub mod identity;
mod keep_identity;
mod key_file;
pub mod launch;
pub mod model;
mod on_device;
mod ops;
pub mod prefetch;
pub mod renewal;
mod run;
pub mod server_client;
pub mod settings;
mod start;
pub mod sync;
pub mod tokens;
pub mod view;
pub mod workload_api;

#[cfg(test)]
mod tests;

pub use model::Error;
pub use run::{Ports, run, runtime};
pub use settings::Settings;
