//! OpenSSL reads and verifies every kind of certificate that a live server hands out.

use weft::crypto::x509::split_chain;
use weft::kernel::RealmId;
use weft::testkit::{TestServer, within};

use super::{pem, run, run_beside, write};
use crate::flows::{Fabric, connect, on_each, until_given};

/// What every leaf says, as OpenSSL prints it.
const LEAF: &[&str] = &[
    "Version: 3 (0x2)",
    "ecdsa-with-SHA256",
    "CA:FALSE",
    "Digital Signature",
    "TLS Web Server Authentication, TLS Web Client Authentication",
    "X509v3 Authority Key Identifier",
];
/// What no leaf may say (SPIFFE X509-SVID §4.3).
const NOT_IN_A_LEAF: &[&str] = &["Certificate Sign", "CRL Sign", "CA:TRUE"];

#[tokio::test]
async fn openssl_verifies_every_kind_of_certificate() {
    on_each(async |database| {
        let fabric = Fabric::over(database).await;
        fabric.entry("/web").await;
        until_given(&fabric.agent, "/web").await;
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        let bundle = fabric.server.server().bundles.current(RealmId::FIRST).unwrap();
        let roots: String = bundle.x509.iter().map(|root| pem(&root.certificate)).collect();
        let roots_file = write(place, "bundle.pem", &roots);

        let authority = write(place, "authority.pem", &pem(&bundle.x509[0].certificate));
        run("openssl", &["verify", "-x509_strict", "-CAfile", &roots_file, &authority], b"");
        let told = print(&authority);
        let said = [
            "CA:TRUE",
            "Certificate Sign",
            "URI:spiffe://weft.test",
            "X509v3 Subject Key Identifier",
        ];
        check(&told, &said, &["Digital Signature", "Key Encipherment"]);
        assert!(!told.contains("URI:spiffe://weft.test/"), "an authority's ID has a path:\n{told}");

        for (kind, chain, id) in [
            (
                "server",
                shown_by(&fabric, &roots_file).await,
                "spiffe://weft.test/spire/server".to_owned(),
            ),
            ("agent", kept_by(&fabric), fabric.agent.id().to_string()),
            ("workload", workload(&fabric).await, "spiffe://weft.test/web".to_owned()),
        ] {
            let leaf = write(place, &format!("{kind}.pem"), chain.first().unwrap());
            let rest = write(place, &format!("{kind}-chain.pem"), &chain[1..].concat());
            for purpose in ["sslserver", "sslclient"] {
                let mut arguments =
                    vec!["verify", "-x509_strict", "-purpose", purpose, "-CAfile", &roots_file];
                if chain.len() > 1 {
                    arguments.extend(["-untrusted", &rest]);
                }
                arguments.push(&leaf);
                run("openssl", &arguments, b"");
            }
            let told = print(&leaf);
            check(&told, LEAF, NOT_IN_A_LEAF);
            check(&told, &[&format!("URI:{id}")], &[]);
            assert_eq!(told.matches("URI:").count(), 1, "{told}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_node_listener_resumes_no_session() {
    on_each(async |database| {
        let server = TestServer::start(database).await;
        let address = server.addresses().node.to_string();
        for version in ["-tls1_2", "-tls1_3"] {
            let arguments =
                ["s_client", "-connect", &address, "-alpn", "h2", "-reconnect", version];
            let told = run_beside("openssl", arguments.map(str::to_owned).to_vec()).await;
            assert!(told.contains("New, "), "{version}: no handshake\n{told}");
            assert!(!told.contains("Reused, "), "{version}: a session was resumed\n{told}");
        }
    })
    .await;
}

fn print(file: &str) -> String {
    run("openssl", &["x509", "-text", "-noout", "-in", file], b"")
}

fn check(told: &str, said: &[&str], unsaid: &[&str]) {
    for words in said {
        assert!(told.contains(words), "`{words}` is missing:\n{told}");
    }
    for words in unsaid {
        assert!(!told.contains(words), "`{words}` is there:\n{told}");
    }
}

/// What the `node` door shows to a TLS client that is OpenSSL's own.
async fn shown_by(fabric: &Fabric, roots: &str) -> Vec<String> {
    let address = fabric.server.addresses().node.to_string();
    let arguments = [
        "s_client",
        "-connect",
        &address,
        "-alpn",
        "h2",
        "-showcerts",
        "-CAfile",
        roots,
        "-verify_return_error",
    ];
    let told = run_beside("openssl", arguments.map(str::to_owned).to_vec()).await;
    assert!(told.contains("ALPN protocol: h2"), "{told}");
    let end = "-----END CERTIFICATE-----\n";
    told.split_inclusive(end)
        .filter_map(|part| {
            Some(part.split_at(part.find("-----BEGIN CERTIFICATE-----")?).1.to_owned())
        })
        .filter(|part| part.ends_with(end))
        .fold(Vec::new(), |mut chain, one| {
            // The leaf is printed once more under "Server certificate".
            if !chain.contains(&one) {
                chain.push(one);
            }
            chain
        })
}

/// What the agent keeps of its own.
fn kept_by(fabric: &Fabric) -> Vec<String> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(fabric.agent.data_dir()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if !text.contains("BEGIN CERTIFICATE") {
            continue;
        }
        let chain: Vec<String> = weft::crypto::x509::pem_certificates(&bytes)
            .unwrap()
            .iter()
            .map(|der| pem(der))
            .collect();
        found.push(chain);
    }
    let agent = fabric.agent.id().to_string();
    let place = tempfile::tempdir().unwrap();
    let is_agents = |chain: &Vec<String>| {
        chain
            .first()
            .is_some_and(|leaf| print(&write(place.path(), "leaf.pem", leaf)).contains(&agent))
    };
    found.into_iter().find(is_agents).expect("the agent keeps its SVID")
}

async fn workload(fabric: &Fabric) -> Vec<String> {
    let client = connect(&fabric.agent).await.unwrap();
    let svid = within("fetch", client.fetch_x509_svid()).await.unwrap();
    let chain: Vec<u8> = svid.cert_chain().iter().flat_map(|one| one.as_ref().to_vec()).collect();
    split_chain(&chain).unwrap().iter().map(|der| pem(der)).collect()
}
