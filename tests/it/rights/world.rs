//! A server with two realms, and a caller of each sort with the credentials that its sort has.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use serde_json::{Value as Json, json};
use tonic::Status;
use tonic::transport::Channel;
use weft::accounts::MailTransport;
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::tls::{CurrentCertificate, CurrentRoots, ExpectedPeer};
use weft::crypto::x509::{Roots, csr};
use weft::kernel::{RealmId, SpiffeId, TrustDomain};
use weft::server::Settings;
use weft::testkit::{TestDatabase, TestServer, engines, private_file, until, within};
use weft::workloads::explain::{AgentState, Explain};

use crate::admin_api;
use crate::protocols::dynamic::{Fields, Protos, bytes, list, text};
use crate::protocols::foreign_agent::{
    ATTEST_AGENT, GET_BUNDLE, IntoValue, NEW_JWT_SVID, NEW_X509_SVIDS, dial,
};

/// A realm of the server.
#[derive(Debug)]
pub(super) struct Realm {
    pub(super) name: &'static str,
    pub(super) domain: &'static str,
    pub(super) host: &'static str,
}

pub(super) static ONE: Realm = Realm { name: "default", domain: "weft.test", host: "localhost" };
pub(super) static TWO: Realm = Realm { name: "two", domain: "two.test", host: "two.test" };

/// The sorts of callers (architecture: doors and trust), with the names that the table has.
pub(super) const CALLERS: [&str; 8] =
    ["viewer", "operator", "registrar", "auditor", "admin", "agent", "workload", "nobody"];

/// Below this path the registrar registers.
pub(super) const PREFIX: &str = "/ns";

pub(super) struct World {
    pub(super) server: TestServer,
    pub(super) protos: Protos,
    pub(super) callers: Vec<Caller>,
    /// The entry of each realm that its agent may use.
    pub(super) entry: String,
    certificate: reqwest::Certificate,
    made: Cell<u32>,
    /// The first agent of each realm, which stays.
    agents: RefCell<BTreeMap<&'static str, SpiffeId>>,
    _files: tempfile::TempDir,
    _database: TestDatabase,
}

/// Somebody who calls: over TLS with a certificate of their own, or without any.
pub(super) struct Caller {
    pub(super) name: &'static str,
    pub(super) channel: Channel,
    /// For callers that have an identity.
    pub(super) token: Option<String>,
    web: reqwest::Client,
    door: SocketAddr,
}

/// A key and a chain for it.
#[derive(Clone)]
pub(super) struct Credential {
    pub(super) key: Arc<PrivateKey>,
    pub(super) chain: Vec<Vec<u8>>,
}

