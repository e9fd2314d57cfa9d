//! A server with people and applications, and the requests that those send it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use url::Url;
use weft::accounts::By;
use weft::crypto::digest::sha256;
use weft::kernel::{RealmId, Secret, UserId};
use weft::server::Settings;
use weft::testkit::{TestDatabase, TestServer};

use crate::admin_api::ask;
use crate::walker::{Browser, Shown, Typed, encoded, excerpt};

/// A server, and how the world reaches it.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) server: TestServer,
    /// Where its `public` door is; the issuer is that of the first replica.
    pub(crate) base: Url,
    pub(crate) http: Client,
}

/// An application that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct App {
    pub(crate) id: String,
    /// Empty for one that has none.
    pub(crate) secret: String,
}

/// What an endpoint answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    /// Reads it to its end.
    pub(crate) async fn of(answer: reqwest::Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Self { status, headers, body, text })
    }

    /// A member of the document; empty where it is not there.
    pub(crate) fn member(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Status and `error` (RFC 6749 §5.2).
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.member("error"))
    }

    /// A header; empty where it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Home {
    /// A server on this database.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    /// The same, with settings changed. Hashes are cheap: what they cost is no matter here.
    pub(crate) async fn start_with(
        database: &TestDatabase,
        adjust: impl FnOnce(&mut Settings),
    ) -> Self {
        let port = free_port();
        let server = TestServer::start_with(database, |settings| {
            settings.listen.public.set_port(port);
            settings.server.issuer = format!("https://localhost:{port}");
            settings.accounts.password_memory_kib = 64;
            settings.accounts.password_passes = 1;
            adjust(settings);
        })
        .await;
        let base = Url::parse(server.server().realms.get(RealmId::FIRST).unwrap().issuer.as_str());
        Self { server, base: base.unwrap(), http: anybody() }
    }

    /// Another replica of it.
    pub(crate) async fn replica(&self, database: &TestDatabase) -> Self {
        let server = self.server.replica(database).await;
        let base = format!("https://localhost:{}", server.addresses().public.port());
        Self { server, base: Url::parse(&base).unwrap(), http: anybody() }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    /// The issuer of its first realm.
    pub(crate) fn issuer(&self) -> String {
        self.server.server().realms.get(RealmId::FIRST).unwrap().issuer.as_str().to_owned()
    }

    /// A request of its administrator, which must succeed; `headers` may name a realm.
    pub(crate) async fn administer(
        &self,
        (method, path): (&str, &str),
        headers: &str,
        body: Option<Value>,
    ) -> Value {
        let (status, document) = ask(&self.server, method, path, headers, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {document}");
        document
    }

    /// Registers an application; `members` come over the usual.
    pub(crate) async fn app(&self, id: &str, profile: &str, members: Value) -> App {
        let mut input = json!({
            "id": id,
            "name": id,
            "profile": profile,
            "id_token_signed_response_alg": "ES256",
        });
        if profile != "machine" {
            input["redirect_uris"] = json!([CALLBACK]);
            input["post_logout_redirect_uris"] = json!([GOODBYE]);
            input["consent"] = json!("first_party");
        }
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let made = self.administer(("POST", "clients"), "", Some(input)).await;
        let secret = made["client_secret"].as_str().unwrap_or_default().to_owned();
        App { id: id.to_owned(), secret }
    }

    /// Somebody with a name, a verified address and a password.
    pub(crate) async fn person(&self, name: &str) -> UserId {
        self.person_in(RealmId::FIRST, "", name).await
    }

    /// The same in another realm, which `headers` names.
    pub(crate) async fn person_in(&self, realm: RealmId, headers: &str, name: &str) -> UserId {
        let input = json!({
            "username": name,
            "attributes": {"name": format!("{name} Example"), "email": address(name)},
            "verified": ["email"],
        });
        let made = self.administer(("POST", "users"), headers, Some(input)).await;
        let user = UserId::parse(made["id"].as_str().unwrap()).unwrap();
        let password = Secret::new(PASSWORD.to_owned());
        let accounts = &self.server.server().accounts;
        accounts.set_password(realm, user, &password, By::Themselves).await.unwrap();
        user
    }

    /// The browser of somebody who types this name, and the password that all have.
    pub(crate) fn browser(&self, name: &str) -> Browser {
        Browser::new(self.http.clone(), typed(name))
    }

    /// The address of an authorization request; an empty value takes a usual parameter away.
    pub(crate) fn request(&self, app: &App, more: &[(&str, &str)]) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(sha256(VERIFIER.as_bytes()));
        let usual = [
            ("client_id", &*app.id),
            ("response_type", "code"),
            ("scope", "openid email offline_access"),
            ("redirect_uri", CALLBACK),
            ("state", "the state"),
            ("code_challenge", &*challenge),
            ("code_challenge_method", "S256"),
        ];
        let said = |name: &str| more.iter().any(|(other, _)| *other == name);
        let mut url = self.url("/authorize");
        url.query_pairs_mut()
            .extend_pairs(usual.into_iter().filter(|(name, _)| !said(name)))
            .extend_pairs(more.iter().filter(|(_, value)| !value.is_empty()));
        url
    }

    /// Signs in, where that is needed, and gives the code.
    pub(crate) async fn code(
        &self,
        browser: &mut Browser,
        app: &App,
        more: &[(&str, &str)],
    ) -> Result<String, String> {
        let shown = browser.walk(&self.request(app, more)).await?;
        came_back(&shown)?.remove("code").ok_or_else(|| format!("no code: {:?}", shown.away))
    }

    /// Signs in and exchanges the code.
    pub(crate) async fn tokens(
        &self,
        browser: &mut Browser,
        app: &App,
        more: &[(&str, &str)],
    ) -> Answer {
        let code = self.code(browser, app, more).await.unwrap();
        let answer = self.redeem(app, &code).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    }

    /// Shows a code at the token endpoint.
    pub(crate) async fn redeem(&self, app: &App, code: &str) -> Answer {
        self.as_app("/token", app, &redemption(code)).await
    }

    /// Shows a refresh token at the token endpoint.
    pub(crate) async fn refresh(&self, app: &App, token: &str) -> Answer {
        self.as_app("/token", app, &refreshment(token)).await
    }

    /// A form that an application sends, with its secret or, if it has none, its name.
    pub(crate) async fn as_app(&self, path: &str, app: &App, form: &[(&str, &str)]) -> Answer {
        self.try_as_app(path, app, form).await.unwrap()
    }

    /// The same, where it may come to nothing.
    pub(crate) async fn try_as_app(
        &self,
        path: &str,
        app: &App,
        form: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        let named = [form, &[("client_id", &*app.id)]].concat();
        match &*app.secret {
            "" => self.try_post(path, &[], &named).await,
            secret => self.try_post(path, &[("authorization", basic(&app.id, secret))], form).await,
        }
    }

    /// Any form.
    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, String)],
        form: &[(&str, &str)],
    ) -> Answer {
        self.try_post(path, headers, form).await.unwrap()
    }

    async fn try_post(
        &self,
        path: &str,
        headers: &[(&str, String)],
        form: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        let form: Vec<_> =
            form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let kind = (CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded".to_owned());
        self.try_send(Method::POST, path, &[headers, &[kind]].concat(), encoded(&form)).await
    }

    /// A request with a token.
    pub(crate) async fn bearing(&self, method: Method, path: &str, token: &str) -> Answer {
        let header = (AUTHORIZATION.as_str(), format!("Bearer {token}"));
        self.send(method, path, &[header], String::new()).await
    }

    /// Any request.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: String,
    ) -> Answer {
        self.try_send(method, path, headers, body).await.unwrap()
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: String,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.request(method, self.url(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        Answer::of(request.send().await?).await
    }
}

/// What is sent with a code.
pub(crate) fn redemption(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

/// What is sent with a refresh token.
pub(crate) fn refreshment(token: &str) -> [(&str, &str); 2] {
    [("grant_type", "refresh_token"), ("refresh_token", token)]
}

/// One field of a form or query.
pub(crate) fn one_field(name: &str, value: &str) -> String {
    encoded(&[(name.to_owned(), value.to_owned())])
}

/// The parameters of the answer that a browser brings back to the application.
pub(crate) fn came_back(shown: &Shown) -> Result<BTreeMap<String, String>, String> {
    let led = shown.away.as_ref().filter(|url| url.as_str().starts_with(CALLBACK));
    let url = led.ok_or_else(|| {
        format!("stayed at {}: {} {}", shown.url, shown.status, excerpt(&shown.body))
    })?;
    Ok(url.query_pairs().into_owned().collect())
}

/// HTTP Basic as RFC 6749 §2.3.1 has it.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    let half =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    format!("Basic {}", STANDARD.encode(format!("{}:{}", half(id), half(secret))))
}

pub(crate) fn typed(name: &str) -> Typed {
    [("identifier", name), ("password", PASSWORD)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// The claims of a JWT, as it says them.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap_or_default();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap_or_default()).unwrap_or_default()
}

/// The address of somebody.
pub(crate) fn address(name: &str) -> String {
    format!("{name}@example.org")
}

/// A client that takes any certificate: servers here make their own, and who they are is no matter of these tests.
fn anybody() -> Client {
    anybody_with(HeaderMap::new())
}

/// The same with headers in every request, `host` among them: HTTP/1.1, where that is one.
pub(crate) fn anybody_with(headers: HeaderMap) -> Client {
    weft::crypto::tls::install_provider();
    let client = Client::builder().tls_danger_accept_invalid_certs(true).no_proxy();
    let client = client.http1_only().default_headers(headers);
    // RFC 6761 §6.3, whatever the system's resolver knows of such names.
    let here = |client: reqwest::ClientBuilder, name: &str| {
        client.resolve(name, SocketAddr::from(([127, 0, 0, 1], 0)))
    };
    let client = ["weft.localhost", "idp.localhost"].into_iter().fold(client, here);
    client.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where applications get their answers; nothing listens there.
pub(crate) const CALLBACK: &str = "https://app.example.org/cb";
/// Where a browser goes after signing out.
pub(crate) const GOODBYE: &str = "https://app.example.org/bye";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// 43 letters at least (RFC 7636 §4.1).
pub(crate) const VERIFIER: &str = "a-verifier-of-these-tests-0123456789-abcdefgh";
