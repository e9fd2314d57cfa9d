//! `weft device`: this machine as a device — as anybody on it can see it, enrolling it, renewing its SVID, reporting it — and the
//! devices of a realm, for administrators.

mod enrol;
mod files;
mod http;
mod loopback;
mod report;
mod run;
#[cfg(test)]
mod tests;
mod token;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::args::Connection;
use super::error::Error;
use super::print::Printer;
use super::session::Session;
use super::table::{Fields, Table};
use super::value;
use crate::env::Clock;
use crate::kernel::{BasisPoints, Timestamp};
use crate::machine::{self, Root};
use crate::wire::api::{Device, DeviceClass, DeviceReason, DeviceState};
use crate::wire::posture::{DevicePosture, Report};

pub(super) use files::Files;
pub(super) use run::look_after;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum DeviceCommand {
    /// Look at this machine without any privilege, and say what was seen. Nothing is sent anywhere.
    Posture {
        /// The directory that stands for `/`.
        #[arg(long, value_name = "DIR", default_value = "/")]
        root: PathBuf,
    },
    /// Enrol this machine as a device: makes a key here, and gets an X.509-SVID for it. It becomes yours by signing in, in a browser
    /// or before by `weft login`; or, with the token in `--token-file`, whose the token says. `--server` is the issuer.
    Enroll(enrol::EnrolArgs),
    /// Get the next X.509-SVID of this device, with a new key; `--server` is the address of the door `mtls`.
    Renew(enrol::RenewArgs),
    /// Look after this device in the foreground: enrol it where it has to, renew its X.509-SVID, look at it and report what is
    /// seen, as often as the server says; `--server` is the address of the door `mtls`.
    Run(run::RunArgs),
    /// Look at this machine and report it, once; `--server` is the address of the door `mtls`.
    Report(report::ReportArgs),
    /// Say what is known of this device: its score, why, and what to mend; `--server` is the address of the door `mtls`.
    Status(report::StatusArgs),
    /// Tokens that devices enrol with.
    #[command(subcommand)]
    Token(token::DeviceTokenCommand),
    /// List devices.
    List(ListArgs),
    /// Show one.
    Show {
        /// Its id, `dev_…`.
        id: String,
    },
    /// Let a device in that its owner asked for.
    Approve(ManageArgs),
    /// Refuse a device everywhere, until it is released.
    Lock(ManageArgs),
    /// Let a locked device call again.
    Release(ManageArgs),
    /// Put a device out for good.
    Retire(ManageArgs),
    /// Forget what a source says of a device, which is there no more: its last word stands until then.
    Forget {
        /// Its id, `dev_…`.
        id: String,
        /// `osquery`, `collector`, or `service:` and a name, as `weft device show` lists them.
        source: String,
    },
}

#[derive(Debug, Clone, Args)]
pub(super) struct ListArgs {
    /// In this state.
    #[arg(long, value_enum)]
    state: Option<StateName>,
    /// Of this person, `usr_…`.
    #[arg(long, value_name = "ID")]
    owner: Option<String>,
    /// Whose posture is of this level: unknown, quarantine, restricted, standard, trusted.
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(super) struct ManageArgs {
    /// Its id, `dev_…`.
    id: String,
    /// Why; administrators and events see it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum StateName {
    Waiting,
    Enrolled,
    Locked,
    Retired,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ClassName {
    Laptop,
    Desktop,
    Server,
    Other,
}

impl From<ClassName> for DeviceClass {
    fn from(name: ClassName) -> Self {
        match name {
            ClassName::Laptop => Self::Laptop,
            ClassName::Desktop => Self::Desktop,
            ClassName::Server => Self::Server,
            ClassName::Other => Self::Other,
        }
    }
}

impl DeviceCommand {
    /// True for what is about this machine; the others are for administrators.
    pub(super) const fn is_of_this_machine(&self) -> bool {
        matches!(
            self,
            Self::Posture { .. }
                | Self::Enroll(_)
                | Self::Renew(_)
                | Self::Run(_)
                | Self::Report(_)
                | Self::Status(_)
        )
    }
}

/// The commands about this machine: the first needs no server, the others reach it in their own way.
pub(super) async fn here(
    command: DeviceCommand,
    connection: &Connection,
    print: &mut Printer,
    clock: Arc<dyn Clock>,
) -> Result<(), Error> {
    match command {
        DeviceCommand::Posture { root } => posture(&root, print, clock.now()),
        DeviceCommand::Enroll(args) => enrol::enrol(args, connection, print, clock).await,
        DeviceCommand::Renew(args) => enrol::renew(args, connection, print, clock).await,
        DeviceCommand::Run(args) => run::run(args, connection, print, clock).await,
        DeviceCommand::Report(args) => report::report(args, connection, print, clock).await,
        DeviceCommand::Status(args) => report::status(args, connection, print, clock).await,
        _ => Ok(()),
    }
}

/// Looks at this machine.
fn posture(root: &Path, printer: &mut Printer, now: Timestamp) -> Result<(), Error> {
    let root = Root::open(root).map_err(|error| Error::file("read", root, &error))?;
    let report = machine::report(&root, now.whole_second());
    if printer.is_json() {
        return printer.json(&report);
    }
    printer.list(&[&report], |_| seen(&report), "")?;
    printer
        .note("\n`weft device posture --output json | weft posture score` says what that is worth; `weft device report` sends it.")
}

/// The commands of administrators.
pub(super) async fn run(command: DeviceCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        // Taken before.
        DeviceCommand::Posture { .. }
        | DeviceCommand::Enroll(_)
        | DeviceCommand::Renew(_)
        | DeviceCommand::Run(_)
        | DeviceCommand::Report(_)
        | DeviceCommand::Status(_) => Ok(()),
        DeviceCommand::Token(command) => token::run(command, session).await,
        DeviceCommand::List(filter) => list(filter, session).await,
        DeviceCommand::Show { id } => {
            let device: Device = session.api.get(&["devices", &id]).await?;
            let posture: DevicePosture = session.api.get(&["devices", &id, "posture"]).await?;
            let now = session.now();
            let shown = Shown { device, posture };
            session.print.show(&shown, |shown| {
                let mut fields = fields(&shown.device, now);
                report::told(&mut fields, &shown.posture, now);
                fields
            })
        }
        DeviceCommand::Lock(args) => {
            session.confirm(&format!("Lock {}? It is refused from now on", args.id))?;
            manage(args, ("lock", "locked"), session).await
        }
        DeviceCommand::Approve(args) => manage(args, ("approve", "approved"), session).await,
        DeviceCommand::Release(args) => manage(args, ("release", "released"), session).await,
        DeviceCommand::Retire(args) => {
            session.confirm(&format!("Retire {}? It does not come back", args.id))?;
            manage(args, ("retire", "retired"), session).await
        }
        DeviceCommand::Forget { id, source } => {
            session.api.delete(&["devices", &id, "posture", &source]).await?;
            session.done("forgotten", &format!("{source} of {id}"))
        }
    }
}

/// A device, and what is known of it.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    device: Device,
    posture: DevicePosture,
}

