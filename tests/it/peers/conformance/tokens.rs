//! Tokens, read and verified by somebody else's library.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use super::op::Op;

/// The claims of a token, unverified.
pub(super) fn claims(token: &str) -> Result<Value, String> {
    part(token, 1)
}

/// The header of a token, unverified.
pub(super) fn header(token: &str) -> Result<Value, String> {
    part(token, 0)
}

fn part(token: &str, n: usize) -> Result<Value, String> {
    let text = token.split('.').nth(n).ok_or("not three parts")?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

/// Verifies signature, issuer, audience and end with the provider's published keys.
pub(super) async fn verify(op: &Op, token: &str, audience: &str) -> Result<Value, String> {
    let header = decode_header(token).map_err(|error| error.to_string())?;
    let kid = header.kid.ok_or("no `kid` in the header")?;
    let keys = op.keys().await?;
    let key = keys
        .into_iter()
        .find(|key| key["kid"] == kid.as_str())
        .ok_or("its key is not published")?;
    let key: Jwk = serde_json::from_value(key).map_err(|error| error.to_string())?;
    let key = DecodingKey::from_jwk(&key).map_err(|error| error.to_string())?;
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[&op.issuer]);
    decode::<Value>(token, &key, &validation)
        .map(|data| data.claims)
        .map_err(|error| error.to_string())
}

/// `at_hash` (OpenID Connect Core §3.1.3.6) for algorithms with SHA-256.
pub(super) fn at_hash(access: &str) -> String {
    let digest = weft::crypto::digest::sha256(access.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or_default())
}
