//! What may be an entry.

use crate::kernel::{Lifetime, Selector, SpiffeId, Timestamp, TrustDomain};
use crate::workloads::model::{Draft, Error, Terms};
use crate::workloads::validate_entry::validate;

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

fn id(path: &str) -> SpiffeId {
    SpiffeId::parse(&format!("spiffe://weft.test{path}")).unwrap()
}

fn draft() -> Draft {
    let selector = Selector::parse("unix:uid:1000").unwrap();
    Draft::new(id("/web"), id("/spire/agent/join_token/a"), vec![selector])
}

fn check(change: impl FnOnce(&mut Draft)) -> Result<Terms, Error> {
    let mut draft = draft();
    change(&mut draft);
    validate(&draft, &TrustDomain::parse("weft.test").unwrap(), NOW)
}

fn refused(change: impl FnOnce(&mut Draft)) -> (&'static str, String) {
    match check(change) {
        Err(Error::Invalid { field, rule }) => (field, rule.into_owned()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reserved_names_are_refused_as_identities_by_whole_segments() {
    for path in
        ["/spire", "/spire/agent/x", "/spire/server", "/user/alice", "/device/1", "/client/c"]
    {
        assert_eq!(refused(|d| d.spiffe_id = id(path)).0, "spiffe_id", "{path}");
    }
    for path in ["/spirex", "/users/alice", "/clients", "/a/spire/agent"] {
        assert!(check(|d| d.spiffe_id = id(path)).is_ok(), "{path}");
    }
}

#[test]
fn spiffe_011_an_identity_has_a_path_and_is_of_the_own_trust_domain() {
    let other = SpiffeId::parse("spiffe://other.test/web").unwrap();
    assert_eq!(refused(|d| d.spiffe_id = other.clone()).0, "spiffe_id");
    assert_eq!(refused(|d| d.spiffe_id = id("")).0, "spiffe_id");
    assert_eq!(refused(|d| d.parent_id = other).0, "parent_id");
}

#[test]
fn a_parent_is_an_agent_an_identity_or_the_server() {
    for path in ["/spire/server", "/spire/agent/x509pop/1", "/nodes/all"] {
        assert!(check(|d| d.parent_id = id(path)).is_ok(), "{path}");
    }
    for path in ["", "/spire", "/spire/agent", "/spire/servers", "/user/alice", "/web"] {
        assert_eq!(refused(|d| d.parent_id = id(path)).0, "parent_id", "{path}");
    }
}

#[test]
fn selectors_are_sorted_each_once_and_1_to_64() {
    let selector = |n: usize| Selector::parse(&format!("unix:uid:{n:03}")).unwrap();
    let terms = check(|d| d.selectors = vec![selector(2), selector(1), selector(2)]).unwrap();
    assert_eq!(*terms.selectors, [selector(1), selector(2)]);
    assert_eq!(refused(|d| d.selectors.clear()).0, "selectors");
    assert!(check(|d| d.selectors = (0..64).map(selector).collect()).is_ok());
    assert_eq!(refused(|d| d.selectors = (0..65).map(selector).collect()).0, "selectors");
}

#[test]
fn a_stored_svid_has_selectors_of_one_type() {
    let mixed = || ["a:1", "b:1"].map(|s| Selector::parse(s).unwrap()).to_vec();
    assert!(check(|d| d.selectors = mixed()).is_ok());
    let stored = |d: &mut Draft| {
        d.selectors = mixed();
        d.store_svid = true;
    };
    assert_eq!(refused(stored).0, "selectors");
}

#[test]
fn lifetimes_are_the_default_or_within_bounds() {
    for (seconds, expected) in [(0, None), (5, Some(5)), (31_622_400, Some(31_622_400))] {
        let terms = check(|d| d.x509_svid_ttl_seconds = seconds).unwrap();
        assert_eq!(terms.x509_svid_ttl, expected.map(Lifetime::seconds));
    }
    for seconds in [-1, 1, 4, 31_622_401, i64::MAX, i64::MIN] {
        assert_eq!(refused(|d| d.x509_svid_ttl_seconds = seconds).0, "x509_svid_ttl", "{seconds}");
        assert_eq!(refused(|d| d.jwt_svid_ttl_seconds = seconds).0, "jwt_svid_ttl", "{seconds}");
    }
}

#[test]
fn an_entry_does_not_begin_expired() {
    assert!(check(|d| d.expires_at = Some(NOW.plus(Lifetime::seconds(1)))).is_ok());
    assert_eq!(refused(|d| d.expires_at = Some(NOW)).0, "expires_at");
}

#[test]
fn dns_names_follow_the_rules_and_keep_their_order() {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let terms =
        check(|d| d.dns_names = names(&["Z.example", "a.example", "z.EXAMPLE", "*.b.example"]));
    assert_eq!(
        *terms.unwrap().dns_names,
        ["z.example", "a.example", "*.b.example"].map(Into::into)
    );
    let long = format!("{}.example", "x".repeat(64));
    for bad in [
        "",
        ".",
        "a..b",
        "a.",
        "-a",
        "a-",
        "a_b",
        "*",
        "*.",
        "a.*.b",
        "**.a",
        "ü.example",
        "1.2.3.4",
        "a b",
        &long,
    ] {
        assert_eq!(refused(|d| d.dns_names = names(&[bad])).0, "dns_names", "{bad}");
    }
}

#[test]
fn hints_and_federation_are_bounded() {
    assert!(check(|d| d.hint = "x".repeat(1024)).is_ok());
    assert_eq!(refused(|d| d.hint = "x".repeat(1025)).0, "hint");
    let domain = |name: &str| TrustDomain::parse(name).unwrap();
    let terms =
        check(|d| d.federates_with = vec![domain("b.test"), domain("a.test"), domain("b.test")]);
    assert_eq!(*terms.unwrap().federates_with, [domain("a.test"), domain("b.test")]);
    assert_eq!(refused(|d| d.federates_with = vec![domain("weft.test")]).0, "federates_with");
}

#[test]
fn a_refusal_says_what_would_be_right() {
    let (_, rule) = refused(|d| d.spiffe_id = id("/user/alice"));
    assert_eq!(rule, "`/user` is reserved");
}
