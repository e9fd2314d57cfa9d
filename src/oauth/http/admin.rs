//! Clients in the admin API.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::ETAG;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Administrator;
use crate::crypto::jose::JwsAlgorithm;
use crate::http::{Conditions, EntityTag, Json, Path, Problem, Query, cursor, page_of};
use crate::kernel::{ClientId, UpstreamId};
use crate::oauth::{
    AuthMethod, Client, ConsentPolicy, Draft, Error, Oauth, Profile, RedirectUri, Resource, Rule,
    SharedClient, WithSecret,
};
use crate::wire::api;

/// The routes.
pub(crate) fn routes(oauth: &Oauth) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_clients, create_client))
        .routes(routes!(show_client, put_client, delete_client))
        .routes(routes!(rotate_secret))
        .with_state(oauth.clone())
}

/// Lists clients, by id.
#[utoipa::path(get, path = "/api/v1/clients", tag = "clients", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Client>), (status = "default", body = api::Problem)))]
async fn list_clients(
    State(oauth): State<Oauth>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::Page<api::Client>>, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let behind = |client: &SharedClient| {
        after.as_ref().is_none_or(|last| client.id.as_str() > last.as_str())
    };
    let found = oauth.read_clients(by)?.into_iter().filter(behind).take(limit + 1).collect();
    let position = |client: &SharedClient| client.id.to_string();
    Ok(Json(page_of(found, limit, position, |client| shown(&client))?))
}

/// Makes a client. The answer is the only one that has its secret.
#[utoipa::path(post, path = "/api/v1/clients", tag = "clients", request_body = api::ClientInput,
    responses((status = 201, body = api::NewClient), (status = "default", body = api::Problem)))]
async fn create_client(
    State(oauth): State<Oauth>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::ClientInput>,
) -> Result<Response, Problem> {
    let id = input.id.as_deref().map(id).transpose()?;
    let made = oauth.create_client(by, id, draft(input)?).await?;
    Ok(tagged(StatusCode::CREATED, made.client.revision, &with_secret(&made)))
}

/// Shows one client, without its secret.
#[utoipa::path(get, path = "/api/v1/clients/{id}", tag = "clients", params(("id" = String, Path)),
    responses((status = 200, body = api::Client), (status = "default", body = api::Problem)))]
async fn show_client(
    State(oauth): State<Oauth>,
    Extension(by): Extension<Administrator>,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let client = oauth.read_client(by, &id(&text)?)?;
    Ok(tagged(StatusCode::OK, client.revision, &shown(&client)))
}

/// Makes a client with this id (`If-None-Match: *`), or replaces what is said of it (`If-Match`).
#[utoipa::path(put, path = "/api/v1/clients/{id}", tag = "clients", params(("id" = String, Path)),
    request_body = api::ClientInput,
    responses((status = 200, body = api::Client), (status = 201, body = api::NewClient),
        (status = "default", body = api::Problem)))]
async fn put_client(
    State(oauth): State<Oauth>,
    Extension(by): Extension<Administrator>,
    Path(text): Path<String>,
    conditions: Conditions,
    Json(input): Json<api::ClientInput>,
) -> Result<Response, Problem> {
    let id = id(&text)?;
    if input.id.as_deref().is_some_and(|said| said != text) {
        return Err(Problem::invalid("client.invalid", "`id` is that of the path, or not said"));
    }
    let draft = draft(input)?;
    match (conditions.only_create(), conditions.only_change()) {
        (true, false) => {
            let made = oauth.create_client(by, Some(id), draft).await.map_err(conditional)?;
            Ok(tagged(StatusCode::CREATED, made.client.revision, &with_secret(&made)))
        }
        (false, true) => {
            let change = (conditions.revision()?, draft);
            let client = oauth.update_client(by, &id, change).await.map_err(conditional)?;
            Ok(tagged(StatusCode::OK, client.revision, &shown(&client)))
        }
        _ => Err(Problem::invalid("client.put", PUT_WORDS)),
    }
}

const PUT_WORDS: &str = "say what is meant: `If-None-Match: *` makes a client with this id, `If-Match` with its entity tag \
     (or `*`) replaces what is said of it";

/// Gives a client another secret. The answer is the only one that has it.
#[utoipa::path(post, path = "/api/v1/clients/{id}/rotate-secret", tag = "clients", params(("id" = String, Path)),
    request_body = api::RotateSecret,
    responses((status = 200, body = api::NewClient), (status = "default", body = api::Problem)))]
async fn rotate_secret(
    State(oauth): State<Oauth>,
    Extension(by): Extension<Administrator>,
    Path(text): Path<String>,
    Json(input): Json<api::RotateSecret>,
) -> Result<Response, Problem> {
    let made = oauth.rotate_secret(by, &id(&text)?, input.keep_previous).await?;
    Ok(tagged(StatusCode::OK, made.client.revision, &with_secret(&made)))
}

/// Removes a client; its tokens are void.
#[utoipa::path(delete, path = "/api/v1/clients/{id}", tag = "clients", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn delete_client(
    State(oauth): State<Oauth>,
    Extension(by): Extension<Administrator>,
    Path(text): Path<String>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let revision = conditions.revision()?;
    oauth.delete_client(by, &id(&text)?, revision).await.map_err(conditional)?;
    Ok(StatusCode::NO_CONTENT)
}

/// 412 where a condition of the caller did not hold.
fn conditional(error: Error) -> Problem {
    match error {
        Error::Outdated { .. } => Problem::precondition(),
        other => other.into(),
    }
}

