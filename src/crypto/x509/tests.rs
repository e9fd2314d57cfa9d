//! X509-SVID.md as sentences: requirements 8 to 20 of the checklist, requests, and OpenSSL's opinion of what we make.

pub(crate) mod forge;
mod leaf;

use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use super::*;
use crate::crypto::keys::{Algorithm, KeyKind, PrivateKey, PublicKey, Scheme, Signer};
use crate::kernel::limits::CSR_BYTES_MAX;
use crate::kernel::{Lifetime, Timestamp};
use forge::{Ca, Forge, NOW, dns, domain, id, lax_key_usage, serial, uri};

fn verified(chain: &[&[u8]], roots: &Roots) -> Result<VerifiedSvid, SvidError> {
    verify_svid(chain, roots, NOW)
}

fn judged(forge: &Forge) -> Result<VerifiedSvid, SvidError> {
    let (leaf, root) = forge.make();
    verified(&[&leaf], &Roots::new(domain("a"), [root.as_slice()]).unwrap())
}

fn refused(what: &str, change: impl FnOnce(&mut Forge)) -> SvidError {
    judged(&Forge::with(change)).expect_err(what)
}

#[test]
fn spiffe_008_and_013_an_authority_carries_its_domains_id_without_a_path() {
    let view = CertificateView::parse(&Ca::of("example.org").der).unwrap();
    assert_eq!(view.uris, ["spiffe://example.org"]);
    assert_eq!((view.is_ca, view.path_length), (Some(true), None));
    let usage = view.key_usage.unwrap();
    assert!(usage.critical && usage.certificate_sign && usage.crl_sign);
    assert!(!usage.digital_signature && !usage.key_encipherment && !usage.key_agreement);
    assert!(view.subject_key_id.is_some(), "the key identifier is the authority's name");
    assert!(view.is_self_issued());
}

#[test]
fn spiffe_009_id_and_key_are_signed() {
    let ca = Ca::of("a");
    let (leaf, _) = ca.leaf("spiffe://a/bbbbbbbb");
    let other = PrivateKey::generate(Algorithm::P256).unwrap();
    let found = |part: &[u8]| leaf.windows(part.len()).position(|window| window == part).unwrap();
    let key = CertificateView::parse(&leaf).unwrap().spki;
    for (at, forged) in [
        (found(b"spiffe://a/bbbbbbbb"), b"spiffe://a/cccccccc".as_slice()),
        (found(&key), other.public().spki()),
    ] {
        let mut tampered = leaf.clone();
        tampered[at..at + forged.len()].copy_from_slice(forged);
        assert!(matches!(verified(&[&tampered], &ca.roots()), Err(SvidError::Path(_))));
    }
    assert!(verified(&[&leaf], &ca.roots()).is_ok());
}

#[test]
fn spiffe_010_a_leaf_has_exactly_one_uri_name_and_may_have_others() {
    let none = refused("no URI", |forge| forge.params.subject_alt_names = vec![dns("a.example")]);
    assert_eq!(none, SvidError::UriCount(0));
    let two = refused("two URIs", |forge| forge.params.subject_alt_names.push(uri("spiffe://a/c")));
    assert_eq!(two, SvidError::UriCount(2));
    let web = refused("a web URI beside it", |forge| {
        forge.params.subject_alt_names.push(uri("https://a/c"));
    });
    assert_eq!(web, SvidError::UriCount(2));
    let with_dns = Forge::with(|forge| forge.params.subject_alt_names.push(dns("a.example")));
    assert_eq!(judged(&with_dns).unwrap().id, id("spiffe://a/b"));
}

#[test]
fn spiffe_011_a_leafs_id_has_a_path() {
    let root_path =
        refused("no path", |forge| forge.params.subject_alt_names = vec![uri("spiffe://a")]);
    assert_eq!(root_path, SvidError::RootPath);
    for bad in ["spiffe://a/", "spiffe://A/b", "http://a/b", "spiffe://a/b?c", "spiffe://a/../b"] {
        let error = refused(bad, |forge| forge.params.subject_alt_names = vec![uri(bad)]);
        assert!(matches!(error, SvidError::Id(_)), "{bad}: {error}");
    }
}

