//! What an operator asks of an installation: `weft config check`, `weft doctor`, `weft keys reseal`, and SIGHUP to a server that
//! runs. All of it by the program itself.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use weft::testkit::{private_file, within};

/// A data directory and a settings file, and a free port for agents.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        place.settings("level = \"info\"");
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes the settings: what tests change is of the log.
    fn settings(&self, log: &str) {
        let listen =
            ["node", "public", "mtls", "ops"].map(|door| format!("{door} = \"127.0.0.1:0\""));
        let text = format!("[listen]\n{}\n[log]\n{log}\n", listen.join("\n"));
        std::fs::write(self.file("weft.toml"), text).unwrap();
    }

    fn command(&self, words: &[&str], more: &[&str]) -> Command {
        let mut weft = Command::new(env!("CARGO_BIN_EXE_weft"));
        weft.args(words).arg("--config").arg(self.file("weft.toml"));
        weft.arg("--data-dir").arg(self.file("data")).args(more);
        weft.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        weft
    }

    async fn weft(&self, words: &[&str], more: &[&str]) -> (Option<i32>, String) {
        let output = within("an answer", self.command(words, more).output()).await.unwrap();
        (output.status.code(), said(&output))
    }

    /// A server that serves.
    async fn server(&self, more: &[&str]) -> Server {
        let mut child = self.command(&["server"], more).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut node = String::new();
        loop {
            let line = within("what it prints when it serves", lines.next_line()).await.unwrap();
            let line = line.expect("it serves");
            if let Some(address) = line.trim().strip_prefix("agents ") {
                address.trim().clone_into(&mut node);
            }
            // The last line.
            if line.contains("weft token create") {
                return Server { child, log, node };
            }
        }
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat()
}

/// A server, and what it logs.
struct Server {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// Where agents reach it.
    node: String,
}

impl Server {
    /// The next line of its log that has these words.
    async fn says(&mut self, words: &str) -> String {
        within(words, async {
            loop {
                let line = self.log.next_line().await.unwrap();
                let line = line.unwrap_or_else(|| panic!("it ended without `{words}`"));
                if line.contains(words) {
                    return line;
                }
            }
        })
        .await
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    async fn stop(mut self) {
        self.signal(Signal::TERM);
        assert!(within("its end", self.child.wait()).await.unwrap().success());
    }
}

#[tokio::test]
async fn settings_are_checked_before_a_server_is_started_with_them() {
    let place = Place::new();
    assert_eq!(
        place.weft(&["config", "check"], &[]).await,
        (Some(0), "The settings are good.\n".to_owned())
    );
    for (wrong, words) in [
        ("level = \"loudest\"", "`loudest` is no level"),
        ("level = \"weft=loudest\"", "`log.level`"),
        ("levle = \"info\"", "unknown key; did you mean `log.level`?"),
        ("level = 7", "`log.level`"),
    ] {
        place.settings(wrong);
        let (code, told) = place.weft(&["config", "check"], &[]).await;
        assert_eq!(code, Some(2), "{told}");
        let line = format!("{}:7:", place.file("weft.toml").display());
        assert!(told.contains(&line) && told.contains(words), "{told}");
        let (code, same) = place.weft(&["server"], &[]).await;
        assert_eq!((code, same), (Some(2), told), "a server says the same and does not start");
    }
    assert!(!place.file("data").exists(), "looking at settings makes nothing");
}

#[tokio::test]
async fn the_doctor_tells_what_is_missing_and_then_that_nothing_is() {
    let place = Place::new();
    let (code, told) = place.weft(&["doctor"], &[]).await;
    assert_eq!(code, Some(1));
    for part in ["data directory", "sealing key", "database", "server"] {
        let line = told.lines().find(|line| line.starts_with(&format!("✗ {part}")));
        let line = line.unwrap_or_else(|| panic!("{part}: {told}"));
        assert!(line.contains("`weft server`"), "it says what would help: {line}");
    }
    let server = place.server(&[]).await;
    let node = format!("listen.node={}", server.node);
    let (code, told) = place.weft(&["doctor"], &["--set", &node]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.lines().count() >= 6 && told.lines().all(|line| line.starts_with('✓')), "{told}");
    // A key that others may read is found.
    open_to_all(&place.file("data/kek"));
    let (code, told) = place.weft(&["doctor"], &["--set", &node]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.lines().any(|line| line.starts_with("✗ sealing key")), "{told}");
    server.stop().await;
}

fn open_to_all(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
}

#[tokio::test]
async fn what_was_sealed_is_sealed_anew_and_opens_without_the_earlier_key() {
    let place = Place::new();
    place.server(&[]).await.stop().await;
    let (new, earlier) = (place.file("new-kek"), place.file("data/kek"));
    private_file(&new, "bmV3IGtleS1lbmNyeXB0aW9uIGtleSBvZiAzMiBiLi4=\n");
    let file = format!("seal.file={}", new.display());
    let with =
        |files: &str| vec!["--set".to_owned(), file.clone(), "--set".to_owned(), files.to_owned()];
    let both = with(&format!("seal.earlier_files=[\"{}\"]", earlier.display()));
    let both: Vec<&str> = both.iter().map(String::as_str).collect();
    let alone = ["--set", &file];
    let (code, told) = place.weft(&["server"], &alone).await;
    assert_ne!(code, Some(0), "sealed under a key that is not there: {told}");
    let (code, told) = place.weft(&["keys", "reseal"], &both).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.starts_with("Sealed anew: ") && !told.contains(" 0 keys of authorities"),
        "{told}"
    );
    std::fs::remove_file(&earlier).unwrap();
    place.server(&alone).await.stop().await;
    let (code, told) = place.weft(&["keys", "reseal"], &alone).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.starts_with("Sealed anew: 0 keys of authorities"),
        "there is nothing left: {told}"
    );
}

#[tokio::test]
async fn a_running_server_takes_new_settings_at_sighup_whole_or_not_at_all() {
    let place = Place::new();
    let mut server = place.server(&[]).await;
    server.signal(Signal::HUP);
    server.says("the settings are as they were").await;
    place.settings("level = \"weft=loudest\"");
    server.signal(Signal::HUP);
    let told = server.says("the old ones stay in force").await;
    assert!(told.contains("log.level"), "{told}");
    place.settings("level = \"debug\"");
    server.signal(Signal::HUP);
    let told = server.says("new settings are in force").await;
    assert!(told.contains("log.level"), "{told}");
    server.signal(Signal::HUP);
    server.says("was read again").await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_whose_greeting_nobody_reads_serves_all_the_same() {
    let place = Place::new();
    let mut child = place.command(&["server"], &[]).spawn().unwrap();
    drop(child.stdout.take());
    let log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut server = Server { child, log, node: String::new() };
    server.says("the greeting was not written").await;
    server.signal(Signal::HUP);
    server.says("the settings are as they were").await;
    server.stop().await;
}
