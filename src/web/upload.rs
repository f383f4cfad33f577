//! Reads the deposit form (RFC 7578) while it arrives: text fields are kept in memory under limits, files are sealed
//! as they stream. What is wrong with one file is said of that file, and the rest of the form is still read.
//!
//! The parser keeps all that has come of a part's head, and of what stands before the first part. So the bytes are
//! metered before it gets them: it waits with what it has not handed out yet, and stops where nothing ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream, to_bytes};
use axum::extract::multipart::{Field, Multipart, MultipartRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use percent_encoding::percent_decode;
use thiserror::Error;

use super::draft::read_choice;
use super::views::DraftProblem;
use crate::app::{
    App, AppError, ArrivedFile, DraftForm, DraftView, FileRefusal, FinishedFile, FormChoice, SealedFile,
    Visitor,
};
use crate::mailbox::{DepositLimits, Mailbox};
use crate::transfer::DraftError;
use crate::value::{ByteSize, DraftId, MailboxId, SecretBytes, Token, UploadId};

/// The longest text of a field: a message, and room for whoever pastes too much and is told so.
const TEXT_MAX_BYTES: usize = 1024 * 1024;
/// The text fields of the form.
const TEXT_FIELDS: [&str; 14] = [
    "form",
    "choose",
    "seen",
    "title",
    "message",
    "suggested_title",
    "action",
    "remove",
    "drop",
    "recipients",
    "validity",
    "tell",
    "note",
    "told",
];
/// What the names of the inputs of a form about a person begin with.
const FORM_PREFIX: &str = "f.";
/// How many fields a form has: its files, and a few.
const FIELDS_MAX: usize = 1000;
/// What may come beyond the files themselves.
const OVERHEAD_MAX_BYTES: u64 = 4 * 1024 * 1024;
/// How much the parser may hold of what it has not handed out: heads of parts are far smaller.
const HELD_MAX_BYTES: u64 = 256 * 1024;
/// What surrounds a part beside its head: a boundary (70 characters at most, RFC 2046 section 5.1.1) and line ends.
const PART_FRAME_BYTES: usize = 80;
/// How many files beyond those that a deposit may have are looked at one by one; the others are only read past.
const FILES_BEYOND_MAX: u32 = 16;

/// What the depositor wants done with the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Send the deposit; also what a form without a pressed button asks for.
    Send,
    /// Keep the files that came, stay on the page.
    Add,
    /// Take the suggested title, and send.
    AcceptTitle,
    /// Take a file out.
    Remove(u32),
    /// Give up a file that came in part.
    Drop(UploadId),
    /// Choose the form that goes with the deposit.
    Choose(FormChoice),
}

/// What a member's form has beside a depositor's.
#[derive(Default)]
pub(super) struct OutgoingFields {
    pub recipients: String,
    pub validity: String,
    pub tell: String,
    pub note: String,
    pub told: SecretBytes,
}

/// A form that was read.
pub(super) struct DepositForm {
    pub title: String,
    pub message: SecretBytes,
    pub suggested_title: Option<String>,
    pub outgoing: OutgoingFields,
    /// The form about a person as it was typed; none when the page had none.
    pub form: Option<DraftForm>,
    /// The other mailbox that the depositor was told of.
    pub seen: Option<MailboxId>,
    /// That mailbox, when it is told now.
    pub leads: Option<Mailbox>,
    pub wish: Wish,
    pub sealed: Vec<SealedFile>,
    /// The last file, when the form asks to send: it goes into the draft with the sending.
    pub arrived: Option<Box<ArrivedFile>>,
    pub problems: Vec<DraftProblem>,
    /// More was typed into the form than it holds.
    pub form_cut: bool,
    /// A fault of ours that kept a file out; what else came with the form is here all the same.
    pub fault: Option<AppError>,
    files_seen: u32,
}

