//! The ledger's writer: one thread, one group at a time; whoever waits is answered after the group's fsync.
//!
//! What arrives while an fsync is in flight is the next group. That group begins when as many wait as were answered and
//! waited when the last one ended, because callers come in rounds: each asks again once it has its answer. Who is missing is
//! waited for no longer than `patience`; a caller that is alone waits for nobody.
//!
//! A group whose bytes could not be written leaves nothing behind and gives its numbers back. An fsync that failed says that
//! nobody knows what is on the disk: from then on everything is refused, and whoever watches `fatal` ends the process.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};

use crate::env::{Clock, hold_file};
use crate::kernel::{Fault, Lifetime};

use super::frame::{self, HEADER, Header};
use super::model::Stream;
use super::segment::{self, Blank, Disk, Span};

/// What a ledger is made of.
#[derive(Debug, Clone)]
pub(super) struct Config {
    /// Where the segments live.
    pub(super) directory: PathBuf,
    /// The id of this start.
    pub(super) stream: Stream,
    /// Most bytes all segments may take together.
    pub(super) bound: u64,
    /// Size of the first segment: small, because the start waits for it.
    pub(super) first_bytes: u64,
    /// Size of the others.
    pub(super) segment_bytes: u64,
    /// The longest that a group waits for those who are missing.
    pub(super) patience: Lifetime,
    /// The calls to the disk.
    pub(super) disk: Disk,
    /// The time, for headers.
    pub(super) clock: Arc<dyn Clock>,
}

/// The append-only local log of this process, and what earlier starts left in the same directory.
#[derive(Debug)]
pub(super) struct Ledger {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Held as long as this ledger lives: two servers on one directory would remove each other's segments.
    _lock: File,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    queue: Mutex<Queue>,
    wake: Condvar,
    state: Mutex<State>,
    fatal: watch::Sender<Option<Fault>>,
    /// True if the newest group was refused for want of room.
    refusing: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    appends: Vec<Append>,
    bytes: usize,
    closed: bool,
    /// Fewer than this wake nobody: the writer waits for the others, or is at work and looks here when it is done.
    wanted: usize,
}

/// Framed records without numbers, and who waits for them.
#[derive(Debug)]
struct Append {
    records: Vec<u8>,
    done: oneshot::Sender<Result<(), Fault>>,
}

#[derive(Debug, Default)]
struct State {
    segments: VecDeque<Segment>,
    allocated: u64,
    damaged: Vec<PathBuf>,
}

/// A segment that is not wholly in the database yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) stream: Stream,
    /// The number of its first record.
    pub(super) first: u64,
    /// The byte after the last one that may be read.
    pub(super) until: u64,
    /// True for one of this start: everything before `until` is durable.
    pub(super) ours: bool,
    /// True while it is being written.
    pub(super) open: bool,
    allocated: u64,
}

impl Segment {
    /// All of it.
    pub(super) fn span(&self) -> Span {
        Span {
            path: self.path.clone(),
            stream: self.stream,
            from: u64::try_from(HEADER).unwrap_or(u64::MAX),
            until: self.until,
            next: self.first,
            durable: self.ours,
        }
    }
}

impl Ledger {
    /// Takes the directory over, finds what earlier starts left, and starts the writer. A full disk is no error here:
    /// appends are refused until the copier has made room.
    pub(super) fn open(config: Config) -> Result<Self, Fault> {
        let lock = take(&config.directory)?;
        let (found, damaged) = segment::find(&config.directory)?;
        let mut state = State { damaged, ..State::default() };
        for old in found {
            state.allocated += old.bytes;
            state.segments.push_back(Segment {
                path: old.path,
                stream: old.header.stream,
                first: old.header.first,
                until: old.bytes,
                ours: false,
                open: false,
                allocated: old.bytes,
            });
        }
        let shared = Arc::new(Shared {
            config,
            queue: Mutex::default(),
            wake: Condvar::new(),
            state: Mutex::new(state),
            fatal: watch::Sender::new(None),
            refusing: AtomicBool::new(false),
        });
        let mut writer = Writer::new(Arc::clone(&shared));
        match writer.rotate(0) {
            Ok(()) | Err(Fault::Full { .. }) => {}
            Err(fault) => return Err(fault),
        }
        let thread = std::thread::Builder::new().name("ledger".to_owned());
        let thread = thread.spawn(move || writer.run()).map_err(segment::fault)?;
        Ok(Self { shared, writer: Mutex::new(Some(thread)), _lock: lock })
    }

