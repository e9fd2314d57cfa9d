//! Mail: the delivery handler that writes a letter and hands it to a mail server, or lays it into a directory.
//!
//! A letter has one recipient and no name beside the address; nothing that a stranger typed is in a header.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::response::{Category, Code, Severity};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::letter::{CredentialNews, KIND, Letter, LinkNews, Posted};
use super::words::{Said, words};
use crate::accounts::model::{By, Error, ProofPurpose, User};
use crate::accounts::{
    Accounts, AttributeName, Identifier, MailSecurity, MailSettings, MailTransport,
};
use crate::http::pages::{Language, Look};
use crate::jobs::deliveries::{Delivery, DeliveryHandler, NotDelivered, TRY_WITHIN};
use crate::kernel::{Failure, Kind, RealmId, Secret, Timestamp, UserId};

/// The handler of mail.
pub struct Mail {
    accounts: Accounts,
    from: Mailbox,
    way: Way,
}

/// How mail leaves.
enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Maildir(PathBuf),
    None,
}

/// A letter, written.
pub(super) struct Written {
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) body: String,
}

impl Mail {
    /// The handler for these settings. `Invalid` if they do not fit together, or a file cannot be read.
    pub fn new(accounts: Accounts) -> Result<Self, Failure> {
        let settings = accounts.settings().mail.clone();
        let from = settings.from.parse().map_err(|error| wrong(format!("`from`: {error}")))?;
        let way = match (settings.transport, &settings.directory) {
            (MailTransport::None, _) => Way::None,
            (MailTransport::Smtp, _) => Way::Smtp(smtp(&settings)?),
            (MailTransport::Maildir, Some(directory)) => Way::Maildir(directory.clone()),
            (MailTransport::Maildir, None) => return Err(wrong("`directory` is not set")),
        };
        Ok(Self { accounts, from, way })
    }

    async fn try_once(&self, realm: RealmId, delivery: &Delivery) -> Result<(), NotDelivered> {
        let ring = &self.accounts.inner.ring;
        let letter = Posted::open(realm, delivery, ring)
            .map_err(|fault| NotDelivered::Ever(fault.to_string()))?;
        let written = self.write(realm, letter).await;
        let written = written.map_err(|error| NotDelivered::Yet(error.to_string()))?;
        // Nobody to write to: that is as much as a stranger's request for recovery may come to.
        let Some(written) = written else { return Ok(()) };
        let now = self.accounts.inner.env.clock.now();
        let message = self.message(&written, &delivery.id, now)?;
        match &self.way {
            Way::None => Err(NotDelivered::Ever("no way to send mail is set".to_owned())),
            Way::Smtp(server) => server.send(message).await.map(|_| ()).map_err(|error| {
                let words = without_addresses(&error.to_string());
                match error.status() {
                    Some(status) if is_about_the_letter(status) => NotDelivered::Ever(words),
                    _ => NotDelivered::Yet(words),
                }
            }),
            Way::Maildir(directory) => lay(directory, &delivery.id, message.formatted())
                .await
                .map_err(|error| NotDelivered::Yet(format!("`{}`: {error}", directory.display()))),
        }
    }

    /// A letter in its reader's language; nothing where there is nobody to write to.
    pub(super) async fn write(
        &self,
        realm: RealmId,
        Posted { letter, language }: Posted,
    ) -> Result<Option<Written>, Error> {
        let user = match &letter {
            Letter::Verify(user)
            | Letter::Move(user, _)
            | Letter::Link(LinkNews { user, .. })
            | Letter::Credential(CredentialNews { user, .. }) => {
                self.accounts.fresh(realm, *user).await?
            }
            Letter::Recover(typed) => match Identifier::typed(typed) {
                Some(identifier) => self.accounts.find(realm, &identifier).await?,
                None => None,
            },
        };
        let Some(user) = user.filter(|user| user.is_active()) else { return Ok(None) };
        let Some(to) = address(&letter, &user) else { return Ok(None) };
        let issuer = self.accounts.realm(realm)?.issuer.to_string();
        let link = match letter.asks() {
            Some((purpose, bound_to)) => {
                let what = (purpose, Some(to.clone()), bound_to);
                Some((self.link(realm, user.id, what).await?, purpose.lifetime()))
            }
            None => None,
        };
        let said = Said {
            issuer: &issuer,
            account: user.display_name(),
            link: link.as_ref().map(|(link, within)| (link.expose().as_str(), *within)),
        };
        let look = Look::in_language(language_of(&user, language));
        let (subject, body) = words(&look, &letter, said)?;
        Ok(Some(Written { to, subject, body }))
    }

    async fn link(
        &self,
        realm: RealmId,
        user: UserId,
        what: (ProofPurpose, Option<String>, Option<Vec<u8>>),
    ) -> Result<Secret<String>, Error> {
        let token = self.accounts.make_token(realm, user, what, By::Themselves).await?;
        self.accounts.proof_link(realm, &token)
    }

    fn message(
        &self,
        written: &Written,
        id: &str,
        now: Timestamp,
    ) -> Result<Message, NotDelivered> {
        let ever = |error: &dyn fmt::Display| NotDelivered::Ever(error.to_string());
        let to: Address = written.to.parse().map_err(|error| ever(&error))?;
        let since = Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0));
        let domain = self.from.email.domain();
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(written.subject.clone())
            .date(SystemTime::UNIX_EPOCH + since)
            .message_id(Some(format!("<{id}@{domain}>")))
            .header(ContentType::TEXT_PLAIN)
            .body(written.body.clone())
            .map_err(|error| ever(&error))
    }
}

