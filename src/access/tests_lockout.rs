//! A change of policies that nobody could undo any more is refused, with the names of those it would lock out.

use std::collections::HashMap;

use super::*;

fn access(own: &[(&str, &str)]) -> Access {
    let access = Access::new(Arc::new(TestClock::new()), OWN_UID).unwrap();
    let holder = |path: &str| Holder::Spiffe(id(path));
    let bindings = vec![
        bind("a", holder("/user/ada"), Given::Admin),
        bind("b", holder("/ops"), Given::Admin),
        bind("c", holder("/watch"), Given::Viewer),
        bind("d", Holder::LocalUser(7), Given::Admin),
    ];
    access.put(REALM, super::realm(bindings, own));
    access
}

fn locked_out(own: &[(&str, &str)], name: &str, text: Option<&str>) -> Vec<String> {
    judged(own, (name, text), &[]).0
}

/// Whom it locks out, where ada has these devices, and what would do.
fn judged(
    own: &[(&str, &str)],
    (name, text): (&str, Option<&str>),
    devices: &[(Level, u16)],
) -> (Vec<String>, Option<&'static str>) {
    let standing = |(level, score): &(Level, u16)| Standing {
        level: *level,
        score: Some(BasisPoints::new(*score)),
        ..Standing::unknown()
    };
    let standings = [Standing::unknown()].into_iter().chain(devices.iter().map(standing));
    let shown = HashMap::from([(id("/user/ada"), standings.collect())]);
    let text = text.map(Arc::from);
    let out = access(own).locked_out(REALM, (name, text.as_ref()), &shown).unwrap();
    (out.holders.iter().map(ToString::to_string).collect(), out.needed)
}

const ALL: [&str; 3] = ["spiffe://weft.test/ops", "spiffe://weft.test/user/ada", "uid:7"];

#[test]
fn a_policy_that_no_administrator_could_undo_is_refused_with_their_names() {
    let everything = "forbid (principal, action, resource);";
    assert_eq!(locked_out(&[], "own", Some(everything)), ALL);
    assert_eq!(locked_out(&[], "roles", Some("")), ALL);
    let govern = r#"forbid (principal, action in Action::"Govern", resource);"#;
    assert_eq!(locked_out(&[], "own", Some(govern)), ALL);
    let half = r#"forbid (principal, action == Action::"BindRole", resource);"#;
    assert_eq!(locked_out(&[], "own", Some(half)), ALL);
}

#[test]
fn one_administrator_who_remains_is_enough() {
    let people = "forbid (principal is User, action, resource);";
    assert_eq!(locked_out(&[], "own", Some(people)), [""; 0]);
}

#[test]
fn a_device_that_no_administrator_has_lets_nobody_in() {
    let high = r#"forbid (principal, action, resource) when { context.standing != "trusted" };"#;
    let by_high = |devices: &[(Level, u16)]| judged(&[], ("own", Some(high)), devices);
    let all = || ALL.map(str::to_owned).to_vec();
    let needed = Some("`trusted`");
    assert_eq!(by_high(&[]), (all(), needed));
    assert_eq!(by_high(&[(Level::Restricted, 5_800), (Level::Standard, 7_900)]), (all(), needed));
    assert_eq!(by_high(&[(Level::Restricted, 5_800), (Level::Trusted, 8_000)]), (Vec::new(), None));
    let known = "forbid (principal, action, resource) when { context.score < 55 };";
    let by_score = |devices: &[(Level, u16)]| judged(&[], ("own", Some(known)), devices);
    assert_eq!(by_score(&[(Level::Restricted, 5_400)]), (all(), Some("`standard`")));
    assert_eq!(by_score(&[(Level::Standard, 5_800)]), (Vec::new(), None));
    let perfect = "forbid (principal, action, resource) when { context.score < 100 };";
    let perfect = judged(&[], ("own", Some(perfect)), &[(Level::Trusted, 9_900)]);
    assert_eq!(perfect, (all(), Some("`trusted` with more than 80 of 100")));
    let on_none = "forbid (principal, action, resource) when { context.score >= 0 };";
    assert_eq!(
        judged(&[], ("own", Some(on_none)), &[(Level::Restricted, 5_800)]),
        (Vec::new(), None)
    );
    let anyhow = "forbid (principal, action, resource);";
    assert_eq!(judged(&[], ("own", Some(anyhow)), &[(Level::Trusted, 10_000)]), (all(), None));
}

