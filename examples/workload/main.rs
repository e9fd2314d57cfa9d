//! A workload of somebody else: it knows nothing of Weft, only the SPIFFE Workload API, through the public crates `spiffe`
//! and `spiffe-rustls`. `make demo` runs it twice: once to serve, once to call.
//!
//! ```text
//! SPIFFE_ENDPOINT_SOCKET=unix:/run/weft/agent.sock cargo run --example workload -- serve 127.0.0.1:0 spiffe://weft.internal/caller
//! SPIFFE_ENDPOINT_SOCKET=unix:/run/weft/agent.sock cargo run --example workload -- call 127.0.0.1:4711 spiffe://weft.internal/server
//! ```
//!
//! `call-with DIRECTORY ADDRESS PEER-ID` calls with the files that `weft svid` wrote: it is a person's program, and needs no agent.

#![expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]
#![expect(clippy::disallowed_methods, reason = "an example has no jobs and no settings")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use spiffe::{JwtSource, WorkloadApiClient, WorkloadApiError, X509Source};
use spiffe_rustls::{authorizer, mtls_client, mtls_server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

mod files;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // A provider is there already when another library was faster: that is the same one.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match words.as_slice() {
        ["serve", address, peer] => serve(address, peer).await,
        ["call", address, peer] => call(address, peer).await,
        ["call-with", directory, address, peer] => files::call(directory, address, peer).await,
        ["token", audience] => token(audience).await,
        ["refused", audience] => refused(audience).await,
        ["check", audience, token] => check(audience, token).await,
        _ => Err(USAGE.into()),
    }
}

/// Serves mutual TLS to one peer, and says when its own identity was renewed.
async fn serve(address: &str, peer: &str) -> Outcome {
    let source = identity().await?;
    let config = mtls_server(source.clone()).authorize(authorizer::exact([peer])?).build()?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(address).await?;
    let svid = source.svid()?;
    println!(
        "serving {} as {} (serial {})",
        listener.local_addr()?,
        svid.spiffe_id(),
        serial(&source)?
    );
    let mut updates = source.updated();
    loop {
        tokio::select! {
            renewed = updates.changed() => {
                renewed?;
                println!("renewed as {} (serial {})", source.svid()?.spiffe_id(), serial(&source)?);
            }
            accepted = listener.accept() => {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    match answer(acceptor, accepted?.0).await {
                        Ok(()) => println!("answered a caller that proved to be the expected peer"),
                        Err(error) => println!("refused a caller: {error}"),
                    }
                    Ok::<_, std::io::Error>(())
                });
            }
        }
    }
}

async fn answer(acceptor: TlsAcceptor, connection: TcpStream) -> Outcome {
    let mut stream = acceptor.accept(connection).await?;
    stream.write_all(b"hello over mutual TLS\n").await?;
    stream.shutdown().await?;
    Ok(())
}

/// Calls that server and prints what it says.
async fn call(address: &str, peer: &str) -> Outcome {
    let source = identity().await?;
    let config = mtls_client(source.clone()).authorize(authorizer::exact([peer])?).build()?;
    let connector = TlsConnector::from(Arc::new(config));
    // The name is not looked at: the peer is known by its SPIFFE ID.
    let name = ServerName::try_from("workload")?;
    let mut stream = connector.connect(name, TcpStream::connect(address).await?).await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    println!("{} was told by {peer}: {}", source.svid()?.spiffe_id(), said.trim_end());
    Ok(())
}

/// Fetches a JWT-SVID and checks it as a receiver would: with keys from the Workload API, by an independent library.
async fn token(audience: &str) -> Outcome {
    let source = JwtSource::builder().build().await?;
    let svid = source.fetch_jwt_svid([audience]).await?;
    let checked = spiffe::JwtSvid::parse_and_validate(svid.token(), &source, &[audience])?;
    println!(
        "{} for `{audience}` until {:?}, signature verified",
        checked.spiffe_id(),
        checked.expiry()
    );
    Ok(())
}

/// Asks once for a JWT-SVID, and expects a no: a source would go on asking until there is a yes.
async fn refused(audience: &str) -> Outcome {
    let client = WorkloadApiClient::connect_env().await?;
    match client.fetch_jwt_svid([audience], None).await {
        Err(no @ (WorkloadApiError::NoIdentityIssued | WorkloadApiError::PermissionDenied(_))) => {
            println!("refused: {no}");
            Ok(())
        }
        Err(other) => Err(other.into()),
        Ok(svid) => Err(format!("it is still {}", svid.spiffe_id()).into()),
    }
}

/// Checks somebody else's JWT-SVID in the same way. The token is read from a file: arguments are for everybody to see.
async fn check(audience: &str, file: &str) -> Outcome {
    let source = JwtSource::builder().build().await?;
    let token = std::fs::read_to_string(file)?;
    let checked = spiffe::JwtSvid::parse_and_validate(token.trim(), &source, &[audience])?;
    println!("{} for `{audience}`, signature verified", checked.spiffe_id());
    Ok(())
}

async fn identity() -> Result<X509Source, Box<dyn Error + Send + Sync>> {
    let source = X509Source::builder().initial_sync_timeout(Duration::from_secs(5));
    Ok(source.build().await?)
}

fn serial(source: &X509Source) -> Result<String, Box<dyn Error + Send + Sync>> {
    use x509_parser::prelude::{FromDer, X509Certificate};
    let svid = source.svid()?;
    let (_, leaf) = X509Certificate::from_der(svid.leaf().as_bytes())?;
    Ok(format!("{:x}", leaf.tbs_certificate.serial))
}

const USAGE: &str = "usage: workload serve ADDRESS PEER-ID | call ADDRESS PEER-ID | call-with DIRECTORY ADDRESS PEER-ID \
    | token AUDIENCE | refused AUDIENCE | check AUDIENCE TOKEN-FILE";
