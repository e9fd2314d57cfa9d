//! Chains verified: an SVID against the roots of its own trust domain (X509-SVID §5), and a foreign PKI's certificate.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};

use super::{CertificateError, CertificateView, Roots};
use crate::crypto::keys::{KeyError, PublicKey};
use crate::kernel::limits::CHAIN_CERTIFICATES_MAX;
use crate::kernel::spiffe::SpiffeIdError;
use crate::kernel::{SpiffeId, Timestamp, TrustDomain};

/// What a verified X.509-SVID says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSvid {
    /// Whom it names.
    pub id: SpiffeId,
    /// Its serial number: lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// SHA-256 of its `SubjectPublicKeyInfo`.
    pub key_digest: [u8; 32],
    /// Its key.
    pub public_key: PublicKey,
}

/// A certificate of a PKI that is not SPIFFE's, and who vouches for it.
#[derive(Debug, Clone)]
pub struct VerifiedPki {
    /// What it says.
    pub leaf: CertificateView,
    /// The path that was verified, in DER, from its issuer to the root. What else was sent proves nothing.
    pub issuers: Vec<Vec<u8>>,
}

/// Why a chain is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SvidError {
    /// No certificate at all.
    #[error("there is no certificate")]
    Empty,
    /// More certificates than we look at.
    #[error("a chain has at most {CHAIN_CERTIFICATES_MAX} certificates")]
    TooLong,
    /// A certificate in it cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Not exactly one URI name (X509-SVID §2).
    #[error("an X.509-SVID has exactly one URI name, this certificate has {0}")]
    UriCount(usize),
    /// The URI name is no SPIFFE ID.
    #[error("the URI name is no SPIFFE ID: {0}")]
    Id(#[from] SpiffeIdError),
    /// The ID has no path: it names an authority (X509-SVID §3.1).
    #[error("the SPIFFE ID has no path, so it cannot name a peer")]
    RootPath,
    /// An authority's certificate shown as a peer's (X509-SVID §3.2, §5.2).
    #[error("the certificate of an authority is no peer's identity")]
    Authority,
    /// Key usage that a leaf may not have, or lacks (X509-SVID §4.3).
    #[error("the key usage is not a leaf's")]
    KeyUsage,
    /// An extended key usage without both purposes (X509-SVID §4.4).
    #[error("an extended key usage must hold both serverAuth and clientAuth")]
    ExtendedKeyUsage,
    /// A certificate after the leaf that may not sign certificates (X509-SVID §4.3).
    #[error("an intermediate certificate may not sign certificates")]
    Intermediate,
    /// Another trust domain than the roots'.
    #[error("the SPIFFE ID is of trust domain `{found}`, not `{expected}`")]
    TrustDomain {
        /// The domain of the ID.
        found: TrustDomain,
        /// The domain of the roots.
        expected: TrustDomain,
    },
    /// It names somebody else than the peer we wanted.
    #[error("the peer is `{found}`, not `{expected}`")]
    Peer {
        /// Whom it names.
        found: SpiffeId,
        /// Whom we wanted.
        expected: SpiffeId,
    },
    /// We hold no roots for its trust domain.
    #[error("there is no bundle for trust domain `{0}`")]
    NoBundle(TrustDomain),
    /// Its validity is over.
    #[error("the certificate ended {} ago", .now.since(*.ended))]
    Expired {
        /// The time it was looked at.
        now: Timestamp,
        /// Its last second.
        ended: Timestamp,
    },
    /// Its validity has not begun.
    #[error("the certificate begins in {}", .begins.since(*.now))]
    NotYetValid {
        /// The time it was looked at.
        now: Timestamp,
        /// Its first second.
        begins: Timestamp,
    },
    /// The key is not of a kind we accept.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No path to a root (RFC 5280 §6).
    #[error("the chain does not lead to a trusted root: {0}")]
    Path(webpki::Error),
}

/// Verifies a chain, leaf first, against the roots of one trust domain. Every rule of X509-SVID §5, RFC 5280 path
/// validation included; no leeway on dates.
pub fn verify_svid(
    chain: &[&[u8]],
    roots: &Roots,
    now: Timestamp,
) -> Result<VerifiedSvid, SvidError> {
    let (leaf, rest) = chain.split_first().ok_or(SvidError::Empty)?;
    if chain.len() > CHAIN_CERTIFICATES_MAX {
        return Err(SvidError::TooLong);
    }
    let svid = svid_of_verified_peer(leaf)?;
    if svid.id.trust_domain() != roots.trust_domain() {
        return Err(SvidError::TrustDomain {
            found: svid.id.trust_domain().clone(),
            expected: roots.trust_domain().clone(),
        });
    }
    for certificate in rest {
        check_intermediate(certificate)?;
    }
    verify_path(leaf, rest, &roots.valid_at(now), now, |_| ())?;
    Ok(svid)
}

