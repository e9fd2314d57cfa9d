//! A whole Weft as people and applications meet it: behind TLS on this machine, with a certificate of its own.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use weft::accounts::By;
use weft::kernel::{Lifetime, RealmId, Secret, UserId};
use weft::server::Settings;
use weft::testkit::{ShiftedClock, TestDatabase, TestServer, engines};

use super::{free_port, own_certificate, trusting};
use crate::admin_api::ask;

/// The server, and what ends with it.
pub(super) struct Site {
    pub(super) server: Arc<TestServer>,
    pub(super) clock: Arc<ShiftedClock>,
    pub(super) issuer: String,
    /// The certificate of `localhost`, and its key, in PEM: Weft's own, and of others that a test puts beside it.
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) directory: TempDir,
    _database: TestDatabase,
}

impl Site {
    /// A server with settings changed; files of theirs go into the directory.
    pub(super) async fn start_with(adjust: impl FnOnce(&mut Settings, &TempDir)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = own_certificate(directory.path());
        let (certificate, key) = (PathBuf::from(certificate), PathBuf::from(key));
        let database = TestDatabase::new(engines()[0]).await;
        let port = free_port();
        let issuer = format!("https://localhost:{port}");
        let clock = Arc::new(ShiftedClock::ahead(Lifetime::ZERO));
        let server =
            TestServer::start_by(Arc::<ShiftedClock>::clone(&clock), &database, |settings| {
                settings.listen.public.set_port(port);
                settings.listen.certificate = Some(certificate.clone());
                settings.listen.certificate_key = Some(key.clone());
                settings.server.issuer.clone_from(&issuer);
                adjust(settings, &directory);
            })
            .await;
        let server = Arc::new(server);
        Self { server, clock, issuer, certificate, key, directory, _database: database }
    }

    /// The certificate, as text.
    pub(super) fn pem(&self) -> String {
        std::fs::read_to_string(&self.certificate).unwrap()
    }

    /// A client that trusts this server alone.
    pub(super) fn http(&self) -> reqwest::Client {
        trusting(self.pem().as_bytes())
    }

    /// Registers an application, and gives its secret.
    pub(super) async fn client(
        &self,
        id: &str,
        profile: &str,
        redirect: &[&str],
        more: Value,
    ) -> String {
        let mut input =
            json!({"id": id, "name": id, "profile": profile, "redirect_uris": redirect});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, made) = ask(&self.server, "POST", "clients", "", Some(input)).await;
        assert_eq!(status, 201, "{id}: {made}");
        made["client_secret"].as_str().unwrap_or_default().to_owned()
    }

    /// A person with every claim, a proven address, and [`PASSWORD`].
    pub(super) async fn person(&self, name: &str, number: &str) -> UserId {
        let attributes = json!({
            "name": format!("{name} Example"),
            "given_name": name,
            "family_name": "Example",
            "email": format!("{name}@example.org"),
            "phone_number": number,
            "address.formatted": "Musterweg 1, Berlin",
        });
        let input = json!({"username": name, "attributes": attributes, "verified": ["email"]});
        let (status, made) = ask(&self.server, "POST", "users", "", Some(input)).await;
        assert_eq!(status, 201, "{name}: {made}");
        let user = UserId::parse(made["id"].as_str().unwrap()).unwrap();
        let accounts = &self.server.server().accounts;
        let password = Secret::new(PASSWORD.to_owned());
        accounts.set_password(RealmId::FIRST, user, &password, By::Themselves).await.unwrap();
        user
    }
}

/// What people of a test type.
pub(super) const PASSWORD: &str = "correct horse battery staple";
