//! `weft agent`: its flags; the agent itself does the rest.

use std::path::PathBuf;

use clap::Args;

use super::error::Error;
use super::{input, value};
use crate::wire::join::JoinText;
use crate::wire::launch::AgentLaunch;

#[derive(Debug, Clone, Args)]
pub(super) struct AgentArgs {
    /// The join string that `weft token create` printed; `-` reads it from standard input. Needed once.
    #[arg(long, value_name = "STRING", env = "WEFT_AGENT_JOIN", hide_env_values = true,
          conflicts_with_all = ["server", "trust_domain", "trust_bundle", "insecure_bootstrap", "join_token_file"])]
    join: Option<String>,
    /// The server's `node` listener, `host:port`. A join string names it already.
    #[arg(long, value_name = "ADDR", id = "server")]
    server: Option<String>,
    /// The trust domain to join.
    #[arg(long, value_name = "NAME", value_parser = value::trust_domain)]
    trust_domain: Option<String>,
    /// The trust domain's bundle, PEM or SPIFFE bundle document, brought here by a trusted way.
    #[arg(long, value_name = "FILE", conflicts_with = "insecure_bootstrap")]
    trust_bundle: Option<PathBuf>,
    /// Believe whoever answers first. Only for trying out: it can be anybody.
    #[arg(long)]
    insecure_bootstrap: bool,
    /// A file with a join token, where there is no join string; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "x509pop_cert")]
    join_token_file: Option<PathBuf>,
    /// Attest with this certificate of the node (PEM, with intermediates).
    #[arg(long, value_name = "FILE", requires = "x509pop_key")]
    x509pop_cert: Option<PathBuf>,
    /// The key of that certificate (PEM, PKCS#8).
    #[arg(long, value_name = "FILE", requires = "x509pop_cert")]
    x509pop_key: Option<PathBuf>,
    /// This node runs on a device: the server's door `mtls`, `https://host:8444`, where both prove that they are together.
    #[arg(long, value_name = "URL")]
    device_server: Option<String>,
    /// Where that device's key and SVID are [default: as for `weft device enroll`].
    #[arg(long, value_name = "DIR", requires = "device_server")]
    device_dir: Option<PathBuf>,
    /// The settings file.
    #[arg(long, value_name = "FILE", env = "WEFT_AGENT_CONFIG")]
    config: Option<PathBuf>,
    /// Where the agent keeps its own key and SVID [default: `$XDG_STATE_HOME/weft/agent`, as root `/var/lib/weft/agent`].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The Workload API's socket [default: `$XDG_RUNTIME_DIR/weft/agent.sock`, as root `/run/weft/agent.sock`].
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// One setting, over file and environment: `--set agent.poll_seconds=10`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_value)]
    set: Vec<(String, String)>,
}

impl AgentArgs {
    /// What the agent is started with; secrets are read from their files here.
    pub(super) fn launch(self) -> Result<AgentLaunch, Error> {
        let join = match self.join.as_deref() {
            Some("-") => Some(JoinText::new(input::line_of_stdin("the join string")?)),
            Some(text) => Some(JoinText::new(text.to_owned())),
            None => None,
        };
        let join_token = match &self.join_token_file {
            Some(file) => Some(JoinText::new(input::secret(file)?)),
            None => None,
        };
        Ok(AgentLaunch {
            config: self.config,
            join,
            server_address: self.server,
            trust_domain: self.trust_domain,
            trust_bundle: self.trust_bundle,
            insecure_bootstrap: self.insecure_bootstrap,
            join_token,
            x509pop: self.x509pop_cert.zip(self.x509pop_key),
            device_server: self.device_server,
            device_dir: self.device_dir,
            data_dir: self.data_dir,
            socket: self.socket,
            overrides: self.set,
        })
    }
}
