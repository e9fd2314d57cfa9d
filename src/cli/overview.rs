//! `weft` alone, and `weft completion`.

use clap::Args;
use clap_complete::Shell;

use super::args;
use super::error::Error;
use super::print::Printer;

#[derive(Debug, Clone, Args)]
pub(super) struct CompletionArgs {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// What somebody reads who types the name alone.
pub(super) fn print(printer: &mut Printer) -> Result<(), Error> {
    printer.raw(TEXT.as_bytes())
}

/// The script for a shell: `weft completion bash > …/bash-completion/completions/weft`.
pub(super) fn completion(shell: &CompletionArgs, printer: &mut Printer) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell.shell, &mut args::tree(), "weft", &mut script);
    printer.raw(&script)
}

const TEXT: &str = "\
Weft gives every workload on every node a short-lived identity.

Start here:
  weft server             serve, with no configuration
  weft token create       on the server: one join string, for one node
  weft agent --join …     on the node: join, and serve the Workload API
  weft entry create       say which processes are who
  weft workload fetch     be one of them

Look around:
  weft status             how the server is
  weft node list          which nodes have joined
  weft entry explain      why a process gets the identity it gets, or none
  weft event list         what happened
  weft doctor             look at the whole installation
  weft device list        which devices have enrolled
  weft device run         look after this machine as a device: renew, look, report
  weft device posture     what can be seen of this machine; `weft posture score` says what it is worth

`weft --help` lists every command; each has `--help` of its own.
";
