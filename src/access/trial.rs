//! Questions that nobody asked: what the policies say to given facts, in force or as they would be. Decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decide::{Question, RealmRights};
use super::flaw::PolicyError;
use super::model::{Error, Explanation, Fact, Name, Request};
use super::policies::check;
use super::roles::{Given, Holder, RoleBinding, Roles};
use super::schema::{FactKind, Published};
use super::situation;
use super::{Access, Administrator, Rights};
use crate::kernel::{Failure, Kind, RealmId, SpiffeId, Standing, Timestamp};

/// One question with its facts.
#[derive(Debug, Clone)]
pub struct Case {
    /// The action: `IssueX509Svid`.
    pub action: String,
    /// Who asks: the schema's type and the id.
    pub principal: (String, String),
    /// What the principal holds; nothing: what it holds in the realm.
    pub given: Option<Vec<Given>>,
    /// On what: the schema's type and the id.
    pub resource: (String, String),
    /// Facts by name, those of the situation among them. What is not said is empty, zero or no.
    pub context: BTreeMap<String, GivenFact>,
    /// The device behind the principal.
    pub standing: Option<Standing>,
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenFact {
    /// A text; where a path is wanted, a SPIFFE ID.
    Text(String),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Texts.
    Texts(Vec<String>),
}

/// Documents to be tried in the place of a realm's own of those names; without text: as if it had none.
pub type Instead = BTreeMap<Name, Option<Arc<str>>>;

/// Why nothing was tried.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TrialError {
    /// A document cannot be used.
    #[error("policy `{0}`: {1}")]
    Policy(Name, PolicyError),
    /// A case asks what cannot be asked; its number, from one.
    #[error("case {0}: {1}")]
    Case(usize, String),
    /// The policies could not be evaluated, or the realm is not there.
    #[error(transparent)]
    Refused(#[from] Error),
}

impl From<TrialError> for Failure {
    fn from(error: TrialError) -> Self {
        let code = match &error {
            TrialError::Refused(inner) => return inner.clone().into(),
            TrialError::Policy(..) => "access.policy_invalid",
            TrialError::Case(..) => "access.trial",
        };
        Self::new(Kind::Invalid, code, error.to_string()).because(error)
    }
}

/// What the policies say to a case: as they are, and with the documents in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// In force.
    pub before: Explanation,
    /// With the documents.
    pub after: Explanation,
}

impl Access {
    /// Asks each case of the policies in force, and of those with these documents in their place. Takes time: some
    /// milliseconds for the documents.
    pub fn try_cases(
        &self,
        realm: RealmId,
        instead: &Instead,
        cases: &[Case],
    ) -> Result<Vec<Tried>, TrialError> {
        let both = self.both(realm, instead)?;
        let now = self.inner.clock.now();
        let tried = |(n, case): (usize, &Case)| {
            self.tried(&both, case, now).map_err(|why| TrialError::Case(n + 1, why))
        };
        cases.iter().enumerate().map(tried).collect()
    }

    /// The same; nothing for a case that cannot be asked.
    pub fn try_each(
        &self,
        realm: RealmId,
        instead: &Instead,
        cases: &[Case],
    ) -> Result<Vec<Option<Tried>>, TrialError> {
        let both = self.both(realm, instead)?;
        let now = self.inner.clock.now();
        Ok(cases.iter().map(|case| self.tried(&both, case, now).ok()).collect())
    }

    /// What decides in a realm, and what would with these documents.
    fn both(
        &self,
        realm: RealmId,
        instead: &Instead,
    ) -> Result<(Arc<RealmRights>, RealmRights), TrialError> {
        let in_force = self.realm(realm)?;
        let mut own = in_force.own.clone();
        for (name, text) in instead {
            let Some(text) = text else {
                own.remove(name.as_str());
                continue;
            };
            check(&self.inner.schema, name.as_str(), text)
                .map_err(|error| TrialError::Policy(name.clone(), error))?;
            own.insert(name.to_string(), Arc::clone(text));
        }
        let after = self.with_documents(realm, own)?;
        Ok((in_force, after))
    }

    fn tried(
        &self,
        (before, after): &(Arc<RealmRights>, RealmRights),
        case: &Case,
        now: Timestamp,
    ) -> Result<Tried, String> {
        Ok(Tried { before: self.asked(before, case, now)?, after: self.asked(after, case, now)? })
    }

