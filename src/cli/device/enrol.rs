//! `weft device enroll`, by whoever signs in or with a token, and `weft device renew`: the key is made here, and is on disk before
//! anybody is asked to certify it, so that an answer that was lost is asked for again with the same key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::super::args::Connection;
use super::super::client::Api;
use super::super::error::Error;
use super::super::login::{BrowserArgs, Owner};
use super::super::print::Printer;
use super::super::table::Fields;
use super::super::transport::Transport;
use super::super::{input, places, value};
use super::ClassName;
use super::files::Files;
use super::report::api;
use crate::crypto::x509::{csr, pem};
use crate::env::Clock;
use crate::kernel::{Lifetime, Timestamp};
use crate::wire::api::{
    DeviceEnrolment, DeviceRenewal, DeviceSvid, PersonDevice, PersonDeviceAsk, Time,
};

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct EnrolArgs {
    /// What the device is called [default: this machine's name].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What sort of machine it is, where no token says so.
    #[arg(long, value_enum, default_value = "laptop")]
    class: ClassName,
    /// Where an administrator has to approve it, do not stay until somebody has: say it again later.
    #[arg(long)]
    no_stay: bool,
    #[command(flatten)]
    browser: BrowserArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct RenewArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Clone, Args)]
pub(super) struct PlaceArgs {
    /// Where `svid.pem`, `key.pem` and `bundle.pem` are [default: `weft/device` below `$XDG_STATE_HOME` or `~/.local/state`].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl PlaceArgs {
    /// This directory.
    pub(super) fn at(dir: PathBuf) -> Self {
        Self { dir: Some(dir) }
    }

    fn files(&self) -> Files {
        Files::at(self.dir.clone().unwrap_or_else(places::device))
    }

    /// The files, whatever an earlier run left half done.
    pub(super) fn settled(&self) -> Result<Files, Error> {
        let files = self.files();
        files.settle()?;
        Ok(files)
    }
}

/// What is told of an SVID that was given.
#[derive(Debug, Serialize)]
struct Told<'a> {
    id: &'a str,
    spiffe_id: &'a str,
    expires_at: Time,
    directory: &'a Path,
}

/// Enrols this machine, at the door `public`. `--token-file` is the token to enrol with, and nothing that says who calls; without
/// it a person brings the device.
pub(in crate::cli) async fn enrol(
    args: EnrolArgs,
    connection: &Connection,
    print: &mut Printer,
    clock: Arc<dyn Clock>,
) -> Result<(), Error> {
    let (files, now) = (args.place.settled()?, clock.now());
    if let Some(until) = files.held_until().filter(|until| *until > now) {
        return Err(Error::Local {
            what: format!(
                "`{}` has the SVID of a device already, until {until}",
                files.directory().display()
            ),
            next: "`weft device renew` renews it; `--dir` names another directory.".to_owned(),
        });
    }
    if connection.token_file.is_some() {
        let given = enrolled(args.name, connection, &files).await?;
        return tell(&given, &files, print, now);
    }
    match brought(args, connection, &files, (print, &clock)).await? {
        Some(given) => {
            tell(&given, &files, print, now)?;
            print.note(
                "`weft device run` reports it from now on; `weft login` binds your sign-in to it.",
            )
        }
        None => Ok(()),
    }
}

