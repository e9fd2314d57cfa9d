//! Pages of one's own account.

use super::Sample;
use crate::account::pages::{
    ApplicationLine, ApplicationsPage, AuthenticatorPage, AuthenticatorState, Creation, DataPage,
    DeletePage, DeviceCard, DeviceFix, DevicesPage, FactLine, HistoryPage, LinkLine, Nav, Needs,
    OverviewPage, PasskeyLine, PasskeysPage, PasswordPage, ProviderLine, ProvidersPage,
    RecoveryCodesPage, SessionLine, SessionsPage, Tab,
};
use crate::account::posture_words::{fix, machine, place, points, signal};
use crate::account::{Standing, cards, console, device, picture_of};
use crate::devices::model::Class;
use crate::http::pages::{Flaw, Flaws, Look, Page};
use crate::kernel::{BasisPoints, Lifetime, Timestamp};
use crate::posture::Place;

pub(super) fn samples(look: &Look) -> Vec<Sample> {
    let mut all = at_a_glance(look);
    all.extend(ways_in(look));
    all.extend(codes(look));
    all.extend(others(look));
    all.extend(the_end(look));
    all.extend(devices(look));
    all
}

fn nav(tab: Tab) -> Nav<'static> {
    Nav::on("Ada King", tab)
}

fn ago(look: &Look, span: Lifetime) -> String {
    let now = Timestamp::from_seconds(1_700_000_000);
    look.ago(now.minus(span), now)
}

