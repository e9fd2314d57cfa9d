//! The gRPC shell: what every call and status has in common. Calls arrive through an [`crate::http::Door`].
//!
//! Owns: failures as statuses, with details ([`status()`], [`detailed`]); who calls ([`peer()`]); what goes round the services of
//! a door ([`GrpcShell`]): an id and a span for each call, a bound on calls in flight, a status even after a panic.
//! Does not own: who the caller is in a realm; SPIRE's own codes and details, which the slices that speak them choose.
//! Invariants: a failure is logged once, here; a status never says more than a failure's public text.

mod peer;
mod shell;
mod status;
#[cfg(test)]
mod tests;

pub use peer::{peer, unix_peer};
pub use shell::GrpcShell;
pub use status::{CODE_KEY, detailed, details, status};
