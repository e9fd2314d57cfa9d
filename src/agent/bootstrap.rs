//! An agent trusts before it tells (architecture §5): how a new agent comes to the first bundle it believes.
//!
//! With a join string: the bundle is fetched from whoever answers, every authority whose key no pin names is thrown
//! away, and only what is left may sign for the server on the next connection. A relay between agent and server, with a
//! bundle of its own or with the true one and its own added, cannot be that server: it sees no token.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use weft_proto::spire::api::types;

use crate::crypto::digest::sha256;
use crate::crypto::jose::KeySet;
use crate::crypto::x509::{CertificateView, pem_certificates};
use crate::env::Clock;
use crate::kernel::TrustDomain;
use crate::kernel::limits::BUNDLE_BYTES_MAX;
use crate::wire::join::Pin;

use super::model::{Error, X509Authority};
use super::server_client::unverified_bundle;

/// Why the first bundle is believed.
#[derive(Debug, Clone)]
pub(crate) enum Trust {
    /// Its keys are pinned by a join string.
    Pins(Vec<Pin>),
    /// Somebody brought it here.
    File(std::path::PathBuf),
    /// It is not: whoever answers first is believed.
    Insecure,
}

impl Trust {
    /// The authorities to verify the server with.
    pub(crate) async fn authorities(
        &self,
        address: &str,
        trust_domain: &TrustDomain,
        clock: Arc<dyn Clock>,
    ) -> Result<Vec<X509Authority>, Error> {
        match self {
            Self::Pins(pins) => {
                let shown = unverified_bundle(address, trust_domain, clock).await?;
                let pinned = pinned(&shown, pins);
                if pinned.is_empty() {
                    return Err(Error::NoPinnedKey { address: address.to_owned() });
                }
                Ok(pinned)
            }
            Self::File(path) => read_bundle(path),
            Self::Insecure => {
                tracing::warn!(
                    server.address = address,
                    "INSECURE BOOTSTRAP: this agent believes whoever answers at this address, and sends its token there"
                );
                let shown = unverified_bundle(address, trust_domain, clock).await?;
                Ok(shown.x509_authorities.iter().map(authority).collect())
            }
        }
    }
}

/// The authorities whose public key a pin names.
fn pinned(shown: &types::Bundle, pins: &[Pin]) -> Vec<X509Authority> {
    let is_pinned = |certificate: &types::X509Certificate| {
        CertificateView::parse(&certificate.asn1)
            .is_ok_and(|view| pins.contains(&sha256(&view.spki)))
    };
    shown
        .x509_authorities
        .iter()
        .filter(|certificate| is_pinned(certificate))
        .map(authority)
        .collect()
}

fn authority(certificate: &types::X509Certificate) -> X509Authority {
    X509Authority { der: Bytes::copy_from_slice(&certificate.asn1), tainted: false }
}

/// PEM, or a SPIFFE bundle document.
fn read_bundle(path: &Path) -> Result<Vec<X509Authority>, Error> {
    let text = std::fs::read(path).map_err(|why| Error::file(path, why))?;
    if text.len() > BUNDLE_BYTES_MAX {
        return Err(Error::file(path, "it is larger than a bundle can be"));
    }
    let is_document = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let certificates = if is_document {
        KeySet::parse(&text).map_err(|why| Error::file(path, why))?.x509
    } else {
        pem_certificates(&text).map_err(|why| Error::file(path, why))?
    };
    if certificates.is_empty() {
        return Err(Error::file(path, "it holds no X.509 authority"));
    }
    Ok(certificates
        .into_iter()
        .map(|der| X509Authority { der: der.into(), tainted: false })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::tests::builders::authority_certificate;
    use crate::crypto::jose::print_bundle;

    #[test]
    fn an_authority_that_no_pin_names_is_thrown_away() {
        let (ours, theirs) = (authority_certificate(), authority_certificate());
        let message = |der: &[u8]| types::X509Certificate {
            asn1: Bytes::copy_from_slice(der),
            tainted: false,
        };
        let garbage = message(b"not a certificate");
        let shown = types::Bundle {
            x509_authorities: vec![message(&theirs), garbage, message(&ours)],
            ..types::Bundle::default()
        };
        let pin = sha256(&CertificateView::parse(&ours).unwrap().spki);
        let left = pinned(&shown, &[[0; 32], pin]);
        assert_eq!(left.iter().map(|one| one.der.to_vec()).collect::<Vec<_>>(), [ours]);
        assert!(pinned(&shown, &[[0; 32]]).is_empty());
    }

    #[test]
    fn a_bundle_file_is_pem_or_a_spiffe_document_and_never_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bundle");
        let der = authority_certificate();
        let document =
            print_bundle(&KeySet { x509: vec![der.clone()], ..KeySet::default() }).to_string();
        let pem = crate::crypto::x509::pem("CERTIFICATE", &der).to_string();
        for text in [pem, document] {
            std::fs::write(&path, text).unwrap();
            let read = read_bundle(&path).unwrap();
            assert_eq!(read.first().unwrap().der, der);
        }
        for bad in ["", "hello", "{}", r#"{"keys":[]}"#] {
            std::fs::write(&path, bad).unwrap();
            assert!(read_bundle(&path).is_err(), "{bad}");
        }
    }
}
