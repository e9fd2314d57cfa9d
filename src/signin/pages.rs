//! The pages of a sign-in, as typed structs over `templates/signin/`. Names of fields and ids are an interface:
//! `docs/reference/pages.md`. Every form is sent to `{base}/{step}`.

use askama::Template;

use crate::http::pages::{Flaws, Look};

/// What the pages of one sign-in have in common.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The path of this sign-in: `/sign-in/{id}`.
    pub base: &'a str,
    /// What people call the application they sign in to.
    pub application: Option<&'a str>,
    /// Who this is, as it was typed or is known: shown with "not you?".
    pub person: Option<&'a str>,
    /// What else could be shown instead.
    pub ways: &'a [OtherWay],
    /// Why something more has to be shown, or why not, in words a person understands.
    pub reason: Option<&'a str>,
}

/// Another way to show who one is: a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherWay {
    /// A password.
    Password,
    /// A passkey.
    Passkey,
    /// A code of an authenticator.
    Totp,
    /// One of the codes kept for a bad day.
    RecoveryCode,
    /// A link by mail.
    Mail,
}

/// Another provider that can vouch: a button.
#[derive(Debug, Clone)]
pub struct Provider {
    /// What the form sends.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// True for the one that this browser used last.
    pub last_used: bool,
}

/// An account of this browser: a button.
#[derive(Debug, Clone)]
pub struct Account {
    /// What the form sends.
    pub value: String,
    /// Who it is.
    pub name: String,
    /// More about it: when it was used last.
    pub hint: String,
}

/// Who are you? Identifier, passkey, or another provider.
#[derive(Debug, Template)]
#[template(path = "signin/identify.html")]
pub struct IdentifyPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// What was typed before.
    pub identifier: &'a str,
    /// The options of a passkey that anybody may show, as JSON; without, no passkey is offered.
    pub passkey: Option<&'a str>,
    /// The providers, in fixed order.
    pub providers: &'a [Provider],
    /// True if there is somewhere to go back to.
    pub cancel: bool,
}

/// Which account?
#[derive(Debug, Template)]
#[template(path = "signin/select.html")]
pub struct SelectPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// The accounts that are signed in here.
    pub accounts: &'a [Account],
}

/// Is this one of their devices?
#[derive(Debug, Template)]
#[template(path = "signin/device.html")]
pub struct DevicePage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// Where the device is asked, on this machine; without, the page is to be loaded again.
    pub link: Option<&'a str>,
}

/// A password, please.
#[derive(Debug, Template)]
#[template(path = "signin/password.html")]
pub struct PasswordPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
}

/// A passkey, please.
#[derive(Debug, Template)]
#[template(path = "signin/passkey.html")]
pub struct PasskeyPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// The options for the browser, as JSON.
    pub options: &'a str,
}

/// A code of an authenticator, please.
#[derive(Debug, Template)]
#[template(path = "signin/totp.html")]
pub struct TotpPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
}

/// A recovery code, please.
#[derive(Debug, Template)]
#[template(path = "signin/recovery_code.html")]
pub struct RecoveryCodePage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
}

/// Where should the link go?
#[derive(Debug, Template)]
#[template(path = "signin/recover.html")]
pub struct RecoverPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// What was typed before.
    pub identifier: &'a str,
}

/// Look into your mail. The same whether there was anybody to write to.
#[derive(Debug, Template)]
#[template(path = "signin/mail_sent.html")]
pub struct MailSentPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// How long the link works: `Look::lasting`.
    pub lasting: String,
}

/// Choose a new password.
#[derive(Debug, Template)]
#[template(path = "signin/new_password.html")]
pub struct NewPasswordPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// The fewest characters it may have.
    pub least: usize,
}

/// Add a passkey: because one came for it, or as an offer.
#[derive(Debug, Template)]
#[template(path = "signin/enrol.html")]
pub struct EnrolPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// True if there is no "not now".
    pub required: bool,
    /// The options for the browser, as JSON.
    pub options: &'a str,
}

/// Link who one is at another provider to this account?
#[derive(Debug, Template)]
#[template(path = "signin/link.html")]
pub struct LinkPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// What people call the provider.
    pub provider: &'a str,
    /// Who they are there, as the provider says it.
    pub display: Option<&'a str>,
}

/// Something stronger is needed, and this account has nothing.
#[derive(Debug, Template)]
#[template(path = "signin/no_way.html")]
pub struct NoWayPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// True if there is somewhere to go back to.
    pub cancel: bool,
}

/// Policy says no.
#[derive(Debug, Template)]
#[template(path = "signin/refused.html")]
pub struct RefusedPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The sign-in.
    pub frame: Frame<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// True if there is somewhere to go back to.
    pub cancel: bool,
}

/// What a link is for: one button, because programs that read mail follow links.
#[derive(Debug, Template)]
#[template(path = "signin/proof.html")]
pub struct ProofPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// What is about to happen.
    pub title: String,
    /// The same in a sentence.
    pub words: String,
}

impl OtherWay {
    /// What the form sends.
    pub const fn value(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery-code",
            Self::Mail => "mail",
        }
    }

    fn text(self) -> &'static str {
        let text_key = |key| key;
        match self {
            Self::Password => text_key("way-password"),
            Self::Passkey => text_key("way-passkey"),
            Self::Totp => text_key("way-totp"),
            Self::RecoveryCode => text_key("way-recovery-code"),
            Self::Mail => text_key("way-mail"),
        }
    }
}
