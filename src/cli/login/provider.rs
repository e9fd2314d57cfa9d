//! The server as a person's client sees it: discovery, tokens, SVIDs; refusals as errors that a person understands.

use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use super::super::error::{Error, sentence};
use super::super::transport::{bearer, broken, deepest, secure};
use crate::kernel::Secret;
use crate::wire::api::Problem;

/// The server of one issuer.
#[derive(Debug)]
pub(super) struct Provider {
    client: reqwest::Client,
    issuer: String,
}

/// What the server says of itself (OpenID Connect Discovery §3), as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Endpoints {
    issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: String,
    pub(super) revocation_endpoint: String,
    pub(super) userinfo_endpoint: String,
    /// RFC 8705 §5.
    mtls_endpoint_aliases: Option<Aliases>,
}

#[derive(Debug, Deserialize)]
struct Aliases {
    token_endpoint: Option<String>,
}

impl Endpoints {
    /// The token endpoint that asks for a certificate, if the server has one.
    pub(super) fn token_on_device(&self) -> Option<&str> {
        self.mtls_endpoint_aliases.as_ref()?.token_endpoint.as_deref()
    }
}

/// What the token endpoint gave. It has no `Debug`: it holds secrets.
pub(super) struct Tokens {
    pub(super) access_token: Secret<String>,
    pub(super) refresh_token: Secret<String>,
    /// In seconds.
    pub(super) lifetime: i64,
}

/// Why a request got no answer that helps.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nobody answered.
    Away(String),
    /// The token that was shown is good for nothing any more.
    Ended,
    /// It is too long ago that the person signed in.
    Anew,
    /// Anything else, as it is told.
    Other(Error),
}

#[derive(Deserialize)]
struct TokenDocument {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: i64,
}

#[derive(Deserialize)]
struct OauthError {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Provider {
    /// `device`: chain and key of the device that this is, to be shown where its key is to be proven.
    pub(super) fn new(
        issuer: &str,
        ca: Option<&Path>,
        device: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let issuer = issuer.trim_end_matches('/');
        if !Url::parse(issuer).is_ok_and(|url| url.scheme() == "https" && url.has_host()) {
            let words = format!("`{issuer}` is no address of the form `https://host:port`");
            return Err(Error::usage(words));
        }
        let mut builder = secure(ca)?;
        if let Some(pem) = device {
            builder = builder.identity(reqwest::Identity::from_pem(pem).map_err(broken)?);
        }
        let client = builder.build().map_err(broken)?;
        Ok(Self { client, issuer: issuer.to_owned() })
    }

    /// Whose server it is.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Asks the server what it is. It must be who we think: else tokens would go to somebody else.
    pub(super) async fn discover(&self) -> Result<Endpoints, Error> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer);
        let answer =
            self.send(self.client.get(url)).await.map_err(|trouble| self.error(trouble))?;
        let (status, body) = answer;
        let found: Option<Endpoints> = serde_json::from_slice(&body).ok();
        let Some(found) = found.filter(|_| status.is_success()) else {
            let what =
                format!("{} is no Weft server that people sign in to ({status})", self.issuer);
            let next = "`--server` is its issuer; `weft status` on the server's machine shows it.";
            return Err(Error::Local { what, next: next.to_owned() });
        };
        // OpenID Connect Discovery §4.3.
        if found.issuer.trim_end_matches('/') != self.issuer {
            let what = format!("the server at {} calls itself {}", self.issuer, found.issuer);
            let next = format!("If that is right: `weft login --server {}`.", found.issuer);
            return Err(Error::Local { what, next });
        }
        Ok(found)
    }

    /// Asks the token endpoint.
    pub(super) async fn tokens(
        &self,
        endpoint: &str,
        fields: &[(&str, &str)],
    ) -> Result<Tokens, Trouble> {
        let (status, body) = self.form(endpoint, fields).await?;
        if !status.is_success() {
            return Err(token_refusal(status, &body));
        }
        let document: Option<TokenDocument> = serde_json::from_slice(&body).ok();
        let tokens = document.and_then(|document| {
            Some(Tokens {
                access_token: Secret::new(document.access_token),
                refresh_token: Secret::new(document.refresh_token?),
                lifetime: document.expires_in,
            })
        });
        let words = "the server's answer has not the tokens that belong into it";
        tokens.ok_or_else(|| Trouble::Other(Error::local(words)))
    }

    /// Has a token void.
    pub(super) async fn revoke(&self, endpoint: &str, token: &str) -> Result<(), Trouble> {
        let fields = [("client_id", CLIENT), ("token", token)];
        let (status, body) = self.form(endpoint, &fields).await?;
        if status.is_success() { Ok(()) } else { Err(token_refusal(status, &body)) }
    }

    /// Reads something with an access token.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        url: &str,
        token: &str,
    ) -> Result<T, Trouble> {
        let token = bearer(token).map_err(Trouble::Other)?;
        document(self.send(self.client.get(url).header(AUTHORIZATION, token)).await?)
    }

    /// Asks for something with an access token; `path` is below the issuer.
    pub(super) async fn post<I: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        token: &str,
        input: &I,
    ) -> Result<T, Trouble> {
        let token = bearer(token).map_err(Trouble::Other)?;
        let body = serde_json::to_vec(input).map_err(|error| Trouble::Other(broken(error)))?;
        let request = self.client.post(format!("{}{path}", self.issuer));
        let request = request.header(AUTHORIZATION, token).header(CONTENT_TYPE, "application/json");
        document(self.send(request.body(body)).await?)
    }

    /// As a command tells it.
    pub(super) fn error(&self, trouble: Trouble) -> Error {
        let issuer = &self.issuer;
        match trouble {
            Trouble::Away(why) => Error::Unreachable {
                what: format!("{issuer} is not reachable: {why}"),
                next: "Check the address; `--ca FILE` names the certificates to check it against. A server that made its own says \
                       at its start where that is."
                    .to_owned(),
            },
            Trouble::Ended => Error::Local {
                what: format!("your sign-in at {issuer} has ended"),
                next: "`weft login` signs you in again.".to_owned(),
            },
            Trouble::Anew => Error::Local {
                what: format!(
                    "your sign-in at {issuer} is not fresh, or not strong, enough for this"
                ),
                next: "`weft login` signs you in again.".to_owned(),
            },
            Trouble::Other(error) => error,
        }
    }

    async fn form(
        &self,
        endpoint: &str,
        fields: &[(&str, &str)],
    ) -> Result<(StatusCode, Zeroizing<Vec<u8>>), Trouble> {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(endpoint).timeout(TOKEN_TIMEOUT);
        self.send(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body))
            .await
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<(StatusCode, Zeroizing<Vec<u8>>), Trouble> {
        let away = |error: &reqwest::Error| Trouble::Away(deepest(error));
        let answer = request.send().await.map_err(|error| away(&error))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| away(&error))?;
        Ok((status, Zeroizing::new(body.to_vec())))
    }
}

