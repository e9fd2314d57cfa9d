//! `weft restore FILE`: the database as it was when the backup was taken, as a new history.
//!
//! Nothing of what is there is touched before the backup was copied beside it, found whole, and opened with the keys of this
//! server; and then it is kept under another name. Whatever followed the old history takes everything anew, and bundle numbers
//! go on rising.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::{logs, ports, say};
use crate::db::{Alone, Db};
use crate::events::hold_ledger;
use crate::kernel::{Failure, Fault, Kind, RealmId};
use crate::server::build::{Ports, Server, data_dir, database_url, private_directory};
use crate::server::follow::load_all;
use crate::server::settings::Settings;

/// Replaces the database. The server must not run: its ledger and its database are taken first, for this command alone.
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
        return begin_anew(settings, ports).await.and_then(|server| restored(&server, None));
    };
    if !file.is_file() {
        let words = format!("there is no file `{}`", file.display());
        return Err(Failure::new(Kind::NotFound, "restore.file", words));
    }
    let target = Path::new(target);
    let aside = kept_as(target, &ports);
    if target.exists() && !yes && !confirmed(target, &aside)? {
        return Err(Failure::new(Kind::Invalid, "restore.refused", "nothing was changed"));
    }
    private_directory(&directory)?;
    let ledger = settings.ledger.directory.clone().unwrap_or_else(|| directory.join("ledger"));
    let _ledger = hold_ledger(&ledger).map_err(running)?;
    let alone = Alone::take(target).map_err(running)?;
    let kept = target.exists().then_some(aside.as_path());
    let staged = Db::stage(file, target).map_err(unusable)?;
    let outcome = Box::pin(put(settings, ports, (alone, &staged, &aside))).await;
    match outcome {
        Ok(server) => restored(&server, kept),
        Err(failure) => {
            Db::unstage(&staged);
            Err(failure)
        }
    }
}

/// Opens the copy as a server would, begins its new history, and lets it take the place of the database.
async fn put(
    mut settings: Settings,
    ports: Ports,
    (alone, staged, aside): (Alone, &Path, &Path),
) -> Result<std::sync::Arc<Server>, Failure> {
    settings.storage.url = Some(format!("sqlite:{}", staged.display()));
    let server = begin_anew(settings, ports).await.map_err(|failure| {
        let words = "the backup cannot be used with these settings and this key-encryption key; nothing was changed";
        let why = failure.cause.as_ref().map_or_else(|| failure.public.to_string(), ToString::to_string);
        Failure::new(Kind::Invalid, "restore.unusable", words).because(why)
    })?;
    // All of it is in the one file that moves.
    server.env.db.truncate_log().await?;
    alone.replace_by(staged, aside)?;
    Ok(server)
}

/// A new history for every realm, so that nobody takes an old place in the log for a place in this one.
async fn begin_anew(settings: Settings, ports: Ports) -> Result<std::sync::Arc<Server>, Failure> {
    let server = Server::build_beside(settings, ports).await?;
    server.env.db.new_history(RealmId::SYSTEM).await?;
    load_all(&server).await?;
    for realm in server.realms.all() {
        server.env.db.new_history(realm.id).await?;
    }
    Ok(server)
}

fn restored(server: &Server, kept: Option<&Path>) -> Result<(), Failure> {
    let engine = server.env.db.engine();
    say(format_args!(
        "Restored ({engine}). Start the server again; agents take everything anew by themselves."
    ))?;
    match kept {
        Some(kept) => say(format_args!("What was there before is kept as {}.", kept.display())),
        None => Ok(()),
    }
}

/// Beside the database: its name, and when it stopped being it.
fn kept_as(target: &Path, ports: &Ports) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".before-restore-{}", ports.clock.now().micros()));
    PathBuf::from(name)
}

fn running(fault: Fault) -> Failure {
    let words = "the server runs: stop it first; nothing was changed";
    Failure::new(Kind::Conflict, "restore.running", words).because(fault)
}

fn unusable(fault: Fault) -> Failure {
    let words = "the file is no backup that this program can use; nothing was changed";
    Failure::new(Kind::Invalid, "restore.unusable", words).because(fault)
}

fn confirmed(target: &Path, aside: &Path) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            Kind::Invalid,
            "restore.ask",
            "nobody is there to ask: say `--yes` to replace the database",
        ));
    }
    let terminal = |error| Failure::from(Fault::away("terminal", error));
    let mut out = std::io::stdout();
    let question = format!(
        "Replace {}? What is in it is kept as {}, and counts no more. Type `yes`: ",
        target.display(),
        aside.display()
    );
    out.write_all(question.as_bytes()).map_err(terminal)?;
    out.flush().map_err(terminal)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(terminal)?;
    Ok(answer.trim() == "yes")
}
