//! Where a question comes from, and how the person behind it signed in: as facts that policies read.
//!
//! The one place where a situation becomes facts, so that they mean the same in every action; `trial` reads them back. What is
//! unknown has the value that compares worst: a policy that forgets the case refuses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::model::Fact;
use super::trial::GivenFact;
use crate::kernel::{
    Address, AddressSource, Assurance, Authentication, Lifetime, Situation, Timestamp,
};

/// Each fact of a situation at this time, by the name that policies have for it.
pub(super) fn facts(
    situation: &Situation,
    now: Timestamp,
) -> [(&'static str, Fact<'_>); FACTS.len()] {
    let (address, shown) = (situation.address, situation.authentication.as_ref());
    let age = shown.map_or(i64::MAX, |shown| now.since(shown.at).as_seconds());
    let source = address.map_or("", |address| address.source.as_str());
    [
        ("address", Fact::Address(address.map_or(NOWHERE, |address| address.ip))),
        ("address_source", Fact::Text(source)),
        ("assurance", Fact::Number(shown.map_or(0, |shown| shown.assurance.level()))),
        ("amr", Fact::Texts(shown.map_or(&[], |shown| &shown.amr))),
        ("sign_in_age_seconds", Fact::Number(age)),
        ("upstream", Fact::Text(shown.and_then(|shown| shown.upstream.as_deref()).unwrap_or(""))),
    ]
}

/// The situation that these facts tell of, now; or which of them cannot be, in words. Where one of a sign-in is given, there was
/// one: just now and with one factor, unless the others say so.
pub(super) fn given(
    facts: &BTreeMap<String, GivenFact>,
    now: Timestamp,
) -> Result<Situation, String> {
    let wrong = |name: &str, is: &str| Err(format!("the fact `{name}` is {is}"));
    let (mut address, mut source) = (None, AddressSource::Connection);
    let mut shown =
        Authentication { at: now, assurance: Assurance::Aal1, amr: Arc::from([]), upstream: None };
    let mut signed_in = false;
    for name in FACTS {
        let Some(fact) = facts.get(name) else { continue };
        match (name, fact) {
            ("address", GivenFact::Text(text)) => match text.parse::<IpAddr>() {
                Ok(ip) => address = Some(ip.to_canonical()),
                Err(_) => return wrong(name, "a network address: `192.0.2.1`"),
            },
            ("address_source", GivenFact::Text(text)) => {
                let known = [AddressSource::Connection, AddressSource::SignIn];
                match known.into_iter().find(|known| known.as_str() == text) {
                    Some(known) => source = known,
                    None => return wrong(name, "`connection` or `sign_in`"),
                }
            }
            ("assurance", GivenFact::Number(0)) => {}
            ("assurance", GivenFact::Number(level)) => {
                match Assurance::ALL.into_iter().find(|known| known.level() == *level) {
                    Some(known) => (shown.assurance, signed_in) = (known, true),
                    None => return wrong(name, "0 to 3"),
                }
            }
            ("amr", GivenFact::Texts(texts)) => {
                (shown.amr, signed_in) = (Arc::from(texts.as_slice()), true);
            }
            ("sign_in_age_seconds", GivenFact::Number(seconds)) if *seconds >= 0 => {
                (shown.at, signed_in) = (now.minus(Lifetime::seconds(*seconds)), true);
            }
            ("upstream", GivenFact::Text(text)) => {
                let vouched = !text.is_empty();
                shown.upstream = vouched.then(|| Arc::from(text.as_str()));
                signed_in |= vouched;
            }
            ("amr", _) => return wrong(name, "a list of texts"),
            ("assurance" | "sign_in_age_seconds", _) => {
                return wrong(name, "a whole number, and not below zero");
            }
            _ => return wrong(name, "a text"),
        }
    }
    Ok(Situation {
        address: address.map(|ip| Address { ip, source }),
        authentication: signed_in.then_some(shown),
    })
}

/// The names of the facts, for whoever asks whether a policy reads one.
pub(super) const FACTS: [&str; 6] =
    ["address", "address_source", "assurance", "amr", "sign_in_age_seconds", "upstream"];
/// In no network that a policy would let in.
const NOWHERE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
