//! What a certificate says, read once.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, KeyUsage, ParsedExtension};
use x509_parser::prelude::FromDer;

use crate::crypto::digest::hex;
use crate::kernel::Timestamp;

/// Why bytes are no certificate that we can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not DER of a certificate, or bytes behind it.
    #[error("the certificate is malformed")]
    Malformed,
    /// An extension that we must understand cannot be read, or stands there twice.
    #[error("an extension of the certificate is malformed")]
    Extension,
    /// The PEM file holds no certificate.
    #[error("there is no PEM certificate")]
    NoPem,
}

/// The fields of a certificate that identities depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateView {
    /// The first common name of the subject, if it has one that is text.
    pub common_name: Option<String>,
    /// URI names, in order.
    pub uris: Vec<String>,
    /// DNS names, in order.
    pub dns_names: Vec<String>,
    /// Whether the subject alternative names are critical.
    pub names_critical: bool,
    /// `cA` of the basic constraints; nothing when the extension is absent.
    pub is_ca: Option<bool>,
    /// Path length, if it is limited.
    pub path_length: Option<u32>,
    /// Key usage, if the extension is there.
    pub key_usage: Option<KeyUsages>,
    /// Extended key usage, if the extension is there.
    pub extended_key_usage: Option<ExtendedUsages>,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// Serial number: lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// Subject key identifier.
    pub subject_key_id: Option<Vec<u8>>,
    /// Authority key identifier.
    pub authority_key_id: Option<Vec<u8>>,
    /// `SubjectPublicKeyInfo`.
    pub spki: Vec<u8>,
    /// Subject, in DER.
    pub subject: Vec<u8>,
    /// Issuer, in DER.
    pub issuer: Vec<u8>,
    /// Signature algorithm, as a dotted object identifier.
    pub signature_algorithm: String,
}

/// Bits of the key usage extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the bits of RFC 5280 §4.2.1.3, each on its own"
)]
pub struct KeyUsages {
    /// Whether the extension is critical.
    pub critical: bool,
    /// `digitalSignature`
    pub digital_signature: bool,
    /// `keyEncipherment`
    pub key_encipherment: bool,
    /// `keyAgreement`
    pub key_agreement: bool,
    /// `keyCertSign`
    pub certificate_sign: bool,
    /// `cRLSign`
    pub crl_sign: bool,
}

/// Purposes of the extended key usage extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedUsages {
    /// `serverAuth`, or any.
    pub server: bool,
    /// `clientAuth`, or any.
    pub client: bool,
}

impl CertificateView {
    /// Reads DER, to the last byte.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        if !rest.is_empty() {
            return Err(CertificateError::Malformed);
        }
        let mut view = Self::plain(&certificate);
        for (at, extension) in certificate.extensions().iter().enumerate() {
            // RFC 5280 §4.2: no extension twice.
            if certificate.extensions().iter().take(at).any(|earlier| earlier.oid == extension.oid)
            {
                return Err(CertificateError::Extension);
            }
            view.take(extension.parsed_extension(), extension.critical)?;
        }
        Ok(view)
    }

    /// True if it names itself as its issuer.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// True if the subject names nobody: an empty sequence.
    pub fn subject_is_empty(&self) -> bool {
        self.subject == [0x30, 0]
    }

    fn plain(certificate: &X509Certificate<'_>) -> Self {
        let serial = hex(certificate.raw_serial());
        let digits = serial.trim_start_matches('0');
        let name = certificate.subject().iter_common_name().next();
        Self {
            common_name: name.and_then(|name| name.as_str().ok()).map(str::to_owned),
            uris: Vec::new(),
            dns_names: Vec::new(),
            names_critical: false,
            is_ca: None,
            path_length: None,
            key_usage: None,
            extended_key_usage: None,
            not_before: Timestamp::from_seconds(certificate.validity().not_before.timestamp()),
            not_after: Timestamp::from_seconds(certificate.validity().not_after.timestamp()),
            serial: if digits.is_empty() { "0".to_owned() } else { digits.to_owned() },
            subject_key_id: None,
            authority_key_id: None,
            spki: certificate.public_key().raw.to_vec(),
            subject: certificate.subject().as_raw().to_vec(),
            issuer: certificate.issuer().as_raw().to_vec(),
            signature_algorithm: certificate.signature_algorithm.algorithm.to_id_string(),
        }
    }

    fn take(
        &mut self,
        extension: &ParsedExtension<'_>,
        critical: bool,
    ) -> Result<(), CertificateError> {
        match extension {
            ParsedExtension::SubjectAlternativeName(names) => {
                self.names_critical = critical;
                for name in &names.general_names {
                    match name {
                        GeneralName::URI(uri) => self.uris.push((*uri).to_owned()),
                        GeneralName::DNSName(dns) => self.dns_names.push((*dns).to_owned()),
                        GeneralName::Invalid(..) => return Err(CertificateError::Extension),
                        _ => {}
                    }
                }
            }
            ParsedExtension::BasicConstraints(basic) => {
                self.is_ca = Some(basic.ca);
                self.path_length = basic.path_len_constraint;
            }
            ParsedExtension::KeyUsage(usage) => self.key_usage = Some(key_usages(*usage, critical)),
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.extended_key_usage = Some(extended_usages(usage));
            }
            ParsedExtension::SubjectKeyIdentifier(id) => self.subject_key_id = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                self.authority_key_id = authority.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            ParsedExtension::ParseError { .. } => return Err(CertificateError::Extension),
            _ => {}
        }
        Ok(())
    }
}

fn key_usages(usage: KeyUsage, critical: bool) -> KeyUsages {
    KeyUsages {
        critical,
        digital_signature: usage.digital_signature(),
        key_encipherment: usage.key_encipherment(),
        key_agreement: usage.key_agreement(),
        certificate_sign: usage.key_cert_sign(),
        crl_sign: usage.crl_sign(),
    }
}

fn extended_usages(usage: &ExtendedKeyUsage<'_>) -> ExtendedUsages {
    ExtendedUsages {
        server: usage.server_auth || usage.any,
        client: usage.client_auth || usage.any,
    }
}

/// The certificates of a PEM text, in order; other sections are read past. None at all is an error.
pub fn pem_certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, CertificateError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text)
        .map(|one| one.map(|der| der.as_ref().to_vec()))
        .collect();
    match certificates {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(CertificateError::NoPem),
        Err(_) => Err(CertificateError::Malformed),
    }
}

/// The certificates of a concatenation of DER, as the Workload API carries chains and bundles.
pub fn split_chain(mut der: &[u8]) -> Result<Vec<Vec<u8>>, CertificateError> {
    let mut certificates = Vec::new();
    while !der.is_empty() {
        let (rest, _) = X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        let (one, rest) = der.split_at(der.len() - rest.len());
        certificates.push(one.to_vec());
        der = rest;
    }
    Ok(certificates)
}
