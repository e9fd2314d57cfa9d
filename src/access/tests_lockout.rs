//! A change of policies that nobody could undo any more is refused, with the names of those it would lock out.

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
    let text = text.map(Arc::from);
    let found = access(own).locked_out(REALM, (name, text.as_ref())).unwrap();
    found.iter().map(ToString::to_string).collect()
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
fn one_administrator_who_remains_is_enough_be_it_on_a_good_device_only() {
    let people = "forbid (principal is User, action, resource);";
    assert_eq!(locked_out(&[], "own", Some(people)), [""; 0]);
    let unknown = r#"forbid (principal, action, resource) when { context.standing != "trusted" };"#;
    assert_eq!(locked_out(&[], "own", Some(unknown)), [""; 0]);
    let known = "forbid (principal, action, resource) when { context.score >= 0 };";
    assert_eq!(locked_out(&[], "own", Some(known)), [""; 0]);
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
    assert_eq!(refused(on_a_device), [""; 0]);
    let two_factors = r#"@step_up forbid (principal, action == Action::"SignIn", resource) when { context.assurance < 3 };"#;
    assert_eq!(refused(two_factors), [""; 0]);
    // A workload signs in nowhere: it still could.
    assert_eq!(locked_out(&[], "own", Some(nobody_in)), [""; 0]);
}

const GOVERN: &str =
    r#"permit (principal in Role::"admin", action in Action::"Govern", resource);"#;
