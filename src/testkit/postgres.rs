//! PostgreSQL servers for tests: Debian's version 15, in a temporary directory, on a Unix socket, as a user without
//! rights. One server is shared by all tests of a process; a test that stops or kills its server starts one of its own.
//!
//! A watchdog shell holds the other end of a pipe: when this process ends, however it ends, the shell stops the server and
//! removes the directory.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::database::must;

/// Where Debian keeps the programs of version 15.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// A superuser of the test's own server.
const USER: &str = "weft";

/// A running server. Dropped, it is stopped and removed.
#[derive(Debug)]
pub struct PostgresServer {
    directory: PathBuf,
    databases: AtomicU64,
    watchdog: Child,
}

/// How to stop a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Open transactions are rolled back, everybody is told.
    Fast,
    /// At once; it recovers at the next start.
    Immediate,
    /// SIGKILL to all of its processes.
    Kill,
}

impl PostgresServer {
    /// A new server that does not sync: a test's machine may not lose power.
    pub fn start() -> Self {
        // Two that wait for each other are told sooner than anybody loses patience, however busy the machine.
        Self::start_with("fsync = off\ndeadlock_timeout = 200ms\n")
    }

    /// A new server that syncs each commit, as in production.
    pub fn start_durable() -> Self {
        Self::start_with("")
    }

    fn start_with(settings: &str) -> Self {
        let directory = must(tempfile::Builder::new().prefix("weft-pg-").tempdir(), "a directory");
        // Kept from here on: the watchdog removes it.
        let directory = directory.keep();
        if let Some((user, group)) = unprivileged() {
            let owner = std::os::unix::fs::chown(&directory, Some(user), Some(group));
            must(owner, "give the directory to an unprivileged user");
        }
        let watchdog = watch(&directory);
        let server = Self { directory, databases: AtomicU64::new(0), watchdog };
        let data = server.data();
        let made = server.program(
            "initdb",
            &["-D", &data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        );
        succeeded(&made, "initdb");
        let socket = server.directory.display();
        let file = Path::new(&data).join("postgresql.conf");
        let text = must(std::fs::read_to_string(&file), "read postgresql.conf");
        let text = format!(
            "{text}\nlisten_addresses = ''\nunix_socket_directories = '{socket}'\n{SETTINGS}{settings}"
        );
        must(std::fs::write(&file, text), "write postgresql.conf");
        server.start_again();
        server
    }

    /// The address of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@localhost/{database}?host={}", self.directory.display())
    }

