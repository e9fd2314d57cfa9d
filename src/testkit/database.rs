//! Databases for tests: each test gets one of its own, on each engine, made from a migrated template.
//!
//! `WEFT_TEST_ENGINES` is `all` (the default), `sqlite` or `postgres`.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::OnceCell;

use super::postgres::{self, PostgresServer};
use super::{SeededEntropy, TestClock};
use crate::db::{Db, Engine};

/// The database that others are copied from.
const TEMPLATE: &str = "weft_template";

/// A database of one test. Each `open` is a replica of its own.
#[derive(Debug)]
pub struct TestDatabase {
    engine: Engine,
    url: String,
    clock: TestClock,
    place: Arc<Place>,
    /// How often it was opened.
    opened: AtomicU64,
}

/// Keeps a test's database, for what outlives its [`TestDatabase`].
#[derive(Debug, Clone)]
pub struct Kept(#[expect(dead_code, reason = "it is kept, not read")] Arc<Place>);

/// What must live as long as the database.
#[derive(Debug)]
enum Place {
    Directory(tempfile::TempDir),
    Database(String),
    Server(PostgresServer),
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
        "" | "all" => vec![Engine::Sqlite, Engine::Postgres],
        "sqlite" => vec![Engine::Sqlite],
        "postgres" => vec![Engine::Postgres],
        other => must(Err(other), "WEFT_TEST_ENGINES is sqlite, postgres or all"),
    }
}

impl TestDatabase {
    /// An empty database with the newest schema.
    pub async fn new(engine: Engine) -> Self {
        let clock = TestClock::new();
        match engine {
            Engine::Sqlite => {
                let directory = must(tempfile::tempdir(), "a temporary directory");
                let url = format!("sqlite:{}", directory.path().join("weft.db").display());
                Self {
                    engine,
                    url,
                    clock,
                    place: Arc::new(Place::Directory(directory)),
                    opened: AtomicU64::new(0),
                }
            }
            Engine::Postgres => {
                let server = postgres::shared();
                template(server).await;
                let name = server.create(Some(TEMPLATE));
                Self {
                    engine,
                    url: server.url(&name),
                    clock,
                    place: Arc::new(Place::Database(name)),
                    opened: AtomicU64::new(0),
                }
            }
        }
    }

    /// A database without a schema yet: the first `open` migrates it.
    pub async fn empty(engine: Engine) -> Self {
        if engine == Engine::Sqlite {
            return Self::new(engine).await;
        }
        let server = postgres::shared();
        let name = server.create(None);
        let (url, clock) = (server.url(&name), TestClock::new());
        Self {
            engine,
            url,
            clock,
            place: Arc::new(Place::Database(name)),
            opened: AtomicU64::new(0),
        }
    }

    /// A PostgreSQL database on a server of its own, which the test may stop and kill.
    pub fn with_server(server: PostgresServer) -> Self {
        let url = server.url(&server.create(None));
        let (engine, clock) = (Engine::Postgres, TestClock::new());
        Self {
            engine,
            url,
            clock,
            place: Arc::new(Place::Server(server)),
            opened: AtomicU64::new(0),
        }
    }

    /// The server of its own, if it has one.
    pub fn server(&self) -> Option<&PostgresServer> {
        match &*self.place {
            Place::Server(server) => Some(server),
            Place::Directory(_) | Place::Database(_) => None,
        }
    }

    /// The directory of an SQLite database.
    pub fn directory(&self) -> Option<&Path> {
        match &*self.place {
            Place::Directory(directory) => Some(directory.path()),
            Place::Server(_) | Place::Database(_) => None,
        }
    }

    /// Which engine it is on.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Runs SQL on a PostgreSQL database as its server's superuser; gives what `psql -At` prints.
    pub fn sql(&self, sql: &str) -> String {
        let bare = self.url.split('?').next().unwrap_or_default();
        let name = bare.rsplit('/').next().unwrap_or_default();
        self.server().unwrap_or_else(|| postgres::shared()).sql(name, sql)
    }

    /// A replica that reaches the database through this address.
    pub async fn open_at(&self, url: &str) -> Db {
        let entropy = Arc::new(SeededEntropy::new(self.opened.fetch_add(1, Ordering::Relaxed)));
        must(Db::open(url, Arc::new(self.clock.clone()), entropy).await, "open the database")
    }

    /// Its address, as in settings.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Keeps the database for as long as the answer lives.
    pub fn kept(&self) -> Kept {
        Kept(Arc::clone(&self.place))
    }

    /// The clock of its replicas.
    pub fn clock(&self) -> TestClock {
        self.clock.clone()
    }

    /// A replica. SQLite has one: there a further one is for a test that closed the first. Each has other chance.
    pub async fn open(&self) -> Db {
        self.open_at(&self.url).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Database(name) = self {
            postgres::shared().remove(name);
        }
    }
}

/// Makes the template once.
async fn template(server: &PostgresServer) {
    static MADE: OnceCell<()> = OnceCell::const_new();
    MADE.get_or_init(async || {
        server.create_named(TEMPLATE, None);
        let clock = Arc::new(TestClock::new());
        let opened = Db::open(&server.url(TEMPLATE), clock, Arc::new(SeededEntropy::new(0))).await;
        drop(must(opened, "migrate the template"));
    })
    .await;
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
