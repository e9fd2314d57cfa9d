//! One window: so many calls, so many of them in flight, and the server's CPU time for all of it.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::{join, try_join_all};

use crate::Outcome;
use crate::operation::{Call, Row};
use crate::party::Party;

/// The server's CPU time for one operation of this row.
pub(crate) async fn measure(row: &Row, party: &Party) -> Outcome<Duration> {
    party.prepare(row).await?;
    let server = &party.server;
    let before = server.settled_cpu().await?;
    calls(row.call, party, (row.flight, row.calls)).await?;
    // An empty call leaves nothing behind.
    let after = if row.is_baseline() { server.cpu()? } else { server.settled_cpu().await? };
    let operations = u32::try_from(row.calls)? * row.each();
    Ok(after.saturating_sub(before) / operations)
}

/// So many calls, so many of them in flight.
pub(crate) async fn calls(
    call: Call,
    party: &Party,
    (flight, calls): (usize, usize),
) -> Outcome<()> {
    let left = Cell::new(calls);
    try_join_all((0..flight).map(|_| caller(call, party, &left))).await.map(drop)
}

/// Calls, waits for the answer, calls again, until all calls of the window are made.
async fn caller(call: Call, party: &Party, left: &Cell<usize>) -> Outcome<()> {
    while let Some(fewer) = left.get().checked_sub(1) {
        left.set(fewer);
        party.make(call).await?;
    }
    Ok(())
}

/// How long each token took that a machine asked for, one after the other, while as many people sign in as keep every core
/// busy.
pub(crate) async fn tokens_beside_sign_ins(party: &Party, row: &Row) -> Outcome<Vec<Duration>> {
    let busy = Cell::new(true);
    let people = async {
        let done = calls(row.call, party, (row.flight, row.calls)).await;
        busy.set(false);
        done
    };
    let machine = async {
        let mut spans = Vec::new();
        while busy.get() {
            let asked = now();
            party.make(Call::Machine).await?;
            spans.push(asked.elapsed());
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(spans)
    };
    let (people, machine) = join(people, machine).await;
    people?;
    machine
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}