#[test]
fn whoever_is_not_let_in_at_all_is_no_administrator_who_remains() {
    let others = "forbid (principal, action, resource) unless { principal is User };";
    let text: Arc<str> = Arc::from(others);
    let out = |standings: Vec<Standing>| {
        let shown = HashMap::from([(id("/user/ada"), standings)]);
        let found = access(&[]).locked_out(REALM, ("own", Some(&text)), &shown).unwrap();
        found.holders.len()
    };
    assert_eq!(out(vec![Standing::unknown()]), 0);
    assert_eq!(out(Vec::new()), 2, "her account is locked");
}

#[test]
fn removing_a_policy_can_lock_out_as_well_and_a_repair_never_does() {
    assert_eq!(locked_out(&[("roles", ""), ("mine", GOVERN)], "mine", None), ALL);
    assert_eq!(locked_out(&[("roles", "")], "own", Some(GOVERN)), [""; 0], "nobody could before");
    assert_eq!(locked_out(&[("roles", "")], "roles", None), [""; 0]);
}

#[test]
fn a_policy_that_lets_no_administrator_sign_in_is_refused_and_one_that_goes_by_the_address_is_not()
{
    let ada = ["spiffe://weft.test/user/ada"];
    let only_people =
        r#"forbid (principal, action in Action::"Govern", resource) unless { principal is User };"#;
    let others = [("others", only_people)];
    let refused = |text: &str| locked_out(&others, "own", Some(text));
    let nobody_in = r#"forbid (principal, action == Action::"SignIn", resource);"#;
    assert_eq!(refused(nobody_in), ada);
    let not_to_administer = r#"forbid (principal, action == Action::"SignIn", resource) when { context.administration };"#;
    assert_eq!(refused(not_to_administer), ada);
    let too_strong = r#"@step_up forbid (principal, action == Action::"SignIn", resource) when { context.assurance < 4 };"#;
    assert_eq!(refused(too_strong), ada);
    assert_eq!(locked_out(&others, "sign-in", Some("")), ada, "no rule permits it");
    let no_token = r#"forbid (principal is User, action == Action::"IssueTokens", resource);"#;
    assert_eq!(refused(no_token), ada);

    let from_home = r#"forbid (principal, action == Action::"SignIn", resource) unless { context.address == "192.0.2.7" };"#;
    assert_eq!(refused(from_home), [""; 0]);
    let permit_from_home = r#"permit (principal, action == Action::"SignIn", resource) when { context.address == "192.0.2.7" };"#;
    assert_eq!(locked_out(&others, "sign-in", Some(permit_from_home)), [""; 0]);
    let on_a_device = r#"forbid (principal, action == Action::"SignIn", resource) when { context.standing != "trusted" };"#;
    assert_eq!(refused(on_a_device), ada);
    let devices = &[(Level::Trusted, 8_000)];
    assert_eq!(judged(&others, ("own", Some(on_a_device)), devices), (Vec::new(), None));
    let two_factors = r#"@step_up forbid (principal, action == Action::"SignIn", resource) when { context.assurance < 3 };"#;
    assert_eq!(refused(two_factors), [""; 0]);
    // A workload signs in nowhere: it still could.
    assert_eq!(locked_out(&[], "own", Some(nobody_in)), [""; 0]);
}

const GOVERN: &str =
    r#"permit (principal in Role::"admin", action in Action::"Govern", resource);"#;
