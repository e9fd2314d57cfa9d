//! A type per id: time-ordered UUIDs inside, a prefix outside, so that a pasted id names its own kind.
//!
//! Ids are made by `env.entropy`; nothing here makes one by chance.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::SpiffeId;
use super::limits::{CLIENT_ID_BYTES_MAX, ENTRY_ID_BYTES_MAX, UPSTREAM_ID_BYTES_MAX};

/// The row number of a realm. Realm 0, `system`, owns what no realm owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RealmId(pub i64);

impl RealmId {
    /// Realms, leases, replicas and key ids belong to it.
    pub const SYSTEM: Self = Self(0);
    /// The one that the first start makes, `default`.
    pub const FIRST: Self = Self(1);
}

impl fmt::Display for RealmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Why a text is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form `{form}`")]
pub struct IdError {
    text: String,
    form: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// The id around this UUID, which `env.entropy` made.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Reads the prefixed form that `Display` prints.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|rest| rest.len() == 32 && !rest.bytes().any(|b| b.is_ascii_uppercase()))
                    .and_then(|rest| Uuid::try_parse(rest).ok())
                    .map(Self)
                    .ok_or_else(|| IdError {
                        text: text.chars().take(80).collect(),
                        form: concat!($prefix, "_<32 hexadecimal digits>"),
                    })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }
    )*};
}

ids! {
    /// A signing authority of a realm.
    AuthorityId = "aut";
    /// An authorization request on its way to its answer.
    AuthorizationRequestId = "arq";
    /// A device.
    DeviceId = "dev";
    /// The public id of a token that devices enrol with; not its secret.
    DeviceTokenId = "dtk";
    /// What was granted to a client: a refresh family, or a single token of a client for itself.
    GrantId = "gnt";
    /// A join token's public id; not its secret.
    JoinTokenId = "jtk";
    /// A passkey of a person.
    PasskeyId = "pky";
    /// One running server process: made anew at every start. Also its ledger stream.
    ReplicaId = "rep";
    /// A browser sign-in that is done.
    SessionId = "ses";
    /// A browser sign-in on its way.
    SignInId = "sin";
    /// The opaque number of a subject in event headers: says nothing about whom it names.
    SubjectId = "sub";
    /// A person.
    UserId = "usr";
    /// One call of `db.write`, to find a commit whose answer was lost.
    WriteId = "wrt";
}

impl DeviceId {
    /// The device of `spiffe://<trust domain>/device/<id>`; nothing for any other ID.
    pub fn of_spiffe_id(id: &SpiffeId) -> Option<Self> {
        Self::parse(id.path().strip_prefix("/device/")?).ok()
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident { max: $max:expr, form: $form:literal, allowed: $allowed:expr })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            #[doc = concat!("Reads a choice: ", $form, ".")]
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let allowed: fn(u8) -> bool = $allowed;
                if text.is_empty() || text.len() > $max || !text.bytes().all(allowed) {
                    return Err(IdError { text: text.chars().take(80).collect(), form: $form });
                }
                Ok(Self(Arc::from(text)))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// The id of an OAuth client (RFC 6749 §2.2): chosen by the administrator, or `cli_<uuid>`.
    ClientId {
        max: CLIENT_ID_BYTES_MAX,
        form: "1 to 128 of A-Z, a-z, 0-9, `.`, `-`, `_`",
        allowed: |b| b.is_ascii_alphanumeric() || b".-_".contains(&b)
    }
    /// The id of a registration entry: chosen by the client, or `ent_<uuid>`.
    EntryId {
        max: ENTRY_ID_BYTES_MAX,
        form: "1 to 255 of A-Z, a-z, 0-9, `.`, `-`, `_`",
        allowed: |b| b.is_ascii_alphanumeric() || b".-_".contains(&b)
    }
    /// The name of an upstream identity provider; part of its callback address.
    UpstreamId {
        max: UPSTREAM_ID_BYTES_MAX,
        form: "1 to 63 of a-z, 0-9, `-`",
        allowed: |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
    }
}

impl ClientId {
    /// The id the server chooses when the administrator did not.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(Arc::from(format!("cli_{}", uuid.simple())))
    }
}

impl EntryId {
    /// The id the server chooses when the client did not.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(Arc::from(format!("ent_{}", uuid.simple())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_own_kind_and_another_kind_is_refused() {
        let id = AuthorityId::new(Uuid::from_u128(7));
        assert_eq!(id.to_string(), "aut_00000000000000000000000000000007");
        assert_eq!(AuthorityId::parse(&id.to_string()), Ok(id));
        assert!(JoinTokenId::parse(&id.to_string()).is_err());
        assert!(AuthorityId::parse("aut_0000000000000000000000000000000G").is_err());
        assert!(AuthorityId::parse("aut_0000000000000000000000000000000A").is_err());
    }

    #[test]
    fn an_entry_id_is_bounded_and_plain() {
        assert!(EntryId::parse("web-1").is_ok());
        for bad in ["", "a b", "a/b", "ü", &"x".repeat(256)] {
            assert!(EntryId::parse(bad).is_err(), "{bad}");
        }
    }
}
