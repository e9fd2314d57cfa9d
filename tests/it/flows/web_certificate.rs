//! The certificate that `public` and `mtls` show, while it is renewed under a server that runs.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use weft::crypto::x509::pem_certificates;
use weft::testkit::{TestDatabase, TestServer, engines, private_file};

/// Writes a new pair; gives its certificate.
fn renewed(chain: &Path, key: &Path) -> Vec<u8> {
    let web = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(chain, web.cert.pem()).unwrap();
    private_file(key, web.signing_key.serialize_pem());
    web.cert.der().to_vec()
}

/// What a new connection to `public` is shown, by whoever trusts exactly that.
async fn shown(server: &TestServer, expected: &[u8]) -> Result<(), String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(expected.to_vec())).unwrap();
    let config =
        rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(server.addresses().public).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connected.map(drop).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_made_at_the_start_is_where_clients_on_trial_find_it() {
    weft::crypto::tls::install_provider();
    let database = TestDatabase::new(engines()[0]).await;
    let server = TestServer::start(&database).await;
    let file = server.server().self_made_certificate().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o644, "it is no secret");
    let written = pem_certificates(&std::fs::read(&file).unwrap()).unwrap();
    let [certificate] = written.as_slice() else { panic!("one certificate, and no key") };
    shown(&server, certificate).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_without_a_restart_and_a_pair_that_does_not_fit_is_not() {
    weft::crypto::tls::install_provider();
    let files = tempfile::tempdir().unwrap();
    let (chain, key) = (files.path().join("web.pem"), files.path().join("web.key"));
    let first = renewed(&chain, &key);
    let database = TestDatabase::new(engines()[0]).await;
    let server = TestServer::start_with(&database, |settings| {
        settings.listen.certificate = Some(chain.clone());
        settings.listen.certificate_key = Some(key.clone());
    })
    .await;
    shown(&server, &first).await.unwrap();
    let inside = server.server();
    assert_eq!(inside.self_made_certificate(), None);
    assert!(!inside.take_changed_web_certificate().unwrap(), "nothing was written");

    // As the reconciler sees it: somebody renewed the files.
    let second = renewed(&chain, &key);
    shown(&server, &second).await.expect_err("nobody looked yet");
    assert!(inside.take_changed_web_certificate().unwrap());
    shown(&server, &second).await.unwrap();
    shown(&server, &first).await.expect_err("it is replaced");

    // Half of a pair: the certificate is written, its key is not yet.
    let old_key = std::fs::read(&key).unwrap();
    let third = renewed(&chain, &key);
    let new_key = std::fs::read(&key).unwrap();
    private_file(&key, old_key);
    inside.take_changed_web_certificate().expect_err("they do not fit");
    inside.take_web_certificate().expect_err("nor at SIGHUP");
    shown(&server, &second).await.expect("what was there before stays");
    private_file(&key, &new_key);
    assert!(inside.take_changed_web_certificate().unwrap());
    shown(&server, &third).await.unwrap();

    // A key that others can read, at SIGHUP.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&key, open).unwrap();
    let refused = inside.take_web_certificate().expect_err("others can read it");
    assert!(refused.public.contains("others can read it; run `chmod 600` on it"), "{refused:?}");
    shown(&server, &third).await.unwrap();
}
