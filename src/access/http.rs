//! Role bindings and policies in the admin API.

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
pub mod trials;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::ETAG;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    Administrator, BindRole, ChangeError, DeletePolicy, Given, Holder, Name, PolicyText, Right,
    Rights, Role, RoleBinding, SHIPPED, Seen, SetPolicy, UnbindRole,
};
use crate::crypto::digest::sha256;
use crate::http::{Conditions, EntityTag, Json, Path, Problem, Query, cursor, page_of};
use crate::kernel::SpiffeId;
use crate::wire::api;

/// The routes.
pub fn routes(rights: &Rights) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_bindings, bind_role))
        .routes(routes!(unbind_role))
        .routes(routes!(list_policies))
        .routes(routes!(show_policy, put_policy, delete_policy))
        .routes(routes!(try_policies))
        .with_state(rights.clone())
}

/// Lists role bindings, by name.
#[utoipa::path(get, path = "/api/v1/role-bindings", tag = "rights", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::RoleBinding>), (status = "default", body = api::Problem)))]
async fn list_bindings(
    State(rights): State<Rights>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::Page<api::RoleBinding>>, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let behind = |binding: &Arc<RoleBinding>| {
        after.as_ref().is_none_or(|last| binding.name.as_str() > last.as_str())
    };
    let found =
        rights.bindings(&by.asker, by.realm)?.into_iter().filter(behind).take(limit + 1).collect();
    Ok(Json(page_of(
        found,
        limit,
        |binding| binding.name.to_string(),
        |binding| binding_shown(&binding),
    )?))
}

/// Gives a role. The same binding again changes nothing.
#[utoipa::path(post, path = "/api/v1/role-bindings", tag = "rights", request_body = api::RoleBinding,
    responses((status = 201, body = api::RoleBinding), (status = "default", body = api::Problem)))]
async fn bind_role(
    State(rights): State<Rights>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::RoleBinding>,
) -> Result<(StatusCode, Json<api::RoleBinding>), Problem> {
    let binding = binding(&input)?;
    let bound = rights.bind_role(BindRole { asker: by.asker, realm: by.realm, binding }).await?;
    Ok((StatusCode::CREATED, Json(binding_shown(&bound))))
}

/// Takes a role away.
#[utoipa::path(delete, path = "/api/v1/role-bindings/{name}", tag = "rights", params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn unbind_role(
    State(rights): State<Rights>,
    Extension(by): Extension<Administrator>,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    rights.unbind_role(UnbindRole { asker: by.asker, realm: by.realm, name: name(&text)? }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the policies in force, by name.
#[utoipa::path(get, path = "/api/v1/policies", tag = "rights", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Policy>), (status = "default", body = api::Problem)))]
async fn list_policies(
    State(rights): State<Rights>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::Page<api::Policy>>, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let behind = |policy: &PolicyText| after.as_ref().is_none_or(|last| policy.name > *last);
    let found =
        rights.policies(&by.asker, by.realm)?.into_iter().filter(behind).take(limit + 1).collect();
    Ok(Json(page_of(found, limit, |policy| policy.name.clone(), |policy| policy_shown(&policy))?))
}

/// Shows a policy.
#[utoipa::path(get, path = "/api/v1/policies/{name}", tag = "rights", params(("name" = String, Path)),
    responses((status = 200, body = api::Policy), (status = "default", body = api::Problem)))]
async fn show_policy(
    State(rights): State<Rights>,
    Extension(by): Extension<Administrator>,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let policy = rights.policy(&by.asker, by.realm, &name(&text)?)?;
    Ok(tagged(StatusCode::OK, &policy))
}

/// Keeps a policy of the realm's own, checked against the published schema.
#[utoipa::path(put, path = "/api/v1/policies/{name}", tag = "rights", params(("name" = String, Path)),
    request_body = api::PolicyInput,
    responses((status = 200, body = api::Policy), (status = 201, body = api::Policy),
        (status = "default", body = api::Problem)))]
async fn put_policy(
    State(rights): State<Rights>,
    Extension(by): Extension<Administrator>,
    Path(text): Path<String>,
    conditions: Conditions,
    Json(input): Json<api::PolicyInput>,
) -> Result<Response, Problem> {
    let name = name(&text)?;
    let text: Arc<str> = Arc::from(input.text);
    let policy = PolicyText { name: name.to_string(), text: Arc::clone(&text), own: true };
    let seen = seen(&conditions);
    let ask = SetPolicy { asker: by.asker, realm: by.realm, name, text, seen };
    let replaced = rights.set_policy(ask).await.map_err(conditional)?;
    let status = if replaced { StatusCode::OK } else { StatusCode::CREATED };
    Ok(tagged(status, &policy))
}

/// Removes a policy of the realm's own; a shipped one of that name counts again.
#[utoipa::path(delete, path = "/api/v1/policies/{name}", tag = "rights", params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn delete_policy(
    State(rights): State<Rights>,
    Extension(by): Extension<Administrator>,
    Path(text): Path<String>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let name = name(&text)?;
    let ask = DeletePolicy { asker: by.asker, realm: by.realm, name, seen: seen(&conditions) };
    rights.delete_policy(ask).await.map_err(conditional)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries policies on given facts: what is in force says this, and with these documents in their place that. Changes nothing.
#[utoipa::path(post, path = "/api/v1/policy-trials", tag = "rights", request_body = api::PolicyTrialInput,
    responses((status = 200, body = api::PolicyTrial), (status = "default", body = api::Problem)))]
