//! Pages of the console about providers, and about what was not delivered.

use super::Sample;
use crate::account::posture_words::Tone;
use crate::admin::pages::{
    Badge, FactLine, Nav, Tab, TestLines, UndeliveredLine, UndeliveredPage, UpstreamFormPage,
    UpstreamLine, UpstreamPage, UpstreamTestPage, UpstreamsPage,
};
use crate::admin::upstream_fields;
use crate::http::pages::{Flaw, Flaws, Look, Page};
use crate::kernel::{Lifetime, Timestamp};

pub(super) fn samples(look: &Look) -> Vec<Sample> {
    let mut all = lists(look);
    all.extend(undelivered(look));
    all.extend(forms(look));
    all.extend(tests(look));
    all
}

fn nav(tab: Tab) -> Nav<'static> {
    Nav::on("Grace Field", tab)
}

fn fact(name: String, value: &str) -> FactLine {
    FactLine { name, value: value.to_owned(), code: true }
}

fn lists(look: &Look) -> Vec<Sample> {
    let line = |id: &str, name: &str, on: bool| UpstreamLine {
        href: "/admin/upstreams".to_owned(),
        name: name.to_owned(),
        badge: if on {
            Badge { text: look.say("upstream-on"), tone: Tone::Good }
        } else {
            Badge { text: look.say("upstream-off"), tone: Tone::Plain }
        },
        id: id.to_owned(),
        issuer: format!("https://{id}.example.com"),
    };
    let list = |upstreams| UpstreamsPage { look, nav: nav(Tab::Upstreams), may: true, upstreams };
    let two = vec![line("corp", "Example Works", true), line("partner", "Partner", false)];
    let one = UpstreamPage {
        look,
        nav: nav(Tab::Upstreams),
        name: "Example Works".to_owned(),
        id: "corp".to_owned(),
        badge: Badge { text: look.say("upstream-on"), tone: Tone::Good },
        may_change: true,
        may_test: true,
        facts: vec![
            fact(look.say("upstream-callback"), "https://weft.example.org/callback/corp"),
            FactLine {
                name: look.say("upstream-has-secret"),
                value: look.say("upstream-yes"),
                code: false,
            },
        ],
        settings: vec![
            fact(look.say("upstream-issuer"), "https://corp.example.com"),
            fact(look.say("upstream-scopes"), "openid · profile · email"),
        ],
    };
    vec![
        ("admin-upstreams", Page::new(&list(two), look)),
        ("admin-upstreams-none", Page::new(&list(Vec::new()), look)),
        ("admin-upstream", Page::new(&one, look)),
    ]
}

fn undelivered(look: &Look) -> Vec<Sample> {
    let now = Timestamp::from_seconds(1_700_000_000);
    let line = |what: &str, (text, tone): (&str, Tone), given_up: bool| UndeliveredLine {
        id: "oauth.backchannel_logout/ses_01a20606720079a9ab3df7fe0b98a19b/shop".to_owned(),
        what: look.say(what),
        client: (what == "undelivered-logout").then(|| "shop".to_owned()),
        badge: Badge { text: look.say(text), tone },
        tries: look.say2(
            "undelivered-tries",
            &("n", "9"),
            &("since", &look.ago(now.minus(Lifetime::hours(2)), now)),
        ),
        exactly: look.exactly(now),
        next: (!given_up)
            .then(|| look.say1("undelivered-next", "span", look.lasting(Lifetime::minutes(20)))),
        error: Some("the client answered 503".to_owned()),
    };
    let list = |deliveries| UndeliveredPage {
        look,
        nav: nav(Tab::Undelivered),
        may: true,
        deliveries,
        next: None,
        first: None,
    };
    let two = vec![
        line("undelivered-logout", ("undelivered-failing", Tone::Warn), false),
        line("undelivered-mail", ("undelivered-given-up", Tone::Bad), true),
    ];
    vec![
        ("admin-undelivered", Page::new(&list(two), look)),
        ("admin-undelivered-none", Page::new(&list(Vec::new()), look)),
    ]
}

fn forms(look: &Look) -> Vec<Sample> {
    let why = "an https URL without user, query or fragment";
    let wrong = Flaws::one(Flaw::of("issuer", look.say1("upstream-cannot", "why", why)));
    let form = |name: Option<&str>, flaws| UpstreamFormPage {
        look,
        nav: nav(Tab::Upstreams),
        flaws,
        name: name.map(str::to_owned),
        action: "/admin/new-upstream".to_owned(),
        back: "/admin/upstreams".to_owned(),
        revision: name.map(|_| "3".to_owned()),
        fields: upstream_fields(look, name.is_none()),
    };
    vec![
        ("admin-upstream-new", Page::new(&form(None, &wrong), look)),
        ("admin-upstream-change", Page::new(&form(Some("Example Works"), &Flaws::NONE), look)),
    ]
}

fn tests(look: &Look) -> Vec<Sample> {
    let page = |browser, outcome, wrong| UpstreamTestPage {
        look,
        nav: nav(Tab::Upstreams),
        name: "Example Works".to_owned(),
        id: "corp".to_owned(),
        wrong,
        keys: Some("2026-01".to_owned()),
        browser,
        waits: false,
        outcome,
        claims: String::new(),
    };
    let here = "/admin/upstreams".to_owned();
    let made = TestLines {
        claims: "{\n  \"sub\": \"00u1\",\n  \"email\": \"ada@corp.example\",\n  \"email_verified\": true\n}"
            .to_owned(),
        facts: vec![
            fact("email".to_owned(), "ada@corp.example"),
            fact("name".to_owned(), "Ada Lovelace"),
        ],
        notes: vec!["`birthdate` is no date and was left out".to_owned()],
        verdict: "whoever is linked signs in, and everybody else gets an account".to_owned(),
    };
    let away = look.say1("upstream-test-away", "why", "no connection");
    vec![
        ("admin-upstream-test", Page::new(&page(Some((here.clone(), here)), None, None), look)),
        ("admin-upstream-tested", Page::new(&page(None, Some(made), None), look)),
        ("admin-upstream-test-away", Page::new(&page(None, None, Some(away)), look)),
    ]
}
