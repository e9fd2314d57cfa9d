//! A person's X.509-SVID as files: `key.pem`, made here and readable by its owner alone, `svid.pem` and `bundle.pem`.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::error::Error;
use super::super::file::{Readers, replace};
use super::Wish;
use super::held::Held;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{CertificateView, csr, pem, pem_certificates, pem_private_key};
use crate::kernel::limits::BACKDATE_SECONDS;
use crate::kernel::{Fault, Lifetime, Timestamp};
use crate::wire::api::{PersonX509Ask, PersonX509Svid, Time};

/// An X.509-SVID that is there.
#[derive(Debug, Serialize)]
pub(super) struct Files {
    pub(super) spiffe_id: String,
    pub(super) expires_at: Time,
    pub(super) svid: PathBuf,
    pub(super) key: PathBuf,
    pub(super) bundle: PathBuf,
    /// True if it was made just now.
    pub(super) renewed: bool,
    /// When the next one is due.
    #[serde(skip)]
    pub(super) due: Timestamp,
}

impl Files {
    /// Where they are.
    pub(super) fn directory(&self) -> &Path {
        self.svid.parent().unwrap_or(&self.svid)
    }
}

/// The SVID in the directory of the wish, if more than half of its life is left; else a new one, for a new key.
pub(super) async fn ensure(held: &mut Held, wish: &Wish) -> Result<Files, Error> {
    let directory = wish.dir.clone().unwrap_or_else(|| held.place().directory().to_owned());
    let directory = std::path::absolute(&directory).unwrap_or(directory);
    if let Some(there) = there(held, &directory) {
        return Ok(there);
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
    made.map_err(|error| Error::file("made", &directory, &error))?;
    let key = PrivateKey::generate(Algorithm::P256).map_err(|fault| no_key(&fault))?;
    let request = csr::create(&key).map_err(|fault| no_key(&fault))?;
    let ask = PersonX509Ask {
        csr: pem("CERTIFICATE REQUEST", &request).to_string(),
        lifetime_seconds: wish.lifetime,
    };
    let given: PersonX509Svid = held.post("/user/svid", &ask).await?;
    let leaf = leaf(given.chain.as_bytes()).filter(|leaf| leaf.spki == key.public().spki());
    let leaf = leaf.filter(|leaf| leaf.uris == [given.spiffe_id.as_str()]);
    let words = "the server's X.509-SVID is not for this key and this person";
    let leaf = leaf.ok_or_else(|| Error::local(words))?;
    held.learn(&given.spiffe_id, given.session_expires_at)?;
    // The key first: whoever watches the certificate finds the key that belongs to it.
    let pkcs8 = key.to_pkcs8().map_err(|fault| no_key(&fault))?;
    let key = pem("PRIVATE KEY", pkcs8.expose());
    replace(&directory, KEY, key.as_bytes(), Readers::Owner)?;
    replace(&directory, SVID, given.chain.as_bytes(), Readers::Everybody)?;
    replace(&directory, BUNDLE, given.bundle.as_bytes(), Readers::Everybody)?;
    Ok(files(held, &directory, (&leaf, given.spiffe_id), true))
}

/// What is there already, if it is this person's, whole, and not due.
fn there(held: &Held, directory: &Path) -> Option<Files> {
    let open = &held.kept.open;
    let id = open.spiffe_id.clone()?;
    let leaf = leaf(&fs::read(directory.join(SVID)).ok()?)?;
    let key = pem_private_key(&fs::read(directory.join(KEY)).ok()?).ok()?;
    let whole = leaf.uris == [id.as_str()]
        && leaf.spki == key.public().spki()
        && directory.join(BUNDLE).exists();
    let files = files(held, directory, (&leaf, id), false);
    (whole && held.now() < files.due).then_some(files)
}

fn files(
    held: &Held,
    directory: &Path,
    (leaf, spiffe_id): (&CertificateView, String),
    renewed: bool,
) -> Files {
    let issued = leaf.not_before.plus(Lifetime::seconds(BACKDATE_SECONDS));
    // The last one of a session ends with it, and so would the next one.
    let ends = held.kept.open.session_expires_at;
    let last = ends.is_some_and(|ends| leaf.not_after.plus(SECOND) >= ends.0);
    let half = issued.plus(leaf.not_after.since(issued).divided_by(2));
    Files {
        spiffe_id,
        expires_at: leaf.not_after.into(),
        svid: directory.join(SVID),
        key: directory.join(KEY),
        bundle: directory.join(BUNDLE),
        renewed,
        due: if last { leaf.not_after } else { half },
    }
}

fn leaf(text: &[u8]) -> Option<CertificateView> {
    let chain = pem_certificates(text).ok()?;
    CertificateView::parse(chain.first()?).ok()
}

fn no_key(fault: &Fault) -> Error {
    Error::local(format!("no key could be made: {fault}"))
}

const SVID: &str = "svid.pem";
const KEY: &str = "key.pem";
const BUNDLE: &str = "bundle.pem";
/// Certificates know whole seconds.
const SECOND: Lifetime = Lifetime::seconds(1);