async fn try_policies(
    State(rights): State<Rights>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::PolicyTrialInput>,
) -> Result<Json<api::PolicyTrial>, Problem> {
    let wrong = |why| Problem::invalid("access.trial", why);
    let (instead, cases) = trials::read(&input, rights.env.clock.now()).map_err(wrong)?;
    let tried = rights.try_cases(&by, instead, cases).await?;
    Ok(Json(api::PolicyTrial { cases: trials::shown(&input.cases, &tried) }))
}

/// What the caller says of the policy's present state.
fn seen(conditions: &Conditions) -> Seen {
    match conditions.digests() {
        _ if conditions.only_create() => Seen::Nothing,
        Some(digests) => Seen::OneOf(digests),
        None if conditions.only_change() => Seen::Something,
        None => Seen::Anything,
    }
}

/// 412 where that did not hold.
fn conditional(error: ChangeError) -> Problem {
    match error {
        ChangeError::Changed(_) => Problem::precondition(),
        other => other.into(),
    }
}

fn tag(policy: &PolicyText) -> EntityTag {
    EntityTag::digest(&sha256(policy.text.as_bytes()))
}

fn tagged(status: StatusCode, policy: &PolicyText) -> Response {
    (status, [(ETAG, tag(policy).header())], Json(policy_shown(policy))).into_response()
}

fn name(text: &str) -> Result<Name, Problem> {
    Name::parse(text).map_err(|error| Problem::invalid("access.name", format!("`name`: {error}")))
}

fn policy_shown(policy: &PolicyText) -> api::Policy {
    let shipped = SHIPPED.iter().any(|(name, _)| *name == policy.name);
    let origin = match (policy.own, shipped) {
        (false, _) => api::PolicyOrigin::Shipped,
        (true, false) => api::PolicyOrigin::Realm,
        (true, true) => api::PolicyOrigin::Replaced,
    };
    let name = Name::parse(&policy.name).ok().filter(|_| origin == api::PolicyOrigin::Replaced);
    api::Policy {
        name: policy.name.clone(),
        origin,
        text: policy.text.to_string(),
        shipped_text: name.and_then(|name| super::shipped(&name)).map(str::to_owned),
    }
}

fn binding(input: &api::RoleBinding) -> Result<RoleBinding, Problem> {
    let holder = Holder::parse(&input.holder).ok_or_else(|| {
        Problem::invalid(
            "access.holder",
            "`holder` is a SPIFFE ID, or `uid:` and the number of a user of the server's machine",
        )
    })?;
    Ok(RoleBinding { name: name(&input.name)?, holder, given: given(input)? })
}

fn given(input: &api::RoleBinding) -> Result<Given, Problem> {
    let api::RoleBinding { role, path, rights, .. } = input;
    given_of(&api::RoleGrant { role: *role, path: path.clone(), rights: rights.clone() })
}

/// What a role with its path and rights gives.
fn given_of(input: &api::RoleGrant) -> Result<Given, Problem> {
    let plain = match input.role {
        api::RoleName::Viewer => Given::Viewer,
        api::RoleName::Operator => Given::Operator,
        api::RoleName::Auditor => Given::Auditor,
        api::RoleName::Admin => Given::Admin,
        api::RoleName::Registrar => return registrar(input),
    };
    if input.path.is_some() || !input.rights.is_empty() {
        return Err(Problem::invalid(
            "access.path",
            "`path` and `rights` are a registrar's; the other roles have none",
        ));
    }
    Ok(plain)
}

fn registrar(input: &api::RoleGrant) -> Result<Given, Problem> {
    let path = input.path.as_deref().unwrap_or_default();
    let path = SpiffeId::parse(path).map_err(|error| {
        let words = format!(
            "a registrar's `path` is the SPIFFE ID at and below which it registers: {error}"
        );
        Problem::invalid("access.path", words)
    })?;
    let right = |name: &String| {
        Right::parse(name).ok_or_else(|| {
            let all = Right::ALL.map(|right| format!("`{}`", right.as_str()));
            Problem::invalid("access.right", format!("`rights` are among {}", all.join(", ")))
        })
    };
    let rights = match input.rights.as_slice() {
        [] => BTreeSet::from(Right::VERBS),
        names => names.iter().map(right).collect::<Result<_, _>>()?,
    };
    Ok(Given::Registrar { path, rights })
}

fn binding_shown(binding: &RoleBinding) -> api::RoleBinding {
    let api::RoleGrant { role, path, rights } = granted(&binding.given);
    api::RoleBinding {
        name: binding.name.to_string(),
        holder: binding.holder.to_string(),
        role,
        path,
        rights,
    }
}

/// What a binding gives, as the admin API shows it.
pub fn granted(given: &Given) -> api::RoleGrant {
    let role = match given.role() {
        Role::Viewer => api::RoleName::Viewer,
        Role::Operator => api::RoleName::Operator,
        Role::Registrar => api::RoleName::Registrar,
        Role::Auditor => api::RoleName::Auditor,
        Role::Admin => api::RoleName::Admin,
    };
    let (path, rights) = match given {
        Given::Registrar { path, rights } => {
            (Some(path.to_string()), rights.iter().map(|right| right.as_str().to_owned()).collect())
        }
        _ => (None, Vec::new()),
    };
    api::RoleGrant { role, path, rights }
}
