//! `Debug` of the messages that hold a secret: a key, a bearer token or an attestation payload.
//!
//! A message is printed by accident (a log line, a failed assertion in a test), so the secret is
//! replaced by its length. The names are listed once more in `tests/generated.rs`, which keeps the
//! generator from deriving `Debug` for them: a name missing here does not compile.

use std::fmt;

use crate::{spire::api::types, workload};

/// Shown in place of a secret.
struct Secret(usize);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} secret bytes>", self.0)
    }
}

impl fmt::Debug for workload::X509svid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spiffe_id, x509_svid, x509_svid_key, bundle, hint } = self;
        f.debug_struct("X509svid")
            .field("spiffe_id", spiffe_id)
            .field("x509_svid", x509_svid)
            .field("x509_svid_key", &Secret(x509_svid_key.len()))
            .field("bundle", bundle)
            .field("hint", hint)
            .finish()
    }
}

impl fmt::Debug for workload::Jwtsvid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spiffe_id, svid, hint } = self;
        f.debug_struct("Jwtsvid")
            .field("spiffe_id", spiffe_id)
            .field("svid", &Secret(svid.len()))
            .field("hint", hint)
            .finish()
    }
}

impl fmt::Debug for workload::ValidateJwtsvidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { audience, svid } = self;
        f.debug_struct("ValidateJwtsvidRequest")
            .field("audience", audience)
            .field("svid", &Secret(svid.len()))
            .finish()
    }
}

impl fmt::Debug for workload::Witsvid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spiffe_id, wit_svid, wit_svid_key, hint } = self;
        f.debug_struct("Witsvid")
            .field("spiffe_id", spiffe_id)
            .field("wit_svid", &Secret(wit_svid.len()))
            .field("wit_svid_key", &Secret(wit_svid_key.len()))
            .field("hint", hint)
            .finish()
    }
}

impl fmt::Debug for types::AttestationData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { r#type, payload } = self;
        f.debug_struct("AttestationData")
            .field("type", r#type)
            .field("payload", &Secret(payload.len()))
            .finish()
    }
}

impl fmt::Debug for types::Jwtsvid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, id, expires_at, issued_at, hint } = self;
        f.debug_struct("Jwtsvid")
            .field("token", &Secret(token.len()))
            .field("id", id)
            .field("expires_at", expires_at)
            .field("issued_at", issued_at)
            .field("hint", hint)
            .finish()
    }
}

impl fmt::Debug for types::Witsvid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, id, expires_at, issued_at, hint } = self;
        f.debug_struct("Witsvid")
            .field("token", &Secret(token.len()))
            .field("id", id)
            .field("expires_at", expires_at)
            .field("issued_at", issued_at)
            .field("hint", hint)
            .finish()
    }
}
