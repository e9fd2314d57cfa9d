//! Where a question comes from, and how the person behind it showed who they are: what policies know beside the device.

use std::net::IpAddr;
use std::sync::Arc;

use super::assurance::Assurance;
use super::time::Timestamp;

/// What is known of the situation in which something is asked. Nothing, where the server asks by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Situation {
    /// Where on the network whoever asks is; nothing at the local socket.
    pub address: Option<Address>,
    /// The sign-in behind it; nothing where no person signed in.
    pub authentication: Option<Authentication>,
}

/// A network address, and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// An IPv4 address is never written as IPv6.
    pub ip: IpAddr,
    /// How it is known.
    pub source: AddressSource,
}

/// How an address is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressSource {
    /// It is the other end of the connection, or what a proxy that the settings trust says of the one behind it.
    Connection,
    /// It is where the browser was at the sign-in.
    SignIn,
}

/// A person showed who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// When: `auth_time` (OpenID Connect Core §2).
    pub at: Timestamp,
    /// How sure that was.
    pub assurance: Assurance,
    /// `amr` (RFC 8176 §2): how, in a fixed order.
    pub amr: Arc<[String]>,
    /// The provider that vouched; nothing where Weft itself saw all of it.
    pub upstream: Option<Arc<str>>,
}

impl Situation {
    /// Nothing is known.
    pub fn unknown() -> &'static Self {
        static UNKNOWN: Situation = Situation { address: None, authentication: None };
        &UNKNOWN
    }

    /// Of whoever is at the other end of this connection.
    pub fn at(ip: Option<IpAddr>) -> Self {
        let ip = ip.map(|ip| ip.to_canonical());
        let address = ip.map(|ip| Address { ip, source: AddressSource::Connection });
        Self { address, authentication: None }
    }

    /// Of whoever signed in from there, and is nowhere now: a program acts for them.
    pub fn after(authentication: Authentication, from: Option<IpAddr>) -> Self {
        let address = from.map(|ip| Address { ip, source: AddressSource::SignIn });
        Self { address, authentication: Some(authentication) }
    }

    /// The same, with this sign-in behind it.
    #[must_use]
    pub fn signed_in(self, authentication: Authentication) -> Self {
        Self { authentication: Some(authentication), ..self }
    }
}

impl AddressSource {
    /// The name in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::SignIn => "sign_in",
        }
    }
}
