//! The order of Debian's versions (Debian Policy §5.6.12): epoch, version, revision, each in runs of text and digits.

use std::cmp::Ordering;

/// Which of two versions is later.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (one, other) = (Parts::of(a), Parts::of(b));
    let epochs = number(one.epoch).cmp(&number(other.epoch));
    epochs
        .then_with(|| part(one.version, other.version))
        .then_with(|| part(one.revision, other.revision))
}

struct Parts<'v> {
    epoch: &'v str,
    version: &'v str,
    revision: &'v str,
}

impl<'v> Parts<'v> {
    fn of(text: &'v str) -> Self {
        let (epoch, rest) = text.split_once(':').unwrap_or(("", text));
        let (version, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self { epoch, version, revision }
    }
}

fn part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let ((text, rest), (other, other_rest)) = (run(a, false), run(b, false));
        let order = words(text, other);
        let ((digits, rest), (others, other_rest)) = (run(rest, true), run(other_rest, true));
        let order = order.then_with(|| number(digits).cmp(&number(others)));
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest, other_rest);
    }
    Ordering::Equal
}

/// The run of digits, or of anything else, at the beginning, and the rest.
fn run(text: &str, digits: bool) -> (&str, &str) {
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

/// `~` comes before the end, the end before letters, letters before the rest.
fn words(a: &str, b: &str) -> Ordering {
    let rank = |c: Option<char>| match c {
        Some('~') => (0, '~'),
        None => (1, ' '),
        Some(c) if c.is_ascii_alphabetic() => (2, c),
        Some(c) => (3, c),
    };
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        let (one, other) = (a.next(), b.next());
        let order = rank(one).cmp(&rank(other));
        if order != Ordering::Equal || one.is_none() {
            return order;
        }
    }
}

/// Digits as a number that has no end: first how many count, then which.
fn number(digits: &str) -> (usize, &str) {
    let counting = digits.trim_start_matches('0');
    (counting.len(), counting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_debian_orders_them() {
        let rising = [
            "1.0~rc1-1",
            "1.0-1",
            "1.0-1+deb12u1",
            "1.0-1+deb12u2",
            "1.0-1+deb12u10",
            "1.0a-1",
            "1.0.1",
            "1.00.2",
            "1.10",
            "3",
            "1:0.1",
            "2:0~",
        ];
        for (n, a) in rising.iter().enumerate() {
            for (m, b) in rising.iter().enumerate() {
                assert_eq!(compare(a, b), n.cmp(&m), "{a} and {b}");
            }
        }
        for (a, b) in [("1.0", "1.00"), ("0:1", "1"), ("1-0", "1"), ("", "0")] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} and {b}");
        }
    }
}
