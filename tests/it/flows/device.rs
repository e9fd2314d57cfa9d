//! A machine as a device, by the program itself: looked after from its enrolment to the signal that stops it, with a node on
//! it; and what it reported outlives a server that is killed.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use weft::env::{Clock as _, SystemClock};
use weft::kernel::{Level, RealmId};
use weft::testkit::{TestAgent, TestDatabase, TestServer, engines, private_file, until, within};
use weft::wire::api::Time;

use crate::admin_api::ask;

/// A server with a certificate, and a machine that is a tree of files.
struct World {
    server: TestServer,
    directory: TempDir,
    _database: TestDatabase,
}

impl World {
    async fn start() -> Self {
        weft::crypto::tls::install_provider();
        let directory = tempfile::tempdir().unwrap();
        let web = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (chain, key) = (directory.path().join("web.pem"), directory.path().join("web.key"));
        std::fs::write(&chain, web.cert.pem()).unwrap();
        private_file(&key, web.signing_key.serialize_pem());
        let etc = directory.path().join("machine/etc");
        std::fs::create_dir_all(&etc).unwrap();
        std::fs::write(etc.join("os-release"), "ID=debian\nVERSION_ID=\"12\"\n").unwrap();
        let database = TestDatabase::new(engines()[0]).await;
        let server = TestServer::start_with(&database, |settings| {
            settings.listen.certificate = Some(chain);
            settings.listen.certificate_key = Some(key);
            settings.posture.report_seconds = 5;
        })
        .await;
        Self { server, directory, _database: database }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn mtls(&self) -> String {
        door(self.server.addresses().mtls.port())
    }

    fn public(&self) -> String {
        door(self.server.addresses().public.port())
    }

    /// A token to enrol with, in a file.
    async fn token(&self) -> PathBuf {
        let wish = json!({"class": "laptop"});
        let (status, made) = ask(&self.server, "POST", "device-tokens", "", Some(wish)).await;
        assert_eq!(status, 201, "{made}");
        let file = self.file("token");
        std::fs::write(&file, made["secret"].as_str().unwrap()).unwrap();
        file
    }

    /// `weft device …` for this machine.
    fn weft(&self, command: &str, server: &str) -> Command {
        self.weft_in("device", command, server)
    }

    /// The same, for the device of this number.
    fn weft_at(&self, number: usize, command: &str, server: &str) -> Command {
        self.weft_in(&format!("device-{number}"), command, server)
    }

    fn weft_in(&self, directory: &str, command: &str, server: &str) -> Command {
        let mut weft = Command::new(env!("CARGO_BIN_EXE_weft"));
        weft.args(["device", command, "--server", server, "--ca"]).arg(self.file("web.pem"));
        weft.arg("--dir").arg(self.file(directory)).stdin(Stdio::null()).kill_on_drop(true);
        weft
    }

    async fn told(&self, command: &mut Command) -> Output {
        within("a command ends", command.output()).await.unwrap()
    }

    /// The only device, as an administrator sees it.
    async fn device(&self) -> Option<String> {
        let (_, all) = ask(&self.server, "GET", "devices", "", None).await;
        Some(all["items"].as_array()?.first()?["id"].as_str()?.to_owned())
    }

    /// A report on its way.
    fn reporting(&self, number: usize) -> Child {
        let mut report = self.weft_at(number, "report", &self.mtls());
        report.arg("--root").arg(self.file("machine"));
        report.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// When the report that is held was made.
    async fn held(&self, id: &str) -> Option<Time> {
        self.posture(id).await["collected_at"].as_str().and_then(Time::parse)
    }

    async fn posture(&self, id: &str) -> Value {
        ask(&self.server, "GET", &format!("devices/{id}/posture"), "", None).await.1
    }
}

fn door(port: u16) -> String {
    format!("https://localhost:{port}")
}

fn words(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_is_looked_after_from_its_enrolment_to_the_signal_and_its_node_with_it() {
    let world = World::start().await;
    let mut command = world.weft("run", &world.mtls());
    command.args(["--enroll-server", &world.public(), "--name", "ada-laptop", "--root"]);
    command.arg(world.file("machine")).arg("--token-file").arg(world.token().await);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = within("the first report", lines.next_line()).await.unwrap().unwrap();
    assert!(first.contains("quarantine"), "{first}");
    let id = world.device().await.unwrap();
    let known = world.posture(&id).await;
    assert_eq!(known["level"], json!("quarantine"), "{known}");
    let first_at = known["received_at"].clone();
    until("it reports again", async || {
        let known = world.posture(&id).await;
        if known["received_at"] == first_at { Err(known) } else { Ok(()) }
    })
    .await;
    let told = world.told(&mut world.weft("status", &world.mtls())).await;
    let said = words(&told);
    assert!(
        told.status.success() && said.contains("quarantine") && said.contains("secure_boot"),
        "{said}"
    );

    let agent = TestAgent::join_with(&world.server, |settings| {
        settings.on_device.server = world.mtls();
        settings.on_device.directory = Some(world.file("device"));
        settings.on_device.server_ca = Some(world.file("web.pem"));
    })
    .await;
    let server = world.server.server();
    let evidence = until("the node is bound to the device", async || {
        let known = server.nodes.agent(RealmId::FIRST, agent.id()).ok_or("no agent")?;
        Some(known.evidence()).filter(|evidence| evidence.device.is_some()).ok_or("not bound")
    })
    .await;
    assert_eq!(evidence.device.map(|device| device.to_string()), Some(id.clone()));
    let standing = server.posture.standing(&evidence);
    assert_eq!((standing.level, standing.locked), (Level::Quarantine, false));
    let (status, _) =
        ask(&world.server, "POST", &format!("devices/{id}/lock"), "", Some(json!({}))).await;
    assert_eq!(status, 200);
    until("the node is locked with its device", async || {
        let standing = server.posture.standing(&evidence);
        if standing.locked { Ok(()) } else { Err(standing) }
    })
    .await;

    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let status = within("it ends", child.wait()).await.unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_was_answered_outlives_a_server_that_is_killed() {
    let mut world = World::start().await;
    let mut ids = Vec::new();
    for n in 0..AT_ONCE {
        let mut enrol = world.weft_at(n, "enroll", &world.public());
        enrol.args(["--output", "json", "--token-file"]).arg(world.token().await);
        let done = world.told(&mut enrol).await;
        assert!(done.status.success(), "{}", words(&done));
        let told: Value = serde_json::from_slice(&done.stdout).unwrap();
        ids.push(told["id"].as_str().unwrap().to_owned());
    }
    let (mut answered, mut kept, mut lost) = (0, 0, 0);
    for _ in 0..ROUNDS {
        let before = Time(SystemClock::new().now());
        // Each of another device, so that what was answered can be told from what others said.
        let mut reports: Vec<Child> = (0..AT_ONCE).map(|n| world.reporting(n)).collect();
        // When the first one has its answer, the others are in the middle of it, or just before, or just after.
        let first = within("the first report ends", reports[0].wait()).await.unwrap();
        assert!(first.success(), "{first}");
        world.server.kill();
        let mut acknowledged = Vec::new();
        for (report, id) in reports.iter_mut().zip(&ids) {
            let status = within("a report ends", report.wait()).await.unwrap();
            if status.success() {
                acknowledged.push(id);
            } else {
                lost += 1;
            }
        }
        world.server.start_again().await;
        answered += acknowledged.len();
        for id in acknowledged {
            let held = world.held(id).await;
            assert!(held >= Some(before), "an answered report of {id} is gone: {held:?}");
            kept += 1;
        }
    }
    for n in 0..AT_ONCE {
        let mut report = world.weft_at(n, "report", &world.mtls());
        let done = world.told(report.arg("--root").arg(world.file("machine"))).await;
        assert!(done.status.success(), "{}", words(&done));
    }
    println!(
        "proof: reports while the server was killed: {answered} answered, {kept} of them kept, {lost} not answered"
    );
    assert_eq!(kept, answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_looks_after_the_device_that_it_runs_on() {
    let world = World::start().await;
    let mut enrol = world.weft("enroll", &world.public());
    let done = world.told(enrol.arg("--token-file").arg(world.token().await)).await;
    assert!(done.status.success(), "{}", words(&done));
    let id = world.device().await.unwrap();
    assert_eq!(world.posture(&id).await["received_at"], Value::Null);
    let join = world.file("join");
    std::fs::write(&join, world.server.token().await.expose()).unwrap();
    let ca = format!("agent.on_device.server_ca={}", world.file("web.pem").display());
    let mut agent = Command::new(env!("CARGO_BIN_EXE_weft"));
    agent.args(["agent", "--insecure-bootstrap", "--trust-domain", "weft.test", "--server"]);
    agent.arg(format!("localhost:{}", world.server.addresses().node.port()));
    agent.arg("--join-token-file").arg(join).arg("--data-dir").arg(world.file("agent"));
    agent.arg("--socket").arg(world.file("agent.sock")).args(["--device-server", &world.mtls()]);
    agent.arg("--device-dir").arg(world.file("device")).args(["--set", &ca]);
    agent.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let _agent = agent.spawn().unwrap();
    let mut last = Value::Null;
    for times in ["once", "again"] {
        last = until(&format!("it reports {times}"), async || {
            let known = world.posture(&id).await["received_at"].clone();
            if known == last || known.is_null() { Err(known) } else { Ok(known) }
        })
        .await;
    }
    let mut second = world.weft("run", &world.mtls());
    let second = second.args(["--loopback-port", "0"]).stderr(Stdio::piped());
    let mut second = second.spawn().unwrap();
    let mut notes = BufReader::new(second.stderr.take().unwrap()).lines();
    let note = within("a note", notes.next_line()).await.unwrap().unwrap();
    assert!(note.contains("another program looks after this device"), "{note}");
}

const ROUNDS: usize = 3;
const AT_ONCE: usize = 4;
