//! What was decided: who was let in or refused, what was issued, by which policies and on what evidence. From the events, which
//! whoever may read them reads here by the same right.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::super::Admin;
use super::super::pages::{Badge, DecisionLine, DecisionPage, DecisionsPage, FactLine, Tab};
use super::policies::rule_called;
use super::visitor::{Asks, Away, Visitor};
use crate::account::posture_words::Tone;
use crate::audit::{Origin, Place, Query as Wanted, ReadEvents, Record};
use crate::events::Part;
use crate::http::pages::{Look, page, text_key};
use crate::http::{Path, Problem, Query};
use crate::kernel::{DeviceId, Lifetime, SpiffeId, SubjectId};
use crate::workloads::{Filter, ListEntries};

/// What is looked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Sought {
    about: Option<String>,
    of: Option<String>,
    effect: Option<String>,
    since: Option<String>,
    cursor: Option<String>,
}

/// How a decision went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allowed,
    Refused,
}

pub(super) async fn list(
    State(admin): State<Admin>,
    asks: Asks,
    Query(sought): Query<Sought>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let look = &visitor.look;
    let effect = sought.effect()?;
    let mut query = sought.query(&visitor)?;
    let about = sought.about.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let mut unknown = false;
    if let Some(text) = about {
        query.subject = admin.subject_called(&visitor, text).await;
        unknown = query.subject.is_none();
    }
    let (found, next) = if unknown {
        // Whoever may not read events learns that, and not whether there is such a subject.
        let probe = Wanted { limit: 1, ..Wanted::default() };
        admin.records(&visitor, probe).await?;
        (Vec::new(), None)
    } else {
        admin.decided(&visitor, query, effect).await?
    };
    let chosen = |all: &[(&'static str, &'static str)], now: Option<&str>| {
        let one = |(word, key): &(&'static str, &'static str)| {
            (*word, look.say(key), now.unwrap_or_default() == *word)
        };
        all.iter().map(one).collect()
    };
    let shown = DecisionsPage {
        look,
        nav: visitor.nav(Tab::Decisions),
        about: about.unwrap_or_default().to_owned(),
        unknown,
        kinds: chosen(&KINDS, sought.of.as_deref()),
        effects: chosen(&EFFECTS, sought.effect.as_deref()),
        spans: chosen(&SPANS, sought.since.as_deref()),
        decisions: found.iter().filter_map(|one| line(&visitor, one)).collect(),
        next: next.map(|place| sought.href(Some(&place.to_string()))),
        first: sought.cursor.is_some().then(|| sought.href(None)),
    };
    Ok(page(StatusCode::OK, &shown, look))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    asks: Asks,
    Path(id): Path<String>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let origin = Origin::parse(&id);
    let query = Wanted { at: origin, limit: 1, ..Wanted::default() };
    let (records, _) = admin.records(&visitor, query).await?;
    let missing = || Problem::from(crate::devices::Error::NotFound("decision"));
    let record = records.into_iter().next().filter(|_| origin.is_some()).ok_or_else(missing)?;
    let line = line(&visitor, &record).ok_or_else(missing)?;
    let look = &visitor.look;
    let (about, by) = (fields(&record.about), fields(&record.by));
    let in_force = admin.below.access.policy_version(visitor.by.realm).ok();
    let policy = about.get("policy").or_else(|| by.get("policy_version")).and_then(Value::as_u64);
    let rules = admin.rules(&visitor, &about);
    let shown = DecisionPage {
        look,
        nav: visitor.nav(Tab::Decisions),
        line,
        id,
        policy: policy.map(|version| {
            let same = in_force == Some(version);
            let words = if same {
                look.say("decision-policy-now")
            } else {
                look.say("decision-policy-then")
            };
            (format!("{version:012x}"), words)
        }),
        device: about.get("device").and_then(Value::as_str).map(str::to_owned),
        again: again(&about),
        rules,
        facts: facts(look, &record, &[about, by]),
    };
    Ok(page(StatusCode::OK, &shown, look))
}

