//! A sample application: it signs people in by OpenID Connect and greets them. Nothing of Weft is in it; ID tokens are verified by
//! the public crate `jsonwebtoken`, with the keys that the issuer publishes.
//!
//! ```text
//! application ADDRESS ISSUER CLIENT-ID SECRET-FILE CERTIFICATE
//! ```

#![expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]

use std::collections::HashMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use url::Url;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

struct Application {
    own: String,
    issuer: String,
    client: (String, String),
    http: reqwest::Client,
    /// Sign-ins on their way, by state: nonce and PKCE verifier.
    begun: Mutex<HashMap<String, (String, String)>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, issuer, client, secret, certificate] = words.as_slice() else {
        return Err("usage: application ADDRESS ISSUER CLIENT-ID SECRET-FILE CERTIFICATE".into());
    };
    // A provider is there already when another library was faster: that is the same one.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind(address).await?;
    let own = format!("http://{}", listener.local_addr()?);
    let secret = std::fs::read_to_string(secret)?.trim().to_owned();
    let http = http(issuer, &std::fs::read(certificate)?)?;
    let (client, begun) = ((client.clone(), secret), Mutex::default());
    let application = Application { own: own.clone(), issuer: issuer.clone(), client, http, begun };
    println!("open {own}/ in a browser");
    let routes = axum::Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/callback", get(callback))
        .with_state(Arc::new(application));
    Ok(axum::serve(listener, routes).await?)
}

/// Trusts one certificate, and finds names below `localhost` on this machine (RFC 6761 §6.3).
fn http(issuer: &str, certificate: &[u8]) -> Fallible<reqwest::Client> {
    let roots = reqwest::Certificate::from_pem_bundle(certificate)?;
    let issuer = Url::parse(issuer)?;
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let client = reqwest::Client::builder().tls_certs_only(roots).no_proxy();
    Ok(client.resolve(issuer.host_str().unwrap_or_default(), here).build()?)
}

async fn home() -> Html<&'static str> {
    Html(
        "<!doctype html><title>Sample application</title><h1>Sample application</h1>\
         <form method=post action=/sign-in><button>Sign in</button></form>",
    )
}

/// Sends the browser to the issuer, with state, nonce and a PKCE challenge.
async fn sign_in(State(application): State<Arc<Application>>) -> Response {
    application.begin().unwrap_or_else(|error| failed(&*error))
}

async fn callback(
    State(application): State<Arc<Application>>,
    headers: HeaderMap,
    Query(answer): Query<HashMap<String, String>>,
) -> Response {
    match application.finish(&headers, &answer).await {
        Ok(claims) => {
            let said = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or("(nobody)");
            println!(
                "ID token of {} ({}), from {}: verified",
                said("name"),
                said("email"),
                said("iss")
            );
            let (name, claims) = (escape(said("name")), escape(&claims.to_string()));
            let page = format!(
                "<!doctype html><title>Sample application</title><h1>Hello, {name}</h1><p>Your ID token says:</p><pre>{claims}</pre>"
            );
            Html(page).into_response()
        }
        Err(error) => failed(&*error),
    }
}

impl Application {
    fn begin(&self) -> Fallible<Response> {
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode(digest);
        let mut url = Url::parse(&format!("{}/authorize", self.issuer))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client.0)
            .append_pair("redirect_uri", &format!("{}/callback", self.own))
            .append_pair("scope", "openid profile email")
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            // Else names are for the userinfo endpoint (OpenID Connect Core §5.4, §5.5).
            .append_pair("claims", r#"{"id_token":{"name":null,"email":null}}"#)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let cookie = format!("state={state}; HttpOnly; SameSite=Lax; Path=/");
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.insert(state, (nonce, verifier));
        let headers = [(header::LOCATION, url.to_string()), (header::SET_COOKIE, cookie)];
        Ok((StatusCode::SEE_OTHER, headers).into_response())
    }

    /// The claims of the ID token, if everything about it holds.
    async fn finish(
        &self,
        headers: &HeaderMap,
        answer: &HashMap<String, String>,
    ) -> Fallible<Value> {
        let get = |name: &str| answer.get(name).map(String::as_str).unwrap_or_default();
        if let Some(error) = answer.get("error") {
            return Err(format!("{error}: {}", get("error_description")).into());
        }
        let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
        let mine = format!("state={}", get("state"));
        if !cookies.unwrap_or_default().split("; ").any(|cookie| cookie == mine) {
            return Err("this sign-in was begun in another browser".into());
        }
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(get("state"));
        let (nonce, verifier) = begun.ok_or("this sign-in was not begun here")?;
        if get("iss") != self.issuer {
            return Err("the answer is from another issuer".into());
        }
        let token = self.redeem(get("code"), &verifier).await?;
        let claims = self.verify(&token).await?;
        if claims.get("nonce").and_then(Value::as_str) != Some(&nonce) {
            return Err("the ID token is of another sign-in".into());
        }
        Ok(claims)
    }

    async fn redeem(&self, code: &str, verifier: &str) -> Fallible<String> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &format!("{}/callback", self.own))
            .append_pair("code_verifier", verifier)
            .finish();
        let (id, secret) = &self.client;
        let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        let request = self.http.post(format!("{}/token", self.issuer)).body(form);
        let request = request
            .header(header::AUTHORIZATION, basic)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer: Value = request.send().await?.json().await?;
        let token = answer.get("id_token").and_then(Value::as_str);
        Ok(token.ok_or_else(|| format!("no ID token: {answer}"))?.to_owned())
    }

    async fn verify(&self, token: &str) -> Fallible<Value> {
        let keys: JwkSet =
            self.http.get(format!("{}/jwks", self.issuer)).send().await?.json().await?;
        let kid = decode_header(token)?.kid.ok_or("the ID token names no key")?;
        let key = keys.find(&kid).ok_or("its key is not published")?;
        // As the client is registered, and not as the token says.
        let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
        validation.set_audience(&[&self.client.0]);
        validation.set_issuer(&[&self.issuer]);
        Ok(decode::<Value>(token, &DecodingKey::from_jwk(key)?, &validation)?.claims)
    }
}

fn random() -> Fallible<String> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "no chance")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn failed(error: &(dyn Error + Send + Sync)) -> Response {
    println!("refused: {error}");
    let page =
        format!("<!doctype html><h1>Not signed in</h1><p>{}</p>", escape(&error.to_string()));
    (StatusCode::BAD_REQUEST, Html(page)).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
