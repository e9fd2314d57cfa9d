//! A machine whose files are as a laptop's should be, with `weft device` on it as it is.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::{Child, Command};
use weft::testkit::repository;

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

    /// `weft device run`, which enrols it with this token; ends when it is dropped.
    pub(crate) fn run(&self, token: &str) -> Child {
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
