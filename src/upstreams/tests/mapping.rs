//! Expressions: what they give, what they may cost, and what they cannot say.

use std::collections::BTreeSet;

use serde_json::Map;

use super::super::claims::{Assertion, merged};
use super::super::cost::{COST_MAX, Facts, cost};
use super::*;
use crate::accounts::AttributeName;
use crate::env::SystemClock;
use crate::kernel::Method;

/// The settings of an upstream nobody asks anything.
fn terms(change: Value) -> Result<Terms, Error> {
    let plain =
        json!({ "display_name": "P", "issuer": "https://idp.example", "client_id": "weft" });
    Terms::of(&with(plain, change))
}

fn members(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { panic!("no object: {value}") };
    members
}

fn assertion(change: Value, claims: Value) -> Assertion {
    Assertion::of(&terms(change).unwrap(), members(claims)).unwrap()
}

#[test]
fn claims_become_attributes_groups_and_factors() {
    let change = json!({
        "attributes": {
            "name": "claims.first + ' ' + claims.last",
            "email": "claims.mail.lowerAscii()",
            "nickname": "claims.nick",
            "zoneinfo": "has(claims.tz) ? claims.tz : 'Europe/Berlin'",
        },
        "groups": "claims.roles.filter(r, r.startsWith('app-')).map(r, r.substring(4))",
        "group_map": { "admin": "ops", "dev": "engineers" },
        "two_factors": "'mfa' in claims.amr",
    });
    let claims = json!({
        "first": "Ann", "last": "Lee", "mail": "Ann@Example.org",
        "roles": ["app-dev", "app-guest", "other-admin"], "amr": ["pwd", "mfa"],
    });
    let made = assertion(change, claims);
    let attribute = |name| made.mapped.attributes.get(&name).map(String::as_str);
    assert_eq!(attribute(AttributeName::Name), Some("Ann Lee"));
    assert_eq!(attribute(AttributeName::Email), Some("ann@example.org"));
    assert_eq!(attribute(AttributeName::Nickname), None, "an absent claim gives nothing");
    assert_eq!(attribute(AttributeName::Zoneinfo), Some("Europe/Berlin"));
    let groups = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
    assert_eq!(groups(&made.mapped.upstream_groups), ["dev", "guest"]);
    assert_eq!(groups(&made.mapped.groups), ["engineers"], "what no one listed gives nothing");
    assert!(made.methods.contains(&Method::UpstreamTwoFactor));
}

#[test]
fn an_attribute_that_does_not_fit_is_left_out_and_groups_that_fail_let_nobody_in() {
    let made = assertion(
        json!({ "attributes": { "name": "claims.name", "birthdate": "claims.born", "locale": "claims.list" } }),
        json!({ "name": "a\u{0}b", "born": "yesterday", "list": ["de"] }),
    );
    assert!(made.mapped.attributes.is_empty());
    assert_eq!(made.mapped.notes.len(), 3, "{:?}", made.mapped.notes);
    for groups in ["claims.name", "claims.list.map(x, 1)", "claims.name + 1", "[claims.list][7]"] {
        let terms = terms(json!({ "groups": groups })).unwrap();
        let claims = members(json!({ "name": { "a": 1 }, "list": ["de"] }));
        let outcome = Assertion::of(&terms, claims);
        assert!(outcome.is_err(), "{groups}: {outcome:?}");
    }
    // Whoever has no such claim is in no group, and that is all.
    assert!(assertion(json!({ "groups": "claims.groups" }), json!({})).mapped.groups.is_empty());
}

#[test]
fn broker_rule_13_a_verified_address_counts_only_as_far_as_the_upstream_is_trusted() {
    let never = json!({ "email_trust": "never" });
    let if_true = json!({});
    let domains = json!({ "email_trust": "domains", "email_domains": ["corp.example"] });
    let table = [
        (&never, json!({ "email": "a@corp.example", "email_verified": true }), false),
        (&if_true, json!({ "email": "a@corp.example", "email_verified": true }), true),
        (&if_true, json!({ "email": "a@corp.example", "email_verified": "true" }), true),
        (&if_true, json!({ "email": "a@corp.example", "email_verified": false }), false),
        (&if_true, json!({ "email": "a@corp.example", "email_verified": 1 }), false),
        (&if_true, json!({ "email": "a@corp.example" }), false),
        (&domains, json!({ "email": "a@CORP.example", "email_verified": true }), true),
        (
            &domains,
            json!({ "email": "a@corp.example.evil.example", "email_verified": true }),
            false,
        ),
        (&domains, json!({ "email": "a@sub.corp.example", "email_verified": true }), false),
        (
            &domains,
            json!({ "email": "a@corp.example@evil.example", "email_verified": true }),
            false,
        ),
        (&domains, json!({ "email": "a@corp.example", "email_verified": false }), false),
    ];
    for (change, claims, verified) in table {
        let made = assertion(change.clone(), claims.clone());
        assert_eq!(made.email_verified, verified, "{change} {claims}");
    }
    // An address that an expression made up is nobody's word.
    let change = json!({ "attributes": { "email": "claims.upn" } });
    let claims =
        json!({ "upn": "boss@corp.example", "email": "a@b.example", "email_verified": true });
    assert!(!assertion(change, claims).email_verified);
    // By default nothing is linked by an address.
    assert!(!terms(json!({})).unwrap().link_verified_email);
}

