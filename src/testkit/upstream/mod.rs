//! An OpenID provider for tests, over TLS on this machine: it signs whoever it is told to in, and lies when it is told to.

mod answers;
mod lie;
mod token;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

pub use lie::Lie;

use super::database::must;
use crate::crypto::digest::base64url;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{Serial, WebTemplate, pem, self_signed_web};
use crate::env::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::http::Door;
use crate::jobs::Tasks;
use crate::kernel::{Lifetime, Timestamp};
use crate::outbound::PrivateHost;
use crate::settings::{Text, Textual};

/// A provider. Dropped, it is gone.
#[derive(Debug)]
pub struct FakeUpstream {
    /// Its issuer.
    pub issuer: String,
    /// Host and port.
    pub authority: String,
    /// The certificate that vouches for it, in PEM.
    pub certificate: String,
    shared: Arc<Shared>,
    tasks: Tasks,
}

/// What came in the query of its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answered {
    /// `state`
    pub state: Option<String>,
    /// `code`
    pub code: Option<String>,
    /// `iss`
    pub iss: Option<String>,
    /// `error`
    pub error: Option<String>,
}

/// How often each endpoint was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// Metadata.
    pub metadata: usize,
    /// Keys.
    pub keys: usize,
    /// Codes.
    pub token: usize,
    /// Userinfo.
    pub userinfo: usize,
    /// Tokens taken back.
    pub revoked: usize,
}

#[derive(Debug)]
struct Shared {
    issuer: String,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    lies: BTreeSet<Lie>,
    keys: Vec<(String, Arc<PrivateKey>)>,
    person: Person,
    codes: HashMap<String, Granted>,
    asked: Asked,
    client: (String, String),
    names_issuer: bool,
    numbers: u64,
}

#[derive(Debug, Clone)]
struct Person {
    subject: String,
    id_token: Map<String, Value>,
    userinfo: Map<String, Value>,
}

#[derive(Debug, Clone)]
struct Granted {
    nonce: Option<String>,
    challenge: String,
    redirect: String,
    client: String,
}

impl FakeUpstream {
    /// A provider at `<name>.localhost`, which lives by this clock, and knows one client: `weft`, with a secret.
    pub fn start(name: &str, clock: Arc<dyn Clock>) -> Self {
        Self::start_at((name, 0), clock)
    }

    /// The same at this port, which settings may have to name before it starts: [`FakeUpstream::free_port`].
    pub fn start_at((name, port): (&str, u16), clock: Arc<dyn Clock>) -> Self {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let host = format!("{name}.localhost");
        let door = must(Door::tcp("upstream", ([127, 0, 0, 1], port).into()), "a free port");
        let port = door.tcp_address().map_or(0, |address| address.port());
        let key = must(PrivateKey::generate(Algorithm::P256), "a key");
        let certificate = certificate(&host, &key);
        let tls = server_config(&certificate, &key);
        let authority = format!("{host}:{port}");
        let issuer = format!("https://{authority}");
        let state = State {
            lies: BTreeSet::new(),
            keys: vec![(
                "one".to_owned(),
                Arc::new(must(PrivateKey::generate(Algorithm::P256), "a key")),
            )],
            person: Person {
                subject: "ann".to_owned(),
                id_token: Map::new(),
                userinfo: Map::new(),
            },
            codes: HashMap::new(),
            asked: Asked::default(),
            client: ("weft".to_owned(), "a secret: of two".to_owned()),
            names_issuer: true,
            numbers: 0,
        };
        let shared = Arc::new(Shared { issuer: issuer.clone(), clock, state: Mutex::new(state) });
        let real: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let tasks = Tasks::new(Arc::clone(&real));
        let door = door.tls(Arc::new(move |_| Some(Arc::clone(&tls))));
        door.serve(answers::routes(Arc::clone(&shared)), &tasks, real);
        let certificate = pem("CERTIFICATE", &certificate).to_string();
        Self { issuer, authority, certificate, shared, tasks }
    }

    /// What lets a server ask whoever is at this host and port of this machine.
    pub fn allowed(authority: &str) -> Text<PrivateHost> {
        Text(must(PrivateHost::from_text(&format!("{authority} in 127.0.0.0/8")), "a host"))
    }

    /// A port that nobody listens at.
    pub fn free_port() -> u16 {
        let door = must(Door::tcp("upstream", ([127, 0, 0, 1], 0).into()), "a free port");
        door.tcp_address().map_or(0, |address| address.port())
    }

