//! Who the server thinks the caller is, and how the server is.

use serde::{Deserialize, Serialize};

use super::{Realm, RoleGrant, Time};

/// The caller, as the server sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Whoami {
    /// The realm this request is about.
    pub realm: String,
    /// Its trust domain, so that a client can make a whole SPIFFE ID of a path.
    pub trust_domain: String,
    /// Whom the proof names; null for an anonymous call and for the local socket.
    pub spiffe_id: Option<String>,
    /// The user at the other end of the local socket.
    pub uid: Option<u32>,
    /// How that was shown.
    pub proof: ProofKind,
    /// Over which door.
    pub listener: ListenerName,
    /// What the caller holds here.
    pub holds: Vec<RoleGrant>,
}

/// How a caller was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// Not at all.
    Nothing,
    /// An X.509-SVID in mutual TLS.
    X509Svid,
    /// A JWT-SVID with this API as its audience.
    JwtSvid,
    /// An access token with this API as its audience, of a person who signed in.
    AccessToken,
    /// The kernel named the user at the other end of the socket.
    KernelPeer,
}

/// A door of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListenerName {
    /// gRPC for agents.
    Node,
    /// Pages, discovery, and this API by token.
    Public,
    /// This API by client certificate.
    Mtls,
    /// The Unix socket on the server's own machine.
    Local,
}

/// How the server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Status {
    /// The release it runs.
    pub version: String,
    /// This process, `rep_…`: new at every start.
    pub replica: String,
    /// When this process started.
    pub started_at: Time,
    /// The realm this request is about.
    pub realm: Realm,
    /// The worst of the components.
    pub health: Health,
    /// Each part that can be well or not.
    pub components: Vec<Component>,
    /// How much there is in this realm.
    pub counts: Counts,
}

/// How well something is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All is well.
    Ok,
    /// It works, with less than it should have: the database is away, say.
    Degraded,
    /// It does not work.
    Failing,
}

impl Health {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

/// One part of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Component {
    /// Its name: `database`, `ledger`, `authorities`, …
    pub name: String,
    /// How it is.
    pub health: Health,
    /// Why, in words; empty when all is well.
    #[serde(default)]
    pub detail: String,
}

/// How much there is in a realm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Counts {
    /// Registration entries.
    pub entries: u64,
    /// Agents that are not banned.
    pub agents: u64,
    /// Agents with a push stream to this server.
    pub agents_connected: u64,
    /// Banned agents.
    pub agents_banned: u64,
    /// Authorities in any slot.
    pub authorities: u64,
    /// Foreign trust domains whose bundles are kept.
    pub foreign_bundles: u64,
}
