//! `weft entry update`: change what is named, leave the rest, and lose nobody else's change.

use clap::Args;

use super::super::client::When;
use super::super::error::Error;
use super::super::session::Session;
use super::super::value;
use super::{TermArgs, fields, replace};
use crate::wire::api::{Entry, EntryInput};

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct UpdateArgs {
    /// Which entry.
    id: String,
    /// The identity: a SPIFFE ID or a path.
    #[arg(long, value_name = "ID", value_parser = value::id_or_path)]
    spiffe_id: Option<String>,
    /// The agent, entry or server it hangs under.
    #[arg(long, value_name = "ID", alias = "parent-id", value_parser = value::id_or_path)]
    parent: Option<String>,
    /// What a process must show; those said take the place of all there are.
    #[arg(long, value_name = "TYPE:VALUE", value_parser = value::selector)]
    selector: Vec<String>,
    /// It has no DNS names any more.
    #[arg(long, conflicts_with = "dns")]
    no_dns: bool,
    /// No foreign bundle comes along any more.
    #[arg(long, conflicts_with = "federates_with")]
    no_federates_with: bool,
    /// It counts for good.
    #[arg(long, conflicts_with = "expires_at")]
    no_expires_at: bool,
    #[command(flatten)]
    terms: TermArgs,
}

pub(super) async fn run(update: UpdateArgs, session: &mut Session<'_>) -> Result<(), Error> {
    let path = ["entries", update.id.as_str()];
    let (entry, tag): (Entry, String) = session.api.get_tagged(&path).await?;
    let mut input = EntryInput::from(entry.clone());
    if let Some(id) = &update.spiffe_id {
        input.spiffe_id = session.whole_id(id).await?;
    }
    if let Some(id) = &update.parent {
        input.parent_id = session.whole_id(id).await?;
    }
    replace(&mut input.selectors, update.selector);
    if update.no_dns {
        input.dns_names.clear();
    }
    if update.no_federates_with {
        input.federates_with.clear();
    }
    if update.no_expires_at {
        input.expires_at = None;
    }
    update.terms.apply(&mut input, session.now());
    if input == EntryInput::from(entry) {
        return Err(Error::usage("nothing to change: say what shall be different"));
    }
    let entry: Entry = session.api.put(&path, &input, When::Is(&tag)).await?;
    let now = session.now();
    session.print.show(&entry, |entry| fields(entry, now))
}
