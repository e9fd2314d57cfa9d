//! The five doors, bound: addresses, certificates, and who is asked for one (architecture: doors and trust).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;

use super::build::Server;
use super::routes;
use super::web_certificate::WebCertificate;
use crate::crypto::tls::{Clients, CurrentCertificate, TlsClock, server_config};
use crate::http::{Door, DoorLimits, TlsChoice};
use crate::kernel::{Failure, Fault, Kind, Listener};

/// Where a server listens.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// For agents.
    pub node: SocketAddr,
    /// For everybody.
    pub public: SocketAddr,
    /// For administrators by certificate.
    pub mtls: SocketAddr,
    /// Metrics and health.
    pub ops: SocketAddr,
    /// The admin socket.
    pub local: PathBuf,
}

/// Bound and not yet accepting.
pub(super) struct Doors {
    pub(super) addresses: Addresses,
    node: Door,
    public: Door,
    mtls: Door,
    ops: Door,
    local: Door,
}

impl Doors {
    /// Binds every door; a port that is taken is an error that names it.
    pub(super) fn bind(server: &Arc<Server>) -> Result<Self, Failure> {
        let listen = &server.settings.listen;
        let local_path = listen.local.clone().unwrap_or_else(|| server.data_dir.join("admin.sock"));
        let web = server.web.get_or_init(WebCertificate::default);
        web.take(server)?;
        let web = web.current();
        let node = Door::tcp("node", listen.node)?.limits(node_limits()).tls(node_tls(server));
        let open = Arc::new(web_tls(server, &web, Clients::NotAsked)?);
        let choose: TlsChoice = Arc::new(move |_| Some(Arc::clone(&open)));
        let public = Door::tcp("public", listen.public)?.tls(choose);
        let mtls = Door::tcp("mtls", listen.mtls)?.tls(mtls_tls(server, web));
        let ops = Door::tcp("ops", listen.ops)?;
        let local = Door::unix("local", &local_path, LOCAL_MODE)?;
        let addresses = Addresses {
            node: bound(&node)?,
            public: bound(&public)?,
            mtls: bound(&mtls)?,
            ops: bound(&ops)?,
            local: local_path,
        };
        Ok(Self { addresses, node, public, mtls, ops, local })
    }

    /// Opens every door.
    pub(super) fn open(self, server: &Arc<Server>) {
        let (tasks, clock) = (&server.tasks, || Arc::clone(&server.env.clock));
        self.ops.serve(routes::ops(server), tasks, clock());
        self.local.serve(routes::admin(server, Listener::Local), tasks, clock());
        self.mtls.serve(routes::mtls(server), tasks, clock());
        self.public.serve(routes::public(server), tasks, clock());
        self.node.serve(routes::node(server), tasks, clock());
    }
}

fn bound(door: &Door) -> Result<SocketAddr, Failure> {
    door.tcp_address()
        .ok_or_else(|| Failure::new(Kind::Bug, "internal", "a TCP door has no address"))
}

/// The realm that a greeting names; with one realm, whatever it names.
fn node_tls(server: &Arc<Server>) -> TlsChoice {
    let server = Arc::clone(server);
    Arc::new(move |hello| {
        let realm = server.realms.by_host(hello.server_name())?;
        server.door(realm.id).map(|door| Arc::clone(&door.tls))
    })
}

/// Administrators come with an SVID of the realm that their greeting names, or of a trust domain whose bundle an
/// administrator of that realm has set.
fn mtls_tls(server: &Arc<Server>, web: CurrentCertificate) -> TlsChoice {
    let (server, made) = (Arc::clone(server), Mutex::new(HashMap::new()));
    Arc::new(move |hello| {
        let realm = server.realms.by_host(hello.server_name())?.id;
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = made.get(&realm) {
            return Some(Arc::clone(config));
        }
        let roots = server.bundles.roots(realm)?;
        let config = web_tls(&server, &web, Clients::Required(roots))
            .inspect_err(|fault| tracing::error!(cause = %fault, "no handshake on `mtls`"));
        let config = Arc::new(config.ok()?);
        made.insert(realm, Arc::clone(&config));
        Some(config)
    })
}

fn web_tls(
    server: &Server,
    certificate: &CurrentCertificate,
    clients: Clients,
) -> Result<ServerConfig, Fault> {
    let clock = TlsClock(Arc::clone(&server.env.clock));
    server_config(certificate, clients, &["h2", "http/1.1"], clock)
}

fn node_limits() -> DoorLimits {
    DoorLimits {
        connections: 50_000,
        connections_per_peer: 20_000,
        streams: 1024,
        // An agent dials anew with each SVID, so within half of its life. Asked to come anew before, it would keep its push stream,
        // which a GOAWAY lets go on, and open a second connection beside it for everything else.
        age: None,
        ..DoorLimits::default()
    }
}

/// Root and the server's own user; the kernel says who calls.
const LOCAL_MODE: u32 = 0o660;
