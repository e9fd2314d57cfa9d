//! A question as events keep it, so that it can be asked again: of the policies in force, or of others.
//!
//! Every issued credential keeps one, so it says little: what the event tells by a name of its own is not said again, nor what is
//! empty, zero or no. Whoever reads it takes that from the event. Events of older servers say all of it, which counts first.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::model::{Fact, Request};
use super::situation;
use super::trial::{Case, GivenFact};
use crate::kernel::{
    AddressSource, Assurance, BasisPoints, DeviceId, Level, Lifetime, Standing, Timestamp,
};

/// The facts of a question, as JSON for the field `asked` of the event that tells its answer.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    action: &'static str,
    request: &'a Request<'a>,
}

/// The facts of a question. The event says by itself: `source`, and `scopes` where that is a fact; `spiffe_id` if the resource is an
/// `Svid`, `client` if it is a `Client`; and of a known device `device`, `level` and `score_basis_points`.
pub fn asked<'a>(action: &'static str, request: &'a Request<'a>) -> Asked<'a> {
    Asked { action, request }
}

/// The question that an event of this time keeps, as if it were asked now; nothing where it keeps none. `about` is its subject's part.
pub fn read_asked(about: &Map<String, Value>, then: Timestamp, now: Timestamp) -> Option<Case> {
    let asked = about.get("asked")?;
    let pair = |name: &str| -> Option<(String, String)> {
        let [kind, id] = asked.get(name)?.as_array()?.as_slice() else { return None };
        Some((kind.as_str()?.to_owned(), id.as_str()?.to_owned()))
    };
    let said = |(kind, field): &(&str, &str)| {
        Some(((*kind).to_owned(), about.get(*field)?.as_str()?.to_owned()))
    };
    let action = asked.get("action")?.as_str()?;
    let standing = match asked.get("standing") {
        Some(known) => Some(standing((known, about), then, now)?),
        None => None,
    };
    let mut context = asked.get("context")?.as_object()?.clone();
    if let Some(at) = asked.get("signed_in").and_then(Value::as_i64) {
        let age = then.since(Timestamp::from_micros(at)).as_seconds();
        context.insert("sign_in_age_seconds".to_owned(), age.into());
    }
    if let Some(level) = context.get("assurance").and_then(Value::as_str) {
        let level = Assurance::parse(level).map_or(0, Assurance::level);
        context.insert("assurance".to_owned(), level.into());
    }
    for name in FACTS_SAID {
        if let (false, Some(value)) = (context.contains_key(name), about.get(name)) {
            context.insert(name.to_owned(), value.clone());
        }
    }
    Some(Case {
        action: action.to_owned(),
        principal: pair("principal")?,
        given: None,
        resource: pair("resource").or_else(|| said(resource_of(action)?))?,
        context: context
            .into_iter()
            .map(|(name, value)| Some((name, fact(&value)?)))
            .collect::<Option<_>>()?,
        standing,
    })
}

impl Serialize for Asked<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let request = self.request;
        let mut members = to.serialize_map(None)?;
        members.serialize_entry("action", self.action)?;
        members.serialize_entry("principal", &request.principal)?;
        if resource_of(self.action).is_none_or(|(kind, _)| *kind != request.resource.0) {
            members.serialize_entry("resource", &request.resource)?;
        }
        // How long ago somebody signed in follows from when that was, as the age of a report does.
        let then = request.situation.authentication.as_ref().map(|shown| shown.at);
        let situation = situation::facts(request.situation, then.unwrap_or(Timestamp::EPOCH));
        members.serialize_entry("context", &Facts(&request.context, &situation))?;
        if let Some(at) = then {
            members.serialize_entry("signed_in", &at.micros())?;
        }
        let known = request.standing.filter(|known| known.device.is_some() || known.contained);
        if let Some(standing) = known {
            members.serialize_entry("standing", &Known(standing))?;
        }
        members.end()
    }
}

/// The facts that an event does not say by itself: those given, and those of the situation.
struct Facts<'a>(&'a [(&'a str, Fact<'a>)], &'a [(&'static str, Fact<'a>)]);

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut facts = to.serialize_map(None)?;
        for (name, fact) in self.0.iter().chain(self.1) {
            if FACTS_SAID.contains(name) {
                continue;
            }
            match fact {
                Fact::Text("")
                | Fact::Texts([])
                | Fact::Flag(false)
                | Fact::Number(0 | i64::MAX) => {}
                Fact::Text(text) if [(*name, *text)] == [USUAL] => {}
                Fact::Text(text) => facts.serialize_entry(name, text)?,
                Fact::Texts(texts) => facts.serialize_entry(name, texts)?,
                Fact::Address(ip) if ip.is_unspecified() => {}
                Fact::Address(ip) => facts.serialize_entry(name, ip)?,
                Fact::Id(id) => facts.serialize_entry(name, id.as_str())?,
                Fact::Number(number) => facts.serialize_entry(name, number)?,
                Fact::Flag(flag) => facts.serialize_entry(name, flag)?,
            }
        }
        facts.end()
    }
}

