//! An ID token is believed after all of this (OpenID Connect Core §3.1.3.7), or not at all.
//!
//! Signature, issuer, audience, expiry and nonce are the library's; the form of the header, strict JSON, the party a token was
//! made for, its age and the access token's hash are looked at here.

use std::time::{Duration, SystemTime};

use openidconnect::core::{
    CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, Nonce,
    SignatureVerificationError,
};
use serde_json::{Map, Value};

use super::refusal::{Reason, Refusal};
use crate::crypto::digest::from_base64url;
use crate::crypto::jose::{JwsAlgorithm, parse_object};
use crate::kernel::{Lifetime, Timestamp};

/// What a token must be.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) algorithms: Vec<JwsAlgorithm>,
    pub(super) nonce: String,
    pub(super) skew: Lifetime,
    /// When the attempt began: no token of it is older.
    pub(super) began: Timestamp,
    /// The person must have authenticated since then.
    pub(super) fresh: bool,
    pub(super) access_token: String,
}

/// The claims of the token, if it holds.
pub(super) fn verify(
    token: &str,
    keys: CoreJsonWebKeySet,
    expected: &Expected,
    now: Timestamp,
) -> Result<Map<String, Value>, Refusal> {
    check_header(token, &expected.algorithms)?;
    let claims = payload(token)?;
    check_presence(&claims)?;
    let parsed: CoreIdToken = token
        .parse()
        .map_err(|_| Refusal::new(Reason::IdTokenForm, "a claim has another type than it must"))?;
    let issuer = IssuerUrl::new(expected.issuer.clone())
        .map_err(|_| Refusal::new(Reason::Issuer, "the upstream's issuer is no address"))?;
    let earlier = instant(now.minus(expected.skew));
    let verifier = CoreIdTokenVerifier::new_public_client(
        ClientId::new(expected.client_id.clone()),
        issuer,
        keys,
    )
    .set_allowed_algs(expected.algorithms.iter().map(|one| named(*one)))
    // Several audiences are right if we are the party it was made for: looked at below.
    .set_other_audience_verifier_fn(|_| true)
    .set_time_fn(move || earlier.into());
    parsed
        .claims(&verifier, &Nonce::new(expected.nonce.clone()))
        .map_err(|error| explain(&error))?;
    check_party(&claims, &expected.client_id)?;
    check_times(&claims, expected, now)?;
    check_access_token(&parsed, &verifier, &expected.access_token, &claims)?;
    Ok(claims)
}

/// True for a refusal that newer keys may mend.
pub(super) fn is_about_keys(refusal: &Refusal) -> bool {
    refusal.reason == Reason::UnknownKey
}

/// The claims that a token says, whoever signed it: to tell what is wrong with one that cannot be read.
pub(super) fn payload(token: &str) -> Result<Map<String, Value>, Refusal> {
    let form = |about: &str| Refusal::new(Reason::IdTokenForm, about);
    let part = token.split('.').nth(1).and_then(from_base64url);
    parse_object(&part.ok_or_else(|| form("it has no three parts of base64url"))?)
        .map_err(|_| form("its claims are no JSON object with unique names"))
}

/// The header may choose among our keys and our algorithms, and nothing else.
pub(super) fn check_header(token: &str, algorithms: &[JwsAlgorithm]) -> Result<(), Refusal> {
    let form = |about: &str| Refusal::new(Reason::IdTokenForm, about);
    if token.len() > TOKEN_BYTES_MAX {
        return Err(form("it is too long"));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, _, _] = parts.as_slice() else {
        return Err(form("it has no three parts between two dots"));
    };
    let header = from_base64url(header).and_then(|bytes| parse_object(&bytes).ok());
    let header = header.ok_or_else(|| form("its header is no JSON object with unique names"))?;
    if let Some(name) = FORBIDDEN.into_iter().find(|name| header.contains_key(*name)) {
        return Err(Refusal::new(Reason::IdTokenHeader, format_args!("its header has `{name}`")));
    }
    let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    if !algorithms.iter().any(|one| one.as_str() == algorithm) {
        let shown: String = algorithm.chars().take(20).collect();
        return Err(Refusal::new(Reason::Algorithm, format_args!("`{shown}` is not pinned")));
    }
    Ok(())
}

/// Each required claim has its own words when it is missing.
pub(super) fn check_presence(claims: &Map<String, Value>) -> Result<(), Refusal> {
    let missing =
        |reason, name: &str| Err(Refusal::new(reason, format_args!("`{name}` is missing")));
    let text =
        |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let number = |name: &str| claims.get(name).and_then(Value::as_number);
    match text("sub") {
        None => return missing(Reason::Subject, "sub"),
        // OpenID Connect Core §2: at most 255 ASCII characters.
        Some(sub) if sub.len() > SUBJECT_BYTES_MAX || !sub.is_ascii() => {
            return Err(Refusal::new(Reason::Subject, "`sub` is longer than 255, or not ASCII"));
        }
        Some(_) => {}
    }
    if text("iss").is_none() {
        return missing(Reason::Issuer, "iss");
    }
    if !claims.contains_key("aud") {
        return missing(Reason::Audience, "aud");
    }
    if number("exp").is_none() {
        return missing(Reason::TokenExpired, "exp");
    }
    if number("iat").is_none() {
        return missing(Reason::IssuedAt, "iat");
    }
    if text("nonce").is_none() {
        return missing(Reason::Nonce, "nonce");
    }
    Ok(())
}