/// Enrols as the device of whoever signs in, and keeps what is given; nothing where it waits for approval and nobody stays.
async fn brought(
    args: EnrolArgs,
    connection: &Connection,
    files: &Files,
    (print, clock): (&mut Printer, &Arc<dyn Clock>),
) -> Result<Option<DeviceSvid>, Error> {
    let key = files.enrolling_key()?;
    let request = csr::create(&key).map_err(|fault| Error::local(fault.to_string()))?;
    let ask = PersonDeviceAsk {
        csr: pem("CERTIFICATE REQUEST", &request).to_string(),
        name: args.name.unwrap_or_else(places::machine_name),
        platform: std::env::consts::OS.to_owned(),
        class: args.class.into(),
    };
    let owner = Owner::of_process(connection, &args.browser, Arc::clone(clock));
    let mut told = false;
    loop {
        let device = owner.bring(&ask, print).await?;
        if let Some(given) = device.svid {
            files.keep(&key, &given)?;
            return Ok(Some(given));
        }
        if args.no_stay {
            waits(&device, print)?;
            return Ok(None);
        }
        if !told {
            print.note(&format!(
                "{} waits for an administrator, who says `weft device approve {}`. This goes on by itself then; so does `weft device enroll`, said later.",
                ask.name, device.id
            ))?;
            told = true;
        }
        clock.sleep(APPROVAL_ASKED).await;
    }
}

fn waits(device: &PersonDevice, print: &mut Printer) -> Result<(), Error> {
    print.show(device, |device| {
        let mut fields = Fields::default();
        fields.add("device", &device.id);
        fields.add("state", "waits for an administrator");
        fields.add("then", "`weft device enroll` again, here");
        fields
    })
}

/// Enrols with the token that `connection` names, and keeps what is given.
pub(super) async fn enrolled(
    name: Option<String>,
    connection: &Connection,
    files: &Files,
) -> Result<DeviceSvid, Error> {
    let file = connection.token_file.as_deref();
    let words = "say where the token is: `--token-file FILE`, or `-` for standard input";
    let token = input::secret(file.ok_or_else(|| Error::usage(words))?)?;
    let open = Connection { token_file: None, ..connection.clone() };
    let key = files.next_key()?;
    let request = csr::create(&key).map_err(|fault| Error::local(fault.to_string()))?;
    let ask = DeviceEnrolment {
        token,
        csr: pem("CERTIFICATE REQUEST", &request).to_string(),
        name: name.unwrap_or_else(places::machine_name),
        platform: std::env::consts::OS.to_owned(),
    };
    let api = Api::new(Transport::open(&open).await?, connection.realm.as_deref())?;
    let given: DeviceSvid = api.post(&["devices", "enrol"], &ask).await?;
    files.keep(&key, &given)?;
    Ok(given)
}

/// Renews this device's SVID, shown at the door `mtls`.
pub(in crate::cli) async fn renew(
    args: RenewArgs,
    connection: &Connection,
    print: &mut Printer,
    clock: Arc<dyn Clock>,
) -> Result<(), Error> {
    let files = args.place.settled()?;
    let given = renewed(&files, &api(&files, connection)?).await?;
    tell(&given, &files, print, clock.now())
}

/// Renews with the SVID that `api` shows, and keeps what is given.
pub(super) async fn renewed(files: &Files, api: &Api) -> Result<DeviceSvid, Error> {
    let key = files.next_key()?;
    let request = csr::create(&key).map_err(|fault| Error::local(fault.to_string()))?;
    let ask = DeviceRenewal { csr: pem("CERTIFICATE REQUEST", &request).to_string() };
    let given: DeviceSvid = api.post(&["devices", "self", "svid"], &ask).await?;
    files.keep(&key, &given)?;
    Ok(given)
}

/// How often it is asked whether somebody has approved: often enough for two people who talk to each other.
const APPROVAL_ASKED: Lifetime = Lifetime::seconds(5);

fn tell(
    given: &DeviceSvid,
    files: &Files,
    print: &mut Printer,
    now: Timestamp,
) -> Result<(), Error> {
    let told = Told {
        id: &given.id,
        spiffe_id: &given.spiffe_id,
        expires_at: given.expires_at,
        directory: files.directory(),
    };
    print.show(&told, |told| {
        let mut fields = Fields::default();
        fields.add("device", told.id);
        fields.add("SPIFFE ID", told.spiffe_id);
        fields.add("until", value::moment(told.expires_at, now));
        fields.add("files", told.directory.display().to_string());
        fields
    })
}
