//! The one table: each line with what was measured, what was aimed at, and whether it holds.

use std::fmt::Write as _;
use std::time::Duration;

/// A measured line.
#[derive(Debug)]
pub(crate) struct Row {
    line: String,
    measured: f64,
    target: Target,
    unit: &'static str,
}

/// What a line is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// Nothing was promised: it is told to explain the others.
    Told,
}

/// All of them, in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Adds a line, and tells it at once to whoever waits.
    pub(crate) fn add(
        &mut self,
        line: impl Into<String>,
        measured: f64,
        target: Target,
        unit: &'static str,
    ) {
        let row = Row { line: line.into(), measured, target, unit };
        eprintln!("load: {}", row.cells().join(" · "));
        self.rows.push(row);
    }

    /// True if every promise was kept.
    pub(crate) fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.holds() != Some(false))
    }

    /// The table, as a page shows it.
    pub(crate) fn text(&self) -> String {
        let mut text =
            String::from("| line | measured | target | holds |\n| --- | ---: | ---: | --- |\n");
        for row in &self.rows {
            // Writing to a string does not fail.
            let _written = writeln!(text, "| {} |", row.cells().join(" | "));
        }
        text
    }
}

impl Row {
    fn holds(&self) -> Option<bool> {
        match self.target {
            Target::AtMost(most) => Some(self.measured <= most),
            Target::AtLeast(least) => Some(self.measured >= least),
            Target::Told => None,
        }
    }

    fn cells(&self) -> [String; 4] {
        let number = |value: f64| match value {
            value if value >= 100.0 => format!("{value:.0}"),
            value if value >= 10.0 => format!("{value:.1}"),
            value => format!("{value:.2}"),
        };
        let unit = self.unit;
        let target = match self.target {
            Target::AtMost(most) => format!("≤ {} {unit}", number(most)),
            Target::AtLeast(least) => format!("≥ {} {unit}", number(least)),
            Target::Told => String::new(),
        };
        let holds = match self.holds() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        [self.line.clone(), format!("{} {unit}", number(self.measured)), target, holds.to_owned()]
    }
}

/// The value that so many of a thousand samples do not exceed, in milliseconds.
pub(crate) fn percentile(samples: &mut [Duration], thousandths: usize) -> f64 {
    samples.sort_unstable();
    let rank = (samples.len() * thousandths).div_ceil(1000).max(1) - 1;
    samples.get(rank).map_or(f64::NAN, |value| value.as_secs_f64() * 1e3)
}

/// A count, to calculate with.
pub(crate) fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
