//! The complete state as a message, of one set of identities. Pure.

use std::collections::BTreeMap;

use bytes::Bytes;

use weft_proto::workload::{JwtBundlesResponse, X509BundlesResponse, X509svid, X509svidResponse};

use crate::agent::cache::Identities;
use crate::agent::model::Bundle;

/// What there is to say.
#[derive(Debug, PartialEq)]
pub(super) enum Say<M> {
    /// This.
    Message(M),
    /// This, but there will be more in a moment.
    Partial(M),
    /// Nothing yet: the caller is entitled to something that is on its way.
    NotYet,
    /// Nothing: the caller is entitled to something that could not be had.
    Nothing,
    /// The caller is entitled to nothing.
    Denied,
}

/// `FetchX509SVID`.
pub(super) fn x509_svids(identities: &Identities) -> Say<X509svidResponse> {
    if identities.entries.is_empty() {
        return Say::Denied;
    }
    if identities.svids.is_empty() {
        return if identities.more_to_come { Say::NotYet } else { Say::Nothing };
    }
    let svids = identities.svids.iter().map(|(entry, svid)| X509svid {
        spiffe_id: svid.spiffe_id.to_string(),
        x509_svid: svid.chain.clone(),
        x509_svid_key: svid.key.clone(),
        bundle: identities.own.x509_der.clone(),
        hint: entry.hint.clone(),
    });
    let message = X509svidResponse {
        svids: svids.collect(),
        crl: Vec::new(),
        federated_bundles: identities
            .federated
            .iter()
            .map(|bundle| named(bundle, &bundle.x509_der))
            .collect(),
    };
    if identities.more_to_come { Say::Partial(message) } else { Say::Message(message) }
}

/// `FetchX509Bundles`.
pub(super) fn x509_bundles(identities: &Identities) -> Say<X509BundlesResponse> {
    if identities.entries.is_empty() {
        return Say::Denied;
    }
    Say::Message(X509BundlesResponse {
        crl: Vec::new(),
        bundles: bundles(identities, |bundle| &bundle.x509_der),
    })
}

/// `FetchJWTBundles`.
pub(super) fn jwt_bundles(identities: &Identities) -> Say<JwtBundlesResponse> {
    if identities.entries.is_empty() {
        return Say::Denied;
    }
    Say::Message(JwtBundlesResponse { bundles: bundles(identities, |bundle| &bundle.jwks) })
}

/// This trust domain's own, which is always there, and those federated with.
fn bundles(identities: &Identities, form: fn(&Bundle) -> &Bytes) -> BTreeMap<String, Bytes> {
    std::iter::once(&identities.own)
        .chain(&identities.federated)
        .map(|bundle| named(bundle, form(bundle)))
        .collect()
}

fn named(bundle: &Bundle, form: &Bytes) -> (String, Bytes) {
    (bundle.trust_domain.id().to_string(), form.clone())
}
