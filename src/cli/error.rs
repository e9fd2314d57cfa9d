//! What can go wrong on this side of the wire, in sentences that say what to do next, and the exit code of each.

use std::fmt;
use std::io;

use crate::wire::api::Problem;

/// Done.
pub(super) const EXIT_FAILED: u8 = 1;
/// The command line was not understood.
pub(super) const EXIT_USAGE: u8 = 2;
/// The server or the agent could not be reached.
pub(super) const EXIT_UNREACHABLE: u8 = 3;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(super) enum Error {
    /// What was said makes no sense together.
    Usage(String),
    /// The server refused.
    Refused(Box<Problem>),
    /// Nobody could be asked.
    Unreachable {
        /// What is not reachable, and why.
        what: String,
        /// What to do.
        next: String,
    },
    /// Something on this machine, or an answer that makes no sense.
    Local {
        /// What is wrong.
        what: String,
        /// What to do; may be empty.
        next: String,
    },
    /// Some of several things were refused; each was told already.
    Some {
        /// How many.
        failed: usize,
        /// Of how many.
        of: usize,
    },
    /// Whoever was asked said no.
    Declined,
    /// Standard output did not take it.
    Output(io::Error),
}

impl Error {
    /// Something on this machine.
    pub(super) fn local(what: impl Into<String>) -> Self {
        Self::Local { what: what.into(), next: String::new() }
    }

    /// What was said makes no sense together.
    pub(super) fn usage(what: impl Into<String>) -> Self {
        Self::Usage(what.into())
    }

    /// A file that cannot be read or written.
    pub(super) fn file(verb: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::local(format!("`{}` cannot be {verb}: {error}", path.display()))
    }

    /// What went wrong, without what to do about it.
    pub(super) fn what(&self) -> String {
        let text = self.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.strip_prefix("error: ").unwrap_or(first).to_owned()
    }

    /// The program's exit code.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => EXIT_USAGE,
            Self::Unreachable { .. } => EXIT_UNREACHABLE,
            // Whoever reads us has had enough (`| head`): that is no failure.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Refused(_)
            | Self::Local { .. }
            | Self::Some { .. }
            | Self::Declined
            | Self::Output(_) => EXIT_FAILED,
        }
    }

    /// What to do about it; empty where the sentence itself says so.
    fn next(&self) -> String {
        match self {
            Self::Refused(problem) => advice(problem),
            Self::Unreachable { next, .. } | Self::Local { next, .. } => next.clone(),
            Self::Usage(_) => "`--help` after any command shows what it takes.".to_owned(),
            Self::Some { .. } | Self::Declined | Self::Output(_) => String::new(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) | Self::Unreachable { what, .. } | Self::Local { what, .. } => {
                write!(f, "error: {what}")?;
            }
            Self::Refused(problem) => write!(f, "error: {}", sentence(problem))?,
            Self::Some { failed, of } => write!(f, "error: {failed} of {of} were refused")?,
            Self::Declined => f.write_str("nothing was done")?,
            Self::Output(error) => write!(f, "error: the output was not taken: {error}")?,
        }
        let next = self.next();
        if !next.is_empty() {
            write!(f, "\n  {next}")?;
        }
        if let Self::Refused(problem) = self {
            match &problem.request_id {
                Some(id) => write!(f, "\n  ({}, request {id})", problem.code)?,
                None if !problem.code.is_empty() => write!(f, "\n  ({})", problem.code)?,
                None => {}
            }
        }
        Ok(())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Title and detail, unless one says what the other says.
pub(super) fn sentence(problem: &Problem) -> String {
    match (problem.title.as_str(), problem.detail.as_str()) {
        (title, "") => title.to_owned(),
        ("", detail) => detail.to_owned(),
        (title, detail) => format!("{title}: {detail}"),
    }
}

/// What somebody at a terminal can do about a refusal.
pub(super) fn advice(problem: &Problem) -> String {
    let noun = problem.code.split('.').next().unwrap_or_default();
    let words = match (problem.status, problem.code.as_str()) {
        (_, "request.path_unknown") | (405, _) => {
            "This server does not know that: it may be of another release (`weft status` shows it)."
        }
        (_, "storage.outcome_unknown") => {
            "Read it back before trying again: it may have been done."
        }
        (_, "realm.unknown") => "`--realm NAME` chooses one; `weft realm list` shows them.",
        (401, _) => {
            "Say who you are: on the server's machine run this as its user or as root; from elsewhere give \
             `--svid-socket` or `--token-file`."
        }
        (403, "device.retired") => {
            "`--dir` of an empty directory enrols this machine as another device."
        }
        // Whoever is at a device's terminal holds no role that would help.
        (403, code) if code.starts_with("device.") => {
            "An administrator sees more: `weft device show`, `weft event list`."
        }
        (403, _) => {
            "`weft whoami` shows what you hold; an administrator gives more with `weft role bind`."
        }
        (404, _) => return list_of(noun),
        (409 | 412, _) => "Read it again, and decide anew.",
        (429 | 502 | 503, _) => "Try again in a moment; `weft status` says how the server is.",
        (500.., _) => "The server's log says more, under the request's id.",
        _ => "",
    };
    words.to_owned()
}

fn list_of(noun: &str) -> String {
    let command = match noun {
        "entry" | "workloads" => "entry",
        "agent" | "nodes" => "node",
        "join_token" | "token" => "token",
        "bundle" => "bundle",
        "device" | "devices" => "device",
        "authority" => "authority",
        "realm" => "realm",
        "access" | "role_binding" => "role",
        "policy" => "policy",
        _ => return "It may have been removed, or you may not know of it.".to_owned(),
    };
    format!("`weft {command} list` shows what there is.")
}
