//! `weft backup` and `weft restore` as an operator runs them: what is there is safe until what comes is known to be good.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use weft::db::Engine;
use weft::testkit::{TestDatabase, TestServer};

use crate::admin_api::ask;

/// A server on SQLite that has one entry, and a backup of that moment.
struct House {
    database: TestDatabase,
    server: TestServer,
    beside: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let database = TestDatabase::new(Engine::Sqlite).await;
        let server = TestServer::start(&database).await;
        let beside = tempfile::tempdir().unwrap();
        let house = Self { database, server, beside };
        house.make("/before").await;
        let done = house.weft(&["backup", &house.backup()], &house.server.data_dir());
        assert!(done.status.success(), "{done:?}");
        house
    }

    fn backup(&self) -> String {
        self.beside.path().join("backup").display().to_string()
    }

    fn file(&self) -> PathBuf {
        PathBuf::from(self.database.url().strip_prefix("sqlite:").unwrap())
    }

    async fn make(&self, path: &str) {
        let parent = self.server.id("/spire/agent/join_token/x");
        self.server.create(path, &parent, &["unix:uid:1"]).await;
    }

    /// The paths of the entries that a server on this database has.
    async fn entries(&mut self) -> Vec<String> {
        if !self.file().exists() {
            return Vec::new();
        }
        let (_, listed) = ask(&self.server, "GET", "entries", "", None).await;
        let items = listed["items"].as_array().unwrap();
        let path = |item: &serde_json::Value| {
            item["spiffe_id"].as_str().unwrap().trim_start_matches("spiffe://weft.test").to_owned()
        };
        items.iter().map(path).collect()
    }

    fn weft(&self, words: &[&str], data_dir: &Path) -> Output {
        let mut weft = Command::new(env!("CARGO_BIN_EXE_weft"));
        weft.args(words).arg("--data-dir").arg(data_dir);
        weft.args(["--set", &format!("storage.url={}", self.database.url())]);
        weft.stdin(Stdio::null()).output().unwrap()
    }

    fn restore(&self, file: &str) -> Output {
        self.weft(&["restore", file, "--yes"], &self.server.data_dir())
    }

    /// Files beside the database that a restore left.
    fn left(&self) -> Vec<String> {
        let file = self.file();
        let all = std::fs::read_dir(file.parent().unwrap()).unwrap();
        let names = all.map(|one| one.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("restor")).collect()
    }
}

fn refused(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(words), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_is_not_restored_under_its_feet_whichever_data_directory_is_named() {
    let mut house = House::new().await;
    house.make("/after").await;
    refused(&house.restore(&house.backup()), "the server runs");
    // Another data directory: its ledger is free, the database is not.
    let elsewhere = house.beside.path().join("data");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::copy(house.server.data_dir().join("kek"), elsewhere.join("kek")).unwrap();
    let output = house.weft(&["restore", &house.backup(), "--yes"], &elsewhere);
    refused(&output, "open in another program");
    house.make("/later").await;
    house.server.stop().await;
    house.server.start_again().await;
    assert_eq!(house.entries().await.len(), 3, "what was acknowledged is there");
    assert_eq!(house.left(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_backup_of_this_server_leaves_the_database_as_it_is() {
    let mut house = House::new().await;
    house.make("/after").await;
    house.server.stop().await;
    let at = |name: &str| house.beside.path().join(name).display().to_string();
    std::fs::write(at("junk"), vec![7_u8; 100_000]).unwrap();
    let whole = std::fs::read(house.backup()).unwrap();
    std::fs::write(at("half"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(at("nothing"), "").unwrap();
    for name in ["junk", "half", "nothing"] {
        refused(&house.restore(&at(name)), "no backup that this program can use");
    }
    // A good one, of a server with another key-encryption key.
    let stranger = House::new().await;
    refused(&house.restore(&stranger.backup()), "cannot be used with these settings");
    assert_eq!(house.left(), Vec::<String>::new());
    house.server.start_again().await;
    assert_eq!(house.entries().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_is_as_it_was_and_what_was_there_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;

    let mut house = House::new().await;
    house.make("/after").await;
    house.server.stop().await;
    // As it may come back from an archive.
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(house.backup(), open).unwrap();
    let output = house.restore(&house.backup());
    assert!(output.status.success(), "{output:?}");
    let [kept] = &house.left()[..] else { panic!("{:?}", house.left()) };
    assert!(kept.contains(".before-restore-"), "{kept}");
    for file in [house.file(), house.file().with_file_name(kept)] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.display());
    }
    house.server.start_again().await;
    assert_eq!(house.entries().await, ["/before"]);
    house.server.stop().await;
    // And back again: what was kept is whole.
    let kept = house.file().with_file_name(kept).display().to_string();
    assert!(house.restore(&kept).status.success());
    house.server.start_again().await;
    assert_eq!(house.entries().await.len(), 2);
}
