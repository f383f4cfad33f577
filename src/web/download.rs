//! Downloads: one file, or all of them as one zip that is made while it is sent. Bytes are opened and checked as they
//! go; a response that is under way when its transfer expires is cut (invariant 5). Each download is in the log before
//! its first byte and after its last.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::spawn_blocking;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::Shared;
use super::answer::{Errors, Outcome};
use super::request::Guest;
use super::transfer::visitor;
use super::views::ErrorKind;
use crate::app::{App, FileView, OpenError, OpenedTransfer, Signed, Visitor};
use crate::audit::FailureReason;
use crate::value::ByteSize;

/// How many bytes go to the browser at once, and how many such pieces may wait for it.
const PIECE_BYTES: usize = 64 * 1024;
const PIECES_WAITING: usize = 4;

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
) -> Outcome {
    let path = format!("/transferts/{reference}");
    let (signed, opened) = open(&shared, &guest, &reference, &path).await?;
    let errors = Errors::new(&shared, &guest);
    let file = number
        .parse()
        .ok()
        .and_then(|number: u32| opened.files().into_iter().find(|file| file.number == number));
    let file = file.ok_or_else(|| errors.page(ErrorKind::NotFound))?;
    let stream =
        shared.app.open_file(&opened, file.number).await.map_err(|error| errors.open(&error, &path))?;
    let download = Download::begin(&shared, signed, opened, Some(file.number), guest.visitor).await;
    let download = download.map_err(|error| errors.fault(&error))?;
    let (sender, body) = piped();
    spawn_blocking(move || {
        let mut pipe = Pipe::new(sender, &download);
        let outcome = copy(stream, &mut pipe).and_then(|()| pipe.flush());
        let sent = pipe.end(outcome.as_ref().err());
        download.end(outcome.err().as_ref(), sent);
    });
    Ok(answer(body, &file.name, "application/octet-stream", Some(file.size)))
}

pub(super) async fn archive(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
) -> Outcome {
    let path = format!("/transferts/{reference}");
    let (signed, opened) = open(&shared, &guest, &reference, &path).await?;
    let errors = Errors::new(&shared, &guest);
    let name = format!("{}.zip", opened.transfer.reference);
    let download = Download::begin(&shared, signed, opened, None, guest.visitor).await;
    let download = download.map_err(|error| errors.fault(&error))?;
    let (sender, body) = piped();
    spawn_blocking(move || {
        let mut pipe = Pipe::new(sender, &download);
        let outcome = write_archive(&download, &mut pipe);
        let sent = pipe.end(outcome.as_ref().err());
        download.end(outcome.err().as_ref(), sent);
    });
    Ok(answer(body, &name, "application/zip", None))
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
    signed: Signed,
    opened: OpenedTransfer,
    number: Option<u32>,
    visitor: Visitor,
    handle: Handle,
}

impl Download {
    async fn begin(
        shared: &Shared,
        signed: Signed,
        opened: OpenedTransfer,
        number: Option<u32>,
        visitor: Visitor,
    ) -> Result<Self, crate::app::AppError> {
        shared.app.begin_download(&signed, &opened, number, visitor).await?;
        Ok(Self { app: Arc::clone(&shared.app), signed, opened, number, visitor, handle: Handle::current() })
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
        let ended =
            self.app.end_download(&self.signed, &self.opened, self.number, failure, sent, self.visitor);
        if let Err(error) = self.handle.block_on(ended) {
            tracing::error!(error = %error, "download.result_not_logged");
        }
    }
}

type Piece = Result<Bytes, io::Error>;

/// A body and the end that it is fed through.
fn piped() -> (Sender<Piece>, Body) {
    let (sender, receiver) = channel(PIECES_WAITING);
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece: Piece| (piece, receiver))
    });
    (sender, Body::from_stream(pieces))
}

/// Feeds a body from where blocking is allowed; stops when the visitor went or the transfer expired.
struct Pipe<'a> {
    sender: Sender<Piece>,
    download: &'a Download,
    buffer: Vec<u8>,
    sent: u64,
}

impl<'a> Pipe<'a> {
    fn new(sender: Sender<Piece>, download: &'a Download) -> Self {
        Self { sender, download, buffer: Vec::with_capacity(PIECE_BYTES), sent: 0 }
    }

    fn send_buffer(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if !self.download.may_go_on() {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES));
        self.sent += piece.len() as u64;
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    /// Ends the body: a failure makes it break off, so that a cut file is never taken for a whole one.
    fn end(self, failure: Option<&io::Error>) -> ByteSize {
        if let Some(error) = failure {
            let _gone_too = self.sender.blocking_send(Err(io::Error::from(error.kind())));
        }
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
        match stream.pull(&mut buffer).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
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
