//! What the targets stand on: keys and certificates made for this run, a database with one join token.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tokio::runtime::Runtime;
use weft::agent::attest::{Attestor, X509Pop as AgentPop};
use weft::agent::settings;
use weft::crypto::jose::{JwtKeys, TokenSigner};
use weft::crypto::keys::{Algorithm, PrivateKey, PublicKey, Signer};
use weft::crypto::x509::{CaTemplate, Issuer, LeafTemplate, Roots, Serial, self_signed_ca};
use weft::db::Engine;
use weft::env::{Env, SystemEntropy};
use weft::kernel::{Lifetime, Timestamp, TrustDomain};
use weft::nodes::attestors::X509Pop;
use weft::testkit::{SeededEntropy, TestClock, TestDatabase, TestServer};

/// The time of every judgement.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// Made once; the targets do not change it.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) env: Env,
    /// The one join token there is; what it was used for was the same key as in every later use.
    pub(crate) token: String,
    pub(crate) node: Node,
    /// Another authority that is accepted too, which vouches for nobody.
    pub(crate) other_root: Vec<u8>,
    pub(crate) roots: Roots,
    pub(crate) x509pop: X509Pop,
    pub(crate) agent: Attestor,
    pub(crate) signer: TokenSigner,
    pub(crate) jwt_keys: JwtKeys,
    leaf_text: String,
    root_text: String,
    other_text: String,
    server: Option<TestServer>,
}

/// A node with a certificate of a PKI.
pub(crate) struct Node {
    pub(crate) key: PrivateKey,
    pub(crate) leaf: Vec<u8>,
    pub(crate) root: Vec<u8>,
}

impl World {
    /// A server with one token, and a node.
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (server, token) = runtime.block_on(async {
            let server = TestServer::start(&TestDatabase::new(Engine::Sqlite).await).await;
            let token = server.token().await.expose().clone();
            (server, token)
        });
        let clock = Arc::new(TestClock::at(NOW));
        let db = server.server().env.db.clone();
        let env = Env { db, clock, entropy: Arc::new(SeededEntropy::new(7)) };
        let (node, other_root) = (Node::new(), authority().0);
        let domain = TrustDomain::parse("node.pki").unwrap();
        let port: Arc<dyn Signer> = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
        let public: PublicKey = port.public_key().clone();
        Self {
            runtime,
            env,
            token,
            roots: Roots::new(domain, [node.root.as_slice()]).unwrap(),
            x509pop: X509Pop::new(vec![node.root.clone(), other_root.clone()]),
            agent: node.agent(),
            signer: TokenSigner::new(port, "k1", "JWT"),
            jwt_keys: JwtKeys::new([("k1".to_owned(), public)]),
            leaf_text: STANDARD.encode(&node.leaf),
            root_text: STANDARD.encode(&node.root),
            other_text: STANDARD.encode(&other_root),
            node,
            other_root,
            server: Some(server),
        }
    }

    /// The marks of certificates in a payload, with their base64.
    pub(crate) fn certificates(&self) -> [(&str, &str); 3] {
        [("$LEAF", &self.leaf_text), ("$ROOT", &self.root_text), ("$OTHER", &self.other_text)]
    }

    /// The node's own answer to a challenge.
    pub(crate) fn answer(&self, challenge: &[u8]) -> Vec<u8> {
        self.agent.answer(challenge, &SeededEntropy::new(2)).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            self.runtime.block_on(async { server.stop().await });
        }
    }
}

impl Node {
    fn new() -> Self {
        let (root, issuer) = authority();
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let leaf = LeafTemplate {
            id: &TrustDomain::parse("node.pki").unwrap().with_path("/node/1").unwrap(),
            dns_names: &[],
            organization: Some("Weft"),
            serial: Serial::new(&SystemEntropy::default()).unwrap(),
            not_before: NOW.minus(Lifetime::hours(1)),
            not_after: NOW.plus(Lifetime::days(1)),
        };
        Self { leaf: issuer.sign_leaf(&leaf, key.public()).unwrap(), key, root }
    }

    /// The agent that holds it, which reads it from files.
    fn agent(&self) -> Attestor {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let certificate = directory.path().join("node.pem");
        let private_key = directory.path().join("node.key");
        std::fs::write(&certificate, pem("CERTIFICATE", &self.leaf)).unwrap();
        std::fs::write(&private_key, pem("PRIVATE KEY", self.key.to_pkcs8().unwrap().expose()))
            .unwrap();
        std::fs::set_permissions(&private_key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let files = settings::X509Pop { certificate, private_key };
        Attestor::X509Pop(AgentPop::load(&files).unwrap())
    }
}

fn authority() -> (Vec<u8>, Issuer) {
    let key = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
    let template = CaTemplate {
        trust_domain: &TrustDomain::parse("node.pki").unwrap(),
        serial: Serial::new(&SystemEntropy::default()).unwrap(),
        not_before: NOW.minus(Lifetime::days(1)),
        not_after: NOW.plus(Lifetime::days(30)),
        path_length: None,
    };
    let der = self_signed_ca(&template, key.as_ref()).unwrap();
    let issuer = Issuer::new(&der, key).unwrap();
    (der, issuer)
}

fn pem(kind: &str, der: &[u8]) -> String {
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The checksum of join strings.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}