    /// Makes framed records durable, all in one group. Whatever it answers but `Ok`, nothing may be handed out.
    pub(super) async fn append(&self, records: Vec<u8>) -> Result<(), Fault> {
        let (done, answer) = oneshot::channel();
        let enough = {
            let mut queue = lock(&self.shared.queue);
            if queue.closed {
                return Err(self.refusal());
            }
            if queue.bytes.saturating_add(records.len()) > QUEUE_BYTES_MAX {
                return Err(Fault::Full { what: "the ledger's queue" });
            }
            queue.bytes += records.len();
            queue.appends.push(Append { records, done });
            queue.appends.len() >= queue.wanted
        };
        if enough {
            self.shared.wake.notify_one();
        }
        answer.await.unwrap_or_else(|_| Err(self.refusal()))
    }

    /// Every segment that is still on this disk, oldest first.
    pub(super) fn segments(&self) -> Vec<Segment> {
        lock(&self.shared.state).segments.iter().cloned().collect()
    }

    /// Lets a segment go, its facts being in the database; a damaged one is kept aside.
    pub(super) fn release(&self, path: &Path, damaged: bool) {
        let mut state = lock(&self.shared.state);
        let Some(at) = state.segments.iter().position(|segment| segment.path == path) else {
            return;
        };
        if state.segments.get(at).is_some_and(|segment| segment.open) {
            return;
        }
        if damaged {
            segment::set_aside(path);
        } else {
            segment::discard(path);
        }
        if let Some(gone) = state.segments.remove(at) {
            state.allocated = state.allocated.saturating_sub(gone.allocated);
        }
    }

    /// Segments whose header could not be read at start; each is named once.
    pub(super) fn take_damaged(&self) -> Vec<PathBuf> {
        std::mem::take(&mut lock(&self.shared.state).damaged)
    }

    /// Bytes of disk that segments take now, the one being written included.
    pub(super) fn allocated(&self) -> u64 {
        lock(&self.shared.state).allocated
    }

    /// True while what comes is refused, because there is no room for it.
    pub(super) fn is_refusing(&self) -> bool {
        self.shared.refusing.load(Ordering::Relaxed)
    }

    /// Holds the reason once nothing can be recorded any more.
    pub(super) fn fatal(&self) -> watch::Receiver<Option<Fault>> {
        self.shared.fatal.subscribe()
    }

    /// Finishes what waits, then refuses everything. Blocks for one fsync.
    pub(super) fn close(&self) {
        lock(&self.shared.queue).closed = true;
        self.shared.wake.notify_all();
        let thread = lock(&self.writer).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the ledger's writer had panicked");
        }
    }

    fn refusal(&self) -> Fault {
        let fatal = self.shared.fatal.borrow().clone();
        fatal.unwrap_or_else(|| Fault::away("ledger", "it is closed"))
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close();
    }
}

/// The state of the writer's thread.
#[derive(Debug)]
struct Writer {
    shared: Arc<Shared>,
    current: Option<Current>,
    ahead: Option<JoinHandle<Result<Blank, Fault>>>,
    next_index: u64,
    /// The last number that is durable.
    durable: u64,
    batch: Vec<u8>,
    waiting: Vec<oneshot::Sender<Result<(), Fault>>>,
    /// How many were answered after the last fsync, or came while it was in flight.
    companions: usize,
}

#[derive(Debug)]
struct Current {
    file: File,
    path: PathBuf,
    offset: u64,
    bytes: u64,
}