/// What a leaf says, its structure checked (X509-SVID §5.2), its signature and dates *not*: only for the certificate of a
/// peer whose handshake a verifier of `crypto::tls` has accepted.
pub fn svid_of_verified_peer(leaf: &[u8]) -> Result<VerifiedSvid, SvidError> {
    let view = CertificateView::parse(leaf)?;
    check_leaf(&view)?;
    let [uri] = view.uris.as_slice() else { return Err(SvidError::UriCount(view.uris.len())) };
    let id = SpiffeId::parse(uri)?;
    if !id.has_path() {
        return Err(SvidError::RootPath);
    }
    let public_key = PublicKey::from_spki_der(&view.spki)?;
    Ok(VerifiedSvid {
        id,
        serial: view.serial,
        not_before: view.not_before,
        not_after: view.not_after,
        key_digest: public_key.digest(),
        public_key,
    })
}

/// Verifies a certificate of a PKI that is not SPIFFE's, leaf first, against roots in DER: path, dates and nothing else.
/// What the leaf may do is the caller's rule.
pub fn verify_pki(
    chain: &[&[u8]],
    roots: &[&[u8]],
    now: Timestamp,
) -> Result<VerifiedPki, SvidError> {
    let (leaf, rest) = chain.split_first().ok_or(SvidError::Empty)?;
    if chain.len() > CHAIN_CERTIFICATES_MAX {
        return Err(SvidError::TooLong);
    }
    let view = CertificateView::parse(leaf)?;
    if view.is_ca == Some(true) {
        return Err(SvidError::Authority);
    }
    for certificate in rest {
        check_intermediate(certificate)?;
    }
    // The domain is only a label here: no ID is read from such a certificate.
    let label = TrustDomain::parse("pki")?;
    let anchors = Roots::new(label, roots.iter().copied())?;
    let issuers = verify_path(leaf, rest, &anchors.valid_at(now), now, |path| {
        let between = path.intermediate_certificates().map(|one| one.der().to_vec());
        let top = roots.iter().filter(|root| is_anchor(root, path.anchor()));
        between.chain(top.map(|root| root.to_vec())).collect()
    })?;
    Ok(VerifiedPki { leaf: view, issuers })
}

/// Renewed roots share name and key: each of them is the anchor.
fn is_anchor(root: &[u8], anchor: &TrustAnchor<'_>) -> bool {
    let root = CertificateDer::from(root);
    webpki::anchor_from_trusted_cert(&root).is_ok_and(|one| one == *anchor)
}

fn check_leaf(view: &CertificateView) -> Result<(), SvidError> {
    if view.is_ca == Some(true) {
        return Err(SvidError::Authority);
    }
    let usage = view.key_usage.ok_or(SvidError::KeyUsage)?;
    if usage.certificate_sign || usage.crl_sign {
        return Err(SvidError::Authority);
    }
    if !usage.critical || !usage.digital_signature {
        return Err(SvidError::KeyUsage);
    }
    match view.extended_key_usage {
        Some(extended) if !extended.server || !extended.client => Err(SvidError::ExtendedKeyUsage),
        _ => Ok(()),
    }
}

/// Path validation looks at `cA` and path lengths, but not at key usage.
fn check_intermediate(der: &[u8]) -> Result<(), SvidError> {
    let view = CertificateView::parse(der)?;
    let may_sign = view.key_usage.is_none_or(|usage| usage.certificate_sign);
    if view.is_ca == Some(true) && may_sign { Ok(()) } else { Err(SvidError::Intermediate) }
}

fn verify_path<T>(
    leaf: &[u8],
    rest: &[&[u8]],
    anchors: &[TrustAnchor<'_>],
    now: Timestamp,
    found: impl FnOnce(&VerifiedPath<'_>) -> T,
) -> Result<T, SvidError> {
    let leaf = CertificateDer::from(leaf);
    let intermediates: Vec<CertificateDer<'_>> =
        rest.iter().map(|der| CertificateDer::from(*der)).collect();
    let seconds = u64::try_from(now.seconds()).unwrap_or(0);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let leaf = EndEntityCert::try_from(&leaf).map_err(path_error)?;
    let path = leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        anchors,
        &intermediates,
        now,
        AnyUsage,
        None,
        None,
    );
    Ok(found(&path.map_err(path_error)?))
}

/// SPIFFE asks for both purposes or none, on the leaf alone; `check_leaf` did.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, mut purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        purposes.try_for_each(|purpose| purpose.map(drop))
    }
}

fn path_error(error: webpki::Error) -> SvidError {
    match error {
        webpki::Error::CertExpired { time, not_after } => {
            SvidError::Expired { now: timestamp(time), ended: timestamp(not_after) }
        }
        webpki::Error::CertNotValidYet { time, not_before } => {
            SvidError::NotYetValid { now: timestamp(time), begins: timestamp(not_before) }
        }
        webpki::Error::CaUsedAsEndEntity => SvidError::Authority,
        other => SvidError::Path(other),
    }
}

/// A moment of a TLS library, as ours.
pub(in crate::crypto) fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
