//! Registration entries: whoever shows all the selectors, under the parent, is the SPIFFE ID.

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::{Problem, Time};

/// A registration entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are the protocol's")]
pub struct Entry {
    /// Its id: the client's choice, or `ent_…`.
    pub id: String,
    /// Rises by one with every change; also the entity tag.
    pub revision: i64,
    /// When it was made.
    pub created_at: Time,
    /// The identity it gives.
    pub spiffe_id: String,
    /// The agent, entry or server it hangs under.
    pub parent_id: String,
    /// All of them must be attested; `type:value` each.
    pub selectors: Vec<String>,
    /// How long its X.509-SVIDs live; null: the default.
    pub x509_svid_ttl_seconds: Option<i64>,
    /// How long its JWT-SVIDs live; null: the default.
    pub jwt_svid_ttl_seconds: Option<i64>,
    /// Foreign trust domains whose bundles come with the identity.
    pub federates_with: Vec<String>,
    /// The identity may administer the server.
    pub admin: bool,
    /// The identity is a downstream server.
    pub downstream: bool,
    /// From when on the entry counts no more; null: never.
    pub expires_at: Option<Time>,
    /// DNS names in its X.509-SVIDs; the first is also the common name.
    pub dns_names: Vec<String>,
    /// The SVID is pushed into a store instead of served to workloads.
    pub store_svid: bool,
    /// Tells identities apart for workloads that have several; empty: none.
    pub hint: String,
    /// The agent asks for the X.509-SVID only when a workload does.
    pub disable_x509_svid_prefetch: bool,
    /// JWT-SVIDs carry a `jti`, and agents do not cache them.
    pub jwt_svid_include_jti: bool,
}

/// What an entry shall be. Replaces the whole entry: what is not said is at its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are the protocol's")]
pub struct EntryInput {
    /// The client's choice of id: 1 to 255 of `A-Z a-z 0-9 . - _`. In `PUT` it is the path's, or not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The identity it gives.
    pub spiffe_id: String,
    /// The agent, entry or server it hangs under.
    pub parent_id: String,
    /// All of them must be attested; `type:value` each, at least one.
    pub selectors: Vec<String>,
    /// How long its X.509-SVIDs live; 0, null or not said: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x509_svid_ttl_seconds: Option<i64>,
    /// How long its JWT-SVIDs live; 0, null or not said: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt_svid_ttl_seconds: Option<i64>,
    /// Foreign trust domains whose bundles come with the identity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub federates_with: Vec<String>,
    /// The identity may administer the server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub admin: bool,
    /// The identity is a downstream server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub downstream: bool,
    /// From when on the entry counts no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// DNS names in its X.509-SVIDs; the first is also the common name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_names: Vec<String>,
    /// The SVID is pushed into a store instead of served to workloads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub store_svid: bool,
    /// Tells identities apart for workloads that have several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// The agent asks for the X.509-SVID only when a workload does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disable_x509_svid_prefetch: bool,
    /// JWT-SVIDs carry a `jti`, and agents do not cache them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub jwt_svid_include_jti: bool,
}

impl From<Entry> for EntryInput {
    /// The input that would leave the entry as it is.
    fn from(entry: Entry) -> Self {
        Self {
            id: Some(entry.id),
            spiffe_id: entry.spiffe_id,
            parent_id: entry.parent_id,
            selectors: entry.selectors,
            x509_svid_ttl_seconds: entry.x509_svid_ttl_seconds,
            jwt_svid_ttl_seconds: entry.jwt_svid_ttl_seconds,
            federates_with: entry.federates_with,
            admin: entry.admin,
            downstream: entry.downstream,
            expires_at: entry.expires_at,
            dns_names: entry.dns_names,
            store_svid: entry.store_svid,
            hint: entry.hint,
            disable_x509_svid_prefetch: entry.disable_x509_svid_prefetch,
            jwt_svid_include_jti: entry.jwt_svid_include_jti,
        }
    }
}

