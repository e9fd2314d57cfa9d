//! `weft backup FILE`: a copy of the database, taken while the server runs.

use std::path::Path;

use super::{logs, ports, say};
use crate::db::{Db, Engine};
use crate::kernel::{Failure, Kind};
use crate::server::build::{data_dir, database_url};
use crate::server::settings::Settings;

/// Copies; refuses a file that is there already.
pub(super) async fn run(settings: Settings, file: &Path) -> Result<(), Failure> {
    let _logs = logs(&settings)?;
    let ports = ports()?;
    if file.exists() {
        let words = format!("`{}` is there already; name a file that is not", file.display());
        return Err(Failure::new(Kind::Conflict, "backup.exists", words));
    }
    let directory = data_dir(&settings, &ports.environment);
    let db = Db::open(&database_url(&settings, &directory), ports.clock, ports.entropy).await?;
    if db.engine() == Engine::Postgres {
        let words =
            "PostgreSQL has its own tool, which knows its own storage: `pg_dump --format=custom`";
        return Err(Failure::new(Kind::Invalid, "backup.engine", words));
    }
    db.backup(file).await?;
    say(format_args!("The database is copied to {}.", file.display()))?;
    say(format_args!(
        "It is of no use without the key-encryption key ({}): keep both, and not in one place.",
        settings.seal.file.unwrap_or_else(|| directory.join("kek")).display()
    ))
}
