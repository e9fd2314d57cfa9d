//! Who calls, as the door saw it at accept.

use tonic::{Request, Status};

use super::status;
use crate::http::{PeerInfo, UnixPeer};
use crate::kernel::Fault;

/// The other end of the connection this call came over: its certificates are `peer(…)?.chain()`.
pub fn peer<T>(request: &Request<T>) -> Result<&PeerInfo, Status> {
    request
        .extensions()
        .get::<PeerInfo>()
        .ok_or_else(|| status(Fault::bug("a service that needs the peer is served without a door")))
}

/// The process that calls over a Unix socket, as the kernel knows it.
pub fn unix_peer<T>(request: &Request<T>) -> Result<&UnixPeer, Status> {
    peer(request)?
        .unix()
        .ok_or_else(|| status(Fault::bug("a service of a Unix socket is served on another door")))
}
