//! What we write and read ourselves of a leaf, held against rcgen and x509-parser.

use std::sync::Arc;

use proptest::prelude::*;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
};

use super::super::build::finish;
use super::super::rcgen_keys::SubjectKey;
use super::super::{CertificateView, LeafTemplate, LeafView, Serial};
use super::forge::{Ca, NOW, dns, id, serial, uri};
use crate::crypto::der::{Reader, SEQUENCE};
use crate::crypto::keys::{Algorithm, PrivateKey, PublicKey, Signer};
use crate::kernel::{Lifetime, Timestamp};
use crate::testkit::SeededEntropy;

/// What may differ from leaf to leaf.
#[derive(Debug, Clone)]
struct Leaf {
    path: String,
    dns_names: Vec<Arc<str>>,
    organization: Option<String>,
    seed: u64,
    not_before: Timestamp,
    life: Lifetime,
    kind: usize,
}

fn leaves() -> impl Strategy<Value = Leaf> {
    let path = prop_oneof!["[a-z0-9._-]{1,40}", "[a-z]{100,200}(/[a-z]{1,300}){0,5}"];
    let path = path.prop_filter("no dots alone", |path| !path.contains('.'));
    let dns = prop::collection::vec("[a-z]{1,40}(\\.[a-z]{1,60}){0,4}".prop_map(Arc::from), 0..4);
    let organization = prop::option::of("[A-Za-zäé ]{1,200}");
    // From 1970 to 2100: both forms of a date.
    let dates = (0_i64..4_102_444_800, 1_i64..1_000_000);
    (path, dns, organization, any::<u64>(), dates, 0..KINDS).prop_map(
        |(path, dns_names, organization, seed, (from, life), kind)| Leaf {
            path,
            dns_names,
            organization,
            seed,
            not_before: Timestamp::from_seconds(from),
            life: Lifetime::seconds(life),
            kind,
        },
    )
}

/// The same leaf by rcgen.
fn by_rcgen(ca: &Ca, leaf: &LeafTemplate<'_>, key: &PublicKey) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(organization) = leaf.organization {
        params.distinguished_name.push(DnType::OrganizationName, organization);
    }
    if let Some(first) = leaf.dns_names.first().filter(|name| name.len() <= 64) {
        params.distinguished_name.push(DnType::CommonName, &**first);
    }
    params.subject_alt_names = vec![uri(leaf.id.as_str())];
    params.subject_alt_names.extend(leaf.dns_names.iter().map(|name| dns(name)));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyAgreement,
    ];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    finish(&mut params, key, leaf.serial, (leaf.not_before, leaf.not_after)).unwrap();
    params.signed_by(&SubjectKey(key), ca.issuer.by_rcgen()).unwrap().der().to_vec()
}

/// What is signed, and by which algorithm it says.
fn signed(certificate: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = Reader::new(Reader::only(certificate, SEQUENCE).unwrap());
    (parts.take(SEQUENCE).unwrap().whole, parts.take(SEQUENCE).unwrap().whole)
}

/// Both readers say the same, as far as both can read it. Not of issuer and subject: of a name that it cannot read
/// x509-parser gives its first bytes.
fn agree(der: &[u8]) -> bool {
    let (Some(ours), Ok(theirs)) = (LeafView::parse(der), CertificateView::parse(der)) else {
        return false;
    };
    let names = |names: &[String]| names.iter().map(|name| name.clone().into_bytes()).collect();
    let ours_of = |names: super::super::Names<'_>| names.iter().map(<[u8]>::to_vec).collect();
    let (uris, dns_names): (Vec<Vec<u8>>, Vec<Vec<u8>>) =
        (names(&theirs.uris), names(&theirs.dns_names));
    assert_eq!((ours_of(ours.uris), ours_of(ours.dns_names)), (uris, dns_names));
    assert_eq!(crate::crypto::digest::hex(ours.serial).trim_start_matches('0'), theirs.serial);
    assert_eq!(ours.validity, (theirs.not_before, theirs.not_after));
    assert_eq!(ours.spki, theirs.spki);
    assert_eq!(ours.names_critical, theirs.names_critical);
    assert_eq!((ours.is_ca, ours.has_path_length), (theirs.is_ca, theirs.path_length.is_some()));
    assert_eq!(ours.key_usage, theirs.key_usage);
    assert_eq!(ours.extended_key_usage, theirs.extended_key_usage);
    assert_eq!(ours.subject_key_id, theirs.subject_key_id.as_deref());
    assert_eq!(ours.authority_key_id, theirs.authority_key_id.as_deref());
    true
}

