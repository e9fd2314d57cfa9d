//! The join string: one printable line that `weft token create` prints and `weft agent --join` takes.
//!
//! It carries the trust domain, the server's address, a join token, and SHA-256 pins of the public keys in the trust
//! domain's bundle, so that an agent can tell the true server from a relay before it sends the token.
//!
//! Form: `weft-join-1.<body>.<checksum>`. The body is base64url (RFC 4648 §5, no padding) of the fields, one a line; the
//! checksum is the CRC-32C of the body's text in eight hexadecimal digits. It finds a truncated or mistyped paste; it is
//! no protection against anybody, because whoever can change the line can also read the token in it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::kernel::{Secret, TrustDomain};

/// SHA-256 of the DER subject public key info of one authority.
pub type Pin = [u8; 32];

/// What a new agent needs to find its server, to recognise it, and to be let in.
#[derive(Debug)]
pub struct JoinString {
    /// The trust domain to join.
    pub trust_domain: TrustDomain,
    /// The `node` listener, `host:port`.
    pub address: String,
    /// The join token, as the server expects it in the attestation payload.
    pub token: Secret<String>,
    /// The public keys of the bundle, one pin each.
    pub pins: Vec<Pin>,
}

/// Why a text is not a join string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinStringError {
    /// It does not start as one.
    #[error(
        "this is no join string: one starts with `{PREFIX}`; `weft token create` on the server prints it"
    )]
    Prefix,
    /// A later form of it.
    #[error(
        "this join string has the form of another release (`{0}`): use an agent of the server's release"
    )]
    Version(String),
    /// Something is missing at its end, or was added.
    #[error("the join string is cut off or was changed on the way: copy the whole line again")]
    Checksum,
    /// The checksum holds, but a field does not have its form.
    #[error("the join string's {field} is not usable: {why}")]
    Field {
        /// Which part.
        field: &'static str,
        /// What is wrong, and what would be right.
        why: String,
    },
}

impl JoinString {
    /// Checks the parts and puts them together.
    pub fn new(
        trust_domain: TrustDomain,
        address: &str,
        token: Secret<String>,
        pins: Vec<Pin>,
    ) -> Result<Self, JoinStringError> {
        check_address(address)?;
        check_token(token.expose())?;
        if pins.is_empty() || pins.len() > PINS_MAX {
            return Err(field(
                "list of pins",
                format!("it has 1 to {PINS_MAX} of them, this has {}", pins.len()),
            ));
        }
        Ok(Self { trust_domain, address: address.to_owned(), token, pins })
    }

    /// Reads the line; white space around it is ignored, as pasting adds it.
    pub fn parse(text: &str) -> Result<Self, JoinStringError> {
        let text = text.trim();
        let rest = text.strip_prefix(FAMILY).ok_or(JoinStringError::Prefix)?;
        let (version, rest) = rest.split_once('.').ok_or(JoinStringError::Checksum)?;
        if version != "1" {
            return Err(JoinStringError::Version(version.chars().take(16).collect()));
        }
        let (body, sum) = rest.split_once('.').ok_or(JoinStringError::Checksum)?;
        if sum != checksum(body) {
            return Err(JoinStringError::Checksum);
        }
        let bytes =
            Zeroizing::new(URL_SAFE_NO_PAD.decode(body).map_err(|_| JoinStringError::Checksum)?);
        let lines =
            std::str::from_utf8(&bytes).map_err(|_| field("body", "it is not text".to_owned()))?;
        let mut lines = lines.split('\n');
        let name = lines.next().unwrap_or_default();
        let trust_domain =
            TrustDomain::parse(name).map_err(|why| field("trust domain", why.to_string()))?;
        let address = lines.next().unwrap_or_default();
        let token = Secret::new(lines.next().unwrap_or_default().to_owned());
        let pins = lines.map(parse_pin).collect::<Result<_, _>>()?;
        Self::new(trust_domain, address, token, pins)
    }

    /// The line itself. It holds the token, so it is a secret too.
    pub fn format(&self) -> Secret<String> {
        let mut body = Zeroizing::new(format!(
            "{}\n{}\n{}",
            self.trust_domain,
            self.address,
            self.token.expose()
        ));
        for pin in &self.pins {
            body.push('\n');
            body.push_str(&URL_SAFE_NO_PAD.encode(pin));
        }
        let body = Zeroizing::new(URL_SAFE_NO_PAD.encode(body.as_bytes()));
        Secret::new(format!("{PREFIX}{}.{}", body.as_str(), checksum(&body)))
    }
}

/// A join string as it was given, not yet read; prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinText(Zeroizing<String>);

impl JoinText {
    /// Takes the text in.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Reads it.
    pub fn parse(&self) -> Result<JoinString, JoinStringError> {
        JoinString::parse(&self.0)
    }

