//! What handshakes read at the moment they happen: the certificate, the roots, the time.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::DigitallySignedStruct;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};

use crate::crypto::keys::PrivateKey;
use crate::crypto::x509::{Roots, SvidError, VerifiedSvid, verify_svid};
use crate::env::Clock;
use crate::kernel::{Fault, Timestamp, TrustDomain};

/// The certificate that handshakes show from now on. Clones share it; `set` changes it for all of them, at once.
#[derive(Clone, Default)]
pub struct CurrentCertificate(Arc<ArcSwapOption<CertifiedKey>>);

/// The roots that peers are verified with from now on, by trust domain. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct CurrentRoots {
    own: Shared,
    also: Option<Shared>,
}

type Shared = Arc<ArcSwap<HashMap<TrustDomain, Roots>>>;

/// Our clock, for rustls.
#[derive(Debug, Clone)]
pub struct TlsClock(pub Arc<dyn Clock>);

impl CurrentCertificate {
    /// No certificate yet: a server refuses every handshake, a client shows none.
    pub fn none() -> Self {
        Self::default()
    }

    /// Shows this chain, leaf first, from now on.
    pub fn set(&self, chain: &[Vec<u8>], key: &PrivateKey) -> Result<(), Fault> {
        let pkcs8 = key.to_pkcs8()?;
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8.expose().as_slice()));
        let signing = aws_lc_rs::sign::any_supported_type(&der)
            .map_err(|error| Fault::malformed("private key", error))?;
        let chain = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let certified = CertifiedKey::new(chain, signing);
        certified.keys_match().map_err(|error| Fault::malformed("certificate", error))?;
        self.0.store(Some(Arc::new(certified)));
        Ok(())
    }

    /// Shows no certificate from now on.
    pub fn clear(&self) {
        self.0.store(None);
    }

    /// True if there is one.
    pub fn is_set(&self) -> bool {
        self.0.load().is_some()
    }
}

impl CurrentRoots {
    /// No roots: nobody verifies.
    pub fn none() -> Self {
        Self::default()
    }

    /// These roots, and no others, from now on.
    pub fn replace(&self, all: impl IntoIterator<Item = Roots>) {
        self.own.store(Arc::new(
            all.into_iter().map(|roots| (roots.trust_domain().clone(), roots)).collect(),
        ));
    }

    /// These roots for their trust domain from now on.
    pub fn set(&self, roots: &Roots) {
        self.own.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.insert(roots.trust_domain().clone(), roots.clone());
            all
        });
    }

    /// No peer of this trust domain verifies from now on.
    pub fn remove(&self, trust_domain: &TrustDomain) {
        self.own.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.remove(trust_domain);
            all
        });
    }

    /// These roots and, for trust domains that they do not have, those of `others`. Both go on changing.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self { own: Arc::clone(&self.own), also: Some(Arc::clone(&others.own)) }
    }

    /// The roots of this trust domain now.
    pub fn of(&self, trust_domain: &TrustDomain) -> Option<Roots> {
        let own = self.own.load().get(trust_domain).cloned();
        own.or_else(|| self.also.as_ref()?.load().get(trust_domain).cloned())
    }

    /// Verifies a chain, leaf first, against the roots of the trust domain that its leaf names.
    pub fn verify(&self, chain: &[&[u8]], now: Timestamp) -> Result<VerifiedSvid, SvidError> {
        let leaf = chain.first().ok_or(SvidError::Empty)?;
        let named = crate::crypto::x509::svid_of_verified_peer(leaf)?;
        let domain = named.id.trust_domain();
        let roots = self.of(domain).ok_or_else(|| SvidError::NoBundle(domain.clone()))?;
        verify_svid(chain, &roots, now)
    }
}

impl TimeProvider for TlsClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().seconds()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }
}

impl ResolvesClientCert for CurrentCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }

    fn has_certs(&self) -> bool {
        self.is_set()
    }
}

impl fmt::Debug for CurrentCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentCertificate").field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn unix(time: Timestamp) -> UnixTime {
    let seconds = u64::try_from(time.seconds()).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

pub(super) fn chain<'a>(
    leaf: &'a CertificateDer<'_>,
    rest: &'a [CertificateDer<'_>],
) -> Vec<&'a [u8]> {
    std::iter::once(leaf.as_ref()).chain(rest.iter().map(AsRef::as_ref)).collect()
}

/// The alert tells the peer what kind of refusal it is; the words stay with us.
pub(super) fn refusal(error: SvidError) -> rustls::Error {
    use rustls::CertificateError as Refusal;
    rustls::Error::InvalidCertificate(match error {
        SvidError::Expired { now, ended } => {
            Refusal::ExpiredContext { time: unix(now), not_after: unix(ended) }
        }
        SvidError::NotYetValid { now, begins } => {
            Refusal::NotValidYetContext { time: unix(now), not_before: unix(begins) }
        }
        SvidError::Certificate(_) => Refusal::BadEncoding,
        other => Refusal::Other(OtherError(Arc::new(other))),
    })
}

pub(super) fn verify_tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    provider: &CryptoProvider,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    rustls::crypto::verify_tls12_signature(
        message,
        certificate,
        signed,
        &provider.signature_verification_algorithms,
    )
}

pub(super) fn verify_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    provider: &CryptoProvider,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    rustls::crypto::verify_tls13_signature(
        message,
        certificate,
        signed,
        &provider.signature_verification_algorithms,
    )
}
