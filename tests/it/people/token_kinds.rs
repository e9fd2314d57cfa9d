//! Whatever stands for somebody opens the place it was made for, and no other: every kind of token of one person, shown at
//! every place that takes one.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use reqwest::Method;
use serde_json::{Value, json};
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::x509::csr;
use weft::kernel::{RealmId, UserId};
use weft::testkit::{TestAgent, TestDatabase, engines, until, within};

use super::home::{Answer, App, GOODBYE, Home, PASSWORD, VERIFIER, basic, claims};
use super::one_time::{confirm_totp, one_time};
use super::receiver::Receiver;
use crate::flows::{connect, me, until_given};
use crate::walker::Browser;

/// What may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    IdToken,
    AccessToken,
    /// An access token for the admin API.
    Administration,
    RefreshToken,
    JwtSvid,
    Code,
    ClientSecret,
    LogoutToken,
    SessionCookie,
    /// The cookie that tells a browser from others, signed in or not.
    BrowserCookie,
    /// What a letter or an administrator's link has in its path.
    Link,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::IdToken,
        Self::AccessToken,
        Self::Administration,
        Self::RefreshToken,
        Self::JwtSvid,
        Self::Code,
        Self::ClientSecret,
        Self::LogoutToken,
        Self::SessionCookie,
        Self::BrowserCookie,
        Self::Link,
    ];
}

/// One of each.
struct Held {
    of: BTreeMap<Kind, String>,
    /// Where the browser of the cookie has begun to sign in.
    sign_in: String,
}

/// What a place said to what it was shown.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Taken,
    /// In the words of its protocol.
    Refused,
    /// Neither: no answer that the protocol knows.
    Strange(String),
}

/// A place, what belongs there, and how it is shown there.
struct Place {
    name: &'static str,
    takes: &'static [Kind],
    show: Show,
}

type Show = for<'w> fn(&'w World, &'w Held, &'w str) -> LocalBoxFuture<'w, Seen>;

macro_rules! places {
    ($($name:literal [$($kind:ident),*] $show:ident;)+) => {
        /// Every place that takes what stands for a person or an application. The last one ends the session.
        const PLACES: &[Place] = &[$(Place {
            name: $name,
            takes: &[$(Kind::$kind),*],
            show: |world, held, token| $show(world, held, token).boxed_local(),
        }),+];
    };
}

