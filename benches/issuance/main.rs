//! What one operation costs the server, in CPU time of its process: against raw crypto and an empty call over the same
//! transport, all measured in one run. `make bench` builds this and prints the table.
//!
//! The server is the program that is shipped, in a process of its own, on real sockets with TLS and HTTP/2, its ledger
//! and its SQLite on a real disk; this process is its agents. The rows are measured in turns, several times each, and the
//! medians are shown, because other programs run on the machine too.

mod agent;
mod application;
mod load;
mod operation;
mod osquery;
mod party;
mod people;
mod posture;
mod public;
mod raw;
mod server;
mod table;

use std::error::Error;
use std::process::ExitCode;

use operation::{Call, Place, ROWS};
use party::Party;
use server::Server;
use table::Table;

/// The program's own allocator, for the process without a ledger.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    weft::crypto::tls::install_provider();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [server::UNRECORDED, directory] => server::serve(directory, false).map(|()| true),
        [server::RECORDED, directory] => server::serve(directory, true).map(|()| true),
        // What cargo adds is not for us.
        others => {
            let words: Vec<&str> =
                others.iter().filter(|word| !word.starts_with("--")).copied().collect();
            measure(&words)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            table::complain(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Measures the rows whose names contain one of these words, or all; true if every target holds.
fn measure(wanted: &[&str]) -> Outcome<bool> {
    let scores = wanted.is_empty() || wanted.iter().any(|word| "posture".contains(word));
    let mut quick = !scores || posture::measure()?;
    // One thread for all agents: the other core is the server's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if scores {
        quick &= runtime.block_on(osquery::measure())?;
    }
    if wanted == ["posture"] {
        return Ok(quick);
    }
    runtime.block_on(async {
        let home = tempfile::tempdir()?;
        let product = Party::meet(Server::product(&home.path().join("product"))?).await?;
        let unrecorded = Server::own(&home.path().join("unrecorded"), server::UNRECORDED)?;
        let unrecorded = Party::meet(unrecorded).await?;
        let people = Server::own(&home.path().join("people"), server::RECORDED)?;
        let people = Party::with_people(people).await?;
        let party = |place| match place {
            Place::Product => &product,
            Place::Unrecorded => &unrecorded,
            Place::People => &people,
        };
        let rows = ROWS.iter().filter(|row| {
            row.is_baseline()
                || wanted.is_empty()
                || wanted.iter().any(|word| row.name.contains(word))
        });
        let mut table = Table::new(rows);
        for round in 1..=ROUNDS {
            table.take_raw(raw::measure()?);
            for row in table.rows() {
                let party = party(row.place);
                let cost = load::measure(row, party).await?;
                table::progress((round, ROUNDS), row, cost);
                table.take(row, cost);
                if row.call == Call::SignIn {
                    table.take_tokens(load::tokens_beside_sign_ins(party, row).await?);
                }
            }
        }
        Ok(table.print()? && quick)
    })
}

/// Odd, so that the median is one of them.
const ROUNDS: usize = 5;
