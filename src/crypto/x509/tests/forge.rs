//! Certificates for tests, right ones and every kind of wrong one.

use std::sync::Arc;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use time::OffsetDateTime;

use super::super::{CaTemplate, Issuer, LeafTemplate, Roots, Serial, self_signed_ca};
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::kernel::{Lifetime, SpiffeId, Timestamp, TrustDomain};
use crate::testkit::SeededEntropy;

/// The moment of these tests.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

pub(crate) fn domain(name: &str) -> TrustDomain {
    TrustDomain::parse(name).unwrap()
}

pub(crate) fn id(text: &str) -> SpiffeId {
    SpiffeId::parse(text).unwrap()
}

pub(crate) fn serial(seed: u64) -> Serial {
    Serial::new(&SeededEntropy::new(seed)).unwrap()
}

/// An authority of ours.
pub(crate) struct Ca {
    pub(crate) der: Vec<u8>,
    pub(crate) issuer: Issuer,
    pub(crate) domain: TrustDomain,
}

impl Ca {
    pub(crate) fn of(name: &str) -> Self {
        Self::valid(name, NOW.minus(Lifetime::hours(1)), NOW.plus(Lifetime::days(7)))
    }

    pub(crate) fn valid(name: &str, not_before: Timestamp, not_after: Timestamp) -> Self {
        Self::with_key(name, Algorithm::P256, (not_before, not_after))
    }

    pub(crate) fn with_key(
        name: &str,
        algorithm: Algorithm,
        (not_before, not_after): (Timestamp, Timestamp),
    ) -> Self {
        let domain = domain(name);
        let key = Arc::new(PrivateKey::generate(algorithm).unwrap());
        let template = CaTemplate {
            trust_domain: &domain,
            serial: serial(not_after.micros().unsigned_abs()),
            not_before,
            not_after,
            path_length: None,
        };
        let der = self_signed_ca(&template, key.as_ref()).unwrap();
        let issuer = Issuer::new(&der, key).unwrap();
        Self { der, issuer, domain }
    }

    pub(crate) fn roots(&self) -> Roots {
        Roots::new(self.domain.clone(), [self.der.as_slice()]).unwrap()
    }

    /// A good leaf and its key.
    pub(crate) fn leaf(&self, text: &str) -> (Vec<u8>, PrivateKey) {
        self.leaf_valid(text, NOW.minus(Lifetime::seconds(10)), NOW.plus(Lifetime::hours(1)))
    }

    pub(crate) fn leaf_valid(
        &self,
        text: &str,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> (Vec<u8>, PrivateKey) {
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let template = LeafTemplate {
            id: &id(text),
            dns_names: &[],
            organization: Some("Weft"),
            serial: serial(2),
            not_before,
            not_after,
        };
        (self.issuer.sign_leaf(&template, key.public()).unwrap(), key)
    }

    /// An authority below this one.
    pub(crate) fn below(&self, path_length: Option<u8>, seed: u64) -> Self {
        let key = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
        let template = CaTemplate {
            trust_domain: &self.domain,
            serial: serial(seed),
            not_before: NOW.minus(Lifetime::hours(1)),
            not_after: NOW.plus(Lifetime::days(1)),
            path_length,
        };
        let der = self.issuer.sign_ca(&template, key.public()).unwrap();
        let issuer = Issuer::new(&der, key).unwrap();
        Self { der, issuer, domain: self.domain.clone() }
    }
}

/// An authority and its leaves, made by another hand than ours, so that they may be wrong.
pub(crate) struct Forge {
    pub(crate) params: CertificateParams,
    pub(crate) root: CertificateParams,
}

impl Forge {
    /// A leaf with nothing wrong, and a root with nothing wrong.
    pub(crate) fn good() -> Self {
        let mut root = plain("forged root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let mut params = plain("forged leaf");
        params.subject_alt_names = vec![uri("spiffe://a/b")];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        Self { params, root }
    }

    pub(crate) fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut forge = Self::good();
        change(&mut forge);
        forge
    }

    /// Leaf and root in DER.
    pub(crate) fn make(&self) -> (Vec<u8>, Vec<u8>) {
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root = self.root.self_signed(&root_key).unwrap();
        let issuer = rcgen::Issuer::from_params(&self.root, &root_key);
        let leaf = self.params.signed_by(&key, &issuer).unwrap();
        (leaf.der().to_vec(), root.der().to_vec())
    }
}

pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(Ia5String::try_from(text).unwrap())
}

pub(crate) fn dns(text: &str) -> SanType {
    SanType::DnsName(Ia5String::try_from(text).unwrap())
}

/// Key usage that is not critical, which rcgen itself never writes.
pub(crate) fn lax_key_usage() -> CustomExtension {
    CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![0x03, 0x02, 0x07, 0x80])
}

fn plain(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = OffsetDateTime::from_unix_timestamp(NOW.seconds() - 3600).unwrap();
    params.not_after = OffsetDateTime::from_unix_timestamp(NOW.seconds() + 3600).unwrap();
    params
}
