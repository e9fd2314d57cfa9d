//! The desk reads its own output again before it leaves (style rule 20): structure and key, against the SPIFFE rules. Not
//! our own signature: that would double the cost and prove the library.

use serde_json::{Map, Value};

use super::model::Error;
use super::template::Validity;
use super::tokens::TokenDraft;
use crate::authority::OidcAuthority;
use crate::crypto::jose::Unverified;
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

/// What a token must look like.
pub(super) fn check_token(
    token: &str,
    id: &SpiffeId,
    audience: &[String],
    kid: &str,
    validity: Validity,
) -> Result<(), Error> {
    let parsed =
        Unverified::parse(token).map_err(|_| Error::Output("a token that cannot be read"))?;
    let claims = parsed.unverified_claims();
    let number = |name: &str| claims.get(name).and_then(Value::as_i64);
    let audiences =
        claims.get("aud").and_then(Value::as_array).ok_or(Error::Output("no audience"))?;
    let rules = [
        (parsed.kid() == kid, "another key id"),
        (parsed.typ() == Some("JWT"), "another type"),
        (claims.get("sub").and_then(Value::as_str) == Some(id.as_str()), "another subject"),
        (!audiences.is_empty() && audiences.iter().eq(audience), "another audience"),
        (number("exp") == Some(validity.until.seconds()), "another expiry"),
        (number("iat") == Some(validity.from.seconds()), "another time of issue"),
    ];
    first_broken(&rules)
}

/// What a token of the OpenID provider must look like.
pub(super) fn check_oidc(
    token: &str,
    authority: &OidcAuthority,
    draft: &TokenDraft,
    said: &Map<String, Value>,
) -> Result<(), Error> {
    let parsed =
        Unverified::parse(token).map_err(|_| Error::Output("a token that cannot be read"))?;
    let claims = parsed.unverified_claims();
    let number = |name: &str| claims.get(name).and_then(Value::as_i64);
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => draft.audience.iter().eq([one]),
        Some(Value::Array(many)) => many.iter().eq(&draft.audience),
        _ => false,
    };
    let rules = [
        (parsed.kid() == authority.id_tokens.kid(), "another key id"),
        (parsed.algorithm() == authority.algorithm, "another algorithm"),
        (parsed.typ() == Some(draft.kind.typ()), "another type"),
        (text("iss") == Some(&authority.issuer), "another issuer"),
        (text("sub").is_some_and(|sub| (1..=255).contains(&sub.len())), "no subject"),
        (text("jti").is_some_and(|jti| !jti.is_empty()), "no number of its own"),
        (audience, "another audience"),
        (
            number("exp") > number("iat") && number("iat").is_some(),
            "a life that ends before it begins",
        ),
        (number("exp") <= Some(authority.not_after.seconds()), "a life beyond its authority"),
        (claims == said, "other claims"),
    ];
    first_broken(&rules)
}

fn first_broken(rules: &[(bool, &'static str)]) -> Result<(), Error> {
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, broken)) => Err(Error::Output(broken)),
        None => Ok(()),
    }
}
