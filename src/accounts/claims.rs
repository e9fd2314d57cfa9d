//! Standard claims of a person for an ID token or userinfo (OpenID Connect Core §5.1, §5.4). Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::attributes::AttributeName;
use super::model::User;

/// The claims that these scopes and this list of single claims ask for, as far as the person has them. `sub` is not among
/// them: it is the token's own. What has no value is left out (§5.3.2).
pub fn standard_claims(
    user: &User,
    scopes: &BTreeSet<String>,
    claims: &BTreeSet<String>,
) -> Map<String, Value> {
    let wanted = |name: &str| {
        claims.contains(name)
            || SCOPES.iter().any(|(scope, of)| scopes.contains(*scope) && of.contains(&name))
    };
    let mut out = Map::new();
    for &name in AttributeName::ALL {
        let claim = name.as_str();
        if claim.contains('.') || !wanted(claim) {
            continue;
        }
        if let Some(value) = value_of(user, name) {
            out.insert(claim.to_owned(), Value::from(value));
        }
    }
    for (claim, of) in [
        ("email_verified", AttributeName::Email),
        ("phone_number_verified", AttributeName::PhoneNumber),
    ] {
        if let (true, Some(attribute)) = (wanted(claim), user.attributes.get(&of)) {
            out.insert(claim.to_owned(), Value::from(attribute.proof.is_some()));
        }
    }
    if wanted("address")
        && let Some(address) = address(user)
    {
        out.insert("address".to_owned(), Value::Object(address));
    }
    if wanted("updated_at") {
        out.insert("updated_at".to_owned(), Value::from(user.updated_at.seconds()));
    }
    if wanted("groups") && !user.groups.is_empty() {
        out.insert("groups".to_owned(), Value::from(user.groups.clone()));
    }
    out
}

/// The claims that this provider can give, for its discovery document.
pub fn claims_supported() -> Vec<&'static str> {
    let mut all = vec!["sub", "groups"];
    all.extend(
        SCOPES
            .iter()
            .filter(|(scope, _)| *scope != "groups")
            .flat_map(|(_, of)| of.iter().copied()),
    );
    all
}

fn value_of(user: &User, name: AttributeName) -> Option<&str> {
    let own = user.attribute(name);
    match name {
        AttributeName::PreferredUsername => own.or_else(|| user.username()),
        AttributeName::Locale => own.or(user.language.as_deref()),
        _ => own,
    }
}

fn address(user: &User) -> Option<Map<String, Value>> {
    let mut parts = Map::new();
    for (name, attribute) in &user.attributes {
        if let Some(part) = name.as_str().strip_prefix("address.") {
            parts.insert(part.to_owned(), Value::from(attribute.value.as_str()));
        }
    }
    (!parts.is_empty()).then_some(parts)
}

/// §5.4, and `groups`, which is ours.
const SCOPES: &[(&str, &[&str])] = &[
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("groups", &["groups"]),
];
