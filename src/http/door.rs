//! A door: one listening socket and the loop that accepts on it.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use rustls::ServerConfig;
use rustls::server::ClientHello;
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::connection::{self, Context, Stream};
use super::peer::{Remote, UnixPeer};
use super::process::Process;
use super::slots::Slots;
use super::socket_authority::SocketAuthority;
use super::unix_socket::SocketFile;
use crate::env::Clock;
use crate::jobs::Tasks;
use crate::kernel::{Fault, Lifetime};

/// Chooses the TLS configuration for a client's greeting, at every accept: so certificates and roots rotate without a
/// restart. `None` refuses the connection: the host name belongs to nobody here.
pub type TlsChoice = Arc<dyn Fn(&ClientHello<'_>) -> Option<Arc<ServerConfig>> + Send + Sync>;

/// What a door allows.
#[derive(Debug, Clone, Copy)]
pub struct DoorLimits {
    /// Connections in all; one more is closed at once.
    pub connections: usize,
    /// Connections of one user or address (IPv6: /64).
    pub connections_per_peer: usize,
    /// Requests in flight on one HTTP/2 connection.
    pub streams: u32,
    /// Time for the whole TLS handshake.
    pub handshake: Lifetime,
    /// Time for the head of an HTTP/1 request, idle time before it included.
    pub head: Lifetime,
    /// After this a connection is asked to come anew (GOAWAY), so that a fleet spreads over replicas.
    pub age: Option<Lifetime>,
}

impl Default for DoorLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_peer: 1_000,
            streams: 256,
            handshake: Lifetime::seconds(10),
            head: Lifetime::seconds(10),
            age: None,
        }
    }
}

/// A bound socket that does not accept yet.
pub struct Door {
    name: &'static str,
    socket: Socket,
    tls: Option<TlsChoice>,
    limits: DoorLimits,
}

enum Socket {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, SocketFile),
}

impl Door {
    /// Binds a TCP address; port 0 takes a free one. `name` is the door's in logs, metrics and `PeerInfo`. Needs a
    /// runtime.
    pub fn tcp(name: &'static str, address: SocketAddr) -> Result<Self, Fault> {
        let bind = || {
            let socket =
                if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let listener = socket.listen(BACKLOG)?;
            let bound = listener.local_addr()?;
            Ok(Socket::Tcp(listener, bound))
        };
        let bound: std::io::Result<Socket> = bind();
        let socket = bound
            .map_err(|error| Fault::away("listener", format!("{name} on {address}: {error}")))?;
        Ok(Self { name, socket, tls: None, limits: DoorLimits::default() })
    }

    /// Binds a Unix socket with exactly this mode; makes its directory; replaces a socket that nobody listens on.
    /// Needs a runtime.
    pub fn unix(name: &'static str, path: &Path, mode: u32) -> Result<Self, Fault> {
        let bound = SocketFile::bind(path, mode)
            .and_then(|(listener, file)| Ok(Socket::Unix(UnixListener::from_std(listener)?, file)));
        let socket = bound.map_err(|error| {
            Fault::away("listener", format!("{name} on `{}`: {error}", path.display()))
        })?;
        Ok(Self { name, socket, tls: None, limits: DoorLimits::default() })
    }

    /// Speaks TLS, with the configuration that `choose` gives at each accept. Without it the door speaks plainly.
    #[must_use]
    pub fn tls(mut self, choose: TlsChoice) -> Self {
        self.tls = Some(choose);
        self
    }

    /// With these limits instead of the defaults.
    #[must_use]
    pub fn limits(mut self, limits: DoorLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Its address for people: `127.0.0.1:8443`, or `unix:/run/weft/agent.sock`.
    pub fn address(&self) -> String {
        match &self.socket {
            Socket::Tcp(_, address) => address.to_string(),
            Socket::Unix(_, file) => format!("unix:{}", file.path().display()),
        }
    }

    /// The TCP address it is bound to, with the port that was chosen.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(_, address) => Some(*address),
            Socket::Unix(..) => None,
        }
    }

    /// Accepts until `tasks` stop; each connection is a task. At the stop nothing new is accepted, requests in flight
    /// are finished, and idle connections are closed.
    pub fn serve(self, app: Router, tasks: &Tasks, clock: Arc<dyn Clock>) {
        let context = Arc::new(Context {
            door: self.name,
            app,
            tls: self.tls,
            http: connection::builder(&self.limits, tasks),
            limits: self.limits,
            clock,
            tasks: tasks.clone(),
        });
        let slots = Slots::new(self.limits.connections, self.limits.connections_per_peer);
        tasks.spawn("http.accept", accept_all(self.socket, slots, context));
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("name", &self.name)
            .field("address", &self.address())
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

async fn accept_all(socket: Socket, slots: Arc<Slots>, context: Arc<Context>) {
    let stop = context.tasks.token();
    while let Some(accepted) = stop.run_until_cancelled(socket.accept()).await {
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or the like: accepting again at once would only spin.
                tracing::warn!(door = context.door, %error, "accept failed");
                context.clock.sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match slots.take(remote.key()) {
            Ok(slot) => {
                let connection = connection::serve(stream, remote, slot, Arc::clone(&context));
                context.tasks.spawn("http.connection", connection);
            }
            Err(full) => connection::count_refused(context.door, full.as_str()),
        }
    }
}

impl Socket {
    async fn accept(&self) -> std::io::Result<(Stream, Remote)> {
        match self {
            Self::Tcp(listener, _) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Remote::Tcp(address)))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let peer = stream.peer_cred()?;
                let process = Process::of_peer(&stream, peer.pid().unwrap_or(0), peer.uid())
                    .inspect_err(|error| tracing::debug!(uid = peer.uid(), %error, "no process behind a caller"))
                    .ok();
                let peer = UnixPeer { uid: peer.uid(), gid: peer.gid(), process };
                Ok((Box::new(SocketAuthority::new(stream)), Remote::Unix(peer)))
            }
        }
    }
}

/// A fleet of a thousand agents that dials again at once fits.
const BACKLOG: u32 = 1024;
const ACCEPT_PAUSE: Lifetime = Lifetime::millis(100);
