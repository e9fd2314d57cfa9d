//! What is believed of what a provider said: pure rules over claims that are verified already.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::mapping::Mapped;
use super::terms::{Creation, EmailTrust, Terms};
use crate::accounts::AttributeName;
use crate::kernel::{Method, Timestamp};
use crate::realms::HostName;

/// The claims of an ID token and of userinfo, and what the upstream's terms make of them.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// All claims, those of the ID token first.
    pub claims: Map<String, Value>,
    /// Attributes and groups.
    pub mapped: Mapped,
    /// True if the address among the attributes is one that the provider verified, and is trusted in that.
    pub email_verified: bool,
    /// What was shown there.
    pub methods: BTreeSet<Method>,
    /// When they authenticated there, if it says.
    pub authenticated_at: Option<Timestamp>,
}

impl Assertion {
    /// Applies the terms. The error says which expression fails, in words without anybody's data.
    pub fn of(terms: &Terms, claims: Map<String, Value>) -> Result<Self, String> {
        let mapped = terms.mapping.apply(&claims)?;
        let email_verified = mapped
            .attributes
            .get(&AttributeName::Email)
            .is_some_and(|email| email_verified(&terms.email_trust, email, &claims));
        let mut methods = BTreeSet::from([Method::Upstream]);
        if mapped.two_factors {
            methods.insert(Method::UpstreamTwoFactor);
        }
        let authenticated_at =
            claims.get("auth_time").and_then(Value::as_i64).map(Timestamp::from_seconds);
        Ok(Self { claims, mapped, email_verified, methods, authenticated_at })
    }

    /// The address, if the provider verified it and is trusted in that.
    pub fn verified_email(&self) -> Option<&str> {
        let email = self.mapped.attributes.get(&AttributeName::Email)?;
        self.email_verified.then_some(email.as_str())
    }

    /// Whether these terms make an account for them; the error says what is missing.
    pub fn may_create(&self, creation: Option<&Creation>) -> Result<(), &'static str> {
        let Some(Creation { domains, groups }) = creation else {
            return Err("this upstream makes no accounts");
        };
        if !domains.is_empty() {
            let email = self.verified_email().ok_or("there is no verified address")?;
            let domain = domain_of(email).ok_or("the address has no domain")?;
            if !domains.contains(&domain) {
                return Err("the address is of another domain than those that may come");
            }
        }
        if !groups.is_empty() && groups.is_disjoint(&self.mapped.upstream_groups) {
            return Err("they are in none of the groups that may come");
        }
        Ok(())
    }
}

/// Claims of userinfo are added to those of the ID token, which are never replaced. A value and the claim that says it is
/// verified belong together: both come from one of the two.
pub(super) fn merged(
    id_token: &Map<String, Value>,
    userinfo: Map<String, Value>,
) -> Map<String, Value> {
    let mut all = userinfo;
    for (value, verified) in PAIRS {
        if id_token.contains_key(value) || id_token.contains_key(verified) {
            all.remove(value);
            all.remove(verified);
        }
    }
    all.extend(id_token.iter().map(|(name, value)| (name.clone(), value.clone())));
    all
}

/// The provider's word counts for the address it said itself, and for no other that an expression made.
fn email_verified(trust: &EmailTrust, email: &str, claims: &Map<String, Value>) -> bool {
    let said = claims.get("email").and_then(Value::as_str);
    let said = said.and_then(|said| AttributeName::Email.checked(said).ok());
    let verified = match claims.get("email_verified") {
        Some(Value::Bool(verified)) => *verified,
        // Some providers write it as a text.
        Some(Value::String(text)) => text == "true",
        _ => false,
    };
    let trusted = match trust {
        EmailTrust::Never => false,
        EmailTrust::IfTrue => true,
        EmailTrust::Domains(domains) => {
            domain_of(email).is_some_and(|domain| domains.contains(&domain))
        }
    };
    trusted && verified && said.as_deref() == Some(email)
}

/// Whole: `example.org` is not the domain of `a@b.example.org`.
pub(super) fn domain_of(email: &str) -> Option<HostName> {
    HostName::of_request(email.rsplit_once('@')?.1)
}

/// A claim, and the one that says it is verified (OpenID Connect Core §5.1).
const PAIRS: [(&str, &str); 2] =
    [("email", "email_verified"), ("phone_number", "phone_number_verified")];
