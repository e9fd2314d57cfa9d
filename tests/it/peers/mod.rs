//! Foreign programs against ours.

mod api;
mod chromium;
mod conformance;
mod mail;
mod openssl;
mod pages;
mod python;
mod site;
mod spiffe_live;
mod upstream;

pub(crate) use spiffe_live::package_of;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};
use weft::testkit::within;

/// Runs a program and gives what it printed; the test has failed if the program did.
fn run(program: impl AsRef<OsStr>, arguments: &[&str], input: &[u8]) -> String {
    let output = outcome(program.as_ref(), arguments, input);
    let (told, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success(),
        "{:?} {arguments:?}: {}\n{told}\n{errors}",
        program.as_ref(),
        output.status
    );
    told
}

fn outcome(program: &OsStr, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, input).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// A program that talks by lines. It ends when it is dropped, and by itself when its standard input closes.
struct Piped {
    child: tokio::process::Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Piped {
    fn start(command: &mut tokio::process::Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin, lines }
    }

    /// Its next line.
    async fn line(&mut self) -> String {
        within("a line", self.lines.next_line()).await.unwrap().expect("the program ended")
    }

    /// Waits until it says this.
    async fn says(&mut self, word: &str) {
        while self.line().await != word {}
    }

    async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// The same beside the test's own tasks, for programs that talk to what runs in this process.
async fn run_beside(program: impl AsRef<OsStr> + Send + 'static, arguments: Vec<String>) -> String {
    let running = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(program, &arguments, b"")
    });
    running.await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A certificate as PEM.
fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn write(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Where `scripts/packages` put the packages of npm.
fn node_modules() -> PathBuf {
    let given =
        std::env::var_os("WEFT_PEERS_NODE").expect("WEFT_PEERS_NODE: run this through make");
    PathBuf::from(given)
}

/// A certificate for `localhost` that vouches for itself, and its key: two PEM files.
fn own_certificate(directory: &Path) -> (String, String) {
    let (certificate, key) = (directory.join("certificate.pem"), directory.join("key.pem"));
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout";
    let mut arguments: Vec<&str> = words.split_whitespace().collect();
    arguments.extend([&*key, "-out", &*certificate]);
    run("openssl", &arguments, b"");
    (certificate, key)
}

/// A client that trusts these certificates (PEM) alone and follows no redirect.
fn trusting(pem: &[u8]) -> reqwest::Client {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let certificates = reqwest::Certificate::from_pem_bundle(pem).unwrap();
    let client = reqwest::Client::builder().tls_certs_only(certificates).no_proxy();
    client.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The Python with the packages of `PyPI`.
fn python() -> PathBuf {
    std::env::var_os("WEFT_PEERS_PYTHON").expect("WEFT_PEERS_PYTHON: run this through make").into()
}
