//! What a realm shows at the `node` door: its own certificate, and the roots that its agents are verified with.

use std::sync::Arc;

use rustls::ServerConfig;

use super::build::Server;
use crate::crypto::tls::{Clients, TlsClock, server_config};
use crate::kernel::{Fault, RealmId};
use crate::svid::ServerCertificates;

/// One realm at the `node` door.
#[derive(Debug)]
pub(super) struct RealmDoor {
    /// `/spire/server`, kept fresh.
    pub(super) certificates: ServerCertificates,
    /// For handshakes; certificate and roots change inside it.
    pub(super) tls: Arc<ServerConfig>,
}

impl RealmDoor {
    /// The door of this realm.
    pub(super) fn new(server: &Server, realm: RealmId) -> Result<Self, Fault> {
        let certificates =
            ServerCertificates::new(realm, server.svid.clone(), server.events.clone());
        let roots = server
            .authority
            .roots(realm)
            .ok_or_else(|| Fault::bug("a realm without authorities"))?;
        let clock = TlsClock(Arc::clone(&server.env.clock));
        let tls =
            server_config(&certificates.current(), Clients::Requested(roots), &["h2"], clock)?;
        Ok(Self { certificates, tls: Arc::new(tls) })
    }
}
