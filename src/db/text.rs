//! Reads a statement's text for its parameters, alike for both engines.
//!
//! SQLite takes a missing parameter for NULL, and PostgreSQL refuses one that no `$n` uses; so the count is checked here,
//! before either sees the statement.

use crate::kernel::Fault;

/// How many parameters `sql` takes, the realm (`$1`) included; none at all is also right.
pub(super) fn parameters(sql: &str) -> Result<usize, Fault> {
    let mut seen: Vec<bool> = Vec::new();
    let mut rest = sql;
    while let Some(at) = rest.find(['$', '\'', '"', '-']) {
        let (_, here) = rest.split_at(at);
        rest = match here.as_bytes() {
            [b'$', ..] => number(here, &mut seen),
            [b'\'', ..] => after(here, 1, "'"),
            [b'"', ..] => after(here, 1, "\""),
            [b'-', b'-', ..] => after(here, 2, "\n"),
            _ => here.split_at(1).1,
        };
    }
    match seen.iter().position(|used| !used) {
        Some(gap) => Err(Fault::bug(format!("a statement does not use ${}: {sql}", gap + 1))),
        None => Ok(seen.len()),
    }
}

/// The number of values that must come with a statement: all parameters but the realm.
pub(super) fn check(sql: &str, expected: usize, given: usize) -> Result<(), Fault> {
    if given == expected.saturating_sub(1) {
        return Ok(());
    }
    let wanted = expected.saturating_sub(1);
    Err(Fault::bug(format!(
        "a statement takes {wanted} values after the realm, got {given}: {sql}"
    )))
}

/// Marks the parameter that `here` begins with, and gives what follows it.
fn number<'a>(here: &'a str, seen: &mut Vec<bool>) -> &'a str {
    let (_, tail) = here.split_at(1);
    let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
    let (digits, tail) = tail.split_at(end);
    if let Ok(n @ 1..=65_535) = digits.parse::<usize>() {
        if seen.len() < n {
            seen.resize(n, false);
        }
        if let Some(used) = seen.get_mut(n - 1) {
            *used = true;
        }
    }
    tail
}

/// What follows the next `end`, searched after `skip` bytes of `here`.
fn after<'a>(here: &'a str, skip: usize, end: &str) -> &'a str {
    let (_, tail) = here.split_at(skip);
    tail.split_once(end).map_or("", |(_, tail)| tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_counted_outside_of_quotes_and_comments() {
        for (sql, count) in [
            ("SELECT 1", 0),
            ("SELECT a FROM t WHERE realm = $1", 1),
            ("UPDATE t SET a = $3, b = $2 WHERE realm = $1 AND a <> $3", 3),
            ("SELECT '$9 it''s $8', \"$7\" -- $6\n FROM t WHERE a - $1 = -$2", 2),
        ] {
            assert_eq!(parameters(sql).unwrap(), count, "{sql}");
        }
    }

    #[test]
    fn a_statement_that_leaves_a_number_out_is_refused() {
        assert!(parameters("SELECT a FROM t WHERE b = $2").is_err());
        assert!(parameters("SELECT a FROM t WHERE realm = $1 AND b = $3").is_err());
    }
}
