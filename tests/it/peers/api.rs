//! The admin API, asked everything that its description allows and much that it does not, by schemathesis from `PyPI`: reads
//! and writes as an administrator. The same requests in every run.

use std::path::PathBuf;

use serde::Deserialize;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::process::Command;
use weft::testkit::{TestDatabase, TestServer, engines, repository};

use super::{python, text};

/// What schemathesis reports; of its report only this.
#[derive(Deserialize)]
struct Report {
    operations: Operations,
    test_cases: Cases,
    failures: Vec<Failure>,
}

#[derive(Deserialize)]
struct Operations {
    total: usize,
    tested: usize,
}

#[derive(Deserialize)]
struct Cases {
    generated: usize,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
    title: String,
    count: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_fuzzer_asks_is_answered_with_an_error_of_ours() {
    let database = TestDatabase::new(engines()[0]).await;
    let server = TestServer::start(&database).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.json");
    let fuzzing = Command::new(python().with_file_name("st"))
        .arg("run")
        .arg(repository().join("docs/reference/openapi.json"))
        .args(["--url", &address, "--phases", "coverage,fuzzing", "--workers", "2"])
        // No seed: the same requests each time.
        .args(["--generation-deterministic", "--max-examples", "5", "--continue-on-failure"])
        .args(["--checks", CHECKS, "--warnings", "off", "--no-color", "--report", "json"])
        .arg("--report-json-path")
        .arg(&report)
        .current_dir(directory.path())
        .kill_on_drop(true)
        .output();
    let told = tokio::select! {
        told = fuzzing => told.unwrap(),
        () = bridge(listener, server.data_dir().join("admin.sock")) => unreachable!("it goes on"),
    };
    let told = text(&told.stdout);
    let report = std::fs::read(&report).unwrap_or_else(|_| panic!("no report: {told}"));
    let Report { operations, test_cases, failures } = serde_json::from_slice(&report).unwrap();
    for Failure { code, title, count } in &failures {
        println!("{code} {title}: {count}");
    }
    let of_ours = |failure: &&Failure| failure.title == SERVER_ERROR;
    let count = |all: Vec<&Failure>| all.iter().map(|failure| failure.count).sum::<usize>();
    println!(
        "proof: schemathesis as an administrator: operations {} of {}, requests {}, answered 5xx {}, otherwise than \
         described {}",
        operations.tested,
        operations.total,
        test_cases.generated,
        count(failures.iter().filter(of_ours).collect()),
        count(failures.iter().filter(|failure| !of_ours(failure)).collect()),
    );
    assert!(failures.is_empty(), "{told}");
    assert!(operations.tested == operations.total && test_cases.generated > 1000, "{told}");
}

/// From a port to the local socket, where whoever runs the server is its administrator.
async fn bridge(listener: TcpListener, socket: PathBuf) {
    loop {
        let (mut from, _) = listener.accept().await.unwrap();
        let socket = socket.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends with the runtime of the test")]
        tokio::spawn(async move {
            if let Ok(mut to) = UnixStream::connect(socket).await {
                let _closed = copy_bidirectional(&mut from, &mut to).await;
            }
        });
    }
}

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// What schemathesis calls a 5xx.
const SERVER_ERROR: &str = "Server error";
