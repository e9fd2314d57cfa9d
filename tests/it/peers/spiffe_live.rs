//! The crate `spiffe` brings tests that need a live Workload API: they run here, unmodified, against a live agent of ours.
//!
//! They become the tests of a small package, whose dependencies are ours, so that nothing is built twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::{Table, Value};
use weft::bundles::document;
use weft::db::Engine;
use weft::kernel::RealmId;
use weft::testkit::{TestAgent, TestDatabase, TestServer, repository};
use weft::workloads::Draft;

use super::text;
use crate::flows::{me, until_given_in};

/// The identities that the tests expect, by the script that sets up their own SPIRE.
const HOME: &str = "example.org";
const ABROAD: &str = "example-federated.org";
const ENTRIES: [&str; 2] = ["myservice", "myservice2"];
/// What the live tests import beside `spiffe`, and we do not.
const THEIRS: [(&str, &str); 1] = [("futures", "0.3")];
const EXCLUDED: &str = include_str!("spiffe-excluded.txt");

#[tokio::test]
async fn the_live_tests_of_the_spiffe_crate_pass() {
    let home = TestDatabase::new(Engine::Sqlite).await;
    let abroad = TestDatabase::new(Engine::Sqlite).await;
    let server =
        TestServer::start_with(&home, |all| all.server.trust_domain = HOME.to_owned()).await;
    let other =
        TestServer::start_with(&abroad, |all| all.server.trust_domain = ABROAD.to_owned()).await;
    let theirs = other.server().bundles.current(RealmId::FIRST).unwrap();
    let document = document::print(&theirs);
    let federated = other.trust_domain();
    server
        .server()
        .bundles
        .set(server.administrator(), &federated, document.as_bytes())
        .await
        .unwrap();
    let agent = TestAgent::join(&server).await;
    for name in ENTRIES {
        let draft = server.draft(&format!("/{name}"), agent.id(), &[&me()]);
        let federates_with = vec![federated.clone()];
        server.create_draft(Draft { federates_with, hint: name.to_owned(), ..draft }).await;
    }
    for name in ENTRIES {
        until_given_in(&agent, HOME, &format!("/{name}")).await;
    }

    let endpoint = agent.endpoint();
    let done = tokio::task::spawn_blocking(move || live_tests(&endpoint)).await.unwrap();
    let excluded: Vec<&str> = EXCLUDED.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(done.found, done.passed + excluded.len(), "a live test is neither run nor excluded");
    println!(
        "proof: spiffe live tests: {} = {} passed + {} excluded",
        done.found,
        done.passed,
        excluded.len()
    );
    assert!(excluded.len() <= 3, "{excluded:?}");
}

struct Done {
    found: usize,
    passed: usize,
}

fn live_tests(endpoint: &str) -> Done {
    let package = package_of("spiffe");
    let found = marked_as_live(&package.join("tests"));
    let runner = &runner();
    let files: Vec<&String> = found.keys().collect();
    write_runner(runner, &package, &files);
    let mut passed = 0;
    for (file, tests) in &found {
        let skipped = exclusions(file);
        for name in &skipped {
            assert!(tests.contains(name), "the excluded test `{file}::{name}` does not exist");
        }
        if skipped.len() < tests.len() {
            passed += run(runner, file, &skipped, endpoint);
        }
    }
    Done { found: found.values().map(Vec::len).sum(), passed }
}

/// The tests that the file of exclusions names for this file of tests.
fn exclusions(file: &str) -> Vec<String> {
    let lines = EXCLUDED.lines().filter(|line| !line.starts_with('#'));
    let named = lines.filter_map(|line| {
        let (name, reason) = line.split_once(" — ").expect("a test, a dash, and a reason");
        assert!(reason.len() > 10, "`{name}` is excluded without a reason");
        name.strip_prefix(file)?.strip_prefix("::").map(str::to_owned)
    });
    named.collect()
}

/// The ignored tests of every file: nothing else marks a test as one for a live Workload API.
fn marked_as_live(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let names: Vec<String> = source.split("#[ignore").skip(1).map(name_of).collect();
        if !names.is_empty() {
            found.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), names);
        }
    }
    found
}

