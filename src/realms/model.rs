//! What a realm is, the rules of its names, and why one cannot be made.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::access;
use crate::events::{self, Event};
use crate::http::pages::BrandFlaw;
use crate::kernel::{Failure, Fault, Kind, RealmId, Timestamp, TrustDomain};

/// A realm was made.
pub const REALM_CREATED: &str = "realms.realm_created";
/// The kind of change of a realm; its key is the realm's number. In realm 0.
pub const REALM: &str = "realm";

/// What a realm's pages say of themselves was set.
pub const BRAND_CHANGED: &str = "realms.brand_changed";
/// The kind of change of a brand, in its realm; there is one.
pub const BRAND: &str = "brand";

/// A realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm {
    /// Its number.
    pub id: RealmId,
    /// Its name, in paths of the admin API.
    pub name: RealmName,
    /// Its SPIFFE trust domain, fixed for ever.
    pub trust_domain: TrustDomain,
    /// The issuer of its tokens, fixed for ever.
    pub issuer: Issuer,
    /// The host names that choose it where a server has several realms; the issuer's is among them.
    pub hosts: BTreeSet<HostName>,
    /// When it was made.
    pub created: Timestamp,
}

impl Realm {
    /// True if both were asked for with the same words, whatever number and time they got.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        let of = |realm: &Self| {
            let Self { name, trust_domain, issuer, hosts, .. } = realm.clone();
            (name, trust_domain, issuer, hosts)
        };
        of(self) == of(other)
    }

    /// The event that tells of its making.
    pub(super) fn created_event(&self) -> Event {
        let hosts: Vec<&str> = self.hosts.iter().map(HostName::as_str).collect();
        Event::new(RealmId::SYSTEM, REALM_CREATED)
            .about("realm", self.id.0)
            .about("name", self.name.as_str())
            .about("trust_domain", self.trust_domain.as_str())
            .about("issuer", self.issuer.as_str())
            .about("hosts", hosts)
    }
}

/// A realm's name: 1 to 63 of `a-z 0-9 -`, beginning with a letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RealmName(Arc<str>);

/// The issuer of a realm's tokens (OpenID Connect Discovery §3): an `https` URL without query, fragment or final slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Issuer {
    text: Arc<str>,
    host: HostName,
}

/// A host name or address as a client names it: lower case, without port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(Arc<str>);

/// Why a text is not a name, issuer or host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {form}")]
pub struct ParseError {
    text: String,
    form: &'static str,
}

fn refuse(text: &str, form: &'static str) -> ParseError {
    ParseError { text: text.chars().take(80).collect(), form }
}

impl RealmName {
    /// Reads a name. `system` is realm 0's and nobody else's.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let form = "a realm's name: 1 to 63 of a-z, 0-9 and `-`, beginning with a letter, and not `system`";
        let starts = text.starts_with(|first: char| first.is_ascii_lowercase());
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !starts || text.len() > NAME_BYTES_MAX || !text.bytes().all(allowed) || text == "system"
        {
            return Err(refuse(text, form));
        }
        Ok(Self(Arc::from(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Issuer {
    /// Reads an issuer. It has one spelling only, because relying parties compare it letter by letter (OpenID Connect
    /// Core §2).
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let form = "an issuer: an https URL without user, query, fragment or final slash";
        let url = url::Url::parse(text).map_err(|_| refuse(text, form))?;
        let spelling = url.as_str().strip_suffix('/').unwrap_or(url.as_str());
        let plain = url.scheme() == "https"
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && text.len() <= ISSUER_BYTES_MAX
            && spelling == text;
        let host = url.host_str().and_then(HostName::of_request);
        match (plain, host) {
            (true, Some(host)) => Ok(Self { text: Arc::from(text), host }),
            _ => Err(refuse(text, form)),
        }
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host in it.
    pub fn host(&self) -> &HostName {
        &self.host
    }
}

impl HostName {
    /// Reads a host name as an administrator writes it.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let form = "a host name: lower-case labels joined by dots, or an address, without port";
        match Self::of_request(text) {
            Some(host) if *host.0 == *text => Ok(host),
            _ => Err(refuse(text, form)),
        }
    }

    /// The host name in a `Host` header or server name indication, which may have a port, capitals, brackets around an
    /// address, and a final dot.
    pub fn of_request(text: &str) -> Option<Self> {
        let bare = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, port)) if port.is_empty() || port.starts_with(':') => address,
            Some(_) => return None,
            None => match text.split_once(':') {
                // More than one colon: an IPv6 address that a server name indication shows without brackets.
                Some((name, port)) if !port.contains(':') => name,
                _ => text,
            },
        };
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self(Arc::from(address.to_string())));
        }
        let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
        let label = |label: &str| {
            let inner =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
            !label.is_empty() && label.len() <= 63 && label.bytes().all(inner)
        };
        let fits = name.len() <= HOST_BYTES_MAX && name.split('.').all(label);
        fits.then(|| Self(Arc::from(name)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RealmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a realm was not made, or this server cannot serve the one there is.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Refused(#[from] access::Error),
    /// No realm has this name, or none that the caller may know of.
    #[error("there is no realm of this name, or not for this caller")]
    Unknown,
    /// Another realm has it.
    #[error("another realm has the {what} `{value}`")]
    Taken {
        /// Name, trust domain, issuer or host name.
        what: &'static str,
        /// Which.
        value: String,
    },
    /// The settings say another value than the first start did.
    #[error(
        "the {what} of this fabric is `{stored}`, fixed at its first start; the settings say `{asked}`"
    )]
    Fixed {
        /// Trust domain or issuer.
        what: &'static str,
        /// What holds.
        stored: String,
        /// What the settings say.
        asked: String,
    },
    /// More than a server can have.
    #[error("there can be at most {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        most: usize,
    },
    /// A brand cannot be so.
    #[error(transparent)]
    Brand(#[from] BrandFlaw),
    /// Storage did not take it.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Its event could not be recorded.
    #[error(transparent)]
    Unrecorded(#[from] events::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, code) = match &error {
            Error::Refused(inner) => return inner.clone().into(),
            Error::Fault(fault) => return fault.clone().into(),
            Error::Unrecorded(inner) => return inner.clone().into(),
            Error::Unknown => (Kind::NotFound, "realm.not_found"),
            Error::Taken { .. } => (Kind::Conflict, "realm.taken"),
            Error::Fixed { .. } => (Kind::Invalid, "realm.fixed"),
            Error::TooMany { .. } => (Kind::Limited, "realm.too_many"),
            Error::Brand(_) => (Kind::Invalid, "realm.brand"),
        };
        Self::new(kind, code, error.to_string()).because(error)
    }
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self::new(Kind::Invalid, "realm.name", error.to_string())
    }
}

/// Longest realm name: one DNS label, so that it can become a host name.
const NAME_BYTES_MAX: usize = 63;
/// Longest host name (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;
/// Longest issuer: it is in every token.
const ISSUER_BYTES_MAX: usize = 512;
