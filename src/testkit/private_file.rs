//! Files that only their owner can read: others' keys are refused.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::database::must;

/// Writes a file for its owner alone.
pub fn private_file(path: &Path, text: impl AsRef<[u8]>) {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    must(must(file, "a file").write_all(text.as_ref()), "written");
}
