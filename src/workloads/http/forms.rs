//! Entries in the form of the admin API, and back.

use crate::kernel::{EntryId, Lifetime, Selector, SpiffeId, TrustDomain};
use crate::wire::api;
use crate::workloads::model::{Draft, Entry, Error};
use crate::workloads::{Filter, SelectorMatch};

pub(super) fn id(field: &'static str, text: &str) -> Result<EntryId, Error> {
    EntryId::parse(text).map_err(|error| Error::invalid(field, error.to_string()))
}

pub(super) fn spiffe_id(field: &'static str, text: &str) -> Result<SpiffeId, Error> {
    SpiffeId::parse(text).map_err(|error| Error::invalid(field, error.to_string()))
}

pub(super) fn selectors(texts: &[String]) -> Result<Vec<Selector>, Error> {
    let parse = |text: &String| {
        Selector::parse(text).map_err(|error| {
            let shown: String = text.chars().take(80).collect();
            Error::invalid("selectors", format!("`{shown}`: {error}"))
        })
    };
    texts.iter().map(parse).collect()
}

fn trust_domains(names: &[String]) -> Result<Vec<TrustDomain>, Error> {
    let parse = |name: &String| {
        TrustDomain::parse(name)
            .map_err(|error| Error::invalid("federates_with", error.to_string()))
    };
    names.iter().map(parse).collect()
}

pub(super) fn draft(input: api::EntryInput) -> Result<Draft, Error> {
    Ok(Draft {
        id: input.id.as_deref().map(|text| id("id", text)).transpose()?,
        spiffe_id: spiffe_id("spiffe_id", &input.spiffe_id)?,
        parent_id: spiffe_id("parent_id", &input.parent_id)?,
        selectors: selectors(&input.selectors)?,
        x509_svid_ttl_seconds: input.x509_svid_ttl_seconds.unwrap_or(0),
        jwt_svid_ttl_seconds: input.jwt_svid_ttl_seconds.unwrap_or(0),
        federates_with: trust_domains(&input.federates_with)?,
        admin: input.admin,
        downstream: input.downstream,
        expires_at: input.expires_at.map(|at| at.0),
        dns_names: input.dns_names,
        store_svid: input.store_svid,
        hint: input.hint,
        disable_x509_svid_prefetch: input.disable_x509_svid_prefetch,
        jwt_svid_include_jti: input.jwt_svid_include_jti,
    })
}

pub(super) fn filter(query: api::EntryQuery) -> Result<Filter, Error> {
    let how = match query.selectors_match.unwrap_or(api::SelectorsMatch::Superset) {
        api::SelectorsMatch::Exact => SelectorMatch::Exact,
        api::SelectorsMatch::Subset => SelectorMatch::Subset,
        api::SelectorsMatch::Superset => SelectorMatch::Superset,
        api::SelectorsMatch::Any => SelectorMatch::Any,
    };
    let selectors = match query.selectors.as_slice() {
        [] if query.selectors_match.is_some() => {
            return Err(Error::invalid(
                "selectors_match",
                "says how `selectors` compare, and there are none",
            ));
        }
        [] => None,
        texts => Some((how, selectors(texts)?)),
    };
    Ok(Filter {
        spiffe_id: query.spiffe_id.as_deref().map(|id| spiffe_id("spiffe_id", id)).transpose()?,
        under: None,
        parent_id: query.parent_id.as_deref().map(|id| spiffe_id("parent_id", id)).transpose()?,
        selectors,
        hint: query.hint,
        federates_with: trust_domains(&query.federates_with)?,
        downstream: query.downstream,
        admin: None,
    })
}

pub(super) fn texts(selectors: &[Selector]) -> Vec<String> {
    selectors.iter().map(ToString::to_string).collect()
}

pub(super) fn shown(entry: &Entry) -> api::Entry {
    let terms = &entry.terms;
    api::Entry {
        id: entry.id.to_string(),
        revision: entry.revision,
        created_at: entry.created_at.into(),
        spiffe_id: terms.spiffe_id.to_string(),
        parent_id: terms.parent_id.to_string(),
        selectors: texts(&terms.selectors),
        x509_svid_ttl_seconds: terms.x509_svid_ttl.map(Lifetime::as_seconds),
        jwt_svid_ttl_seconds: terms.jwt_svid_ttl.map(Lifetime::as_seconds),
        federates_with: terms.federates_with.iter().map(ToString::to_string).collect(),
        admin: terms.admin,
        downstream: terms.downstream,
        expires_at: terms.expires_at.map(Into::into),
        dns_names: terms.dns_names.iter().map(ToString::to_string).collect(),
        store_svid: terms.store_svid,
        hint: terms.hint.as_deref().unwrap_or_default().to_owned(),
        disable_x509_svid_prefetch: terms.disable_x509_svid_prefetch,
        jwt_svid_include_jti: terms.jwt_svid_include_jti,
    }
}
