//! A private key in a file of the operator's: for its owner alone, or it is refused.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::kernel::Secret;

/// Why a key file is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// The system does not give it.
    #[error("key file `{}` cannot be read: {why}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Somebody else than the owner can read it.
    #[error("key file `{}` has mode {mode:04o}: others can read it; run `chmod 600` on it", path.display())]
    Readable {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// The bytes of a file that only its owner can read, at most so many.
pub fn read_key_file(path: &Path, bytes_max: usize) -> Result<Secret<Vec<u8>>, KeyFileError> {
    read(path, bytes_max, true)
}

/// The same for a systemd credential, whose rights systemd has set (root-owned and group-readable there).
pub fn read_credential(path: &Path, bytes_max: usize) -> Result<Secret<Vec<u8>>, KeyFileError> {
    read(path, bytes_max, false)
}

fn read(path: &Path, bytes_max: usize, owner_only: bool) -> Result<Secret<Vec<u8>>, KeyFileError> {
    let io = |why: io::Error| KeyFileError::Io { path: path.to_owned(), why: why.to_string() };
    let mut file = File::open(path).map_err(io)?;
    // The rights are read from the open file, so that nobody swaps it in between.
    let mode = file.metadata().map_err(io)?.mode() & 0o7777;
    if owner_only && mode & 0o077 != 0 {
        return Err(KeyFileError::Readable { path: path.to_owned(), mode });
    }
    // Room for all of it from the start: a buffer that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(bytes_max);
    (&mut file)
        .take(u64::try_from(bytes_max).unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)
        .map_err(io)?;
    Ok(Secret::new(bytes))
}
