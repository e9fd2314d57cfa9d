//! The roots of one trust domain, parsed once.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, TrustAnchor};

use super::{CertificateError, CertificateView};
use crate::kernel::{Timestamp, TrustDomain};

/// The X.509 authorities of one trust domain. Never merged with another's (Federation §4.2). Cheap to clone.
#[derive(Debug, Clone)]
pub struct Roots {
    trust_domain: TrustDomain,
    anchors: Arc<[Anchor]>,
}

#[derive(Debug)]
struct Anchor {
    trusted: TrustAnchor<'static>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Roots {
    /// The roots of this domain. One that cannot be read fails the whole.
    pub fn new<'a>(
        trust_domain: TrustDomain,
        certificates: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, CertificateError> {
        let anchors = certificates.into_iter().map(Anchor::parse).collect::<Result<_, _>>()?;
        Ok(Self { trust_domain, anchors })
    }

    /// Whose roots these are.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// True if nothing can be verified with them.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Those that are valid now: path validation itself does not look at the dates of an anchor.
    pub(super) fn valid_at(&self, now: Timestamp) -> Vec<TrustAnchor<'_>> {
        let valid = self.anchors.iter().filter(|one| one.not_before <= now && now <= one.not_after);
        valid.map(|one| borrowed(&one.trusted)).collect()
    }
}

impl Anchor {
    fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let view = CertificateView::parse(der)?;
        let certificate = CertificateDer::from(der);
        let trusted = webpki::anchor_from_trusted_cert(&certificate)
            .map_err(|_| CertificateError::Malformed)?
            .to_owned();
        Ok(Self { trusted, not_before: view.not_before, not_after: view.not_after })
    }
}

fn borrowed<'a>(anchor: &'a TrustAnchor<'static>) -> TrustAnchor<'a> {
    TrustAnchor {
        subject: anchor.subject.as_ref().into(),
        subject_public_key_info: anchor.subject_public_key_info.as_ref().into(),
        name_constraints: anchor.name_constraints.as_ref().map(|der| der.as_ref().into()),
    }
}
