//! `weft server`, `config`, `keys`, `backup`, `restore`, `doctor`: read here, done by the server's own commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::{Command, Connection, Output};
use super::value;
use crate::wire::launch::{ServerJob, ServerLaunch, Sources};

#[derive(Debug, Clone, Args)]
pub(super) struct SourceArgs {
    /// The settings file [default: none; every key has a default].
    #[arg(long, value_name = "FILE", env = "WEFT_CONFIG")]
    config: Option<PathBuf>,
    /// Where everything of the server lives [default: `$XDG_STATE_HOME/weft`, as root `/var/lib/weft`].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// One setting, over file and environment: `--set log.level=debug`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_value)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Clone, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// The trust domain, fixed for ever at the first start [default: weft.internal].
    #[arg(long, value_name = "NAME", value_parser = value::trust_domain)]
    trust_domain: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(super) struct FileArgs {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say every mistake in the settings, with file, line, key and what would be right.
    Check(SourceArgs),
    /// Print every setting with its default and its reason.
    Render(SourceArgs),
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum KeysCommand {
    /// Seal everything again under the newest key-encryption key.
    Reseal(SourceArgs),
}

/// The server's part of the tree as a launch; any other command comes back.
pub(super) fn launch(
    command: Command,
    connection: &Connection,
) -> Result<ServerLaunch, Box<Command>> {
    let (job, source) = match command {
        Command::Server(serve) => return Ok(serve.launch()),
        Command::Config(ConfigCommand::Check(source)) => (ServerJob::ConfigCheck, source),
        Command::Config(ConfigCommand::Render(source)) => (ServerJob::ConfigRender, source),
        Command::Keys(KeysCommand::Reseal(source)) => (ServerJob::KeysReseal, source),
        Command::Backup(FileArgs { file, source }) => (ServerJob::Backup { file }, source),
        Command::Restore(FileArgs { file, source }) => {
            (ServerJob::Restore { file, yes: connection.yes }, source)
        }
        Command::Doctor(source) => {
            (ServerJob::Doctor { json: connection.output == Output::Json }, source)
        }
        other => return Err(Box::new(other)),
    };
    Ok(ServerLaunch { sources: source.sources(), job })
}

impl ServeArgs {
    fn launch(self) -> ServerLaunch {
        let mut sources = self.source.sources();
        if let Some(name) = self.trust_domain {
            sources.overrides.push(("server.trust_domain".to_owned(), name));
        }
        ServerLaunch { sources, job: ServerJob::Serve }
    }
}

impl SourceArgs {
    fn sources(self) -> Sources {
        let mut overrides = self.set;
        if let Some(directory) = self.data_dir {
            let directory = directory.to_string_lossy().into_owned();
            overrides.push(("server.data_dir".to_owned(), directory));
        }
        Sources { config: self.config, overrides }
    }
}
