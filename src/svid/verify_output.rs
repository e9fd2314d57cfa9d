//! The desk reads its own output again before it leaves (style rule 20): structure and key, against the SPIFFE rules. Not
//! our own signature: that would double the cost and prove the library.

use super::model::Error;
use super::template::Validity;
use super::tokens::TokenDraft;
use crate::authority::OidcAuthority;
use crate::crypto::jose::Issued;
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
    let issued = Issued::open(token).ok_or(UNREADABLE)?;
    let header = issued.header().ok_or(UNREADABLE)?;
    let claims = issued.svid_claims().ok_or(UNREADABLE)?;
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
    let issued = Issued::open(token).ok_or(UNREADABLE)?;
    let header = issued.header().ok_or(UNREADABLE)?;
    let claims = issued.token_claims().ok_or(UNREADABLE)?;
    let rules = [
        (header.kid == authority.id_tokens.kid(), "another key id"),
        (header.alg == authority.algorithm.as_str(), "another algorithm"),
        (header.typ == draft.kind.typ(), "another type"),
        (claims.iss == *authority.issuer, "another issuer"),
        ((1..=255).contains(&claims.sub.len()), "no subject"),
        (!claims.jti.is_empty(), "no number of its own"),
        (claims.aud.names(&draft.audience), "another audience"),
        (claims.exp > claims.iat, "a life that ends before it begins"),
        (claims.exp <= authority.not_after.seconds(), "a life beyond its authority"),
        (issued.text() == said.as_bytes(), "other claims"),
    ];
    first_broken(&rules)
}

fn first_broken(rules: &[(bool, &'static str)]) -> Result<(), Error> {
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, broken)) => Err(Error::Output(broken)),
        None => Ok(()),
    }
}

const UNREADABLE: Error = Error::Output("a token that cannot be read");
