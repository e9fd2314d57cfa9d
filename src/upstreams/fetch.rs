//! Requests to a provider: over `outbound`, to `https` addresses alone, and into a private network only at the one host and
//! port that the upstream names and the server's settings allow.

use std::fmt;
use std::future::Future;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};
use openidconnect::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

use super::refusal::{Reason, Refusal};
use super::terms::Private;
use crate::crypto::jose::parse_object;
use crate::kernel::{Fault, Secret};
use crate::outbound::{Client, Error, Limits, PrivateHost};

/// The clients of one upstream. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Fetch {
    /// For public addresses.
    world: Client,
    /// For the one host in a private network, and which that is.
    private: Option<(Client, PrivateHost)>,
}

impl Fetch {
    /// The clients for an upstream with this private host. `world` is shared by all upstreams.
    pub(super) fn new(
        world: &Client,
        limits: Limits,
        private: Option<&Private>,
    ) -> Result<Self, Fault> {
        let private = match private {
            None => None,
            Some(Private { host, certificates }) => {
                let allowed = std::slice::from_ref(host);
                Some((Client::world_vouched(allowed, certificates, limits)?, host.clone()))
            }
        };
        Ok(Self { world: world.clone(), private })
    }

    /// Sends one request.
    pub(super) async fn send(
        &self,
        request: Request<Bytes>,
    ) -> Result<http::Response<Bytes>, Error> {
        let url = url::Url::parse(&request.uri().to_string());
        let url = url.ok().filter(|url| url.scheme() == "https");
        let url = url.ok_or_else(|| Error::Refused("only https addresses are asked".into()))?;
        let client = match &self.private {
            Some((client, host)) if host.serves(&url) => client,
            _ => &self.world,
        };
        client.send(request).await
    }

    /// The same, in the form that `openidconnect` asks for.
    pub(super) fn library(
        &self,
    ) -> impl Fn(
        HttpRequest,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send>> {
        let this = self.clone();
        move |request| {
            let this = this.clone();
            Box::pin(async move {
                let answer = this.send(request.map(Bytes::from)).await?;
                Ok(answer.map(|body| body.to_vec()))
            })
        }
    }

    /// The claims of userinfo (OpenID Connect Core §5.3), as plain JSON. Written here: the library panics on an access token
    /// that is no header value.
    pub(super) async fn userinfo(
        &self,
        url: &url::Url,
        access_token: &Secret<String>,
    ) -> Result<Map<String, Value>, Refusal> {
        let refuse = |about: &dyn fmt::Display| Refusal::new(Reason::Userinfo, about);
        let token = HeaderValue::from_str(&format!("Bearer {}", access_token.expose()));
        let mut token = token.map_err(|_| refuse(&"the access token is no header value"))?;
        token.set_sensitive(true);
        let request = Request::get(url.as_str())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, token)
            .body(Bytes::new())
            .map_err(|error| refuse(&error))?;
        let answer =
            self.send(request).await.map_err(|error| of_outbound(&error, Reason::Userinfo))?;
        if answer.status() != StatusCode::OK {
            return Err(refuse(&format_args!("answered {}", answer.status())));
        }
        let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("application/json").split(';').next().unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("application/json") {
            return Err(refuse(&format_args!("is `{kind}`, and not JSON")));
        }
        parse_object(answer.body()).map_err(|_| refuse(&"is no JSON object with unique names"))
    }
}

/// The refusal that a failed request makes: what was unreachable, slow, too long, or in a forbidden network.
pub(super) fn of_outbound(error: &Error, otherwise: Reason) -> Refusal {
    let reason = match error {
        Error::Refused(_) => Reason::Network,
        Error::TimedOut(_) => Reason::Slow,
        Error::TooLarge(_) => Reason::TooLarge,
        Error::Connect(_) | Error::Broken(_) => otherwise,
    };
    Refusal::new(reason, error)
}
