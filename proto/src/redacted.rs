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

#[cfg(test)]
mod tests {
    use super::{types, workload};

    /// Long enough not to appear by chance, and in ASCII, which `Bytes` prints as it is.
    const SECRET: &str = "correct-horse-battery-staple";

    #[track_caller]
    fn check(message: &dyn std::fmt::Debug) {
        for printed in [format!("{message:?}"), format!("{message:#?}")] {
            assert!(!printed.contains(SECRET), "{printed}");
            assert!(printed.contains("<28 secret bytes>"), "{printed}");
            assert!(printed.contains("shown"), "{printed}");
        }
    }

    #[test]
    fn a_printed_message_shows_no_secret() {
        let id = || "shown".to_owned();
        let secret = || SECRET.to_owned();

        check(&workload::X509svid {
            spiffe_id: id(),
            x509_svid_key: secret().into(),
            ..Default::default()
        });
        check(&workload::Jwtsvid { spiffe_id: id(), svid: secret(), ..Default::default() });
        check(&workload::ValidateJwtsvidRequest { audience: id(), svid: secret() });
        check(&workload::Witsvid { hint: id(), wit_svid: secret(), ..Default::default() });
        check(&workload::Witsvid { hint: id(), wit_svid_key: secret(), ..Default::default() });
        check(&types::AttestationData { r#type: id(), payload: secret().into() });
        check(&types::Jwtsvid { hint: id(), token: secret(), ..Default::default() });
        check(&types::Witsvid { hint: id(), token: secret(), ..Default::default() });
    }

    #[test]
    fn neither_does_a_message_that_contains_it() {
        let identity = workload::X509svid {
            spiffe_id: "shown".to_owned(),
            x509_svid_key: SECRET.into(),
            ..Default::default()
        };
        check(&workload::X509svidResponse { svids: vec![identity], ..Default::default() });
    }
}
