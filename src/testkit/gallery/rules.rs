//! Pages of the console about decisions and policies.

use super::Sample;
use crate::account::posture_words::{Tone, level};
use crate::admin::pages::{
    AnswerLine, Badge, DecisionLine, DecisionPage, DecisionsPage, FactLine, FlawLine, Nav,
    PastLine, PoliciesPage, PolicyLine, PolicyPage, ReplayedLines, Tab, WhatIfPage,
};
use crate::http::pages::{Look, Page};
use crate::kernel::{Level, Lifetime, Timestamp};

pub(super) fn samples(look: &Look) -> Vec<Sample> {
    let mut all = decisions(look);
    all.extend(policies(look));
    all.push(("admin-what-if", Page::new(&what_if(look), look)));
    all
}

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn nav(tab: Tab) -> Nav<'static> {
    Nav::on("Grace Field", tab)
}

fn line(look: &Look, what: &str, allowed: bool, who: &str, why: Option<&str>) -> DecisionLine {
    let (text, tone) = if allowed {
        (look.say("decision-allowed"), Tone::Good)
    } else {
        (look.say("decision-refused"), Tone::Bad)
    };
    DecisionLine {
        href: "/admin/decisions".to_owned(),
        what: look.say(what),
        badge: Badge { text, tone },
        who: Some(who.to_owned()),
        why: why.map(str::to_owned),
        when: look.ago(NOW.minus(Lifetime::minutes(7)), NOW),
        exactly: look.exactly(NOW),
    }
}

fn decisions(look: &Look) -> Vec<Sample> {
    let ada = "spiffe://weft.example/user/ada";
    let locked = "this account is locked; an administrator can unlock it";
    let all = vec![
        line(look, "decision-sign-in", false, "usr_01a20606720079a9ab3df7fe0b98a19b", Some(locked)),
        line(look, "decision-tokens", true, ada, None),
        line(look, "decision-x509", true, "spiffe://weft.example/shop/cart", None),
    ];
    let one = |key: &str| vec![("", look.say(key), true)];
    let list = DecisionsPage {
        look,
        nav: nav(Tab::Decisions),
        about: String::new(),
        unknown: false,
        kinds: one("decisions-all"),
        effects: one("decisions-any"),
        spans: one("decisions-ever"),
        next: Some("/admin/decisions".to_owned()),
        first: None,
        decisions: all.clone(),
    };
    let fact = |name: &str, value: &str| FactLine {
        name: name.to_owned(),
        value: value.to_owned(),
        code: true,
    };
    let decision = DecisionPage {
        look,
        nav: nav(Tab::Decisions),
        line: line(look, "decision-sign-in", false, ada, Some(locked)),
        id: "ledger:7d0f3a9c51e24b86a2c4d51e770f9be3:1204".to_owned(),
        policy: Some(("1f0c7a52be91".to_owned(), look.say("decision-policy-now"))),
        device: Some("dev_01a20606720079a9ab3df7fe0b98a19b".to_owned()),
        rules: vec![("sign-in".to_owned(), RULE.to_owned())],
        again: Some(3),
        facts: vec![fact("reason", locked), fact("address", "192.0.2.17")],
    };
    vec![
        ("admin-decisions", Page::new(&list, look)),
        ("admin-decision", Page::new(&decision, look)),
    ]
}

fn policies(look: &Look) -> Vec<Sample> {
    let line = |name: &str, origin: &str, lines| PolicyLine {
        name: name.to_owned(),
        origin: look.say(origin),
        lines,
        digest: "1f0c7a52be91".to_owned(),
    };
    let list = PoliciesPage {
        look,
        nav: nav(Tab::Policies),
        policies: vec![line("agents", "policy-shipped", 41), line("sign-in", "policy-own", 38)],
    };
    let policy = |flaws: Vec<FlawLine>, replayed: Option<ReplayedLines>| PolicyPage {
        look,
        nav: nav(Tab::Policies),
        name: "sign-in".to_owned(),
        origin: look.say("policy-own"),
        digest: "1f0c7a52be91".to_owned(),
        lines: RULE.lines().map(str::to_owned).collect(),
        past: Some(vec![PastLine {
            what: look.say("policy-set"),
            by: "spiffe://weft.example/user/grace".to_owned(),
            when: look.ago(NOW.minus(Lifetime::days(2)), NOW),
            exactly: look.exactly(NOW),
            digest: Some("1f0c7a52be91".to_owned()),
            text: RULE.to_owned(),
        }]),
        text: RULE.replace("context.locked", "context.looked"),
        flaws,
        good: replayed.is_some().then(|| look.say("policy-good")),
        may_replay: true,
        replayed,
    };
    let flaw = FlawLine {
        at: look.say2("policy-at", &("line", "4"), &("column", "8")),
        words: "does not fit the schema: attribute `looked` not found".to_owned(),
    };
    vec![
        ("admin-policies", Page::new(&list, look)),
        ("admin-policy", Page::new(&policy(vec![flaw], None), look)),
        ("admin-policy-replayed", Page::new(&policy(Vec::new(), Some(replayed(look))), look)),
    ]
}

fn replayed(look: &Look) -> ReplayedLines {
    let (cart, nightly) =
        ("spiffe://weft.example/shop/cart", "spiffe://weft.example/billing/nightly");
    let no = Some("denied: `IssueX509Svid`: at night nothing is given");
    ReplayedLines {
        words: format!(
            "{} {}",
            look.say1("policy-replay-asked", "n", 1000_usize),
            look.say2("policy-replay-others", &("refused", "12"), &("allowed", "3"))
        ),
        parts: vec![
            (look.say("policy-replay-refused"), vec![line(look, "decision-x509", true, cart, no)]),
            (
                look.say("policy-replay-allowed"),
                vec![line(look, "decision-x509", false, nightly, None)],
            ),
        ],
    }
}

fn what_if(look: &Look) -> WhatIfPage<'_> {
    WhatIfPage {
        look,
        nav: nav(Tab::WhatIf),
        actions: vec!["ReadDevice".to_owned(), "SignIn".to_owned()],
        action: "SignIn".to_owned(),
        principal: "User::\"spiffe://weft.example/user/ada\"".to_owned(),
        resource: "Client::\"account\"".to_owned(),
        context: "{\"locked\": true}".to_owned(),
        levels: vec![("restricted", level(look, Level::Restricted), true)],
        score: "45".to_owned(),
        wrong: None,
        answer: Some(AnswerLine {
            badge: Badge { text: look.say("decision-refused"), tone: Tone::Bad },
            words: "this account is locked; an administrator can unlock it".to_owned(),
            holds: "nothing".to_owned(),
            decided_by: vec![("sign-in/locked".to_owned(), RULE.to_owned())],
            considered: vec!["sign-in/everybody".to_owned(), "sign-in/locked".to_owned()],
        }),
    }
}

const RULE: &str = "@id(\"locked\")\n@says(\"this account is locked; an administrator can unlock it\")\nforbid (principal, action == Action::\"SignIn\", resource)\nwhen { context.locked };";