fn tagged<T: serde::Serialize>(status: StatusCode, revision: i64, body: &T) -> Response {
    (status, [(ETAG, EntityTag::revision(revision).header())], Json(body)).into_response()
}

fn id(text: &str) -> Result<ClientId, Problem> {
    ClientId::parse(text)
        .map_err(|error| Problem::invalid("client.invalid", format!("`id`: {error}")))
}

fn draft(input: api::ClientInput) -> Result<Draft, Problem> {
    let profile = Profile::parse(input.profile.as_str()).ok_or_else(|| wrong("profile"))?;
    let algorithm = |field, text: Option<String>| {
        text.map(|text| JwsAlgorithm::parse(&text).ok_or_else(|| wrong(field))).transpose()
    };
    let method = input.token_endpoint_auth_method.as_deref();
    let field = "token_endpoint_auth_method";
    let auth_method =
        method.map(|text| AuthMethod::parse(text).ok_or_else(|| wrong(field))).transpose()?;
    let upstream = |text: &String| UpstreamId::parse(text).map_err(|_| wrong("upstreams"));
    let upstreams = input
        .upstreams
        .map(|all| all.iter().map(upstream).collect::<Result<_, _>>())
        .transpose()?;
    let resource = |resource: api::ClientResource| Resource {
        uri: resource.uri,
        scopes: resource.scopes.into_iter().collect(),
    };
    let policy = |text: String| ConsentPolicy::parse(&text).ok_or_else(|| wrong("consent"));
    Ok(Draft {
        name: input.name,
        profile,
        auth_method,
        id_token_algorithm: algorithm(
            "id_token_signed_response_alg",
            input.id_token_signed_response_alg,
        )?,
        access_token_algorithm: algorithm(
            "access_token_signed_response_alg",
            input.access_token_signed_response_alg,
        )?,
        redirect_uris: input.redirect_uris,
        post_logout_redirect_uris: input.post_logout_redirect_uris,
        backchannel_logout_uri: input.backchannel_logout_uri,
        scopes: input.scopes.map(|scopes| scopes.into_iter().collect::<BTreeSet<_>>()),
        resources: input.resources.into_iter().map(resource).collect(),
        administration: input.administration,
        upstreams,
        consent: input.consent.map(policy).transpose()?,
        rotates_refresh_tokens: input.rotates_refresh_tokens,
        relaxed: relaxed(input.relaxed)?,
        enabled: input.enabled,
    })
}

fn relaxed(input: BTreeMap<String, String>) -> Result<BTreeMap<Rule, String>, Problem> {
    let one = |(name, reason): (String, String)| {
        Rule::parse(&name).map(|rule| (rule, reason)).ok_or_else(|| wrong("relaxed"))
    };
    input.into_iter().map(one).collect()
}

fn wrong(field: &'static str) -> Problem {
    let among = match field {
        "profile" => "`web`, `spa`, `native` or `machine`",
        "consent" => "`ask` or `first_party`",
        "token_endpoint_auth_method" => "`client_secret_basic`, `client_secret_post` or `none`",
        "relaxed" => {
            "among `pkce`, `https_redirects`, `refresh_rotation`, `people_only`, each with a reason"
        }
        "upstreams" => "names of upstream providers",
        _ => "`RS256` or `ES256`",
    };
    Problem::invalid("client.invalid", format!("`{field}` is {among}"))
}

fn with_secret(made: &WithSecret) -> api::NewClient {
    let secret = made.secret.as_ref().map(|secret| secret.expose().clone());
    api::NewClient { client: shown(&made.client), client_secret: secret }
}

fn shown(client: &Client) -> api::Client {
    let terms = &client.terms;
    let uris = |uris: &[RedirectUri]| uris.iter().map(RedirectUri::to_string).collect();
    let resource = |resource: &Resource| api::ClientResource {
        uri: resource.uri.clone(),
        scopes: resource.scopes.iter().cloned().collect(),
    };
    let reason = |(rule, reason): (&Rule, &String)| (rule.as_str().to_owned(), reason.clone());
    let upstreams = |all: &BTreeSet<UpstreamId>| all.iter().map(UpstreamId::to_string).collect();
    api::Client {
        id: client.id.to_string(),
        number: client.number.to_string(),
        name: terms.name.clone(),
        profile: terms.profile.as_str().to_owned(),
        token_endpoint_auth_method: terms.auth_method.as_str().map(str::to_owned),
        id_token_signed_response_alg: terms.id_token_algorithm.as_str().to_owned(),
        access_token_signed_response_alg: terms.access_token_algorithm.as_str().to_owned(),
        redirect_uris: uris(&terms.redirect_uris),
        post_logout_redirect_uris: uris(&terms.post_logout_redirect_uris),
        backchannel_logout_uri: terms.backchannel_logout_uri.clone(),
        scopes: terms.scopes.iter().cloned().collect(),
        resources: terms.resources.iter().map(resource).collect(),
        administration: terms.administration,
        upstreams: terms.upstreams.as_ref().map(upstreams),
        consent: terms.consent.as_str().to_owned(),
        rotates_refresh_tokens: terms.rotates_refresh_tokens,
        relaxed: terms.relaxed.iter().map(reason).collect(),
        enabled: terms.enabled,
        secrets: [client.secret, client.next_secret].iter().flatten().count(),
        created_at: client.created_at.into(),
        updated_at: client.updated_at.into(),
        revision: client.revision,
    }
}
