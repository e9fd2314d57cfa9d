//! What is known of a device and of the situation: as facts of every question, and as the life that is left.

use super::*;

/// Every question the schema knows, of somebody on a device of this standing.
fn every_question(standing: &Standing) -> Vec<Ask> {
    let leak = |text: &String| -> &'static str { Box::leak(text.clone().into_boxed_str()) };
    let triples = SHIPPED.0.triples().filter(|triple| triple.principal == "User");
    triples
        .map(|triple| {
            let (action, resource) = (leak(&triple.action), leak(&triple.resource));
            Ask::new(workload("/user/ada"), action, resource, &id("/web")).on(standing.clone())
        })
        .collect()
}

#[test]
fn every_question_can_be_refused_by_what_is_known_of_the_device() {
    let own = r#"
        @lifetime_seconds("60") permit (principal, action, resource);
        forbid (principal, action, resource) when {
            context.standing == "standard" && context.score == 79 && context.confidence == 100 &&
            context.posture_age_seconds == 60 && context.device_locked &&
            context.contained && context.device == "dev_00000000000000000000000000000007"
        };
    "#;
    let ada = bind("a", Holder::Spiffe(id("/user/ada")), Given::Admin);
    let realm = realm(vec![ada], &[("own", own)]);
    let known = standing(Level::Standard);
    let locked = Standing { locked: true, contained: true, ..known.clone() };
    let asked = every_question(&known);
    assert!(asked.len() > 50, "{}", asked.len());
    for ask in asked {
        let action = ask.action;
        assert!(decide(&realm, &ask).is_ok(), "{action}");
        let said = decide(&realm, &ask.on(locked.clone()));
        assert!(matches!(said, Err(Error::Denied { .. })), "{action}");
    }
}

#[test]
fn every_question_can_be_refused_by_where_it_comes_from_and_how_the_person_signed_in() {
    let own = r#"
        @lifetime_seconds("60") permit (principal, action, resource);
        forbid (principal, action, resource) when {
            context.address.isInRange(ip("10.0.0.0/8")) && context.address_source == "sign_in" &&
            context.assurance == 2 && context.amr.containsAll(["pwd", "otp"]) &&
            context.sign_in_age_seconds == 60 && context.upstream == "office"
        };
    "#;
    let ada = bind("a", Holder::Spiffe(id("/user/ada")), Given::Admin);
    let realm = realm(vec![ada], &[("own", own)]);
    let from = |text: &str| text.parse().ok();
    let shown = Authentication {
        at: now().minus(Lifetime::minutes(1)),
        assurance: Assurance::Aal2,
        amr: Arc::from(["otp", "pwd"].map(str::to_owned)),
        upstream: Some(Arc::from("office")),
    };
    for ask in every_question(&standing(Level::Standard)) {
        let action = ask.action;
        let situation = |address| Situation::after(shown.clone(), from(address));
        let asked = |address| Ask { situation: situation(address), ..ask.clone() };
        assert!(decide(&realm, &asked("192.0.2.1")).is_ok(), "{action}");
        let said = decide(&realm, &asked("10.1.2.3"));
        assert!(matches!(said, Err(Error::Denied { .. })), "{action}");
        assert!(decide(&realm, &ask).is_ok(), "{action}");
    }
}

#[test]
fn what_is_unknown_compares_worst() {
    let own = |condition: &str| {
        let text = format!(
            r#"permit (principal, action == Action::"BanAgent", resource) when {{ {condition} }};"#
        );
        realm(vec![], &[("own", &*text)])
    };
    let asked = |standing: Option<Standing>| Ask {
        situation: standing
            .as_ref()
            .filter(|known| known.level != Level::Unknown)
            .map_or_else(Situation::default, |_| situation_of("SignIn")),
        standing,
        ..Ask::new(workload("/web"), "BanAgent", "Agent", &id("/spire/agent/a"))
    };
    let good = [
        "context.score >= 0",
        "context.confidence > 0",
        "context.posture_age_seconds < 31536000",
        r#"context.device != """#,
        r#"context.standing == "trusted" || context.standing == "standard""#,
        r#"context.posture_sources.contains("report")"#,
        r#"context.address.isInRange(ip("0.0.0.0/0")) || context.address.isInRange(ip("2000::/3"))"#,
        r#"context.address_source == "connection""#,
        "context.assurance >= 1",
        r#"context.amr.contains("pwd")"#,
        "context.sign_in_age_seconds < 31536000",
    ];
    for condition in good {
        let realm = own(condition);
        assert!(decide(&realm, &asked(None)).is_err(), "{condition}");
        assert!(decide(&realm, &asked(Some(Standing::unknown()))).is_err(), "{condition}");
        assert!(decide(&realm, &asked(Some(standing(Level::Trusted)))).is_ok(), "{condition}");
    }
}

