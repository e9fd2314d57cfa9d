//! Clients on a Unix socket that name the host by the socket's path: what they send is made readable for HTTP/2.
//!
//! gRPC's C core (so Python, C++, Ruby, PHP) sends the path of the socket as `:authority`, with its slashes written `%2F`. RFC 3986
//! §3.2.2 allows that in a host; the HTTP/2 crate below us does not, and resets the stream. On a Unix socket the authority
//! means nothing, so each `%` of it becomes a `-`, in place: no length changes, and the compression state of both sides
//! (RFC 7541 §2.2) stays the same. Everything else passes as it came, and so does whatever is not HTTP/2.

use std::io::{IoSlice, Result};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose HEADERS frames are mended as they are read.
pub(super) struct SocketAuthority<S> {
    stream: S,
    reader: Reader,
    /// Mended, not yet taken.
    done: Vec<u8>,
    taken: usize,
}

impl<S> SocketAuthority<S> {
    pub(super) fn new(stream: S) -> Self {
        let reader = Reader { held: Vec::new(), step: Step::Preface };
        Self { stream, reader, done: Vec::new(), taken: 0 }
    }

    /// Gives what is done; false if nothing is.
    fn give(&mut self, into: &mut ReadBuf<'_>) -> bool {
        let left = self.done.get(self.taken..).unwrap_or_default();
        let (now, later) = left.split_at(left.len().min(into.remaining()));
        into.put_slice(now);
        self.taken += now.len();
        let given = !now.is_empty();
        if later.is_empty() {
            self.done.clear();
            self.taken = 0;
        }
        given
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SocketAuthority<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let this = &mut *self;
        if into.remaining() == 0 || this.give(into) {
            return Poll::Ready(Ok(()));
        }
        loop {
            if this.reader.passes() {
                return Pin::new(&mut this.stream).poll_read(cx, into);
            }
            let mut chunk = [0_u8; CHUNK_BYTES];
            let mut fresh = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut fresh))?;
            let ended = fresh.filled().is_empty();
            this.reader.take(fresh.filled(), &mut this.done);
            if ended {
                this.done.append(&mut this.reader.held);
            }
            if this.give(into) || ended {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SocketAuthority<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Follows the frames of one connection.
struct Reader {
    /// Read, and not yet known to be whole: at most one HEADERS frame and one read.
    held: Vec<u8>,
    step: Step,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// At the client's preface (RFC 9113 §3.4).
    Preface,
    /// At the head of a frame.
    Head,
    /// In the payload of a frame that nobody needs to see, with so many bytes to come.
    Payload(usize),
    /// At a HEADERS frame of so many bytes, its head included.
    Headers(usize),
    /// This is not HTTP/2.
    Passing,
}

impl Reader {
    fn passes(&self) -> bool {
        matches!(self.step, Step::Passing) && self.held.is_empty()
    }

    /// Takes what was read; puts out what is whole.
    fn take(&mut self, read: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(read);
        while let Some((whole, next)) = self.next() {
            if let (Step::Headers(_), Some(frame)) = (self.step, self.held.get_mut(..whole)) {
                mend(frame);
            }
            out.extend(self.held.drain(..whole));
            self.step = next;
        }
    }

    /// How much can go out now, and what comes then; nothing while more must be read.
    fn next(&self) -> Option<(usize, Step)> {
        let held = self.held.len();
        match self.step {
            Step::Preface if self.held.starts_with(PREFACE) => Some((PREFACE.len(), Step::Head)),
            Step::Preface if PREFACE.starts_with(&self.held) => None,
            Step::Payload(0) => Some((0, Step::Head)),
            Step::Payload(_) | Step::Passing if held == 0 => None,
            Step::Preface | Step::Passing => Some((held, Step::Passing)),
            Step::Head => self.held.first_chunk::<HEAD_BYTES>().map(|head| {
                match (frame_bytes(head), head[3]) {
                    (length, HEADERS) if length <= HEADERS_BYTES_MAX => {
                        (0, Step::Headers(HEAD_BYTES + length))
                    }
                    (length, _) => (HEAD_BYTES, Step::Payload(length)),
                }
            }),
            Step::Payload(left) => Some((left.min(held), Step::Payload(left.saturating_sub(held)))),
            Step::Headers(whole) => (held >= whole).then_some((whole, Step::Head)),
        }
    }
}

fn frame_bytes([a, b, c, ..]: &[u8; HEAD_BYTES]) -> usize {
    usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c)
}

/// Makes the authority of a whole HEADERS frame readable, if it has one in plain letters.
fn mend(frame: &mut [u8]) {
    let Some((head, payload)) = frame.split_first_chunk_mut::<HEAD_BYTES>() else { return };
    let flags = head[4];
    let padded = usize::from(flags & PADDED != 0);
    let before = padded + if flags & PRIORITY == 0 { 0 } else { 5 };
    let padding = if padded == 1 { payload.first().copied().map_or(0, usize::from) } else { 0 };
    let Some(end) = payload.len().checked_sub(padding) else { return };
    let Some(block) = payload.get_mut(before..end) else { return };
    let value = authority(block).and_then(|range| block.get_mut(range));
    for byte in value.unwrap_or_default().iter_mut().filter(|byte| **byte == b'%') {
        *byte = b'-';
    }
}

/// Where the plain text of `:authority` stands in a header block (RFC 7541 §6).
fn authority(block: &[u8]) -> Option<Range<usize>> {
    let mut at = 0;
    loop {
        let first = *block.get(at)?;
        let prefix = match first {
            0x80.. => 7,
            0x40.. => 6,
            0x20.. => 5,
            _ => 4,
        };
        let (index, after) = integer(block, at, prefix)?;
        if prefix == 7 || prefix == 5 {
            at = after;
            continue;
        }
        let (named, after) = match index {
            0 => {
                let (huffman, name) = string(block, after)?;
                let end = name.end;
                (!huffman && block.get(name)? == b":authority", end)
            }
            // `:authority` is the first of the static table.
            index => (index == 1, after),
        };
        let (huffman, value) = string(block, after)?;
        if named {
            return (!huffman).then_some(value);
        }
        at = value.end;
    }
}

/// A string's place, and whether it is written in Huffman's code (RFC 7541 §5.2).
fn string(block: &[u8], at: usize) -> Option<(bool, Range<usize>)> {
    let huffman = block.get(at)? & 0x80 != 0;
    let (length, start) = integer(block, at, 7)?;
    let end = start.checked_add(length)?;
    (end <= block.len()).then_some((huffman, start..end))
}

/// An integer that begins in the lowest bits of a byte, and where it ends (RFC 7541 §5.1).
fn integer(block: &[u8], at: usize, prefix: u32) -> Option<(usize, usize)> {
    let mask = (1_usize << prefix) - 1;
    let mut value = usize::from(*block.get(at)?) & mask;
    let mut at = at + 1;
    if value < mask {
        return Some((value, at));
    }
    // Longer ones than four bytes do not fit a frame.
    for shift in [0, 7, 14, 21] {
        let byte = *block.get(at)?;
        at += 1;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, at));
        }
    }
    None
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEAD_BYTES: usize = 9;
const HEADERS: u8 = 1;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
/// The largest frame that a peer may send before it was told otherwise (RFC 9113 §4.2).
const HEADERS_BYTES_MAX: usize = 16_384;
const CHUNK_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What gRPC's C core sent, shortened: settings, then a request.
    fn sent(authority: &str, flags: u8, pad: u8) -> Vec<u8> {
        let mut block = vec![0x40, 5];
        block.extend(b":path");
        block.extend([5, b'/', b'a', b'%', b'2', b'F', 0x40, 10]);
        block.extend(b":authority");
        block.push(u8::try_from(authority.len()).unwrap());
        block.extend(authority.as_bytes());
        block.extend([0x83, 0x86, 0x3f, 0xe1, 0x1f, 0x00, 1, b'x', 1, b'%']);
        let mut payload = Vec::new();
        if flags & PADDED != 0 {
            payload.push(pad);
        }
        if flags & PRIORITY != 0 {
            payload.extend([0; 5]);
        }
        payload.extend(block);
        if flags & PADDED != 0 {
            payload.extend(std::iter::repeat_n(0, pad.into()));
        }
        let mut bytes = PREFACE.to_vec();
        bytes.extend([0, 0, 6, 4, 0, 0, 0, 0, 0, b'%', b'%', 0, 0, 0, 0]);
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        bytes.extend(&length[1..]);
        bytes.extend([HEADERS, flags, 0, 0, 0, 1]);
        bytes.extend(payload);
        bytes.extend([0, 0, 1, 0, 1, 0, 0, 0, 1, b'%']);
        bytes
    }

    fn through(bytes: &[u8], step: usize) -> Vec<u8> {
        let mut reader = Reader { held: Vec::new(), step: Step::Preface };
        let mut out = Vec::new();
        for chunk in bytes.chunks(step) {
            reader.take(chunk, &mut out);
        }
        out.extend(reader.held);
        out
    }

    #[test]
    fn the_path_of_a_socket_becomes_a_host_name_however_it_is_cut_and_nothing_else_changes() {
        for flags in [0x4, 0x5 | PADDED, 0x4 | PRIORITY, 0x5 | PADDED | PRIORITY] {
            let (given, wanted) = (sent("tmp%2Fs.sock", flags, 3), sent("tmp-2Fs.sock", flags, 3));
            for step in [1, 2, 7, 1000] {
                assert_eq!(through(&given, step), wanted, "{flags:#x} in pieces of {step}");
            }
        }
    }

    #[test]
    fn a_name_from_the_static_table_is_known_and_huffmans_code_is_left_alone() {
        assert_eq!(authority(&[0x41, 2, b'%', b'2']), Some(2..4));
        assert_eq!(authority(&[0x01, 1, b'%']), Some(2..3));
        assert_eq!(authority(&[0x41, 0x82, b'%', b'2']), None);
    }

    #[test]
    fn what_is_not_http_2_passes_as_it_came() {
        for text in
            ["GET /a%2F HTTP/1.1\r\n\r\n", "P", "PRI * HTTP/1", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r!%"]
        {
            assert_eq!(through(text.as_bytes(), 3), text.as_bytes(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it_or_get_lost(bytes in proptest::collection::vec(any::<u8>(), 0..300), step in 1_usize..50) {
            let mut stream = PREFACE.to_vec();
            stream.extend(&bytes);
            prop_assert_eq!(through(&stream, step).len(), stream.len());
            let mut block = bytes.clone();
            mend(&mut block);
            prop_assert_eq!(block.len(), bytes.len());
        }
    }
}
