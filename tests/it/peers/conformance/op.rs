//! The provider that is tested, the clients registered there, and what every check needs of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Method};
use serde_json::Value;
use url::Url;
use weft::crypto::digest::sha256;

use crate::people::Receiver;
use crate::walker::{Browser, Shown, Typed, encoded};

/// Where applications get their answers; nothing listens there.
pub(super) const CALLBACK: &str = "https://rp.example.org/cb";
/// Where a browser goes after logging out.
pub(super) const GOODBYE: &str = "https://rp.example.org/bye";
/// The callback of the public client; the port may vary.
pub(super) const LOOPBACK: &str = "http://127.0.0.1/cb";
/// The resource that tokens may be asked for.
pub(super) const RESOURCE: &str = "https://api.example.org";

/// A client of the provider.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rp {
    pub(super) id: &'static str,
    pub(super) secret: &'static str,
    pub(super) method: Auth,
    pub(super) redirect: &'static str,
}

/// A secret that no client has.
pub(super) const WRONG: &str = "wrong";

/// How a client authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    Basic,
    Post,
    None,
}

pub(super) const BASIC: Rp = Rp {
    id: "web-basic",
    secret: "secret-of-basic-0123456789abcdef",
    method: Auth::Basic,
    redirect: CALLBACK,
};
pub(super) const POST: Rp = Rp {
    id: "web-post",
    secret: "secret-of-post-0123456789abcdef",
    method: Auth::Post,
    redirect: CALLBACK,
};
pub(super) const PUBLIC: Rp =
    Rp { id: "public", secret: "", method: Auth::None, redirect: LOOPBACK };
pub(super) const MACHINE: Rp = Rp {
    id: "machine",
    secret: "secret-of-machine-0123456789abcdef",
    method: Auth::Basic,
    redirect: "",
};

/// The provider.
#[derive(Debug)]
pub(super) struct Op {
    pub(super) issuer: String,
    pub(super) metadata: Value,
    pub(super) http: Client,
    /// What the person of the checks types, and what another does.
    pub(super) typed: (Typed, Typed),
    pub(super) receiver: Arc<Receiver>,
    pub(super) handles: Handles,
    /// The secrets of clients that chose none themselves.
    pub(super) secrets: BTreeMap<&'static str, String>,
}

/// What only an administrator of the provider can do; nothing where the harness has no such handle.
#[derive(Default)]
pub(super) struct Handles {
    /// Makes another key sign.
    pub(super) rotate: Option<Handle>,
    /// Ends all sessions of the person of the checks.
    pub(super) sign_out: Option<Handle>,
    /// Lets ten minutes pass there.
    pub(super) later: Option<Handle>,
}

pub(super) type Handle = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles").finish_non_exhaustive()
    }
}

/// What an endpoint answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Value,
}

impl Answer {
    /// A member of the document, as text.
    pub(super) fn text(&self, name: &str) -> Result<String, String> {
        self.body[name]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| format!("no `{name}` in {} {}", self.status, self.body))
    }

    /// Fails unless this is that error of RFC 6749 §5.2.
    pub(super) fn is_error(&self, status: &[u16], code: &str) -> Result<(), String> {
        let (ours, theirs) = (self.body["error"].as_str(), self.status);
        if ours == Some(code) && status.contains(&theirs) {
            return Ok(());
        }
        Err(format!("expected {status:?} `{code}`, got {theirs} {}", self.body))
    }

    /// Fails unless this is a success.
    pub(super) fn ok(self) -> Result<Self, String> {
        if self.status == 200 {
            Ok(self)
        } else {
            Err(format!("expected 200, got {} {}", self.status, self.body))
        }
    }
}

impl Op {
    pub(super) async fn discover(
        issuer: &str,
        http: Client,
        typed: (Typed, Typed),
        receiver: Arc<Receiver>,
    ) -> Result<Self, String> {
        let (issuer, metadata) = (issuer.to_owned(), Value::Null);
        let mut op = Self {
            issuer,
            metadata,
            http,
            typed,
            receiver,
            handles: Handles::default(),
            secrets: BTreeMap::new(),
        };
        let url = op.url("/.well-known/openid-configuration")?;
        op.metadata = op.call(Method::GET, &url, None, &[]).await?.ok()?.body;
        Ok(op)
    }

