//! `weft entry explain`: why a process gets the identities it gets, or none.

use clap::Args;

use super::super::error::Error;
use super::super::session::Session;
use super::super::{node, selectors, value};
use crate::kernel::Timestamp;
use crate::wire::api::{ExplainRequest, ExplainedAgent, Explanation, NearEntry, Obstacle};

#[derive(Debug, Clone, Args)]
#[group(id = "process", required = true, multiple = true, args = ["pid", "uid", "selector"])]
pub(in crate::cli) struct ExplainArgs {
    /// A process on this machine: its selectors are found out here.
    #[arg(long, value_name = "PID", conflicts_with = "uid")]
    pid: Option<u32>,
    /// A user of this machine.
    #[arg(long, value_name = "UID")]
    uid: Option<u32>,
    /// A selector; may be said several times, and beside the others.
    #[arg(long, value_name = "TYPE:VALUE", value_parser = value::selector)]
    selector: Vec<String>,
    /// The node: its number, SPIFFE ID or path [default: any].
    #[arg(long, value_name = "NODE", alias = "node")]
    agent: Option<String>,
}

pub(super) async fn run(explain: ExplainArgs, session: &mut Session<'_>) -> Result<(), Error> {
    let mut found = match (explain.pid, explain.uid) {
        (Some(pid), _) => selectors::of_process(pid)?,
        (None, Some(uid)) => selectors::of_user(uid),
        (None, None) => Vec::new(),
    };
    found.extend(explain.selector);
    let agent = match &explain.agent {
        Some(agent) => Some(node::find(agent, session).await?.number),
        None => None,
    };
    let request = ExplainRequest { selectors: found, agent, nearest_max: None };
    let answer: Explanation = session.api.post(&["entries", "explain"], &request).await?;
    if session.print.is_json() {
        return session.print.json(&answer);
    }
    let text = words(&answer, session.now());
    session.print.raw(text.as_bytes())
}

/// The answer as people read it: the verdict first, then what it is made from.
fn words(answer: &Explanation, now: Timestamp) -> String {
    let mut text = format!("{}\n", answer.summary);
    section(&mut text, "The process has:", &answer.selectors);
    if let Some(agent) = &answer.agent {
        section(&mut text, "The node:", &node_lines(agent, now));
    }
    let granted: Vec<String> = answer
        .granted
        .iter()
        .map(|entry| {
            format!("{}  by entry {} ({})", entry.spiffe_id, entry.id, entry.selectors.join(", "))
        })
        .collect();
    section(&mut text, "It gets:", &granted);
    let near: Vec<String> = answer.nearest.iter().flat_map(near_lines).collect();
    section(&mut text, "Nearest entries that do not match:", &near);
    super::super::table::clean_lines(&text)
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    for part in ["\n", title, "\n"] {
        text.push_str(part);
    }
    for part in lines.iter().flat_map(|line| ["  ", line, "\n"]) {
        text.push_str(part);
    }
}

fn node_lines(agent: &ExplainedAgent, now: Timestamp) -> Vec<String> {
    let mut lines = vec![agent.spiffe_id.clone()];
    lines.extend(agent.aliases.iter().map(|alias| format!("also {alias}")));
    if agent.banned {
        lines.push("banned: its workloads get nothing".to_owned());
    }
    lines.push(format!("its SVID ends {}", value::distance(agent.expires_at, now)));
    let view = match (agent.connected, agent.view_age_seconds) {
        (true, Some(age)) => format!("connected; its view is {} old", value::largest_unit(age)),
        (true, None) => "connected".to_owned(),
        (false, Some(age)) => {
            format!("not connected; it last asked {} ago", value::largest_unit(age))
        }
        (false, None) => "not connected to this server".to_owned(),
    };
    lines.push(view);
    lines
}

fn near_lines(entry: &NearEntry) -> Vec<String> {
    let mut lines = vec![format!("{}  entry {}", entry.spiffe_id, entry.id)];
    for obstacle in &entry.obstacles {
        let words = match obstacle {
            Obstacle::MissingSelectors => format!("missing: {}", entry.missing.join(", ")),
            Obstacle::OtherParent => format!("hangs under another parent: {}", entry.parent_id),
            Obstacle::ParentUnknown => {
                format!("its parent is neither a node nor an entry: {}", entry.parent_id)
            }
            Obstacle::Expired => "expired".to_owned(),
            Obstacle::StoreOnly => "its SVID goes into a store, not to processes".to_owned(),
            Obstacle::PolicyDenies => "policy refuses to issue it".to_owned(),
        };
        lines.push(format!("  {words}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_comes_first_and_the_missing_selector_is_named() {
        let answer = Explanation {
            summary: "No entry matches.".to_owned(),
            selectors: vec!["unix:uid:7".to_owned()],
            agent: None,
            granted: Vec::new(),
            nearest: vec![NearEntry {
                id: "web-1".to_owned(),
                spiffe_id: "spiffe://a.example/web".to_owned(),
                parent_id: "spiffe://a.example/spire/agent/x/1".to_owned(),
                matched: vec!["unix:uid:7".to_owned()],
                missing: vec!["unix:group:web".to_owned()],
                obstacles: vec![Obstacle::MissingSelectors],
            }],
        };
        let expected = "No entry matches.\n\nThe process has:\n  unix:uid:7\n\n\
                        Nearest entries that do not match:\n  spiffe://a.example/web  entry web-1\n    \
                        missing: unix:group:web\n";
        assert_eq!(words(&answer, Timestamp::EPOCH), expected);
    }
}
