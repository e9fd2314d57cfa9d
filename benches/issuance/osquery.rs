//! A fleet that reports through osquery: whether a server keeps up with a thousand hosts that ask for their configuration and their
//! questions and send what they saw, every ten seconds, each time over a new connection.

use std::io::Write;
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use weft::env::{Clock as _, SystemClock};

use crate::Outcome;
use crate::public::text;
use crate::server::Server;

/// A host that has enrolled.
struct Host {
    home: String,
    client: Client,
    name: String,
    key: String,
}

/// Measures, and prints; true if the target holds.
pub(crate) async fn measure() -> Outcome<bool> {
    let home = tempfile::tempdir()?;
    let server = Server::product(&home.path().join("osquery"))?;
    let uses = HOSTS.to_string();
    let token = server.ask(&["device", "token", "create", "--uses", &uses], "")?;
    let secret = text(&token, "secret")?;
    let mut hosts = Vec::new();
    for n in 0..HOSTS {
        hosts.push(Host::enrol(&server.public, &secret, n).await?);
    }
    let (before, began) = (server.settled_cpu().await?, now());
    let mut tasks: JoinSet<_> =
        (0..HOSTS).zip(hosts).map(|(n, host)| host.live(began + INTERVAL * n / HOSTS)).collect();
    let mut spans = Vec::new();
    while let Some(done) = tasks.join_next().await {
        spans.extend(done??);
    }
    let (took, cpu) = (began.elapsed(), server.cpu()?.saturating_sub(before));
    spans.sort();
    let at = |percent: usize| {
        let span = spans.get(spans.len() * percent / 100).copied().unwrap_or_default();
        span.as_secs_f64() * 1e3
    };
    let holds = at(99) < P99_MAX_MS;
    writeln!(
        std::io::stdout().lock(),
        "osquery: {HOSTS} clients at a {} s interval, {} exchanges: p50 {:.1} ms, p99 {:.1} ms (< {P99_MAX_MS}: {}), {:.1} % of a core",
        INTERVAL.as_secs(),
        spans.len(),
        at(50),
        at(99),
        if holds { "yes" } else { "no" },
        100.0 * cpu.as_secs_f64() / took.as_secs_f64(),
    )?;
    Ok(holds)
}

impl Host {
    async fn enrol(home: &str, secret: &str, n: u32) -> Outcome<Self> {
        // There is no other server to be told from this one.
        let client = Client::builder().tls_danger_accept_invalid_certs(true).http1_only();
        // A connection serves the three calls of a round, and the server may close it until the next.
        let client = client.pool_idle_timeout(INTERVAL / 2).no_proxy().build()?;
        let name = format!("4c4c4544-0000-2010-8020-{n:012x}");
        let ask = json!({
            "enroll_secret": secret,
            "host_identifier": name,
            "host_details": {"system_info": {"hostname": format!("host-{n}"), "hardware_serial": name}},
        });
        let mut host = Self { home: home.to_owned(), client, name, key: String::new() };
        host.key = text(&host.post("enroll", ask).await?, "node_key")?;
        Ok(host)
    }

    /// Asks and reports from this moment on, so many times; gives how long each exchange took.
    async fn live(self, from: Instant) -> Outcome<Vec<Duration>> {
        let mut spans = Vec::new();
        for round in 0..ROUNDS {
            wait_until(from + INTERVAL * round).await;
            for (path, ask) in [
                ("config", json!({"node_key": self.key})),
                ("distributed/read", json!({"node_key": self.key})),
                ("log", self.seen()),
            ] {
                let began = now();
                let answer = self.post(path, ask).await?;
                spans.push(began.elapsed());
                if answer.get("node_invalid").is_some_and(|invalid| invalid != false) {
                    return Err(format!("{path}: {answer}").into());
                }
            }
        }
        Ok(spans)
    }

    /// What it saw, as one scheduled query tells it.
    fn seen(&self) -> Value {
        let disk = json!({"device": "/dev/mapper/root", "encrypted": "1", "encryption_status": "encrypted", "type": "luks2"});
        let now = SystemClock::new().now().seconds().to_string();
        let result = json!({
            "snapshot": [disk], "action": "snapshot", "name": "weft_disk_encryption", "hostIdentifier": self.name,
            "calendarTime": "", "unixTime": now, "epoch": 0, "counter": 0, "numerics": false,
        });
        json!({"node_key": self.key, "log_type": "result", "data": [result]})
    }

    async fn post(&self, path: &str, ask: Value) -> Outcome<Value> {
        let request = self.client.post(format!("{}/api/osquery/{path}", self.home));
        let request = request.header("content-type", "application/json").body(ask.to_string());
        let answer = request.send().await.map_err(|error| format!("{path}: {error:?}"))?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(format!("{path}: {status}: {text}").into());
        }
        Ok(serde_json::from_str(&text)?)
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

async fn wait_until(moment: Instant) {
    tokio::time::sleep_until(moment.into()).await;
}

const HOSTS: u32 = 1_000;
const INTERVAL: Duration = Duration::from_secs(10);
/// Half a minute.
const ROUNDS: u32 = 3;
const P99_MAX_MS: f64 = 100.0;
