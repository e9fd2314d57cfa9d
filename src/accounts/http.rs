//! People and groups in the admin API.

use std::collections::BTreeMap;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, ETAG};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    Accounts, Attribute, AttributeName, Error, Group, Handle, Identifier, NewUser, Proof,
    ProofKind, ProofPurpose, User, UserChange, UserFilter, UserState,
};
use crate::access::Administrator;
use crate::http::{Conditions, EntityTag, Json, Path, Problem, Query, cursor, page_of};
use crate::kernel::{Timestamp, UserId};
use crate::wire::api;

/// The routes.
pub fn routes(accounts: &Accounts) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(show_user, change_user, delete_user))
        .routes(routes!(lock_user))
        .routes(routes!(unlock_user))
        .routes(routes!(export_user))
        .routes(routes!(reset_user))
        .routes(routes!(enrol_user))
        .routes(routes!(verify_user))
        .routes(routes!(list_groups))
        .routes(routes!(show_group, put_group, delete_group))
        .routes(routes!(list_members))
        .routes(routes!(add_member, remove_member))
        .with_state(accounts.clone())
}

/// Lists people, oldest first.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(api::UserQuery),
    responses((status = 200, body = api::Page<api::User>), (status = "default", body = api::Problem)))]
async fn list_users(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::UserQuery>,
) -> Result<Json<api::Page<api::User>>, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let after = after.map(|text| user_id(&text)).transpose()?;
    let users = accounts.list(&by, filter(query)?, after, limit + 1).await?;
    let home = accounts.realm(by.realm)?.trust_domain.clone();
    let items = users.iter().map(|user| shown(user, &home)).collect::<Result<Vec<_>, Problem>>()?;
    Ok(Json(page_of(items, limit, |user| user.id.clone(), |user| user)?))
}

/// Makes a person.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = api::UserInput,
    responses((status = 201, body = api::User), (status = "default", body = api::Problem)))]
async fn create_user(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::UserInput>,
) -> Result<Response, Problem> {
    let new = wish(input, &by, accounts.now())?;
    let user = accounts.create(&by, new).await?;
    tagged(&accounts, &by, StatusCode::CREATED, &user)
}

/// Shows a person.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = api::User), (status = "default", body = api::Problem)))]
async fn show_user(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let user = accounts.show(&by, user_id(&id)?).await?;
    tagged(&accounts, &by, StatusCode::OK, &user)
}

/// Changes what is said of a person: a merge patch, with `If-Match` if wanted.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path)),
    request_body = api::UserPatch,
    responses((status = 200, body = api::User), (status = "default", body = api::Problem)))]
async fn change_user(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    conditions: Conditions,
    Json(patch): Json<api::UserPatch>,
) -> Result<Response, Problem> {
    let (id, revision) = (user_id(&id)?, conditions.revision()?);
    let change = change(patch, &by, accounts.now())?;
    let changed = accounts.update(&by, id, (revision, change)).await.map_err(conditional)?;
    tagged(&accounts, &by, StatusCode::OK, &changed)
}

/// Erases a person: every row, every role, and the key of what was recorded of them.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn delete_user(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let revision = conditions.revision()?;
    accounts.delete(&by, user_id(&id)?, revision).await.map_err(conditional)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps a person from signing in, and ends every session.
#[utoipa::path(post, path = "/api/v1/users/{id}/lock", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = api::User), (status = "default", body = api::Problem)))]
async fn lock_user(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let user = accounts.set_state(&by, user_id(&id)?, UserState::Locked).await?;
    tagged(&accounts, &by, StatusCode::OK, &user)
}

/// Lets a person sign in again.
#[utoipa::path(post, path = "/api/v1/users/{id}/unlock", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = api::User), (status = "default", body = api::Problem)))]
async fn unlock_user(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let user = accounts.set_state(&by, user_id(&id)?, UserState::Active).await?;
    tagged(&accounts, &by, StatusCode::OK, &user)
}

/// Everything that is known of a person, by part.
#[utoipa::path(get, path = "/api/v1/users/{id}/export", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = serde_json::Value), (status = "default", body = api::Problem)))]
async fn export_user(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Json<serde_json::Value>, Problem> {
    Ok(Json(accounts.export_for(&by, user_id(&id)?).await?))
}

/// Takes every password, passkey, authenticator and code of a person away, and ends every session; linked identities stay.
#[utoipa::path(post, path = "/api/v1/users/{id}/reset-credentials", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = api::User), (status = "default", body = api::Problem)))]
async fn reset_user(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = user_id(&id)?;
    accounts.reset_credentials(&by, id).await?;
    let user = accounts.show(&by, id).await?;
    tagged(&accounts, &by, StatusCode::OK, &user)
}

/// Makes a link by which a person adds a passkey, once, within an hour. The only answer that has it.
#[utoipa::path(post, path = "/api/v1/users/{id}/enrolment-link", tag = "users", params(("id" = String, Path)),
    responses((status = 201, body = api::EnrolmentLink), (status = "default", body = api::Problem)))]
