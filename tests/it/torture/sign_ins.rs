//! Sign-ins under torture: people sign in by password, applications redeem codes and refresh tokens, and the server is killed
//! again and again. What was acknowledged must hold, what may be used once was used once, and nothing is half there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use tokio::task::JoinSet;
use weft::db::Engine;
use weft::testkit::postgres::PostgresServer;
use weft::testkit::{TestDatabase, engines, until};

use super::program::Replica;
use super::sign_ins_verdict::Flaws;
use crate::people::{Answer, App, Home, redemption, refreshment};
use crate::walker::Browser;

/// Sign-ins on each engine in the full size, and kills among them; and the same in a plain test run.
const SIGN_INS_FULL: u64 = 1000;
const KILLS_FULL: u64 = 20;
const SIGN_INS_SMALL: u64 = 40;
const KILLS_SMALL: u64 = 2;
/// People who sign in at once, each with a browser after the other.
const PEOPLE: usize = 8;
/// How often each family goes on.
const REFRESHES: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_sign_in_is_lost_doubled_or_half_there_after_a_kill() {
    let sign_ins = super::size("WEFT_TORTURE_SIGN_INS", SIGN_INS_SMALL);
    let kills = if sign_ins >= SIGN_INS_FULL { KILLS_FULL } else { KILLS_SMALL };
    let (mut flaws, mut least, mut names) = (Flaws::default(), u64::MAX, Vec::new());
    for engine in engines() {
        let (found, done) = Box::pin(torture(engine, sign_ins, kills)).await;
        flaws.add(&found);
        least = least.min(done);
        names.push(format!("{engine:?}"));
    }
    let engines = if names.len() == 2 { "both engines".to_owned() } else { names.join(", ") };
    println!(
        "proof: kill -9 under {least} sign-ins, {engines}: codes used twice {}, acknowledged tokens lost {}, sessions half-made {}",
        flaws.codes_used_twice, flaws.tokens_lost, flaws.sessions_half_made
    );
    assert_eq!(flaws, Flaws::default());
    assert!(least >= sign_ins);
}

/// What somebody was told.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Browsers that were led back with a code: each has a session.
    pub(super) browsers: Vec<Browser>,
    pub(super) families: Vec<Family>,
    /// Codes that were shown once so far, and taken.
    pub(super) codes: Vec<String>,
    /// Codes that were shown twice at once, and of these those that were answered twice.
    pub(super) doubled: u64,
    pub(super) twice: u64,
    pub(super) refreshed: u64,
    /// Tokens that were refused though nothing was in doubt.
    pub(super) lost: u64,
    /// Answers that should not have come.
    pub(super) wrong: Vec<String>,
}

/// A family of refresh tokens, by the last one that came.
#[derive(Debug, Clone)]
pub(super) struct Family {
    pub(super) token: String,
    /// It was shown, and no answer came.
    pub(super) in_doubt: bool,
}

impl Book {
    fn add(&mut self, other: Self) {
        self.browsers.extend(other.browsers);
        self.families.extend(other.families);
        self.codes.extend(other.codes);
        self.doubled += other.doubled;
        self.twice += other.twice;
        self.refreshed += other.refreshed;
        self.lost += other.lost;
        self.wrong.extend(other.wrong);
    }
}

/// A server as a program of its own, on a database where people and an application are known.
struct Ground {
    home: Home,
    app: App,
    program: Replica,
}

impl Ground {
    async fn prepare(database: &TestDatabase) -> Self {
        let mut home = Home::start(database).await;
        for n in 0..PEOPLE {
            home.person(&name(n)).await;
        }
        let app = home.app("app", "web", json!({})).await;
        let issuer = home.issuer();
        // Its keys are made behind the start: those that sign must be there before it goes.
        home.code(&mut home.browser(&name(0)), &app, &[]).await.unwrap();
        home.server.stop().await;
        let door = format!("127.0.0.1:{}", home.base.port().unwrap());
        let program =
            Replica::new("server", database.url(), Some(&home.server.data_dir().join("kek")))
                .with("listen.public", &door)
                .with("server.issuer", &issuer)
                .with("accounts.password_memory_kib", "64")
                .with("accounts.password_passes", "1")
                // Whoever is killed in the middle of a try has tried.
                .with("accounts.tries_per_account", "1000000")
                .with("accounts.tries_per_address", "1000000")
                .with("accounts.tries_per_network", "1000000");
        program.start().await;
        Self { home, app, program }
    }
}

