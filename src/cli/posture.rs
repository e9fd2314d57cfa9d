//! `weft posture`: models of posture and the scores they give; a document is checked, and a report scored, by the program's own
//! inside, without a server.

mod model;
mod source;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::error::Error;
use super::session::Session;
use super::{input, value};
use crate::kernel::{Lifetime, Timestamp};
use crate::wire::launch::{ModelFile, PostureJob, ScoreAsk, ServerJob, ServerLaunch, Sources};

use model::ModelCommand;
use source::SourceCommand;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum PostureCommand {
    /// Say whether a document is a model: its name, digest and profiles, or every line that is wrong. Asks no server.
    Check {
        /// The document, in TOML.
        file: PathBuf,
    },
    /// Score a report, and say why: what a server with this model would make of it.
    Score(ScoreArgs),
    /// The model that devices are scored by.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Services that tell what they know of devices, such as device management.
    #[command(subcommand)]
    Source(SourceCommand),
}

impl PostureCommand {
    /// True for what needs no server.
    pub(super) const fn is_offline(&self) -> bool {
        !matches!(self, Self::Source(_) | Self::Model(_))
    }
}

/// The commands that need a server.
pub(super) async fn run(command: PostureCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        PostureCommand::Model(command) => model::run(command, session).await,
        PostureCommand::Source(command) => source::run(command, session).await,
        // Taken before.
        PostureCommand::Check { .. } | PostureCommand::Score(_) => Ok(()),
    }
}

#[derive(Debug, Clone, Args)]
pub(super) struct ScoreArgs {
    /// What `weft device posture --output json` prints; `-` reads standard input.
    #[arg(default_value = "-")]
    report: PathBuf,
    /// The model's document [default: the one that is shipped].
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The profile [default: linux-laptop for a laptop, else linux-server].
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// As of when: a time, or a span from now on, to see a report age [default: now].
    #[arg(long, value_name = "TIME", value_parser = value::When::parse)]
    at: Option<value::When>,
    /// The longest lifetime of a credential.
    #[arg(long, value_name = "SPAN", value_parser = value::span, default_value = "8h")]
    longest: i64,
    /// The shortest.
    #[arg(long, value_name = "SPAN", value_parser = value::span, default_value = "5m")]
    shortest: i64,
}

/// The command with everything it needs read.
pub(super) fn launch(
    command: PostureCommand,
    json: bool,
    now: Timestamp,
) -> Result<ServerLaunch, Error> {
    let job = match command {
        PostureCommand::Check { file } => PostureJob::Check { model: document(&file)?, json },
        PostureCommand::Score(args) => PostureJob::Score(Box::new(args.ask(json, now)?)),
        // They are no jobs of a server's inside.
        PostureCommand::Source(_) | PostureCommand::Model(_) => {
            return Err(Error::usage("this needs a server"));
        }
    };
    Ok(ServerLaunch { sources: Sources::default(), job: ServerJob::Posture(job) })
}

impl ScoreArgs {
    fn ask(self, json: bool, now: Timestamp) -> Result<ScoreAsk, Error> {
        if self.shortest > self.longest {
            return Err(Error::usage("the shortest lifetime is longer than the longest"));
        }
        Ok(ScoreAsk {
            model: self.model.as_deref().map(document).transpose()?,
            profile: self.profile,
            report: input::bytes(&self.report)?,
            at: self.at.map_or(now, |at| at.ahead(now).0),
            shortest: Lifetime::seconds(self.shortest),
            longest: Lifetime::seconds(self.longest),
            json,
        })
    }
}

fn document(path: &Path) -> Result<ModelFile, Error> {
    Ok(ModelFile { name: path.display().to_string(), text: input::text(path)? })
}
