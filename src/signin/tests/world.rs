//! Sign-ins of one replica over the router, and browsers with a cookie jar.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::access::{Administrator, Asker};
use crate::accounts::{
    self, Accounts, Attribute, AttributeName, By, Identifier, MailSettings, MailTransport, NewUser,
    Proof, ProofKind, User,
};
use crate::crypto::seal::KekRing;
use crate::db::{Cursor, Db};
use crate::devices::{Devices, Inventory};
use crate::http::Origin;
use crate::jobs::Reconciler as _;
use crate::jobs::deliveries::Deliveries;
use crate::kernel::{
    Caller, DeviceId, Fault, Listener, RealmId, Secret, Timestamp, TrustDomain, UserId,
};
use crate::outbound;
use crate::realms::{Issuer, Realms};
use crate::sessions::{self, Browser, BrowserCookie, Session, SessionCookie, Sessions};
use crate::signin::{self, Application, OwnPath, Signin, SigninRequest};
use crate::testkit::{KeysReplica, TestClock, TestDatabase, TestPasskey};
use crate::upstreams::{self, Upstreams};

pub(crate) const REALM: RealmId = RealmId::FIRST;
pub(super) const ORIGIN: &str = "https://id.weft.test";
pub(crate) const GOOD: &str = "correct horse battery";

pub(crate) struct World {
    pub(super) keys: KeysReplica,
    pub(super) devices: Devices,
    realms: Realms,
    pub(crate) db: Db,
    pub(crate) clock: TestClock,
    pub(crate) accounts: Accounts,
    pub(crate) sessions: Sessions,
    pub(super) signin: Signin,
    pub(super) router: Router,
    directory: tempfile::TempDir,
}

impl AsRef<Router> for World {
    fn as_ref(&self) -> &Router {
        &self.router
    }
}

