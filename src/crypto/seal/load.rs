//! Where a key-encryption key comes from: a file, the text of an environment variable, or a systemd credential.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Kek;
use crate::crypto::digest::{base64, from_base64, from_hex};
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
    /// The file cannot be read or made.
    #[error("key-encryption key file `{}`", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Somebody else than the owner can read it.
    #[error("key-encryption key file `{}` has mode {mode:04o}: others can read it; run `chmod 600` on it", path.display())]
    Readable {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
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
            KekSource::Credential { path } => parse(read(path, false)?.expose()),
            KekSource::File { path, create } => {
                if *create {
                    make(path, entropy)?;
                }
                parse(read(path, true)?.expose())
            }
        }
    }
}

fn read(path: &Path, owner_only: bool) -> Result<Secret<String>, KekError> {
    let io = |source| KekError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    // The rights are read from the open file, so that nobody swaps it in between.
    let mode = file.metadata().map_err(io)?.mode() & 0o7777;
    if owner_only && mode & 0o077 != 0 {
        return Err(KekError::Readable { path: path.to_owned(), mode });
    }
    let mut text = String::with_capacity(FILE_BYTES_MAX);
    (&mut file)
        .take(FILE_BYTES_MAX.try_into().unwrap_or(u64::MAX))
        .read_to_string(&mut text)
        .map_err(io)?;
    Ok(Secret::new(text))
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

fn parse(text: &str) -> Result<Kek, KekError> {
    let text = text.trim();
    let bytes = if text.len() == 64 { from_hex(text) } else { from_base64(text) };
    let bytes = Secret::new(bytes.ok_or(KekError::Form)?);
    let key: [u8; 32] = bytes.expose().as_slice().try_into().map_err(|_| KekError::Form)?;
    Ok(Kek::from_bytes(&Secret::new(key))?)
}

/// A key in either text form, a line break, and room for a wrong one to be told apart from a truncated one.
const FILE_BYTES_MAX: usize = 1024;
