//! A leaf's DER, written straight: what rcgen would write, byte for byte (a test compares).
//!
//! An authority signs thousands of leaves in a second, and of each only serial number, validity, names and key are its own.
//! So what all share is written once. `docs/adr/0013-own-der.md` has the reasons.

use time::OffsetDateTime;

use super::build::{LeafTemplate, key_id};
use crate::crypto::der::{
    self, GENERALIZED_TIME, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, UTC_TIME, UTF8_STRING,
};
use crate::crypto::keys::{Algorithm, PublicKey, Signer};
use crate::kernel::{Fault, Timestamp};

/// The parts that all leaves of an authority share.
#[derive(Debug)]
pub(super) struct Mould {
    /// The signature's algorithm and the issuer's name.
    head: Vec<u8>,
    /// The authority key identifier, a whole extension.
    authority_key_id: Vec<u8>,
}

impl Mould {
    /// For an authority with this subject, in DER, and this subject key identifier.
    pub(super) fn new(algorithm: Algorithm, issuer: &[u8], key_id: &[u8]) -> Self {
        let mut authority_key_id = Vec::new();
        extension(&mut authority_key_id, AUTHORITY_KEY_ID, false, |out| {
            der::nest(out, SEQUENCE, |out| der::put(out, der::plain_context(0), key_id));
        });
        let head = [signature_algorithm(algorithm), issuer].concat();
        Self { head, authority_key_id }
    }

    /// The whole certificate, signed.
    pub(super) fn sign(
        &self,
        leaf: &LeafTemplate<'_>,
        key: &PublicKey,
        signer: &dyn Signer,
    ) -> Result<Vec<u8>, Fault> {
        check_names(leaf)?;
        let validity = [moment(leaf.not_before)?, moment(leaf.not_after)?];
        let mut body = Vec::with_capacity(USUAL_BYTES);
        der::nest(&mut body, SEQUENCE, |out| self.body(leaf, key, &validity, out));
        let signature = signer.sign(&body)?;
        let mut certificate = Vec::with_capacity(body.len() + signature.len() + 32);
        der::nest(&mut certificate, SEQUENCE, |out| {
            out.extend_from_slice(&body);
            out.extend_from_slice(signature_algorithm(signer.algorithm()));
            der::put_bits(out, &signature);
        });
        Ok(certificate)
    }

    /// `TBSCertificate` (RFC 5280 §4.1).
    fn body(
        &self,
        leaf: &LeafTemplate<'_>,
        key: &PublicKey,
        validity: &[Moment; 2],
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(VERSION_3);
        der::put_integer(out, leaf.serial.digits());
        out.extend_from_slice(&self.head);
        der::nest(out, SEQUENCE, |out| {
            for moment in validity {
                der::put(out, moment.tag, moment.text.as_bytes());
            }
        });
        der::nest(out, SEQUENCE, |out| subject(leaf, out));
        out.extend_from_slice(key.spki());
        der::nest(out, der::context(3), |out| {
            der::nest(out, SEQUENCE, |out| {
                out.extend_from_slice(&self.authority_key_id);
                names(leaf, out);
                out.extend_from_slice(USAGES);
                extension(out, SUBJECT_KEY_ID, false, |out| {
                    der::put(out, OCTET_STRING, &key_id(key));
                });
                out.extend_from_slice(NO_AUTHORITY);
            });
        });
    }
}

/// A date as certificates carry it.
struct Moment {
    tag: u8,
    text: String,
}

/// Until 2049 with two digits of the year, then with four (RFC 5280 §4.1.2.5).
fn moment(at: Timestamp) -> Result<Moment, Fault> {
    let date = OffsetDateTime::from_unix_timestamp(at.seconds()).map_err(Fault::bug)?;
    let (year, month, day) = date.to_calendar_date();
    let (hour, minute, second) = date.to_hms();
    let month = u8::from(month);
    let (tag, year) = match year {
        1950..2050 => (UTC_TIME, format!("{:02}", year.rem_euclid(100))),
        0..10_000 => (GENERALIZED_TIME, format!("{year:04}")),
        _ => return Err(Fault::bug("no certificate can say this date")),
    };
    Ok(Moment { tag, text: format!("{year}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z") })
}

