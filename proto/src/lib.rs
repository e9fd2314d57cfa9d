//! The protocols that Weft serves over gRPC: messages, clients and servers, generated from the
//! `.proto` files in `api/`.
//!
//! - [`workload`]: the SPIFFE Workload API, which the agent serves to workloads.
//! - [`spire`]: the nine calls of SPIRE's server API that agents make, and the types they share.
//! - [`node`]: our own push stream from server to agent.
//! - [`google`]: the status in which a refused agent finds its reason.
//!
//! The code in `src/gen/` is checked in and made by one test only: `make gen` rewrites it, and
//! `tests/generated.rs` fails when it is not what the `.proto` files say. That the first two
//! protocols are what the rest of the world speaks is proved by `tests/independent.rs`.
//!
//! Invariants:
//!
//! - Every `bytes` field is a [`Bytes`](prost::bytes::Bytes): a message cloned for another stream, and a chain
//!   or bundle that sits in many messages, share one allocation, and what is decoded is not copied.
//!   In return, a decoded field keeps the whole received frame alive: whoever stores one for longer
//!   than the call copies it with `Bytes::copy_from_slice`. A private key goes in as
//!   `Bytes::from_owner` of a buffer that wipes itself, and is wiped with its last clone.
//! - Every map is a `BTreeMap`: equal messages have equal bytes.
//! - What holds a secret has a hand-written `Debug` that does not show it (`redacted.rs`).
//! - The server traits have no default answers: a call that is not served is answered with
//!   `Unimplemented` by a line that somebody wrote.

mod codec;
mod redacted;

pub use codec::SmallBuffers;

/// The SPIFFE Workload API (`SpiffeWorkloadAPI`; it has no package).
pub mod workload {
    include!("gen/workload.rs");
}

/// SPIRE's server API, as far as its agents call it.
pub mod spire {
    /// `spire.api`.
    pub mod api {
        /// `spire.api.types`: messages that the services share.
        pub mod types {
            include!("gen/spire.api.types.rs");
        }

        /// `spire.api.server`: the services.
        pub mod server {
            /// `spire.api.server.agent`.
            pub mod agent {
                /// Attestation and renewal of agents.
                pub mod v1 {
                    include!("gen/spire.api.server.agent.v1.rs");
                }
            }

            /// `spire.api.server.bundle`.
            pub mod bundle {
                /// Trust bundles.
                pub mod v1 {
                    include!("gen/spire.api.server.bundle.v1.rs");
                }
            }

            /// `spire.api.server.entry`.
            pub mod entry {
                /// Registration entries.
                pub mod v1 {
                    include!("gen/spire.api.server.entry.v1.rs");
                }
            }

            /// `spire.api.server.svid`.
            pub mod svid {
                /// Issuance.
                pub mod v1 {
                    include!("gen/spire.api.server.svid.v1.rs");
                }
            }
        }
    }
}

/// Google's, which gRPC itself uses.
pub mod google {
    /// `google.rpc`: a status with details.
    pub mod rpc {
        include!("gen/google.rpc.rs");
    }
}

/// Our own protocols between server and agent.
pub mod node {
    /// `weft.node.v1`: the push stream.
    pub mod v1 {
        include!("gen/weft.node.v1.rs");
    }
}

/// The descriptors of the Workload API, an encoded `FileDescriptorSet` for gRPC reflection
/// (SPIFFE Workload Endpoint §7).
pub const WORKLOAD_DESCRIPTORS: &[u8] = include_bytes!("gen/workload.fds.bin");

/// The descriptors of SPIRE's four services, as far as we serve them.
pub const SPIRE_DESCRIPTORS: &[u8] = include_bytes!("gen/spire.fds.bin");

/// The descriptors of the push stream, with the SPIRE types that it uses.
pub const NODE_DESCRIPTORS: &[u8] = include_bytes!("gen/node.fds.bin");