async fn enrol_user(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let expires_at = accounts.now().plus(ProofPurpose::Enrol.lifetime()).into();
    let link = accounts.enrolment_link(&by, user_id(&id)?).await?;
    let document = api::EnrolmentLink { url: link.expose().clone(), expires_at };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(document)).into_response())
}

/// Sends a letter with a link that proves a person's e-mail address. Nothing else sends it by itself.
#[utoipa::path(post, path = "/api/v1/users/{id}/verification", tag = "users", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn verify_user(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    accounts.ask_to_verify(&by, user_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists groups, by name.
#[utoipa::path(get, path = "/api/v1/groups", tag = "groups", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Group>), (status = "default", body = api::Problem)))]
async fn list_groups(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::Page<api::Group>>, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let behind = |group: &Group| after.as_ref().is_none_or(|last| group.id > *last);
    let found = accounts.groups(&by).await?.into_iter().filter(behind).take(limit + 1).collect();
    Ok(Json(page_of(found, limit, |group| group.id.clone(), group_shown)?))
}

/// Shows a group.
#[utoipa::path(get, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path)),
    responses((status = 200, body = api::Group), (status = "default", body = api::Problem)))]
async fn show_group(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Json<api::Group>, Problem> {
    Ok(Json(group_shown(accounts.show_group(&by, &id).await?)))
}

/// Makes a group, or describes it anew.
#[utoipa::path(put, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path)),
    request_body = api::GroupInput,
    responses((status = 200, body = api::Group), (status = "default", body = api::Problem)))]
async fn put_group(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    Json(input): Json<api::GroupInput>,
) -> Result<Json<api::Group>, Problem> {
    Ok(Json(group_shown(accounts.set_group(&by, &id, &input.description).await?)))
}

/// Removes a group; nobody is in it any more.
#[utoipa::path(delete, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn delete_group(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    accounts.delete_group(&by, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the ids of a group's members.
#[utoipa::path(get, path = "/api/v1/groups/{id}/members", tag = "groups",
    params(("id" = String, Path), api::PageQuery),
    responses((status = 200, body = api::Page<String>), (status = "default", body = api::Problem)))]
async fn list_members(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::Page<String>>, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let after = after.map(|text| user_id(&text)).transpose()?;
    let found = accounts.members(&by, &id, after, limit + 1).await?;
    Ok(Json(page_of(found, limit, ToString::to_string, |user| user.to_string())?))
}

