//! `weft policy`: Cedar policies by name.

use std::path::PathBuf;

use clap::Subcommand;

use super::client::When;
use super::error::Error;
use super::input;
use super::session::Session;
use super::table::Table;
use super::{policy_past, policy_trial};
use crate::wire::api::{Policy, PolicyInput};
use crate::wire::launch::{PolicyJob, ServerJob, ServerLaunch, Sources};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum PolicyCommand {
    /// List the policies that count.
    List,
    /// Print one.
    Show {
        /// Its name.
        name: String,
    },
    /// Write one; it is checked against the schema first.
    Set {
        /// Its name; a shipped policy of this name counts no more.
        name: String,
        /// The policy in Cedar; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove one; a shipped policy of this name counts again.
    Delete {
        /// Its name.
        name: String,
    },
    /// Say whether documents can be policies, or each mistake with its line and column. Asks no server.
    Validate {
        /// The documents; each would be a policy of its file's name.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Ask cases of the policies, and compare with what each expects.
    Test(policy_trial::TestArgs),
    /// Say which answers would change with other policies; nothing is changed.
    WhatIf(policy_trial::WhatIfArgs),
    /// Compare the realm's own with the shipped one in whose place it is, or a file with what is in force.
    Diff {
        /// Its name.
        name: String,
        /// Compare this with what is in force.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// List who changed one and when, newest first.
    History {
        /// Its name.
        name: String,
    },
    /// Undo the last change of one, or all since some change.
    Rollback {
        /// Its name.
        name: String,
        /// Back to what it was before this change: its number in `weft policy history`.
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
    },
    /// Let the policies of a document that are in shadow (`@shadow`) decide from now on.
    Enforce {
        /// Its name.
        name: String,
    },
}

impl PolicyCommand {
    /// True if it needs no server.
    pub(super) const fn is_offline(&self) -> bool {
        match self {
            Self::Validate { .. } => true,
            Self::Test(test) => test.offline,
            _ => false,
        }
    }

    /// The command with everything it needs read.
    pub(super) fn launch(self, json: bool) -> Result<ServerLaunch, Error> {
        let job = match self {
            Self::Test(test) => PolicyJob::Test { trial: test.trial()?, json },
            Self::Validate { files } => {
                let files = files.iter().map(|file| policy_trial::document(file));
                PolicyJob::Validate { files: files.collect::<Result<_, Error>>()?, json }
            }
            _ => return Err(Error::usage("this needs a server")),
        };
        Ok(ServerLaunch { sources: Sources::default(), job: ServerJob::Policy(job) })
    }
}

pub(super) async fn run(command: PolicyCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        PolicyCommand::List => {
            let policies: Vec<Policy> = session.api.all(&["policies"], &[], None).await?;
            session.print.list(&policies, table, "No policies: nothing is permitted.")
        }
        PolicyCommand::Show { name } => {
            let policy: Policy = session.api.get(&["policies", &name]).await?;
            if session.print.is_json() {
                return session.print.json(&policy);
            }
            session.print.line(policy.text.trim_end())
        }
        PolicyCommand::Set { name, file } => {
            let body = PolicyInput { text: input::text(&file)? };
            let stored: Policy = session.api.put(&["policies", &name], &body, When::Always).await?;
            session.print.list(&[stored], table, "")
        }
        PolicyCommand::Delete { name } => {
            session.confirm(&format!("Remove the policy {name}?"))?;
            session.api.delete(&["policies", &name]).await?;
            session.done("deleted", &name)
        }
        PolicyCommand::Test(test) => policy_trial::test(test, session).await,
        PolicyCommand::WhatIf(what_if) => policy_trial::what_if(what_if, session).await,
        PolicyCommand::Diff { name, file } => policy_past::diff(&name, file, session).await,
        PolicyCommand::History { name } => policy_past::history(&name, session).await,
        PolicyCommand::Rollback { name, before } => {
            policy_past::rollback(&name, before, session).await
        }
        PolicyCommand::Enforce { name } => policy_past::enforce(&name, session).await,
        PolicyCommand::Validate { .. } => Err(Error::usage("this asks no server")),
    }
}

pub(super) fn table(policies: &[Policy]) -> Table {
    let mut table = Table::new(&["NAME", "FROM", "LINES"]);
    for policy in policies {
        let lines = policy.text.lines().count().to_string();
        table.row([policy.name.clone(), policy.origin.as_str().to_owned(), lines]);
    }
    table
}
