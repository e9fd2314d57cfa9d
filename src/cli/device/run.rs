//! `weft device run`: enrols where it has to, renews, looks and reports, in the foreground, until a signal says stop.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::super::args::Connection;
use super::super::client::Api;
use super::super::error::Error;
use super::super::print::Printer;
use super::enrol::{PlaceArgs, enrolled, renewed};
use super::files::Files;
use super::http;
use super::report::{api, open, points, send};
use crate::env::Clock;
use crate::jobs::{Tasks, told_to_stop};
use crate::kernel::{Lifetime, Timestamp};
use crate::machine::Root;
use crate::wire::device_proof::PORT;
use crate::wire::launch::DevicePlace;
use crate::wire::posture::{ReportAnswer, ReportOutcome};

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct RunArgs {
    /// The directory that stands for `/`.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// The address of the door `public`, to enrol at with `--token-file` where this machine is no device yet.
    #[arg(long, value_name = "URL")]
    enroll_server: Option<String>,
    /// What the device is called where it enrols [default: this machine's name].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The port at which browsers on this machine are answered, so that a sign-in is bound to this device; 0: they are not.
    #[arg(long, value_name = "PORT", default_value_t = PORT)]
    loopback_port: u16,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Looks after this device. Ends well at SIGTERM and SIGINT, and with an error where waiting mends nothing.
pub(in crate::cli) async fn run(
    args: RunArgs,
    connection: &Connection,
    print: &mut Printer,
    clock: Arc<dyn Clock>,
) -> Result<(), Error> {
    let (root, files) = (open(&args.root)?, Arc::new(args.place.settled()?));
    let tasks = Tasks::new(Arc::clone(&clock));
    if args.loopback_port != 0 {
        let (ours, clock) = (Arc::clone(&files), Arc::clone(&clock));
        if let Err(fault) = http::serve(ours, args.loopback_port, &tasks, clock) {
            print.note(&format!("browsers on this machine are not answered: {fault}"))?;
        }
    }
    // The token is for enrolling, and says nothing about who calls later.
    let own = Connection { token_file: None, ..connection.clone() };
    let mut keeper = Keeper::new(args, (files, root), own, clock);
    let ended = tokio::select! {
        ended = keeper.keep(connection, print) => ended,
        () = told_to_stop() => Ok(()),
    };
    // A browser that is being answered gets its answer.
    let _late = tasks.stop(STOP_MAX).await;
    ended
}

/// Looks after the device of this place, and says why it ended: what stands in the way that waiting does not mend.
pub(in crate::cli) async fn look_after(place: DevicePlace, clock: Arc<dyn Clock>) -> String {
    let DevicePlace { server, directory, server_ca, root } = place;
    let connection = Connection { server: Some(server), server_ca, ..Connection::default() };
    let args = RunArgs {
        root: root.unwrap_or_else(|| PathBuf::from("/")),
        enroll_server: None,
        name: None,
        loopback_port: 0,
        place: PlaceArgs::at(directory),
    };
    let begun = open(&args.root).and_then(|root| Ok((Arc::new(args.place.settled()?), root)));
    let (files, root) = match begun {
        Ok(begun) => begun,
        Err(error) => return error.what(),
    };
    let mut print = Printer::to(Box::new(ToLog::default()), Box::new(ToLog::default()), None);
    let mut keeper = Keeper::new(args, (files, root), connection.clone(), clock);
    let ended = keeper.keep(&connection, &mut print).await;
    ended.err().map_or_else(String::new, |error| error.what())
}

/// Lines, as entries of this program's log.
#[derive(Debug, Default)]
struct ToLog(Vec<u8>);

impl io::Write for ToLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        for line in String::from_utf8_lossy(&std::mem::take(&mut self.0)).lines() {
            tracing::info!(line, "the device of this node");
        }
        Ok(())
    }
}

/// What is kept between two rounds.
struct Keeper {
    args: RunArgs,
    files: Arc<Files>,
    root: Root,
    connection: Connection,
    clock: Arc<dyn Clock>,
    /// Asked with the SVID that begins then; made anew where another is held, whoever renewed it.
    api: Option<(Timestamp, Api)>,
    /// As it was told last.
    level: String,
    /// While nobody else looks after this device.
    place: Option<File>,
}

impl Keeper {
    fn new(
        args: RunArgs,
        (files, root): (Arc<Files>, Root),
        connection: Connection,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (api, level, place) = (None, String::new(), None);
        Self { args, files, root, connection, clock, api, level, place }
    }

    /// Waits until this is the one program that looks after the device.
    async fn alone(&mut self, print: &mut Printer) -> Result<(), Error> {
        let mut told = false;
        while self.place.is_none() {
            self.place = self.files.take()?;
            if self.place.is_none() {
                if !told {
                    print.note("another program looks after this device; waiting for its place")?;
                    told = true;
                }
                self.clock.sleep(TRY_AGAIN_MAX).await;
            }
        }
        Ok(())
    }

