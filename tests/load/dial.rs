//! Connections to the `node` door, as agents make them: TLS by SPIFFE ID, HTTP/2, gRPC.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use weft::crypto::tls::{CurrentCertificate, CurrentRoots, ExpectedPeer, TlsClock, client_config};
use weft::crypto::x509::Roots;
use weft::env::SystemClock;
use weft::kernel::{SpiffeId, TrustDomain};
use weft_proto::spire::api::server::bundle::v1::GetBundleRequest;
use weft_proto::spire::api::server::bundle::v1::bundle_client::BundleClient;

use super::Outcome;
use super::process::{Process, TRUST_DOMAIN};

/// One `node` door, and whom to trust behind it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    address: SocketAddr,
    config: Arc<ClientConfig>,
}

impl Line {
    /// Trusting whoever answers: only to ask whether it serves, and for its bundle.
    pub(crate) fn unverified(address: SocketAddr) -> Outcome<Self> {
        Self::new(address, ExpectedPeer::DangerUnverified { claims: server_id()? }, None)
    }

    /// As an agent with this certificate, once it has one.
    pub(crate) fn agent(
        address: SocketAddr,
        roots: &CurrentRoots,
        certificate: &CurrentCertificate,
    ) -> Outcome<Self> {
        let peer = ExpectedPeer::Exactly { id: server_id()?, roots: roots.clone() };
        Self::new(address, peer, Some(certificate))
    }

    fn new(
        address: SocketAddr,
        peer: ExpectedPeer,
        certificate: Option<&CurrentCertificate>,
    ) -> Outcome<Self> {
        let clock = TlsClock(Arc::new(SystemClock::new()));
        let config = Arc::new(client_config(peer, certificate, &["h2"], clock)?);
        Ok(Self { address, config })
    }

    /// One connection, made now; it is not made again. With the settings of `weft agent`.
    pub(crate) async fn connect(&self) -> Outcome<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?
            .connect_timeout(Duration::from_secs(10))
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        let line = self.clone();
        let dial = tower::service_fn(move |_: Uri| {
            let line = line.clone();
            async move {
                let tcp = TcpStream::connect(line.address).await?;
                tcp.set_nodelay(true)?;
                let name = ServerName::IpAddress(line.address.ip().into());
                let tls = TlsConnector::from(line.config).connect(name, tcp).await?;
                Ok::<_, std::io::Error>(TokioIo::new(tls))
            }
        });
        Ok(endpoint.connect_with_connector(dial).await?)
    }

    /// The X.509 authorities of the trust domain.
    pub(crate) async fn roots(&self) -> Outcome<Roots> {
        let mut client = BundleClient::new(self.connect().await?);
        let bundle = client.get_bundle(GetBundleRequest { output_mask: None }).await?.into_inner();
        let authorities = bundle.x509_authorities.iter().map(|one| one.asn1.as_ref());
        Ok(Roots::new(TrustDomain::parse(TRUST_DOMAIN)?, authorities)?)
    }

    /// Waits until this process serves agents: until a call over TLS is answered. Gives the time since `from`.
    pub(crate) async fn served(&self, process: &mut Process, from: Instant) -> Outcome<Duration> {
        while from.elapsed() < PATIENCE {
            process.check()?;
            // Most attempts meet a closed port; the first that does not is answered as soon as somebody serves.
            if TcpStream::connect(self.address).await.is_ok() && self.roots().await.is_ok() {
                return Ok(from.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err("the server does not serve".into())
    }
}

fn server_id() -> Outcome<SpiffeId> {
    Ok(TrustDomain::parse(TRUST_DOMAIN)?.with_path("/spire/server")?)
}

const KEEP_ALIVE: Duration = Duration::from_secs(20);
const WINDOW_BYTES: u32 = 1024 * 1024;
/// A machine that is busy with other things answers in this.
const PATIENCE: Duration = Duration::from_mins(1);
