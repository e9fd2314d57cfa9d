//! All settings of a server: its own, and a section for each slice that has some.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use crate::kernel::TrustDomain;
use crate::outbound::Network;
use crate::realms::Issuer;
use crate::settings::{Text, section};

section! {
    /// The settings of `weft server`. Every key has the default that is written here; the environment overlays the
    /// file (`WEFT_SERVER__DATA_DIR`), and the command line overlays both.
    #[derive(Debug, Clone, PartialEq, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// The server itself.
        pub server: ServerSettings,
        /// The doors it listens on.
        pub listen: ListenSettings,
        /// Where rows live.
        pub storage: StorageSettings,
        /// Requests to others: identity providers, webhooks.
        pub outbound: crate::outbound::Settings,
        /// The key that seals all others.
        pub seal: SealSettings,
        /// Signing authorities.
        pub authority: crate::authority::Settings,
        /// What is issued.
        pub svid: crate::svid::Settings,
        /// The ledger of what was handed out.
        pub ledger: crate::events::LedgerSettings,
        /// Sessions of browsers.
        pub sessions: crate::sessions::Settings,
        /// The OpenID provider.
        pub oauth: crate::oauth::Settings,
        /// Devices.
        pub devices: crate::devices::Settings,
        /// What devices say of themselves.
        pub posture: crate::posture::Settings,
        /// Machines that report through osquery.
        pub osquery: crate::osquery::Settings,
        /// Node attestation.
        pub node: crate::nodes::Settings,
        /// Registration entries.
        pub workloads: crate::workloads::Settings,
        /// People, and what they sign in with.
        pub accounts: crate::accounts::Settings,
        /// The log.
        pub log: crate::telemetry::Settings,
    }
    live { log }
    fits { problem }
}

section! {
    /// The server itself.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct ServerSettings {
        /// The trust domain of the realm `default`, fixed for ever at the first start.
        pub trust_domain: String,
        /// The issuer of tokens, as relying parties see it: `https://…`, without a slash at the end.
        pub issuer: String,
        /// Where everything of this server lives that is not in the database. Not set: `$XDG_STATE_HOME/weft`, or
        /// `/var/lib/weft` for root.
        pub data_dir: Option<PathBuf>,
        /// Seconds that requests in flight get at a stop.
        pub stop_seconds: u32
    }
    fits { problem }
}

section! {
    /// The doors. What each speaks is in ARCHITECTURE.md, under doors and trust.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct ListenSettings {
        /// For agents: gRPC over TLS with the realm's own X.509-SVID.
        pub node: SocketAddr,
        /// The address that join strings tell agents to dial, `host:port`. Not set: that of `node`.
        pub node_advertised: Option<String>,
        /// For everybody: bundles, discovery, and the admin API by token.
        pub public: SocketAddr,
        /// For whoever shows an X.509-SVID: administrators, devices, and programs on devices.
        pub mtls: SocketAddr,
        /// Where discovery says that `mtls` is, `host:port`. Not set: the issuer's host, and the port of `mtls`.
        pub mtls_advertised: Option<String>,
        /// Metrics and health. It asks nobody who they are: keep it on this machine.
        pub ops: SocketAddr,
        /// The admin API for root and the server's own user. Not set: `admin.sock` in the data directory.
        pub local: Option<PathBuf>,
        /// PEM file with the certificate chain of `public` and `mtls`. Not set: a self-made one, for trying out.
        pub certificate: Option<PathBuf>,
        /// PEM file with the key of that certificate (PKCS#8, P-256).
        pub certificate_key: Option<PathBuf>,
        /// Networks of the proxies before `public`, such as `10.1.0.0/16`. Only they are believed where a request comes from
        /// (`Forwarded` or `X-Forwarded-For`), and what they say must be readable.
        pub proxies: Vec<Text<Network>>
    }
}

section! {
    /// Where rows live.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct StorageSettings {
        /// `sqlite:<path>` or `postgres://…`. Not set: SQLite in the data directory.
        pub url: Option<String>,
        /// For how long a server that cannot see its database goes on issuing, in seconds. What is banned or deleted through
        /// another replica does not reach it meanwhile, so this bounds how long that may go on working.
        pub away_max_seconds: i64
    }
    fits { problem }
}

