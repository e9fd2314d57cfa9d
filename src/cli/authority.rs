//! `weft authority`: signing authorities, from prepared to active to old.

use clap::{Args, Subcommand};

use super::error::Error;
use super::session::Session;
use super::table::Table;
use super::value;
use crate::kernel::Timestamp;
use crate::wire::api::{
    ActivateAuthority, Authority, AuthorityAlgorithm, AuthorityPurpose, PrepareAuthority,
};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum AuthorityCommand {
    /// List the authorities in their slots.
    List,
    /// Make a new one, and put it into the bundle.
    Prepare {
        /// What it shall sign: `x509`, `jwt-svid` or `oidc`.
        #[arg(value_parser = purpose)]
        purpose: AuthorityPurpose,
        /// What it shall sign with: `ES256` or, for `oidc` alone, `RS256`. Not said: `ES256`.
        #[arg(long, value_parser = algorithm)]
        algorithm: Option<AuthorityAlgorithm>,
    },
    /// Let a prepared one sign, and the one before it retire.
    Activate {
        /// Its id, `aut_…`.
        id: String,
        /// Also before it was published for as long as it has to be: agents that are off meanwhile are locked out.
        #[arg(long)]
        force: bool,
    },
    /// Have everything under an old one replaced early.
    Taint(IdArgs),
    /// Take an old one out of the bundle: what it signed is no longer accepted.
    Revoke(IdArgs),
}

#[derive(Debug, Clone, Args)]
pub(super) struct IdArgs {
    /// Its id, `aut_…`.
    id: String,
}

fn purpose(text: &str) -> Result<AuthorityPurpose, String> {
    AuthorityPurpose::parse(text).ok_or_else(|| "one of `x509`, `jwt-svid`, `oidc`".to_owned())
}

fn algorithm(text: &str) -> Result<AuthorityAlgorithm, String> {
    AuthorityAlgorithm::parse(text).ok_or_else(|| "one of `ES256`, `RS256`".to_owned())
}

pub(super) async fn run(command: AuthorityCommand, session: &mut Session<'_>) -> Result<(), Error> {
    let changed = match command {
        AuthorityCommand::List => session.api.all(&["authorities"], &[], None).await?,
        AuthorityCommand::Prepare { purpose, algorithm } => {
            let body = PrepareAuthority { purpose, algorithm };
            vec![session.api.post(&["authorities", "prepare"], &body).await?]
        }
        AuthorityCommand::Activate { id, force } => {
            if force {
                session.confirm(
                    "Activate at once? Agents that are off now are locked out, and verifiers may meet a key they do not know",
                )?;
            }
            let body = ActivateAuthority { force };
            vec![session.api.post(&["authorities", &id, "activate"], &body).await?]
        }
        AuthorityCommand::Taint(IdArgs { id }) => {
            session.confirm(&format!("Taint {id}? Every SVID under it is replaced early"))?;
            vec![session.api.act(&["authorities", &id, "taint"]).await?]
        }
        AuthorityCommand::Revoke(IdArgs { id }) => {
            session.confirm(&format!("Revoke {id}? What it signed is no longer accepted"))?;
            vec![session.api.act(&["authorities", &id, "revoke"]).await?]
        }
    };
    let now = session.now();
    session.print.list(&changed, |all| table(all, now), "No authorities.")
}

fn table(authorities: &[Authority], now: Timestamp) -> Table {
    let mut table =
        Table::new(&["ID", "PURPOSE", "STATE", "ALGORITHM", "ENDS", "AGENTS HAVE IT", "KEY ID"]);
    for authority in authorities {
        let tainted = if authority.tainted { ", tainted" } else { "" };
        table.row([
            authority.id.clone(),
            authority.purpose.as_str().to_owned(),
            format!("{}{tainted}", authority.state.as_str()),
            authority.algorithm.clone(),
            value::distance(authority.not_after, now),
            format!("{} of {}", authority.seen.by, authority.seen.connected),
            authority.key_id.clone(),
        ]);
    }
    table
}
