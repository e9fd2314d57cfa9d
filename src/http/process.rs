//! The process at the other end of a Unix socket, held so that its number cannot come to mean another.
//!
//! A process number alone is recycled: the caller exits, another program gets its number, and whoever reads
//! `/proc/<pid>` then attests the wrong one. A pidfd does not move. What is read about the process counts only if the
//! pidfd says *after* the reading that the process still lives.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::sys::socket::{getsockopt, sockopt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{ClockId, clock_gettime};

/// A process, pinned.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    handle: OwnedFd,
}

impl Process {
    /// The process that connected to this socket. Errors if it has ended, or cannot be seen from here.
    pub(super) fn of_peer<S: AsFd>(socket: &S, pid: i32, uid: u32) -> io::Result<Self> {
        let accepted = ticks_now();
        if pid <= 0 {
            return Err(io::Error::other(
                "the process lives in a PID namespace that cannot be seen from here",
            ));
        }
        match getsockopt(socket, sockopt::PeerPidfd) {
            Ok(handle) => Self { pid, handle }.living(),
            // Kernels before 6.5 do not know the option.
            Err(nix::Error::ENOPROTOOPT) => Self::by_number(pid, uid, accepted),
            Err(other) => Err(other.into()),
        }
    }

    /// The same from the process number the kernel recorded at `connect`. The number may have been recycled since:
    /// whoever has it must have started before we accepted, belong to the user who connected, and be the same at both
    /// of two readings.
    pub(super) fn by_number(pid: i32, uid: u32, accepted: Ticks) -> io::Result<Self> {
        let number = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
        let process = Self { pid, handle: pidfd_open(number, PidfdFlags::empty())? };
        let look = || -> io::Result<(Ticks, u32)> {
            Ok((started(&process.directory())?, effective_uid(&process.directory())?))
        };
        let (first, second) = (look()?, look()?);
        if first != second || first.1 != uid || first.0 > accepted {
            return Err(io::Error::other(
                "the number of the process that connected belongs to another one now",
            ));
        }
        process.living()
    }

    /// Its number, which names it as long as it lives.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// True until it has ended.
    pub fn is_alive(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut asked = [PollFd::new(&self.handle, PollFlags::IN)];
        // Readable means ended. A poll that fails tells nothing, and nothing is not alive.
        matches!(poll(&mut asked, Some(&now)), Ok(0))
    }

    /// Reads about the process: `read` gets its directory in `/proc`. The answer is given only if the process lived
    /// through the reading, and is therefore about this process and no other.
    pub fn while_alive<T>(&self, read: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
        let answer = read(&self.directory());
        if self.is_alive() { answer } else { Err(io::Error::other("the process has ended")) }
    }

    fn directory(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.pid))
    }

    fn living(self) -> io::Result<Self> {
        if self.is_alive() { Ok(self) } else { Err(io::Error::other("the process has ended")) }
    }
}

/// Kernel clock ticks since boot.
pub(super) type Ticks = i64;

/// Ticks since boot, now; rounded up, because a process that started within this tick did start before now.
pub(super) fn ticks_now() -> Ticks {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec
        .saturating_mul(TICKS_PER_SECOND)
        .saturating_add(now.tv_nsec.div_euclid(NANOS_PER_TICK))
        .saturating_add(1)
}

/// When the process started: field 22 of `stat` (proc(5)). The name in field 2 may hold spaces and parentheses, so the
/// fields are counted from the last parenthesis.
fn started(directory: &Path) -> io::Result<Ticks> {
    let stat = std::fs::read_to_string(directory.join("stat"))?;
    stat.rsplit_once(')')
        .and_then(|(_, fields)| fields.split_ascii_whitespace().nth(19))
        .and_then(|ticks| ticks.parse().ok())
        .ok_or_else(|| io::Error::other("`stat` of a process has no start time"))
}

fn effective_uid(directory: &Path) -> io::Result<u32> {
    let status = std::fs::read_to_string(directory.join("status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_ascii_whitespace().nth(1))
        .and_then(|uid| uid.parse().ok())
        .ok_or_else(|| io::Error::other("`status` of a process has no user"))
}

/// `USER_HZ`: 100 on every architecture we build for, whatever the kernel's own rate.
const TICKS_PER_SECOND: i64 = 100;
const NANOS_PER_TICK: i64 = 1_000_000_000 / TICKS_PER_SECOND;

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn child() -> Child {
        Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().expect("sleep runs")
    }

    fn number(child: &Child) -> i32 {
        i32::try_from(child.id()).expect("a process number")
    }

    fn own_uid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    #[test]
    fn a_process_that_ended_is_not_alive_and_nothing_read_about_it_counts() {
        let mut child = child();
        let process =
            Process::by_number(number(&child), own_uid(), ticks_now() + 1).expect("it runs");
        assert!(process.is_alive());
        let name =
            process.while_alive(|at| std::fs::read_to_string(at.join("comm"))).expect("it runs");
        assert_eq!(name.trim_end(), "sleep");

        child.kill().expect("it runs");
        let read = process.while_alive(|_| {
            child.wait().expect("it ends");
            Ok("what somebody else with this number would say")
        });
        assert!(read.is_err());
        assert!(!process.is_alive());
        assert!(Process::by_number(process.pid(), own_uid(), ticks_now()).is_err());
    }

    #[test]
    fn a_process_of_another_user_or_started_after_the_accept_is_another_process() {
        let mut child = child();
        let pid = number(&child);
        assert!(Process::by_number(pid, own_uid() + 1, ticks_now() + 1).is_err(), "another user");
        let start = started(Path::new(&format!("/proc/{pid}"))).expect("it runs");
        assert!(Process::by_number(pid, own_uid(), start - 1).is_err(), "started later");
        assert!(Process::by_number(pid, own_uid(), start).is_ok(), "started in the same tick");
        child.kill().and_then(|()| child.wait()).expect("it ends");
    }

    #[test]
    fn both_ways_to_pin_the_peer_of_a_socket_find_the_same_process() {
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let pid = number_of_self();
        let pinned = Process::of_peer(&ours, pid, own_uid()).expect("we live");
        assert!(pinned.is_alive());
        assert_eq!(
            pinned.pid(),
            Process::by_number(pid, own_uid(), ticks_now()).expect("we live").pid()
        );
        assert!(Process::of_peer(&ours, 0, own_uid()).is_err(), "a process we cannot see");
    }

    fn number_of_self() -> i32 {
        i32::try_from(std::process::id()).expect("a process number")
    }
}
