//! `weft delivery`: letters and logout notices that did not arrive yet.

use clap::Subcommand;

use super::error::Error;
use super::session::Session;
use super::table::Table;
use super::value;
use crate::kernel::Timestamp;
use crate::wire::api::{Delivery, DeliveryState};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum DeliveryCommand {
    /// List what was not delivered yet, and why.
    List {
        /// Only what was given up.
        #[arg(long)]
        given_up: bool,
    },
    /// Try again now, also what was given up.
    Retry {
        /// As `weft delivery list` shows them.
        #[arg(required = true)]
        id: Vec<String>,
    },
}

pub(super) async fn run(command: DeliveryCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        DeliveryCommand::List { given_up } => {
            let mut open: Vec<Delivery> = session.api.all(&["deliveries"], &[], None).await?;
            open.retain(|delivery| !given_up || delivery.state == DeliveryState::GivenUp);
            let now = session.now();
            session.print.list(&open, |open| table(open, now), "Everything was delivered.")
        }
        DeliveryCommand::Retry { id } => {
            for id in &id {
                let _open: Delivery = session.api.act(&["deliveries", id, "retry"]).await?;
                session.done("trying again", id)?;
            }
            Ok(())
        }
    }
}

fn table(open: &[Delivery], now: Timestamp) -> Table {
    let mut table = Table::new(&["ID", "KIND", "CLIENT", "POSTED", "TRIES", "NEXT", "LAST ERROR"]);
    for delivery in open {
        table.row([
            delivery.id.clone(),
            delivery.kind.clone(),
            delivery.client.clone().unwrap_or_default(),
            value::distance(delivery.created_at, now),
            delivery.tries.to_string(),
            delivery.next_at.map_or_else(|| "given up".to_owned(), |at| value::distance(at, now)),
            delivery.last_error.clone().unwrap_or_default(),
        ]);
    }
    table
}
