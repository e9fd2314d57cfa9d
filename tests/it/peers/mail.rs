//! Mail as a foreign server receives it: aiosmtpd from `PyPI`, by STARTTLS and with a password.

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::Command;
use url::Url;
use weft::accounts::{MailSecurity, MailTransport};
use weft::testkit::{repository, until, within};

use super::site::Site;
use super::{Piped, free_port, python};
use crate::admin_api::ask;
use crate::walker::{Browser, Shown, Typed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_reach_a_foreign_mail_server_and_wait_while_it_is_down() {
    let port = free_port();
    let site = site(port).await;
    let ann = site.person("ann", "+493012345678").await;
    site.person("bob", "+493087654321").await;
    let mut server = MailServer::start(&site, port).await;

    let (mut browser, told_up) = asks_for_a_letter(&site, "ann").await;
    let letter = server.letter().await;
    assert_eq!(letter["to"], serde_json::json!(["ann@example.org"]));
    let mut checked = usize::from(letter["tls"] == true && letter["by"] == NAME);
    choose_a_password(&mut browser, &link_in(&letter)).await;
    let told = server.letter().await;
    assert_eq!(told["to"], serde_json::json!(["ann@example.org"]), "of the new password");

    // The person's address changes, and nobody has proven the new one.
    let id = ann.to_string();
    let other = serde_json::json!({"attributes": {"email": "ann@new.example.org"}});
    let (status, told) = ask(&site.server, "PATCH", &format!("users/{id}"), "", Some(other)).await;
    assert_eq!(status, 200, "{told}");
    let verification = format!("users/{id}/verification");
    let (status, told) = ask(&site.server, "POST", &verification, "", None).await;
    assert_eq!(status, 204, "{told}");
    let letter = server.letter().await;
    assert_eq!(letter["to"], serde_json::json!(["ann@new.example.org"]));
    checked += usize::from(letter["tls"] == true && letter["by"] == NAME);
    let mut reader = Browser::new(site.http(), Typed::new());
    let shown = reader.get(&link_in(&letter)).await.unwrap();
    let shown = reader.press(&shown, "", &[]).await.unwrap();
    assert_eq!(shown.status, 200, "{}", shown.body);
    let (_, user) = ask(&site.server, "GET", &format!("users/{id}"), "", None).await;
    assert_eq!(user["attributes"]["email"]["proof"]["how"], "mail", "{user}");

    server.stop().await;
    let hangs_up = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let (mut browser, told_down) = asks_for_a_letter(&site, "bob").await;
    assert_eq!(plain(&told_down, "bob"), plain(&told_up, "ann"), "the page says nothing different");
    // It was tried, in vain.
    drop(within("a try", hangs_up.accept()).await.unwrap());
    drop(hangs_up);
    let mut server = MailServer::start(&site, port).await;
    let letter = server.letter().await;
    assert_eq!(letter["to"], serde_json::json!(["bob@example.org"]));
    checked += usize::from(letter["tls"] == true && letter["by"] == NAME);
    choose_a_password(&mut browser, &link_in(&letter)).await;
    let told = server.letter().await;
    assert_eq!(told["to"], serde_json::json!(["bob@example.org"]), "of the new password");

    // Whoever stops a mail server before it has said that it took a letter gets that letter again.
    until("every letter is handed over", async || {
        let (_, told) = ask(&site.server, "GET", "deliveries", "", None).await;
        if told["items"].as_array().is_some_and(Vec::is_empty) { Ok(()) } else { Err(told) }
    })
    .await;
    server.stop().await;
    waits_while_we_are_refused(&site, port, &verification).await;
    println!(
        "proof: letters through aiosmtpd by STARTTLS and AUTH: {checked} of 3, one of them asked for while it was \
         down, with the same page"
    );
    assert_eq!(checked, 3);
}

/// A password that is not right any more is our fault and not the letter's: it waits, the list says why, and it arrives.
async fn waits_while_we_are_refused(site: &Site, port: u16, verification: &str) {
    let server = MailServer::that_knows("another one", site, port).await;
    let (status, told) = ask(&site.server, "POST", verification, "", None).await;
    assert_eq!(status, 204, "{told}");
    let waiting = until("it is refused", async || {
        let (_, told) = ask(&site.server, "GET", "deliveries", "", None).await;
        let first = told["items"][0].clone();
        // The first try may still be over the connection to the server that has gone; the next one is not.
        let refused = first["last_error"].as_str().is_some_and(|why| why.contains("535"));
        if refused { Ok(first) } else { Err(told) }
    })
    .await;
    assert!(!waiting["next_at"].is_null(), "it is tried again: {waiting}");
    server.stop().await;
    let mut server = MailServer::start(site, port).await;
    let retry = format!("deliveries/{}/retry", waiting["id"].as_str().unwrap());
    let (status, told) = ask(&site.server, "POST", &retry, "", None).await;
    // It may have been tried by itself meanwhile, and be gone.
    assert!(status < 300 || status == 404, "{status}: {told}");
    let letter = server.letter().await;
    assert_eq!(letter["to"], serde_json::json!(["ann@new.example.org"]));
}

/// Asks for a way back in, as somebody who forgot the password.
async fn asks_for_a_letter(site: &Site, name: &str) -> (Browser, Shown) {
    let mut browser = Browser::new(site.http(), Typed::new());
    let account = Url::parse(&format!("{}/account", site.issuer)).unwrap();
    let shown = browser.get(&account).await.unwrap();
    let shown = browser.press(&shown, "/identify", &[("identifier", name)]).await.unwrap();
    let shown = browser.press(&shown, "/way", &[("way", "mail")]).await.unwrap();
    let shown = browser.press(&shown, "/recover", &[("identifier", name)]).await.unwrap();
    assert_eq!(shown.status, 200, "{}", shown.body);
    (browser, shown)
}

/// Opens the link and is in, with another password.
async fn choose_a_password(browser: &mut Browser, link: &Url) {
    let shown = browser.get(link).await.unwrap();
    let shown = browser.press(&shown, "", &[]).await.unwrap();
    let new = [("password", NEW), ("repeated", NEW)];
    let shown = browser.press(&shown, "/new-password", &new).await.unwrap();
    let shown = browser.press(&shown, "/enrol", &[("decision", "later")]).await.unwrap();
    assert_eq!((shown.status, shown.url.path()), (200, "/account"), "{}", shown.body);
}

/// A page without what differs from visit to visit.
fn plain(shown: &Shown, name: &str) -> String {
    let id = shown.url.path().trim_start_matches("/sign-in/").to_owned();
    shown.body.replace(&id, "ID").replace(name, "NAME")
}

async fn site(port: u16) -> Site {
    Site::start_with(move |settings, directory| {
        let password = directory.path().join("mail-password");
        std::fs::write(&password, format!("{PASSWORD_THERE}\n")).unwrap();
        let mail = &mut settings.accounts.mail;
        mail.transport = MailTransport::Smtp;
        mail.security = MailSecurity::Starttls;
        mail.from = "Weft <weft@id.example.org>".to_owned();
        mail.port = port;
        mail.username = NAME.to_owned();
        mail.password_file = Some(password);
        mail.certificates.clone_from(&settings.listen.certificate);
    })
    .await
}

fn link_in(letter: &Value) -> Url {
    let text = letter["text"].as_str().unwrap().replace("=\r\n", "").replace("=3D", "=");
    let link = text.split_whitespace().find(|word| word.contains("/account/proof/"));
    Url::parse(link.expect("a link")).unwrap()
}

/// The foreign program.
struct MailServer(Piped);

impl MailServer {
    async fn start(site: &Site, port: u16) -> Self {
        Self::that_knows(PASSWORD_THERE, site, port).await
    }

    /// One that takes this password alone.
    async fn that_knows(password: &str, site: &Site, port: u16) -> Self {
        let mut command = Command::new(python());
        command
            .arg(repository().join("tests/peers/mail/receive.py"))
            .arg(port.to_string())
            .args([&site.certificate, &site.key])
            .args([NAME, password]);
        let mut program = Piped::start(&mut command);
        program.says("listening").await;
        Self(program)
    }

    /// The next letter.
    async fn letter(&mut self) -> Value {
        serde_json::from_str(&self.0.line().await).unwrap()
    }

    async fn stop(self) {
        self.0.stop().await;
    }
}

const NAME: &str = "weft";
/// What whoever forgot the password chooses.
const NEW: &str = "a quite different password";
const PASSWORD_THERE: &str = "a password of this run only";