async fn manage(
    args: ManageArgs,
    (verb, done): (&str, &str),
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let reason = DeviceReason { reason: args.reason };
    let _: Device = session.api.post(&["devices", &args.id, verb], &reason).await?;
    session.done(done, &args.id)
}

async fn list(filter: ListArgs, session: &mut Session<'_>) -> Result<(), Error> {
    let mut query = Vec::new();
    query.extend(filter.state.map(|state| ("state", state.as_str().to_owned())));
    query.extend(filter.owner.map(|owner| ("owner", owner)));
    query.extend(filter.level.map(|level| ("level", level)));
    let devices: Vec<Device> = session.api.all(&["devices"], &query, None).await?;
    let empty = if query.is_empty() { EMPTY } else { "No device is like that." };
    let now = session.now();
    session.print.list(&devices, |devices| table(devices, now), empty)
}

impl StateName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Enrolled => "enrolled",
            Self::Locked => "locked",
            Self::Retired => "retired",
        }
    }
}

/// One that waits has no SVID yet, and a machine that reports through an agent of another make never has.
fn none(device: &Device) -> String {
    let words = match (device.state, &device.owner) {
        (DeviceState::Waiting, _) => "none: it waits for approval",
        (_, Some(_)) => "none yet, or it only reports",
        (_, None) => "none: it only reports",
    };
    words.to_owned()
}

fn table(devices: &[Device], now: Timestamp) -> Table {
    let mut table =
        Table::new(&["ID", "NAME", "CLASS", "STATE", "LEVEL", "SCORE", "SVID ENDS", "OWNER"]);
    for device in devices {
        table.row([
            device.id.clone(),
            device.name.clone(),
            class(device.class).to_owned(),
            state(device.state).to_owned(),
            device.level.clone(),
            device.score_basis_points.map_or_else(|| "-".to_owned(), score),
            device.expires_at.map_or_else(|| none(device), |at| value::distance(at, now)),
            device.owner.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn fields(device: &Device, now: Timestamp) -> Fields {
    let mut fields = Fields::default();
    fields.add("id", &device.id);
    fields.add("number", &device.number);
    fields.add("SPIFFE ID", &device.spiffe_id);
    fields.add("name", &device.name);
    fields.add("platform", &device.platform);
    fields.add("class", class(device.class));
    fields.add("profile", device.profile.clone().unwrap_or_default());
    fields.add("owner", device.owner.clone().unwrap_or_default());
    fields.add("state", state(device.state));
    fields.add("reason", device.reason.clone().unwrap_or_default());
    fields.add("enrolled", value::moment(device.created_at, now));
    fields.add("enrol again", value::moment(device.evidence_expires_at, now));
    let known = device.evidence.iter().map(|known| {
        format!(
            "{} ({}), last {}",
            known.source,
            known.strength,
            value::distance(known.last_at, now)
        )
    });
    fields.list("known by", &known.collect::<Vec<_>>());
    fields.add("SVID serial", device.serial.clone().unwrap_or_else(|| none(device)));
    if let (Some(issued), Some(ends)) = (device.issued_at, device.expires_at) {
        fields.add("SVID issued", value::moment(issued, now));
        fields.add("SVID ends", value::moment(ends, now));
    }
    fields
}

fn score(points: u16) -> String {
    report::points(points).to_string()
}

const fn class(class: DeviceClass) -> &'static str {
    match class {
        DeviceClass::Laptop => "laptop",
        DeviceClass::Desktop => "desktop",
        DeviceClass::Server => "server",
        DeviceClass::Other => "other",
    }
}

const fn state(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Waiting => "waiting",
        DeviceState::Enrolled => "enrolled",
        DeviceState::Locked => "locked",
        DeviceState::Retired => "retired",
    }
}

fn seen(report: &Report) -> Table {
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

const EMPTY: &str = "No device has enrolled yet. `weft device token create` makes a token; `weft device enroll` on the device takes it.";
