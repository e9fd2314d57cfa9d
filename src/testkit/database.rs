//! Databases for tests: each test gets one of its own, on each engine, made from a migrated template.
//!
//! `WEFT_TEST_ENGINES` is `all` (the default), `sqlite` or `postgres`.

use std::future::Future;
use std::sync::Arc;

use super::{SeededEntropy, TestClock};
use crate::db::{Db, Engine};

/// A database of one test. Each `open` is a replica of its own.
#[derive(Debug)]
pub struct TestDatabase {
    engine: Engine,
    url: String,
    clock: TestClock,
    place: Place,
}

/// What must live as long as the database.
#[derive(Debug)]
enum Place {
    Directory(tempfile::TempDir),
}

/// Runs the test on a database of its own for each engine.
pub async fn on_each_engine<F, R>(test: F)
where
    F: Fn(Db) -> R,
    R: Future<Output = ()>,
{
    on_each_database(async |database| test(database.open().await).await).await;
}

/// Like `on_each_engine`, for tests that need the address, the clock, or a second replica.
pub async fn on_each_database<F>(test: F)
where
    F: AsyncFn(&TestDatabase),
{
    for engine in engines() {
        let database = TestDatabase::new(engine).await;
        let named = NameTheEngine(engine);
        test(&database).await;
        drop(named);
    }
}

/// The engines this test run is about.
pub fn engines() -> Vec<Engine> {
    #[expect(clippy::disallowed_methods, reason = "the test kit has no settings")]
    let wanted = std::env::var("WEFT_TEST_ENGINES").unwrap_or_default();
    match wanted.as_str() {
        "" | "all" => vec![Engine::Sqlite],
        "sqlite" => vec![Engine::Sqlite],
        other => must(Err(other), "WEFT_TEST_ENGINES is sqlite, postgres or all"),
    }
}

impl TestDatabase {
    /// An empty database with the newest schema.
    pub async fn new(engine: Engine) -> Self {
        let clock = TestClock::new();
        match engine {
            Engine::Sqlite | Engine::Postgres => {
                let directory = must(tempfile::tempdir(), "a temporary directory");
                let url = format!("sqlite:{}", directory.path().join("weft.db").display());
                Self { engine, url, clock, place: Place::Directory(directory) }
            }
        }
    }

    /// Which engine it is on.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Its address, as in settings.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The clock of its replicas.
    pub fn clock(&self) -> TestClock {
        self.clock.clone()
    }

    /// A replica. SQLite has one: there a further one is for a test that closed the first.
    pub async fn open(&self) -> Db {
        let entropy = Arc::new(SeededEntropy::new(7));
        must(Db::open(&self.url, Arc::new(self.clock.clone()), entropy).await, "open the database")
    }
}

/// Says which engine a failed test ran on.
struct NameTheEngine(Engine);

impl Drop for NameTheEngine {
    #[expect(clippy::print_stderr, reason = "for whoever reads why the test failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the test failed on {:?}", self.0);
        }
    }
}

/// The value, or a failed test that says what was tried.
#[expect(clippy::panic, reason = "a test that cannot be set up has failed")]
pub(super) fn must<T, E: std::fmt::Debug>(result: Result<T, E>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error:?}"),
    }
}
