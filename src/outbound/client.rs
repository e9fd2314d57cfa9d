//! The client: one request, one whole answer, within limits.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};

use super::guard::{Guard, Network, Private};
use super::private_host::{Authority, PrivateHost};
use crate::http::causes;
use crate::kernel::{Failure, Fault, Kind, Lifetime};

/// An HTTP client. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    /// For whoever is not named below.
    world: Dialer,
    /// For each host in a private network that was named, one that dials these networks for it. A client resolves names
    /// without their port: one for all would dial a network for a port that it was not named with.
    private: Arc<BTreeMap<Authority, Dialer>>,
    limits: Limits,
}

/// Opens connections, past a guard if there is one.
#[derive(Debug, Clone)]
struct Dialer {
    http: reqwest::Client,
    guard: Option<Guard>,
}

/// What one request may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time for a connection.
    pub connect: Lifetime,
    /// Time for the whole request, its answer included.
    pub total: Lifetime,
    /// Largest answer; a larger one is refused.
    pub body_bytes_max: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address may not be asked.
    #[error("the address is refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody answers at the address, or the one who does is not the one we want.
    #[error("no connection")]
    Connect(#[source] reqwest::Error),
    /// The answer did not come in time.
    #[error("no whole answer within {0}")]
    TimedOut(Lifetime),
    /// The answer is larger than allowed.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// The request cannot be sent, or the answer broke off.
    #[error("the request failed")]
    Broken(#[source] reqwest::Error),
}

impl Limits {
    /// Limits for a peer of our own: an API call that may wait for a write.
    pub const fn for_api() -> Self {
        Self {
            connect: Lifetime::seconds(5),
            total: Lifetime::seconds(60),
            // A page of 500 of the largest entries.
            body_bytes_max: 32 * 1024 * 1024,
        }
    }
}

impl Client {
    /// Reaches public servers, whose certificates the system's authorities vouch for, and in private networks nobody but
    /// these hosts.
    pub fn world(private: &[PrivateHost], limits: Limits) -> Result<Self, Fault> {
        Self::guarded(private, limits, || builder(limits))
    }

    /// The same, where these certificates (DER) alone vouch for whoever answers; the system's authorities, if there are none.
    pub fn world_vouched(
        private: &[PrivateHost],
        certificates: &[Vec<u8>],
        limits: Limits,
    ) -> Result<Self, Fault> {
        if certificates.is_empty() {
            return Self::world(private, limits);
        }
        let read = |der: &Vec<u8>| {
            reqwest::Certificate::from_der(der)
                .map_err(|error| Fault::malformed("certificate", error))
        };
        let certificates = certificates.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Self::guarded(private, limits, || builder(limits).tls_certs_only(certificates.clone()))
    }

    fn guarded(
        private: &[PrivateHost],
        limits: Limits,
        builder: impl Fn() -> reqwest::ClientBuilder,
    ) -> Result<Self, Fault> {
        let mut networks: BTreeMap<Authority, Vec<Network>> = BTreeMap::new();
        for host in private {
            networks.entry(host.authority().clone()).or_default().push(host.network());
        }
        let behind = |guard: Guard| {
            let builder = builder().dns_resolver(Arc::new(guard.clone()));
            Ok::<_, Fault>(Dialer { http: build(builder)?, guard: Some(guard) })
        };
        let dialer = |(authority, networks)| Ok((authority, behind(Guard::new(networks))?));
        let private: BTreeMap<_, _> =
            networks.into_iter().map(dialer).collect::<Result<_, Fault>>()?;
        Ok(Self { world: behind(Guard::default())?, private: Arc::new(private), limits })
    }

    /// Reaches whoever listens on a Unix socket; the URL's host is of no meaning.
    pub fn unix(path: &Path, limits: Limits) -> Result<Self, Fault> {
        // No TLS is spoken here; without a configuration of ours the system's authorities would be looked for, and a
        // container without any could not even reach its own socket.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Fault::bug)?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        Self::unguarded(builder(limits).unix_socket(path).tls_backend_preconfigured(tls), limits)
    }

    /// Reaches only peers that `tls` accepts, on any network: who it is decides, not where it is. The configuration names
    /// its protocols (ALPN) itself.
    pub fn trusting(tls: ClientConfig, limits: Limits) -> Result<Self, Fault> {
        Self::unguarded(builder(limits).tls_backend_preconfigured(tls), limits)
    }

    fn unguarded(builder: reqwest::ClientBuilder, limits: Limits) -> Result<Self, Fault> {
        let world = Dialer { http: build(builder)?, guard: None };
        Ok(Self { world, private: Arc::default(), limits })
    }

    /// Sends a request and reads the whole answer. Redirects are answers.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let request = reqwest::Request::try_from(request).map_err(Error::Broken)?;
        let dialer = self.dialer(request.url());
        dialer.check(request.url())?;
        let answer = dialer.http.execute(request).await.map_err(|error| self.explain(error))?;
        self.whole(answer).await
    }

    fn dialer(&self, url: &url::Url) -> &Dialer {
        let named = Authority::of(url).and_then(|authority| self.private.get(&authority));
        named.unwrap_or(&self.world)
    }

    async fn whole(&self, mut answer: reqwest::Response) -> Result<Response<Bytes>, Error> {
        let most = self.limits.body_bytes_max;
        let said = answer.content_length().and_then(|bytes| usize::try_from(bytes).ok());
        if said.is_some_and(|bytes| bytes > most) {
            return Err(Error::TooLarge(most));
        }
        let mut body = BytesMut::new();
        while let Some(part) = answer.chunk().await.map_err(|error| self.explain(error))? {
            if body.len().saturating_add(part.len()) > most {
                return Err(Error::TooLarge(most));
            }
            body.extend_from_slice(&part);
        }
        let mut whole = Response::new(body.freeze());
        *whole.status_mut() = answer.status();
        *whole.version_mut() = answer.version();
        *whole.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(whole)
    }

    fn explain(&self, error: reqwest::Error) -> Error {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(cause) = next {
            if let Some(Private(name)) = cause.downcast_ref() {
                return Error::Refused(Private(name.clone()).into());
            }
            next = cause.source();
        }
        if error.is_timeout() {
            Error::TimedOut(self.limits.total)
        } else if error.is_connect() {
            Error::Connect(error)
        } else {
            Error::Broken(error)
        }
    }
}

