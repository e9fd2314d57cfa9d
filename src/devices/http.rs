//! Devices and their tokens in the admin API, and what a device asks for itself.

use std::sync::Arc;

use axum::extract::{Extension, FromRequest, FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::ETAG;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Devices;
use super::enrol_device::{EnrolDevice, Given};
use super::manage_device::Manage;
use super::model::{
    Class, Device, DeviceToken, Error, Grant, KnownBy, NewDeviceToken, State as Condition,
    TokenWish,
};
use crate::access::Administrator;
use crate::crypto::digest::hex;
use crate::crypto::x509::{csr, pem};
use crate::http::{
    CalledBy, Conditions, EntityTag, Json, Path, PeerInfo, Problem, Query, RateLimit, cursor,
    page_of, page_then,
};
use crate::kernel::{
    BasisPoints, DeviceId, DeviceTokenId, Level, Lifetime, RealmId, Secret, Situation, UserId,
};
use crate::wire::api;

/// The routes.
pub fn routes(devices: &Devices) -> OpenApiRouter {
    let enrolment = Enrolment { devices: devices.clone(), limit: limit(devices) };
    let open = OpenApiRouter::new().routes(routes!(enrol_device)).with_state(enrolment);
    OpenApiRouter::new()
        .routes(routes!(list_devices))
        .routes(routes!(show_device))
        .routes(routes!(lock_device))
        .routes(routes!(approve_device))
        .routes(routes!(release_device))
        .routes(routes!(retire_device))
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(show_token, put_token, revoke_token))
        .routes(routes!(renew_device))
        .with_state(devices.clone())
        .merge(open)
}

/// Enrolment is for whoever comes, and each try is recorded: it is limited by address.
#[derive(Debug, Clone)]
struct Enrolment {
    devices: Devices,
    limit: Option<RateLimit>,
}

fn limit(devices: &Devices) -> Option<RateLimit> {
    let each_second = devices.settings.enrolments_per_second;
    (each_second > 0).then(|| {
        let every = Lifetime::seconds(1).divided_by(i64::from(each_second));
        // A room that is set up together comes through one address: ten seconds' worth may come at once.
        RateLimit::new(Arc::clone(&devices.env.clock), every, each_second.saturating_mul(10))
    })
}

/// Lists devices, by id, each with its level and score now. A page may be short, or empty, and still have a next one.
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", params(api::DeviceQuery),
    responses((status = 200, body = api::Page<api::Device>), (status = "default", body = api::Problem)))]
async fn list_devices(
    State(devices): State<Devices>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::DeviceQuery>,
) -> Result<Response, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let after = after.as_deref().map(device_id).transpose()?;
    let owner = query.owner.as_deref().map(user_id).transpose()?;
    let level = query.level.as_deref().map(level).transpose()?;
    let wanted = |device: &Device| {
        query.state.is_none_or(|state| state_shown(&device.state) == state)
            && owner.is_none_or(|owner| device.owner == Some(owner))
            && level.is_none_or(|level| devices.standing(device).level == level)
    };
    let (found, next) = devices.read_devices(by, (after, limit), wanted)?;
    let next = next.map(|id| id.to_string());
    let page = page_then(found, next.as_ref(), |device| devices.shown(&device))?;
    Ok(Json(page).into_response())
}

/// Shows one device.
#[utoipa::path(get, path = "/api/v1/devices/{id}", tag = "devices", params(("id" = String, Path)),
    responses((status = 200, body = api::Device), (status = "default", body = api::Problem)))]
async fn show_device(
    State(devices): State<Devices>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let device = devices.read_device(by, device_id(&id)?)?;
    Ok(devices.tagged(&device))
}

/// Lets a device in that its owner asked for: it comes for its SVID by itself.
#[utoipa::path(post, path = "/api/v1/devices/{id}/approve", tag = "devices", params(("id" = String, Path)),
    request_body = api::DeviceReason,
    responses((status = 200, body = api::Device), (status = "default", body = api::Problem)))]
async fn approve_device(
    State(devices): State<Devices>,
    Extension(by): Extension<Administrator>,
    Asked(ask): Asked,
) -> Result<Response, Problem> {
    devices.managed(devices.approve(by, ask).await)
}

