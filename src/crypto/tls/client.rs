//! The client's side: the peer must be exactly whom we want. Host names are not looked at.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::current::{
    CurrentCertificate, CurrentRoots, TlsClock, chain, provider, refusal, verify_tls12,
    verify_tls13,
};
use crate::crypto::x509::{SvidError, svid_of_verified_peer, timestamp};
use crate::kernel::{Fault, SpiffeId};

/// Whom a client accepts at the other end.
#[derive(Debug, Clone)]
pub enum ExpectedPeer {
    /// Exactly this ID, verified under the roots of its trust domain of this moment.
    Exactly {
        /// Whom.
        id: SpiffeId,
        /// Under which roots.
        roots: CurrentRoots,
    },
    /// Whoever names itself so; no root is asked. The connection proves nothing: it may fetch a bundle whose keys are then
    /// compared with pins, and must never carry a secret.
    DangerUnverified {
        /// The ID it must at least claim.
        claims: SpiffeId,
    },
}

/// A configuration that accepts only this peer, shows our current certificate if there is one, and speaks `protocols`.
pub fn client_config(
    peer: ExpectedPeer,
    certificate: Option<&CurrentCertificate>,
    protocols: &[&str],
    clock: TlsClock,
) -> Result<ClientConfig, Fault> {
    let verifier = Arc::new(SvidServer { peer, provider: provider() });
    let builder = ClientConfig::builder_with_details(provider(), Arc::new(clock))
        .with_safe_default_protocol_versions()
        .map_err(Fault::bug)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match certificate {
        Some(current) => builder.with_client_cert_resolver(Arc::new(current.clone())),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[derive(Debug)]
struct SvidServer {
    peer: ExpectedPeer,
    provider: Arc<CryptoProvider>,
}

impl SvidServer {
    fn check(&self, chain: &[&[u8]], now: UnixTime) -> Result<(), SvidError> {
        let (found, expected) = match &self.peer {
            ExpectedPeer::Exactly { id, roots } => (roots.verify(chain, timestamp(now))?.id, id),
            ExpectedPeer::DangerUnverified { claims } => {
                let leaf = chain.first().ok_or(SvidError::Empty)?;
                (svid_of_verified_peer(leaf)?.id, claims)
            }
        };
        if found == *expected {
            Ok(())
        } else {
            Err(SvidError::Peer { found, expected: expected.clone() })
        }
    }
}

impl ServerCertVerifier for SvidServer {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(&chain(leaf, rest), now).map_err(refusal)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12(message, certificate, signed, &self.provider)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13(message, certificate, signed, &self.provider)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
