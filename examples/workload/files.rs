//! Mutual TLS from files: `svid.pem`, `key.pem` and `bundle.pem`, as `weft svid` writes them.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::Outcome;

/// Calls that server and prints what it says.
pub(super) async fn call(directory: &str, address: &str, peer: &str) -> Outcome {
    let directory = Path::new(directory);
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(directory.join("bundle.pem"))? {
        roots.add(root?)?;
    }
    let chain = CertificateDer::pem_file_iter(directory.join("svid.pem"))?;
    let chain = chain.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(directory.join("key.pem"))?;
    let chains = WebPkiServerVerifier::builder(Arc::new(roots)).build()?;
    let config = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Named { chains, peer: peer.to_owned() }))
        .with_client_auth_cert(chain, key)?;
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("workload")?;
    let mut stream = connector.connect(name, TcpStream::connect(address).await?).await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    println!("was told by {peer}: {}", said.trim_end());
    Ok(())
}

/// The chain as for any server; of names the SPIFFE ID counts, and nothing else.
#[derive(Debug)]
struct Named {
    chains: Arc<WebPkiServerVerifier>,
    peer: String,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        match self.chains.verify_server_cert(leaf, rest, name, ocsp, now) {
            // Host names are looked at last: the chain holds, and the name is ours to judge.
            Err(rustls::Error::InvalidCertificate(
                NotValidForName | NotValidForNameContext { .. },
            ))
            | Ok(_) => {}
            Err(error) => return Err(error),
        }
        let other = || rustls::Error::InvalidCertificate(NotValidForName);
        let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| other())?;
        let names = certificate.subject_alternative_name().map_err(|_| other())?;
        let is_peer =
            |name: &GeneralName<'_>| matches!(name, GeneralName::URI(uri) if *uri == self.peer);
        let expected = names.is_some_and(|names| names.value.general_names.iter().any(is_peer));
        if expected { Ok(ServerCertVerified::assertion()) } else { Err(other()) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}
