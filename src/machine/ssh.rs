//! What the SSH server lets in: passwords, and root.

use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct Ssh;

impl Signal for Ssh {
    fn name(&self) -> &'static str {
        "ssh"
    }

    fn source(&self) -> &'static str {
        "/etc/ssh/sshd_config"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        let Some(text) = root.text("/etc/ssh/sshd_config")? else {
            return no_config(root.has("/usr/bin")?, root.has("/usr/sbin/sshd")?);
        };
        // The first word on a thing holds, and the files that are taken in stand first, as distributions ship it.
        let mut config = String::new();
        if text.lines().any(|line| line.trim().starts_with("Include /etc/ssh/sshd_config.d/")) {
            for name in root.names(FOLDER)?.unwrap_or_default() {
                if name.strip_suffix(".conf").is_some() {
                    let part = root.text(&format!("{FOLDER}/{name}"))?.unwrap_or_default();
                    config.push_str(before_match(&part));
                    config.push('\n');
                }
            }
        }
        config.push_str(before_match(&text));
        judge(&config)
    }
}

/// Where there is no configuration: whether programs can be seen, and whether the server is one of them.
pub fn no_config(programs: bool, server: bool) -> Result<Seen, Unknown> {
    if programs && !server {
        return Seen::good("no SSH server is installed");
    }
    unknown("`/etc/ssh/sshd_config` is not there")
}

/// The lines of the configuration that hold for everybody, in their order.
pub fn judge(config: &str) -> Result<Seen, Unknown> {
    let root_in = first(config, "PermitRootLogin").unwrap_or("prohibit-password");
    let passwords = first(config, "PasswordAuthentication").unwrap_or("yes");
    let empty = first(config, "PermitEmptyPasswords").unwrap_or("no");
    let yes = |value: &str| value.eq_ignore_ascii_case("yes");
    match (yes(root_in), yes(passwords), yes(empty)) {
        (_, true, true) => Seen::bad("accounts without a password can come in"),
        (true, true, _) => Seen::bad("root can come in with a password"),
        (_, true, _) => Seen::partly(5_000, "passwords are taken"),
        (true, ..) => Seen::partly(7_500, "root can come in, with a key"),
        _ => Seen::good("keys only, and no root"),
    }
}

/// What follows a `Match` holds for some alone.
fn before_match(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().to_ascii_lowercase().starts_with("match ") {
            break;
        }
        end += line.len();
    }
    text.get(..end).unwrap_or_default()
}

fn first<'t>(config: &'t str, key: &str) -> Option<&'t str> {
    config.lines().find_map(|line| {
        let (name, value) = line.trim().split_once([' ', '\t', '='])?;
        name.eq_ignore_ascii_case(key).then(|| value.trim().trim_matches('"'))
    })
}

const FOLDER: &str = "/etc/ssh/sshd_config.d";
