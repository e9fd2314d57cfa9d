//! A host in a private network that may be asked: network, host and port, all three named.
//!
//! A network alone would let whoever may write an address (a client's, a provider's) have Weft ask everything in it.

use std::fmt;

use url::Url;

use super::guard::Network;
use crate::settings::Textual;

/// Who may be asked in a private network, and in which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateHost {
    authority: Authority,
    network: Network,
}

/// Host and port, as a URL has them (RFC 3986 §3.2): the host in lower case, an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Authority(String, u16);

impl PrivateHost {
    /// The host and port written here, where they resolve into this network. Nothing if that is not a host and a port, written
    /// as in a URL.
    pub fn of(authority: &str, network: Network) -> Option<Self> {
        // A URL may have it in its host; here it would look as if it meant all of them.
        if authority.contains('*') {
            return None;
        }
        let url = Url::parse(&format!("https://{authority}/")).ok()?;
        let named = Authority::of(&url)?;
        (named.to_string() == authority).then_some(Self { authority: named, network })
    }

    /// True if the URL is at this host and port.
    pub fn serves(&self, url: &Url) -> bool {
        Authority::of(url).as_ref() == Some(&self.authority)
    }

    /// True if whoever allows this one allows the other: the same host and port, in a network that lies in this one's.
    pub fn covers(&self, other: &Self) -> bool {
        self.authority == other.authority && self.network.covers(other.network)
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    pub(super) fn network(&self) -> Network {
        self.network
    }
}

impl Authority {
    pub(super) fn of(url: &Url) -> Option<Self> {
        Some(Self(url.host_str()?.to_owned(), url.port_or_known_default()?))
    }
}

impl Textual for PrivateHost {
    const FORM: &'static str =
        "a host, a port and a network, such as \"idp.corp.example:443 in 10.1.0.0/16\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let why = "it has no ` in ` between host and network: a network alone is not enough";
        let (authority, network) = text.split_once(" in ").ok_or(why)?;
        Self::of(authority, Network::from_text(network)?)
            .ok_or_else(|| "the part before ` in ` is no host and port".to_owned())
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for PrivateHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.authority, self.network)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> PrivateHost {
        PrivateHost::from_text(text).expect(text)
    }

    #[test]
    fn a_private_host_names_host_port_and_network() {
        for good in ["idp.corp.example:443 in 10.1.0.0/16", "[fd00::1]:8443 in fd00::/8"] {
            assert_eq!(host(good).to_text(), good);
        }
        for bad in [
            "10.1.0.0/16",
            "idp.corp.example in 10.1.0.0/16",
            "idp.corp.example:443",
            "*:443 in 10.1.0.0/16",
            "IDP.corp.example:443 in 10.1.0.0/16",
            "someone@idp.corp.example:443 in 10.1.0.0/16",
            "idp.corp.example:443/path in 10.1.0.0/16",
            "idp.corp.example:99999 in 10.1.0.0/16",
            "idp.corp.example:443 in 10.1.0.0",
        ] {
            assert!(PrivateHost::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_covers_a_private_host_names_the_same_host_and_port_and_no_smaller_network() {
        let allowed = host("idp.corp.example:443 in 10.1.0.0/16");
        assert!(allowed.covers(&host("idp.corp.example:443 in 10.1.2.0/24")));
        for other in [
            "idp.corp.example:8443 in 10.1.0.0/16",
            "app.corp.example:443 in 10.1.0.0/16",
            "idp.corp.example:443 in 10.0.0.0/8",
        ] {
            assert!(!allowed.covers(&host(other)), "{other}");
        }
    }
}
