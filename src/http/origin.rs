//! Where a browser or client really is: the other end of the connection, or what a proxy of ours says of the one behind it.
//!
//! A stranger may write any address into a header, so only a configured proxy is believed, and only as far as the chain of
//! configured proxies reaches. What a proxy says and we cannot read is refused: a limit that was meant for one address must not
//! be passed by whoever finds a spelling that we do not understand.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::header::USER_AGENT;
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use super::problem::Problem;
use crate::kernel::{Failure, Kind};
use crate::outbound::Network;

/// Where a request comes from. A request extension on the public door, put there by the server's layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The client's address; an IPv4 address is never written as IPv6.
    pub address: IpAddr,
    /// What the client calls itself, cut to a length; empty if it does not say. For people to recognise, never to decide by.
    pub agent: String,
}

impl Origin {
    /// The origin of a request that came over a connection from `peer`.
    ///
    /// Fails with kind `Invalid` if `peer` is one of `proxies` and what it says of the client cannot be read.
    pub fn of(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> Result<Self, Failure> {
        let address = address(peer.to_canonical(), headers, proxies)?;
        let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let agent = agent.unwrap_or_default().chars().take(AGENT_CHARS_MAX).collect();
        Ok(Self { address, agent })
    }
}

/// The nearest address that is no proxy of ours, from the connection backwards.
fn address(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> Result<IpAddr, Failure> {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.holds(address));
    if !is_proxy(peer) {
        return Ok(peer);
    }
    let mut nearest = peer;
    for node in said(headers)?.into_iter().rev() {
        match node {
            Node::At(address) if is_proxy(address) => nearest = address,
            Node::At(address) => return Ok(address),
            Node::Hidden => return Err(unreadable("it hides the address of the client")),
        }
    }
    Ok(nearest)
}

/// One hop, as a proxy names it.
enum Node {
    At(IpAddr),
    /// `unknown`, or an identifier of the proxy's own (RFC 7239 §6.2, §6.3).
    Hidden,
}

/// All hops that the headers name, the client's first.
fn said(headers: &HeaderMap) -> Result<Vec<Node>, Failure> {
    let read = |name: &HeaderName, hops: fn(&str) -> Option<Vec<Node>>| {
        let lines = headers.get_all(name).iter().map(|line| line.to_str().ok().and_then(hops));
        let lines: Option<Vec<Vec<Node>>> = lines.collect();
        lines.map(|lines| lines.into_iter().flatten().collect::<Vec<_>>())
    };
    match (headers.contains_key(&FORWARDED), headers.contains_key(&X_FORWARDED_FOR)) {
        // A proxy writes one of them and passes the other on as the stranger wrote it: which, nobody can tell.
        (true, true) => Err(unreadable("both `forwarded` and `x-forwarded-for` are there")),
        (true, false) => {
            read(&FORWARDED, forwarded).ok_or_else(|| unreadable("`forwarded` is malformed"))
        }
        (false, true) => read(&X_FORWARDED_FOR, x_forwarded_for)
            .ok_or_else(|| unreadable("`x-forwarded-for` is malformed")),
        (false, false) => Ok(Vec::new()),
    }
}

/// Addresses between commas; some proxies add the port.
fn x_forwarded_for(line: &str) -> Option<Vec<Node>> {
    line.split(',').map(|hop| node(hop.trim())).collect()
}

/// RFC 7239 §4: elements between commas, each of `name=value` between semicolons. An element without `for` says nothing of
/// where the request came from, so it cannot be read here.
fn forwarded(line: &str) -> Option<Vec<Node>> {
    split_outside_quotes(line, ',')?.into_iter().map(element).collect()
}

fn element(text: &str) -> Option<Node> {
    let mut found = None;
    for pair in split_outside_quotes(text, ';')? {
        let (name, value) = pair.trim().split_once('=')?;
        if name.eq_ignore_ascii_case("for") {
            let value = match value.strip_prefix('"') {
                // No address needs an escape inside its quotes.
                Some(rest) => rest.strip_suffix('"').filter(|inside| !inside.contains('\\'))?,
                None => value,
            };
            if found.replace(node(value)?).is_some() {
                return None;
            }
        }
    }
    found
}

fn split_outside_quotes(text: &str, by: char) -> Option<Vec<&str>> {
    let (mut parts, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if c == by && !quoted => {
                parts.push(text.get(begin..at)?);
                begin = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(begin..)?);
    (!quoted).then_some(parts)
}

/// An address with or without a port, in brackets or bare, or one of the names that stand for none.
fn node(text: &str) -> Option<Node> {
    if text.eq_ignore_ascii_case("unknown") {
        return Some(Node::Hidden);
    }
    if let Some(name) = text.strip_prefix('_') {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-:".contains(&b);
        return (!name.is_empty() && name.bytes().all(allowed)).then_some(Node::Hidden);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Node::At(address.to_canonical()));
    }
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => text.split_once(':').map(|(address, port)| (address, Some(port)))?,
    };
    let fits =
        |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    port.is_none_or(fits).then_some(())?;
    address.parse::<IpAddr>().ok().map(|address| Node::At(address.to_canonical()))
}

