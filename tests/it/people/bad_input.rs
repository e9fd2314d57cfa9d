//! What strangers send to the endpoints of the OpenID provider: refused in the protocol's words, and never by an accident.

mod forged;
mod lying_headers;

use std::fmt::Debug;

use reqwest::Method;
use serde_json::{Value, json};
use weft::accounts::{MailSettings, MailTransport};
use weft::testkit::{TestDatabase, engines};

use super::home::{Answer, App, CALLBACK, GOODBYE, Home, came_back, redemption};
use crate::walker::{Browser, Shown};

/// A server with somebody who is signed in, and what their application holds.
struct World {
    home: Home,
    app: App,
    browser: Browser,
    access_token: String,
    id_token: String,
    mail: tempfile::TempDir,
}

/// What was tried, and what should not have come of it.
#[derive(Debug, Default)]
struct Tally {
    tries: usize,
    accidents: usize,
    through: Vec<String>,
}

impl Tally {
    /// One try: what it was, the status, and whether the answer is the refusal that belongs there.
    fn note(&mut self, what: impl Debug, status: u16, refused: bool, answer: impl Debug) {
        self.tries += 1;
        self.accidents += usize::from(status >= 500);
        if !refused || status >= 500 {
            self.through.push(format!("{what:?}: {status} {answer:?}"));
        }
    }

    /// A page, and no way out.
    fn stays(&mut self, what: impl Debug, shown: &Shown) {
        self.note(what, shown.status, shown.status == 400 && shown.away.is_none(), &shown.away);
    }

