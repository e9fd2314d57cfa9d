//! Many people who are signed in: what the sessions that are stored cost a server, when it starts and when they are used.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Client;
use reqwest::redirect::Policy;
use weft::db::Db;
use weft::env::{SystemClock, SystemEntropy};
use weft::testkit::store_sessions;

use super::course::quiet;
use super::dial::Line;
use super::process::{Process, ServerPlan};
use super::table::Target::{AtMost, Told};
use super::table::{Table, percentile};
use super::{Outcome, Size};

/// A server without a session, then with all of them, then when more were used than it can remember.
pub(crate) async fn stored_sessions(
    program: &Path,
    home: &Path,
    size: &Size,
    table: &mut Table,
) -> Outcome<()> {
    let plan = ServerPlan::new(program, home, "sessions", None)?;
    // The first start makes keys and tables.
    started(&plan).await?.0.kill()?;
    let mut server = started(&plan).await?.0;
    let none = resident(&mut server).await?;
    server.kill()?;
    let ((count, shown), from) = (size.sessions, Instant::now());
    let cookies = fill(&plan, (count, shown)).await?;
    table.add(format!("{count} sessions stored"), from.elapsed().as_secs_f64(), Told, "s");
    let mut starts = Vec::new();
    for _ in 0..size.starts {
        let (mut server, spent) = started(&plan).await?;
        starts.push(spent);
        server.kill()?;
    }
    let line = format!("start with {count} stored sessions, median");
    table.add(line, percentile(&mut starts, 500), AtMost(100.0), "ms");
    let mut server = started(&plan).await?.0;
    let stored = resident(&mut server).await?;
    let line = format!("resident with {count} stored sessions, more than with none");
    table.add(line, stored - none, AtMost(BESIDE_MIB), "MiB");
    let from = Instant::now();
    visit(&plan, &cookies).await?;
    let line = format!("{} of them used", cookies.len());
    table.add(line, from.elapsed().as_secs_f64(), Told, "s");
    let used = resident(&mut server).await?;
    let line = "resident then, more than with no session";
    table.add(line, used - none, AtMost(CACHES_MIB + BESIDE_MIB), "MiB");
    Ok(())
}

async fn started(plan: &ServerPlan) -> Outcome<(Process, Duration)> {
    let (from, mut server) = (Instant::now(), plan.start()?);
    let spent = Line::unverified(plan.node)?.served(&mut server, from).await?;
    Ok((server, spent))
}

/// In MiB, once it has nothing left to do.
async fn resident(server: &mut Process) -> Outcome<f64> {
    quiet(server).await?;
    Ok(server.resident()?.all / 1024.0 / 1024.0)
}

/// Into the database of a server that does not run.
async fn fill(plan: &ServerPlan, (count, shown): (usize, usize)) -> Outcome<Vec<String>> {
    let url = format!("sqlite:{}", plan.data.join("weft.sqlite").display());
    let clock = Arc::new(SystemClock::new());
    let db = Db::open(&url, clock, Arc::new(SystemEntropy::default())).await?;
    Ok(store_sessions(&db, count, shown).await?)
}

/// Each of these browsers looks at its person's account.
async fn visit(plan: &ServerPlan, cookies: &[String]) -> Outcome<()> {
    let client = || {
        let client = Client::builder().tls_danger_accept_invalid_certs(true);
        client.http2_prior_knowledge().redirect(Policy::none()).no_proxy().build()
    };
    let clients = (0..CONNECTIONS).map(|_| client()).collect::<Result<Vec<_>, _>>()?;
    let page = format!("https://{}/account/sessions", plan.public);
    let visits = clients.iter().cycle().zip(cookies).map(|(client, cookie)| {
        let request = client.get(&page).header("cookie", format!("__Host-weft-session={cookie}"));
        async move {
            let status = request.send().await?.status();
            // Whoever is not signed in is sent elsewhere.
            if status == 200 { Ok(()) } else { Err(format!("a session's page: {status}").into()) }
        }
    });
    stream::iter(visits).buffer_unordered(IN_FLIGHT).try_collect::<()>().await
}

/// What the server remembers at most: 16 MiB of sessions, and 24 of their people.
const CACHES_MIB: f64 = 16.0 + 24.0;
/// What it may grow by beside that.
const BESIDE_MIB: f64 = 16.0;
const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 32;
