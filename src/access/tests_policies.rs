//! Policies of a realm's own, ceilings, step-up and explanations.

use super::super::schema::{FactKind, SHAPES};
use super::*;

#[test]
fn a_policy_that_does_not_fit_the_schema_is_refused_with_the_reason() {
    let schema = &SHIPPED.0;
    let bad = [
        ("permit (principal, action", "not a Cedar policy"),
        (
            r#"permit (principal in Role::"amdin", action == Action::"BanAgent", resource);"#,
            "does not fit the schema",
        ),
        (
            r#"permit (principal, action == Action::"BanAgents", resource);"#,
            "does not fit the schema",
        ),
        (
            r#"forbid (principal, action == Action::"BanAgent", resource) when { context.colour == 1 };"#,
            "fit the schema",
        ),
        (
            r#"permit (principal is Node, action in Action::"Issue", resource);"#,
            "how long what is issued may live",
        ),
        (
            r#"@lifetime_seconds("soon") forbid (principal, action, resource);"#,
            "a whole number of seconds",
        ),
        (
            r#"@shortest_seconds("60") forbid (principal, action, resource);"#,
            "only on a permit with `@lifetime_seconds`",
        ),
        (
            r#"@apart_from_posture("x") permit (principal, action == Action::"BanAgent", resource);"#,
            "only on a permit with `@lifetime_seconds`",
        ),
        (
            r#"@step_up("x") permit (principal, action == Action::"BanAgent", resource);"#,
            "only a forbid",
        ),
        (
            r#"permit (principal == ?principal, action == Action::"BanAgent", resource);"#,
            "templates",
        ),
        (
            r#"@id("a") forbid (principal, action, resource); @id("a") forbid (principal, action, resource);"#,
            "the id `own/a` is used twice",
        ),
    ];
    for (text, words) in bad {
        let error = check(schema, "own", text).unwrap_err();
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
}

#[test]
fn every_flaw_is_told_with_its_line_and_column() {
    let places = |text: &str| -> Vec<(usize, usize)> {
        let error = check(&SHIPPED.0, "own", text).unwrap_err();
        error.flaws.iter().map(|flaw| (flaw.line, flaw.column)).collect()
    };
    let ban = r#"(principal, action == Action::"BanAgent", resource)"#;
    let two = format!(
        "permit {ban}\nwhen {{ context.colour == 1 }};\nforbid {ban} when {{\n  context.size > 1 }};"
    );
    assert_eq!(places(&two).iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(places("permit (principal, action, resource);\n\n  pemit (x);")[0].0, 3);
    let soon = "// é\n  @lifetime_seconds(\"soon\") forbid (principal, action, resource);";
    assert_eq!(places(soon), [(2, 3)]);
    let twice = format!("@id(\"a\") permit {ban};\n\n @id(\"a\") forbid {ban};");
    assert_eq!(places(&twice), [(3, 2)]);
    assert_eq!(places("permit (\n  principal == ?principal, action, resource);"), [(2, 16)]);
    let issue = r#"@id("x") permit (principal is Node, action in Action::"Issue", resource);"#;
    assert_eq!(places(&format!("\n{issue}")), [(2, 1)]);
}

#[test]
fn the_facts_of_each_action_are_read_from_the_schema() {
    let schema = &SHIPPED.0;
    for triple in schema.triples() {
        let facts = schema.facts(&triple.action).unwrap();
        let names: Vec<&str> = facts.iter().map(|(name, _)| name.as_str()).collect();
        let wanted = context_of(&triple.action, &id("/x"));
        assert_eq!(names, wanted.keys().copied().collect::<Vec<_>>(), "{}", triple.action);
        for ((name, kind), value) in facts.iter().zip(wanted.values()) {
            let same = match value {
                Owned::Text(_) => *kind == FactKind::Text,
                Owned::Number(_) => *kind == FactKind::Number,
                Owned::Flag(_) => *kind == FactKind::Flag,
                Owned::Texts(_) => *kind == FactKind::Texts,
                Owned::Id(_) => *kind == FactKind::Path,
            };
            assert!(same, "{}: {name} is {kind:?}", triple.action);
        }
    }
}

#[test]
fn the_shipped_policies_fit_the_schema() {
    let schema = &SHIPPED.0;
    for (name, text) in super::super::SHIPPED {
        assert_eq!(check(schema, name, text), Ok(()), "{name}");
    }
}

#[test]
fn the_shapes_of_our_entities_are_those_of_the_schema() {
    let realm =
        realm(vec![bind("r", Holder::Spiffe(id("/ops")), registrar("/a", &Right::ALL))], &[]);
    let asked: Vec<Ask> = ["Agent", "Entry", "JoinToken"]
        .into_iter()
        .zip(["ReadAgent", "ReadEntry", "ReadJoinToken"])
        .flat_map(|(resource, action)| {
            [workload("/ops"), workload("/user/ada"), Asker::node(&id("/spire/agent/a")), local(0)]
                .map(|asker| Ask::new(asker, action, resource, &id("/a/b")))
        })
        .collect();
    for ask in &asked {
        realm.question(ask.action, &ask.request(), now()).unwrap().check_shapes().unwrap();
    }
    let types = &SHIPPED.0;
    for shape in SHAPES {
        assert!(types.uid(shape.name, "x").is_some());
    }
    assert_eq!(types.cedar().entity_types().count(), SHAPES.len());
}

#[test]
fn nobody_can_be_locked_out_of_the_machine() {
    let realm = realm(vec![], &[("own", "forbid (principal, action, resource);"), ("roles", "")]);
    assert!(
        decide(&realm, &Ask::new(local(0), "BanAgent", "Agent", &id("/spire/agent/a"))).is_err()
    );
    for (action, resource) in
        [("DeletePolicy", "Policy"), ("SetPolicy", "Policy"), ("BindRole", "RoleBinding")]
    {
        let ask = Ask::new(local(0), action, resource, &id("/x"));
        assert!(decide(&realm, &ask).is_ok(), "{action}");
        assert!(decide(&realm, &Ask { asker: local(4242), ..ask }).is_err(), "{action}");
    }
}

// --- ceilings and step-up

#[test]
fn the_ceiling_follows_the_posture_and_unknown_has_what_the_permit_gives() {
    let realm = realm(vec![], &[]);
    let table = [
        (Level::Unknown, "IssueX509Svid", Some(86_400)),
        (Level::Trusted, "IssueX509Svid", Some(86_400)),
        (Level::Standard, "IssueX509Svid", Some(53_922)),
        (Level::Restricted, "IssueX509Svid", Some(1253)),
        (Level::Quarantine, "IssueX509Svid", None),
        (Level::Unknown, "IssueJwtSvid", Some(3600)),
        (Level::Restricted, "IssueJwtSvid", Some(1253)),
        (Level::Quarantine, "IssueJwtSvid", None),
    ];
    for (level, action, seconds) in table {
        let got = decide(&realm, &issue(level, action)).ok().map(Lifetime::as_seconds);
        assert_eq!(got, seconds, "{level:?} {action}");
    }
}

#[test]
fn of_several_permits_the_longest_life_counts_and_of_several_limits_the_shortest() {
    let own = r#"
        @id("longer") @lifetime_seconds("172800")
        permit (principal is Node, action == Action::"IssueX509Svid", resource is Svid);
        @id("shorter") @lifetime_seconds("60")
        permit (principal is Node, action == Action::"IssueX509Svid", resource is Svid);
        @id("limit") @lifetime_seconds("1800")
        forbid (principal, action in Action::"Issue", resource is Svid)
        when { resource in Path::"spiffe://weft.test/web" };
        @id("wider limit") @lifetime_seconds("7200")
        forbid (principal, action in Action::"Issue", resource is Svid);
    "#;
    let limited = realm(vec![], &[("own", own)]);
    assert_eq!(
        decide(&limited, &issue(Level::Unknown, "IssueX509Svid")),
        Ok(Lifetime::seconds(1800))
    );
    let elsewhere =
        Ask { resource_id: Some(id("/website")), ..issue(Level::Unknown, "IssueX509Svid") };
    assert_eq!(decide(&limited, &elsewhere), Ok(Lifetime::seconds(7200)));
    let without = own.split("@id(\"limit\")").next().unwrap();
    let generous = realm(vec![], &[("own", without)]);
    assert_eq!(
        decide(&generous, &issue(Level::Unknown, "IssueX509Svid")),
        Ok(Lifetime::seconds(172_800))
    );
}

#[test]
fn a_limit_alone_permits_nothing() {
    let own = r#"@lifetime_seconds("60") forbid (principal, action, resource);"#;
    let realm = realm(vec![], &[("own", own)]);
    assert!(
        decide(&realm, &Ask { asker: Asker::nobody(), ..issue(Level::Unknown, "IssueX509Svid") })
            .is_err()
    );
}

#[test]
fn step_up_is_asked_only_of_whoever_would_be_permitted() {
    let own = r#"
        @step_up("sign in again: the last time is more than 15 minutes ago")
        forbid (principal, action == Action::"BanAgent", resource);
    "#;
    let realm =
        realm(vec![bind("o", Holder::Spiffe(id("/ops")), Given::Operator)], &[("own", own)]);
    let ban = |asker| decide(&realm, &Ask::new(asker, "BanAgent", "Agent", &id("/spire/agent/a")));
    assert!(
        matches!(ban(workload("/ops")), Err(Error::StepUp { reason }) if reason.contains("15 minutes"))
    );
    assert!(matches!(ban(workload("/web")), Err(Error::Denied { .. })));
}

#[test]
fn a_policy_of_the_realms_own_takes_the_place_of_a_shipped_one_by_its_name() {
    let own = r#"
        @lifetime_seconds("120")
        permit (principal is Node, action in Action::"Issue", resource is Svid);
    "#;
    let realm = realm(vec![], &[("issuance", own)]);
    assert_eq!(decide(&realm, &issue(Level::Unknown, "IssueX509Svid")), Ok(Lifetime::minutes(2)));
}

// --- explanation

#[test]
fn a_denial_says_what_would_be_needed_and_what_the_caller_holds() {
    let realm = realm(vec![bind("v", Holder::Spiffe(id("/ops")), Given::Viewer)], &[]);
    let said =
        refusal(&realm, &Ask::new(workload("/ops"), "BanAgent", "Agent", &id("/spire/agent/a")));
    assert_eq!(
        said,
        "`BanAgent` on `spiffe://weft.test/spire/agent/a` needs the role admin, or the role operator; \
         this caller holds viewer"
    );
    let said =
        refusal(&realm, &Ask::new(workload("/web"), "ReadAgent", "Agent", &id("/spire/agent/a")));
    assert!(said.ends_with("this caller holds no role"), "{said}");
}

#[test]
fn an_explanation_names_the_policies_that_decided() {
    let realm = realm(vec![], &[]);
    let explain =
        |ask: Ask| realm.question(ask.action, &ask.request(), now()).unwrap().explain().unwrap();
    let yes = explain(issue(Level::Restricted, "IssueJwtSvid"));
    assert_eq!(yes.outcome.map(Lifetime::as_seconds), Ok(1253));
    let ids: Vec<&str> = yes.decided_by.iter().map(|(id, _)| &**id).collect();
    assert_eq!(
        ids,
        [
            "issuance/workload-svids",
            "issuance/jwt-svids-live-an-hour",
            "posture/restricted-svids-live-an-hour-at-most",
        ]
    );
    let no = explain(issue(Level::Quarantine, "IssueX509Svid"));
    assert_eq!(&*no.decided_by[0].1, "the posture of this device puts it in quarantine");
    assert!(no.considered.iter().any(|id| &**id == "issuance/workload-svids"));
}

#[test]
fn a_permit_carries_what_its_event_and_its_write_need() {
    struct Read(SubjectId);
    impl Action for Read {
        const NAME: &'static str = "ReadRealm";
        fn request(&self) -> Request<'_> {
            Request {
                realm: REALM,
                principal: ("Local", "0"),
                principal_id: None,
                actor: Some(self.0),
                resource: ("Realm", "1"),
                resource_id: None,
                context: vec![],
                standing: None,
                situation: Situation::unknown(),
                evidence_expires: Timestamp::FOREVER,
            }
        }
    }
    let number = SubjectId::new(uuid::Uuid::from_u128(9));
    let access = Access::new(Arc::new(TestClock::new()), OWN_UID).unwrap();
    access.open(REALM);
    let (action, granted) = access.permit(Read(number)).unwrap().spend();
    assert_eq!((action.0, granted.actor, granted.action), (number, Some(number), "ReadRealm"));
    assert!(granted.policy_version > 0 && granted.policy_version < 1 << 48);
    assert_eq!(granted.rights_seq, None);
}
