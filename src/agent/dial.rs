//! Connections to the server: TCP, TLS by SPIFFE ID, HTTP/2. Remembers why the last attempt failed, in words.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::{ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::kernel::Lifetime;

use super::model::Error;

/// Where the server is, and how it is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    address: Arc<str>,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    last: Arc<Mutex<Option<Failure>>>,
}

/// Why there is no connection.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Nobody answers, or not in time.
    Network(String),
    /// Somebody answers who is not the one we want, or who does not want us.
    Tls(String),
}

impl Dialer {
    /// For `host:port`. The host is sent as the server name; it is not what is verified.
    pub(crate) fn new(address: &str, config: ClientConfig) -> Result<Self, Error> {
        let wrong =
            || Error::Settings(format!("`{address}` is no address of the form `host:port`"));
        let (host, _) = address.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| wrong())?;
        Ok(Self {
            address: Arc::from(address),
            name,
            config: Arc::new(config),
            last: Arc::default(),
        })
    }

    /// A channel that dials when it is used, and again when its connection ended.
    pub(crate) fn channel(&self) -> Result<Channel, Error> {
        // Plain `http` here, because TLS is the connector's business and not tonic's.
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))
            .map_err(|why| Error::Settings(format!("`{}` is no address: {why}", self.address)))?
            .connect_timeout(CONNECT_WITHIN)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        let dialer = self.clone();
        let connector = tower::service_fn(move |_: Uri| dialer.clone().connect());
        Ok(endpoint.connect_with_connector_lazy(connector))
    }

    /// Why the last attempt failed, if none succeeded since.
    pub(crate) fn last_failure(&self) -> Option<Failure> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn connect(self) -> BoxFuture<'static, std::io::Result<TokioIo<TlsStream<TcpStream>>>> {
        Box::pin(async move {
            let outcome = self.attempt().await;
            let failure = outcome.as_ref().err().cloned();
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = failure;
            outcome.map(TokioIo::new).map_err(|why| match why {
                Failure::Network(why) | Failure::Tls(why) => std::io::Error::other(why),
            })
        })
    }

    /// RFC 6761 §6.3: names below `localhost` are this machine, whatever the system's resolver knows of them.
    async fn connect_tcp(&self) -> std::io::Result<TcpStream> {
        let (host, port) = self.address.rsplit_once(':').unwrap_or_default();
        match port.parse() {
            Ok(port) if host.ends_with(".localhost") => {
                TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await
            }
            _ => TcpStream::connect(self.address.as_ref()).await,
        }
    }

    async fn attempt(&self) -> Result<TlsStream<TcpStream>, Failure> {
        let network = |why: std::io::Error| Failure::Network(why.to_string());
        let tcp = self.connect_tcp().await.map_err(network)?;
        tcp.set_nodelay(true).map_err(network)?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let handshake = connector.connect(self.name.clone(), tcp);
        match tokio::time::timeout(CONNECT_WITHIN, handshake).await {
            Err(_) => Err(Failure::Network("the TLS handshake did not end in time".to_owned())),
            Ok(Err(why)) => Err(tls_failure(&why)),
            Ok(Ok(stream)) => Ok(stream),
        }
    }
}

/// A certificate that was refused is somebody else; a connection that broke is the network.
fn tls_failure(why: &std::io::Error) -> Failure {
    let tls = why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(refusal)) => {
            Failure::Tls(certificate_words(refusal))
        }
        Some(other) => Failure::Tls(other.to_string()),
        None => Failure::Network(why.to_string()),
    }
}

fn certificate_words(refusal: &rustls::CertificateError) -> String {
    use rustls::CertificateError as Refusal;
    match refusal {
        Refusal::ExpiredContext { time, not_after } => format!(
            "its certificate ended {} ago by the clock of this machine: that clock is fast, or the server's is slow, by so \
             much at least",
            span(*not_after, *time)
        ),
        Refusal::NotValidYetContext { time, not_before } => format!(
            "its certificate begins in {} by the clock of this machine: that clock is slow, or the server's is fast, by so \
             much at least",
            span(*time, *not_before)
        ),
        Refusal::Other(other) => other.0.to_string(),
        other => format!("its certificate was refused: {other:?}"),
    }
}

fn span(from: UnixTime, to: UnixTime) -> Lifetime {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    Lifetime::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000_000))
}

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// A server that went away without a word is noticed within twice this.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Enough for a page of entries; HTTP/2's default of 64 KiB would take a round trip for each.
const WINDOW_BYTES: u32 = 1024 * 1024;
