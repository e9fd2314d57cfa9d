//! What is fuzzed: everything that reads bytes of somebody who has not been believed yet.
//!
//! A target is a function of bytes that panics when a sentence about them does not hold; reading must never panic, and
//! each target says what else is true of what it read. `make fuzz` feeds them by coverage; the test `fuzz` of `tests/it`
//! feeds them what is kept in `fuzz/corpus`, so that what was found once stays found.

mod attestation;
mod documents;
mod names;
mod posture;
mod world;

pub(crate) use world::World;

/// A target: its name, which is also its corpus, and what it does with one input.
pub(crate) type Target = (&'static str, fn(&World, &[u8]));

/// Every target there is.
pub(crate) const ALL: [Target; 13] = [
    ("spiffe_id", names::spiffe_id),
    ("join_string", names::join_string),
    ("bundle", documents::bundle),
    ("csr", documents::csr),
    ("certificate", documents::certificate),
    ("jwt", documents::jwt),
    ("join_token", attestation::join_token),
    ("x509pop_payload", attestation::x509pop_payload),
    ("x509pop_answer", attestation::x509pop_answer),
    ("agent_challenge", attestation::agent_challenge),
    ("posture_model", posture::posture_model),
    ("posture_report", posture::posture_report),
    ("osquery", posture::osquery),
];
