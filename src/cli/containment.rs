//! `weft contain`, `weft release`, `weft contained`: subjects that get nothing for a while.

use clap::Args;

use super::error::Error;
use super::session::Session;
use super::table::{Fields, Table};
use super::user::id_of;
use super::value;
use crate::kernel::Timestamp;
use crate::wire::api::{Containment, NewContainment};

#[derive(Debug, Clone, Args)]
pub(super) struct ContainArgs {
    /// A device (`dev_…`), a person (`usr_…`, or what they type), or a workload or application by its SPIFFE ID or path.
    subject: String,
    /// Why: a line that whoever is refused reads too.
    #[arg(long)]
    reason: String,
    /// For how long, from a minute to thirty days.
    #[arg(long = "for", value_name = "SPAN", value_parser = value::span, default_value = "4h")]
    lifetime_seconds: i64,
}

#[derive(Debug, Clone, Args)]
pub(super) struct ReleaseArgs {
    /// As it was contained; `weft contained` shows it.
    subject: String,
    /// Why, for the log.
    #[arg(long)]
    reason: Option<String>,
}

pub(super) async fn contain(args: ContainArgs, session: &mut Session<'_>) -> Result<(), Error> {
    let subject = named(session, &args.subject).await?;
    session.confirm(&format!("Contain {subject}? It gets nothing until it is released."))?;
    let ContainArgs { reason, lifetime_seconds, .. } = args;
    let input = NewContainment { subject, reason, lifetime_seconds };
    let made: Containment = session.api.post(&["containments"], &input).await?;
    let now = session.now();
    session.print.show(&made, |made| fields(made, now))
}

pub(super) async fn release(args: ReleaseArgs, session: &mut Session<'_>) -> Result<(), Error> {
    let subject = named(session, &args.subject).await?;
    let mut query = vec![("subject", subject.clone())];
    query.extend(args.reason.map(|reason| ("reason", reason)));
    session.api.delete_where(&["containments"], &query).await?;
    session.done("released", &subject)
}

pub(super) async fn list(session: &mut Session<'_>) -> Result<(), Error> {
    let listed: Vec<Containment> = session.api.all(&["containments"], &[], None).await?;
    let now = session.now();
    session.print.list(&listed, |listed| table(listed, now), "Nobody is contained.")
}

/// Whom these words name.
async fn named(session: &Session<'_>, words: &str) -> Result<String, Error> {
    if words.starts_with('/') {
        return session.whole_id(words).await;
    }
    let is_id = ["dev_", "usr_", "spiffe://"].iter().any(|prefix| words.starts_with(prefix));
    if is_id { Ok(words.to_owned()) } else { id_of(session, words).await }
}

fn fields(made: &Containment, now: Timestamp) -> Fields {
    let mut fields = Fields::default();
    fields.add("subject", &made.subject);
    fields.add("reason", &made.reason);
    fields.add("ends", value::moment(made.ends_at, now));
    fields
}

fn table(listed: &[Containment], now: Timestamp) -> Table {
    let mut table = Table::new(&["SUBJECT", "SINCE", "ENDS", "BY", "REASON"]);
    for one in listed {
        table.row([
            one.subject.clone(),
            value::distance(one.created_at, now),
            value::distance(one.ends_at, now),
            one.by.clone().unwrap_or_else(|| "-".to_owned()),
            one.reason.clone(),
        ]);
    }
    table
}