/// The name of the function that this text comes to first.
fn name_of(source: &str) -> String {
    let after = source.split_once("fn ").unwrap().1;
    after.split('(').next().unwrap().trim().to_owned()
}

/// Where their tests are built: one place for each checkout, so that a second run finds them built.
fn runner() -> PathBuf {
    target().join("spiffe-live").join(repository().display().to_string().replace('/', "-"))
}

/// Writes a file that is not so already: what has not changed is not built again.
fn put(path: &Path, bytes: &[u8]) {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return;
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A package with our dependencies and their tests.
fn write_runner(runner: &Path, package: &Path, files: &[&String]) {
    let ours = repository();
    let manifest: Table =
        std::fs::read_to_string(ours.join("Cargo.toml")).unwrap().parse().unwrap();
    let mut own = Table::new();
    let about = [("name", "spiffe-live"), ("version", "0.0.0"), ("edition", "2021")];
    own.insert(
        "package".into(),
        about
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .into_iter()
            .collect::<Table>()
            .into(),
    );
    own.insert("workspace".into(), Table::new().into());
    for section in ["features", "dependencies", "dev-dependencies", "profile"] {
        own.insert(section.into(), manifest[section].clone());
    }
    // The tests ask under these names whether `spiffe` has what they test; here it has.
    let features = own["features"].as_table_mut().unwrap();
    let all = manifest["dev-dependencies"]["spiffe"]["features"].clone();
    for feature in all.as_array().unwrap() {
        features.insert(feature.as_str().unwrap().to_owned(), Value::Array(Vec::new()));
    }
    features.insert("default".into(), all);
    let dependencies = own["dependencies"].as_table_mut().unwrap();
    dependencies["weft-proto"]["path"] = ours.join("proto").display().to_string().into();
    for (name, version) in THEIRS {
        let plain = [("version", Value::from(version)), ("default-features", false.into())];
        dependencies.insert(
            name.into(),
            plain.map(|(key, value)| (key.to_owned(), value)).into_iter().collect::<Table>().into(),
        );
    }
    put(&runner.join("Cargo.toml"), own.to_string().as_bytes());
    put(&runner.join("src/lib.rs"), b"");
    for same in ["Cargo.lock", "rust-toolchain.toml"] {
        put(&runner.join(same), &std::fs::read(ours.join(same)).unwrap());
    }
    for file in files {
        let name = format!("tests/{file}.rs");
        // A file of which everything is excluded need not compile without the crate's own test dependencies.
        if exclusions(file).len() < marked_as_live(&package.join("tests"))[*file].len() {
            put(&runner.join(&name), &std::fs::read(package.join(&name)).unwrap());
        }
    }
}

/// Runs the ignored tests of one file; gives how many passed.
fn run(runner: &Path, file: &str, skipped: &[String], endpoint: &str) -> usize {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--offline", "--features", "testkit", "--test", file, "--", "--ignored"]);
    cargo.args(skipped.iter().flat_map(|name| ["--skip", name]));
    cargo
        .current_dir(runner)
        .env("CARGO_TARGET_DIR", target())
        .env("SPIFFE_ENDPOINT_SOCKET", endpoint);
    // A child of `cargo test` is told much that is about us and not about it.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            cargo.env_remove(name);
        }
    }
    let output = cargo.output().unwrap();
    let told = text(&output.stdout);
    assert!(output.status.success(), "{file}\n{told}\n{}", text(&output.stderr));
    let (_, result) = told.rsplit_once("test result: ok. ").expect("a result");
    result.split(' ').next().unwrap().parse().unwrap()
}

/// Where this test was built: target/debug/deps/it-…
fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}

/// The platform that this is, as the compiler names it.
fn host() -> String {
    let output = Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let told = text(&output.stdout);
    told.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// Where cargo keeps the source of a dependency.
pub(crate) fn package_of(name: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--offline", "--features", "testkit"]);
    // What other platforms would need was never downloaded here.
    cargo.args(["--filter-platform", &host()]);
    let output = cargo.current_dir(repository()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let found = packages.iter().find(|package| package["name"] == name);
    let manifest =
        found.unwrap_or_else(|| panic!("no package `{name}`"))["manifest_path"].as_str().unwrap();
    Path::new(manifest).parent().unwrap().to_owned()
}
