//! Files that are replaced whole: no reader sees half of one, and a secret is never readable by others, not even for a moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::error::Error;

/// For its owner alone.
pub(super) const SECRET: u32 = 0o600;
/// For whoever reads it.
pub(super) const PUBLIC: u32 = 0o644;

/// Puts a file of this name and mode into a directory, durably, and gives its path.
pub(super) fn replace(
    directory: &Path,
    name: &str,
    bytes: &[u8],
    mode: u32,
) -> Result<PathBuf, Error> {
    let path = directory.join(name);
    let fresh = directory.join(format!(".{name}.new"));
    let written = write(&fresh, bytes, mode).and_then(|()| {
        fs::rename(&fresh, &path)?;
        File::open(directory)?.sync_all()
    });
    written.map_err(|error| Error::file("written", &path, &error))?;
    Ok(path)
}

fn write(fresh: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // What an interrupted run left may have another owner or mode: it is never written into.
    match fs::remove_file(fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(fresh)?;
    file.write_all(bytes)?;
    file.sync_all()
}
