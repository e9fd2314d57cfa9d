//! What an osquery sends, read: the lines of a log, the answers to questions. What does not fit is left out, line by line,
//! because an osquery sends the lines that it has until it may forget them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::schedule::asked_at;
use super::signals::{Rows, judged};
use crate::kernel::Timestamp;
use crate::machine::Unknown;
use crate::posture::seen_at;
use crate::wire::api::Time;
use crate::wire::posture::{FORMAT, Report, ReportedSignal};

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Of each signal the newest.
    signals: BTreeMap<String, ReportedSignal>,
    /// Why something was left out, the last of them.
    pub(super) left_out: Option<&'static str>,
}

/// Reads the lines of a log of results: snapshots of our queries.
pub(super) fn lines(data: &[Value], now: Timestamp) -> Read {
    let mut read = Read::default();
    for line in data {
        match snapshot(line) {
            Some((name, at, rows)) => match seen_at(at, now) {
                Some(at) => read.take(judged(name, &Ok(rows), at)),
                None => read.left_out = Some("a line is from a time that has not come"),
            },
            None if is_ours(line) => {
                read.left_out = Some("a line of a query of ours is no snapshot of rows");
            }
            None => {}
        }
    }
    read
}

/// Reads the answers to questions that were asked at once. They are as old as the question.
pub(super) fn answers(
    queries: &Map<String, Value>,
    (statuses, messages): (&Map<String, Value>, &Map<String, Value>),
    now: Timestamp,
) -> Read {
    let mut read = Read::default();
    for (id, rows) in queries {
        let Some((name, asked)) = asked_at(id) else { continue };
        let status = statuses.get(id).map_or(Some(0), number);
        let answer = match (status, rows_of(rows)) {
            (Some(0), Some(rows)) => Ok(rows),
            (Some(0), None) => {
                read.left_out = Some("an answer to a query of ours is no list of rows");
                continue;
            }
            _ => {
                let why = messages.get(id).and_then(Value::as_str).unwrap_or("no reason given");
                Err(Unknown(format!("osquery could not look: {why}")))
            }
        };
        read.take(judged(name, &answer, asked.min(now)));
    }
    read
}

impl Read {
    fn take(&mut self, signal: Option<ReportedSignal>) {
        let Some(signal) = signal else { return };
        let newer = |held: &ReportedSignal| held.at.0 <= signal.at.0;
        if self.signals.get(&signal.signal).is_none_or(newer) {
            self.signals.insert(signal.signal.clone(), signal);
        }
    }

    /// The report that it makes; nothing where it says nothing of ours.
    pub(super) fn report(self) -> Option<Report> {
        let signals: Vec<ReportedSignal> = self.signals.into_values().collect();
        let newest = signals.iter().map(|signal| signal.at.0).max()?;
        Some(Report {
            format: FORMAT.to_owned(),
            collected_at: Time(newest),
            platform: "linux".to_owned(),
            facts: BTreeMap::new(),
            signals,
        })
    }
}

fn is_ours(line: &Value) -> bool {
    line.get("name").and_then(Value::as_str).is_some_and(|name| name.starts_with("weft_"))
}

/// A snapshot of one query: its name, when it was taken, its rows.
fn snapshot(line: &Value) -> Option<(&str, Timestamp, Rows)> {
    let name = line.get("name")?.as_str()?;
    let at = number(line.get("unixTime")?).filter(|seconds| *seconds >= 0)?;
    Some((name, Timestamp::from_seconds(at), rows_of(line.get("snapshot")?)?))
}

/// A whole number, as osquery writes it: as a number, or as text.
fn number(value: &Value) -> Option<i64> {
    let bounded = |number: &i64| number.unsigned_abs() < SECONDS_MAX;
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()).filter(bounded)
}

/// Rows of columns. Every value is text, or a number where the osquery is told to keep numbers.
fn rows_of(value: &Value) -> Option<Rows> {
    value.as_array()?.iter().map(row_of).collect()
}

fn row_of(row: &Value) -> Option<BTreeMap<String, String>> {
    let column = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Some((name.clone(), text.clone())),
        Value::Number(number) => Some((name.clone(), number.to_string())),
        _ => None,
    };
    row.as_object()?.iter().map(column).collect()
}

/// What fits into a time of microseconds, with room.
const SECONDS_MAX: u64 = 1 << 40;
