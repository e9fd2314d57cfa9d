//! Realms in the admin API.

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Extension, State};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{CreateRealm, Error, HostName, Issuer, Realm, RealmName, Realms};
use crate::access::{Administrator, Asker};
use crate::crypto::digest::{base64, from_base64};
use crate::http::pages::{Brand, Colour, Logo};
use crate::http::{Json, Path, Problem, Query, cursor, page_of};
use crate::kernel::TrustDomain;
use crate::wire::api;

/// The routes.
pub fn routes(realms: &Realms) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_realms, create_realm))
        .routes(routes!(show_realm))
        .routes(routes!(show_brand, set_brand, reset_brand))
        .with_state(realms.clone())
}

/// Lists the realms that the caller may see.
#[utoipa::path(get, path = "/api/v1/realms", tag = "realms", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Realm>), (status = "default", body = api::Problem)))]
async fn list_realms(
    State(realms): State<Realms>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::Page<api::Realm>>, Problem> {
    let (limit, after) = cursor::<i64>(query.limit, query.cursor.as_deref())?;
    let behind = |realm: &Arc<Realm>| after.is_none_or(|last| realm.id.0 > last);
    let found = realms.list(&by.asker).into_iter().filter(behind).take(limit + 1).collect();
    Ok(Json(page_of(found, limit, |realm| realm.id.0, |realm| shown(&realm))?))
}

/// Makes a realm. The same again answers with the one there is.
#[utoipa::path(post, path = "/api/v1/realms", tag = "realms", request_body = api::RealmInput,
    responses((status = 201, body = api::Realm), (status = "default", body = api::Problem)))]
async fn create_realm(
    State(realms): State<Realms>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::RealmInput>,
) -> Result<(StatusCode, Json<api::Realm>), Problem> {
    let realm = realms.create(wish(by.asker, &input)?).await?;
    Ok((StatusCode::CREATED, Json(shown(&realm))))
}

/// Shows one realm.
#[utoipa::path(get, path = "/api/v1/realms/{name}", tag = "realms", params(("name" = String, Path)),
    responses((status = 200, body = api::Realm), (status = "default", body = api::Problem)))]
async fn show_realm(
    State(realms): State<Realms>,
    Extension(by): Extension<Administrator>,
    Path(name): Path<String>,
) -> Result<Json<api::Realm>, Problem> {
    let realm = realms.show(&by.asker, &name)?;
    Ok(Json(shown(&realm)))
}

/// Shows what the realm's pages say of themselves.
#[utoipa::path(get, path = "/api/v1/brand", tag = "realms",
    responses((status = 200, body = api::Brand), (status = "default", body = api::Problem)))]
async fn show_brand(
    State(realms): State<Realms>,
    Extension(by): Extension<Administrator>,
) -> Result<Json<api::Brand>, Problem> {
    Ok(Json(brand_shown(&realms.read_brand(&by)?.0)))
}

/// Sets what the realm's pages say of themselves: name, colours, logo.
#[utoipa::path(put, path = "/api/v1/brand", tag = "realms", request_body = api::Brand,
    responses((status = 200, body = api::Brand), (status = "default", body = api::Problem)))]
async fn set_brand(
    State(realms): State<Realms>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::Brand>,
) -> Result<Json<api::Brand>, Problem> {
    let brand = brand_wished(input)?;
    let shown = brand_shown(&brand);
    realms.set_brand(&by, Some(brand)).await?;
    Ok(Json(shown))
}

/// Takes the brand away: pages say the realm's name again, in Weft's colours.
#[utoipa::path(delete, path = "/api/v1/brand", tag = "realms",
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn reset_brand(
    State(realms): State<Realms>,
    Extension(by): Extension<Administrator>,
) -> Result<StatusCode, Problem> {
    realms.set_brand(&by, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn brand_wished(input: api::Brand) -> Result<Brand, Problem> {
    let colour = |field: &str, text: Option<String>| match text {
        None => Ok(None),
        Some(text) => Colour::parse(&text)
            .map(Some)
            .ok_or_else(|| Problem::invalid("realm.brand", format!("`{field}`: as `#0057b8`"))),
    };
    let logo = match input.logo {
        None => None,
        Some(text) => {
            let bytes = from_base64(&text)
                .ok_or_else(|| Problem::invalid("realm.brand", "`logo`: base64"))?;
            Some(Logo::of(bytes).map_err(Error::from)?)
        }
    };
    Ok(Brand {
        name: input.name,
        logo,
        accent: colour("accent", input.accent)?,
        accent_dark: colour("accent_dark", input.accent_dark)?,
    })
}

fn brand_shown(brand: &Brand) -> api::Brand {
    api::Brand {
        name: brand.name.clone(),
        accent: brand.accent.map(Colour::css),
        accent_dark: brand.accent_dark.map(Colour::css),
        logo: brand.logo.as_ref().map(|logo| base64(&logo.bytes)),
    }
}

fn wish(asker: Asker, input: &api::RealmInput) -> Result<CreateRealm, Problem> {
    let trust_domain = TrustDomain::parse(&input.trust_domain).map_err(|error| {
        Problem::invalid("realm.trust_domain", format!("`trust_domain`: {error}"))
    })?;
    let hosts =
        input.hosts.iter().map(|host| HostName::parse(host)).collect::<Result<BTreeSet<_>, _>>()?;
    let (name, issuer) = (RealmName::parse(&input.name)?, Issuer::parse(&input.issuer)?);
    Ok(CreateRealm { asker, name, trust_domain, issuer, hosts })
}

/// A realm as the admin API shows it.
pub fn shown(realm: &Realm) -> api::Realm {
    api::Realm {
        id: realm.id.0,
        name: realm.name.to_string(),
        trust_domain: realm.trust_domain.to_string(),
        issuer: realm.issuer.to_string(),
        hosts: realm.hosts.iter().map(ToString::to_string).collect(),
        created_at: realm.created.into(),
    }
}
