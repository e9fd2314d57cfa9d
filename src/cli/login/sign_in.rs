//! The code flow of a program on a person's machine (RFC 8252): a browser signs in, and comes back to a port of ours.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use url::Url;

use super::super::args::Connection;
use super::super::device::Files;
use super::super::error::Error;
use super::super::print::Printer;
use super::browser::{Answer, Loopback};
use super::kept::{Kept, Open, Place};
use super::provider::{CLIENT, Endpoints, Provider, Trouble, refused};
use crate::crypto::digest::{base64url, sha256};
use crate::env::{Clock, Entropy, SystemEntropy};
use crate::kernel::{Fault, Lifetime, Secret};
use crate::wire::api::Time;

/// Where one signs in.
#[derive(Debug)]
pub(super) struct Server {
    issuer: String,
    ca: Option<PathBuf>,
    /// The directory of the device that this machine is.
    device: Option<PathBuf>,
}

impl Server {
    /// As the command line says, or else where one was signed in before.
    pub(super) fn of(
        connection: &Connection,
        place: &Place,
        device: Option<PathBuf>,
    ) -> Result<Self, Error> {
        let before = if place.is_there() { place.read(&place.lock()?)? } else { None };
        let (known, known_ca) = before.map(|kept| (kept.open.issuer, kept.open.ca)).unzip();
        let issuer = connection.server.clone().or_else(|| known.clone()).ok_or_else(|| {
            Error::usage("say where to sign in: `--server https://…`, the issuer of the server")
        })?;
        let issuer = issuer.trim_end_matches('/').to_owned();
        let same = known.is_some_and(|known| known == issuer);
        let ca = connection.server_ca.clone().or_else(|| known_ca.flatten().filter(|_| same));
        // It is read again from other directories.
        let absolute = |ca: PathBuf| std::path::absolute(&ca).unwrap_or(ca);
        Ok(Self { issuer, ca: ca.map(absolute), device })
    }
}

/// How a browser is gone through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// It is opened; in any case the address is printed.
    pub(super) opens: bool,
    /// How long it is waited for.
    pub(super) wait_seconds: i64,
    /// The person shows who they are, whether or not the browser is signed in.
    pub(super) anew: bool,
}

/// What only this process knows of a request on its way.
struct Secrets {
    state: Secret<String>,
    verifier: Secret<String>,
}

impl Secrets {
    fn new(entropy: &(dyn Entropy + 'static)) -> Result<Self, Fault> {
        let text = || Ok::<_, Fault>(Secret::new(base64url(entropy.token()?.expose())));
        Ok(Self { state: text()?, verifier: text()? })
    }
}

/// Signs in.
pub(super) async fn sign_in(
    server: &Server,
    way: Way,
    print: &mut Printer,
    clock: &Arc<dyn Clock>,
) -> Result<Kept, Error> {
    let plain = Provider::new(&server.issuer, server.ca.as_deref(), None)?;
    let endpoints = plain.discover().await?;
    let (provider, token_endpoint) = match (&server.device, endpoints.token_on_device()) {
        (Some(directory), Some(endpoint)) => {
            let pem = Files::at(directory.clone()).identity()?;
            let shows = Some(pem.as_bytes());
            (Provider::new(&server.issuer, server.ca.as_deref(), shows)?, endpoint.to_owned())
        }
        _ => (plain, endpoints.token_endpoint.clone()),
    };
    let device = server.device.clone().filter(|_| token_endpoint != endpoints.token_endpoint);
    let secrets = Secrets::new(&SystemEntropy::default());
    let secrets = secrets.map_err(|fault| Error::local(format!("no chance: {fault}")))?;
    let loopback = Loopback::bind().await?;
    let redirect = loopback.address();
    let mut url = request(&endpoints, &redirect, &secrets);
    if way.anew {
        url.query_pairs_mut().append_pair("prompt", "login");
    }
    print.warn(&format!("Sign in with a browser on this machine:\n\n  {url}\n\n"))?;
    if way.opens && !open(&url) {
        print.note("No browser could be opened; open the address yourself.")?;
    }
    let wait = Lifetime::seconds(way.wait_seconds);
    let answer = loopback.wait(secrets.state.expose(), (wait, clock.as_ref())).await?;
    let code = code_of(answer, provider.issuer())?;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT),
        ("code", code.expose()),
        ("redirect_uri", &redirect),
        ("code_verifier", secrets.verifier.expose()),
    ];
    let tokens = provider.tokens(&token_endpoint, &fields).await;
    let tokens = tokens.map_err(|trouble| match trouble {
        Trouble::Ended => refused("invalid_grant", "what the browser brought has ended already"),
        other => provider.error(other),
    })?;
    let open = Open {
        issuer: provider.issuer().to_owned(),
        ca: server.ca.clone(),
        token_endpoint,
        device,
        revocation_endpoint: endpoints.revocation_endpoint,
        userinfo_endpoint: endpoints.userinfo_endpoint,
        access_expires_at: Time(clock.now().plus(Lifetime::seconds(tokens.lifetime))),
        spiffe_id: None,
        session_expires_at: None,
    };
    let (access_token, refresh_token) = (tokens.access_token, tokens.refresh_token);
    Ok(Kept { open, access_token, refresh_token, attempt: None })
}

