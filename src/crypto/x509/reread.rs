//! A leaf of ours, read again before it leaves: without copying anything, and knowing nothing but what we write.
//!
//! For certificates of others there is [`super::CertificateView`]; where this one reads a certificate, a test and a fuzz
//! target hold it against that one.

use time::{Date, Month};

use super::{ExtendedUsages, KeyUsages};
use crate::crypto::der::{
    self, BIT_STRING, BOOLEAN, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader,
    SEQUENCE, UTC_TIME,
};
use crate::kernel::Timestamp;

/// What the leaf says, in the bytes of the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafView<'a> {
    /// Its serial number, big-endian, without leading zeros.
    pub serial: &'a [u8],
    /// Issuer, in DER.
    pub issuer: &'a [u8],
    /// First and last second of validity.
    pub validity: (Timestamp, Timestamp),
    /// Subject, in DER.
    pub subject: &'a [u8],
    /// `SubjectPublicKeyInfo`.
    pub spki: &'a [u8],
    /// Its names that are URIs, in order.
    pub uris: Names<'a>,
    /// Its names that are DNS names, in order.
    pub dns_names: Names<'a>,
    /// Whether the subject alternative names are critical.
    pub names_critical: bool,
    /// `cA` of the basic constraints; nothing when the extension is absent.
    pub is_ca: Option<bool>,
    /// Whether a path length is limited.
    pub has_path_length: bool,
    /// Key usage, if the extension is there.
    pub key_usage: Option<KeyUsages>,
    /// Extended key usage, if the extension is there.
    pub extended_key_usage: Option<ExtendedUsages>,
    /// Subject key identifier.
    pub subject_key_id: Option<&'a [u8]>,
    /// Authority key identifier.
    pub authority_key_id: Option<&'a [u8]>,
}

/// The names of one kind, in the order of the certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Names<'a> {
    kind: u8,
    names: &'a [u8],
}

impl<'a> Names<'a> {
    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut reader = Reader::new(self.names);
        let all = std::iter::from_fn(move || reader.next());
        all.filter(move |name| name.tag == der::plain_context(self.kind)).map(|name| name.content)
    }
}

impl<'a> LeafView<'a> {
    /// Reads DER, to the last byte; nothing where it is no certificate of the kind that we write: one with another version,
    /// an extension that we never write, or one that is there twice.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let mut certificate = Reader::new(Reader::only(der, SEQUENCE)?);
        let mut body = certificate.enter(SEQUENCE)?;
        let algorithm = certificate.take(SEQUENCE)?;
        certificate.bits()?;
        // RFC 5280 §4.1.1.2: the algorithm stands inside and outside of what is signed.
        let version = Reader::only(body.take(der::context(0))?.content, INTEGER)?;
        let serial = positive(body.take(INTEGER)?.content)?;
        if version != VERSION_3 || body.take(SEQUENCE)?.whole != algorithm.whole {
            return None;
        }
        let issuer = body.take(SEQUENCE)?.whole;
        let mut dates = body.enter(SEQUENCE)?;
        let validity = (moment(&mut dates)?, moment(&mut dates)?);
        let subject = body.take(SEQUENCE)?.whole;
        let key = body.take(SEQUENCE)?;
        let mut parts = Reader::new(key.content);
        let (_algorithm, _bits) = (parts.take(SEQUENCE)?, parts.bits()?);
        let extensions = Reader::only(body.take(der::context(3))?.content, SEQUENCE)?;
        let mut extensions = Reader::new(extensions);
        if !(certificate.is_empty() && body.is_empty() && dates.is_empty() && parts.is_empty()) {
            return None;
        }
        let mut view = Self::plain(serial, validity, [issuer, subject, key.whole]);
        while !extensions.is_empty() {
            view.take(extensions.enter(SEQUENCE)?)?;
        }
        Some(view)
    }

    fn plain(
        serial: &'a [u8],
        validity: (Timestamp, Timestamp),
        [issuer, subject, spki]: [&'a [u8]; 3],
    ) -> Self {
        Self {
            serial,
            issuer,
            validity,
            subject,
            spki,
            uris: Names::default(),
            dns_names: Names::default(),
            names_critical: false,
            is_ca: None,
            has_path_length: false,
            key_usage: None,
            extended_key_usage: None,
            subject_key_id: None,
            authority_key_id: None,
        }
    }

    /// Takes an extension; nothing where it is not one that we write, or there already.
    fn take(&mut self, mut extension: Reader<'a>) -> Option<()> {
        let oid = extension.take(OBJECT_IDENTIFIER)?.content;
        // The default, false, is never written (X.690 §11.5), and true in one way only (§11.1).
        let critical = extension.take(BOOLEAN).map(|critical| critical.content == [0xff]);
        let value = extension.take(OCTET_STRING)?.content;
        if critical == Some(false) || !extension.is_empty() {
            return None;
        }
        let critical = critical.is_some();
        let again = match oid {
            b"\x55\x1d\x11" => {
                let (names, before) = (names(value)?, self.uris);
                self.names_critical = critical;
                self.uris = Names { kind: URI, names };
                self.dns_names = Names { kind: DNS, names };
                before != Names::default()
            }
            b"\x55\x1d\x13" => {
                let (is_ca, has_path_length) = constraints(value)?;
                self.has_path_length = has_path_length;
                self.is_ca.replace(is_ca).is_some()
            }
            b"\x55\x1d\x0f" => self.key_usage.replace(key_usage(value, critical)?).is_some(),
            b"\x55\x1d\x25" => self.extended_key_usage.replace(purposes(value)?).is_some(),
            b"\x55\x1d\x0e" => {
                self.subject_key_id.replace(Reader::only(value, OCTET_STRING)?).is_some()
            }
            b"\x55\x1d\x23" => {
                let id = Reader::only(Reader::only(value, SEQUENCE)?, der::plain_context(0))?;
                self.authority_key_id.replace(id).is_some()
            }
            _ => return None,
        };
        (!again).then_some(())
    }

    /// True if the subject names nobody: an empty sequence.
    pub fn subject_is_empty(&self) -> bool {
        self.subject == [SEQUENCE, 0]
    }
}