/// What was known of a device and an event does not say by itself.
struct Known<'a>(&'a Standing);

impl Serialize for Known<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let standing = self.0;
        let mut known = to.serialize_map(None)?;
        if standing.device.is_none() {
            known.serialize_entry("level", standing.level.as_str())?;
            known.serialize_entry("score", &standing.score.map(BasisPoints::get))?;
        }
        known.serialize_entry("confidence", &standing.confidence.get())?;
        if let Some(reported) = standing.reported {
            known.serialize_entry("reported", &reported.micros())?;
        }
        if standing.expires != Timestamp::FOREVER {
            known.serialize_entry("expires", &standing.expires.micros())?;
        }
        for (name, flag) in [("locked", standing.locked), ("contained", standing.contained)] {
            if flag {
                known.serialize_entry(name, &true)?;
            }
        }
        known.end()
    }
}

fn fact(value: &Value) -> Option<GivenFact> {
    Some(match value {
        Value::String(text) => GivenFact::Text(text.clone()),
        Value::Bool(flag) => GivenFact::Flag(*flag),
        Value::Number(number) => GivenFact::Number(number.as_i64()?),
        Value::Array(items) => {
            let text = |item: &Value| item.as_str().map(str::to_owned);
            GivenFact::Texts(items.iter().map(text).collect::<Option<_>>()?)
        }
        Value::Null | Value::Object(_) => return None,
    })
}

/// What was known of the device, with every time as far from now as it was from then.
fn standing(
    (known, about): (&Value, &Map<String, Value>),
    then: Timestamp,
    now: Timestamp,
) -> Option<Standing> {
    let moved = |name: &str| {
        let micros = known.get(name)?.as_i64()?;
        let later = micros.saturating_sub(then.micros());
        let span = Lifetime::micros(later.saturating_abs());
        Some(if later < 0 { now.minus(span) } else { now.plus(span) })
    };
    let either = |name: &str, said: &str| known.get(name).or_else(|| about.get(said));
    let share = |share: &Value| Some(BasisPoints::new(u16::try_from(share.as_u64()?).ok()?));
    let flag = |name: &str| known.get(name).and_then(Value::as_bool).unwrap_or_default();
    let device = either("device", "device").and_then(Value::as_str);
    Some(Standing {
        level: Level::parse(either("level", "level")?.as_str()?)?,
        score: either("score", "score_basis_points").and_then(share),
        confidence: known.get("confidence").and_then(share)?,
        reported: moved("reported"),
        expires: moved("expires").unwrap_or(Timestamp::FOREVER),
        device: device.and_then(|id| DeviceId::parse(id).ok()),
        locked: flag("locked"),
        contained: flag("contained"),
        ..Standing::unknown()
    })
}

/// The type of the resource of these actions, and the field that is its id in the events of their answers.
fn resource_of(action: &str) -> Option<&'static (&'static str, &'static str)> {
    RESOURCES_SAID.iter().find(|(of, _)| *of == action).map(|(_, resource)| resource)
}