/// A browser: cookies, and what it got last. Its pages are those of anything that has routes.
#[derive(Debug)]
pub(crate) struct Tab {
    pub(crate) jar: BTreeMap<String, String>,
    /// Headers that it adds to every request.
    pub(crate) adds: HeaderMap,
    /// The path of the page it shows.
    pub(crate) at: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl World {
    #[expect(clippy::too_many_lines, reason = "a replica, put together in one piece")]
    pub(crate) async fn new(database: &TestDatabase) -> Self {
        database.clock().step_to(Timestamp::from_seconds(1_800_000_000));
        let keys = KeysReplica::started(database).await;
        let (env, db) = (keys.env.clone(), keys.env.db.clone());
        let (access, events) = (keys.access.clone(), keys.events.clone());
        let directory = tempfile::tempdir().unwrap();
        let ring = Arc::new(KekRing::new(KeysReplica::kek(1), Vec::new()));
        let far = Cursor { history: 1, seq: 1_000_000 };
        for realm in [RealmId::SYSTEM, REALM] {
            events.prepare(realm).await.unwrap();
            access.open(realm);
            db.applied(realm, far);
        }
        let realms = Realms::new(env.clone(), access.clone(), events.clone());
        let domain = TrustDomain::parse("weft.test").unwrap();
        realms.found(domain, Issuer::parse(ORIGIN).unwrap()).await.unwrap();
        let loaded: Result<(), Fault> = db
            .read(RealmId::SYSTEM, realms.clone(), |tx, realms| {
                Box::pin(async move { realms.load(tx).await })
            })
            .await;
        loaded.unwrap();
        let settings = accounts::Settings {
            password_memory_kib: 64,
            password_passes: 1,
            password_threads: 2,
            mail: MailSettings {
                transport: MailTransport::Maildir,
                directory: Some(directory.path().join("mail")),
                ..MailSettings::default()
            },
            ..accounts::Settings::default()
        };
        let (own_access, own_events) = (access.clone(), events.clone());
        let below =
            accounts::Below { access, events, realms: realms.clone(), ring: Arc::clone(&ring) };
        let accounts = Accounts::new(env.clone(), below, settings);
        let below = upstreams::Below {
            access: own_access.clone(),
            events: own_events.clone(),
            realms: realms.clone(),
            accounts: accounts.clone(),
            ring,
        };
        let upstreams = Upstreams::new(env.clone(), below, outbound::Settings::default());
        let below = sessions::Below {
            access: own_access.clone(),
            events: own_events.clone(),
            accounts: accounts.clone(),
        };
        let sessions = Sessions::new(env.clone(), below, sessions::Settings::default());
        let inventory = Inventory::new(env.db.clone());
        let posture = keys.posture_of(inventory.clone());
        let devices = keys.devices(&realms, inventory, &posture);
        devices.owned_by(Arc::new(accounts.clone()));
        let below = signin::Below {
            access: own_access,
            events: own_events,
            devices: devices.clone(),
            posture,
            accounts: accounts.clone(),
            upstreams,
            sessions: sessions.clone(),
        };
        let signin = Signin::new(env, below);
        let realm = realms.get(REALM).unwrap();
        let origin = Origin { address: HERE, agent: "Test/1".to_owned() };
        let router = signin::http::routes(&signin).layer(Extension(realm)).layer(Extension(origin));
        let clock = keys.clock.clone();
        Self { keys, devices, realms, db, clock, accounts, sessions, signin, router, directory }
    }

    /// A person with this username, proven address and password.
    pub(crate) async fn person(&self, name: &str) -> Arc<User> {
        let email = format!("{name}@example.org");
        let by = "test".to_owned();
        let proof = Proof { how: ProofKind::Administrator, by, at: Timestamp::EPOCH };
        let new = NewUser {
            identifiers: vec![
                Identifier::username(name).unwrap(),
                Identifier::email(&email).unwrap(),
            ],
            attributes: [(AttributeName::Email, Attribute { value: email, proof: Some(proof) })]
                .into(),
            ..NewUser::default()
        };
        let user = self.accounts.create(&root(), new).await.unwrap();
        let password = Secret::new(GOOD.to_owned());
        self.accounts.set_password(REALM, user.id, &password, By::Themselves).await.unwrap();
        user
    }

    /// Gives a person an authenticator of one-time passwords; its secret.
    pub(super) async fn totp(&self, user: UserId) -> String {
        let made = self.accounts.enrol_totp(REALM, user).await.unwrap();
        let secret = made.secret.expose().clone();
        let code = self.code(&secret);
        assert!(self.accounts.confirm_totp(REALM, user, &code).await.unwrap());
        self.clock.advance(crate::kernel::Lifetime::minutes(1));
        secret
    }

    /// The code of this moment.
    pub(super) fn code(&self, secret: &str) -> String {
        use crate::env::Clock as _;
        let seconds = u64::try_from(self.clock.now().seconds()).unwrap();
        let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
        let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
        totp.generate(seconds).to_string()
    }

    /// Gives a person a passkey.
    pub(super) async fn passkey(&self, user: UserId, passkey: &TestPasskey) {
        let begun = self.accounts.register_passkey_start(REALM, user).await.unwrap();
        let made = passkey.create(&begun.options);
        let ended =
            self.accounts.register_passkey_finish(REALM, user, &begun.state, (&made, "test")).await;
        ended.unwrap();
    }

    /// Begins a sign-in in this tab and shows its first page.
    pub(super) async fn begin(&self, tab: &mut Tab, request: SigninRequest) {
        let browser = Browser {
            binding: tab.jar.get(BrowserCookie::NAME).and_then(|text| BrowserCookie::parse(text)),
            session: None,
            address: HERE,
            agent: String::new(),
        };
        let answer = self.signin.start(REALM, request, &browser).await;
        tab.take(answer).await;
        tab.follow(self).await;
    }

    /// The session of this tab.
    pub(super) async fn session(&self, tab: &Tab) -> Option<Arc<Session>> {
        let cookie = SessionCookie::parse(tab.jar.get(SessionCookie::NAME)?)?;
        self.sessions.by_cookie(REALM, &cookie).await.unwrap()
    }

    /// The letters that were sent since the last look.
    pub(super) async fn letters(&self) -> Vec<String> {
        let handler = accounts::Mail::new(self.accounts.clone()).unwrap();
        let clock = Arc::new(self.clock.clone());
        let deliveries =
            Deliveries::new(self.db.clone(), clock, || vec![REALM], vec![Arc::new(handler)]);
        deliveries.reconcile().await.unwrap();
        let Ok(directory) = std::fs::read_dir(self.directory.path().join("mail/new")) else {
            return Vec::new();
        };
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path();
            let letter = std::fs::read_to_string(&path).unwrap();
            std::fs::remove_file(path).unwrap();
            letter
        };
        directory.map(read).collect()
    }

    /// Reads the revocations, as the follower of the change log would have by now.
    pub(crate) async fn load_revocations(&self) {
        let loaded: Result<(), Fault> = self
            .db
            .read(REALM, self.sessions.clone(), |tx, sessions| {
                Box::pin(async move { sessions.load(tx).await })
            })
            .await;
        loaded.unwrap();
    }

    /// Reads the devices, as the follower of the change log would have by now.
    pub(super) async fn load_devices(&self) {
        let loaded: Result<(), Fault> = self
            .db
            .read(REALM, self.devices.clone(), |tx, devices| {
                Box::pin(async move { devices.load(tx).await })
            })
            .await;
        loaded.unwrap();
    }

    /// Decides anew what hangs off this device, as the reaction to its change does.
    pub(super) async fn redecide(&self, device: DeviceId) {
        let realm = self.realms.get(REALM).unwrap();
        self.signin.redecide_sessions(&realm, device).await.unwrap();
    }

    pub(super) fn stranger_cookie(&self) -> String {
        BrowserCookie::make(self.keys.env.entropy.as_ref()).unwrap().expose()
    }
}

impl Tab {
    pub(crate) fn new() -> Self {
        Self {
            jar: BTreeMap::new(),
            adds: HeaderMap::new(),
            at: String::new(),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: String::new(),
        }
    }

