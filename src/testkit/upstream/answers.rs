//! The endpoints of the provider of a test.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::token::new_key;
use super::{Lie, Shared, random};
use crate::crypto::digest::{base64url, sha256};
use crate::crypto::jose::{JwsAlgorithm, key_members};
use crate::crypto::keys::Signer;

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/authorize", get(authorize))
        .route("/keys", get(keys))
        .route("/token", post(token))
        .route("/userinfo", get(userinfo))
        .route("/revoke", post(revoke))
        .with_state(shared)
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    shared.lock().asked.metadata += 1;
    let has = |lie| shared.has(lie);
    if has(Lie::MetadataSlow) {
        return std::future::pending().await;
    }
    if has(Lie::MetadataHuge) {
        return huge();
    }
    if has(Lie::MetadataRedirect) {
        return away();
    }
    if has(Lie::MetadataDown) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if has(Lie::MetadataForm) {
        return document("{\"issuer\":");
    }
    let issuer = &shared.issuer;
    let other = "https://other.localhost".to_owned();
    let plain = issuer.replacen("https", "http", 1);
    let token = if has(Lie::MetadataPlainEndpoint) { &plain } else { issuer };
    let keys = if has(Lie::MetadataPrivateKeys) { "https://169.254.169.254" } else { issuer };
    let names_issuer = shared.lock().names_issuer;
    document(
        &json!({
            "issuer": if has(Lie::MetadataIssuer) { &other } else { issuer },
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{token}/token"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "revocation_endpoint": format!("{issuer}/revoke"),
            "jwks_uri": format!("{keys}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "RS256", "none"],
            "authorization_response_iss_parameter_supported": names_issuer,
        })
        .to_string(),
    )
}

async fn authorize(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let answered = shared.authorize(&query);
    let redirect = query.get("redirect_uri").map(String::as_str).unwrap_or_default();
    let Ok(mut url) = url::Url::parse(redirect) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let parameters = [
        ("state", answered.state),
        ("code", answered.code),
        ("iss", answered.iss),
        ("error", answered.error),
    ];
    for (name, value) in parameters {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, &value);
        }
    }
    Redirect::to(url.as_str()).into_response()
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    shared.lock().asked.keys += 1;
    if shared.has(Lie::KeysDown) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let mut published = shared.lock().keys.clone();
    if shared.has(Lie::KeysNone) {
        published.clear();
    }
    let nameless = shared.has(Lie::KeysNameless);
    if nameless {
        published.push(("two".to_owned(), new_key()));
    }
    let jwk = |(name, key): &(String, Arc<crate::crypto::keys::PrivateKey>)| {
        let mut members = key_members(key.public());
        members.insert("use".to_owned(), json!("sig"));
        members.insert("alg".to_owned(), json!(JwsAlgorithm::of_signer(key.algorithm()).as_str()));
        if !nameless {
            members.insert("kid".to_owned(), json!(name));
        }
        Value::Object(members)
    };
    let keys: Vec<Value> = published.iter().map(jwk).collect();
    document(&json!({ "keys": keys }).to_string())
}

async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    shared.lock().asked.token += 1;
    let has = |lie| shared.has(lie);
    if has(Lie::TokenSlow) {
        return std::future::pending().await;
    }
    if has(Lie::TokenHuge) {
        return huge();
    }
    if has(Lie::TokenRedirect) {
        return away();
    }
    if has(Lie::TokenForm) {
        return ([(CONTENT_TYPE, "text/html")], "<p>Please try again.</p>").into_response();
    }
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    if has(Lie::TokenError) || !shared.is_client(&headers, &form) {
        let refusal = json!({ "error": "invalid_grant" }).to_string();
        return (StatusCode::BAD_REQUEST, document(&refusal)).into_response();
    }
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let granted = shared.lock().codes.remove(get("code"));
    let verified = |granted: &super::Granted| {
        base64url(&sha256(get("code_verifier").as_bytes())) == granted.challenge
            && get("redirect_uri") == granted.redirect
    };
    let Some(granted) = granted.filter(verified) else {
        let refusal = json!({ "error": "invalid_grant" }).to_string();
        return (StatusCode::BAD_REQUEST, document(&refusal)).into_response();
    };
    let mut access_token = format!("access-{}", random());
    if has(Lie::TokenLineBreak) {
        access_token.push_str("\r\nx: y");
    }
    let mut answer = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": 300,
        "refresh_token": format!("refresh-{}", random()),
    });
    if !has(Lie::NoIdToken)
        && let Some(members) = answer.as_object_mut()
    {
        members.insert("id_token".to_owned(), json!(shared.id_token(&granted, &access_token)));
    }
    document(&answer.to_string())
}

async fn userinfo(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    shared.lock().asked.userinfo += 1;
    let has = |lie| shared.has(lie);
    if has(Lie::UserinfoSlow) {
        return std::future::pending().await;
    }
    if has(Lie::UserinfoHuge) {
        return huge();
    }
    if has(Lie::UserinfoRedirect) {
        return away();
    }
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if has(Lie::UserinfoDown) || !bearer.is_some_and(|text| text.starts_with("Bearer access-")) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let person = shared.lock().person.clone();
    let mut claims: Map<String, Value> = person.userinfo;
    if !has(Lie::UserinfoNoSubject) {
        let subject = if has(Lie::UserinfoSubject) { "mallory".to_owned() } else { person.subject };
        claims.insert("sub".to_owned(), json!(subject));
    }
    let mut text = Value::Object(claims).to_string();
    if has(Lie::UserinfoTwice) {
        text = text.replacen('{', "{\"email\":\"a@b.example\",\"email\":\"c@d.example\",", 1);
    }
    document(&text)
}

async fn revoke(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.lock().asked.revoked += 1;
    StatusCode::OK
}

impl Shared {
    /// RFC 6749 §2.3.1: in the header, each half form-encoded, or in the body.
    fn is_client(&self, headers: &HeaderMap, form: &HashMap<String, String>) -> bool {
        let client = self.lock().client.clone();
        let basic = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let basic = basic.and_then(|value| value.strip_prefix("Basic "));
        let shown = match basic {
            Some(encoded) => {
                let decoded = STANDARD.decode(encoded).ok().and_then(|b| String::from_utf8(b).ok());
                let decode = |half: &str| {
                    let pair = format!("v={half}");
                    let mut pairs = url::form_urlencoded::parse(pair.as_bytes()).into_owned();
                    pairs.next().map(|(_, value)| value).unwrap_or_default()
                };
                decoded.and_then(|pair| {
                    let (id, secret) = pair.split_once(':')?;
                    Some((decode(id), decode(secret)))
                })
            }
            None => form.get("client_id").cloned().zip(form.get("client_secret").cloned()),
        };
        shown == Some(client)
    }
}

fn document(text: &str) -> Response {
    ([(CONTENT_TYPE, "application/json")], text.to_owned()).into_response()
}

fn huge() -> Response {
    document(&format!("{{\"x\":\"{}\"}}", "x".repeat(10 * 1024 * 1024)))
}

/// To the metadata service of a cloud.
fn away() -> Response {
    Redirect::temporary("https://169.254.169.254/latest").into_response()
}
