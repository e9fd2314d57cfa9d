//! Documents: bundles, requests, certificates, tokens.

use serde_json::Value;
use weft::crypto::jose::{
    KeySet, parse_bundle_map, print_bundle, print_bundle_map, verify_jwt_svid,
};
use weft::crypto::x509::{CertificateView, LeafView, csr, split_chain, verify_svid};
use weft::kernel::limits::{BUNDLE_BYTES_MAX, CSR_BYTES_MAX};

use super::World;
use super::world::NOW;

/// What was read of a bundle, or of a map of bundles, is read again from what is printed.
pub(crate) fn bundle(_: &World, data: &[u8]) {
    if let Ok(set) = KeySet::parse(data) {
        assert!(data.len() <= BUNDLE_BYTES_MAX, "a larger bundle was taken");
        let printed = print_bundle(&set).to_string();
        let again = KeySet::parse(printed.as_bytes()).expect("what is printed is a bundle");
        assert_eq!(again, set, "{printed}");
    }
    if let Ok(map) = parse_bundle_map(data) {
        let printed = print_bundle_map(&map).to_string();
        let again = parse_bundle_map(printed.as_bytes()).expect("what is printed is a map");
        assert_eq!(again, map, "{printed}");
    }
}

/// A request that is accepted is signed over all that it says, by the key in it.
pub(crate) fn csr(_: &World, data: &[u8]) {
    let Ok(key) = csr::public_key(data) else { return };
    assert!(data.len() <= CSR_BYTES_MAX, "a larger request was taken");
    let spki = key.spki();
    let at = data.windows(spki.len()).position(|part| part == spki).expect("the key is in it");
    for place in [at.saturating_sub(1), at + spki.len() - 1] {
        let mut forged = data.to_vec();
        let byte = forged.get_mut(place).expect("the key is in it");
        *byte ^= 1;
        assert!(csr::public_key(&forged).is_err(), "a changed request was accepted");
    }
}

/// A chain is cut without loss, and no certificate verifies that our authority did not sign.
pub(crate) fn certificate(world: &World, data: &[u8]) {
    if let (Ok(view), Some(leaf)) = (CertificateView::parse(data), LeafView::parse(data)) {
        same(&view, &leaf);
    }
    let Ok(chain) = split_chain(data) else { return };
    assert_eq!(chain.concat(), data);
    let parts: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    if verify_svid(&parts, &world.roots, NOW).is_ok() {
        assert_eq!(parts.first().copied(), Some(world.node.leaf.as_slice()));
    }
}

/// The desk reads its own leaves with a reader of its own: where both can read, both say the same.
fn same(view: &CertificateView, leaf: &LeafView<'_>) {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    assert!(leaf.uris.iter().map(text).eq(view.uris.iter().cloned()));
    assert!(leaf.dns_names.iter().map(text).eq(view.dns_names.iter().cloned()));
    assert_eq!(leaf.names_critical, view.names_critical);
    assert_eq!((leaf.is_ca, leaf.has_path_length), (view.is_ca, view.path_length.is_some()));
    assert_eq!(leaf.key_usage, view.key_usage);
    assert_eq!(leaf.extended_key_usage, view.extended_key_usage);
    assert_eq!(leaf.validity, (view.not_before, view.not_after));
    assert_eq!(leaf.spki, view.spki);
}

/// A token is accepted only by our signature; its claims, whatever they are, are judged as the specification says.
pub(crate) fn jwt(world: &World, data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let judged = |token: &str, audience: &str| {
        verify_jwt_svid(token, audience, |_| Some(world.jwt_keys.clone()), NOW)
    };
    assert!(judged(&text, "shop").is_err(), "a token that we did not sign was accepted");
    let token = world.signer.sign(&text).expect("signing does not look at claims");
    let Ok(said) = judged(&token, "shop") else { return };
    assert!(said.expires_at > NOW && said.audience.iter().any(|one| one == "shop"));
    assert_eq!(said.claims.get("sub").and_then(Value::as_str), Some(said.id.as_str()));
    assert_eq!(judged(&token, "thief").is_ok(), said.audience.iter().any(|one| one == "thief"));
    let printed = Value::Object(said.claims.clone()).to_string();
    let again = judged(&world.signer.sign(&printed).unwrap(), "shop").expect("the same claims");
    assert_eq!(
        (again.id, again.audience, again.expires_at),
        (said.id, said.audience, said.expires_at)
    );
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let turned: String = signature.chars().rev().collect();
    assert!(turned == signature || judged(&format!("{signed}.{turned}"), "shop").is_err());
}
