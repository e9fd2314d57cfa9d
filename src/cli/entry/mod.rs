//! `weft entry`: registration entries.

mod batch;
mod create;
mod explain;
mod list;
mod update;

use clap::{Args, Subcommand};

use super::error::Error;
use super::session::Session;
use super::table::{Fields, Table};
use super::value;
use crate::kernel::Timestamp;
use crate::wire::api::Entry;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum EntryCommand {
    /// Say which processes get an identity.
    Create(create::CreateArgs),
    /// List entries.
    List(list::ListArgs),
    /// Show one.
    Show {
        /// Its id.
        id: String,
    },
    /// Change what is named, and leave the rest.
    Update(update::UpdateArgs),
    /// Remove entries.
    Delete {
        /// Their ids.
        #[arg(required = true)]
        id: Vec<String>,
    },
    /// Say why a process gets the identities it gets, or none.
    Explain(explain::ExplainArgs),
}

pub(super) async fn run(command: EntryCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        EntryCommand::Create(create) => create::run(create, session).await,
        EntryCommand::List(list) => list::run(list, session).await,
        EntryCommand::Show { id } => {
            let entry: Entry = session.api.get(&["entries", &id]).await?;
            let now = session.now();
            session.print.show(&entry, |entry| fields(entry, now))
        }
        EntryCommand::Update(update) => update::run(update, session).await,
        EntryCommand::Delete { id } => {
            session.confirm(&format!(
                "Delete {}? Whoever is named so loses the identity",
                id.join(", ")
            ))?;
            batch::delete(id, session).await
        }
        EntryCommand::Explain(explain) => explain::run(explain, session).await,
    }
}

/// What an entry may be beside its name, as said on the command line. What is not said is left as it is.
#[derive(Debug, Clone, Default, Args)]
struct TermArgs {
    /// How long its X.509-SVIDs live.
    #[arg(long, value_name = "SPAN", value_parser = value::span)]
    x509_ttl: Option<i64>,
    /// How long its JWT-SVIDs live.
    #[arg(long, value_name = "SPAN", value_parser = value::span)]
    jwt_ttl: Option<i64>,
    /// A DNS name in its X.509-SVIDs; may be said several times, the first is also the common name.
    #[arg(long, value_name = "NAME")]
    dns: Vec<String>,
    /// A foreign trust domain whose bundle comes along; may be said several times.
    #[arg(long, value_name = "TD", value_parser = value::trust_domain)]
    federates_with: Vec<String>,
    /// Tells identities apart for workloads that have several.
    #[arg(long, value_name = "TEXT")]
    hint: Option<String>,
    /// The identity may administer the server.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    admin: Option<bool>,
    /// The identity is a downstream server.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    downstream: Option<bool>,
    /// The SVID is pushed into a store instead of served to workloads.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    store_svid: Option<bool>,
    /// The agent asks for the X.509-SVID only when a workload does.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_prefetch: Option<bool>,
    /// JWT-SVIDs carry a `jti`, and agents do not cache them.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    jwt_jti: Option<bool>,
    /// From when on the entry counts no more: a time, or a span from now on.
    #[arg(long, value_name = "WHEN", value_parser = value::When::parse)]
    expires_at: Option<value::When>,
}

impl TermArgs {
    /// Writes what was said into what an entry shall be.
    fn apply(self, entry: &mut crate::wire::api::EntryInput, now: Timestamp) {
        let set = |field: &mut bool, said: Option<bool>| *field = said.unwrap_or(*field);
        entry.x509_svid_ttl_seconds = self.x509_ttl.or(entry.x509_svid_ttl_seconds);
        entry.jwt_svid_ttl_seconds = self.jwt_ttl.or(entry.jwt_svid_ttl_seconds);
        replace(&mut entry.dns_names, self.dns);
        replace(&mut entry.federates_with, self.federates_with);
        if let Some(hint) = self.hint {
            entry.hint = hint;
        }
        set(&mut entry.admin, self.admin);
        set(&mut entry.downstream, self.downstream);
        set(&mut entry.store_svid, self.store_svid);
        set(&mut entry.disable_x509_svid_prefetch, self.no_prefetch);
        set(&mut entry.jwt_svid_include_jti, self.jwt_jti);
        if let Some(when) = self.expires_at {
            entry.expires_at = Some(when.ahead(now));
        }
    }
}

/// A list that was said replaces the one there is.
fn replace(list: &mut Vec<String>, said: Vec<String>) {
    if !said.is_empty() {
        *list = said;
    }
}

fn table(entries: &[Entry], now: Timestamp) -> Table {
    let mut table = Table::new(&["ID", "SPIFFE ID", "PARENT", "SELECTORS", "NOTES"]);
    for entry in entries {
        table.row([
            entry.id.clone(),
            entry.spiffe_id.clone(),
            entry.parent_id.clone(),
            entry.selectors.join(", "),
            notes(entry, now),
        ]);
    }
    table
}

fn notes(entry: &Entry, now: Timestamp) -> String {
    let mut notes = Vec::new();
    let flags =
        [("admin", entry.admin), ("downstream", entry.downstream), ("store", entry.store_svid)];
    notes.extend(flags.iter().filter(|(_, set)| *set).map(|(name, _)| (*name).to_owned()));
    match entry.expires_at {
        Some(at) if at.0 <= now => notes.push("expired".to_owned()),
        Some(at) => notes.push(format!("ends {}", value::distance(at, now))),
        None => {}
    }
    if !entry.hint.is_empty() {
        notes.push(format!("hint {}", entry.hint));
    }
    notes.join(", ")
}

fn fields(entry: &Entry, now: Timestamp) -> Fields {
    let life = |seconds: Option<i64>| {
        seconds.map_or_else(
            || "default".to_owned(),
            |seconds| crate::kernel::Lifetime::seconds(seconds).to_string(),
        )
    };
    let mut fields = Fields::default();
    fields.add("id", &entry.id);
    fields.add("SPIFFE ID", &entry.spiffe_id);
    fields.add("parent", &entry.parent_id);
    fields.list("selectors", &entry.selectors);
    fields.add("X.509-SVID life", life(entry.x509_svid_ttl_seconds));
    fields.add("JWT-SVID life", life(entry.jwt_svid_ttl_seconds));
    fields.list("DNS names", &entry.dns_names);
    fields.list("federates with", &entry.federates_with);
    fields.add("hint", &entry.hint);
    fields.flag("admin", entry.admin);
    fields.flag("downstream", entry.downstream);
    fields.flag("into a store", entry.store_svid);
    fields.flag("no prefetch", entry.disable_x509_svid_prefetch);
    fields.flag("JWT with jti", entry.jwt_svid_include_jti);
    if let Some(at) = entry.expires_at {
        fields.add("ends", value::moment(at, now));
    }
    fields.add("revision", entry.revision.to_string());
    fields.add("made", value::moment(entry.created_at, now));
    fields
}
