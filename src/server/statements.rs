//! Every statement of every slice, for the test that reads them as one law: each names its realm, and each is understood
//! by both engines.

use crate::{
    access, accounts, audit, authority, bundles, containment, devices, events, jobs, nodes, oauth,
    osquery, posture, realms, services, sessions, signin, upstreams, workloads,
};

/// A slice, and what it says to the database.
pub type SliceStatements = (&'static str, &'static [&'static str]);

/// The statements, slice by slice.
pub fn statements() -> Vec<SliceStatements> {
    let accounts = accounts::STATEMENTS.map(|of| ("accounts", of));
    let mut all = accounts.to_vec();
    all.extend([
        ("jobs", jobs::deliveries::store::STATEMENTS),
        ("events", events::store::STATEMENTS),
        ("access", access::store::STATEMENTS),
        ("realms", realms::store::STATEMENTS),
        ("audit", audit::store::STATEMENTS),
        ("authority", authority::store::STATEMENTS),
        ("bundles", bundles::store::STATEMENTS),
        ("devices", devices::store::STATEMENTS),
        ("containment", containment::store::STATEMENTS),
        ("posture", posture::store::STATEMENTS),
        ("osquery", osquery::store::STATEMENTS),
        ("services", services::store::STATEMENTS),
        ("upstreams", upstreams::store::STATEMENTS),
        ("sessions", sessions::store::STATEMENTS),
        ("signin", signin::store::STATEMENTS),
        ("nodes", nodes::store::STATEMENTS),
        ("workloads", workloads::store::STATEMENTS),
        ("oauth", oauth::store::STATEMENTS),
    ]);
    all
}
