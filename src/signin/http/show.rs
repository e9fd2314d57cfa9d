//! From a view to its page.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::accounts::ProofPurpose;
use crate::http::pages::{ErrorPage, Flaw, Flaws, LeavePage, Look, Page, page as answer};
use crate::signin::pages::{
    Account, DevicePage, EnrolPage, Frame, IdentifyPage, LinkPage, MailSentPage, NewPasswordPage,
    NoWayPage, OtherWay, PasskeyPage, PasswordPage, ProofPage, Provider, RecoverPage,
    RecoveryCodePage, RefusedPage, SelectPage, TotpPage,
};
use crate::signin::{Complaint, Step, View, Way};

/// The page of this view.
pub(super) fn page(view: &View, last: Option<&str>, look: &Look) -> Response {
    let look = look.clone().prefer(&view.languages);
    let flaws = flaws(view, &look);
    let base = format!("/sign-in/{}", view.id);
    let ways: Vec<OtherWay> = view.ways.iter().copied().map(other_way).collect();
    let why = why(view, &look);
    let frame = Frame {
        base: &base,
        application: view.application.as_deref(),
        person: view.person.as_deref(),
        ways: &ways,
        reason: why.as_deref(),
    };
    let page = of_step(&Parts { view, last, look: &look, flaws: &flaws, frame });
    match &view.leads_to {
        // The last form is answered by way of the application, and Chromium asks the page's policy about that.
        Some(url) => page.may_lead_to(url).into_response(),
        None => page.into_response(),
    }
}

/// Why something is asked for: in the policy's words, or because an identity at a provider is to be linked.
fn why(view: &View, look: &Look) -> Option<String> {
    match (&view.step, &view.stranger) {
        (Step::Password | Step::Passkey | Step::Recover, Some(stranger)) if !view.shown => {
            Some(look.say1("link-prove", "provider", stranger.provider.as_str()))
        }
        _ => view.reason.clone(),
    }
}

/// What every page is made of.
struct Parts<'a> {
    view: &'a View,
    /// The provider that this browser came through last.
    last: Option<&'a str>,
    look: &'a Look,
    flaws: &'a Flaws,
    frame: Frame<'a>,
}

fn of_step(parts: &Parts<'_>) -> Page {
    let Parts { view, look, flaws, frame, .. } = *parts;
    let options = view.options.as_deref();
    let identifier = view.typed.as_deref().unwrap_or_default();
    let cancel = view.cancel;
    match &view.step {
        Step::SelectAccount => select(parts),
        Step::Identify => {
            let passkey = options;
            let providers = &providers(view, parts.last);
            ok(&IdentifyPage { look, frame, flaws, identifier, passkey, providers, cancel }, look)
        }
        Step::Device => {
            let link = view.device_link.as_deref();
            ok(&DevicePage { look, frame, flaws, link }, look)
        }
        Step::Password => ok(&PasswordPage { look, frame, flaws }, look),
        Step::Passkey => {
            let options = options.unwrap_or(NO_OPTIONS);
            ok(&PasskeyPage { look, frame, flaws, options }, look)
        }
        Step::Totp => ok(&TotpPage { look, frame, flaws }, look),
        Step::RecoveryCode => ok(&RecoveryCodePage { look, frame, flaws }, look),
        Step::Recover => ok(&RecoverPage { look, frame, flaws, identifier }, look),
        Step::MailSent => {
            let lasting = look.lasting(ProofPurpose::Recover.lifetime());
            ok(&MailSentPage { look, frame, flaws, lasting }, look)
        }
        Step::NewPassword => {
            let least = view.password_chars_min;
            ok(&NewPasswordPage { look, frame, flaws, least }, look)
        }
        Step::Enrol { required } => {
            let (options, required) = (options.unwrap_or(NO_OPTIONS), *required);
            ok(&EnrolPage { look, frame, flaws, required, options }, look)
        }
        Step::LinkConfirm => link_confirm(parts),
        Step::NoWay(_) => ok(&NoWayPage { look, frame, flaws, cancel }, look),
        Step::Refused(_) | Step::Done => {
            ok(&RefusedPage { look, frame, flaws, cancel }, look).status(StatusCode::FORBIDDEN)
        }
    }
}

fn select(parts: &Parts<'_>) -> Page {
    let Parts { view, look, flaws, frame, .. } = *parts;
    let accounts: Vec<Account> = view
        .session
        .iter()
        .map(|session| Account {
            value: session.id.to_string(),
            name: view.person.clone().unwrap_or_default(),
            hint: String::new(),
        })
        .collect();
    ok(&SelectPage { look, frame, flaws, accounts: &accounts }, look)
}

fn link_confirm(parts: &Parts<'_>) -> Page {
    let Parts { view, look, flaws, frame, .. } = *parts;
    let stranger = view.stranger.as_ref();
    let provider = stranger.map_or("", |stranger| stranger.provider.as_str());
    let display = stranger.and_then(|stranger| stranger.display.as_deref());
    ok(&LinkPage { look, frame, flaws, provider, display }, look)
}

