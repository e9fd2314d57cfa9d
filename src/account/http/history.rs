//! What happened to the account.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::super::pages::{FactLine, HistoryPage, Tab};
use super::super::{Account, fact};
use super::visitor::{Asks, Away, Visitor};
use crate::audit::Record;
use crate::events::Part;
use crate::http::pages::page;

pub(super) async fn show(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::History).await?;
    let number = visitor.user.number;
    let records = account.audit.about_person(visitor.realm, number, FACTS_MAX).await?;
    let facts = records.iter().filter_map(|record| line(&visitor, record)).collect();
    let shown = HistoryPage { look: &visitor.look, nav: visitor.nav(Tab::History), facts };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

fn line(visitor: &Visitor, record: &Record) -> Option<FactLine> {
    let what = fact(&visitor.look, &record.kind)?;
    let address = match &record.about {
        Part::Open(fields) => fields.get("address").and_then(|value| value.as_str()),
        Part::Empty | Part::Erased => None,
    };
    Some(FactLine {
        what,
        more: address.map(str::to_owned),
        when: visitor.ago(record.time),
        exactly: visitor.look.exactly(record.time),
    })
}

/// Enough to see whether somebody else was here; the rest is in the export.
const FACTS_MAX: usize = 100;
