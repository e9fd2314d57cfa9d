//! Ports on which this machine listens to others.

use std::collections::BTreeSet;

use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct ListeningServices;

impl Signal for ListeningServices {
    fn name(&self) -> &'static str {
        "listening_services"
    }

    fn source(&self) -> &'static str {
        "/proc/net/tcp, /proc/net/tcp6"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        let Some(tcp) = root.text_up_to("/proc/net/tcp", TABLE_BYTES_MAX)? else {
            return unknown("`/proc/net/tcp` is not there");
        };
        let tcp6 = root.text_up_to("/proc/net/tcp6", TABLE_BYTES_MAX)?.unwrap_or_default();
        let lines = tcp.lines().skip(1).chain(tcp6.lines().skip(1));
        judge(&lines.filter_map(open_port).collect())
    }
}

/// The ports that others can reach.
pub fn judge(ports: &BTreeSet<u16>) -> Result<Seen, Unknown> {
    if ports.is_empty() {
        return Seen::good("none listens to others");
    }
    let shown: Vec<String> = ports.iter().take(PORTS_SHOWN).map(ToString::to_string).collect();
    let more = if ports.len() > PORTS_SHOWN { ", …" } else { "" };
    let value = 10_u16.saturating_sub(u16::try_from(ports.len()).unwrap_or(u16::MAX)) * 1_000;
    Seen::partly(value, format!("{} listen to others: {}{more}", ports.len(), shown.join(", ")))
}

/// The port of a line of `/proc/net/tcp`, if it listens, and not to this machine alone.
fn open_port(line: &str) -> Option<u16> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, state) = (fields.next()?, fields.nth(1)?);
    let (address, port) = local.rsplit_once(':')?;
    // Words of an address stand with their lowest byte first: `0100007F` is 127.0.0.1.
    let inside = match address.len() {
        8 => address.ends_with("7F"),
        32 => {
            address == "00000000000000000000000001000000"
                || address.starts_with("0000000000000000FFFF0000") && address.ends_with("7F")
        }
        _ => true,
    };
    (state == LISTENS && !inside).then(|| u16::from_str_radix(port, 16).ok())?
}

/// `TCP_LISTEN` of the kernel.
const LISTENS: &str = "0A";
/// Some 25,000 connections.
const TABLE_BYTES_MAX: u64 = 4 * 1024 * 1024;
const PORTS_SHOWN: usize = 8;
