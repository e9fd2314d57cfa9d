//! People with a password, browsers, and an application that they sign in to.

use std::cell::RefCell;
use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder, Response};
use url::Url;
use weft::crypto::digest::{base64url, sha256};

use crate::Outcome;
use crate::public::{Public, text};
use crate::server::Server;

/// The people, and what their application holds.
pub(crate) struct People {
    public: Public,
    secret: String,
    /// The names of those who are not signing in right now: nobody signs in twice at once, because tries are counted.
    names: RefCell<Vec<String>>,
    /// Refresh tokens, the newest of each family.
    families: RefCell<Vec<String>>,
}

impl People {
    /// Makes the people and the application; one of them signs in as often as there are families.
    pub(crate) async fn register(server: &mut Server) -> Outcome<Self> {
        let names: Vec<String> = (0..PEOPLE).map(|number| format!("ann{number}")).collect();
        for name in &names {
            let made = server.ask(&["user", "create", "--username", name], "")?;
            server.tell_password(&text(&made, "id")?, PASSWORD)?;
        }
        let words = ["--redirect-uri", REDIRECT, "--alg", "ES256", "--first-party"];
        let rotating = ["--rotate-refresh-tokens", "true"];
        let made = server.ask(
            &[&["client", "create", ID], words.as_slice(), rotating.as_slice()].concat(),
            "",
        )?;
        let secret = text(&made, "client_secret")?;
        let public = Public::new(&server.public, CONNECTIONS)?;
        let people =
            Self { public, secret, names: RefCell::new(names), families: RefCell::default() };
        let mut browser = Browser::new(&people.public);
        for _ in 0..FAMILIES {
            let code = browser.sign_in("ann0").await?;
            let family = people.redeem(&code).await?;
            people.families.borrow_mut().push(family);
        }
        Ok(people)
    }

    /// One of them signs in with a new browser; gives the application's code.
    pub(crate) async fn sign_in(&self) -> Outcome<String> {
        let name = self.names.borrow_mut().pop().ok_or("more calls than people")?;
        let code = Browser::new(&self.public).sign_in(&name).await?;
        self.names.borrow_mut().push(name);
        Ok(code)
    }

    /// The next tokens of one of the families.
    pub(crate) async fn refresh(&self) -> Outcome<()> {
        let family = self.families.borrow_mut().pop().ok_or("more calls than families")?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", &family)];
        let next = self.token(&form).await?;
        self.families.borrow_mut().push(next);
        Ok(())
    }

    async fn redeem(&self, code: &str) -> Outcome<String> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        self.token(&form).await
    }

    /// Asks for tokens; gives the refresh token. An access token and an ID token come with it.
    async fn token(&self, form: &[(&str, &str)]) -> Outcome<String> {
        let own = [("client_id", ID), ("client_secret", self.secret.as_str())];
        let answer = self.public.post("/token", &[form, &own].concat()).await?;
        text(&answer, "access_token")?;
        text(&answer, "id_token")?;
        text(&answer, "refresh_token")
    }
}

/// A browser: cookies, and redirects that are followed to the application's address.
struct Browser<'a> {
    public: &'a Public,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    fn new(public: &'a Public) -> Self {
        Self { public, cookies: BTreeMap::new() }
    }

    /// From the application and back to it; asks for the password only where there is no session.
    async fn sign_in(&mut self, name: &str) -> Outcome<String> {
        let challenge = base64url(&sha256(VERIFIER.as_bytes()));
        let asked = [
            ("client_id", ID),
            ("redirect_uri", REDIRECT),
            ("response_type", "code"),
            ("scope", "openid offline_access"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(asked).finish();
        let mut to = self.get(&format!("/authorize?{query}")).await?;
        for (step, field, typed) in
            [("identify", "identifier", name), ("password", "password", PASSWORD)]
        {
            if let Some(page) = to.strip_prefix("/sign-in/").map(|_| to.clone()) {
                self.page(&page).await?;
                to = self.post(&format!("{page}/{step}"), &[(field, typed)]).await?;
            }
        }
        let mut pages = Vec::new();
        while to.starts_with('/') {
            pages.push(to.clone());
            if pages.len() > PAGES_MAX {
                return Err(format!("no way to the application: {}", pages.join(", ")).into());
            }
            let answer = self.send(self.public.request(Method::GET, &to)?).await?;
            to = match leads(&answer) {
                Some(onward) => onward,
                // After a password a passkey is offered.
                None => self.post(&format!("{to}/enrol"), &[("decision", "later")]).await?,
            };
        }
        let away = Url::parse(&to)?;
        let code = away.query_pairs().find(|(name, _)| name == "code");
        Ok(code.ok_or_else(|| format!("no code in `{away}`"))?.1.into_owned())
    }

    /// Reads a page.
    async fn page(&mut self, path: &str) -> Outcome<()> {
        let answer = self.send(self.public.request(Method::GET, path)?).await?;
        let status = answer.status();
        let page = answer.text().await?;
        if status == 200 { Ok(()) } else { Err(format!("{path}: {status}: {page}").into()) }
    }

    async fn get(&mut self, path: &str) -> Outcome<String> {
        let request = self.public.request(Method::GET, path)?;
        self.onward(path, request).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Outcome<String> {
        let request = self.public.form(path, fields)?.header("sec-fetch-site", "same-origin");
        self.onward(path, request).await
    }

    /// Where a redirect leads; a path, if it stays here.
    async fn onward(&mut self, path: &str, request: RequestBuilder) -> Outcome<String> {
        let answer = self.send(request).await?;
        match leads(&answer) {
            Some(to) => Ok(to),
            None => Err(format!("{path} leads nowhere: {}", answer.text().await?).into()),
        }
    }

    async fn send(&mut self, request: RequestBuilder) -> Outcome<Response> {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header("cookie", cookies.join("; ")).send().await?;
        for set in answer.headers().get_all("set-cookie") {
            let pair = set.to_str()?.split(';').next().and_then(|pair| pair.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

/// Where a redirect leads.
fn leads(answer: &Response) -> Option<String> {
    let to = answer.headers().get("location").and_then(|to| to.to_str().ok());
    to.map(str::to_owned)
}

/// As many as sign in at once.
const PEOPLE: usize = 8;
const PASSWORD: &str = "correct horse battery staple";
/// The application's `client_id`.
const ID: &str = "shop";
const REDIRECT: &str = "https://shop.test/callback";
/// RFC 7636 asks for 43 characters at least.
const VERIFIER: &str = "a-verifier-that-is-the-same-for-all-because-it-hides-nothing";
/// Pages and redirects after the password.
const PAGES_MAX: usize = 8;
/// As many as an agent has here.
const CONNECTIONS: usize = 4;
/// As many as calls in flight: a family has one newest token.
const FAMILIES: usize = 64;