impl Admin {
    /// A page of records, if this person may read events.
    async fn records(
        &self,
        visitor: &Visitor,
        query: Wanted,
    ) -> Result<(Vec<Record>, Option<Place>), Away> {
        let (realm, asker) = (visitor.by.realm, visitor.by.asker.clone());
        let read = self.below.audit.list(ReadEvents { realm, asker, query }).await;
        let page = read.map_err(|error| self.refuse(visitor, Tab::Decisions, error))?;
        Ok((page.items, page.next))
    }

    /// A page of decisions: events that are none are passed over, for as long as [`LOOKS`] readings take.
    async fn decided(
        &self,
        visitor: &Visitor,
        mut query: Wanted,
        effect: Option<Effect>,
    ) -> Result<(Vec<Record>, Option<Place>), Away> {
        let mut found = Vec::new();
        if effect.is_some() {
            // Most of what happens is allowed: whoever looks for the rest looks further with each reading.
            query.limit = DECISIONS_OF_AN_EFFECT;
        }
        for _ in 0..LOOKS {
            let (records, next) = self.records(visitor, query.clone()).await?;
            let wanted = |record: &Record| {
                decided(record).is_some_and(|of| effect.is_none_or(|wanted| of == wanted))
            };
            found.extend(records.into_iter().filter(wanted));
            query.after = next;
            if query.after.is_none() || found.len() >= DECISIONS {
                break;
            }
        }
        Ok((found, query.after))
    }

    /// The workload of this SPIFFE ID, by the first of its entries.
    fn workload_called(&self, visitor: &Visitor, text: &str) -> Option<SubjectId> {
        let spiffe_id = Some(SpiffeId::parse(text).ok()?);
        let filter = Filter { spiffe_id, ..Filter::default() };
        let (realm, by) = (visitor.by.realm, visitor.by.asker.clone());
        let ask = ListEntries { realm, by, filter, after: None, limit: 1 };
        let found = self.below.workloads.list(ask).ok()?;
        found.entries.first().map(|entry| entry.number)
    }

    /// The subject that this text names: a number, a device, a workload, a person.
    async fn subject_called(&self, visitor: &Visitor, text: &str) -> Option<SubjectId> {
        if let Ok(number) = SubjectId::parse(text) {
            return Some(number);
        }
        let tail = text.rsplit('/').next().unwrap_or(text);
        if let Ok(id) = DeviceId::parse(tail) {
            let device = self.below.devices.read_device(visitor.by.clone(), id).ok()?;
            return Some(device.number);
        }
        if let Some(number) = self.workload_called(visitor, text) {
            return Some(number);
        }
        let user = self.owner_called(visitor, tail).await?;
        let user = self.below.accounts.show(&visitor.by, user).await.ok()?;
        Some(user.number)
    }

    /// The rules that refused it, as they are in force now: their policies, and their texts.
    fn rules(&self, visitor: &Visitor, about: &Map<String, Value>) -> Vec<(String, String)> {
        let named = about.get("rules").and_then(Value::as_array);
        let Some(named) = named.filter(|named| !named.is_empty()) else {
            let reason = about.get("reason").and_then(Value::as_str);
            return reason.and_then(|words| self.rule_saying(visitor, words)).into_iter().collect();
        };
        let by = &visitor.by;
        let Ok(policies) = self.below.rights.policies(&by.asker, by.realm) else {
            return Vec::new();
        };
        let rule = |id: &Value| {
            let id = id.as_str()?;
            let (policy, _) = id.split_once('/')?;
            Some((policy.to_owned(), rule_called(&policies, id)?))
        };
        named.iter().filter_map(rule).collect()
    }