fn at_a_glance(look: &Look) -> Vec<Sample> {
    let standing = Standing {
        passkeys: 2,
        password: true,
        authenticator: true,
        codes: 0,
        sessions: 2,
        devices: 2,
        linked: 1,
        applications: 2,
    };
    let flaws = Flaws::NONE;
    let overview = |unproven: Option<&str>| OverviewPage {
        look,
        nav: nav(Tab::Overview),
        flaws: &flaws,
        unproven: unproven.map(str::to_owned),
        cards: cards(look, &standing).into_iter().chain([console(look, &["operator"])]).collect(),
    };
    let session = |id: &str, agent: &str, here: bool| SessionLine {
        id: id.to_owned(),
        device: device(look, agent),
        on: here.then(|| "ada-laptop".to_owned()),
        address: "192.0.2.17".to_owned(),
        how: look.say("how-passkey"),
        since: ago(look, Lifetime::hours(5)),
        used: ago(look, Lifetime::minutes(3)),
        here,
    };
    let sessions = vec![
        session(
            "1",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            true,
        ),
        session("2", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/605.1", false),
    ];
    let sessions = SessionsPage { look, nav: nav(Tab::Sessions), sessions };
    vec![
        ("account", Page::new(&overview(None), look)),
        ("account-unproven", Page::new(&overview(Some("ada@example.org")), look)),
        ("account-sessions", Page::new(&sessions, look)),
    ]
}

fn ways_in(look: &Look) -> Vec<Sample> {
    let passkey = |id: &str, name: &str, used: Option<String>| PasskeyLine {
        id: id.to_owned(),
        name: name.to_owned(),
        kind: Some(look.say("how-hardware-passkey")),
        since: ago(look, Lifetime::days(40)),
        used,
    };
    let passkeys = PasskeysPage {
        look,
        nav: nav(Tab::Passkeys),
        flaws: &Flaws::NONE,
        passkeys: vec![
            passkey("1", "Ada's laptop", Some(ago(look, Lifetime::hours(2)))),
            passkey("2", "Key in the drawer", None),
        ],
        declined: None,
        creation: None,
        suggestion: look.say("passkeys-new-name"),
    };
    let declined = PasskeysPage {
        look,
        nav: nav(Tab::Passkeys),
        flaws: &Flaws::NONE,
        passkeys: Vec::new(),
        declined: Some(ago(look, Lifetime::days(3))),
        creation: None,
        suggestion: look.say("passkeys-new-name"),
    };
    let last = Flaws::one(Flaw::whole(look.say("account-wrong-last")));
    let guarded = PasskeysPage {
        look,
        nav: nav(Tab::Passkeys),
        flaws: &last,
        passkeys: vec![passkey("1", "Ada's laptop", None)],
        declined: None,
        creation: Some(Creation { options: CREATION.to_owned(), state: "AAAA".to_owned() }),
        suggestion: look.say("passkeys-new-name"),
    };
    let password = PasswordPage {
        look,
        nav: nav(Tab::Password),
        flaws: &Flaws::NONE,
        present: true,
        least: 15,
    };
    vec![
        ("account-passkeys", Page::new(&passkeys, look)),
        ("account-passkeys-declined", Page::new(&declined, look)),
        ("account-passkeys-last", Page::new(&guarded, look)),
        ("account-password", Page::new(&password, look)),
    ]
}

fn codes(look: &Look) -> Vec<Sample> {
    let authenticator = |state| {
        let nav = nav(Tab::Authenticator);
        Page::new(&AuthenticatorPage { look, nav, flaws: &Flaws::NONE, state }, look)
    };
    let uri = "otpauth://totp/Weft:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Weft";
    let begun = AuthenticatorState::Begun {
        picture: picture_of(uri).unwrap_or_default(),
        secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP".to_owned(),
    };
    let codes = |left, codes: &[&str]| {
        let codes = codes.iter().map(|code| (*code).to_owned()).collect();
        let nav = nav(Tab::RecoveryCodes);
        Page::new(&RecoveryCodesPage { look, nav, flaws: &Flaws::NONE, left, codes }, look)
    };
    let new = ["k3fm-92xd-77qp", "w8tr-4hnc-p2ze", "b6yv-mm3s-x9kd", "t4qa-8gwf-c7hn"];
    vec![
        ("account-authenticator", authenticator(AuthenticatorState::Absent)),
        ("account-authenticator-begun", authenticator(begun)),
        ("account-authenticator-on", authenticator(AuthenticatorState::Present)),
        ("account-recovery-codes", codes(7, &[])),
        ("account-recovery-codes-new", codes(4, &new)),
    ]
}

fn others(look: &Look) -> Vec<Sample> {
    let linked = LinkLine {
        value: "1".to_owned(),
        provider: "Example Works".to_owned(),
        display: Some("ada@works.example".to_owned()),
        since: ago(look, Lifetime::days(3)),
    };
    let providers = ProvidersPage {
        look,
        nav: nav(Tab::Providers),
        flaws: &Flaws::NONE,
        linked: vec![linked],
        others: vec![ProviderLine { id: "b".to_owned(), name: "Northwind".to_owned() }],
    };
    let application = |name: &str, gets: &[&str]| ApplicationLine {
        value: name.to_owned(),
        name: name.to_owned(),
        resources: Vec::new(),
        gets: gets.iter().map(|text| look.say(text)).collect(),
        since: ago(look, Lifetime::days(30)),
        used: Some(ago(look, Lifetime::hours(3))),
    };
    let applications = ApplicationsPage {
        look,
        nav: nav(Tab::Applications),
        applications: vec![
            application("Field Notes", &["scope-openid", "scope-profile", "scope-email"]),
            application("Timetable", &["scope-openid", "scope-offline-access"]),
        ],
    };
    vec![
        ("account-providers", Page::new(&providers, look)),
        ("account-applications", Page::new(&applications, look)),
    ]
}

fn the_end(look: &Look) -> Vec<Sample> {
    let fact = |key: &str, more: Option<&str>, span: Lifetime| FactLine {
        what: look.say(key),
        more: more.map(str::to_owned),
        when: ago(look, span),
        exactly: look.exactly(Timestamp::from_seconds(1_700_000_000).minus(span)),
    };
    let history = HistoryPage {
        look,
        nav: nav(Tab::History),
        facts: vec![
            fact("fact-signed-in", Some("192.0.2.17"), Lifetime::minutes(4)),
            fact("fact-passkey", None, Lifetime::hours(5)),
            fact("fact-refused", Some("198.51.100.4"), Lifetime::days(2)),
        ],
    };
    let mut saved = nav(Tab::Data);
    saved.done = Some(look.say("done-saved"));
    let email = Some("ada@example.org".to_owned());
    let data = DataPage { look, nav: saved, flaws: &Flaws::NONE, email };
    let sure = Flaws::one(Flaw::of("sure", look.say("account-wrong-sure")));
    let delete = DeletePage { look, nav: nav(Tab::Data), flaws: &sure };
    vec![
        ("account-history", Page::new(&history, look)),
        ("account-data", Page::new(&data, look)),
        ("account-delete", Page::new(&delete, look)),
    ]
}

fn devices(look: &Look) -> Vec<Sample> {
    let card = |name: &str, of: Place, score: Option<u16>, fixes: &[&str]| DeviceCard {
        id: name.to_owned(),
        name: name.to_owned(),
        kind: machine(look, Class::Laptop, "linux"),
        badge: place(look, of).0,
        tone: place(look, of).1,
        score: score.map(|score| points(BasisPoints::new(score))),
        reported: look.say1("device-reported", "when", ago(look, Lifetime::minutes(4))),
        put_out: (of == Place::Locked).then(|| "left in a taxi".to_owned()),
        fixes: fixes
            .iter()
            .map(|name| DeviceFix {
                name: signal(look, name),
                words: fix(look, name, ""),
                gain: Some(look.say1("devices-gain", "points", "9.8")),
            })
            .collect(),
        why: fixes
            .iter()
            .map(|name| {
                let why = look.say("why-failing");
                look.say2("fleet-hurts", &("signal", &signal(look, name)), &("why", &why))
            })
            .collect(),
        silent: of == Place::Unknown,
        needs: if of == Place::Waiting { Needs::Approval } else { Needs::Nothing },
    };
    let devices = |devices| DevicesPage {
        look,
        nav: nav(Tab::Devices),
        devices,
        server: "https://weft.example".to_owned(),
    };
    let all = vec![
        card("ada-laptop", Place::Restricted, Some(4210), &["disk_encryption", "screen_lock"]),
        card("ada-desk", Place::Standard, Some(6100), &[]),
        card("ada-tablet", Place::Locked, None, &[]),
        card("ada-spare", Place::Unknown, None, &[]),
        card("ada-new", Place::Waiting, None, &[]),
    ];
    vec![
        ("account-devices", Page::new(&devices(all), look)),
        ("account-devices-none", Page::new(&devices(Vec::new()), look)),
    ]
}

const CREATION: &str = r#"{"publicKey":{"challenge":"AAAA","rp":{"id":"localhost","name":"Weft"},"user":{"id":"AAAA","name":"ada","displayName":"Ada"},"pubKeyCredParams":[{"type":"public-key","alg":-7}]}}"#;
