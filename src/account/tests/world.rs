//! A server, its routes, somebody who signs in to them, and another provider.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Extension;
use axum::{Router, http as ax};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::access::Administrator;
use crate::account::http;
use crate::accounts::{
    Attribute, AttributeName, By, Identifier, MailTransport, NewUser, Proof, ProofKind, User,
};
use crate::db::Engine;
use crate::env::Clock as _;
use crate::http::{ApiShell, Origin};
use crate::kernel::{Lifetime, RealmId, Secret, Timestamp, UpstreamId};
use crate::realms::Realm;
use crate::server::Server;
use crate::sessions::SessionCookie;
use crate::signin::tests::world::{GOOD, Tab};
use crate::testkit::{FakeUpstream, ShiftedClock, TestDatabase, TestServer, until};
use crate::upstreams::{Draft, Seen, Terms};

pub(crate) const REALM: RealmId = RealmId::FIRST;
pub(crate) const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

pub(crate) struct House {
    life: TestServer,
    pub(crate) clock: Arc<ShiftedClock>,
    routes: Router,
    mail: tempfile::TempDir,
    /// Where another provider may be started.
    provider_port: u16,
}

impl AsRef<Router> for House {
    fn as_ref(&self) -> &Router {
        &self.routes
    }
}

impl House {
    pub(crate) async fn start() -> Self {
        Self::on(&TestDatabase::new(Engine::Sqlite).await).await
    }

    pub(crate) async fn on(database: &TestDatabase) -> Self {
        let clock = Arc::new(ShiftedClock::ahead(Lifetime::ZERO));
        let mail = tempfile::tempdir().unwrap();
        let directory = mail.path().to_owned();
        let provider_port = FakeUpstream::free_port();
        let life = TestServer::start_by(Arc::<ShiftedClock>::clone(&clock), database, |settings| {
            let accounts = &mut settings.accounts;
            (accounts.password_memory_kib, accounts.password_passes) = (64, 1);
            accounts.mail.transport = MailTransport::Maildir;
            accounts.mail.directory = Some(directory);
            // Of what people bring; what comes with a token is let in by that.
            settings.devices.approval = true;
            let provider = format!("idp.localhost:{provider_port}");
            settings.outbound.allow_private = vec![FakeUpstream::allowed(&provider)];
        })
        .await;
        let realm = life.server().realms.all().remove(0);
        let routes = routes(life.server(), realm);
        Self { life, clock, routes, mail, provider_port }
    }

    /// The same server, as another of its realms shows it.
    pub(crate) fn in_realm(&self, realm: RealmId) -> Elsewhere {
        Elsewhere(routes(self.server(), self.server().realms.get(realm).unwrap()))
    }

    pub(crate) fn server(&self) -> &Arc<Server> {
        self.life.server()
    }

    pub(crate) fn by(&self) -> Administrator {
        Administrator { realm: REALM, asker: self.life.root() }
    }

    pub(crate) async fn stop(&mut self) {
        self.life.stop().await;
    }

