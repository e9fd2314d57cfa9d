//! Lists events: two logs, each in its own order, merged by time.

use std::collections::VecDeque;

use crate::db::Tx;
use crate::events::{Events, Opener};
use crate::kernel::{Fault, RealmId, Timestamp};

use super::Audit;
use super::model::{
    ChangePlace, Error, LedgerPlace, Order, Origin, Page, Place, Query, ReadEvents, Record,
};
use super::store::{self, Found};

/// What each run of the snapshot needs.
#[derive(Debug)]
struct Input {
    events: Events,
    query: Query,
}

/// The rows of the change log that are wanted, and how far the search for them came.
#[derive(Debug)]
struct Changes {
    found: VecDeque<Found>,
    /// The last row that was looked at.
    looked: ChangePlace,
    /// Its time, if the search stopped there with more to look at.
    frontier: Option<Timestamp>,
}

impl Audit {
    /// The next page of what happened in a realm. Refused without the right `ReadEvents`; `Kind::Unavailable` while the
    /// database is away.
    pub async fn list(&self, ask: ReadEvents) -> Result<Page<Record>, Error> {
        let (ReadEvents { realm, query, .. }, _) = self.access.permit(ask)?.spend();
        self.read(realm, query).await
    }

    /// The same for the server's own use: sinks and tests.
    pub(super) async fn read(&self, realm: RealmId, query: Query) -> Result<Page<Record>, Error> {
        let input = Input { events: self.events.clone(), query };
        self.db.read(realm, input, |tx, input| Box::pin(page(tx, input))).await
    }
}

async fn page(tx: &mut Tx, input: &Input) -> Result<Page<Record>, Error> {
    let query = &input.query;
    if let Some(at) = query.at {
        let mut opener = Opener::new(&input.events);
        let items = match store::at(tx, at).await? {
            Some(found) => vec![open(tx, &mut opener, found).await?],
            None => Vec::new(),
        };
        return Ok(Page { items, next: None });
    }
    let (wanted, start) = (query.page(), query.after.unwrap_or_else(|| Place::start(query.order)));
    let limit = i64::try_from(wanted + 1).map_err(Fault::bug)?;
    let mut facts = VecDeque::from(store::facts(tx, query, start.ledger, limit).await?);
    let mut changes = look_for_changes(tx, query, start.changes, wanted + 1).await?;
    let mut place = start;
    let mut opener = Opener::new(&input.events);
    let mut items = Vec::new();
    while items.len() < wanted
        && let Some(found) = next(query.order, &mut facts, &mut changes)
    {
        place = after(place, &found);
        items.push(open(tx, &mut opener, found).await?);
    }
    if changes.found.is_empty() {
        // The rows between the last wanted one and here are of no use to the next page.
        place.changes = changes.looked;
    }
    let more = !facts.is_empty() || !changes.found.is_empty() || changes.frontier.is_some();
    Ok(Page { items, next: more.then_some(place) })
}

/// Whichever of the two comes first. A fact beyond the frontier waits for the next page: changes may come before it.
fn next(order: Order, facts: &mut VecDeque<Found>, changes: &mut Changes) -> Option<Found> {
    let before = |a: Timestamp, b: Timestamp| match order {
        Order::Newest => a >= b,
        Order::Oldest => a <= b,
    };
    match (facts.front(), changes.found.front()) {
        (Some(fact), Some(change)) if before(fact.time, change.time) => facts.pop_front(),
        (_, Some(_)) => changes.found.pop_front(),
        (Some(fact), None) => match changes.frontier {
            Some(frontier) if !before(fact.time, frontier) => None,
            _ => facts.pop_front(),
        },
        (None, None) => None,
    }
}

/// Looks through the change log for what the query wants. Kinds and subjects are inside the events, so rows have to be
/// looked at; the search stops after a bounded number of them.
async fn look_for_changes(
    tx: &mut Tx,
    query: &Query,
    after: ChangePlace,
    wanted: usize,
) -> Result<Changes, Fault> {
    let mut changes = Changes { found: VecDeque::new(), looked: after, frontier: None };
    for _ in 0..LOOKS_MAX {
        let rows = store::changes(tx, query, changes.looked, LOOK_ROWS).await?;
        for row in &rows {
            changes.looked = store::change_place(row)?;
            if let Some(found) = store::change(row)?
                && wants(query, &found)
            {
                changes.found.push_back(found);
            }
            if changes.found.len() >= wanted {
                return Ok(changes);
            }
        }
        match rows.last() {
            Some(last) if rows.len() == ROWS_OF_A_LOOK => changes.frontier = Some(last.time("at")?),
            _ => {
                changes.frontier = None;
                return Ok(changes);
            }
        }
    }
    Ok(changes)
}

fn wants(query: &Query, found: &Found) -> bool {
    let header = &found.event.header;
    query.wants_kind(&header.kind)
        && (query.subject.is_none() || query.subject == header.subject)
        && (query.actor.is_none() || query.actor == header.actor)
}

/// The place after this record.
fn after(place: Place, found: &Found) -> Place {
    match found.origin {
        Origin::Ledger { stream, n } => {
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            let ledger = LedgerPlace { time: found.time.micros(), stream: stream.0, n };
            Place { ledger, ..place }
        }
        Origin::ChangeLog { history, seq } => {
            Place { changes: ChangePlace { history, seq }, ..place }
        }
    }
}

async fn open(tx: &mut Tx, opener: &mut Opener<'_>, found: Found) -> Result<Record, Fault> {
    let [about, by] = opener.open(tx, &found.event).await?;
    let header = found.event.header;
    Ok(Record {
        origin: found.origin,
        time: header.time,
        kind: header.kind,
        subject: header.subject,
        actor: header.actor,
        about,
        by,
    })
}

/// Rows of the change log looked at in one statement.
const ROWS_OF_A_LOOK: usize = 512;
const LOOK_ROWS: i64 = 512;
/// Statements of one search: some 50 ms of a reader.
const LOOKS_MAX: usize = 8;
