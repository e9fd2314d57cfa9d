//! The statement by which an agent says that it runs on a device: a compact JWS, signed with the key of the agent's SVID.
//!
//! Claims: `sub`, the agent's SPIFFE ID; `aud`, the device's; `iat` and `exp`, in seconds, at most [`LIFE_SECONDS`] apart.

/// The type in its header: no other token of ours has it, and none of another purpose passes for it.
pub const TYPE: &str = "weft-on-device+jwt";
/// Long enough for one call.
pub const LIFE_SECONDS: i64 = 60;

/// The claims as text.
pub fn claims(agent: &str, device: &str, now_seconds: i64) -> String {
    let exp = now_seconds.saturating_add(LIFE_SECONDS);
    serde_json::json!({ "sub": agent, "aud": device, "iat": now_seconds, "exp": exp }).to_string()
}
