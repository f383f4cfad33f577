//! Downloads: one file, or all of them as one zip that is made while it is sent. Bytes are opened and checked as they
//! go; a response that is under way when its transfer expires is cut (invariant 5), and so is one that its reader does
//! not take. Each download is in the log before its first byte and after its last; a HEAD is none.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::Shared;
use super::answer::{Errors, Outcome};
use super::request::Guest;
use super::transfer::visitor;
use super::views::ErrorKind;
use crate::app::{App, FileView, OpenError, OpenedTransfer, Signed, Visitor};
use crate::audit::FailureReason;
use crate::retention::PendingEffect;
use crate::value::ByteSize;

/// How many bytes go to the browser at once, and how many such pieces may wait for it.
const PIECE_BYTES: usize = 64 * 1024;
const PIECES_WAITING: usize = 4;
/// How many downloads go on at once: each holds a thread. Who comes later is asked to come again.
pub(super) const DOWNLOADS_AT_ONCE: usize = 64;
/// How long a reader may take no piece before its download is cut.
const READER_PATIENCE: Duration = Duration::from_secs(30);

/// No browser shows it: it is kept as a file.
const FILE_TYPE: &str = "application/octet-stream";
const ARCHIVE_TYPE: &str = "application/zip";

/// RFC 8187 section 3.2.1 `attr-char`.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

pub(super) async fn file(
    State(shared): State<Shared>,
    Path((reference, number)): Path<(String, String)>,
    guest: Guest,
    method: Method,
) -> Outcome {
    let path = format!("/transferts/{reference}");
    let (signed, opened) = open(&shared, &guest, &reference, &path).await?;
    let errors = Errors::new(&shared, &guest);
    let file = number
        .parse()
        .ok()
        .and_then(|number: u32| opened.files().into_iter().find(|file| file.number == number));
    let file = file.ok_or_else(|| errors.page(ErrorKind::NotFound))?;
    if method == Method::HEAD {
        return Ok(answer(Body::empty(), &file.name, FILE_TYPE, Some(file.size)));
    }
    let place = place(&shared, &errors)?;
    let stream =
        shared.app.open_file(&opened, file.number).await.map_err(|error| errors.open(&error, &path))?;
    let download = Download::begin(&shared, place, &signed, opened, Some(file.number), guest.visitor).await;
    let download = download.map_err(|error| errors.fault(&error))?;
    let (feed, body) = piped();
    spawn_blocking(move || {
        let may_go_on = || download.may_go_on();
        let mut pipe = Pipe::new(feed, &may_go_on, READER_PATIENCE);
        let outcome = copy(stream, &mut pipe).and_then(|()| pipe.flush());
        let sent = pipe.end(outcome.is_ok());
        download.end(outcome.err().as_ref(), sent);
    });
    Ok(answer(body, &file.name, FILE_TYPE, Some(file.size)))
}

pub(super) async fn archive(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    method: Method,
) -> Outcome {
    let path = format!("/transferts/{reference}");
    let (signed, opened) = open(&shared, &guest, &reference, &path).await?;
    let errors = Errors::new(&shared, &guest);
    let name = format!("{}.zip", opened.transfer.reference);
    if method == Method::HEAD {
        return Ok(answer(Body::empty(), &name, ARCHIVE_TYPE, None));
    }
    let place = place(&shared, &errors)?;
    let download = Download::begin(&shared, place, &signed, opened, None, guest.visitor).await;
    let download = download.map_err(|error| errors.fault(&error))?;
    let (feed, body) = piped();
    spawn_blocking(move || {
        let may_go_on = || download.may_go_on();
        let mut pipe = Pipe::new(feed, &may_go_on, READER_PATIENCE);
        let outcome = write_archive(&download, &mut pipe);
        let sent = pipe.end(outcome.is_ok());
        download.end(outcome.err().as_ref(), sent);
    });
    Ok(answer(body, &name, ARCHIVE_TYPE, None))
}

/// A place among the downloads that go on at once.
fn place(shared: &Shared, errors: &Errors<'_>) -> Result<OwnedSemaphorePermit, Response> {
    Arc::clone(&shared.downloads).try_acquire_owned().map_err(|_| errors.page(ErrorKind::Unavailable))
}

async fn open(
    shared: &Shared,
    guest: &Guest,
    reference: &str,
    path: &str,
) -> Result<(Signed, OpenedTransfer), Response> {
    let (signed, reference) = visitor(shared, guest, reference).await?;
    let errors = Errors::new(shared, guest).signed_as(signed.as_ref());
    let opened = shared.app.opened_transfer(signed.as_ref(), &reference, guest.visitor).await;
    let opened = opened.map_err(|error| errors.open(&error, path))?;
    let Some(signed) = &signed else { return Err(errors.open(&OpenError::NotSignedIn, path)) };
    Ok((signed.clone(), opened))
}

