//! `Env`: what a capability may touch of the outside world, passed in and never reached for.
//!
//! Owns the ports `Clock` and `Entropy` and their real adapters, and what each program does with files of its own: [`hold_file`]
//! keeps others out of its place, [`replace_file`] replaces one whole. Fakes are in `testkit`.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::db::Db;
use crate::kernel::{Fault, Lifetime, Secret, Timestamp};

/// The clock. Waiting goes through it too, so that a test owns every minute.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// A monotonic reading for measuring spans, from an arbitrary zero; a stepped wall clock does not move it.
    fn elapsed(&self) -> Lifetime;
    /// Resolves once this span has passed.
    fn sleep(&self, span: Lifetime) -> BoxFuture<'static, ()>;
}

/// Chance: the operating system's generator, or a seeded one in tests.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault>;
}

impl dyn Entropy + '_ {
    /// A time-ordered UUID (version 7).
    pub fn uuid(&self, now: Timestamp) -> Result<Uuid, Fault> {
        let mut random = [0_u8; 10];
        self.fill(&mut random)?;
        let millis = u64::try_from(now.micros().div_euclid(1000)).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// `N` random bytes that are not secret.
    pub fn nonce<const N: usize>(&self) -> Result<[u8; N], Fault> {
        let mut bytes = [0_u8; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// 256 random bits as a secret: for tokens.
    pub fn token(&self) -> Result<Secret<[u8; 32]>, Fault> {
        let mut bytes = [0_u8; 32];
        self.fill(&mut bytes)?;
        Ok(Secret::new(bytes))
    }
}

/// What an operation may touch. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Env {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl SystemClock {
    /// The clock, its monotonic zero being now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine for the time"
    )]
    pub fn new() -> Self {
        Self { started: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine for the time"
    )]
    fn now(&self) -> Timestamp {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Timestamp::EPOCH.plus(Lifetime::from_std(since)),
            Err(before) => Timestamp::EPOCH.minus(Lifetime::from_std(before.duration())),
        }
    }

    fn elapsed(&self) -> Lifetime {
        Lifetime::from_std(self.started.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that waits")]
    fn sleep(&self, span: Lifetime) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(span.to_std()))
    }
}

/// Locks this file, made if need be, for as long as what is given lives: one process holds it at a time.
///
/// A holder that is just ending gets a moment to let go; if it does not, the error's kind is `WouldBlock`.
pub fn hold_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(path)?;
    patiently(|| file.try_lock().map_err(io::Error::from))?;
    Ok(file)
}

/// Puts a file of this name into a directory, durably, and gives its path. No reader sees half of it, and a secret is never
/// readable by others, not even for a moment. An error leaves the file that was there.
pub fn replace_file(
    directory: &Path,
    name: &str,
    bytes: &[u8],
    readers: Readers,
) -> io::Result<PathBuf> {
    let (path, fresh) = (directory.join(name), directory.join(format!(".{name}.new")));
    // What an interrupted run left may have another owner or mode: it is never written into.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&fresh)?;
    if readers == Readers::Everybody {
        // Whatever the umask is: others are meant to read it.
        file.set_permissions(Permissions::from_mode(0o644))?;
    }
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, &path)?;
    File::open(directory)?.sync_all()?;
    Ok(path)
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone (0600).
    Owner,
    /// Everybody (0644).
    Everybody,
}

/// Tries again, for four seconds, what is answered `WouldBlock`. A predecessor may be ending, and a program that is just
/// being started holds a copy of our files for a moment. The thread is blocked meanwhile.
pub fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _attempt in 0..ATTEMPTS {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::park_timeout(PAUSE);
            }
            outcome => return outcome,
        }
    }
    attempt()
}

const ATTEMPTS: u32 = 80;
const PAUSE: Duration = Duration::from_millis(50);

/// The operating system's random generator.
#[derive(Debug, Default)]
pub struct SystemEntropy(SystemRandom);

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        self.0
            .fill(buffer)
            .map_err(|_| Fault::away("random generator", "the system gave no random bytes"))
    }
}
