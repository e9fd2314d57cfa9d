//! The agent's nouns: what it is told by the server, and what it holds for workloads.
//!
//! Everything here is parsed already (`convert.rs` does it); nothing here reads a clock or the network.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::crypto::jose::JwtKeys;
use crate::kernel::{EntryId, Fault, Selector, SpiffeId, Timestamp, TrustDomain};

use super::renewal::Jitter;

/// A registration entry as far as an agent needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// The identity it gives.
    pub spiffe_id: SpiffeId,
    /// What a workload must show: all of it. Never empty.
    pub selectors: BTreeSet<Selector>,
    /// The foreign trust domains whose bundles its workloads get.
    pub federates_with: BTreeSet<TrustDomain>,
    /// The end of the entry itself, if it has one.
    pub expires_at: Option<Timestamp>,
    /// Rises with every change of the entry.
    pub revision: i64,
    /// Seconds since the epoch; the older entry comes first in a message.
    pub created_at: i64,
    /// For the workload's choice among several identities; may be empty.
    pub hint: String,
    /// Its X.509-SVID is fetched before anybody asks.
    pub prefetch: bool,
    /// Its JWT-SVIDs carry a `jti`, so each is handed out once and none is kept.
    pub unique_tokens: bool,
}

impl Entry {
    /// Where it stands among a workload's identities: the oldest first, which makes it the default (Workload API §8).
    pub fn rank(&self) -> (i64, &EntryId) {
        (self.created_at, &self.id)
    }

    /// True if the entry is in force and asks for nothing that the workload did not show.
    pub fn matches(&self, shown: &BTreeSet<Selector>, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end) && self.selectors.is_subset(shown)
    }
}

/// One X.509 authority of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct X509Authority {
    /// The certificate.
    pub der: Bytes,
    /// What it signed is to be replaced at once.
    pub tainted: bool,
}

/// One JWT authority of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtAuthority {
    /// The key's name in token headers.
    pub key_id: String,
    /// What it signed is to be replaced at once.
    pub tainted: bool,
}

/// A trust domain's public authorities, with the two forms in which workloads get them.
#[derive(Clone)]
pub struct Bundle {
    /// Whose they are; stored next to the keys, never inferred from them (Trust Domain and Bundle §3).
    pub trust_domain: TrustDomain,
    /// For X.509-SVIDs.
    pub x509: Vec<X509Authority>,
    /// For JWT-SVIDs.
    pub jwt: Vec<JwtAuthority>,
    /// Rises with every change.
    pub sequence: u64,
    /// All X.509 authorities, DER, one after the other.
    pub x509_der: Bytes,
    /// The JWT authorities as a JWK set, and nothing else (Workload API §6.2.2).
    pub jwks: Bytes,
    /// The same, parsed.
    pub jwt_keys: JwtKeys,
}

