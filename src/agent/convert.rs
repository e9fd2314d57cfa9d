//! From the server's messages to the agent's types: parsed once, here. What cannot be used is left out and logged.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use weft_proto::node::v1::{self as node, directive::Order};
use weft_proto::spire::api::types;

use crate::crypto::jose::{self, JwtKeys, KeySet, print_bundle};
use crate::crypto::keys::PublicKey;
use crate::crypto::x509::Roots;
use crate::kernel::{EntryId, Selector, SpiffeId, Timestamp, TrustDomain};

use super::model::{Bundle, Entry, Error, JwtAuthority, X509Authority};
use super::view::{Revision, Update};

/// An entry; nothing if it is not for workloads of this agent (`store_svid`), or lacks what an entry has.
pub(crate) fn entry(message: types::Entry) -> Option<Arc<Entry>> {
    let id = message.id.clone();
    let parsed = parse_entry(message);
    if let Err(why) = &parsed {
        tracing::warn!(entry.id = id, error = %why, "an entry from the server is left out");
    }
    parsed.ok().flatten().map(Arc::new)
}

fn parse_entry(message: types::Entry) -> Result<Option<Entry>, Error> {
    let bad = |why: &dyn std::fmt::Display| Error::BadAnswer(why.to_string());
    let id = EntryId::parse(&message.id).map_err(|why| bad(&why))?;
    let spiffe_id = spiffe_id(message.spiffe_id.as_ref())?;
    if !spiffe_id.has_path() {
        return Err(bad(&"its SPIFFE ID has no path"));
    }
    let selectors = message.selectors.iter().map(|one| Selector::new(&one.r#type, &one.value));
    let selectors = selectors.collect::<Result<BTreeSet<_>, _>>().map_err(|why| bad(&why))?;
    if selectors.is_empty() {
        return Err(bad(&"it has no selector"));
    }
    if message.store_svid {
        return Ok(None);
    }
    let domains = message.federates_with.iter().map(|name| domain(name));
    let attributes = message.additional_attributes.unwrap_or_default();
    Ok(Some(Entry {
        id,
        spiffe_id,
        selectors,
        federates_with: domains.collect::<Result<_, _>>()?,
        expires_at: (message.expires_at != 0).then(|| Timestamp::from_seconds(message.expires_at)),
        revision: message.revision_number,
        created_at: message.created_at,
        hint: message.hint,
        prefetch: !attributes.disable_x509_svid_prefetch,
        unique_tokens: attributes.jwt_svid_include_jti,
    }))
}

/// A SPIFFE ID of two parts.
pub(crate) fn spiffe_id(message: Option<&types::Spiffeid>) -> Result<SpiffeId, Error> {
    let message = message.ok_or_else(|| Error::BadAnswer("a SPIFFE ID is missing".to_owned()))?;
    domain(&message.trust_domain)?
        .with_path(&message.path)
        .map_err(|why| Error::BadAnswer(why.to_string()))
}

/// A trust domain, bare or as its ID, as servers send both.
fn domain(name: &str) -> Result<TrustDomain, Error> {
    let name = name.strip_prefix("spiffe://").unwrap_or(name);
    TrustDomain::parse(name).map_err(|why| Error::BadAnswer(why.to_string()))
}

/// A bundle, with the forms in which workloads get it. A key of a kind that we cannot use is left out.
pub(crate) fn bundle(message: &types::Bundle) -> Result<Arc<Bundle>, Error> {
    let trust_domain = domain(&message.trust_domain)?;
    let mut x509_der = Vec::new();
    let mut x509 = Vec::with_capacity(message.x509_authorities.len());
    for authority in &message.x509_authorities {
        x509_der.extend_from_slice(&authority.asn1);
        x509.push(X509Authority {
            der: Bytes::copy_from_slice(&authority.asn1),
            tainted: authority.tainted,
        });
    }
    // One unreadable root refuses the whole bundle: without it a peer would be refused and nobody would know why.
    roots(&trust_domain, &x509)?;
    let mut set = KeySet::default();
    let mut jwt = Vec::with_capacity(message.jwt_authorities.len());
    for authority in &message.jwt_authorities {
        let Ok(key) = PublicKey::from_spki_der(&authority.public_key) else {
            tracing::warn!(
                authority.id = authority.key_id,
                "a JWT authority of the bundle is left out"
            );
            continue;
        };
        set.jwt.push(jose::JwtAuthority { kid: authority.key_id.clone(), key });
        jwt.push(JwtAuthority { key_id: authority.key_id.clone(), tainted: authority.tainted });
    }
    let jwks = Bytes::from(print_bundle(&set).to_string());
    let jwt_keys = JwtKeys::new(set.jwt.into_iter().map(|one| (one.kid, one.key)));
    let sequence = message.sequence_number;
    Ok(Arc::new(Bundle {
        trust_domain,
        x509,
        jwt,
        sequence,
        x509_der: x509_der.into(),
        jwks,
        jwt_keys,
    }))
}

/// The roots to verify with.
pub(crate) fn roots(
    trust_domain: &TrustDomain,
    authorities: &[X509Authority],
) -> Result<Roots, Error> {
    Roots::new(trust_domain.clone(), authorities.iter().map(|one| one.der.as_ref()))
        .map_err(|why| Error::BadAnswer(format!("a bundle with an unreadable authority: {why}")))
}

/// The roots of a bundle that are not tainted; nothing where none is.
pub(crate) fn untainted(bundle: &Bundle) -> Option<Roots> {
    let is_good = |authority: &&X509Authority| !authority.tainted;
    let good: Vec<_> = bundle.x509.iter().filter(is_good).cloned().collect();
    if good.len() == bundle.x509.len() {
        return None;
    }
    roots(&bundle.trust_domain, &good).ok()
}

/// One step of the push stream.
pub(crate) fn update(message: node::Update) -> Result<Update, Error> {
    let mut update = Update {
        revision: message.revision.map(|at| Revision { history: at.history, seq: at.seq }),
        snapshot_begin: message.snapshot_begin,
        snapshot_end: message.snapshot_end,
        bundle: message.bundle.as_ref().map(bundle).transpose()?,
        federated: message.federated_bundles.iter().map(bundle).collect::<Result<_, _>>()?,
        removed: message.removed_ids.iter().filter_map(|id| EntryId::parse(id).ok()).collect(),
        removed_domains: message
            .removed_trust_domains
            .iter()
            .filter_map(|name| domain(name).ok())
            .collect(),
        ..Update::default()
    };
    for one in message.upserts.into_iter().filter_map(|upsert| upsert.entry) {
        let id = EntryId::parse(&one.id).ok();
        match entry(one) {
            Some(entry) => update.upserts.push(entry),
            // What an entry was before it became unusable is not served either.
            None => update.removed.extend(id),
        }
    }
    for directive in message.directives {
        let Ok(id) = EntryId::parse(&directive.entry_id) else { continue };
        match directive.order {
            Some(Order::Refused(_)) => {
                tracing::warn!(entry.id = %id, reason = directive.message, "the server refuses an identity");
                update.refused.push(id);
            }
            Some(Order::Renew(_)) => update.renew.push(id),
            None => {}
        }
    }
    Ok(update)
}
