//! Every kind of token in every other kind's place.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls_pki_types::ServerName;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use weft::testkit::{TestAgent, TestDatabase, TestServer, engines, private_file, within};
use weft::wire::join::JoinText;
use weft::workloads::JwtAsk;

use super::foreign_agent::{ForeignAgent, Key};
use crate::admin_api::ask;
use crate::flows::{Fabric, connect, until_given};
use crate::statements::caller;

/// Where a token can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A workload has it validated.
    WorkloadApi,
    /// The bearer calls the admin API.
    AdminApi,
    /// A node joins with it.
    Attestation,
    /// `weft agent --join`.
    JoinString,
    /// The next page of a listing.
    Cursor,
}

const PLACES: [Place; 5] =
    [Place::WorkloadApi, Place::AdminApi, Place::Attestation, Place::JoinString, Place::Cursor];

/// A server whose public door shows a certificate of ours, with an agent.
struct House {
    fabric: Fabric,
    entry: String,
    certificate: Vec<u8>,
    _directory: TempDir,
}

#[tokio::test]
async fn no_kind_of_token_passes_for_another() {
    let database = TestDatabase::new(engines()[0]).await;
    let house = House::new(&database).await;
    let (mut kinds, mut tried) = (0, 0);
    for (kind, token, place) in house.tokens().await {
        for other in PLACES.into_iter().filter(|other| *other != place) {
            assert!(!house.takes(other, &token).await, "{kind} passes at {other:?}");
            tried += 1;
        }
        assert!(house.takes(place, &token).await, "{kind} is refused where it belongs");
        kinds += 1;
    }
    println!("proof: {kinds} kinds of token in {tried} places of others: passed 0");
    assert_eq!((kinds, tried), (5, 20));
}

impl House {
    async fn new(database: &TestDatabase) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let (chain, private) =
            (directory.path().join("chain.pem"), directory.path().join("key.pem"));
        std::fs::write(&chain, certificate.pem()).unwrap();
        private_file(&private, key.serialize_pem());
        let server = TestServer::start_with(database, move |all| {
            all.listen.certificate = Some(chain);
            all.listen.certificate_key = Some(private);
        })
        .await;
        let agent = TestAgent::join(&server).await;
        let fabric = Fabric { server, agent };
        let entry = fabric.entry("/web").await.id.to_string();
        until_given(&fabric.agent, "/web").await;
        Self { fabric, entry, certificate: certificate.der().to_vec(), _directory: directory }
    }

    async fn tokens(&self) -> [(&'static str, String, Place); 5] {
        let server = &self.fabric.server;
        let (_, status) = ask(server, "GET", "status", "", None).await;
        let api = format!("{}/api", status["realm"]["issuer"].as_str().expect("an issuer"));
        // Two at least, so that a page of one has a next.
        let (secret, join) = (server.token().await.expose().clone(), server.join_string().await);
        let (_, page) = ask(server, "GET", "join-tokens?limit=1", "", None).await;
        let cursor = page["next_cursor"].as_str().expect("a further page").to_owned();
        [
            ("a JWT-SVID for a workload", self.jwt("billing").await, Place::WorkloadApi),
            ("a JWT-SVID for the admin API", self.jwt(&api).await, Place::AdminApi),
            ("the secret of a join token", secret, Place::Attestation),
            ("a join string", join, Place::JoinString),
            ("a cursor", cursor, Place::Cursor),
        ]
    }

    async fn jwt(&self, audience: &str) -> String {
        let ask = JwtAsk { entry: self.entry.clone(), audience: vec![audience.to_owned()] };
        let caller = caller(&self.fabric);
        let issued = self.fabric.server.server().workloads.issue_jwt(&caller, ask).await;
        issued.unwrap().1.token
    }

    /// True if this token opens this place.
    async fn takes(&self, place: Place, token: &str) -> bool {
        let server = &self.fabric.server;
        match place {
            Place::WorkloadApi => {
                let client = connect(&self.fabric.agent).await.unwrap();
                within("validate", client.validate_jwt_token("billing", token)).await.is_ok()
            }
            Place::AdminApi => self.bearer(token).await,
            Place::Attestation => {
                ForeignAgent::new(server).attest(token, &Key::new()).await.is_ok()
            }
            Place::JoinString => JoinText::new(token.to_owned()).parse().is_ok(),
            Place::Cursor => {
                let path = format!("join-tokens?limit=1&cursor={token}");
                let (status, body) = ask(server, "GET", &path, "", None).await;
                assert!(status == 200 || status == 400, "{status}: {body}");
                status == 200
            }
        }
    }

    /// True if the public door knows the caller by this token.
    async fn bearer(&self, token: &str) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone().into()).unwrap();
        let config =
            rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let socket = TcpStream::connect(self.fabric.server.addresses().public).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap();
        let request = format!(
            "GET /api/v1/whoami HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        tls.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // Without a closing alert the text is whole all the same: it is parsed below.
        let _end = tls.read_to_string(&mut answer).await;
        if answer.starts_with("HTTP/1.1 401 ") {
            return false;
        }
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["spiffe_id"], json!("spiffe://weft.test/web"));
        true
    }
}
