//! Agents and join tokens in the admin API.

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Administrator, Agent, Error, JoinToken, NewJoinToken, TokenWish};
use super::{BindDevice, Nodes};
use crate::http::{CalledBy, Conditions, Json, Path, Problem, Query, cursor, page_of};
use crate::kernel::{JoinTokenId, Lifetime, RealmId, Selector, SpiffeId, SubjectId, Timestamp};
use crate::wire::api;
use crate::wire::join::JoinString;

/// What the server knows beside this slice: where agents dial and which keys they may trust, for join strings, and how far
/// each agent has come.
pub trait JoinFacts: Send + Sync + std::fmt::Debug {
    /// The address of the `node` listener, `host:port`.
    fn address(&self) -> String;
    /// SHA-256 of the public key of each X.509 authority of the realm.
    fn pins(&self, realm: RealmId) -> Vec<[u8; 32]>;
    /// Until when one of them signs for the server, as far as time decides it.
    fn pins_hold_until(&self, realm: RealmId) -> Timestamp;
    /// How this replica hears of the agent.
    fn contact(&self, realm: RealmId, agent: &SpiffeId) -> Contact;
}

/// How a replica hears of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contact {
    /// It holds a push stream to this replica.
    pub connected: bool,
    /// How old its view of its entries is; nothing where it is not known here.
    pub view_age: Option<Lifetime>,
}

#[derive(Debug, Clone)]
struct Desk {
    nodes: Nodes,
    facts: Arc<dyn JoinFacts>,
}

/// The routes.
pub fn routes(nodes: &Nodes, facts: Arc<dyn JoinFacts>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_agents))
        .routes(routes!(show_agent, evict_agent))
        .routes(routes!(ban_agent))
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(show_token, put_token, revoke_token))
        .routes(routes!(bind_device))
        .with_state(Desk { nodes: nodes.clone(), facts })
}

/// Lists agents.
#[utoipa::path(get, path = "/api/v1/agents", tag = "agents", params(api::AgentQuery),
    responses((status = 200, body = api::Page<api::Agent>), (status = "default", body = api::Problem)))]
async fn list_agents(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::AgentQuery>,
) -> Result<Response, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let wanted = |agent: &Arc<Agent>| {
        query.spiffe_id.as_ref().is_none_or(|id| agent.id.as_str() == id)
            && query.attestation_type.as_ref().is_none_or(|kind| agent.attestation_type == kind)
            && query.banned.is_none_or(|banned| agent.banned == banned)
            && after.as_ref().is_none_or(|last| agent.id.as_str() > last.as_str())
    };
    let realm = by.realm;
    let agents = desk.nodes.read_agents(by)?.into_iter().filter(wanted).take(limit + 1).collect();
    let page = page_of(
        agents,
        limit,
        |agent: &Arc<Agent>| agent.id.to_string(),
        |agent| desk.shown(realm, &agent),
    )?;
    Ok(Json(page).into_response())
}

/// Shows one agent.
#[utoipa::path(get, path = "/api/v1/agents/{number}", tag = "agents", params(("number" = String, Path)),
    responses((status = 200, body = api::Agent), (status = "default", body = api::Problem)))]
async fn show_agent(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Path(number): Path<String>,
) -> Result<Json<api::Agent>, Problem> {
    let realm = by.realm;
    let agent = desk.agent(by, &number)?;
    Ok(Json(desk.shown(realm, &agent)))
}

/// Evicts an agent: it is forgotten, and may attest again.
#[utoipa::path(delete, path = "/api/v1/agents/{number}", tag = "agents", params(("number" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn evict_agent(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Path(number): Path<String>,
) -> Result<StatusCode, Problem> {
    let agent = desk.agent(by.clone(), &number)?;
    desk.nodes.evict(by, &agent.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bans an agent: it is refused until it is evicted.
#[utoipa::path(post, path = "/api/v1/agents/{number}/ban", tag = "agents", params(("number" = String, Path)),
    responses((status = 200, body = api::Agent), (status = "default", body = api::Problem)))]
