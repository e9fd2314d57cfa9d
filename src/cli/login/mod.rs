//! `weft login`, `weft svid`, `weft whoami`, `weft logout`: a person on their own machine, by OAuth's loopback code flow
//! (RFC 8252) and what a sign-in opens.
//!
//! Owns: the way through the browser and back, what is kept of a sign-in, its renewal. Does not own: who may sign in, and how
//! long anything lives (the server decides).
//!
//! Invariants: tokens and the key are in files of their owner alone, never in an argument, an output or a log, but for a
//! JWT-SVID that was asked for; the key never leaves this machine; one process at a time holds a sign-in, from before it shows
//! the refresh token until the next one is on disk.

mod bring;
mod browser;
mod held;
mod keep;
mod kept;
mod provider;
mod sign_in;
mod svid;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::args::{Command, Connection};
use super::error::Error;
use super::print::Printer;
use super::table::Fields;
use super::{device, places, value};
use crate::env::Clock;
use crate::kernel::Timestamp;
pub(super) use bring::Owner;
use held::{Held, Person};
use kept::Place;
use svid::Files;

#[derive(Debug, Clone, Args)]
pub(super) struct LoginArgs {
    /// Stay, and renew what was given for as long as the session lives.
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    browser: BrowserArgs,
    #[command(flatten)]
    on: DeviceArgs,
    #[command(flatten)]
    wish: Wish,
}

/// The browser that signs in.
#[derive(Debug, Clone, Args)]
pub(super) struct BrowserArgs {
    /// Do not open a browser: the address is printed, for one on this machine.
    #[arg(long)]
    no_browser: bool,
    /// How long to wait for the browser.
    #[arg(long, value_name = "SPAN", value_parser = value::span, default_value = "5m")]
    wait: i64,
}

impl BrowserArgs {
    fn way(&self, anew: bool) -> sign_in::Way {
        let opens = !self.no_browser && places::has_display();
        sign_in::Way { opens, wait_seconds: self.wait, anew }
    }
}

/// The device that a sign-in is bound to.
#[derive(Debug, Clone, Args)]
struct DeviceArgs {
    /// The directory of the device that this machine is [default: `weft/device` below `$XDG_STATE_HOME` or `~/.local/state`, if
    /// it is enrolled].
    #[arg(long, value_name = "DIR", conflicts_with = "no_device")]
    device_dir: Option<PathBuf>,
    /// Do not bind the sign-in to the device that this machine is.
    #[arg(long)]
    no_device: bool,
}

impl DeviceArgs {
    /// The device, if it can show its SVID now; one that was named must.
    fn directory(&self, now: Timestamp) -> Result<Option<PathBuf>, Error> {
        if self.no_device {
            return Ok(None);
        }
        let files = device::Files::at(self.device_dir.clone().unwrap_or_else(places::device));
        let directory = files.directory().to_owned();
        match files.held_until() {
            Some(until) if until > now => Ok(Some(directory)),
            Some(until) => Err(Error::Local {
                what: format!("the SVID of this device in `{}` ended {until}", directory.display()),
                next:
                    "`weft device enroll` enrols it again; `--no-device` signs you in without it."
                        .to_owned(),
            }),
            None if self.device_dir.is_some() => Err(Error::Local {
                what: format!("`{}` has no device's SVID and key", directory.display()),
                next: "`weft device enroll` writes them.".to_owned(),
            }),
            None => Ok(None),
        }
    }
}

#[derive(Debug, Clone, Args)]
pub(super) struct SvidArgs {
    /// Print a JWT-SVID for this audience instead; may be said several times.
    #[arg(long, value_name = "AUDIENCE", conflicts_with = "dir")]
    audience: Vec<String>,
    #[command(flatten)]
    wish: Wish,
}

/// What an SVID shall be like.
#[derive(Debug, Clone, Args)]
struct Wish {
    /// Where `svid.pem`, `key.pem` and `bundle.pem` go [default: `weft/login` below `$XDG_STATE_HOME` or `~/.local/state`].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// How long an SVID shall live [default: as long as the server allows].
    #[arg(long, value_name = "SPAN", value_parser = value::span)]
    lifetime: Option<i64>,
}

