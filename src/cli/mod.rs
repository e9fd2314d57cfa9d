//! The command line: a clap tree, one file a command, and a client of the server's public API behind most of them.
//!
//! Owns: words and their meaning, tables, questions, exit codes. Does not own: rights (the server decides), the inside of
//! server and agent: [`start`] hands `weft server`, `weft agent` and the offline commands back to `main` as a
//! [`Next`], because this wing stands on floors 0–2 only.
//!
//! **Exit codes**: 0 done · 1 refused or failed · 2 the command line was not understood · 3 the server or the agent
//! could not be reached. What was asked for goes to standard output, everything about it to standard error, so that
//! `weft token create | ssh node weft agent --join -` works.
//!
//! Invariants: a secret comes from a file, standard input or (the join string) the environment, and is printed only by
//! the command that made it; nothing is taken away without a question, unless `--yes` is said or nobody is there to ask.

mod agent;
mod args;
mod authority;
mod bundle;
mod client;
mod clients;
mod containment;
mod delivery;
mod device;
mod entry;
mod error;
mod event;
mod file;
mod input;
mod login;
mod node;
mod overview;
mod page;
mod places;
mod policy;
mod policy_past;
mod policy_trial;
mod posture;
mod print;
mod realm;
mod role;
mod selectors;
mod server;
mod session;
mod sessions;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod transport;
mod upstream;
mod user;
mod value;
mod workload;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::FromArgMatches;
use futures_util::future::BoxFuture;

use crate::env::{Clock, SystemClock};
use crate::wire::launch::{AgentLaunch, DevicePlace, ServerLaunch};
use args::{Cli, Command};
use error::Error;
use print::Printer;
use session::Session;

/// What is left to do once the command line was read.
#[derive(Debug)]
pub enum Next {
    /// Nothing: it is done, or was refused; this is the program's exit code.
    Done(ExitCode),
    /// A command that needs the server's inside.
    Server(ServerLaunch),
    /// The node agent.
    Agent(Box<AgentLaunch>),
}

/// What `weft device run` does, for a program that has more to do: without a terminal, a port for browsers, or a token to enrol
/// with. Ends where waiting mends nothing, and says why.
pub fn look_after_device(place: DevicePlace, clock: Arc<dyn Clock>) -> BoxFuture<'static, String> {
    Box::pin(device::look_after(place, clock))
}

/// Reads the command line; runs what is a client's command, and gives back what is not.
pub fn start(arguments: impl IntoIterator<Item = OsString>) -> Next {
    let mut printer = Printer::of_process();
    match next(arguments, &mut printer) {
        Ok(next) => next,
        Err(error) => Next::Done(printer.fail(&error)),
    }
}

fn next(
    arguments: impl IntoIterator<Item = OsString>,
    printer: &mut Printer,
) -> Result<Next, Error> {
    let cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(error) => return Ok(Next::Done(printer.clap(&error)?)),
    };
    printer.set_format(cli.connection.output);
    match cli.command {
        None => overview::print(printer)?,
        Some(Command::Completion(shell)) => overview::completion(&shell, printer)?,
        Some(Command::Agent(agent)) => return Ok(Next::Agent(Box::new(agent.launch()?))),
        Some(Command::Device(command)) if command.is_of_this_machine() => {
            let clock = Arc::new(SystemClock::new());
            block_on(device::here(command, &cli.connection, printer, clock))?;
        }
        Some(Command::Posture(command)) if command.is_offline() => {
            let now = SystemClock::new().now();
            return Ok(Next::Server(posture::launch(command, printer.is_json(), now)?));
        }
        Some(Command::Policy(command)) if command.is_offline() => {
            return Ok(Next::Server(command.launch(printer.is_json())?));
        }
        Some(Command::Workload(command)) => {
            block_on(workload::run(command, printer, &Arc::new(SystemClock::new())))?;
        }
        Some(command) if login::takes(&command, &cli.connection) => {
            let clock = Arc::new(SystemClock::new());
            block_on(login::run(command, &cli.connection, printer, clock))?;
        }
        Some(other) => match other.server(&cli.connection) {
            Ok(launch) => return Ok(Next::Server(launch)),
            Err(client) => {
                let clock = Arc::new(SystemClock::new());
                block_on(async {
                    let mut session = Session::open(&cli.connection, printer, clock).await?;
                    client.run(&mut session).await
                })?;
            }
        },
    }
    Ok(Next::Done(ExitCode::SUCCESS))
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let matches = args::tree().try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::local(format!("the runtime did not start: {error}")))?
        .block_on(work)
}