#[test]
fn what_is_remembered_is_what_the_policies_say_and_never_what_a_score_left_of_it() {
    let realm = realm(vec![], &[]);
    let at = |score: u16, confidence: u16| {
        let known = Standing {
            score: Some(BasisPoints::new(score * 100)),
            confidence: BasisPoints::new(confidence * 100),
            ..standing(Level::Standard)
        };
        let ask = issue(Level::Standard, "IssueX509Svid").on(known);
        decide(&realm, &ask).unwrap().as_seconds()
    };
    assert_eq!(
        [at(100, 100), at(70, 100), at(70, 50), at(100, 100)],
        [86_400, 42_336, 21_168, 86_400]
    );
    let ask = issue(Level::Standard, "IssueX509Svid");
    let request = ask.request();
    let question = realm.question(ask.action, &request, now()).unwrap();
    assert_eq!(question.memo().unwrap().len(), 1, "one answer served them all");
}

#[test]
fn nothing_lives_longer_than_the_evidence_of_the_posture_remembered_or_not() {
    let realm = realm(vec![], &[]);
    let ask = issue(Level::Trusted, "IssueX509Svid");
    assert_eq!(decide(&realm, &ask).unwrap().as_seconds(), 86_400);
    let expires = now().plus(Lifetime::minutes(10));
    let ask = ask.on(Standing { expires, ..standing(Level::Trusted) });
    let at = |seconds| {
        let now = now().plus(Lifetime::seconds(seconds));
        realm.question(ask.action, &ask.request(), now).unwrap().decide()
    };
    assert_eq!(at(0), Ok(Lifetime::minutes(10)));
    assert_eq!(at(599), Ok(Lifetime::seconds(1)));
    let Err(Error::Denied { reason, .. }) = at(600) else { panic!("it has ended") };
    assert!(reason.contains("it has to report again"), "{reason}");
}

#[test]
fn an_action_that_issues_nothing_does_not_ask_for_a_report_again() {
    let realm = realm(vec![bind("a", Holder::Spiffe(id("/ops")), Given::Admin)], &[]);
    let ended = Standing { expires: now(), ..standing(Level::Trusted) };
    let ask = Ask::new(workload("/ops"), "BanAgent", "Agent", &id("/spire/agent/a")).on(ended);
    assert_eq!(decide(&realm, &ask), Ok(Lifetime::ZERO));
}

#[test]
fn a_permit_says_what_the_posture_leaves_at_least_and_whether_it_counts_at_all() {
    let own = |annotation: &str| {
        let text = format!(
            r#"@lifetime_seconds("1000") {annotation}
            permit (principal is Node, action == Action::"IssueX509Svid", resource is Svid);"#
        );
        realm(vec![], &[("issuance", &*text)])
    };
    let bad = Standing { score: Some(BasisPoints::new(1_000)), ..standing(Level::Trusted) };
    let lives = |annotation: &str| {
        let ask = issue(Level::Trusted, "IssueX509Svid").on(bad.clone());
        decide(&own(annotation), &ask).map(Lifetime::as_seconds)
    };
    assert_eq!(lives(""), Ok(60));
    assert_eq!(lives(r#"@shortest_seconds("5")"#), Ok(10));
    assert_eq!(lives(r#"@shortest_seconds("300")"#), Ok(300));
    assert_eq!(lives(r#"@shortest_seconds("5000")"#), Ok(1000));
    assert_eq!(lives(r#"@apart_from_posture("it is what a device reports with")"#), Ok(1000));
}

#[test]
fn a_refusal_by_posture_says_what_to_fix_and_another_does_not() {
    let reasons: Arc<[Arc<str>]> =
        Arc::from([Arc::from("turn on disk encryption."), Arc::from("install updates")]);
    let known = Standing { reasons, ..standing(Level::Quarantine) };
    let realm = realm(vec![], &[]);
    let said = refusal(&realm, &issue(Level::Quarantine, "IssueX509Svid").on(known.clone()));
    assert!(said.ends_with("; to fix: turn on disk encryption; install updates"), "{said}");
    let ask = Ask::new(workload("/user/ada"), "SignIn", "Client", &id("/user/ada"));
    let known = Standing { level: Level::Standard, ..known };
    let said = refusal(&realm, &ask.with("locked", Owned::Flag(true)).on(known));
    assert!(!said.contains("to fix"), "{said}");
}
