//! Workload attestors: what can be found out about the process at the other end of the socket.
//!
//! Owns: the port [`WorkloadAttestor`], the [`Peer`] it is asked about, and asking all of them. Does not own: which entry
//! a selector belongs to (`cache.rs`). Invariant: selectors describe the process that opened the connection, or there are
//! none: a process that has exited, and whose number may be another's by now, is attested as nobody.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::kernel::Selector;

pub mod unix;

/// The process that opened a connection, as the kernel names it.
#[derive(Clone)]
pub struct Peer {
    /// Its user when it connected.
    pub uid: u32,
    /// Its group when it connected.
    pub gid: u32,
    /// Its number, good only as long as `alive` says so.
    pub pid: i32,
    /// Whether this one process still runs, whoever has its number by now: the kernel's pidfd answers.
    pub alive: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer {{ uid: {}, gid: {}, pid: {} }}", self.uid, self.gid, self.pid)
    }
}

/// Why a process is attested as nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestError {
    /// It is gone: nothing read under its number can be trusted.
    #[error("the process that opened this connection has exited")]
    Exited,
    /// It runs as somebody else now.
    #[error("the process that opened this connection runs as another user now; connect again")]
    UserChanged,
    /// It had ended at accept, or lives where this agent cannot see it.
    #[error(
        "the process that opened this connection has exited, or is in a PID namespace the agent cannot see"
    )]
    Invisible,
    /// Something could not be read.
    #[error("the process that opened this connection could not be examined: {0}")]
    Unreadable(String),
}

/// One source of selectors.
pub trait WorkloadAttestor: Send + Sync + fmt::Debug + 'static {
    /// The type of its selectors.
    fn kind(&self) -> &'static str;
    /// What it finds about this process.
    fn attest(&self, peer: Peer) -> BoxFuture<'_, Result<Vec<Selector>, AttestError>>;
}

impl Peer {
    /// True while the process runs. A dead one that its parent has not reaped yet is gone.
    pub fn is_alive(&self) -> bool {
        (self.alive)()
    }
}

/// What all attestors find, in order and without doubles.
pub async fn attest(
    attestors: &[Box<dyn WorkloadAttestor>],
    peer: &Peer,
) -> Result<BTreeSet<Selector>, AttestError> {
    let mut found = BTreeSet::new();
    for attestor in attestors {
        found.extend(attestor.attest(peer.clone()).await?);
    }
    // After everything was read: it is of this process only if this process still lives.
    if peer.is_alive() { Ok(found) } else { Err(AttestError::Exited) }
}