fn providers(view: &View, last: Option<&str>) -> Vec<Provider> {
    let offer = |offer: &crate::upstreams::Offer| Provider {
        id: offer.id.to_string(),
        name: offer.display_name.to_string(),
        last_used: last == Some(offer.id.as_str()),
    };
    view.offers.iter().map(offer).collect()
}

/// Leaves for another provider: a redirect would be bound by the policy of the page whose form this answers.
pub(super) fn away(name: &str, url: &str, look: &Look) -> Response {
    ok(&LeavePage { look, name, url }, look).into_response()
}

fn ok(template: &impl Template, look: &Look) -> Page {
    Page::new(template, look)
}

fn other_way(way: Way) -> OtherWay {
    match way {
        Way::Password => OtherWay::Password,
        Way::Passkey => OtherWay::Passkey,
        Way::Totp => OtherWay::Totp,
        Way::RecoveryCode => OtherWay::RecoveryCode,
        Way::Mail => OtherWay::Mail,
    }
}

fn flaws(view: &View, look: &Look) -> Flaws {
    let Some(complaint) = &view.complaint else { return Flaws::NONE };
    let text_key = |key: &'static str| key;
    let field = match &view.step {
        Step::Identify | Step::Recover => Some("identifier"),
        Step::Password | Step::NewPassword => Some("password"),
        Step::Totp | Step::RecoveryCode => Some("code"),
        _ => None,
    };
    let (field, text) = match complaint {
        Complaint::Nothing => (field, look.say(text_key("wrong-nothing"))),
        Complaint::Password => (field, look.say(text_key("wrong-password"))),
        Complaint::Code => (field, look.say(text_key("wrong-code"))),
        Complaint::Passkey => (None, look.say(text_key("wrong-passkey"))),
        Complaint::Limited { seconds } => {
            let span = look.lasting(crate::kernel::Lifetime::seconds(*seconds));
            (None, look.say1("wrong-limited", "span", span))
        }
        Complaint::Busy => (None, look.say(text_key("wrong-busy"))),
        Complaint::NewPassword(_) => (field, look.say(text_key("wrong-new-password"))),
        Complaint::Repeated => (Some("repeated"), look.say(text_key("wrong-repeated"))),
        Complaint::Upstream(group) => (None, look.say(group.text())),
        Complaint::Link => (None, look.say(text_key("wrong-link"))),
        Complaint::Other => (None, look.say(text_key("wrong-other"))),
        Complaint::Device => (None, look.say(text_key("wrong-device"))),
    };
    Flaws::one(match field {
        Some(field) => Flaw::of(field, text),
        None => Flaw::whole(text),
    })
}

/// The page behind a link.
pub(super) fn link(purpose: Option<ProofPurpose>, look: &Look) -> Response {
    let words = match purpose {
        Some(ProofPurpose::Recover) => look.say("proof-recover"),
        Some(ProofPurpose::Enrol) => look.say("proof-enrol"),
        Some(ProofPurpose::VerifyAddress) => look.say("proof-address"),
        Some(ProofPurpose::ChangeAddress) => look.say("proof-change-address"),
        Some(ProofPurpose::Unlink) => look.say("proof-unlink"),
        None => {
            let (title, words) = (look.say("proof-spent-title"), look.say("proof-spent-words"));
            let page = ErrorPage { look, title, words, next: None, reference: None };
            return answer(StatusCode::GONE, &page, look);
        }
    };
    ok(&ProofPage { look, title: look.say("proof-title"), words }, look).into_response()
}

/// An address was verified.
pub(super) fn verified(look: &Look) -> Response {
    let (title, words) = (look.say("proof-verified-title"), look.say("proof-verified-words"));
    ok(&ErrorPage { look, title, words, next: None, reference: None }, look).into_response()
}

/// A link that works for whoever is signed in was opened where nobody is.
pub(super) fn sign_in_first(look: &Look) -> Response {
    let (title, words) = (look.say("proof-sign-in-title"), look.say("proof-sign-in-words"));
    let next = Some((OWN_PAGES.to_owned(), look.say("account-title")));
    let page = ErrorPage { look, title, words, next, reference: None };
    answer(StatusCode::FORBIDDEN, &page, look)
}

/// A link to another provider was taken back.
pub(super) fn unlinked(look: &Look) -> Response {
    let (title, words) = (look.say("proof-unlinked-title"), look.say("proof-unlinked-words"));
    let next = Some((OWN_PAGES.to_owned(), look.say("account-title")));
    ok(&ErrorPage { look, title, words, next, reference: None }, look).into_response()
}

/// Where one looks after an account.
const OWN_PAGES: &str = "/account";
/// A page whose ceremony could not be begun: its script says so.
const NO_OPTIONS: &str = "{}";