    pub(crate) async fn ask(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        form: &'static str,
    ) -> (u16, ax::HeaderMap, String) {
        let mut request = ax::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("host", "weft.example").body(Body::from(form)).unwrap();
        let answer = self.routes.clone().oneshot(request).await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    /// A person with this username, a proven address and a password.
    pub(crate) async fn person(&self, name: &str) -> Arc<User> {
        let email = format!("{name}@example.org");
        let by = "test".to_owned();
        let proof = Proof { how: ProofKind::Administrator, by, at: Timestamp::EPOCH };
        let attribute = Attribute { value: email.clone(), proof: Some(proof) };
        let new = NewUser {
            identifiers: vec![
                Identifier::username(name).unwrap(),
                Identifier::email(&email).unwrap(),
            ],
            attributes: [(AttributeName::Email, attribute)].into(),
            ..NewUser::default()
        };
        let accounts = &self.server().accounts;
        let user = accounts.create(&self.by(), new).await.unwrap();
        let password = Secret::new(GOOD.to_owned());
        accounts.set_password(REALM, user.id, &password, By::Themselves).await.unwrap();
        user
    }

    /// Signs them in on the pages, in this tab.
    pub(crate) async fn sign_in(&self, tab: &mut Tab, name: &str) {
        tab.get(self, "/account").await;
        tab.follow(self).await;
        self.show_password(tab, name).await;
        assert_eq!(tab.location().as_deref(), Some("/account"), "{}", tab.body);
        assert!(tab.jar.contains_key(SessionCookie::NAME));
    }

    /// Types name, where asked, and password; on no device, and no passkey now.
    pub(crate) async fn show_password(&self, tab: &mut Tab, name: &str) {
        if tab.step() == "identify" {
            tab.post(self, "identify", &[("identifier", name)]).await;
        }
        assert_eq!(tab.step(), "password", "{}", tab.body);
        tab.post(self, "password", &[("password", GOOD)]).await;
        if tab.step() == "device" {
            tab.post(self, "device", &[]).await;
        }
        if tab.step() == "enrol" {
            tab.post(self, "enrol", &[("decision", "later")]).await;
        }
    }

    /// What they know of this person now.
    pub(crate) async fn user(&self, user: &User) -> Arc<User> {
        self.server().accounts.fresh(REALM, user.id).await.unwrap().unwrap()
    }

    /// The letters that came since the last look; waits until there are so many.
    pub(crate) async fn letters(&self, wanted: usize) -> Vec<String> {
        let new = self.mail.path().join("new");
        until("the letters come", async || {
            let files: Vec<_> = std::fs::read_dir(&new).into_iter().flatten().flatten().collect();
            if files.len() < wanted { Err(files.len()) } else { Ok(()) }
        })
        .await;
        let read = |entry: std::fs::DirEntry| {
            let letter = std::fs::read_to_string(entry.path()).unwrap();
            std::fs::remove_file(entry.path()).unwrap();
            letter.replace("=\r\n", "").replace("=3D", "=")
        };
        std::fs::read_dir(&new).into_iter().flatten().flatten().map(read).collect()
    }

    /// Another provider, called `Example Works` here.
    pub(crate) async fn provider(&self, change: Value) -> FakeUpstream {
        let provider = FakeUpstream::start_at(
            ("idp", self.provider_port),
            Arc::<ShiftedClock>::clone(&self.clock),
        );
        self.set(&provider, change).await;
        provider
    }

    /// Changes the settings of the provider here.
    pub(crate) async fn set(&self, provider: &FakeUpstream, change: Value) {
        let mut settings = provider.settings();
        settings["display_name"] = json!("Example Works");
        let Value::Object(change) = change else { panic!("no settings: {change}") };
        for (name, value) in change {
            settings[name] = value;
        }
        let terms = Terms::of(&serde_json::from_value(settings).unwrap()).unwrap();
        let id = UpstreamId::parse("idp").unwrap();
        let upstreams = &self.server().upstreams;
        let there = upstreams.get(REALM, &id).map(|upstream| upstream.revision);
        let seen = there.map_or(Seen::Nothing, |_| Seen::Revision(None));
        let draft = Draft { id: id.clone(), terms, secret: Some(Secret::new(provider.secret())) };
        upstreams.set(self.by(), draft, seen).await.unwrap();
        until("the change is followed", async || {
            let now = upstreams.get(REALM, &id).map(|upstream| upstream.revision);
            if now > there { Ok(()) } else { Err(now) }
        })
        .await;
    }

    /// Goes to the provider from a page with its button, signs in there, and comes back.
    pub(crate) async fn through(&self, tab: &mut Tab, provider: &FakeUpstream) {
        let (_, rest) = tab.body.split_once("href=\"https://").expect("a way to the provider");
        let url = rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
        let answered = provider.visit(&format!("https://{url}"));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("state", answered.state),
            ("code", answered.code),
            ("iss", answered.iss),
            ("error", answered.error),
        ] {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        }
        let query = query.finish();
        tab.get(self, &format!("/callback/idp?{query}")).await;
        tab.follow(self).await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The same pages in another realm.
pub(crate) struct Elsewhere(Router);

impl AsRef<Router> for Elsewhere {
    fn as_ref(&self) -> &Router {
        &self.0
    }
}

/// What a person can open.
fn routes(server: &Server, realm: Arc<Realm>) -> Router {
    let origin = Origin { address: ADDRESS, agent: "Test/1".to_owned() };
    let shell = ApiShell {
        clock: Arc::clone(&server.env.clock),
        entropy: Arc::clone(&server.env.entropy),
        body_bytes_max: 16 * 1024,
        time_max: Lifetime::seconds(30),
    };
    let routes = http::routes(&server.account)
        .merge(crate::signin::http::routes(&server.signin))
        .merge(crate::oauth::http::routes(&server.oauth))
        .merge(crate::admin::http::routes(&server.admin))
        .layer(Extension(realm))
        .layer(Extension(origin));
    shell.wrap(routes)
}