/// Puts a person into a group.
#[utoipa::path(put, path = "/api/v1/groups/{id}/members/{user}", tag = "groups",
    params(("id" = String, Path), ("user" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn add_member(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path((id, user)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    accounts.set_member(&by, (&id, user_id(&user)?), true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a person out of a group.
#[utoipa::path(delete, path = "/api/v1/groups/{id}/members/{user}", tag = "groups",
    params(("id" = String, Path), ("user" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn remove_member(
    State(accounts): State<Accounts>,
    Extension(by): Extension<Administrator>,
    Path((id, user)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    accounts.set_member(&by, (&id, user_id(&user)?), false).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn user_id(text: &str) -> Result<UserId, Problem> {
    UserId::parse(text).map_err(|error| Problem::invalid("account.id", format!("`id`: {error}")))
}

fn conditional(error: Error) -> Problem {
    match error {
        Error::Changed => Problem::precondition(),
        other => other.into(),
    }
}

fn filter(query: api::UserQuery) -> Result<UserFilter, Problem> {
    let identifier = match query.identifier {
        None => None,
        Some(text) => Some(Identifier::typed(&text).ok_or_else(|| {
            Problem::invalid("account.invalid", "`identifier`: a username, address or number")
        })?),
    };
    Ok(UserFilter {
        state: query.state.map(|state| match state {
            api::UserState::Active => UserState::Active,
            api::UserState::Locked => UserState::Locked,
        }),
        group: query.group,
        identifier,
        handle: query.handle.map(|handle| Handle::parse(&handle)).transpose()?,
    })
}

fn wish(input: api::UserInput, by: &Administrator, now: Timestamp) -> Result<NewUser, Error> {
    let named = input.attributes.into_iter().map(|(name, value)| (name, Some(value)));
    let attributes = attributes(named, &input.verified, by, now)?;
    let attributes: BTreeMap<_, _> =
        attributes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let mut identifiers: Vec<Identifier> =
        input.username.map(|name| Identifier::username(&name)).transpose()?.into_iter().collect();
    let typed = |name: &AttributeName, value: &Attribute| {
        super::change_user::identifier_of(*name, &value.value)
    };
    identifiers.extend(attributes.iter().filter_map(|(name, value)| typed(name, value)));
    Ok(NewUser {
        id: None,
        handle: input.handle.map(|handle| Handle::parse(&handle)).transpose()?,
        language: input.language,
        identifiers,
        attributes,
        groups: input.groups,
    })
}

fn change(patch: api::UserPatch, by: &Administrator, now: Timestamp) -> Result<UserChange, Error> {
    Ok(UserChange {
        language: match patch.language {
            api::Patch::Keep => None,
            api::Patch::Clear => Some(None),
            api::Patch::Set(language) => Some(Some(language)),
        },
        username: match patch.username {
            api::Patch::Keep => None,
            api::Patch::Clear => Some(None),
            api::Patch::Set(name) => Some(Some(Identifier::username(&name)?)),
        },
        attributes: attributes(patch.attributes, &patch.verified, by, now)?,
    })
}

/// Claims by name, with the administrator's word for those that are named as verified.
fn attributes(
    named: impl IntoIterator<Item = (String, Option<String>)>,
    verified: &[String],
    by: &Administrator,
    now: Timestamp,
) -> Result<BTreeMap<AttributeName, Option<Attribute>>, Error> {
    let unknown = || Error::invalid("attributes", "names of standard claims of OpenID Connect");
    let mut attributes = BTreeMap::new();
    for (text, value) in named {
        let name = AttributeName::parse(&text).ok_or_else(unknown)?;
        let vouched = verified.contains(&text);
        let proof = || Proof {
            how: ProofKind::Administrator,
            by: by.asker.principal().1.to_owned(),
            at: now,
        };
        let attribute = |value: String| -> Result<Attribute, Error> {
            Ok(Attribute { value: name.checked(&value)?, proof: vouched.then(proof) })
        };
        attributes.insert(name, value.map(attribute).transpose()?);
    }
    let said = |text: &String| {
        AttributeName::parse(text)
            .is_some_and(|name| matches!(attributes.get(&name), Some(Some(_))))
    };
    if !verified.iter().all(said) {
        return Err(Error::invalid("verified", "names of attributes that are set here"));
    }
    Ok(attributes)
}

fn tagged(
    accounts: &Accounts,
    by: &Administrator,
    status: StatusCode,
    user: &User,
) -> Result<Response, Problem> {
    let home = accounts.realm(by.realm)?.trust_domain.clone();
    let tag = EntityTag::revision(user.revision).header();
    Ok((status, [(ETAG, tag)], Json(shown(user, &home)?)).into_response())
}

fn shown(user: &User, home: &crate::kernel::TrustDomain) -> Result<api::User, Problem> {
    let proof = |proof: &Proof| api::UserProof {
        how: proof.how.as_str().to_owned(),
        by: proof.by.clone(),
        at: proof.at.into(),
    };
    let attribute = |attribute: &Attribute| api::UserAttribute {
        value: attribute.value.clone(),
        proof: attribute.proof.as_ref().map(proof),
    };
    let identifier = |identifier: &Identifier| api::UserIdentifier {
        kind: identifier.kind().to_owned(),
        value: identifier.value().to_owned(),
    };
    let factors = user.factors;
    Ok(api::User {
        id: user.id.to_string(),
        number: user.number.to_string(),
        handle: user.handle.to_string(),
        spiffe_id: user.spiffe_id(home)?.to_string(),
        state: match user.state {
            UserState::Active => api::UserState::Active,
            UserState::Locked => api::UserState::Locked,
        },
        language: user.language.clone(),
        identifiers: user.identifiers.iter().map(identifier).collect(),
        attributes: user
            .attributes
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), attribute(value)))
            .collect(),
        groups: user.groups.clone(),
        factors: api::UserFactors {
            password: factors.password,
            totp: factors.totp,
            recovery_codes: factors.recovery_codes,
            passkeys: factors.passkeys,
            hardware_passkeys: factors.hardware_passkeys,
            external: factors.external,
        },
        created_at: user.created_at.into(),
        updated_at: user.updated_at.into(),
    })
}

fn group_shown(group: Group) -> api::Group {
    api::Group { id: group.id, description: group.description, created_at: group.created_at.into() }
}