    /// Returns where something stands in the way that waiting does not mend.
    async fn keep(&mut self, enrolment: &Connection, print: &mut Printer) -> Result<(), Error> {
        self.alone(print).await?;
        let (mut trouble, mut told) = (0_u32, String::new());
        loop {
            let pause = match self.round(enrolment, print).await {
                Ok(answer) => {
                    (trouble, told) = (0, String::new());
                    self.tell(&answer, print)?;
                    Lifetime::seconds(answer.report_in_seconds).max(PAUSE_MIN)
                }
                Err(error) if mends_itself(&error) => {
                    // The same loss is told once, not at every try.
                    let what = error.what();
                    if what != told {
                        print.note(&format!("{}: {what}; trying again", self.clock.now()))?;
                        told = what;
                    }
                    let pause = TRY_AGAIN.times(1 << trouble.min(16)).capped_by(TRY_AGAIN_MAX);
                    trouble = trouble.saturating_add(1);
                    pause
                }
                Err(error) => return Err(error),
            };
            self.clock.sleep(pause).await;
        }
    }

    /// Sees to an SVID, looks, and reports.
    async fn round(
        &mut self,
        enrolment: &Connection,
        print: &mut Printer,
    ) -> Result<ReportAnswer, Error> {
        let now = self.clock.now();
        match self.files.held() {
            None => self.enrol(enrolment, print).await?,
            Some((_, ends)) if ends <= now => {
                return Err(Error::Local {
                    what: format!("the SVID of this device ended at {ends}"),
                    next: "Enrol it again: `weft device enroll` where you sign in; with a new token, `--dir` of an empty directory."
                        .to_owned(),
                });
            }
            Some((from, ends)) if due(from, ends) <= now => {
                let given = renewed(&self.files, &api(&self.files, &self.connection)?).await?;
                print.note(&format!("{now}: renewed until {}", given.expires_at))?;
            }
            Some(_) => {}
        }
        let (root, now) = (self.root.clone(), self.clock.now());
        send(self.api()?, &root, now).await
    }

    async fn enrol(&mut self, enrolment: &Connection, print: &mut Printer) -> Result<(), Error> {
        let server = self.args.enroll_server.clone().ok_or_else(|| {
            let place = self.files.directory().display();
            Error::usage(format!(
                "`{place}` has no SVID of a device: `weft device enroll` signs you in and enrols it, `--enroll-server https://HOST:8443 --token-file FILE` does with a token"
            ))
        })?;
        let door = Connection { server: Some(server), ..enrolment.clone() };
        let given = enrolled(self.args.name.clone(), &door, &self.files).await?;
        print.note(&format!("{}: enrolled as {}", self.clock.now(), given.spiffe_id))
    }

    fn api(&mut self) -> Result<&Api, Error> {
        let from = self.files.held().map_or(Timestamp::EPOCH, |(from, _)| from);
        let api = match self.api.take() {
            Some((of, api)) if of == from => api,
            _ => api(&self.files, &self.connection)?,
        };
        Ok(&self.api.insert((from, api)).1)
    }

    /// A line where something is new.
    fn tell(&mut self, answer: &ReportAnswer, print: &mut Printer) -> Result<(), Error> {
        let now = self.clock.now();
        if answer.outcome == ReportOutcome::Older {
            return print.note(&format!("{now}: {}", answer.detail));
        }
        let rising = answer.rising_to.as_deref();
        let rising = rising.map(|to| format!(", on its way to {to}")).unwrap_or_default();
        let level = format!("{}{rising}", answer.level);
        if level != self.level {
            let score = points(answer.score_basis_points);
            print.line(&format!("{now}: {level}, {score} of 100"))?;
            self.level = level;
        }
        Ok(())
    }
}

/// At half its life, so that a night without a network costs nothing.
fn due(from: Timestamp, ends: Timestamp) -> Timestamp {
    from.plus(ends.since(from).divided_by(2))
}

/// True where it may be well again later: nobody there, not now, too often, or locked until an administrator releases it.
fn mends_itself(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } => true,
        Error::Refused(problem) => {
            problem.status >= 500
                || problem.status == 429
                || matches!(
                    problem.code.as_str(),
                    "device.locked"
                        | "posture.report_from_the_future"
                        | "posture.report_from_the_past"
                )
        }
        _ => false,
    }
}

/// More than an answer takes.
const STOP_MAX: Lifetime = Lifetime::seconds(2);
/// Between two reports, however busy the server makes us.
const PAUSE_MIN: Lifetime = Lifetime::seconds(1);
/// Twice as long each time.
const TRY_AGAIN: Lifetime = Lifetime::seconds(5);
/// A server that comes back sees its devices within this.
const TRY_AGAIN_MAX: Lifetime = Lifetime::minutes(5);
