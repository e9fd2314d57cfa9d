//! The database goes away and comes back: issuance goes on, changes are refused, nobody restarts anything.

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::x509::{csr, svid_of_verified_peer};
use weft::db::Engine;
use weft::devices::EnrolDevice;
use weft::env::{Clock as _, SystemClock};
use weft::kernel::{
    Caller, DeviceId, Evidence, EvidenceSource, Failure, Kind, Level, Lifetime, Listener, Proof,
    RealmId, Secret, Situation, Strength, Subject, SubjectId, SubjectKind, Timestamp,
};
use weft::posture::Sent;
use weft::svid::IssueX509;
use weft::testkit::postgres::{PostgresServer, Stop};
use weft::testkit::{TestAgent, TestDatabase, TestServer, engines, until, within};
use weft::workloads::JwtAsk;

use super::{Fabric, connect, me, source, until_given};
use crate::admin_api::ask;
use crate::rights::devices::report;
use crate::statements::caller;

#[tokio::test]
async fn without_its_database_the_server_goes_on_issuing_and_refuses_changes() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let database = TestDatabase::with_server(PostgresServer::start());
    let server = TestServer::start(&database).await;
    let agent = TestAgent::join(&server).await;
    let draft = server.draft("/web", agent.id(), &[&me()]);
    server.create_draft(weft::workloads::Draft { x509_svid_ttl_seconds: 8, ..draft.clone() }).await;
    until_given(&agent, "/web").await;
    let web = source(&agent, "/web").await;

    database.server().unwrap().stop(Stop::Immediate);
    let before = web.svid().unwrap().leaf().as_ref().to_vec();
    until("an X.509-SVID is issued without the database", async || {
        let now = web.svid().unwrap().leaf().as_ref().to_vec();
        if now == before { Err("the old one") } else { Ok(()) }
    })
    .await;
    let client = connect(&agent).await.unwrap();
    let token =
        within("a JWT-SVID without the database", client.fetch_jwt_svid(["billing"], None)).await;
    assert_eq!(token.unwrap().spiffe_id().to_string(), "spiffe://weft.test/web");
    let late = server.draft("/late", agent.id(), &[&me()]);
    let refused =
        within("a change is refused", server.try_create(vec![late.clone()])).await.unwrap_err();
    assert_eq!(Failure::from(refused).kind, Kind::Unavailable);

    database.server().unwrap().start_again();
    until("changes are taken again", async || server.try_create(vec![late.clone()]).await).await;
    until_given(&agent, "/late").await;
}

#[tokio::test]
async fn a_server_that_has_not_seen_its_database_for_too_long_refuses_and_says_so() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let database = TestDatabase::with_server(PostgresServer::start());
    let soon = |all: &mut weft::server::Settings| all.storage.away_max_seconds = 8;
    let server = TestServer::start_with(&database, soon).await;
    let agent = TestAgent::join(&server).await;
    let fabric = Fabric { server, agent };
    let entry = fabric.entry("/web").await.id.to_string();
    let (caller, at) = (caller(&fabric), fabric.server.addresses().ops);
    let issue = async || {
        let ask = JwtAsk { entry: entry.clone(), audience: vec!["billing".to_owned()] };
        let issued = fabric.server.server().workloads.issue_jwt(&caller, ask).await;
        issued.map(drop).map_err(Failure::from)
    };
    until("it is ready", async || ready(at, 200, "reached").await).await;

    database.server().unwrap().stop(Stop::Immediate);
    issue().await.expect("for a while it goes on");
    until("it says that it sees nothing", async || ready(at, 200, "changes are refused").await)
        .await;
    issue().await.expect("for a while it goes on");
    let refused = until("it issues nothing more", async || match issue().await {
        Ok(()) => Err("it does"),
        Err(refused) => Ok(refused),
    })
    .await;
    assert_eq!((refused.kind, refused.code), (Kind::Unavailable, "svid.out_of_sight"));
    until("it sends requests elsewhere", async || ready(at, 503, "nothing is issued").await).await;

    database.server().unwrap().start_again();
    until("it issues again by itself", async || issue().await).await;
    until("it is ready again", async || ready(at, 200, "reached").await).await;
}

