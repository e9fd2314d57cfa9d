//! Tokens: one flight each, refreshed ahead, never waited for while a valid one is there.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;
use crate::agent::tests::builders::{entry, plain_entry};
use crate::env::SystemClock;
use crate::kernel::Lifetime;

const T0: Timestamp = Timestamp::from_seconds(1_000_000);

/// A server that counts, waits while its gate is closed, and fails when told.
#[derive(Debug)]
struct Server {
    asked: AtomicUsize,
    gate: Semaphore,
    away: std::sync::atomic::AtomicBool,
    seen: Mutex<Vec<String>>,
}

struct Fetcher(Arc<Server>);

impl Fetch for Fetcher {
    fn fetch(
        &self,
        entry: Arc<Entry>,
        audience: Arc<[String]>,
    ) -> BoxFuture<'static, Result<Arc<JwtSvid>, Error>> {
        let server = Arc::clone(&self.0);
        Box::pin(async move {
            let number = server.asked.fetch_add(1, Ordering::SeqCst);
            drop(server.gate.acquire().await.unwrap());
            if server.away.load(Ordering::SeqCst) {
                return Err(Error::Unreachable { address: "x".into(), why: "gone".into() });
            }
            server.seen.lock().unwrap().push(audience.join(","));
            let at = T0.plus(Lifetime::minutes(i64::try_from(number).unwrap()));
            Ok(Arc::new(JwtSvid {
                spiffe_id: entry.spiffe_id.clone(),
                token: format!("token {number}").into(),
                expires_at: at.plus(Lifetime::minutes(5)),
                renew_at: at.plus(Lifetime::minutes(2)),
                key_id: "k".into(),
            }))
        })
    }
}

fn made(max: usize, open: usize) -> (Tokens, Arc<Server>, Tasks) {
    let server = Arc::new(Server {
        asked: AtomicUsize::new(0),
        gate: Semaphore::new(open),
        away: false.into(),
        seen: Mutex::default(),
    });
    let tasks = Tasks::new(Arc::new(SystemClock::new()));
    (Tokens::new(Arc::new(Fetcher(Arc::clone(&server))), tasks.clone(), max), server, tasks)
}

fn audience(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn got(tokens: &Tokens, entry: &Arc<Entry>, names: &[&str], now: Timestamp) -> String {
    tokens.get(entry, &audience(names), now).await.unwrap().token.to_string()
}

#[tokio::test]
async fn an_expired_token_is_never_given_out() {
    let (tokens, server, _tasks) = made(10, 9);
    assert_eq!(got(&tokens, &entry("a", "/a"), &["x"], T0).await, "token 0");
    server.away.store(true, Ordering::SeqCst);
    let end = T0.plus(Lifetime::minutes(5));
    assert!(tokens.get(&entry("a", "/a"), &audience(&["x"]), end).await.is_err());
}

#[tokio::test]
async fn many_who_ask_at_once_cost_one_call() {
    let (tokens, server, _tasks) = made(10, 0);
    let asking = (0..50).map(|_| {
        let tokens = tokens.clone();
        async move { got(&tokens, &entry("a", "/a"), &["x"], T0).await }
    });
    let all = futures_util::future::join_all(asking);
    let open = async { server.gate.add_permits(1) };
    let (answers, ()) = tokio::join!(all, open);
    assert!(answers.iter().all(|token| token == "token 0"));
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn order_and_doubles_in_the_audience_make_no_difference_and_another_audience_does() {
    let (tokens, server, _tasks) = made(10, 9);
    let a = entry("a", "/a");
    assert_eq!(got(&tokens, &a, &["y", "x", "y"], T0).await, "token 0");
    assert_eq!(got(&tokens, &a, &["x", "y"], T0).await, "token 0");
    assert_eq!(got(&tokens, &a, &["x"], T0).await, "token 1");
    assert_eq!(got(&tokens, &entry("b", "/b"), &["x"], T0).await, "token 2");
    assert_eq!(*server.seen.lock().unwrap(), ["x,y", "x", "x"]);
}

#[tokio::test]
async fn a_token_past_its_half_life_is_given_at_once_and_refreshed_behind() {
    let (tokens, server, _tasks) = made(10, 1);
    let a = entry("a", "/a");
    assert_eq!(got(&tokens, &a, &["x"], T0).await, "token 0");
    let closed = server.gate.acquire().await.unwrap();
    let late = T0.plus(Lifetime::minutes(3));
    for _ in 0..5 {
        assert_eq!(
            got(&tokens, &a, &["x"], late).await,
            "token 0",
            "the server does not answer; nobody waits"
        );
    }
    drop(closed);
    while got(&tokens, &a, &["x"], late).await == "token 0" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_valid_token() {
    let (tokens, server, _tasks) = made(10, 9);
    let a = entry("a", "/a");
    assert_eq!(got(&tokens, &a, &["x"], T0).await, "token 0");
    server.away.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        assert_eq!(got(&tokens, &a, &["x"], T0.plus(Lifetime::minutes(4))).await, "token 0");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_changed_entry_gets_a_new_token_and_a_unique_one_is_never_kept() {
    let (tokens, _server, _tasks) = made(10, 9);
    assert_eq!(got(&tokens, &entry("a", "/a"), &["x"], T0).await, "token 0");
    let changed = Arc::new(Entry { revision: 2, ..plain_entry("a", "/a") });
    assert_eq!(got(&tokens, &changed, &["x"], T0).await, "token 1");
    let unique = Arc::new(Entry { unique_tokens: true, ..plain_entry("u", "/u") });
    assert_eq!(got(&tokens, &unique, &["x"], T0).await, "token 2");
    assert_eq!(got(&tokens, &unique, &["x"], T0).await, "token 3");
}

#[tokio::test]
async fn the_table_is_bounded_and_what_expires_first_goes_first() {
    let (tokens, _server, _tasks) = made(2, 9);
    for name in ["a", "b", "c"] {
        got(&tokens, &entry(name, "/x"), &["x"], T0).await;
    }
    assert_eq!(tokens.len(), 2);
    assert_eq!(got(&tokens, &entry("c", "/x"), &["x"], T0).await, "token 2");
    assert_eq!(got(&tokens, &entry("b", "/x"), &["x"], T0).await, "token 1");
    assert_eq!(got(&tokens, &entry("a", "/x"), &["x"], T0).await, "token 3");
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_dropped() {
    let (tokens, _server, _tasks) = made(10, 9);
    for name in ["a", "b"] {
        got(&tokens, &entry(name, "/x"), &["x"], T0).await;
    }
    tokens.retain(|id, _, token| id.as_str() == "a" && token.key_id == "k");
    assert_eq!(tokens.len(), 1);
    tokens.retain(|_, _, token| token.key_id != "k");
    assert!(tokens.is_empty());
}
