//! A person's SVIDs and devices over HTTP, by access token.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, State};
use axum::routing::post;
use http::{HeaderMap, StatusCode};

use super::{DeviceAsk, JwtSvidAsk, PersonSvids, PersonX509, X509SvidAsk};
use crate::crypto::x509::{csr, pem};
use crate::devices::Brought;
use crate::devices::http::class;
use crate::http::{Json, Problem, bearer};
use crate::kernel::{Failure, Kind, Lifetime};
use crate::realms::Realm;
use crate::wire::api;

/// The routes.
pub fn routes(svids: &PersonSvids) -> Router {
    Router::new()
        .route("/user/svid", post(x509_svid))
        .route("/user/jwt-svid", post(jwt_svid))
        .route("/user/devices", post(device))
        .with_state(svids.clone())
}

/// An X.509-SVID for the key of a signing request.
async fn x509_svid(
    State(svids): State<PersonSvids>,
    Extension(realm): Extension<Arc<Realm>>,
    headers: HeaderMap,
    Json(input): Json<api::PersonX509Ask>,
) -> Result<Json<api::PersonX509Svid>, Problem> {
    let ask =
        X509SvidAsk { csr: request(&input.csr)?, lifetime: lifetime(input.lifetime_seconds)? };
    let PersonX509 { svid, session_expires_at } =
        svids.issue_x509(&realm, token(&headers)?, ask).await?;
    let roots = svids.below.bundles.current(realm.id);
    let roots = roots.iter().flat_map(|bundle| &bundle.x509);
    let text = |der: &[u8]| pem("CERTIFICATE", der).as_str().to_owned();
    Ok(Json(api::PersonX509Svid {
        spiffe_id: svid.id.to_string(),
        chain: svid.chain.iter().map(|der| text(der)).collect(),
        bundle: roots.map(|root| text(&root.certificate)).collect(),
        expires_at: svid.not_after.into(),
        session_expires_at: session_expires_at.into(),
    }))
}

/// A JWT-SVID.
async fn jwt_svid(
    State(svids): State<PersonSvids>,
    Extension(realm): Extension<Arc<Realm>>,
    headers: HeaderMap,
    Json(input): Json<api::PersonJwtAsk>,
) -> Result<Json<api::PersonJwtSvid>, Problem> {
    let lifetime = lifetime(input.lifetime_seconds)?;
    let ask = JwtSvidAsk { audience: input.audience, lifetime };
    let svid = svids.issue_jwt(&realm, token(&headers)?, ask).await?;
    Ok(Json(api::PersonJwtSvid {
        spiffe_id: svid.id.to_string(),
        token: svid.token,
        expires_at: svid.expires_at.into(),
    }))
}

/// The device of this key: enrolled, or waiting for approval.
async fn device(
    State(svids): State<PersonSvids>,
    Extension(realm): Extension<Arc<Realm>>,
    headers: HeaderMap,
    Json(input): Json<api::PersonDeviceAsk>,
) -> Result<(StatusCode, Json<api::PersonDevice>), Problem> {
    let ask = DeviceAsk {
        csr: request(&input.csr)?,
        name: input.name,
        platform: input.platform,
        class: class(input.class),
    };
    let (status, device, svid) = match svids.enrol_device(&realm, token(&headers)?, ask).await? {
        Brought::Enrolled(given) => {
            let svid = svids.below.devices.answer(realm.id, &given);
            (StatusCode::CREATED, given.device, Some(svid))
        }
        Brought::Waits(device) => (StatusCode::ACCEPTED, *device, None),
    };
    let state = if svid.is_some() { api::DeviceState::Enrolled } else { api::DeviceState::Waiting };
    Ok((status, Json(api::PersonDevice { id: device.id.to_string(), state, svid })))
}

fn request(text: &str) -> Result<Vec<u8>, Problem> {
    csr::from_text(text).ok_or_else(|| Problem::invalid("svid.csr", csr::TEXT_WANTED))
}

fn token(headers: &HeaderMap) -> Result<&str, Failure> {
    let words = "show an access token: `Authorization: Bearer …`";
    bearer(headers)?
        .ok_or_else(|| Failure::new(Kind::Unauthenticated, "caller.unauthenticated", words))
}

fn lifetime(seconds: Option<i64>) -> Result<Option<Lifetime>, Problem> {
    match seconds {
        Some(seconds) if seconds < 1 => {
            Err(Problem::invalid("svid.lifetime", "`lifetime_seconds` is at least 1"))
        }
        // Policy bounds it anyway.
        Some(seconds) => Ok(Some(Lifetime::seconds(seconds.min(LIFETIME_SECONDS_MAX)))),
        None => Ok(None),
    }
}

/// A year: nothing is lost in the conversion, and no policy gives more.
const LIFETIME_SECONDS_MAX: i64 = 366 * 86_400;
