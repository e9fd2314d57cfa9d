//! The only HTTP client: limits on time and size, no redirects, and no way into private networks but to hosts that were named.
//!
//! Owns: [`Client`], which reaches the world ([`Client::world`]), a local socket ([`Client::unix`]), or exactly one peer
//! ([`Client::trusting`]); the guard against requests into private networks.
//! Does not own: what is asked, or what an answer means; gRPC clients.
//! Invariants: an answer is read whole or refused; a name is resolved once, and what was checked is what is dialled; no
//! proxy is taken from the environment.

mod client;
mod guard;
mod names;
mod private_host;
mod settings;
#[cfg(test)]
mod tests;

pub use client::{Client, Error, Limits};
pub use guard::Network;
pub use names::Names;
pub use private_host::PrivateHost;
pub use settings::Settings;
