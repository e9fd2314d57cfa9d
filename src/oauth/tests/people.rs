//! A person and an application: codes, tokens, refresh, sign-out, as a browser and a program see them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::world::{House, REALM, Told};
use crate::accounts::{NewUser, User};
use crate::crypto::digest::{base64, base64url, sha256};
use crate::kernel::{Lifetime, Method};
use crate::sessions::{BrowserCookie, Session, SessionCookie, SignedIn};
use crate::testkit::{TestDatabase, on_each_database};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A browser of somebody who is signed in, and an application that they know.
pub(super) struct Scene {
    pub(super) house: House,
    secret: String,
    cookies: String,
}

impl Scene {
    async fn new(house: House, members: Value) -> Self {
        let mut all = json!({
            "id_token_signed_response_alg": "ES256",
            "consent": "first_party",
            "post_logout_redirect_uris": ["https://shop.test/out"],
            "backchannel_logout_uri": "https://shop.test/bcl",
            "relaxed": {"pkce": "most of these tests are about something else"},
        });
        for (name, value) in members.as_object().unwrap() {
            all[name] = value.clone();
        }
        let made = house.client("shop", all).await;
        let secret = made.body["client_secret"].as_str().unwrap_or_default().to_owned();
        let binding = BrowserCookie::make(house.keys.env.entropy.as_ref()).unwrap();
        let cookies = format!("{}={}", BrowserCookie::NAME, binding.expose());
        Self { house, secret, cookies }
    }

    pub(super) async fn signed_in(database: &TestDatabase, members: Value) -> Self {
        Self::signed_in_at(House::new(database).await, members).await
    }

    pub(super) async fn signed_in_at(house: House, members: Value) -> Self {
        let mut scene = Self::new(house, members).await;
        let user = scene.person().await;
        scene.sign_in(&user).await;
        scene
    }

    /// Somebody who may sign in.
    pub(super) async fn person(&self) -> Arc<User> {
        let user = NewUser {
            id: None,
            handle: None,
            language: None,
            identifiers: Vec::new(),
            attributes: BTreeMap::new(),
            groups: Vec::new(),
        };
        self.house.accounts.create(&House::by(), user).await.unwrap()
    }

    /// Goes on in a new browser, in which this person is signed in; its session.
    pub(super) async fn sign_in(&mut self, user: &User) -> Arc<Session> {
        let signed_in = SignedIn {
            realm: REALM,
            user: user.id,
            number: user.number,
            methods: BTreeSet::from([Method::Password]),
            since: self.house.keys.clock_now(),
            upstream: None,
            device: None,
            address: "192.0.2.1".to_owned(),
            agent: "a browser".to_owned(),
            before: None,
        };
        let opened = self.house.sessions.open(signed_in).await.unwrap();
        let binding = BrowserCookie::make(self.house.keys.env.entropy.as_ref()).unwrap();
        self.cookies = format!(
            "{}={}; {}={}",
            BrowserCookie::NAME,
            binding.expose(),
            SessionCookie::NAME,
            opened.cookie.expose()
        );
        opened.session
    }

    pub(super) async fn get(&self, path: &str) -> Told {
        self.house.send("GET", path, &[("cookie", &self.cookies)], "").await
    }

    pub(super) async fn send(&self, path: &str, form: &[(&str, &str)]) -> Told {
        let form = encoded(form);
        let headers =
            [("cookie", &*self.cookies), ("content-type", "application/x-www-form-urlencoded")];
        self.house.send("POST", path, &headers, &form).await
    }

    pub(super) async fn authorize(&self, more: &[(&str, &str)]) -> Told {
        self.get(&format!("/authorize?{}", request(more))).await
    }

    pub(super) async fn token(&self, form: &[(&str, &str)]) -> Told {
        let basic = format!("Basic {}", base64(format!("shop:{}", self.secret).as_bytes()));
        self.house.post("/token", Some(&basic), form).await
    }

    pub(super) async fn redeem(&self, code: &str, more: &[(&str, &str)]) -> Told {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", "https://shop.test/cb"),
        ];
        let said = |name: &str| more.iter().any(|(other, _)| *other == name);
        let mut form: Vec<_> = usual.into_iter().filter(|(name, _)| !said(name)).collect();
        form.extend(more.iter().copied().filter(|(_, value)| !value.is_empty()));
        self.token(&form).await
    }

    pub(super) async fn code(&self, more: &[(&str, &str)]) -> String {
        member(&self.authorize(more).await, "code").expect("a code")
    }

    pub(super) async fn is_active(&self, token: &str) -> bool {
        let basic = format!("Basic {}", base64(format!("shop:{}", self.secret).as_bytes()));
        let told = self.house.post("/introspect", Some(&basic), &[("token", token)]).await;
        told.body["active"] == json!(true)
    }
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    query.finish()
}

