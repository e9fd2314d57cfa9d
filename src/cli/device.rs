//! `weft device`: this machine, as anybody on it can see it.

use std::path::PathBuf;

use clap::Subcommand;

use super::error::Error;
use super::print::Printer;
use super::table::Table;
use crate::kernel::{BasisPoints, Timestamp};
use crate::machine::{self, Root};
use crate::wire::posture::Report;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum DeviceCommand {
    /// Look at this machine without any privilege, and say what was seen. Nothing is sent anywhere.
    Posture {
        /// The directory that stands for `/`.
        #[arg(long, value_name = "DIR", default_value = "/")]
        root: PathBuf,
    },
}

pub(super) fn run(
    command: DeviceCommand,
    printer: &mut Printer,
    now: Timestamp,
) -> Result<(), Error> {
    let DeviceCommand::Posture { root } = command;
    let root = Root::open(&root).map_err(|error| Error::file("read", &root, &error))?;
    let report = machine::report(&root, now.whole_second());
    if printer.is_json() {
        return printer.json(&report);
    }
    printer.list(&[&report], |_| table(&report), "")?;
    printer
        .note("\n`weft device posture --output json | weft posture score` says what that is worth.")
}

fn table(report: &Report) -> Table {
    let mut table = Table::new(&["SIGNAL", "VALUE", "SEEN"]);
    for (name, value) in &report.facts {
        table.row([name.clone(), String::new(), value.clone()]);
    }
    for signal in &report.signals {
        let seen = match &signal.unknown {
            Some(why) => format!("unknown: {why}"),
            None => signal.seen.clone(),
        };
        let value = signal.value.map(|value| format!("{} %", BasisPoints::new(value)));
        table.row([signal.signal.clone(), value.unwrap_or_else(|| "-".to_owned()), seen]);
    }
    table
}
