//! One window: so many calls, so many of them in flight, and the server's CPU time for all of it.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::Outcome;
use crate::agent::Agent;
use crate::operation::{Call, Row};
use crate::server::Server;

/// The server's CPU time for one operation of this row.
pub(crate) async fn measure(row: &Row, server: &Server, agent: &Agent) -> Outcome<Duration> {
    let before = server.settled_cpu().await?;
    let left = Cell::new(row.calls);
    try_join_all((0..row.flight).map(|_| caller(row.call, agent, &left))).await?;
    // An empty call leaves nothing behind.
    let after = if row.is_baseline() { server.cpu()? } else { server.settled_cpu().await? };
    let operations = u32::try_from(row.calls)? * row.each();
    Ok(after.saturating_sub(before) / operations)
}

/// Calls, waits for the answer, calls again, until all calls of the window are made.
async fn caller(call: Call, agent: &Agent, left: &Cell<usize>) -> Outcome<()> {
    while let Some(fewer) = left.get().checked_sub(1) {
        left.set(fewer);
        agent.make(call).await?;
    }
    Ok(())
}
