//! Authorities and their states, the actions on them, their events and errors.

use std::fmt;
use std::sync::Arc;

pub use crate::access::Administrator;
use crate::access::{Action, Asker, Request};
use crate::crypto::jose::{JwsAlgorithm, TokenSigner};
use crate::crypto::keys::{Algorithm, PrivateKey, PublicKey};
use crate::crypto::x509::Issuer;
use crate::events::Event;
use crate::kernel::{AuthorityId, Failure, Fault, Granted, Kind, RealmId, Timestamp, TrustDomain};

/// The kind of change of an authority; its key is the authority's id. The bundle of the realm changes with it.
pub const AUTHORITY: &str = "authority";

/// An authority was made and published.
pub const PREPARED: &str = "authority.prepared";
/// An authority signs from now on.
pub const ACTIVATED: &str = "authority.activated";
/// An authority signs no longer: another does.
pub const RETIRED: &str = "authority.retired";
/// An authority is not to be relied on any longer: whoever holds something of it renews.
pub const TAINTED: &str = "authority.tainted";
/// An authority left the bundle before its end.
pub const REVOKED: &str = "authority.revoked";
/// An authority's time was over.
pub const REMOVED: &str = "authority.removed";
/// The bundle was numbered anew after a restore.
pub const RENUMBERED: &str = "authority.bundle_renumbered";
/// A key was sealed under the current key-encryption key.
pub const RESEALED: &str = "authority.key_resealed";

/// The one thing that an authority signs (architecture §5: one key, one purpose).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// X.509-SVIDs.
    X509,
    /// JWT-SVIDs.
    JwtSvid,
    /// Tokens of the OpenID provider.
    Oidc,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::X509, Self::JwtSvid, Self::Oidc];

    /// The name in rows, paths and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X509 => "x509",
            Self::JwtSvid => "jwt-svid",
            Self::Oidc => "oidc",
        }
    }

    /// Reads the name that `as_str` prints.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// One row of slots, of which one signs at a time: a purpose, and the algorithm that is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Line {
    /// What is signed.
    pub purpose: Purpose,
    /// With what.
    pub algorithm: Algorithm,
}

impl Line {
    /// All of them. OpenID clients choose between two algorithms, so two keys sign side by side.
    pub const ALL: [Self; 4] = [
        Self { purpose: Purpose::X509, algorithm: Algorithm::P256 },
        Self { purpose: Purpose::JwtSvid, algorithm: Algorithm::P256 },
        Self { purpose: Purpose::Oidc, algorithm: Algorithm::P256 },
        Self { purpose: Purpose::Oidc, algorithm: Algorithm::Rsa2048 },
    ];

    /// The line of this purpose and algorithm; of the purpose's first algorithm where none is named.
    pub fn find(purpose: Purpose, algorithm: Option<Algorithm>) -> Option<Self> {
        let fits = |line: &Self| {
            line.purpose == purpose && algorithm.is_none_or(|wanted| wanted == line.algorithm)
        };
        Self::ALL.into_iter().find(fits)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.purpose, self.algorithm.as_str())
    }
}

/// Where a private key lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manager {
    /// Sealed in the database, shared by replicas.
    Disk,
    /// In the process that made it.
    Memory,
}

impl Manager {
    /// The name in rows and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Memory => "memory",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Disk, Self::Memory].into_iter().find(|manager| manager.as_str() == text)
    }
}

/// Where an authority stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Published, not signing yet.
    Prepared,
    /// Signing.
    Active,
    /// Published, not signing any longer; tainted if nothing of it is to be relied on.
    Old {
        /// Whether it is tainted.
        tainted: bool,
    },
    /// Out of the bundle before its end.
    Revoked,
}

impl State {
    /// The name in rows and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Active => "active",
            Self::Old { .. } => "old",
            Self::Revoked => "revoked",
        }
    }

    /// True if nothing of it is to be relied on.
    pub const fn is_tainted(self) -> bool {
        matches!(self, Self::Old { tainted: true } | Self::Revoked)
    }

    pub(super) fn parse(text: &str, tainted: bool) -> Option<Self> {
        Some(match (text, tainted) {
            ("prepared", false) => Self::Prepared,
            ("active", false) => Self::Active,
            ("old", tainted) => Self::Old { tainted },
            ("revoked", true) => Self::Revoked,
            _ => return None,
        })
    }
}

