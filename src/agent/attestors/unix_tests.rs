//! The attestor `unix`, on real processes.

use std::process::{Child, Command};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::*;

struct Process(Child);

fn lives(pidfd: &std::os::fd::OwnedFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&now)), Ok(0))
}

impl Process {
    fn start(program: &std::path::Path) -> Self {
        Self(Command::new(program).arg("60").spawn().unwrap())
    }

    fn peer(&self) -> Peer {
        let pid = i32::try_from(self.0.id()).unwrap();
        let pidfd = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap();
        Peer {
            uid: Uid::effective().as_raw(),
            gid: Gid::effective().as_raw(),
            pid,
            alive: Arc::new(move || lives(&pidfd)),
        }
    }

    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn attestor() -> [Box<dyn WorkloadAttestor>; 1] {
    [Box::new(unix(64 * 1024 * 1024))]
}

async fn found(peer: &Peer) -> Result<Vec<String>, AttestError> {
    let found = super::super::attest(&attestor(), peer).await?;
    Ok(found.iter().map(ToString::to_string).collect())
}

fn unix(bytes: u64) -> Unix {
    Unix::new(bytes, Arc::new(crate::env::SystemClock::new()))
}

fn sleep() -> PathBuf {
    fs::canonicalize("/bin/sleep").unwrap()
}

#[tokio::test]
async fn a_process_that_has_exited_is_nobody() {
    let mut process = Process::start(&sleep());
    let peer = process.peer();
    process.end();
    assert_eq!(found(&peer).await, Err(AttestError::Exited));
}

#[tokio::test]
async fn a_process_that_got_the_number_of_an_exited_one_does_not_get_its_identity() {
    let mut process = Process::start(&sleep());
    let dead = process.peer();
    process.end();
    let successor = Process::start(&sleep());
    let reused = Peer { pid: successor.peer().pid, ..dead };
    assert_eq!(found(&reused).await, Err(AttestError::Exited));
}

#[tokio::test]
async fn a_process_that_died_but_was_not_reaped_is_nobody() {
    let mut process = Process::start(&sleep());
    let peer = process.peer();
    process.0.kill().unwrap();
    while peer.is_alive() {
        tokio::task::yield_now().await;
    }
    assert_eq!(found(&peer).await, Err(AttestError::Exited));
}

#[tokio::test]
async fn a_process_that_runs_as_another_user_now_is_refused() {
    let process = Process::start(&sleep());
    let peer = Peer { uid: Uid::effective().as_raw() + 1, ..process.peer() };
    assert_eq!(found(&peer).await, Err(AttestError::UserChanged));
}

#[tokio::test]
async fn a_process_in_another_namespace_is_refused() {
    let process = Process::start(&sleep());
    let peer = Peer { pid: 0, ..process.peer() };
    assert_eq!(found(&peer).await, Err(AttestError::Invisible));
}

#[test]
fn user_and_groups_are_told_by_number_and_where_they_have_one_by_name() {
    // Nobody has the last number; the first is root's on every machine.
    let nameless = 4_000_000_123;
    let status = Status { uid: 0, gid: 0, groups: vec![0, nameless] };
    let mut found = Found::default();
    status.users(&mut found);
    let found: Vec<String> = found.0.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "unix:uid:0",
            "unix:gid:0",
            "unix:user:root",
            "unix:group:root",
            "unix:supplementary_gid:0",
            "unix:supplementary_group:root",
            "unix:supplementary_gid:4000000123",
        ]
    );
}

#[tokio::test]
async fn user_groups_path_and_digest_are_found() {
    let process = Process::start(&sleep());
    let found = found(&process.peer()).await.unwrap();
    let digest = crate::crypto::digest::sha256(&fs::read(sleep()).unwrap());
    for expected in [
        format!("unix:uid:{}", Uid::effective()),
        format!("unix:gid:{}", Gid::effective()),
        format!("unix:path:{}", sleep().display()),
        format!("unix:sha256:{}", hex(&digest)),
    ] {
        assert!(found.contains(&expected), "{expected} is not in {found:?}");
    }
    if let Some(name) = user_name(Uid::effective().as_raw()) {
        assert!(found.contains(&format!("unix:user:{name}")), "{found:?}");
    }
}

#[tokio::test]
async fn a_program_that_is_no_longer_where_it_was_has_no_path_but_its_digest() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    fs::copy(sleep(), &copy).unwrap();
    let process = Process::start(&copy);
    fs::remove_file(&copy).unwrap();
    fs::write(&copy, "another program").unwrap();
    let found = found(&process.peer()).await.unwrap();
    assert!(!found.iter().any(|one| one.starts_with("unix:path:")), "{found:?}");
    assert!(found.iter().any(|one| one.starts_with("unix:sha256:")), "{found:?}");
}

#[tokio::test]
async fn a_program_larger_than_the_bound_has_no_digest() {
    let process = Process::start(&sleep());
    let attestors: [Box<dyn WorkloadAttestor>; 1] = [Box::new(unix(1000))];
    let found = super::super::attest(&attestors, &process.peer()).await.unwrap();
    assert!(found.iter().all(|one| !one.value().starts_with("sha256:")));
}

#[test]
fn a_file_written_again_gets_its_new_digest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("program");
    let attestor = unix(1000);
    let digest = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let file = File::open(&path).unwrap();
        let program = Program::of(&file.metadata().unwrap());
        (attestor.digest(file, program).unwrap(), crate::crypto::digest::sha256(bytes))
    };
    for bytes in [b"one", b"two"] {
        let (found, expected) = digest(bytes);
        assert_eq!(found, expected);
    }
}

#[test]
fn a_status_is_read_by_its_effective_ids() {
    let text = "Name:\tUid:\t9\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t10 11 \n";
    assert_eq!(Status::parse(text), Some(Status { uid: 2, gid: 6, groups: vec![10, 11] }));
    assert_eq!(Status::parse("Name:\tx\n"), None);
}
