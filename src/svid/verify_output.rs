//! The desk reads its own output again before it leaves (style rule 20): structure and key, against the SPIFFE rules. Not
//! our own signature: that would double the cost and prove the library.

use std::borrow::Cow;

use serde::Deserialize;

use super::model::Error;
use super::template::Validity;
use super::tokens::TokenDraft;
use crate::authority::OidcAuthority;
use crate::crypto::digest::from_base64url;
use crate::crypto::keys::PublicKey;
use crate::crypto::x509::{LeafTemplate, LeafView};
use crate::kernel::{SpiffeId, Timestamp};

/// What a leaf must look like, whatever its template said.
pub(super) fn check_leaf(
    der: &[u8],
    template: &LeafTemplate<'_>,
    key: &PublicKey,
    authority_expires: Timestamp,
) -> Result<(), Error> {
    let view = LeafView::parse(der).ok_or(Error::Output("a certificate that cannot be read"))?;
    let usage = view.key_usage.ok_or(Error::Output("no key usage"))?;
    let extended = view.extended_key_usage.ok_or(Error::Output("no extended key usage"))?;
    let (not_before, not_after) = view.validity;
    let rules = [
        (view.uris.iter().eq([template.id.as_str().as_bytes()]), "another ID"),
        (
            view.dns_names.iter().eq(template.dns_names.iter().map(|name| name.as_bytes())),
            "other DNS names",
        ),
        (view.names_critical == view.subject_is_empty(), "criticality of the names"),
        (view.is_ca == Some(false) && !view.has_path_length, "basic constraints of an authority"),
        (usage.critical && usage.digital_signature, "key usage"),
        (!usage.certificate_sign && !usage.crl_sign, "key usage of an authority"),
        (extended.server && extended.client, "extended key usage"),
        (view.spki == key.spki(), "another key"),
        (view.serial == template.serial.digits(), "another serial number"),
        (not_before == template.not_before && not_after == template.not_after, "another validity"),
        (not_after <= authority_expires, "a life beyond its authority"),
        (view.authority_key_id.is_some() && view.subject_key_id.is_some(), "no key identifiers"),
    ];
    first_broken(&rules)
}

/// What a JWT-SVID must look like (JWT-SVID §2–3).
pub(super) fn check_token(
    token: &str,
    id: &SpiffeId,
    audience: &[String],
    kid: &str,
    validity: Validity,
) -> Result<(), Error> {
    let (header, claims) = opened(token).ok_or(UNREADABLE)?;
    let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| UNREADABLE)?;
    let claims: SvidClaims<'_> = serde_json::from_slice(&claims).map_err(|_| UNREADABLE)?;
    let rules = [
        (header.kid == kid, "another key id"),
        (header.typ == "JWT", "another type"),
        (claims.sub == id.as_str(), "another subject"),
        (!claims.aud.is_empty() && claims.aud == audience, "another audience"),
        (claims.exp == validity.until.seconds(), "another expiry"),
        (claims.iat == validity.from.seconds(), "another time of issue"),
    ];
    first_broken(&rules)
}

/// What a token of the OpenID provider must look like. `said` is the text of its claims.
pub(super) fn check_oidc(
    token: &str,
    authority: &OidcAuthority,
    draft: &TokenDraft,
    said: &str,
) -> Result<(), Error> {
    let (header, claims) = opened(token).ok_or(UNREADABLE)?;
    let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| UNREADABLE)?;
    let other = claims != said.as_bytes();
    let claims: TokenClaims<'_> = serde_json::from_slice(&claims).map_err(|_| UNREADABLE)?;
    let audience = match &claims.aud {
        Audience::One(one) => draft.audience.iter().eq([one]),
        Audience::Many(many) => *many == draft.audience,
    };
    let rules = [
        (header.kid == authority.id_tokens.kid(), "another key id"),
        (header.alg == authority.algorithm.as_str(), "another algorithm"),
        (header.typ == draft.kind.typ(), "another type"),
        (claims.iss == *authority.issuer, "another issuer"),
        ((1..=255).contains(&claims.sub.len()), "no subject"),
        (!claims.jti.is_empty(), "no number of its own"),
        (audience, "another audience"),
        (claims.exp > claims.iat, "a life that ends before it begins"),
        (claims.exp <= authority.not_after.seconds(), "a life beyond its authority"),
        (!other, "other claims"),
    ];
    first_broken(&rules)
}

/// Header and claims of a token that has three parts and no more.
fn opened(token: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    from_base64url(signature)?;
    Some((from_base64url(header)?, from_base64url(claims)?))
}

/// These three and nothing else, each once. The names of keys, types and algorithms need no escape in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

/// The claims of a JWT-SVID, each once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SvidClaims<'a> {
    aud: Vec<String>,
    exp: i64,
    iat: i64,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(rename = "iss")]
    _issuer: Cow<'a, str>,
    #[serde(rename = "jti")]
    _number: Option<Cow<'a, str>>,
}

/// The claims that every token of the OpenID provider has, each once.
#[derive(Deserialize)]
struct TokenClaims<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow)]
    jti: Cow<'a, str>,
    aud: Audience,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

fn first_broken(rules: &[(bool, &'static str)]) -> Result<(), Error> {
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, broken)) => Err(Error::Output(broken)),
        None => Ok(()),
    }
}

const UNREADABLE: Error = Error::Output("a token that cannot be read");
