//! Servers in processes of their own, and what those processes have used of a CPU.

use std::fs::{File, read_to_string};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use weft::accounts::By;
use weft::env::{SystemClock, SystemEntropy};
use weft::kernel::{RealmId, Secret, UserId};
use weft::server::{Ports, Running, Settings};
use weft::settings::Environment;
use weft::telemetry::{Logs, Metrics};

use crate::Outcome;

/// A server that runs; dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    /// Open as long as the server writes.
    output: BufReader<ChildStdout>,
    /// Open as long as the server serves; a server of `own` is told passwords by it.
    input: ChildStdin,
    /// Its door for agents.
    pub(crate) node: String,
    /// Its door for everybody.
    pub(crate) public: String,
    home: PathBuf,
}

impl Server {
    /// `weft server`, with the settings that a newcomer has, but doors on free ports and no limit on attestations and
    /// enrolments of one address.
    pub(crate) fn product(home: &Path) -> Outcome<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weft"));
        command.args(["server", "--data-dir"]).arg(home);
        for door in ["node", "public", "mtls", "ops"] {
            command.args(["--set", &format!("listen.{door}=127.0.0.1:0")]);
        }
        command.args(["--set", "node.attestations_per_second=0"]);
        command.args(["--set", "osquery.enrolments_per_second=0"]);
        Self::start(command, home)
    }

    /// The same server in a process of this program: `UNRECORDED`, its ledger keeps nothing — what recording costs is the
    /// difference —, or `RECORDED`.
    pub(crate) fn own(home: &Path, kind: &str) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(kind).arg(home);
        Self::start(command, home)
    }

    /// Gives a person a password, at a server of `own`: people set theirs on a page, behind a letter.
    pub(crate) fn tell_password(&mut self, user: &str, password: &str) -> Outcome<()> {
        writeln!(self.input, "{user} {password}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.trim() == TAKEN { Ok(()) } else { Err("the password was not taken".into()) }
    }

    fn start(mut command: Command, home: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(home)?;
        let log = File::create(home.join("log"))?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let input = child.stdin.take().ok_or("no input")?;
        let (node, public, home) = (String::new(), String::new(), home.to_owned());
        let mut server = Self { child, output, input, node, public, home };
        let mut line = String::new();
        while server.output.read_line(&mut line)? > 0 {
            if let Some(address) = line.trim().strip_prefix(GREETING) {
                address.trim().clone_into(&mut server.node);
            }
            if let Some(address) = line.trim().strip_prefix(PUBLIC) {
                address.trim().clone_into(&mut server.public);
            }
            if line.starts_with("Next") {
                return Ok(server);
            }
            line.clear();
        }
        Err(format!("the server did not start:\n{}", read_to_string(server.home.join("log"))?)
            .into())
    }

    /// CPU time of the whole process so far, in user and kernel, threads that ended included. It counts in hundredths of a
    /// second, and is exact to that.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        let stat = read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold spaces.
        let (_, fields) = stat.rsplit_once(')').ok_or("no fields in stat")?;
        let mut fields = fields.split_ascii_whitespace().skip(11);
        let mut ticks = || -> Outcome<u64> { Ok(fields.next().ok_or("short stat")?.parse()?) };
        let ticks = ticks()? + ticks()?;
        Ok(Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second()))
    }

    /// Waits until the server has done what a window left behind, the copying of its ledger above all; gives its CPU
    /// time then.
    pub(crate) async fn settled_cpu(&self) -> Outcome<Duration> {
        let mut before = self.cpu()?;
        loop {
            pause(QUIET).await;
            let now = self.cpu()?;
            if now.saturating_sub(before) <= QUIET_CPU {
                return Ok(now);
            }
            before = now;
        }
    }

    /// Asks it for something with the command line of the product; gives the document it prints.
    pub(crate) fn ask(&self, words: &[&str], input: &str) -> Outcome<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weft"));
        command.args(words).args(["--output", "json", "--server-socket"]);
        command.arg(self.home.join("admin.sock"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        child.stdin.take().ok_or("no input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(format!("`weft {}` failed", words.join(" ")).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The process behind `Server::own`: serves, and takes passwords, until its input ends.
pub(crate) fn serve(home: &str, recorded: bool) -> Outcome<()> {
    let mut settings = Settings::default();
    settings.server.data_dir = Some(PathBuf::from(home));
    let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let listen = &mut settings.listen;
    (listen.node, listen.public, listen.mtls, listen.ops) = (free, free, free, free);
    let _logs = Logs::start(&settings.log).map_err(|failure| failure.to_string())?;
    let ports = Ports {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(SystemEntropy::default()),
        environment: Environment::of([]),
        metrics: Metrics::start()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let running = runtime.block_on(Running::start(settings, ports));
    let running = running.map_err(|failure| failure.to_string())?;
    if !recorded {
        running.server.events.danger_record_nothing();
    }
    let (mut out, at) = (std::io::stdout(), &running.addresses);
    writeln!(out, "{GREETING} {}\n{PUBLIC} https://{}\nNext", at.node, at.public)?;
    for line in std::io::stdin().lines() {
        let line = line?;
        let (user, password) = line.split_once(' ').ok_or("no password")?;
        let (user, password) = (UserId::parse(user)?, Secret::new(password.to_owned()));
        let accounts = &running.server.accounts;
        let set = accounts.set_password(RealmId::FIRST, user, &password, By::Themselves);
        runtime.block_on(set)?;
        writeln!(out, "{TAKEN}")?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark waits in real time")]
async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}

/// The words with which this program becomes a server of `Server::own`.
pub(crate) const UNRECORDED: &str = "serve-unrecorded";
pub(crate) const RECORDED: &str = "serve-recorded";
/// Before the addresses of the doors for agents and for everybody, in what `weft server` prints.
const GREETING: &str = "agents";
const PUBLIC: &str = "public";
/// The answer to a password.
const TAKEN: &str = "taken";
/// More than the period of the ledger's copier.
const QUIET: Duration = Duration::from_millis(1_500);
/// An idle server uses less in that time.
const QUIET_CPU: Duration = Duration::from_millis(20);
