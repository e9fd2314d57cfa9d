//! The torture: real `weft` processes killed with SIGKILL, a real PostgreSQL killed, frozen and taken away, while changes
//! and issuances go on. What was acknowledged must be there afterwards, once, and everybody must agree on it.
//!
//! Each flow has one code path and a size. In a plain test run it is small; `make torture-log`, `make torture-db` and
//! `make torture-signin` ask for the full size through the environment. docs/torture.md tells what is done and what was measured.

mod admin;
mod agent_kills;
mod away;
mod away_world;
mod contained;
mod kills;
mod log;
mod models;
mod node;
mod program;
mod sign_ins;
mod sign_ins_verdict;
mod verdict;
mod writers;

use weft::env::{Clock as _, SystemClock};
use weft::kernel::Lifetime;

/// A size that the environment may ask for.
fn size(name: &str, small: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings")]
    let asked = std::env::var(name);
    match asked.as_deref() {
        Err(_) | Ok("") => small,
        Ok(text) => {
            text.parse().unwrap_or_else(|_| panic!("{name} is a whole number, not `{text}`"))
        }
    }
}

/// Waits in real time: the programs under torture live by it.
async fn pause(millis: i64) {
    SystemClock::new().sleep(Lifetime::millis(millis)).await;
}
