//! The selectors that an agent on this machine would find of a process or a user: for questions, never for decisions.

use std::ffi::CString;
use std::fs;
use std::io::Read as _;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use super::error::Error;
use crate::crypto::digest::{hex, sha256};

/// Of a running process.
pub(super) fn of_process(pid: u32) -> Result<Vec<String>, Error> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .map_err(|_| Error::local(format!("no process {pid} runs here")))?;
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    // Real, effective, saved, file system: an agent looks at the effective one.
    let effective =
        |name| -> Option<u32> { field(name)?.split_ascii_whitespace().nth(1)?.parse().ok() };
    let (Some(uid), Some(gid)) = (effective("Uid"), effective("Gid")) else {
        return Err(Error::local(format!("the users of process {pid} cannot be read")));
    };
    let groups = field("Groups").unwrap_or_default();
    let groups = groups.split_ascii_whitespace().filter_map(|group| group.parse().ok()).collect();
    let mut found = users(uid, gid, groups);
    found.extend(program(pid));
    Ok(found)
}

/// Of any process of a user; nothing is said about the program.
pub(super) fn of_user(uid: u32) -> Vec<String> {
    let Some(user) = User::from_uid(Uid::from_raw(uid)).ok().flatten() else {
        return vec![format!("unix:uid:{uid}")];
    };
    let groups = CString::new(user.name.as_str())
        .ok()
        .and_then(|name| getgrouplist(&name, user.gid).ok())
        .unwrap_or_default();
    users(uid, user.gid.as_raw(), groups.into_iter().map(Gid::as_raw).collect())
}

fn users(uid: u32, gid: u32, groups: Vec<u32>) -> Vec<String> {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let group = |gid| Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    let mut found = vec![format!("unix:uid:{uid}"), format!("unix:gid:{gid}")];
    found.extend(user.map(|user| format!("unix:user:{}", user.name)));
    found.extend(group(gid).map(|group| format!("unix:group:{}", group.name)));
    for gid in groups {
        found.push(format!("unix:supplementary_gid:{gid}"));
        found.extend(group(gid).map(|group| format!("unix:supplementary_group:{}", group.name)));
    }
    found
}

/// Path and digest of the program, as far as this user may read them.
fn program(pid: u32) -> Vec<String> {
    let link = format!("/proc/{pid}/exe");
    let mut found = Vec::new();
    if let Some(path) = fs::read_link(&link).ok().and_then(|path| path.to_str().map(str::to_owned))
    {
        found.push(format!("unix:path:{path}"));
    }
    let mut bytes = Vec::new();
    let read = fs::File::open(&link)
        .and_then(|file| file.take(PROGRAM_BYTES_MAX + 1).read_to_end(&mut bytes));
    if read
        .is_ok_and(|length| u64::try_from(length).is_ok_and(|length| length <= PROGRAM_BYTES_MAX))
    {
        found.push(format!("unix:sha256:{}", hex(&sha256(&bytes))));
    }
    found
}

/// As agents have it by default.
const PROGRAM_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_its_user_and_its_program() {
        // A small one: this very program may be larger than what is read of any.
        let mut sleep = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let found = of_process(sleep.id());
        let path = fs::read_link(format!("/proc/{}/exe", sleep.id())).unwrap();
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        let found = found.expect("it runs");
        let digest = hex(&sha256(&fs::read(&path).unwrap()));
        for expected in [
            format!("unix:uid:{}", nix::unistd::geteuid()),
            format!("unix:path:{}", path.display()),
            format!("unix:sha256:{digest}"),
        ] {
            assert!(found.contains(&expected), "{expected} is not in {found:?}");
        }
    }

    #[test]
    fn a_user_without_a_name_has_a_number() {
        assert_eq!(of_user(4_000_000_001), ["unix:uid:4000000001"]);
    }
}