impl DeliveryHandler for Mail {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// One mail server takes all letters.
    fn destination(&self, _realm: RealmId, _delivery: &Delivery) -> String {
        self.accounts.settings().mail.host.clone()
    }

    fn deliver<'a>(
        &'a self,
        realm: RealmId,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<(), NotDelivered>> {
        Box::pin(self.try_once(realm, delivery))
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("from", &self.from.email).finish_non_exhaustive()
    }
}

/// The language of the account, else the one in which the letter was asked for, else English.
fn language_of(user: &User, asked_in: Option<Language>) -> Language {
    let said = [user.language.as_deref(), user.attribute(AttributeName::Locale)];
    let own = said.into_iter().flatten().find_map(Language::of_tag);
    own.or(asked_in).unwrap_or(Language::English)
}

/// A link that lets somebody in goes to a proven address alone; what is told to an address that was theirs has no link in it.
fn address(letter: &Letter, user: &User) -> Option<String> {
    let address: Option<&str> = match letter {
        Letter::Verify(_) => user.attribute(AttributeName::Email),
        Letter::Move(_, address) | Letter::Credential(CredentialNews { to: Some(address), .. }) => {
            Some(address.as_str())
        }
        Letter::Recover(_) | Letter::Link(_) | Letter::Credential(_) => user.verified_email(),
    };
    address.map(str::to_owned)
}

/// True where the server will never take this letter. What it says of who signs in there (RFC 4954 §6: 530, 534, 535, 538) is
/// about our settings: with the right password the letter arrives.
fn is_about_the_letter(status: Code) -> bool {
    let permanent = status.severity == Severity::PermanentNegativeCompletion;
    permanent && status.category != Category::Unspecified3
}

/// What a mail server says is kept with the delivery, and often repeats the address: that goes with its person alone.
fn without_addresses(words: &str) -> String {
    let plain = |word: &str| if word.contains('@') { "…".to_owned() } else { word.to_owned() };
    words.split_whitespace().map(plain).collect::<Vec<_>>().join(" ")
}

fn smtp(settings: &MailSettings) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
    let host = settings.host.as_str();
    let (tls, port) = match settings.security {
        MailSecurity::Tls => (Tls::Wrapper(protected(settings)?), 465),
        MailSecurity::Starttls => (Tls::Required(protected(settings)?), 587),
        MailSecurity::Plain => (Tls::None, 25),
    };
    let port = if settings.port == 0 { port } else { settings.port };
    let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(port)
        .tls(tls)
        .timeout(Some(TRY_WITHIN.to_std()));
    if let Some(path) = &settings.password_file {
        let password = std::fs::read_to_string(path).map_err(|error| unread(path, &error))?;
        let credentials = Credentials::new(settings.username.clone(), password.trim().to_owned());
        server = server.credentials(credentials);
    }
    Ok(server.build())
}

/// TLS to this host, vouched for by those that the settings name, or by the authorities that browsers trust.
fn protected(settings: &MailSettings) -> Result<TlsParameters, Failure> {
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.certificates {
        let pem = std::fs::read(path).map_err(|error| unread(path, &error))?;
        let named = Certificate::from_pem(&pem).map_err(|error| unread(path, &error))?;
        parameters =
            parameters.certificate_store(CertificateStore::None).add_root_certificate(named);
    }
    parameters.build().map_err(|error| wrong(error.to_string()))
}

fn unread(path: &Path, error: &dyn fmt::Display) -> Failure {
    wrong(format!("`{}` cannot be read: {error}", path.display()))
}

fn wrong(words: impl Into<String>) -> Failure {
    Failure::new(Kind::Invalid, "settings.mail", format!("`accounts.mail`: {}", words.into()))
}

/// As every maildir: written in `tmp`, moved to `new`, so that nobody reads half a letter.
async fn lay(directory: &Path, id: &str, bytes: Vec<u8>) -> std::io::Result<()> {
    for folder in ["tmp", "new", "cur"] {
        tokio::fs::create_dir_all(directory.join(folder)).await?;
    }
    let (written, done) = (directory.join("tmp").join(id), directory.join("new").join(id));
    tokio::fs::write(&written, bytes).await?;
    tokio::fs::rename(&written, &done).await
}

#[cfg(test)]
mod tests {
    use lettre::transport::smtp::response::Detail;

    use super::*;

    #[test]
    fn only_what_a_server_says_of_the_letter_itself_ends_its_tries() {
        use Severity::{
            PermanentNegativeCompletion as Never, TransientNegativeCompletion as Later,
        };
        for (severity, category, detail, ends) in [
            (Never, Category::MailSystem, Detail::Zero, true),
            (Never, Category::MailSystem, Detail::Three, true),
            (Never, Category::Syntax, Detail::One, true),
            (Never, Category::Unspecified3, Detail::Five, false),
            (Never, Category::Unspecified3, Detail::Zero, false),
            (Later, Category::MailSystem, Detail::One, false),
            (Later, Category::Unspecified3, Detail::Four, false),
        ] {
            let status = Code { severity, category, detail };
            assert_eq!(is_about_the_letter(status), ends, "{status}");
        }
    }
}