    fn is(&mut self, what: impl Debug, answer: &Answer, expected: (u16, &str)) {
        self.note(what, answer.status, answer.refusal() == expected, &answer.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_send_is_refused_in_the_protocols_words() {
    let database = TestDatabase::new(engines()[0]).await;
    let world = World::start(&database).await;
    let mut tally = Tally::default();
    world.redirects(&mut tally).await;
    world.ways_out(&mut tally).await;
    world.states(&mut tally).await;
    world.twice(&mut tally).await;
    world.injections(&mut tally).await;
    world.frames(&mut tally).await;
    world.foreign_forms(&mut tally).await;
    world.forged_tokens(&mut tally).await;
    world.large_tokens(&mut tally).await;
    world.lying_headers(&mut tally).await;
    println!(
        "proof: bad input at the OpenID endpoints: {} tries, taken {}, server errors {}",
        tally.tries,
        tally.through.len(),
        tally.accidents
    );
    assert_eq!(tally.through, Vec::<String>::new());
}

impl World {
    async fn start(database: &TestDatabase) -> Self {
        let mail = tempfile::tempdir().unwrap();
        let home = Home::start_with(database, |settings| {
            settings.accounts.mail = MailSettings {
                transport: MailTransport::Maildir,
                directory: Some(mail.path().to_owned()),
                ..MailSettings::default()
            };
        })
        .await;
        home.person("ann").await;
        let scopes = json!({"scopes": ["openid", "email", "offline_access", "svid"]});
        let app = home.app("app", "web", scopes).await;
        let mut browser = home.browser("ann");
        let scope = [("scope", "openid email svid")];
        let tokens = home.tokens(&mut browser, &app, &scope).await;
        let text = |name| tokens.member(name).to_owned();
        let (access_token, id_token) = (text("access_token"), text("id_token"));
        Self { home, app, browser, access_token, id_token, mail }
    }

    /// Signed in, so that a request that is right is answered at once.
    async fn ask(&self, more: &[(&str, &str)]) -> Shown {
        self.browser.clone().get(&self.home.request(&self.app, more)).await.unwrap()
    }

    async fn redirects(&self, tally: &mut Tally) {
        assert!(came_back(&self.ask(&[]).await).unwrap().contains_key("code"));
        for other in others(CALLBACK) {
            tally.stays(&other, &self.ask(&[("redirect_uri", &other)]).await);
            let url = self.home.request(&self.app, &[("redirect_uri", &other)]);
            let fields: Vec<_> = url.query_pairs().into_owned().collect();
            let posted = self.browser.clone().post(&self.home.url("/authorize"), &fields).await;
            tally.stays(("posted", &other), &posted.unwrap());
        }
    }

    /// The way back after signing out is compared like the other one, and nobody is signed out on the way to a stranger.
    async fn ways_out(&self, tally: &mut Tally) {
        for other in others(GOODBYE) {
            let mut url = self.home.url("/logout");
            let fields = [("id_token_hint", &*self.id_token), ("post_logout_redirect_uri", &other)];
            url.query_pairs_mut().extend_pairs(fields);
            tally.stays(&other, &self.browser.clone().get(&url).await.unwrap());
        }
        for other in ["//evil.example", "/\\evil.example", "https://evil.example/", "/\tx", "x"] {
            let form = [("language", "en"), ("return_to", other)];
            let answer = self.home.post("/language", &[], &form).await;
            let own = answer.header("location") == "/account";
            tally.note(other, answer.status, own, answer.header("location"));
        }
        assert!(came_back(&self.ask(&[("prompt", "none")]).await).unwrap().contains_key("code"));
    }

    /// 8 KiB come back letter by letter; one more letter is refused by a page.
    async fn states(&self, tally: &mut Tally) {
        for state in ["s".repeat(8192), "&=%\"'<>+ ä\u{0}\r\n".repeat(200)] {
            let shown = self.ask(&[("state", &state)]).await;
            let back = came_back(&shown).unwrap_or_default();
            let same = back.get("state") == Some(&state) && back.contains_key("code");
            tally.note(("state of", state.len()), shown.status, same, &back);
        }
        for state in ["s".repeat(8193), "s".repeat(60_000)] {
            tally.stays(("state of", state.len()), &self.ask(&[("state", &state)]).await);
        }
    }

    /// Of two values neither counts (RFC 6749 §3.1, §3.2).
    async fn twice(&self, tally: &mut Tally) {
        for name in ["client_id", "redirect_uri"] {
            let url = self.home.request(&self.app, &[]);
            let again = url.query_pairs().find(|(said, _)| said == name).unwrap().1.into_owned();
            let url = format!("{url}&{}", super::home::one_field(name, &again));
            let shown = self.browser.clone().get(&url.parse().unwrap()).await.unwrap();
            tally.stays(("twice", name), &shown);
        }
        for name in
            ["response_type", "scope", "state", "nonce", "prompt", "code_challenge", "max_age"]
        {
            let url = self.home.request(&self.app, &[]);
            let twice = super::home::one_field(name, "1");
            let url = format!("{url}&{twice}&{twice}");
            let shown = self.browser.clone().get(&url.parse().unwrap()).await.unwrap();
            let back = came_back(&shown).unwrap_or_default();
            let refused = back.get("error").is_some_and(|error| error == "invalid_request");
            tally.note(("twice", name), shown.status, refused, &back);
        }
        let secret = [("client_id", &*self.app.id), ("client_secret", &self.app.secret)];
        let code = [&redemption("a code")[..], &secret].concat();
        let refresh = [&super::home::refreshment("wrt_x")[..], &secret].concat();
        let token = [&[("token", &*self.access_token)][..], &secret].concat();
        for (path, form) in [
            ("/token", code),
            ("/token", refresh),
            ("/introspect", token.clone()),
            ("/revoke", token),
        ] {
            for (name, value) in form.clone() {
                let form = [&form[..], &[(name, value)]].concat();
                let answer = self.home.post(path, &[], &form).await;
                tally.is((path, "twice", name), &answer, (400, "invalid_request"));
            }
        }
        let form = [("access_token", &*self.access_token); 2];
        let answer = self.home.post("/userinfo", &[], &form).await;
        tally.note("userinfo twice", answer.status, answer.status == 400, &answer.text);
        let header = ("authorization", format!("Bearer {}", self.access_token));
        let answer = self.home.post("/userinfo", std::slice::from_ref(&header), &form[..1]).await;
        tally.note("userinfo in two places", answer.status, answer.status == 400, &answer.text);
        for path in ["/userinfo", "/api/v1/whoami"] {
            let headers = [header.clone(), header.clone()];
            let answer = self.home.send(Method::GET, path, &headers, String::new()).await;
            tally.note((path, "two headers"), answer.status, answer.status == 400, &answer.text);
        }
    }

    /// Line ends that a browser was made to send stay what they are: letters of a value.
    async fn injections(&self, tally: &mut Tally) {
        let evil = "x\r\nset-cookie: evil=1\r\n\r\n<script>alert(1)</script>";
        for name in
            ["state", "nonce", "login_hint", "ui_locales", "client_id", "scope", "prompt", evil]
        {
            let url = self.home.request(&self.app, &[(name, evil)]);
            let path = format!("{}?{}", url.path(), url.query().unwrap());
            let answer = self.home.send(Method::GET, &path, &[], String::new()).await;
            let cookies = answer.headers.get_all("set-cookie").iter();
            let clean = !answer.text.contains("<script>alert")
                && cookies
                    .filter_map(|cookie| cookie.to_str().ok())
                    .all(|one| !one.contains("evil"));
            tally.note(("injected", name), answer.status, clean, &answer.headers);
        }
        for form in [
            [("grant_type", evil), ("client_id", "app")],
            [("grant_type", "refresh_token"), ("client_id", evil)],
        ] {
            let answer = self.home.post("/token", &[], &form).await;
            let clean = answer.status == 400 || answer.status == 401;
            tally.note(("injected", form), answer.status, clean, &answer.headers);
        }
    }

    /// No page is shown in a frame of somebody else's, none is kept, and none says where its reader came from.
    async fn frames(&self, tally: &mut Tally) {
        let asks = self.home.app("asks", "web", json!({"consent": "ask"})).await;
        let mut urls = vec![
            self.home.request(&asks, &[]),
            self.home.request(&self.app, &[("redirect_uri", "https://evil.example")]),
            self.home.request(&self.app, &[("prompt", "login")]),
        ];
        let paths = [
            "/logout",
            "/account",
            "/account/sessions",
            "/account/passkeys",
            "/account/password",
            "/account/authenticator",
            "/account/recovery-codes",
            "/account/providers",
            "/account/history",
            "/account/data",
            "/account/delete",
            "/account/signed-out",
            "/account/proof/nothing",
            "/nothing",
            "/",
        ];
        urls.extend(paths.iter().map(|path| self.home.url(path)));
        for url in urls {
            let shown = self.browser.clone().get(&url).await.unwrap();
            let header = |name: &str| {
                shown.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
            };
            let kept = shown.away.is_none()
                && header("x-frame-options") == "DENY"
                && header("content-security-policy").contains("frame-ancestors 'none'")
                && header("x-content-type-options") == "nosniff"
                && header("cache-control") == "no-store"
                && ["same-origin", "no-referrer"].contains(&header("referrer-policy"));
            tally.note(("framed", url.path()), shown.status, kept, &shown.headers);
        }
    }

    /// Forms that a page of another site has its reader's browser send, with the reader's session, do nothing.
    async fn foreign_forms(&self, tally: &mut Tally) {
        let session = weft::sessions::SessionCookie::NAME;
        let cookie = self.browser.cookie(&self.home.base, session).unwrap();
        let cookie = ("cookie", format!("{session}={cookie}"));
        for path in forms() {
            for (name, value) in [
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
                ("origin", "https://evil.example"),
                ("origin", "null"),
            ] {
                let headers = [cookie.clone(), (name, value.to_owned())];
                let answer = self.home.post(&path, &headers, &[("decision", "logout")]).await;
                let refused = answer.status == 403;
                tally.note((&path, name, value), answer.status, refused, &answer.text);
            }
        }
        let shown = self.ask(&[("prompt", "none")]).await;
        assert!(came_back(&shown).unwrap().contains_key("code"), "the session lives");
    }
}

/// Where pages of ours send their forms, read from their routes, so that none is forgotten. `/authorize` and `/logout` are none:
/// applications have browsers post to them.
fn forms() -> Vec<String> {
    let sources = [
        include_str!("../../../src/http/pages/routes.rs"),
        include_str!("../../../src/signin/http.rs"),
        include_str!("../../../src/oauth/http/browser.rs"),
        include_str!("../../../src/account/http.rs"),
        include_str!("../../../src/admin/http.rs"),
    ];
    let routes = sources.iter().flat_map(|source| source.split(".route(").skip(1));
    let posted = routes.filter(|route| route.contains("post("));
    let paths = posted.map(|route| route.split('"').nth(1).unwrap());
    let own = paths.filter(|path| !["/authorize", "/logout"].contains(path));
    let named = |path: &str| {
        path.replace("/sign-in/{id}", "/sign-in/sin_01a20518c63171eba55e03b71145a366")
            .replace("{step}", "identify")
            .replace("{id}", "dev_01a20518c63171eba55e03b71145a366")
            .replace("{verb}", "lock")
            .replace(['{', '}'], "")
    };
    let forms: Vec<String> = own.map(named).collect();
    assert!(forms.len() >= 30, "{forms:?}");
    forms
}

/// Addresses that are like the registered one, and are not it.
fn others(registered: &str) -> Vec<String> {
    let mut all: Vec<String> = [
        "/",
        "?x=1",
        "#x",
        " ",
        "%00",
        "%20",
        "\t",
        "\r\nset-cookie: evil=1",
        ".evil.example",
        "/../cb",
        "/.",
        ";x",
    ]
    .iter()
    .map(|end| format!("{registered}{end}"))
    .collect();
    for (part, by) in [
        ("app.example.org", "APP.example.org"),
        ("app.example.org", "app.example.org."),
        ("app.example.org", "app.example.org:443"),
        ("app.example.org", "app.example.org:8443"),
        ("app.example.org", "user@app.example.org"),
        ("app.example.org", "user:secret@app.example.org"),
        ("app.example.org", "app.example.org@evil.example"),
        ("app.example.org", "app.example.org.evil.example"),
        ("app.example.org", "evil.example\\@app.example.org"),
        ("app.example.org", "\u{ff41}pp.example.org"),
        ("https://", "http://"),
        ("https://", "HTTPS://"),
        ("https://", "//"),
        ("https://", "javascript://"),
        ("https://", " https://"),
        ("org/", "org//"),
        ("org/", "org/./"),
        ("org/", "org/%2e%2e/"),
        ("/cb", "/CB"),
        ("/cb", "/%63b"),
        ("/bye", "/BYE"),
        ("/bye", "/%62ye"),
    ] {
        let other = registered.replace(part, by);
        if other != registered {
            all.push(other);
        }
    }
    all.push(format!("{registered}?{}", "x".repeat(9000)));
    all
}