impl DepositForm {
    fn empty() -> Self {
        Self {
            title: String::new(),
            message: SecretBytes::default(),
            suggested_title: None,
            outgoing: OutgoingFields::default(),
            form: None,
            seen: None,
            leads: None,
            wish: Wish::Send,
            sealed: Vec::new(),
            arrived: None,
            problems: Vec::new(),
            form_cut: false,
            fault: None,
            files_seen: 0,
        }
    }

    /// Takes a text field in.
    fn take(&mut self, name: &str, value: String) {
        match name {
            "title" => self.title = value,
            "message" => self.message = SecretBytes::new(value.into_bytes()),
            "recipients" => self.outgoing.recipients = value,
            "validity" => self.outgoing.validity = value,
            "tell" => self.outgoing.tell = value,
            "note" => self.outgoing.note = value,
            "told" => self.outgoing.told = SecretBytes::new(value.into_bytes()),
            "form" => self.form.get_or_insert_default().choice = read_choice(&value),
            "choose" => self.wish = Wish::Choose(read_choice(&value)),
            "seen" => self.seen = value.parse().ok(),
            "suggested_title" => self.suggested_title = Some(value),
            "action" => {
                self.wish = match value.as_str() {
                    "add" => Wish::Add,
                    "accept_title" => Wish::AcceptTitle,
                    _ => Wish::Send,
                }
            }
            name if name.starts_with(FORM_PREFIX) => {
                let name = name.trim_start_matches(FORM_PREFIX);
                if !self.form.get_or_insert_default().typed.take(name, value) {
                    self.form_cut = true;
                }
            }
            "drop" => self.wish = value.parse().map_or_else(|_| self.wish.clone(), Wish::Drop),
            _ => self.wish = value.parse().map_or_else(|_| self.wish.clone(), Wish::Remove),
        }
    }

