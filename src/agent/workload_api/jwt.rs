//! JWT-SVIDs: handing them out (Workload API §6.2.1) and validating them (§6.2.3).

use std::sync::Arc;

use futures_util::future::try_join_all;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use tonic::{Code, Status};
use weft_proto::workload::{
    Jwtsvid, JwtsvidRequest, JwtsvidResponse, ValidateJwtsvidRequest, ValidateJwtsvidResponse,
};

use crate::agent::cache::Identities;
use crate::agent::model::{Entry, Error};
use crate::crypto::jose::verify_jwt_svid;
use crate::kernel::limits::{AUDIENCE_BYTES_MAX, AUDIENCES_MAX};
use crate::kernel::{SpiffeId, Timestamp};

use super::WorkloadApi;
use super::door::Guest;
use super::streams::NO_IDENTITY;

impl WorkloadApi {
    /// One token for the identity asked for, or one for each.
    pub(super) async fn tokens_for(
        &self,
        guest: &Guest,
        request: JwtsvidRequest,
    ) -> Result<JwtsvidResponse, Status> {
        check_audience(&request.audience)?;
        let wanted = wanted(&request.spiffe_id)?;
        let (identities, now) = self.identities(guest)?;
        let entries: Vec<_> = identities
            .entries
            .iter()
            .filter(|entry| wanted.as_ref().is_none_or(|id| entry.spiffe_id == *id))
            .collect();
        if entries.is_empty() {
            return Err(Status::permission_denied(NO_IDENTITY));
        }
        let calls = entries.into_iter().map(|entry| self.token(entry, &request.audience, now));
        Ok(JwtsvidResponse { svids: try_join_all(calls).await? })
    }

    async fn token(
        &self,
        entry: &Arc<Entry>,
        audience: &[String],
        now: Timestamp,
    ) -> Result<Jwtsvid, Status> {
        let held =
            self.inner.tokens.get(entry, audience, now).await.map_err(|why| refuse(entry, &why))?;
        Ok(Jwtsvid {
            spiffe_id: held.spiffe_id.to_string(),
            svid: held.token.to_string(),
            hint: entry.hint.clone(),
        })
    }

    /// Full validation against the bundle of the subject's trust domain, if the caller gets that bundle.
    pub(super) fn validate(
        &self,
        guest: &Guest,
        request: &ValidateJwtsvidRequest,
    ) -> Result<ValidateJwtsvidResponse, Status> {
        if request.audience.is_empty() {
            return Err(Status::invalid_argument("`audience` must be given"));
        }
        if request.svid.is_empty() {
            return Err(Status::invalid_argument("`svid` must be given"));
        }
        let (identities, now) = self.identities(guest)?;
        let bundles = || std::iter::once(&identities.own).chain(&identities.federated);
        let keys = |domain: &_| {
            bundles()
                .find(|bundle| bundle.trust_domain == *domain)
                .map(|bundle| bundle.jwt_keys.clone())
        };
        let claims = verify_jwt_svid(&request.svid, &request.audience, keys, now)
            .map_err(|why| Status::invalid_argument(why.to_string()))?;
        Ok(ValidateJwtsvidResponse {
            spiffe_id: claims.id.to_string(),
            claims: Some(structure(claims.claims)),
        })
    }

    fn identities(&self, guest: &Guest) -> Result<(Arc<Identities>, Timestamp), Status> {
        let now = self.inner.clock.now();
        let identities = self.inner.cache.identities(&guest.selectors, now);
        Ok((identities.map_err(|starting| Status::unavailable(starting.to_string()))?, now))
    }
}

fn check_audience(audience: &[String]) -> Result<(), Status> {
    let wrong = |why: &str| Err(Status::invalid_argument(why));
    if audience.is_empty() || audience.iter().any(String::is_empty) {
        return wrong("`audience` must be given, none of it empty");
    }
    if audience.len() > AUDIENCES_MAX || audience.iter().any(|one| one.len() > AUDIENCE_BYTES_MAX) {
        return wrong("`audience` has too many values, or too long ones");
    }
    Ok(())
}

fn wanted(spiffe_id: &str) -> Result<Option<SpiffeId>, Status> {
    if spiffe_id.is_empty() {
        return Ok(None);
    }
    let parsed = SpiffeId::parse(spiffe_id);
    parsed
        .map(Some)
        .map_err(|why| Status::invalid_argument(format!("`spiffe_id` is no SPIFFE ID: {why}")))
}

fn refuse(entry: &Entry, why: &Error) -> Status {
    tracing::info!(entry.id = %entry.id, error = %why, "a JWT-SVID could not be had");
    match why {
        Error::Answer { code: Code::NotFound | Code::PermissionDenied, .. } => {
            Status::permission_denied(NO_IDENTITY)
        }
        Error::Answer { code: Code::ResourceExhausted, .. } => {
            Status::resource_exhausted("the server issues no more tokens to this node for now")
        }
        Error::Answer { code: Code::InvalidArgument, message } => {
            Status::invalid_argument(message.clone())
        }
        _ => Status::unavailable("no JWT-SVID could be had from the server; try again"),
    }
}

fn structure(claims: serde_json::Map<String, serde_json::Value>) -> Struct {
    Struct { fields: claims.into_iter().map(|(name, json)| (name, value(json))).collect() }
}

fn value(json: serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(yes) => Kind::BoolValue(yes),
        serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Kind::StringValue(text),
        serde_json::Value::Array(items) => {
            Kind::ListValue(ListValue { values: items.into_iter().map(value).collect() })
        }
        serde_json::Value::Object(members) => Kind::StructValue(structure(members)),
    };
    Value { kind: Some(kind) }
}
