//! Policies: their texts, what they were, whether a changed text would be one, and what they say to a question. Nothing here
//! changes a policy.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::super::Admin;
use super::super::pages::{
    AnswerLine, DecisionLine, FlawLine, PastLine, PoliciesPage, PolicyLine, PolicyPage,
    ReplayedLines, Tab, WhatIfPage,
};
use super::decisions::line;
use super::visitor::{Asks, Away, Visitor};
use crate::access::http::trials;
use crate::access::{ChangeError, Error, Explanation, Name, PolicyText};
use crate::audit::{LAST_MAX, Other, Query as Wanted, ReadEvents, Record, Replay};
use crate::crypto::digest::{hex, sha256};
use crate::events::Part;
use crate::http::pages::{Look, page, text_key};
use crate::http::{Form, Path, Problem};
use crate::kernel::Lifetime;
use crate::wire::api::{PolicyCase, PolicyCaseDevice, PolicyTrialInput};

pub(super) async fn list(State(admin): State<Admin>, asks: Asks) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let look = &visitor.look;
    let line = |policy: &PolicyText| PolicyLine {
        name: policy.name.clone(),
        origin: origin(look, policy),
        lines: policy.text.lines().count(),
        digest: digest(&policy.text),
    };
    let policies = admin.policies(&visitor)?.iter().map(line).collect();
    let shown = PoliciesPage { look, nav: visitor.nav(Tab::Policies), policies };
    Ok(page(StatusCode::OK, &shown, look))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    asks: Asks,
    Path(name): Path<String>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let policy = admin.policy(&visitor, &name)?;
    admin.policy_page(&visitor, &policy, (None, false)).await
}

#[derive(Debug, Deserialize)]
pub(super) struct Changed {
    text: String,
    /// Whether the decisions on record are asked too.
    replay: Option<String>,
}

/// Says what is wrong with a changed text, line by line. Keeps nothing.
pub(super) async fn check(
    State(admin): State<Admin>,
    asks: Asks,
    Path(name): Path<String>,
    Form(changed): Form<Changed>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let policy = admin.policy(&visitor, &name)?;
    // A browser sends each end of a line as two characters.
    let text = changed.text.replace("\r\n", "\n");
    let replay = changed.replay.is_some();
    admin.policy_page(&visitor, &policy, (Some(text), replay)).await
}

/// A question that nobody asked. Every part is in the address, so that it can be passed on.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Question {
    action: Option<String>,
    principal: Option<String>,
    resource: Option<String>,
    context: Option<String>,
    level: Option<String>,
    score: Option<String>,
}

/// What the policies in force say to a question.
pub(super) async fn what_if(
    State(admin): State<Admin>,
    asks: Asks,
    crate::http::Query(question): crate::http::Query<Question>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let look = &visitor.look;
    let policies = admin.policies(&visitor)?;
    let asked = question.action.is_some();
    let (answer, wrong) = if asked {
        match admin.answer(&visitor, &question).await {
            Ok(told) => (Some(answer_line(look, &policies, &told)), None),
            Err(Wrong::Question(words)) => (None, Some(words)),
            Err(Wrong::Refused(away)) => return Err(away),
        }
    } else {
        (None, None)
    };
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    let level = said(&question.level);
    let levels = crate::kernel::Level::ALL.map(|of| {
        let name = crate::account::posture_words::level(look, of);
        (of.as_str(), name, level == of.as_str())
    });
    let shown = WhatIfPage {
        look,
        nav: visitor.nav(Tab::WhatIf),
        actions: admin.below.access.actions().map(str::to_owned).collect(),
        action: said(&question.action),
        principal: said(&question.principal),
        resource: said(&question.resource),
        context: said(&question.context),
        levels: levels.into(),
        score: said(&question.score),
        wrong,
        answer,
    };
    Ok(page(StatusCode::OK, &shown, look))
}

/// Why there is no answer.
enum Wrong {
    /// The question is none.
    Question(String),
    /// It is not for this person.
    Refused(Away),
}

impl Admin {
    fn policies(&self, visitor: &Visitor) -> Result<Vec<PolicyText>, Away> {
        let by = &visitor.by;
        let policies = self.below.rights.policies(&by.asker, by.realm);
        policies.map_err(|error| self.refuse(visitor, Tab::Policies, error))
    }

    fn policy(&self, visitor: &Visitor, name: &str) -> Result<PolicyText, Away> {
        let found = self.policies(visitor)?.into_iter().find(|policy| policy.name == name);
        let missing = || Problem::from(crate::devices::Error::NotFound("policy"));
        Ok(found.ok_or_else(missing)?)
    }