/// A download whose intention is in the log.
struct Download {
    app: Arc<App>,
    opened: OpenedTransfer,
    pending: PendingEffect,
    handle: Handle,
    _place: OwnedSemaphorePermit,
}

impl Download {
    async fn begin(
        shared: &Shared,
        place: OwnedSemaphorePermit,
        signed: &Signed,
        opened: OpenedTransfer,
        number: Option<u32>,
        visitor: Visitor,
    ) -> Result<Self, crate::app::AppError> {
        let pending = shared.app.begin_download(signed, &opened, number, visitor).await?;
        let (app, handle) = (Arc::clone(&shared.app), Handle::current());
        Ok(Self { app, opened, pending, handle, _place: place })
    }

    fn may_go_on(&self) -> bool {
        self.app.may_still_read(&self.opened.transfer)
    }

    /// Commits the result; where blocking is allowed.
    fn end(&self, failure: Option<&io::Error>, sent: ByteSize) {
        let failure = failure.map(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => FailureReason::ConnectionLost,
            io::ErrorKind::TimedOut => FailureReason::Interrupted,
            io::ErrorKind::InvalidData => FailureReason::SealDamaged,
            _ => FailureReason::Objects,
        });
        let ended = self.app.end_download(&self.pending, failure, sent);
        if let Err(error) = self.handle.block_on(ended) {
            tracing::error!(error = %error, "download.result_not_logged");
        }
    }
}

/// The end that a body is fed through.
struct Feed {
    sender: Sender<Bytes>,
    is_whole: Arc<AtomicBool>,
}

/// A body and its feed. Unless its feed says at the end that it is whole, the body breaks off, so that a cut file is
/// never taken for a whole one.
fn piped() -> (Feed, Body) {
    let (sender, receiver) = channel(PIECES_WAITING);
    let is_whole = Arc::new(AtomicBool::new(false));
    let feed = Feed { sender, is_whole: Arc::clone(&is_whole) };
    let pieces = stream::unfold(Some((receiver, is_whole)), |state| async move {
        let (mut receiver, is_whole) = state?;
        match receiver.recv().await {
            Some(piece) => Some((Ok(piece), Some((receiver, is_whole)))),
            None if is_whole.load(Ordering::Acquire) => None,
            None => Some((Err(io::Error::from(io::ErrorKind::UnexpectedEof)), None)),
        }
    });
    (feed, Body::from_stream(pieces))
}

/// Feeds a body from where blocking is allowed; stops when the visitor went or takes nothing, or the transfer expired.
struct Pipe<'a> {
    feed: Feed,
    may_go_on: &'a dyn Fn() -> bool,
    patience: Duration,
    buffer: Vec<u8>,
    sent: u64,
}

impl<'a> Pipe<'a> {
    fn new(feed: Feed, may_go_on: &'a dyn Fn() -> bool, patience: Duration) -> Self {
        Self { feed, may_go_on, patience, buffer: Vec::with_capacity(PIECE_BYTES), sent: 0 }
    }