/// The address that a browser opens (OpenID Connect Core §3.1.2.1, RFC 7636 §4.3). The verifier stays here.
fn request(endpoints: &Endpoints, redirect: &str, secrets: &Secrets) -> Url {
    let mut url = endpoints.authorization_endpoint.clone();
    let challenge = base64url(&sha256(secrets.verifier.expose().as_bytes()));
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", CLIENT)
        .append_pair("redirect_uri", redirect)
        .append_pair("scope", "openid profile email svid")
        .append_pair("state", secrets.state.expose())
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    url
}

/// The code, if the answer is from the server that was asked (RFC 9207 §2.4).
fn code_of(answer: Answer, issuer: &str) -> Result<Secret<String>, Error> {
    if answer.issuer.as_deref() != Some(issuer) {
        return Err(Error::local("the browser came back from another server than it was sent to"));
    }
    if let Some(error) = answer.error {
        return Err(refused(&error, &answer.description.unwrap_or_default()));
    }
    answer.code.ok_or_else(|| Error::local("the browser came back with nothing"))
}

/// True if a program was started for it. What it prints is nobody's business.
fn open(url: &Url) -> bool {
    let mut command = Command::new("xdg-open");
    command.arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(issuer: Option<&str>, code: Option<&str>, error: Option<&str>) -> Answer {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let description = error.map(|_| "the person did not allow it".to_owned());
        let code = text(code).map(Secret::new);
        Answer { issuer: text(issuer), code, error: text(error), description }
    }

    #[test]
    fn a_code_is_taken_from_the_server_that_was_asked_alone() {
        let own = "https://weft.example";
        let code = |answer| code_of(answer, own).map(|code| code.expose().clone());
        assert_eq!(code(answer(Some(own), Some("c"), None)).unwrap(), "c");
        for other in [None, Some("https://evil.example"), Some("https://weft.example/")] {
            let error = code(answer(other, Some("c"), None)).unwrap_err().to_string();
            assert!(error.contains("another server"), "{other:?}: {error}");
        }
        let error = code(answer(Some(own), None, Some("access_denied"))).unwrap_err().to_string();
        assert!(error.contains("the person did not allow it (access_denied)"), "{error}");
        assert!(code(answer(Some(own), None, None)).is_err());
    }

    #[test]
    fn the_verifier_is_not_in_what_the_browser_opens() {
        let endpoints: Endpoints = serde_json::from_str(
            r#"{"issuer":"https://w","authorization_endpoint":"https://w/authorize","token_endpoint":"t",
                "revocation_endpoint":"r","userinfo_endpoint":"u"}"#,
        )
        .unwrap();
        let secrets = Secrets::new(&SystemEntropy::default()).unwrap();
        let url = request(&endpoints, "http://127.0.0.1:7/callback", &secrets);
        assert!(!url.as_str().contains(secrets.verifier.expose()));
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        assert!(query.contains(&("code_challenge_method".to_owned(), "S256".to_owned())));
        assert!(
            query.contains(&("redirect_uri".to_owned(), "http://127.0.0.1:7/callback".to_owned()))
        );
    }
}
