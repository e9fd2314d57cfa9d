//! Undoes the compression of a report, up to a bound: what a few bytes may become is not for the sender to say.

use std::io::Read;

use flate2::read::GzDecoder;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};

use super::model::Error;
use super::scoring::ReportError;

/// True if these headers say that the body is packed: in no other way than the one that [`inflate`] undoes.
pub(crate) fn is_packed(headers: &HeaderMap) -> Result<bool, Error> {
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(false),
        Some(b"gzip") => Ok(true),
        Some(_) => Err(Error::Packed("`Content-Encoding` is `gzip`, or is not there")),
    }
}

/// What is in these bytes (RFC 1952). Nothing is read beyond the `most` bytes that are taken.
pub(crate) fn inflate(packed: &[u8], most: usize) -> Result<Vec<u8>, Error> {
    let mut plain = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut reader = GzDecoder::new(packed).take(bound);
    match reader.read_to_end(&mut plain) {
        Ok(_) if plain.len() > most => Err(ReportError::TooLarge(plain.len()).into()),
        Ok(_) => Ok(plain),
        Err(_) => Err(Error::Packed("the body is not whole gzip: it is cut off, or damaged")),
    }
}

/// The first of what is in these bytes, `most` at most, as far as it can be unpacked.
pub(crate) fn inflate_some(packed: &[u8], most: usize) -> Vec<u8> {
    let mut plain = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX);
    // What came before it broke off is there.
    let _cut_off = GzDecoder::new(packed).take(bound).read_to_end(&mut plain);
    plain
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::super::scoring::REPORT_BYTES_MAX;
    use super::*;

    fn inflate(packed: &[u8]) -> Result<Vec<u8>, Error> {
        super::inflate(packed, REPORT_BYTES_MAX)
    }

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut writer = GzEncoder::new(Vec::new(), Compression::best());
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn what_was_packed_comes_back() {
        assert_eq!(inflate(&packed(b"{}")).unwrap(), b"{}");
    }

    #[test]
    fn what_is_cut_off_or_is_no_gzip_is_refused() {
        let whole = packed(&[b'x'; 1000]);
        for cut in 0..whole.len() {
            assert!(matches!(inflate(&whole[..cut]), Err(Error::Packed(_))), "{cut}");
        }
        assert!(matches!(inflate(b"{\"format\":1}"), Err(Error::Packed(_))));
    }

    #[test]
    fn of_what_is_too_long_or_cut_off_the_front_can_be_had() {
        let whole = packed(&[b'x'; 1_000]);
        assert_eq!(inflate_some(&whole, 10), [b'x'; 10]);
        let mixed: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let cut = packed(&mixed);
        let front = inflate_some(&cut[..cut.len() / 2], mixed.len());
        assert!(!front.is_empty() && mixed.starts_with(&front), "{}", front.len());
    }

    #[test]
    fn a_bomb_is_read_as_far_as_the_largest_report() {
        let bomb = packed(&vec![0; 64 * 1024 * 1024]);
        assert!(bomb.len() < REPORT_BYTES_MAX, "{} bytes: it would not be let in", bomb.len());
        let refused = inflate(&bomb);
        let Err(Error::Report(ReportError::TooLarge(bytes))) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(bytes, REPORT_BYTES_MAX + 1);
    }
}
