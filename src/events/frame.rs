//! The bytes of a segment: its header, and records framed by length and CRC-32C. Pure.
//!
//! A record is a head of 32 bytes (`length, crc, number, synced, realm`), then the envelope, then zeros up to a multiple
//! of 8. The checksum starts from the stream id and covers everything after itself, so neither a shifted record nor one of
//! another stream passes. `synced` is the last number that was durable when this record was written: it is what tells a
//! torn tail (nobody was answered yet) from damage (somebody was).

use crate::kernel::{Fault, RealmId, Timestamp};

use super::model::Stream;

/// Bytes of a record before its envelope.
pub(super) const HEAD: usize = 32;
/// Bytes of a segment before its first record.
pub(super) const HEADER: usize = 64;
/// Largest record: an event is some 600 bytes; one that names 500 entries fits.
pub(super) const RECORD_BYTES_MAX: usize = 1024 * 1024;

const MAGIC: [u8; 8] = *b"WEFTSEG1";
const ALIGN: usize = 8;

/// A record as it lies in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Its number in the stream.
    pub(super) n: u64,
    /// The last number that was durable when it was written.
    pub(super) synced: u64,
    /// Its realm.
    pub(super) realm: RealmId,
    /// Header and sealed body of the event.
    pub(super) envelope: &'a [u8],
    /// How many bytes it takes, padding included.
    pub(super) size: usize,
}

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Which stream it belongs to.
    pub(super) stream: Stream,
    /// Its place among the stream's segments.
    pub(super) index: u64,
    /// The number of its first record.
    pub(super) first: u64,
    /// When it was begun.
    pub(super) begun: Timestamp,
}

/// Appends one record, its envelope written by `fill` straight into `out`. Number and checksum come later (`number`).
pub(super) fn push<E: From<Fault>>(
    out: &mut Vec<u8>,
    realm: RealmId,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD - 8]);
    out.extend_from_slice(&realm.0.to_le_bytes());
    fill(out).inspect_err(|_| out.truncate(start))?;
    let length = out.len() - start - HEAD;
    if length > RECORD_BYTES_MAX {
        out.truncate(start);
        let cause = format!("an event of {length} bytes is larger than a record may be");
        return Err(Fault::bug(cause).into());
    }
    let length = u32::try_from(length).map_err(Fault::bug)?;
    if let Some(field) = out.get_mut(start..start + 4) {
        field.copy_from_slice(&length.to_le_bytes());
    }
    let end = out.len() - start;
    out.resize(start + end.next_multiple_of(ALIGN), 0);
    Ok(())
}

/// Numbers the records in `frames` from `first` on and checksums them; gives the number after the last.
pub(super) fn number(frames: &mut [u8], stream: Stream, first: u64, synced: u64) -> u64 {
    let seed = crc32c::crc32c(&stream.0);
    let mut n = first;
    let mut rest = frames;
    while let Some(size) = rest.first_chunk::<4>().map(|field| padded(u32::from_le_bytes(*field))) {
        let Some((record, after)) = rest.split_at_mut_checked(size) else { break };
        if let Some(head) = record.first_chunk_mut::<HEAD>() {
            head[8..16].copy_from_slice(&n.to_le_bytes());
            head[16..24].copy_from_slice(&synced.to_le_bytes());
        }
        let crc = checksum(seed, record);
        if let Some(head) = record.first_chunk_mut::<HEAD>() {
            head[4..8].copy_from_slice(&crc.to_le_bytes());
        }
        n += 1;
        rest = after;
    }
    n
}

/// The record at the start of `bytes`; `None` when there is none, or one that does not hold together.
pub(super) fn read(bytes: &[u8], stream: Stream) -> Option<Frame<'_>> {
    let head = bytes.first_chunk::<HEAD>()?;
    let length = u32_at(head, 0);
    if usize::try_from(length).ok()? > RECORD_BYTES_MAX {
        return None;
    }
    let size = padded(length);
    let record = bytes.get(..size)?;
    let n = u64_at(head, 8);
    if n == 0 || u32_at(head, 4) != checksum(crc32c::crc32c(&stream.0), record) {
        return None;
    }
    let realm = RealmId(i64::from_le_bytes(u64_at(head, 24).to_le_bytes()));
    let envelope = record.get(HEAD..HEAD + usize::try_from(length).ok()?)?;
    Some(Frame { n, synced: u64_at(head, 16), realm, envelope, size })
}

