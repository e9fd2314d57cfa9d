//! What the command line hands to the programs behind it: the server, its offline commands, and the agent.
//!
//! The command line knows words and the programs know what they mean; neither knows the other.

use std::fmt;
use std::path::PathBuf;

use super::api::PolicyTrialInput;
use super::join::JoinText;
use crate::kernel::{Lifetime, Timestamp};

/// Where a server's settings come from, beside defaults and environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// `--config`: the file.
    pub config: Option<PathBuf>,
    /// From the command line, key and value; they win over everything: `server.trust_domain`.
    pub overrides: Vec<(String, String)>,
}

/// A command that needs the server's inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerJob {
    /// `weft server`: serve until a signal.
    Serve,
    /// `weft config check`: say every mistake in the settings.
    ConfigCheck,
    /// `weft config render`: print every setting with its default and reason.
    ConfigRender,
    /// `weft keys reseal`: seal everything again under the newest key-encryption key.
    KeysReseal,
    /// `weft backup FILE`: a copy of the database, taken while the server runs.
    Backup {
        /// Where to; must not exist yet.
        file: PathBuf,
    },
    /// `weft restore FILE`: a new history from a backup; the server must not run.
    Restore {
        /// The backup.
        file: PathBuf,
        /// Nobody is asked before what is there is replaced.
        yes: bool,
    },
    /// `weft doctor`: look at the whole installation, and say what to do.
    Doctor {
        /// Print JSON instead of sentences.
        json: bool,
    },
    /// `weft posture`: models and scores; needs no settings.
    Posture(PostureJob),
    /// `weft policy validate` and `weft policy test --offline`; needs no settings.
    Policy(PolicyJob),
}

/// What `weft policy` is asked for without a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyJob {
    /// Are these documents policies?
    Validate {
        /// The documents, each with the name of its file.
        files: Vec<PolicyFile>,
        /// Print JSON instead of sentences.
        json: bool,
    },
    /// What do the policies as shipped, and these in their place, say to the cases?
    Test {
        /// What is to be tried.
        trial: PolicyTrialInput,
        /// Print JSON instead of sentences.
        json: bool,
    },
}

/// A policy document that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// The file, for what is said about it.
    pub file: String,
    /// The name it would have as a policy.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// What `weft posture` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostureJob {
    /// `weft posture check FILE`: is this document a model?
    Check {
        /// The document.
        model: ModelFile,
        /// Print JSON instead of sentences.
        json: bool,
    },
    /// `weft posture score`: a report's score, and why.
    Score(Box<ScoreAsk>),
}

/// A model's document, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// The file, as it was named.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// A report to be scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreAsk {
    /// The model; the shipped one where none is named.
    pub model: Option<ModelFile>,
    /// The profile; the one that the report fits where none is named.
    pub profile: Option<String>,
    /// The report.
    pub report: Vec<u8>,
    /// As of when.
    pub at: Timestamp,
    /// The lifetime of a credential, however bad the score.
    pub shortest: Lifetime,
    /// The lifetime of a credential, however good the score.
    pub longest: Lifetime,
    /// Print JSON instead of a table.
    pub json: bool,
}

/// A server's command with its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLaunch {
    /// Where its settings come from.
    pub sources: Sources,
    /// What to do.
    pub job: ServerJob,
}

/// `weft agent`, with what its flags say; what is not said comes from its settings.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AgentLaunch {
    /// `--config`: the file.
    pub config: Option<PathBuf>,
    /// The join string.
    pub join: Option<JoinText>,
    /// The server's `node` listener, `host:port`.
    pub server_address: Option<String>,
    /// The trust domain to join.
    pub trust_domain: Option<String>,
    /// The trust domain's bundle, brought here by a trusted way.
    pub trust_bundle: Option<PathBuf>,
    /// Believe whoever answers first.
    pub insecure_bootstrap: bool,
    /// A join token without pins, read from its file.
    pub join_token: Option<JoinText>,
    /// Certificate and key of this node, to attest with instead of a token.
    pub x509pop: Option<(PathBuf, PathBuf)>,
    /// The door `mtls` of the server, where this node runs on a device.
    pub device_server: Option<String>,
    /// Where the key and SVID of that device are.
    pub device_dir: Option<PathBuf>,
    /// Where the agent keeps its own key and SVID.
    pub data_dir: Option<PathBuf>,
    /// The Workload API's socket.
    pub socket: Option<PathBuf>,
    /// Further settings, key and value.
    pub overrides: Vec<(String, String)>,
}

impl fmt::Debug for AgentLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentLaunch").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The device that a program on this machine looks after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePlace {
    /// The server's door `mtls`, `https://host:8444`.
    pub server: String,
    /// Where the device's key and SVID are.
    pub directory: PathBuf,
    /// PEM file with the certificates to check that door against, instead of the system's.
    pub server_ca: Option<PathBuf>,
    /// Below which the machine is looked at; nothing: `/`.
    pub root: Option<PathBuf>,
}
