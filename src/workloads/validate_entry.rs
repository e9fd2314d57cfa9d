//! The rules an entry must pass before anybody looks at rights: pure, and each refusal says what would be right.

use std::sync::Arc;

use super::model::{Draft, Error, Terms};
use crate::access::Asker;
use crate::kernel::limits::{
    DNS_NAME_BYTES_MAX, DNS_NAMES_MAX, FEDERATES_WITH_MAX, HINT_BYTES_MAX, SELECTORS_MAX,
};
use crate::kernel::{Lifetime, RealmId, SpiffeId, Timestamp, TrustDomain};

/// Paths that belong to the slice that owns that kind of subject: no entry gives such an ID.
const RESERVED: [&str; 4] = ["/spire", "/user", "/device", "/client"];
/// Shorter lives end before an agent under load has renewed them: it renews at half-life.
const TTL_SECONDS_MIN: i64 = 5;
/// A year. Policy and authority bound it further; this only keeps absurd numbers out of arithmetic.
const TTL_SECONDS_MAX: i64 = 366 * 24 * 3600;

/// What every item of one call about entries has in common.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) realm: RealmId,
    pub(super) by: &'a Asker,
    pub(super) home: TrustDomain,
    pub(super) now: Timestamp,
}

/// Checks a draft against every rule; the first broken one is the answer.
pub(super) fn validate(draft: &Draft, home: &TrustDomain, now: Timestamp) -> Result<Terms, Error> {
    check_spiffe_id(&draft.spiffe_id, home)?;
    check_parent(draft, home)?;
    let mut selectors = draft.selectors.clone();
    selectors.sort();
    selectors.dedup();
    if selectors.is_empty() || selectors.len() > SELECTORS_MAX {
        return Err(Error::invalid("selectors", format!("an entry has 1 to {SELECTORS_MAX}")));
    }
    // An SVID store reads where to put the SVID from selectors of its own type (SPIRE has the same rule).
    let one_type = selectors.windows(2).all(|pair| match pair {
        [a, b] => a.kind() == b.kind(),
        _ => true,
    });
    if draft.store_svid && !one_type {
        return Err(Error::invalid("selectors", "with `store_svid` all have one type"));
    }
    if draft.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::invalid("expires_at", "must be in the future"));
    }
    Ok(Terms {
        spiffe_id: draft.spiffe_id.clone(),
        parent_id: draft.parent_id.clone(),
        selectors: selectors.into_boxed_slice(),
        x509_svid_ttl: lifetime("x509_svid_ttl", draft.x509_svid_ttl_seconds)?,
        jwt_svid_ttl: lifetime("jwt_svid_ttl", draft.jwt_svid_ttl_seconds)?,
        federates_with: federates_with(draft, home)?,
        admin: draft.admin,
        downstream: draft.downstream,
        expires_at: draft.expires_at,
        dns_names: dns_names(&draft.dns_names)?,
        store_svid: draft.store_svid,
        hint: hint(&draft.hint)?,
        disable_x509_svid_prefetch: draft.disable_x509_svid_prefetch,
        jwt_svid_include_jti: draft.jwt_svid_include_jti,
    })
}

fn check_spiffe_id(id: &SpiffeId, home: &TrustDomain) -> Result<(), Error> {
    if id.trust_domain() != home {
        return Err(Error::invalid("spiffe_id", format!("must be in the trust domain `{home}`")));
    }
    if !id.has_path() {
        // X509-SVID §3.1: a leaf's ID has a path.
        return Err(Error::invalid("spiffe_id", "must have a path"));
    }
    match RESERVED.into_iter().find(|prefix| id.is_under(prefix)) {
        Some(prefix) => Err(Error::invalid("spiffe_id", format!("`{prefix}` is reserved"))),
        None => Ok(()),
    }
}

fn check_parent(draft: &Draft, home: &TrustDomain) -> Result<(), Error> {
    let parent = &draft.parent_id;
    if parent.trust_domain() != home {
        return Err(Error::invalid("parent_id", format!("must be in the trust domain `{home}`")));
    }
    if parent == &draft.spiffe_id {
        return Err(Error::invalid("parent_id", "an entry is not its own parent"));
    }
    let path = parent.path();
    let node = path == SERVER_PATH || path.starts_with("/spire/agent/");
    let reserved = RESERVED.into_iter().any(|prefix| parent.is_under(prefix));
    if path.is_empty() || (reserved && !node) {
        let rule =
            "is an agent, another entry's SPIFFE ID, or `/spire/server` for an alias of nodes";
        return Err(Error::invalid("parent_id", rule));
    }
    Ok(())
}

/// The parent of node aliases.
pub(super) const SERVER_PATH: &str = "/spire/server";

fn lifetime(field: &'static str, seconds: i64) -> Result<Option<Lifetime>, Error> {
    match seconds {
        0 => Ok(None),
        TTL_SECONDS_MIN..=TTL_SECONDS_MAX => Ok(Some(Lifetime::seconds(seconds))),
        _ => {
            let rule = format!("0 for the default, or {TTL_SECONDS_MIN} to {TTL_SECONDS_MAX} s");
            Err(Error::invalid(field, rule))
        }
    }
}

fn federates_with(draft: &Draft, home: &TrustDomain) -> Result<Box<[TrustDomain]>, Error> {
    let mut domains = draft.federates_with.clone();
    domains.sort();
    domains.dedup();
    if domains.contains(home) {
        return Err(Error::invalid("federates_with", "names foreign trust domains only"));
    }
    if domains.len() > FEDERATES_WITH_MAX {
        return Err(Error::invalid("federates_with", format!("at most {FEDERATES_WITH_MAX}")));
    }
    Ok(domains.into_boxed_slice())
}

fn hint(text: &str) -> Result<Option<Arc<str>>, Error> {
    if text.len() > HINT_BYTES_MAX {
        return Err(Error::invalid("hint", format!("at most {HINT_BYTES_MAX} bytes")));
    }
    Ok((!text.is_empty()).then(|| Arc::from(text)))
}

fn dns_names(names: &[String]) -> Result<Arc<[Arc<str>]>, Error> {
    if names.len() > DNS_NAMES_MAX {
        return Err(Error::invalid("dns_names", format!("at most {DNS_NAMES_MAX}")));
    }
    let mut checked: Vec<Arc<str>> = Vec::with_capacity(names.len());
    for name in names {
        if !is_dns_name(name) {
            let shown: String = name.chars().take(80).collect();
            let rule = format!("`{shown}` is not a DNS name, nor `*.` before one");
            return Err(Error::invalid("dns_names", rule));
        }
        // DNS names compare without case (RFC 4343); one spelling each, in the order given.
        let lower: Arc<str> = Arc::from(name.to_ascii_lowercase());
        if !checked.contains(&lower) {
            checked.push(lower);
        }
    }
    Ok(checked.into())
}

/// RFC 1123 §2.1 labels; a wildcard only as the whole first label and only before another (RFC 6125 §6.4.3).
/// An all-numeric last label is refused: that is an IPv4 address, which belongs into another SAN type.
fn is_dns_name(name: &str) -> bool {
    let plain = name.strip_prefix("*.").unwrap_or(name);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let numeric =
        plain.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    name.len() <= DNS_NAME_BYTES_MAX && plain.split('.').all(label) && !numeric
}