fn unreadable(why: &'static str) -> Failure {
    let words = "what the proxy says about where this request comes from cannot be read";
    Failure::new(Kind::Invalid, "request.forwarded", words).because(why)
}

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Problem::from(
                Failure::new(Kind::Bug, "internal", "an internal error")
                    .because("a route that needs the origin is served without its layer"),
            )
        })
    }
}

const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The longest that browsers call themselves is half of it; it is shown on a page and kept with the session.
const AGENT_CHARS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Textual;

    const PROXY: &str = "10.0.0.9";

    fn origin(peer: &str, lines: &[(&'static str, &str)]) -> Result<String, ()> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|text| Network::from_text(text).unwrap());
        let found = Origin::of(peer.parse().unwrap(), &headers, &proxies);
        found.map(|origin| origin.address.to_string()).map_err(|failure| {
            assert_eq!((failure.kind, failure.code), (Kind::Invalid, "request.forwarded"));
        })
    }

    fn xff(peer: &str, value: &str) -> Result<String, ()> {
        origin(peer, &[("x-forwarded-for", value)])
    }

    fn rfc7239(value: &str) -> Result<String, ()> {
        origin(PROXY, &[("forwarded", value)])
    }

    #[test]
    fn broker_rule_22_what_a_stranger_says_of_itself_is_ignored() {
        for (name, value) in [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-for", "not an address"),
            ("forwarded", "for=1.2.3.4"),
            ("forwarded", "for=\"unclosed"),
        ] {
            assert_eq!(origin("203.0.113.7", &[(name, value)]), Ok("203.0.113.7".to_owned()));
        }
        // Also where no proxy is configured at all, and where the peer's address is written as IPv6.
        let both = [("forwarded", "for=1.2.3.4"), ("x-forwarded-for", "1.2.3.4")];
        assert_eq!(origin("::ffff:203.0.113.7", &both), Ok("203.0.113.7".to_owned()));
    }

    #[test]
    fn broker_rule_22_a_configured_proxy_is_believed_as_far_as_the_chain_of_them_reaches() {
        let check = |value: &str, client: &str| {
            assert_eq!(xff(PROXY, value), Ok(client.to_owned()), "{value}");
        };
        check("203.0.113.7", "203.0.113.7");
        check("203.0.113.7:4711", "203.0.113.7");
        check("2001:db8::1", "2001:db8::1");
        check("[2001:db8::1]:443", "2001:db8::1");
        check("::ffff:203.0.113.7", "203.0.113.7");
        check("203.0.113.7, 10.1.1.1, fd00::1", "203.0.113.7");
        check("1.1.1.1, 203.0.113.7", "203.0.113.7");
        check("unknown, 203.0.113.7, 10.1.1.1", "203.0.113.7");
        check("10.1.1.1", "10.1.1.1");
        assert_eq!(origin(PROXY, &[]), Ok(PROXY.to_owned()), "its own health check");
        let lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.7")];
        assert_eq!(origin(PROXY, &lines), Ok("203.0.113.7".to_owned()), "lines are one list");
    }

    #[test]
    fn broker_rule_22_the_standard_header_is_read_the_same_way() {
        let check = |value: &str, client: &str| {
            assert_eq!(rfc7239(value), Ok(client.to_owned()), "{value}");
        };
        check("for=203.0.113.7", "203.0.113.7");
        check("For=\"203.0.113.7:4711\";proto=https;by=10.0.0.9", "203.0.113.7");
        check("for=\"[2001:db8::1]:443\"", "2001:db8::1");
        check("for=1.1.1.1;host=\"a,b;c\", for=203.0.113.7", "203.0.113.7");
        check("for=_hidden, for=203.0.113.7, for=10.1.1.1", "203.0.113.7");
    }

    #[test]
    fn broker_rule_22_what_a_proxy_says_and_we_cannot_read_is_refused() {
        for bad in [
            "",
            "-",
            "localhost",
            "203.0.113.7;x",
            "203.0.113.7, ",
            ", 203.0.113.7",
            "nonsense, 203.0.113.7",
            "203.0.113.7:port",
            "203.0.113.7:",
            "203.0.113.999",
            "[203.0.113.7]:1",
            "[2001:db8::1",
            "[2001:db8::1]443",
            "fe80::1%eth0",
            "unknown",
            "_secret, 10.1.1.1",
            "\"203.0.113.7\"",
        ] {
            assert_eq!(xff(PROXY, bad), Err(()), "{bad}");
        }
        for bad in [
            "",
            "203.0.113.7",
            "by=203.0.113.7",
            "for=",
            "for=unknown",
            "for=_secret",
            "for=_",
            "for=\"203.0.113.7",
            "for=\"203.0.113.7\\\"\"",
            "for=1.1.1.1;for=203.0.113.7",
            "for=203.0.113.7,",
            "for=2001:db8::zz",
        ] {
            assert_eq!(rfc7239(bad), Err(()), "{bad}");
        }
        let both = [("forwarded", "for=1.2.3.4"), ("x-forwarded-for", "1.2.3.4")];
        assert_eq!(origin(PROXY, &both), Err(()), "whichever of them the proxy wrote");
    }

    #[test]
    fn what_a_client_calls_itself_is_kept_and_cut() {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, "x".repeat(5000).parse().unwrap());
        let origin = Origin::of("192.0.2.1".parse().unwrap(), &headers, &[]).unwrap();
        assert_eq!(origin.agent.len(), AGENT_CHARS_MAX);
    }
}
