//! A question as events keep it, so that it can be asked again: of the policies in force, or of others.

use serde_json::{Map, Value, json};

use super::model::{Fact, Request};
use super::trial::{Case, GivenFact};
use crate::kernel::{BasisPoints, DeviceId, Level, Lifetime, Standing, Timestamp};

/// The facts of a question.
pub fn asked(action: &'static str, request: &Request<'_>) -> Value {
    let facts: Map<String, Value> =
        request.context.iter().map(|(name, fact)| ((*name).to_owned(), value(fact))).collect();
    let mut asked = json!({
        "action": action,
        "principal": request.principal,
        "resource": request.resource,
        "context": facts,
    });
    if let (Some(standing), Value::Object(members)) = (request.standing, &mut asked)
        && (standing.device.is_some() || standing.contained)
    {
        members.insert("standing".to_owned(), known(standing));
    }
    asked
}

/// The question that an event of this time keeps, as if it were asked now.
pub fn read_asked(asked: &Value, then: Timestamp, now: Timestamp) -> Option<Case> {
    let pair = |name: &str| -> Option<(String, String)> {
        let [kind, id] = asked.get(name)?.as_array()?.as_slice() else { return None };
        Some((kind.as_str()?.to_owned(), id.as_str()?.to_owned()))
    };
    let facts = asked.get("context")?.as_object()?.iter();
    let standing = match asked.get("standing") {
        Some(known) => Some(standing(known, then, now)?),
        None => None,
    };
    Some(Case {
        action: asked.get("action")?.as_str()?.to_owned(),
        principal: pair("principal")?,
        given: None,
        resource: pair("resource")?,
        context: facts
            .map(|(name, value)| Some((name.clone(), fact(value)?)))
            .collect::<Option<_>>()?,
        standing,
    })
}

fn value(fact: &Fact<'_>) -> Value {
    match fact {
        Fact::Text(text) => (*text).into(),
        Fact::Texts(texts) => (*texts).into(),
        Fact::Id(id) => id.as_str().into(),
        Fact::Number(number) => (*number).into(),
        Fact::Flag(flag) => (*flag).into(),
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

fn known(standing: &Standing) -> Value {
    json!({
        "level": standing.level.as_str(),
        "score": standing.score.map(BasisPoints::get),
        "confidence": standing.confidence.get(),
        "reported": standing.reported.map(Timestamp::micros),
        "expires": (standing.expires != Timestamp::FOREVER).then(|| standing.expires.micros()),
        "device": standing.device.map(|device| device.to_string()),
        "locked": standing.locked,
        "contained": standing.contained,
    })
}

/// What was known of the device, with every time as far from now as it was from then.
fn standing(known: &Value, then: Timestamp, now: Timestamp) -> Option<Standing> {
    let moved = |name: &str| {
        let micros = known.get(name)?.as_i64()?;
        let later = micros.saturating_sub(then.micros());
        let span = Lifetime::micros(later.saturating_abs());
        Some(if later < 0 { now.minus(span) } else { now.plus(span) })
    };
    let share = |name: &str| {
        let share = known.get(name)?.as_u64()?;
        Some(BasisPoints::new(u16::try_from(share).ok()?))
    };
    let flag = |name: &str| known.get(name).and_then(Value::as_bool).unwrap_or_default();
    Some(Standing {
        level: Level::parse(known.get("level")?.as_str()?)?,
        score: share("score"),
        confidence: share("confidence")?,
        reported: moved("reported"),
        expires: moved("expires").unwrap_or(Timestamp::FOREVER),
        device: known.get("device").and_then(Value::as_str).and_then(|id| DeviceId::parse(id).ok()),
        locked: flag("locked"),
        contained: flag("contained"),
        ..Standing::unknown()
    })
}
