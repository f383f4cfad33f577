//! Downloads: one file, whole or a stretch of it, or all of them as one zip that is made while it is sent. Bytes are
//! opened and checked as they go; a response that is under way when its transfer expires, or when its reader's right to it
//! ends, is cut (invariants 5, 7), and so is one that its reader does not take. Each download is in the log before its first
//! byte and after its last, a resumed one too; a HEAD is none.

mod archive;
mod pipe;
mod range;
mod zip;

use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;

use self::archive::{Archive, Reached, Window};
use self::pipe::{Feed, Pipe, piped};
use self::range::{Stretch, Wanted, wanted};
use super::Shared;
use super::answer::{Errors, Outcome};
use super::request::Guest;
use super::transfer::visitor;
use super::views::ErrorKind;
use crate::app::{App, AppError, OpenError, OpenedTransfer, OutsideReader, PartStream, Signed, Visitor};
use crate::audit::FailureReason;
use crate::message::name_of;
use crate::retention::PendingEffect;
use crate::value::{ByteSize, Digest, Millis};

/// How many downloads go on at once: each holds a thread. Who comes later is asked to come again.
pub(super) const DOWNLOADS_AT_ONCE: usize = 64;
/// How long a reader may take no piece before its download is cut.
const READER_PATIENCE: Duration = Duration::from_secs(30);
/// No piece leaves when its reader's right was asked for longer ago than this: below the 60 s of invariant 5.
const ASK_EVERY: Millis = Millis::seconds(15);

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
    headers: HeaderMap,
) -> Outcome {
    let path = format!("/transferts/{reference}");
    let (signed, opened) = open(&shared, &guest, &reference, &path).await?;
    let asked = Asked { path, method, headers };
    send_file(&shared, &guest, Reader::Member(Box::new(signed)), opened, &number, asked).await
}

/// Who downloads.
pub(super) enum Reader {
    /// A member of a mailbox.
    Member(Box<Signed>),
    /// The recipient of a link.
    Outside(Box<OutsideReader>),
}

/// What a request for a download asks.
pub(super) struct Asked {
    /// Where the transfer's page is.
    pub path: String,
    pub method: Method,
    pub headers: HeaderMap,
}

/// Sends one file of an opened transfer, whole or a stretch of it.
pub(super) async fn send_file(
    shared: &Shared,
    guest: &Guest,
    reader: Reader,
    opened: OpenedTransfer,
    number: &str,
    asked: Asked,
) -> Outcome {
    let Asked { path, method, headers } = asked;
    let errors = Errors::new(shared, guest);
    let file = number
        .parse()
        .ok()
        .and_then(|number: u32| opened.files().into_iter().find(|file| file.number == number));
    let file = file.ok_or_else(|| errors.page(ErrorKind::NotFound))?;
    let sent =
        Sent { name: &file.name, kind: FILE_TYPE, size: file.size.bytes(), tag: entity_tag(&file.binding) };
    if method == Method::HEAD {
        return Ok(sent.whole(Body::empty()));
    }
    let stretch = match wanted(&headers, sent.size, &sent.tag) {
        Wanted::Whole => None,
        Wanted::Stretch(stretch) => Some(stretch),
        Wanted::NotThere => return Ok(sent.not_there()),
    };
    let place = place(shared, &errors)?;
    let mut stream =
        shared.app.open_file(&opened, file.number).await.map_err(|error| errors.open(&error, &path))?;
    let download = Download::begin(shared, place, reader, opened, Some(file.number), guest.visitor).await;
    let download = download.map_err(|error| errors.fault(&error))?;
    let (feed, body) = download.piped();
    let from = stretch.map(|stretch| ByteSize(stretch.first));
    let (first, length) = stretch.map_or((0, file.size.bytes()), |stretch| (stretch.first, stretch.length()));
    stream.go_to(first);
    spawn_blocking(move || {
        let may_go_on = || download.may_go_on();
        let mut pipe = Pipe::new(feed, &may_go_on, READER_PATIENCE);
        let outcome = send(stream, length, &mut pipe);
        let sent = pipe.end(outcome.is_ok());
        download.end(outcome.err().as_ref(), from, sent);
    });
    Ok(match stretch {
        None => sent.whole(body),
        Some(stretch) => sent.partial(body, stretch),
    })
}