/// OpenID Connect Core §3.1.3.7, steps 4 and 5.
fn check_party(claims: &Map<String, Value>, client_id: &str) -> Result<(), Refusal> {
    let several = claims.get("aud").and_then(Value::as_array).is_some_and(|all| all.len() > 1);
    let refuse = |about: &str| Err(Refusal::new(Reason::AuthorizedParty, about));
    match claims.get("azp") {
        None if several => refuse("there are several audiences, and `azp` is missing"),
        None => Ok(()),
        Some(azp) if azp.as_str() == Some(client_id) => Ok(()),
        Some(_) => refuse("`azp` is another client"),
    }
}

fn check_times(
    claims: &Map<String, Value>,
    expected: &Expected,
    now: Timestamp,
) -> Result<(), Refusal> {
    let (earliest, latest) = (expected.began.minus(expected.skew), now.plus(expected.skew));
    let time = |name: &str| {
        let number = claims.get(name)?;
        let whole = || number.as_f64().map(f64::floor);
        number.as_i64().or_else(|| whole().and_then(seconds)).map(Timestamp::from_seconds)
    };
    let issued = time("iat").filter(|issued| {
        // A token says whole seconds.
        *issued >= earliest.whole_second() && *issued <= latest
    });
    if issued.is_none() {
        return Err(Refusal::new(Reason::IssuedAt, "`iat` is not of this attempt"));
    }
    if time("nbf").is_some_and(|begins| begins > latest) {
        return Err(Refusal::new(Reason::IssuedAt, "`nbf` is in the future"));
    }
    let fresh = time("auth_time").is_some_and(|at| at >= earliest.whole_second() && at <= latest);
    if expected.fresh && !fresh {
        return Err(Refusal::new(Reason::AuthenticationTime, "`auth_time` is not of this attempt"));
    }
    Ok(())
}

/// `at_hash` is optional here (§3.1.3.6), and right where it is.
fn check_access_token(
    token: &CoreIdToken,
    verifier: &CoreIdTokenVerifier<'_>,
    access_token: &str,
    claims: &Map<String, Value>,
) -> Result<(), Refusal> {
    let Some(said) = claims.get("at_hash") else { return Ok(()) };
    let refuse = || Refusal::new(Reason::AccessTokenHash, "`at_hash` is of another access token");
    let (algorithm, key) = (token.signing_alg(), token.signing_key(verifier));
    let (Ok(algorithm), Ok(key)) = (algorithm, key) else { return Err(refuse()) };
    let token = AccessToken::new(access_token.to_owned());
    let hash = AccessTokenHash::from_token(&token, algorithm, key).map_err(|_| refuse())?;
    if said.as_str() == Some(hash.as_str()) { Ok(()) } else { Err(refuse()) }
}

fn explain(error: &ClaimsVerificationError) -> Refusal {
    use ClaimsVerificationError as Claims;
    use SignatureVerificationError as Signature;
    let reason = match error {
        Claims::Expired(_) => Reason::TokenExpired,
        Claims::InvalidAudience(_) => Reason::Audience,
        Claims::InvalidIssuer(_) => Reason::Issuer,
        // The library's words would repeat what is secret until now.
        Claims::InvalidNonce(_) => return Refusal::new(Reason::Nonce, "`nonce` is another"),
        Claims::InvalidSubject(_) => return Refusal::new(Reason::Subject, "`sub` is another"),
        Claims::InvalidAuthContext(_) | Claims::InvalidAuthTime(_) => Reason::AuthenticationTime,
        Claims::SignatureVerification(inner) => match inner {
            Signature::NoMatchingKey | Signature::AmbiguousKeyId(_) => Reason::UnknownKey,
            Signature::DisallowedAlg(_) | Signature::UnsupportedAlg(_) | Signature::NoSignature => {
                Reason::Algorithm
            }
            _ => Reason::Signature,
        },
        _ => Reason::IdTokenForm,
    };
    let about = match error {
        Claims::SignatureVerification(inner) => inner.to_string(),
        other => other.to_string(),
    };
    Refusal::new(reason, about)
}

const fn named(algorithm: JwsAlgorithm) -> CoreJwsSigningAlgorithm {
    match algorithm {
        JwsAlgorithm::Rs256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        JwsAlgorithm::Rs384 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
        JwsAlgorithm::Rs512 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
        JwsAlgorithm::Es256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        JwsAlgorithm::Es384 => CoreJwsSigningAlgorithm::EcdsaP384Sha384,
        JwsAlgorithm::Es512 => CoreJwsSigningAlgorithm::EcdsaP521Sha512,
        JwsAlgorithm::Ps256 => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
        JwsAlgorithm::Ps384 => CoreJwsSigningAlgorithm::RsaSsaPssSha384,
        JwsAlgorithm::Ps512 => CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    }
}

fn instant(at: Timestamp) -> SystemTime {
    let since = u64::try_from(at.micros()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_micros(since)
}

fn seconds(number: f64) -> Option<i64> {
    // Text is the one way from a float that cannot go wrong without a sign of it.
    format!("{number:.0}").parse().ok()
}

/// They name keys or rules that are the sender's choice (RFC 9700 §4; RFC 8725 §3.1), or another form of token.
const FORBIDDEN: [&str; 9] = ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty"];
/// Providers put hundreds of groups into a token.
const TOKEN_BYTES_MAX: usize = 64 * 1024;
const SUBJECT_BYTES_MAX: usize = 255;