#[test]
fn spiffe_012_names_are_critical_exactly_when_the_subject_is_empty() {
    let ca = Ca::of("a");
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let names: [Arc<str>; 1] = [Arc::from("web.example")];
    for (organization, dns_names, critical) in
        [(None, &names[..0], true), (None, &names[..], false), (Some("Weft"), &names[..0], false)]
    {
        let template = LeafTemplate {
            id: &id("spiffe://a/b"),
            dns_names,
            organization,
            serial: serial(1),
            not_before: NOW,
            not_after: NOW.plus(Lifetime::hours(1)),
        };
        let leaf = ca.issuer.sign_leaf(&template, key.public()).unwrap();
        let view = CertificateView::parse(&leaf).unwrap();
        assert_eq!((view.subject_is_empty(), view.names_critical), (critical, critical));
        assert!(verified(&[&leaf], &ca.roots()).is_ok(), "and both verify");
    }
}

#[test]
fn spiffe_014_an_authority_is_never_a_peer() {
    let ca = Ca::of("a");
    assert_eq!(verified(&[&ca.der], &ca.roots()), Err(SvidError::Authority), "the root itself");
    let below = ca.below(None, 5);
    assert_eq!(verified(&[&below.der], &ca.roots()), Err(SvidError::Authority), "one below it");
    let named = refused("an authority with a path", |forge| {
        forge.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    assert_eq!(named, SvidError::Authority);
}

#[test]
fn spiffe_015_and_017_and_018_a_leaf_of_ours_is_no_authority_and_serves_both_sides() {
    let view = CertificateView::parse(&Ca::of("a").leaf("spiffe://a/b").0).unwrap();
    assert_eq!(
        (view.is_ca, view.path_length),
        (Some(false), None),
        "basic constraints are there and say no"
    );
    let usage = view.key_usage.unwrap();
    assert!(
        usage.critical && usage.digital_signature && usage.key_encipherment && usage.key_agreement
    );
    assert!(!usage.certificate_sign && !usage.crl_sign);
    assert_eq!(view.extended_key_usage, Some(ExtendedUsages { server: true, client: true }));
    assert!(view.authority_key_id.is_some() && view.subject_key_id.is_some());
}

#[test]
fn spiffe_015_an_authority_may_bound_how_many_stand_below_it() {
    let ca = Ca::of("a");
    let bounded = ca.below(Some(0), 3);
    assert_eq!(CertificateView::parse(&bounded.der).unwrap().path_length, Some(0));
    let (leaf, _) = bounded.leaf("spiffe://a/b");
    assert!(verified(&[&leaf, &bounded.der], &ca.roots()).is_ok());
    let too_deep = bounded.below(None, 4);
    let (leaf, _) = too_deep.leaf("spiffe://a/b");
    let refused = verified(&[&leaf, &too_deep.der, &bounded.der], &ca.roots());
    assert!(matches!(refused, Err(SvidError::Path(_))), "{refused:?}");
}

/// permittedSubtrees of URI `host`, which path validation does not implement: it must refuse, and must not fall over.
#[test]
fn spiffe_016_uri_name_constraints_do_not_crash_the_validator() {
    let constraint = |host: &[u8]| {
        let name = [&[0x86, u8::try_from(host.len()).unwrap()], host].concat();
        let tree = [&[0x30, u8::try_from(name.len()).unwrap()], name.as_slice()].concat();
        let permitted = [&[0xa0, u8::try_from(tree.len()).unwrap()], tree.as_slice()].concat();
        let whole =
            [&[0x30, u8::try_from(permitted.len()).unwrap()], permitted.as_slice()].concat();
        let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 30], whole);
        extension.set_criticality(true);
        extension
    };
    for host in [b"a".as_slice(), b"", b".a", b"\xff\xfe", b"http://["] {
        let forge = Forge::with(|forge| forge.root.custom_extensions = vec![constraint(host)]);
        let (leaf, root) = forge.make();
        match Roots::new(domain("a"), [root.as_slice()]) {
            Ok(roots) => assert!(
                verified(&[&leaf], &roots).is_err(),
                "what is not understood is not trusted"
            ),
            Err(error) => assert_eq!(error, CertificateError::Extension),
        }
    }
}

