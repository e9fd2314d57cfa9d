//! The pages of one's own account, as typed structs over `templates/account/`. Names of fields and ids are an interface:
//! `docs/reference/pages.md`.

use askama::Template;

use super::posture_words::Tone;
use crate::http::pages::{Flaws, Look};

/// What the pages of an account have in common.
#[derive(Debug, Clone)]
pub struct Nav<'a> {
    /// Whose account it is.
    pub person: &'a str,
    /// The page that is open.
    pub current: Tab,
    /// What was just done, to be read first.
    pub done: Option<String>,
}

/// A page of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// All at a glance.
    Overview,
    /// Where one is signed in.
    Sessions,
    /// One's own devices.
    Devices,
    /// Passkeys.
    Passkeys,
    /// The password.
    Password,
    /// One-time passwords.
    Authenticator,
    /// Codes for a bad day.
    RecoveryCodes,
    /// Other providers.
    Providers,
    /// Connected applications.
    Applications,
    /// What happened.
    History,
    /// Language, export, deletion.
    Data,
}

/// All at a glance.
#[derive(Debug, Template)]
#[template(path = "account/overview.html")]
pub struct OverviewPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// The e-mail address, as long as nobody has proven it and a letter can.
    pub unproven: Option<String>,
    /// A card for each thing that one can look after.
    pub cards: Vec<Card>,
}

/// A thing that one can look after.
#[derive(Debug, Clone)]
pub struct Card {
    /// The id of the element.
    pub id: &'static str,
    /// What it is.
    pub title: String,
    /// How it stands.
    pub words: String,
    /// The same in a word or two.
    pub badge: Option<String>,
    /// True if that is well; else it wants attention.
    pub good: bool,
    /// Where it is looked after.
    pub path: &'static str,
    /// What the link says.
    pub link: String,
}

/// Where one is signed in.
#[derive(Debug, Template)]
#[template(path = "account/sessions.html")]
pub struct SessionsPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// The sessions, the one used last first.
    pub sessions: Vec<SessionLine>,
}

/// A session.
#[derive(Debug, Clone)]
pub struct SessionLine {
    /// Which, in the form.
    pub id: String,
    /// What it runs on: `device`.
    pub device: String,
    /// What the device is called that it showed, if it did.
    pub on: Option<String>,
    /// The network address.
    pub address: String,
    /// What was shown for it.
    pub how: String,
    /// When it began.
    pub since: String,
    /// When it was used last.
    pub used: String,
    /// True for the one of this browser.
    pub here: bool,
}

/// One's own devices.
#[derive(Debug, Template)]
#[template(path = "account/devices.html")]
pub struct DevicesPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// The devices, by name.
    pub devices: Vec<DeviceCard>,
    /// Where a device finds this server.
    pub server: String,
}

/// What a device needs before it can be of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// That somebody approves it.
    Approval,
    /// That it comes for its credentials.
    Credentials,
}

/// A device, and how it stands.
#[derive(Debug, Clone)]
pub struct DeviceCard {
    /// Which.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// What sort of machine it is.
    pub kind: String,
    /// Where it stands.
    pub badge: String,
    /// How that looks.
    pub tone: Tone,
    /// Its score, in points.
    pub score: Option<String>,
    /// When it reported last.
    pub reported: String,
    /// Why somebody locked it, if they did.
    pub put_out: Option<String>,
    /// What to do, what helps most first.
    pub fixes: Vec<DeviceFix>,
    /// What is not as it should be, what takes most first.
    pub why: Vec<String>,
    /// True if it never reported.
    pub silent: bool,
    /// What it needs before it can be of use.
    pub needs: Needs,
}

/// Something to do.
#[derive(Debug, Clone)]
pub struct DeviceFix {
    /// What it is about.
    pub name: String,
    /// What to do.
    pub words: String,
    /// What it brings.
    pub gain: Option<String>,
}

/// Passkeys.
#[derive(Debug, Template)]
#[template(path = "account/passkeys.html")]
pub struct PasskeysPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// Those there are.
    pub passkeys: Vec<PasskeyLine>,
    /// How long ago they asked to be offered none at sign-ins; nothing where they may be.
    pub declined: Option<String>,
    /// What the browser needs for a new one, once it was begun.
    pub creation: Option<Creation>,
    /// A name for the new one.
    pub suggestion: String,
}

/// A new passkey that was begun.
#[derive(Debug, Clone)]
pub struct Creation {
    /// The options for the browser, as JSON.
    pub options: String,
    /// The server's half, sealed: it goes through the form.
    pub state: String,
}

/// A passkey.
#[derive(Debug, Clone)]
pub struct PasskeyLine {
    /// Which, in the form.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What sort of authenticator has it, if that is known.
    pub kind: Option<String>,
    /// When it was added.
    pub since: String,
    /// When it was used last.
    pub used: Option<String>,
}

