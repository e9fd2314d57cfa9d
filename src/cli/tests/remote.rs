//! A server elsewhere: checked against the certificates that were named, and told who asks.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::house::{runtime, weft};
use super::workload::{Agent, Served};
use crate::env::{Clock, SystemClock};
use crate::http::{Door, PeerInfo};
use crate::jobs::Tasks;

/// A server whose `whoami` tells what it was shown.
struct Elsewhere {
    directory: TempDir,
    address: SocketAddr,
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Elsewhere {
    fn new() -> Self {
        crate::crypto::tls::install_provider();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
        let ca = ca.expect("signed");
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("ca.pem"), ca.pem()).expect("written");
        let address = serve(&ca);
        Self { directory, address, ca }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// An agent whose SVID this server accepts.
    fn agent(&self) -> Served {
        let (chain, key) = leaf(&self.ca);
        Agent::with(&chain, key.secret_der(), self.ca.der()).serve()
    }
}

fn leaf(ca: &CertifiedIssuer<'static, KeyPair>) -> (Vec<u8>, PrivateKeyDer<'static>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    params.is_ca = IsCa::ExplicitNoCa;
    let certificate = params.signed_by(&key, ca).expect("signed");
    (certificate.der().to_vec(), PrivateKeyDer::Pkcs8(key.serialize_der().into()))
}

fn serve(ca: &CertifiedIssuer<'static, KeyPair>) -> SocketAddr {
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).expect("a root");
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated();
    let (chain, key) = leaf(ca);
    let mut config = rustls::ServerConfig::builder()
        .with_client_cert_verifier(verifier.build().expect("roots"))
        .with_single_cert(vec![chain.into()], key)
        .expect("a pair");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async move {
            let door = Door::tcp("elsewhere", ([127, 0, 0, 1], 0).into()).expect("a door");
            sender.send(door.tcp_address().expect("an address")).expect("told");
            let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
            let tasks = Tasks::new(Arc::clone(&clock));
            let choose =
                Arc::new(move |_: &rustls::server::ClientHello<'_>| Some(Arc::clone(&config)));
            let app = Router::new().route("/api/v1/whoami", get(whoami));
            door.tls(choose).serve(app, &tasks, clock);
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().expect("it serves")
}

/// The realm's name tells what came: how many certificates, and which token.
async fn whoami(peer: axum::Extension<PeerInfo>, headers: HeaderMap) -> axum::Json<Value> {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    let seen = format!("{} certificates, {}", peer.chain().len(), token.unwrap_or("no token"));
    axum::Json(
        json!({ "realm": seen, "trust_domain": "a.test", "spiffe_id": null, "uid": null, "proof": "nothing", "listener": "mtls", "holds": [] }),
    )
}

#[test]
fn a_server_is_checked_against_the_certificates_that_were_named_and_no_others() {
    let elsewhere = Elsewhere::new();
    let ran = weft(&["whoami", "--server", &elsewhere.url()]);
    assert_eq!(ran.code, 3, "a stranger is not talked to");
    assert!(
        ran.notes.contains("is not reachable") && ran.notes.contains("--server-ca"),
        "{}",
        ran.notes
    );
    let other = Elsewhere::new().file("ca.pem").display().to_string();
    assert_eq!(
        weft(&["whoami", "--server", &elsewhere.url(), "--server-ca", &other]).code,
        1,
        "a file that is gone"
    );
    let ca = elsewhere.file("ca.pem").display().to_string();
    let ran = weft(&["whoami", "--server", &elsewhere.url(), "--server-ca", &ca]);
    assert!(
        ran.code == 0 && ran.out.contains("0 certificates, no token"),
        "{} {}",
        ran.out,
        ran.notes
    );
}

#[test]
fn an_svid_from_the_agent_is_shown_to_the_server() {
    let elsewhere = Elsewhere::new();
    let agent = elsewhere.agent();
    let ca = elsewhere.file("ca.pem").display().to_string();
    let ran = weft(&[
        "whoami",
        "--server",
        &elsewhere.url(),
        "--server-ca",
        &ca,
        "--svid-socket",
        &agent.socket(),
    ]);
    assert!(ran.out.contains("1 certificates, no token"), "{} {}", ran.out, ran.notes);
}

#[test]
fn a_token_is_shown_from_its_file() {
    let elsewhere = Elsewhere::new();
    let ca = elsewhere.file("ca.pem").display().to_string();
    let token = elsewhere.file("token");
    std::fs::write(&token, "t0ken\n").expect("written");
    let token = token.display().to_string();
    let ran =
        weft(&["whoami", "--server", &elsewhere.url(), "--server-ca", &ca, "--token-file", &token]);
    assert!(ran.out.contains("0 certificates, Bearer t0ken"), "{} {}", ran.out, ran.notes);
    let ran = weft(&["whoami", "--server", &elsewhere.url(), "--token-file", "/no/such/file"]);
    assert!(ran.code == 1 && ran.notes.contains("`/no/such/file` cannot be read"), "{}", ran.notes);
}
