//! A letter in the language of whoever reads it: its subject, and plain text in which each link has a line of its own. Pure.

use askama::Template;

use super::letter::{Letter, LinkNews, News};
use crate::http::pages::Look;
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

/// What a letter about a link tells: who, when, where.
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
        Letter::Verify(_) => {
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
    };
    Ok((plain(&subject), plain(&text.map_err(Fault::bug)?)))
}

impl<'a> Facts<'a> {
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