/// The password.
#[derive(Debug, Template)]
#[template(path = "account/password.html")]
pub struct PasswordPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// True if there is one.
    pub present: bool,
    /// The fewest characters it may have.
    pub least: usize,
}

/// One-time passwords.
#[derive(Debug, Template)]
#[template(path = "account/authenticator.html")]
pub struct AuthenticatorPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// How it stands.
    pub state: AuthenticatorState,
}

/// How it stands with one-time passwords.
#[derive(Debug, Clone)]
pub enum AuthenticatorState {
    /// There are none.
    Absent,
    /// A secret was made, and has to be confirmed with a code.
    Begun {
        /// The secret as a picture: a `data:` URL.
        picture: String,
        /// The secret to type.
        secret: String,
    },
    /// There is one.
    Present,
}

/// Codes for a bad day.
#[derive(Debug, Template)]
#[template(path = "account/recovery_codes.html")]
pub struct RecoveryCodesPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// How many are left.
    pub left: usize,
    /// New ones, shown this once; empty otherwise.
    pub codes: Vec<String>,
}

/// Other providers.
#[derive(Debug, Template)]
#[template(path = "account/providers.html")]
pub struct ProvidersPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// Who one is at which.
    pub linked: Vec<LinkLine>,
    /// Those that may be linked.
    pub others: Vec<ProviderLine>,
}

/// An identity at another provider.
#[derive(Debug, Clone)]
pub struct LinkLine {
    /// Which, in the form.
    pub value: String,
    /// What people call the provider.
    pub provider: String,
    /// Who one is there.
    pub display: Option<String>,
    /// When it was linked.
    pub since: String,
}

/// A provider that may be linked.
#[derive(Debug, Clone)]
pub struct ProviderLine {
    /// Which, in the form.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// Connected applications.
#[derive(Debug, Template)]
#[template(path = "account/applications.html")]
pub struct ApplicationsPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What was agreed to.
    pub applications: Vec<ApplicationLine>,
}

/// An application, and what it gets.
#[derive(Debug, Clone)]
pub struct ApplicationLine {
    /// Which, in the form.
    pub value: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub resources: Vec<String>,
    /// What it gets, in plain words.
    pub gets: Vec<String>,
    /// When that was first agreed to.
    pub since: String,
    /// When it last came for more.
    pub used: Option<String>,
}

/// What happened.
#[derive(Debug, Template)]
#[template(path = "account/history.html")]
pub struct HistoryPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// Newest first.
    pub facts: Vec<FactLine>,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct FactLine {
    /// What.
    pub what: String,
    /// More about it.
    pub more: Option<String>,
    /// When.
    pub when: String,
    /// When, for programs.
    pub exactly: String,
}

/// Language, export, deletion.
#[derive(Debug, Template)]
#[template(path = "account/data.html")]
pub struct DataPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// The e-mail address, empty if there is none; nothing where no letter can be sent.
    pub email: Option<String>,
}

/// Really?
#[derive(Debug, Template)]
#[template(path = "account/delete.html")]
pub struct DeletePage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
}

impl<'a> Nav<'a> {
    /// On this page, with nothing done.
    pub fn on(person: &'a str, current: Tab) -> Self {
        Self { person, current, done: None }
    }
}

impl Tab {
    /// Those that are served, in their order on the page.
    pub const ALL: [Self; 11] = [
        Self::Overview,
        Self::Sessions,
        Self::Devices,
        Self::Passkeys,
        Self::Password,
        Self::Authenticator,
        Self::RecoveryCodes,
        Self::Providers,
        Self::Applications,
        Self::History,
        Self::Data,
    ];

    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/account",
            Self::Sessions => "/account/sessions",
            Self::Devices => "/account/devices",
            Self::Passkeys => "/account/passkeys",
            Self::Password => "/account/password",
            Self::Authenticator => "/account/authenticator",
            Self::RecoveryCodes => "/account/recovery-codes",
            Self::Providers => "/account/providers",
            Self::Applications => "/account/applications",
            Self::History => "/account/history",
            Self::Data => "/account/data",
        }
    }

    pub(super) fn text(self) -> &'static str {
        let text_key = |key| key;
        match self {
            Self::Overview => text_key("tab-overview"),
            Self::Sessions => text_key("tab-sessions"),
            Self::Devices => text_key("tab-devices"),
            Self::Passkeys => text_key("tab-passkeys"),
            Self::Password => text_key("tab-password"),
            Self::Authenticator => text_key("tab-authenticator"),
            Self::RecoveryCodes => text_key("tab-recovery-codes"),
            Self::Providers => text_key("tab-providers"),
            Self::Applications => text_key("tab-applications"),
            Self::History => text_key("tab-history"),
            Self::Data => text_key("tab-data"),
        }
    }
}
