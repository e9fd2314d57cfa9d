//! How requests reach the server: its local socket, or TLS with an SVID or a token. Knows bytes, not documents.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use url::Url;
use zeroize::Zeroizing;

use super::args::Connection;
use super::error::Error;
use super::workload::Identity;
use super::{input, places};
use crate::outbound::Names;

/// A way to the server.
#[derive(Debug)]
pub(super) struct Transport {
    client: reqwest::Client,
    base: Url,
    bearer: Option<HeaderValue>,
    /// The other end, as people know it.
    place: String,
    local: bool,
}

/// A request below the API's root.
#[derive(Debug, Default)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// Each is one segment, not encoded yet.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, String)],
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Transport {
    /// As the command line says.
    pub(super) async fn open(connection: &Connection) -> Result<Self, Error> {
        if let Some(url) = &connection.server {
            let identity = match &connection.svid_socket {
                Some(socket) => Some(Identity::fetch(&socket.to_string_lossy()).await?.pem()),
                None => None,
            };
            return Self::tls(url, connection, identity.as_ref().map(|pem| pem.as_bytes()));
        }
        let stray = connection.svid_socket.is_some() || connection.token_file.is_some();
        if stray || connection.server_ca.is_some() {
            return Err(Error::usage(
                "`--svid-socket`, `--token-file` and `--server-ca` are for a server elsewhere: add \
                 `--server https://…`",
            ));
        }
        Self::unix(&connection.server_socket.clone().unwrap_or_else(places::server_socket))
    }

    /// True for the local socket.
    pub(super) fn is_local(&self) -> bool {
        self.local
    }

    /// The local socket of a server on this machine.
    pub(super) fn unix(socket: &Path) -> Result<Self, Error> {
        let client = builder().unix_socket(socket).build().map_err(broken)?;
        // The host only fills the header; over the socket nobody looks it up.
        let base = Url::parse("http://localhost/").map_err(broken)?;
        let place = socket.display().to_string();
        Ok(Self { client, base, bearer: None, place, local: true })
    }

    /// To the server that the command line names, with the X.509-SVID and key in this PEM.
    pub(super) fn with_svid(connection: &Connection, pem: &[u8]) -> Result<Self, Error> {
        let url = connection.server.as_deref().ok_or_else(|| {
            Error::usage("say where the server takes SVIDs: `--server https://HOST:8444`")
        })?;
        Self::tls(url, connection, Some(pem))
    }

    fn tls(url: &str, connection: &Connection, identity: Option<&[u8]>) -> Result<Self, Error> {
        let base = Url::parse(url).ok().filter(|url| url.scheme() == "https" && url.has_host());
        let base = base.ok_or_else(|| {
            Error::usage(format!("`{url}` is no address of the form `https://host:port`"))
        })?;
        let mut builder = secure(connection.server_ca.as_deref())?;
        if let Some(pem) = identity {
            builder = builder.identity(reqwest::Identity::from_pem(pem).map_err(broken)?);
        }
        let bearer = match &connection.token_file {
            Some(file) => Some(bearer(&input::secret(file)?)?),
            None => None,
        };
        let client = builder.build().map_err(broken)?;
        Ok(Self { client, base, bearer, place: url.to_owned(), local: false })
    }

    /// Sends, and reads the whole answer.
    pub(super) async fn send(&self, ask: Ask<'_>) -> Result<Answer, Error> {
        let mut request = self.client.request(ask.method, self.url(ask.path, ask.query)?);
        request = request.headers(ask.headers);
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer.clone());
        }
        if let Some(body) = ask.body {
            request = request.body(body);
        }
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        Ok(Answer { status, headers, body })
    }

    fn url(&self, path: &[&str], query: &[(&str, String)]) -> Result<Url, Error> {
        // Such a segment would silently name the listing instead.
        if let Some(nothing) = path.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
            return Err(Error::usage(format!("`{nothing}` is no name or id of anything")));
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::local("the server's address takes no path"))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        let place = &self.place;
        let kind = io_kind(error);
        let (what, next) = if self.local {
            match kind {
                Some(io::ErrorKind::NotFound) => (
                    format!("no server listens at {place}"),
                    "Start one with `weft server`, or say where it is with `--server-socket PATH` or `--server URL`.",
                ),
                Some(io::ErrorKind::PermissionDenied) => (
                    format!("the socket {place} belongs to somebody else"),
                    "Run this as the server's user or as root, or use `--server URL` with an SVID.",
                ),
                Some(io::ErrorKind::ConnectionRefused) => (
                    format!("the server at {place} is gone"),
                    "Start it again with `weft server`; its log says why it stopped.",
                ),
                _ => (format!("the server at {place} did not answer: {}", deepest(error)), ""),
            }
        } else {
            let why = deepest(error);
            let next = if why.contains("certificate") {
                "`--server-ca FILE` names the certificates to check it against. A server that made its own says at its start \
                 where that is."
            } else {
                "Check the address, and that `weft server` runs there."
            };
            (format!("{place} is not reachable: {why}"), next)
        };
        Error::Unreachable { what, next: next.to_owned() }
    }
}

/// A client for one server, which is checked against these certificates.
pub(super) fn secure(ca: Option<&Path>) -> Result<reqwest::ClientBuilder, Error> {
    let mut builder = builder().https_only(true);
    if let Some(file) = ca {
        let roots = reqwest::Certificate::from_pem_bundle(&input::bytes(file)?);
        let roots = roots.map_err(|error| {
            Error::local(format!("`{}` has no PEM certificates: {error}", file.display()))
        })?;
        builder = builder.tls_certs_only(roots);
    }
    Ok(builder)
}

fn builder() -> reqwest::ClientBuilder {
    crate::crypto::tls::install_provider();
    reqwest::Client::builder()
        .no_proxy()
        .dns_resolver(Arc::new(Names))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_MAX)
        .timeout(REQUEST_MAX)
        .user_agent(concat!("weft/", env!("CARGO_PKG_VERSION")))
}

pub(super) fn bearer(token: &str) -> Result<HeaderValue, Error> {
    let text = Zeroizing::new(format!("Bearer {token}"));
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Error::local("there is no token: it is one line of printable characters"))?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) fn broken(error: impl std::fmt::Display) -> Error {
    Error::local(format!("the connection could not be prepared: {error}"))
}

fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}

pub(super) fn deepest(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        words = error.to_string();
        next = error.source();
    }
    words
}

/// A server on the same continent; longer means that nobody is there.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// A batch of 500 entries on a busy server fits.
const REQUEST_MAX: Duration = Duration::from_mins(1);
