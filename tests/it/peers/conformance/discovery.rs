//! Items 1–8: discovery and keys.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::op::{BASIC, Op};
use super::{Verdict, ensure, tokens};

pub(super) async fn oidc_001_discovery_is_found_at_the_issuer(op: &Op) -> Verdict {
    let url = op.url("/.well-known/openid-configuration")?;
    let answer = op.call(Method::GET, &url, None, &[]).await?.ok()?;
    let kind = answer.headers.get("content-type").cloned().unwrap_or_default();
    ensure(kind.starts_with("application/json"), || format!("content type `{kind}`"))?;
    let issuer = answer.text("issuer")?;
    ensure(issuer == op.issuer, || format!("issuer `{issuer}`, not `{}`", op.issuer))?;
    ensure(issuer.starts_with("https://"), || "the issuer is not https".to_owned())?;
    ensure(!issuer.contains(['?', '#']), || "the issuer has a query or fragment".to_owned())
}

pub(super) async fn oidc_002_endpoints_are_https_and_there(op: &Op) -> Verdict {
    for name in ["jwks_uri", "authorization_endpoint", "token_endpoint", "userinfo_endpoint"] {
        op.endpoint(name)?;
    }
    let all = op.metadata.as_object().cloned().unwrap_or_default();
    for (name, value) in
        all.iter().filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri"))
    {
        let text = value.as_str().unwrap_or_default();
        ensure(text.starts_with("https://"), || format!("`{name}` is {value}"))?;
    }
    Ok(())
}

pub(super) async fn oidc_003_what_must_be_supported_is_listed(op: &Op) -> Verdict {
    ensure(op.lists("response_types_supported", "code"), || "no response type `code`".to_owned())?;
    let subjects =
        op.metadata["subject_types_supported"].as_array().is_some_and(|all| !all.is_empty());
    ensure(subjects, || "no subject types".to_owned())?;
    ensure(op.lists("id_token_signing_alg_values_supported", "RS256"), || "no RS256".to_owned())
}

pub(super) async fn oidc_004_lists_have_their_types_and_tell_the_truth(op: &Op) -> Verdict {
    ensure(op.lists("scopes_supported", "openid"), || "no scope `openid`".to_owned())?;
    ensure(op.metadata["claims_supported"].is_array(), || "no `claims_supported`".to_owned())?;
    for (name, value) in op.metadata.as_object().into_iter().flatten() {
        let flag = BOOLEANS.contains(&name.as_str());
        let list = name.ends_with("_supported") && !flag;
        let texts = value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
        ensure(!flag || value.is_boolean(), || format!("`{name}` is {value}"))?;
        ensure(!list || texts, || format!("`{name}` is {value}"))?;
    }
    ensure(op.lists("grant_types_supported", "authorization_code"), || {
        "no grant `authorization_code`".to_owned()
    })
}

pub(super) async fn oidc_005_pkce_is_s256(op: &Op) -> Verdict {
    ensure(op.lists("code_challenge_methods_supported", "S256"), || "no S256".to_owned())?;
    let locales = op.metadata["ui_locales_supported"].as_array().cloned().unwrap_or_default();
    for tag in locales.iter().filter_map(Value::as_str) {
        let mut parts = tag.split('-');
        let language = parts.next().unwrap_or_default();
        let plain =
            language.bytes().all(|b| b.is_ascii_lowercase()) && (2..=3).contains(&language.len());
        ensure(plain, || format!("`{tag}` is not cased as BCP 47 has it"))?;
    }
    Ok(())
}

pub(super) async fn oidc_006_keys_are_public_distinct_and_strong(op: &Op) -> Verdict {
    let keys = op.keys().await?;
    let kids: BTreeSet<&str> = keys.iter().filter_map(|key| key["kid"].as_str()).collect();
    ensure(!keys.is_empty() && kids.len() == keys.len(), || {
        format!("{} keys, {} kids", keys.len(), kids.len())
    })?;
    for key in &keys {
        ensure(key["use"].is_string() || key["alg"].is_string(), || {
            format!("no `use` or `alg` in {key}")
        })?;
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]
            .into_iter()
            .find(|name| !key[*name].is_null());
        ensure(private.is_none(), || format!("the private member {private:?} is published"))?;
        let short = key["kty"] == "RSA" && key["n"].as_str().is_none_or(|n| n.len() < 341);
        ensure(!short, || "an RSA key of less than 2048 bits".to_owned())?;
    }
    Ok(())
}

pub(super) async fn oidc_007_metadata_of_rfc_8414_is_served(op: &Op) -> Verdict {
    let url = op.url("/.well-known/oauth-authorization-server")?;
    let answer = op.call(Method::GET, &url, None, &[]).await?.ok()?;
    for name in ["issuer", "token_endpoint", "authorization_endpoint", "jwks_uri"] {
        ensure(answer.body[name] == op.metadata[name], || {
            format!("`{name}` differs from discovery's")
        })?;
    }
    Ok(())
}

pub(super) async fn oidc_008_a_new_key_is_published_before_it_signs(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let earlier = op.sign_in(&mut browser, &BASIC, &[]).await?.text("id_token")?;
    let published = op.keys().await?;
    op.rotate().await?;
    let later = op.sign_in(&mut browser, &BASIC, &[]).await?.text("id_token")?;
    let (earlier, later) = (tokens::header(&earlier)?, tokens::header(&later)?);
    ensure(earlier["kid"] != later["kid"], || "the key did not change".to_owned())?;
    let knew = |keys: &[Value], kid: &Value| keys.iter().any(|key| key["kid"] == *kid);
    ensure(knew(&published, &later["kid"]), || {
        "the new key was not published before it signed".to_owned()
    })?;
    ensure(knew(&op.keys().await?, &earlier["kid"]), || {
        "the old key is gone while its tokens live".to_owned()
    })
}

/// Members that are `true` or `false` (OpenID Connect Discovery §3, RFC 9207, the logout specifications).
const BOOLEANS: [&str; 9] = [
    "authorization_response_iss_parameter_supported",
    "backchannel_logout_session_supported",
    "backchannel_logout_supported",
    "claims_parameter_supported",
    "frontchannel_logout_session_supported",
    "frontchannel_logout_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_request_uri_registration",
];
