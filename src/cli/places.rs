//! Where things live if nothing is said: the sockets of server and agent.

use std::path::PathBuf;

use crate::settings::{Environment, Places};

/// The server's local socket: the system's for root, if it is there, else the one in the user's data directory.
pub(super) fn server_socket() -> PathBuf {
    let places = Places::of_process(&Environment::of_process());
    let system = PathBuf::from("/run/weft/admin.sock");
    let root = nix::unistd::geteuid().is_root();
    if root && system.exists() { system } else { places.local_socket }
}

/// The agent's Workload API: a path, or `unix:` and a path in `SPIFFE_ENDPOINT_SOCKET` (Workload Endpoint §4).
pub(super) fn agent_socket() -> String {
    let environment = Environment::of_process();
    match environment.get("SPIFFE_ENDPOINT_SOCKET") {
        Some(socket) => socket.to_owned(),
        None => Places::of_process(&environment).agent_socket.to_string_lossy().into_owned(),
    }
}