/// Several changes at once; each is done or refused by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// 1 to 500 of them.
    pub items: Vec<BatchItem>,
}

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum BatchItem {
    /// Make an entry.
    Create {
        /// What it shall be.
        entry: EntryInput,
    },
    /// Replace an entry.
    Update {
        /// Which.
        id: String,
        /// Only if it is at this revision.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<i64>,
        /// What it shall be.
        entry: EntryInput,
    },
    /// Remove an entry.
    Delete {
        /// Which.
        id: String,
        /// Only if it is at this revision.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<i64>,
    },
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BatchAnswer {
    /// One an item, in the order of the request.
    pub results: Vec<BatchResult>,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BatchResult {
    /// The HTTP status the same change would have had alone: 201, 200, 204, or that of the problem.
    pub status: u16,
    /// The entry after it was made or replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// How an entry's selectors compare with those asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SelectorsMatch {
    /// The same.
    Exact,
    /// The entry's are all among those asked for: what a workload with these gets.
    Subset,
    /// Those asked for are all among the entry's. This, if nothing is said.
    Superset,
    /// At least one in common.
    Any,
}

impl SelectorsMatch {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Subset, Self::Superset, Self::Any];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Subset => "subset",
            Self::Superset => "superset",
            Self::Any => "any",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|how| how.as_str() == name)
    }
}

/// Which entries: all that is said must hold. `selectors` and `federates_with` may be said several times.
#[derive(Debug, Clone, Default, PartialEq, Eq, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EntryQuery {
    /// With exactly this identity.
    pub spiffe_id: Option<String>,
    /// Under exactly this parent.
    pub parent_id: Option<String>,
    /// With such selectors; once a selector.
    pub selectors: Vec<String>,
    /// How they compare; `superset` if not said.
    #[param(inline)]
    pub selectors_match: Option<SelectorsMatch>,
    /// With exactly this hint.
    pub hint: Option<String>,
    /// Federating with all of these trust domains.
    pub federates_with: Vec<String>,
    /// Downstream, or not.
    pub downstream: Option<bool>,
    /// Items on the page, 1 to 500; 100 if not said.
    pub limit: Option<usize>,
    /// Where to begin: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl EntryQuery {
    /// The query's pairs, in a fixed order.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        let mut one = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
        one("spiffe_id", self.spiffe_id.clone());
        one("parent_id", self.parent_id.clone());
        self.selectors.iter().for_each(|selector| one("selectors", Some(selector.clone())));
        one("selectors_match", self.selectors_match.map(|how| how.as_str().to_owned()));
        one("hint", self.hint.clone());
        self.federates_with.iter().for_each(|name| one("federates_with", Some(name.clone())));
        one("downstream", self.downstream.map(|flag| flag.to_string()));
        one("limit", self.limit.map(|limit| limit.to_string()));
        one("cursor", self.cursor.clone());
        pairs
    }

    /// Takes one pair in; the error says what would be right.
    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "spiffe_id" => self.spiffe_id = Some(value),
            "parent_id" => self.parent_id = Some(value),
            "selectors" => self.selectors.push(value),
            "selectors_match" => {
                let how = SelectorsMatch::parse(&value);
                self.selectors_match = Some(
                    how.ok_or("`selectors_match` is one of `exact`, `subset`, `superset`, `any`")?,
                );
            }
            "hint" => self.hint = Some(value),
            "federates_with" => self.federates_with.push(value),
            "downstream" => {
                let flag = value.parse().map_err(|_| "`downstream` is `true` or `false`")?;
                self.downstream = Some(flag);
            }
            "limit" => self.limit = Some(value.parse().map_err(|_| "`limit` is a whole number")?),
            "cursor" => self.cursor = Some(value),
            other => {
                let other: String = other.chars().take(40).collect();
                return Err(format!("unknown parameter `{other}`"));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for EntryQuery {
    /// From the pairs of a query: a derive would take a repeated name for an error.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut query = Self::default();
        for (name, value) in Vec::<(String, String)>::deserialize(deserializer)? {
            query.set(&name, value).map_err(D::Error::custom)?;
        }
        Ok(query)
    }
}
