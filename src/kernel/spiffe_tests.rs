//! SPIFFE-ID.md as sentences: requirements 1 to 7 of the checklist.

use proptest::prelude::*;

use super::*;

fn refused(text: &str, why: &SpiffeIdError) {
    assert_eq!(SpiffeId::parse(text).as_ref(), Err(why), "{text}");
}

#[test]
fn spiffe_001_scheme_is_spiffe_and_query_and_fragment_are_refused() {
    for text in ["http://a/b", "SPIFFE://a/b", "spiffe:/a/b", "spiffe//a", "", "a/b", " spiffe://a"]
    {
        refused(text, &SpiffeIdError::Scheme);
    }
    refused("spiffe://a/b?c=d", &SpiffeIdError::PathCharacter);
    refused("spiffe://a/b#c", &SpiffeIdError::PathCharacter);
    refused("spiffe://a?b", &SpiffeIdError::TrustDomainCharacter);
    refused("spiffe://a#b", &SpiffeIdError::TrustDomainCharacter);
}

#[test]
fn spiffe_002_trust_domain_is_not_empty_and_has_no_userinfo_or_port() {
    refused("spiffe://", &SpiffeIdError::TrustDomainEmpty);
    refused("spiffe:///path", &SpiffeIdError::TrustDomainEmpty);
    refused("spiffe://user@a/b", &SpiffeIdError::TrustDomainCharacter);
    refused("spiffe://a:8080/b", &SpiffeIdError::TrustDomainCharacter);
}

#[test]
fn spiffe_003_trust_domain_is_lower_case() {
    refused("spiffe://Example.org/b", &SpiffeIdError::TrustDomainCharacter);
    refused("spiffe://exämple/b", &SpiffeIdError::TrustDomainCharacter);
    assert!(TrustDomain::parse("a-z_0.9").is_ok());
}

#[test]
fn spiffe_004_percent_encoding_and_ipv6_are_refused_and_ipv4_text_is_allowed() {
    refused("spiffe://a%2eb/c", &SpiffeIdError::TrustDomainCharacter);
    refused("spiffe://[::1]/c", &SpiffeIdError::TrustDomainCharacter);
    assert!(SpiffeId::parse("spiffe://127.0.0.1/c").is_ok());
    assert!(SpiffeId::parse("spiffe://..a/c").is_ok(), "no special treatment of DNS look-alikes");
}

#[test]
fn spiffe_005_path_characters() {
    for bad in ["%20", " ", "ü", "a:b", "a@b", "a*", "a\0", "a\\b", "a~b"] {
        refused(&format!("spiffe://a/{bad}"), &SpiffeIdError::PathCharacter);
    }
    assert!(SpiffeId::parse("spiffe://a/AZaz09.-_").is_ok());
}

#[test]
fn spiffe_006_empty_and_dot_segments_and_a_trailing_slash_are_refused() {
    for text in ["spiffe://a/", "spiffe://a//b", "spiffe://a/b/", "spiffe://a/b//c"] {
        refused(text, &SpiffeIdError::PathEmptySegment);
    }
    for text in ["spiffe://a/.", "spiffe://a/..", "spiffe://a/b/../c", "spiffe://a/./b"] {
        refused(text, &SpiffeIdError::PathDotSegment);
    }
    assert!(SpiffeId::parse("spiffe://a/.../b").is_ok());
    assert_ne!(SpiffeId::parse("spiffe://a/B"), SpiffeId::parse("spiffe://a/b"));
}

#[test]
fn spiffe_007_ids_to_2048_bytes_and_trust_domains_to_255() {
    let exact = format!("spiffe://a/{}", "x".repeat(2048 - 11));
    assert_eq!(exact.len(), 2048);
    assert!(SpiffeId::parse(&exact).is_ok());
    refused(&format!("{exact}x"), &SpiffeIdError::TooLong);
    let name = "d".repeat(255);
    assert!(TrustDomain::parse(&name).is_ok());
    assert_eq!(TrustDomain::parse(&format!("{name}d")), Err(SpiffeIdError::TrustDomainTooLong));
    let path = format!("/{}", "x".repeat(2048));
    let domain = TrustDomain::parse("a").unwrap();
    assert_eq!(domain.with_path(&path), Err(SpiffeIdError::TooLong), "never emitted longer");
}

#[test]
fn a_prefix_holds_whole_segments_only() {
    let id = SpiffeId::parse("spiffe://a/team/web").unwrap();
    for (prefix, holds) in [
        ("/team", true),
        ("/team/", true),
        ("/team/web", true),
        ("/te", false),
        ("/", true),
        ("/team/web/x", false),
    ] {
        assert_eq!(id.is_under(prefix), holds, "{prefix}");
    }
}

/// SPIFFE-ID §2 read part by part, in other words than the parser's.
fn well_formed(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("spiffe://") else { return false };
    let mut parts = rest.split('/');
    let name = parts.next().unwrap();
    let in_name = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '_');
    let in_path = |c: char| in_name(c) || c.is_ascii_uppercase();
    let segment = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(in_path);
    !name.is_empty() && name.chars().all(in_name) && parts.all(segment)
}

proptest! {
    #[test]
    fn parsing_never_panics_and_what_parses_prints_itself(text in "\\PC{0,80}") {
        if let Ok(id) = SpiffeId::parse(&text) {
            prop_assert_eq!(id.as_str(), text);
        }
    }

    #[test]
    fn an_id_is_accepted_exactly_when_each_part_has_its_form(
        text in "(spiffe://|spiffe:/|)[a-b.:@A]{0,3}(/|[aZ9_?%-]|\\.){0,9}",
    ) {
        prop_assert_eq!(SpiffeId::parse(&text).is_ok(), well_formed(&text), "{}", text);
    }

    #[test]
    fn a_well_formed_id_parses_into_its_parts(
        name in "[a-z0-9._-]{1,40}", path in "(/[A-Za-z0-9_-]{1,9}){0,5}",
    ) {
        let id = SpiffeId::parse(&format!("spiffe://{name}{path}")).unwrap();
        prop_assert_eq!(id.trust_domain().as_str(), name);
        prop_assert_eq!(id.path(), path.clone());
        prop_assert_eq!(id.clone(), id.trust_domain().with_path(&path).unwrap());
    }
}