    fn asked(
        &self,
        rights: &RealmRights,
        case: &Case,
        now: Timestamp,
    ) -> Result<Explanation, String> {
        let principal_id = SpiffeId::parse(&case.principal.1).ok();
        let resource_id = SpiffeId::parse(&case.resource.1).ok();
        let facts = context(&self.inner.schema, case, resource_id.as_ref())?;
        let situation = situation::given(&case.context, now)?;
        let request = Request {
            realm: RealmId::FIRST,
            principal: (&case.principal.0, &case.principal.1),
            principal_id: principal_id.as_ref(),
            actor: None,
            resource: (&case.resource.0, &case.resource.1),
            resource_id: resource_id.as_ref(),
            context: facts.iter().map(|(name, fact)| (*name, fact.fact())).collect(),
            standing: case.standing.as_ref(),
            situation: &situation,
            evidence_expires: Timestamp::FOREVER,
        };
        let told = |question: Result<Question<'_>, Error>| {
            question.and_then(Question::explain).map_err(|error| error.to_string())
        };
        let Some(given) = &case.given else {
            return told(rights.question(&case.action, &request, now));
        };
        let roles = holding(case, given)?;
        let rights = self.rights(rights.own.clone(), rights.policies.clone(), roles, None);
        told(rights.question(&case.action, &request, now))
    }
}

impl Rights {
    /// The same, for whoever may read policies.
    pub async fn try_cases(
        &self,
        by: &Administrator,
        instead: Instead,
        cases: Vec<Case>,
    ) -> Result<Vec<Tried>, TrialError> {
        self.may_read(by)?;
        let (access, realm) = (self.access.clone(), by.realm);
        let work = move || access.try_cases(realm, &instead, &cases);
        tokio::task::spawn_blocking(work).await.map_err(Error::broken)?
    }
}

/// A fact on its way into a request.
enum Value<'a> {
    Given(&'a GivenFact),
    Id(SpiffeId),
    Nothing(FactKind),
}

impl Value<'_> {
    fn fact(&self) -> Fact<'_> {
        match self {
            Self::Given(GivenFact::Text(text)) => Fact::Text(text),
            Self::Given(GivenFact::Number(number)) => Fact::Number(*number),
            Self::Given(GivenFact::Flag(flag)) => Fact::Flag(*flag),
            Self::Given(GivenFact::Texts(texts)) => Fact::Texts(texts),
            Self::Id(id) => Fact::Id(id),
            Self::Nothing(FactKind::Number) => Fact::Number(0),
            Self::Nothing(FactKind::Flag) => Fact::Flag(false),
            Self::Nothing(FactKind::Texts) => Fact::Texts(&[]),
            Self::Nothing(FactKind::Text | FactKind::Address | FactKind::Path) => Fact::Text(""),
        }
    }
}

/// Every fact that the action wants, from the case or as nothing.
fn context<'a>(
    schema: &'a Published,
    case: &'a Case,
    resource: Option<&SpiffeId>,
) -> Result<Vec<(&'a str, Value<'a>)>, String> {
    let wanted = schema.facts(&case.action);
    let wanted = wanted.ok_or_else(|| format!("there is no action `{}`", case.action))?;
    let own = wanted.iter().map(|(name, _)| name.as_str());
    let names: Vec<&str> = own.chain(situation::FACTS).collect();
    if let Some(unknown) = case.context.keys().find(|name| !names.contains(&name.as_str())) {
        let action = &case.action;
        return Err(format!(
            "`{action}` has no fact `{unknown}` to be given in `context`; it has {}",
            names.join(", ")
        ));
    }
    let value = |(name, kind): &'a (String, FactKind)| {
        let value = match (case.context.get(name), kind) {
            (Some(GivenFact::Text(text)), FactKind::Path) => Value::Id(
                SpiffeId::parse(text).map_err(|error| format!("the fact `{name}`: {error}"))?,
            ),
            (Some(given), kind) if given.is(*kind) => Value::Given(given),
            (Some(_), _) => return Err(format!("the fact `{name}` is {}", kind.words())),
            (None, FactKind::Path) => Value::Id(resource.cloned().ok_or_else(|| {
                format!("the fact `{name}` is {}, and was not given", kind.words())
            })?),
            (None, kind) => Value::Nothing(*kind),
        };
        Ok((name.as_str(), value))
    };
    wanted.iter().map(value).collect()
}

impl GivenFact {
    fn is(&self, kind: FactKind) -> bool {
        matches!(
            (self, kind),
            (Self::Text(_), FactKind::Text)
                | (Self::Number(_), FactKind::Number)
                | (Self::Flag(_), FactKind::Flag)
                | (Self::Texts(_), FactKind::Texts)
        )
    }
}

/// The bindings that give the principal what the case says.
fn holding(case: &Case, given: &[Given]) -> Result<Roles, String> {
    let (kind, id) = &case.principal;
    let written = if kind == "Local" { format!("uid:{id}") } else { id.clone() };
    let holder = Holder::parse(&written)
        .ok_or_else(|| format!("`{id}` can hold no role: it is no SPIFFE ID and no uid"))?;
    let binding = |(n, given): (usize, &Given)| {
        let name = Name::parse(&format!("given-{n}")).map_err(|error| error.to_string())?;
        let binding = RoleBinding { name, holder: holder.clone(), given: given.clone() };
        Ok(Arc::new(binding))
    };
    let bindings = given.iter().enumerate().map(binding).collect::<Result<Vec<_>, String>>()?;
    Ok(Roles::of(bindings))
}
