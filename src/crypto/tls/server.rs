//! The server's side: our certificate, and the client's verified against the roots of this moment.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::current::{
    CurrentCertificate, CurrentRoots, TlsClock, chain, provider, refusal, verify_tls12,
    verify_tls13,
};
use crate::crypto::x509::timestamp;
use crate::kernel::Fault;

/// What a listener asks of its clients.
#[derive(Debug, Clone)]
pub enum Clients {
    /// It never asks for a certificate.
    NotAsked,
    /// It asks, and takes clients without one; one that is shown must verify.
    Requested(CurrentRoots),
    /// It asks, and refuses clients without one.
    Required(CurrentRoots),
}

/// A configuration that shows the current certificate and speaks `protocols` (ALPN), preferred first.
pub fn server_config(
    certificate: &CurrentCertificate,
    clients: Clients,
    protocols: &[&str],
    clock: TlsClock,
) -> Result<ServerConfig, Fault> {
    let builder = ServerConfig::builder_with_details(provider(), Arc::new(clock))
        .with_safe_default_protocol_versions()
        .map_err(Fault::bug)?;
    let builder = match clients {
        Clients::NotAsked => builder.with_no_client_auth(),
        Clients::Requested(roots) => {
            builder.with_client_cert_verifier(SvidClients::new(roots, false))
        }
        Clients::Required(roots) => {
            builder.with_client_cert_verifier(SvidClients::new(roots, true))
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(certificate.clone()));
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

#[derive(Debug)]
struct SvidClients {
    roots: CurrentRoots,
    mandatory: bool,
    provider: Arc<CryptoProvider>,
}

impl SvidClients {
    fn new(roots: CurrentRoots, mandatory: bool) -> Arc<Self> {
        Arc::new(Self { roots, mandatory, provider: provider() })
    }
}

impl ClientCertVerifier for SvidClients {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    /// No hints: SPIFFE clients have one certificate, and a list of subjects would only grow the handshake.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.roots.verify(&chain(leaf, rest), timestamp(now)).map_err(refusal)?;
        Ok(ClientCertVerified::assertion())
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
