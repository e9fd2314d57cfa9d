//! `weft posture source`: services that tell what they know of devices.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::super::client::When;
use super::super::error::Error;
use super::super::session::Session;
use super::super::table::{Fields, Table};
use super::super::{input, value};
use crate::kernel::Timestamp;
use crate::wire::api::{
    PostureService, PostureServiceInput, PostureServiceMade, PostureServiceRotation,
};

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum SourceCommand {
    /// List them.
    List,
    /// Show one, with how what it sends is read.
    Show {
        /// Its name.
        name: String,
    },
    /// Make one; prints its secret.
    Create {
        /// Its name, your choice: part of the address that it delivers to.
        name: String,
        /// The document that says how what it sends is read, in TOML; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        mapping: PathBuf,
    },
    /// Change how what one sends is read; its secret stays.
    Update {
        /// Its name.
        name: String,
        /// The document, in TOML; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        mapping: PathBuf,
    },
    /// Give one another secret, and print it. The one it has stays live for a while.
    Rotate {
        /// Its name.
        name: String,
        /// For how long the former secret stays live; with `0s` not at all.
        #[arg(long, value_name = "SPAN", default_value = "1d", value_parser = value::span)]
        overlap: i64,
    },
    /// Remove one, with all that it said of any device.
    Delete {
        /// Its name.
        name: String,
    },
}

pub(in crate::cli) async fn run(
    command: SourceCommand,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    match command {
        SourceCommand::List => {
            let all: Vec<PostureService> = session.api.all(&["posture-sources"], &[], None).await?;
            let now = session.now();
            session.print.list(&all, |all| table(all, now), EMPTY)
        }
        SourceCommand::Show { name } => {
            let one: PostureService = session.api.get(&["posture-sources", &name]).await?;
            let now = session.now();
            session.print.show(&one, |one| fields(one, now))
        }
        SourceCommand::Create { name, mapping } => put(&name, &mapping, When::New, session).await,
        SourceCommand::Update { name, mapping } => {
            put(&name, &mapping, When::Always, session).await
        }
        SourceCommand::Rotate { name, overlap } => {
            let ask = PostureServiceRotation { overlap_seconds: overlap };
            let made: PostureServiceMade =
                session.api.post(&["posture-sources", &name, "rotate"], &ask).await?;
            print(session, &made)
        }
        SourceCommand::Delete { name } => {
            session.confirm(&format!("Delete {name}, with all that it said of any device?"))?;
            session.api.delete(&["posture-sources", &name]).await?;
            session.done("deleted", &name)
        }
    }
}

async fn put(
    name: &str,
    mapping: &Path,
    when: When<'_>,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let document = PostureServiceInput { mapping: input::text(mapping)? };
    let made: PostureServiceMade =
        session.api.put(&["posture-sources", name], &document, when).await?;
    print(session, &made)
}

/// The secret alone on standard output, so that it can be piped; the rest beside.
fn print(session: &mut Session<'_>, made: &PostureServiceMade) -> Result<(), Error> {
    if session.print.is_json() {
        return session.print.json(made);
    }
    let Some(secret) = &made.secret else { return session.done("changed", &made.service.name) };
    let path = &made.service.path;
    session.print.note(&format!("It delivers to {path}, and signs with\n"))?;
    session.print.line(secret)?;
    session.print.note("\nIt is a secret, and is shown only now.")
}

fn table(all: &[PostureService], now: Timestamp) -> Table {
    let mut table = Table::new(&["NAME", "DELIVERS TO", "CHANGED", "FORMER SECRET ENDS"]);
    for one in all {
        table.row([
            one.name.clone(),
            one.path.clone(),
            value::distance(one.updated_at, now),
            one.former_secret_ends_at.map(|at| value::distance(at, now)).unwrap_or_default(),
        ]);
    }
    table
}

fn fields(one: &PostureService, now: Timestamp) -> Fields {
    let mut fields = Fields::default();
    fields.add("name", &one.name);
    fields.add("delivers to", &one.path);
    if let Some(ends) = one.former_secret_ends_at {
        fields.add("former secret ends", value::moment(ends, now));
    }
    fields.add("changed", value::moment(one.updated_at, now));
    fields.list("mapping", &one.mapping.lines().map(str::to_owned).collect::<Vec<_>>());
    fields
}

const EMPTY: &str = "No service tells of devices; `weft posture source create` makes one.";
