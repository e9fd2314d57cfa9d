//! The files of the ledger: made ahead and filled with zeros, found again at start, read back for the copier.
//!
//! A segment is written once from front to back and never again. Its blocks exist before its first record, so that a full
//! disk is met when a segment is made, when nothing hangs on it, and so that an fsync has no size or extent to store.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::kernel::Fault;

use super::frame::{self, HEADER, Header};
use super::model::{Fact, Stream};

/// The calls whose failure matters, so that a test can let them fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disk {
    /// Fills a new file with this many zeros.
    pub(super) fill: fn(&File, u64) -> io::Result<()>,
    /// Makes what was written durable.
    pub(super) sync: fn(&File) -> io::Result<()>,
}

impl Disk {
    /// The machine's disk.
    pub(super) const REAL: Self = Self { fill, sync: File::sync_data };
}

/// A segment without a record yet.
#[derive(Debug)]
pub(super) struct Blank {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) index: u64,
    pub(super) bytes: u64,
}

/// A segment that an earlier start left behind.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    pub(super) bytes: u64,
}

/// From where to where a segment is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// The file.
    pub(super) path: PathBuf,
    /// Its stream.
    pub(super) stream: Stream,
    /// The first byte not read yet.
    pub(super) from: u64,
    /// The byte after the last one that may be read.
    pub(super) until: u64,
    /// The number the next record must have.
    pub(super) next: u64,
    /// True if everything before `until` is known to be durable: then nothing there may be torn.
    pub(super) durable: bool,
}

/// What one look into a segment brought.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The facts, in order.
    pub(super) facts: Vec<Fact>,
    /// Where to read on.
    pub(super) from: u64,
    /// The number that comes next.
    pub(super) next: u64,
    /// Nothing more is to be found before `until`.
    pub(super) ended: bool,
    /// Acknowledged records that cannot be read: an alarm each.
    pub(super) damage: Vec<String>,
}

/// Makes a segment of `bytes` zeros, durable before it is used.
pub(super) fn create(
    directory: &Path,
    stream: Stream,
    index: u64,
    bytes: u64,
    disk: Disk,
) -> Result<Blank, Fault> {
    let path = directory.join(format!("{}-{index:08}.seg", stream.hex()));
    let made = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
    let file = made.map_err(fault)?;
    let filled = (disk.fill)(&file, bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(directory)?.sync_all());
    match filled {
        Ok(()) => Ok(Blank { file, path, index, bytes }),
        Err(error) => {
            discard(&path);
            Err(fault(error))
        }
    }
}

/// All segments in the directory, oldest first. Those that never got a record are removed; those whose header is damaged
/// are set aside and named in the second list.
pub(super) fn find(directory: &Path) -> Result<(Vec<Found>, Vec<PathBuf>), Fault> {
    let mut found = Vec::new();
    let mut damaged = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.extension().is_none_or(|extension| extension != "seg") {
            continue;
        }
        let file = File::open(&path).map_err(fault)?;
        let bytes = file.metadata().map_err(fault)?.len();
        let mut head = [0_u8; HEADER];
        let whole = file.read_exact_at(&mut head, 0).is_ok();
        match Header::parse(&head) {
            Some(header) => found.push(Found { path, header, bytes }),
            None if !whole || head == [0; HEADER] => discard(&path),
            None => {
                set_aside(&path);
                damaged.push(path);
            }
        }
    }
    found.sort_by_key(|segment| {
        (segment.header.begun, segment.header.stream.0, segment.header.index)
    });
    Ok((found, damaged))
}

