//! Who is asking: the process at the other end of the socket, as the attestors see it.

use std::sync::Arc;

use http::Extensions;
use tonic::Status;

use crate::agent::attestors::{AttestError, Peer, attest};
use crate::agent::cache::Selectors;
use crate::http::{PeerInfo, Process};

use super::WorkloadApi;

/// A caller who was let in, and what it showed.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) peer: Peer,
    pub(super) selectors: Selectors,
}

impl WorkloadApi {
    /// Attests the process behind a call.
    pub(super) async fn enter(&self, extensions: &Extensions) -> Result<Guest, Status> {
        let peer = peer(extensions)?;
        let inner = &self.inner;
        let found =
            tokio::time::timeout(ATTEST_WITHIN, attest(&inner.attestors, &peer)).await.map_err(
                |_| Status::unavailable("the agent could not examine the calling process in time"),
            )?;
        let selectors = found.map_err(|why| refuse(&peer, &why))?;
        Ok(Guest { peer, selectors: Arc::new(selectors) })
    }
}

/// The process at the other end, as the door pinned it at accept.
fn peer(extensions: &Extensions) -> Result<Peer, Status> {
    let info = extensions.get::<PeerInfo>().cloned();
    let unix = info.as_ref().and_then(PeerInfo::unix);
    let unix =
        unix.ok_or_else(|| Status::internal("the Workload API is served on a Unix socket only"))?;
    let (uid, gid) = (unix.uid, unix.gid);
    let pid = unix.process.as_ref().map_or(0, Process::pid);
    let process = info.clone();
    let alive = move || {
        let unix = process.as_ref().and_then(PeerInfo::unix);
        unix.and_then(|unix| unix.process.as_ref()).is_some_and(Process::is_alive)
    };
    Ok(Peer { uid, gid, pid, alive: Arc::new(alive) })
}

fn refuse(peer: &Peer, why: &AttestError) -> Status {
    tracing::info!(peer.pid = peer.pid, peer.uid = peer.uid, error = %why, "a workload could not be attested");
    match why {
        AttestError::Exited | AttestError::UserChanged | AttestError::Invisible => {
            Status::permission_denied(why.to_string())
        }
        AttestError::Unreadable(_) => {
            Status::unavailable("the agent could not examine the calling process")
        }
    }
}

/// A directory service that hangs must not hold a workload's call for longer than it waits itself.
const ATTEST_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);
