//! The course of the measurement, in the order of a fabric's life.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use weft::crypto::tls::CurrentRoots;

use super::board::Board;
use super::changes::{Latencies, at_fleet, at_workload, own_uid};
use super::dial::Line;
use super::fleet::Fleet;
use super::process::{Process, Resident, ServerPlan, TRUST_DOMAIN};
use super::rest::{Rest, entry};
use super::sessions::stored_sessions;
use super::table::Target::{AtLeast, AtMost, Told};
use super::table::{Table, float, percentile};
use super::workload::{RealAgent, Workload};
use super::{Outcome, Size};

/// One measurement.
pub(crate) struct Course {
    program: PathBuf,
    home: PathBuf,
    size: Size,
    plan: ServerPlan,
    database: Option<String>,
    probe: Line,
    table: Table,
}

/// A server and who is with it.
struct House {
    server: Process,
    rest: Rest,
    agent: RealAgent,
    agent_id: String,
    workload: Workload,
}

impl Course {
    /// Of this program, in this directory.
    pub(crate) fn new(
        program: PathBuf,
        home: PathBuf,
        size: Size,
        database: Option<String>,
    ) -> Outcome<Self> {
        std::fs::create_dir_all(&home)?;
        let plan = ServerPlan::new(&program, &home, "server", database.as_deref())?;
        let probe = Line::unverified(plan.node)?;
        Ok(Self { program, home, size, plan, database, probe, table: Table::default() })
    }

    /// All of it.
    pub(crate) async fn run(mut self) -> Outcome<Table> {
        self.starts().await?;
        // One database has room for one measurement: with PostgreSQL it is the fleet's.
        if self.database.is_none() {
            stored_sessions(&self.program, &self.home, &self.size, &mut self.table).await?;
        }
        let mut house = self.settle().await?;
        let board = Arc::new(Board::default());
        let roots = CurrentRoots::none();
        roots.set(&self.probe.roots().await?);
        let (token, _) = house.rest.token(self.size.agents).await?;
        let fleet =
            Fleet::attest(self.plan.node, &roots, (&token, self.size.agents), &board).await?;
        self.fill(&house, &fleet).await?;
        let alone = self.restart(&mut house, "alone").await?;
        self.connect(&mut house, &fleet, alone).await?;
        self.idle(&house).await?;
        self.change(&mut house, &fleet, &board).await?;
        self.fill_watched(&house, &fleet).await?;
        self.restart(&mut house, "and its fleet comes back").await?;
        self.come_back(&mut house, &fleet).await?;
        Ok(self.table)
    }

    /// Starts with empty data, then with what is there.
    async fn starts(&mut self) -> Outcome<()> {
        let mut empty = Vec::new();
        // One database cannot be emptied from here: with PostgreSQL only the first start is one with empty data.
        let count = if self.database.is_some() { 1 } else { self.size.starts };
        for n in 0..count {
            let name = format!("empty-{n}");
            let plan = ServerPlan::new(&self.program, &self.home, &name, self.database.as_deref())?;
            let (from, mut server) = (Instant::now(), plan.start()?);
            empty.push(Line::unverified(plan.node)?.served(&mut server, from).await?);
            if self.database.is_some() {
                self.plan = plan;
                self.probe = Line::unverified(self.plan.node)?;
            }
        }
        let median = percentile(&mut empty, 500);
        self.table.add(
            "start with empty data to the first answer, median",
            median,
            AtMost(200.0),
            "ms",
        );
        // Where there is nothing yet, the first start is another one with empty data.
        let (from, mut server) = (Instant::now(), self.plan.start()?);
        self.probe.served(&mut server, from).await?;
        server.kill()?;
        let mut again = Vec::new();
        for _ in 0..self.size.starts {
            let (from, mut server) = (Instant::now(), self.plan.start()?);
            again.push(self.probe.served(&mut server, from).await?);
            server.kill()?;
        }
        let median = percentile(&mut again, 500);
        self.table.add("start with existing keys, median", median, AtMost(100.0), "ms");
        let worst = percentile(&mut again, 1000);
        self.table.add("the same, slowest", worst, Told, "ms");
        Ok(())
    }

