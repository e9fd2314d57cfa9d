//! A connection whose output is gathered until it is flushed: the parts of an answer leave as one TLS record and in one call
//! of the system. HTTP/2 writes the head, the body and the trailers of each answer by themselves.
//!
//! A connection that has nothing to send holds no buffer: there are thousands of those.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Stream;

/// What is read comes through as it is; what is written waits for a flush, or for more than a buffer's worth.
pub(super) struct Gathered {
    stream: Stream,
    held: Vec<u8>,
    /// How much of it the stream has taken.
    sent: usize,
}

impl Gathered {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, held: Vec::new(), sent: 0 }
    }

    /// Hands on what is held, and lets go of the buffer.
    fn send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.held.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => self.sent += taken,
            }
        }
        (self.held, self.sent) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gathered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.held.len() >= HELD_BYTES_MAX {
            ready!(self.send(context))?;
        }
        let taken = bytes.get(..HELD_BYTES_MAX).unwrap_or(bytes);
        self.held.extend_from_slice(taken);
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.send(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.send(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Gathered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

/// A TLS record holds as much (RFC 8446 §5.1); twice this is held at most, where a write meets an almost full buffer.
const HELD_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A stream of which each write is told apart.
    fn pair() -> (Gathered, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(8);
        (Gathered::new(Box::new(ours)), theirs)
    }

    #[tokio::test]
    async fn what_is_written_leaves_with_the_flush_and_not_before() {
        let (mut gathered, mut peer) = pair();
        gathered.write_all(b"ab").await.unwrap();
        gathered.write_all(b"cd").await.unwrap();
        let mut seen = [0; 4];
        let early = std::pin::pin!(peer.read_exact(&mut seen));
        assert!(futures_util::poll!(early).is_pending());
        gathered.flush().await.unwrap();
        peer.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"abcd");
        assert_eq!(gathered.held.capacity(), 0, "an idle connection holds no buffer");
    }

    #[tokio::test]
    async fn nothing_is_lost_or_held_without_bound_when_the_peer_reads_slowly() {
        let (mut gathered, mut peer) = pair();
        let text: Vec<u8> = (0..=255).cycle().take(5 * HELD_BYTES_MAX + 7).collect();
        let sent = text.clone();
        let writing = async move {
            for piece in sent.chunks(999) {
                gathered.write_all(piece).await.unwrap();
                assert!(gathered.held.len() < 2 * HELD_BYTES_MAX);
            }
            gathered.shutdown().await.unwrap();
        };
        let mut seen = Vec::new();
        let ((), read) = tokio::join!(writing, peer.read_to_end(&mut seen));
        read.unwrap();
        assert_eq!(seen, text);
    }

    #[tokio::test]
    async fn a_peer_that_went_away_is_noticed_at_the_flush() {
        let (mut gathered, peer) = pair();
        gathered.write_all(b"ab").await.unwrap();
        drop(peer);
        assert_eq!(gathered.flush().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
