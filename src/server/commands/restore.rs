//! `weft restore FILE`: the database as it was when the backup was taken, as a new history.
//!
//! Whatever followed the old history takes everything anew, and bundle numbers go on rising.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use super::{logs, ports, say};
use crate::db::{Db, Engine};
use crate::kernel::{Failure, Fault, Kind, RealmId};
use crate::server::build::{Server, data_dir, database_url};
use crate::server::follow::load_all;
use crate::server::settings::Settings;

/// Replaces the database. The server must not run: the one who holds the database's file lock is asked first.
pub(super) async fn run(settings: Settings, file: &Path, yes: bool) -> Result<(), Failure> {
    let _logs = logs(&settings)?;
    let ports = ports()?;
    let directory = data_dir(&settings, &ports.environment);
    let url = database_url(&settings, &directory);
    let Some(target) = url.strip_prefix("sqlite:") else {
        let words = "restore PostgreSQL with `pg_restore` first, and then run `weft restore` with `-` as the file";
        if file != Path::new("-") {
            return Err(Failure::new(Kind::Invalid, "restore.engine", words));
        }
        return begin_anew(settings, ports).await;
    };
    if !file.is_file() {
        let words = format!("there is no file `{}`", file.display());
        return Err(Failure::new(Kind::NotFound, "restore.file", words));
    }
    let target = Path::new(target);
    if target.exists() && !yes && !confirmed(target)? {
        return Err(Failure::new(Kind::Invalid, "restore.refused", "nothing was changed"));
    }
    Db::replace(file, target).await?;
    begin_anew(settings, ports).await
}

/// A new history for every realm, so that nobody takes an old place in the log for a place in this one.
async fn begin_anew(settings: Settings, ports: crate::server::build::Ports) -> Result<(), Failure> {
    let server = Server::build_beside(settings, ports).await?;
    server.env.db.new_history(RealmId::SYSTEM).await?;
    load_all(&server).await?;
    for realm in server.realms.all() {
        server.env.db.new_history(realm.id).await?;
    }
    let engine = match server.env.db.engine() {
        Engine::Sqlite => "SQLite",
        Engine::Postgres => "PostgreSQL",
    };
    say(format_args!(
        "Restored ({engine}). Start the server again; agents take everything anew by themselves."
    ))
}

fn confirmed(target: &Path) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            Kind::Invalid,
            "restore.ask",
            "nobody is there to ask: say `--yes` to replace the database",
        ));
    }
    let terminal = |error| Failure::from(Fault::away("terminal", error));
    let mut out = std::io::stdout();
    write!(out, "Replace {}? What is in it is lost. Type `yes`: ", target.display())
        .map_err(terminal)?;
    out.flush().map_err(terminal)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(terminal)?;
    Ok(answer.trim() == "yes")
}