/// One authority, as everybody may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its id.
    pub id: AuthorityId,
    /// What it signs.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: State,
    /// Where its private key lives.
    pub manager: Manager,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its public key.
    pub public_key: PublicKey,
    /// Its name where it signs: the subject key identifier in hexadecimal, or the `kid`.
    pub key_id: String,
    /// Its own certificate, for X.509.
    pub certificate: Option<Vec<u8>>,
    /// The certificates above it, the root last; none for its own root.
    pub upstream: Vec<Vec<u8>>,
    /// First second of its validity.
    pub not_before: Timestamp,
    /// Last second of its validity.
    pub not_after: Timestamp,
    /// When it was made and published.
    pub prepared_at: Timestamp,
    /// When it came into its present state.
    pub changed_at: Timestamp,
    /// The number of the first bundle that had it; of an OpenID key, which is in none, that of the bundle then.
    pub published_sequence: i64,
}

impl Slot {
    /// The line it is in.
    pub const fn line(&self) -> Line {
        Line { purpose: self.purpose, algorithm: self.algorithm }
    }

    /// The certificate that verifiers trust: the root above it, or its own.
    pub fn root(&self) -> Option<&Vec<u8>> {
        self.upstream.last().or(self.certificate.as_ref())
    }
}

/// What names a realm where authorities need it; fixed for the life of the realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmNames {
    /// The realm.
    pub realm: RealmId,
    /// Its trust domain.
    pub trust_domain: TrustDomain,
    /// The issuer of its tokens, without the `/spiffe` of JWT-SVIDs.
    pub issuer: Arc<str>,
}

/// The X.509 authority that signs now.
#[derive(Debug)]
pub struct X509Authority {
    /// Its id.
    pub id: AuthorityId,
    /// The trust domain it signs for.
    pub trust_domain: TrustDomain,
    /// Its certificate and key.
    pub issuer: Issuer,
    /// What stands between a leaf and the root, from the leaf up.
    pub intermediates: Vec<Vec<u8>>,
}

impl X509Authority {
    /// The whole chain of a leaf, without the root.
    pub fn chain_of(&self, leaf: Vec<u8>) -> Vec<Vec<u8>> {
        let mut chain = Vec::with_capacity(1 + self.intermediates.len());
        chain.push(leaf);
        chain.extend(self.intermediates.iter().cloned());
        chain
    }
}

/// The JWT authority that signs now.
#[derive(Debug)]
pub struct JwtAuthority {
    /// Its id.
    pub id: AuthorityId,
    /// The trust domain it signs for.
    pub trust_domain: TrustDomain,
    /// `iss` of what it signs: the realm's issuer and `/spiffe`, which no OpenID Connect token has.
    pub issuer: Arc<str>,
    /// Its key, and the header of what it signs.
    pub signer: TokenSigner,
    /// The end of its validity.
    pub not_after: Timestamp,
}

/// An authority for OpenID tokens that signs now.
#[derive(Debug)]
pub struct OidcAuthority {
    /// Its id.
    pub id: AuthorityId,
    /// `iss` of what it signs.
    pub issuer: Arc<str>,
    /// The trust domain of its realm.
    pub trust_domain: TrustDomain,
    /// What it signs with.
    pub algorithm: JwsAlgorithm,
    /// Its key, signing ID tokens: `typ` is `JWT`.
    pub id_tokens: TokenSigner,
    /// The same key, signing access tokens: `typ` is `at+jwt` (RFC 9068 §2.1).
    pub access_tokens: TokenSigner,
    /// The same key, signing logout tokens: `typ` is `logout+jwt` (OpenID Connect Back-Channel Logout §2.4).
    pub logout_tokens: TokenSigner,
    /// The end of its validity.
    pub not_after: Timestamp,
}

/// A private key that is ready, shared by whoever signs with it.
pub(super) type OpenedKey = Arc<PrivateKey>;