#[test]
fn an_address_and_the_word_about_it_come_from_one_answer() {
    let id_token = members(json!({ "sub": "a", "email": "mallory@evil.example" }));
    let userinfo = members(
        json!({ "sub": "a", "email": "ann@corp.example", "email_verified": true, "name": "A" }),
    );
    let all = merged(&id_token, userinfo);
    assert_eq!(all["email"], "mallory@evil.example");
    assert_eq!((all.get("email_verified"), &all["name"]), (None, &json!("A")));
}

#[test]
fn expressions_outside_the_part_that_is_offered_are_refused_when_they_are_written() {
    let deep = format!("{}1{}", "(".repeat(40), ")".repeat(40));
    let signs = format!("{}true", "!".repeat(200));
    let long = format!("'{}'", "x".repeat(2000));
    for bad in [
        "",
        "claims.",
        "user.name",
        "claims.name.matches('(a+)+$')",
        "claims.name.replace('a', 'bb')",
        "'%s'.format([claims.name])",
        "claims.list.join(',')",
        "duration('1h')",
        "timestamp(0)",
        "env('HOME')",
        "Foo{a: 1}",
        "claims.a ==",
        &deep,
        &signs,
        &long,
    ] {
        let outcome = terms(json!({ "groups": bad }));
        let right = matches!(&outcome, Err(Error::Invalid { field: "groups", .. }));
        assert!(right, "{bad:.60}: {outcome:?}");
    }
}

/// What an expression may cost is worked out before it runs. The bound itself is measured here.
#[test]
fn an_expression_is_never_run_where_it_could_take_long() {
    let names: Vec<String> = (0..400).map(|n| format!("group-{n:04}")).collect();
    let claims = members(json!({ "groups": names, "name": "x".repeat(500) }));
    let nested = "claims.groups.map(a, claims.groups.map(b, claims.groups.map(c, a + b + c)))";
    let outcome = Assertion::of(&terms(json!({ "groups": nested })).unwrap(), claims.clone());
    assert!(outcome.unwrap_err().contains("at most"), "64 million rounds are not begun");
    let doubling = format!("[{}]", vec!["claims.name"; 60].join(" + "));
    let pairs = format!("claims.groups.map(a, {doubling})");
    assert!(Assertion::of(&terms(json!({ "groups": pairs })).unwrap(), claims.clone()).is_err());

    // The most expensive of these that is still run.
    let clock = SystemClock::new();
    let mut slowest = Lifetime::ZERO;
    for source in [
        "claims.groups.filter(g, g.startsWith('group-'))",
        "claims.groups.filter(g, g in ['group-0001', 'group-0002'])",
        "claims.groups.filter(g, g.contains('1') && !g.endsWith('2'))",
        "claims.groups.map(g, g.split('-')[1])",
        "claims.groups.exists(a, ['x', 'y', 'z'].exists(b, a + b == 'none')) ? ['a'] : ['b']",
    ] {
        let terms = terms(json!({ "groups": source })).unwrap();
        let before = clock.elapsed();
        let made = Assertion::of(&terms, claims.clone()).unwrap();
        let took = Lifetime::micros(clock.elapsed().as_micros() - before.as_micros());
        assert!(!made.mapped.upstream_groups.is_empty(), "{source}");
        slowest = if took > slowest { took } else { slowest };
    }
    println!(
        "proof: mapping of 400 groups: slowest {} ms, bound {COST_MAX} steps",
        slowest.as_micros() / 1000
    );
    assert!(slowest < Lifetime::seconds(2), "{slowest}");
    let facts = Facts::of(&claims);
    let one = cel::Program::compile("claims.groups").unwrap();
    assert!(cost(one.expression(), &facts) < 10);
}
