//! How what a service sends is read: a document in TOML, refused with the line, and the deliveries that it makes reports of.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::Spanned;

use crate::kernel::{DeviceId, Timestamp};
use crate::posture::scoring::{Class, DocumentError};
use crate::wire::api::Time;
use crate::wire::posture::{FORMAT, MappingText, Report, ReportedSignal, SignalMappingText};

/// A document, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    device: String,
    time: Option<String>,
    devices: BTreeMap<String, DeviceId>,
    signals: Vec<Signal>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signal {
    name: String,
    pointer: String,
    rule: Rule,
}

/// How good a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Good(bool),
    Values(BTreeMap<String, u16>),
    Range(i64, i64),
}

/// Why a delivery says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unread(pub String);

/// Reads and checks a document.
pub fn parse(text: &str) -> Result<Mapping, DocumentError> {
    let refused = |line, why: &str| DocumentError { line, why: why.to_owned() };
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(refused(1, "a document has 64 KiB at most"));
    }
    let document: MappingText = toml::from_str(text).map_err(|error| DocumentError {
        line: line_of(text, &error.span().unwrap_or_default()),
        why: error.message().to_owned(),
    })?;
    let reader = Reader { text };
    let mut mapping = Mapping {
        device: reader.pointer(&document.device)?,
        time: document.time.as_ref().map(|time| reader.pointer(time)).transpose()?,
        devices: BTreeMap::new(),
        signals: Vec::new(),
    };
    for (theirs, ours) in &document.devices {
        let why = "a device is named by its id here, `dev_…`";
        let id = DeviceId::parse(ours.get_ref()).map_err(|_| reader.error(&ours.span(), why))?;
        mapping.devices.insert(theirs.get_ref().clone(), id);
    }
    if document.signal.is_empty() || document.signal.len() > SIGNALS_MAX {
        return Err(refused(1, "a document has 1 to 64 signals"));
    }
    for signal in &document.signal {
        let read = reader.signal(signal)?;
        let twice = mapping.signals.iter().any(|other| other.name == read.name);
        reader.check(&signal.name.span(), !twice, "this signal is there twice")?;
        mapping.signals.push(read);
    }
    Ok(mapping)
}

impl Mapping {
    /// The device that a delivery is about, and what it says of it, as of `signed` at the latest.
    pub fn read(&self, body: &[u8], signed: Timestamp) -> Result<(DeviceId, Report), Unread> {
        let unread = |why: String| Unread(why);
        let document: Value =
            serde_json::from_slice(body).map_err(|_| unread("the body is no JSON".to_owned()))?;
        let named = document.pointer(&self.device).and_then(named);
        let named = named.ok_or_else(|| unread(format!("`{}` names no device", self.device)))?;
        let device = self.devices.get(&named).copied().or_else(|| DeviceId::parse(&named).ok());
        let device = device.ok_or_else(|| unread("no device is known by this name".to_owned()))?;
        let at = match self.time.as_ref().and_then(|pointer| document.pointer(pointer)) {
            None => signed,
            Some(value) => time(value).ok_or_else(|| unread("its time is none".to_owned()))?,
        };
        let at = at.min(signed);
        let signals: Vec<ReportedSignal> =
            self.signals.iter().filter_map(|signal| signal.read(&document, at)).collect();
        if signals.is_empty() {
            return Err(unread("it says nothing of what the document maps".to_owned()));
        }
        let report = Report {
            format: FORMAT.to_owned(),
            collected_at: Time(at),
            platform: String::new(),
            facts: BTreeMap::new(),
            signals,
        };
        Ok((device, report))
    }
}

impl Signal {
    /// What a delivery says of it; nothing where it does not mention it.
    fn read(&self, document: &Value, at: Timestamp) -> Option<ReportedSignal> {
        let value = document.pointer(&self.pointer)?;
        let worth = self.rule.worth(value);
        let said: String =
            value.to_string().chars().filter(|c| !c.is_control()).take(SAID_MAX).collect();
        Some(ReportedSignal {
            signal: self.name.clone(),
            value: worth,
            class: Class::Service.as_str().to_owned(),
            at: Time(at),
            source: self.pointer.clone(),
            seen: if worth.is_some() { said.clone() } else { String::new() },
            unknown: worth.is_none().then(|| format!("the service says {said}")),
        })
    }
}

