//! Who is asking: the limits of their user first, because that costs nothing; then the attestors.

use std::sync::Arc;

use http::Extensions;
use tonic::Status;

use crate::agent::attestors::{AttestError, Peer, attest};
use crate::agent::cache::Selectors;
use crate::agent::limits::Place;

use super::WorkloadApi;

/// A caller who was let in: what it showed, and its place among the open calls of its user.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) peer: Peer,
    pub(super) selectors: Selectors,
    _place: Place,
}

impl WorkloadApi {
    /// Counts the call and attests the process behind it.
    pub(super) async fn enter(&self, extensions: &Extensions) -> Result<Guest, Status> {
        let peer = peer(extensions)?;
        let inner = &self.inner;
        let place = inner
            .limits
            .enter(peer.uid, inner.clock.elapsed())
            .map_err(|why| Status::resource_exhausted(why.to_string()))?;
        let found = tokio::time::timeout(ATTEST_WITHIN, attest(&inner.attestors, &peer))
            .await
            .map_err(|_| Status::unavailable("the agent could not examine the calling process in time"))?;
        let selectors = found.map_err(|why| refuse(&peer, &why))?;
        Ok(Guest { peer, selectors: Arc::new(selectors), _place: place })
    }
}

fn refuse(peer: &Peer, why: &AttestError) -> Status {
    tracing::info!(peer.pid = peer.pid, peer.uid = peer.uid, error = %why, "a workload could not be attested");
    match why {
        AttestError::Exited | AttestError::UserChanged | AttestError::Invisible => {
            Status::permission_denied(why.to_string())
        }
        AttestError::Unreadable(_) => Status::unavailable("the agent could not examine the calling process"),
    }
}

/// A directory service that hangs must not hold a workload's call for longer than it waits itself.
const ATTEST_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);
