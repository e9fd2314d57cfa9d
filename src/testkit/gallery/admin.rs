//! Pages of the console.

use super::Sample;
use crate::account::posture_words::{Tone, fix, level, place, points, signal};
use crate::admin::chart;
use crate::admin::pages::{
    Badge, ConfirmPage, ContainPage, ContainedLine, ContainedPage, CredentialLine, DecisionLine,
    DeviceLine, DevicePage, EventLine, FactLine, FixLine, FleetPage, Nav, Posture, RefusedPage,
    ReleasePage, SignalLine, SourceLine, Tab, Tile, Verb,
};
use crate::http::pages::{Flaw, Flaws, Look, Page};
use crate::kernel::{BasisPoints, Level, Lifetime, Timestamp};
use crate::posture::model::Charted;
use crate::posture::scoring::shipped;
use crate::posture::{FleetOrder, Place};

pub(super) fn samples(look: &Look) -> Vec<Sample> {
    let mut all = fleets(look);
    all.extend(devices(look));
    all.extend(verbs(look));
    all.extend(contained(look));
    all.extend(containing(look));
    all
}

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn nav() -> Nav<'static> {
    Nav::on("Grace Field", Tab::Fleet)
}

fn ago(look: &Look, span: Lifetime) -> String {
    look.ago(NOW.minus(span), NOW)
}

fn badge(look: &Look, of: Place) -> Badge {
    let (text, tone) = place(look, of);
    Badge { text, tone }
}

fn fleets(look: &Look) -> Vec<Sample> {
    let counts = [3, 41, 12, 880, 1204, 2, 1, 96];
    let tile = |(of, count): (Place, usize)| Tile {
        id: of.as_str(),
        name: place(look, of).0,
        count,
        tone: place(look, of).1,
        href: "/admin/devices".to_owned(),
        current: of == Place::Restricted,
    };
    let line = |name: &str, of: Place, score: Option<u16>, why: &str| DeviceLine {
        href: "/admin/devices".to_owned(),
        name: name.to_owned(),
        badge: badge(look, of),
        score: score.map(|score| points(BasisPoints::new(score))),
        kind: format!("{}, linux", look.say("machine-laptop")),
        owner: Some("Ada King".to_owned()),
        reason: Some(look.say2(
            "fleet-hurts",
            &("signal", &signal(look, why)),
            &("why", &look.say("why-failing")),
        )),
        reported: look.say1("device-reported", "when", ago(look, Lifetime::minutes(4))),
    };
    let order =
        |one: FleetOrder| (one.as_str(), look.say("fleet-order-worst"), one == FleetOrder::Worst);
    let fleet = |devices: Vec<DeviceLine>, none_at_all| FleetPage {
        look,
        nav: nav(),
        tiles: Place::ALL.into_iter().zip(counts).map(tile).collect(),
        text: String::new(),
        place: Some("restricted"),
        orders: FleetOrder::ALL.into_iter().map(order).collect(),
        found: 41,
        next: (!devices.is_empty()).then(|| "/admin/devices?cursor=x".to_owned()),
        first: None,
        devices,
        none_at_all,
        server: "https://weft.example".to_owned(),
    };
    let devices = vec![
        line("ada-laptop", Place::Quarantine, Some(1200), "disk_encryption"),
        line("build-07.fra.example.internal", Place::Restricted, Some(4120), "security_updates"),
        line("kiosk", Place::Locked, None, "screen_lock"),
    ];
    vec![
        ("admin-devices", Page::new(&fleet(devices, false), look)),
        ("admin-devices-none", Page::new(&fleet(Vec::new(), false), look)),
        ("admin-devices-empty", Page::new(&fleet(Vec::new(), true), look)),
    ]
}

fn devices(look: &Look) -> Vec<Sample> {
    let device = |of: Place, score: Option<u16>, posture: Option<Posture>| DevicePage {
        look,
        nav: nav(),
        name: "ada-laptop".to_owned(),
        id: DEVICE.to_owned(),
        badge: badge(look, of),
        score: score.map(|score| points(BasisPoints::new(score))),
        put_out: (of == Place::Locked).then(|| "left in a taxi".to_owned()),
        verbs: if of == Place::Locked {
            vec![Verb::Release, Verb::Retire]
        } else if of == Place::Waiting {
            vec![Verb::Approve, Verb::Retire]
        } else {
            vec![Verb::Contain, Verb::Lock, Verb::Retire]
        }
        .into_iter()
        .map(|verb| (verb, verb.button(look)))
        .collect(),
        waits: of == Place::Waiting,
        facts: facts(look),
        posture,
        sources: sources(look),
        credentials: credentials(look),
        anew: Some(anew(look)),
        events: Some(vec![EventLine {
            kind: "posture.level_changed".to_owned(),
            more: Some("standard → restricted".to_owned()),
            when: ago(look, Lifetime::hours(3)),
            exactly: look.exactly(NOW),
        }]),
    };
    vec![
        (
            "admin-device",
            Page::new(&device(Place::Restricted, Some(4210), Some(posture(look))), look),
        ),
        ("admin-device-silent", Page::new(&device(Place::Unknown, None, None), look)),
        ("admin-device-waiting", Page::new(&device(Place::Waiting, None, None), look)),
        ("admin-device-locked", Page::new(&device(Place::Locked, None, None), look)),
    ]
}