/// Locks a device: it is refused everywhere until it is released.
#[utoipa::path(post, path = "/api/v1/devices/{id}/lock", tag = "devices", params(("id" = String, Path)),
    request_body = api::DeviceReason,
    responses((status = 200, body = api::Device), (status = "default", body = api::Problem)))]
async fn lock_device(
    State(devices): State<Devices>,
    Extension(by): Extension<Administrator>,
    Asked(ask): Asked,
) -> Result<Response, Problem> {
    devices.managed(devices.lock(by, ask).await)
}

/// Releases a locked device.
#[utoipa::path(post, path = "/api/v1/devices/{id}/release", tag = "devices", params(("id" = String, Path)),
    request_body = api::DeviceReason,
    responses((status = 200, body = api::Device), (status = "default", body = api::Problem)))]
async fn release_device(
    State(devices): State<Devices>,
    Extension(by): Extension<Administrator>,
    Asked(ask): Asked,
) -> Result<Response, Problem> {
    devices.managed(devices.release(by, ask).await)
}

/// Puts a device out for good.
#[utoipa::path(post, path = "/api/v1/devices/{id}/retire", tag = "devices", params(("id" = String, Path)),
    request_body = api::DeviceReason,
    responses((status = 200, body = api::Device), (status = "default", body = api::Problem)))]
async fn retire_device(
    State(devices): State<Devices>,
    Extension(by): Extension<Administrator>,
    Asked(ask): Asked,
) -> Result<Response, Problem> {
    devices.managed(devices.retire(by, ask).await)
}

/// Lists the tokens that devices enrol with, without their secrets.
#[utoipa::path(get, path = "/api/v1/device-tokens", tag = "devices", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::DeviceToken>), (status = "default", body = api::Problem)))]
async fn list_tokens(
    State(devices): State<Devices>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Response, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let tokens = devices.tokens(by, after.unwrap_or_default(), more).await?;
    let position = |token: &DeviceToken| token.id.to_string();
    let page = page_of(tokens, limit, position, |token| token_shown(&token))?;
    Ok(Json(page).into_response())
}

/// Makes a token that devices enrol with. This answer alone has its secret.
#[utoipa::path(post, path = "/api/v1/device-tokens", tag = "devices", request_body = api::DeviceTokenInput,
    responses((status = 201, body = api::NewDeviceToken), (status = "default", body = api::Problem)))]
async fn create_token(
    State(devices): State<Devices>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::DeviceTokenInput>,
) -> Result<(StatusCode, Json<api::NewDeviceToken>), Problem> {
    Ok(made(&devices.create_token(wish(by, None, input)?).await?))
}

/// Makes such a token with an id of the client's choice (`If-None-Match: *`).
#[utoipa::path(put, path = "/api/v1/device-tokens/{id}", tag = "devices", params(("id" = String, Path)),
    request_body = api::DeviceTokenInput,
    responses((status = 201, body = api::NewDeviceToken), (status = "default", body = api::Problem)))]
async fn put_token(
    State(devices): State<Devices>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    conditions: Conditions,
    Json(input): Json<api::DeviceTokenInput>,
) -> Result<(StatusCode, Json<api::NewDeviceToken>), Problem> {
    if !conditions.only_create() {
        let words =
            "a device token is never changed: send `If-None-Match: *` to make one with this id";
        return Err(Problem::invalid("device_token.put", words));
    }
    let wish = wish(by, Some(token_id(&id)?), input)?;
    Ok(made(&devices.create_token(wish).await?))
}

/// Shows one such token, without its secret.
#[utoipa::path(get, path = "/api/v1/device-tokens/{id}", tag = "devices", params(("id" = String, Path)),
    responses((status = 200, body = api::DeviceToken), (status = "default", body = api::Problem)))]
async fn show_token(
    State(devices): State<Devices>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Json<api::DeviceToken>, Problem> {
    Ok(Json(token_shown(&devices.token(by, token_id(&id)?).await?)))
}

/// Takes such a token back.
#[utoipa::path(delete, path = "/api/v1/device-tokens/{id}", tag = "devices", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn revoke_token(
    State(devices): State<Devices>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    devices.revoke_token(by, token_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a device in that shows a token; nobody has to be known for this.
#[utoipa::path(post, path = "/api/v1/devices/enrol", tag = "devices", request_body = api::DeviceEnrolment,
    responses((status = 201, body = api::DeviceSvid), (status = "default", body = api::Problem)))]