impl Rule {
    /// How good a value is; nothing for one that the document does not know.
    fn worth(&self, value: &Value) -> Option<u16> {
        match self {
            Self::Good(good) => value.as_bool().map(|said| if said == *good { 10_000 } else { 0 }),
            Self::Values(values) => values.get(value.as_str()?).copied(),
            Self::Range(worst, best) => {
                let number = whole(value)?;
                let (span, above) = (i128::from(*best) - i128::from(*worst), i128::from(number));
                let share = (above - i128::from(*worst)) * 10_000 / span;
                u16::try_from(share.clamp(0, 10_000)).ok()
            }
        }
    }
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn error(&self, span: &Range<usize>, why: &str) -> DocumentError {
        DocumentError { line: line_of(self.text, span), why: why.to_owned() }
    }

    fn check(&self, span: &Range<usize>, holds: bool, why: &str) -> Result<(), DocumentError> {
        if holds { Ok(()) } else { Err(self.error(span, why)) }
    }

    fn pointer(&self, pointer: &Spanned<String>) -> Result<String, DocumentError> {
        let text = pointer.get_ref();
        let fits = text.starts_with('/') && text.len() <= POINTER_BYTES_MAX;
        self.check(
            &pointer.span(),
            fits,
            "a JSON pointer begins with `/` and has 256 bytes at most",
        )?;
        Ok(text.clone())
    }

    fn signal(&self, signal: &SignalMappingText) -> Result<Signal, DocumentError> {
        let name = signal.name.get_ref();
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        let plain = (1..=63).contains(&name.len()) && name.bytes().all(allowed);
        self.check(&signal.name.span(), plain, "a name is 1 to 63 of a-z, 0-9, `_` and `-`")?;
        let rule = match (&signal.good, &signal.values, &signal.range) {
            (Some(good), None, None) => Rule::Good(*good.get_ref()),
            (None, Some(values), None) => {
                let fits = values.get_ref().values().all(|worth| *worth <= 10_000);
                let few = (1..=VALUES_MAX).contains(&values.get_ref().len());
                self.check(&values.span(), fits && few, "1 to 64 words, each worth 0 to 10000")?;
                Rule::Values(values.get_ref().clone())
            }
            (None, None, Some(range)) => {
                let [worst, best] = *range.get_ref();
                self.check(&range.span(), worst != best, "the two ends of a range differ")?;
                Rule::Range(worst, best)
            }
            _ => {
                let why = "a signal has one of `good`, `values` and `range`";
                return Err(self.error(&signal.name.span(), why));
            }
        };
        Ok(Signal { name: name.clone(), pointer: self.pointer(&signal.pointer)?, rule })
    }
}

/// A name, or a number that is one.
fn named(value: &Value) -> Option<String> {
    match value {
        Value::String(name) if !name.is_empty() => Some(name.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A whole number; of one with a fraction what stands before it.
fn whole(value: &Value) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    text.trim().split('.').next()?.parse().ok()
}

/// RFC 3339, or seconds or milliseconds since 1970.
fn time(value: &Value) -> Option<Timestamp> {
    if let Some(moment) = value.as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
    {
        return Some(Timestamp::from_seconds(moment.unix_timestamp()));
    }
    let number = whole(value).filter(|number| *number >= 0)?;
    Some(Timestamp::from_seconds(if number > MILLISECONDS { number / 1000 } else { number }))
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.get(..span.start).unwrap_or_default().matches('\n').count() + 1
}

/// As seconds, the year 5138; as milliseconds, 1973.
const MILLISECONDS: i64 = 100_000_000_000;
const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
const SIGNALS_MAX: usize = 64;
const VALUES_MAX: usize = 64;
const POINTER_BYTES_MAX: usize = 256;
const SAID_MAX: usize = 64;

#[cfg(test)]
mod tests;
