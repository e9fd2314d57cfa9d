//! Who may do what: the whole table, and the limits of registrars.

use std::fmt::Write as _;

use super::*;

/// One caller of each sort, each holding one role.
fn callers() -> Vec<(&'static str, Asker)> {
    vec![
        ("nobody", Asker::nobody()),
        ("node", Asker::node(&id("/spire/agent/a"))),
        ("workload", workload("/web")),
        ("viewer", workload("/viewer")),
        ("auditor", workload("/auditor")),
        ("operator", workload("/operator")),
        ("registrar", workload("/registrar")),
        ("admin", workload("/admin")),
        ("local-root", local(0)),
        ("local-other", local(4242)),
    ]
}

fn everyone() -> RealmRights {
    let holder = |path: &str| Holder::Spiffe(id(path));
    realm(
        vec![
            bind("v", holder("/viewer"), Given::Viewer),
            bind("a", holder("/auditor"), Given::Auditor),
            bind("o", holder("/operator"), Given::Operator),
            bind("r", holder("/registrar"), registrar("/ns", &Right::VERBS)),
            bind("x", holder("/admin"), Given::Admin),
        ],
        &[],
    )
}

/// Who may do what, with the plainest facts: an entry is `/ns/web` under `/ns/web`; an agent is asked about
/// itself; a join token has neither alias nor selectors.
#[test]
fn the_rights_of_each_role_are_those_written_down() {
    let (realm, schema) = (everyone(), &SHIPPED.0);
    let questions: std::collections::BTreeSet<(&str, &str)> =
        schema.triples().map(|triple| (triple.action.as_str(), triple.resource.as_str())).collect();
    let mut table = String::new();
    write!(table, "{:<18} {:<12}", "action", "resource").unwrap();
    for (name, _) in callers() {
        write!(table, " {name:<11}").unwrap();
    }
    table = table.trim_end().to_owned();
    for (action, resource) in questions {
        let action: &'static str = Box::leak(action.to_owned().into_boxed_str());
        let resource: &'static str = Box::leak(resource.to_owned().into_boxed_str());
        let on = match resource {
            "Agent" => id("/spire/agent/a"),
            "JoinToken" => id(""),
            _ => id("/ns/web"),
        };
        write!(table, "\n{action:<18} {resource:<12}").unwrap();
        for (_, asker) in callers() {
            let word = match decide(&realm, &Ask::new(asker, action, resource, &on)) {
                Ok(_) => "yes",
                Err(Error::Denied { .. }) => "-",
                Err(Error::StepUp { .. }) => "step-up",
                Err(Error::Broken { .. }) => "n/a",
            };
            write!(table, " {word:<11}").unwrap();
        }
        table = table.trim_end().to_owned();
    }
    table.push('\n');
    let golden = include_str!("testdata/rights.txt");
    assert!(
        table == golden,
        "src/access/testdata/rights.txt no longer holds; it should read:\n{table}"
    );
}

// --- registrars

fn entry(path: &str, action: &'static str) -> Ask {
    Ask::new(workload("/registrar"), action, "Entry", &id(path))
}

fn held_by_registrar(given: Vec<Given>) -> RealmRights {
    let holder = Holder::Spiffe(id("/registrar"));
    let numbered = given.into_iter().enumerate();
    realm(numbered.map(|(n, given)| bind(&format!("r{n}"), holder.clone(), given)).collect(), &[])
}

#[test]
fn a_registrar_keeps_to_its_path_by_whole_segments() {
    let realm = held_by_registrar(vec![registrar("/ns/a", &Right::VERBS)]);
    for action in ["CreateEntry", "UpdateEntry", "DeleteEntry", "ReadEntry", "ExplainEntry"] {
        for inside in ["/ns/a", "/ns/a/web", "/ns/a/b/c"] {
            assert!(decide(&realm, &entry(inside, action)).is_ok(), "{action} {inside}");
        }
        for outside in ["/ns/ab", "/ns/b", "/ns", "/other/ns/a", "/NS/a"] {
            assert!(decide(&realm, &entry(outside, action)).is_err(), "{action} {outside}");
        }
        let foreign = SpiffeId::parse("spiffe://other.test/ns/a/web").unwrap();
        let ask = Ask::new(workload("/registrar"), action, "Entry", &foreign);
        assert!(decide(&realm, &ask).is_err(), "{action} in another trust domain");
    }
}