places! {
    "token, code" [Code] code;
    "token, refresh_token" [RefreshToken] refresh_token;
    "token, client_secret" [ClientSecret] client_secret;
    "token, HTTP Basic" [ClientSecret] token_basic;
    "token, client_assertion" [] client_assertion;
    "userinfo, header" [AccessToken] userinfo;
    "userinfo, form" [AccessToken] userinfo_form;
    "introspect, token" [AccessToken, Administration, RefreshToken] introspect;
    "introspect, HTTP Basic" [ClientSecret] introspect_basic;
    "revoke, token" [AccessToken, Administration, RefreshToken] revoke;
    "revoke, HTTP Basic" [ClientSecret] revoke_basic;
    "authorize, id_token_hint" [IdToken] authorize_hint;
    "authorize, session cookie" [SessionCookie] authorize_cookie;
    "account pages, session cookie" [SessionCookie] account_cookie;
    "sign-in pages, browser cookie" [BrowserCookie] sign_in_cookie;
    "proof pages, link" [Link] link;
    "admin API, header" [Administration] administration;
    "X.509-SVIDs of people, header" [AccessToken] x509_svid;
    "JWT-SVIDs of people, header" [AccessToken] jwt_svid;
    "Workload API, ValidateJWTSVID" [JwtSvid] workload_api;
    "logout, id_token_hint" [IdToken] logout_hint;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_the_place_it_was_made_for_and_no_other() {
    let database = TestDatabase::new(engines()[0]).await;
    let world = World::start(&database).await;
    let held = world.fresh().await;
    let (mut accepted, mut strange) = (Vec::new(), Vec::new());
    for place in PLACES {
        for kind in Kind::ALL.iter().filter(|kind| !place.takes.contains(kind)) {
            match (place.show)(&world, &held, &held.of[kind]).await {
                Seen::Refused => {}
                Seen::Taken => accepted.push((place.name, kind)),
                Seen::Strange(answer) => strange.push((place.name, kind, answer)),
            }
        }
    }
    assert_eq!(strange, [], "answers that no protocol knows");
    world.all_of_it_still_works(&held).await;
    for place in PLACES {
        for kind in place.takes {
            let held = world.fresh().await;
            let seen = (place.show)(&world, &held, &held.of[kind]).await;
            assert_eq!(seen, Seen::Taken, "{kind:?} at {}", place.name);
        }
    }
    println!(
        "proof: token kinds: {} kinds × {} places, misplaced accepted {}",
        Kind::ALL.len(),
        PLACES.len(),
        accepted.len()
    );
    assert_eq!(accepted, [], "taken where it does not belong");
}

/// A server with an agent, a person who is signed in by two factors, and an application that may ask for everything.
struct World {
    home: Home,
    agent: TestAgent,
    app: App,
    user: UserId,
    browser: Browser,
    logout_token: String,
}

impl World {
    async fn start(database: &TestDatabase) -> Self {
        let receiver = Receiver::start().await;
        let home = Home::start_with(database, |settings| {
            settings.outbound.allow_private.push(receiver.allowed());
        })
        .await;
        let agent = TestAgent::join(&home.server).await;
        home.server.create("/web", agent.id(), &[&me()]).await;
        until_given(&agent, "/web").await;
        let user = home.person("ann").await;
        let members = json!({
            "administration": true,
            "scopes": ["openid", "email", "offline_access", "svid"],
            "backchannel_logout_uri": format!("{}/app", receiver.address()),
            "relaxed": {"https_redirects": "it listens on this machine"},
        });
        let app = home.app("app", "web", members).await;
        let secret = confirm_totp(&home, RealmId::FIRST, user).await;
        let mut before = sign_in(&home, &app, &one_time(&secret, 0)).await;
        let logout_token = log_out(&home, &app, &mut before, &receiver).await;
        let browser = sign_in(&home, &app, &one_time(&secret, 1)).await;
        Self { home, agent, app, user, browser, logout_token }
    }

    /// All of it made anew, out of one session.
    async fn fresh(&self) -> Held {
        let Self { home, app, .. } = self;
        let mut browser = self.browser.clone();
        let scope = ("scope", "openid email offline_access svid");
        let tokens = home.tokens(&mut browser, app, &[scope]).await;
        let resource = format!("{}/api", home.issuer());
        let more = [("resource", &*resource), ("scope", "openid")];
        let administration = home.tokens(&mut browser, app, &more).await;
        let access = tokens.member("access_token");
        let ask = json!({"audience": [home.issuer(), resource, app.id]});
        let svid = self.ask_for("/user/jwt-svid", access, &ask).await;
        assert_eq!(svid.status, 200, "{}", svid.text);
        let mut stranger = home.browser("nobody");
        let begun = stranger.get(&home.request(app, &[])).await.unwrap();
        let path = format!("users/{}/enrolment-link", self.user);
        let link = home.administer(("POST", &path), "", None).await;
        let link = link["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let cookie = |browser: &Browser, name| browser.cookie(&home.base, name).unwrap().to_owned();
        let text = |answer: &Answer, name| answer.member(name).to_owned();
        let of = [
            (Kind::IdToken, text(&tokens, "id_token")),
            (Kind::AccessToken, access.to_owned()),
            (Kind::Administration, text(&administration, "access_token")),
            (Kind::RefreshToken, text(&tokens, "refresh_token")),
            (Kind::JwtSvid, text(&svid, "token")),
            (Kind::Code, home.code(&mut browser, app, &[]).await.unwrap()),
            (Kind::ClientSecret, app.secret.clone()),
            (Kind::LogoutToken, self.logout_token.clone()),
            (Kind::SessionCookie, cookie(&browser, SESSION)),
            (Kind::BrowserCookie, cookie(&stranger, BROWSER)),
            (Kind::Link, link),
        ];
        assert!(of.iter().all(|(_, token)| !token.is_empty()), "{of:?}");
        Held { of: of.into(), sign_in: begun.url.path().to_owned() }
    }

    /// A token that was shown where it does not belong has not been used up by it, and nothing was taken back for it.
    async fn all_of_it_still_works(&self, held: &Held) {
        let ends = ["revoke, token", "logout, id_token_hint"];
        let lasting = PLACES.iter().filter(|place| !ends.contains(&place.name));
        // A refresh token is another one afterwards.
        let (last, first): (Vec<_>, Vec<_>) =
            lasting.partition(|place| place.name == "token, refresh_token");
        for place in first.into_iter().chain(last) {
            for kind in place.takes {
                let seen = (place.show)(self, held, &held.of[kind]).await;
                assert_eq!(seen, Seen::Taken, "{kind:?} at {}, afterwards", place.name);
            }
        }
    }

    async fn ask_for(&self, path: &str, token: &str, body: &Value) -> Answer {
        let headers = [
            ("authorization", format!("Bearer {token}")),
            ("content-type", "application/json".to_owned()),
        ];
        self.home.send(Method::POST, path, &headers, body.to_string()).await
    }

    /// Of the tokens that introspection knows: which live.
    async fn living(&self, held: &Held) -> Vec<Kind> {
        let mut living = Vec::new();
        for kind in [Kind::AccessToken, Kind::Administration, Kind::RefreshToken] {
            if introspect(self, held, &held.of[&kind]).await == Seen::Taken {
                living.push(kind);
            }
        }
        living
    }
}

/// Signs in by password and one-time password.
async fn sign_in(home: &Home, app: &App, code: &str) -> Browser {
    let mut browser = home.browser("ann");
    let shown = browser.get(&home.request(app, &[])).await.unwrap();
    let shown = browser.press(&shown, "/identify", &[("identifier", "ann")]).await.unwrap();
    let shown = browser.press(&shown, "/password", &[("password", PASSWORD)]).await.unwrap();
    let shown = browser.press(&shown, "/totp", &[("code", code)]).await.unwrap();
    let back = browser.go_on(shown).await.unwrap();
    assert!(back.away.is_some(), "{} {}", back.url, back.body);
    browser
}

/// Signs out again, and gives what the application is told.
async fn log_out(
    home: &Home,
    app: &App,
    browser: &mut Browser,
    receiver: &Arc<Receiver>,
) -> String {
    let tokens = home.tokens(browser, app, &[]).await;
    let hint = tokens.member("id_token");
    let mut leave = home.url("/logout");
    leave.query_pairs_mut().append_pair("id_token_hint", hint);
    browser.get(&leave).await.unwrap();
    let sid = claims(hint)["sid"].as_str().unwrap().to_owned();
    let arrival = receiver.with_sid(&sid).await.unwrap();
    arrival.form.into_iter().find(|(name, _)| name == "logout_token").unwrap().1
}

fn seen(answer: &Answer, taken: bool, refused: bool) -> Seen {
    match (taken, refused) {
        (true, false) => Seen::Taken,
        (false, true) => Seen::Refused,
        _ => Seen::Strange(format!("{} {:?} {}", answer.status, answer.headers, answer.text)),
    }
}

async fn code(world: &World, _: &Held, token: &str) -> Seen {
    let answer = world.home.redeem(&world.app, token).await;
    seen(&answer, answer.status == 200, answer.refusal() == (400, "invalid_grant"))
}

async fn refresh_token(world: &World, _: &Held, token: &str) -> Seen {
    let answer = world.home.refresh(&world.app, token).await;
    seen(&answer, answer.status == 200, answer.refusal() == (400, "invalid_grant"))
}

/// Whoever is known asks with a code that nobody has: then it is the code that is refused.
const NO_CODE: [(&str, &str); 4] = [
    ("grant_type", "authorization_code"),
    ("code", "nothing"),
    ("redirect_uri", "https://app.example.org/cb"),
    ("code_verifier", VERIFIER),
];

fn known(answer: &Answer) -> Seen {
    let (known, unknown) = ((400, "invalid_grant"), (401, "invalid_client"));
    seen(answer, answer.refusal() == known, answer.refusal() == unknown)
}

async fn client_secret(world: &World, _: &Held, token: &str) -> Seen {
    let more = [("client_id", &*world.app.id), ("client_secret", token)];
    known(&world.home.post("/token", &[], &[&NO_CODE[..], &more].concat()).await)
}

async fn token_basic(world: &World, _: &Held, token: &str) -> Seen {
    let header = ("authorization", basic(&world.app.id, token));
    known(&world.home.post("/token", &[header], &NO_CODE).await)
}

/// Assertions are not taken at all.
async fn client_assertion(world: &World, _: &Held, token: &str) -> Seen {
    let more = [
        ("client_id", &*world.app.id),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", token),
    ];
    known(&world.home.post("/token", &[], &[&NO_CODE[..], &more].concat()).await)
}

/// RFC 6750 §3.1.
fn opened(answer: &Answer) -> Seen {
    let challenge = answer.header("www-authenticate");
    let refused = answer.status == 401 && challenge.starts_with("Bearer");
    seen(answer, answer.status == 200, refused)
}

async fn userinfo(world: &World, _: &Held, token: &str) -> Seen {
    opened(&world.home.bearing(Method::GET, "/userinfo", token).await)
}

async fn userinfo_form(world: &World, _: &Held, token: &str) -> Seen {
    opened(&world.home.post("/userinfo", &[], &[("access_token", token)]).await)
}

/// RFC 7662 §2.2: of what is no token of ours nothing else is said.
async fn introspect(world: &World, _: &Held, token: &str) -> Seen {
    let answer = world.home.as_app("/introspect", &world.app, &[("token", token)]).await;
    seen(&answer, answer.body["active"] == true, answer.body == json!({"active": false}))
}

async fn introspect_basic(world: &World, _: &Held, token: &str) -> Seen {
    as_client(world, "/introspect", token).await
}

async fn revoke_basic(world: &World, _: &Held, token: &str) -> Seen {
    as_client(world, "/revoke", token).await
}

async fn as_client(world: &World, path: &str, token: &str) -> Seen {
    let header = ("authorization", basic(&world.app.id, token));
    let answer = world.home.post(path, &[header], &[("token", "nothing")]).await;
    seen(&answer, answer.status == 200, answer.refusal() == (401, "invalid_client"))
}

/// RFC 7009 §2.2: what is no token is no error, and nothing happens.
async fn revoke(world: &World, held: &Held, token: &str) -> Seen {
    let before = world.living(held).await;
    let answer = world.home.as_app("/revoke", &world.app, &[("token", token)]).await;
    let after = world.living(held).await;
    let fine = answer.status == 200;
    seen(&answer, fine && after.len() < before.len(), fine && after == before)
}

async fn authorize_hint(world: &World, _: &Held, token: &str) -> Seen {
    let more = [("prompt", "none"), ("id_token_hint", token)];
    silently(world, &mut world.browser.clone(), &more, "invalid_request").await
}

async fn authorize_cookie(world: &World, _: &Held, token: &str) -> Seen {
    let mut browser = world.home.browser("ann");
    browser.plant(&world.home.base, SESSION, token);
    silently(world, &mut browser, &[("prompt", "none")], "login_required").await
}

async fn silently(
    world: &World,
    browser: &mut Browser,
    more: &[(&str, &str)],
    error: &str,
) -> Seen {
    let shown = browser.get(&world.home.request(&world.app, more)).await.unwrap();
    let answer = super::home::came_back(&shown).unwrap_or_default();
    if answer.contains_key("code") {
        Seen::Taken
    } else if answer.get("error").is_some_and(|told| told == error) {
        Seen::Refused
    } else {
        Seen::Strange(format!("{} {:?}", shown.status, shown.away))
    }
}

async fn with_cookie(world: &World, path: &str, (name, value): (&str, &str)) -> Answer {
    let header = ("cookie", format!("{name}={value}"));
    world.home.send(Method::GET, path, &[header], String::new()).await
}

/// Whoever is not signed in is led to sign in.
async fn account_cookie(world: &World, _: &Held, token: &str) -> Seen {
    let answer = with_cookie(world, "/account", (SESSION, token)).await;
    let led = answer.status == 303 && answer.header("location").starts_with("/sign-in/");
    seen(&answer, answer.status == 200, led)
}

async fn sign_in_cookie(world: &World, held: &Held, token: &str) -> Seen {
    let answer = with_cookie(world, &held.sign_in, (BROWSER, token)).await;
    seen(&answer, answer.status == 200, matches!(answer.status, 403 | 404))
}

async fn link(world: &World, _: &Held, token: &str) -> Seen {
    let path = format!("/account/proof/{token}");
    let answer = world.home.send(Method::GET, &path, &[], String::new()).await;
    seen(&answer, answer.status == 200, matches!(answer.status, 404 | 410))
}

async fn administration(world: &World, _: &Held, token: &str) -> Seen {
    opened(&world.home.bearing(Method::GET, "/api/v1/whoami", token).await)
}

async fn x509_svid(world: &World, _: &Held, token: &str) -> Seen {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let ask = json!({"csr": STANDARD.encode(csr::create(&key).unwrap())});
    opened(&world.ask_for("/user/svid", token, &ask).await)
}

async fn jwt_svid(world: &World, _: &Held, token: &str) -> Seen {
    opened(&world.ask_for("/user/jwt-svid", token, &json!({"audience": ["billing"]})).await)
}

async fn workload_api(world: &World, _: &Held, token: &str) -> Seen {
    let client = until("the agent answers", async || connect(&world.agent).await).await;
    let issuer = world.home.issuer();
    match within("validate", client.validate_jwt_token(&issuer, token)).await {
        Ok(_) => Seen::Taken,
        Err(error) if error.to_string().contains("invalid_argument") => Seen::Refused,
        Err(error) => Seen::Strange(format!("{error:?} {error}")),
    }
}

/// An error is a page, never a redirect.
async fn logout_hint(world: &World, _: &Held, token: &str) -> Seen {
    let mut url = world.home.url("/logout");
    url.query_pairs_mut()
        .extend_pairs([("id_token_hint", token), ("post_logout_redirect_uri", GOODBYE)]);
    let shown = world.browser.clone().get(&url).await.unwrap();
    match (shown.status, shown.away.as_ref().map(url::Url::as_str)) {
        (_, Some(GOODBYE)) => Seen::Taken,
        (400, None) => Seen::Refused,
        other => Seen::Strange(format!("{other:?}")),
    }
}

const SESSION: &str = weft::sessions::SessionCookie::NAME;
const BROWSER: &str = weft::sessions::BrowserCookie::NAME;
