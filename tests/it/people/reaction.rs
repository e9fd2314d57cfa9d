//! A signal breaks on one of a thousand devices: what hangs off it ends at once, at both replicas.
//!
//! Each device reports to one replica; its person's browser and program and its node are at the other, and what is measured is
//! how long after the answer to the report these still get what they had.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use weft::crypto::jose::TokenSigner;
use weft::crypto::keys::{Algorithm, PrivateKey, Signer};
use weft::crypto::tls::{CurrentCertificate, CurrentRoots, ExpectedPeer};
use weft::crypto::x509::{Roots, csr, pem, pem_certificates};
use weft::db::Engine;
use weft::env::{Clock as _, SystemClock};
use weft::kernel::{Lifetime, RealmId, SpiffeId};
use weft::posture::scoring::shipped_text;
use weft::testkit::{TestDatabase, TestServer, engines, on_each_database, until, within};
use weft::wire::device_proof::{self, Question};
use weft::wire::on_device::{TYPE, claims};
use weft_proto::node::v1 as push;
use weft_proto::node::v1::node_client::NodeClient;
use weft_proto::spire::api::server::agent::v1 as agent_api;
use weft_proto::spire::api::server::agent::v1::agent_client::AgentClient;
use weft_proto::spire::api::server::svid::v1::svid_client::SvidClient;
use weft_proto::spire::api::server::svid::v1::{
    BatchNewX509svidRequest, NewJwtsvidRequest, NewX509svidParams,
};
use weft_proto::spire::api::types;

use super::home::{Answer, App, Home, PASSWORD, basic, came_back, redemption, refreshment};
use crate::flows::waited;
use crate::protocols::foreign_agent::dial;
use crate::rights::devices::report;
use crate::walker::html::links;
use crate::walker::{Browser, Shown};

/// A device that has enrolled: programs on it show its SVID, and browsers what its key signed.
struct Device {
    spiffe_id: String,
    key: Arc<PrivateKey>,
    svid: Vec<String>,
    http: reqwest::Client,
}

impl Device {
    async fn enrolled(home: &Home, token: &str) -> Self {
        let key = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
        let csr = STANDARD.encode(csr::create(key.as_ref()).unwrap());
        let machine = json!({"token": token, "csr": csr, "name": "laptop", "platform": "linux"});
        let kind = [("content-type", "application/json".to_owned())];
        let path = "/api/v1/devices/enrol";
        let given = home.send(Method::POST, path, &kind, machine.to_string()).await;
        assert_eq!(given.status, 201, "{}", given.text);
        let pkcs8 = key.to_pkcs8().unwrap();
        let mut own = pem("PRIVATE KEY", pkcs8.expose()).as_bytes().to_vec();
        own.extend_from_slice(given.member("chain").as_bytes());
        let http = reqwest::Client::builder()
            .identity(reqwest::Identity::from_pem(&own).unwrap())
            .tls_certs_only([])
            .tls_danger_accept_invalid_certs(true)
            .no_proxy()
            .build()
            .unwrap();
        let chain = pem_certificates(given.member("chain").as_bytes()).unwrap();
        let svid = chain.iter().map(|der| STANDARD.encode(der)).collect();
        Self { spiffe_id: given.member("spiffe_id").to_owned(), key, svid, http }
    }

    /// Signs somebody in, in a browser on it; what comes of the request.
    async fn sign_in(&self, browser: &mut Browser, request: &url::Url) -> Shown {
        let name = browser.typed["identifier"].clone();
        let shown = browser.get(request).await.unwrap();
        let shown = browser.press(&shown, "/identify", &[("identifier", &name)]).await.unwrap();
        let shown = browser.press(&shown, "/password", &[("password", PASSWORD)]).await.unwrap();
        let link = links(&shown.body).into_iter().find(|link| link.href.contains("127.0.0.1"));
        let link = link.unwrap_or_else(|| panic!("no device is asked for: {}", shown.body));
        let asked: BTreeMap<String, String> =
            url::Url::parse(&link.href).unwrap().query_pairs().into_owned().collect();
        let question = Question {
            issuer: &asked["issuer"],
            sign_in: &asked["sign_in"],
            challenge: &asked["challenge"],
        };
        let mut back = question.way_back().unwrap();
        let now = SystemClock::new().now().seconds();
        let key: Arc<dyn Signer> = Arc::<PrivateKey>::clone(&self.key);
        let proof = TokenSigner::new(key, "device", device_proof::TYPE).sign(&question.claims(
            &self.spiffe_id,
            &self.svid,
            now,
        ));
        back.query_pairs_mut().append_pair("proof", &proof.unwrap());
        let shown = browser.get(&back).await.unwrap();
        browser.go_on(shown).await.unwrap()
    }