    /// The settings of an upstream for it.
    pub fn settings(&self) -> Value {
        json!({
            "display_name": "Provider",
            "issuer": self.issuer,
            "client_id": "weft",
            "algorithms": ["ES256"],
            "allow_private_network": {
                "network": "127.0.0.0/8",
                "authority": self.authority,
                "certificates": self.certificate,
            },
        })
    }

    /// The client secret.
    pub fn secret(&self) -> String {
        self.lock().client.1.clone()
    }

    /// From now on it tells these lies, and no others.
    pub fn lie(&self, lies: &[Lie]) {
        self.lock().lies = lies.iter().copied().collect();
    }

    /// Who signs in from now on, with the claims of ID token and userinfo beside the ones that must be there.
    pub fn person(&self, subject: &str, id_token: Value, userinfo: Value) {
        let members = |value: Value| value.as_object().cloned().unwrap_or_default();
        let (id_token, userinfo) = (members(id_token), members(userinfo));
        self.lock().person = Person { subject: subject.to_owned(), id_token, userinfo };
    }

    /// Another key signs, and it alone is published.
    pub fn rotate(&self, name: &str) {
        let key = must(PrivateKey::generate(Algorithm::P256), "a key");
        self.lock().keys = vec![(name.to_owned(), Arc::new(key))];
    }

    /// Whether its answers name the issuer, and its metadata says so.
    pub fn names_issuer(&self, names: bool) {
        self.lock().names_issuer = names;
    }

    /// How often it was asked.
    pub fn asked(&self) -> Asked {
        self.lock().asked
    }

    /// What a browser does that is sent to `address`: its person signs in, and this is the answer.
    ///
    /// # Panics
    ///
    /// At an address that a provider would refuse.
    pub fn visit(&self, address: &str) -> Answered {
        let url = must(url::Url::parse(address), "an address");
        assert!(address.starts_with(&self.issuer), "`{address}` is not at {}", self.issuer);
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        self.shared.authorize(&query)
    }

    /// Answers no more.
    pub async fn stop(&self) {
        self.tasks.stop(Lifetime::millis(1)).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, lie: Lie) -> bool {
        self.lock().lies.contains(&lie)
    }

    /// The answer to an authorization request (RFC 6749 §4.1.1), its person having signed in.
    fn authorize(&self, query: &HashMap<String, String>) -> Answered {
        let get = |name: &str| query.get(name).cloned();
        assert_eq!(get("response_type").as_deref(), Some("code"));
        assert_eq!(get("code_challenge_method").as_deref(), Some("S256"));
        let scopes = get("scope").unwrap_or_default();
        assert!(scopes.split(' ').any(|scope| scope == "openid"), "`{scopes}`");
        let mut state = self.lock();
        assert_eq!(get("client_id").as_deref(), Some(state.client.0.as_str()));
        state.numbers += 1;
        let code = format!("code-{}-{}", state.numbers, random());
        let granted = Granted {
            nonce: get("nonce"),
            challenge: get("code_challenge").unwrap_or_default(),
            redirect: get("redirect_uri").unwrap_or_default(),
            client: get("client_id").unwrap_or_default(),
        };
        state.codes.insert(code.clone(), granted);
        let lies = &state.lies;
        let iss = match (lies.contains(&Lie::AnswerIssuer), lies.contains(&Lie::AnswerNoIssuer)) {
            (true, _) => Some("https://other.localhost".to_owned()),
            (_, true) => None,
            _ => state.names_issuer.then(|| self.issuer.clone()),
        };
        let error = lies.contains(&Lie::AnswerError).then(|| "access_denied".to_owned());
        let code = (error.is_none() && !lies.contains(&Lie::AnswerNoCode)).then_some(code);
        Answered { state: get("state"), code, iss, error }
    }
}

fn random() -> String {
    let mut bytes = [0; 16];
    must(SystemEntropy::default().fill(&mut bytes), "chance");
    base64url(&bytes)
}

fn certificate(host: &str, key: &PrivateKey) -> Vec<u8> {
    let names = [host.to_owned()];
    let template = WebTemplate {
        names: &names,
        serial: must(Serial::new(&SystemEntropy::default()), "a serial number"),
        // Real years: whoever looks at it lives by the machine's clock.
        not_before: Timestamp::from_seconds(1_577_836_800),
        not_after: Timestamp::from_seconds(4_102_444_800),
    };
    must(self_signed_web(&template, key), "a certificate")
}

fn server_config(certificate: &[u8], key: &PrivateKey) -> Arc<rustls::ServerConfig> {
    let key = must(key.to_pkcs8(), "a key").expose().clone();
    let key = rustls_pki_types::PrivateKeyDer::Pkcs8(key.into());
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let chain = vec![certificate.to_vec().into()];
    Arc::new(must(config.with_single_cert(chain, key), "a pair"))
}
