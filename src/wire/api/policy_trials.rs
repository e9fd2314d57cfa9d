//! Trials of policies: questions with given facts, what was expected, and what the policies say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RoleGrant;

/// A document of cases, for `weft policy test`: in TOML, each a `[[case]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyCases {
    /// A case that names no device is asked once of each of these, if there are any.
    #[serde(default)]
    pub device: Vec<NamedDevice>,
    /// The cases.
    #[serde(default)]
    pub case: Vec<PolicyCase>,
}

/// A device that cases are asked from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedDevice {
    /// Its name, which goes to those of the cases.
    pub name: String,
    /// What is known of it; nothing: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<PolicyCaseDevice>,
}

impl PolicyCases {
    /// The cases of every surface that are shipped.
    pub const SURFACES: &str = include_str!("../../../config/policies/surfaces.toml");

    /// Each case, from each device.
    pub fn each(&self) -> Vec<PolicyCase> {
        let from = |case: &PolicyCase| -> Vec<PolicyCase> {
            if case.device.is_some() || self.device.is_empty() {
                return vec![case.clone()];
            }
            let on = |device: &NamedDevice| PolicyCase {
                name: format!("{} ({})", case.name, device.name),
                device: device.known.clone(),
                ..case.clone()
            };
            self.device.iter().map(on).collect()
        };
        self.case.iter().flat_map(from).collect()
    }
}

/// One question with its facts, and the answer that is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyCase {
    /// What it is about, in words.
    pub name: String,
    /// The action: `IssueX509Svid`.
    pub action: String,
    /// Who asks, in Cedar's form: `User::"spiffe://example.org/user/ada"`.
    pub principal: String,
    /// What they hold; nothing: what they hold in the realm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<RoleGrant>>,
    /// On what, in Cedar's form.
    pub resource: String,
    /// Facts by name, as the schema has them for the action. What is not said is empty, zero or no.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub context: BTreeMap<String, Value>,
    /// The device behind whoever asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<PolicyCaseDevice>,
    /// What the answer should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<PolicyOutcome>,
    /// How long what is issued should live at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_seconds: Option<i64>,
    /// A policy that should be among those that decided: `posture/quarantine`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What is known of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyCaseDevice {
    /// The level: unknown, quarantine, restricted, standard, trusted.
    pub level: String,
    /// The score, 0 to 100; nothing where it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// In percent; 100 where it is not said.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    pub confidence: u8,
    /// Somebody locked it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// Somebody contained it, or its subject, for a while.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contained: bool,
    /// How long ago it reported.
    #[serde(default)]
    pub age_seconds: i64,
    /// When the evidence of its posture ends; nothing: not soon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_seconds: Option<i64>,
}

/// A sort of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyOutcome {
    /// Yes.
    Permit,
    /// Something stronger would do.
    StepUp,
    /// No.
    Deny,
    /// The policies could not be evaluated, which is a no.
    Broken,
}

impl PolicyOutcome {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::StepUp => "step-up",
            Self::Deny => "deny",
            Self::Broken => "broken",
        }
    }
}

/// What is to be tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyTrialInput {
    /// Documents in the place of the realm's own of those names; `null`: as if it had none.
    #[serde(default)]
    pub policies: BTreeMap<String, Option<String>>,
    /// The questions, at most 1,000.
    pub cases: Vec<PolicyCase>,
}

/// What came out, case by case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyTrial {
    /// In the order of the cases.
    pub cases: Vec<TriedCase>,
}

/// What the policies say to one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TriedCase {
    /// The case's words.
    pub name: String,
    /// As the policies are.
    pub before: PolicyAnswer,
    /// With the documents in their place.
    pub after: PolicyAnswer,
    /// What of `after` was not as expected; empty where all was.
    pub unexpected: Vec<String>,
}

impl TriedCase {
    /// A test's outcome in words: each case in a line, and how many are as expected.
    pub fn report(cases: &[Self]) -> String {
        let mut lines: Vec<String> = cases
            .iter()
            .map(|case| match case.unexpected.as_slice() {
                [] => format!("ok    {}: {}", case.name, case.after.in_words()),
                flaws => format!("WRONG {}: {}", case.name, flaws.join("; ")),
            })
            .collect();
        let fine = cases.iter().filter(|case| case.unexpected.is_empty()).count();
        lines.push(format!("{fine} of {} as expected", cases.len()));
        lines.join("\n")
    }
}

impl PolicyAnswer {
    /// The answer in a few words.
    pub fn in_words(&self) -> String {
        let by = self.decided_by.join(", ");
        let by = if by.is_empty() { String::new() } else { format!(", by {by}") };
        match self.lifetime_seconds {
            Some(seconds) => format!("{} for {seconds} s{by}", self.outcome.as_str()),
            None => format!("{}{by}", self.outcome.as_str()),
        }
    }
}

/// An answer of the policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyAnswer {
    /// Its sort.
    pub outcome: PolicyOutcome,
    /// How long what is issued may live; nothing where nothing is issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_seconds: Option<i64>,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The policies that decided.
    pub decided_by: Vec<String>,
}

const fn all() -> u8 {
    100
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_all(percent: &u8) -> bool {
    *percent == 100
}
