//! A body that is fed from where blocking is allowed: bounded, cut when its reader does not take it or when it may not go
//! on, and never whole unless its feeder said so.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::value::ByteSize;

/// How many bytes go to the browser at once, and how many such pieces may wait for it.
pub(super) const PIECE_BYTES: usize = 64 * 1024;
pub(super) const PIECES_WAITING: usize = 4;

/// The end that a body is fed through.
pub(super) struct Feed {
    sender: Sender<Bytes>,
    is_whole: Arc<AtomicBool>,
    cut: CancellationToken,
}

/// Says whether the next piece may leave; asked before each.
pub(super) type Gate = Box<dyn FnMut() -> BoxFuture<'static, bool> + Send>;

/// A body and its feed. Unless its feed says at the end that it is whole, the body breaks off, so that a cut file is
/// never taken for a whole one. What waits in it when its gate closes is not sent any more.
pub(super) fn piped(gate: Gate) -> (Feed, Body) {
    let (sender, receiver) = channel(PIECES_WAITING);
    let (is_whole, cut) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
    let feed = Feed { sender, is_whole: Arc::clone(&is_whole), cut: cut.clone() };
    let pieces = stream::unfold(Some((receiver, is_whole, cut, gate)), |state| async move {
        let (mut receiver, is_whole, cut, mut gate) = state?;
        let piece = receiver.recv().await;
        match piece {
            Some(_) if !gate().await => {
                cut.cancel();
                Some((Err(io::Error::from(io::ErrorKind::TimedOut)), None))
            }
            Some(piece) => Some((Ok(piece), Some((receiver, is_whole, cut, gate)))),
            None if is_whole.load(Ordering::Acquire) => None,
            None => Some((Err(io::Error::from(io::ErrorKind::UnexpectedEof)), None)),
        }
    });
    (feed, Body::from_stream(pieces))
}

/// Feeds a body from where blocking is allowed; stops when the visitor went or takes nothing, or the transfer expired.
pub(super) struct Pipe<'a> {
    feed: Feed,
    may_go_on: &'a dyn Fn() -> bool,
    patience: Duration,
    buffer: Vec<u8>,
    sent: u64,
}

impl<'a> Pipe<'a> {
    /// A pipe whose reader may take nothing for `patience`.
    pub(super) fn new(feed: Feed, may_go_on: &'a dyn Fn() -> bool, patience: Duration) -> Self {
        Self { feed, may_go_on, patience, buffer: Vec::new(), sent: 0 }
    }

    /// Sends a piece as it is.
    pub(super) fn send(&mut self, piece: Vec<u8>) -> io::Result<()> {
        if !(self.may_go_on)() {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        let size = piece.len() as u64;
        let sending = async {
            tokio::select! {
                biased;
                () = self.feed.cut.cancelled() => None,
                sent = timeout(self.patience, self.feed.sender.send(piece.into())) => sent.ok(),
            }
        };
        match Handle::current().block_on(sending) {
            Some(Ok(())) => self.sent += size,
            Some(Err(_)) => return Err(io::Error::from(io::ErrorKind::BrokenPipe)),
            None => return Err(io::Error::from(io::ErrorKind::TimedOut)),
        }
        Ok(())
    }

    /// An error when the browser went, what it reads was cut, or may not be read any more; for who works for it without
    /// sending.
    pub(super) fn is_waited_for(&self) -> io::Result<()> {
        if self.feed.sender.is_closed() {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        }
        if self.feed.cut.is_cancelled() || !(self.may_go_on)() {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        Ok(())
    }

    /// Ends the body, as a whole one or as one that broke off; returns how much was sent.
    pub(super) fn end(self, is_whole: bool) -> ByteSize {
        self.feed.is_whole.store(is_whole, Ordering::Release);
        ByteSize(self.sent)
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.capacity() == 0 {
            self.buffer.reserve_exact(PIECE_BYTES);
        }
        let taken = (PIECE_BYTES - self.buffer.len()).min(bytes.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == PIECE_BYTES {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.buffer);
        self.send(piece)
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use futures_util::StreamExt as _;
    use tokio::task::{JoinHandle, spawn_blocking};

    use super::*;

    fn open() -> Gate {
        Box::new(|| Box::pin(ready(true)))
    }

    /// Nobody waits this long when all is well.
    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(50);

    /// Feeds `pieces` pieces to a body on a thread of its own.
    fn feed(feed: Feed, pieces: usize, patience: Duration) -> JoinHandle<(io::Result<()>, ByteSize)> {
        spawn_blocking(move || {
            let mut pipe = Pipe::new(feed, &|| true, patience);
            let outcome = pipe.write_all(&vec![7; pieces * PIECE_BYTES]);
            let sent = pipe.end(outcome.is_ok());
            (outcome, sent)
        })
    }

    #[tokio::test]
    async fn a_reader_who_takes_nothing_is_cut_and_never_has_a_whole_body() {
        let (end, body) = piped(open());
        let (outcome, sent) = feed(end, PIECES_WAITING + 1, SHORT).await.unwrap();
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(sent.bytes(), (PIECES_WAITING * PIECE_BYTES) as u64);
        assert!(axum::body::to_bytes(body, usize::MAX).await.is_err(), "a cut body looks whole");
    }

    #[tokio::test]
    async fn a_reader_who_takes_all_has_a_whole_body() {
        let (end, body) = piped(open());
        let fed = feed(end, 3 * PIECES_WAITING, LONG);
        let read = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        assert_eq!(read.len(), 3 * PIECES_WAITING * PIECE_BYTES);
        fed.await.unwrap().0.unwrap();
    }

    #[tokio::test]
    async fn nothing_is_sent_of_what_may_not_be_read_any_more() {
        let (end, _body) = piped(open());
        let cut = spawn_blocking(move || Pipe::new(end, &|| false, LONG).write_all(&vec![7; PIECE_BYTES]));
        assert_eq!(cut.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_works_without_sending_learns_that_nobody_waits() {
        let (end, body) = piped(open());
        let pipe = Pipe::new(end, &|| true, LONG);
        pipe.is_waited_for().unwrap();
        drop(body);
        assert_eq!(pipe.is_waited_for().unwrap_err().kind(), io::ErrorKind::BrokenPipe, "the browser went");
        let (end, _body) = piped(open());
        let expired = Pipe::new(end, &|| false, LONG).is_waited_for();
        assert_eq!(expired.unwrap_err().kind(), io::ErrorKind::TimedOut, "the transfer expired");
    }

    #[tokio::test]
    async fn what_waits_when_the_gate_closes_is_not_sent() {
        let (mut left, pieces) = (2, PIECES_WAITING + 3);
        let gate: Gate = Box::new(move || {
            left -= 1;
            Box::pin(ready(left >= 0))
        });
        let (end, body) = piped(gate);
        let fed = feed(end, pieces, LONG);
        let mut came = body.into_data_stream();
        for _ in 0..2 {
            assert_eq!(came.next().await.unwrap().unwrap().len(), PIECE_BYTES);
        }
        assert!(came.next().await.unwrap().is_err());
        assert!(came.next().await.is_none());
        assert_eq!(fed.await.unwrap().0.unwrap_err().kind(), io::ErrorKind::TimedOut, "cut, not gone");
    }
}
