//! Reading below a directory that stands for `/`: a file whose name leads out of it is not read, and nothing without a bound.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{Mode, OFlags};

use super::{Unknown, unknown};
use crate::kernel::{Lifetime, Timestamp};

/// A directory that stands for `/`.
#[derive(Debug, Clone)]
pub struct Root(PathBuf);

impl Root {
    /// This directory, which must be there.
    pub fn open(path: &Path) -> io::Result<Self> {
        let whole = path.canonicalize()?;
        if whole.is_dir() { Ok(Self(whole)) } else { Err(ErrorKind::NotADirectory.into()) }
    }

    /// The text of a small file; nothing where there is no such file.
    pub(super) fn text(&self, path: &str) -> Result<Option<String>, Unknown> {
        self.text_up_to(path, FILE_BYTES_MAX)
    }

    /// The text of a small file that must be there.
    pub(super) fn need(&self, path: &str) -> Result<String, Unknown> {
        self.text(path)?.ok_or_else(|| Unknown(format!("`{path}` is not there")))
    }

    /// The text of a file of so many bytes at most.
    pub(super) fn text_up_to(&self, path: &str, most: u64) -> Result<Option<String>, Unknown> {
        let Some(bytes) = self.bytes(path, most)? else { return Ok(None) };
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|_| Unknown(format!("`{path}` is not text")))
    }

    /// The bytes of a file of so many at most.
    pub(super) fn bytes(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, Unknown> {
        let Some(place) = self.resolve(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = open(&place).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => unreadable(path, &error),
            Ok(length) if u64::try_from(length).is_ok_and(|length| length > most) => {
                unknown(format!("`{path}` is larger than {most} bytes"))
            }
            Ok(_) => Ok(Some(bytes)),
        }
    }

    /// The names in a directory, in order; nothing where there is no such directory.
    pub(super) fn names(&self, path: &str) -> Result<Option<Vec<String>>, Unknown> {
        let Some(place) = self.resolve(path)? else { return Ok(None) };
        let entries = match std::fs::read_dir(place) {
            Ok(entries) => entries,
            Err(error) => return unreadable(path, &error),
        };
        let mut names = Vec::new();
        for entry in entries {
            if names.len() == NAMES_MAX {
                return unknown(format!("`{path}` has more than {NAMES_MAX} files"));
            }
            match entry {
                Ok(entry) => names.push(entry.file_name().to_string_lossy().into_owned()),
                Err(error) => return unreadable(path, &error),
            }
        }
        names.sort();
        Ok(Some(names))
    }

    /// True if there is anything of this name, also a link that leads nowhere.
    pub(super) fn has(&self, path: &str) -> Result<bool, Unknown> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(place) = self.resolve(folder)? else { return Ok(false) };
        match place.join(name).symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => unreadable(path, &error),
        }
    }

    /// When something was changed last.
    pub(super) fn changed(&self, path: &str) -> Result<Option<Timestamp>, Unknown> {
        let Some(place) = self.resolve(path)? else { return Ok(None) };
        let at = match place.metadata().and_then(|found| found.modified()) {
            Ok(at) => at,
            Err(error) => return unreadable(path, &error),
        };
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Some(Timestamp::EPOCH.plus(Lifetime::from_std(since))))
    }

    /// Where a path leads, links followed; never out of here.
    fn resolve(&self, path: &str) -> Result<Option<PathBuf>, Unknown> {
        match self.0.join(path.trim_start_matches('/')).canonicalize() {
            Ok(place) if place.starts_with(&self.0) => Ok(Some(place)),
            Ok(_) => unknown(format!("`{path}` leads out of the root")),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(error) => unreadable(path, &error),
        }
    }
}

/// A plain file, without waiting for somebody to write into it.
fn open(place: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(place, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("no plain file")) }
}

fn unreadable<T>(path: &str, error: &io::Error) -> Result<T, Unknown> {
    let why = match error.kind() {
        ErrorKind::Other => error.to_string(),
        kind => kind.to_string(),
    };
    unknown(format!("`{path}` cannot be read: {why}"))
}

/// What describes a machine is small; whatever is larger is something else.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// A directory of package lists has some hundreds.
const NAMES_MAX: usize = 4096;
