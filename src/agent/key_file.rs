//! Private keys in the agent's files: PKCS#8 in PEM (RFC 7468), or sealed where the node has a key-encryption key.
//!
//! Invariants: a file that others could have read is refused; where there is a key-encryption key nothing unsealed is
//! written; a sealed key is never taken for another kind of key, and without its key-encryption key it is an error.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use super::model::Error;
use crate::crypto::digest::from_base64;
use crate::crypto::keys::PrivateKey;
use crate::crypto::seal::{Kek, KekRing, KekSource};
use crate::crypto::x509::pem;
use crate::env::Entropy;
use crate::kernel::Secret;

/// How this agent writes and reads its keys.
#[derive(Debug, Clone, Default)]
pub struct KeyFiles(Option<Sealing>);

#[derive(Debug, Clone)]
struct Sealing {
    ring: Arc<KekRing>,
    entropy: Arc<dyn Entropy>,
}

impl KeyFiles {
    /// Sealed under the key-encryption key of this credential.
    pub fn sealed(credential: &Path, entropy: &Arc<dyn Entropy>) -> Result<Self, Error> {
        let source = KekSource::Credential { path: credential };
        let kek = Kek::load(&source, entropy.as_ref())
            .map_err(|why| Error::Settings(format!("`seal_credential`: {why}")))?;
        let ring = Arc::new(KekRing::new(kek, Vec::new()));
        Ok(Self(Some(Sealing { ring, entropy: Arc::clone(entropy) })))
    }

    /// The key as a section of a file.
    pub(crate) fn print(&self, key: &PrivateKey) -> Result<Zeroizing<String>, Error> {
        let der = key.to_pkcs8()?;
        let Some(Sealing { ring, entropy }) = &self.0 else {
            return Ok(pem(PLAIN, der.expose()));
        };
        Ok(pem(SEALED, &ring.seal(PURPOSE, der.expose(), entropy.as_ref())?))
    }

    /// The key in this file.
    pub(crate) fn read(&self, path: &Path, text: &[u8]) -> Result<PrivateKey, Error> {
        let der = match (section(SEALED, text), &self.0) {
            (None, _) => {
                let der = PrivatePkcs8KeyDer::from_pem_slice(text)
                    .map_err(|why| Error::file(path, why))?;
                Secret::new(der.secret_pkcs8_der().to_vec())
            }
            (Some(blob), Some(Sealing { ring, .. })) => {
                ring.open(PURPOSE, &blob).map_err(|why| Error::file(path, why))?
            }
            (Some(_), None) => return Err(Error::file(path, NO_CREDENTIAL)),
        };
        PrivateKey::from_pkcs8(&der).map_err(|why| Error::file(path, why))
    }

    /// True if this file holds a key that should be sealed and is not: it was written before there was a credential.
    pub(crate) fn is_stale(&self, text: &[u8]) -> bool {
        self.0.is_some() && section(SEALED, text).is_none()
    }
}

/// Reads a file that holds a key, and refuses one that others could have read.
pub(crate) fn read_private(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(Error::file(path, why)),
    };
    let mode = fs::metadata(path).map_err(|why| Error::file(path, why))?.permissions().mode();
    if mode & 0o077 != 0 {
        let why = format!(
            "it holds a key and others may read it (mode {:03o}): `chmod 600` it",
            mode & 0o777
        );
        return Err(Error::file(path, why));
    }
    Ok(Some(bytes))
}

/// What the first section with this label holds.
fn section(label: &str, text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    from_base64(&body.split_ascii_whitespace().collect::<String>())
}

const PLAIN: &str = "PRIVATE KEY";
/// No label of RFC 7468, so that no program takes the blob for a key.
const SEALED: &str = "WEFT SEALED KEY";
/// Binds a blob to its use: what the server seals does not open here.
const PURPOSE: &[u8] = b"weft agent key";
const NO_CREDENTIAL: &str = "its key is sealed: name the systemd credential with the key-encryption key in `seal_credential`";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::digest::base64;
    use crate::crypto::keys::Algorithm;
    use crate::env::SystemEntropy;

    fn sealed(directory: &Path, name: &str, byte: u8) -> KeyFiles {
        let credential = directory.join(name);
        std::fs::write(&credential, base64(&[byte; 32])).unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
        KeyFiles::sealed(&credential, &entropy).unwrap()
    }

    #[test]
    fn a_sealed_key_opens_under_its_own_credential_only() {
        let directory = tempfile::tempdir().unwrap();
        let (ours, other) = (sealed(directory.path(), "a", 1), sealed(directory.path(), "b", 2));
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let text = ours.print(&key).unwrap();
        assert!(PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).is_err(), "{}", text.as_str());

        let path = Path::new("agent.pem");
        let back = ours.read(path, text.as_bytes()).unwrap();
        assert_eq!(back.public().spki(), key.public().spki());
        assert!(other.read(path, text.as_bytes()).is_err());
        let without = KeyFiles::default().read(path, text.as_bytes()).unwrap_err().to_string();
        assert!(without.contains("seal_credential"), "{without}");
    }

    #[test]
    fn a_key_from_before_the_credential_still_opens_and_is_to_be_sealed() {
        let directory = tempfile::tempdir().unwrap();
        let ours = sealed(directory.path(), "a", 1);
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let plain = KeyFiles::default().print(&key).unwrap();
        assert!(ours.read(Path::new("agent.pem"), plain.as_bytes()).is_ok());
        assert!(ours.is_stale(plain.as_bytes()));
        assert!(!ours.is_stale(ours.print(&key).unwrap().as_bytes()));
        assert!(!KeyFiles::default().is_stale(plain.as_bytes()));
    }

    #[test]
    fn a_missing_or_wrong_credential_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
        let credential = directory.path().join("kek");
        let missing = KeyFiles::sealed(&credential, &entropy).unwrap_err().to_string();
        assert!(missing.contains("seal_credential") && missing.contains("kek"), "{missing}");
        std::fs::write(&credential, "short").unwrap();
        let wrong = KeyFiles::sealed(&credential, &entropy).unwrap_err().to_string();
        assert!(wrong.contains("32 bytes"), "{wrong}");
    }
}
