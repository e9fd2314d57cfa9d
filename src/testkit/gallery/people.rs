//! Pages of a sign-in and of the provider.

use super::Sample;
use crate::http::pages::{ErrorPage, Flaw, Flaws, LeavePage, Look, Page, SignedOutPage};
use crate::kernel::Lifetime;
use crate::oauth::pages::{ConsentPage, LogoutPage, ScopeLine, lasting_text, scope_text};
use crate::signin::pages::{
    Account, DevicePage, EnrolPage, Frame, IdentifyPage, LinkPage, MailSentPage, NewPasswordPage,
    NoWayPage, OtherWay, PasskeyPage, PasswordPage, ProofPage, Provider, RecoverPage,
    RecoveryCodePage, RefusedPage, SelectPage, TotpPage,
};
use crate::wire::device_proof::{PORT, Question};

pub(super) fn samples(look: &Look) -> Vec<Sample> {
    let mut all = first_pages(look);
    all.extend(proofs(look));
    all.extend(later_pages(look));
    all.extend(provider_pages(look));
    all
}

fn frame<'a>(person: Option<&'a str>, ways: &'a [OtherWay]) -> Frame<'a> {
    Frame { base: "/sign-in/sample", application: Some("Field Notes"), person, ways, reason: None }
}

fn first_pages(look: &Look) -> Vec<Sample> {
    let (frame, flaws) = (frame(None, &[]), &Flaws::NONE);
    let provider = |id: &str, name: &str, last_used| Provider {
        id: id.to_owned(),
        name: name.to_owned(),
        last_used,
    };
    let providers = [provider("a", "Example Works", true), provider("b", "Northwind", false)];
    let identify = IdentifyPage {
        look,
        frame,
        flaws,
        identifier: "",
        passkey: Some(REQUEST),
        providers: &providers,
        cancel: true,
    };
    let wrong = Flaws::one(Flaw::of("identifier", look.say("account-wrong-limited")));
    let flawed = IdentifyPage { flaws: &wrong, identifier: "ada", ..identify };
    let refused = Flaws::one(Flaw::whole(look.say("upstream-unknown")));
    let turned_back = IdentifyPage { flaws: &refused, ..identify };
    let account = |value: &str, name: &str, hours: i64| Account {
        value: value.to_owned(),
        name: name.to_owned(),
        hint: look.lasting(Lifetime::hours(hours)),
    };
    let accounts =
        [account("1", "ada@example.org", 2), account("2", "a.king@northwind.example", 5)];
    let select = SelectPage { look, frame, flaws, accounts: &accounts };
    vec![
        ("sign-in", Page::new(&identify, look)),
        ("sign-in-flaw", Page::new(&flawed, look)),
        ("sign-in-turned-back", Page::new(&turned_back, look)),
        ("select-account", Page::new(&select, look)),
    ]
}

fn proofs(look: &Look) -> Vec<Sample> {
    let ways = [OtherWay::Passkey, OtherWay::Mail];
    let frame = frame(Some("ada@example.org"), &ways);
    let reason = look.say("noway-words");
    let flaws = &Flaws::NONE;
    let wrong = Flaws::one(Flaw::of("password", look.say("wrong-password")));
    let stepping = Frame { ways: &[OtherWay::RecoveryCode], reason: Some(&reason), ..frame };
    let prove = look.say1("link-prove", "provider", "Example Works");
    let linking = Frame { reason: Some(&prove), ..frame };
    let page = |name, page| (name, page);
    vec![
        page("password", Page::new(&PasswordPage { look, frame, flaws }, look)),
        page("link-prove", Page::new(&PasswordPage { look, frame: linking, flaws }, look)),
        page("password-flaw", Page::new(&PasswordPage { look, frame, flaws: &wrong }, look)),
        page("passkey", Page::new(&PasskeyPage { look, frame, flaws, options: REQUEST }, look)),
        page("totp", Page::new(&TotpPage { look, frame, flaws }, look)),
        page("step-up", Page::new(&TotpPage { look, frame: stepping, flaws }, look)),
        page("recovery-code", Page::new(&RecoveryCodePage { look, frame, flaws }, look)),
    ]
}