async fn enrol_device(
    State(Enrolment { devices, limit }): State<Enrolment>,
    CalledBy(caller): CalledBy,
    Extension(peer): Extension<PeerInfo>,
    Json(input): Json<api::DeviceEnrolment>,
) -> Result<(StatusCode, Json<api::DeviceSvid>), Problem> {
    limit.map_or(Ok(()), |limit| limit.take(&peer)).map_err(Error::TooOften)?;
    let ask = EnrolDevice {
        realm: caller.realm,
        secret: Secret::new(input.token),
        csr: request(&input.csr)?,
        name: input.name,
        platform: input.platform,
        situation: Situation::at(caller.address),
    };
    let given = devices.enrol(ask).await?;
    Ok((StatusCode::CREATED, Json(devices.answer(caller.realm, &given))))
}

/// Gives a device that calls with its SVID the next one.
#[utoipa::path(post, path = "/api/v1/devices/self/svid", tag = "devices", request_body = api::DeviceRenewal,
    responses((status = 200, body = api::DeviceSvid), (status = "default", body = api::Problem)))]
async fn renew_device(
    State(devices): State<Devices>,
    CalledBy(caller): CalledBy,
    Json(input): Json<api::DeviceRenewal>,
) -> Result<Json<api::DeviceSvid>, Problem> {
    let given = devices.renew(&caller, &request(&input.csr)?).await?;
    Ok(Json(devices.answer(caller.realm, &given)))
}

impl Devices {
    /// An SVID that was given, as it goes out.
    pub(crate) fn answer(&self, realm: RealmId, given: &Given) -> api::DeviceSvid {
        let issuer = self.below.realms.get(realm).map(|realm| realm.issuer.to_string());
        let roots = self.below.bundles.current(realm);
        let roots = roots.iter().flat_map(|bundle| &bundle.x509);
        let text = |der: &[u8]| pem("CERTIFICATE", der).as_str().to_owned();
        api::DeviceSvid {
            id: given.device.id.to_string(),
            spiffe_id: given.svid.id.to_string(),
            chain: given.svid.chain.iter().map(|der| text(der)).collect(),
            bundle: roots.map(|root| text(&root.certificate)).collect(),
            expires_at: given.svid.not_after.into(),
            issuer: issuer.unwrap_or_default(),
        }
    }

    fn managed(&self, done: Result<Device, Error>) -> Result<Response, Problem> {
        match done {
            Ok(device) => Ok(self.tagged(&device)),
            Err(Error::Changed) => Err(Problem::precondition()),
            Err(other) => Err(other.into()),
        }
    }

    fn tagged(&self, device: &Device) -> Response {
        let tag = EntityTag::revision(device.revision).header();
        ([(ETAG, tag)], Json(self.shown(device))).into_response()
    }

    fn shown(&self, device: &Device) -> api::Device {
        let (current, standing) = (device.current.as_ref(), self.standing(device));
        api::Device {
            id: device.id.to_string(),
            number: device.number.to_string(),
            spiffe_id: device.spiffe_id.to_string(),
            name: device.name.clone(),
            platform: device.platform.clone(),
            class: class_shown(device.class),
            profile: device.profile.clone(),
            owner: device.owner.map(|owner| owner.to_string()),
            state: state_shown(&device.state),
            reason: device.state.reason().map(str::to_owned),
            level: standing.level.as_str().to_owned(),
            score_basis_points: standing.score.map(BasisPoints::get),
            serial: current.map(|current| current.serial.clone()),
            previous_serial: Some(device.previous.clone()).filter(|serial| !serial.is_empty()),
            key_sha256: current.map(|current| hex(&current.key_digest)),
            issued_at: current.map(|current| current.issued_at.into()),
            expires_at: current.map(|current| current.expires.into()),
            evidence: device.evidence.iter().map(evidence_shown).collect(),
            evidence_expires_at: device.evidence_expires.into(),
            created_at: device.created_at.into(),
            revision: device.revision,
        }
    }
}