impl Dialer {
    /// Names are checked when they are resolved; an address in the URL itself is never resolved.
    fn check(&self, url: &url::Url) -> Result<(), Error> {
        let Some(guard) = &self.guard else { return Ok(()) };
        let address = match url.host() {
            Some(url::Host::Ipv4(address)) => IpAddr::V4(address),
            Some(url::Host::Ipv6(address)) => IpAddr::V6(address),
            _ => return Ok(()),
        };
        if guard.permits(address) {
            Ok(())
        } else {
            Err(Error::Refused(Private(address.to_string()).into()))
        }
    }
}

fn builder(limits: Limits) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(limits.connect.to_std())
        .timeout(limits.total.to_std())
        .redirect(Policy::none())
        // A proxy from the environment would see what the guard and TLS keep apart.
        .no_proxy()
        .user_agent(concat!("weft/", env!("CARGO_PKG_VERSION")))
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Fault> {
    // The one thing that is looked for outside: the system's certificate authorities.
    builder.build().map_err(|error| Fault::away("HTTP client", causes(Some(&error))))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, code, public) = match &error {
            Error::Refused(_) => (
                Kind::Invalid,
                "outbound.refused",
                "this address lies in a network that may not be asked",
            ),
            Error::Connect(_) => {
                (Kind::Upstream, "outbound.connect", "a system this depends on cannot be reached")
            }
            Error::TimedOut(_) => (
                Kind::Upstream,
                "outbound.timed_out",
                "a system this depends on did not answer in time",
            ),
            Error::TooLarge(_) => (
                Kind::Upstream,
                "outbound.too_large",
                "a system this depends on answered at too great length",
            ),
            Error::Broken(_) => (
                Kind::Upstream,
                "outbound.broken",
                "the exchange with a system this depends on broke off",
            ),
        };
        Self::new(kind, code, public).because(error)
    }
}
