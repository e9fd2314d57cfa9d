//! `weft policy`: Cedar policies by name.

use std::path::PathBuf;

use clap::Subcommand;

use super::client::When;
use super::error::Error;
use super::input;
use super::session::Session;
use super::table::Table;
use crate::wire::api::{Policy, PolicyInput};

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
    }
}

fn table(policies: &[Policy]) -> Table {
    let mut table = Table::new(&["NAME", "FROM", "LINES"]);
    for policy in policies {
        let lines = policy.text.lines().count().to_string();
        table.row([policy.name.clone(), policy.origin.as_str().to_owned(), lines]);
    }
    table
}
