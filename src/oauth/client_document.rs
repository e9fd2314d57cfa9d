//! A client's metadata as the JSON document in its row. Written out by hand: neither wire nor settings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::client::{AuthMethod, ConsentPolicy, Profile, Resource, Rule, Terms};
use super::redirect_uri::RedirectUri;
use crate::crypto::jose::JwsAlgorithm;
use crate::kernel::{Fault, UpstreamId};

/// The document of these terms.
pub(super) fn print(terms: &Terms) -> String {
    let uris = |uris: &[RedirectUri]| uris.iter().map(RedirectUri::to_string).collect::<Vec<_>>();
    let resources: Vec<Value> = terms
        .resources
        .iter()
        .map(|resource| json!({ "uri": resource.uri, "scopes": resource.scopes }))
        .collect();
    let relaxed: Map<String, Value> = terms
        .relaxed
        .iter()
        .map(|(rule, reason)| (rule.as_str().to_owned(), reason.as_str().into()))
        .collect();
    let upstreams: Option<Vec<&str>> =
        terms.upstreams.as_ref().map(|all| all.iter().map(UpstreamId::as_str).collect());
    json!({
        "name": terms.name,
        "profile": terms.profile.as_str(),
        "token_endpoint_auth_method": terms.auth_method.as_str(),
        "id_token_signed_response_alg": terms.id_token_algorithm.as_str(),
        "access_token_signed_response_alg": terms.access_token_algorithm.as_str(),
        "redirect_uris": uris(&terms.redirect_uris),
        "post_logout_redirect_uris": uris(&terms.post_logout_redirect_uris),
        "backchannel_logout_uri": terms.backchannel_logout_uri,
        "scopes": terms.scopes,
        "resources": resources,
        "administration": terms.administration,
        "upstreams": upstreams,
        "consent": terms.consent.as_str(),
        "rotates_refresh_tokens": terms.rotates_refresh_tokens,
        "relaxed": relaxed,
        "enabled": terms.enabled,
    })
    .to_string()
}

/// The terms in a document that `print` made.
pub(super) fn read(text: &str) -> Result<Terms, Fault> {
    let document: Value = serde_json::from_str(text).map_err(bad)?;
    let reader = Reader(&document);
    let auth_method = match reader.optional("token_endpoint_auth_method")? {
        Some(name) => AuthMethod::parse(name).ok_or_else(|| bad(name))?,
        None => AuthMethod::Secret,
    };
    let uris = |name| {
        let all = reader.texts(name)?.into_iter();
        Ok::<_, Fault>(all.map(RedirectUri::registered).collect::<Vec<_>>())
    };
    Ok(Terms {
        name: reader.text("name")?.to_owned(),
        profile: reader.word("profile", Profile::parse)?,
        auth_method,
        id_token_algorithm: reader.word("id_token_signed_response_alg", JwsAlgorithm::parse)?,
        access_token_algorithm: reader
            .word("access_token_signed_response_alg", JwsAlgorithm::parse)?,
        redirect_uris: uris("redirect_uris")?,
        post_logout_redirect_uris: uris("post_logout_redirect_uris")?,
        backchannel_logout_uri: reader.optional("backchannel_logout_uri")?.map(str::to_owned),
        scopes: reader.texts("scopes")?.into_iter().collect(),
        resources: reader.resources()?,
        administration: reader.flag("administration")?,
        upstreams: reader.upstreams()?,
        consent: reader.word("consent", ConsentPolicy::parse)?,
        rotates_refresh_tokens: reader.flag("rotates_refresh_tokens")?,
        relaxed: reader.relaxed()?,
        enabled: reader.flag("enabled")?,
    })
}

struct Reader<'d>(&'d Value);

impl<'d> Reader<'d> {
    fn member(&self, name: &str) -> &'d Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    fn optional(&self, name: &str) -> Result<Option<&'d str>, Fault> {
        match self.member(name) {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            _ => Err(bad(name)),
        }
    }

    fn text(&self, name: &str) -> Result<&'d str, Fault> {
        self.optional(name)?.ok_or_else(|| bad(name))
    }

    fn word<T>(&self, name: &str, parse: fn(&str) -> Option<T>) -> Result<T, Fault> {
        parse(self.text(name)?).ok_or_else(|| bad(name))
    }

    fn flag(&self, name: &str) -> Result<bool, Fault> {
        self.member(name).as_bool().ok_or_else(|| bad(name))
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, Fault> {
        texts(self.member(name)).ok_or_else(|| bad(name))
    }

    fn resources(&self) -> Result<Vec<Resource>, Fault> {
        let all = self.member("resources").as_array().ok_or_else(|| bad("resources"))?;
        let one = |value: &Value| {
            let uri = value.get("uri")?.as_str()?.to_owned();
            let scopes: BTreeSet<String> = texts(value.get("scopes")?)?.into_iter().collect();
            Some(Resource { uri, scopes })
        };
        all.iter().map(|value| one(value).ok_or_else(|| bad("resources"))).collect()
    }

    fn upstreams(&self) -> Result<Option<BTreeSet<UpstreamId>>, Fault> {
        match self.member("upstreams") {
            Value::Null => Ok(None),
            _ => self
                .texts("upstreams")?
                .iter()
                .map(|text| UpstreamId::parse(text).map_err(bad))
                .collect::<Result<_, _>>()
                .map(Some),
        }
    }

    fn relaxed(&self) -> Result<BTreeMap<Rule, String>, Fault> {
        let all = self.member("relaxed").as_object().ok_or_else(|| bad("relaxed"))?;
        let one = |(name, reason): (&String, &Value)| {
            Some((Rule::parse(name)?, reason.as_str()?.to_owned()))
        };
        all.iter().map(|pair| one(pair).ok_or_else(|| bad("relaxed"))).collect()
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

fn bad(what: impl std::fmt::Display) -> Fault {
    Fault::malformed("client document", what)
}