fn document<T: DeserializeOwned>(
    (status, body): (StatusCode, Zeroizing<Vec<u8>>),
) -> Result<T, Trouble> {
    if status == StatusCode::UNAUTHORIZED {
        let problem: Option<Problem> = serde_json::from_slice(&body).ok();
        let anew = problem.is_some_and(|problem| problem.code == STEP_UP);
        return Err(if anew { Trouble::Anew } else { Trouble::Ended });
    }
    if status.is_success() {
        let read = serde_json::from_slice(&body);
        return read.map_err(|error| {
            Trouble::Other(Error::local(format!("the answer makes no sense: {error}")))
        });
    }
    let problem: Option<Problem> = serde_json::from_slice(&body).ok();
    let Some(problem) = problem else {
        return Err(Trouble::Other(Error::local(format!("the server answered {status}"))));
    };
    Err(Trouble::Other(match status {
        StatusCode::FORBIDDEN if !problem.code.starts_with("device.") => Error::Local {
            what: format!("the server does not give you that: {}", sentence(&problem)),
            next: format!(
                "A policy of your organisation says so; its administrators find the reason under {}.",
                problem.request_id.as_deref().unwrap_or("the time of this")
            ),
        },
        _ => Error::Refused(Box::new(problem)),
    }))
}

/// What policy answers where a fresher, or stronger, sign-in would do.
const STEP_UP: &str = "access.step_up";

fn token_refusal(status: StatusCode, body: &[u8]) -> Trouble {
    let error: Option<OauthError> = serde_json::from_slice(body).ok();
    let Some(error) = error else {
        // The door itself, of a device that it does not let in.
        let problem: Option<Problem> = serde_json::from_slice(body).ok();
        let told = problem.map(|problem| Error::Refused(Box::new(problem)));
        let bare = || Error::local(format!("the server answered {status}"));
        return Trouble::Other(told.unwrap_or_else(bare));
    };
    if error.error == "invalid_grant" {
        return Trouble::Ended;
    }
    Trouble::Other(refused(&error.error, &error.error_description))
}

/// An OAuth error (RFC 6749 §4.1.2.1, §5.2) as a sentence. Its words are the server's, or whoever's sent the browser here.
pub(super) fn refused(code: &str, description: &str) -> Error {
    let (code, words) = (super::super::table::clean(code), super::super::table::clean(description));
    let words = if words.is_empty() { "it gave no reason" } else { &words };
    Error::local(format!("the server did not sign you in: {words} ({code})"))
}

/// The client that is in every realm.
pub(super) const CLIENT: &str = "weft-cli";
/// Nobody waits longer at a terminal; what got lost is asked for once more.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);
