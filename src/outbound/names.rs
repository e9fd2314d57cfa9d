//! Names to addresses, as the system does it, but for names below `localhost`: these are this machine, whatever the system's
//! resolver knows of them (RFC 6761 §6.3).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// For clients that somebody points at one server: a guard has nothing to say there.
#[derive(Debug, Clone, Copy)]
pub struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Addrs = Box::new(addresses(name.as_str()).await?.into_iter());
            Ok(addresses)
        })
    }
}

/// The addresses of a host, with no port.
pub(super) async fn addresses(host: &str) -> io::Result<Vec<SocketAddr>> {
    if is_localhost(host) {
        return Ok(LOOPBACK.map(|address| SocketAddr::new(address, 0)).to_vec());
    }
    Ok(tokio::net::lookup_host((host, 0)).await?.collect())
}

fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