    /// Notes why a file is not taken: what is wrong with it, or the first fault of ours.
    fn note_refusal(&mut self, refusal: FileRefusal, name: &str, rest: ByteSize) -> Result<(), FormError> {
        match problem_of(refusal, name, rest) {
            Ok(problem) => self.note(problem),
            Err(FormError::Fault(error)) => drop(self.fault.get_or_insert(error)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Notes a problem. One of the whole deposit is said once, however many files have it.
    fn note(&mut self, problem: DraftProblem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// Why a form was not read to its end.
#[derive(Debug)]
pub(super) enum FormError {
    /// It is no form, or the visitor went away: nobody may be there to read the answer.
    Unreadable,
    /// More came than any deposit may be.
    TooLarge,
    /// The draft is not there any more.
    NoDraft,
    /// The deposit was sent meanwhile.
    AlreadySent,
    /// A fault of ours.
    Fault(AppError),
}

/// What a form may bring in all when its files may weigh so much.
pub(super) const fn form_limit(deposit: ByteSize) -> u64 {
    deposit.bytes().saturating_add(OVERHEAD_MAX_BYTES)
}

/// A form that comes in, metered.
pub(super) struct Incoming {
    multipart: Multipart,
    meter: Arc<Meter>,
}

impl Incoming {
    /// Begins to read a request's form; its files may weigh this much together.
    pub(super) async fn of(request: Request, deposit: ByteSize) -> Result<Self, MultipartRejection> {
        let meter = Arc::new(Meter::default());
        let mut metered = request.map(|body| meter.over(body, form_limit(deposit)));
        DefaultBodyLimit::disable().apply(&mut metered);
        Ok(Self { multipart: Multipart::from_request(metered, &()).await?, meter })
    }

    async fn next_part(&mut self) -> Result<Option<Part<'_>>, FormError> {
        let field = self.multipart.next_field().await.map_err(|_| self.meter.why())?;
        let Some(field) = field else { return Ok(None) };
        let lines = field.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        self.meter.handed_out(lines.sum::<usize>() + PART_FRAME_BYTES);
        Ok(Some(Part { field, meter: &self.meter }))
    }
}

/// A part of the form.
struct Part<'a> {
    field: Field<'a>,
    meter: &'a Meter,
}

impl Part<'_> {
    async fn chunk(&mut self) -> Result<Option<Bytes>, FormError> {
        let chunk = self.field.chunk().await.map_err(|_| self.meter.why())?;
        self.meter.handed_out(chunk.as_ref().map_or(0, Bytes::len));
        Ok(chunk)
    }

    /// Reads to the end of the part, and keeps nothing; returns how much it was.
    async fn pass(&mut self) -> Result<ByteSize, FormError> {
        let mut passed = ByteSize(0);
        while let Some(chunk) = self.chunk().await? {
            passed = passed + ByteSize(chunk.len() as u64);
        }
        Ok(passed)
    }
}

/// Counts what came and what the parser handed out.
#[derive(Default)]
struct Meter {
    came: AtomicU64,
    handed_out: AtomicU64,
    is_waiting: AtomicBool,
    is_over: AtomicBool,
}

/// Why no more of a form is read.
#[derive(Debug, Error)]
enum Stopped {
    #[error("more came than a form may bring")]
    TooLarge,
    #[error("a part of the form has a head without end")]
    Endless,
    #[error(transparent)]
    Broken(#[from] axum::Error),
}

impl Meter {
    /// The same body, metered: at most so many bytes, and no more than the parser can hold.
    fn over(self: &Arc<Self>, body: Body, limit: u64) -> Body {
        let (meter, mut source) = (Arc::clone(self), body.into_data_stream());
        Body::from_stream(stream::poll_fn(move |context| meter.poll(&mut source, limit, context)))
    }

    fn poll(
        &self,
        source: &mut BodyDataStream,
        limit: u64,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Stopped>>> {
        let came = self.came.load(Ordering::Relaxed);
        if came.saturating_sub(self.handed_out.load(Ordering::Relaxed)) >= HELD_MAX_BYTES {
            // The parser takes all that is there before it looks at it: it is told to look, and if it then asks for
            // more without having handed anything out, it never will.
            if self.is_waiting.swap(true, Ordering::Relaxed) {
                return Poll::Ready(Some(Err(Stopped::Endless)));
            }
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(chunk) = ready!(source.poll_next_unpin(context)) else { return Poll::Ready(None) };
        let chunk = chunk?;
        let came = came.saturating_add(chunk.len() as u64);
        self.came.store(came, Ordering::Relaxed);
        if came > limit {
            self.is_over.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(Stopped::TooLarge)));
        }
        Poll::Ready(Some(Ok(chunk)))
    }

    /// Why the parser stopped.
    fn why(&self) -> FormError {
        if self.is_over.load(Ordering::Relaxed) { FormError::TooLarge } else { FormError::Unreadable }
    }

    fn handed_out(&self, bytes: usize) {
        self.handed_out.fetch_add(bytes as u64, Ordering::Relaxed);
        self.is_waiting.store(false, Ordering::Relaxed);
    }
}

/// Where the files of a form go.
pub(super) struct Target<'a> {
    pub app: &'a App,
    pub draft: DraftId,
    pub token: &'a Token,
    pub limits: DepositLimits,
    pub visitor: Visitor,
    /// Each file is in the draft before anything else is done: for a program, which adds files and sends nothing, and for
    /// what a member sends, which is committed from the draft alone.
    pub files_first: bool,
}

/// Reads a form. Each file is in the draft when the next one begins; the last one waits for what the form asks for.
pub(super) async fn read(target: &Target<'_>, incoming: Incoming) -> Result<DepositForm, FormError> {
    let mut form = DepositForm::empty();
    let outcome = read_parts(target, incoming, &mut form).await;
    let sends = matches!(form.wish, Wish::Send | Wish::AcceptTitle)
        && form.problems.is_empty()
        && form.fault.is_none();
    if outcome.is_err() || !sends || target.files_first {
        // Of a form that broke off, what came in whole stays.
        let kept = keep_arrived(target, &mut form).await;
        outcome.and(kept)?;
    }
    Ok(form)
}

/// Puts the file that came last into the draft.
async fn keep_arrived(target: &Target<'_>, form: &mut DepositForm) -> Result<(), FormError> {
    let Some(file) = form.arrived.take() else { return Ok(()) };
    let name = file.name().to_string();
    match target.app.keep_arrived(*file, target.visitor).await {
        Ok(sealed) => form.sealed.push(sealed),
        Err(refusal) => form.note_refusal(refusal, &name, ByteSize(0))?,
    }
    Ok(())
}

async fn read_parts(
    target: &Target<'_>,
    mut incoming: Incoming,
    form: &mut DepositForm,
) -> Result<(), FormError> {
    for _ in 0..FIELDS_MAX {
        let Some(mut part) = incoming.next_part().await? else { return Ok(()) };
        match part.field.name().unwrap_or_default() {
            "files" => take_file(target, part, form).await?,
            name if is_text(name) => {
                let name = name.to_owned();
                form.take(&name, text(&mut part).await?);
            }
            _ => {
                part.pass().await?;
            }
        }
    }
    Err(FormError::TooLarge)
}

fn is_text(name: &str) -> bool {
    TEXT_FIELDS.contains(&name) || name.starts_with(FORM_PREFIX)
}

/// Whether a form comes without files, as a program sends it that has none.
pub(super) fn is_without_files(request: &Request) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"))
}

/// Reads a form without files (WHATWG URL, `application/x-www-form-urlencoded`).
pub(super) async fn read_without_files(request: Request) -> Result<DepositForm, FormError> {
    // Each byte of a text may be written as three.
    let body = to_bytes(request.into_body(), 3 * TEXT_MAX_BYTES).await.map_err(|_| FormError::TooLarge)?;
    let mut form = DepositForm::empty();
    for pair in body.split(|byte| *byte == b'&').take(FIELDS_MAX) {
        let mut sides = pair.splitn(2, |byte| *byte == b'=').map(decoded);
        let name = sides.next().transpose()?.unwrap_or_default();
        let value = sides.next().transpose()?.unwrap_or_default();
        if is_text(&name) {
            form.take(&name, value);
        }
    }
    Ok(form)
}

fn decoded(written: &[u8]) -> Result<String, FormError> {
    let spaced: Vec<u8> = written.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded = percent_decode(&spaced).decode_utf8().map_err(|_| FormError::Unreadable)?;
    Ok(decoded.into_owned())
}

async fn text(part: &mut Part<'_>) -> Result<String, FormError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await? {
        if bytes.len() + chunk.len() > TEXT_MAX_BYTES {
            return Err(FormError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| FormError::Unreadable)
}

/// Takes one file. A refusal is noted and the rest of the file is read past, so that the form can go on.
async fn take_file(target: &Target<'_>, mut part: Part<'_>, form: &mut DepositForm) -> Result<(), FormError> {
    let name = part.field.file_name().unwrap_or_default().to_owned();
    let first = part.chunk().await?;
    if name.is_empty() && first.as_ref().is_none_or(Bytes::is_empty) {
        // An empty file field: the browser sends it when nothing was chosen.
        return part.pass().await.map(drop);
    }
    form.files_seen = form.files_seen.saturating_add(1);
    let limit = target.limits.files;
    if form.files_seen > limit.saturating_add(FILES_BEYOND_MAX) {
        form.note(DraftProblem::TooManyFiles { limit });
        return part.pass().await.map(drop);
    }
    keep_arrived(target, form).await?;
    let view = target.app.draft(target.draft, target.token).await.map_err(FormError::Fault)?;
    let view = view.ok_or(FormError::NoDraft)?;
    match seal_file(target.app, view, &name, first, &mut part, target.visitor).await? {
        Ok(FinishedFile::InDraft(sealed)) => form.sealed.push(sealed),
        Ok(FinishedFile::Arrived(file)) => form.arrived = Some(file),
        Err(refusal) => {
            // The rest is read past, and only counted: the person is told what the file really weighs.
            let rest = part.pass().await?;
            form.note_refusal(refusal, &name, rest)?;
        }
    }
    Ok(())
}

async fn seal_file(
    app: &App,
    view: DraftView,
    name: &str,
    first: Option<Bytes>,
    part: &mut Part<'_>,
    visitor: Visitor,
) -> Result<Result<FinishedFile, FileRefusal>, FormError> {
    let mut sealing = match app.begin_file(view, name, visitor).await {
        Ok(sealing) => sealing,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut next = first;
    while let Some(chunk) = next {
        if let Err(refusal) = sealing.push(&chunk).await {
            return Ok(Err(refusal));
        }
        next = part.chunk().await?;
    }
    Ok(sealing.arrive().await)
}

pub(super) fn problem_of(
    refusal: FileRefusal,
    name: &str,
    rest: ByteSize,
) -> Result<DraftProblem, FormError> {
    let name = name.to_owned();
    match refusal {
        FileRefusal::Empty => Ok(DraftProblem::FileEmpty { name }),
        FileRefusal::Content(cause) => Ok(DraftProblem::FileRefused { name, cause }),
        FileRefusal::Draft(DraftError::FileTooLarge { limit, actual }) => {
            Ok(DraftProblem::FileTooLarge { name, actual: actual + rest, limit })
        }
        FileRefusal::Draft(DraftError::DepositTooLarge { limit, actual }) => {
            Ok(DraftProblem::TotalTooLarge { name, actual: actual + rest, limit })
        }
        FileRefusal::TooFast { limit, again } => Ok(DraftProblem::TooFast { limit, again }),
        FileRefusal::Draft(DraftError::TooManyFiles { limit }) => Ok(DraftProblem::TooManyFiles { limit }),
        FileRefusal::Draft(DraftError::AlreadySent) => Err(FormError::AlreadySent),
        FileRefusal::Fault(error) => Err(FormError::Fault(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use axum::http::header::CONTENT_TYPE;

    use super::*;

    const PIECE: usize = 64 * 1024;
    const PIECES: usize = 2000;

    /// A form that begins so and then goes on and on, and how many pieces of it were asked for.
    async fn endless(beginning: &'static str, deposit: ByteSize) -> (Incoming, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let pieces = stream::iter(0..PIECES).map(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; PIECE]))
        });
        let body = Body::from_stream(stream::iter([Ok(Bytes::from(beginning))]).chain(pieces));
        let form = "multipart/form-data; boundary=B";
        let request = Request::builder().header(CONTENT_TYPE, form).body(body).unwrap();
        (Incoming::of(request, deposit).await.unwrap(), asked)
    }

    #[tokio::test]
    async fn what_never_becomes_a_part_is_not_kept() {
        for beginning in ["", "--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\""] {
            let (mut incoming, asked) = endless(beginning, ByteSize::mebibytes(2048)).await;
            let Err(FormError::Unreadable) = incoming.next_part().await.map(drop) else {
                panic!("{beginning:?}: told as something else")
            };
            let held = asked.load(Ordering::Relaxed) * PIECE;
            assert!(held as u64 <= HELD_MAX_BYTES + PIECE as u64, "{beginning:?}: {held} bytes were kept");
        }
    }

    #[tokio::test]
    async fn a_large_file_from_a_fast_sender_goes_through_in_small_pieces_up_to_the_limit() {
        let beginning = "--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a\"\r\n\r\n";
        let (mut incoming, asked) = endless(beginning, ByteSize::mebibytes(16)).await;
        let mut part = incoming.next_part().await.unwrap().unwrap();
        let mut taken = 0;
        let error = loop {
            match part.chunk().await {
                Ok(chunk) => taken += chunk.unwrap().len(),
                Err(error) => break error,
            }
            let held = asked.load(Ordering::Relaxed) * PIECE - taken;
            assert!(held as u64 <= HELD_MAX_BYTES + PIECE as u64, "{held} bytes were kept");
        };
        assert!(matches!(error, FormError::TooLarge), "{error:?} after {taken}");
        let limit = form_limit(ByteSize::mebibytes(16));
        assert!(taken as u64 <= limit && taken as u64 > limit - 2 * HELD_MAX_BYTES, "{taken} of {limit}");
    }
}