fn facts(look: &Look) -> Vec<FactLine> {
    let fact = |name: &str, value: &str, code| FactLine {
        name: look.say(name),
        value: value.to_owned(),
        code,
    };
    vec![
        fact("about-owner", "Ada King", false),
        fact("about-kind", &look.say("machine-laptop"), false),
        fact("about-report", &ago(look, Lifetime::minutes(4)), false),
        fact("about-confidence", "64.9 %", false),
        fact("about-model", "weft-linux 1 linux-laptop · 1f0c7a52be91", true),
        fact("about-id", DEVICE, true),
        fact(
            "about-spiffe",
            "spiffe://weft.example/device/dev_01a20606720079a9ab3df7fe0b98a19b",
            true,
        ),
    ]
}

fn sources(look: &Look) -> Vec<SourceLine> {
    let line = |name: String, class: &str, count: usize, minutes: i64| SourceLine {
        name,
        words: format!("{} · {}", look.say(class), look.say1("source-signals", "n", count)),
        when: ago(look, Lifetime::minutes(minutes)),
        exactly: look.exactly(NOW),
    };
    vec![
        line(look.say("source-collector"), "class-bearer-agent", 14, 4),
        line(look.say1("source-service", "name", "fleet-manager"), "class-service", 2, 31),
    ]
}

fn anew(look: &Look) -> Vec<DecisionLine> {
    vec![DecisionLine {
        href: "/admin/decisions".to_owned(),
        what: look.say("decision-again"),
        badge: Badge { text: look.say("decision-refused"), tone: Tone::Bad },
        who: Some("grant:gra_01a20606720079a9ab3df7fe0b98a19b".to_owned()),
        why: Some("`IssueTokens` on `grafana`: this device is not in order; to fix: switch disk encryption on".to_owned()),
        when: ago(look, Lifetime::minutes(3)),
        exactly: look.exactly(NOW),
    }]
}

fn credentials(look: &Look) -> Vec<CredentialLine> {
    let line = |what: &str, which: &str| CredentialLine {
        what: look.say(what),
        which: which.to_owned(),
        until: look.say1("credential-until", "span", look.lasting(Lifetime::hours(19))),
    };
    vec![
        line("credential-svid", "6357d0c07beb939b6059fa735759da07"),
        line("credential-agent", "spiffe://weft.example/spire/agent/join_token/7d2c"),
        CredentialLine {
            what: look.say2("credential-sign-in", &("person", "Ada King"), &("client", "Grafana")),
            which: "grafana".to_owned(),
            until: look.say1("credential-until", "span", look.lasting(Lifetime::hours(7))),
        },
    ]
}

fn posture(look: &Look) -> Posture {
    let scores = [7900, 8120, 8120, 7400, 6100, 6350, 3900, 4210];
    let level_of = |score: u16| match score {
        8000.. => Level::Trusted,
        6000.. => Level::Standard,
        4000.. => Level::Restricted,
        _ => Level::Quarantine,
    };
    let points_of = (0_i64..).zip(scores).map(|(n, score)| Charted {
        at: NOW.minus(Lifetime::hours(200 - n * 26)),
        score: BasisPoints::new(score),
        level: level_of(score),
    });
    let all: Vec<Charted> = points_of.collect();
    let picture = shipped().ok().and_then(|model| chart(&all, model.levels, NOW));
    let limits = picture.iter().flat_map(|chart| &chart.levels);
    Posture {
        limits: limits.map(|(y, of)| (*y, level(look, *of))).collect(),
        chart_words: format!(
            "{} {}",
            look.say2(
                "device-chart-now",
                &("score", "42.1"),
                &("level", &level(look, Level::Restricted))
            ),
            look.say2("device-chart-range", &("lowest", "39.0"), &("highest", "81.2")),
        ),
        chart_from: ago(look, Lifetime::hours(200)),
        steps: picture
            .iter()
            .flat_map(|chart| &chart.steps)
            .map(|one| {
                let when = look.ago(one.at, NOW);
                (when, look.exactly(one.at), points(one.score), level(look, one.level))
            })
            .collect(),
        chart: picture,
        gates: vec![look.say2(
            "device-gate",
            &("points", "39.0"),
            &("why", &look.say("gate-disk-not-encrypted")),
        )],
        fixes: vec![FixLine {
            name: signal(look, "disk_encryption"),
            words: fix(look, "disk_encryption", ""),
            gain: look.say2("device-gain", &("gain", "14.2"), &("score", "56.3")),
            held: Some(look.say1("device-held", "gates", look.say("gate-no-endpoint-protection"))),
        }],
        signals: signals(look),
    }
}