#[test]
fn spiffe_017_and_020_key_usage_is_there_critical_and_a_leafs() {
    let absent = refused("no key usage", |forge| forge.params.key_usages.clear());
    assert_eq!(absent, SvidError::KeyUsage);
    let lax = refused("not critical", |forge| {
        forge.params.key_usages.clear();
        forge.params.custom_extensions = vec![lax_key_usage()];
    });
    assert_eq!(lax, SvidError::KeyUsage);
    let cannot_sign = refused("no digitalSignature", |forge| {
        forge.params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    });
    assert_eq!(cannot_sign, SvidError::KeyUsage);
    for bad in [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign] {
        let error = refused("an authority's usage", |forge| forge.params.key_usages.push(bad));
        assert_eq!(error, SvidError::Authority, "{bad:?}");
    }
}

#[test]
fn spiffe_017_an_intermediate_without_key_cert_sign_is_refused() {
    let root_key = KeyPair::generate().unwrap();
    let forge = Forge::good();
    let root = forge.root.self_signed(&root_key).unwrap();
    let issuer = rcgen::Issuer::from_params(&forge.root, &root_key);
    let mut middle_params = forge.root.clone();
    middle_params.key_usages = vec![KeyUsagePurpose::CrlSign];
    middle_params.distinguished_name.push(rcgen::DnType::OrganizationName, "middle");
    let middle_key = KeyPair::generate().unwrap();
    let middle = middle_params.signed_by(&middle_key, &issuer).unwrap();
    let leaf_key = KeyPair::generate().unwrap();
    let middle_issuer = rcgen::Issuer::from_params(&middle_params, &middle_key);
    let leaf = forge.params.signed_by(&leaf_key, &middle_issuer).unwrap();
    let roots = Roots::new(domain("a"), [root.der().as_ref()]).unwrap();
    assert_eq!(verified(&[leaf.der(), middle.der()], &roots), Err(SvidError::Intermediate));
}

#[test]
fn spiffe_018_an_extended_key_usage_holds_both_purposes_or_is_absent() {
    for only in [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth] {
        let error =
            refused("one purpose", |forge| forge.params.extended_key_usages = vec![only.clone()]);
        assert_eq!(error, SvidError::ExtendedKeyUsage);
    }
    let absent = Forge::with(|forge| forge.params.extended_key_usages.clear());
    assert!(judged(&absent).is_ok());
}

#[test]
fn spiffe_019_only_the_bundle_of_the_svids_own_domain_counts() {
    let (ours, theirs) = (Ca::of("a"), Ca::of("b"));
    let (leaf, _) = ours.leaf("spiffe://a/b");
    let (posing, _) = theirs.leaf("spiffe://a/b");
    assert!(
        matches!(verified(&[&posing], &ours.roots()), Err(SvidError::Path(_))),
        "signed by another"
    );
    assert!(matches!(verified(&[&leaf], &theirs.roots()), Err(SvidError::TrustDomain { .. })));
    let under_wrong_name = Roots::new(domain("b"), [ours.der.as_slice()]).unwrap();
    assert!(matches!(verified(&[&leaf], &under_wrong_name), Err(SvidError::TrustDomain { .. })));
    let none = Roots::new(domain("a"), []).unwrap();
    assert!(none.is_empty() && verified(&[&leaf], &none).is_err(), "an empty bundle trusts nobody");
}

#[test]
fn spiffe_019_validity_is_that_of_every_certificate_up_to_the_root() {
    let ca = Ca::of("a");
    let hour = Lifetime::hours(1);
    let at = |from: Timestamp, until: Timestamp| {
        let (leaf, _) = ca.leaf_valid("spiffe://a/b", from, until);
        verified(&[&leaf], &ca.roots()).map(|svid| (svid.not_before, svid.not_after))
    };
    assert_eq!(
        at(NOW.minus(hour), NOW.minus(Lifetime::seconds(1))),
        Err(SvidError::Expired { now: NOW, ended: NOW.minus(Lifetime::seconds(1)) })
    );
    assert_eq!(
        at(NOW.plus(Lifetime::seconds(1)), NOW.plus(hour)),
        Err(SvidError::NotYetValid { now: NOW, begins: NOW.plus(Lifetime::seconds(1)) })
    );
    assert_eq!(at(NOW, NOW), Ok((NOW, NOW)), "first and last second belong to it");
    let ended = Ca::valid("a", NOW.minus(hour), NOW.minus(Lifetime::seconds(1)));
    let (leaf, _) = ended.leaf("spiffe://a/b");
    assert!(verified(&[&leaf], &ended.roots()).is_err(), "a root that has ended is no root");
}