/// May they look at authorities?
#[derive(Debug, Clone)]
pub struct ReadAuthority(pub Administrator);
/// May they make the next authority?
#[derive(Debug, Clone)]
pub struct PrepareAuthority(pub Administrator, pub Line);
/// May they let this authority sign?
#[derive(Debug, Clone)]
pub struct ActivateAuthority(pub Administrator, pub String);
/// May they taint this authority?
#[derive(Debug, Clone)]
pub struct TaintAuthority(pub Administrator, pub String);
/// May they take this authority out of the bundle?
#[derive(Debug, Clone)]
pub struct RevokeAuthority(pub Administrator, pub String);

macro_rules! actions {
    ($($action:ty = $name:literal, |$it:ident| $id:expr;)*) => {$(
        impl Action for $action {
            const NAME: &'static str = $name;

            fn request(&self) -> Request<'_> {
                let $it = self;
                self.0.request(("Authority", $id), None)
            }
        }
    )*};
}

actions! {
    ReadAuthority = "ReadAuthority", |_it| "all";
    PrepareAuthority = "PrepareAuthority", |it| it.1.purpose.as_str();
    ActivateAuthority = "ActivateAuthority", |it| &it.1;
    TaintAuthority = "TaintAuthority", |it| &it.1;
    RevokeAuthority = "RevokeAuthority", |it| &it.1;
}

/// Who changes something, and by what right: an administrator with a spent permit, or the server itself.
#[derive(Debug, Clone)]
pub(super) struct Doer {
    pub(super) granted: Granted,
    pub(super) asker: Option<Asker>,
}

impl Doer {
    /// The server, on its own account: `work` names what for.
    pub(super) const fn server(work: &'static str) -> Self {
        Self { granted: Granted::to_server(work), asker: None }
    }

    /// An event of this authority, signed by whoever does it.
    pub(super) fn tells(
        &self,
        realm: RealmId,
        kind: &'static str,
        (id, purpose): (&str, Purpose),
    ) -> Event {
        let event =
            Event::new(realm, kind).about("authority", id).about("purpose", purpose.as_str());
        let event = event.by("action", self.granted.action);
        match &self.asker {
            Some(asker) => asker.sign(event),
            None => event,
        }
    }
}

/// Why nothing was done with an authority.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This realm is not open in this server.
    #[error("realm {0} is not open")]
    Realm(RealmId),
    /// No authority of this id.
    #[error("there is no authority `{0}`")]
    NotFound(String),
    /// It is not in the state that this needs.
    #[error("authority {id} is {state}; {needs}")]
    State {
        /// Which.
        id: AuthorityId,
        /// Its state.
        state: &'static str,
        /// What would be right.
        needs: &'static str,
    },
    /// One of this line is prepared already.
    #[error("an authority for {0} is prepared already; activate it first")]
    Prepared(Line),
    /// Verifiers may not know it yet.
    #[error(
        "authority {id} is published only since {since}; verifiers may not know it before {ready}"
    )]
    TooEarly {
        /// Which.
        id: AuthorityId,
        /// Since when it is published.
        since: Timestamp,
        /// From when on it may sign.
        ready: Timestamp,
    },
    /// The process that signs does not hold its key.
    #[error("the key of authority {0} lives in the memory of another process")]
    NoKey(AuthorityId),
    /// The files of the upstream authority cannot be used.
    #[error("upstream authority: {0}")]
    Upstream(String),
    /// No.
    #[error(transparent)]
    Access(#[from] crate::access::Error),
    /// The fact could not be recorded.
    #[error(transparent)]
    Record(#[from] crate::events::Error),
    /// Storage or a key failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let (kind, code) = match error {
            Error::Access(error) => return error.into(),
            Error::Record(error) => return error.into(),
            Error::Fault(fault) => return fault.into(),
            Error::Realm(_) => (Kind::NotFound, "realm.not_found"),
            Error::NotFound(_) => (Kind::NotFound, "authority.not_found"),
            Error::State { .. } => (Kind::Conflict, "authority.state"),
            Error::Prepared(_) => (Kind::Conflict, "authority.prepared"),
            Error::TooEarly { .. } => (Kind::Conflict, "authority.too_early"),
            Error::NoKey(_) => (Kind::Conflict, "authority.no_key"),
            Error::Upstream(_) => (Kind::Unavailable, "authority.upstream"),
        };
        Self::new(kind, code, text)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