    /// A server that idles, then one agent with one workload.
    async fn settle(&mut self) -> Outcome<House> {
        let (from, mut server) = (Instant::now(), self.plan.start()?);
        self.probe.served(&mut server, from).await?;
        quiet(&mut server).await?;
        self.memory("idle server, resident", server.resident()?, AtMost(60.0));
        let rest = Rest::of(&self.plan.data)?;
        let (_, join) = rest.token(1).await?;
        let mut agent = RealAgent::join(&self.program, &self.home, join)?;
        let agent_id = rest.only_agent(&mut agent.process).await?;
        let id = format!("spiffe://{TRUST_DOMAIN}/workload");
        rest.create(&entry("workload", &id, &agent_id, &[&own_uid()])).await?;
        let mut workload = agent.workload();
        workload.has(&id, Instant::now()).await?;
        quiet(&mut agent.process).await?;
        self.memory("agent with one workload, resident", agent.process.resident()?, AtMost(25.0));
        Ok(House { server, rest, agent, agent_id, workload })
    }

    /// All entries, in batches, nobody connected.
    async fn fill(&mut self, house: &House, fleet: &Fleet) -> Outcome<()> {
        let batches = batches(&fleet.ids(), ("entry", self.size.entries), true);
        let (rate, cpu) = self.create(house, batches, self.size.entries).await?;
        self.table.add("entries created in batches of 500, durable", rate, AtLeast(8_000.0), "/s");
        self.table.add("the same, server CPU each", cpu, Told, "µs");
        Ok(())
    }

    /// A tenth more of them while every agent watches: each is told at once of what concerns it.
    async fn fill_watched(&mut self, house: &House, fleet: &Fleet) -> Outcome<()> {
        let count = self.size.entries / 10;
        let batches = batches(&fleet.ids(), ("more", count), false);
        let (rate, cpu) = self.create(house, batches, count).await?;
        let line = "entries created in batches of 500 while all agents watch, durable";
        self.table.add(line, rate, AtLeast(8_000.0), "/s");
        self.table.add("the same, server CPU each", cpu, Told, "µs");
        Ok(())
    }

    /// Entries a second, and microseconds of the server's time for each.
    async fn create(
        &self,
        house: &House,
        batches: Vec<(Bytes, usize)>,
        count: usize,
    ) -> Outcome<(f64, f64)> {
        let (from, cpu) = (Instant::now(), house.server.cpu()?);
        let each = batches.into_iter().map(|(body, size)| house.rest.batch(body, size));
        stream::iter(each).buffer_unordered(CALLERS).try_collect::<()>().await?;
        let (spent, cpu) = (from.elapsed(), house.server.cpu()?.saturating_sub(cpu));
        let count = float(count);
        Ok((count / spent.as_secs_f64(), cpu.as_secs_f64() * 1e6 / count))
    }

    /// Ends the server where it stands and starts it again: what it acknowledged must be there.
    async fn restart(&mut self, house: &mut House, how: &str) -> Outcome<Resident> {
        let before = house.rest.count().await?;
        house.server.kill()?;
        let from = Instant::now();
        house.server = self.plan.start()?;
        let spent = self.probe.served(&mut house.server, from).await?;
        let line = format!("killed and started again with all entries, {how}");
        self.table.add(line, spent.as_secs_f64() * 1e3, AtMost(1_000.0), "ms");
        house.rest = Rest::of(&self.plan.data)?;
        let after = house.rest.count().await?;
        if before != after {
            return Err(format!("{before} entries were acknowledged, {after} are there").into());
        }
        if how == "alone" {
            quiet(&mut house.server).await?;
        }
        house.server.resident()
    }

    /// The fleet connects, and every agent gets all its SVIDs.
    async fn connect(&mut self, house: &mut House, fleet: &Fleet, alone: Resident) -> Outcome<()> {
        fleet.connect().await?;
        quiet(&mut house.server).await?;
        let svids = fleet.count().svids.load(Ordering::Relaxed);
        if svids < self.size.entries {
            return Err(
                format!("the fleet has {svids} SVIDs for {} entries", self.size.entries).into()
            );
        }
        let with = house.server.resident()?;
        self.memory("server with all entries, nobody connected, resident", alone, Told);
        self.memory(
            "server with all entries and all agents connected, resident",
            with,
            AtMost(250.0),
        );
        let each = (with.all - alone.all) / 1024.0 / float(self.size.agents);
        self.table.add("the same, for each agent connected", each, AtMost(60.0), "KiB");
        let real = house.agent.process.resident()?;
        self.memory("the real agent meanwhile, resident", real, Told);
        Ok(())
    }