/// Sends so many bytes.
fn send(mut stream: PartStream, length: u64, pipe: &mut Pipe<'_>) -> io::Result<()> {
    let mut left = length;
    while left > 0 {
        let mut chunk = stream.pull_chunk()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= chunk.len() as u64;
        pipe.send(chunk)?;
    }
    Ok(())
}

pub(super) async fn archive(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    method: Method,
    headers: HeaderMap,
) -> Outcome {
    let path = format!("/transferts/{reference}");
    let (signed, opened) = open(&shared, &guest, &reference, &path).await?;
    let asked = Asked { path, method, headers };
    send_archive(&shared, &guest, Reader::Member(Box::new(signed)), opened, asked).await
}

/// Sends all files of an opened transfer as one zip, whole or a stretch of it. Of a stretch everything before it is read again, since
/// the directory at the end holds a check sum of each file.
pub(super) async fn send_archive(
    shared: &Shared,
    guest: &Guest,
    reader: Reader,
    opened: OpenedTransfer,
    asked: Asked,
) -> Outcome {
    let Asked { method, headers, .. } = asked;
    let errors = Errors::new(shared, guest);
    let message = shared.app.message(&opened).await.map_err(|error| errors.fault(&error))?;
    let archive = Archive::of(&opened.files(), message);
    let name = format!("{}.zip", opened.transfer.reference);
    let tag = archive_tag(&opened.transfer.manifest_digest);
    let sent = Sent { name: &name, kind: ARCHIVE_TYPE, size: archive.size(), tag };
    if method == Method::HEAD {
        return Ok(sent.whole(Body::empty()));
    }
    let stretch = match wanted(&headers, sent.size, &sent.tag) {
        Wanted::Whole => None,
        Wanted::Stretch(stretch) => Some(stretch),
        Wanted::NotThere => return Ok(sent.not_there()),
    };
    let place = place(shared, &errors)?;
    let download = Download::begin(shared, place, reader, opened, None, guest.visitor).await;
    let download = download.map_err(|error| errors.fault(&error))?;
    let (feed, body) = download.piped();
    let from = stretch.map(|stretch| ByteSize(stretch.first));
    let (first, length) = stretch.map_or((0, sent.size), |stretch| (stretch.first, stretch.length()));
    spawn_blocking(move || {
        let may_go_on = || download.may_go_on();
        let mut pipe = Pipe::new(feed, &may_go_on, READER_PATIENCE);
        let mut window = Window::new(&mut pipe, first, length);
        let outcome = archive.write(&mut window, |number, content| content.add(download.open_file(number)?));
        let outcome = window.end(outcome);
        let sent = pipe.end(outcome.is_ok());
        download.end(outcome.err().as_ref(), from, sent);
    });
    Ok(match stretch {
        None => sent.whole(body),
        Some(stretch) => sent.partial(body, stretch),
    })
}

impl Reached for &mut Pipe<'_> {
    fn is_waited_for(&self) -> io::Result<()> {
        Pipe::is_waited_for(self)
    }
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
    reader: Arc<Reader>,
    opened: OpenedTransfer,
    pending: PendingEffect,
    handle: Handle,
    _place: OwnedSemaphorePermit,
}

impl Download {
    async fn begin(
        shared: &Shared,
        place: OwnedSemaphorePermit,
        reader: Reader,
        opened: OpenedTransfer,
        number: Option<u32>,
        visitor: Visitor,
    ) -> Result<Self, AppError> {
        let pending = match &reader {
            Reader::Member(signed) => shared.app.begin_download(signed, &opened, number, visitor).await?,
            Reader::Outside(reader) => shared.app.begin_outside_download(reader, number, visitor).await?,
        };
        let (app, handle) = (Arc::clone(&shared.app), Handle::current());
        Ok(Self { app, reader: Arc::new(reader), opened, pending, handle, _place: place })
    }

