//! Floor 1: cryptography, on aws-lc-rs alone. Pure: no async, no database, no socket.
//!
//! Owns: keys and the `Signer` port, X.509 (requests, certificates, chains), JOSE (tokens, key sets), TLS configurations,
//! sealing at rest, digests. Does not own: which authority signs what (`authority`), and what an SVID says (`svid`).
//! Invariants: an algorithm is a property of a key or of a rule, never taken from what a peer sent; a private key is
//! parsed once and kept; nothing here panics on input.

mod der;
pub mod digest;
pub mod jose;
pub mod keys;
pub mod password;
pub mod seal;
pub mod tls;
pub mod x509;
