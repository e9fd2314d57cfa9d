//! `weft`: reads the command line, runs what it says, answers with an exit code.

use weft::cli::{Next, look_after_device, start};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    weft::crypto::tls::install_provider();
    match start(std::env::args_os()) {
        Next::Done(code) => code,
        Next::Server(launch) => weft::server::commands::run(launch),
        Next::Agent(launch) => weft::agent::launch::start(*launch, look_after_device),
    }
}