fn request(more: &[(&str, &str)]) -> String {
    let usual = [
        ("client_id", "shop"),
        ("redirect_uri", "https://shop.test/cb"),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s t&"),
    ];
    let said = |name: &str| more.iter().any(|(other, _)| *other == name);
    let all: Vec<_> =
        usual.into_iter().filter(|(name, _)| !said(name)).chain(more.iter().copied()).collect();
    encoded(&all)
}

/// A member of the address that an answer leads to.
pub(super) fn member(told: &Told, name: &str) -> Option<String> {
    assert_eq!(told.status, 303, "oidc_026: {told:?}");
    let url = url::Url::parse(told.header("location")).ok()?;
    url.query_pairs().find(|(said, _)| said == name).map(|(_, value)| value.into_owned())
}

/// An error that goes back to the application, with `state` and `iss`.
pub(super) fn error(told: &Told) -> String {
    assert!(told.header("location").starts_with("https://shop.test/cb?"), "{told:?}");
    assert_eq!(member(told, "state").as_deref(), Some("s t&"), "oidc_025");
    assert_eq!(member(told, "iss").as_deref(), Some("https://weft.test"), "oidc_023");
    member(told, "error").unwrap_or_default()
}

#[tokio::test]
async fn oidc_013_036_and_038_an_application_learns_who_signed_in() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let challenge = base64url(&sha256(VERIFIER.as_bytes()));
        let asked =
            [("nonce", "n"), ("code_challenge", &*challenge), ("code_challenge_method", "S256")];
        let told = scene.authorize(&asked).await;
        assert_eq!(member(&told, "iss").as_deref(), Some("https://weft.test"));
        assert_eq!(member(&told, "state").as_deref(), Some("s t&"));
        let code = member(&told, "code").unwrap();
        let tokens = scene.redeem(&code, &[("code_verifier", VERIFIER)]).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        assert_eq!(tokens.body.get("refresh_token"), None, "nobody asked for one");
        let (header, claims) = tokens.token("id_token");
        assert_eq!(header["alg"], json!("ES256"));
        for (name, value) in [("aud", "shop"), ("iss", "https://weft.test"), ("nonce", "n")] {
            assert_eq!(claims[name], json!(value));
        }
        for name in ["sub", "exp", "iat", "auth_time", "sid", "at_hash", "amr"] {
            assert!(!claims[name].is_null(), "{name}");
        }
        assert!(claims.get("azp").is_none());
        let bearer = format!("Bearer {}", tokens.text("access_token"));
        let userinfo =
            scene.house.send("GET", "/userinfo", &[("authorization", &bearer)], "").await;
        assert_eq!((userinfo.status, &userinfo.body["sub"]), (200, &claims["sub"]), "oidc_038");
        let posted = scene.house.send("POST", "/userinfo", &[("authorization", &bearer)], "").await;
        assert_eq!(posted.body, userinfo.body);
        let form = [("access_token", tokens.text("access_token"))];
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(scene.house.post("/userinfo", None, &form).await.body, userinfo.body);
        let id_token = format!("Bearer {}", tokens.text("id_token"));
        let wrong = scene.house.send("GET", "/userinfo", &[("authorization", &id_token)], "").await;
        assert_eq!(wrong.status, 401, "oidc_081: an ID token opens nothing");
    })
    .await;
}

#[tokio::test]
async fn oidc_029_030_031_and_063_a_code_works_once_for_whom_it_was_made() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let code = scene.code(&[]).await;
        let tokens = scene.redeem(&code, &[]).await;
        assert!(scene.is_active(&tokens.text("access_token")).await);
        let refused = (400, "invalid_grant");
        assert_eq!(scene.redeem(&code, &[]).await.error(), refused);
        scene.house.follow().await;
        assert!(!scene.is_active(&tokens.text("access_token")).await, "what it gave is void");
        let challenge = base64url(&sha256(VERIFIER.as_bytes()));
        let bound = [("code_challenge", &*challenge), ("code_challenge_method", "S256")];
        let wrong = VERIFIER.replace('d', "e");
        for (asked, shown) in [
            (&bound[..], ("code_verifier", wrong.as_str())),
            (&bound[..], ("code_verifier", "")),
            (&[][..], ("code_verifier", VERIFIER)),
            (&[][..], ("redirect_uri", "https://shop.test/other")),
            (&[][..], ("redirect_uri", "")),
        ] {
            let code = scene.code(asked).await;
            assert_eq!(scene.redeem(&code, &[shown]).await.error(), refused, "{shown:?}");
        }
        let late = scene.code(&[]).await;
        scene.house.keys.clock.advance(Lifetime::seconds(61));
        assert_eq!(scene.redeem(&late, &[]).await.error(), refused);
        assert_eq!(scene.redeem("never", &[]).await.error(), refused);
    })
    .await;
}

