//! Certificates of ours: authorities and leaves (X509-SVID §2–4).

use std::fmt;
use std::sync::Arc;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyIdMethod, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::CertificateView;
use super::rcgen_keys::{IssuerKey, OwnKey, SubjectKey};
use crate::crypto::digest::hex;
use crate::crypto::keys::{PublicKey, Signer};
use crate::env::Entropy;
use crate::kernel::{Fault, SpiffeId, Timestamp, TrustDomain};

/// A serial number: 127 random bits, so that it is positive and never repeats (RFC 5280 §4.1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serial([u8; 16]);

/// What an authority's certificate says.
#[derive(Debug, Clone, Copy)]
pub struct CaTemplate<'a> {
    /// The domain it issues for: its ID, without a path, is the certificate's URI name (X509-SVID §3.2).
    pub trust_domain: &'a TrustDomain,
    /// Its serial number, also part of its subject.
    pub serial: Serial,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// How many authorities may stand below it; nothing for any number.
    pub path_length: Option<u8>,
}

/// What a leaf says.
#[derive(Debug, Clone, Copy)]
pub struct LeafTemplate<'a> {
    /// The one URI name.
    pub id: &'a SpiffeId,
    /// DNS names; the first is also the common name.
    pub dns_names: &'a [Arc<str>],
    /// The organisation in the subject; without it and without a DNS name the subject is empty and the names are critical.
    pub organization: Option<&'a str>,
    /// Its serial number.
    pub serial: Serial,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
}

/// An authority's certificate and key, ready to sign: everything that all its leaves share is made once.
pub struct Issuer {
    shared: rcgen::Issuer<'static, IssuerKey>,
    signer: Arc<dyn Signer>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Serial {
    /// A new one.
    pub fn new(entropy: &dyn Entropy) -> Result<Self, Fault> {
        let mut bytes: [u8; 16] = entropy.nonce()?;
        let [first, ..] = &mut bytes;
        *first &= 0x7f;
        Ok(Self(bytes))
    }

    /// As `CertificateView::serial` prints it.
    pub fn hex(self) -> String {
        hex(&self.0).trim_start_matches('0').to_owned()
    }
}

impl Issuer {
    /// Takes up an authority. The key must be the certificate's.
    pub fn new(certificate: &[u8], signer: Arc<dyn Signer>) -> Result<Self, Fault> {
        let view = CertificateView::parse(certificate)
            .map_err(|error| Fault::malformed("authority certificate", error))?;
        if view.spki != signer.public_key().spki() {
            return Err(Fault::malformed(
                "authority certificate",
                "it certifies another key than the one given",
            ));
        }
        if view.is_ca != Some(true) || view.subject_key_id.is_none() {
            return Err(Fault::malformed(
                "authority certificate",
                "it is no certificate authority with a key identifier",
            ));
        }
        let issuer = rcgen::Issuer::from_ca_cert_der(
            &CertificateDer::from(certificate),
            IssuerKey(Arc::clone(&signer)),
        )
        .map_err(|error| Fault::malformed("authority certificate", error))?;
        Ok(Self { shared: issuer, signer, not_before: view.not_before, not_after: view.not_after })
    }

    /// First second in which it may sign.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Last second of its validity: nothing that it signs lives longer.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The key behind it.
    pub fn signer(&self) -> &Arc<dyn Signer> {
        &self.signer
    }

    /// Signs a leaf for this key.
    pub fn sign_leaf(&self, leaf: &LeafTemplate<'_>, key: &PublicKey) -> Result<Vec<u8>, Fault> {
        self.sign(&leaf_params(leaf, key)?, key)
    }

    /// Signs an authority below this one.
    pub fn sign_ca(&self, ca: &CaTemplate<'_>, key: &PublicKey) -> Result<Vec<u8>, Fault> {
        let mut params = ca_params(ca, key)?;
        params.use_authority_key_identifier_extension = true;
        self.sign(&params, key)
    }