    /// The text, where it is a bare token and no join string.
    pub fn reveal(&self) -> Secret<String> {
        Secret::new(String::clone(&self.0))
    }
}

impl fmt::Debug for JoinText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinText(…)")
    }
}

impl<'de> serde::Deserialize<'de> for JoinText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

fn parse_pin(text: &str) -> Result<Pin, JoinStringError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| Pin::try_from(bytes).ok())
        .ok_or_else(|| field("list of pins", "a pin has 32 bytes".to_owned()))
}

fn check_address(address: &str) -> Result<(), JoinStringError> {
    let wrong = || field("address", "it has the form `host:port`, IPv6 in brackets".to_owned());
    if address.len() > ADDRESS_BYTES_MAX {
        return Err(wrong());
    }
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let bare = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    if bare && port != 0 { Ok(()) } else { Err(wrong()) }
}

fn check_token(token: &str) -> Result<(), JoinStringError> {
    let printable = token.bytes().all(|b| b.is_ascii_graphic());
    if token.is_empty() || token.len() > TOKEN_BYTES_MAX || !printable {
        return Err(field("token", format!("it has 1 to {TOKEN_BYTES_MAX} printable characters")));
    }
    Ok(())
}

fn field(field: &'static str, why: String) -> JoinStringError {
    JoinStringError::Field { field, why }
}

fn checksum(body: &str) -> String {
    format!("{:08x}", crc32c::crc32c(body.as_bytes()))
}

const FAMILY: &str = "weft-join-";
const PREFIX: &str = "weft-join-1.";
/// A bundle has two or three authorities at a time; one more page of them still fits a terminal line.
const PINS_MAX: usize = 16;
/// A DNS name and a port.
const ADDRESS_BYTES_MAX: usize = 260;
/// 256 random bits and a public id, with room.
const TOKEN_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> JoinString {
        let domain = TrustDomain::parse("example.org").unwrap();
        let token = Secret::new("jtk_1.s3cret".to_owned());
        JoinString::new(domain, "weft.example.org:8081", token, vec![[7; 32], [8; 32]]).unwrap()
    }

    #[test]
    fn a_paste_that_was_cut_off_anywhere_is_refused_in_words() {
        let whole = example().format();
        for end in 0..whole.expose().len() {
            let why = JoinString::parse(whole.expose().get(..end).unwrap()).unwrap_err();
            assert!(
                matches!(why, JoinStringError::Prefix | JoinStringError::Checksum),
                "{end}: {why}"
            );
        }
        let doubled = format!("{}{}", whole.expose(), whole.expose());
        assert_eq!(JoinString::parse(&doubled).unwrap_err(), JoinStringError::Checksum);
    }

    #[test]
    fn another_version_and_another_text_are_told_apart() {
        assert_eq!(
            JoinString::parse("weft-join-2.x.y").unwrap_err(),
            JoinStringError::Version("2".into())
        );
        assert_eq!(JoinString::parse("f3b1c2d4-uuid").unwrap_err(), JoinStringError::Prefix);
    }

    #[test]
    fn unusable_parts_are_refused_when_it_is_made() {
        let domain = || TrustDomain::parse("example.org").unwrap();
        let token = |text: &str| Secret::new(text.to_owned());
        for address in [
            "",
            "host",
            "host:",
            "host:0",
            "host:99999",
            ":1",
            "a b:1",
            "[::1:1",
            "h/ost:1",
            "u@h:1",
        ] {
            assert!(
                JoinString::new(domain(), address, token("t"), vec![[0; 32]]).is_err(),
                "{address}"
            );
        }
        for bad in ["", "a b", "a\nb", "ü", &"x".repeat(257)] {
            assert!(JoinString::new(domain(), "h:1", token(bad), vec![[0; 32]]).is_err(), "{bad}");
        }
        assert!(JoinString::new(domain(), "h:1", token("t"), vec![]).is_err(), "no pin");
        assert!(JoinString::new(domain(), "[::1]:8081", token("t"), vec![[0; 32]]).is_ok());
    }

    #[test]
    fn it_reads_what_it_writes_and_prints_no_token() {
        let text = example().format();
        let read = JoinString::parse(&format!("  {}\n", text.expose())).unwrap();
        assert_eq!(read.trust_domain.as_str(), "example.org");
        assert_eq!(read.address, "weft.example.org:8081");
        assert_eq!(read.token.expose(), "jtk_1.s3cret");
        assert_eq!(read.pins, vec![[7; 32], [8; 32]]);
        assert!(!format!("{read:?}").contains("s3cret"));
        assert!(!format!("{:?}", JoinText::new(text.expose().clone())).contains("weft-join"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "(weft-join-1\\.)?\\PC{0,200}") {
            let _ = JoinString::parse(&text);
        }
    }
}
