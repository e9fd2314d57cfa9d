//! A letter in the language of whoever reads it: its subject, and plain text in which each link has a line of its own. Pure.

use askama::Template;

use super::letter::{CredentialNews, Letter, LinkNews, News, Turn};
use crate::http::pages::{Look, text_key};
use crate::kernel::{Fault, Lifetime, Timestamp};

/// What a letter says beside what it is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// Where the account is.
    pub(super) issuer: &'a str,
    /// What the account is called.
    pub(super) account: &'a str,
    /// The link, and how long it works; nothing in a letter that only tells.
    pub(super) link: Option<(&'a str, Lifetime)>,
}

#[derive(Template)]
#[template(path = "mail/verify_address.txt", escape = "none")]
struct VerifyAddress<'a> {
    look: &'a Look,
    issuer: &'a str,
    link: &'a str,
    within: String,
}

#[derive(Template)]
#[template(path = "mail/recover.txt", escape = "none")]
struct Recover<'a> {
    look: &'a Look,
    issuer: &'a str,
    link: &'a str,
    within: String,
}

#[derive(Template)]
#[template(path = "mail/linked.txt", escape = "none")]
struct Linked<'a> {
    look: &'a Look,
    issuer: &'a str,
    link: &'a str,
    within: String,
    facts: Facts<'a>,
}

#[derive(Template)]
#[template(path = "mail/unlinked.txt", escape = "none")]
struct Unlinked<'a> {
    look: &'a Look,
    issuer: &'a str,
    facts: Facts<'a>,
}

#[derive(Template)]
#[template(path = "mail/credential.txt", escape = "none")]
struct Credential<'a> {
    look: &'a Look,
    issuer: &'a str,
    what: String,
    facts: Facts<'a>,
}

/// What a letter about a link, or about a credential, tells: who, when, where.
struct Facts<'a> {
    provider: String,
    display: Option<String>,
    account: &'a str,
    at: Timestamp,
    from: Option<(String, String)>,
}

/// Subject and text.
pub(super) fn words(
    look: &Look,
    letter: &Letter,
    said: Said<'_>,
) -> Result<(String, String), Fault> {
    let Said { issuer, account, link } = said;
    let (link, within) = link.unwrap_or(("", Lifetime::ZERO));
    let within = look.lasting(within);
    let (subject, text) = match letter {
        Letter::Verify(_) | Letter::Move(..) => {
            (look.say("mail-verify-subject"), VerifyAddress { look, issuer, link, within }.render())
        }
        Letter::Recover(_) => {
            (look.say("mail-recover-subject"), Recover { look, issuer, link, within }.render())
        }
        Letter::Link(news) => {
            let facts = Facts::of(news, account);
            match news.what {
                News::Linked => (
                    look.say("mail-linked-subject"),
                    Linked { look, issuer, link, within, facts }.render(),
                ),
                News::Unlinked => {
                    (look.say("mail-unlinked-subject"), Unlinked { look, issuer, facts }.render())
                }
            }
        }
        Letter::Credential(news) => {
            let what = look.say1(text_of(news.what), "issuer", issuer);
            let facts = Facts::at(news, account);
            let subject = look.say("mail-credential-subject");
            (subject, Credential { look, issuer, what, facts }.render())
        }
    };
    Ok((plain(&subject), plain(&text.map_err(Fault::bug)?)))
}

/// The name of the text that says it.
const fn text_of(what: Turn) -> &'static str {
    match what {
        Turn::PasswordSet => text_key("mail-password-set"),
        Turn::PasswordRemoved => text_key("mail-password-removed"),
        Turn::PasskeyAdded => text_key("mail-passkey-added"),
        Turn::PasskeyRemoved => text_key("mail-passkey-removed"),
        Turn::TotpAdded => text_key("mail-totp-added"),
        Turn::TotpRemoved => text_key("mail-totp-removed"),
        Turn::CodesMade => text_key("mail-codes-made"),
        Turn::CodeUsed => text_key("mail-code-used"),
        Turn::Reset => text_key("mail-credentials-reset"),
        Turn::AddressChanged => text_key("mail-address-changed"),
    }
}

impl<'a> Facts<'a> {
    fn at(news: &CredentialNews, account: &'a str) -> Self {
        Self { provider: String::new(), display: None, account, at: news.at, from: None }
    }

    /// What others chose is one line of a letter and never two.
    fn of(news: &LinkNews, account: &'a str) -> Self {
        let line = |text: &str| -> String {
            text.chars().filter(|c| !c.is_control()).take(LINE_CHARS_MAX).collect()
        };
        Self {
            provider: line(&news.provider),
            display: news.display.as_deref().map(line),
            account,
            at: news.at,
            from: news.from.as_ref().map(|(address, agent)| (line(address), line(agent))),
        }
    }
}

/// Without the marks around what was filled in, which pages need beside text of the other direction: in a letter they become
/// part of an address that somebody copies.
fn plain(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

/// Names are shorter; what a browser calls itself may be longer, and says its most at the beginning.
const LINE_CHARS_MAX: usize = 120;
