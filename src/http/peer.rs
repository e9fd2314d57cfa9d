//! Who is at the other end of a connection, as TLS or the kernel says it. Read once, at accept.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::FromRequestParts;
use http::request::Parts;
use rustls::NamedGroup;
use rustls::pki_types::CertificateDer;

use super::problem::Problem;
use super::process::Process;
use crate::crypto::x509::{SvidError, VerifiedSvid, svid_of_verified_peer};
use crate::kernel::{Failure, Kind};

/// The other end of a connection. A request extension behind every [`super::Door`], for axum and tonic alike.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct PeerInfo(Arc<Peer>);

#[derive(Debug)]
struct Peer {
    door: &'static str,
    remote: Remote,
    tls: Option<TlsPeer>,
    /// The number that it passed a check for last.
    passed: AtomicU64,
}

/// Where the other end is.
#[derive(Debug)]
pub enum Remote {
    /// On the network.
    Tcp(SocketAddr),
    /// On this machine.
    Unix(UnixPeer),
}

/// The process at the other end of a Unix socket, as the kernel recorded it at `connect`.
#[derive(Debug)]
pub struct UnixPeer {
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
    /// The process itself; nothing if it had ended at accept, or lives where we cannot see it.
    pub process: Option<Process>,
}

/// What the TLS handshake agreed on.
#[derive(Debug)]
pub struct TlsPeer {
    /// The peer's certificates, leaf first; empty if it showed none.
    pub chain: Vec<CertificateDer<'static>>,
    /// The X.509-SVID that the leaf is, or why it is none; nothing if the peer showed no certificate. Reading one costs as
    /// much as a small request, so it is read here and not with each of them.
    pub svid: Option<Result<VerifiedSvid, SvidError>>,
    /// The host name it asked for.
    pub server_name: Option<String>,
    /// The protocol: `h2` or `http/1.1`.
    pub alpn: Option<Vec<u8>>,
    /// The key exchange, to see who is post-quantum already.
    pub key_exchange: Option<NamedGroup>,
}

impl PeerInfo {
    /// What a door knows of a connection it accepted.
    pub fn new(door: &'static str, remote: Remote, tls: Option<TlsPeer>) -> Self {
        let passed = AtomicU64::new(NOTHING_PASSED);
        Self(Arc::new(Peer { door, remote, tls, passed }))
    }

    /// The name of the door it came through.
    pub fn door(&self) -> &'static str {
        self.0.door
    }

    /// Where it is.
    pub fn remote(&self) -> &Remote {
        &self.0.remote
    }

    /// Its network address, if it came over the network.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.0.remote {
            Remote::Tcp(address) => Some(*address),
            Remote::Unix(_) => None,
        }
    }

    /// Its process, if it came over a Unix socket.
    pub fn unix(&self) -> Option<&UnixPeer> {
        match &self.0.remote {
            Remote::Tcp(_) => None,
            Remote::Unix(peer) => Some(peer),
        }
    }

    /// What TLS agreed on, if it came over TLS.
    pub fn tls(&self) -> Option<&TlsPeer> {
        self.0.tls.as_ref()
    }

    /// The X.509-SVID it showed, which the handshake has verified, or why its certificate is none; nothing if it showed no
    /// certificate.
    pub fn svid(&self) -> Option<&Result<VerifiedSvid, SvidError>> {
        self.0.tls.as_ref()?.svid.as_ref()
    }

    /// Whether this end of the connection passes a check whose outcome changes with `number` alone: it runs once for each.
    pub fn passes<E>(&self, number: u64, check: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        if self.0.passed.load(Ordering::Relaxed) != number {
            check()?;
            self.0.passed.store(number, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Its certificates, leaf first; empty if it showed none.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        self.0.tls.as_ref().map_or(&[], |tls| tls.chain.as_slice())
    }
}

impl TlsPeer {
    /// What this handshake agreed on.
    pub(super) fn of(connection: &rustls::ServerConnection) -> Self {
        let chain = connection.peer_certificates().map(<[_]>::to_vec).unwrap_or_default();
        Self {
            svid: chain.first().map(|leaf| svid_of_verified_peer(leaf)),
            chain,
            server_name: connection.server_name().map(str::to_owned),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            key_exchange: connection
                .negotiated_key_exchange_group()
                .map(rustls::crypto::SupportedKxGroup::name),
        }
    }
}

impl Remote {
    /// What connections are counted by: the user, or the address (of IPv6 the /64, which one subscriber has whole).
    pub(crate) fn key(&self) -> PeerKey {
        match self {
            Self::Unix(peer) => PeerKey::User(peer.uid),
            Self::Tcp(address) => match address.ip().to_canonical() {
                IpAddr::V4(ip) => PeerKey::V4(ip.octets()),
                IpAddr::V6(ip) => PeerKey::V6(ip.to_bits() >> 64),
            },
        }
    }
}

/// What connections are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PeerKey {
    User(u32),
    V4([u8; 4]),
    V6(u128),
}

impl<S: Sync> FromRequestParts<S> for PeerInfo {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Problem::from(
                Failure::new(
                    Kind::Bug,
                    "internal",
                    "an internal error; the log of this server has the details",
                )
                .because("a route that needs the peer is served without a door"),
            )
        })
    }
}

/// A number that nobody counts up to.
const NOTHING_PASSED: u64 = u64::MAX;