#[test]
fn spiffe_020_a_good_svid_says_whom_it_names() {
    let ca = Ca::of("a");
    let middle = ca.below(Some(0), 9);
    let (leaf, key) = middle.leaf("spiffe://a/b");
    let svid = verified(&[&leaf, &middle.der], &ca.roots()).unwrap();
    assert_eq!(svid.id, id("spiffe://a/b"));
    assert_eq!(svid.serial, serial(2).hex());
    assert_eq!(svid.public_key, *key.public());
    assert_eq!(svid.key_digest, key.public().digest());
    assert_eq!(svid, svid_of_verified_peer(&leaf).unwrap());
}

#[test]
fn garbage_and_too_much_of_it_are_refused() {
    let ca = Ca::of("a");
    let (leaf, _) = ca.leaf("spiffe://a/b");
    assert_eq!(verified(&[], &ca.roots()), Err(SvidError::Empty));
    assert_eq!(verified(&[leaf.as_slice(); 6], &ca.roots()), Err(SvidError::TooLong));
    let with_tail = [leaf.as_slice(), b"x"].concat();
    assert_eq!(
        verified(&[&with_tail], &ca.roots()),
        Err(SvidError::Certificate(CertificateError::Malformed))
    );
    for cut in 0..leaf.len() {
        assert!(verified(&[&leaf[..cut]], &ca.roots()).is_err());
    }
    for at in 0..leaf.len() {
        let mut bent = leaf.clone();
        bent[at] ^= 0x55;
        assert!(
            verified(&[&bent], &ca.roots()).is_err(),
            "byte {at} is not covered by the signature"
        );
    }
    assert!(Roots::new(domain("a"), [b"junk".as_slice()]).is_err());
}

#[test]
fn serial_numbers_are_positive_and_differ() {
    let entropy = crate::testkit::SeededEntropy::new(1);
    let serials: std::collections::HashSet<String> =
        (0..100).map(|_| Serial::new(&entropy).unwrap().hex()).collect();
    assert_eq!(serials.len(), 100);
    assert!(serials.iter().all(|hex| !hex.starts_with('0') && hex.len() > 24));
    assert!(
        serials.iter().all(|hex| hex.len() < 32 || hex.as_bytes()[0] < b'8'),
        "the top bit is clear"
    );
}

#[test]
fn a_request_gives_its_key_and_nothing_else() {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let der = csr::create(&key).unwrap();
    assert_eq!(csr::public_key(&der).as_ref(), Ok(key.public()));
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![uri("spiffe://other/admin")];
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let greedy = KeyPair::generate().unwrap();
    let der = params.serialize_request(&greedy).unwrap();
    assert_eq!(
        csr::public_key(der.der()).unwrap().bits(),
        rcgen::PublicKeyData::der_bytes(&greedy)
    );
}

#[test]
fn a_request_signed_by_another_key_is_refused() {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let other = PrivateKey::generate(Algorithm::P256).unwrap();
    let der = csr::create(&key).unwrap();
    let at = der.windows(91).position(|window| window == key.public().spki()).unwrap();
    let mut stolen = der.clone();
    stolen[at..at + 91].copy_from_slice(other.public().spki());
    assert_eq!(csr::public_key(&stolen), Err(csr::CsrError::Signature));
    assert_eq!(csr::public_key(&[der.as_slice(), &[0]].concat()), Err(csr::CsrError::Malformed));
    assert_eq!(csr::public_key(&vec![0; CSR_BYTES_MAX + 1]), Err(csr::CsrError::TooLong));
    for cut in 0..der.len() {
        assert!(csr::public_key(&der[..cut]).is_err());
    }
}