/// Reads the next records of a span, at most `FACTS_MAX`.
pub(super) fn read(span: &Span) -> Result<Chunk, Fault> {
    let file = File::open(&span.path).map_err(fault)?;
    let look = |bytes| window(&file, span.from, span.until.min(span.from.saturating_add(bytes)));
    let mut bytes = look(USUAL_WINDOW)?;
    if frame::read(&bytes, span.stream).is_none() {
        bytes = look(WINDOW)?;
    }
    let mut chunk = Chunk { from: span.from, next: span.next, ..Chunk::default() };
    let mut rest = bytes.as_slice();
    while chunk.facts.len() < FACTS_MAX {
        if let Some(record) = frame::read(rest, span.stream) {
            chunk.take(&record);
            rest = rest.get(record.size..).unwrap_or_default();
        } else if chunk.from > span.from {
            // The record may only be cut off by the window: the next look starts with it.
            break;
        } else {
            chunk.skip(&file, span)?;
            break;
        }
    }
    Ok(chunk)
}

impl Chunk {
    fn take(&mut self, record: &frame::Frame<'_>) {
        if record.n != self.next {
            self.damage.push(format!("expected record {}, found {}", self.next, record.n));
        }
        match Fact::decode(record.realm, record.n, record.envelope) {
            Ok(fact) => self.facts.push(fact),
            Err(cause) => self.damage.push(format!("record {}: {cause}", record.n)),
        }
        self.next = record.n.saturating_add(1);
        self.from = self.from.saturating_add(u64::try_from(record.size).unwrap_or(u64::MAX));
    }

    /// No sound record lies at `from`: the end, a torn tail, or damage. Only in the last case there is more to read.
    fn skip(&mut self, file: &File, span: &Span) -> Result<(), Fault> {
        let rest = window(file, self.from, span.until)?;
        let found = frame::resume(&rest, span.stream, self.next.saturating_sub(1));
        match found {
            Some((distance, record)) if span.durable || record.synced >= self.next => {
                self.damage.push(format!(
                    "records {} to {} are unreadable",
                    self.next,
                    record.n - 1
                ));
                self.next = record.n;
                self.from = self.from.saturating_add(u64::try_from(distance).unwrap_or(u64::MAX));
            }
            _ => {
                if span.durable && !rest.is_empty() {
                    self.damage.push(format!("records from {} on are unreadable", self.next));
                }
                self.ended = true;
            }
        }
        Ok(())
    }
}

/// Removes a segment that is no longer needed. What cannot be removed now is found, and copied again, at the next start.
pub(super) fn discard(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), error = %error, "a ledger segment could not be removed");
    }
}

/// Keeps a damaged segment out of the way, for people to look at.
pub(super) fn set_aside(path: &Path) {
    if let Err(error) = std::fs::rename(path, path.with_extension("damaged")) {
        tracing::warn!(path = %path.display(), error = %error, "a damaged ledger segment could not be renamed");
    }
}

/// What a disk's answer means.
pub(super) fn fault(error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Fault::Full { what: "the ledger's disk" }
        }
        io::ErrorKind::ReadOnlyFilesystem => Fault::ReadOnly { what: "the ledger's disk" },
        _ => Fault::away("the ledger's disk", error),
    }
}

fn window(file: &File, from: u64, until: u64) -> Result<Vec<u8>, Fault> {
    let length = usize::try_from(until.saturating_sub(from)).map_err(Fault::bug)?;
    let mut bytes = vec![0_u8; length];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = from.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        match file.read_at(rest, at) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(fault(error)),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn fill(file: &File, bytes: u64) -> io::Result<()> {
    let zeros = vec![0_u8; 64 * 1024];
    let mut written = 0;
    while written < bytes {
        let left = usize::try_from(bytes - written).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all_at(zeros.get(..left).unwrap_or_default(), written)?;
        written += u64::try_from(left).unwrap_or(u64::MAX);
    }
    Ok(())
}

/// One look reads this much, some 500 facts, unless the first record is larger.
const USUAL_WINDOW: u64 = 256 * 1024;
/// One look reads at most this much; a record of the largest size fits.
const WINDOW: u64 = 1024 * 1024 + 64 * 1024;
/// One look brings at most this many facts: what one transaction of the copier takes.
const FACTS_MAX: usize = 512;
