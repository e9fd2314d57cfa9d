//! People and groups.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Time;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct User {
    /// The id, `usr_…`.
    pub id: String,
    /// The number in events, `sub_…`.
    pub number: String,
    /// The last segment of the SPIFFE ID.
    pub handle: String,
    /// The SPIFFE ID.
    pub spiffe_id: String,
    /// `active` or `locked`.
    pub state: UserState,
    /// The language of pages and mail.
    pub language: Option<String>,
    /// What may be typed to say who one is.
    pub identifiers: Vec<UserIdentifier>,
    /// Standard claims of OpenID Connect by name; parts of the address are `address.…`.
    pub attributes: BTreeMap<String, UserAttribute>,
    /// The groups they are in.
    pub groups: Vec<String>,
    /// What they can sign in with.
    pub factors: UserFactors,
    /// When the account was made.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
}

/// Whether somebody may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// They may.
    Active,
    /// They may not.
    Locked,
}

/// What may be typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserIdentifier {
    /// `username`, `email` or `phone`.
    pub kind: String,
    /// In its one spelling.
    pub value: String,
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserAttribute {
    /// Its value.
    pub value: String,
    /// By whom, how and when it was shown to be true; null where nobody did.
    pub proof: Option<UserProof>,
}

/// How a claim was shown to be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserProof {
    /// `mail`, `administrator` or `upstream`.
    pub how: String,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Time,
}

/// What somebody can sign in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserFactors {
    /// A password.
    pub password: bool,
    /// An authenticator of one-time passwords.
    pub totp: bool,
    /// Recovery codes that are left.
    pub recovery_codes: u32,
    /// Passkeys.
    pub passkeys: u32,
    /// Of these, the ones bound to one piece of hardware.
    pub hardware_passkeys: u32,
    /// Linked identities at other providers.
    pub external: u32,
}

/// A person to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserInput {
    /// The handle, fixed for ever; 32 hexadecimal digits that say nothing if none is said.
    pub handle: Option<String>,
    /// The name they type.
    pub username: Option<String>,
    /// The language of pages and mail.
    pub language: Option<String>,
    /// Claims by name. An e-mail address and a telephone number may be typed to sign in, too.
    pub attributes: BTreeMap<String, String>,
    /// The claims that you vouch for: `email`, `phone_number`.
    pub verified: Vec<String>,
    /// The groups they are in.
    pub groups: Vec<String>,
}

/// What is to be different about a person (RFC 7396): what is not said stays, null removes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserPatch {
    /// Another name to type.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub username: Patch,
    /// Another language.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub language: Patch,
    /// Claims to set or remove, by name.
    pub attributes: BTreeMap<String, Option<String>>,
    /// Of the claims set here, those that you vouch for.
    pub verified: Vec<String>,
}

/// One member of a merge patch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch {
    /// Not said.
    #[default]
    Keep,
    /// Null.
    Clear,
    /// A value.
    Set(String),
}

impl Patch {
    /// True if nothing was said.
    pub fn is_keep(&self) -> bool {
        *self == Self::Keep
    }
}

impl<'de> Deserialize<'de> for Patch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<String>::deserialize(deserializer)?;
        Ok(value.map_or(Self::Clear, Self::Set))
    }
}

impl Serialize for Patch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(value) => serializer.serialize_some(value),
            Self::Keep | Self::Clear => serializer.serialize_none(),
        }
    }
}

/// The query of a listing of people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// Only in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<UserState>,
    /// Only in this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Only who may type this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Only with this handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Items on the page, 1 to 500; 100 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where to begin: `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A link that lets a person add a first passkey, once, within an hour. It does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EnrolmentLink {
    /// Where to open it. A secret: whoever has it becomes that person.
    pub url: String,
    /// When it ends.
    pub expires_at: Time,
}

impl fmt::Debug for EnrolmentLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolmentLink")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Group {
    /// Its name, as tokens say it.
    pub id: String,
    /// What it is for.
    pub description: String,
    /// When it was made.
    pub created_at: Time,
}

/// What a group is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GroupInput {
    /// What it is for.
    pub description: String,
}
