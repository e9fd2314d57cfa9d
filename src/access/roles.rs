//! Roles and who holds them: pure values, and the index a decision looks into.
//!
//! A binding gives one role to one holder, for good, in one realm. What a registrar may do hangs off a path, and two
//! bindings never mix: `create` on `/a` and `dns_names` on `/b` do not make DNS names on `/a`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use super::model::Name;
use crate::kernel::SpiffeId;

/// A role, as policies name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Reads configuration.
    Viewer,
    /// Keeps agents, join tokens and authorities going.
    Operator,
    /// Keeps the entries below a path.
    Registrar,
    /// Reads what happened.
    Auditor,
    /// Holds the realm.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Viewer, Self::Operator, Self::Registrar, Self::Auditor, Self::Admin];

    /// The name in policies, rows and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Registrar => "registrar",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

/// One right of a registrar. The first three are verbs; the others are what an entry may be beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// Create entries.
    Create,
    /// Update entries.
    Update,
    /// Delete entries.
    Delete,
    /// Entries with the `admin` flag.
    Admin,
    /// Entries with the `downstream` flag.
    Downstream,
    /// Entries with DNS names.
    DnsNames,
    /// Entries that federate with other trust domains.
    Federation,
    /// Entries whose SVIDs live longer than the default.
    Lifetime,
    /// Entries under parents outside the registrar's paths.
    Parents,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Admin,
        Self::Downstream,
        Self::DnsNames,
        Self::Federation,
        Self::Lifetime,
        Self::Parents,
    ];

    /// The verbs: what a registrar holds when nothing else is said.
    pub const VERBS: [Self; 3] = [Self::Create, Self::Update, Self::Delete];

    /// The name in policies, rows and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Admin => "admin",
            Self::Downstream => "downstream",
            Self::DnsNames => "dns_names",
            Self::Federation => "federation",
            Self::Lifetime => "lifetime",
            Self::Parents => "parents",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == name)
    }
}

/// What a binding gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// The role `viewer`.
    Viewer,
    /// The role `operator`.
    Operator,
    /// The role `auditor`.
    Auditor,
    /// The role `admin`.
    Admin,
    /// The role `registrar`, on a path.
    Registrar {
        /// The path: this ID and everything below it by whole segments; a trust domain's own ID for all of it.
        path: SpiffeId,
        /// What the registrar may do there, beside reading.
        rights: BTreeSet<Right>,
    },
}

impl Given {
    /// The role it is.
    pub const fn role(&self) -> Role {
        match self {
            Self::Viewer => Role::Viewer,
            Self::Operator => Role::Operator,
            Self::Auditor => Role::Auditor,
            Self::Admin => Role::Admin,
            Self::Registrar { .. } => Role::Registrar,
        }
    }

    /// True if whoever holds `self` holds `other` too: an admin holds everything, a registrar what lies below.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Admin, _) => true,
            (Self::Registrar { path, rights }, Self::Registrar { path: below, rights: fewer }) => {
                holds_path(path, below) && fewer.is_subset(rights)
            }
            (mine, theirs) => mine == theirs,
        }
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registrar { path, rights } => {
                let names: Vec<&str> = rights.iter().map(|right| right.as_str()).collect();
                write!(f, "registrar of {path} ({})", names.join(", "))
            }
            plain => f.write_str(plain.role().as_str()),
        }
    }
}

/// Who holds a role.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// Whoever shows an SVID with exactly this ID; also of another trust domain.
    Spiffe(SpiffeId),
    /// A user of the server's own machine, at the local socket.
    LocalUser(u32),
}

impl Holder {
    /// Reads the form that `Display` prints.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("uid:") {
            Some(uid) => {
                let number: u32 = uid.parse().ok()?;
                (number.to_string() == uid).then_some(Self::LocalUser(number))
            }
            None => SpiffeId::parse(text).ok().map(Self::Spiffe),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spiffe(id) => f.write_str(id.as_str()),
            Self::LocalUser(uid) => write!(f, "uid:{uid}"),
        }
    }
}

/// One role given to one holder. The name is the client's choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleBinding {
    /// Its name in the realm.
    pub name: Name,
    /// Who holds it.
    pub holder: Holder,
    /// What it gives.
    pub given: Given,
}

/// Everything one holder holds in one realm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Held {
    given: Vec<Given>,
}

impl Held {
    /// The admin's.
    pub(super) fn admin() -> Self {
        Self { given: vec![Given::Admin] }
    }

    /// Each binding's part.
    pub(super) fn all(&self) -> &[Given] {
        &self.given
    }

    /// True for whoever holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// The roles, each once.
    pub(super) fn roles(&self) -> BTreeSet<Role> {
        self.given.iter().map(Given::role).collect()
    }

    /// The paths this right is held on; for no right in particular, every path of the registrar.
    pub(super) fn paths(&self, wanted: Option<Right>) -> impl Iterator<Item = &SpiffeId> {
        self.given.iter().filter_map(move |given| match given {
            Given::Registrar { path, rights } => {
                wanted.is_none_or(|right| rights.contains(&right)).then_some(path)
            }
            _ => None,
        })
    }

    /// True if everything in `wanted` is held already.
    pub(super) fn covers(&self, wanted: &Given) -> bool {
        self.given.iter().any(|mine| mine.covers(wanted))
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.given.is_empty() {
            return f.write_str("no role");
        }
        let all: Vec<String> = self.given.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(", "))
    }
}

/// The bindings of one realm, by name and by holder.
#[derive(Debug, Clone, Default)]
pub(super) struct Roles {
    by_name: BTreeMap<Name, Arc<RoleBinding>>,
    by_holder: HashMap<Holder, Arc<Held>>,
}

impl Roles {
    /// The index of these bindings.
    pub(super) fn of(bindings: impl IntoIterator<Item = Arc<RoleBinding>>) -> Self {
        let by_name: BTreeMap<_, _> =
            bindings.into_iter().map(|binding| (binding.name.clone(), binding)).collect();
        let mut grouped: HashMap<Holder, Held> = HashMap::new();
        for binding in by_name.values() {
            grouped.entry(binding.holder.clone()).or_default().given.push(binding.given.clone());
        }
        let by_holder =
            grouped.into_iter().map(|(holder, held)| (holder, Arc::new(held))).collect();
        Self { by_name, by_holder }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<RoleBinding>> {
        self.by_name.values()
    }

    pub(super) fn held(&self, holder: &Holder) -> Option<&Arc<Held>> {
        self.by_holder.get(holder)
    }

    /// Every path that a binding names.
    pub(super) fn paths(&self) -> impl Iterator<Item = &SpiffeId> {
        self.by_holder.values().flat_map(|held| held.paths(None))
    }
}

/// True if `id` is `path` or lies below it, by whole segments, in the same trust domain.
pub(super) fn holds_path(path: &SpiffeId, id: &SpiffeId) -> bool {
    path.trust_domain() == id.trust_domain() && id.is_under(path.path())
}
