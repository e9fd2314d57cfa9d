//! The guard against requests into private networks (server-side request forgery).
//!
//! It stands where names become addresses, so that what was checked is what is dialled: a name that answers with a
//! public address first and a private one later gains nothing.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::names::addresses;
use crate::settings::Textual;

/// Which addresses may be dialled: all of the public internet, and the private networks that were named for one host.
#[derive(Debug, Clone, Default)]
pub(super) struct Guard {
    allowed: Arc<[Network]>,
}

/// A network: an address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Guard {
    /// Lets also these private networks be asked.
    pub(super) fn new(allowed: impl IntoIterator<Item = Network>) -> Self {
        Self { allowed: allowed.into_iter().collect() }
    }

    /// True if this address may be dialled.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.allowed.iter().any(|network| network.holds(address))
    }
}

impl Network {
    /// True if the address is in it.
    pub fn holds(self, address: IpAddr) -> bool {
        let shift = |width: u32| width.saturating_sub(u32::from(self.bits));
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()).checked_shr(shift(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()).checked_shr(shift(128)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl Network {
    /// True if every address of the other is in it.
    pub fn covers(self, other: Self) -> bool {
        self.bits <= other.bits && self.holds(other.address)
    }
}

impl Textual for Network {
    const FORM: &'static str = "a network, such as \"10.1.0.0/16\" or \"fd00::/8\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').ok_or("it has no `/` and number of bits")?;
        let address: IpAddr = address.parse().map_err(|_| "the part before `/` is no address")?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.parse().ok().filter(|bits| *bits <= bits_max);
        let bits =
            bits.ok_or_else(|| format!("the part after `/` is a number from 0 to {bits_max}"))?;
        Ok(Self { address, bits })
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|(network, bits)| {
            Network { address: IpAddr::V4(*network), bits: *bits }.holds(IpAddr::V4(address))
        }),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let inner = |at: usize| {
        let octets = address.octets();
        let four = octets.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied();
        four.is_some_and(|four| is_public(IpAddr::V4(Ipv4Addr::from(four))))
    };
    match address.segments() {
        // NAT64 (RFC 6052) and 6to4 (RFC 3056) carry an IPv4 address; a relay would dial it.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => inner(12),
        [0x2002, ..] => inner(2),
        // Teredo (RFC 4380), documentation (RFC 3849), and benchmarking (RFC 5180).
        [0x2001, 0 | 0xdb8, ..] | [0x2001, 2, 0, ..] => false,
        // Global unicast is 2000::/3 (RFC 4291 §2.4); all else is loopback, local, multicast or not assigned.
        [first, ..] => first >> 13 == 1,
    }
}

/// What the IANA registry of special-purpose IPv4 addresses does not call globally reachable, and multicast.
const SPECIAL_V4: [(Ipv4Addr, u8); 14] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Nothing that a name resolves to may be dialled.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is in a private network, where the settings do not name this host and port")]
pub(super) struct Private(pub(super) String);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = addresses(host).await?.into_iter();
            let allowed: Vec<SocketAddr> =
                found.filter(|address| guard.permits(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Private(host.to_owned()).into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::from_text(text).expect(text)
    }

    #[test]
    fn addresses_inside_a_house_are_refused_however_they_are_written() {
        let guard = Guard::default();
        for bad in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.19.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "::7f00:1",
        ] {
            assert!(!guard.permits(bad.parse().expect(bad)), "{bad}");
        }
        for good in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
            "2002:101:101::",
        ] {
            assert!(guard.permits(good.parse().expect(good)), "{good}");
        }
    }

    #[test]
    fn a_network_that_was_named_is_permitted_and_no_other() {
        let guard =
            Guard::new([network("10.1.0.0/16"), network("fd00::/8"), network("127.0.0.1/32")]);
        for good in ["10.1.255.1", "fd00::1", "127.0.0.1", "::ffff:10.1.0.1"] {
            assert!(guard.permits(good.parse().expect(good)), "{good}");
        }
        for bad in ["10.2.0.1", "fc00::1", "127.0.0.2"] {
            assert!(!guard.permits(bad.parse().expect(bad)), "{bad}");
        }
        assert!(network("0.0.0.0/0").holds("10.0.0.1".parse().expect("an address")));
    }

    #[test]
    fn a_network_is_refused_with_what_would_be_right() {
        for bad in ["10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/-1", "::/129"] {
            assert!(Network::from_text(bad).is_err(), "{bad}");
        }
        assert_eq!(network("10.1.0.0/16").to_text(), "10.1.0.0/16");
    }
}