/// Nothing but ASCII is an `IA5String`.
fn check_names(leaf: &LeafTemplate<'_>) -> Result<(), Fault> {
    let mut names =
        std::iter::once(leaf.id.as_str()).chain(leaf.dns_names.iter().map(AsRef::as_ref));
    match names.find(|name| !name.is_ascii()) {
        None => Ok(()),
        Some(name) => Err(Fault::malformed("name in a certificate", name)),
    }
}

fn subject(leaf: &LeafTemplate<'_>, out: &mut Vec<u8>) {
    let attributes = [(ORGANIZATION, leaf.organization), (COMMON_NAME, leaf.common_name())];
    for (oid, text) in attributes {
        let Some(text) = text else { continue };
        der::nest(out, SET, |out| {
            der::nest(out, SEQUENCE, |out| {
                der::put(out, OBJECT_IDENTIFIER, oid);
                der::put(out, UTF8_STRING, text.as_bytes());
            });
        });
    }
}

/// The subject alternative names, critical where the subject is empty (RFC 5280 §4.2.1.6).
fn names(leaf: &LeafTemplate<'_>, out: &mut Vec<u8>) {
    let critical = leaf.organization.is_none() && leaf.common_name().is_none();
    extension(out, ALTERNATIVE_NAMES, critical, |out| {
        der::nest(out, SEQUENCE, |out| {
            der::put(out, der::plain_context(URI), leaf.id.as_str().as_bytes());
            for name in leaf.dns_names {
                der::put(out, der::plain_context(DNS), name.as_bytes());
            }
        });
    });
}

fn extension(out: &mut Vec<u8>, oid: &[u8], critical: bool, value: impl FnOnce(&mut Vec<u8>)) {
    der::nest(out, SEQUENCE, |out| {
        der::put(out, OBJECT_IDENTIFIER, oid);
        if critical {
            out.extend_from_slice(TRUE);
        }
        der::nest(out, OCTET_STRING, value);
    });
}

/// `AlgorithmIdentifier` (RFC 5758 §3.2, RFC 8017 App. C).
fn signature_algorithm(algorithm: Algorithm) -> &'static [u8] {
    match algorithm {
        Algorithm::P256 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
        Algorithm::Rsa2048 => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
    }
}

/// A leaf of the usual kind is smaller.
const USUAL_BYTES: usize = 640;
const VERSION_3: &[u8] = b"\xa0\x03\x02\x01\x02";
const TRUE: &[u8] = b"\x01\x01\xff";
/// `GeneralName` (RFC 5280 §4.2.1.6).
const DNS: u8 = 2;
const URI: u8 = 6;

const COMMON_NAME: &[u8] = b"\x55\x04\x03";
const ORGANIZATION: &[u8] = b"\x55\x04\x0a";
const SUBJECT_KEY_ID: &[u8] = b"\x55\x1d\x0e";
const ALTERNATIVE_NAMES: &[u8] = b"\x55\x1d\x11";
const AUTHORITY_KEY_ID: &[u8] = b"\x55\x1d\x23";

/// Key usage, critical: digitalSignature, keyEncipherment, keyAgreement (X509-SVID §4.3). Extended: serverAuth and clientAuth.
const USAGES: &[u8] = b"\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x03\xa8\
    \x30\x1d\x06\x03\x55\x1d\x25\x04\x16\x30\x14\
    \x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02";
/// Basic constraints, critical and empty: no authority. Strict validators refuse a leaf without them (X509-SVID §4.1).
const NO_AUTHORITY: &[u8] = b"\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00";
