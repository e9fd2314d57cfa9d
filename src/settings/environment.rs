//! The process's environment, read in one place, and the default places that follow from it.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The environment's variables. Names and values that are not UTF-8 are left out: nothing of ours is.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Of this process.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// These, and no others.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The variables that are settings: `WEFT_SECTION__KEY`, with their keys: `section.key`.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, String, &str)> {
        self.0.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix("WEFT_")?;
            key.contains("__").then(|| {
                let key =
                    key.split("__").map(str::to_ascii_lowercase).collect::<Vec<_>>().join(".");
                (name.as_str(), key, value.as_str())
            })
        })
    }
}

/// Where things live if nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Data: database, ledger, keys.
    pub data: PathBuf,
    /// The agent's Workload API socket.
    pub agent_socket: PathBuf,
    /// The server's local admin socket.
    pub local_socket: PathBuf,
    /// What a person who signed in on the command line holds. Also root is a person here.
    pub login: PathBuf,
    /// What systemd gave this service (systemd.exec(5), credentials); nothing outside of one.
    pub credentials: Option<PathBuf>,
}

impl Places {
    /// The places of a user with this environment; `root` has the system's.
    pub fn of(environment: &Environment, root: bool) -> Self {
        let absolute =
            |name| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let own = absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")));
        let system = || PathBuf::from("/var/lib");
        let login = own.clone().unwrap_or_else(system).join("weft").join("login");
        let data = own.filter(|_| !root).unwrap_or_else(system).join("weft");
        // Without a session there is no run-time directory: the socket goes to the state then.
        let agent_socket = match (root, absolute("XDG_RUNTIME_DIR")) {
            (true, _) => PathBuf::from("/run/weft/agent.sock"),
            (false, Some(run)) => run.join("weft").join("agent.sock"),
            (false, None) => data.join("agent.sock"),
        };
        let credentials = absolute("CREDENTIALS_DIRECTORY");
        Self { agent_socket, local_socket: data.join("admin.sock"), data, login, credentials }
    }

    /// The places of this process.
    pub fn of_process(environment: &Environment) -> Self {
        Self::of(environment, nix::unistd::geteuid().is_root())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_the_systems_places_and_others_their_own() {
        let environment =
            Environment::of([("HOME", "/home/ann"), ("XDG_RUNTIME_DIR", "/run/user/7")]);
        let own = Places::of(&environment, false);
        assert_eq!(own.data, PathBuf::from("/home/ann/.local/state/weft"));
        assert_eq!(own.agent_socket, PathBuf::from("/run/user/7/weft/agent.sock"));
        let root = Places::of(&environment, true);
        assert_eq!(root.data, PathBuf::from("/var/lib/weft"));
        assert_eq!(root.agent_socket, PathBuf::from("/run/weft/agent.sock"));
        let login = PathBuf::from("/home/ann/.local/state/weft/login");
        assert_eq!((own.login, root.login), (login.clone(), login));
    }

    #[test]
    fn a_relative_or_empty_place_in_the_environment_counts_as_none() {
        let environment = Environment::of([("XDG_STATE_HOME", "here"), ("XDG_RUNTIME_DIR", "")]);
        let places = Places::of(&environment, false);
        assert_eq!(places.data, PathBuf::from("/var/lib/weft"));
        assert_eq!(places.local_socket, PathBuf::from("/var/lib/weft/admin.sock"));
    }

    #[test]
    fn only_names_with_two_underscores_are_settings() {
        let environment = Environment::of([
            ("WEFT_CONFIG", "x"),
            ("WEFT_LOG__LEVEL", "debug"),
            ("OTHER__KEY", "x"),
        ]);
        let settings: Vec<_> = environment.settings().collect();
        assert_eq!(settings, vec![("WEFT_LOG__LEVEL", "log.level".to_owned(), "debug")]);
    }
}