    pub(super) fn url(&self, path: &str) -> Result<Url, String> {
        Url::parse(&format!("{}{path}", self.issuer)).map_err(|error| error.to_string())
    }

    pub(super) fn endpoint(&self, name: &str) -> Result<Url, String> {
        let text =
            self.metadata[name].as_str().ok_or_else(|| format!("the metadata has no `{name}`"))?;
        Url::parse(text).map_err(|error| format!("`{name}`: {error}"))
    }

    pub(super) fn lists(&self, name: &str, value: &str) -> bool {
        self.metadata[name].as_array().is_some_and(|all| all.iter().any(|one| one == value))
    }

    pub(super) fn browser(&self) -> Browser {
        Browser::new(self.http.clone(), self.typed.0.clone())
    }

    /// Of another person.
    pub(super) fn other_browser(&self) -> Browser {
        Browser::new(self.http.clone(), self.typed.1.clone())
    }

    /// Lets so many seconds pass, really: the provider may be a foreign program.
    #[expect(clippy::disallowed_methods, reason = "a foreign program's clock cannot be moved on")]
    pub(super) async fn wait(&self, seconds: u64) {
        tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
    }

    /// Lets time pass until this token has expired. Without a handle on the provider's clock one waits, which is for tokens
    /// that live some seconds.
    pub(super) async fn outlive(&self, token: &str) -> Result<(), String> {
        let claims = super::tokens::claims(token)?;
        let at = |name: &str| claims[name].as_u64().ok_or_else(|| format!("`{name}` in {claims}"));
        let life = at("exp")?.saturating_sub(at("iat")?);
        match &self.handles.later {
            Some(later) if life < 600 => later().await,
            None if life < 10 => {
                self.wait(life + 1).await;
                Ok(())
            }
            _ => Err(format!("it lives {life} s, and nobody waits so long")),
        }
    }

    /// Makes another key sign.
    pub(super) async fn rotate(&self) -> Result<(), String> {
        self.handles.rotate.as_ref().ok_or("nobody can rotate its keys")?().await
    }

    /// Ends all sessions of the person, as an administrator does.
    pub(super) async fn sign_everybody_out(&self) -> Result<(), String> {
        self.handles.sign_out.as_ref().ok_or("nobody can end its sessions")?().await
    }

