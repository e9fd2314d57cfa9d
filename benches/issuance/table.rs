//! What was measured, and whether it is enough.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use crate::Outcome;
use crate::operation::{Call, JWT_UNRECORDED, Place, Row};
use crate::raw::Raw;

/// The rows, and a sample of each a round.
pub(crate) struct Table {
    rows: Vec<(&'static Row, Vec<Duration>)>,
    raw: Vec<Raw>,
    tokens: Vec<Duration>,
}

/// A row as it is printed.
struct Line {
    row: &'static Row,
    cost: Duration,
    raw: Duration,
    empty: Duration,
}

impl Table {
    pub(crate) fn new(rows: impl Iterator<Item = &'static Row>) -> Self {
        Self {
            rows: rows.map(|row| (row, Vec::new())).collect(),
            raw: Vec::new(),
            tokens: Vec::new(),
        }
    }

    /// The rows that are to be measured.
    pub(crate) fn rows(&self) -> Vec<&'static Row> {
        self.rows.iter().map(|(row, _)| *row).collect()
    }

    /// Takes a sample of raw crypto.
    pub(crate) fn take_raw(&mut self, raw: Raw) {
        self.raw.push(raw);
    }

    /// Takes how long tokens took while people signed in.
    pub(crate) fn take_tokens(&mut self, spans: Vec<Duration>) {
        self.tokens.extend(spans);
    }

    /// Takes a sample of a row.
    pub(crate) fn take(&mut self, row: &Row, cost: Duration) {
        for (_, samples) in self.rows.iter_mut().filter(|(own, _)| std::ptr::eq(*own, row)) {
            samples.push(cost);
        }
    }

    /// Prints it; true if every target holds.
    pub(crate) fn print(&self) -> Outcome<bool> {
        let mut out = std::io::stdout().lock();
        let (sign, verify) = (self.raw(|raw| raw.sign), self.raw(|raw| raw.verify));
        let hash = micros(self.raw(|raw| raw.hash));
        let (verify, sign) = (micros(verify), micros(sign));
        writeln!(
            out,
            "raw crypto: verify {verify:.1} µs, sign {sign:.1} µs, password {hash:.0} µs"
        )?;
        writeln!(out, "\n{HEAD}")?;
        let mut missed = 0;
        for line in self.lines() {
            writeln!(out, "{}", line.text())?;
            missed += usize::from(line.holds() == Some(false));
        }
        if let Some(cost) = self.event() {
            writeln!(
                out,
                "\na JWT-SVID's event at 8 in flight, copying it included: {:.1} µs",
                micros(cost)
            )?;
        }
        if let Some(slowest) = percentile(&self.tokens, 99) {
            let (seen, holds) = (self.tokens.len(), slowest < TOKEN_MAX);
            missed += usize::from(!holds);
            writeln!(
                out,
                "\ntokens while people sign in, both cores busy: p99 {:.1} ms of {seen} (< {} ms: {})",
                micros(slowest) / 1e3,
                TOKEN_MAX.as_millis(),
                if holds { "yes" } else { "no" },
            )?;
        }
        writeln!(out, "\ntargets missed: {missed}")?;
        Ok(missed == 0)
    }

    fn lines(&self) -> impl Iterator<Item = Line> {
        self.rows.iter().map(|(row, samples)| Line {
            row,
            cost: median(samples.iter().copied()),
            raw: match row.call {
                Call::Empty | Call::Options | Call::Connect | Call::SeenToken => Duration::ZERO,
                Call::Jwt | Call::Machine => self.raw(|raw| raw.sign),
                Call::NewToken => self.raw(|raw| raw.verify),
                // An access token and an ID token.
                Call::Refresh => self.raw(|raw| raw.sign) * 2,
                Call::SignIn => self.raw(|raw| raw.hash),
                Call::X509(_) | Call::Attest => self.raw(|raw| raw.verify + raw.sign),
            },
            // Of a sign-in the hash is all that it is compared with.
            empty: self.cost(|other| {
                other.call == row.baseline()
                    && other.flight == row.flight
                    && row.call != Call::SignIn
            }) / row.each(),
        })
    }

