//! Nodes: an osquery on a host, the facts of this slice, and its errors.

use crate::devices;
use crate::kernel::{DeviceId, Failure, Fault, Kind, Lifetime, Timestamp};
use crate::posture;

/// The change kind of a node; its key is the host.
pub const OSQUERY_NODE: &str = "osquery_node";

/// An osquery on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it calls its host (`--host_identifier`).
    pub host: String,
    /// The device that it speaks for.
    pub device: DeviceId,
    /// SHA-256 of the key it was given last.
    pub key: [u8; 32],
    /// SHA-256 of the one it was given before.
    pub previous: Option<[u8; 32]>,
    /// When it enrolled last.
    pub enrolled_at: Timestamp,
}

/// The facts of this slice.
pub mod events {
    use super::Node;
    use crate::devices::Device;
    use crate::events::Event;
    use crate::kernel::RealmId;

    /// An osquery enrolled, or enrolled again.
    pub fn enrolled(realm: RealmId, device: &Device, node: &Node, again: bool) -> Event {
        about(realm, "osquery.enrolled", device, &node.host).about("again", again)
    }

    /// Another host speaks for the device now.
    pub fn replaced(realm: RealmId, device: &Device, host: &str) -> Event {
        about(realm, "osquery.replaced", device, host)
    }

    /// The key that a host was given before its newest one is still in use: two machines speak as one.
    pub fn clone_suspected(realm: RealmId, device: &Device, host: &str) -> Event {
        about(realm, "osquery.clone_suspected", device, host)
    }

    fn about(realm: RealmId, kind: &'static str, device: &Device, host: &str) -> Event {
        Event::new(realm, kind)
            .subject(device.number)
            .about("device", device.id.to_string())
            .about("host", host)
    }
}

/// What this slice answers instead of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key is none that is known.
    #[error("this node key is not known")]
    NodeInvalid,
    /// The body is not what it should be.
    #[error("the body is not what osquery sends: {0}")]
    Body(&'static str),
    /// This address asks for too much.
    #[error("too many requests from one address; wait {0}")]
    TooOften(Lifetime),
    /// The host speaks for a device that has a key of its own, and the token is not for that one.
    #[error(
        "this host speaks for a device that has an SVID: a token for that device lets it enrol again"
    )]
    Bound,
    /// The token, or the device.
    #[error(transparent)]
    Devices(#[from] devices::Error),
    /// What was said could not be kept.
    #[error(transparent)]
    Posture(#[from] posture::Error),
    /// The fact could not be recorded.
    #[error(transparent)]
    Events(#[from] crate::events::Error),
    /// A shell failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::NodeInvalid => {
                let words = "this node key is not known: enrol again";
                Self::new(Kind::Unauthenticated, "osquery.node_invalid", words)
            }
            Error::Body(why) => Self::new(Kind::Invalid, "osquery.body", why),
            Error::TooOften(wait) => Self::new(
                Kind::Limited,
                "osquery.too_often",
                format!("too many requests from this address; try again in {wait}"),
            ),
            bound @ Error::Bound => Self::new(Kind::Denied, "osquery.bound", bound.to_string()),
            Error::Devices(error) => error.into(),
            Error::Posture(error) => error.into(),
            Error::Events(error) => error.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}