    /// The secret of this client; one that is wrong on purpose stays wrong.
    pub(super) fn secret<'s>(&'s self, rp: &Rp) -> &'s str {
        match self.secrets.get(rp.id) {
            Some(secret) if rp.secret != WRONG => secret,
            _ => rp.secret,
        }
    }

    pub(super) async fn call(
        &self,
        method: Method,
        url: &Url,
        authorization: Option<String>,
        fields: &[(&str, &str)],
    ) -> Result<Answer, String> {
        let mut request = self.http.request(method.clone(), url.clone());
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        if method == Method::POST {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(encoded(&owned(fields)));
        }
        let answer = request.send().await.map_err(|error| format!("{url}: {error:?}"))?;
        let status = answer.status().as_u16();
        let text =
            |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect();
        let bytes = answer.bytes().await.map_err(|error| error.to_string())?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status, headers, body })
    }

    /// The address of an authorization request.
    pub(super) fn request(&self, rp: &Rp, more: &[(&str, &str)]) -> Result<Url, String> {
        let mut url = self.endpoint("authorization_endpoint")?;
        url.query_pairs_mut().extend_pairs(parameters(rp, more));
        Ok(url)
    }

    /// Signs in where needed and gives the parameters of the answer.
    pub(super) async fn authorize(
        &self,
        browser: &mut Browser,
        rp: &Rp,
        more: &[(&str, &str)],
    ) -> Result<BTreeMap<String, String>, String> {
        let shown = browser.walk(&self.request(rp, more)?).await?;
        answer_of(&shown, rp.redirect)
    }

    /// The same, and exchanges the code.
    pub(super) async fn sign_in(
        &self,
        browser: &mut Browser,
        rp: &Rp,
        more: &[(&str, &str)],
    ) -> Result<Answer, String> {
        let code = self.code(browser, rp, more).await?;
        self.exchange(rp, &code).await?.ok()
    }

    pub(super) async fn code(
        &self,
        browser: &mut Browser,
        rp: &Rp,
        more: &[(&str, &str)],
    ) -> Result<String, String> {
        let answer = self.authorize(browser, rp, more).await?;
        answer.get("code").cloned().ok_or_else(|| format!("no code in {answer:?}"))
    }

    pub(super) async fn exchange(&self, rp: &Rp, code: &str) -> Result<Answer, String> {
        self.exchange_with(rp, code, &[("code_verifier", VERIFIER), ("redirect_uri", rp.redirect)])
            .await
    }

    pub(super) async fn exchange_with(
        &self,
        rp: &Rp,
        code: &str,
        more: &[(&str, &str)],
    ) -> Result<Answer, String> {
        let mut fields = vec![("grant_type", "authorization_code"), ("code", code)];
        fields.extend(more);
        self.token(rp, &fields).await
    }

    /// The token endpoint, as this client.
    pub(super) async fn token(&self, rp: &Rp, fields: &[(&str, &str)]) -> Result<Answer, String> {
        self.as_client("token_endpoint", rp, fields).await
    }

    /// An endpoint that a client calls.
    pub(super) async fn as_client(
        &self,
        endpoint: &str,
        rp: &Rp,
        fields: &[(&str, &str)],
    ) -> Result<Answer, String> {
        let mut fields = fields.to_vec();
        match rp.method {
            Auth::Basic => {}
            Auth::Post => fields.extend([("client_id", rp.id), ("client_secret", self.secret(rp))]),
            Auth::None => fields.push(("client_id", rp.id)),
        }
        let authorization = (rp.method == Auth::Basic).then(|| basic(rp.id, self.secret(rp)));
        self.call(Method::POST, &self.endpoint(endpoint)?, authorization, &fields).await
    }

    pub(super) async fn userinfo(&self, token: &str) -> Result<Answer, String> {
        self.call(
            Method::GET,
            &self.endpoint("userinfo_endpoint")?,
            Some(format!("Bearer {token}")),
            &[],
        )
        .await
    }

    pub(super) async fn keys(&self) -> Result<Vec<Value>, String> {
        let document =
            self.call(Method::GET, &self.endpoint("jwks_uri")?, None, &[]).await?.ok()?;
        document.body["keys"]
            .as_array()
            .cloned()
            .ok_or_else(|| format!("no keys in {}", document.body))
    }
}

/// The parameters of an authorization request: what every one has, then these; an empty value takes one away.
pub(super) fn parameters(rp: &Rp, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let usual = [
        ("client_id", rp.id),
        ("response_type", "code"),
        ("scope", "openid"),
        ("redirect_uri", rp.redirect),
        ("state", "the state"),
    ];
    let mut all: Vec<(&str, &str)> = usual
        .into_iter()
        .filter(|(name, _)| !more.iter().any(|(other, _)| other == name))
        .collect();
    let challenge = challenge(VERIFIER);
    if !more.iter().any(|(name, _)| name.starts_with("code_challenge")) {
        all.push(("code_challenge", &challenge));
        all.push(("code_challenge_method", "S256"));
    }
    all.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    owned(&all)
}

/// HTTP Basic as RFC 6749 §2.3.1 has it: both halves are form-encoded first.
pub(super) fn basic(id: &str, secret: &str) -> String {
    let half =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", half(id), half(secret))))
}

/// The parameters of an authorization response at this redirect URI.
pub(super) fn answer_of(shown: &Shown, redirect: &str) -> Result<BTreeMap<String, String>, String> {
    let Some(url) = &shown.away else {
        return Err(format!(
            "stayed at {} with {}: {}",
            shown.url,
            shown.status,
            crate::walker::excerpt(&shown.body)
        ));
    };
    if !url.as_str().starts_with(redirect) {
        return Err(format!("led to {url}"));
    }
    Ok(url.query_pairs().into_owned().collect())
}

pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()))
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// 43 letters (RFC 7636 §4.1).
pub(super) const VERIFIER: &str = "a-verifier-of-the-harness-0123456789-abcdef";