    /// The rule in force that says these words: its policy, and the text of it.
    fn rule_saying(&self, visitor: &Visitor, words: &str) -> Option<(String, String)> {
        let by = &visitor.by;
        let policies = self.below.rights.policies(&by.asker, by.realm).ok()?;
        policies.iter().find_map(|policy| {
            let rule = rule_in(&policy.text, words)?;
            Some((policy.name.clone(), rule.to_owned()))
        })
    }
}

/// The policy of a document in which these words stand: from the first of its annotations to the end.
fn rule_in<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    let at = text.find(&format!("\"{words}\""))?;
    let (before, after) = (text.get(..at)?, text.get(at..)?);
    let start = before.rfind("\n@id(").map_or(0, |start| start + 1);
    let end = after.find(";\n").map_or(text.len(), |end| at + end + 1);
    text.get(start..end)
}

/// How often the same was refused before that went on record no more.
fn again(about: &Map<String, Value>) -> Option<usize> {
    let again = about.get("again").and_then(Value::as_u64).filter(|again| *again > 0)?;
    usize::try_from(again).ok()
}

/// Whether an event is a decision, and how it went. What was taken back is one where policy took it: that has a reason.
fn decided(record: &Record) -> Option<Effect> {
    match record.kind.as_str() {
        "session.revoked" if fields(&record.about).contains_key("reason") => Some(Effect::Refused),
        "svid.x509_issued" | "svid.jwt_issued" | "svid.tokens_issued" | "signin.succeeded"
        | "oauth.authorized" | "device.enrolled" | "agent.attested" => Some(Effect::Allowed),
        "svid.refused"
        | "device.refused"
        | "signin.refused"
        | "signin.failed"
        | "oauth.consent_refused"
        | "device.enrolment_refused"
        | "agent.attestation_refused"
        | "posture.report_refused" => Some(Effect::Refused),
        _ => None,
    }
}

/// A decision in a list; nothing for an event that is none.
pub(super) fn line(visitor: &Visitor, record: &Record) -> Option<DecisionLine> {
    let look = &visitor.look;
    let (text, tone) = match decided(record)? {
        Effect::Allowed => (look.say("decision-allowed"), Tone::Good),
        Effect::Refused => (look.say("decision-refused"), Tone::Bad),
    };
    let about = fields(&record.about);
    let said = |names: &[&str]| {
        let found = names.iter().find_map(|name| about.get(*name)).and_then(Value::as_str);
        found.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let number = record.subject.map(|subject| subject.to_string());
    Some(DecisionLine {
        href: format!("/admin/decisions/{}", record.origin),
        what: look.say(words(&record.kind, said(&["action"]).as_deref())),
        badge: Badge { text, tone },
        who: said(&["spiffe_id", "user", "agent", "device", "typed"]).or(number),
        why: said(&["reason"]),
        when: visitor.ago(record.time),
        exactly: look.exactly(record.time),
    })
}

fn words(kind: &str, action: Option<&str>) -> &'static str {
    let text_key = |key| key;
    match kind {
        "svid.refused" => match action {
            Some("IssueJwtSvid") => text_key("decision-jwt"),
            Some("IssueTokens") => text_key("decision-tokens"),
            _ => text_key("decision-x509"),
        },
        "device.refused" => text_key("decision-door"),
        "svid.x509_issued" => text_key("decision-x509"),
        "svid.jwt_issued" => text_key("decision-jwt"),
        "svid.tokens_issued" => text_key("decision-tokens"),
        "oauth.authorized" | "oauth.consent_refused" => text_key("decision-consent"),
        "device.enrolled" | "device.enrolment_refused" => text_key("decision-enrolment"),
        "agent.attested" | "agent.attestation_refused" => text_key("decision-attestation"),
        "posture.report_refused" => text_key("decision-report"),
        "session.revoked" => text_key("decision-again"),
        _ => text_key("decision-sign-in"),
    }
}

pub(super) fn fields(part: &Part) -> Map<String, Value> {
    match part {
        Part::Open(fields) => fields.clone(),
        Part::Empty | Part::Erased => Map::new(),
    }
}

