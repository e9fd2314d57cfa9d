//! A machine whose files are as a laptop's should be, with `weft device` on it as it is.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::json;
use tokio::process::{Child, Command};
use weft::kernel::UserId;
use weft::testkit::{TestServer, repository, until};

use crate::admin_api::ask;

/// The machine, its device's files, and the server it belongs to.
#[derive(Debug)]
pub(crate) struct Laptop {
    directory: tempfile::TempDir,
    /// The addresses of the doors `public` and `mtls`.
    pub(crate) doors: [String; 2],
    /// The certificate of both, in PEM.
    pub(crate) certificate: PathBuf,
    /// The port at which browsers are answered.
    pub(crate) port: u16,
}

impl Laptop {
    /// Switched on, with its disk encrypted: the tree that the demo looks at.
    pub(crate) async fn new(doors: [String; 2], certificate: PathBuf, port: u16) -> Self {
        let laptop = Self { directory: tempfile::tempdir().unwrap(), doors, certificate, port };
        let script = repository().join("scripts/demo-device").display().to_string();
        let made = Command::new("bash")
            .args(["-c", ". \"$0\"; machine_tree \"$1\"", &script, &laptop.path("machine")])
            .status()
            .await;
        assert!(made.unwrap().success());
        laptop
    }

    pub(crate) fn encrypt_disk(&self, yes: bool) {
        let file = self.directory.path().join("machine/sys/block/dm-0/dm/uuid");
        fs::write(file, if yes { "CRYPT-LUKS2-0123-disk_crypt\n" } else { "LVM-0123\n" }).unwrap();
    }

    /// Looks at itself and reports, once.
    pub(crate) async fn report(&self) {
        assert!(self.device("report").status().await.unwrap().success());
    }

    /// `weft device run`, which enrols it as this person's; ends when it is dropped. Gives it once the server knows what the
    /// machine says of itself, as the only device that it has.
    pub(crate) async fn run(&self, server: &TestServer, owner: UserId) -> Child {
        let wish = json!({"class": "laptop", "uses_max": 1, "owner": owner.to_string()});
        let (status, made) = ask(server, "POST", "device-tokens", "", Some(wish)).await;
        assert_eq!(status, 201, "{made}");
        let running = self.enrolling(made["secret"].as_str().unwrap());
        until("the machine has reported", async || {
            let (_, all) = ask(server, "GET", "devices", "", None).await;
            let level = all["items"][0]["level"].as_str().unwrap_or("none").to_owned();
            if matches!(&*level, "restricted" | "standard") { Ok(()) } else { Err(level) }
        })
        .await;
        running
    }

    fn enrolling(&self, token: &str) -> Child {
        fs::write(self.path("token"), token).unwrap();
        self.device("run")
            .args(["--enroll-server", &self.doors[0], "--token-file", &self.path("token")])
            .args(["--loopback-port", &self.port.to_string(), "--name", "dora-laptop"])
            .spawn()
            .unwrap()
    }

    fn device(&self, command: &str) -> Command {
        let mut weft = Command::new(env!("CARGO_BIN_EXE_weft"));
        weft.args(["device", command, "--server", &self.doors[1]])
            .args(["--ca", &self.certificate.display().to_string(), "--dir", &self.path("device")])
            .args(["--root", &self.path("machine")])
            .stdout(Stdio::null())
            .kill_on_drop(true);
        weft
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}
