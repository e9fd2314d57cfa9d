//! `weft policy diff`, `history`, `rollback`, `enforce`: what a policy was, is, and shall be.
//!
//! What a policy was is in the events of its changes, each with the text, who and when: for as long as events are kept.

use std::path::PathBuf;

use super::client::When;
use super::error::Error;
use super::input;
use super::session::Session;
use super::table::Table;
use crate::wire::api::{Policy, PolicyChange, PolicyInput, PolicyRollback};

pub(super) async fn diff(
    name: &str,
    file: Option<PathBuf>,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let policy: Policy = session.api.get(&["policies", name]).await?;
    let (from, to) = match file {
        Some(file) => (policy.text, input::text(&file)?),
        None => (policy.shipped_text.unwrap_or_else(|| policy.text.clone()), policy.text),
    };
    let changed = lines(&from, &to);
    if changed.is_empty() {
        return session.print.note("no difference");
    }
    session.print.line(&changed.join("\n"))
}

pub(super) async fn history(name: &str, session: &mut Session<'_>) -> Result<(), Error> {
    let path = ["policies", name, "history"];
    let changes: Vec<PolicyChange> = session.api.all(&path, &[], Some(CHANGES_MAX)).await?;
    session.print.list(&changes, table, "It was never changed, as far as events are kept.")
}

pub(super) async fn rollback(
    name: &str,
    before: Option<u64>,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let which = before.map_or_else(|| "its last change".to_owned(), |n| format!("change {n}"));
    session.confirm(&format!("Put back {name} as it was before {which}?"))?;
    let body = PolicyRollback { before };
    let path = ["policies", name, "rollback"];
    match session.api.post_or_nothing::<_, PolicyInput>(&path, &body).await? {
        Some(_) => {
            let stored: Policy = session.api.get(&["policies", name]).await?;
            session.print.list(&[stored], super::policy::table, "")
        }
        None => session.done("deleted", name),
    }
}

pub(super) async fn enforce(name: &str, session: &mut Session<'_>) -> Result<(), Error> {
    let policy: Policy = session.api.get(&["policies", name]).await?;
    let text = without_shadow(&policy.text);
    if text == policy.text {
        return session.print.note("nothing of it is in shadow");
    }
    put(name, text, session).await
}

async fn put(name: &str, text: String, session: &mut Session<'_>) -> Result<(), Error> {
    let body = PolicyInput { text };
    let stored: Policy = session.api.put(&["policies", name], &body, When::Always).await?;
    session.print.list(&[stored], super::policy::table, "")
}

/// The text without the annotation `@shadow`, its value included.
fn without_shadow(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@shadow") {
        kept.push_str(before);
        let value = after.strip_prefix("(\"").and_then(|value| value.split_once("\")"));
        rest = value.map_or(after, |(_, after)| after);
        rest = rest.strip_prefix(' ').or_else(|| rest.strip_prefix('\n')).unwrap_or(rest);
    }
    kept + rest
}

/// The lines that differ: `-` only before, `+` only after, by the longest run of lines that both have.
pub(super) fn lines(from: &str, to: &str) -> Vec<String> {
    let (a, b): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let mut common = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    let at = |table: &[Vec<usize>], i: usize, j: usize| -> usize {
        table.get(i).and_then(|row| row.get(j)).copied().unwrap_or_default()
    };
    for (i, left) in a.iter().enumerate().rev() {
        for (j, right) in b.iter().enumerate().rev() {
            let longest = if left == right {
                at(&common, i + 1, j + 1) + 1
            } else {
                at(&common, i + 1, j).max(at(&common, i, j + 1))
            };
            if let Some(cell) = common.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = longest;
            }
        }
    }
    let (mut i, mut j, mut told) = (0, 0, Vec::new());
    loop {
        match (a.get(i), b.get(j)) {
            (None, None) => return told,
            (Some(left), Some(right)) if left == right => (i, j) = (i + 1, j + 1),
            (Some(left), right)
                if right.is_none() || at(&common, i + 1, j) >= at(&common, i, j + 1) =>
            {
                told.push(format!("{:>4} - {left}", i + 1));
                i += 1;
            }
            (_, Some(right)) => {
                told.push(format!("{:>4} + {right}", j + 1));
                j += 1;
            }
            (Some(_), None) => i += 1,
        }
    }
}

fn table(changes: &[PolicyChange]) -> Table {
    let mut table = Table::new(&["NUMBER", "TIME", "BY", "WHAT"]);
    for change in changes {
        let what = match (&change.before, &change.text) {
            (None, _) => "written".to_owned(),
            (_, None) => "removed".to_owned(),
            (Some(before), Some(text)) => format!("{} lines differ", lines(before, text).len()),
        };
        let by = change.by.clone().unwrap_or_else(|| "-".to_owned());
        table.row([change.number.to_string(), change.time.to_string(), by, what]);
    }
    table
}

/// Changes listed: years of them.
const CHANGES_MAX: usize = 5000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_the_lines_of_both() {
        assert_eq!(lines("a\nb\nc", "a\nb\nc"), [""; 0]);
        assert_eq!(lines("a\nb\nc", "a\nc\nd"), ["   2 - b", "   3 + d"]);
        assert_eq!(lines("", "x"), ["   1 + x"]);
        assert_eq!(lines("x\ny", ""), ["   1 - x", "   2 - y"]);
    }

    #[test]
    fn what_was_in_shadow_is_the_same_without_the_annotation() {
        let text = "@id(\"a\")\n@shadow(\"since spring\")\nforbid (principal, action, resource);\n@shadow permit x";
        let left = "@id(\"a\")\nforbid (principal, action, resource);\npermit x";
        assert_eq!(without_shadow(text), left);
    }
}