impl Writer {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            current: None,
            ahead: None,
            next_index: 0,
            durable: 0,
            batch: Vec::new(),
            waiting: Vec::new(),
            companions: 0,
        }
    }

    fn run(mut self) {
        while let Some(appends) = self.shared.next(self.companions) {
            self.companions = 0;
            self.group(appends);
            if self.shared.fatal.borrow().is_some() {
                self.shared.refuse_all();
                return;
            }
        }
        self.seal();
        if let Some(ahead) = self.ahead.take()
            && let Ok(Ok(blank)) = ahead.join()
        {
            self.shared.give_back(blank.bytes);
            segment::discard(&blank.path);
        }
    }

    fn group(&mut self, appends: Vec<Append>) {
        let mut next = self.durable + 1;
        for Append { mut records, done } in appends {
            if !self.fits(records.len()) {
                self.flush(next);
                next = self.durable + 1;
                let rotated = match self.shared.failed() {
                    Some(fault) => Err(fault),
                    None => self.rotate(records.len()),
                };
                if let Err(fault) = rotated {
                    self.shared.refusing.store(true, Ordering::Relaxed);
                    answer([done], &Err(fault));
                    continue;
                }
            }
            next = frame::number(&mut records, self.shared.config.stream, next, self.durable);
            self.batch.extend_from_slice(&records);
            self.waiting.push(done);
        }
        self.flush(next);
    }

    fn fits(&self, more: usize) -> bool {
        let wanted = u64::try_from(self.batch.len() + more).unwrap_or(u64::MAX);
        self.current
            .as_ref()
            .is_some_and(|current| current.bytes.saturating_sub(current.offset) >= wanted)
    }

    /// Writes and syncs the batch, whose numbers end before `next`, and answers whoever waits for it.
    fn flush(&mut self, next: u64) {
        if self.batch.is_empty() {
            return;
        }
        let result = self.store();
        if result.is_ok() {
            metrics::counter!("weft_ledger_appended_total").increment(next - 1 - self.durable);
            metrics::counter!("weft_ledger_syncs_total").increment(1);
            self.durable = next - 1;
        }
        self.shared.refusing.store(result.is_err(), Ordering::Relaxed);
        self.batch.clear();
        // Counted before anybody is answered: who asks again at once is no second caller.
        self.companions = lock(&self.shared.queue).appends.len() + self.waiting.len();
        answer(self.waiting.drain(..), &result);
    }

    fn store(&mut self) -> Result<(), Fault> {
        if let Some(fault) = self.shared.failed() {
            return Err(fault);
        }
        let Some(current) = self.current.as_mut() else {
            return Err(Fault::bug("a group without a segment"));
        };
        if let Err(error) = current.file.write_all_at(&self.batch, current.offset) {
            // Part of it may be there: the segment ends before it, and the next group starts a new one.
            let cut = current.file.set_len(current.offset).and_then(|()| current.file.sync_all());
            if let Err(cut) = cut {
                return Err(self.shared.fail(&cut));
            }
            self.seal();
            return Err(segment::fault(error));
        }
        if let Err(error) = (self.shared.config.disk.sync)(&current.file) {
            return Err(self.shared.fail(&error));
        }
        current.offset += u64::try_from(self.batch.len()).unwrap_or(u64::MAX);
        self.shared.extend(&current.path, current.offset);
        if self.ahead.is_none() && current.offset > current.bytes / 2 {
            let shared = Arc::clone(&self.shared);
            let index = self.next_index;
            let ahead = std::thread::Builder::new().name("ledger-ahead".to_owned());
            self.ahead = ahead.spawn(move || shared.make(index, 0)).ok();
            self.next_index += 1;
        }
        Ok(())
    }

    /// Ends the current segment and begins the next, with room for an append of `more` bytes.
    fn rotate(&mut self, more: usize) -> Result<(), Fault> {
        let wanted = u64::try_from(HEADER + more).unwrap_or(u64::MAX);
        let blank = match self.ahead.take().map(JoinHandle::join) {
            Some(Ok(Ok(blank))) if blank.bytes >= wanted => blank,
            Some(Ok(Ok(small))) => {
                self.shared.give_back(small.bytes);
                segment::discard(&small.path);
                self.shared.make(small.index, wanted)?
            }
            _ => {
                let blank = self.shared.make(self.next_index, wanted)?;
                self.next_index += 1;
                blank
            }
        };
        self.seal();
        self.begin(blank)
    }

    /// Writes the header; it becomes durable with the first group.
    fn begin(&mut self, blank: Blank) -> Result<(), Fault> {
        let config = &self.shared.config;
        let first = self.durable + 1;
        let begun = config.clock.now();
        let header = Header { stream: config.stream, index: blank.index, first, begun };
        if let Err(error) = blank.file.write_all_at(&header.bytes(), 0) {
            self.shared.give_back(blank.bytes);
            segment::discard(&blank.path);
            return Err(segment::fault(error));
        }
        let offset = u64::try_from(HEADER).unwrap_or(u64::MAX);
        lock(&self.shared.state).segments.push_back(Segment {
            path: blank.path.clone(),
            stream: config.stream,
            first,
            until: offset,
            ours: true,
            open: true,
            allocated: blank.bytes,
        });
        self.current =
            Some(Current { file: blank.file, path: blank.path, offset, bytes: blank.bytes });
        Ok(())
    }

    /// Closes the current segment for the copier, and returns the room it did not use.
    fn seal(&mut self) {
        let Some(current) = self.current.take() else { return };
        let mut state = lock(&self.shared.state);
        if current.offset == u64::try_from(HEADER).unwrap_or(u64::MAX) {
            segment::discard(&current.path);
            state.segments.retain(|segment| segment.path != current.path);
            state.allocated = state.allocated.saturating_sub(current.bytes);
            return;
        }
        if let Err(error) = current.file.set_len(current.offset) {
            tracing::warn!(error = %error, "a ledger segment keeps its unused room");
        }
        state.allocated = state.allocated.saturating_sub(current.bytes - current.offset);
        for segment in state.segments.iter_mut().filter(|segment| segment.path == current.path) {
            segment.open = false;
            segment.allocated = current.offset;
        }
    }
}