fn wish(
    by: Administrator,
    id: Option<DeviceTokenId>,
    input: api::DeviceTokenInput,
) -> Result<TokenWish, Error> {
    let class = class(input.class);
    let owner = input.owner.as_deref().map(user_id).transpose()?;
    let device = input.device.as_deref().map(device_id).transpose()?;
    let grant = Grant { class, profile: input.profile, owner, device };
    let lifetime = Lifetime::seconds(input.lifetime_seconds);
    Ok(TokenWish { by, id, uses_max: input.uses_max, lifetime, grant })
}

/// What sort of machine was said.
pub(crate) const fn class(of: api::DeviceClass) -> Class {
    match of {
        api::DeviceClass::Laptop => Class::Laptop,
        api::DeviceClass::Desktop => Class::Desktop,
        api::DeviceClass::Server => Class::Server,
        api::DeviceClass::Other => Class::Other,
    }
}

fn request(text: &str) -> Result<Vec<u8>, Error> {
    csr::from_text(text).ok_or_else(|| Error::Csr(csr::TEXT_WANTED.to_owned()))
}

fn device_id(text: &str) -> Result<DeviceId, Error> {
    DeviceId::parse(text).map_err(|error| Error::Invalid(error.to_string()))
}

fn level(name: &str) -> Result<Level, Error> {
    let all = || Level::ALL.map(Level::as_str).join(", ");
    Level::parse(name).ok_or_else(|| Error::Invalid(format!("`level` is one of {}", all())))
}

fn token_id(text: &str) -> Result<DeviceTokenId, Error> {
    DeviceTokenId::parse(text).map_err(|error| Error::Invalid(error.to_string()))
}

fn user_id(text: &str) -> Result<UserId, Error> {
    UserId::parse(text).map_err(|error| Error::Invalid(error.to_string()))
}

/// What a verb of administrators is asked with: which device, as it was seen, and why.
struct Asked(Manage);

impl FromRequest<Devices> for Asked {
    type Rejection = Problem;

    async fn from_request(request: Request, devices: &Devices) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Path(id) = Path::<String>::from_request_parts(&mut parts, devices).await?;
        let conditions = Conditions::from_request_parts(&mut parts, devices).await?;
        let Json(input) =
            Json::<api::DeviceReason>::from_request(Request::from_parts(parts, body), devices)
                .await?;
        Ok(Self(Manage::new(device_id(&id)?, conditions.revision()?, &input.reason)?))
    }
}

fn made(made: &NewDeviceToken) -> (StatusCode, Json<api::NewDeviceToken>) {
    let (token, secret) = (token_shown(&made.token), made.secret.expose().clone());
    (StatusCode::CREATED, Json(api::NewDeviceToken { token, secret }))
}

fn evidence_shown(known: &KnownBy) -> api::DeviceEvidence {
    api::DeviceEvidence {
        source: known.source.as_str().to_owned(),
        strength: known.strength.as_str().to_owned(),
        first_at: known.first.into(),
        last_at: known.last.into(),
    }
}

fn token_shown(token: &DeviceToken) -> api::DeviceToken {
    api::DeviceToken {
        id: token.id.to_string(),
        uses_max: token.uses_max,
        uses: token.uses,
        class: class_shown(token.grant.class),
        profile: token.grant.profile.clone(),
        owner: token.grant.owner.map(|owner| owner.to_string()),
        device: token.grant.device.map(|device| device.to_string()),
        created_at: token.created_at.into(),
        expires_at: token.expires.into(),
        revoked: token.revoked,
    }
}

const fn class_shown(class: Class) -> api::DeviceClass {
    match class {
        Class::Laptop => api::DeviceClass::Laptop,
        Class::Desktop => api::DeviceClass::Desktop,
        Class::Server => api::DeviceClass::Server,
        Class::Other => api::DeviceClass::Other,
    }
}

const fn state_shown(state: &Condition) -> api::DeviceState {
    match state {
        Condition::Waiting => api::DeviceState::Waiting,
        Condition::Enrolled => api::DeviceState::Enrolled,
        Condition::Locked { .. } => api::DeviceState::Locked,
        Condition::Retired { .. } => api::DeviceState::Retired,
    }
}
