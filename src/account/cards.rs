//! The account at a glance.

use super::pages::{Card, Tab};
use crate::http::pages::Look;

/// How it stands with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Passkeys.
    pub passkeys: usize,
    /// True if there is a password.
    pub password: bool,
    /// True if there is an authenticator app.
    pub authenticator: bool,
    /// Recovery codes that are left.
    pub codes: usize,
    /// Sessions.
    pub sessions: usize,
    /// Devices that are theirs.
    pub devices: usize,
    /// Linked identities at other providers.
    pub linked: usize,
    /// Connected applications.
    pub applications: usize,
}

/// A card for each thing that a person looks after, what is most worth having first.
pub fn cards(look: &Look, standing: &Standing) -> Vec<Card> {
    let mut cards = vec![
        passkeys(look, standing),
        of(look, "password", Tab::Password, look.say("card-password"), Some(standing.password)),
    ];
    let words = look.say("card-authenticator");
    cards.push(of(look, "authenticator", Tab::Authenticator, words, Some(standing.authenticator)));
    let words = look.say1("card-recovery-codes", "n", standing.codes);
    cards.push(of(look, "recovery-codes", Tab::RecoveryCodes, words, Some(standing.codes > 0)));
    let words = look.say1("card-sessions", "n", standing.sessions);
    cards.push(of(look, "sessions", Tab::Sessions, words, None));
    let words = look.say1("card-devices", "n", standing.devices);
    cards.push(of(look, "devices", Tab::Devices, words, None));
    let words = look.say1("card-providers", "n", standing.linked);
    cards.push(of(look, "providers", Tab::Providers, words, None));
    let words = look.say1("card-applications", "n", standing.applications);
    cards.push(of(look, "applications", Tab::Applications, words, None));
    cards.push(of(look, "history", Tab::History, look.say("card-history"), None));
    cards.push(of(look, "data", Tab::Data, look.say("data-lead"), None));
    cards
}

/// The way to the console, for somebody who holds these roles.
pub fn console(look: &Look, roles: &[&str]) -> Card {
    Card {
        id: "console",
        title: look.say("card-console-title"),
        words: look.say1("card-console", "roles", roles.join(", ")),
        badge: None,
        good: true,
        path: "/admin",
        link: look.say("card-look"),
    }
}

fn passkeys(look: &Look, standing: &Standing) -> Card {
    let words = look.say1("card-passkeys", "n", standing.passkeys);
    of(look, "passkeys", Tab::Passkeys, words, Some(standing.passkeys > 0))
}

/// A card; `set_up` is nothing for what one only looks at.
fn of(look: &Look, id: &'static str, tab: Tab, words: String, set_up: Option<bool>) -> Card {
    let badge = set_up
        .map(|yes| look.say(if yes { text_key("card-good") } else { text_key("card-missing") }));
    let link = if set_up.is_some() { look.say("card-change") } else { look.say("card-look") };
    Card {
        id,
        title: look.say(tab.text()),
        words,
        badge,
        good: set_up.unwrap_or(true),
        path: tab.path(),
        link,
    }
}

/// Marks a name of a text for the test that looks for all of them.
const fn text_key(key: &str) -> &str {
    key
}