async fn ban_agent(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Path(number): Path<String>,
) -> Result<Json<api::Agent>, Problem> {
    let (realm, agent) = (by.realm, desk.agent(by.clone(), &number)?);
    desk.nodes.ban(by, &agent.id).await?;
    Ok(Json(api::Agent { banned: true, ..desk.shown(realm, &agent) }))
}

/// Lists join tokens, without their secrets.
#[utoipa::path(get, path = "/api/v1/join-tokens", tag = "join tokens", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::JoinToken>), (status = "default", body = api::Problem)))]
async fn list_tokens(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Response, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let tokens = desk.nodes.tokens(by, after.unwrap_or_default(), more).await?;
    let page = page_of(
        tokens,
        limit,
        |token: &JoinToken| token.id.to_string(),
        |token| token_shown(&token),
    )?;
    Ok(Json(page).into_response())
}

/// Makes a join token. This answer alone has its secret.
#[utoipa::path(post, path = "/api/v1/join-tokens", tag = "join tokens", request_body = api::JoinTokenInput,
    responses((status = 201, body = api::NewJoinToken), (status = "default", body = api::Problem)))]
async fn create_token(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::JoinTokenInput>,
) -> Result<(StatusCode, Json<api::NewJoinToken>), Problem> {
    desk.make(by, None, input).await
}

/// Makes a join token with an id of the client's choice (`If-None-Match: *`).
#[utoipa::path(put, path = "/api/v1/join-tokens/{id}", tag = "join tokens", params(("id" = String, Path)),
    request_body = api::JoinTokenInput,
    responses((status = 201, body = api::NewJoinToken), (status = "default", body = api::Problem)))]
async fn put_token(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    conditions: Conditions,
    Json(input): Json<api::JoinTokenInput>,
) -> Result<(StatusCode, Json<api::NewJoinToken>), Problem> {
    if !conditions.only_create() {
        let words =
            "a join token is never changed: send `If-None-Match: *` to make one with this id";
        return Err(Problem::invalid("join_token.put", words));
    }
    desk.make(by, Some(token_id(&id)?), input).await
}

/// Shows one join token, without its secret.
#[utoipa::path(get, path = "/api/v1/join-tokens/{id}", tag = "join tokens", params(("id" = String, Path)),
    responses((status = 200, body = api::JoinToken), (status = "default", body = api::Problem)))]
async fn show_token(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Json<api::JoinToken>, Problem> {
    Ok(Json(token_shown(&desk.nodes.token(by, token_id(&id)?).await?)))
}

/// Takes a join token back.
#[utoipa::path(delete, path = "/api/v1/join-tokens/{id}", tag = "join tokens", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn revoke_token(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    desk.nodes.revoke_token(by, token_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Desk {
    /// The agent of this number, for whoever may see it.
    fn agent(&self, by: Administrator, number: &str) -> Result<Arc<Agent>, Error> {
        let number = SubjectId::parse(number).map_err(|error| Error::Invalid(error.to_string()))?;
        let agents = self.nodes.agents(by.realm);
        let found =
            agents.iter().find(|agent| agent.number == number).ok_or(Error::NotFound("agent"))?;
        self.nodes.read_agent(by, &found.id)
    }

    fn shown(&self, realm: RealmId, agent: &Agent) -> api::Agent {
        let Contact { connected, view_age } = self.facts.contact(realm, &agent.id);
        api::Agent {
            connected,
            view_age_seconds: view_age.map(Lifetime::as_seconds),
            ..shown(agent)
        }
    }

    async fn make(
        &self,
        by: Administrator,
        id: Option<JoinTokenId>,
        input: api::JoinTokenInput,
    ) -> Result<(StatusCode, Json<api::NewJoinToken>), Problem> {
        let wish = wish(by, id, &input)?;
        let realm = wish.by.realm;
        let made = self.nodes.create_token(wish).await?;
        let join = self.join_string(realm, &made)?;
        let token = token_shown(&made.token);
        let secret = made.secret.expose().clone();
        let good_until = made.token.expires.min(self.facts.pins_hold_until(realm));
        let join_good_until = Some(good_until.into());
        Ok((StatusCode::CREATED, Json(api::NewJoinToken { token, secret, join, join_good_until })))
    }

    fn join_string(&self, realm: RealmId, made: &NewJoinToken) -> Result<String, Error> {
        let trust_domain = self.nodes.trust_domain(realm)?;
        let secret = crate::kernel::Secret::new(made.secret.expose().clone());
        let join =
            JoinString::new(trust_domain, &self.facts.address(), secret, self.facts.pins(realm))
                .map_err(|error| Error::Invalid(error.to_string()))?;
        Ok(join.format().expose().clone())
    }
}

