//! Values with only what matters.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use weft_proto::spire::api::types;

use crate::agent::convert;
use crate::agent::identity::Identity;
use crate::agent::model::{Bundle, Entry, X509Svid};
use crate::agent::settings;
use crate::crypto::keys::{Algorithm, PrivateKey, PublicKey};
use crate::crypto::x509::pem;
use crate::crypto::x509::{CaTemplate, Issuer, LeafTemplate, Serial, self_signed_ca};
use crate::env::{Clock as _, SystemClock, SystemEntropy};
use crate::kernel::{EntryId, Lifetime, Selector, SpiffeId, Timestamp, TrustDomain};

/// The trust domain of all tests.
pub(crate) const DOMAIN: &str = "example.org";

pub(crate) fn domain(name: &str) -> TrustDomain {
    TrustDomain::parse(name).unwrap()
}

pub(crate) fn id(path: &str) -> SpiffeId {
    domain(DOMAIN).with_path(path).unwrap()
}

pub(crate) fn now() -> Timestamp {
    SystemClock::new().now().whole_second()
}

/// A certificate authority of a trust domain.
pub(crate) struct Authority {
    pub(crate) der: Vec<u8>,
    pub(crate) issuer: Issuer,
}

impl Authority {
    pub(crate) fn new(trust_domain: &TrustDomain, now: Timestamp) -> Self {
        let key = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
        let template = CaTemplate {
            trust_domain,
            serial: Serial::new(&SystemEntropy::default()).unwrap(),
            not_before: now.minus(Lifetime::seconds(10)),
            not_after: now.plus(Lifetime::days(30)),
            path_length: None,
        };
        let der = self_signed_ca(&template, key.as_ref()).unwrap();
        let issuer = Issuer::new(&der, key).unwrap();
        Self { der, issuer }
    }

    /// A leaf for this key, and its serial.
    pub(crate) fn sign(
        &self,
        id: &SpiffeId,
        key: &PublicKey,
        now: Timestamp,
        life: Lifetime,
    ) -> (Vec<u8>, String) {
        let serial = Serial::new(&SystemEntropy::default()).unwrap();
        let leaf = LeafTemplate {
            id,
            dns_names: &[],
            organization: None,
            serial,
            not_before: now.minus(Lifetime::seconds(10)),
            not_after: now.plus(life),
        };
        (self.issuer.sign_leaf(&leaf, key).unwrap(), serial.hex())
    }
}

pub(crate) fn authority_certificate() -> Vec<u8> {
    Authority::new(&domain(DOMAIN), now()).der
}

pub(crate) fn agent_identity(path: &str) -> Identity {
    let key = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
    let authority = Authority::new(&domain(DOMAIN), now());
    let (leaf, _) = authority.sign(&id(path), key.public(), now(), Lifetime::hours(1));
    Identity::new(key, vec![leaf], false).unwrap()
}

/// The files of a node certificate, and its public key.
pub(crate) fn pop_files(dir: &Path) -> (settings::X509Pop, PublicKey) {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let authority = Authority::new(&domain("node.pki"), now());
    let node = domain("node.pki").with_path("/node/1").unwrap();
    let (leaf, _) = authority.sign(&node, key.public(), now(), Lifetime::hours(1));
    let (certificate, private_key) = (dir.join("node.pem"), dir.join("node.key"));
    std::fs::write(&certificate, pem("CERTIFICATE", &leaf).as_bytes()).unwrap();
    std::fs::write(&private_key, pem("PRIVATE KEY", key.to_pkcs8().unwrap().expose()).as_bytes())
        .unwrap();
    std::fs::set_permissions(&private_key, std::fs::Permissions::from_mode(0o600)).unwrap();
    (settings::X509Pop { certificate, private_key }, key.public().clone())
}

pub(crate) fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub(crate) fn selectors(texts: &[&str]) -> Arc<BTreeSet<Selector>> {
    Arc::new(texts.iter().map(|text| Selector::parse(text).unwrap()).collect())
}

/// An entry for user 1000, created in the order of its id's first letter.
pub(crate) fn plain_entry(name: &str, path: &str) -> Entry {
    Entry {
        id: EntryId::parse(name).unwrap(),
        spiffe_id: id(path),
        selectors: BTreeSet::clone(&selectors(&["unix:uid:1000"])),
        federates_with: BTreeSet::new(),
        expires_at: None,
        revision: 1,
        created_at: i64::from(name.as_bytes()[0]),
        hint: String::new(),
        prefetch: true,
        unique_tokens: false,
    }
}

pub(crate) fn entry(name: &str, path: &str) -> Arc<Entry> {
    Arc::new(plain_entry(name, path))
}

pub(crate) fn bundle(name: &str, sequence: u64) -> Arc<Bundle> {
    let message = types::Bundle {
        trust_domain: name.to_owned(),
        sequence_number: sequence,
        ..types::Bundle::default()
    };
    convert::bundle(&message).unwrap()
}

/// An SVID that nobody could use: the cache does not read certificates.
pub(crate) fn svid(entry: &Entry, now: Timestamp, life: Lifetime) -> Arc<X509Svid> {
    Arc::new(X509Svid {
        spiffe_id: entry.spiffe_id.clone(),
        chain: vec![1].into(),
        certificates: vec![vec![1].into()],
        key: vec![2].into(),
        not_before: now,
        expires_at: now.plus(life),
        renew_at: now.plus(life.divided_by(2)),
    })
}
