//! Bundle documents: what we publish, and what a foreign one says (SPIFFE Trust Domain and Bundle §4).

use std::sync::Arc;

use super::{Bundle, JwtKey, X509Root};
use crate::crypto::jose::{KeySet, print_bundle};
use crate::crypto::x509::CertificateError;
use crate::kernel::TrustDomain;

/// The media type of a bundle document (Federation §5.2).
pub const MEDIA_TYPE: &str = "application/json";

/// A bundle as a document, UTF-8.
pub fn print(bundle: &Bundle) -> String {
    print_bundle(&bundle.key_set()).to_string()
}

/// The bundle of another trust domain. Whose it is, the caller knows; it is not in the document (§3).
pub(super) fn foreign(trust_domain: TrustDomain, set: &KeySet) -> Result<Bundle, CertificateError> {
    let root = |certificate: &Vec<u8>| X509Root {
        certificate: Arc::from(certificate.as_slice()),
        tainted: false,
    };
    let x509 = set.x509.iter().map(root).collect();
    let key = |one: &crate::crypto::jose::JwtAuthority| JwtKey {
        kid: one.kid.clone(),
        key: one.key.clone(),
        expires_at: None,
        tainted: false,
    };
    let jwt = set.jwt.iter().map(key).collect();
    Bundle::new(trust_domain, x509, jwt, (set.sequence.unwrap_or(0), set.refresh_hint))
}
