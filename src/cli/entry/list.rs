//! `weft entry list`: entries, filtered by the server.

use clap::Args;

use super::super::error::Error;
use super::super::session::Session;
use super::super::value;
use super::table;
use crate::wire::api::{Entry, EntryQuery, SelectorsMatch};

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ListArgs {
    /// With exactly this identity: a SPIFFE ID or a path.
    #[arg(long, value_name = "ID", value_parser = value::id_or_path)]
    spiffe_id: Option<String>,
    /// Under exactly this parent: a SPIFFE ID or a path.
    #[arg(long, value_name = "ID", alias = "parent-id", value_parser = value::id_or_path)]
    parent: Option<String>,
    /// With such selectors; may be said several times.
    #[arg(long, value_name = "TYPE:VALUE", value_parser = value::selector)]
    selector: Vec<String>,
    /// How they compare: `exact`, `subset` (what a process with these gets), `superset` or `any`.
    #[arg(long = "match", value_name = "HOW", value_parser = how, requires = "selector")]
    how: Option<SelectorsMatch>,
    /// With exactly this hint.
    #[arg(long, value_name = "TEXT")]
    hint: Option<String>,
    /// Federating with this trust domain; may be said several times.
    #[arg(long, value_name = "TD", value_parser = value::trust_domain)]
    federates_with: Vec<String>,
    /// Downstream servers, or all others.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    downstream: Option<bool>,
    /// At most this many.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

fn how(text: &str) -> Result<SelectorsMatch, String> {
    SelectorsMatch::parse(text)
        .ok_or_else(|| "one of `exact`, `subset`, `superset`, `any`".to_owned())
}

pub(super) async fn run(list: ListArgs, session: &mut Session<'_>) -> Result<(), Error> {
    let mut query = EntryQuery {
        selectors: list.selector,
        selectors_match: list.how,
        hint: list.hint,
        federates_with: list.federates_with,
        downstream: list.downstream,
        ..EntryQuery::default()
    };
    if let Some(id) = &list.spiffe_id {
        query.spiffe_id = Some(session.whole_id(id).await?);
    }
    if let Some(id) = &list.parent {
        query.parent_id = Some(session.whole_id(id).await?);
    }
    let pairs = query.pairs();
    let entries: Vec<Entry> = session.api.all(&["entries"], &pairs, list.limit).await?;
    let empty = if pairs.is_empty() { EMPTY } else { "No entry is like that." };
    let now = session.now();
    session.print.list(&entries, |entries| table(entries, now), empty)
}

const EMPTY: &str = "No entries yet. `weft entry create` says which processes get an identity.";
