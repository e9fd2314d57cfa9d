//! `weft`: reads the command line, runs it, and ends with its exit code.

use std::process::ExitCode;

use weft::cli::{Next, start};

fn main() -> ExitCode {
    match start(std::env::args_os()) {
        Next::Done(code) => code,
        Next::Server(launch) => weft::server::commands::run(launch),
        Next::Agent(launch) => weft::agent::launch(launch),
    }
}