/// A request to the admin API.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    /// Below `/api/v1/`.
    pub(super) path: String,
    pub(super) condition: Option<(&'static str, &'static str)>,
    pub(super) body: Option<Json>,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(|settings| settings.devices.enrolments_per_second = 0).await
    }

    /// With settings of a test's own.
    pub(super) async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        weft::crypto::tls::install_provider();
        let files = tempfile::tempdir().unwrap();
        let names = [ONE.host, TWO.host].map(str::to_owned);
        let web = rcgen::generate_simple_self_signed(names).unwrap();
        let (chain, key) = (files.path().join("web.pem"), files.path().join("web.key"));
        std::fs::write(&chain, web.cert.pem()).unwrap();
        private_file(&key, web.signing_key.serialize_pem());
        let letters = files.path().join("letters");
        let database = TestDatabase::new(engines()[0]).await;
        let server = TestServer::start_with(&database, |settings| {
            settings.listen.certificate = Some(chain);
            settings.listen.certificate_key = Some(key);
            settings.node.attestations_per_second = 0;
            settings.accounts.mail.transport = MailTransport::Maildir;
            settings.accounts.mail.directory = Some(letters);
            adjust(settings);
        })
        .await;
        let descriptors = [
            weft_proto::SPIRE_DESCRIPTORS,
            weft_proto::NODE_DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
        ];
        let mut world = Self {
            server,
            protos: Protos::of(&descriptors),
            callers: Vec::new(),
            entry: String::new(),
            certificate: reqwest::Certificate::from_pem(web.cert.pem().as_bytes()).unwrap(),
            made: Cell::new(0),
            agents: RefCell::default(),
            _files: files,
            _database: database,
        };
        world.found_second_realm().await;
        world.introduce_callers().await;
        world
    }

    async fn found_second_realm(&self) {
        let issuer = format!("https://{}", TWO.host);
        let wish = json!({"name": TWO.name, "trust_domain": TWO.domain, "issuer": issuer});
        self.root(&ONE, Ask::post("realms", wish)).await;
        // Its certificate comes last.
        until("the second realm opens", async || {
            let channel = self.channel(&TWO, None);
            within("a call", self.protos.call(&channel, GET_BUNDLE, Vec::new())).await.map(drop)
        })
        .await;
        // Its last keys, of RSA, are made while it is open already; later nothing changes in it by itself.
        until("the second realm has its keys", async || {
            let authorities = self.root(&TWO, Ask::get("authorities")).await;
            let list = authorities["items"].as_array().ok_or("no list")?;
            let rsa = list.iter().find(|one| one["algorithm"] == "RS256");
            rsa.filter(|one| one["state"] == "active").map(drop).ok_or("not active")
        })
        .await;
        self.attest(&TWO).await;
    }

    async fn introduce_callers(&mut self) {
        let (id, agent) = self.attest(&ONE).await;
        let channel = self.channel(&ONE, Some(&agent));
        self.entry = self.new_entry(&ONE, &format!("{PREFIX}/own"), &id).await;
        let audience = format!("{}/api", self.issuer());
        for name in CALLERS {
            let (credential, token) = match name {
                "nobody" => (None, None),
                "agent" => (Some(agent.clone()), None),
                _ => {
                    let entry = self.new_entry(&ONE, &format!("/{name}"), &id).await;
                    let svid = self.x509_svid(&channel, &entry).await.unwrap();
                    (Some(svid), Some(self.jwt_svid(&channel, &entry, &audience).await.unwrap()))
                }
            };
            if !matches!(name, "nobody" | "agent" | "workload") {
                self.root(&ONE, Ask::post("role-bindings", Self::role(name))).await;
            }
            let caller = self.caller(name, &ONE, credential.as_ref());
            self.callers.push(Caller { token, ..caller });
        }
    }

    fn role(name: &str) -> Json {
        let domain = ONE.domain;
        let mut role =
            json!({"name": name, "holder": format!("spiffe://{domain}/{name}"), "role": name});
        if name == "registrar" {
            role["path"] = json!(format!("spiffe://{domain}{PREFIX}"));
        }
        role
    }

    /// Somebody with this credential, who comes to a door of this realm.
    pub(super) fn caller(
        &self,
        name: &'static str,
        realm: &Realm,
        credential: Option<&Credential>,
    ) -> Caller {
        let addresses = self.server.addresses();
        let door = if credential.is_some() { addresses.mtls } else { addresses.public };
        let channel = self.channel(realm, credential);
        Caller { name, channel, token: None, web: self.web(credential), door }
    }

    /// Whoever has nothing but a token.
    pub(super) fn token_holder(&self) -> Caller {
        self.caller("token", &ONE, None)
    }

    fn web(&self, credential: Option<&Credential>) -> reqwest::Client {
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .http1_only()
            .tls_certs_only([self.certificate.clone()]);
        for realm in [&ONE, &TWO] {
            builder = builder.resolve(realm.host, SocketAddr::from(([127, 0, 0, 1], 0)));
        }
        if let Some(credential) = credential {
            builder = builder.identity(credential.identity());
        }
        builder.build().unwrap()
    }

    /// A connection to the `node` door.
    pub(super) fn channel(&self, realm: &Realm, credential: Option<&Credential>) -> Channel {
        let certificate = credential.map(|credential| {
            let current = CurrentCertificate::none();
            current.set(&credential.chain, &credential.key).unwrap();
            current
        });
        let domain = TrustDomain::parse(realm.domain).unwrap();
        let roots = CurrentRoots::none();
        if let Some(bundle) = self.server.server().bundles.current(self.realm_id(realm)) {
            let certificates = bundle.x509.iter().map(|root| &*root.certificate);
            roots.set(&Roots::new(domain, certificates).unwrap());
        }
        let id = SpiffeId::parse(&format!("spiffe://{}/spire/server", realm.domain)).unwrap();
        let peer = ExpectedPeer::Exactly { id, roots };
        dial((self.server.addresses().node, realm.host), &peer, certificate.as_ref())
    }

    fn realm_id(&self, realm: &Realm) -> RealmId {
        self.server.server().realms.by_name(realm.name).map_or(RealmId::SYSTEM, |realm| realm.id)
    }

    fn issuer(&self) -> String {
        let realm = self.server.server().realms.by_name(ONE.name).unwrap();
        realm.issuer.as_str().to_owned()
    }

    /// What the server's own user asks at the local socket; it must be done.
    pub(super) async fn root(&self, realm: &Realm, ask: Ask) -> Json {
        self.settle(realm).await;
        let (status, body) = self.try_root(realm, &ask).await;
        assert!((200..300).contains(&status), "{ask:?} in `{}`: {status} {body}", realm.name);
        self.settle(realm).await;
        body
    }

    /// Waits until the server's indexes hold every change: on a machine under load an answer does not wait for them.
    async fn settle(&self, realm: &Realm) {
        let Some(agent) = self.agents.borrow().get(realm.name).cloned() else { return };
        let (server, id) = (self.server.server(), self.realm_id(realm));
        until("the indexes hold every change", async || {
            let ask = Explain {
                realm: id,
                by: self.server.root(),
                agent: Some(agent.clone()),
                selectors: Vec::new(),
                entry: None,
                spiffe_id: None,
            };
            let newest = *server.env.db.heard(id).borrow();
            match server.workloads.explain(ask).unwrap().agent {
                AgentState::Known { head: Some(head), .. } if head >= newest => Ok(()),
                other => Err(other),
            }
        })
        .await;
    }

    pub(super) async fn try_root(&self, realm: &Realm, ask: &Ask) -> (u16, Json) {
        let condition = ask.condition.map(|(name, value)| format!("{name}: {value}\r\n"));
        let headers = format!("weft-realm: {}\r\n{}", realm.name, condition.unwrap_or_default());
        let body = ask.body.clone();
        within("root asks", admin_api::ask(&self.server, ask.method, &ask.path, &headers, body))
            .await
    }

    /// Another number each time, for names that must be new.
    pub(super) fn number(&self) -> u32 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    /// The secret of a new join token.
    pub(super) async fn token(&self, realm: &Realm) -> String {
        let wish = json!({"uses_max": 1, "lifetime_seconds": 600});
        let made = self.root(realm, Ask::post("join-tokens", wish)).await;
        made["secret"].as_str().unwrap().to_owned()
    }

    /// A new agent: its SPIFFE ID and its SVID.
    pub(super) async fn attest(&self, realm: &Realm) -> (String, Credential) {
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let params = self.attestation(&self.token(realm).await, &key);
        let channel = self.channel(realm, None);
        let answer = self.protos.call(&channel, ATTEST_AGENT, params).await.unwrap();
        let path = text(&answer, "result.svid.id.path");
        let chain = bytes(&answer, "result.svid.cert_chain");
        let id = format!("spiffe://{}{path}", realm.domain);
        let parsed = SpiffeId::parse(&id).unwrap();
        self.agents.borrow_mut().entry(realm.name).or_insert(parsed);
        self.settle(realm).await;
        (id, Credential { key: Arc::new(key), chain })
    }

    /// What an agent with this token says first.
    pub(super) fn attestation(&self, token: &str, key: &PrivateKey) -> Fields<'static> {
        let payload = token.as_bytes().into_value();
        let data = vec![("type", "join_token".into_value()), ("payload", payload)];
        let data = self.protos.message("spire.api.types.AttestationData", data);
        let name = "spire.api.server.agent.v1.AttestAgentRequest.Params";
        let params = self.protos.message(name, vec![("data", data), ("params", self.csr(key))]);
        vec![("params", params)]
    }

    pub(super) fn csr(&self, key: &PrivateKey) -> Value {
        let csr = csr::create(key).unwrap().as_slice().into_value();
        self.protos.message("spire.api.server.agent.v1.AgentX509SVIDParams", vec![("csr", csr)])
    }

    /// The number of an agent.
    pub(super) async fn number_of(&self, realm: &Realm, agent: &str) -> String {
        let listed = self.root(realm, Ask::get(format!("agents?spiffe_id={agent}"))).await;
        listed["items"][0]["number"].as_str().unwrap().to_owned()
    }

    /// The id of a new entry.
    pub(super) async fn new_entry(&self, realm: &Realm, path: &str, parent: &str) -> String {
        let mut entry = self.entry_in(realm, path);
        entry["parent_id"] = json!(parent);
        let made = self.root(realm, Ask::post("entries", entry)).await;
        made["id"].as_str().unwrap().to_owned()
    }

    /// What an entry for this path says; no other has its selector.
    pub(super) fn entry_in(&self, realm: &Realm, path: &str) -> Json {
        let (domain, number) = (realm.domain, self.number());
        json!({
            "spiffe_id": format!("spiffe://{domain}{path}"),
            "parent_id": format!("spiffe://{domain}{PREFIX}/node"),
            "selectors": [format!("test:number:{number}")],
        })
    }

    /// The fields of a call for an X.509-SVID of this entry.
    pub(super) fn x509_ask(&self, entry: &str, key: &PrivateKey) -> Fields<'static> {
        let csr = csr::create(key).unwrap().as_slice().into_value();
        let name = "spire.api.server.svid.v1.NewX509SVIDParams";
        let one = self.protos.message(name, vec![("entry_id", entry.into_value()), ("csr", csr)]);
        vec![("params", Value::List(vec![one]))]
    }

    async fn x509_svid(&self, channel: &Channel, entry: &str) -> Result<Credential, Status> {
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let answer = self.protos.call(channel, NEW_X509_SVIDS, self.x509_ask(entry, &key)).await?;
        let results = list(&answer, "results");
        let result: &DynamicMessage = results[0].as_message().unwrap();
        assert!(result.has_field_by_name("svid"), "{}: {result}", result.descriptor().name());
        Ok(Credential { key: Arc::new(key), chain: bytes(result, "svid.cert_chain") })
    }

    async fn jwt_svid(
        &self,
        channel: &Channel,
        entry: &str,
        audience: &str,
    ) -> Result<String, Status> {
        let audience = Value::List(vec![audience.into_value()]);
        let fields = vec![("entry_id", entry.into_value()), ("audience", audience)];
        let answer = self.protos.call(channel, NEW_JWT_SVID, fields).await?;
        Ok(text(&answer, "svid.token"))
    }
}

