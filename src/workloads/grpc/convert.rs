//! Domain to wire, written out. A mask leaves fields at their default, which is how the wire says "not asked for".

use weft_proto::node::v1 as push_wire;
use weft_proto::spire::api::types;

use crate::authority::Bundle;
use crate::db::Cursor;
use crate::kernel::{Lifetime, SpiffeId, Timestamp};
use crate::svid::{JwtSvid, X509Svid};
use crate::workloads::Entry;
use crate::workloads::push::{Directive, Why};

/// What a mask chooses; an absent one chooses all.
pub(super) const ALL: types::EntryMask = types::EntryMask {
    spiffe_id: true,
    parent_id: true,
    selectors: true,
    x509_svid_ttl: true,
    federates_with: true,
    admin: true,
    downstream: true,
    expires_at: true,
    dns_names: true,
    revision_number: true,
    store_svid: true,
    jwt_svid_ttl: true,
    hint: true,
    created_at: true,
    additional_attributes: true,
};

pub(super) fn entry(entry: &Entry, mask: &types::EntryMask) -> types::Entry {
    let terms = &entry.terms;
    let mut wire = types::Entry { id: entry.id.to_string(), ..types::Entry::default() };
    if mask.spiffe_id {
        wire.spiffe_id = Some(spiffe_id(&terms.spiffe_id));
    }
    if mask.parent_id {
        wire.parent_id = Some(spiffe_id(&terms.parent_id));
    }
    if mask.selectors {
        wire.selectors = terms.selectors.iter().map(selector).collect();
    }
    if mask.x509_svid_ttl {
        wire.x509_svid_ttl = ttl(terms.x509_svid_ttl);
    }
    if mask.federates_with {
        wire.federates_with = terms.federates_with.iter().map(ToString::to_string).collect();
    }
    if mask.dns_names {
        wire.dns_names = terms.dns_names.iter().map(ToString::to_string).collect();
    }
    if mask.hint {
        terms.hint.as_deref().unwrap_or_default().clone_into(&mut wire.hint);
    }
    if mask.jwt_svid_ttl {
        wire.jwt_svid_ttl = ttl(terms.jwt_svid_ttl);
    }
    if mask.additional_attributes {
        wire.additional_attributes = additional(entry);
    }
    wire.admin = mask.admin && terms.admin;
    wire.downstream = mask.downstream && terms.downstream;
    wire.store_svid = mask.store_svid && terms.store_svid;
    wire.expires_at =
        if mask.expires_at { terms.expires_at.map_or(0, Timestamp::seconds) } else { 0 };
    wire.revision_number = if mask.revision_number { entry.revision } else { 0 };
    wire.created_at = if mask.created_at { entry.created_at.seconds() } else { 0 };
    wire
}

fn additional(entry: &Entry) -> Option<types::AdditionalAttributes> {
    let terms = &entry.terms;
    let switches = types::AdditionalAttributes {
        disable_x509_svid_prefetch: terms.disable_x509_svid_prefetch,
        jwt_svid_include_jti: terms.jwt_svid_include_jti,
    };
    (switches != types::AdditionalAttributes::default()).then_some(switches)
}

fn selector(selector: &crate::kernel::Selector) -> types::Selector {
    types::Selector { r#type: selector.kind().to_owned(), value: selector.value().to_owned() }
}

fn ttl(ttl: Option<Lifetime>) -> i32 {
    ttl.map_or(0, |ttl| i32::try_from(ttl.as_seconds()).unwrap_or(i32::MAX))
}

pub(super) fn spiffe_id(id: &SpiffeId) -> types::Spiffeid {
    types::Spiffeid {
        trust_domain: id.trust_domain().as_str().to_owned(),
        path: id.path().to_owned(),
    }
}

pub(super) fn x509_svid(entry: &Entry, svid: X509Svid) -> types::X509svid {
    types::X509svid {
        cert_chain: svid.chain.into_iter().map(Into::into).collect(),
        id: Some(spiffe_id(&svid.id)),
        expires_at: svid.not_after.seconds(),
        hint: entry.terms.hint.as_deref().unwrap_or_default().to_owned(),
    }
}

pub(super) fn jwt_svid(entry: &Entry, svid: JwtSvid) -> types::Jwtsvid {
    types::Jwtsvid {
        id: Some(spiffe_id(&svid.id)),
        expires_at: svid.expires_at.seconds(),
        issued_at: svid.issued_at.seconds(),
        hint: entry.terms.hint.as_deref().unwrap_or_default().to_owned(),
        token: svid.token,
    }
}

/// An absent mask chooses all.
pub(super) fn bundle(bundle: &Bundle, mask: Option<types::BundleMask>) -> types::Bundle {
    let all = types::BundleMask {
        x509_authorities: true,
        jwt_authorities: true,
        refresh_hint: true,
        sequence_number: true,
        wit_authorities: true,
    };
    let mask = mask.unwrap_or(all);
    let x509 = |root: &crate::authority::X509Root| types::X509Certificate {
        asn1: root.certificate.to_vec().into(),
        tainted: root.tainted,
    };
    let jwt = |key: &crate::authority::JwtKey| types::JwtKey {
        public_key: key.key.spki().to_vec().into(),
        key_id: key.kid.clone(),
        expires_at: key.expires_at.map_or(0, Timestamp::seconds),
        tainted: key.tainted,
    };
    types::Bundle {
        trust_domain: bundle.trust_domain.to_string(),
        x509_authorities: chosen(mask.x509_authorities, || bundle.x509.iter().map(x509).collect()),
        jwt_authorities: chosen(mask.jwt_authorities, || bundle.jwt.iter().map(jwt).collect()),
        refresh_hint: chosen(mask.refresh_hint, || {
            bundle.refresh_hint.map_or(0, Lifetime::as_seconds)
        }),
        sequence_number: chosen(mask.sequence_number, || bundle.sequence),
        wit_authorities: Vec::new(),
    }
}

fn chosen<T: Default>(chosen: bool, value: impl FnOnce() -> T) -> T {
    if chosen { value() } else { T::default() }
}

pub(super) fn revision(cursor: Cursor) -> push_wire::Revision {
    // Histories count from one, and changes from zero.
    let seq = u64::try_from(cursor.seq).unwrap_or(0);
    push_wire::Revision { history: cursor.history.to_string(), seq }
}

/// A revision that an agent says it is at; one that we cannot have given counts as none.
pub(super) fn cursor(revision: &push_wire::Revision) -> Option<Cursor> {
    let history = revision.history.parse().ok()?;
    Some(Cursor { history, seq: i64::try_from(revision.seq).ok()? })
}

pub(super) fn directive(directive: Directive) -> push_wire::Directive {
    use push_wire::directive::{Order, Reason, Refused, Renew};
    let reason = match directive.why {
        Why::Posture => Reason::Posture,
        Why::Containment => Reason::Containment,
    };
    let order = if directive.refused { Order::Refused(Refused {}) } else { Order::Renew(Renew {}) };
    push_wire::Directive {
        entry_id: directive.entry.to_string(),
        reason: reason.into(),
        message: directive.message,
        order: Some(order),
    }
}
