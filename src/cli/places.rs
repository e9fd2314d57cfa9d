//! Where things live if nothing is said: the sockets of server and agent, and what this machine keeps of itself.

use std::path::PathBuf;

use crate::settings::{Environment, Places};

/// The server's local socket: the system's for root, if it is there, else the one in the user's data directory.
pub(super) fn server_socket() -> PathBuf {
    let places = Places::of_process(&Environment::of_process());
    let system = PathBuf::from("/run/weft/admin.sock");
    let root = nix::unistd::geteuid().is_root();
    if root && system.exists() { system } else { places.local_socket }
}

/// The agent's Workload API as `SPIFFE_ENDPOINT_SOCKET` names it, if it does.
pub(super) fn endpoint_socket() -> Option<String> {
    Environment::of_process().get("SPIFFE_ENDPOINT_SOCKET").map(str::to_owned)
}

/// Where the agent of this user listens if nothing is said.
pub(super) fn agent_socket() -> PathBuf {
    Places::of_process(&Environment::of_process()).agent_socket
}

/// Where a person's sign-in on the command line is kept.
pub(super) fn login() -> PathBuf {
    Places::of_process(&Environment::of_process()).login
}

/// Where the key and SVID of this machine as a device are.
pub(super) fn device() -> PathBuf {
    login().with_file_name("device")
}

/// What this machine is called.
pub(super) fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "device".to_owned() } else { name.to_owned() }
}

/// True if there is a screen on which a browser could open.
pub(super) fn has_display() -> bool {
    let environment = Environment::of_process();
    ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| environment.get(name).is_some())
}
