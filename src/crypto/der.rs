//! DER (X.690 §8, §10), as far as we write and read it ourselves: what is made or read once for every issuance.
//!
//! Everything else is written by rcgen and read by x509-parser.

pub(in crate::crypto) const BOOLEAN: u8 = 0x01;
pub(in crate::crypto) const INTEGER: u8 = 0x02;
pub(in crate::crypto) const BIT_STRING: u8 = 0x03;
pub(in crate::crypto) const OCTET_STRING: u8 = 0x04;
pub(in crate::crypto) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(in crate::crypto) const UTF8_STRING: u8 = 0x0c;
pub(in crate::crypto) const UTC_TIME: u8 = 0x17;
pub(in crate::crypto) const GENERALIZED_TIME: u8 = 0x18;
pub(in crate::crypto) const SEQUENCE: u8 = 0x30;
pub(in crate::crypto) const SET: u8 = 0x31;

/// The tag of a context, holding other elements.
pub(in crate::crypto) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// The tag of a context, standing for a plain one (IMPLICIT).
pub(in crate::crypto) const fn plain_context(number: u8) -> u8 {
    0x80 | number
}

/// Appends an element whose content `write` appends.
pub(in crate::crypto) fn nest(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[tag, 0]);
    let begin = out.len();
    write(out);
    let length = out.len().saturating_sub(begin);
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        if let Some(byte) = out.get_mut(begin - 1) {
            *byte = short;
        }
    } else {
        let bytes = length.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let count = u8::try_from(bytes.len() - zeros).unwrap_or(0);
        let long = bytes.into_iter().skip(zeros);
        out.splice(begin - 1..begin, std::iter::once(0x80 | count).chain(long));
    }
}

/// Appends an element with this content.
pub(in crate::crypto) fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    nest(out, tag, |out| out.extend_from_slice(content));
}

/// Appends a positive INTEGER from big-endian bytes of any length; a zero of none.
pub(in crate::crypto) fn put_integer(out: &mut Vec<u8>, number: &[u8]) {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..).unwrap_or_default();
    nest(out, INTEGER, |out| {
        if digits.first().is_none_or(|first| first & 0x80 != 0) {
            out.push(0);
        }
        out.extend_from_slice(digits);
    });
}

/// Appends a BIT STRING of whole bytes.
pub(in crate::crypto) fn put_bits(out: &mut Vec<u8>, bytes: &[u8]) {
    nest(out, BIT_STRING, |out| {
        out.push(0);
        out.extend_from_slice(bytes);
    });
}

/// A SEQUENCE of these parts.
pub(in crate::crypto) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, SEQUENCE, &parts.concat());
    out
}

/// A positive INTEGER from big-endian bytes of any length; nothing for zero.
pub(in crate::crypto) fn integer(number: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    put_integer(&mut out, number);
    number.iter().any(|byte| *byte != 0).then_some(out)
}

/// A BIT STRING of whole bytes.
pub(in crate::crypto) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_bits(&mut out, bytes);
    out
}

/// Elements that stand one after the other.
#[derive(Debug, Clone, Copy)]
pub(in crate::crypto) struct Reader<'a>(&'a [u8]);

/// One element.
#[derive(Debug, Clone, Copy)]
pub(in crate::crypto) struct Element<'a> {
    pub(in crate::crypto) tag: u8,
    pub(in crate::crypto) content: &'a [u8],
    /// With tag and length.
    pub(in crate::crypto) whole: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads these bytes.
    pub(in crate::crypto) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The content of the only element in these bytes, which must have this tag.
    pub(in crate::crypto) fn only(bytes: &'a [u8], tag: u8) -> Option<&'a [u8]> {
        let mut reader = Self(bytes);
        let element = reader.take(tag)?;
        reader.is_empty().then_some(element.content)
    }

    /// True at the end.
    pub(in crate::crypto) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next element: one byte of tag, and a length of the shortest form (X.690 §10.1). Nothing at the end, and for
    /// anything else.
    pub(in crate::crypto) fn next(&mut self) -> Option<Element<'a>> {
        let (tag, first, rest) = match self.0 {
            [tag, first, rest @ ..] if tag & 0x1f != 0x1f => (*tag, *first, rest),
            _ => return None,
        };
        let (length, rest) = match (first, rest) {
            (0..=0x7f, rest) => (usize::from(first), rest),
            (0x81, [long, rest @ ..]) if *long > 0x7f => (usize::from(*long), rest),
            (0x82, [high, low, rest @ ..]) if *high > 0 => {
                (usize::from(*high) << 8 | usize::from(*low), rest)
            }
            // Nothing that we read ourselves is longer than 64 KiB.
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        let (whole, _) = self.0.split_at_checked(self.0.len() - after.len())?;
        self.0 = after;
        Some(Element { tag, content, whole })
    }

    /// The next element, if it has this tag.
    pub(in crate::crypto) fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }

    /// The elements in the next one, which must have this tag.
    pub(in crate::crypto) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.take(tag).map(|element| Self(element.content))
    }

    /// The whole bytes of the next BIT STRING.
    pub(in crate::crypto) fn bits(&mut self) -> Option<&'a [u8]> {
        self.take(BIT_STRING)?.content.strip_prefix(&[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<(u8, usize)> {
        let mut reader = Reader::new(bytes);
        let element = reader.next()?;
        assert!(reader.is_empty() && element.whole == bytes);
        Some((element.tag, element.content.len()))
    }

    #[test]
    fn elements_of_every_length_read_back_as_they_were_written() {
        for length in [0, 1, 127, 128, 255, 256, 65_535] {
            let mut out = Vec::new();
            put(&mut out, OCTET_STRING, &vec![7; length]);
            assert_eq!(read(&out), Some((OCTET_STRING, length)));
            for cut in 0..out.len().min(300) {
                assert!(Reader::new(&out[..cut]).next().is_none(), "{cut} of {length}");
            }
        }
    }

    #[test]
    fn a_length_that_could_be_shorter_is_refused() {
        for bad in [
            &b"\x04\x81\x01a"[..],
            b"\x04\x82\x00\x01a",
            b"\x04\x80a\0\0",
            b"\x04\x83\x01\0\0",
            b"\x1f\x01a",
        ] {
            assert!(Reader::new(bad).next().is_none(), "{bad:?}");
        }
    }

    #[test]
    fn integers_are_positive_and_as_short_as_can_be() {
        for (number, der) in [
            (&b"\x00\x00\x7f"[..], &b"\x02\x01\x7f"[..]),
            (b"\x80", b"\x02\x02\x00\x80"),
            (b"\x01\x00", b"\x02\x02\x01\x00"),
            (b"\0", b"\x02\x01\x00"),
        ] {
            let mut out = Vec::new();
            put_integer(&mut out, number);
            assert_eq!(out, der);
        }
        assert_eq!(integer(&[0]), None);
    }

    #[test]
    fn an_element_is_taken_by_its_tag_or_left() {
        let mut reader = Reader::new(b"\x02\x01\x05\x03\x02\x00\x01");
        assert!(reader.take(SEQUENCE).is_none());
        assert_eq!(reader.take(INTEGER).map(|element| element.content), Some(&b"\x05"[..]));
        assert_eq!(reader.bits(), Some(&b"\x01"[..]));
        assert!(reader.is_empty() && reader.next().is_none());
        assert!(Reader::only(b"\x30\x00\x00", SEQUENCE).is_none(), "bytes behind it");
    }
}
