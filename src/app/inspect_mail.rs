//! The files of a mail are judged before it is sealed, while its sender's server waits. What cannot be judged now is held;
//! of a mail with a refused file the original is not kept, only its digest (D8).

use zeroize::Zeroizing;

use super::inspect::{Look, count, logged};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Event, Object, Origin, Outcome};
use crate::content::{FileKind, RefusalCause};
use crate::mailbox::Mailbox;
use crate::message::ParsedMail;
use crate::transfer::{Check, HoldReason};
use crate::value::{Timestamp, TransferId};

/// What is known of the files of a mail.
pub(super) struct MailInspection {
    /// Of each file, in its order: its check, or why it is refused; none when it was not judged.
    pub files: Vec<Option<Result<Check, (FileKind, RefusalCause)>>>,
    /// Of its text, as of a file.
    pub text: Option<Result<Check, (FileKind, RefusalCause)>>,
    /// What is known of the mail as it came in; none when it was not judged.
    pub original: Option<Check>,
    /// Whether the mail as it came in is kept.
    pub keeps_original: bool,
    /// Why the mail is held, if it is.
    pub hold: Option<HoldReason>,
}

impl MailInspection {
    fn off(files: usize) -> Self {
        Self { files: vec![None; files], text: None, original: None, keeps_original: true, hold: None }
    }

    /// The events that tell of it.
    pub(super) fn events(
        &self,
        transfer: TransferId,
        mailbox: &Mailbox,
        at: Timestamp,
        origin: Origin,
    ) -> Vec<Event> {
        let told = std::iter::once(&self.text).chain(&self.files).zip(0..).filter_map(|(file, part)| {
            let (action, outcome) = match file.as_ref()? {
                Ok(_) => (Action::FileScanned, Outcome::Done),
                Err((_, cause)) => (Action::FileRefused, Outcome::Refused(logged(*cause))),
            };
            let object = Object::TransferPart { transfer, mailbox: mailbox.id, part };
            Some(event(at, Actor::System, action, object, outcome, origin))
        });
        told.collect()
    }
}

impl App {
    /// Judges the files of a mail, and the mail as a whole.
    pub(super) async fn inspect_mail(
        &self,
        parsed: &ParsedMail<'_>,
        original: &[u8],
        mailbox: &Mailbox,
    ) -> Result<MailInspection, AppError> {
        let mut inspection = MailInspection::off(parsed.attachments.len());
        if !self.inspects_files() {
            return Ok(inspection);
        }
        match self.inspect_text(parsed.text.as_bytes(), mailbox).await? {
            None => {}
            Some(Ok(judged)) => inspection.text = Some(judged),
            Some(Err(reason)) => {
                inspection.hold = Some(reason);
                return Ok(inspection);
            }
        }
        for (place, file) in parsed.attachments.iter().enumerate() {
            let look = Look::Walk { name: file.name.to_string(), scanned: None };
            let bytes = Zeroizing::new(file.bytes.to_vec());
            match self.inspect_bytes(bytes, look, self.file_policy(mailbox)).await? {
                Ok(judged) => {
                    count(&judged);
                    inspection.files[place] = Some(Check::of(judged));
                }
                Err(reason) => {
                    inspection.hold = Some(reason);
                    return Ok(inspection);
                }
            }
        }
        let is_refused = inspection.files.iter().chain([&inspection.text]).flatten().any(Result::is_err);
        if is_refused {
            inspection.keeps_original = false;
            return Ok(inspection);
        }
        let bytes = Zeroizing::new(original.to_vec());
        match self.inspect_bytes(bytes, Look::Whole(FileKind::Mail), self.file_policy(mailbox)).await? {
            Ok(judged) => {
                count(&judged);
                inspection.original = Check::of(judged).ok();
                inspection.keeps_original = inspection.original.is_some();
            }
            Err(reason) => inspection.hold = Some(reason),
        }
        Ok(inspection)
    }

    /// Judges a text that somebody typed: scanned like a file. None where nothing is scanned, or nothing was typed.
    pub(super) async fn inspect_text(
        &self,
        text: &[u8],
        mailbox: &Mailbox,
    ) -> Result<Option<JudgedText>, AppError> {
        if !self.inspects_files() || text.trim_ascii().is_empty() {
            return Ok(None);
        }
        let bytes = Zeroizing::new(text.to_vec());
        let look = Look::Whole(FileKind::Text);
        let inspected = self.inspect_bytes(bytes, look, self.file_policy(mailbox)).await?;
        Ok(Some(inspected.map(|inspection| {
            count(&inspection);
            Check::of(inspection)
        })))
    }
}

/// A text that was judged, or why it could not be.
pub(super) type JudgedText = Result<Result<Check, (FileKind, RefusalCause)>, HoldReason>;