    async fn policy_page(
        &self,
        visitor: &Visitor,
        policy: &PolicyText,
        (changed, replay): (Option<String>, bool),
    ) -> Result<Response, Away> {
        let look = &visitor.look;
        let (mut flaws, mut good) = (Vec::new(), None);
        if let Some(text) = &changed {
            match self.would_be(visitor, policy, text).await? {
                Ok(()) => good = Some(look.say("policy-good")),
                Err(found) => flaws = found,
            }
        }
        let replayed = match &changed {
            Some(text) if replay && flaws.is_empty() => {
                Some(self.replayed(visitor, policy, text).await?)
            }
            _ => None,
        };
        let past = self.past(visitor, &policy.name).await?;
        let status =
            if flaws.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        let lines = policy.text.lines().map(str::to_owned).collect();
        let shown = PolicyPage {
            look,
            nav: visitor.nav(Tab::Policies),
            name: policy.name.clone(),
            origin: origin(look, policy),
            digest: digest(&policy.text),
            lines,
            may_replay: past.is_some(),
            past,
            replayed,
            text: changed.unwrap_or_else(|| policy.text.to_string()),
            flaws,
            good,
        };
        Ok(page(status, &shown, look))
    }

    /// What this text in the place of the policy would have made of the decisions on record.
    async fn replayed(
        &self,
        visitor: &Visitor,
        policy: &PolicyText,
        text: &str,
    ) -> Result<ReplayedLines, Away> {
        let name = Name::parse(&policy.name).map_err(crate::kernel::Fault::bug)?;
        let instead = [(name, Some(Arc::from(text)))].into();
        let ask = Replay { by: visitor.by.clone(), instead, last: LAST_MAX };
        let told = self.below.audit.replay(ask, self.env.clock.as_ref()).await;
        let told = told.map_err(|error| self.refuse(visitor, Tab::Policies, error))?;
        let look = &visitor.look;
        let asked = look.say1("policy-replay-asked", "n", told.asked);
        let (refused, allowed) = (told.refused.len().to_string(), told.allowed.len().to_string());
        let others =
            look.say2("policy-replay-others", &("refused", &refused), &("allowed", &allowed));
        let part = |title: String, others: &[Other]| {
            let of = |other: &Other| {
                let why = other.tried.after.outcome.as_ref().err().map(ToString::to_string);
                line(visitor, &other.record).map(|line| DecisionLine { why, ..line })
            };
            (title, others.iter().take(REPLAYED).filter_map(of).collect())
        };
        Ok(ReplayedLines {
            words: format!("{asked} {others}"),
            parts: vec![
                part(look.say("policy-replay-refused"), &told.refused),
                part(look.say("policy-replay-allowed"), &told.allowed),
            ],
        })
    }

    /// Whether this text could take the place of the policy; else what is wrong with it.
    async fn would_be(
        &self,
        visitor: &Visitor,
        policy: &PolicyText,
        text: &str,
    ) -> Result<Result<(), Vec<FlawLine>>, Away> {
        let name = Name::parse(&policy.name).map_err(crate::kernel::Fault::bug)?;
        let tried = self.below.rights.would_set(&visitor.by, name, Arc::from(text)).await;
        let look = &visitor.look;
        let line = |words: String| FlawLine { at: String::new(), words };
        Ok(match tried {
            Ok(()) => Ok(()),
            Err(ChangeError::Policy { error, .. }) => Err(error
                .flaws
                .iter()
                .map(|flaw| {
                    let (line, column) = (flaw.line.to_string(), flaw.column.to_string());
                    let at = look.say2("policy-at", &("line", &line), &("column", &column));
                    FlawLine { at, words: flaw.what.to_string() }
                })
                .collect()),
            Err(
                error @ (ChangeError::LocksOut { .. }
                | ChangeError::TooLong
                | ChangeError::Protected(_)),
            ) => Err(vec![line(error.to_string())]),
            Err(error) => return Err(self.refuse(visitor, Tab::Policies, error)),
        })
    }