    async fn post(&self, home: &Home, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(mtls(home, path)).json(body);
        let answer = within("an answer", request.send()).await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Says that all it looks at is this good.
    async fn report(&self, home: &Home, value: u16) {
        let told = self.post(home, "/api/v1/devices/self/reports", &report(value)).await;
        assert!((200..300).contains(&told.0), "{told:?}");
    }

    /// Shows a form at the token endpoint, with its key.
    async fn token(&self, home: &Home, app: &App, form: &[(&str, &str)]) -> Answer {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let request = self
            .http
            .post(mtls(home, "/token"))
            .header("authorization", basic(&app.id, &app.secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.extend_pairs(form).finish());
        Answer::of(within("tokens", request.send()).await.unwrap()).await.unwrap()
    }
}

fn mtls(home: &Home, path: &str) -> String {
    format!("https://localhost:{}{path}", home.server.addresses().mtls.port())
}

/// What an agent asks for its workload, over its own connection.
#[derive(Clone)]
struct Asking {
    key: Arc<PrivateKey>,
    /// The entry of its workload.
    entry: String,
    channel: tonic::transport::Channel,
}

impl Asking {
    /// A JWT-SVID of its workload.
    async fn jwt_svid(&self, audience: &str) -> String {
        let mut client = SvidClient::new(self.channel.clone());
        let ask =
            NewJwtsvidRequest { entry_id: self.entry.clone(), audience: vec![audience.to_owned()] };
        let answer = within("a JWT-SVID", client.new_jwtsvid(ask)).await.unwrap();
        answer.into_inner().svid.unwrap().token
    }

    /// Asks for what its workload gets, whatever it was told: the answers to one for an X.509-SVID and to one for a JWT-SVID.
    async fn asks(&self) -> [tonic::Code; 2] {
        let csr = csr::create(self.key.as_ref()).unwrap().into();
        let params = vec![NewX509svidParams { entry_id: self.entry.clone(), csr }];
        let mut client = SvidClient::new(self.channel.clone());
        let all = client.batch_new_x509svid(BatchNewX509svidRequest { params }).await;
        let x509 = all.map_or_else(
            |status| status.code(),
            |all| {
                let one = all.into_inner().results.remove(0);
                let code = one.status.map_or(0, |status| status.code);
                assert_eq!(one.svid.is_some(), code == 0, "an SVID, or why there is none");
                tonic::Code::from(code)
            },
        );
        let (entry_id, audience) = (self.entry.clone(), vec!["billing".to_owned()]);
        let jwt = client.new_jwtsvid(NewJwtsvidRequest { entry_id, audience }).await;
        let jwt = jwt.map_or_else(
            |status| status.code(),
            |one| {
                assert!(one.into_inner().svid.is_some());
                tonic::Code::Ok
            },
        );
        [x509, jwt]
    }
}

/// An agent with a push stream, which knows the published protocol only.
struct Agent {
    id: SpiffeId,
    chain: Vec<Vec<u8>>,
    asking: Asking,
    updates: Streaming<push::Update>,
    _acks: tokio::sync::mpsc::Sender<push::Ack>,
    refused: bool,
}

impl Agent {
    /// Joins, with one entry for its workloads.
    async fn joined(server: &TestServer) -> Self {
        let bundle = server.server().bundles.current(RealmId::FIRST).unwrap();
        let roots = CurrentRoots::none();
        let certificates = bundle.x509.iter().map(|root| &*root.certificate);
        roots.set(&Roots::new(server.trust_domain(), certificates).unwrap());
        let peer = ExpectedPeer::Exactly { id: server.id("/spire/server"), roots };
        let way = (server.addresses().node, "localhost");
        let key = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
        let svid = attest(dial(way, &peer, None), server, &key).await;
        let id = svid.id.unwrap();
        let id = SpiffeId::parse(&format!("spiffe://{}{}", id.trust_domain, id.path)).unwrap();
        let chain: Vec<Vec<u8>> = svid.cert_chain.iter().map(|der| der.to_vec()).collect();
        let shown = CurrentCertificate::none();
        shown.set(&chain, &key).unwrap();
        let entry = server.create(&format!("/on{}", id.path()), &id, &["unix:uid:0"]).await;
        let (acks, waiting) = tokio::sync::mpsc::channel(1);
        acks.send(push::Ack::default()).await.unwrap();
        let channel = dial(way, &peer, Some(&shown));
        let mut client = NodeClient::new(channel.clone());
        let updates = within("a stream", client.watch(ReceiverStream::new(waiting))).await;
        let updates = updates.unwrap().into_inner();
        let asking = Asking { key, entry: entry.id.to_string(), channel };
        Self { id, chain, asking, updates, _acks: acks, refused: false }
    }

    /// Runs on this device from now on, and may serve its workload.
    async fn moved_to(&mut self, home: &Home, device: &Device) {
        let now = SystemClock::new().now().seconds();
        let says = claims(self.id.as_str(), &device.spiffe_id, now);
        let key: Arc<dyn Signer> = Arc::<PrivateKey>::clone(&self.asking.key);
        let signed = TokenSigner::new(key, "agent", TYPE).sign(&says);
        let chain: String =
            self.chain.iter().map(|der| pem("CERTIFICATE", der).to_string()).collect();
        let ask = json!({"chain": chain, "statement": signed.unwrap()});
        let told = device.post(home, "/api/v1/devices/self/agent", &ask).await;
        assert_eq!(told.0, 200, "{told:?}");
        self.told(false).await;
    }

    /// Reads its stream until its workload is refused, or is not any more.
    async fn told(&mut self, refused: bool) {
        while self.refused != refused {
            let update = within("an update", self.updates.message()).await.unwrap().unwrap();
            for directive in update.directives {
                self.refused = matches!(directive.order, Some(push::directive::Order::Refused(_)));
            }
        }
    }
}

async fn attest(
    channel: tonic::transport::Channel,
    server: &TestServer,
    key: &PrivateKey,
) -> types::X509svid {
    let payload = server.token().await.expose().clone().into();
    let data = types::AttestationData { r#type: "join_token".to_owned(), payload };
    let params = agent_api::AgentX509svidParams { csr: csr::create(key).unwrap().into() };
    let params = agent_api::attest_agent_request::Params { data: Some(data), params: Some(params) };
    let step = agent_api::attest_agent_request::Step::Params(params);
    let request = agent_api::AttestAgentRequest { step: Some(step) };
    let answers = AgentClient::new(channel).attest_agent(tokio_stream::iter([request])).await;
    let answer = answers.unwrap().into_inner().message().await.unwrap().unwrap();
    match answer.step.unwrap() {
        agent_api::attest_agent_response::Step::Result(result) => result.svid.unwrap(),
        agent_api::attest_agent_response::Step::Challenge(_) => panic!("a token is challenged"),
    }
}

/// Two replicas, an application, and a token with which machines enrol.
struct World {
    homes: [Home; 2],
    app: App,
    _database: TestDatabase,
}

/// How long each of them still went on.
#[derive(Default)]
struct Times {
    renewal: Vec<Lifetime>,
    session: Vec<Lifetime>,
    agent: Vec<Lifetime>,
}

impl World {
    async fn start() -> Self {
        let database = TestDatabase::new(Engine::Postgres).await;
        let all_at_once = |settings: &mut weft::server::Settings| {
            settings.devices.enrolments_per_second = 0;
        };
        let first = Home::start_with(&database, all_at_once).await;
        let second = first.replica(&database).await;
        let app = first.app("app", "web", json!({})).await;
        let id = weft::kernel::ClientId::parse(&app.id).unwrap();
        until("the other replica knows the application", async || {
            let known = second.server.server().oauth.client(RealmId::FIRST, &id);
            known.map(drop).ok_or("not yet")
        })
        .await;
        Self { homes: [first, second], app, _database: database }
    }

    /// One person's devices, all of them good.
    async fn fleet(&self, name: &str, devices: usize) -> Vec<Device> {
        let near = &self.homes[0];
        let owner = near.person(name).await.to_string();
        let wish = json!({"class": "laptop", "uses_max": devices, "owner": owner});
        let made = near.administer(("POST", "device-tokens"), "", Some(wish)).await;
        let token = made["secret"].as_str().unwrap();
        let mut fleet = Vec::with_capacity(devices);
        for _ in 0..devices {
            let device = Device::enrolled(near, token).await;
            device.report(near, 10_000).await;
            fleet.push(device);
        }
        fleet
    }

    /// Breaks one after the other of this person's devices.
    async fn lane(&self, name: &str, fleet: Vec<Device>) -> Times {
        let [near, far] = &self.homes;
        let mut agent = Agent::joined(&far.server).await;
        let mut times = Times::default();
        for device in fleet {
            device.report(near, 10_000).await;
            let mut browser = near.browser(name);
            let shown = device.sign_in(&mut browser, &near.request(&self.app, &[])).await;
            let code = came_back(&shown).unwrap().remove("code").unwrap();
            let tokens = device.token(far, &self.app, &redemption(&code)).await;
            assert_eq!(tokens.status, 200, "{}", tokens.text);
            agent.moved_to(far, &device).await;
            let access = tokens.member("access_token").to_owned();
            assert_eq!(far.bearing(Method::GET, "/userinfo", &access).await.status, 200);
            let session = browser.cookie(&near.base, SESSION).unwrap().to_owned();
            browser.plant(&far.base, SESSION, &session);
            assert!(signed_in(&mut browser, far).await);

            device.report(near, 0).await;
            let asking = agent.asking.clone();
            let clock = SystemClock::new();
            let began = clock.elapsed();
            let (renewal, session, agent) = tokio::join!(
                async {
                    self.renewed_until_refused(&device, tokens.member("refresh_token")).await;
                    while asking.asks().await.contains(&tonic::Code::Ok) {}
                    waited(&clock, began)
                },
                async {
                    while far.bearing(Method::GET, "/userinfo", &access).await.status != 401 {}
                    while signed_in(&mut browser, far).await {}
                    waited(&clock, began)
                },
                async {
                    agent.told(true).await;
                    waited(&clock, began)
                }
            );
            times.renewal.push(renewal);
            times.session.push(session);
            times.agent.push(agent);
        }
        times
    }

    async fn renewed_until_refused(&self, device: &Device, token: &str) {
        let mut token = token.to_owned();
        loop {
            let answer = device.token(&self.homes[1], &self.app, &refreshment(&token)).await;
            if answer.status != 200 {
                let refusal = answer.refusal();
                assert!(matches!(refusal, (400, "invalid_grant" | "access_denied")), "{refusal:?}");
                return;
            }
            token = answer.member("refresh_token").to_owned();
        }
    }

    /// How many events of this kind, which end something for its device's sake, are in the log.
    async fn ended(&self, kind: &str) -> usize {
        let (mut count, mut after) = (0, String::new());
        loop {
            let path = format!("events?kind={kind}{after}");
            let page = self.homes[0].administer(("GET", &path), "", None).await;
            let items = page["items"].as_array().unwrap();
            count += items.iter().filter(|item| item["about"]["device"].is_string()).count();
            match page["next_cursor"].as_str() {
                Some(next) => after = format!("&cursor={next}"),
                None => return count,
            }
        }
    }
}

/// True as long as this browser is shown its person's own page.
async fn signed_in(browser: &mut Browser, home: &Home) -> bool {
    let shown = browser.get(&home.url("/account")).await.unwrap();
    shown.url.path() == "/account"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hangs_off_a_device_ends_within_a_second_of_its_drop_at_both_replicas() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let world = World::start().await;
    let (ann, bob) = tokio::join!(world.fleet("ann", DEVICES / 2), world.fleet("bob", DEVICES / 2));
    let (one, two) = tokio::join!(world.lane("ann", ann), world.lane("bob", bob));
    let p99 = |of: fn(&Times) -> &Vec<Lifetime>| {
        let mut all: Vec<_> = of(&one).iter().chain(of(&two)).copied().collect();
        all.sort_unstable();
        (all.len(), all[all.len() * 99 / 100].as_micros() / 1000)
    };
    let (samples, renewal) = p99(|times| &times.renewal);
    let (session, agent) = (p99(|times| &times.session).1, p99(|times| &times.agent).1);
    let sessions = world.ended("session.ended").await;
    assert_eq!(sessions, samples, "each ended once, by one of the replicas");
    println!(
        "proof: drop → renewal refused p99 {renewal} ms, session ended p99 {session} ms, agent told p99 {agent} ms ({samples} samples, two replicas, {DEVICES} devices)"
    );
    assert!(renewal.max(session).max(agent) <= 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_contained_gets_nothing_and_after_the_release_everything_is_as_before() {
    on_each_database(async |database| {
        let home = Home::start(database).await;
        let app = home.app("app", "web", json!({})).await;
        let user = home.person("ann").await.to_string();
        let tokens = home.tokens(&mut home.browser("ann"), &app, &[]).await;
        let access = tokens.member("access_token").to_owned();
        assert_eq!(home.bearing(Method::GET, "/userinfo", &access).await.status, 200);
        let contain = async |subject: &str| {
            let wish = json!({"subject": subject, "reason": "a suspicion"});
            home.administer(("POST", "containments"), "", Some(wish)).await;
        };
        let release = async |subject: &str| {
            let path = format!("containments?subject={subject}");
            home.administer(("DELETE", &path), "", None).await;
        };

        contain(&user).await;
        until("what the person gave ends", async || {
            match home.bearing(Method::GET, "/userinfo", &access).await.status {
                401 => Ok(()),
                other => Err(other),
            }
        })
        .await;
        let refused = home.refresh(&app, tokens.member("refresh_token")).await;
        assert_eq!(refused.refusal(), (400, "invalid_grant"));
        let mut browser = home.browser("ann");
        let shown = browser.get(&home.request(&app, &[])).await.unwrap();
        let shown = browser.press(&shown, "/identify", &[("identifier", "ann")]).await.unwrap();
        let shown = browser.press(&shown, "/password", &[("password", PASSWORD)]).await.unwrap();
        assert!(shown.away.is_none() && shown.body.contains("contained"), "{}", shown.body);
        release(&user).await;
        home.code(&mut home.browser("ann"), &app, &[]).await.unwrap();

        let mut agent = Agent::joined(&home.server).await;
        let workload = home.server.id(&format!("/on{}", agent.id.path()));
        contain(workload.as_str()).await;
        agent.told(true).await;
        release(workload.as_str()).await;
        agent.told(false).await;
        let left = home.administer(("GET", "containments"), "", None).await;
        assert_eq!(left["items"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_administers_from_a_device_that_went_bad_is_refused_with_the_svid_it_still_has() {
    on_each_database(async |database| {
        let home = Home::start(database).await;
        let wish = json!({"class": "laptop"});
        let made = home.administer(("POST", "device-tokens"), "", Some(wish)).await;
        let device = Device::enrolled(&home, made["secret"].as_str().unwrap()).await;
        let mut agent = Agent::joined(&home.server).await;
        let workload = home.server.id(&format!("/on{}", agent.id.path()));
        let role = json!({"name": "robot", "holder": workload.as_str(), "role": "admin"});
        home.administer(("POST", "role-bindings"), "", Some(role)).await;
        let svid = agent.asking.jwt_svid(&format!("{}/api", home.issuer())).await;
        let asks = async || home.bearing(Method::GET, "/api/v1/entries", &svid).await.status;
        assert_eq!(asks().await, 200, "on no device");
        agent.moved_to(&home, &device).await;
        assert_eq!(asks().await, 200, "on one of which nothing is known");
        device.report(&home, 0).await;
        until("it is on a bad one", async || match asks().await {
            403 => Ok(()),
            other => Err(other),
        })
        .await;
        let id = device.spiffe_id.rsplit('/').next().unwrap().to_owned();
        home.administer(
            ("POST", &format!("devices/{id}/lock")),
            "",
            Some(json!({"reason": "lost"})),
        )
        .await;
        agent.told(true).await;
        assert_eq!(asks().await, 403, "locked");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_model_decides_anew_for_every_device_and_its_rollback_too() {
    on_each_database(async |database| {
        let home = Home::start(database).await;
        let wish = json!({"class": "laptop"});
        let made = home.administer(("POST", "device-tokens"), "", Some(wish)).await;
        let device = Device::enrolled(&home, made["secret"].as_str().unwrap()).await;
        device.report(&home, 10_000).await;
        let mut agent = Agent::joined(&home.server).await;
        agent.moved_to(&home, &device).await;
        let active = ("PUT", "posture-models/active");
        let set = home.administer(active, "", Some(json!({"document": strict()}))).await;
        agent.told(true).await;
        home.administer(active, "", Some(json!({"number": 0}))).await;
        agent.told(false).await;
        assert_eq!((&set["number"], &set["version"]), (&json!(1), &json!(2)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_svids_on_a_bad_device_is_refused_whatever_they_were_told() {
    use tonic::Code::{Ok as Given, PermissionDenied};
    on_each_database(async |database| {
        let home = Home::start(database).await;
        let owner = home.person("ann").await.to_string();
        let wish = json!({"class": "laptop", "owner": owner});
        let made = home.administer(("POST", "device-tokens"), "", Some(wish)).await;
        let device = Device::enrolled(&home, made["secret"].as_str().unwrap()).await;
        device.report(&home, 10_000).await;
        let mut agent = Agent::joined(&home.server).await;
        agent.moved_to(&home, &device).await;
        let app = home.app("app", "web", json!({"scopes": ["openid", "svid"]})).await;
        let mut browser = home.browser("ann");
        let request = home.request(&app, &[("scope", "openid svid")]);
        let shown = device.sign_in(&mut browser, &request).await;
        let code = came_back(&shown).unwrap().remove("code").unwrap();
        let tokens = device.token(&home, &app, &redemption(&code)).await;
        let access = format!("Bearer {}", tokens.member("access_token"));
        let asks = async || {
            let csr = csr::create(&PrivateKey::generate(Algorithm::P256).unwrap()).unwrap();
            let mut found = Vec::new();
            for (path, ask) in [
                ("/user/svid", json!({"csr": STANDARD.encode(csr)})),
                ("/user/jwt-svid", json!({"audience": ["billing"]})),
            ] {
                let headers = [
                    ("authorization", access.clone()),
                    ("content-type", "application/json".to_owned()),
                ];
                found.push(home.send(Method::POST, path, &headers, ask.to_string()).await.status);
            }
            found
        };
        assert_eq!(asks().await, [200, 200]);
        assert_eq!(agent.asking.asks().await, [Given, Given]);

        device.report(&home, 0).await;
        assert_eq!(
            agent.asking.asks().await,
            [PermissionDenied; 2],
            "before it is told, and without"
        );
        let refused = asks().await;
        assert!(refused.iter().all(|status| matches!(status, 401 | 403)), "{refused:?}");
        agent.told(true).await;
        assert_eq!(
            agent.asking.asks().await,
            [PermissionDenied; 2],
            "a directive that is not heeded"
        );
    })
    .await;
}

/// The shipped model with one more gate: who has no scanner is critical.
fn strict() -> String {
    let text = shipped_text().replacen("version = 1", "version = 2", 1);
    let gate = "name = \"no_scanner\"\nsignal = \"vulnerable_software\"\nbelow = 5000\ncap = 39\ncap_unknown = 39\n";
    text.replacen("[[profile.gate]]", &format!("[[profile.gate]]\n{gate}\n[[profile.gate]]"), 1)
}

const DEVICES: usize = 1000;
const SESSION: &str = "__Host-weft-session";