#[test]
fn a_registrar_who_asks_for_more_than_they_hold_is_told_what_is_missing() {
    let plain = held_by_registrar(vec![registrar("/ns", &Right::VERBS)]);
    let table: [(&'static str, Owned, Right, &str); 7] = [
        ("admin", Owned::Flag(true), Right::Admin, "right `admin`"),
        ("downstream", Owned::Flag(true), Right::Downstream, "right `downstream`"),
        ("dns_names", Owned::Number(1), Right::DnsNames, "right `dns_names`"),
        ("federates_with", Owned::Number(1), Right::Federation, "right `federation`"),
        ("x509_svid_ttl_seconds", Owned::Number(3601), Right::Lifetime, "right `lifetime`"),
        ("jwt_svid_ttl_seconds", Owned::Number(301), Right::Lifetime, "right `lifetime`"),
        ("parent", Owned::Id(id("/spire/agent/a")), Right::Parents, "right `parents`"),
    ];
    for (fact, value, right, words) in table {
        for action in ["CreateEntry", "UpdateEntry"] {
            let ask = entry("/ns/web", action).with(fact, value.clone());
            let said = refusal(&plain, &ask);
            assert!(said.contains(words), "{fact}: {said}");
            let mut rights = Right::VERBS.to_vec();
            rights.push(right);
            assert!(
                decide(&held_by_registrar(vec![registrar("/ns", &rights)]), &ask).is_ok(),
                "{fact}"
            );
            let admin = Ask { asker: local(0), ..ask };
            assert!(decide(&plain, &admin).is_ok(), "{fact} by an administrator");
        }
    }
    let modest = entry("/ns/web", "CreateEntry").with("x509_svid_ttl_seconds", Owned::Number(3600));
    assert!(decide(&plain, &modest).is_ok());
}

#[test]
fn two_bindings_of_one_registrar_do_not_mix() {
    let realm = held_by_registrar(vec![
        registrar("/ns/a", &Right::VERBS),
        registrar("/ns/b", &[Right::DnsNames]),
        registrar("/ns/c", &[Right::Create, Right::DnsNames]),
    ]);
    let with_names = |path| entry(path, "CreateEntry").with("dns_names", Owned::Number(1));
    assert!(refusal(&realm, &with_names("/ns/a/web")).contains("right `dns_names`"));
    assert!(refusal(&realm, &with_names("/ns/b/web")).contains("right `create`"));
    assert!(decide(&realm, &with_names("/ns/c/web")).is_ok());
}

#[test]
fn an_entry_cannot_be_moved_out_of_or_into_a_registrars_path() {
    let realm = held_by_registrar(vec![registrar("/ns/a", &Right::VERBS)]);
    let moved = |from: &str, to: &str| entry(to, "UpdateEntry").with("was", Owned::Id(id(from)));
    assert!(decide(&realm, &moved("/ns/a/x", "/ns/a/y")).is_ok());
    assert!(decide(&realm, &moved("/ns/b/x", "/ns/a/x")).is_err());
    assert!(decide(&realm, &moved("/ns/a/x", "/ns/b/x")).is_err());
}

#[test]
fn a_registrar_of_the_whole_domain_still_has_no_reserved_names() {
    let whole = Given::Registrar { path: id(""), rights: Right::ALL.into_iter().collect() };
    let realm = held_by_registrar(vec![whole]);
    assert!(decide(&realm, &entry("/anything/at/all", "CreateEntry")).is_ok());
    assert!(refusal(&realm, &entry("/user/ada", "CreateEntry")).contains("reserved"));
}

#[test]
fn what_is_held_covers_what_lies_below_and_nothing_else() {
    let wide = registrar("/ns", &[Right::Create, Right::DnsNames]);
    assert!(Given::Admin.covers(&wide));
    assert!(Given::Admin.covers(&Given::Auditor));
    assert!(wide.covers(&registrar("/ns/a", &[Right::Create])));
    assert!(!wide.covers(&registrar("/ns/a", &[Right::Delete])));
    assert!(!wide.covers(&registrar("/nsa", &[Right::Create])));
    assert!(!wide.covers(&registrar("", &[Right::Create])));
    assert!(!wide.covers(&Given::Viewer));
    assert!(!Given::Operator.covers(&Given::Admin));
}

#[test]
fn a_holder_has_one_spelling() {
    for text in ["uid:0", "uid:1000", "spiffe://weft.test/ops"] {
        assert_eq!(Holder::parse(text).unwrap().to_string(), text);
    }
    for bad in
        ["uid:", "uid:01", "uid:+1", "uid:-1", "uid:4294967296", "/ops", "", "spiffe://weft.test/"]
    {
        assert_eq!(Holder::parse(bad), None, "{bad}");
    }
}
