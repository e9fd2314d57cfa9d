//! The agent's own key and SVID on disk, and the bundle it trusts: so a restart needs neither token nor attestation.
//!
//! Files in the data directory (0700): `agent.pem` (0600: key and chain), `next.key` (0600: the key of an attestation or
//! renewal that is on its way), `bundle.pem` (what the server was last verified with), `server` (its address), `lock`. Invariants: files are
//! replaced whole or not at all; no workload's key is ever written.
//!
//! The next key is written before it is asked for and kept until the answer is, because the server binds a use of a
//! token, and a renewal, to the key: who lost the answer asks again with the same one, and two children of one SVID with
//! different keys are an alarm.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{CertificateView, pem, pem_certificates};
use crate::env::{Readers, hold_file, replace_file};
use crate::kernel::{SpiffeId, Timestamp};

use super::key_file::{KeyFiles, read_private};
use super::model::Error;

/// The agent's SVID with its key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its key.
    pub key: Arc<PrivateKey>,
    /// Leaf first, DER.
    pub chain: Vec<Vec<u8>>,
    /// Whom it names.
    pub spiffe_id: SpiffeId,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// The end of its validity.
    pub expires_at: Timestamp,
    /// The server lets this agent attest again instead of renewing.
    pub reattestable: bool,
}

impl Identity {
    /// Reads what the chain says, and checks that it is for this key.
    pub fn new(
        key: Arc<PrivateKey>,
        chain: Vec<Vec<u8>>,
        reattestable: bool,
    ) -> Result<Self, Error> {
        let leaf = chain
            .first()
            .ok_or_else(|| Error::BadAnswer("the SVID has no certificate".to_owned()))?;
        let view = CertificateView::parse(leaf).map_err(|why| Error::BadAnswer(why.to_string()))?;
        if view.spki != key.public().spki() {
            return Err(Error::BadAnswer(
                "the SVID is for another key than the one asked for".to_owned(),
            ));
        }
        let [uri] = view.uris.as_slice() else {
            return Err(Error::BadAnswer("an SVID has exactly one URI name".to_owned()));
        };
        let spiffe_id = SpiffeId::parse(uri).map_err(|why| Error::BadAnswer(why.to_string()))?;
        let (not_before, expires_at) = (view.not_before, view.not_after);
        Ok(Self { key, chain, spiffe_id, not_before, expires_at, reattestable })
    }
}

/// The data directory, held by this process alone.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
    keys: KeyFiles,
    _lock: Arc<File>,
}

impl Store {
    /// Opens the directory, makes it if needed, and locks it against a second agent.
    pub fn open(dir: &Path, keys: KeyFiles) -> Result<Self, Error> {
        let fault = |why: std::io::Error| Error::file(dir, why);
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fault)?;
        let path = dir.join("lock");
        let lock = hold_file(&path).map_err(|why| match why.kind() {
            std::io::ErrorKind::WouldBlock => {
                Error::file(dir, "another agent is running with this data directory")
            }
            _ => Error::file(&path, why),
        })?;
        Ok(Self { dir: dir.to_owned(), keys, _lock: Arc::new(lock) })
    }

    /// The SVID from last time, whether it is still valid or not.
    pub fn load(&self) -> Result<Option<Identity>, Error> {
        let path = self.dir.join(SVID);
        let Some(text) = read_private(&path)? else { return Ok(None) };
        let key = self.keys.read(&path, &text)?;
        let chain = pem_certificates(&text).map_err(|why| Error::file(&path, why))?;
        let reattestable =
            text.windows(REATTESTABLE.len()).any(|part| part == REATTESTABLE.as_bytes());
        let identity = Identity::new(Arc::new(key), chain, reattestable)
            .map_err(|why| Error::file(&path, why))?;
        if self.keys.is_stale(&text) {
            self.keep(&identity)?;
        }
        Ok(Some(identity))
    }

    /// The key to ask the next SVID for: the one of an attempt whose answer was lost, or a new one.
    pub fn next_key(&self) -> Result<Arc<PrivateKey>, Error> {
        let path = self.dir.join(NEXT);
        if let Some(text) = read_private(&path)? {
            let key = self.keys.read(&path, &text)?;
            if self.keys.is_stale(&text) {
                self.keep_next(&key)?;
            }
            return Ok(Arc::new(key));
        }
        let key = PrivateKey::generate(Algorithm::P256)?;
        self.keep_next(&key)?;
        Ok(Arc::new(key))
    }

    fn keep_next(&self, key: &PrivateKey) -> Result<(), Error> {
        self.replace(NEXT, self.keys.print(key)?.as_bytes(), Readers::Owner)
    }

    /// Keeps the SVID that was made for the next key; from now on that key is the current one.
    pub fn adopt(&self, identity: &Identity) -> Result<(), Error> {
        self.keep(identity)?;
        self.remove(NEXT)
    }

    fn keep(&self, identity: &Identity) -> Result<(), Error> {
        let mut text = Zeroizing::new(String::from(HEADER));
        if identity.reattestable {
            text.push_str(REATTESTABLE);
        }
        text.push_str(&self.keys.print(&identity.key)?);
        for certificate in &identity.chain {
            text.push_str(&pem("CERTIFICATE", certificate));
        }
        self.replace(SVID, text.as_bytes(), Readers::Owner)
    }

    /// Forgets key and SVID: the agent must attest again, with a new key.
    pub fn forget(&self) -> Result<(), Error> {
        self.remove(SVID)?;
        self.remove(NEXT)
    }

    /// The X.509 authorities the server was last verified with, DER.
    pub fn bundle(&self) -> Result<Option<Vec<Vec<u8>>>, Error> {
        let path = self.dir.join(BUNDLE);
        match fs::read(&path) {
            Ok(text) => pem_certificates(&text).map(Some).map_err(|why| Error::file(&path, why)),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(Error::file(&path, why)),
        }
    }

    /// Keeps them.
    pub fn keep_bundle<'a>(
        &self,
        authorities: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), Error> {
        let text: String =
            authorities.into_iter().map(|der| pem("CERTIFICATE", der).to_string()).collect();
        self.replace(BUNDLE, text.as_bytes(), Readers::Everybody)
    }

    /// Where the server was last reached: a restart needs no address.
    pub fn server(&self) -> Result<Option<String>, Error> {
        let path = self.dir.join(SERVER);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(Error::file(&path, why)),
        }
    }

    /// Keeps it.
    pub fn keep_server(&self, address: &str) -> Result<(), Error> {
        self.replace(SERVER, address.as_bytes(), Readers::Everybody)
    }

    fn replace(&self, name: &str, bytes: &[u8], readers: Readers) -> Result<(), Error> {
        let written = replace_file(&self.dir, name, bytes, readers).map(drop);
        written.map_err(|why| Error::file(&self.dir.join(name), why))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.dir.join(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(why) => Err(Error::file(&path, why)),
        }
    }
}

