//! SPIFFE IDs and trust domains, parsed once at the border (SPIFFE-ID §2).
//!
//! Owns the character rules and nothing else: whether an ID is *allowed* here is decided by the slices.

use std::fmt;
use std::sync::Arc;

use super::limits::{SPIFFE_ID_BYTES_MAX, TRUST_DOMAIN_BYTES_MAX};

/// The name of a trust domain: lower case, at most 255 bytes (SPIFFE-ID §2.1). Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(Arc<str>);

/// A SPIFFE ID, with or without a path (SPIFFE-ID §2). Cheap to clone; at most 2048 bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    text: Arc<str>,
    trust_domain: TrustDomain,
}

/// Why a text is not a SPIFFE ID or trust domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeIdError {
    /// More than 2048 bytes.
    #[error("a SPIFFE ID has at most {SPIFFE_ID_BYTES_MAX} bytes")]
    TooLong,
    /// The scheme is another, or written in another case.
    #[error("a SPIFFE ID starts with `spiffe://`")]
    Scheme,
    /// Nothing between `spiffe://` and the path.
    #[error("the trust domain is empty")]
    TrustDomainEmpty,
    /// More than 255 bytes.
    #[error("a trust domain has at most {TRUST_DOMAIN_BYTES_MAX} bytes")]
    TrustDomainTooLong,
    /// A character outside `a-z 0-9 . - _` (upper case, port, userinfo and percent-encoding included).
    #[error("a trust domain holds only a-z, 0-9, `.`, `-` and `_`")]
    TrustDomainCharacter,
    /// `//` or an empty last segment.
    #[error("a path has no empty segment and no trailing `/`")]
    PathEmptySegment,
    /// `.` or `..` as a segment.
    #[error("a path has no `.` or `..` segment")]
    PathDotSegment,
    /// A character outside `A-Z a-z 0-9 . - _` (query, fragment and percent-encoding included).
    #[error("a path segment holds only A-Z, a-z, 0-9, `.`, `-` and `_`")]
    PathCharacter,
    /// The path does not start with `/`.
    #[error("a path starts with `/`")]
    PathStart,
}

impl TrustDomain {
    /// Parses a bare trust domain name.
    ///
    /// Upper case is refused rather than folded, so that one domain has one spelling (SPIFFE-ID §2.4).
    pub fn parse(name: &str) -> Result<Self, SpiffeIdError> {
        if name.is_empty() {
            return Err(SpiffeIdError::TrustDomainEmpty);
        }
        if name.len() > TRUST_DOMAIN_BYTES_MAX {
            return Err(SpiffeIdError::TrustDomainTooLong);
        }
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
        if !name.bytes().all(allowed) {
            return Err(SpiffeIdError::TrustDomainCharacter);
        }
        Ok(Self(Arc::from(name)))
    }

    /// The bare name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain's own ID, without a path: what its certificate authorities carry (SPIFFE-ID §3.1).
    pub fn id(&self) -> SpiffeId {
        SpiffeId { text: Arc::from(format!("spiffe://{}", self.0)), trust_domain: self.clone() }
    }

    /// The ID with this path in this domain. `path` starts with `/`, or is empty.
    pub fn with_path(&self, path: &str) -> Result<SpiffeId, SpiffeIdError> {
        check_path(path)?;
        let text = format!("spiffe://{}{path}", self.0);
        if text.len() > SPIFFE_ID_BYTES_MAX {
            return Err(SpiffeIdError::TooLong);
        }
        Ok(SpiffeId { text: Arc::from(text), trust_domain: self.clone() })
    }
}

impl SpiffeId {
    /// Parses `spiffe://trust-domain[/path]`.
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        if text.len() > SPIFFE_ID_BYTES_MAX {
            return Err(SpiffeIdError::TooLong);
        }
        let rest = text.strip_prefix("spiffe://").ok_or(SpiffeIdError::Scheme)?;
        let (name, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let trust_domain = TrustDomain::parse(name)?;
        check_path(path)?;
        Ok(Self { text: Arc::from(text), trust_domain })
    }

    /// The whole ID.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trust domain it belongs to.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The path with its leading `/`, or the empty text.
    pub fn path(&self) -> &str {
        let prefix = "spiffe://".len() + self.trust_domain.0.len();
        self.text.get(prefix..).unwrap_or_default()
    }

    /// True if it has a path: only then can it name a workload (X509-SVID §3.1).
    pub fn has_path(&self) -> bool {
        !self.path().is_empty()
    }

    /// True if `prefix` is a path of whole leading segments of this ID's path: `/a` holds `/a` and `/a/b`, not `/ab`.
    pub fn is_under(&self, prefix: &str) -> bool {
        match self.path().strip_prefix(prefix.trim_end_matches('/')) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

fn check_path(path: &str) -> Result<(), SpiffeIdError> {
    if path.is_empty() {
        return Ok(());
    }
    let segments = path.strip_prefix('/').ok_or(SpiffeIdError::PathStart)?;
    for segment in segments.split('/') {
        match segment {
            "" => return Err(SpiffeIdError::PathEmptySegment),
            "." | ".." => return Err(SpiffeIdError::PathDotSegment),
            _ => {}
        }
        if !segment.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)) {
            return Err(SpiffeIdError::PathCharacter);
        }
    }
    Ok(())
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
#[path = "spiffe_tests.rs"]
mod tests;
