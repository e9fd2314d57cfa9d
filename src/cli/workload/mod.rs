//! `weft workload`: a client of the SPIFFE Workload API, for trying out and for scripts.

mod connect;
mod fetch;
mod identity;
mod validate;
mod watch;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};

use super::error::Error;
use super::print::Printer;
use crate::env::Clock;

pub(super) use identity::Identity;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum WorkloadCommand {
    /// Fetch this process's SVIDs.
    Fetch(FetchArgs),
    /// Print every new X.509-SVID as it comes, until interrupted.
    Watch(SocketArgs),
    /// Have the agent check a JWT-SVID.
    Validate(ValidateArgs),
}

#[derive(Debug, Clone, Args)]
pub(super) struct SocketArgs {
    /// The Workload API's socket: a path, `unix:` or `tcp://` [default: `SPIFFE_ENDPOINT_SOCKET`, else the agent's own].
    #[arg(long, value_name = "PATH")]
    socket: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(super) struct FetchArgs {
    /// What to fetch.
    #[arg(value_enum, default_value_t)]
    kind: Kind,
    /// Who the JWT-SVID is for; several times only with `--several-audiences`.
    #[arg(long, value_name = "A")]
    audience: Vec<String>,
    /// One token for all that are named: each of them can show it to the others.
    #[arg(long)]
    several_audiences: bool,
    /// Only this identity.
    #[arg(long, value_name = "ID")]
    spiffe_id: Option<String>,
    /// Write keys, certificates, bundles or tokens into this directory.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, Clone, Args)]
pub(super) struct ValidateArgs {
    /// The audience that the token must name.
    #[arg(long, value_name = "A")]
    audience: String,
    /// The file with the token; `-` reads standard input.
    #[arg(long, value_name = "FILE", id = "token_file", required = true)]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    socket: SocketArgs,
}

/// The kinds of SVID.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// X.509-SVIDs, with keys and bundles.
    #[default]
    X509,
    /// A JWT-SVID for an audience.
    Jwt,
}

pub(super) async fn run(
    command: WorkloadCommand,
    print: &mut Printer,
    clock: &Arc<impl Clock + 'static>,
) -> Result<(), Error> {
    match command {
        WorkloadCommand::Fetch(fetch) => fetch::run(fetch, print, clock.now()).await,
        WorkloadCommand::Watch(socket) => watch::run(&socket, print, clock.as_ref()).await,
        WorkloadCommand::Validate(validate) => validate::run(validate, print).await,
    }
}