fn later_pages(look: &Look) -> Vec<Sample> {
    let (frame, flaws) = (frame(Some("ada@example.org"), &[]), &Flaws::NONE);
    let recover = RecoverPage { look, frame, flaws, identifier: "ada@example.org" };
    let lasting = look.lasting(Lifetime::minutes(15));
    let sent = MailSentPage { look, frame, flaws, lasting };
    let new_password = NewPasswordPage { look, frame, flaws, least: 15 };
    let offer = EnrolPage { look, frame, flaws, required: false, options: CREATION };
    let enrol = EnrolPage { required: true, ..offer };
    let link = LinkPage {
        look,
        frame,
        flaws,
        provider: "Example Works",
        display: Some("ada@works.example"),
    };
    let question =
        Question { issuer: "https://id.example", sign_in: "sample", challenge: "sample" };
    let address = question.address(PORT);
    let device = DevicePage { look, frame, flaws, link: Some(&address) };
    let wrong = Flaws::one(Flaw::whole(look.say("wrong-device")));
    let device_flaw = DevicePage { flaws: &wrong, ..device };
    let no_way = NoWayPage { look, frame, flaws, cancel: true };
    let refused = RefusedPage { look, frame, flaws, cancel: true };
    let unlink =
        ProofPage { look, title: look.say("proof-title"), words: look.say("proof-unlink") };
    vec![
        ("proof", Page::new(&unlink, look)),
        ("recover", Page::new(&recover, look)),
        ("mail-sent", Page::new(&sent, look)),
        ("new-password", Page::new(&new_password, look)),
        ("passkey-offer", Page::new(&offer, look)),
        ("enrolment", Page::new(&enrol, look)),
        ("device", Page::new(&device, look)),
        ("device-flaw", Page::new(&device_flaw, look)),
        ("link", Page::new(&link, look)),
        ("no-way", Page::new(&no_way, look)),
        ("refused", Page::new(&refused, look)),
    ]
}

fn provider_pages(look: &Look) -> Vec<Sample> {
    let scope = |name: &str, ticked| ScopeLine {
        name: name.to_owned(),
        text: scope_text(look, name).unwrap_or_default(),
        ticked,
    };
    let consent = ConsentPage {
        look,
        action: "/authorize/consent",
        request: "sample",
        application: "Field Notes",
        host: Some("notes.example"),
        person: "ada@example.org",
        resource: Some("notes.example/api"),
        required: &[scope("openid", true), scope("profile", true), scope("offline_access", true)],
        optional: &[scope("email", true), scope("phone", false)],
        lasting: lasting_text(look, Some(Lifetime::days(90))),
    };
    let logout = LogoutPage {
        look,
        action: "/logout",
        request: "sample",
        application: Some("Field Notes"),
        person: Some("ada@example.org"),
    };
    let error = ErrorPage {
        look,
        title: look.say("failure-signin-not-found-title"),
        words: look.say("failure-signin-not-found-words"),
        next: Some(("/account".to_owned(), look.say("account-title"))),
        reference: Some("signin.not_found · req_0193a5".to_owned()),
    };
    let leave = LeavePage { look, name: "Example Works", url: "#main" };
    vec![
        ("consent", Page::new(&consent, look)),
        ("logout", Page::new(&logout, look)),
        ("signed-out", Page::new(&SignedOutPage { look }, look)),
        ("error", Page::new(&error, look)),
        ("leave", Page::new(&leave, look)),
    ]
}

/// What a browser is asked: enough for the script to read it.
const REQUEST: &str = r#"{"publicKey":{"challenge":"AAAA","rpId":"localhost","allowCredentials":[],"userVerification":"required"}}"#;
const CREATION: &str = r#"{"publicKey":{"challenge":"AAAA","rp":{"id":"localhost","name":"Weft"},"user":{"id":"AAAA","name":"ada","displayName":"Ada"},"pubKeyCredParams":[{"type":"public-key","alg":-7}]}}"#;