/// A request whose digest belongs to another curve than its key: the key must come out, and go in, unchanged.
#[test]
fn a_p384_key_in_a_request_signed_with_sha256_stays_a_p384_key() {
    let directory = tempfile::tempdir().unwrap();
    let (key, request) = (directory.path().join("k.pem"), directory.path().join("r.der"));
    openssl(&["ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", key.to_str().unwrap()]);
    let arguments = ["req", "-new", "-sha256", "-subj", "/CN=x", "-outform", "DER", "-key"];
    openssl(
        &[&arguments[..], &[key.to_str().unwrap(), "-out", request.to_str().unwrap()]].concat(),
    );
    let public = csr::public_key(&std::fs::read(&request).unwrap()).unwrap();
    assert_eq!(public.kind(), KeyKind::P384);
    let ca = Ca::of("a");
    let template = LeafTemplate {
        id: &id("spiffe://a/b"),
        dns_names: &[],
        organization: None,
        serial: serial(1),
        not_before: NOW,
        not_after: NOW.plus(Lifetime::hours(1)),
    };
    let leaf = ca.issuer.sign_leaf(&template, &public).unwrap();
    assert_eq!(verified(&[&leaf], &ca.roots()).unwrap().public_key, public);
    let theirs = openssl(&["ec", "-pubout", "-outform", "DER", "-in", key.to_str().unwrap()]);
    assert_eq!(public.spki(), theirs.as_slice());
}

#[test]
fn every_kind_of_key_is_certified_unchanged_and_weak_ones_are_refused() {
    let ca = Ca::of("a");
    for (arguments, kind) in [
        (
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            Some(KeyKind::P256),
        ),
        (
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            Some(KeyKind::P521),
        ),
        (
            ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            Some(KeyKind::Rsa(2048)),
        ),
        (["genpkey", "-algorithm", "ED25519", "-outform", "PEM"], Some(KeyKind::Ed25519)),
        (["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], None),
        (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], None),
        (["genpkey", "-algorithm", "ED448", "-outform", "PEM"], None),
    ] {
        let pem = openssl(&arguments);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&pem).unwrap();
        let path = file.path().to_str().unwrap();
        let request = openssl(&["req", "-new", "-subj", "/CN=x", "-outform", "DER", "-key", path]);
        let found = csr::public_key(&request);
        assert_eq!(found.as_ref().ok().map(PublicKey::kind), kind, "{arguments:?}: {found:?}");
        let Ok(public) = found else { continue };
        let template = LeafTemplate {
            id: &id("spiffe://a/b"),
            dns_names: &[],
            organization: None,
            serial: serial(1),
            not_before: NOW,
            not_after: NOW.plus(Lifetime::hours(1)),
        };
        let leaf = ca.issuer.sign_leaf(&template, &public).unwrap();
        assert_eq!(verified(&[&leaf], &ca.roots()).unwrap().public_key, public);
    }
}

#[test]
fn keys_sign_what_their_public_halves_verify() {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let again = PrivateKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
    assert_eq!(key.public(), again.public());
    let signature = again.sign(b"message").unwrap();
    assert!(key.public().verify(Scheme::EcdsaSha256, b"message", &signature));
    assert!(!key.public().verify(Scheme::EcdsaSha256, b"massage", &signature));
    assert!(!key.public().verify(Scheme::EcdsaSha384, b"message", &signature));
    assert!(
        !key.public().verify(Scheme::RsaPssSha256, b"message", &signature),
        "another sort of key"
    );
    let fixed = again.sign_fixed(b"message").unwrap();
    let der = crate::crypto::keys::ecdsa_der(&fixed[..32], &fixed[32..]).unwrap();
    assert!(key.public().verify(Scheme::EcdsaSha256, b"message", &der));
    assert_eq!(format!("{key:?}").matches("PublicKey").count(), 1, "no private part is printed");
}

