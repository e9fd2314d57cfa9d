//! A workload gets its identity, uses it, sees it rotate, and loses it.

use std::sync::Arc;

use futures_util::StreamExt as _;
use rustls_pki_types::ServerName;
use spiffe::X509Source;
use spiffe::workload_api::error::WorkloadApiError;
use spiffe_rustls::{TrustDomainPolicy, authorizer, mtls_client, mtls_server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use weft::testkit::{until, within};

use super::{Fabric, connect, on_each, source, until_given};

#[tokio::test]
async fn a_workload_without_an_entry_is_refused_and_does_not_hang() {
    on_each(async |database| {
        let fabric = Fabric::over(database).await;
        let refused = until("the agent has heard its server", async || {
            let client = connect(&fabric.agent).await?;
            match within("fetch", client.fetch_x509_svid()).await {
                Err(
                    error @ (WorkloadApiError::NoIdentityIssued
                    | WorkloadApiError::PermissionDenied(_)),
                ) => Ok(error),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        let words = refused.to_string();
        assert!(
            words.contains("no identity issued") || words.contains("permission denied"),
            "{words}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_workload_of_a_joined_node_gets_its_x509_svid_and_its_jwt_svid() {
    on_each(async |database| {
        let fabric = Fabric::over(database).await;
        fabric.entry("/web").await;
        until_given(&fabric.agent, "/web").await;
        let client = connect(&fabric.agent).await.unwrap();
        let context = within("fetch", client.fetch_x509_context()).await.unwrap();
        let svid = context.default_svid().unwrap();
        assert_eq!(svid.spiffe_id().to_string(), "spiffe://weft.test/web");
        assert_eq!(svid.cert_chain().len(), 1);

        let token = within("fetch", client.fetch_jwt_svid(["billing"], None)).await.unwrap();
        assert_eq!(token.spiffe_id().to_string(), "spiffe://weft.test/web");
        let checked = within("validate", client.validate_jwt_token("billing", token.token())).await;
        assert_eq!(checked.unwrap().audience(), ["billing"]);
        let elsewhere =
            within("validate", client.validate_jwt_token("payroll", token.token())).await;
        assert!(elsewhere.is_err(), "a token for another audience was accepted");
    })
    .await;
}

#[tokio::test]
async fn two_workloads_talk_mutual_tls_and_each_knows_who_the_other_is() {
    on_each(async |database| {
        let fabric = Fabric::over(database).await;
        fabric.entry("/asking").await;
        fabric.entry("/answering").await;
        let client = source(&fabric.agent, "/asking").await;
        let server = source(&fabric.agent, "/answering").await;
        assert_eq!(talk(&client, &server, "/answering").await, Ok("hello".to_owned()));
        let stranger = talk(&client, &server, "/somebody-else").await;
        assert!(stranger.is_err(), "the client talks to a server that it did not mean");
    })
    .await;
}

#[tokio::test]
async fn a_workload_sees_its_svid_rotate_and_goes_on_talking() {
    on_each(async |database| {
        let fabric = Fabric::over(database).await;
        fabric.short_entry("/quick", 8).await;
        let quick = source(&fabric.agent, "/quick").await;
        let first = serial(&quick);
        let rotated = until("the SVID rotates twice", async || {
            let now = serial(&quick);
            if now == first { Err("the same") } else { Ok(now) }
        })
        .await;
        until("the SVID rotates again", async || {
            let now = serial(&quick);
            if now == rotated { Err("the same") } else { Ok(()) }
        })
        .await;
        assert_eq!(talk(&quick, &quick, "/quick").await, Ok("hello".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn deleting_the_entry_ends_the_stream_with_permission_denied() {
    on_each(async |database| {
        let fabric = Fabric::over(database).await;
        let entry = fabric.entry("/gone").await;
        until_given(&fabric.agent, "/gone").await;
        let client = connect(&fabric.agent).await.unwrap();
        let mut stream = within("open", client.stream_x509_contexts()).await.unwrap();
        let first = within("the first answer", stream.next()).await.unwrap().unwrap();
        assert_eq!(first.svids().len(), 1);

        fabric.server.delete(&entry.id).await;
        let last = within("the stream says so", async {
            loop {
                match stream.next().await {
                    Some(Ok(_)) => {}
                    end => return end,
                }
            }
        })
        .await;
        assert!(
            matches!(
                last,
                Some(Err(
                    WorkloadApiError::NoIdentityIssued | WorkloadApiError::PermissionDenied(_)
                ))
            ),
            "{last:?}"
        );
    })
    .await;
}

/// The leaf that a source shows, whole: any other is another certificate.
fn serial(source: &X509Source) -> Vec<u8> {
    source.svid().unwrap().leaf().as_ref().to_vec()
}

/// One greeting over mutual TLS; the client insists on the server's ID.
async fn talk(client: &X509Source, server: &X509Source, path: &str) -> Result<String, String> {
    let policy = || TrustDomainPolicy::LocalOnly("weft.test".try_into().unwrap());
    let accepting = mtls_server(server.clone())
        .authorize(authorizer::any())
        .trust_domain_policy(policy())
        .build();
    let expected = authorizer::exact([format!("spiffe://weft.test{path}")]).unwrap();
    let dialling =
        mtls_client(client.clone()).authorize(expected).trust_domain_policy(policy()).build();
    let (acceptor, connector) = (
        TlsAcceptor::from(Arc::new(accepting.unwrap())),
        TlsConnector::from(Arc::new(dialling.unwrap())),
    );
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let (socket, _) = listener.accept().await.map_err(|error| error.to_string())?;
        let mut tls = acceptor.accept(socket).await.map_err(|error| error.to_string())?;
        assert!(
            tls.get_ref().1.peer_certificates().is_some(),
            "the server asked for no certificate"
        );
        tls.write_all(b"hello").await.map_err(|error| error.to_string())?;
        tls.shutdown().await.map_err(|error| error.to_string())
    };
    let dial = async {
        let socket = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = connector.connect(name, socket).await.map_err(|error| error.to_string())?;
        let mut heard = String::new();
        tls.read_to_string(&mut heard).await.map_err(|error| error.to_string())?;
        Ok(heard)
    };
    let (end, heard) = within("talk", async { tokio::join!(serve, dial) }).await;
    let heard: Result<String, String> = heard;
    end.and(heard)
}