    fn sign(&self, params: &CertificateParams, key: &PublicKey) -> Result<Vec<u8>, Fault> {
        let certificate = params.signed_by(&SubjectKey(key), &self.shared).map_err(Fault::bug)?;
        Ok(certificate.der().to_vec())
    }
}

/// A self-signed authority (SPIFFE Trust Domain and Bundle: SHOULD be self-signed).
pub fn self_signed_ca(ca: &CaTemplate<'_>, signer: &dyn Signer) -> Result<Vec<u8>, Fault> {
    let params = ca_params(ca, signer.public_key())?;
    let certificate = params.self_signed(&OwnKey(signer)).map_err(Fault::bug)?;
    Ok(certificate.der().to_vec())
}

/// The subject of an authority. Each has its own: equal subjects make verifiers try every key, and Go stops after a few.
pub fn ca_name(serial: Serial) -> String {
    format!("Weft CA {}", hex(&serial.0))
}

fn ca_params(ca: &CaTemplate<'_>, key: &PublicKey) -> Result<CertificateParams, Fault> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
    params.distinguished_name.push(DnType::CommonName, ca_name(ca.serial));
    params.subject_alt_names = vec![SanType::URI(ia5(ca.trust_domain.id().as_str())?)];
    params.is_ca = IsCa::Ca(
        ca.path_length.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained),
    );
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    finish(&mut params, key, ca.serial, (ca.not_before, ca.not_after))?;
    Ok(params)
}

fn leaf_params(leaf: &LeafTemplate<'_>, key: &PublicKey) -> Result<CertificateParams, Fault> {
    let mut params = CertificateParams::default();
    params.distinguished_name = leaf_subject(leaf);
    params.subject_alt_names = Vec::with_capacity(1 + leaf.dns_names.len());
    params.subject_alt_names.push(SanType::URI(ia5(leaf.id.as_str())?));
    for name in leaf.dns_names {
        params.subject_alt_names.push(SanType::DnsName(ia5(name)?));
    }
    // `NoCa` would leave the basic constraints out, and strict validators refuse that (X509-SVID §4.1).
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyAgreement,
    ];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    finish(&mut params, key, leaf.serial, (leaf.not_before, leaf.not_after))?;
    Ok(params)
}

/// The common name is the first DNS name, for peers that still look there, if it fits (RFC 5280 App. A.1: 64 characters).
fn leaf_subject(leaf: &LeafTemplate<'_>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    if let Some(organization) = leaf.organization {
        subject.push(DnType::OrganizationName, organization);
    }
    if let Some(first) = leaf.dns_names.first().filter(|name| name.len() <= 64) {
        subject.push(DnType::CommonName, &**first);
    }
    subject
}

pub(super) fn finish(
    params: &mut CertificateParams,
    key: &PublicKey,
    serial: Serial,
    (not_before, not_after): (Timestamp, Timestamp),
) -> Result<(), Fault> {
    let digest = key.digest();
    // RFC 7093 §2 (1): the left-most 160 bits of SHA-256; here over the whole `SubjectPublicKeyInfo`, which we have already.
    let id = digest.get(..20).unwrap_or_default().to_vec();
    params.key_identifier_method = KeyIdMethod::PreSpecified(id);
    params.serial_number = Some(SerialNumber::from_slice(&serial.0));
    params.not_before = date(not_before)?;
    params.not_after = date(not_after)?;
    Ok(())
}

fn date(at: Timestamp) -> Result<OffsetDateTime, Fault> {
    OffsetDateTime::from_unix_timestamp(at.seconds()).map_err(Fault::bug)
}

fn ia5(text: &str) -> Result<Ia5String, Fault> {
    Ia5String::try_from(text).map_err(|error| Fault::malformed("name in a certificate", error))
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("key", self.signer.public_key()).finish_non_exhaustive()
    }
}

/// The organisation in the subjects of our authorities.
const ORGANIZATION: &str = "Weft";
