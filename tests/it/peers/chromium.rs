//! Chromium, unmodified, at a real Weft: passkeys by a virtual authenticator, and a sign-in without scripts.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use url::Url;
use weft::crypto::digest::sha256;
use weft::testkit::repository;

use super::site::{PASSWORD, Site};
use super::{free_port, node_modules, run, run_beside, text};
use crate::laptop::Laptop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_sign_in_with_passkeys_and_without_scripts() {
    let port = free_port();
    let site = Site::start_with(|settings, _| settings.devices.loopback_port = port).await;
    let _running = laptop_of(&site, "dora", port).await;
    site.person("ann", "+493012345678").await;
    site.person("bob", "+493087654321").await;
    site.client("shop", "web", &[CALLBACK], json!({"consent": "first_party"})).await;
    let enrolment = administrator(&site).await;
    let script = repository().join("tests/peers/pages/sign_in.mjs");
    let modules = format!("WEFT_PEERS_NODE={}", node_modules().display());
    let mut arguments = vec![modules, format!("PASSWORD={PASSWORD}"), "node".to_owned()];
    arguments.extend([script.display().to_string(), site.issuer.clone(), pin(&site.certificate)]);
    arguments.extend([
        enrolment,
        authorize(&site, &[]),
        authorize(&site, &[("acr_values", "aal2")]),
    ]);
    let told = run_beside("env", arguments).await;
    let (lines, counts) = told.trim_end().rsplit_once('\n').unwrap_or(("", told.trim_end()));
    println!("{lines}");
    let Counts { steps, held } = serde_json::from_str(counts).unwrap();
    println!(
        "proof: Chromium with a virtual authenticator, and with scripts off: steps {steps}, held {held}"
    );
    assert!(held == steps && steps >= 10, "{told}");
}

#[derive(serde::Deserialize)]
struct Counts {
    steps: usize,
    held: usize,
}

/// This person's laptop, which answers browsers.
async fn laptop_of(site: &Site, name: &str, port: u16) -> (Laptop, tokio::process::Child) {
    let owner = site.person(name, "+493055555555").await;
    let mtls = format!("https://localhost:{}", site.server.addresses().mtls.port());
    let laptop = Laptop::new([site.issuer.clone(), mtls], site.certificate.clone(), port).await;
    let running = laptop.run(&site.server, owner).await;
    (laptop, running)
}

/// The first administrator, made on the server's own machine; gives the link that the command line prints.
async fn administrator(site: &Site) -> String {
    let socket = site.server.data_dir().join("admin.sock").display().to_string();
    let made = tokio::process::Command::new(env!("CARGO_BIN_EXE_weft"))
        .args(["admin", "create", "root", "--server-socket", &socket])
        .output()
        .await
        .unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    text(&made.stdout).trim().to_owned()
}

/// An authorization request of the application.
fn authorize(site: &Site, more: &[(&str, &str)]) -> String {
    let mut url = Url::parse(&format!("{}/authorize", site.issuer)).unwrap();
    url.query_pairs_mut()
        .extend_pairs([("client_id", "shop"), ("response_type", "code"), ("scope", "openid")])
        .extend_pairs([("redirect_uri", CALLBACK), ("state", "the state")])
        .extend_pairs([("code_challenge", CHALLENGE), ("code_challenge_method", "S256")])
        .extend_pairs(more);
    url.into()
}

/// The digest of the certificate's public key, by which Chromium knows it.
fn pin(certificate: &Path) -> String {
    let path = certificate.display().to_string();
    let key = run("openssl", &["x509", "-in", &path, "-noout", "-pubkey"], b"");
    let der: String = key.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.encode(sha256(&STANDARD.decode(der).unwrap()))
}

const CALLBACK: &str = "https://rp.example.org/cb";
/// Of RFC 7636, appendix B: no code of this test is exchanged.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