async fn torture(engine: Engine, sign_ins: u64, kills: u64) -> (Flaws, u64) {
    let database = match engine {
        Engine::Sqlite => TestDatabase::new(engine).await,
        Engine::Postgres => TestDatabase::with_server(PostgresServer::start_durable()),
    };
    let ground = Arc::new(Ground::prepare(&database).await);
    let run = Arc::new(Run { done: AtomicU64::new(0), wanted: sign_ins });
    let mut people = JoinSet::new();
    for n in 0..PEOPLE {
        people.spawn(sign_in_again_and_again(Arc::clone(&ground), n, Arc::clone(&run)));
    }
    for kill in 0..kills {
        run.reach(sign_ins * (kill + 1) / (kills + 1), &ground).await;
        super::pause(i64::try_from(kill * 37 % 100).unwrap()).await;
        ground.program.kill().await;
        ground.program.start().await;
    }
    run.reach(sign_ins, &ground).await;
    let mut book = Book::default();
    people.join_all().await.into_iter().for_each(|one| book.add(one));
    let done = run.done.load(Ordering::SeqCst);
    let in_doubt = book.families.iter().filter(|family| family.in_doubt).count();
    println!(
        "{engine:?}: {kills} kills under {done} sign-ins; {} codes shown twice at once; {} families, {} refreshes, {in_doubt} in doubt",
        book.doubled,
        book.families.len(),
        book.refreshed,
    );
    assert_eq!(book.wrong, Vec::<String>::new(), "answers that should not have come");
    assert!(book.doubled > 0 && book.refreshed > 0 && !book.families.is_empty());
    let flaws = Flaws::find(&database, &ground.home, &ground.app, book).await;
    ground.program.kill().await;
    (flaws, done)
}

/// How far all are.
#[derive(Debug)]
struct Run {
    done: AtomicU64,
    wanted: u64,
}

impl Run {
    /// Waits until so many have signed in; as long as there is progress there is patience.
    async fn reach(&self, enough: u64, ground: &Ground) {
        let mut last = 0;
        while self.done.load(Ordering::SeqCst) < enough {
            last = until("people go on to sign in", async || {
                let now = self.done.load(Ordering::SeqCst);
                if now > last { Ok(now) } else { Err(ground.program.words()) }
            })
            .await;
        }
    }
}

/// Signs in with one browser after the other. Every second code is shown twice at once; the others once, for a family of
/// refresh tokens that goes on a little.
async fn sign_in_again_and_again(ground: Arc<Ground>, n: usize, run: Arc<Run>) -> Book {
    let Ground { home, app, .. } = &*ground;
    let mut book = Book::default();
    let mut turn = 0;
    while run.done.load(Ordering::SeqCst) < run.wanted {
        let mut browser = home.browser(&name(n));
        // No answer, or a page that says that the database is away: nobody has signed in as far as this browser knows.
        let Ok(code) = home.code(&mut browser, app, &[]).await else {
            super::pause(20).await;
            continue;
        };
        run.done.fetch_add(1, Ordering::SeqCst);
        book.browsers.push(browser);
        turn += 1;
        if turn % 2 == 0 {
            let form = redemption(&code);
            let redeem = || home.try_as_app("/token", app, &form);
            let (one, other) = tokio::join!(redeem(), redeem());
            let answers = [outcome(one), outcome(other)];
            book.doubled += 1;
            book.twice += u64::from(answers.iter().all(|one| matches!(one, Outcome::Given(_))));
            book.wrong.extend(answers.iter().filter_map(Outcome::wrong));
            continue;
        }
        let answer = outcome(home.try_as_app("/token", app, &redemption(&code)).await);
        match answer {
            Outcome::Given(token) => {
                book.codes.push(code);
                go_on(home, app, token, &mut book).await;
            }
            Outcome::Refused => book.wrong.push("a code was refused at its first use".to_owned()),
            Outcome::Unknown => {}
            Outcome::Wrong(answer) => book.wrong.push(answer),
        }
    }
    book
}

/// Refreshes a few times.
async fn go_on(home: &Home, app: &App, first: String, book: &mut Book) {
    let mut family = Family { token: first, in_doubt: false };
    for _ in 0..REFRESHES {
        match outcome(home.try_as_app("/token", app, &refreshment(&family.token)).await) {
            Outcome::Given(next) => {
                book.refreshed += 1;
                family.token = next;
            }
            Outcome::Refused => book.lost += 1,
            Outcome::Unknown => family.in_doubt = true,
            Outcome::Wrong(answer) => book.wrong.push(answer),
        }
        if family.in_doubt {
            break;
        }
    }
    book.families.push(family);
}

/// What came of a request to the token endpoint.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Tokens; the refresh token.
    Given(String),
    /// `invalid_grant`.
    Refused,
    /// No answer, or one that leaves it open.
    Unknown,
    Wrong(String),
}

impl Outcome {
    fn wrong(&self) -> Option<String> {
        match self {
            Self::Wrong(answer) => Some(answer.clone()),
            Self::Given(_) | Self::Refused | Self::Unknown => None,
        }
    }
}

pub(super) fn outcome(answer: Result<Answer, reqwest::Error>) -> Outcome {
    match answer {
        Err(_) => Outcome::Unknown,
        Ok(answer) => match (answer.status, answer.member("error")) {
            (200, _) => Outcome::Given(answer.member("refresh_token").to_owned()),
            (400, "invalid_grant") => Outcome::Refused,
            (503, _) => Outcome::Unknown,
            _ => Outcome::Wrong(format!("{} {}", answer.status, answer.text)),
        },
    }
}

fn name(n: usize) -> String {
    format!("ann-{n}")
}