section! {
    /// The key-encryption key: 32 bytes that seal every private key and every recorded fact.
    #[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct SealSettings {
        /// A file that only the server's user can read. Not set, and nothing below either: `kek` in the data directory,
        /// made at the first start.
        pub file: Option<PathBuf>,
        /// The name of an environment variable that holds the key in base64.
        pub environment: Option<String>,
        /// The name of a systemd credential.
        pub credential: Option<String>,
        /// Files with earlier keys, which still open what they sealed. After `weft keys reseal` they can go.
        pub earlier_files: Vec<PathBuf>
    }
    fits { problem }
}

impl Settings {
    /// What is wrong between sections, if anything: the key and what would be right.
    fn problem(&self) -> Option<(&'static str, String)> {
        self.authority.unknown_to_agents(self.node.svid_seconds)
    }
}

impl ServerSettings {
    /// What is wrong with these values, if anything: the key and what would be right.
    fn problem(&self) -> Option<(&'static str, String)> {
        if let Err(error) = TrustDomain::parse(&self.trust_domain) {
            return Some(("trust_domain", error.to_string()));
        }
        Issuer::parse(&self.issuer).err().map(|error| ("issuer", error.to_string()))
    }
}

impl StorageSettings {
    /// The same for where rows live.
    fn problem(&self) -> Option<(&'static str, String)> {
        let schemes = ["sqlite:", "postgres://", "postgresql://"];
        match &self.url {
            // What is refused may hold a password: it is not repeated.
            Some(url) if !schemes.iter().any(|scheme| url.starts_with(scheme)) => {
                Some(("url", "begins with `sqlite:` or `postgres://`".to_owned()))
            }
            _ if self.away_max_seconds < AWAY_MAX_SECONDS_MIN => {
                Some(("away_max_seconds", format!("must be at least {AWAY_MAX_SECONDS_MIN}")))
            }
            _ => None,
        }
    }
}

impl SealSettings {
    /// The same for the key-encryption key.
    fn problem(&self) -> Option<(&'static str, String)> {
        let sources = [self.file.is_some(), self.environment.is_some(), self.credential.is_some()];
        let named = sources.into_iter().filter(|named| *named).count();
        let words = "name one of `file`, `environment` and `credential`";
        (named > 1).then(|| ("file", words.to_owned()))
    }
}

/// A database that answers is seen every second or two.
const AWAY_MAX_SECONDS_MIN: i64 = 10;

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            trust_domain: "weft.internal".to_owned(),
            issuer: "https://localhost:8443".to_owned(),
            data_dir: None,
            stop_seconds: 10,
        }
    }
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self { url: None, away_max_seconds: 4 * 3600 }
    }
}

impl Default for ListenSettings {
    fn default() -> Self {
        let any = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        Self {
            node: any(8081),
            node_advertised: None,
            mtls_advertised: None,
            public: any(8443),
            mtls: any(8444),
            ops: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090),
            local: None,
            certificate: None,
            certificate_key: None,
            proxies: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Sources, load};

    fn loaded(overrides: &[(&str, &str)]) -> Result<Settings, String> {
        let pairs = overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let sources = Sources { overrides: pairs.collect(), ..Sources::default() };
        load(&sources).map_err(|refused| refused.to_string())
    }

    #[test]
    fn the_settings_as_shipped_fit() {
        assert_eq!(loaded(&[]), Ok(Settings::default()));
    }

    #[test]
    fn what_a_start_would_stumble_over_is_refused_by_the_check() {
        for (overrides, words) in [
            (&[("server.trust_domain", "Weft Test")][..], "`server.trust_domain`: "),
            (&[("server.issuer", "http://weft.test")], "`server.issuer`: `http://weft.test`"),
            (&[("storage.url", "mysql://u:secret@h/d")], "`storage.url`: begins with `sqlite:`"),
            (
                &[("storage.away_max_seconds", "9")],
                "`storage.away_max_seconds`: must be at least 10",
            ),
            (
                &[("seal.environment", "KEK"), ("seal.credential", "kek")],
                "`seal.file`: name one of",
            ),
            (
                &[("authority.x509_seconds", "60")],
                "`authority.x509_seconds`: must be at least four",
            ),
            (
                &[("node.svid_seconds", "3601")],
                "`authority.x509_published_seconds`: must be at least node.svid_seconds and \
                 authority.refresh_hint_seconds together, that is 3901",
            ),
            (&[("log.level", "weft=loud")], "`log.level`: `weft=loud` is neither a level"),
            (&[("authority.upstream_key", "k.pem")], "`authority.upstream_certificate`: is needed"),
        ] {
            let refused = loaded(overrides).expect_err(words);
            assert!(refused.contains(words), "{words}: {refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
