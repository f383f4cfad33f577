//! Reads the deposit form (RFC 7578) while it arrives: text fields are kept in memory under limits, files are sealed
//! as they stream. What is wrong with one file is said of that file, and the rest of the form is still read.

use axum::extract::multipart::{Field, Multipart, MultipartError};

use super::views::DraftProblem;
use crate::app::{App, AppError, DraftView, FileRefusal, SealedFile, Visitor};
use crate::mailbox::DepositLimits;
use crate::transfer::DraftError;
use crate::value::{DraftId, SecretBytes, Token};

/// The longest text of a field: a message, and room for whoever pastes too much and is told so.
const TEXT_MAX_BYTES: usize = 1024 * 1024;
/// How many fields a form has: its files, and a few.
const FIELDS_MAX: usize = 1000;
/// What may come beyond the files themselves.
const OVERHEAD_MAX_BYTES: u64 = 4 * 1024 * 1024;

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
}

/// A form that was read.
pub(super) struct DepositForm {
    pub title: String,
    pub message: SecretBytes,
    pub suggested_title: Option<String>,
    pub wish: Wish,
    pub sealed: Vec<SealedFile>,
    pub problems: Vec<DraftProblem>,
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
    /// A fault of ours.
    Fault(AppError),
}

impl From<MultipartError> for FormError {
    fn from(_: MultipartError) -> Self {
        Self::Unreadable
    }
}

/// Where the files of a form go.
pub(super) struct Target<'a> {
    pub app: &'a App,
    pub draft: DraftId,
    pub token: &'a Token,
    pub limits: DepositLimits,
    pub visitor: Visitor,
}

/// Reads a form.
pub(super) async fn read(target: &Target<'_>, mut multipart: Multipart) -> Result<DepositForm, FormError> {
    let mut form = DepositForm {
        title: String::new(),
        message: SecretBytes::default(),
        suggested_title: None,
        wish: Wish::Send,
        sealed: Vec::new(),
        problems: Vec::new(),
    };
    let mut left = target.limits.deposit.bytes().saturating_add(OVERHEAD_MAX_BYTES);
    for _ in 0..FIELDS_MAX {
        let Some(mut field) = multipart.next_field().await? else { return Ok(form) };
        match field.name().unwrap_or_default() {
            "files" => take_file(target, field, &mut form, &mut left).await?,
            "title" => form.title = text(&mut field, &mut left).await?,
            "message" => form.message = SecretBytes::new(text(&mut field, &mut left).await?.into_bytes()),
            "suggested_title" => form.suggested_title = Some(text(&mut field, &mut left).await?),
            "action" => match text(&mut field, &mut left).await?.as_str() {
                "add" => form.wish = Wish::Add,
                "accept_title" => form.wish = Wish::AcceptTitle,
                _ => form.wish = Wish::Send,
            },
            "remove" => {
                if let Ok(number) = text(&mut field, &mut left).await?.parse() {
                    form.wish = Wish::Remove(number);
                }
            }
            _ => {
                text(&mut field, &mut left).await?;
            }
        }
    }
    Err(FormError::TooLarge)
}

async fn text(field: &mut Field<'_>, left: &mut u64) -> Result<String, FormError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        *left = left.checked_sub(chunk.len() as u64).ok_or(FormError::TooLarge)?;
        if bytes.len() + chunk.len() > TEXT_MAX_BYTES {
            return Err(FormError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| FormError::Unreadable)
}

/// Takes one file. A refusal is noted and the rest of the file is read past, so that the form can go on.
async fn take_file(
    target: &Target<'_>,
    mut field: Field<'_>,
    form: &mut DepositForm,
    left: &mut u64,
) -> Result<(), FormError> {
    let name = field.file_name().unwrap_or_default().to_owned();
    let first = field.chunk().await?;
    if name.is_empty() && first.as_ref().is_none_or(bytes::Bytes::is_empty) {
        // An empty file field: the browser sends it when nothing was chosen.
        return Ok(());
    }
    let view = target.app.draft(target.draft, target.token).await.map_err(FormError::Fault)?;
    let outcome = seal_file(
        target.app,
        view.ok_or(FormError::NoDraft)?,
        &name,
        first,
        &mut field,
        left,
        target.visitor,
    );
    match outcome.await? {
        Ok(sealed) => form.sealed.push(sealed),
        Err(refusal) => {
            form.problems.push(problem_of(refusal, &name)?);
            while let Some(chunk) = field.chunk().await? {
                *left = left.checked_sub(chunk.len() as u64).ok_or(FormError::TooLarge)?;
            }
        }
    }
    Ok(())
}

async fn seal_file(
    app: &App,
    view: DraftView,
    name: &str,
    first: Option<bytes::Bytes>,
    field: &mut Field<'_>,
    left: &mut u64,
    visitor: Visitor,
) -> Result<Result<SealedFile, FileRefusal>, FormError> {
    let mut sealing = match app.begin_file(view, name, visitor).await {
        Ok(sealing) => sealing,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut next = first;
    while let Some(chunk) = next {
        *left = left.checked_sub(chunk.len() as u64).ok_or(FormError::TooLarge)?;
        if let Err(refusal) = sealing.push(&chunk).await {
            return Ok(Err(refusal));
        }
        next = field.chunk().await?;
    }
    Ok(sealing.finish().await)
}

fn problem_of(refusal: FileRefusal, name: &str) -> Result<DraftProblem, FormError> {
    let name = name.to_owned();
    match refusal {
        FileRefusal::Empty => Ok(DraftProblem::FileEmpty { name }),
        FileRefusal::Draft(DraftError::FileTooLarge { limit, .. }) => {
            Ok(DraftProblem::FileTooLarge { name, limit })
        }
        FileRefusal::Draft(DraftError::DepositTooLarge { limit, .. }) => {
            Ok(DraftProblem::TotalTooLarge { limit })
        }
        FileRefusal::Draft(DraftError::TooManyFiles { limit }) => Ok(DraftProblem::TooManyFiles { limit }),
        FileRefusal::Draft(DraftError::AlreadySent) => Err(FormError::NoDraft),
        FileRefusal::Fault(error) => Err(FormError::Fault(error)),
    }
}
