//! What a fleet costs a server, and how soon a change is with a workload: the real `weft server` and `weft agent` as
//! processes, driven from here over the wire. `scripts/load` builds and runs it; `docs/performance-scale.md` says what
//! each line means.
//!
//! Owns: the course of the measurement. Prints one table; its exit code is 1 when a line does not hold.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to the person who runs it"
)]
#![expect(clippy::disallowed_methods, reason = "it measures real time, outside of any server")]

mod board;
mod changes;
mod course;
mod dial;
mod fleet;
mod process;
mod rest;
mod sessions;
mod table;
mod workload;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use course::Course;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How much of everything. The targets are those of the full size.
#[derive(Debug, Clone)]
struct Size {
    /// Simulated agents.
    agents: usize,
    /// Entries, spread evenly below the agents.
    entries: usize,
    /// Sessions that are stored, and how many of them are used.
    sessions: (usize, usize),
    /// Starts of which the median counts.
    starts: usize,
    /// For how long the idle fleet is watched.
    idle: Duration,
    /// Entries made and removed below the real agent, one after the other, and as many below simulated ones.
    changes: usize,
}

const FULL: Size = Size {
    agents: 1_000,
    entries: 100_000,
    sessions: (1_000_000, 40_000),
    starts: 7,
    idle: Duration::from_mins(1),
    changes: 500,
};
/// To see that everything works.
const SMALL: Size = Size {
    agents: 50,
    entries: 2_000,
    sessions: (4_000, 500),
    starts: 2,
    idle: Duration::from_secs(10),
    changes: 20,
};

fn main() -> ExitCode {
    weft::crypto::tls::install_provider();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let table = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run()));
    match table {
        Ok(table) => {
            println!("{}", table.text());
            if table.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `load PROGRAM HOME [small] [DATABASE]`: the program to measure, an empty directory for its data, and the URL of a
/// PostgreSQL database if not SQLite.
async fn run() -> Outcome<table::Table> {
    let mut words: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let small = words.iter().position(|word| word == "small").map(|at| words.remove(at));
    let mut words = words.into_iter();
    let (Some(program), Some(home)) = (words.next(), words.next()) else {
        return Err("usage: load PROGRAM HOME [small] [DATABASE]".into());
    };
    let size = if small.is_some() { SMALL } else { FULL };
    Course::new(PathBuf::from(program), PathBuf::from(home), size, words.next())?.run().await
}
