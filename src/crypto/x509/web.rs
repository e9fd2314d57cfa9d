//! The certificate of a web server: one made now for trying out, and keys of certificates that others made.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::build::{Serial, finish};
use super::rcgen_keys::OwnKey;
use crate::crypto::keys::{PrivateKey, Signer};
use crate::kernel::{Fault, Secret, Timestamp};

/// What a self-made certificate says.
#[derive(Debug, Clone, Copy)]
pub struct WebTemplate<'a> {
    /// Host names and addresses.
    pub names: &'a [String],
    /// Its serial number.
    pub serial: Serial,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
}

/// A certificate for a web server, signed by its own key: nobody trusts it who was not told to.
pub fn self_signed_web(web: &WebTemplate<'_>, key: &PrivateKey) -> Result<Vec<u8>, Fault> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Weft (self-made)");
    for name in web.names {
        params.subject_alt_names.push(match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into().map_err(Fault::bug)?),
        });
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    finish(&mut params, key.public_key(), web.serial, (web.not_before, web.not_after))?;
    let certificate = params.self_signed(&OwnKey(key)).map_err(Fault::bug)?;
    Ok(certificate.der().to_vec())
}

/// The first private key of a PEM text: PKCS#8, P-256.
pub fn pem_private_key(text: &[u8]) -> Result<PrivateKey, Fault> {
    match PrivateKeyDer::from_pem_slice(text) {
        Ok(PrivateKeyDer::Pkcs8(key)) => {
            PrivateKey::from_pkcs8(&Secret::new(key.secret_pkcs8_der().to_vec()))
        }
        Ok(_) => Err(Fault::malformed(
            "private key",
            "it must be PKCS#8; `openssl pkcs8 -topk8 -nodes` converts it",
        )),
        Err(error) => Err(Fault::malformed("private key", error)),
    }
}