    /// Where its socket is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes a database, as a copy of `template` if given.
    pub fn create(&self, template: Option<&str>) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.create_named(&name, template);
        name
    }

    /// Makes a database of this name.
    pub fn create_named(&self, name: &str, template: Option<&str>) {
        let host = self.directory.display().to_string();
        let mut arguments = vec!["-h", &host, "-U", USER];
        arguments.extend(template.iter().flat_map(|template| ["-T", template]));
        arguments.push(name);
        // The last connection to a template may still be on its way out.
        let made = (0..50).find_map(|n| {
            let made = self.program("createdb", &arguments);
            if made.status.success() || template.is_none() || n == 49 {
                return Some(made);
            }
            pause(Duration::from_millis(100));
            None
        });
        if let Some(made) = made {
            succeeded(&made, "createdb");
        }
    }

    /// Removes a database and whoever is connected to it.
    pub fn remove(&self, name: &str) {
        let host = self.directory.display().to_string();
        // It may be gone already, with its server.
        let _removed = self.program("dropdb", &["-h", &host, "-U", USER, "--force", name]);
    }

    /// Runs SQL as the superuser of the server; gives what `psql -At` prints.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let host = self.directory.display().to_string();
        let done = self.program(
            "psql",
            &["-h", &host, "-U", USER, "-d", database, "-v", "ON_ERROR_STOP=1", "-Atc", sql],
        );
        succeeded(&done, "psql");
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Stops or kills it; the data stay.
    pub fn stop(&self, how: Stop) {
        let data = self.data();
        match how {
            Stop::Fast => self.pg_ctl_stop(&data, "fast"),
            Stop::Immediate => self.pg_ctl_stop(&data, "immediate"),
            Stop::Kill => {
                for process in self.signal_all("KILL") {
                    wait_for_the_end_of(&process);
                }
            }
        }
    }

    fn pg_ctl_stop(&self, data: &str, mode: &str) {
        succeeded(&self.program("pg_ctl", &["-D", data, "-m", mode, "-w", "stop"]), "pg_ctl stop");
    }

    /// Starts it again with its data.
    pub fn start_again(&self) {
        let log = self.directory.join("log").display().to_string();
        let data = self.data();
        // After a kill the children of the old postmaster may live for a moment.
        let started = (0..100).find_map(|_| {
            let started =
                self.program("pg_ctl", &["-D", &data, "-l", &log, "-w", "-t", "60", "-s", "start"]);
            if started.status.success() {
                return Some(started);
            }
            pause(Duration::from_millis(100));
            None
        });
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        must(started.ok_or(log), "start PostgreSQL");
    }

    /// SIGKILL to one process that serves a connection: its parent ends all others, and recovers by itself.
    pub fn kill_a_backend(&self) {
        let parent = self.pid();
        let children = Command::new("ps").args(["-o", "pid=,args=", "--ppid", &parent]).output();
        let children = String::from_utf8_lossy(&must(children, "ps").stdout).into_owned();
        // `postgres: <user> <database> <from> …`; the server's own processes name no user.
        let serving = children.lines().find(|line| line.contains(&format!("postgres: {USER} ")));
        let victim = must(serving.ok_or("nobody is connected"), "a process that serves");
        let victim = victim.split_whitespace().next().unwrap_or_default();
        succeeded(&must(Command::new("kill").args(["-KILL", victim]).output(), "kill"), "kill");
    }

    /// Stands still, all of it, as behind a network that lost it: nothing is closed, nothing answers.
    pub fn freeze(&self) {
        let _all = self.signal_all("STOP");
    }

    /// Goes on after `freeze`.
    pub fn thaw(&self) {
        let _all = self.signal_all("CONT");
    }

    /// The postmaster's process id.
    pub fn pid(&self) -> String {
        let file = Path::new(&self.data()).join("postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.lines().next().unwrap_or_default().to_owned()
    }

    /// Signals all of its processes; gives their ids. The parent comes first, so that it makes no further child.
    fn signal_all(&self, signal: &str) -> Vec<String> {
        let parent = self.pid();
        // It stands still while its children are listed.
        let _stopped = Command::new("kill").args(["-STOP", &parent]).output();
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &parent]).output();
        let children = String::from_utf8_lossy(&must(children, "ps").stdout).into_owned();
        let processes: Vec<String> = std::iter::once(parent.as_str())
            .chain(children.split_whitespace())
            .map(str::to_owned)
            .collect();
        // A child may have ended meanwhile.
        let _sent = Command::new("kill").arg(format!("-{signal}")).args(&processes).output();
        processes
    }

    fn data(&self) -> String {
        self.directory.join("data").display().to_string()
    }

    /// Runs one of PostgreSQL's programs as the user without rights.
    fn program(&self, name: &str, arguments: &[&str]) -> Output {
        let path = Path::new(PROGRAMS).join(name);
        let mut command = match unprivileged() {
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
                command.arg("--clear-groups").arg("--").arg(&path);
                command
            }
            None => Command::new(&path),
        };
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null());
        // The server outlives `pg_ctl` and keeps its outputs open, so they must not be pipes of ours.
        if name == "pg_ctl" {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        let install = "run PostgreSQL 15 (Debian: apt-get install postgresql-15)";
        must(command.output(), install)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // It ends by itself once the server is gone.
        let _ended = self.watchdog.wait();
    }
}

/// The server that all tests of this process share.
pub fn shared() -> &'static PostgresServer {
    static SHARED: OnceLock<PostgresServer> = OnceLock::new();
    SHARED.get_or_init(PostgresServer::start)
}

/// Stops the server in `directory` and removes it once nobody holds our end of the pipe any more.
fn watch(directory: &Path) -> Child {
    use std::os::unix::process::CommandExt;

    let script = "read -r _; f=\"$1/data/postmaster.pid\"; \
        if [ -f \"$f\" ]; then p=$(head -n 1 \"$f\"); kill -CONT -- \"-$p\" 2>/dev/null; kill -QUIT \"$p\" 2>/dev/null; \
        n=0; while kill -0 \"$p\" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done; fi; \
        rm -rf -- \"$1\"";
    let started = Command::new("sh")
        .args(["-c", script, "watchdog"])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    must(started, "start the watchdog")
}

/// The ids of a user without rights, if this process has them all.
fn unprivileged() -> Option<(u32, u32)> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let user = ["postgres", "nobody"]
        .iter()
        .find_map(|name| nix::unistd::User::from_name(name).ok().flatten());
    user.map(|user| (user.uid.as_raw(), user.gid.as_raw()))
}

fn succeeded(done: &Output, what: &str) {
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    must(if done.status.success() { Ok(()) } else { Err(error) }, what);
}

/// A process that has ended may still stand in the table until somebody asks for its end.
fn wait_for_the_end_of(process: &str) {
    for _ in 0..500 {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
        if matches!(state, None | Some('Z' | 'X')) {
            return;
        }
        pause(Duration::from_millis(10));
    }
}

#[expect(clippy::disallowed_methods, reason = "waits for another program, not for our clock")]
fn pause(span: Duration) {
    std::thread::sleep(span);
}

const SETTINGS: &str =
    "max_connections = 300\nshared_buffers = 32MB\nautovacuum = off\nmax_wal_size = 256MB\n";