fn keys() -> Vec<PublicKey> {
    let kinds =
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519];
    let spki = |kind| {
        let pair = rcgen::KeyPair::generate_for(kind).unwrap();
        rcgen::PublicKeyData::subject_public_key_info(&pair)
    };
    let mut keys = kinds.map(|kind| PublicKey::from_spki_der(&spki(kind)).unwrap()).to_vec();
    keys.push(PrivateKey::generate(Algorithm::Rsa2048).unwrap().public_key().clone());
    keys
}

/// Authorities that differ in what their leaves share: names short and long, and both algorithms.
fn authorities() -> [Ca; 3] {
    let life = (NOW, NOW.plus(Lifetime::days(7)));
    let rsa = Ca::with_key("a", Algorithm::Rsa2048, life);
    [Ca::of("a"), Ca::of(&"a".repeat(200)).below(None, 1), rsa]
}

#[test]
fn a_leaf_is_byte_for_byte_what_rcgen_writes_and_reads_back_as_x509_parser_reads_it() {
    let (cas, keys) = (authorities(), keys());
    proptest!(ProptestConfig::with_cases(2_000), |(leaf in leaves())| {
        let ca = &cas[usize::try_from(leaf.seed % 3).unwrap()];
        let template = LeafTemplate {
            id: &id(&format!("spiffe://a/{}", leaf.path)),
            dns_names: &leaf.dns_names,
            organization: leaf.organization.as_deref(),
            serial: Serial::new(&SeededEntropy::new(leaf.seed)).unwrap(),
            not_before: leaf.not_before,
            not_after: leaf.not_before.plus(leaf.life),
        };
        let ours = ca.issuer.sign_leaf(&template, &keys[leaf.kind]).unwrap();
        let theirs = by_rcgen(ca, &template, &keys[leaf.kind]);
        prop_assert_eq!(signed(&ours), signed(&theirs));
        prop_assert!(agree(&ours));
        let view = CertificateView::parse(&ours).unwrap();
        let leaf = LeafView::parse(&ours).unwrap();
        prop_assert_eq!((leaf.issuer, leaf.subject), (&*view.issuer, &*view.subject));
    });
}

#[test]
fn a_bent_leaf_is_refused_or_read_as_x509_parser_reads_it() {
    let (leaf, _) = Ca::of("a").leaf("spiffe://a/b");
    let mut both = 0;
    for at in 0..leaf.len() {
        assert!(LeafView::parse(&leaf[..at]).is_none(), "cut at {at}");
        for bit in 0..8 {
            let mut bent = leaf.clone();
            bent[at] ^= 1 << bit;
            both += usize::from(agree(&bent));
        }
    }
    assert!(both > 1_000, "names, numbers and keys can be other ones: {both}");
    assert!(LeafView::parse(&[leaf.as_slice(), b"x"].concat()).is_none());
}

#[test]
fn an_extension_that_is_there_twice_or_that_we_never_write_is_refused() {
    let (leaf, _) = Ca::of("a").leaf("spiffe://a/b");
    let constraints = b"\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00";
    let at = leaf.windows(constraints.len()).position(|window| window == constraints).unwrap();
    // In the place of the basic constraints: another identifier, one that is there already, a `critical` that is not DER.
    for (offset, byte) in [(5, 0x36), (4, 0x1e), (9, 0x01)] {
        let mut other = leaf.clone();
        other[at + offset] = byte;
        assert_eq!(LeafView::parse(&other), None, "{offset}");
    }
}

#[test]
fn names_outside_of_ascii_and_dates_that_no_certificate_can_say_are_refused() {
    let (ca, keys) = (Ca::of("a"), keys());
    let umlaut: [Arc<str>; 1] = [Arc::from("bücher.example")];
    let good = LeafTemplate {
        id: &id("spiffe://a/b"),
        dns_names: &[],
        organization: None,
        serial: serial(1),
        not_before: NOW,
        not_after: NOW,
    };
    assert!(ca.issuer.sign_leaf(&good, &keys[0]).is_ok());
    for bad in [
        LeafTemplate { dns_names: &umlaut, ..good },
        LeafTemplate { not_after: Timestamp::FOREVER, ..good },
        LeafTemplate { not_before: Timestamp::from_seconds(-70_000_000_000), ..good },
    ] {
        assert!(ca.issuer.sign_leaf(&bad, &keys[0]).is_err(), "{bad:?}");
    }
}

const KINDS: usize = 4;