impl Bundle {
    /// True if the other holds the same authorities in the same state.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.trust_domain == other.trust_domain
            && self.sequence == other.sequence
            && self.x509 == other.x509
            && self.jwt == other.jwt
            && self.jwks == other.jwks
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("trust_domain", &self.trust_domain)
            .field("x509", &self.x509.len())
            .field("jwt", &self.jwt.len())
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

/// A workload's X.509-SVID with its key. The key is wiped when the last message that holds it is gone.
pub struct X509Svid {
    /// The identity in it.
    pub spiffe_id: SpiffeId,
    /// Leaf first, DER, one after the other.
    pub chain: Bytes,
    /// The same, one by one.
    pub certificates: Vec<Bytes>,
    /// PKCS#8, DER.
    pub key: Bytes,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// The end of its validity.
    pub expires_at: Timestamp,
    /// When to replace it, drawn once.
    pub renew_at: Timestamp,
}

impl fmt::Debug for X509Svid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("X509Svid")
            .field("spiffe_id", &self.spiffe_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A workload's JWT-SVID.
pub struct JwtSvid {
    /// The identity in it.
    pub spiffe_id: SpiffeId,
    /// The token: whoever holds it is the workload until it expires.
    pub token: zeroize::Zeroizing<String>,
    /// The end of its validity.
    pub expires_at: Timestamp,
    /// When to replace it, drawn once.
    pub renew_at: Timestamp,
    /// The key that signed it, from its header.
    pub key_id: String,
}

impl fmt::Debug for JwtSvid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSvid")
            .field("spiffe_id", &self.spiffe_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Draws what is drawn once per SVID.
pub(crate) fn draw(entropy: &Arc<dyn crate::env::Entropy>) -> Result<Jitter, Fault> {
    Ok(Jitter::from_bytes(entropy.nonce::<4>()?))
}

/// Why the server says no to this agent (`spire.api.types.PermissionDeniedDetails`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Banned: delete the SVID and stop.
    Banned,
    /// Expired, evicted, replaced, or due: attest again.
    AttestAgain,
}

/// What can end or hinder the agent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is missing or does not fit another.
    #[error("{0}")]
    Settings(String),
    /// The join string cannot be used.
    #[error("the join string cannot be used")]
    Join(#[from] crate::wire::join::JoinStringError),
    /// No key of the answering server is pinned.
    #[error(
        "the server at `{address}` shows none of the keys that the join string pins, so it is not the server that made \
         the string, or its keys have all been replaced since: no token was sent; make a new join string there with \
         `weft token create`"
    )]
    NoPinnedKey {
        /// Where it answers.
        address: String,
    },
    /// Who answers is not the trust domain's server.
    #[error(
        "whoever answers at `{address}` did not prove to be `{expected}`, so nothing was sent to it: {why}"
    )]
    NotTheServer {
        /// Where it answers.
        address: String,
        /// Who should.
        expected: String,
        /// What was wrong.
        why: String,
    },
    /// The server does not let this agent in.
    #[error("the server refused to attest this agent: {0}")]
    AttestationRefused(String),
    /// An administrator banned this agent.
    #[error(
        "this agent was banned on the server; its SVID was deleted and it stops; to let it in again, evict it there \
         and attest anew"
    )]
    Banned,
    /// The server refuses this agent's SVID.
    #[error("the server no longer accepts this agent's SVID")]
    MustAttestAgain,
    /// The server has no such call.
    #[error("the server does not offer `{0}`")]
    NotOffered(&'static str),
    /// It did not answer, or not in time.
    #[error("the server at `{address}` cannot be reached: {why}")]
    Unreachable {
        /// Where it should be.
        address: String,
        /// What happened.
        why: String,
    },
    /// It said no to one call.
    #[error("the server answered `{code:?}`: {message}")]
    Answer {
        /// The gRPC code.
        code: tonic::Code,
        /// Its message.
        message: String,
    },
    /// What it answered is not usable.
    #[error("the server's answer is not usable: {0}")]
    BadAnswer(String),
    /// A file of this agent cannot be read or written.
    #[error("`{path}`: {why}")]
    File {
        /// Which.
        path: String,
        /// What happened.
        why: String,
    },
    /// A shell met something.
    #[error("{0}")]
    Fault(#[from] Fault),
}

impl Error {
    /// True if waiting and trying again may help, without anybody changing anything.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Answer { code, .. } => matches!(
                code,
                tonic::Code::Unavailable
                    | tonic::Code::DeadlineExceeded
                    | tonic::Code::ResourceExhausted
                    | tonic::Code::Aborted
                    | tonic::Code::Cancelled
                    | tonic::Code::Internal
                    | tonic::Code::Unknown
            ),
            Self::Fault(fault) => fault.is_away(),
            _ => false,
        }
    }

    /// A file's name with what happened to it.
    pub(crate) fn file(path: &std::path::Path, why: impl fmt::Display) -> Self {
        Self::File { path: path.display().to_string(), why: why.to_string() }
    }
}
