//! A test that runs once more as a program of its own: with another disk under it, or as another user.

use std::path::Path;
use std::process::Command;

/// What the second run of a test is told by the first; nothing in the first.
#[expect(clippy::disallowed_methods, reason = "a test has no settings")]
pub(super) fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// True if this run may become any user.
pub(super) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// This program once more, by this wrapper, for one test.
pub(super) fn again(wrapper: &[&str], program: &Path, test: &str) -> Command {
    let own = program.to_str().expect("a path that is text");
    let mut words = wrapper.iter().copied().chain([own]);
    let mut command = Command::new(words.next().expect("at least the program"));
    command.args(words).args(["--exact", test, "--nocapture"]);
    command
}
