//! A device's key and SVID on disk: `key.pem`, `svid.pem`, `bundle.pem` and `issuer`, readable by their owner alone.
//!
//! A new key is in `key.next.pem` from before anybody certifies it, and the SVID for it in `svid.next.pem` before the two take
//! their places. So there is a key with its SVID at every moment, whenever the program ends: [`Files::settle`] goes on.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::super::error::Error;
use super::super::file::{Readers, replace};
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{CertificateView, pem, pem_certificates, pem_private_key};
use crate::kernel::Timestamp;
use crate::wire::api::DeviceSvid;

/// The directory of a device.
#[derive(Debug)]
pub(in crate::cli) struct Files(PathBuf);

impl Files {
    pub(in crate::cli) fn at(directory: PathBuf) -> Self {
        Self(std::path::absolute(&directory).unwrap_or(directory))
    }

    pub(in crate::cli) fn directory(&self) -> &Path {
        &self.0
    }

    /// Makes the directory, and finishes what an earlier run began.
    pub(super) fn settle(&self) -> Result<(), Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|error| Error::file("made", &self.0, &error))?;
        let Some(leaf) = self.leaf(NEXT_SVID) else { return Ok(()) };
        if self.key(NEXT_KEY).is_some_and(|key| key.public().spki() == leaf.spki) {
            self.rename(NEXT_KEY, KEY)?;
        }
        if self.key(KEY).is_some_and(|key| key.public().spki() == leaf.spki) {
            self.rename(NEXT_SVID, SVID)?;
        }
        Ok(())
    }

    /// The place of the one program that looks after this device, for as long as the file is open; nothing while another has it.
    /// Two that renewed at once would show each other's SVIDs as replaced ones.
    pub(super) fn take(&self) -> Result<Option<File>, Error> {
        let path = self.0.join(LOCK);
        let opened =
            File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = opened.map_err(|error| Error::file("opened", &path, &error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(Error::file("locked", &path, &error.into())),
        }
    }

    /// When the SVID that is there begins and ends, if it is whole.
    pub(super) fn held(&self) -> Option<(Timestamp, Timestamp)> {
        self.shown().map(|(_, leaf, _)| (leaf.not_before, leaf.not_after))
    }

    /// When it ends.
    pub(in crate::cli) fn held_until(&self) -> Option<Timestamp> {
        self.held().map(|(_, ends)| ends)
    }

    /// Chain and key, to be shown.
    pub(in crate::cli) fn identity(&self) -> Result<Zeroizing<String>, Error> {
        let read = |name: &str| {
            let path = self.0.join(name);
            fs::read_to_string(&path).map_err(|error| Error::file("read", &path, &error))
        };
        let (svid, key) = (read(SVID)?, Zeroizing::new(read(KEY)?));
        Ok(Zeroizing::new(format!("{}\n{svid}", key.as_str())))
    }

    /// The key with its SVID, taken apart and as it is, if both are whole.
    pub(super) fn shown(&self) -> Option<(PrivateKey, CertificateView, Vec<Vec<u8>>)> {
        let chain = pem_certificates(&fs::read(self.0.join(SVID)).ok()?).ok()?;
        let (leaf, key) = (CertificateView::parse(chain.first()?).ok()?, self.key(KEY)?);
        (leaf.spki == key.public().spki()).then_some((key, leaf, chain))
    }

    /// The issuer of the realm that the device enrolled in.
    pub(super) fn issuer(&self) -> Option<String> {
        fs::read_to_string(self.0.join(ISSUER)).ok()
    }

    /// The key that is to be certified: made now, or by a run whose answer was lost.
    pub(super) fn next_key(&self) -> Result<PrivateKey, Error> {
        if let Some(key) = self.key(NEXT_KEY) {
            return Ok(key);
        }
        let no_key = |fault: crate::kernel::Fault| Error::local(format!("no key: {fault}"));
        let key = PrivateKey::generate(Algorithm::P256).map_err(no_key)?;
        let pkcs8 = key.to_pkcs8().map_err(no_key)?;
        let text = pem("PRIVATE KEY", pkcs8.expose());
        replace(&self.0, NEXT_KEY, text.as_bytes(), Readers::Owner)?;
        Ok(key)
    }

    /// The key to enrol with: that of an earlier run, else the one that the machine was a device with, so that its owner brings the
    /// same device again, else a new one.
    pub(super) fn enrolling_key(&self) -> Result<PrivateKey, Error> {
        let known = self.key(NEXT_KEY).or_else(|| self.key(KEY));
        known.map_or_else(|| self.next_key(), Ok)
    }

    /// Puts an SVID for this key in its place, with the key.
    pub(super) fn keep(&self, key: &PrivateKey, given: &DeviceSvid) -> Result<(), Error> {
        let chain = given.chain.as_bytes();
        let leaf = leaf(chain).filter(|leaf| leaf.spki == key.public().spki());
        if leaf.is_none_or(|leaf| leaf.uris != [given.spiffe_id.as_str()]) {
            return Err(Error::local("the server's X.509-SVID is not for this key"));
        }
        replace(&self.0, BUNDLE, given.bundle.as_bytes(), Readers::Owner)?;
        replace(&self.0, ISSUER, given.issuer.as_bytes(), Readers::Owner)?;
        replace(&self.0, NEXT_SVID, chain, Readers::Owner)?;
        self.settle()
    }

    fn leaf(&self, name: &str) -> Option<CertificateView> {
        leaf(&fs::read(self.0.join(name)).ok()?)
    }

    fn key(&self, name: &str) -> Option<PrivateKey> {
        let text = Zeroizing::new(fs::read(self.0.join(name)).ok()?);
        pem_private_key(&text).ok()
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let path = self.0.join(to);
        fs::rename(self.0.join(from), &path)
            .and_then(|()| File::open(&self.0)?.sync_all())
            .map_err(|error| Error::file("written", &path, &error))
    }
}

fn leaf(text: &[u8]) -> Option<CertificateView> {
    let chain = pem_certificates(text).ok()?;
    CertificateView::parse(chain.first()?).ok()
}

const SVID: &str = "svid.pem";
const KEY: &str = "key.pem";
const BUNDLE: &str = "bundle.pem";
const ISSUER: &str = "issuer";
const NEXT_SVID: &str = "svid.next.pem";
const NEXT_KEY: &str = "key.next.pem";
const LOCK: &str = "run.lock";
