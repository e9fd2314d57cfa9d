//! One entry after the other is made and removed, as an administrator does it; each concerns one agent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Outcome;
use super::board::{Board, Seen};
use super::process::TRUST_DOMAIN;
use super::rest::{Rest, entry};
use super::workload::Workload;

/// How long it took until they were where they concern somebody.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    /// From the request to make the entry to the SVID.
    pub(crate) made: Vec<Duration>,
    /// From the request to remove it to its end there.
    pub(crate) gone: Vec<Duration>,
}

/// Below the real agent, up to the stream of the workload.
pub(crate) async fn at_workload(
    rest: &Rest,
    (agent, workload): (&str, &mut Workload),
    count: usize,
) -> Outcome<Latencies> {
    let mut latencies = Latencies::default();
    for n in 0..count {
        let (id, spiffe_id) = (format!("seen-{n}"), format!("spiffe://{TRUST_DOMAIN}/seen/{n}"));
        let entry = entry(&id, &spiffe_id, agent, &[&own_uid()]);
        let from = Instant::now();
        rest.create(&entry).await?;
        latencies.made.push(workload.has(&spiffe_id, from).await?);
        let from = Instant::now();
        rest.delete(&id).await?;
        latencies.gone.push(workload.lost(&spiffe_id, from).await?);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(latencies)
}

/// Below simulated agents in turn, up to the agent: all that the server has to do for it.
pub(crate) async fn at_fleet(
    rest: &Rest,
    board: &Arc<Board>,
    agents: &[String],
    count: usize,
) -> Outcome<Latencies> {
    let mut latencies = Latencies::default();
    // A stride without a common factor with the number of agents: neighbours in time are no neighbours in any list.
    for (n, agent) in agents.iter().cycle().step_by(STRIDE).take(count).enumerate() {
        let id = format!("told-{n}");
        let entry =
            entry(&id, &format!("spiffe://{TRUST_DOMAIN}/told/{n}"), agent, &["unix:uid:1"]);
        let note = board.expect(Seen::Svid(id.clone()));
        let from = Instant::now();
        rest.create(&entry).await?;
        latencies.made.push(note.since(from).await?);
        let note = board.expect(Seen::Gone(id.clone()));
        let from = Instant::now();
        rest.delete(&id).await?;
        latencies.gone.push(note.since(from).await?);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(latencies)
}

/// This program, as the agent's attestor `unix` knows it.
pub(crate) fn own_uid() -> String {
    format!("unix:uid:{}", rustix::process::geteuid().as_raw())
}

/// Some forty changes a second in all, over a minute or two.
const PAUSE: Duration = Duration::from_millis(30);
const STRIDE: usize = 37;
