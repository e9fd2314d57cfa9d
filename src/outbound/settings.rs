//! Settings of requests that Weft makes.

use serde::Deserialize;

use super::client::Limits;
use super::guard::{Guard, Network};
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
        /// Private networks that may be asked, such as `10.1.0.0/16`. Others are refused, so that nobody can have Weft
        /// ask what only Weft can reach.
        pub allow_networks: Vec<Text<Network>>,
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Span(Lifetime::seconds(5)),
            timeout: Span(Lifetime::seconds(15)),
            body_max: Size(1024 * 1024),
            allow_networks: Vec::new(),
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

    /// The guard they make.
    pub fn guard(&self) -> Guard {
        Guard::new(self.allow_networks.iter().map(|network| network.0))
    }
}