    fn send_buffer(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if !(self.may_go_on)() {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES));
        let size = piece.len() as u64;
        let sending = async { timeout(self.patience, self.feed.sender.send(piece.into())).await };
        match Handle::current().block_on(sending) {
            Ok(Ok(())) => self.sent += size,
            Ok(Err(_)) => return Err(io::Error::from(io::ErrorKind::BrokenPipe)),
            Err(_) => return Err(io::Error::from(io::ErrorKind::TimedOut)),
        }
        Ok(())
    }

    /// Ends the body, as a whole one or as one that broke off; returns how much was sent.
    fn end(self, is_whole: bool) -> ByteSize {
        self.feed.is_whole.store(is_whole, Ordering::Release);
        ByteSize(self.sent)
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES - self.buffer.len();
        let taken = room.min(bytes.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == PIECE_BYTES {
            self.send_buffer()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_buffer()
    }
}

fn copy(mut stream: crate::app::PartStream, writer: &mut impl Write) -> io::Result<()> {
    let mut buffer = zeroize::Zeroizing::new(vec![0; PIECE_BYTES]);
    loop {
        match stream.pull(&mut buffer)? {
            0 => return Ok(()),
            count => writer.write_all(&buffer[..count])?,
        }
    }
}

/// Writes all files as one zip, stored as they are, and the list of their digests as `sha256sum` reads it.
fn write_archive(download: &Download, pipe: &mut Pipe<'_>) -> io::Result<()> {
    let mut zip = ZipWriter::new_stream(&mut *pipe);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .large_file(true);
    let mut taken = HashSet::new();
    let mut digests = String::new();
    let broken = |error: zip::result::ZipError| match error {
        zip::result::ZipError::Io(error) => error,
        other => io::Error::other(other),
    };
    let message =
        download.handle.block_on(download.app.message(&download.opened)).map_err(io::Error::other)?;
    if !message.expose().is_empty() {
        zip.start_file(unique(&mut taken, "message.txt"), options).map_err(broken)?;
        zip.write_all(message.expose())?;
    }
    for file in download.opened.files() {
        let name = unique(&mut taken, &file.name);
        digests.push_str(&digest_line(&file, &name));
        zip.start_file(name, options).map_err(broken)?;
        let opened = download.handle.block_on(download.app.open_file(&download.opened, file.number));
        copy(opened.map_err(io::Error::other)?, &mut zip)?;
    }
    zip.start_file(unique(&mut taken, "SHA256SUMS"), options).map_err(broken)?;
    zip.write_all(digests.as_bytes())?;
    zip.finish().map_err(broken)?;
    pipe.flush()
}

fn digest_line(file: &FileView, name: &str) -> String {
    format!("{}  {name}\n", file.digest.to_hex())
}

/// The name itself, or with a number before its extension when another file has it, letter case apart.
fn unique(taken: &mut HashSet<String>, name: &str) -> String {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let mut candidate = name.to_owned();
    let mut number = 2;
    while !taken.insert(candidate.to_lowercase()) {
        candidate = format!("{stem} ({number}){extension}");
        number += 1;
    }
    candidate
}

/// Always as a file to keep, never as a page: what was deposited must not run in the gateway's name.
fn answer(body: Body, name: &str, content_type: &'static str, size: Option<ByteSize>) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_DISPOSITION, disposition(name));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    if let Some(size) = size {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(size.bytes()));
    }
    response
}

/// RFC 6266: the name in UTF-8 for every browser, and in ASCII for what is older.
fn disposition(name: &str) -> HeaderValue {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || ".-_ ()".contains(c) { c } else { '_' })
        .collect();
    let encoded = utf8_percent_encode(name, NOT_ATTR_CHAR);
    HeaderValue::from_str(&format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `pieces` pieces to a body on a thread of its own, with little patience.
    fn feed(feed: Feed, pieces: usize) -> tokio::task::JoinHandle<(io::Result<()>, ByteSize)> {
        spawn_blocking(move || {
            let mut pipe = Pipe::new(feed, &|| true, Duration::from_millis(50));
            let outcome = pipe.write_all(&vec![7; pieces * PIECE_BYTES]);
            let sent = pipe.end(outcome.is_ok());
            (outcome, sent)
        })
    }

    #[tokio::test]
    async fn a_reader_who_takes_nothing_is_cut_and_never_has_a_whole_body() {
        let (end, body) = piped();
        let (outcome, sent) = feed(end, PIECES_WAITING + 1).await.unwrap();
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(sent.bytes(), (PIECES_WAITING * PIECE_BYTES) as u64);
        assert!(axum::body::to_bytes(body, usize::MAX).await.is_err(), "a cut body looks whole");
    }

    #[tokio::test]
    async fn a_reader_who_takes_all_has_a_whole_body() {
        let (end, body) = piped();
        let fed = feed(end, 3 * PIECES_WAITING);
        let read = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        assert_eq!(read.len(), 3 * PIECES_WAITING * PIECE_BYTES);
        fed.await.unwrap().0.unwrap();
    }

    #[tokio::test]
    async fn nothing_is_sent_of_what_may_not_be_read_any_more() {
        let (end, _body) = piped();
        let cut = spawn_blocking(move || {
            Pipe::new(end, &|| false, Duration::from_mins(1)).write_all(&vec![7; PIECE_BYTES])
        });
        assert_eq!(cut.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_name_cannot_end_the_header_that_carries_it() {
        let value = disposition("pièce \"1\"\r\nSet-Cookie: a=b.pdf");
        let text = value.to_str().unwrap();
        assert!(!text.contains('\r') && !text.contains('\n'));
        assert!(text.starts_with(
            "attachment; filename=\"pi_ce _1___Set-Cookie_ a_b.pdf\"; filename*=UTF-8''pi%C3%A8ce"
        ));
    }

    #[test]
    fn two_files_of_one_name_are_two_files_in_the_archive() {
        let mut taken = HashSet::new();
        let names: Vec<_> =
            ["a.pdf", "A.pdf", "a.pdf", ".x", "b"].iter().map(|name| unique(&mut taken, name)).collect();
        assert_eq!(names, ["a.pdf", "A (2).pdf", "a (3).pdf", ".x", "b"]);
    }
}