/// The digits of a positive INTEGER (X.690 §8.3), without leading zeros.
fn positive(content: &[u8]) -> Option<&[u8]> {
    match content {
        [0, digits @ ..] if digits.first().is_some_and(|first| *first > 0x7f) => Some(digits),
        [1..=0x7f, ..] => Some(content),
        _ => None,
    }
}

/// A date of the two forms (RFC 5280 §4.1.2.5), in UTC and to the second.
fn moment(validity: &mut Reader<'_>) -> Option<Timestamp> {
    let element = validity.next()?;
    let (year, rest) = match element.tag {
        UTC_TIME => {
            let (digits, rest) = element.content.split_first_chunk::<2>()?;
            let year = number(digits)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (digits, rest) = element.content.split_first_chunk::<4>()?;
            (number(digits)?, rest)
        }
        _ => return None,
    };
    let (pairs, b"Z") = rest.as_chunks::<2>() else { return None };
    let [month, day, hour, minute, second] = pairs else { return None };
    let part = |pair: &[u8; 2]| number(pair).and_then(|number| u8::try_from(number).ok());
    let month = Month::try_from(part(month)?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, part(day)?).ok()?;
    let at = date.with_hms(part(hour)?, part(minute)?, part(second)?).ok()?;
    Some(Timestamp::from_seconds(at.assume_utc().unix_timestamp()))
}

fn number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Names of the two kinds that we write, one at least.
fn names(value: &[u8]) -> Option<&[u8]> {
    let names = Reader::only(value, SEQUENCE)?;
    let mut reader = Reader::new(names);
    let known = [der::plain_context(URI), der::plain_context(DNS)];
    while !reader.is_empty() {
        let name = reader.next()?;
        if !known.contains(&name.tag) || !name.content.is_ascii() {
            return None;
        }
    }
    (!names.is_empty()).then_some(names)
}

/// `cA`, and whether there is a path length (RFC 5280 §4.2.1.9).
fn constraints(value: &[u8]) -> Option<(bool, bool)> {
    let mut parts = Reader::new(Reader::only(value, SEQUENCE)?);
    let is_ca = match parts.take(BOOLEAN) {
        None => false,
        Some(authority) if authority.content == [0xff] => true,
        Some(_) => return None,
    };
    let has_path_length = parts.take(INTEGER).is_some();
    parts.is_empty().then_some((is_ca, has_path_length))
}

/// The bits of RFC 5280 §4.2.1.3, of which all that we look at are in the first byte.
fn key_usage(value: &[u8], critical: bool) -> Option<KeyUsages> {
    let [0..8, bits, ..] = *Reader::only(value, BIT_STRING)? else { return None };
    Some(KeyUsages {
        critical,
        digital_signature: bits & 0x80 != 0,
        key_encipherment: bits & 0x20 != 0,
        key_agreement: bits & 0x08 != 0,
        certificate_sign: bits & 0x04 != 0,
        crl_sign: bits & 0x02 != 0,
    })
}

/// The purposes of RFC 5280 §4.2.1.12.
fn purposes(value: &[u8]) -> Option<ExtendedUsages> {
    let mut purposes = Reader::new(Reader::only(value, SEQUENCE)?);
    let mut found = ExtendedUsages { server: false, client: false };
    while !purposes.is_empty() {
        match purposes.take(OBJECT_IDENTIFIER)?.content {
            b"\x2b\x06\x01\x05\x05\x07\x03\x01" => found.server = true,
            b"\x2b\x06\x01\x05\x05\x07\x03\x02" => found.client = true,
            // For any purpose: which we never write.
            b"\x55\x1d\x25\x00" => return None,
            _ => {}
        }
    }
    Some(found)
}

const VERSION_3: &[u8] = &[2];
/// `GeneralName` (RFC 5280 §4.2.1.6).
const DNS: u8 = 2;
const URI: u8 = 6;
