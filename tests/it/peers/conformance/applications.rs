//! Applications that others wrote, unmodified, signing a person in: openid-client (npm), Authlib (`PyPI`), and Apache with
//! `mod_auth_openidc` (Debian).

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use url::Url;
use weft::testkit::repository;

use super::super::{node_modules, python};
use super::op::{BASIC, Op};
use crate::walker::{Browser, Shown};

/// The client behind Apache.
pub(super) const APACHE: &str = "apache";

/// openid-client: discovery, PKCE, nonce, ID token, userinfo, refresh, introspection, revocation.
pub(super) async fn openid_client(op: &Op, ca: &Path) -> Result<(), String> {
    let command = openid_client_program(ca);
    let told = application(op, command).await?;
    let right = told["active"] == true && told["after"] == false && told["email"].is_string();
    if right { Ok(()) } else { Err(told.to_string()) }
}

/// The same, not started yet.
pub(in super::super) fn openid_client_program(ca: &Path) -> Command {
    let mut command = Command::new("node");
    command.arg(repository().join("tests/peers/oidc/app.mjs"));
    command.env("WEFT_PEERS_NODE", node_modules()).env("NODE_EXTRA_CA_CERTS", ca);
    command
}

/// Authlib: the same by another library in another language.
pub(super) async fn authlib(op: &Op, ca: &Path) -> Result<(), String> {
    let mut command = Command::new(python());
    command.arg(repository().join("tests/peers/oidc/app.py")).env("REQUESTS_CA_BUNDLE", ca);
    let told = application(op, command).await?;
    let right = told["refreshed"] == true && told["email"].is_string();
    if right { Ok(()) } else { Err(told.to_string()) }
}

async fn application(op: &Op, command: Command) -> Result<Value, String> {
    let id = (BASIC.id, op.secret(&BASIC), BASIC.redirect);
    let (application, url) = Application::start(command, &op.issuer, id).await?;
    let shown = op.browser().walk(&url).await?;
    application.finish(&away(&shown)?).await
}

/// A program that prints where to go, reads where the browser came back to, and prints what it learnt.
pub(in super::super) struct Application {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Application {
    /// Starts it as this client (id, secret, callback), and gives the address to open.
    pub(in super::super) async fn start(
        mut command: Command,
        issuer: &str,
        (id, secret, callback): (&str, &str, &str),
    ) -> Result<(Self, Url), String> {
        command.args([issuer, id, callback]).env("CLIENT_SECRET", secret).kill_on_drop(true);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut application = Self { child, lines };
        let line = application.line().await?;
        let url = Url::parse(&line).map_err(|error| format!("`{line}`: {error}"))?;
        Ok((application, url))
    }

    /// Tells it where the browser came back to, and gives what it learnt.
    pub(in super::super) async fn finish(mut self, back: &Url) -> Result<Value, String> {
        let mut stdin = self.child.stdin.take().unwrap();
        stdin.write_all(format!("{back}\n").as_bytes()).await.unwrap();
        let line = self.line().await?;
        serde_json::from_str(&line).map_err(|error| format!("`{line}`: {error}"))
    }

    async fn line(&mut self) -> Result<String, String> {
        if let Some(line) = self.lines.next_line().await.unwrap() {
            return Ok(line);
        }
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).await.unwrap();
        Err(format!("the application ended: {text}"))
    }
}

/// A page behind Apache with `mod_auth_openidc`; `port` is where the client's callback was registered.
pub(super) async fn apache(
    op: &Op,
    port: u16,
    (certificate, key): (&str, &str),
    ca: &Path,
) -> Result<(), String> {
    let home = tempfile::tempdir().unwrap();
    let page = home.path().join("app");
    std::fs::create_dir(&page).unwrap();
    std::fs::write(page.join("index.html"), "you are in").unwrap();
    open_to_all(home.path());
    // One process (`-X`): a worker of a killed Apache would go on, and hold what it inherited open.
    let _running = Command::new("/usr/sbin/apache2")
        .args(["-X", "-f"])
        .arg(repository().join("tests/peers/oidc/apache.conf"))
        .env("RUN_USER", "www-data")
        .env("HOME_OF_RUN", home.path())
        .env("PORT", port.to_string())
        .envs([("CERTIFICATE", certificate), ("KEY", key), ("ISSUER", &op.issuer)])
        .env("PROVIDER_CA", ca)
        .envs([("CLIENT_ID", APACHE), ("CLIENT_SECRET", &op.secrets[APACHE])])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let url = Url::parse(&format!("https://localhost:{port}/app/index.html")).unwrap();
    let client = super::super::trusting(&std::fs::read(certificate).unwrap());
    let mut at_app = Browser::new(client, op.typed.0.clone());
    let shown =
        weft::testkit::until("Apache answers", async || at_app.clone().get(&url).await).await;
    drop(shown);
    let shown = at_app.get(&url).await?;
    let shown = op.browser().walk(&away(&shown)?).await?;
    let shown = at_app.get(&away(&shown)?).await?;
    if shown.status == 200 && shown.body.contains("you are in") {
        return Ok(());
    }
    let log = std::fs::read_to_string(home.path().join("apache.log")).unwrap_or_default();
    Err(format!("{} at {}: {}\n{log}", shown.status, shown.url, shown.body))
}

fn away(shown: &Shown) -> Result<Url, String> {
    shown
        .away
        .clone()
        .ok_or_else(|| format!("stayed at {} with {}: {}", shown.url, shown.status, shown.body))
}

/// Apache gives up being root, if it is, before it opens these.
fn open_to_all(directory: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o777)).unwrap();
}
