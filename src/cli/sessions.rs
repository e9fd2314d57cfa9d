//! `weft session`: browsers that are signed in.

use clap::Subcommand;

use super::error::Error;
use super::session::Session;
use super::table::Table;
use super::user::id_of;
use super::value;
use crate::kernel::Timestamp;
use crate::wire::api;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum SessionCommand {
    /// List where a person is signed in.
    List {
        /// `usr_…`, or what they type.
        user: String,
    },
    /// End sessions: those browsers are signed out.
    End {
        /// `ses_…`, as `weft session list` shows them.
        #[arg(required_unless_present = "everywhere", conflicts_with = "everywhere")]
        id: Vec<String>,
        /// Sign this person out everywhere, and void what applications were given so far.
        #[arg(long, value_name = "USER")]
        everywhere: Option<String>,
    },
}

pub(super) async fn run(command: SessionCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        SessionCommand::List { user } => {
            let query = [("user", id_of(session, &user).await?)];
            let listed: Vec<api::Session> = session.api.all(&["sessions"], &query, None).await?;
            let now = session.now();
            session.print.list(&listed, |listed| table(listed, now), EMPTY)
        }
        SessionCommand::End { id, everywhere: None } => {
            let question = format!("End {}?", id.join(", "));
            session.delete_each("sessions", &id, (&question, "ended")).await
        }
        SessionCommand::End { everywhere: Some(user), .. } => {
            session.confirm(&format!("Sign {user} out everywhere?"))?;
            let query = [("user", id_of(session, &user).await?)];
            session.api.delete_where(&["sessions"], &query).await?;
            session.done("signed out everywhere", &user)
        }
    }
}

fn table(listed: &[api::Session], now: Timestamp) -> Table {
    let mut table =
        Table::new(&["ID", "LEVEL", "SHOWN", "ADDRESS", "USED", "ENDS", "DEVICE", "BROWSER"]);
    for session in listed {
        table.row([
            session.id.clone(),
            session.assurance.clone(),
            session.methods.join(", "),
            session.address.clone(),
            value::distance(session.used_at, now),
            value::distance(session.expires_at, now),
            session.device.clone().unwrap_or_default(),
            session.agent.clone(),
        ]);
    }
    table
}

const EMPTY: &str = "Signed in nowhere.";
