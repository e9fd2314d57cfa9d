//! Files of a command: replaced whole, and an error names the file.

use std::path::{Path, PathBuf};

use super::error::Error;
use crate::env::replace_file;

pub(super) use crate::env::Readers;

/// Puts a file of this name into a directory, durably, and gives its path.
pub(super) fn replace(
    directory: &Path,
    name: &str,
    bytes: &[u8],
    readers: Readers,
) -> Result<PathBuf, Error> {
    replace_file(directory, name, bytes, readers)
        .map_err(|error| Error::file("written", &directory.join(name), &error))
}
