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
    /// What is known of the mail as it came in; none when it was not judged.
    pub original: Option<Check>,
    /// Whether the mail as it came in is kept.
    pub keeps_original: bool,
    /// Why the mail is held, if it is.
    pub hold: Option<HoldReason>,
}

impl MailInspection {
    fn off(files: usize) -> Self {
        Self { files: vec![None; files], original: None, keeps_original: true, hold: None }
    }

    /// The events that tell of it.
    pub(super) fn events(
        &self,
        transfer: TransferId,
        mailbox: &Mailbox,
        at: Timestamp,
        origin: Origin,
    ) -> Vec<Event> {
        let told = self.files.iter().zip(1..).filter_map(|(file, part)| {
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
        let is_refused = inspection.files.iter().flatten().any(Result::is_err);
        if is_refused {
            inspection.keeps_original = false;
            return Ok(inspection);
        }
        let bytes = Zeroizing::new(original.to_vec());
        match self.inspect_bytes(bytes, Look::Whole, self.file_policy(mailbox)).await? {
            Ok(judged) => {
                count(&judged);
                inspection.original = Check::of(judged).ok();
                inspection.keeps_original = inspection.original.is_some();
            }
            Err(reason) => inspection.hold = Some(reason),
        }
        Ok(inspection)
    }
}
