//! `weft doctor`: looks at the whole installation and says what to do.
//!
//! Each check is a sentence with an outcome; one that fails says the next step. It changes nothing, and works whether the
//! server runs or not.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::{ports, say};
use crate::db::Db;
use crate::kernel::{Failure, Kind};
use crate::server::build::{Ports, data_dir, database_url, kek_ring};
use crate::server::settings::Settings;

/// What was looked at, and how it is.
struct Check {
    what: &'static str,
    outcome: Result<String, String>,
}

/// Looks, and fails if anything is not as it should be.
pub(super) async fn run(settings: Settings, as_json: bool) -> Result<(), Failure> {
    let ports = ports()?;
    let directory = data_dir(&settings, &ports.environment);
    let checks = [
        data_directory(&directory),
        sealing_key(&settings, &directory, &ports),
        database(&settings, &directory, ports.clone()).await,
        disk_room(&directory),
        files_open(),
        listener(&settings),
    ];
    for check in &checks {
        print(check, as_json)?;
    }
    let bad = checks.iter().filter(|check| check.outcome.is_err()).count();
    match bad {
        0 => Ok(()),
        _ => Err(Failure::new(
            Kind::Unavailable,
            "doctor",
            format!("{bad} of {} checks need you", checks.len()),
        )),
    }
}

fn print(check: &Check, as_json: bool) -> Result<(), Failure> {
    let (well, words) = match &check.outcome {
        Ok(words) => (true, words),
        Err(words) => (false, words),
    };
    if as_json {
        return say(json!({ "check": check.what, "well": well, "words": words }));
    }
    say(format_args!("{} {:<20} {words}", if well { "✓" } else { "✗" }, check.what))
}

fn data_directory(path: &Path) -> Check {
    let outcome = match std::fs::metadata(path) {
        Err(error) => {
            Err(format!("`{}`: {error}; `weft server` makes it at its first start", path.display()))
        }
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            Err(format!("`{0}` can be entered by others: run `chmod 700 {0}`", path.display()))
        }
        Ok(_) => Ok(format!("`{}` belongs to this user alone", path.display())),
    };
    Check { what: "data directory", outcome }
}

fn sealing_key(settings: &Settings, directory: &Path, ports: &Ports) -> Check {
    let made = settings.seal.file.is_none()
        && settings.seal.environment.is_none()
        && settings.seal.credential.is_none();
    let outcome = if made && !directory.join("kek").exists() {
        Err("there is none yet; `weft server` makes one at its first start".to_owned())
    } else {
        kek_ring(&settings.seal, directory, &ports.environment, ports.entropy.as_ref())
            .map(|ring| format!("key {} seals", ring.current_id()))
            .map_err(|failure| failure.public.into_owned())
    };
    Check { what: "sealing key", outcome }
}

async fn database(settings: &Settings, directory: &Path, ports: Ports) -> Check {
    let url = database_url(settings, directory);
    let missing = url.strip_prefix("sqlite:").is_some_and(|path| !Path::new(path).exists());
    let outcome = if missing {
        Err("there is none yet; `weft server` makes it at its first start".to_owned())
    } else {
        match Db::open(&url, ports.clock, ports.entropy).await {
            Ok(db) => Ok(format!("{} answers, its schema is up to date", db.engine())),
            Err(fault) => Err(format!("{fault}; is it running, and is `storage.url` right?")),
        }
    };
    Check { what: "database", outcome }
}

fn disk_room(path: &Path) -> Check {
    let outcome = match rustix::fs::statvfs(path) {
        Err(error) => Err(format!("cannot be told: {error}")),
        Ok(found) => {
            let mebibytes = found.f_bavail.saturating_mul(found.f_frsize) / (1024 * 1024);
            let words = format!("{mebibytes} MiB are free");
            if mebibytes >= ROOM_MIB_MIN {
                Ok(words)
            } else {
                Err(format!("{words}; the ledger needs {ROOM_MIB_MIN} MiB: make room"))
            }
        }
    };
    Check { what: "disk", outcome }
}

fn files_open() -> Check {
    let limit =
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let words = format!("{limit} open files are allowed");
    let outcome = if limit >= FILES_MIN {
        Ok(words)
    } else {
        Err(format!("{words}; each agent holds one: raise it to {FILES_MIN} (`LimitNOFILE`)"))
    };
    Check { what: "open files", outcome }
}

fn listener(settings: &Settings) -> Check {
    let address = settings.listen.node;
    let outcome = TcpStream::connect_timeout(&address, Duration::from_secs(1))
        .map(|_| format!("agents reach {address}"))
        .map_err(|error| {
            format!("{address} does not answer ({error}); start it with `weft server`")
        });
    Check { what: "server", outcome }
}

/// What the ledger may take before issuance stops.
const ROOM_MIB_MIN: u64 = 1024;
/// Room for a few thousand agents; more nodes need more.
const FILES_MIN: u64 = 4096;
