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
    let unknown = r#"forbid (principal, action, resource) when { context.standing != "high" };"#;
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

const GOVERN: &str =
    r#"permit (principal in Role::"admin", action in Action::"Govern", resource);"#;