#[tokio::test]
async fn oidc_016_and_018_without_a_page_the_session_does_or_an_error_goes_back() {
    on_each_database(async |database| {
        let nobody = Scene::new(House::new(database).await, json!({})).await;
        assert_eq!(error(&nobody.authorize(&[("prompt", "none")]).await), "login_required");
        let asked = nobody.authorize(&[]).await;
        assert!(asked.header("location").starts_with("/sign-in/"), "{asked:?}");
    })
    .await;
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let code = scene.code(&[("prompt", "none")]).await;
        let hint = scene.redeem(&code, &[]).await.text("id_token");
        let with = [("prompt", "none"), ("id_token_hint", hint.as_str())];
        assert!(member(&scene.authorize(&with).await, "code").is_some());
        scene.house.keys.clock.advance(Lifetime::minutes(10));
        assert!(member(&scene.authorize(&with).await, "code").is_some(), "also one that ended");
        let broken = [("prompt", "none"), ("id_token_hint", hint.get(..hint.len() - 4).unwrap())];
        assert_eq!(error(&scene.authorize(&broken).await), "invalid_request");
        let aged = [("prompt", "none"), ("max_age", "1")];
        assert_eq!(error(&scene.authorize(&aged).await), "login_required", "oidc_017");
        let young = [("prompt", "none"), ("max_age", "10000")];
        assert!(member(&scene.authorize(&young).await, "code").is_some());
        let again = scene.authorize(&[("prompt", "login")]).await;
        assert!(again.header("location").starts_with("/sign-in/"), "oidc_015: {again:?}");
    })
    .await;
}

#[tokio::test]
async fn oidc_009_a_form_of_another_site_is_kept_and_the_browser_comes_again() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let told = scene.house.send("POST", "/authorize", &form, &request(&[])).await;
        assert!(told.header("location").starts_with("/authorize/continue?id="), "{told:?}");
        assert_eq!(told.header("set-cookie"), "", "the cookie that the browser kept stays");
        let path = told.header("location").to_owned();
        assert!(member(&scene.get(&path).await, "code").is_some());
        assert_eq!(scene.get(&path).await.status, 400, "once");
    })
    .await;
}

#[tokio::test]
async fn oidc_073_a_person_is_asked_once_and_may_say_no() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({"consent": "ask"})).await;
        assert_eq!(error(&scene.authorize(&[("prompt", "none")]).await), "consent_required");
        let page = scene.authorize(&[]).await;
        assert_eq!(page.status, 200);
        let id = hidden(&page);
        let no = scene.send("/authorize/consent", &[("request", &id), ("decision", "deny")]).await;
        assert_eq!(error(&no), "access_denied");
        let id = hidden(&scene.authorize(&[]).await);
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let body = encoded(&[("request", &id), ("decision", "allow")]);
        let stranger = scene.house.send("POST", "/authorize/consent", &form, &body).await;
        assert_eq!(stranger.status, 400, "another browser");
        let yes = [("request", &*id), ("decision", "allow")];
        assert!(member(&scene.send("/authorize/consent", &yes).await, "code").is_some());
        assert_eq!(scene.send("/authorize/consent", &yes).await.status, 400, "another tab");
        assert!(member(&scene.authorize(&[("prompt", "none")]).await, "code").is_some());
        let more = [("prompt", "none"), ("scope", "openid email")];
        assert_eq!(error(&scene.authorize(&more).await), "consent_required");
        assert_eq!(scene.authorize(&[("prompt", "consent")]).await.status, 200);
    })
    .await;
}

/// The request on its way, as the page's form has it.
pub(super) fn hidden(told: &Told) -> String {
    let (_, rest) = told.page.split_once("name=\"request\" value=\"").expect("a form");
    rest.split('"').next().unwrap().to_owned()
}
