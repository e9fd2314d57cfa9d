//! `weft event`: what happened, and what happens.

use std::collections::HashSet;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::error::Error;
use super::session::Session;
use super::table::{Table, clean};
use super::value::When;
use crate::kernel::Lifetime;
use crate::wire::api::Event;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum EventCommand {
    /// List what happened, newest first.
    List(ListArgs),
}

#[derive(Debug, Clone, Args)]
pub(super) struct ListArgs {
    /// Of exactly this kind, such as `entry.created`.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// About this subject, `sub_…`.
    #[arg(long, value_name = "NUMBER")]
    subject: Option<String>,
    /// Since a time, or a span ago: `2026-01-31T12:00:00Z`, `2h`.
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    since: Option<When>,
    /// Before a time, or a span ago.
    #[arg(long, value_name = "WHEN", value_parser = When::parse, conflicts_with = "follow")]
    until: Option<When>,
    /// At most this many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Go on, oldest first, until interrupted. With `--output json`: a document a line.
    #[arg(long, short)]
    follow: bool,
}

pub(super) async fn run(command: EventCommand, session: &mut Session<'_>) -> Result<(), Error> {
    let EventCommand::List(filter) = command;
    let query = query(&filter, session);
    let mut events: Vec<Event> = session.api.all(&["events"], &query, Some(filter.limit)).await?;
    if filter.follow {
        events.reverse();
        return follow(events, &filter, session).await;
    }
    session.print.list(&events, table, "Nothing happened that is like that.")
}

fn query(filter: &ListArgs, session: &Session<'_>) -> Vec<(&'static str, String)> {
    let now = session.now();
    let mut query = Vec::new();
    query.extend(filter.kind.clone().map(|kind| ("kind", kind)));
    query.extend(filter.subject.clone().map(|subject| ("subject", subject)));
    query.extend(filter.since.map(|since| ("since", since.ago(now).to_string())));
    query.extend(filter.until.map(|until| ("until", until.ago(now).to_string())));
    query
}

/// Asks again and again for what is newer, with an overlap: streams are copied a little after they were written, so an
/// event can turn up behind a newer one.
async fn follow(
    mut fresh: Vec<Event>,
    filter: &ListArgs,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let mut known = HashSet::new();
    let (mut newest, mut old) = (session.now(), HashSet::new());
    loop {
        for event in &fresh {
            let id = (event.stream.clone(), event.number);
            newest = newest.max(event.time.0);
            if !old.contains(&id) && known.insert(id) {
                line(event, session)?;
            }
        }
        if known.len() > KNOWN_MAX {
            old = std::mem::take(&mut known);
        }
        session.clock.sleep(PERIOD).await;
        let since = When::At(newest.minus(OVERLAP).into());
        let again = ListArgs { since: Some(since), ..filter.clone() };
        fresh = session.api.all(&["events"], &query(&again, session), Some(KNOWN_MAX)).await?;
        fresh.reverse();
    }
}

fn line(event: &Event, session: &mut Session<'_>) -> Result<(), Error> {
    if session.print.is_json() {
        let text = serde_json::to_string(event)
            .map_err(|error| Error::local(format!("the event is no document: {error}")))?;
        return session.print.line(&text);
    }
    session.print.line(&clean(&format!("{}  {}  {}", event.time.0, event.kind, words(event))))
}

fn table(events: &[Event]) -> Table {
    let mut table = Table::new(&["TIME", "KIND", "ABOUT"]);
    for event in events {
        table.row([event.time.0.to_string(), event.kind.clone(), words(event)]);
    }
    table
}

fn words(event: &Event) -> String {
    let mut parts = members(&event.about);
    parts.extend(members(&event.by));
    if event.about_erased || event.by_erased {
        parts.push("(erased)".to_owned());
    }
    if parts.is_empty() {
        parts.extend(event.subject.clone());
    }
    parts.join(" ")
}

fn members(part: &Map<String, Value>) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts = items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            texts.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    };
    part.iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
}

/// Often enough to watch by eye.
const PERIOD: Lifetime = Lifetime::seconds(2);
/// The copier is at most some seconds behind while the database is there.
const OVERLAP: Lifetime = Lifetime::seconds(30);
/// Events that are remembered as shown: more than an overlap has on a busy server.
const KNOWN_MAX: usize = 20_000;