    /// The changes of a policy, newest first; nothing where this person may not read events.
    async fn past(&self, visitor: &Visitor, name: &str) -> Result<Option<Vec<PastLine>>, Away> {
        let mut found: Vec<PastLine> = Vec::new();
        let mut query = Wanted { kind: Some("access.".to_owned()), ..Wanted::default() };
        for _ in 0..LOOKS {
            let (realm, asker) = (visitor.by.realm, visitor.by.asker.clone());
            let ask = ReadEvents { realm, asker, query: query.clone() };
            let page = match self.below.audit.list(ask).await {
                Ok(page) => page,
                Err(crate::audit::Error::Access(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            found.extend(page.items.iter().filter_map(|record| past(visitor, record, name)));
            query.after = page.next;
            if query.after.is_none() || found.len() >= CHANGES {
                break;
            }
        }
        found.truncate(CHANGES);
        Ok(Some(found))
    }

    async fn answer(&self, visitor: &Visitor, question: &Question) -> Result<Explanation, Wrong> {
        let case = case(question).map_err(Wrong::Question)?;
        let input =
            PolicyTrialInput { policies: std::collections::BTreeMap::new(), cases: vec![case] };
        let read = trials::read(&input, visitor.now).map_err(Wrong::Question)?;
        let tried = self.below.rights.try_cases(&visitor.by, read.0, read.1).await;
        let tried = tried.map_err(|error| match error {
            crate::access::trial::TrialError::Refused(error) => {
                Wrong::Refused(self.refuse(visitor, Tab::WhatIf, error))
            }
            other => Wrong::Question(other.to_string()),
        })?;
        let first = tried.into_iter().next().map(|tried| tried.before);
        first.ok_or_else(|| Wrong::Question(String::new()))
    }
}

fn case(question: &Question) -> Result<PolicyCase, String> {
    let said = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    let context = said(&question.context);
    let context = if context.is_empty() {
        std::collections::BTreeMap::new()
    } else {
        serde_json::from_str(&context).map_err(|error| format!("context: {error}"))?
    };
    let (level, score) = (said(&question.level), said(&question.score));
    let score = if score.is_empty() {
        None
    } else {
        Some(score.parse::<u8>().map_err(|error| format!("score: {error}"))?)
    };
    let device = (!level.is_empty()).then_some(PolicyCaseDevice {
        level,
        score,
        confidence: 100,
        locked: false,
        contained: false,
        age_seconds: 0,
        evidence_seconds: None,
    });
    Ok(PolicyCase {
        name: "asked".to_owned(),
        action: said(&question.action),
        principal: said(&question.principal),
        roles: None,
        resource: said(&question.resource),
        context,
        device,
        expect: None,
        lifetime_seconds: None,
        by: None,
    })
}

fn answer_line(look: &Look, policies: &[PolicyText], told: &Explanation) -> AnswerLine {
    use super::super::pages::Badge;
    use crate::account::posture_words::Tone;
    let (text, tone, words) = match &told.outcome {
        Ok(Lifetime::ZERO) => (look.say("decision-allowed"), Tone::Good, String::new()),
        Ok(life) => {
            let words = look.say1("what-if-lives", "span", look.lasting(*life));
            (look.say("decision-allowed"), Tone::Good, words)
        }
        Err(Error::StepUp { reason }) => {
            (look.say("what-if-step-up"), Tone::Warn, reason.to_string())
        }
        Err(Error::Denied { reason, .. } | Error::Broken { reason }) => {
            (look.say("decision-refused"), Tone::Bad, reason.to_string())
        }
    };
    let rule = |id: &Arc<str>| (id.to_string(), rule_called(policies, id).unwrap_or_default());
    AnswerLine {
        badge: Badge { text, tone },
        words,
        holds: told.holds.clone(),
        decided_by: told.decided_by.iter().map(|(id, _)| rule(id)).collect(),
        considered: told.considered.iter().map(ToString::to_string).collect(),
    }
}

/// The text of a rule: `posture/quarantine` is the one with `@id("quarantine")` in the policy `posture`.
pub(super) fn rule_called(policies: &[PolicyText], id: &str) -> Option<String> {
    let (policy, rule) = id.split_once('/')?;
    let text = &policies.iter().find(|one| one.name == policy)?.text;
    let start = text.find(&format!("@id(\"{rule}\")"))?;
    let rest = text.get(start..)?;
    let end = rest.find(";\n").map_or(rest.len(), |end| end.saturating_add(1));
    rest.get(..end).map(str::to_owned)
}

fn past(visitor: &Visitor, record: &Record, name: &str) -> Option<PastLine> {
    let Part::Open(about) = &record.about else { return None };
    let said = |name: &str| about.get(name).and_then(serde_json::Value::as_str);
    if said("name") != Some(name) {
        return None;
    }
    let look = &visitor.look;
    let what = match record.kind.as_str() {
        crate::access::POLICY_SET => look.say("policy-set"),
        crate::access::POLICY_DELETED => look.say("policy-deleted"),
        _ => return None,
    };
    let by = match &record.by {
        Part::Open(fields) => fields.get("id").and_then(serde_json::Value::as_str),
        Part::Empty | Part::Erased => None,
    };
    Some(PastLine {
        what,
        by: by.unwrap_or_default().to_owned(),
        when: visitor.ago(record.time),
        exactly: look.exactly(record.time),
        digest: said("text").map(digest),
        text: said("text").or_else(|| said("before")).unwrap_or_default().to_owned(),
    })
}

fn origin(look: &Look, policy: &PolicyText) -> String {
    look.say(if policy.own { text_key("policy-own") } else { text_key("policy-shipped") })
}

/// Enough to tell two texts apart.
fn digest(text: &str) -> String {
    hex(&sha256(text.as_bytes())).chars().take(12).collect()
}

/// Decisions that a page names: enough to see what they have in common.
const REPLAYED: usize = 10;
/// Readings of the events for the past of one policy.
const LOOKS: usize = 4;
/// Changes that a page shows.
const CHANGES: usize = 20;
