//! What agents call on the `node` listener about entries, SVIDs and bundles, and the push stream.
//!
//! Parses, asks, answers. Each service is a thin value over the slice; the listener puts the realm and the agent that
//! calls into the request.

mod bundle;
mod convert;
mod entry;
mod feed;
mod node;
mod svid;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::sync::Arc;

use weft_proto::node::v1::node_server::NodeServer;
use weft_proto::spire::api::server::bundle::v1::bundle_server::BundleServer;
use weft_proto::spire::api::server::entry::v1::entry_server::EntryServer;
use weft_proto::spire::api::server::svid::v1::svid_server::SvidServer;

use super::Workloads;

/// One implementation of all services.
#[derive(Debug, Clone)]
pub struct Service {
    workloads: Arc<Workloads>,
}

impl Service {
    fn of(workloads: &Workloads) -> Self {
        Self { workloads: Arc::new(workloads.clone()) }
    }
}

impl Workloads {
    /// `spire.api.server.entry.v1.Entry`.
    pub fn entry_service(&self) -> EntryServer<Service> {
        EntryServer::new(Service::of(self))
    }

    /// `spire.api.server.svid.v1.SVID`.
    pub fn svid_service(&self) -> SvidServer<Service> {
        SvidServer::new(Service::of(self)).max_decoding_message_size(SVID_BYTES_MAX)
    }

    /// `spire.api.server.bundle.v1.Bundle`.
    pub fn bundle_service(&self) -> BundleServer<Service> {
        BundleServer::new(Service::of(self))
    }

    /// `weft.node.v1.Node`.
    pub fn node_service(&self) -> NodeServer<Service> {
        NodeServer::new(Service::of(self))
    }
}

/// 500 requests of the largest size allowed, and their ids.
const SVID_BYTES_MAX: usize = 10 * 1024 * 1024;