    /// A second tab of the same browser, on the same page.
    pub(crate) fn twin(&self) -> Self {
        let mut twin = Self::new();
        twin.jar.clone_from(&self.jar);
        twin.at.clone_from(&self.at);
        twin
    }

    pub(crate) async fn get(&mut self, world: &impl AsRef<Router>, path: &str) {
        self.at = path.to_owned();
        self.send(world, "GET", path, Body::empty()).await;
    }

    /// Loads the page again.
    pub(crate) async fn reload(&mut self, world: &impl AsRef<Router>) {
        let at = self.at.clone();
        self.get(world, &at).await;
    }

    /// Sends a form of the page, and follows where it leads.
    pub(crate) async fn post(
        &mut self,
        world: &impl AsRef<Router>,
        step: &str,
        fields: &[(&str, &str)],
    ) {
        let path = format!("{}/{step}", self.at);
        self.post_to(world, &path, fields).await;
        self.follow(world).await;
    }

    pub(crate) async fn post_to(
        &mut self,
        world: &impl AsRef<Router>,
        path: &str,
        fields: &[(&str, &str)],
    ) {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields.iter().copied())
            .finish();
        self.send(world, "POST", path, Body::from(form)).await;
    }

    /// Follows redirects to pages of the sign-in; elsewhere it stays at the door.
    pub(crate) async fn follow(&mut self, world: &impl AsRef<Router>) {
        for _hop in 0..3 {
            let Some(path) = self.location() else { return };
            if !path.starts_with("/sign-in/") {
                return;
            }
            self.get(world, &path).await;
        }
    }

    /// Where the last answer leads.
    pub(crate) fn location(&self) -> Option<String> {
        self.headers.get(LOCATION).map(|value| value.to_str().unwrap().to_owned())
    }

    /// The step whose form the page has.
    pub(crate) fn step(&self) -> String {
        let marker = format!("action=\"{}/", self.at);
        let mut steps = self.body.match_indices(&marker).map(|(at, _)| {
            let rest = self.body.get(at + marker.len()..).unwrap_or_default();
            rest.split('"').next().unwrap_or_default().to_owned()
        });
        steps.find(|step| !matches!(step.as_str(), "select" | "way" | "cancel")).unwrap_or_default()
    }

    /// The options of the page's passkey ceremony.
    pub(crate) fn options(&self) -> Value {
        let (_, rest) = self.body.split_once("data-options=\"").expect("a ceremony");
        let text = rest.split('"').next().unwrap();
        let text = text
            .replace("&#34;", "\"")
            .replace("&quot;", "\"")
            .replace("&#38;", "&")
            .replace("&amp;", "&");
        serde_json::from_str(&text).unwrap()
    }

    async fn send(&mut self, world: &impl AsRef<Router>, method: &str, path: &str, body: Body) {
        let mut request = Request::builder().method(method).uri(path).header(HOST, "id.weft.test");
        let cookies: Vec<String> =
            self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        if method == "POST" {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let mut request = request.body(body).unwrap();
        request.headers_mut().extend(self.adds.clone());
        let answer = world.as_ref().clone().oneshot(request).await.unwrap();
        self.take(answer).await;
    }

    async fn take(&mut self, answer: axum::response::Response) {
        let (parts, body) = answer.into_parts();
        for cookie in parts.headers.get_all(SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
                assert!(text.contains(attribute), "{attribute}: {text}");
            }
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            self.jar.insert(name.to_owned(), value.to_owned());
        }
        self.status = parts.status;
        self.headers = parts.headers;
        let body = body.collect().await.unwrap().to_bytes();
        self.body = String::from_utf8(body.to_vec()).unwrap();
    }
}

/// A request whose end is at an application.
pub(super) fn request() -> SigninRequest {
    SigninRequest::to(OwnPath::parse(BACK).unwrap())
}

/// The same, for an application that may use the admin API.
pub(super) fn for_administration() -> SigninRequest {
    let id = crate::kernel::ClientId::parse("console").unwrap();
    let name = "Console".to_owned();
    let leads_to = "https://console.example/back".to_owned();
    let client = Some(Application { id, name, administration: true, leads_to });
    SigninRequest { client, ..request() }
}

/// From another site's page.
pub(crate) fn cross_site() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
    headers
}

pub(crate) fn root() -> Administrator {
    let proof = crate::kernel::Proof::KernelPeer { uid: 0, pid: 1 };
    let caller =
        Caller { realm: REALM, subject: None, proof, listener: Listener::Local, address: None };
    let asker = Asker::of(&caller, &TrustDomain::parse("weft.test").unwrap());
    Administrator { realm: REALM, asker }
}

/// The token of the link in a letter.
pub(crate) fn link_in(letter: &str) -> String {
    let body = letter.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    let at = body.find("/account/proof/").expect("a link");
    let end = |c: char| !(c.is_ascii_alphanumeric() || "-_/".contains(c));
    body.get(at..).unwrap().split(end).next().unwrap().to_owned()
}

pub(super) const BACK: &str = "/authorize/consent?request=1";
pub(super) const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