fn signals(look: &Look) -> Vec<SignalLine> {
    let line = |name: &str, why: &str, tone: Tone, loss: &str, seen: &str| SignalLine {
        id: name.to_owned(),
        name: signal(look, name),
        badge: Badge { text: look.say(why), tone },
        loss: look.say1("device-loss", "points", loss),
        seen: seen.to_owned(),
        source: format!("{} · {}", look.say("class-bearer-agent"), ago(look, Lifetime::minutes(4))),
        evidence: Some("report:0f9be3a2c4d51e77".to_owned()),
    };
    vec![
        line(
            "disk_encryption",
            "why-failing",
            Tone::Bad,
            "9.7",
            "/ on /dev/nvme0n1p2, no dm-crypt below it",
        ),
        line(
            "endpoint_protection",
            "why-unknown",
            Tone::Warn,
            "9.6",
            "no known agent is installed",
        ),
        line("secure_boot", "why-weak", Tone::Plain, "6.3", "SecureBoot=1, SetupMode=0"),
    ]
}

fn verbs(look: &Look) -> Vec<Sample> {
    let missing = Flaws::one(Flaw::of("reason", look.say("admin-reason-missing")));
    let confirm = |verb, flaws| ConfirmPage {
        look,
        nav: nav(),
        flaws,
        verb,
        id: DEVICE.to_owned(),
        name: "ada-laptop".to_owned(),
        revision: 3,
        spans: if verb == Verb::Contain {
            vec![
                ("1", look.say("admin-span-hour"), false),
                ("4", look.say("admin-span-hours"), true),
            ]
        } else {
            Vec::new()
        },
        reason: String::new(),
    };
    let refused = RefusedPage {
        look,
        nav: nav(),
        reason:
            "`ReadDevice` on `Device`: it needs one of the roles viewer, auditor, operator, admin"
                .to_owned(),
        roles: Vec::new(),
        command:
            "weft role bind grace-operator --to spiffe://weft.example/user/grace --role operator"
                .to_owned(),
    };
    vec![
        ("admin-approve", Page::new(&confirm(Verb::Approve, &Flaws::NONE), look)),
        ("admin-contain", Page::new(&confirm(Verb::Contain, &Flaws::NONE), look)),
        ("admin-lock", Page::new(&confirm(Verb::Lock, &Flaws::NONE), look)),
        ("admin-retire", Page::new(&confirm(Verb::Retire, &missing), look)),
        ("admin-refused", Page::new(&refused, look)),
    ]
}

fn contained(look: &Look) -> Vec<Sample> {
    let list = |contained: Vec<ContainedLine>| ContainedPage {
        look,
        nav: Nav::on("Grace Field", Tab::Contained),
        may: true,
        next: (!contained.is_empty()).then(|| "/admin/contained?cursor=x".to_owned()),
        first: None,
        contained,
    };
    vec![
        ("admin-contained", Page::new(&list(contained_lines(look)), look)),
        ("admin-contained-nobody", Page::new(&list(Vec::new()), look)),
    ]
}

fn contained_lines(look: &Look) -> Vec<ContainedLine> {
    let line = |name: Option<&str>, subject: &str, kind: &str, reason: &str| ContainedLine {
        subject: subject.to_owned(),
        name: name.map(str::to_owned),
        href: subject.starts_with("dev_").then(|| "/admin/devices".to_owned()),
        kind: look.say(kind),
        reason: reason.to_owned(),
        by: look.say2(
            "contained-by",
            &("by", "Grace Field"),
            &("when", &ago(look, Lifetime::minutes(12))),
        ),
        exactly: look.exactly(NOW),
        until: look.say1("contained-until", "span", look.lasting(Lifetime::hours(3))),
        release: Some("/admin/contained/release?subject=x".to_owned()),
    };
    vec![
        line(Some("ada-laptop"), DEVICE, "contained-device", "talks to an address of a known worm"),
        line(
            None,
            "spiffe://weft.example/billing/eu-central/nightly-reconciliation",
            "contained-named",
            "asks for what it never asked for",
        ),
        line(
            Some("Ada King"),
            "usr_01a20606720079a9ab3df7fe0b98a19c",
            "contained-person",
            "left a laptop in a taxi",
        ),
    ]
}

fn containing(look: &Look) -> Vec<Sample> {
    let oneself = Flaws::one(Flaw::of("subject", look.say("contain-oneself")));
    let contain = |flaws| ContainPage {
        look,
        nav: Nav::on("Grace Field", Tab::Contained),
        flaws,
        subject: "grace@example.org".to_owned(),
        reason: "left a laptop in a taxi".to_owned(),
        spans: vec![
            ("1", look.say("admin-span-hour"), false),
            ("4", look.say("admin-span-hours"), true),
        ],
    };
    let release = ReleasePage {
        look,
        nav: Nav::on("Grace Field", Tab::Contained),
        flaws: &Flaws::NONE,
        subject: DEVICE.to_owned(),
        name: "ada-laptop".to_owned(),
        reason: String::new(),
    };
    vec![
        ("admin-contain-somebody", Page::new(&contain(&Flaws::NONE), look)),
        ("admin-contain-oneself", Page::new(&contain(&oneself), look)),
        ("admin-contained-release", Page::new(&release, look)),
    ]
}

const DEVICE: &str = "dev_01a20606720079a9ab3df7fe0b98a19b";