/// True for a command of this page. `whoami` is one where somebody is signed in and nothing says how else to reach a server.
pub(super) fn takes(command: &Command, connection: &Connection) -> bool {
    let elsewhere = connection.server_socket.is_some()
        || connection.svid_socket.is_some()
        || connection.token_file.is_some();
    match command {
        Command::Login(_) | Command::Svid(_) | Command::Logout => true,
        Command::Whoami => !elsewhere && Place::of_process().is_there(),
        _ => false,
    }
}

/// Runs it.
pub(super) async fn run(
    command: Command,
    connection: &Connection,
    print: &mut Printer,
    clock: Arc<dyn Clock>,
) -> Result<(), Error> {
    let place = Place::of_process();
    match command {
        Command::Login(args) => login(args, (&place, connection), print, clock).await,
        Command::Svid(args) if args.audience.is_empty() => {
            let mut held = Held::open(&place, clock)?;
            let files = svid::ensure(&mut held, &args.wish).await?;
            let now = held.now();
            print.show(&files, |files| files.fields(now))
        }
        Command::Svid(args) => {
            let mut held = Held::open(&place, clock)?;
            let token = held.jwt_svid(args.audience, args.wish.lifetime).await?;
            if print.is_json() { print.json(&token) } else { print.line(&token.token) }
        }
        Command::Logout => logout(&place, print, clock).await,
        _ => {
            let mut held = Held::open(&place, clock)?;
            let person = held.person().await?;
            let now = held.now();
            print.show(&person, |person| who(person, now))
        }
    }
}

async fn login(
    args: LoginArgs,
    (place, connection): (&Place, &Connection),
    print: &mut Printer,
    clock: Arc<dyn Clock>,
) -> Result<(), Error> {
    let server = sign_in::Server::of(connection, place, args.on.directory(clock.now())?)?;
    let mut held = entered(&server, place, args.browser.way(false), (print, &clock)).await?;
    let files = svid::ensure(&mut held, &args.wish).await?;
    let person = held.person().await?;
    let now = held.now();
    drop(held);
    print.show(&person, |person| who(person, now))?;
    print.note(&format!("The X.509-SVID is in {}.", files.directory().display()))?;
    if args.keep { keep::run(place, &args.wish, print, clock).await } else { Ok(()) }
}

/// Signs in, in the place of whoever was signed in here.
async fn entered(
    server: &sign_in::Server,
    place: &Place,
    way: sign_in::Way,
    (print, clock): (&mut Printer, &Arc<dyn Clock>),
) -> Result<Held, Error> {
    let kept = sign_in::sign_in(server, way, print, clock).await?;
    // The earlier sign-in, if there is one, hangs off nobody's file any more.
    if let Ok(mut earlier) = Held::open(place, Arc::clone(clock)) {
        let _told = earlier.revoke().await;
    }
    Held::begin(place, kept, Arc::clone(clock))
}

async fn logout(place: &Place, print: &mut Printer, clock: Arc<dyn Clock>) -> Result<(), Error> {
    let mut held = Held::open(place, clock)?;
    let told = held.revoke().await;
    let issuer = held.issuer().to_owned();
    // Also where the server could not be told: who signs out leaves nothing behind here.
    held.remove()?;
    told.map_err(|error| Error::Unreachable {
        what: format!("the files are gone, but {issuer} was not told: {}", error.what()),
        next: format!("End the session in a browser, at {issuer}/account, if that matters."),
    })?;
    if print.is_json() {
        return print.json(&serde_json::json!({ "done": "signed out", "id": issuer }));
    }
    print.line(&format!("{issuer}: signed out on this machine"))
}

fn who(person: &Person, now: Timestamp) -> Fields {
    let mut fields = Fields::default();
    fields.add("you are", person.words());
    fields.add("SPIFFE ID", person.spiffe_id.clone().unwrap_or_default());
    fields.add("signed in at", &person.issuer);
    let moment = |at: &Option<_>| at.map(|at| value::moment(at, now)).unwrap_or_default();
    fields.add("until, at most", moment(&person.session_expires_at));
    if let Some(device) = &person.device {
        fields.add("bound to the device in", device.display().to_string());
    }
    fields
}

impl Files {
    fn fields(&self, now: Timestamp) -> Fields {
        let mut fields = Fields::default();
        fields.add("SPIFFE ID", &self.spiffe_id);
        fields.add("until", value::moment(self.expires_at, now));
        let shown = |path: &std::path::Path| path.display().to_string();
        fields.add("certificates", shown(&self.svid));
        fields.add("key", shown(&self.key));
        fields.add("bundle", shown(&self.bundle));
        fields
    }
}