    /// What recording adds to a token.
    fn event(&self) -> Option<Duration> {
        let of =
            |place| self.cost(|row| row.call == Call::Jwt && row.flight == 8 && row.place == place);
        let measured = self.rows.iter().any(|(row, _)| row.name == JWT_UNRECORDED);
        measured.then(|| of(Place::Product).saturating_sub(of(Place::Unrecorded)))
    }

    fn cost(&self, which: impl Fn(&Row) -> bool) -> Duration {
        let found = self.rows.iter().find(|(row, _)| which(row));
        found.map_or(Duration::ZERO, |(_, samples)| median(samples.iter().copied()))
    }

    fn raw(&self, part: impl Fn(&Raw) -> Duration) -> Duration {
        median(self.raw.iter().map(part))
    }
}

impl Line {
    fn rate(&self) -> f64 {
        1.0 / self.cost.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The part of the cost that raw crypto and an empty call have, in per cent.
    fn share(&self) -> f64 {
        100.0 * (self.raw + self.empty).as_secs_f64()
            / self.cost.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Whether its targets hold; nothing for a row that has none.
    fn holds(&self) -> Option<bool> {
        let rate = self.row.rate.map(|least| self.rate() >= f64::from(least));
        let share = self.row.share.map(|least| self.share() >= f64::from(least));
        match (rate, share) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or(true) && other.unwrap_or(true)),
        }
    }

    fn text(&self) -> String {
        let share = self.row.share.map(|least| format!("≥ {least} %"));
        let rate = self.row.rate.map(|least| format!("≥ {least}/s"));
        let target: Vec<String> = share.into_iter().chain(rate).collect();
        let compared = !self.row.is_baseline() && self.row.call != Call::Connect;
        let only = |text: String| if compared { text } else { "–".to_owned() };
        format!(
            "| {:<27} | {:>9} | {:>10.0} | {:>8.1} | {:>8} | {:>8} | {:>5} | {:<20} | {:<5} |",
            self.row.name,
            self.row.flight,
            self.rate(),
            micros(self.cost),
            only(format!("{:.1}", micros(self.raw))),
            only(format!("{:.1}", micros(self.empty))),
            only(format!("{:.0} %", self.share())),
            target.join(", "),
            self.holds().map_or("", |holds| if holds { "yes" } else { "no" }),
        )
    }
}

/// Says beside the table what a window has come to, because all of them take minutes.
pub(crate) fn progress((round, rounds): (usize, usize), row: &Row, cost: Duration) {
    let (name, flight, cost) = (row.name, row.flight, micros(cost));
    let line = format!("round {round} of {rounds}: {name}, {flight} in flight: {cost:.1} µs");
    // A terminal that is gone needs no words.
    let _gone = writeln!(std::io::stderr(), "{line}");
}

/// Says on the terminal why there is no table.
pub(crate) fn complain(error: &dyn Error) {
    // A terminal that is gone needs no words.
    let _gone = writeln!(std::io::stderr(), "issuance: {error}");
}

fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

fn median(samples: impl Iterator<Item = Duration>) -> Duration {
    let mut sorted: Vec<Duration> = samples.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The span that so many per cent of these are not longer than.
fn percentile(spans: &[Duration], per_cent: usize) -> Option<Duration> {
    let mut sorted = spans.to_vec();
    sorted.sort_unstable();
    sorted.get((sorted.len() * per_cent / 100).min(sorted.len().saturating_sub(1))).copied()
}

/// What a token may take at the 99th percentile while people sign in.
const TOKEN_MAX: Duration = Duration::from_millis(20);
const HEAD: &str = "\
| operation                   | in flight | per CPU-s  | µs each  | raw µs   | empty µs | share | target               | holds |
| --------------------------- | --------: | ---------: | -------: | -------: | -------: | ----: | -------------------- | ----- |";