const SVID: &str = "agent.pem";
const NEXT: &str = "next.key";
const BUNDLE: &str = "bundle.pem";
const SERVER: &str = "server";
const HEADER: &str = "The key and SVID of this node's Weft agent. Whoever has it is this node.\n";
const REATTESTABLE: &str = "Reattestable: yes\n";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::agent::tests::builders::{agent_identity, mode_of};

    fn open(dir: &Path) -> Result<Store, Error> {
        Store::open(dir, KeyFiles::default())
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        store.adopt(&agent_identity("/spire/agent/x")).unwrap();
        fs::set_permissions(dir.path().join(SVID), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(store.load().unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn two_agents_do_not_share_a_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path()).unwrap();
        assert!(open(dir.path()).unwrap_err().to_string().contains("another agent"));
        drop(first);
        assert!(open(dir.path()).is_ok());
    }

    #[test]
    fn an_svid_for_another_key_is_refused() {
        let (one, other) = (agent_identity("/spire/agent/x"), agent_identity("/spire/agent/x"));
        assert!(Identity::new(one.key, other.chain, false).is_err());
    }

    #[test]
    fn key_and_svid_come_back_and_only_their_owner_can_read_them() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir.path().join("agent")).unwrap();
        assert!(store.load().unwrap().is_none());
        let identity = Identity { reattestable: true, ..agent_identity("/spire/agent/x") };
        store.adopt(&identity).unwrap();
        let loaded = store.load().unwrap().unwrap();
        assert_eq!(loaded.chain, identity.chain);
        assert_eq!(loaded.key.public().spki(), identity.key.public().spki());
        assert!(loaded.reattestable);
        assert_eq!(mode_of(&dir.path().join("agent")), 0o700);
        assert_eq!(mode_of(&dir.path().join("agent/agent.pem")), 0o600);
        store.forget().unwrap();
        assert!(store.load().unwrap().is_none());
    }

    #[test]
    fn the_next_key_stays_the_same_until_its_answer_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        let first = store.next_key().unwrap();
        assert_eq!(first.public().spki(), store.next_key().unwrap().public().spki());
        assert_eq!(mode_of(&dir.path().join(NEXT)), 0o600);
        store.adopt(&agent_identity("/spire/agent/x")).unwrap();
        assert_ne!(first.public().spki(), store.next_key().unwrap().public().spki());
    }

    #[test]
    fn with_a_credential_no_file_holds_a_key_that_opens_without_it() {
        let dir = tempfile::tempdir().unwrap();
        let (credential, data) = (dir.path().join("kek"), dir.path().join("agent"));
        fs::write(&credential, crate::crypto::digest::base64(&[7; 32])).unwrap();
        let identity = agent_identity("/spire/agent/x");
        let plain = open(&data).unwrap();
        plain.adopt(&identity).unwrap();
        let next = plain.next_key().unwrap();
        drop(plain);

        let entropy: Arc<dyn crate::env::Entropy> = Arc::new(crate::env::SystemEntropy::default());
        let sealed = Store::open(&data, KeyFiles::sealed(&credential, &entropy).unwrap()).unwrap();
        let back = sealed.load().unwrap().unwrap();
        assert_eq!(back.key.public().spki(), identity.key.public().spki());
        assert_eq!(sealed.next_key().unwrap().public().spki(), next.public().spki());
        drop(sealed);
        for name in [SVID, NEXT] {
            let text = fs::read_to_string(data.join(name)).unwrap();
            assert!(text.contains("SEALED KEY") && !text.contains("BEGIN PRIVATE KEY"), "{text}");
        }
        let error = open(&data).unwrap().load().unwrap_err().to_string();
        assert!(error.contains("seal_credential"), "{error}");
    }

    #[test]
    fn the_bundle_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        assert_eq!(store.bundle().unwrap(), None);
        let chain = agent_identity("/spire/agent/x").chain;
        store.keep_bundle(chain.iter().map(Vec::as_slice)).unwrap();
        assert_eq!(store.bundle().unwrap(), Some(chain));
    }
}