impl Shared {
    /// Waits for the next group, in which so many may come; `None` once closed and empty.
    fn next(&self, companions: usize) -> Option<Vec<Append>> {
        let mut queue = lock(&self.queue);
        if companions > 1 {
            queue.wanted = companions;
            let patience = self.config.patience.to_std();
            let missing = |queue: &mut Queue| !queue.closed && queue.appends.len() < queue.wanted;
            let waited = self.wake.wait_timeout_while(queue, patience, missing);
            (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        queue.wanted = 1;
        while queue.appends.is_empty() {
            if queue.closed {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.wanted = usize::MAX;
        queue.bytes = 0;
        Some(std::mem::take(&mut queue.appends))
    }

    /// Makes a segment, if the bound has room for it.
    fn make(&self, index: u64, wanted: u64) -> Result<Blank, Fault> {
        let usual = if index == 0 { self.config.first_bytes } else { self.config.segment_bytes };
        let bytes = usual.max(wanted);
        {
            let mut state = lock(&self.state);
            if state.allocated.saturating_add(bytes) > self.config.bound {
                return Err(Fault::Full { what: "the ledger" });
            }
            state.allocated += bytes;
        }
        let Config { directory, stream, disk, .. } = &self.config;
        let made = segment::create(directory, *stream, index, bytes, *disk);
        made.inspect_err(|_| self.give_back(bytes))
    }

    fn give_back(&self, bytes: u64) {
        let mut state = lock(&self.state);
        state.allocated = state.allocated.saturating_sub(bytes);
    }

    fn extend(&self, path: &Path, until: u64) {
        let mut state = lock(&self.state);
        if let Some(segment) = state.segments.iter_mut().rev().find(|segment| segment.path == path)
        {
            segment.until = until;
        }
    }

    /// Nobody knows what is on the disk any more.
    fn fail(&self, error: &std::io::Error) -> Fault {
        tracing::error!(error = %error, "the ledger could not be synced: this server must stop");
        let fault = Fault::away("ledger", format_args!("its disk failed: {error}"));
        self.fatal.send_replace(Some(fault.clone()));
        fault
    }

    fn failed(&self) -> Option<Fault> {
        self.fatal.borrow().clone()
    }

    /// After a failure: everybody who waits, and everybody who comes, is refused.
    fn refuse_all(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        let fault = self.failed().unwrap_or_else(|| Fault::away("ledger", "it is closed"));
        answer(queue.appends.drain(..).map(|append| append.done), &Err(fault));
    }
}

/// Answers everybody; who went away is not missed.
fn answer(
    waiting: impl IntoIterator<Item = oneshot::Sender<Result<(), Fault>>>,
    result: &Result<(), Fault>,
) {
    for done in waiting {
        drop(done.send(result.clone()));
    }
}

/// Makes the directory if need be, and takes it for this process alone.
pub(super) fn take(directory: &Path) -> Result<File, Fault> {
    std::fs::create_dir_all(directory).map_err(segment::fault)?;
    hold_file(&directory.join("lock")).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => {
            Fault::away("ledger", format!("`{}` is in use by another server", directory.display()))
        }
        _ => segment::fault(error),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records waiting for the writer; a disk that stalls for seconds must not fill the memory.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
