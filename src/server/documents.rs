//! What everybody may read: the bundle endpoint, the keys of JWT-SVIDs, and the description of the admin API.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use serde_json::json;

use super::build::Server;
use super::routes::admin_routes;
use super::visitors::{self, unknown_realm};
use crate::bundles::{Bundle, document};
use crate::crypto::jose::key_members;
use crate::http::Problem;
use crate::kernel::Failure;

/// The routes.
pub(super) fn routes(server: &Arc<Server>) -> Router {
    Router::new()
        .route("/bundle", get(bundle))
        .route("/spiffe/keys", get(keys))
        .route("/spiffe/.well-known/openid-configuration", get(discovery))
        .route("/api/v1/openapi.json", get(description))
        .with_state(Arc::clone(server))
}

/// What the description says of the whole.
pub(super) fn about() -> utoipa::openapi::OpenApi {
    use utoipa::openapi::{InfoBuilder, OpenApiBuilder};
    let info = InfoBuilder::new().title("Weft admin API").version("1").description(Some(
        "Realms, entries, agents, join tokens, bundles, authorities and events of a Weft server.",
    ));
    OpenApiBuilder::new().info(info.build()).build()
}

/// The description of the admin API, OpenAPI 3.1.
pub fn openapi(server: &Arc<Server>) -> utoipa::openapi::OpenApi {
    let mut description = admin_routes(server).split_for_parts().1;
    for item in description.paths.paths.values_mut() {
        let methods =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        methods.into_iter().flatten().for_each(describe_refusals);
    }
    description
}

/// A refusal is a problem document (RFC 9457 §3), which the routes do not repeat one by one.
fn describe_refusals(operation: &mut utoipa::openapi::path::Operation) {
    let default = operation.responses.responses.get_mut("default");
    if let Some(utoipa::openapi::RefOr::T(refusal)) = default {
        let contents = std::mem::take(&mut refusal.content);
        refusal.content = contents.into_values().map(|one| (PROBLEM.to_owned(), one)).collect();
    }
}

async fn bundle(State(server): State<Arc<Server>>, request: Request) -> Result<Response, Problem> {
    let realm = visitors::realm(&server, &request)?;
    let bundle = server.bundles.current(realm.id).ok_or_else(unknown_realm)?;
    Ok(([(CONTENT_TYPE, document::MEDIA_TYPE)], document::print(&bundle)).into_response())
}

/// The JWT authorities alone, as relying parties of JWT-SVIDs fetch them (OpenID Connect Discovery §3).
async fn keys(State(server): State<Arc<Server>>, request: Request) -> Result<Response, Problem> {
    let realm = visitors::realm(&server, &request)?;
    let bundle = server.bundles.current(realm.id).ok_or_else(unknown_realm)?;
    Ok(([(CONTENT_TYPE, "application/json")], jwt_keys(&bundle)).into_response())
}

/// As an OpenID Connect client reads keys: for signatures, each with its `kid` (RFC 7517 §4).
fn jwt_keys(bundle: &Bundle) -> String {
    let key = |key: &crate::bundles::JwtKey| {
        let mut members = key_members(&key.key);
        members.insert("use".to_owned(), json!("sig"));
        members.insert("alg".to_owned(), json!("ES256"));
        members.insert("kid".to_owned(), json!(key.kid));
        members
    };
    json!({ "keys": bundle.jwt.iter().map(key).collect::<Vec<_>>() }).to_string()
}

async fn discovery(
    State(server): State<Arc<Server>>,
    request: Request,
) -> Result<Response, Problem> {
    let issuer = format!("{}/spiffe", visitors::realm(&server, &request)?.issuer.as_str());
    let document = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    Ok(([(CONTENT_TYPE, "application/json")], document.to_string()).into_response())
}

async fn description(State(server): State<Arc<Server>>) -> Result<Response, Problem> {
    let text = openapi(&server)
        .to_json()
        .map_err(|error| Failure::from(crate::kernel::Fault::bug(error)))?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

const PROBLEM: &str = "application/problem+json";