/// Facts that an event has under their own names.
const FACTS_SAID: [&str; 2] = ["source", "scopes"];
/// What is not said because it is so almost always.
const USUAL: (&str, &str) = ("address_source", AddressSource::Connection.as_str());
/// Resources that an event has under another name, by action: the type, and the field with the id.
const RESOURCES_SAID: [(&str, (&str, &str)); 3] = [
    ("IssueX509Svid", ("Svid", "spiffe_id")),
    ("IssueJwtSvid", ("Svid", "spiffe_id")),
    ("IssueTokens", ("Client", "client")),
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::trial::GivenFact;
    use super::*;
    use crate::kernel::{Authentication, Situation};
    use serde_json::json;

    fn read(about: Value, then: i64, now: i64) -> Option<Case> {
        let Value::Object(about) = about else { return None };
        read_asked(&about, Timestamp::from_seconds(then), Timestamp::from_seconds(now))
    }

    #[test]
    fn an_event_of_an_older_server_that_says_all_of_it_twice_reads_as_it_did() {
        let device = DeviceId::new(uuid::Uuid::from_u128(5)).to_string();
        let case = read(
            json!({
                "spiffe_id": "spiffe://weft.test/other", "source": "other", "level": "restricted",
                "score_basis_points": 1,
                "asked": {
                    "action": "IssueX509Svid",
                    "principal": ["Node", "spiffe://weft.test/spire/agent/x"],
                    "resource": ["Svid", "spiffe://weft.test/web"],
                    "context": {"subject": "workload", "source": "workload_attestation", "audiences": 0},
                    "standing": {
                        "level": "trusted", "score": null, "confidence": 8000, "reported": 1_000_000,
                        "expires": 20_000_000, "device": device, "locked": true, "contained": false,
                    },
                },
            }),
            10,
            110,
        )
        .unwrap();
        assert_eq!(case.action, "IssueX509Svid");
        assert_eq!(case.principal.1, "spiffe://weft.test/spire/agent/x");
        assert_eq!(case.resource, ("Svid".to_owned(), "spiffe://weft.test/web".to_owned()));
        let source = GivenFact::Text("workload_attestation".to_owned());
        assert_eq!(case.context.get("source"), Some(&source));
        let standing = case.standing.unwrap();
        assert_eq!((standing.level, standing.score), (Level::Trusted, None));
        assert_eq!(standing.reported, Some(Timestamp::from_seconds(101)));
        assert_eq!(standing.expires, Timestamp::from_seconds(120));
        assert_eq!(standing.device.map(|id| id.to_string()), Some(device));
        assert!(standing.locked && !standing.contained);
    }

    #[test]
    fn an_event_without_a_question_or_with_half_of_one_asks_nothing() {
        for about in [
            json!({"spiffe_id": "spiffe://weft.test/web"}),
            json!({"asked": 1}),
            json!({"asked": {"action": "IssueX509Svid", "principal": ["Node", "x"], "context": {}}}),
            json!({"asked": {"action": "ReadRealm", "principal": ["Node", "x"], "context": {}}, "spiffe_id": "y"}),
            json!({"asked": {"action": "IssueX509Svid", "principal": ["Node"], "context": {}}, "spiffe_id": "y"}),
        ] {
            assert!(read(about.clone(), 0, 0).is_none(), "{about}");
        }
    }

    #[test]
    fn where_it_came_from_and_how_old_the_sign_in_was_is_read_as_of_then() {
        let shown = Authentication {
            at: Timestamp::from_seconds(40),
            assurance: Assurance::Aal2,
            amr: Arc::from(["pwd".to_owned(), "otp".to_owned()]),
            upstream: Some(Arc::from("office")),
        };
        for (situation, members) in [
            (Situation::after(shown.clone(), "10.1.2.3".parse().ok()), 5),
            (Situation::at("192.0.2.1".parse().ok()).signed_in(shown), 4),
            (Situation::at("2001:db8::1".parse().ok()), 1),
            (Situation::default(), 0),
        ] {
            let request = Request {
                realm: crate::kernel::RealmId(1),
                principal: ("User", "spiffe://weft.test/user/ann"),
                principal_id: None,
                actor: None,
                resource: ("Realm", "1"),
                resource_id: None,
                context: vec![],
                standing: None,
                situation: &situation,
                evidence_expires: Timestamp::FOREVER,
            };
            let asked = serde_json::to_value(asked("ReadRealm", &request)).unwrap();
            assert_eq!(asked["context"].as_object().unwrap().len(), members, "{asked}");
            let case = read(json!({"asked": asked}), 100, 1_000).unwrap();
            let then = situation::given(&case.context, Timestamp::from_seconds(100)).unwrap();
            assert_eq!(then, situation, "{asked}");
        }
    }

    #[test]
    fn a_fact_of_a_situation_that_cannot_be_is_refused_in_words() {
        let given = |name: &str, fact: GivenFact| {
            let facts = [(name.to_owned(), fact)].into_iter().collect();
            situation::given(&facts, Timestamp::EPOCH).unwrap_err()
        };
        let text = |text: &str| GivenFact::Text(text.to_owned());
        let words = given("address", text("10.*"));
        assert_eq!(words, "the fact `address` is a network address: `192.0.2.1`");
        let words = given("assurance", GivenFact::Number(4));
        assert_eq!(words, "the fact `assurance` is 0 to 3");
        let words = given("sign_in_age_seconds", GivenFact::Number(-1));
        assert_eq!(words, "the fact `sign_in_age_seconds` is a whole number, and not below zero");
        let words = given("address_source", text("hearsay"));
        assert_eq!(words, "the fact `address_source` is `connection` or `sign_in`");
        assert_eq!(given("amr", text("pwd")), "the fact `amr` is a list of texts");
        assert_eq!(given("upstream", GivenFact::Flag(true)), "the fact `upstream` is a text");
    }

    #[test]
    fn whoever_is_contained_without_a_device_is_known_by_the_question_alone() {
        let standing = Standing { contained: true, ..Standing::unknown() };
        let request = Request {
            realm: crate::kernel::RealmId(1),
            principal: ("User", "spiffe://weft.test/user/ann"),
            principal_id: None,
            actor: None,
            resource: ("Realm", "1"),
            resource_id: None,
            context: vec![],
            standing: Some(&standing),
            situation: Situation::unknown(),
            evidence_expires: Timestamp::FOREVER,
        };
        let asked = serde_json::to_value(asked("ReadRealm", &request)).unwrap();
        let case = read(json!({"asked": asked}), 0, 0).unwrap();
        assert_eq!(case.standing, Some(standing));
        assert_eq!(case.resource, ("Realm".to_owned(), "1".to_owned()));
    }
}
