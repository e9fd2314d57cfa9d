//! Certificate signing requests (RFC 2986): a key, and the proof that whoever sends it holds it. Nothing else is taken.

use rcgen::{CertificateParams, DistinguishedName};

use super::rcgen_keys::OwnKey;
use crate::crypto::der::{self, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use crate::crypto::digest::from_base64;
use crate::crypto::keys::{KeyError, PublicKey, Scheme, Signer};
use crate::kernel::Fault;
use crate::kernel::limits::CSR_BYTES_MAX;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Larger than any key needs.
    #[error("a certificate signing request has at most {CSR_BYTES_MAX} bytes")]
    TooLong,
    /// Not DER of a request, or bytes behind it.
    #[error("the certificate signing request is malformed")]
    Malformed,
    /// The key in it is not one that we certify.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signature is by an algorithm that we do not accept (SHA-1 and MD5 among them).
    #[error("the request is signed with an algorithm that is not accepted")]
    SignatureAlgorithm,
    /// The signature does not verify with the key in the request: the sender does not hold that key.
    #[error("the request is not signed by the key in it")]
    Signature,
}

/// A request for this key: no name, no extension, signed with ECDSA and SHA-256, which is what SPIRE servers expect.
pub fn create(key: &dyn Signer) -> Result<Vec<u8>, Fault> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&OwnKey(key)).map_err(Fault::bug)?;
    Ok(request.der().to_vec())
}

/// What [`from_text`] reads, for whoever sent something else in a field `csr`.
pub const TEXT_WANTED: &str = "`csr` is a PKCS#10 signing request, as PEM or as base64 of its DER";

/// The DER of a request that is written as PEM (RFC 7468 §7) or as plain base64; nothing for anything else.
pub fn from_text(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let encoded = match text.strip_prefix("-----BEGIN ") {
        Some(rest) => {
            let (label, rest) = rest.split_once("-----")?;
            let end = format!("-----END {label}-----");
            let known = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"].contains(&label);
            rest.strip_suffix(end.as_str()).filter(|_| known)?
        }
        None => text,
    };
    let encoded: String = encoded.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    from_base64(&encoded).filter(|der| !der.is_empty())
}

/// The key of a request whose sender has shown to hold it.
///
/// Names, extensions and attributes are read past: an SVID's content comes from what the server knows (SPIRE does the
/// same). The key's curve is taken from the key itself, never from the digest of the signature.
pub fn public_key(der: &[u8]) -> Result<PublicKey, CsrError> {
    if der.len() > CSR_BYTES_MAX {
        return Err(CsrError::TooLong);
    }
    let request = Request::parse(der).ok_or(CsrError::Malformed)?;
    let key = PublicKey::from_spki_der(request.spki)?;
    let scheme = scheme(request.algorithm).ok_or(CsrError::SignatureAlgorithm)?;
    if key.verify(scheme, request.signed, request.signature) {
        Ok(key)
    } else {
        Err(CsrError::Signature)
    }
}

/// The parts of a `CertificationRequest` (RFC 2986 §4.2) that count, where they stand.
struct Request<'a> {
    signed: &'a [u8],
    spki: &'a [u8],
    /// The object identifier; its parameters say nothing for the algorithms that are accepted.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Request<'a> {
    fn parse(der: &'a [u8]) -> Option<Self> {
        let mut request = Reader::new(Reader::only(der, SEQUENCE)?);
        let info = request.take(SEQUENCE)?;
        let algorithm = request.enter(SEQUENCE)?.take(OBJECT_IDENTIFIER)?.content;
        let signature = request.bits()?;
        let mut parts = Reader::new(info.content);
        let version = parts.take(INTEGER)?.content;
        parts.take(SEQUENCE)?;
        let spki = parts.take(SEQUENCE)?.whole;
        // RFC 2986 says that they are there; some programs leave them out where there are none.
        let _attributes = parts.take(der::context(0));
        let whole = version == [0] && parts.is_empty() && request.is_empty();
        whole.then_some(Self { signed: info.whole, spki, algorithm, signature })
    }
}

/// By the content bytes of the algorithm's object identifier (RFC 5758 §3.2, RFC 8017 App. C, RFC 8410 §3).
fn scheme(oid: &[u8]) -> Option<Scheme> {
    Some(match oid {
        b"\x2a\x86\x48\xce\x3d\x04\x03\x02" => Scheme::EcdsaSha256,
        b"\x2a\x86\x48\xce\x3d\x04\x03\x03" => Scheme::EcdsaSha384,
        b"\x2a\x86\x48\xce\x3d\x04\x03\x04" => Scheme::EcdsaSha512,
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b" => Scheme::RsaPkcs1Sha256,
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c" => Scheme::RsaPkcs1Sha384,
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d" => Scheme::RsaPkcs1Sha512,
        b"\x2b\x65\x70" => Scheme::Ed25519,
        _ => return None,
    })
}
