//! Settings of requests that Weft makes.

use serde::Deserialize;

use super::client::Limits;
use super::private_host::PrivateHost;
use crate::kernel::Lifetime;
use crate::settings::{Size, Span, Text, section};

section! {
    /// Requests that Weft makes to others.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// Time for a connection.
        pub connect_timeout: Span,
        /// Time for a whole request, its answer included.
        pub timeout: Span,
        /// Largest answer; a larger one is refused.
        pub body_max: Size,
        /// Who may be asked in a private network, each by host, port and the network it is in, such as
        /// `idp.corp.example:443 in 10.1.0.0/16`. All else there is refused, so that nobody can have Weft ask what only
        /// Weft can reach.
        pub allow_private: Vec<Text<PrivateHost>>,
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Span(Lifetime::seconds(5)),
            timeout: Span(Lifetime::seconds(15)),
            body_max: Size(1024 * 1024),
            allow_private: Vec::new(),
        }
    }
}

impl Settings {
    /// The limits they set.
    pub fn limits(&self) -> Limits {
        Limits {
            connect: self.connect_timeout.get(),
            total: self.timeout.get(),
            body_bytes_max: self.body_max.get(),
        }
    }

    /// The hosts in private networks that may be asked.
    pub fn private_hosts(&self) -> Vec<PrivateHost> {
        self.allow_private.iter().map(|host| host.0.clone()).collect()
    }

    /// True if this host in a private network may be asked.
    pub fn allow(&self, host: &PrivateHost) -> bool {
        self.allow_private.iter().any(|allowed| allowed.0.covers(host))
    }
}
