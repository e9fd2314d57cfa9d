//! Certificates of ours: authorities, by rcgen, and what makes leaves (X509-SVID §2–4).

use std::fmt;
use std::sync::Arc;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyIdMethod,
    KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::CertificateView;
use super::leaf::Mould;
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
    mould: Mould,
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

    /// Its bytes, big-endian, without leading zeros.
    pub fn digits(&self) -> &[u8] {
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count();
        self.0.get(zeros..).unwrap_or_default()
    }

    /// As `CertificateView::serial` prints it.
    pub fn hex(self) -> String {
        hex(&self.0).trim_start_matches('0').to_owned()
    }
}

impl LeafTemplate<'_> {
    /// The common name is the first DNS name, for peers that still look there, if it fits (RFC 5280 App. A.1: 64 characters).
    pub(super) fn common_name(&self) -> Option<&str> {
        self.dns_names.first().map(AsRef::as_ref).filter(|name| name.len() <= 64)
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
        let Some(key_id) = view.subject_key_id.filter(|_| view.is_ca == Some(true)) else {
            return Err(Fault::malformed(
                "authority certificate",
                "it is no certificate authority with a key identifier",
            ));
        };
        let issuer = rcgen::Issuer::from_ca_cert_der(
            &CertificateDer::from(certificate),
            IssuerKey(Arc::clone(&signer)),
        )
        .map_err(|error| Fault::malformed("authority certificate", error))?;
        let mould = Mould::new(signer.algorithm(), &view.subject, &key_id);
        let (not_before, not_after) = (view.not_before, view.not_after);
        Ok(Self { shared: issuer, mould, signer, not_before, not_after })
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

    /// The other hand that writes certificates, for a test.
    #[cfg(test)]
    #[cfg(feature = "testkit")]
    pub(super) fn by_rcgen(&self) -> &rcgen::Issuer<'static, IssuerKey> {
        &self.shared
    }

    /// Signs a leaf for this key.
    pub fn sign_leaf(&self, leaf: &LeafTemplate<'_>, key: &PublicKey) -> Result<Vec<u8>, Fault> {
        self.mould.sign(leaf, key, self.signer.as_ref())
    }

    /// Signs an authority below this one.
    pub fn sign_ca(&self, ca: &CaTemplate<'_>, key: &PublicKey) -> Result<Vec<u8>, Fault> {
        let mut params = ca_params(ca, key)?;
        params.use_authority_key_identifier_extension = true;
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

pub(super) fn finish(
    params: &mut CertificateParams,
    key: &PublicKey,
    serial: Serial,
    (not_before, not_after): (Timestamp, Timestamp),
) -> Result<(), Fault> {
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_id(key).to_vec());
    params.serial_number = Some(SerialNumber::from_slice(&serial.0));
    params.not_before = date(not_before)?;
    params.not_after = date(not_after)?;
    Ok(())
}

/// RFC 7093 §2 (1): the left-most 160 bits of SHA-256; here over the whole `SubjectPublicKeyInfo`, which we have already.
pub(super) fn key_id(key: &PublicKey) -> [u8; 20] {
    let digest = key.digest();
    digest.first_chunk().copied().unwrap_or_default()
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