fn facts(look: &Look, record: &Record, parts: &[Map<String, Value>]) -> Vec<FactLine> {
    let fact = |name: String, value: String| FactLine { name, value, code: true };
    let mut facts = vec![
        fact(look.say("decision-event"), record.kind.clone()),
        fact(look.say("decision-when"), look.exactly(record.time)),
    ];
    let numbers = [
        (look.say("decision-subject"), record.subject),
        (look.say("decision-actor"), record.actor),
    ];
    for (name, number) in numbers {
        facts.extend(number.map(|number| fact(name, number.to_string())));
    }
    for (name, value) in parts.iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        facts.push(fact(name.clone(), text));
    }
    facts
}

impl Sought {
    fn effect(&self) -> Result<Option<Effect>, Problem> {
        match self.effect.as_deref().unwrap_or_default() {
            "" => Ok(None),
            "allowed" => Ok(Some(Effect::Allowed)),
            "refused" => Ok(Some(Effect::Refused)),
            _ => Err(Problem::invalid("request.query", "there is no such effect")),
        }
    }

    fn query(&self, visitor: &Visitor) -> Result<Wanted, Away> {
        let of = self.of.as_deref().unwrap_or_default();
        let since = self.since.as_deref().unwrap_or_default();
        let known = KINDS.iter().any(|(word, _)| *word == of);
        let span = match since {
            "" => None,
            "hour" => Some(Lifetime::hours(1)),
            "day" => Some(Lifetime::days(1)),
            "week" => Some(Lifetime::days(7)),
            _ => return Err(Problem::invalid("request.query", "there is no such time").into()),
        };
        if !known {
            return Err(Problem::invalid("request.query", "there is no such kind").into());
        }
        Ok(Wanted {
            kind: match (of, self.effect.as_deref()) {
                ("", _) => None,
                ("svid", Some("refused")) => Some("svid.refused".to_owned()),
                _ => Some(format!("{of}.")),
            },
            from: span.map(|span| visitor.now.minus(span)),
            after: self.cursor.as_deref().map(Place::parse).transpose()?,
            limit: DECISIONS,
            ..Wanted::default()
        })
    }

    fn href(&self, cursor: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        let said = [
            ("about", &self.about),
            ("of", &self.of),
            ("effect", &self.effect),
            ("since", &self.since),
        ];
        let said = said.into_iter().map(|(name, value)| (name, value.as_deref()));
        for (name, value) in said.chain([("cursor", cursor)]) {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                query.append_pair(name, value);
            }
        }
        format!("{}?{}", Tab::Decisions.path(), query.finish())
    }
}

/// What decisions are about: the word in the query, which begins the kinds of the events, and what it is called.
const KINDS: [(&str, &str); 8] = [
    ("", text_key("decisions-all")),
    ("signin", text_key("decision-sign-in")),
    ("svid", text_key("decisions-issued")),
    ("oauth", text_key("decision-consent")),
    ("device", text_key("decision-enrolment")),
    ("agent", text_key("decision-attestation")),
    ("posture", text_key("decision-report")),
    ("session", text_key("decision-again")),
];
const EFFECTS: [(&str, &str); 3] = [
    ("", text_key("decisions-any")),
    ("allowed", text_key("decision-allowed")),
    ("refused", text_key("decision-refused")),
];
const SPANS: [(&str, &str); 4] = [
    ("", text_key("decisions-ever")),
    ("hour", text_key("decisions-hour")),
    ("day", text_key("decisions-day")),
    ("week", text_key("decisions-week")),
];
/// Decisions on a page, or so: a reading more or less.
const DECISIONS: usize = 50;
/// Records of one reading for decisions that went one way.
const DECISIONS_OF_AN_EFFECT: usize = 200;
/// Readings of the events for one page: each looks at 50 rows that fit, or some 4,000 that do not.
const LOOKS: usize = 8;
