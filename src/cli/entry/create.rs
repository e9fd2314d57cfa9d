//! `weft entry create`: one entry from flags, or many from a file.

use std::path::PathBuf;

use clap::Args;

use super::super::client::When;
use super::super::error::Error;
use super::super::session::Session;
use super::super::value;
use super::{TermArgs, batch, fields};
use crate::wire::api::{Entry, EntryInput};

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct CreateArgs {
    /// The identity: a SPIFFE ID, or a path in the realm's own trust domain.
    #[arg(long, value_name = "ID", value_parser = value::id_or_path, required_unless_present = "file")]
    spiffe_id: Option<String>,
    /// The agent, entry or server it hangs under [default: the only node there is].
    #[arg(long, value_name = "ID", alias = "parent-id", value_parser = value::id_or_path)]
    parent: Option<String>,
    /// What a process must show; all of those said.
    #[arg(long, value_name = "TYPE:VALUE", value_parser = value::selector, required_unless_present = "file")]
    selector: Vec<String>,
    #[command(flatten)]
    terms: TermArgs,
    /// Your choice of id: saying it again makes no second entry.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Entries as JSON (one, a list, or one a line); `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["spiffe_id", "parent", "selector", "TermArgs", "id"])]
    file: Option<PathBuf>,
}

pub(super) async fn run(create: CreateArgs, session: &mut Session<'_>) -> Result<(), Error> {
    if let Some(file) = &create.file {
        return batch::from_file(file, session).await;
    }
    let spiffe_id = create.spiffe_id.unwrap_or_default();
    let parent_id = match create.parent {
        Some(parent) => session.whole_id(&parent).await?,
        None => session.only_agent().await?.spiffe_id,
    };
    let mut input = EntryInput {
        spiffe_id: session.whole_id(&spiffe_id).await?,
        parent_id,
        selectors: create.selector,
        ..EntryInput::default()
    };
    create.terms.apply(&mut input, session.now());
    let entry: Entry = match create.id {
        Some(id) => session.api.put(&["entries", &id], &input, When::New).await?,
        None => session.api.post(&["entries"], &input).await?,
    };
    let now = session.now();
    session.print.show(&entry, |entry| fields(entry, now))
}
