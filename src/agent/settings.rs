//! `[agent]`: what the node agent can be told. Without any of it, `weft agent --join STRING` works.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::settings::{Change, Places, Setting, Shape, check, section};
use crate::wire::join::JoinText;

section! {
    /// The settings of `weft agent`.
    #[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct AgentFile {
        /// The node agent.
        pub agent: Settings,
        /// The log.
        pub log: crate::telemetry::Settings
    }
}

section! {
    /// The node agent.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// The join string that `weft token create` printed. Needed once; afterwards the agent has its own SVID.
        pub join: Option<JoinText>,
        /// The server's `node` listener, `host:port`. A join string names it already.
        pub server_address: Option<String>,
        /// The trust domain to join. A join string names it already.
        pub trust_domain: Option<String>,
        /// A join token without pins, for `trust_bundle` or `insecure_bootstrap`.
        pub join_token: Option<JoinText>,
        /// The trust domain's bundle, PEM or a SPIFFE bundle document, brought here by a trusted way.
        pub trust_bundle: Option<PathBuf>,
        /// Believe whoever answers at `server_address` first. Only for trying out: it can be anybody.
        pub insecure_bootstrap: bool,
        /// Attest with an X.509 certificate of this node instead of a token.
        pub x509pop: Option<X509Pop>,
        /// Where the agent keeps its own key and SVID. Default: `$XDG_STATE_HOME/weft/agent`, as root `/var/lib/weft/agent`.
        pub data_dir: Option<PathBuf>,
        /// The name of a systemd credential that holds a key-encryption key, 32 bytes in base64: on disk the agent's own key is
        /// sealed under it. `systemd-creds encrypt --with-key=tpm2` binds such a credential to this machine.
        pub seal_credential: Option<PathBuf>,
        /// The Workload API's socket. Default: `$XDG_RUNTIME_DIR/weft/agent.sock`, as root `/run/weft/agent.sock`. Everybody
        /// may connect: what a process gets is decided by attesting it, not by the mode of a file.
        pub socket: Option<PathBuf>,
        /// Health and metrics over plain HTTP, on a loopback address; nothing is listened on without it.
        pub ops: Option<SocketAddr>,
        /// Seconds between two polls of a server that has no push stream.
        pub poll_seconds: u32,
        /// Entries whose X.509-SVID is fetched before a workload asks; further ones are fetched when one does.
        pub prefetch_entries_max: usize,
        /// JWT-SVIDs kept at the same time.
        pub tokens_max: usize,
        /// What one user of this node may ask of the Workload API.
        pub limits: LimitSettings,
        /// The workload attestor `unix`.
        pub unix: UnixSettings,
        /// The device that this node runs on.
        pub on_device: OnDeviceSettings,
    }
}

section! {
    /// What one user of this node may ask of the Workload API.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct LimitSettings {
        /// Calls a second in the long run.
        pub calls_per_second: u32,
        /// Calls at once after a quiet time.
        pub calls_burst: u32,
        /// Calls and streams open at the same time.
        pub open_max: usize,
    }
}

section! {
    /// The device that this node runs on: what is known of it counts for the node and its workloads.
    #[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct OnDeviceSettings {
        /// The server's door `mtls`, `https://host:8444`. Empty: this node runs on no device.
        pub server: String,
        /// Where `weft device enroll` keeps the device's key and SVID. Default: `weft/device` below `$XDG_STATE_HOME` or
        /// `~/.local/state`.
        pub directory: Option<PathBuf>,
        /// PEM file with the certificates to check that door against, instead of the system's.
        pub server_ca: Option<PathBuf>,
        /// Below which the machine is looked at. Default: `/`. Another tree is for trying things out.
        pub root: Option<PathBuf>,
    }
}

section! {
    /// The workload attestor `unix`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct UnixSettings {
        /// The largest program, in bytes, whose SHA-256 becomes a selector; 0 for none. A larger one gets no `unix:sha256`.
        pub hash_bytes_max: u64,
    }
}

section! {
    /// A certificate that this node has already.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct X509Pop {
        /// PEM: the node's certificate, then its intermediates.
        pub certificate: PathBuf,
        /// PEM, PKCS#8: its key (P-256 or RSA).
        pub private_key: PathBuf,
    }
}

impl Settings {
    /// The same with its paths: what is set, else the places of this user.
    #[must_use]
    pub fn with_paths(mut self, places: &Places) -> Self {
        self.data_dir.get_or_insert_with(|| places.data.join("agent"));
        self.on_device.directory.get_or_insert_with(|| places.login.with_file_name("device"));
        self.socket.get_or_insert_with(|| places.agent_socket.clone());
        if let (Some(name), Some(given)) = (&mut self.seal_credential, &places.credentials) {
            *name = given.join(&name);
        }
        self
    }
}

/// A join string is a secret: it has no default, is never rendered, and a reload cannot change it.
impl Setting for JoinText {
    fn shape(_default: Option<&Self>) -> Shape {
        Shape::Value { default: None, check: check::<Self> }
    }

    fn changed(&self, _new: &Self, _key: &str, _live: bool, _out: &mut Vec<Change>) {}
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            join: None,
            server_address: None,
            trust_domain: None,
            join_token: None,
            trust_bundle: None,
            insecure_bootstrap: false,
            x509pop: None,
            data_dir: None,
            seal_credential: None,
            socket: None,
            ops: None,
            // As SPIRE's agents do.
            poll_seconds: 5,
            // SPIRE's bound for its cache of X.509-SVIDs.
            prefetch_entries_max: 1000,
            tokens_max: 1000,
            limits: LimitSettings::default(),
            unix: UnixSettings::default(),
            on_device: OnDeviceSettings::default(),
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        // A workload opens a stream or two and asks for a token every few minutes; a busy gateway without a cache of its
        // own still fits. An attestation with a hash of a large program costs some 100 ms once, then microseconds.
        Self { calls_per_second: 200, calls_burst: 400, open_max: 512 }
    }
}

impl Default for UnixSettings {
    fn default() -> Self {
        // Large statically linked programs fit; hashing one takes under half a second.
        Self { hash_bytes_max: 256 * 1024 * 1024 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_and_the_join_string_is_not_printed() {
        assert!(toml::from_str::<Settings>("jion = 'x'").is_err());
        let settings: Settings = toml::from_str("join = 's3cret'\n[limits]\nopen_max = 3").unwrap();
        assert_eq!(settings.limits.open_max, 3);
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