    /// Nothing happens, and all are connected.
    async fn idle(&mut self, house: &House) -> Outcome<()> {
        let (from, cpu) = (Instant::now(), house.server.cpu()?);
        tokio::time::sleep(self.size.idle).await;
        let cpu = house.server.cpu()?.saturating_sub(cpu);
        let share = cpu.as_secs_f64() / from.elapsed().as_secs_f64() * 100.0;
        self.table.add("server CPU while all agents idle, of one core", share, AtMost(2.0), "%");
        Ok(())
    }

    /// Entries come and go, each below one agent.
    async fn change(
        &mut self,
        house: &mut House,
        fleet: &Fleet,
        board: &Arc<Board>,
    ) -> Outcome<()> {
        let (ids, count) = (fleet.ids(), self.size.changes);
        let real = at_workload(&house.rest, (&house.agent_id, &mut house.workload), count);
        let (real, told) = tokio::try_join!(real, at_fleet(&house.rest, board, &ids, count))?;
        let Latencies { mut made, mut gone } = real;
        let table = &mut self.table;
        let line = "entry created → SVID on the workload's stream (real agent), p99";
        table.add(line, percentile(&mut made, 990), AtMost(250.0), "ms");
        table.add("the same, median", percentile(&mut made, 500), Told, "ms");
        let line = "entry deleted → gone from the workload's stream (real agent), slowest";
        table.add(line, percentile(&mut gone, 1000), AtMost(1_000.0), "ms");
        table.add("the same, median", percentile(&mut gone, 500), Told, "ms");
        let Latencies { mut made, mut gone } = told;
        let line = "entry created → SVID with its agent (simulated agents), p99";
        table.add(line, percentile(&mut made, 990), AtMost(250.0), "ms");
        table.add("the same, median", percentile(&mut made, 500), Told, "ms");
        let line = "entry deleted → told to its agent (simulated agents), slowest";
        table.add(line, percentile(&mut gone, 1000), AtMost(1_000.0), "ms");
        Ok(())
    }

    /// After a crash all agents dial again.
    async fn come_back(&mut self, house: &mut House, fleet: &Fleet) -> Outcome<()> {
        let from = Instant::now();
        fleet.all_watching().await?;
        let spent = from.elapsed().as_secs_f64() * 1e3;
        self.table.add("then until every agent holds its stream again", spent, Told, "ms");
        quiet(&mut house.server).await?;
        let at_end = house.server.resident()?;
        self.memory("server at the end, all agents connected, resident", at_end, AtMost(250.0));
        Ok(())
    }

    fn memory(&mut self, line: &str, resident: Resident, target: super::table::Target) {
        let mib = |bytes: f64| bytes / 1024.0 / 1024.0;
        let line = format!("{line} (of it {:.0} MiB program code)", mib(resident.file));
        self.table.add(line, mib(resident.all), target, "MiB");
    }
}

/// Waits until the process has nothing left to do.
pub(crate) async fn quiet(process: &mut Process) -> Outcome<()> {
    let from = Instant::now();
    let mut calm = 0;
    while calm < 3 {
        if from.elapsed() > Duration::from_mins(3) {
            return Err("a process does not come to rest".into());
        }
        let before = process.cpu()?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        process.check()?;
        let spent = process.cpu()?.saturating_sub(before);
        calm = if spent <= CALM { calm + 1 } else { 0 };
    }
    Ok(())
}

/// Entries spread evenly over these agents, as bodies of batches. `fetched`: agents fetch an SVID for each at once.
fn batches(agents: &[String], (name, count): (&str, usize), fetched: bool) -> Vec<(Bytes, usize)> {
    let items = agents.iter().cycle().take(count).enumerate().map(|(n, agent)| {
        let id = format!("{name}-{n}");
        let spiffe_id = format!("spiffe://{TRUST_DOMAIN}/ns/{}/sa/{id}", n % 100);
        let namespace = format!("k8s:ns:namespace-{}", n % 100);
        let account = format!("k8s:sa:service-account-{n}");
        let mut entry = entry(&id, &spiffe_id, agent, &[&namespace, &account]);
        if let (false, Some(entry)) = (fetched, entry.as_object_mut()) {
            entry.insert("disable_x509_svid_prefetch".to_owned(), true.into());
        }
        json!({ "op": "create", "entry": entry })
    });
    let items: Vec<_> = items.collect();
    items
        .chunks(BATCH)
        .map(|items| (Bytes::from(json!({ "items": items }).to_string()), items.len()))
        .collect()
}

/// As many as one call takes.
const BATCH: usize = 500;
/// Callers at once: enough that the server never waits for one.
const CALLERS: usize = 8;
/// Of a second: less than this is the work of an idle process.
const CALM: Duration = Duration::from_millis(50);
