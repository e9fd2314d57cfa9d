//! Whether a delivery was signed: HMAC-SHA-256 over its id, its time and its body (Standard Webhooks §signature scheme).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::crypto::digest::hmac_sha256;
use crate::kernel::{Lifetime, Secret, Timestamp};

/// What a delivery says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Said<'h> {
    /// `webhook-id`
    pub id: &'h str,
    /// `webhook-timestamp`
    pub timestamp: &'h str,
    /// `webhook-signature`: one or more, each `v1,` and base64.
    pub signature: &'h str,
}

/// The time that a delivery says, where it is near enough to be believed.
pub(super) fn time(said: Said<'_>, now: Timestamp) -> Option<Timestamp> {
    let digits = said.timestamp.bytes().all(|b| b.is_ascii_digit()) && said.timestamp.len() <= 12;
    let at = Timestamp::from_seconds(said.timestamp.parse().ok().filter(|_| digits)?);
    (at <= now.plus(WINDOW) && at >= now.minus(WINDOW)).then_some(at)
}

/// True if one of these secrets signed it. Each signature is compared with each secret's own, in constant time.
pub(super) fn holds(said: Said<'_>, body: &[u8], secrets: &[Secret<[u8; 32]>]) -> bool {
    if said.id.is_empty() || said.id.len() > ID_BYTES_MAX || said.id.contains('.') {
        return false;
    }
    let mut message = format!("{}.{}.", said.id, said.timestamp).into_bytes();
    message.extend_from_slice(body);
    let expected: Vec<Secret<[u8; 32]>> =
        secrets.iter().map(|key| Secret::new(hmac_sha256(key.expose(), &message))).collect();
    let given = said.signature.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    given
        .take(SIGNATURES_MAX)
        .filter_map(|text| STANDARD.decode(text).ok())
        .any(|given| expected.iter().any(|mine| mine.equals(&given)))
}

/// What the service is given as its secret.
pub(super) fn shown(secret: &[u8; 32]) -> Secret<String> {
    Secret::new(format!("whsec_{}", STANDARD.encode(secret)))
}

/// Clocks differ, and a delivery is tried again for a while.
const WINDOW: Lifetime = Lifetime::minutes(5);
const ID_BYTES_MAX: usize = 128;
/// Two are live while one replaces the other.
const SIGNATURES_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_614_265_330);

    fn key(byte: u8) -> Secret<[u8; 32]> {
        Secret::new([byte; 32])
    }

    fn signed(key: &Secret<[u8; 32]>, id: &str, timestamp: &str, body: &str) -> String {
        let message = format!("{id}.{timestamp}.{body}");
        format!("v1,{}", STANDARD.encode(hmac_sha256(key.expose(), message.as_bytes())))
    }

    fn said<'h>(id: &'h str, timestamp: &'h str, signature: &'h str) -> Said<'h> {
        Said { id, timestamp, signature }
    }

    #[test]
    fn what_is_signed_is_the_id_the_time_and_the_body_and_nothing_else_passes() {
        let (id, timestamp, body) = ("msg_1", "1614265330", "{\"a\":1}");
        let signature = signed(&key(1), id, timestamp, body);
        let keys = [key(1), key(2)];
        assert!(holds(said(id, timestamp, &signature), body.as_bytes(), &keys));
        assert!(holds(
            said(id, timestamp, &signed(&key(2), id, timestamp, body)),
            body.as_bytes(),
            &keys
        ));
        let two = format!("v1a,x {} {signature}", signed(&key(3), id, timestamp, body));
        assert!(
            holds(said(id, timestamp, &two), body.as_bytes(), &keys),
            "one of several is enough"
        );
        for (id, timestamp, body) in [
            ("msg_2", "1614265330", body),
            (id, "1614265331", body),
            (id, timestamp, "{\"a\":2}"),
            (id, "614265330", body),
        ] {
            assert!(!holds(Said { id, timestamp, signature: &signature }, body.as_bytes(), &keys));
        }
        let cut: String = signature.chars().take(20).collect();
        let second = signature.replace("v1", "v2");
        for other in ["", "v1,", "v1,!", signature.strip_prefix("v1,").unwrap(), &cut, &second] {
            assert!(!holds(said(id, timestamp, other), body.as_bytes(), &keys), "{other}");
        }
        assert!(!holds(said(id, timestamp, &signature), body.as_bytes(), &[]));
        // A dot in the id would let two splits of one message pass for each other.
        let dotted = signed(&key(1), "a.1", timestamp, body);
        assert!(!holds(Said { id: "a.1", timestamp, signature: &dotted }, body.as_bytes(), &keys));
    }

    #[test]
    fn a_delivery_is_of_the_last_five_minutes_or_the_next() {
        let at = |timestamp: &str| time(Said { id: "m", timestamp, signature: "" }, NOW).is_some();
        for (timestamp, good) in [
            ("1614265330", true),
            ("1614265030", true),
            ("1614265029", false),
            ("1614265630", true),
            ("1614265631", false),
            ("", false),
            ("+1614265330", false),
            ("1614265330.5", false),
            ("99999999999999999999", false),
        ] {
            assert_eq!(at(timestamp), good, "{timestamp}");
        }
    }
}
