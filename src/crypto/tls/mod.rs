//! TLS by SPIFFE ID: configurations whose certificates and roots can change while they are in use.
//!
//! Owns: what is verified in a handshake. Does not own: sockets, and where certificates come from. No resumption anywhere
//! here: a resumed session skips the verification of the chain, and bundles change (SPIRE 1.14.3 had to fix that).

mod client;
mod current;
mod server;

pub use client::{ExpectedPeer, client_config};
pub use current::{CurrentCertificate, CurrentRoots, TlsClock};
pub use server::{Clients, server_config};

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

/// Makes aws-lc-rs the process's provider, for libraries that ask the process (crates: one provider). Harmless again.
pub fn install_provider() {
    // It is the same one if somebody was faster.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