/// SPIRE's agents leave the length of the salt to Go, which takes the longest; other peers take the digest's.
#[test]
fn a_pss_signature_verifies_with_the_salt_it_was_made_with_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (key, data) = (file("key"), file("data"));
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &key]);
    std::fs::write(&data, b"message").unwrap();
    let public = openssl(&["pkey", "-pubout", "-outform", "DER", "-in", &key]);
    let public = PublicKey::from_spki_der(&public).unwrap();
    for (salt, longest) in [("max", true), ("digest", false)] {
        let salt = format!("rsa_pss_saltlen:{salt}");
        let options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", &salt, "-sign", &key, &data];
        let signature = openssl(&[&["dgst", "-sha256"][..], &options].concat());
        let verifies = |scheme| public.verify(scheme, b"message", &signature);
        assert_eq!(verifies(Scheme::RsaPssSha256LongestSalt), longest, "{salt}");
        assert_eq!(verifies(Scheme::RsaPssSha256), !longest, "{salt}");
    }
}

#[test]
fn a_point_off_its_curve_and_a_compressed_one_are_no_keys() {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let mut off = key.public().spki().to_vec();
    off[90] ^= 1;
    assert!(PublicKey::from_spki_der(&off).is_err());
    let mut compressed = key.public().spki().to_vec();
    compressed[26] = 2;
    assert!(PublicKey::from_spki_der(&compressed).is_err());
    assert!(PublicKey::from_spki_der(&[]).is_err());
}

/// OpenSSL verifies each kind of certificate that we make, and reads in it what we meant.
#[test]
#[expect(clippy::too_many_lines, reason = "one chain, read from its root to its leaf")]
fn openssl_accepts_root_intermediate_and_leaf() {
    let root = Ca::of("example.org");
    let middle = root.below(Some(0), 77);
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let names: [Arc<str>; 2] = [Arc::from("web.example.org"), Arc::from("www.example.org")];
    let template = LeafTemplate {
        id: &id("spiffe://example.org/web"),
        dns_names: &names,
        organization: Some("Weft"),
        serial: serial(3),
        not_before: NOW.minus(Lifetime::seconds(10)),
        not_after: NOW.plus(Lifetime::hours(1)),
    };
    let leaf = middle.issuer.sign_leaf(&template, key.public()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, der: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, pem(der)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (root_path, middle_path) = (file("root", &root.der), file("middle", &middle.der));
    let leaf_path = file("leaf", &leaf);
    let now = NOW.seconds().to_string();
    let always = ["verify", "-x509_strict", "-attime", now.as_str(), "-CAfile", root_path.as_str()];
    openssl(&[&always[..], &[&root_path]].concat());
    openssl(&[&always[..], &[&middle_path]].concat());
    for purpose in ["sslserver", "sslclient"] {
        openssl(
            &[&always[..], &["-purpose", purpose, "-untrusted", &middle_path, &leaf_path]].concat(),
        );
    }
    let text =
        |path: &str| String::from_utf8(openssl(&["x509", "-noout", "-text", "-in", path])).unwrap();
    for (path, expected) in [
        (
            &root_path,
            vec![
                "CA:TRUE",
                "Certificate Sign, CRL Sign",
                "URI:spiffe://example.org\n",
                "ecdsa-with-SHA256",
            ],
        ),
        (&middle_path, vec!["CA:TRUE, pathlen:0", "Authority Key Identifier"]),
        (
            &leaf_path,
            vec![
                "CA:FALSE",
                "Digital Signature, Key Encipherment, Key Agreement",
                "TLS Web Server Authentication, TLS Web Client Authentication",
                "URI:spiffe://example.org/web, DNS:web.example.org, DNS:www.example.org",
                "CN = web.example.org",
                "Subject Key Identifier",
                "Authority Key Identifier",
            ],
        ),
    ] {
        let text = text(path);
        for part in expected {
            assert!(text.contains(part), "`{part}` is not in {text}");
        }
    }
}

#[test]
fn openssl_accepts_our_requests() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    file.write_all(&csr::create(&key).unwrap()).unwrap();
    let path = file.path().to_str().unwrap();
    let out = openssl(&["req", "-inform", "DER", "-verify", "-noout", "-text", "-in", path]);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("ecdsa-with-SHA256") && !text.contains("URI:"), "{text}");
}

fn pem(der: &[u8]) -> String {
    let body = crate::crypto::digest::base64(der);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .expect("openssl is installed by `make packages`");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {words}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    output.stdout
}