/// Binds an agent to the device that calls with its SVID: the agent's key signed that it runs there.
#[utoipa::path(post, path = "/api/v1/devices/self/agent", tag = "devices", request_body = api::DeviceAgent,
    responses((status = 200, body = api::BoundAgent), (status = "default", body = api::Problem)))]
async fn bind_device(
    State(desk): State<Desk>,
    CalledBy(caller): CalledBy,
    Json(input): Json<api::DeviceAgent>,
) -> Result<Json<api::BoundAgent>, Problem> {
    let ask = BindDevice { chain: input.chain, statement: input.statement };
    let agent = desk.nodes.bind_device(&caller, ask).await?;
    let device = agent.device.map(|device| device.to_string()).unwrap_or_default();
    Ok(Json(api::BoundAgent { agent: agent.id.to_string(), device }))
}

fn wish(
    by: Administrator,
    id: Option<JoinTokenId>,
    input: &api::JoinTokenInput,
) -> Result<TokenWish, Error> {
    let invalid = |error: &dyn std::fmt::Display| Error::Invalid(error.to_string());
    let selectors = input
        .selectors
        .iter()
        .map(|text| Selector::parse(text).map_err(|error| invalid(&format!("`{text}`: {error}"))))
        .collect::<Result<_, _>>()?;
    let alias = input
        .agent_alias
        .as_deref()
        .map(SpiffeId::parse)
        .transpose()
        .map_err(|error| invalid(&error))?;
    let lifetime = Lifetime::seconds(input.lifetime_seconds);
    Ok(TokenWish { by, id, uses_max: input.uses_max, lifetime, selectors, alias })
}

fn token_id(text: &str) -> Result<JoinTokenId, Error> {
    JoinTokenId::parse(text).map_err(|error| Error::Invalid(error.to_string()))
}

fn texts(selectors: &[Selector]) -> Vec<String> {
    selectors.iter().map(ToString::to_string).collect()
}

fn shown(agent: &Agent) -> api::Agent {
    api::Agent {
        number: agent.number.to_string(),
        spiffe_id: agent.id.to_string(),
        attestation_type: agent.attestation_type.to_owned(),
        selectors: texts(&agent.selectors),
        alias: agent.alias.as_ref().map(ToString::to_string),
        serial: agent.current.serial.clone(),
        issued_at: agent.current.issued_at.into(),
        expires_at: agent.current.expires.into(),
        banned: agent.banned,
        can_reattest: agent.can_reattest,
        attested_at: agent.attested_at.into(),
        evidence_expires_at: Some(agent.evidence_expires.into()),
        version: Some(agent.version.clone()).filter(|version| !version.is_empty()),
        device: agent.device.map(|device| device.to_string()),
        connected: false,
        view_age_seconds: None,
    }
}

fn token_shown(token: &JoinToken) -> api::JoinToken {
    api::JoinToken {
        id: token.id.to_string(),
        uses_max: token.uses_max,
        uses: token.uses,
        selectors: texts(&token.selectors),
        agent_alias: token.alias.as_ref().map(ToString::to_string),
        created_at: token.created_at.into(),
        expires_at: token.expires.into(),
        revoked: token.revoked,
    }
}