impl Credential {
    fn identity(&self) -> reqwest::Identity {
        let key = self.key.to_pkcs8().unwrap();
        let block = |name: &str, der: &[u8]| {
            let text = STANDARD.encode(der);
            format!("-----BEGIN {name}-----\n{text}\n-----END {name}-----\n")
        };
        let chain: String = self.chain.iter().map(|der| block("CERTIFICATE", der)).collect();
        let pem = block("PRIVATE KEY", key.expose()) + &chain;
        reqwest::Identity::from_pem(pem.as_bytes()).unwrap()
    }
}

impl Caller {
    /// Asks at a door of the first realm; gives the status and the document.
    pub(super) async fn ask(&self, ask: &Ask) -> (u16, Json) {
        self.ask_with(ask, &[]).await
    }

    /// The same with headers.
    pub(super) async fn ask_with(&self, ask: &Ask, headers: &[(&str, &str)]) -> (u16, Json) {
        let url = format!("https://{}:{}/api/v1/{}", ONE.host, self.door.port(), ask.path);
        let mut request = self.web.request(ask.method.parse().unwrap(), url);
        for (name, value) in headers.iter().chain(&ask.condition) {
            request = request.header(*name, *value);
        }
        if let Some(body) = &ask.body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = within("an answer", request.send()).await.unwrap();
        let status = answer.status().as_u16();
        let body = within("a document", answer.bytes()).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

impl Ask {
    pub(super) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), condition: None, body: None }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self::new("DELETE", path)
    }

    pub(super) fn post(path: impl Into<String>, body: Json) -> Self {
        Self { body: Some(body), ..Self::new("POST", path) }
    }

    /// Puts what is not there yet.
    pub(super) fn put_new(path: impl Into<String>, body: Json) -> Self {
        let condition = Some(("if-none-match", "*"));
        Self { body: Some(body), condition, ..Self::new("PUT", path) }
    }
}
