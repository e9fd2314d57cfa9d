//! The processes that are measured: spawned as an operator spawns them, read through `/proc`, ended without mercy.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Outcome;

/// A running program of ours. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

/// What a process holds in memory, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Resident {
    /// All of it.
    pub(crate) all: f64,
    /// Of that, what belongs to files: the program's own code.
    pub(crate) file: f64,
}

impl Process {
    /// Starts the program with these arguments; what it says goes to `log`.
    pub(crate) fn spawn(program: &Path, arguments: &[String], log: &Path) -> Outcome<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { child })
    }

    /// Ends it where it stands, as a power cut does.
    pub(crate) fn kill(&mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Fails if it has ended by itself.
    pub(crate) fn check(&mut self) -> Outcome<()> {
        match self.child.try_wait()? {
            Some(status) => Err(format!("a process ended by itself: {status}").into()),
            None => Ok(()),
        }
    }

    /// Processor time used so far, in user and system, of all its threads.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name before the last parenthesis may hold anything; state is the first field after it.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks =
            |n| fields.split_whitespace().nth(n).and_then(|field| field.parse::<u64>().ok());
        let (Some(user), Some(system)) = (ticks(11), ticks(12)) else {
            return Err("`/proc/…/stat` has another form".into());
        };
        Ok(Duration::from_millis((user + system) * 1000 / rustix::param::clock_ticks_per_second()))
    }

    /// What it holds in memory now.
    pub(crate) fn resident(&self) -> Outcome<Resident> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.trim_end_matches("kB").trim().parse::<f64>().ok());
            kib.map(|kib| kib * 1024.0).ok_or_else(|| format!("`/proc/…/status` has no {name}"))
        };
        Ok(Resident { all: bytes("VmRSS:")?, file: bytes("RssFile:")? })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.kill();
    }
}

/// How a server of this run is started, again and again.
#[derive(Debug, Clone)]
pub(crate) struct ServerPlan {
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    /// Its data directory.
    pub(crate) data: PathBuf,
    /// For agents.
    pub(crate) node: SocketAddr,
    /// For everybody.
    pub(crate) public: SocketAddr,
}

impl ServerPlan {
    /// A server in a directory below `home`, on ports that are free now.
    pub(crate) fn new(
        program: &Path,
        home: &Path,
        name: &str,
        database: Option<&str>,
    ) -> Outcome<Self> {
        let data = home.join(name);
        let ports = free_ports(4)?;
        let mut arguments: Vec<String> =
            ["server", "--trust-domain", TRUST_DOMAIN, "--data-dir"].map(str::to_owned).to_vec();
        arguments.push(data.display().to_string());
        let mut set = |key: &str, value: &str| {
            arguments.extend(["--set".to_owned(), format!("{key}={value}")]);
        };
        for (door, address) in ["node", "public", "mtls", "ops"].iter().zip(&ports) {
            set(&format!("listen.{door}"), &address.to_string());
        }
        // A thousand agents join from one address here.
        set("node.attestations_per_second", "0");
        if let Some(url) = database {
            set("storage.url", url);
        }
        let [node, public, ..] = *ports.as_slice() else { return Err("no free port".into()) };
        Ok(Self {
            program: program.to_owned(),
            arguments,
            log: home.join("server.log"),
            data,
            node,
            public,
        })
    }

    /// Starts it; it serves some time later.
    pub(crate) fn start(&self) -> Outcome<Process> {
        Process::spawn(&self.program, &self.arguments, &self.log)
    }
}

/// Ports that nobody listens on at this moment, all held until all are found.
fn free_ports(count: usize) -> Outcome<Vec<SocketAddr>> {
    let held =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
    Ok(held.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?)
}

/// Of the servers of this program.
pub(crate) const TRUST_DOMAIN: &str = "load.test";