#[tokio::test]
async fn without_its_database_a_device_goes_on_ageing_and_what_it_gets_is_decided_by_that() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let database = TestDatabase::with_server(PostgresServer::start());
    let server = TestServer::start(&database).await;
    let inside = server.server();
    let document = "name = \"quick\"\nversion = 1\nlevels = { trusted = 80, standard = 60, restricted = 40 }\n\
        [[profile]]\nname = \"linux-laptop\"\n[[profile.signal]]\nname = \"ssh\"\nweight = 10000\n\
        fresh_seconds = 4\n";
    let wish = json!({"document": document});
    let (status, set) = ask(&server, "PUT", "posture-models/active", "", Some(wish)).await;
    assert_eq!(status, 200, "{set}");
    let device = enrolled(&server).await;
    let made = || Sent { gzip: false, bytes: report(10_000).to_string().into_bytes().into() };
    inside.posture.take(&device, made()).await.unwrap();
    let id = DeviceId::of_spiffe_id(device.subject.as_ref().unwrap()).unwrap();
    let level = || inside.posture.of_device(id).level;
    let decided = || {
        let subject = Subject {
            kind: SubjectKind::Workload,
            id: server.id("/web"),
            number: SubjectId::new(uuid::Uuid::from_u128(7)),
        };
        let evidence = Evidence {
            subject,
            source: EvidenceSource::WorkloadAttestation,
            strength: Strength::Software,
            at: SystemClock::new().now(),
            expires: Timestamp::FOREVER,
            device: Some(id),
            situation: Situation::default(),
        };
        let standing = inside.posture.standing(&evidence);
        let asked = IssueX509::for_holder(RealmId::FIRST, evidence, standing, Lifetime::hours(1));
        let node = Subject {
            kind: SubjectKind::Node,
            id: server.id("/spire/agent/x509pop/a"),
            number: SubjectId::new(uuid::Uuid::from_u128(8)),
        };
        inside.access.permit(IssueX509 { requester: Some(node), ..asked }).map(drop)
    };
    database.server().unwrap().stop(Stop::Immediate);
    let fresh = (level(), decided());
    let refused = inside.posture.take(&device, made()).await.map(drop).unwrap_err();
    assert_eq!(Failure::from(refused).kind, Kind::Unavailable);
    until("silence sinks it", async || match level() {
        Level::Quarantine => Ok(()),
        other => Err(other),
    })
    .await;
    assert!(decided().is_err(), "what it is now decides");
    assert!(fresh.0 > Level::Quarantine && fresh.1.is_ok(), "it was well: {fresh:?}");

    database.server().unwrap().start_again();
    until("reports are taken again", async || inside.posture.take(&device, made()).await.map(drop))
        .await;
}

/// A laptop that has enrolled, as it calls.
async fn enrolled(server: &TestServer) -> Caller {
    let made = ask(server, "POST", "device-tokens", "", Some(json!({"class": "laptop"}))).await.1;
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let ask = EnrolDevice {
        realm: RealmId::FIRST,
        secret: Secret::new(made["secret"].as_str().unwrap().to_owned()),
        csr: csr::create(&key).unwrap(),
        name: "laptop".to_owned(),
        platform: "linux".to_owned(),
        situation: Situation::default(),
    };
    let given = server.server().devices.enrol(ask).await.unwrap();
    let leaf = svid_of_verified_peer(&given.svid.chain[0]).unwrap();
    let proof = Proof::X509Svid {
        serial: leaf.serial,
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        key_digest: leaf.key_digest,
    };
    Caller {
        realm: RealmId::FIRST,
        subject: Some(leaf.id),
        proof,
        listener: Listener::Mtls,
        address: None,
    }
}

/// Whether `/ready` answers with this status and says these words of the database.
async fn ready(at: SocketAddr, status: u16, words: &str) -> Result<(), String> {
    let request = "GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let failed = |why: std::io::Error| why.to_string();
    let mut stream = TcpStream::connect(at).await.map_err(failed)?;
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(failed)?;
    let as_told = answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(words);
    if as_told { Ok(()) } else { Err(answer) }
}
