//! The index and the memory change nothing but the time a decision takes.

use proptest::collection::vec;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::super::memo::Yes;
use super::super::standing::Life;
use super::*;

/// Policies that hang off every sort of scope, beside the shipped ones.
const OWN: &str = r#"
    @id("one agent") @says("this agent is watched")
    forbid (principal == Node::"spiffe://weft.test/spire/agent/b", action in Action::"Issue", resource is Svid);
    @id("a rack") @lifetime_seconds("600")
    forbid (principal in Path::"spiffe://weft.test/spire/agent/rack", action in Action::"Issue", resource is Svid);
    @id("one path") @lifetime_seconds("1200")
    forbid (principal, action in Action::"Issue", resource in Path::"spiffe://weft.test/ns/a");
    @id("one entry")
    permit (principal is Workload, action == Action::"ReadEntry", resource == Entry::"spiffe://weft.test/ns/a");
    @id("by strength") @lifetime_seconds("30")
    forbid (principal, action == Action::"IssueX509Svid", resource is Svid)
    when { context.strength == "claimed" };
    @id("self service")
    permit (principal is Workload, action == Action::"ReadEntry", resource is Entry)
    when { principal.spiffe_id == resource.spiffe_id };
    @id("viewers of a path")
    permit (principal is Workload in Role::"viewer", action == Action::"ReadEvents", resource)
    when { principal in Path::"spiffe://weft.test/ns" };
"#;

const PATHS: [&str; 9] = [
    "",
    "/ns",
    "/ns/a",
    "/ns/a/web",
    "/ns/ab",
    "/spire/agent/b",
    "/spire/agent/rack/1",
    "/user/ada",
    "/web",
];

fn bindings() -> Vec<Arc<RoleBinding>> {
    let holder = |path: &str| Holder::Spiffe(id(path));
    vec![
        bind("1", holder("/ns/a"), Given::Viewer),
        bind("2", holder("/ns/ab"), registrar("/ns/a", &[Right::Create, Right::DnsNames])),
        bind("3", holder("/ns/ab"), registrar("/ns", &[Right::Update])),
        bind("4", holder("/web"), Given::Operator),
        bind("5", holder("/user/ada"), Given::Admin),
        bind("6", Holder::LocalUser(7), Given::Auditor),
    ]
}

fn subject() -> RealmRights {
    realm(bindings(), &[("own", OWN)])
}

fn askers() -> impl Strategy<Value = Asker> {
    let named = (0..PATHS.len())
        .prop_map(|n| if PATHS[n].is_empty() { Asker::nobody() } else { workload(PATHS[n]) });
    prop_oneof![4 => named, 1 => Just(Asker::nobody()), 1 => prop_oneof![Just(0), Just(7), Just(8)].prop_map(local)]
}

fn standings() -> impl Strategy<Value = Option<Standing>> {
    let known = (0..Level::ALL.len(), 0..10_001_u16, 0..10_001_u16, any::<(bool, bool)>());
    let known = known.prop_map(|(level, score, confidence, (locked, ended))| Standing {
        score: (level > 0).then_some(BasisPoints::new(score)),
        confidence: BasisPoints::new(confidence),
        expires: if ended { now().plus(Lifetime::minutes(10)) } else { Timestamp::FOREVER },
        locked,
        ..standing(Level::ALL[level])
    });
    proptest::option::of(known)
}

/// One of many, chosen by whatever else is drawn.
fn situation_like(number: i64, (near, sure): (bool, bool)) -> Situation {
    let address = if near { "10.1.2.3" } else { "2001:db8::1" };
    let from = address.parse().ok().filter(|_| number % 3 != 0);
    if number % 2 == 0 {
        return Situation::at(from);
    }
    let authentication = Authentication {
        at: now().minus(Lifetime::seconds(number.max(0))),
        assurance: if sure { Assurance::Aal3 } else { Assurance::Aal1 },
        amr: Arc::from([if sure { "hwk" } else { "pwd" }.to_owned()]),
        upstream: near.then(|| Arc::from("office")),
    };
    Situation::after(authentication, from)
}

