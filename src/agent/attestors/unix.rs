//! The workload attestor `unix`: user, groups, path and digest of the program, from `/proc`.
//!
//! Selectors as SPIRE's: `uid`, `gid`, `user`, `group`, `supplementary_gid`, `supplementary_group`, `path`, `sha256`.
//! What cannot be found out (a user without a name, a program the agent may not read or that is larger than the bound) is
//! left out and never guessed. `path` is given only if the agent finds the same file under it: a process in a mount
//! namespace of its own can have any file at any path.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use nix::unistd::{Gid, Group, Uid, User};
use tokio::sync::Semaphore;

use crate::crypto::digest::hex;
use crate::env::Clock;
use crate::kernel::{Selector, Timestamp};

use super::{AttestError, Peer, WorkloadAttestor};

/// The attestor.
#[derive(Debug, Clone)]
pub struct Unix {
    hash_bytes_max: u64,
    clock: Arc<dyn Clock>,
    hashing: Arc<Semaphore>,
    digests: Arc<Mutex<HashMap<Program, [u8; 32]>>>,
}

/// One content of one file, as far as the file system says: every write moves the change time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Program {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// What `/proc/<pid>/status` says.
#[derive(Debug, PartialEq, Eq)]
struct Status {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Unix {
    /// Programs up to this size are hashed; 0 for none.
    pub fn new(hash_bytes_max: u64, clock: Arc<dyn Clock>) -> Self {
        let hashing = Arc::new(Semaphore::new(HASHES_AT_ONCE));
        Self { hash_bytes_max, clock, hashing, digests: Arc::default() }
    }

    fn find(&self, peer: &Peer) -> Result<Vec<Selector>, AttestError> {
        if peer.pid <= 0 {
            return Err(AttestError::Invisible);
        }
        let text = fs::read_to_string(format!("/proc/{}/status", peer.pid))
            .map_err(|why| gone(peer, &why))?;
        let status = Status::parse(&text)
            .ok_or_else(|| AttestError::Unreadable("its status has no users".to_owned()))?;
        if !peer.is_alive() {
            return Err(AttestError::Exited);
        }
        if status.uid != peer.uid {
            return Err(AttestError::UserChanged);
        }
        let mut found = Found::default();
        status.users(&mut found);
        self.program(peer, &mut found);
        Ok(found.0)
    }

    fn program(&self, peer: &Peer, found: &mut Found) {
        let link = PathBuf::from(format!("/proc/{}/exe", peer.pid));
        let Ok(file) = File::open(&link) else { return };
        let Ok(program) = file.metadata().map(|metadata| Program::of(&metadata)) else { return };
        if let Ok(path) = fs::read_link(&link)
            && fs::metadata(&path)
                .is_ok_and(|metadata| Program::of(&metadata).is_same_file(&program))
        {
            found.add_some("path", path.to_str().map(str::to_owned));
        }
        if let Some(digest) = self.digest(file, program) {
            found.add("sha256", &hex(&digest));
        }
    }

    fn digest(&self, file: File, program: Program) -> Option<[u8; 32]> {
        if program.size > self.hash_bytes_max {
            return None;
        }
        if let Some(known) = self.lock().get(&program) {
            return Some(*known);
        }
        let digest = hash(file, program.size)?;
        let mut digests = self.lock();
        if program.has_settled(self.clock.now()) {
            if digests.len() >= DIGESTS_MAX {
                digests.clear();
            }
            digests.insert(program, digest);
        }
        Some(digest)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Program, [u8; 32]>> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkloadAttestor for Unix {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn attest(&self, peer: Peer) -> BoxFuture<'_, Result<Vec<Selector>, AttestError>> {
        Box::pin(async move {
            let unreadable = |why: &dyn std::fmt::Display| AttestError::Unreadable(why.to_string());
            let permit =
                Arc::clone(&self.hashing).acquire_owned().await.map_err(|why| unreadable(&why))?;
            let attestor = self.clone();
            let work = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                attestor.find(&peer)
            });
            work.await.map_err(|why| unreadable(&why))?
        })
    }
}

#[derive(Default)]
struct Found(Vec<Selector>);

impl Found {
    fn add(&mut self, name: &str, value: &str) {
        // Longer than a selector may be: no entry can ask for it.
        self.0.extend(Selector::new(KIND, &format!("{name}:{value}")));
    }

    fn add_some(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.add(name, &value);
        }
    }
}

impl Status {
    /// Whose process it is: by number, and by name where this machine knows one.
    fn users(&self, found: &mut Found) {
        found.add("uid", &self.uid.to_string());
        found.add("gid", &self.gid.to_string());
        found.add_some("user", user_name(self.uid));
        found.add_some("group", group_name(self.gid));
        for gid in &self.groups {
            found.add("supplementary_gid", &gid.to_string());
            found.add_some("supplementary_group", group_name(*gid));
        }
    }

    /// The effective ids: the second of the four.
    fn parse(text: &str) -> Option<Self> {
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let effective = |name: &str| field(name)?.split_ascii_whitespace().nth(1)?.parse().ok();
        let groups = field("Groups")?.split_ascii_whitespace().filter_map(|id| id.parse().ok());
        Some(Self {
            uid: effective("Uid")?,
            gid: effective("Gid")?,
            groups: groups.take(GROUPS_MAX).collect(),
        })
    }
}

impl Program {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// True if a write after this moment must show another change time: the clock behind it is coarse, so a file
    /// changed a moment ago could change again under the same time.
    fn has_settled(&self, now: Timestamp) -> bool {
        now.seconds().saturating_sub(self.changed.0) > SETTLED_SECONDS
    }
}

fn gone(peer: &Peer, why: &std::io::Error) -> AttestError {
    if peer.is_alive() { AttestError::Unreadable(why.to_string()) } else { AttestError::Exited }
}

/// Reads exactly what the file held when it was looked at; a file that grows or shrinks meanwhile has no digest.
fn hash(file: File, size: u64) -> Option<[u8; 32]> {
    let mut context = crate::crypto::digest::Sha256::new();
    let mut file = file.take(size.saturating_add(1));
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    let mut total = 0_u64;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                context.update(buffer.get(..count)?);
                total = total.saturating_add(u64::try_from(count).ok()?);
            }
            Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    (total == size).then(|| context.finish())
}

fn user_name(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

fn group_name(gid: u32) -> Option<String> {
    Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name)
}

/// The type of its selectors.
pub const KIND: &str = "unix";
/// Attestations that read and hash at the same time: they must not take the machine from the workloads.
const HASHES_AT_ONCE: usize = 4;
const HASH_BUFFER_BYTES: usize = 64 * 1024;
/// Digests remembered: more programs than a node runs.
const DIGESTS_MAX: usize = 256;
/// Supplementary groups looked at. The kernel allows 65,536, each of which could cost a directory look-up.
const GROUPS_MAX: usize = 256;
/// Far above the granularity of any file system's change time.
const SETTLED_SECONDS: i64 = 2;

#[cfg(test)]
#[path = "unix_tests.rs"]
mod tests;
