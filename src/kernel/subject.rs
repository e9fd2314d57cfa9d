//! Subjects and callers: who is named, and who is asking.

use std::net::IpAddr;

use super::ids::{RealmId, SubjectId};
use super::spiffe::SpiffeId;
use super::time::Timestamp;

/// What sort of subject an ID names. Each sort but `Workload` has a reserved path prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectKind {
    /// A person: `/user/…`.
    User,
    /// A device: `/device/…`.
    Device,
    /// A program that got its ID through a registration entry.
    Workload,
    /// An attested agent: `/spire/agent/…`.
    Node,
    /// An OAuth client: `/client/…`.
    Client,
    /// The fabric's own server: `/spire/server`.
    Server,
}

impl SubjectKind {
    /// The name in policies, events and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Device => "device",
            Self::Workload => "workload",
            Self::Node => "node",
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// Somebody or something with a SPIFFE ID in a realm.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Its sort.
    pub kind: SubjectKind,
    /// Its name.
    pub id: SpiffeId,
    /// Its number in event headers, which says nothing about it.
    pub number: SubjectId,
}

/// Which door a request came through (architecture §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listener {
    /// gRPC for agents.
    Node,
    /// Pages, discovery and the admin API by token.
    Public,
    /// The admin API by client certificate.
    Mtls,
    /// The Unix socket on the server's own machine.
    Local,
}

/// How the caller was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Not at all.
    Nothing,
    /// Possession of the key of an X.509-SVID that verified against the current bundle.
    X509Svid {
        /// Its serial number, lower-case hexadecimal without leading zeros.
        serial: String,
        /// Its first second of validity.
        not_before: Timestamp,
        /// The end of its validity.
        not_after: Timestamp,
        /// SHA-256 of its subject public key info.
        key_digest: [u8; 32],
    },
    /// A JWT-SVID with our audience.
    JwtSvid {
        /// When it was issued.
        issued_at: Timestamp,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// An access token of our own OpenID provider with our audience, of a person who signed in.
    AccessToken {
        /// When the person signed in.
        signed_in_at: Timestamp,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// The kernel says which user is at the other end of the socket.
    KernelPeer {
        /// The user's number.
        uid: u32,
        /// The process, as long as it lives.
        pid: i32,
    },
}

/// Who makes this request. Made by a listener's shell, read by handlers, judged by `access`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The realm this request is about.
    pub realm: RealmId,
    /// Whom the proof names; nobody for an anonymous call and for the local socket.
    pub subject: Option<SpiffeId>,
    /// How that was shown.
    pub proof: Proof,
    /// Over which door.
    pub listener: Listener,
    /// From which network address; nothing over the local socket.
    pub address: Option<IpAddr>,
}
