//! How a browser shows on which device it runs: it is sent to a port of its own machine with a question, where `weft device run`
//! answers by sending it back with a proof, signed with the device's key.
//!
//! The proof is a compact JWS of the type [`TYPE`]. Claims: `iss`, the device's SPIFFE ID; `aud`, our issuer; `sub`, the sign-in;
//! `nonce`, its challenge; `iat` and `exp` in seconds, at most [`LIFE_SECONDS`] apart; `x5c`, the device's X.509-SVID, each
//! certificate as RFC 7515 §4.1.6 has it, leaf first. It is good for one browser, once: the challenge is known to the browser
//! that began the sign-in, and used up when it comes back.

use std::net::Ipv4Addr;

use serde_json::json;
use url::Url;

/// The type in its header: no other token of ours has it, and none of another purpose passes for it.
pub const TYPE: &str = "weft-device-proof+jwt";
/// Long enough for a redirect, and for a clock that is half a minute off.
pub const LIFE_SECONDS: i64 = 60;
/// Where `weft device run` answers, unless both sides are told otherwise. Below the ports that systems give away by
/// themselves.
pub const PORT: u16 = 14_443;
/// The path there.
pub const QUESTION_PATH: &str = "/device-proof";
/// The end of the path where the browser comes back, below the sign-in's.
pub const ANSWER_STEP: &str = "on-device";

/// What is asked: who asks, for which sign-in, with which challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question<'a> {
    /// The issuer of the realm.
    pub issuer: &'a str,
    /// The sign-in, as its path names it.
    pub sign_in: &'a str,
    /// Its challenge.
    pub challenge: &'a str,
}

impl Question<'_> {
    /// The address that the browser is sent to.
    pub fn address(&self, port: u16) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("issuer", self.issuer)
            .append_pair("sign_in", self.sign_in)
            .append_pair("challenge", self.challenge)
            .finish();
        format!("http://{}:{port}{QUESTION_PATH}?{query}", Ipv4Addr::LOCALHOST)
    }

    /// The address that the browser comes back to, without the proof: always our issuer's own.
    pub fn way_back(&self) -> Option<Url> {
        let path = format!("{}/sign-in/{}/{ANSWER_STEP}", self.issuer, self.sign_in);
        Url::parse(&path).ok()
    }

    /// The claims as text.
    pub fn claims(&self, device: &str, svid: &[String], now_seconds: i64) -> String {
        json!({
            "iss": device,
            "aud": self.issuer,
            "sub": self.sign_in,
            "nonce": self.challenge,
            "iat": now_seconds,
            "exp": now_seconds.saturating_add(LIFE_SECONDS),
            "x5c": svid,
        })
        .to_string()
    }
}