fn asks() -> impl Strategy<Value = Ask> {
    let schema = &SHIPPED.0;
    let leak = |text: &String| -> &'static str { Box::leak(text.clone().into_boxed_str()) };
    let questions: Vec<(&'static str, &'static str)> =
        schema.triples().map(|triple| (leak(&triple.action), leak(&triple.resource))).collect();
    let facts = (0..PATHS.len(), 0..3_usize, standings(), any::<(bool, bool)>(), -1..5000_i64);
    (askers(), 0..questions.len(), 0..PATHS.len(), facts).prop_map(
        move |(asker, question, on, (parent, strength, standing, flags, number))| {
            let (action, resource) = questions[question];
            let mut ask = Ask::new(asker, action, resource, &id(PATHS[on]));
            ask.situation = situation_like(number, flags);
            ask.standing = standing;
            for (name, value) in &mut ask.context {
                *value = match (*name, &*value) {
                    ("strength", _) => {
                        Owned::Text(["claimed", "software", "hardware"][strength].to_owned())
                    }
                    ("subject", _) => {
                        Owned::Text(if flags.0 { "workload" } else { "node" }.to_owned())
                    }
                    ("source", _) => Owned::Text(
                        if flags.1 { "possession" } else { "workload_attestation" }.to_owned(),
                    ),
                    (_, Owned::Flag(_)) => Owned::Flag(flags.0),
                    (_, Owned::Number(_)) => Owned::Number(number),
                    (_, Owned::Id(_)) => Owned::Id(id(PATHS[parent])),
                    (_, other) => other.clone(),
                };
            }
            ask
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_remembered_answer_is_the_answer(ask in asks()) {
        thread_local! { static REALM: RealmRights = subject(); }
        REALM.with(|realm| {
            let request = ask.request();
            let question = realm.question(ask.action, &request, now()).unwrap();
            let fresh = question.evaluate(&question.candidates().unwrap()).unwrap().outcome;
            let fresh = fresh.and_then(|life| life.ceiling(request.standing, now()));
            // The memory is shared by all cases, so a key that leaves out a fact that matters is found here.
            for _ in 0..2 {
                prop_assert_eq!(question.decide(), fresh.clone());
            }
            Ok(())
        })?;
    }
}

/// One policy of every sort of effect, scope and condition, whose id is this. It fits every question of the schema.
fn policies() -> impl Strategy<Value = String> {
    let own: [&'static str; 9] = PATHS;
    let path = move || select(own.to_vec()).prop_map(|path| format!("spiffe://weft.test{path}"));
    let place = move |types: Vec<&'static str>, var: &'static str| {
        let kind = select(types);
        prop_oneof![
            2 => Just(var.to_owned()),
            2 => kind.clone().prop_map(move |kind| format!("{var} is {kind}")),
            2 => (kind.clone(), path()).prop_map(move |(kind, id)| format!("{var} == {kind}::\"{id}\"")),
            2 => path().prop_map(move |id| format!("{var} in Path::\"{id}\"")),
            1 => (kind, path()).prop_map(move |(kind, id)| format!("{var} is {kind} in Path::\"{id}\"")),
        ]
    };
    let role = select(vec!["viewer", "operator", "registrar", "auditor", "admin"]);
    let principal = prop_oneof![
        3 => place(vec!["Workload", "Node", "User", "Nobody"], "principal"),
        1 => role.prop_map(|role| format!("principal in Role::\"{role}\"")),
    ];
    let action = prop_oneof![
        Just("action".to_owned()),
        select(vec![
            "Issue",
            "Serve",
            "Gated",
            "Administer",
            "Read",
            "Operate",
            "Register",
            "Govern"
        ])
        .prop_map(|group| format!("action in Action::\"{group}\"")),
        select(vec!["IssueX509Svid", "ReadEntry", "BanAgent", "SignIn", "CreateEntry"])
            .prop_map(|name| format!("action == Action::\"{name}\"")),
    ];
    let effect = select(vec![
        "permit",
        "@lifetime_seconds(\"600\") permit",
        "@lifetime_seconds(\"3600\") @shortest_seconds(\"60\") permit",
        "@lifetime_seconds(\"7200\") @apart_from_posture(\"x\") permit",
        "forbid",
        "@lifetime_seconds(\"300\") forbid",
        "@step_up(\"x\") forbid",
    ]);
    let condition = prop_oneof![
        4 => Just(String::new()),
        1 => path().prop_map(|id| format!("when {{ resource in Path::\"{id}\" }}")),
        1 => path().prop_map(|id| format!("unless {{ principal in Path::\"{id}\" }}")),
        1 => path().prop_map(|id| format!("when {{ resource has spiffe_id && resource.spiffe_id == \"{id}\" }}")),
        1 => path().prop_map(|id| format!("when {{ principal has spiffe_id && principal.spiffe_id != \"{id}\" }}")),
        1 => Just("when { context.own }".to_owned()),
        1 => (0..100_i64).prop_map(|score| format!("when {{ context.score < {score} }}")),
        1 => Just("unless { context.standing == \"restricted\" || context.device_locked }".to_owned()),
        1 => Just("when { context has subject && context.subject == \"workload\" }".to_owned()),
        1 => Just("when { context.posture_age_seconds > 30 }".to_owned()),
        1 => Just("unless { context.address.isInRange(ip(\"10.0.0.0/8\")) }".to_owned()),
        1 => Just("when { context.assurance < 2 || context.upstream == \"office\" || !context.amr.contains(\"hwk\") }".to_owned()),
        1 => Just("when { context.sign_in_age_seconds > 600 }".to_owned()),
    ];
    let resource = place(vec!["Svid", "Entry", "Agent", "Client", "Events"], "resource");
    (effect, principal, action, resource, condition)
        .prop_map(|(effect, who, what, on, when)| format!("{effect} ({who}, {what}, {on}) {when};"))
}

/// A realm with these policies and no other.
fn only(texts: &[String]) -> RealmRights {
    let (schema, shipped) = (Arc::clone(&SHIPPED.0), Arc::clone(&SHIPPED.1));
    let text: Vec<String> =
        texts.iter().enumerate().map(|(n, text)| format!("@id(\"{n}\") {text}")).collect();
    let own = Documents::from([("own".to_owned(), Arc::from(text.join("\n")))]);
    let policies = Arc::new(Policies::compile(&schema, &own).unwrap());
    let roles = Roles::of(bindings());
    RealmRights::new((schema, shipped), (own, Ok(policies)), roles, Some(7), OWN_UID)
}

/// What is compared, counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Compared {
    requests: usize,
    yes: usize,
    differences: usize,
}

/// Asks these of the index, and of all policies one after the other.
fn compare(realm: &RealmRights, asks: &[Ask]) -> Compared {
    let in_force = realm.policies.as_ref().unwrap();
    let everything = in_force.everything().unwrap();
    let mut found = Compared::default();
    for ask in asks {
        let request = ask.request();
        let question = realm.question(ask.action, &request, now()).unwrap();
        // Whoever holds the machine has some questions answered by the policies as shipped.
        let scanned = if std::ptr::eq(question.policies, Arc::as_ptr(in_force)) {
            question.evaluate(&everything).unwrap()
        } else {
            question.evaluate(&question.policies.everything().unwrap()).unwrap()
        };
        let indexed = question.evaluate(&question.candidates().unwrap()).unwrap();
        found.requests += 1;
        found.yes += usize::from(scanned.outcome.is_ok());
        let same = (&indexed.outcome, &indexed.by) == (&scanned.outcome, &scanned.by);
        found.differences += usize::from(!same);
    }
    found
}

/// How many policies in each small realm of the comparison: few enough that some answers are yes.
const EACH: usize = 50;
/// How many small realms.
const REALMS: usize = 200;
/// How many questions each is asked.
const ASKED: usize = 20;
/// How many questions the realm is asked that has the policies of all of them.
const ASKED_OF_ALL: usize = 40;

#[test]
fn the_index_finds_what_a_full_scan_finds() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let mut draw = |policies_and_asks: (usize, usize)| {
        let (policies_each, asks_each) = policies_and_asks;
        let given = (vec(policies(), policies_each), vec(asks(), asks_each));
        given.new_tree(&mut runner).unwrap().current()
    };
    let (mut all, mut small) = (Vec::new(), Compared::default());
    for _ in 0..REALMS {
        let (texts, asks) = draw((EACH, ASKED));
        let found = compare(&only(&texts), &asks);
        assert_eq!(found.differences, 0, "{texts:#?}\n{asks:#?}");
        small.requests += found.requests;
        small.yes += found.yes;
        all.extend(texts);
    }
    let (_, asks) = draw((0, ASKED_OF_ALL));
    let large = compare(&only(&all), &asks);
    println!(
        "proof: index = full scan: {} random policies × {} requests ({} of small realms, {} permitted; {} of all at once), differences {}",
        all.len(),
        small.requests + large.requests,
        small.requests,
        small.yes,
        large.requests,
        small.differences + large.differences
    );
    assert_eq!((all.len(), small.requests, large.requests), (10_000, 4_000, 40));
    assert_eq!(large.differences, 0);
    assert!(small.yes > 200 && small.yes < 3_800, "the comparison says little: {small:?}");
}

fn issue_to(agent: &str, workload: &str) -> Ask {
    Ask::new(Asker::node(&id(agent)), "IssueX509Svid", "Svid", &id(workload))
}

fn remembered(realm: &RealmRights, ask: &Ask) -> Option<usize> {
    let request = ask.request();
    realm.question(ask.action, &request, now()).unwrap().memo().map(super::super::memo::Memo::len)
}

#[test]
fn with_the_shipped_policies_one_answer_serves_a_whole_fleet() {
    let realm = realm(vec![], &[]);
    for n in 0..50 {
        assert!(
            decide(&realm, &issue_to(&format!("/spire/agent/{n}"), &format!("/w/{n}"))).is_ok()
        );
    }
    assert_eq!(remembered(&realm, &issue_to("/spire/agent/a", "/w")), Some(1));
}

#[test]
fn a_policy_that_looks_at_the_workload_has_an_answer_for_each() {
    let own = r#"forbid (principal, action in Action::"Issue", resource in Path::"spiffe://weft.test/w/3");"#;
    let realm = realm(vec![], &[("own", own)]);
    let answers: Vec<bool> = (0..5)
        .map(|n| decide(&realm, &issue_to("/spire/agent/a", &format!("/w/{n}"))).is_ok())
        .collect();
    assert_eq!(answers, [true, true, true, false, true]);
    // A no is never remembered: its words name the caller.
    assert_eq!(remembered(&realm, &issue_to("/spire/agent/a", "/w")), Some(4));
}

#[test]
fn a_policy_that_reads_the_time_is_asked_every_time() {
    let own = r#"forbid (principal, action in Action::"Issue", resource is Svid) when { context.now_seconds > 1767225600 };"#;
    let realm = realm(vec![], &[("own", own)]);
    let ask = issue_to("/spire/agent/a", "/web");
    assert_eq!(remembered(&realm, &ask), None);
    assert!(realm.question(ask.action, &ask.request(), now()).unwrap().decide().is_ok());
    assert!(
        realm
            .question(ask.action, &ask.request(), now().plus(Lifetime::seconds(1)))
            .unwrap()
            .decide()
            .is_err()
    );
}

#[test]
fn an_answer_is_not_remembered_past_the_end_of_its_evidence() {
    let realm = realm(vec![], &[]);
    let mut ask = issue_to("/spire/agent/a", "/web");
    ask.expires = now().plus(Lifetime::minutes(1));
    let request = ask.request();
    let question = realm.question(ask.action, &request, now()).unwrap();
    assert!(realm.question(ask.action, &ask.request(), now()).unwrap().decide().is_ok());
    let memo = question.memo().unwrap();
    assert_eq!(memo.len(), 1);
    let late = now().plus(Lifetime::minutes(1));
    assert!(realm.question(ask.action, &ask.request(), late).unwrap().decide().is_err());
    let fresh = Ask { expires: Timestamp::FOREVER, ..ask.clone() };
    assert!(realm.question(fresh.action, &fresh.request(), late).unwrap().decide().is_ok());
    assert_eq!(memo.len(), 1);
}

#[test]
fn a_full_memory_starts_anew_instead_of_growing() {
    let memo = super::super::memo::Memo::default();
    for n in 0..40_000_u32 {
        let yes = Yes { life: Life::NONE, would: None };
        memo.put(n.to_be_bytes().to_vec(), yes, Timestamp::FOREVER);
        assert!(memo.len() <= 16 * 1024);
    }
    let known = memo.get(&39_999_u32.to_be_bytes(), now()).map(|yes| yes.life);
    assert_eq!(known, Some(Life::NONE));
}
