//! Where a key-encryption key comes from: a file, the text of an environment variable, or a systemd credential.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Kek;
use crate::crypto::digest::{base64, from_base64, from_hex};
use crate::crypto::keys::{KeyFileError, read_credential, read_key_file};
use crate::env::Entropy;
use crate::kernel::{Fault, Secret};

/// Where to take a key-encryption key from. The text is 32 bytes in base64 or hexadecimal.
#[derive(Debug)]
pub enum KekSource<'a> {
    /// A file that only its owner can read; made with a new key if it is not there and `create` says so.
    File {
        /// Where it lies.
        path: &'a Path,
        /// Whether to make it.
        create: bool,
    },
    /// A file in the directory of systemd credentials, whose rights systemd has set (root-owned and group-readable there).
    Credential {
        /// Where it lies, under `$CREDENTIALS_DIRECTORY`.
        path: &'a Path,
    },
    /// The value of an environment variable.
    Text(&'a Secret<String>),
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The file cannot be made.
    #[error("key-encryption key file `{}`", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file cannot be read, or others could.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// Not 32 bytes in base64 or hexadecimal.
    #[error(
        "a key-encryption key is 32 bytes in base64 or hexadecimal, as `head -c 32 /dev/urandom | base64` prints"
    )]
    Form,
    /// The cryptographic module or the random generator failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Kek {
    /// Loads the key.
    pub fn load(source: &KekSource<'_>, entropy: &dyn Entropy) -> Result<Self, KekError> {
        match source {
            KekSource::Text(text) => parse(text.expose()),
            KekSource::Credential { path } => parse_file(&read_credential(path, FILE_BYTES_MAX)?),
            KekSource::File { path, create } => {
                if *create {
                    make(path, entropy)?;
                }
                parse_file(&read_key_file(path, FILE_BYTES_MAX)?)
            }
        }
    }
}

/// Writes a new key unless the file is there. Written beside and linked into place, so that a crash leaves no half key and
/// two servers that start at once agree on one.
fn make(path: &Path, entropy: &dyn Entropy) -> Result<(), KekError> {
    if path.exists() {
        return Ok(());
    }
    let io = |source| KekError::Io { path: path.to_owned(), source };
    let key = entropy.token()?;
    let text = Secret::new(base64(key.expose()) + "\n");
    let beside =
        path.with_extension(format!("new-{}", crate::crypto::digest::hex(&entropy.nonce::<8>()?)));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(io)?;
    let written = file.write_all(text.expose().as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match std::fs::hard_link(&beside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    std::fs::remove_file(&beside).map_err(io)?;
    linked.map_err(io)
}

fn parse_file(bytes: &Secret<Vec<u8>>) -> Result<Kek, KekError> {
    parse(std::str::from_utf8(bytes.expose()).map_err(|_| KekError::Form)?)
}

fn parse(text: &str) -> Result<Kek, KekError> {
    let text = text.trim();
    let bytes = if text.len() == 64 { from_hex(text) } else { from_base64(text) };
    let bytes = Secret::new(bytes.ok_or(KekError::Form)?);
    let key: [u8; 32] = bytes.expose().as_slice().try_into().map_err(|_| KekError::Form)?;
    Ok(Kek::from_bytes(&Secret::new(key))?)
}

/// A key in either text form, a line break, and room for a wrong one to be told apart from a truncated one.
const FILE_BYTES_MAX: usize = 1024;