    /// The body of the response, which stops where its reader's right ends, or where nobody can say whether there is one.
    fn piped(&self) -> (Feed, Body) {
        let (app, reader) = (Arc::clone(&self.app), Arc::clone(&self.reader));
        let transfer = Arc::new(self.opened.transfer.clone());
        let mut asked = app.now().at;
        piped(Box::new(move || {
            let since = asked.until(app.now().at);
            if (Millis(0)..ASK_EVERY).contains(&since) {
                return Box::pin(ready(true));
            }
            asked = app.now().at;
            let (app, reader, transfer) = (Arc::clone(&app), Arc::clone(&reader), Arc::clone(&transfer));
            Box::pin(async move {
                let reads_on = match &*reader {
                    Reader::Member(signed) => app.member_reads_on(signed, &transfer).await,
                    Reader::Outside(reader) => app.outsider_reads_on(reader).await,
                };
                reads_on.unwrap_or_else(|error| {
                    tracing::warn!(%error, "download.right_not_known");
                    false
                })
            })
        }))
    }

    fn may_go_on(&self) -> bool {
        self.app.may_still_read(&self.opened.transfer)
    }

    /// One of its files; where blocking is allowed. Damage stays damage, so that the log says so.
    fn open_file(&self, number: u32) -> io::Result<PartStream> {
        self.handle.block_on(self.app.open_file(&self.opened, number)).map_err(|error| match error {
            OpenError::Fault(AppError::Vault(error)) => error.into(),
            other => io::Error::other(other),
        })
    }

    /// Commits the result; where blocking is allowed.
    fn end(&self, failure: Option<&io::Error>, from: Option<ByteSize>, sent: ByteSize) {
        let failure = failure.map(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => FailureReason::ConnectionLost,
            io::ErrorKind::TimedOut => FailureReason::Interrupted,
            io::ErrorKind::InvalidData => FailureReason::SealDamaged,
            _ => FailureReason::Objects,
        });
        let ended = self.app.end_download(&self.pending, failure, from, sent);
        if let Err(error) = self.handle.block_on(ended) {
            tracing::error!(error = %error, "download.result_not_logged");
        }
    }
}

/// A strong tag (RFC 9110 section 8.8.1): what binds the file's sealed bytes, which says nothing of them in clear.
fn entity_tag(binding: &Digest) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{}\"", binding.to_hex())).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The same of an archive: what binds all that the transfer holds. Another way of writing archives has another label.
fn archive_tag(manifest: &Digest) -> HeaderValue {
    entity_tag(&Digest::of(&[b"zip 1", manifest.as_bytes().as_slice()].concat()))
}

/// What a download sends, whole or in part.
struct Sent<'n> {
    name: &'n str,
    kind: &'static str,
    size: u64,
    tag: HeaderValue,
}

impl Sent<'_> {
    fn whole(&self, body: Body) -> Response {
        let mut response = answer(body, self.name, self.kind, self.size);
        response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        response.headers_mut().insert(ETAG, self.tag.clone());
        response
    }

    fn partial(&self, body: Body, stretch: Stretch) -> Response {
        let mut response = self.whole(body);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(stretch.length()));
        if let Ok(range) = HeaderValue::from_str(&stretch.content_range(self.size)) {
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
        response
    }

    /// 416, with the size that there is (RFC 9110 section 15.5.17).
    fn not_there(&self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
        if let Ok(range) = HeaderValue::from_str(&format!("bytes */{}", self.size)) {
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
        let headers = response.headers_mut();
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        // A program asked, not a person: it is no page, and stays as it is.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FILE_TYPE));
        response
    }
}

/// Always as a file to keep, never as a page: what was deposited must not run in the gateway's name.
fn answer(body: Body, name: &str, content_type: &'static str, size: u64) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Of a file of a folder, its own name: only the archive has folders.
    headers.insert(CONTENT_DISPOSITION, disposition(name_of(name)));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
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
}