/// The next sound record after the unsound bytes at the start, and how far away it is.
pub(super) fn resume(bytes: &[u8], stream: Stream, after: u64) -> Option<(usize, Frame<'_>)> {
    let mut skipped = ALIGN;
    while let Some(rest) = bytes.get(skipped..) {
        let head = rest.first_chunk::<HEAD>()?;
        // Most of what lies here is zeros: the number is cheap to look at, the checksum is not.
        if u64_at(head, 8) > after
            && let Some(frame) = read(rest, stream)
        {
            return Some((skipped, frame));
        }
        skipped += ALIGN;
    }
    None
}

impl Header {
    /// Its bytes.
    pub(super) fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0_u8; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..24].copy_from_slice(&self.stream.0);
        bytes[24..32].copy_from_slice(&self.index.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.first.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.begun.micros().to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads it back; `None` when these bytes are no header.
    pub(super) fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let sound = bytes[..8] == MAGIC && u32_at(bytes, 60) == crc32c::crc32c(&bytes[..60]);
        let mut stream = [0_u8; 16];
        stream.copy_from_slice(&bytes[8..24]);
        sound.then(|| Self {
            stream: Stream(stream),
            index: u64_at(bytes, 24),
            first: u64_at(bytes, 32),
            begun: Timestamp::from_micros(i64::from_le_bytes(u64_at(bytes, 40).to_le_bytes())),
        })
    }
}

/// How many bytes a record with an envelope of `length` takes.
fn padded(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX / 2).saturating_add(HEAD).next_multiple_of(ALIGN)
}

fn checksum(seed: u32, record: &[u8]) -> u32 {
    let length = record.get(..4).unwrap_or_default();
    let covered = record.get(8..).unwrap_or_default();
    crc32c::crc32c_append(crc32c::crc32c_append(seed, length), covered)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |field| u32::from_le_bytes(*field))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |field| u64::from_le_bytes(*field))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Stream = Stream([7; 16]);

    fn records(bodies: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for body in bodies {
            push(&mut out, RealmId(3), |out| {
                out.extend_from_slice(body);
                Ok::<_, Fault>(())
            })
            .unwrap();
        }
        out
    }

    #[test]
    fn records_are_numbered_without_a_gap_and_read_back() {
        let mut bytes = records(&[b"one", b"", b"three and more than eight"]);
        assert_eq!(number(&mut bytes, STREAM, 5, 4), 8);
        let mut rest = bytes.as_slice();
        for (n, body) in [(5, &b"one"[..]), (6, b""), (7, b"three and more than eight")] {
            let frame = read(rest, STREAM).unwrap();
            assert_eq!(
                (frame.n, frame.synced, frame.realm, frame.envelope),
                (n, 4, RealmId(3), body)
            );
            rest = &rest[frame.size..];
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn any_flipped_bit_of_a_record_is_noticed() {
        let mut bytes = records(&[b"a fact"]);
        number(&mut bytes, STREAM, 1, 0);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&damaged, STREAM), None, "bit {bit}");
        }
    }

    #[test]
    fn a_record_of_another_stream_or_cut_short_is_no_record() {
        let mut bytes = records(&[b"a fact"]);
        number(&mut bytes, STREAM, 1, 0);
        assert_eq!(read(&bytes, Stream([8; 16])), None);
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end], STREAM), None, "{end} bytes");
        }
    }

    #[test]
    fn preallocated_zeros_are_no_record() {
        assert_eq!(read(&[0; 4096], STREAM), None);
        assert_eq!(resume(&[0; 4096], STREAM, 0), None);
    }

    #[test]
    fn the_record_after_a_damaged_one_is_found_again() {
        let mut bytes = records(&[b"one", b"two", b"three"]);
        number(&mut bytes, STREAM, 1, 0);
        bytes[40] ^= 1;
        assert_eq!(read(&bytes[40..], STREAM), None);
        let (skipped, frame) = resume(&bytes[40..], STREAM, 2).unwrap();
        assert_eq!((skipped, frame.n, frame.envelope), (40, 3, &b"three"[..]));
    }

    #[test]
    fn a_record_larger_than_the_limit_is_refused_and_leaves_nothing_behind() {
        let mut out = Vec::new();
        let pushed = push(&mut out, RealmId(1), |out| {
            out.resize(RECORD_BYTES_MAX + HEAD + 1, 0);
            Ok::<_, Fault>(())
        });
        assert!(pushed.is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn a_header_reads_back_and_a_damaged_one_does_not() {
        let header =
            Header { stream: STREAM, index: 3, first: 99, begun: Timestamp::from_seconds(5) };
        assert_eq!(Header::parse(&header.bytes()), Some(header));
        let mut damaged = header.bytes();
        damaged[33] ^= 1;
        assert_eq!(Header::parse(&damaged), None);
        assert_eq!(Header::parse(&[0; HEADER]), None);
    }
}
